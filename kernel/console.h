/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's console, shared line by line. Each line of a partition is shown with its name:
 *
 *   [linux] Run /init as init process
 *
 * A partition's line is collected and shown when it is complete; that of the partition in
 * focus is shown as it grows, so that a prompt and typed characters appear at once. When
 * another line must be shown meanwhile, the unfinished one is broken off and shown again.
 * Input goes to the partition in focus; Ctrl-A three times in a row moves the focus on.
 * One lock, the innermost of all, covers every function below.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "fmt.h"

#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_LINE 200

/* One writer of lines: a partition. Zeroed but for its name at the start. */
struct console_line {
    const char *name;
    uint16_t len;
    uint8_t escape; /* inside an escape sequence, which is swallowed */
    bool live;      /* is on the screen, unfinished */
    char text[CONSOLE_LINE];
};

/* Bytes go to put; NULL before the UART is known or when a partition owns it. */
void console_init(void (*put)(char));

/* The partitions that may be in focus, in order; the first one is. lines outlive the console. */
void console_partitions(struct console_line *const *lines, uint32_t count);

/*
 * One byte that a partition's UART sends. Printable ASCII, tab and UTF-8 are shown, LF ends the line,
 * backspace takes the last character away; CR, BEL and escape sequences vanish (with them a partition could
 * paint over the lines of another); any other control character is shown as '.'.
 */
void console_put(struct console_line *l, char c);

/* Show what is left of a line (partition stopped). */
void console_flush(struct console_line *l);

/* One received byte: index of the partition that gets it, or -1: the third Ctrl-A in a row, or nobody is
 * there. */
int32_t console_input(char c);

/* This CPU has failed and may have been inside the console: take its lock away, so that log_line can say why.
 */
void console_break(void);

/* The hypervisor's own line, "[mullion] ...". Thread-safe, never waits for anything unbounded. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
