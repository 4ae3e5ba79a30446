/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/vtd_words.c */
/* VT-d's words against literal values worked out from the manual (D51397 rev. 5.10), field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "iommu/vtd.h"

#define assert_words(got, w0, w1)                     \
    do {                                              \
        assert_int_equal((got).w[0], (uint64_t)(w0)); \
        assert_int_equal((got).w[1], (uint64_t)(w1)); \
    } while (0)

static struct vtd_domain domain(uint64_t root, uint8_t in_bits, uint16_t id)
{
    return (struct vtd_domain){
        .root = maddr(root), .shape = {.in_bits = in_bits, .root_level = (uint8_t)((in_bits - 21) / 9)}, .id = id};
}

static void test_entries(void **state)
{
    (void)state;
    struct vtd_domain d39 = domain(0x12345000, 39, 1), d48 = domain(0xfffffffff000, 48, 0x1234),
                      d57 = domain(0x1000, 57, 0xffff);
    assert_words(vtd_root_entry(mfn(0x12345)), 0x12345001, 0);
    assert_words(vtd_root_entry(mfn(0xffffffffff)), 0xffffffffff001, 0);
    assert_words(vtd_context_entry(&d39), 0x12345001, 0x101);
    assert_words(vtd_context_entry(&d48), 0xfffffffff001, 0x123402);
    assert_words(vtd_context_entry(&d57), 0x1001, 0xffff03);
}

static void test_irte(void **state)
{
    (void)state;
    /* P 0, TM 4, vector 23:16, destination 63:32; SID 79:64, SQ 81:80 00, SVT 83:82 01 */
    assert_words(vtd_irte_entry(0x0010, 0x61, 0x12345678, true, false), 0x1234567800610001, 0x40010);
    assert_words(vtd_irte_entry(0xffff, 0xff, 0xffffffff, true, true), 0xffffffff00ff0011, 0x4ffff);
    assert_words(vtd_irte_entry(0x0100, 0x20, 0x5, false, false), 0x50000200001, 0x40100); /* 47:40 */
    assert_words(vtd_irte_entry(0x0100, 0x20, 0x1ff, false, false), 0xff0000200001, 0x40100);
}

static void test_commands(void **state)
{
    (void)state;
    assert_words(vtd_command_context_global(), 0x11, 0);
    assert_words(vtd_command_context_device(0x0108, 0x1234), 0x10812340031, 0);
    assert_words(vtd_command_iotlb_global(0), 0x12, 0);
    assert_words(vtd_command_iotlb_global(VTD_DRAIN_READ | VTD_DRAIN_WRITE), 0xd2, 0);
    assert_words(vtd_command_iotlb_domain(0xabcd, VTD_DRAIN_WRITE), 0xabcd0062, 0);
    assert_words(vtd_command_iotlb_domain(7, VTD_DRAIN_READ), 0x700a2, 0);
    assert_words(vtd_command_iec_global(), 0x4, 0);
    assert_words(vtd_command_iec_index(0xff), 0xff00000014, 0);
    assert_words(vtd_command_wait(maddr(0x12345004), 0xdeadbeef), 0xdeadbeef00000025, 0x12345004);
}

/* Records as QEMU's unit wrote them, and what the manual says of the others. */
static void test_faults(void **state)
{
    (void)state;
    static const struct {
        uint64_t w[2];
        uint16_t bdf;
        uint8_t reason;
        bool read, interrupt;
        uint64_t addr;
        const char *what;
    } faults[] = {
        {{0x5000000, 0xc000000200000008}, 8, 0x2, true, false, 0x5000000, "no context entry"},
        {{0x40003000, 0x80ffff0500000008}, 8, 0x5, false, false, 0x40003000, "no right to write"},
        {{0x40001fff, 0xc0ffff0600000100}, 0x100, 0x6, true, false, 0x40001000, "no right to read"},
        {{0x8000000000, 0xc0ffff0400000008},
         8,
         0x4,
         true,
         false,
         0x8000000000,
         "address beyond the width of the tables"},
        {{0x1000, 0x800000010000ffff}, 0xffff, 0x1, false, false, 0x1000, "no root entry"},
        {{0x1000, 0x8000000e00000008}, 8, 0xe, false, false, 0x1000, "translated into the interrupt range"},
        {{0x1000, 0x8000000f00000008}, 8, 0xf, false, false, 0x1000, "fault of unknown reason"},
        {{0x1000, 0x8000000000000008}, 8, 0x0, false, false, 0x1000, "fault of unknown reason"},
        {{0x1000, 0xc000003100000008}, 8, 0x31, true, false, 0x1000, "fault of unknown reason"},
        {{0x5000000000000, 0x8000002200000008}, 8, 0x22, false, true, 5, "no interrupt entry"},
        {{0x5000000000000, 0xc000002600000008}, 8, 0x26, false, true, 5, "interrupt from another function"},
        {{0x12c000000000000, 0x8000002100000008}, 8, 0x21, false, true, 300, "interrupt index beyond the table"},
        {{0x5000000001000, 0x8000002500000008}, 8, 0x25, false, true, 0, "interrupt in compatibility format"},
        {{0x5000000001000, 0x8000002000000008}, 8, 0x20, false, true, 0, "interrupt with reserved bits"},
        {{0x5000000000000, 0x8000002b00000008}, 8, 0x2b, false, true, 5, "fault of unknown reason"},
    };
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct vtd_fault f = vtd_fault_decode(faults[i].w);
        assert_int_equal(f.bdf, faults[i].bdf);
        assert_int_equal(f.reason, faults[i].reason);
        assert_int_equal(f.read, faults[i].read);
        assert_int_equal(f.interrupt, faults[i].interrupt);
        assert_int_equal(f.addr, faults[i].addr);
        assert_string_equal(f.what, faults[i].what);
    }
    for (unsigned r = 1; r < 0x27; r = r == 0xe ? 0x20 : r + 1)
        assert_string_not_equal(vtd_fault_decode((const uint64_t[2]){0, (uint64_t)r << 32}).what,
                                "fault of unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_irte),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
