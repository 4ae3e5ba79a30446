/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/v16550.c kernel/console.c kernel/fmt.c tests/host/arch_host.c */
/* The virtual 16550A, also as Linux' 8250 driver looks for one and empties and fills it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch_host.h"
#include "dev/v16550.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
enum { RDI = 1, THRI = 2, RLSI = 4, MSI = 8 };
enum { DTR = 1, RTS = 2, OUT1 = 4, OUT2 = 8, LOOP = 0x10, DLAB = 0x80 };

static char screen[512];
static size_t shown;
static struct v16550 u;
static struct console_line line;

static void screen_put(char c)
{
    assert_true(shown < sizeof screen - 1);
    screen[shown++] = c;
    screen[shown] = 0;
}

static unsigned in(unsigned off)
{
    return v16550_read(&u, off);
}

static void out(unsigned off, unsigned value)
{
    v16550_write(&u, off, (uint8_t)value);
}

static int setup(void **state)
{
    (void)state;
    memset(&u, 0x55, sizeof u);
    u.lock = (struct lock){0};
    line = (struct console_line){.name = "linux"};
    shown = 0;
    screen[0] = 0;
    arch_host_reset();
    console_init(screen_put);
    v16550_reset(&u, &line);
    return 0;
}

static void reset_values(void **state)
{
    static const uint8_t want[] = {0, 0, 1, 0, 0, 0x60, 0xb0, 0, 0xff, 0xff};

    (void)state;
    for (unsigned i = 0; i < sizeof want; i++)
        assert_int_equal(in(i), want[i]);
    assert_int_equal(v16550_read(&u, UINT32_MAX), 0xff);
    assert_false(v16550_irq_level(&u));
}

static void registers_keep_their_bits(void **state)
{
    static const struct {
        unsigned off, mask;
    } keep[] = {{IER, 0x0f}, {LCR, 0x7f}, {MCR, 0x1f}, {SCR, 0xff}};

    (void)state;
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
        out(keep[i].off, keep[i].off == LCR ? 0x7f : 0xff);
        assert_int_equal(in(keep[i].off), keep[i].mask);
    }
    setup(NULL);
    out(LSR, 0xff);
    out(MSR, 0xff);
    out(8, 0xff);
    v16550_write(&u, UINT32_MAX, 0xff);
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(MSR), 0xb0);
    out(LCR, DLAB | 3);
    out(DLL, 0x12);
    out(DLM, 0x34);
    assert_int_equal(in(DLL), 0x12);
    assert_int_equal(in(DLM), 0x34);
    out(LCR, 3);
    assert_int_equal(in(IER), 0);
    assert_int_equal(in(RBR), 0);
    assert_int_equal(shown, 0); /* the divisor was not sent */
}

static void transmit(void **state)
{
    (void)state;
    out(THR, 'h');
    out(THR, 'i');
    out(THR, '\n');
    assert_string_equal(screen, "[linux] hi\r\n");
    assert_int_equal(in(LSR), 0x60);
    assert_false(v16550_irq_level(&u));
}

/* THRE is told when enabled, and after each byte; reading IIR takes it away, enabling it again brings it back. */
static void transmit_interrupt(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(IER, THRI);
    assert_true(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 2);
    assert_false(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 1);
    out(IER, THRI);
    assert_int_equal(in(IIR), 1); /* it was on */
    out(THR, 'x');
    assert_true(v16550_irq_level(&u));
    out(IER, 0);
    assert_false(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 1);
    out(IER, THRI);
    assert_int_equal(in(IIR), 2);
    out(IER, 0);
    out(IER, THRI); /* the driver's test for a lost THRE interrupt */
    assert_int_equal(in(IIR), 2);
    out(THR, 'x');
    out(MCR, 0); /* a PC's gate */
    assert_false(v16550_irq_level(&u));
    out(MCR, OUT2 | LOOP);
    assert_false(v16550_irq_level(&u));
    out(MCR, OUT2);
    assert_true(v16550_irq_level(&u));
}

static void receive(void **state)
{
    (void)state;
    out(FCR, 0x81); /* at 8 bytes */
    out(MCR, OUT2);
    out(IER, RDI);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 7; i++) {
            v16550_receive(&u, (char)(i | 0x80));
            assert_true(v16550_irq_level(&u));
            assert_int_equal(in(IIR), 0xcc);
        }
        v16550_receive(&u, 7);
        assert_int_equal(in(IIR), 0xc4);
        assert_int_equal(in(RBR), 0x80);
        assert_int_equal(in(IIR), 0xcc);
        for (unsigned i = 1; i < 8; i++) {
            assert_true(v16550_irq_level(&u));
            assert_int_equal(in(LSR), 0x61);
            assert_int_equal(in(RBR), i < 7 ? i | 0x80 : 7);
        }
        assert_false(v16550_irq_level(&u));
        assert_int_equal(in(LSR), 0x60);
        assert_int_equal(in(IIR), 0xc1);
    }
    v16550_receive(&u, 'x');
    out(FCR, 0x83); /* cleared */
    assert_false(v16550_irq_level(&u));
    v16550_receive(&u, 'x');
    out(FCR, 0x81); /* not cleared */
    assert_int_equal(in(LSR), 0x61);
    out(FCR, 0); /* off: cleared */
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(IIR), 1);
}

