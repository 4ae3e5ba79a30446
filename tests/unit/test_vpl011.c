/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/vpl011.c kernel/dev/pl011.c kernel/console.c kernel/fmt.c tests/host/arch_host.c */
/* The virtual PL011; and the driver of the physical one, with the virtual one as the hardware under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch_host.h"
#include "dev/pl011.h"
#include "dev/vpl011.h"

enum { DR = 0, RSR = 4, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38 };
enum { RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48, PID0 = 0xfe0 };
enum { RX = 1 << 4, TX = 1 << 5, RT = 1 << 6, OE = 1 << 10 };

static char screen[256];
static size_t shown;
static struct vpl011 u;
static struct console_line line;
static uint32_t fr_or;   /* flags that the hardware under the driver shows on top */
static unsigned fr_busy; /* for so many reads of FR */

static void screen_put(char c)
{
    assert_true(shown < sizeof(screen) - 1);
    screen[shown++] = c;
    screen[shown] = 0;
}

static void hardware(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    (void)model;
    assert_int_equal(width, 4);
    if (write) {
        vpl011_write(&u, (uint32_t)off, (uint32_t)*value);
        return;
    }
    *value = vpl011_read(&u, (uint32_t)off);
    if (off == FR && fr_busy) {
        *value |= fr_or;
        fr_busy--;
    }
}

static const mmio_t uart = {.access = hardware};

static int setup(void **state)
{
    (void)state;
    memset(&u, 0x55, sizeof(u));
    u.lock = (struct lock){0};
    line = (struct console_line){.name = "linux"};
    shown = 0;
    fr_busy = 0;
    arch_host_reset();
    console_init(screen_put);
    vpl011_reset(&u, &line);
    return 0;
}

static void reset_values(void **state)
{
    static const struct {
        uint32_t off, value;
    } want[] = {
        {DR, 0},       {RSR, 0},      {FR, 0x97},    {IBRD, 0},   {FBRD, 0},       {LCR_H, 0},    {CR, 0x300},
        {IFLS, 0x12},  {IMSC, 0},     {RIS, 0},      {MIS, 0},    {DMACR, 0},      {0x80, 0},     {0xfdc, 0},
        {0xfe0, 0x11}, {0xfe4, 0x10}, {0xfe8, 0x34}, {0xfec, 0},  {0xff0, 0x0d},   {0xff4, 0xf0}, {0xff8, 5},
        {0xffc, 0xb1}, {0xffd, 0},    {1, 0},        {0x1000, 0}, {UINT32_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_int_equal(vpl011_read(&u, want[i].off), want[i].value);
    assert_false(vpl011_irq_level(&u));
}

static void registers_keep_their_bits(void **state)
{
    static const struct {
        uint32_t off, mask;
    } keep[] = {{IBRD, 0xffff}, {FBRD, 0x3f}, {LCR_H, 0xff}, {CR, 0xff87}, {IFLS, 0x3f}, {IMSC, 0x7ff}};

    (void)state;
    for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
        vpl011_write(&u, keep[i].off, UINT32_MAX);
        assert_int_equal(vpl011_read(&u, keep[i].off), keep[i].mask);
    }
    for (uint32_t off = FR; off <= 0x1000; off += 4) {
        if (off < IBRD || off > IMSC)
            vpl011_write(&u, off, UINT32_MAX);
    }
    assert_int_equal(vpl011_read(&u, FR), 0x97);
    assert_int_equal(vpl011_read(&u, RIS), 0);
    assert_int_equal(vpl011_read(&u, DMACR), 0);
    assert_int_equal(vpl011_read(&u, PID0), 0x11);
}

static void transmit(void **state)
{
    (void)state;
    vpl011_write(&u, DR, 'h');
    vpl011_write(&u, DR, 0xffffff00u | 'i');
    vpl011_write(&u, DR, '\n');
    assert_string_equal(screen, "[linux] hi\r\n");
    assert_int_equal(vpl011_read(&u, RIS), TX);
    assert_false(vpl011_irq_level(&u));
    vpl011_write(&u, IMSC, TX);
    assert_true(vpl011_irq_level(&u));
    assert_int_equal(vpl011_read(&u, MIS), TX);
    vpl011_write(&u, ICR, TX);
    assert_false(vpl011_irq_level(&u));
}

static void receive(void **state)
{
    (void)state;
    vpl011_write(&u, LCR_H, 0x70);
    vpl011_write(&u, IMSC, RT);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 15; i++)
            vpl011_receive(&u, (char)i);
        assert_int_equal(vpl011_read(&u, RIS), RT);
        vpl011_receive(&u, 15);
        assert_int_equal(vpl011_read(&u, RIS), RT | RX);
        vpl011_write(&u, ICR, 0x7ff); /* what is there stays there */
        assert_true(vpl011_irq_level(&u));
        assert_int_equal(vpl011_read(&u, DR), 0);
        assert_int_equal(vpl011_read(&u, RIS), RT);
        for (uint32_t i = 1; i < 16; i++) {
            assert_true(vpl011_irq_level(&u));
            assert_int_equal(vpl011_read(&u, FR) & 0x10, 0);
            assert_int_equal(vpl011_read(&u, DR), i);
        }
        assert_false(vpl011_irq_level(&u));
        assert_int_equal(vpl011_read(&u, FR) & 0x10, 0x10);
    }
}

