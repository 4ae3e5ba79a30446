/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/apic_message.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86_64/apic_message.h"
#include "arch/x86_64/msix_words.h"

static void icr_of_an_x2apic(void **state)
{
    struct apic_message m = apic_message_icr(UINT64_C(0x00000123000048fd), true);

    (void)state;
    assert_int_equal(m.vector, 0xfd);
    assert_int_equal(m.delivery, APIC_FIXED);
    assert_int_equal(m.shorthand, APIC_NAMED);
    assert_true(m.logical && m.wide && !m.deassert);
    assert_int_equal(m.dest, 0x123);
    assert_true(apic_message_is_vector(&m));

    m = apic_message_icr(UINT64_C(0x000000020000c500), true); /* Linux: INIT */
    assert_int_equal(m.delivery, APIC_INIT);
    assert_false(m.deassert);
    m = apic_message_icr(UINT64_C(0x0000000200008500), true);
    assert_true(m.deassert);
    m = apic_message_icr(UINT64_C(0x0000000200000608), true); /* SIPI has no level */
    assert_int_equal(m.delivery, APIC_SIPI);
    assert_int_equal(m.vector, 8);
    assert_false(m.deassert || apic_message_is_vector(&m));
    m = apic_message_icr(UINT64_C(0x00000000000c0400), true);
    assert_int_equal(m.delivery, APIC_NMI);
    assert_int_equal(m.shorthand, APIC_OTHERS);
    assert_false(apic_message_is_vector(&m));
}

static void icr_of_an_xapic(void **state)
{
    const struct apic_message m = apic_message_icr(UINT64_C(0x03ffffff00004131), false);

    (void)state;
    assert_int_equal(m.dest, 3);
    assert_int_equal(m.delivery, APIC_LOWEST);
    assert_false(m.wide || m.logical);
}

static void only_own_vectors_are_sent(void **state)
{
    (void)state;
    for (uint32_t icr = 0; icr < 0x1000; icr++) {
        const struct apic_message m = apic_message_icr(icr, true);

        assert_int_equal(apic_message_is_vector(&m), (icr >> 8 & 7) < 2 && (icr & 0xff) >= 16);
    }
}

static void entry_of_an_ioapic(void **state)
{
    struct apic_message m = apic_message_entry(UINT64_C(0x020000000000a931));

    (void)state;
    assert_int_equal(m.vector, 0x31);
    assert_int_equal(m.delivery, APIC_LOWEST);
    assert_int_equal(m.dest, 2);
    assert_true(m.logical);
    assert_false(m.wide);
    m = apic_message_entry(0x700);
    assert_int_equal(m.delivery, APIC_EXTINT);
    assert_false(apic_message_is_vector(&m) || m.logical);
}

static void msi_of_a_device(void **state)
{
    struct apic_message m;

    (void)state;
    assert_true(apic_message_msi(0xfee03000, 0x4061, &m));
    assert_int_equal(m.vector, 0x61);
    assert_int_equal(m.dest, 3);
    assert_false(m.logical || m.wide);
    assert_true(apic_message_msi(0xfeeff00c, 0x0261, &m));
    assert_int_equal(m.dest, 0xff);
    assert_int_equal(m.delivery, APIC_SMI);
    assert_true(m.logical);
    assert_false(apic_message_msi(0xfed03000, 0x61, &m));
    assert_false(apic_message_msi(0xfef00000, 0x61, &m));
    assert_false(apic_message_msi(UINT64_C(0x1fee03000), 0x61, &m));
    assert_false(apic_message_msi(0, 0x61, &m));
}

static bool names(struct apic_message m, struct apic_name n, bool self)
{
    return apic_message_names(&m, &n, self);
}

