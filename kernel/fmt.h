/* SPDX-License-Identifier: Apache-2.0 */
/* Text formatting for messages: a bounded subset of printf. */
#ifndef KERNEL_FMT_H
#define KERNEL_FMT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most size bytes, always NUL-terminated when size > 0; returns the number of
 * characters stored, without the NUL (never more than size - 1; 0 when size is 0).
 * Understands %% %c %s %.*s %d %u %x with width, zero padding, and l, ll, z. Pointers
 * to strings may be NULL ("(none)").
 */
size_t fmt_print(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

#endif
