/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/port_bus.c */
#include "arch/x86_64/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct vcpu {
    char log[128]; /* "r70.2 w71.1=5 ": what arrived, in order */
};

static void note(struct vcpu *v, const char *what, uint32_t port, unsigned width)
{
    char text[32];

    assert_true(snprintf(text, sizeof text, "%s%x.%u ", what, port, width) < (int)sizeof text);
    assert_true(strlen(v->log) + strlen(text) < sizeof v->log);
    strcat(v->log, text);
}

static uint32_t answer(struct vcpu *v, uint16_t port, unsigned width)
{
    note(v, "r", port, width);
    return 0xfedcba00u | (port & 0xff); /* more than is asked for */
}

static void take(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    char what[16];

    (void)snprintf(what, sizeof what, "w%x>", value);
    note(v, what, port, width);
}

static const struct port_range list[] = {
    {0x64, 0x64, NULL, take},     {0x70, 0x71, answer, take},     {0xcf9, 0xcf9, NULL, take},
    {0xcf8, 0xcff, answer, NULL}, {0xfffe, 0xffff, answer, take}, {0, 0, answer, take},
};
#define COUNT (sizeof list / sizeof *list)

static void reads(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        unsigned width;
        uint32_t value;
        const char *log;
    } cases[] = {
        {0x99, 1, 0xff, ""},
        {0x99, 2, 0xffff, ""},
        {0x99, 4, 0xffffffff, ""},
        {0x64, 1, 0xff, ""},
        {0x70, 1, 0x70, "r70.1 "},
        {0x70, 2, 0xba70, "r70.2 "},
        {0x6f, 2, 0x70ff, "r70.1 "},
        {0x71, 2, 0xff71, "r71.1 "},
        {0x6f, 4, 0xff7170ff, "r70.1 r71.1 "},
        {0xcf8, 4, 0xfedcbaf8, "rcf8.4 "},
        {0xcf9, 2, 0xbaf9, "rcf9.2 "},
        {0xcf9, 1, 0xff, ""}, /* the first range that has all of it */
        {0xffff, 1, 0xff, "rffff.1 "},
        {0xffff, 4, 0xffffffff, "rffff.1 "}, /* and nothing at 0 */
        {0xfffe, 4, 0xfffffffe, "rfffe.1 rffff.1 "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vcpu v = {""};
        uint32_t value = port_read(list, COUNT, &v, cases[i].port, cases[i].width);

        if (value != cases[i].value || strcmp(v.log, cases[i].log) != 0)
            fail_msg("case %zu: 0x%x, %s", i, value, v.log);
    }
}

static void writes(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        unsigned width;
        const char *log;
    } cases[] = {
        {0x99, 4, ""},          {0x64, 1, "w44>64.1 "},       {0x63, 2, "w33>64.1 "},
        {0x61, 4, "w11>64.1 "}, {0x70, 2, "w3344>70.2 "},     {0xcf9, 1, "w44>cf9.1 "},
        {0xcf8, 4, ""}, /* CF9 by access size: this is not the byte */
        {0xcf8, 2, ""},         {0xfffe, 2, "w3344>fffe.2 "}, {0xffff, 4, "w44>ffff.1 "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vcpu v = {""};

        port_write(list, COUNT, &v, cases[i].port, cases[i].width, 0x11223344);
        if (strcmp(v.log, cases[i].log) != 0)
            fail_msg("case %zu: %s", i, v.log);
    }
}

static void none_at_all(void **state)
{
    (void)state;
    struct vcpu v = {""};

    assert_int_equal(port_read(list, 0, &v, 0x70, 2), 0xffff);
    port_write(list, 0, &v, 0x70, 2, 0);
    assert_string_equal(v.log, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(writes),
        cmocka_unit_test(none_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
