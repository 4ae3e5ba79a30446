/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"
#include "diag.h"
#include "lock.h"

#include <string.h>

#define CTRL_A   0x01
#define SWITCH_N 3

/* ECMA-48 5.3-5.4: ESC, intermediates 20-2f, one final byte; after ESC [ parameters 20-3f, final 40-7e. */
enum escape { ESCAPE_NONE, ESCAPE_SHORT, ESCAPE_CSI };

static struct {
    struct lock lock;
    bool broken; /* a CPU failed, perhaps with the lock: nobody waits for it any more */
    void (*put)(char);
    struct console_line *const *line;
    uint32_t count, focus;
    uint32_t ctrl_a;                           /* received in a row */
    struct console_line *live;                 /* the line in focus while a part of it is on the screen */
    char text[sizeof((struct diag *)0)->text]; /* log_line's: holds any diagnosis whole */
} con;

static void con_take(void)
{
    if (!con.broken)
        lock_take(&con.lock);
}

static void con_give(void)
{
    if (!con.broken)
        lock_give(&con.lock);
}

static void send(const char *s, size_t n)
{
    if (!con.put)
        return;
    for (size_t i = 0; i < n; i++)
        con.put(s[i]);
}

static void send_end(void)
{
    send("\r\n", 2);
}

static void send_line(const char *name, const char *text, size_t n)
{
    send("[", 1);
    send(name, strlen(name));
    send("] ", 2);
    send(text, n);
}

/* A whole line between break and resume of the live one. */
static void show_whole(const char *name, const char *text, size_t n)
{
    if (con.live)
        send_end();
    send_line(name, text, n);
    send_end();
    if (con.live)
        send_line(con.live->name, con.live->text, con.live->len);
}

/* Format the hypervisor's line; text from outside may be part of it. */
static void __attribute__((format(printf, 1, 0))) say_v(const char *fmt, va_list ap)
{
    size_t n = fmt_vprint(con.text, sizeof(con.text), fmt, ap);

    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)con.text[i] < ' ' || (uint8_t)con.text[i] > '~')
            con.text[i] = '.';
    }
    show_whole("mullion", con.text, n);
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_v(fmt, ap);
    va_end(ap);
}

void log_line(const char *fmt, ...)
{
    va_list ap;

    con_take();
    va_start(ap, fmt);
    say_v(fmt, ap);
    va_end(ap);
    con_give();
}

static void line_make_live(struct console_line *l)
{
    l->live = true;
    con.live = l;
    send_line(l->name, l->text, l->len);
}

/* The screen goes on in the next row; the text is kept. */
static void live_break(void)
{
    if (!con.live)
        return;
    send_end();
    con.live->live = false;
    con.live = NULL;
}

static void line_end(struct console_line *l)
{
    if (l->live)
        live_break();
    else
        show_whole(l->name, l->text, l->len);
    l->len = 0;
}

static void line_append(struct console_line *l, char c)
{
    if (l->len == CONSOLE_LINE)
        line_end(l);
    l->text[l->len++] = c;
    if (l->live)
        send(&c, 1);
    else if (con.count && con.line[con.focus] == l)
        line_make_live(l);
}

/*
 * Take the last character away. Only printable ASCII is surely one column wide: behind anything else
 * the row is drawn anew, so that no count of backspaces gets the cursor into the name.
 */
static void line_erase(struct console_line *l)
{
    uint8_t c;

    if (!l->len)
        return;
    do {
        c = (uint8_t)l->text[--l->len];
    } while (c >= 0x80 && c < 0xc0 && l->len);
    if (!l->live)
        return;
    if (c >= ' ' && c < 0x80) {
        send("\b \b", 3);
    } else {
        send("\r\033[K", 4);
        send_line(l->name, l->text, l->len);
    }
}

/* Does c belong to an escape sequence? Another control character ends one and counts for itself. */
static bool line_escape(struct console_line *l, uint8_t c)
{
    if (c == '\033') {
        l->escape = ESCAPE_SHORT;
        return true;
    }
    if (l->escape == ESCAPE_NONE)
        return false;
    if (c < ' ' || c > '~') {
        l->escape = ESCAPE_NONE;
        return false;
    }
    if (l->escape == ESCAPE_SHORT && c == '[')
        l->escape = ESCAPE_CSI;
    else if (c >= (l->escape == ESCAPE_CSI ? 0x40 : 0x30))
        l->escape = ESCAPE_NONE;
    return true;
}

/*
 * U+0080..U+009f (c2 80 .. c2 9f) are control characters too, among them an escape of their own; bytes 80..9f
 * pass only where they go on with another character.
 */
static bool byte_is_shown(const struct console_line *l, uint8_t c)
{
    uint8_t before = l->len ? (uint8_t)l->text[l->len - 1] : 0;

    if (c >= 0x80 && c < 0xa0)
        return before >= 0x80 && before != 0xc2;
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

void console_put(struct console_line *l, char c)
{
    con_take();
    if (line_escape(l, (uint8_t)c) || c == '\r' || c == '\a')
        ;
    else if (c == '\n')
        line_end(l);
    else if (c == '\b')
        line_erase(l);
    else
        line_append(l, byte_is_shown(l, (uint8_t)c) ? c : '.');
    con_give();
}

void console_flush(struct console_line *l)
{
    con_take();
    if (l->len || l->live)
        line_end(l);
    l->escape = ESCAPE_NONE;
    con_give();
}

void console_init(void (*put)(char))
{
    con_take();
    con.put = put;
    con_give();
}

static void focus_set(uint32_t i)
{
    struct console_line *l = con.line[i];

    live_break();
    con.focus = i;
    con.ctrl_a = 0;
    say("input goes to %s (Ctrl-A three times: next)", l->name);
    if (l->len)
        line_make_live(l);
}

void console_partitions(struct console_line *const *lines, uint32_t count)
{
    con_take();
    live_break();
    con.line = lines;
    con.count = count;
    if (count)
        focus_set(0);
    con_give();
}

int32_t console_input(char c)
{
    int32_t to = -1;

    con_take();
    con.ctrl_a = c == CTRL_A ? con.ctrl_a + 1 : 0;
    if (!con.count)
        con.ctrl_a = 0;
    else if (con.ctrl_a == SWITCH_N)
        focus_set((con.focus + 1) % con.count);
    else
        to = (int32_t)con.focus;
    con_give();
    return to;
}

void console_break(void)
{
    con.broken = true;
}
