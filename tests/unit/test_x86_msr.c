/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/msr_rules.c */
#include "arch/x86_64/msr_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAP 0x2000

static uint8_t map[MAP];

/* Bit of the bitmap as the manual numbers it (APM vol. 2, 15.11); -1: beyond it, always intercepted. */
static int intercepted(uint32_t msr, bool write)
{
    uint32_t base = msr < 0x2000                            ? 0
                    : msr >= 0xc0000000 && msr < 0xc0002000 ? 0x800
                    : msr >= 0xc0010000 && msr < 0xc0012000 ? 0x1000
                                                            : UINT32_MAX;
    uint32_t bit = (msr & 0x1fff) * 2 + write;

    return base == UINT32_MAX ? -1 : map[base + bit / 8] >> bit % 8 & 1;
}

static bool listed(uint32_t msr, const uint32_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == msr)
            return true;
    return false;
}

/* Nothing but these reaches the hardware, of all that the bitmap can pass. */
static void the_bitmap_passes_what_it_should(void **state)
{
    (void)state;
    static const uint32_t both[] = {0x48,       0x49,       0x174,      0x175,      0x176,      0xc0000081, 0xc0000082,
                                    0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103};
    static const uint32_t first[] = {0, 0xc0000000, 0xc0010000};
    const size_t n = sizeof both / sizeof *both;

    memset(map, 0x5a, sizeof map);
    msr_bitmap_fill(map);
    for (size_t r = 0; r < 3; r++) {
        for (uint32_t msr = first[r]; msr < first[r] + 0x2000; msr++) {
            bool pass = listed(msr, both, n);

            if (intercepted(msr, true) != !pass || intercepted(msr, false) != !(pass || msr == MSR_PATCH_LEVEL))
                fail_msg("MSR 0x%x", msr);
        }
    }
    for (size_t i = 0x1800; i < MAP; i++)
        assert_int_equal(map[i], 0xff); /* reserved */
}

static void passing_one(void **state)
{
    (void)state;
    memset(map, 0xff, sizeof map);
    assert_true(msr_bitmap_pass(map, 0x830, true, false));
    assert_int_equal(intercepted(0x830, false), 0);
    assert_int_equal(intercepted(0x830, true), 1);
    assert_true(msr_bitmap_pass(map, 0xc0011fff, false, true));
    assert_int_equal(map[0x17ff], 0x7f);
    assert_true(msr_bitmap_pass(map, 0x1fff, true, true));
    assert_int_equal(map[0x7ff], 0x3f);
    assert_false(msr_bitmap_pass(map, 0x2000, true, true));
    assert_false(msr_bitmap_pass(map, 0xbfffffff, true, true));
    assert_false(msr_bitmap_pass(map, 0xc0002000, true, true));
    assert_false(msr_bitmap_pass(map, 0xc0012000, true, true));
    assert_false(msr_bitmap_pass(map, 0xffffffff, true, true));
    size_t cleared = 0;
    for (size_t i = 0; i < MAP; i++)
        cleared += 8 - (size_t)__builtin_popcount(map[i]);
    assert_int_equal(cleared, 4);
}

static void refused(void **state)
{
    (void)state;
    static const uint32_t msrs[] = {0x17,       0x3a,       0x79,       0x9b,       0x9e,       0xc1,       0xe7,
                                    0x10a,      0x10b,      0x178,      0x17b,      0x186,      0x200,      0x250,
                                    0x26f,      0x38f,      0x400,      0x6e0,      0x7ff,      0x900,      0xda0,
                                    0x2000,     0x40000000, 0x4b564d01, 0xbfffffff, 0xc0000085, 0xc00000ff, 0xc0000104,
                                    0xc0010004, 0xc0010010, 0xc0010020, 0xc0010058, 0xc0010061, 0xc0010111, 0xc0010112,
                                    0xc0010113, 0xc0010114, 0xc0010117, 0xc0010118, 0xc0010130, 0xc0011020, 0xffffffff};

    for (size_t i = 0; i < sizeof msrs / sizeof *msrs; i++)
        if (msr_rule_find(msrs[i])->action != MSR_REFUSE)
            fail_msg("MSR 0x%x", msrs[i]);
}

static void answered(void **state)
{
    (void)state;
    static const struct {
        uint32_t msr;
        enum msr_action action;
        uint64_t value;
    } want[] = {
        {0x10, MSR_SHADOW, 0},     {0x1b, MSR_APIC, 0},
        {0x3b, MSR_SHADOW, 0},     {0x8b, MSR_READ, 0},
        {0xfe, MSR_FIXED, 0},      {0x179, MSR_FIXED, 0},
        {0x17a, MSR_FIXED, 0},     {0x1d9, MSR_FIXED, 0},
        {0x277, MSR_SHADOW, 0},    {0x2ff, MSR_FIXED, 0xc06},
        {0x800, MSR_APIC, 0},      {0x830, MSR_APIC, 0},
        {0x8ff, MSR_APIC, 0},      {0xc0000080, MSR_SHADOW, 0},
        {0xc0000082, MSR_PASS, 0}, {0xc0010015, MSR_FIXED, 1 << 24},
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct msr_rule *r = msr_rule_find(want[i].msr);

        if (r->action != want[i].action || r->value != want[i].value)
            fail_msg("MSR 0x%x", want[i].msr);
    }
}

#define PG UINT64_C(0x80000000)

static void efer(void **state)
{
    (void)state;
    static const struct {
        uint64_t old, cr0, value;
        bool ok;
        uint64_t now;
    } cases[] = {
        {0x1000, 0, 0, true, 0x1000},      {0x1000, 0, 0x901, true, 0x1901},
        {0x1000, 0, 0x4000, true, 0x5000}, {0x1d01, PG, 0xd01, true, 0x1d01}, /* as it was read */
        {0x1d01, PG, 0x901, true, 0x1d01},                                    /* LMA is not written */
        {0x1000, 0, 0x400, true, 0x1000},                                     /* nor set */
        {0x1d01, PG, 0xc01, false, 0},                                        /* LME under paging */
        {0x1000, PG, 0x100, false, 0},     {0x1d01, PG, 0x500, true, 0x1500},
        {0x1000, 0, 0x1000, false, 0}, /* SVME: there is no SVM */
        {0x1000, 0, 0x2000, false, 0}, /* LMSLE */
        {0x1000, 0, 2, false, 0},          {0x1000, 0, UINT64_C(1) << 63, false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t now = 0;

        if (msr_efer_write(cases[i].old, cases[i].cr0, cases[i].value, &now) != cases[i].ok || now != cases[i].now)
            fail_msg("case %zu: 0x%lx", i, now);
    }
    assert_int_equal(msr_efer_read(0x1d01), 0xd01);
}

static void pat(void **state)
{
    (void)state;
    assert_true(msr_pat_valid(0x0007040600070406));
    assert_true(msr_pat_valid(0x0706050401000000));
    for (unsigned i = 0; i < 8; i++) {
        assert_false(msr_pat_valid(UINT64_C(2) << 8 * i));
        assert_false(msr_pat_valid(UINT64_C(3) << 8 * i));
        assert_false(msr_pat_valid(UINT64_C(8) << 8 * i));
        assert_false(msr_pat_valid(UINT64_C(0x86) << 8 * i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bitmap_passes_what_it_should),
        cmocka_unit_test(passing_one),
        cmocka_unit_test(refused),
        cmocka_unit_test(answered),
        cmocka_unit_test(efer),
        cmocka_unit_test(pat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