static void trigger_level(void **state)
{
    static const int want[4] = {1, 4, 8, 14};

    (void)state;
    out(IER, RDI);
    for (unsigned i = 0; i < 4; i++) {
        out(FCR, i << 6 | 3);
        for (int k = 1; k <= 16; k++) {
            v16550_receive(&u, 'x');
            assert_int_equal(in(IIR), k >= want[i] ? 0xc4 : 0xcc);
        }
    }
    out(FCR, 0xc0); /* off: one byte is enough */
    v16550_receive(&u, 'x');
    assert_int_equal(in(IIR), 4);
}

static void overrun(void **state)
{
    (void)state;
    out(MCR, OUT2);
    out(IER, RLSI);
    v16550_receive(&u, 'a');
    assert_int_equal(in(IIR), 1);
    v16550_receive(&u, 'b'); /* no FIFO */
    assert_true(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 6);
    assert_int_equal(in(LSR), 0x63);
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(RBR), 'a');
    out(FCR, 1);
    out(IER, RLSI | RDI | THRI);
    for (int i = 0; i < 17; i++) {
        assert_int_not_equal(in(IIR), 0xc6);
        v16550_receive(&u, (char)i);
    }
    assert_int_equal(in(IIR), 0xc6);
    assert_int_equal(in(LSR), 0x63);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in(RBR), i);
    assert_int_equal(in(LSR), 0x60);
}

/* The lines of the modem are seen in the loop only, and their changes are told once. */
static void modem_lines(void **state)
{
    (void)state;
    out(MCR, LOOP);
    assert_int_equal(in(MSR), 0x0b); /* CTS, DSR, DCD went */
    assert_int_equal(in(MSR), 0);
    out(MCR, LOOP | RTS | DTR | OUT1 | OUT2);
    assert_int_equal(in(MSR), 0xfb); /* RI only when it ends */
    out(MCR, LOOP | RTS | DTR | OUT2);
    assert_int_equal(in(MSR), 0xb4);
    out(MCR, LOOP | OUT1);
    assert_int_equal(in(MSR), 0x4b);
    out(IER, MSI);
    assert_int_equal(in(IIR), 1);
    out(MCR, OUT2);
    assert_true(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 0);
    assert_int_equal(in(MSR), 0xbf);
    assert_false(v16550_irq_level(&u));
    assert_int_equal(in(IIR), 1);
}

/*
 * 8250_port.c of Linux 6.1, autoconfig, as facts: what it writes and what a 16550A answers. First that there is
 * a UART; then which one.
 */
static void linux_autoconfig(void **state)
{
    unsigned mcr, status;

    (void)state;
    out(IER, 0);
    assert_int_equal(in(IER)&0x0f, 0);
    out(IER, 0x0f);
    assert_int_equal(in(IER)&0x0f, 0x0f);
    out(IER, 0);
    out(MCR, LOOP | 0x0a);
    assert_int_equal(in(MSR)&0xf0, 0x90);
    out(MCR, 0);

    out(LCR, 0xbf);
    out(FCR, 0); /* EFR of others */
    out(LCR, 0);
    out(FCR, 1);
    assert_int_equal(in(IIR) >> 6, 3); /* 16550A or better */

    out(LCR, 0x80);
    assert_int_not_equal(in(2), 0); /* no EFR: not a 16650 */
    out(LCR, 0xbf);
    assert_int_not_equal(in(2), 0);
    out(LCR, 0); /* bank select of a NS16550A shows its loop bit in register 2 */
    mcr = in(MCR);
    out(LCR, 0xe0);
    status = in(2);
    assert_int_equal((status ^ mcr) & LOOP, 0);
    out(LCR, 0);
    out(MCR, mcr ^ LOOP);
    out(LCR, 0xe0);
    status = in(2);
    out(LCR, 0);
    out(MCR, mcr);
    assert_int_equal((status ^ mcr) & LOOP, 0);
    out(FCR, 1); /* a 16750 has a 64 byte mode behind DLAB */
    assert_int_equal(in(IIR) >> 5, 6);
    out(LCR, 0x80);
    out(FCR, 0x21);
    assert_int_equal(in(IIR) >> 5, 6);
    out(FCR, 1);
    out(LCR, 0);
    out(IER, 0x40); /* an XScale has a UART unit enable */
    assert_int_equal(in(IER), 0);
    assert_int_equal(shown, 0);
}

/* size_fifo: 256 bytes in the loop. None of them reaches the console, and none from there the loop. */
static void linux_fifo_size(void **state)
{
    unsigned count = 0;

    (void)state;
    out(LCR, 0);
    out(FCR, 7);
    out(MCR, LOOP);
    for (unsigned i = 0; i < 256; i++)
        out(THR, i);
    v16550_receive(&u, 'x');
    for (; in(LSR)&1 && count < 256; count++)
        assert_int_equal(in(RBR), count);
    assert_int_equal(count, 16);
    assert_int_equal(shown, 0);
    assert_int_equal(in(RBR), 0);
}

static void reset_forgets(void **state)
{
    (void)state;
    out(FCR, 0xc1);
    out(MCR, OUT2);
    out(IER, 0x0f);
    out(SCR, 0x5a);
    out(LCR, DLAB);
    out(DLL, 1);
    out(DLM, 1);
    for (int i = 0; i < 20; i++)
        v16550_receive(&u, 'x');
    assert_true(v16550_irq_level(&u));
    v16550_reset(&u, &line);
    reset_values(state);
    out(LCR, DLAB);
    assert_int_equal(in(DLL), 0);
    assert_int_equal(in(DLM), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(reset_values),     T(registers_keep_their_bits),
        T(transmit),         T(transmit_interrupt),
        T(receive),          T(trigger_level),
        T(overrun),          T(modem_lines),
        T(linux_autoconfig), T(linux_fifo_size),
        T(reset_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
