/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/ns16550.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch_host.h"
#include "arch_io.h"
#include "dev/ns16550.h"

#define PORT 0x2f8

/* A 16550 of few words. */
static struct {
    bool absent;
    uint8_t reg[8];
    char sent[8];
    unsigned sends;
    unsigned falls; /* of its interrupt line */
    unsigned busy;  /* times that it has no room yet */
    const char *in; /* what it has received */
} uart;

static void model(uint16_t port, unsigned width, int write, uint32_t *value)
{
    unsigned r = port - PORT;

    assert_int_equal(width, 1);
    assert_true(r < 8);
    if (uart.absent) {
        *value = 0xff;
    } else if (write && r == 0) {
        assert_int_equal(uart.reg[3] & 0x80, 0);
        uart.sent[uart.sends++ % sizeof uart.sent] = (char)*value;
    } else if (write) {
        uart.falls += r == 1 && *value == 0;
        uart.reg[r] = (uint8_t)*value;
    } else if (r == 0) {
        *value = (uint8_t)*uart.in++;
    } else if (r == 5) {
        *value = (uart.in && *uart.in ? 1u : 0) | (uart.busy ? 0 : 0x60u);
        uart.busy -= uart.busy != 0;
    } else {
        *value = uart.reg[r];
    }
}

void (*arch_host_port)(uint16_t port, unsigned width, int write, uint32_t *value) = model;

static int start(void **state)
{
    (void)state;
    arch_host_reset();
    memset(&uart, 0, sizeof uart);
    memset(uart.reg, 0xff, sizeof uart.reg);
    return ns16550_init(PORT) ? 0 : 1;
}

/* PC16550D, 8.0: 8N1 with DLAB off, no interrupt, FIFOs on and emptied, DTR, RTS, OUT2. */
static void test_init(void **state)
{
    (void)state;
    assert_int_equal(uart.reg[1], 0);
    assert_int_equal(uart.reg[2], 0x07);
    assert_int_equal(uart.reg[3], 0x03);
    assert_int_equal(uart.reg[4], 0x0b);
    uart.absent = true;
    assert_false(ns16550_init(PORT));
}

static void test_put(void **state)
{
    (void)state;
    ns16550_put(PORT, 'a');
    uart.busy = 5;
    ns16550_put(PORT, 'b');
    assert_int_equal(uart.sends, 2);
    assert_memory_equal(uart.sent, "ab", 2);
    assert_int_equal(arch_host.relaxes, 4);
}

/* It costs one wait of 20 ms, then none until it sends again. */
static void test_stuck(void **state)
{
    uint64_t since;

    (void)state;
    uart.busy = 1000000;
    since = arch_host.ticks;
    ns16550_put(PORT, 'a');
    assert_in_range(arch_host.ticks - since, arch_host.ticks_hz / 50, arch_host.ticks_hz / 50 + 10000);
    since = arch_host.ticks;
    ns16550_put(PORT, 'b');
    assert_int_equal(arch_host.ticks, since);
    uart.busy = 0;
    ns16550_put(PORT, 'c');
    assert_int_equal(uart.sends, 1);
    uart.busy = 3;
    ns16550_put(PORT, 'd');
    assert_int_equal(uart.sends, 2);
}

static void test_get(void **state)
{
    char c = 0;

    (void)state;
    assert_false(ns16550_get(PORT, &c));
    uart.in = "xy";
    assert_true(ns16550_get(PORT, &c));
    assert_int_equal(c, 'x');
    assert_true(ns16550_get(PORT, &c));
    assert_int_equal(c, 'y');
    assert_false(ns16550_get(PORT, &c));
}

/* The line falls before it rises. */
static void test_listen(void **state)
{
    (void)state;
    uart.reg[1] = 0xff;
    uart.falls = 0;
    ns16550_listen(PORT);
    assert_int_equal(uart.reg[1], 1);
    assert_int_equal(uart.falls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_init, start),   cmocka_unit_test_setup(test_put, start),
        cmocka_unit_test_setup(test_stuck, start),  cmocka_unit_test_setup(test_get, start),
        cmocka_unit_test_setup(test_listen, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