static void trigger_level(void **state)
{
    static const uint8_t want[8] = {4, 8, 16, 24, 28, 28, 28, 28};

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        vpl011_write(&u, LCR_H, 0x60);
        vpl011_write(&u, LCR_H, 0x70);
        vpl011_write(&u, IFLS, i << 3);
        for (int k = 1; k <= 32; k++) {
            vpl011_receive(&u, 'x');
            assert_int_equal((vpl011_read(&u, RIS) & RX) != 0, k >= want[i]);
        }
    }
    vpl011_write(&u, LCR_H, 0x60); /* off: emptied, and one byte is enough */
    assert_int_equal(vpl011_read(&u, RIS), 0);
    vpl011_receive(&u, 'x');
    assert_int_equal(vpl011_read(&u, RIS), RX | RT);
}

static void overrun(void **state)
{
    (void)state;
    vpl011_write(&u, LCR_H, 0x70);
    for (uint32_t i = 0; i < 33; i++) {
        assert_int_equal(vpl011_read(&u, RIS) & OE, 0);
        vpl011_receive(&u, (char)i);
    }
    assert_int_equal(vpl011_read(&u, FR) & 0x40, 0x40);
    assert_int_equal(vpl011_read(&u, RIS), RX | RT | OE);
    assert_int_equal(vpl011_read(&u, RSR), 8);
    assert_int_equal(vpl011_read(&u, DR), 0x800);
    for (uint32_t i = 1; i < 32; i++)
        assert_int_equal(vpl011_read(&u, DR), i);
    assert_int_equal(vpl011_read(&u, RIS), OE);
    vpl011_write(&u, ICR, OE);
    assert_int_equal(vpl011_read(&u, RIS), 0);
    for (uint32_t i = 0; i < 33; i++)
        vpl011_receive(&u, 'x');
    vpl011_write(&u, RSR, 0);
    assert_int_equal(vpl011_read(&u, RSR), 0);
    vpl011_reset(&u, &line);
    assert_int_equal(vpl011_read(&u, FR), 0x97);
}

static void driver_init(void **state)
{
    (void)state;
    vpl011_write(&u, IBRD, 13);
    vpl011_write(&u, FBRD, 1);
    vpl011_write(&u, CR, 0x8c81);
    vpl011_receive(&u, 'o');
    pl011_init(uart);
    assert_int_equal(vpl011_read(&u, IBRD), 13);
    assert_int_equal(vpl011_read(&u, FBRD), 1);
    assert_int_equal(vpl011_read(&u, LCR_H), 0x70);
    assert_int_equal(vpl011_read(&u, CR), 0x8f01);
    assert_int_equal(vpl011_read(&u, IMSC), RX | RT);
    assert_false(vpl011_irq_level(&u));
}

static void driver_moves_bytes(void **state)
{
    char c = 0;

    (void)state;
    pl011_init(uart);
    assert_false(pl011_get(uart, &c));
    vpl011_receive(&u, 'q');
    assert_true(pl011_get(uart, &c));
    assert_int_equal(c, 'q');
    fr_or = 1 << 5; /* TXFF for a while */
    fr_busy = 3;
    pl011_put(uart, 'x');
    pl011_put(uart, '\n');
    assert_string_equal(screen, "[linux] x\r\n");
}

static void driver_gives_up(void **state)
{
    uint64_t waited;

    (void)state;
    pl011_init(uart);
    fr_or = 1 << 5;
    fr_busy = UINT32_MAX;
    pl011_put(uart, 'x');
    waited = arch_host.ticks;
    assert_in_range(waited, arch_host.ticks_hz / 100, arch_host.ticks_hz / 10);
    for (int i = 0; i < 100; i++)
        pl011_put(uart, 'x'); /* lost at once */
    assert_int_equal(arch_host.ticks, waited);
    assert_int_equal(shown, 0);
    fr_busy = 0;
    pl011_put(uart, 'y');
    pl011_put(uart, '\n');
    assert_string_equal(screen, "[linux] y\r\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(reset_values), T(registers_keep_their_bits), T(transmit),        T(receive), T(trigger_level), T(overrun),
        T(driver_init),  T(driver_moves_bytes),        T(driver_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
