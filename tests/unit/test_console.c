/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/console.c kernel/fmt.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "console.h"

static char screen[1 << 16];
static size_t shown;

static void screen_put(char c)
{
    assert_true(shown < sizeof(screen) - 1);
    screen[shown++] = c;
    screen[shown] = 0;
}

static void screen_clear(void)
{
    shown = 0;
    screen[0] = 0;
}

static struct console_line linux_line, prober;
static struct console_line *const lines[] = {&linux_line, &prober};

static int setup(void **state)
{
    (void)state;
    linux_line = (struct console_line){.name = "linux"};
    prober = (struct console_line){.name = "prober"};
    console_init(NULL);
    console_partitions(lines, 2);
    console_init(screen_put);
    screen_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    console_partitions(NULL, 0);
    return 0;
}

static void put(struct console_line *l, const char *s)
{
    while (*s)
        console_put(l, *s++);
}

/* What the screen has got since the last time. */
static void expect(const char *s)
{
    assert_string_equal(screen, s);
    screen_clear();
}

static void start_tells_focus(void **state)
{
    (void)state;
    console_partitions(lines, 2);
    expect("[mullion] input goes to linux (Ctrl-A three times: next)\r\n");
    assert_int_equal(console_input('x'), 0);
}

static void nobody_gets_input(void **state)
{
    (void)state;
    console_partitions(NULL, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(console_input(1), -1);
    put(&linux_line, "early\n");
    expect("[linux] early\r\n");
}

static void focus_line_grows(void **state)
{
    (void)state;
    put(&linux_line, "a");
    expect("[linux] a");
    put(&linux_line, "bc\r\n");
    expect("bc\r\n");
    put(&linux_line, "\n");
    expect("[linux] \r\n");
}

static void other_line_waits(void **state)
{
    (void)state;
    put(&prober, "half");
    expect("");
    put(&prober, " done\n");
    expect("[prober] half done\r\n");
}

static void live_line_broken_off(void **state)
{
    (void)state;
    put(&linux_line, "~ # ");
    put(&prober, "p\n");
    log_line("%s %u", "word", 7u);
    put(&linux_line, "ls\n");
    expect("[linux] ~ # \r\n[prober] p\r\n[linux] ~ # \r\n[mullion] word 7\r\n[linux] ~ # ls\r\n");
}

static void flush_shows_rest(void **state)
{
    (void)state;
    put(&prober, "last words");
    console_flush(&prober);
    console_flush(&prober);
    expect("[prober] last words\r\n");
    put(&linux_line, "x\b");
    console_flush(&linux_line);
    expect("[linux] x\b \b\r\n");
    put(&linux_line, "\033[3");
    console_flush(&linux_line);
    put(&linux_line, "1m\n");
    expect("[linux] 1m\r\n");
}

static void long_line_in_pieces(void **state)
{
    char want[1024] = "";
    struct console_line *both[] = {&prober, &linux_line};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct console_line *l = both[k];
        char *w = want;

        for (int i = 0; i < 2 * CONSOLE_LINE + 5; i++)
            console_put(l, (char)('a' + i % 26));
        put(l, "\n");
        for (int i = 0; i < 2 * CONSOLE_LINE + 5; i++) {
            if (i % CONSOLE_LINE == 0) {
                w += fmt_print(w, 64, "%s[%s] ", i ? "\r\n" : "", l->name);
            }
            *w++ = (char)('a' + i % 26);
        }
        memcpy(w, "\r\n", 3);
        expect(want);
    }
}

static void hostile_bytes(void **state)
{
    (void)state;
    put(&prober, "a\033[2J\033[1;1Hb\033(Bc\033Md\ae\x01\x7f\tf\r[mullion] g\n");
    expect("[prober] abcde..\tf[mullion] g\r\n");
    /* A sequence that never ends swallows no line end; a new ESC starts anew; names of others stay. */
    put(&prober, "\033[99999;\nx\033\033[Ky\033\xc3\xa9\n");
    expect("[prober] \r\n[prober] xy\xc3\xa9\r\n");
    /* U+009b is CSI as well; a stray 9b is in eight-bit terminals. */
    put(&prober, "\xc2\x9bZ\x9b\xe2\x94\x80\xc3\x9b\n");
    expect("[prober] \xc2.Z.\xe2\x94\x80\xc3\x9b\r\n");
    for (int c = 0; c < 256; c++)
        console_put(&prober, (char)c);
    console_flush(&prober);
    for (size_t i = 0; i < shown; i++) {
        uint8_t c = (uint8_t)screen[i];

        assert_true((c >= ' ' && c != 0x7f) || c == '\t' || c == '\r' || c == '\n');
    }
}

static void log_is_cleaned_and_bounded(void **state)
{
    char text[600];

    (void)state;
    log_line("bad \"%s\"", "x\033[2J\n\xff");
    expect("[mullion] bad \"x.[2J..\"\r\n");
    memset(text, 'y', sizeof(text));
    text[383] = 0; /* as long as a diagnosis can be */
    log_line("%s", text);
    assert_int_equal(shown, 10 + 383 + 2);
    screen_clear();
    text[383] = 'y';
    text[599] = 0;
    log_line("%s", text);
    assert_int_equal(shown, 10 + 383 + 2);
}

static void backspace(void **state)
{
    (void)state;
    put(&linux_line, "\b\bab\b\b\b\b");
    expect("[linux] ab\b \b\b \b");
    put(&linux_line, "c\033[Jd\n");
    expect("cd\r\n");
    put(&prober, "ab\bc\n");
    expect("[prober] ac\r\n");
    /* Of unknown width: the row is drawn anew, whole characters go. */
    put(&linux_line, "x\xcc\xb8\b");
    expect("[linux] x\xcc\xb8\r\033[K[linux] x");
    put(&linux_line, "\t\b\b\b");
    expect("\t\r\033[K[linux] x\b \b");
}

static void focus_moves_on(void **state)
{
    (void)state;
    put(&linux_line, "~ # ");
    put(&prober, "name? ");
    screen_clear();
    assert_int_equal(console_input(1), 0);
    assert_int_equal(console_input(1), 0);
    assert_int_equal(console_input('b'), 0);
    assert_int_equal(console_input(1), 0);
    assert_int_equal(console_input(1), 0);
    assert_int_equal(console_input(1), -1);
    expect("\r\n[mullion] input goes to prober (Ctrl-A three times: next)\r\n[prober] name? ");
    assert_int_equal(console_input('x'), 1);
    put(&linux_line, "done\n");
    expect("\r\n[linux] ~ # done\r\n[prober] name? ");
    for (int i = 0; i < 3; i++)
        (void)console_input(1);
    assert_int_equal(console_input(1), 0);
}

static void without_uart(void **state)
{
    (void)state;
    console_init(NULL);
    put(&linux_line, "x\n");
    log_line("y");
    expect("");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(start_tells_focus),          T(nobody_gets_input), T(focus_line_grows),    T(other_line_waits),
        T(live_line_broken_off),       T(flush_shows_rest),  T(long_line_in_pieces), T(hostile_bytes),
        T(log_is_cleaned_and_bounded), T(backspace),         T(focus_moves_on),      T(without_uart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
