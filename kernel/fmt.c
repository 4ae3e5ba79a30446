/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct out {
    char *buf;
    size_t room; /* without the NUL */
    size_t len;
};

/* One conversion: %[0][width][.precision][l|ll|z]type */
struct spec {
    bool zero;
    unsigned width;
    size_t precision; /* SIZE_MAX: none */
    enum { SIZE_INT, SIZE_LONG, SIZE_LONG_LONG, SIZE_Z } size;
};

static void out_char(struct out *o, char c)
{
    if (o->len < o->room)
        o->buf[o->len++] = c;
}

static void out_field(struct out *o, const struct spec *s, char sign, const char *text, size_t len)
{
    size_t used = len + (sign != 0);
    size_t pad = s->width > used ? s->width - used : 0;

    if (sign && s->zero)
        out_char(o, sign);
    for (; pad; pad--)
        out_char(o, s->zero ? '0' : ' ');
    if (sign && !s->zero)
        out_char(o, sign);
    for (size_t i = 0; i < len; i++)
        out_char(o, text[i]);
}

static void out_number(struct out *o, const struct spec *s, char sign, uint64_t v, unsigned base)
{
    char digits[20]; /* 2^64 - 1 in decimal */
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    out_field(o, s, sign, digits + at, sizeof digits - at);
}

static void out_string(struct out *o, struct spec *s, const char *text)
{
    size_t len = 0;

    if (!text)
        text = "(none)";
    while (len < s->precision && text[len])
        len++;
    s->zero = false;
    out_field(o, s, 0, text, len);
}

static const char *spec_parse(const char *f, struct spec *s, va_list *ap)
{
    *s = (struct spec){.precision = SIZE_MAX};
    for (; *f == '0'; f++)
        s->zero = true;
    for (; *f >= '0' && *f <= '9'; f++)
        s->width = s->width < 1000 ? s->width * 10 + (unsigned)(*f - '0') : s->width;
    if (*f == '.' && f[1] == '*') {
        int n = va_arg(*ap, int);

        s->precision = n < 0 ? SIZE_MAX : (size_t)n;
        f += 2;
    } else if (*f == '.') {
        s->precision = 0;
        for (f++; *f >= '0' && *f <= '9'; f++)
            s->precision = s->precision < 1000 ? s->precision * 10 + (size_t)(*f - '0') : s->precision;
    }
    if (*f == 'z') {
        s->size = SIZE_Z;
        return f + 1;
    }
    if (*f == 'l') {
        s->size = SIZE_LONG;
        f++;
    }
    if (*f == 'l') {
        s->size = SIZE_LONG_LONG;
        f++;
    }
    return f;
}

static uint64_t arg_unsigned(const struct spec *s, va_list *ap)
{
    switch (s->size) {
    case SIZE_LONG:
        return va_arg(*ap, unsigned long);
    case SIZE_LONG_LONG:
        return va_arg(*ap, unsigned long long);
    case SIZE_Z:
        return va_arg(*ap, size_t);
    default:
        return va_arg(*ap, unsigned);
    }
}

static int64_t arg_signed(const struct spec *s, va_list *ap)
{
    switch (s->size) {
    case SIZE_LONG:
        return va_arg(*ap, long);
    case SIZE_LONG_LONG:
    case SIZE_Z:
        return va_arg(*ap, long long);
    default:
        return va_arg(*ap, int);
    }
}

static void out_spec(struct out *o, char type, struct spec *s, va_list *ap)
{
    int64_t v;

    switch (type) {
    case 'd':
        v = arg_signed(s, ap);
        out_number(o, s, v < 0 ? '-' : 0, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
        break;
    case 'u':
        out_number(o, s, 0, arg_unsigned(s, ap), 10);
        break;
    case 'x':
        out_number(o, s, 0, arg_unsigned(s, ap), 16);
        break;
    case 's':
        out_string(o, s, va_arg(*ap, const char *));
        break;
    case 'c':
        out_char(o, (char)va_arg(*ap, int));
        break;
    default: /* also %%; an unknown type shows itself */
        out_char(o, type);
        break;
    }
}

size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {.buf = buf, .room = size ? size - 1 : 0};
    va_list args;

    va_copy(args, ap);
    while (*fmt) {
        struct spec s;

        if (*fmt != '%') {
            out_char(&o, *fmt++);
            continue;
        }
        fmt = spec_parse(fmt + 1, &s, &args);
        if (*fmt)
            out_spec(&o, *fmt++, &s, &args);
    }
    va_end(args);
    if (size)
        buf[o.len] = '\0';
    return o.len;
}

size_t fmt_print(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t len;

    va_start(ap, fmt);
    len = fmt_vprint(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
