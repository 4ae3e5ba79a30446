/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/amdvi_words.c */
/* Structures against literal words worked out from AMD 48882 (2.2.2.1, 2.2.5.2, 2.4, 2.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "iommu/amdvi.h"

static void check_dte(struct amdvi_dte e, const uint64_t *want)
{
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(e.w[i], want[i]);
}

static void check_command(struct amdvi_command c, uint64_t w0, uint64_t w1)
{
    assert_int_equal(c.w[0], w0);
    assert_int_equal(c.w[1], w1);
}

static void test_dte_blocked(void **state)
{
    (void)state;
    /* V (0) and TV (1), mode 11:9 = 0, IR (61) and IW (62) 0; IV is bit 128, IntCtl 189:188 = 0 */
    check_dte(amdvi_dte_blocked(false), (const uint64_t[4]){0x3, 0, 0x1, 0});
    /* SA: bit 98 - 64 = 34; IG: bit 133 - 128 = 5 */
    check_dte(amdvi_dte_blocked(true), (const uint64_t[4]){0x3, 0x400000000, 0x21, 0});
}

static void test_dte_domain(void **state)
{
    (void)state;
    /*
     * w0: V, TV 0x3; mode 4 << 9 = 0x800; root 51:12; IR, IW 0x6000000000000000
     * w1: domain 15:0
     * w2: IV 1; IntTabLen 8 << 1 = 0x10; table 51:6; IntCtl 10b << 60
     */
    struct amdvi_domain d = {.root = maddr(0x1234567000), .shape = {.in_bits = 48, .root_level = 3}, .id = 0xbeef};
    check_dte(amdvi_dte_domain(&d, maddr(0x89abcdc00), 8),
              (const uint64_t[4]){0x6000001234567803, 0xbeef, 0x200000089abcdc11, 0});
    /* mode 6 << 9 = 0xc00, the highest root */
    d = (struct amdvi_domain){.root = maddr(0xffffffffff000), .shape = {.in_bits = 64, .root_level = 5}, .id = 1};
    check_dte(amdvi_dte_domain(&d, maddr(0xffffffffffc00), 8),
              (const uint64_t[4]){0x600ffffffffffc03, 1, 0x200ffffffffffc11, 0});
    /* mode 3 << 9 = 0x600 */
    d = (struct amdvi_domain){.root = maddr(0x1000), .shape = {.in_bits = 39, .root_level = 2}, .id = 0xffff};
    check_dte(amdvi_dte_domain(&d, maddr(0), 0),
              (const uint64_t[4]){0x6000000000001603, 0xffff, 0x2000000000000001, 0});
}

static void test_dte_quarantine(void **state)
{
    (void)state;
    struct amdvi_domain d = {.root = maddr(0x1234567000), .shape = {.in_bits = 48, .root_level = 3}, .id = 0xbeef};
    /* quiet and blocked, with its table */
    check_dte(amdvi_dte_quarantine(NULL, maddr(0x89abcdc00)), (const uint64_t[4]){0x3, 0x400000000, 0x89abcdc21, 0});
    /* the domain's root and rights; SA and id; interrupts blocked as before */
    check_dte(amdvi_dte_quarantine(&d, maddr(0x89abcdc00)),
              (const uint64_t[4]){0x6000001234567803, 0x40000beef, 0x89abcdc21, 0});
}

static void test_irte(void **state)
{
    (void)state;
    /* RemapEn 0, IntType 4:2, DM 6, destination 15:8, vector 23:16 */
    assert_int_equal(amdvi_irte_entry(0x61, 3, false, 0).w, 0x00610301);
    assert_int_equal(amdvi_irte_entry(0xff, 0xff, true, 1).w, 0x00ffff45);
}

static void test_commands(void **state)
{
    (void)state;
    check_command(amdvi_command_wait(maddr(0x123456789abc8), 7), 0x100123456789abc9, 7);
    check_command(amdvi_command_devtab(0x1a08), 0x2000000000001a08, 0);
    /* domain 47:32; address of all pages, PDE (bit 65), S (bit 64) */
    check_command(amdvi_command_pages_all(0xbeef), 0x3000beef00000000, 0x7ffffffffffff003);
    check_command(amdvi_command_irt(0xffff), 0x500000000000ffff, 0);
    check_command(amdvi_command_all(), 0x8000000000000000, 0);
}

static void test_events(void **state)
{
    (void)state;
    static const struct {
        struct amdvi_event e;
        struct amdvi_fault f;
    } known[] = {
        /* IO_PAGE_FAULT: device 15:0, domain 47:32, I 51, PR 52, RW 53, RZ 55, code 63:60 */
        {{{0x2020000700000108, 0x12345678}}, {0x108, 7, 2, true, "page not present", true, false, 0x12345678}},
        {{{0x2030000700000108, 0x1000}}, {0x108, 7, 2, true, "permission fault", true, false, 0x1000}},
        {{{0x2080000700000108, 0x1000}},
         {0x108, 7, 2, true, "reserved bits set in a page table", false, false, 0x1000}},
        {{{0x2028000700000108, 0x60}}, {0x108, 7, 2, true, "interrupt blocked", true, true, 0x60}},
        {{{0x1000000000000010, 0x1000}}, {0x10, 0, 1, true, "illegal device table entry", false, false, 0x1000}},
        {{{0x3600000000000010, 0x2000}}, {0x10, 0, 3, true, "device table cannot be read", false, false, 0x2000}},
        {{{0x4600000900000010, 0x2000}}, {0x10, 9, 4, true, "page table cannot be read", false, false, 0x2000}},
        {{{0x5000000000000000, 0x3010}},
         {0, 0, 5, false, "an illegal command stopped the command buffer", false, false, 0x3010}},
        {{{0x6020000000001234, 0x3010}}, {0, 0, 6, false, "the command buffer cannot be read", false, false, 0x3010}},
        {{{0x7000000000000018, 0x3010}},
         {0x18, 0, 7, true, "the device did not answer an invalidation", false, false, 0x3010}},
        {{{0x8100000000000020, 0x5000}}, {0x20, 0, 8, true, "invalid request", false, false, 0x5000}},
        {{{0x9000000000000020, 0x5000}}, {0x20, 0, 9, true, "invalid page request", false, false, 0x5000}},
        {{{0xa000000000000000, 0x5000}}, {0, 0, 10, false, "a performance counter wrapped", false, false, 0x5000}},
        {{{0xf0200007ffffffff, 0x5000}}, {0, 0, 15, false, "event of unknown type", false, false, 0x5000}},
        {{{0, 0}}, {0, 0, 0, false, "event of unknown type", false, false, 0}},
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct amdvi_fault f = amdvi_event_decode(&known[i].e);
        const struct amdvi_fault *want = &known[i].f;
        assert_string_equal(f.what, want->what);
        assert_int_equal(f.bdf, want->bdf);
        assert_int_equal(f.domain, want->domain);
        assert_int_equal(f.code, want->code);
        assert_int_equal(f.device, want->device);
        assert_int_equal(f.write, want->write);
        assert_int_equal(f.interrupt, want->interrupt);
        assert_int_equal(f.addr, want->addr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dte_blocked), cmocka_unit_test(test_dte_domain), cmocka_unit_test(test_dte_quarantine),
        cmocka_unit_test(test_irte),        cmocka_unit_test(test_commands),   cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