static void physical_names(void **state)
{
    const struct apic_name two = {.id = 2, .logical = 4}, wide = {.id = 0x102, .x2apic = true};

    (void)state;
    assert_true(names((struct apic_message){.dest = 2}, two, false));
    assert_true(names((struct apic_message){.dest = 2}, two, true));
    assert_false(names((struct apic_message){.dest = 4}, two, false));
    assert_true(names((struct apic_message){.dest = 0xff}, two, false));
    assert_true(names((struct apic_message){.dest = 0xff}, wide, false));
    assert_false(names((struct apic_message){.dest = 0xff, .wide = true}, wide, false));
    assert_true(names((struct apic_message){.dest = UINT32_MAX, .wide = true}, wide, false));
    assert_false(names((struct apic_message){.dest = 2, .wide = true}, wide, false));
    assert_true(names((struct apic_message){.dest = 0x102, .wide = true}, wide, false));
}

static void logical_names(void **state)
{
    const struct apic_name flat = {.id = 2, .logical = 0x06}, pair = {.id = 2, .logical = 0x24, .cluster = true};
    const struct apic_name wide = {.id = 0x123, .x2apic = true, .logical = 0xff};

    (void)state;
    assert_true(names((struct apic_message){.logical = true, .dest = 0x02}, flat, false));
    assert_true(names((struct apic_message){.logical = true, .dest = 0xff}, flat, false));
    assert_false(names((struct apic_message){.logical = true, .dest = 0x08}, flat, false));
    assert_false(names((struct apic_message){.logical = true, .dest = 0}, flat, false));
    assert_true(names((struct apic_message){.logical = true, .dest = 0x25}, pair, false));
    assert_false(names((struct apic_message){.logical = true, .dest = 0x15}, pair, false));
    assert_false(names((struct apic_message){.logical = true, .dest = 0x22}, pair, false));
    assert_true(names((struct apic_message){.logical = true, .dest = 0xff}, pair, false));
    assert_true(names((struct apic_message){.logical = true, .wide = true, .dest = 0x120008}, wide, false));
    assert_false(names((struct apic_message){.logical = true, .wide = true, .dest = 0x130008}, wide, false));
    assert_false(names((struct apic_message){.logical = true, .wide = true, .dest = 0x12fff7}, wide, false));
    assert_true(names((struct apic_message){.logical = true, .wide = true, .dest = UINT32_MAX}, wide, false));
    assert_false(names((struct apic_message){.logical = true, .dest = 0xff}, wide, false)); /* eight of cluster 0 */
}

static void shorthands(void **state)
{
    const struct apic_name two = {.id = 2};
    const struct {
        enum apic_shorthand how;
        bool self, others;
    } cases[] = {{APIC_SELF, true, false}, {APIC_ALL, true, true}, {APIC_OTHERS, false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct apic_message m = {.shorthand = cases[i].how, .dest = 7};

        assert_int_equal(apic_message_names(&m, &two, true), cases[i].self);
        assert_int_equal(apic_message_names(&m, &two, false), cases[i].others);
    }
}

static void devices_are_told(void **state)
{
    struct vmsi_message m = msix_word_vtd(0, 0);

    (void)state;
    assert_int_equal(m.address, 0xfee00018); /* VT-d 5.1.2.2: format and SHV */
    assert_int_equal(m.data, 0);
    m = msix_word_vtd(0x0041, 3);
    assert_int_equal(m.address, 0xfee00838);
    assert_int_equal(m.data, 3);
    m = msix_word_vtd(0xffff, 0xffff);
    assert_int_equal(m.address, 0xfeeffffc);
    assert_int_equal(m.data, 0xffff);
    m = msix_word_vtd(0x8000, 0);
    assert_int_equal(m.address, 0xfee0001c);
    m = msix_word_amd(0xa5);
    assert_int_equal(m.address, 0xfee00000);
    assert_int_equal(m.data, 0xa5);
    m = msix_word_plain(3, 0x61);
    assert_int_equal(m.address, 0xfee03000);
    assert_int_equal(m.data, 0x61);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(icr_of_an_x2apic),
        cmocka_unit_test(icr_of_an_xapic),
        cmocka_unit_test(only_own_vectors_are_sent),
        cmocka_unit_test(entry_of_an_ioapic),
        cmocka_unit_test(msi_of_a_device),
        cmocka_unit_test(physical_names),
        cmocka_unit_test(logical_names),
        cmocka_unit_test(shorthands),
        cmocka_unit_test(devices_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
