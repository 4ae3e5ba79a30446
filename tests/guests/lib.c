/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <stdarg.h>
#include <string.h>

/* -- console -- */

static void print_number(uint64_t v, unsigned base, unsigned width)
{
    char b[24];
    unsigned n = 0;

    do {
        b[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0 || n < width);
    while (n > 0)
        print_char(b[--n]);
}

static void print_string(const char *s)
{
    for (; *s != 0; s++) {
        if (*s == '\n')
            print_char('\r');
        print_char(*s);
    }
}

void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    for (; *fmt != 0; fmt++) {
        unsigned width = 0;
        if (*fmt != '%') {
            print_string((const char[]){*fmt, 0});
            continue;
        }
        fmt++;
        if (*fmt == '0') {
            width = (unsigned)(fmt[1] - '0');
            fmt += 2;
        }
        bool wide = *fmt == 'l';
        fmt += wide;
        switch (*fmt) {
        case 's':
            print_string(va_arg(ap, const char *));
            break;
        case 'c':
            print_char((char)va_arg(ap, int));
            break;
        case 'u':
            print_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 10, width);
            break;
        case 'x':
            print_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 16, width);
            break;
        default:
            print_char('%');
            break;
        }
    }
    va_end(ap);
}

/* -- calls -- */

uint64_t info(uint64_t item)
{
    struct call c = hypercall(MULLION_INFO, item, 0, 0);
    return (int64_t)c.x0 == MULLION_OK ? c.x1 : UINT64_MAX;
}

/* -- helpers; the compiler needs the two mem functions -- */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *p, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)c;
    return p;
}

uint64_t random64(void)
{
    static uint64_t s = 0x9e3779b97f4a7c15u; /* xorshift64 */

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}

void fill(void *p, uint8_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)p)[i] = (uint8_t)(first + i);
}

bool same(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return false;
    return true;
}
