/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/vioapic.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86_64/vioapic.h"

#define MASKED UINT32_C(0x10000)

static struct vioapic io;

static int setup(void **state)
{
    (void)state;
    io = (struct vioapic){0};
    vioapic_reset(&io, 0x12);
    return 0;
}

static uint32_t rd(uint32_t reg)
{
    vioapic_write(&io, 0x00, reg);
    assert_int_equal(vioapic_read(&io, 0x00), reg);
    return vioapic_read(&io, 0x10);
}

static void wr(uint32_t reg, uint32_t value)
{
    vioapic_write(&io, 0x00, reg);
    vioapic_write(&io, 0x10, value);
}

static void registers(void **state)
{
    (void)state;
    assert_int_equal(rd(0), 0x02000000);
    assert_int_equal(rd(1), 0x00170011);
    assert_int_equal(rd(2), 0x02000000);
    wr(0, 0xff345678);
    assert_int_equal(rd(0), 0x0f000000);
    wr(1, UINT32_MAX);
    assert_int_equal(rd(1), 0x00170011);
    for (uint32_t reg = 3; reg < 0x100; reg++) {
        bool is_entry = reg >= 0x10 && reg < 0x40;

        wr(reg, UINT32_MAX);
        assert_int_equal(rd(reg), !is_entry ? 0 : reg & 1 ? 0xff000000 : 0x0001afff);
    }
    vioapic_write(&io, 0x20, 1);
    assert_int_equal(vioapic_read(&io, 0x20), 0);
    vioapic_write(&io, 0x00, 0x110);
    assert_int_equal(vioapic_read(&io, 0x00), 0x10); /* eight bits */
}

static void masked_at_first(void **state)
{
    (void)state;
    for (uint32_t pin = 0; pin < VIOAPIC_PINS; pin++) {
        uint64_t entry;

        assert_int_equal(rd(0x10 + 2 * pin), MASKED);
        assert_int_equal(rd(0x11 + 2 * pin), 0);
        assert_false(vioapic_set(&io, pin, true, &entry));
    }
}

static void a_rising_pin_sends(void **state)
{
    uint64_t entry;

    (void)state;
    wr(0x18, 0x31);
    wr(0x19, 0x03000000);
    assert_false(vioapic_set(&io, 4, false, &entry));
    assert_true(vioapic_set(&io, 4, true, &entry));
    assert_int_equal(entry, UINT64_C(0x0300000000000031));
    assert_false(vioapic_set(&io, 4, true, &entry));
    assert_false(vioapic_set(&io, 4, false, &entry));
    assert_true(vioapic_set(&io, 4, true, &entry));
    assert_false(vioapic_set(&io, 5, true, &entry));
    assert_false(vioapic_set(&io, VIOAPIC_PINS, true, &entry));
    assert_false(vioapic_set(&io, UINT32_MAX, true, &entry));
}

static void an_edge_at_a_masked_pin_is_lost(void **state)
{
    uint64_t entry;

    (void)state;
    assert_false(vioapic_set(&io, 4, true, &entry));
    wr(0x18, 0x31);
    assert_false(vioapic_set(&io, 4, true, &entry));
    assert_false(vioapic_set(&io, 4, false, &entry));
    assert_true(vioapic_set(&io, 4, true, &entry));
    vioapic_reset(&io, 1);
    assert_false(vioapic_set(&io, 4, false, &entry));
    assert_false(vioapic_set(&io, 4, true, &entry));
    assert_int_equal(rd(0), 0x01000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers, setup),
        cmocka_unit_test_setup(masked_at_first, setup),
        cmocka_unit_test_setup(a_rising_pin_sends, setup),
        cmocka_unit_test_setup(an_edge_at_a_masked_pin_is_lost, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
