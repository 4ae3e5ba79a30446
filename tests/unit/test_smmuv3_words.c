/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/smmuv3_words.c */
/* Structures against literal words worked out from IHI 0070 (4.3, 4.4, 4.7, 5.2, 7.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "iommu/smmuv3.h"

static void check_words(const uint64_t *got, const uint64_t *want, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(got[i], want[i]);
}

static void test_ste_abort(void **state)
{
    (void)state;
    /* V (bit 0) = 1, Config (3:1) = 0b000, everything else 0 */
    struct smmuv3_ste s = smmuv3_ste_abort();
    check_words(s.w, (const uint64_t[8]){0x1}, 8);
}

static void test_ste_stage2_39(void **state)
{
    (void)state;
    struct smmuv3_stage2 s2 = {
        .root = maddr(0x1234567000),
        .shape = {.in_bits = 39, .out_bits = 44, .root_level = 2},
        .vmid = 0xbeef,
        .pa_bits = 44,
    };
    /*
     * w0: V 1, Config 0b110 << 1                                              = 0xd
     * w1: SHCFG 0b01 at bit 108 - 64 = 44                                     = 0x0000100000000000
     * w2: S2VMID (15:0) 0xbeef; the rest at bit - 128:
     *     S2T0SZ 37:32 = 64 - 39 = 25 = 0x19, S2SL0 39:38 = 0b01 -> 0x40      -> byte 4: 0x59
     *     S2IR0 41:40 = 0b01, S2OR0 43:42 = 0b01, S2SH0 45:44 = 0b11, S2TG 47:46 = 0 -> byte 5: 0x35
     *     S2PS 50:48 = 0b100 (44 bits), S2AA64 bit 51 = 1                     -> byte 6: 0x0c
     *     S2R bit 58 = 1 (S2S 57, S2HA 56, S2HD 55 = 0)                       -> byte 7: 0x04
     * w3: S2TTB 51:4
     */
    struct smmuv3_ste s = smmuv3_ste_stage2(&s2, SMMUV3_WALK_CACHED | SMMUV3_SHCFG);
    check_words(s.w, (const uint64_t[8]){0xd, 0x0000100000000000, 0x040c35590000beef, 0x1234567000}, 8);

    /* A unit that does not snoop reads the tables non-cacheable: IR0, OR0, SH0 0. No override: SHCFG is RES0.
     */
    s = smmuv3_ste_stage2(&s2, 0);
    check_words(s.w, (const uint64_t[8]){0xd, 0, 0x040c00590000beef, 0x1234567000}, 8);
}

static void test_ste_of_a_quarantine(void **state)
{
    (void)state;
    struct smmuv3_stage2 s2 = {
        .root = maddr(0x1234567000),
        .shape = {.in_bits = 39, .out_bits = 44, .root_level = 2},
        .vmid = 0xbeef,
        .pa_bits = 44,
    };
    /* as above, but S2R (bit 58) 0: faults end the access and are not recorded */
    struct smmuv3_ste s = smmuv3_ste_stage2(&s2, SMMUV3_WALK_CACHED | SMMUV3_SILENT);
    check_words(s.w, (const uint64_t[8]){0xd, 0, 0x000c35590000beef, 0x1234567000}, 8);
    assert_true(smmuv3_ste_is_silent(&s));
    s = smmuv3_ste_stage2(&s2, SMMUV3_WALK_CACHED);
    assert_false(smmuv3_ste_is_silent(&s));
    s.w[0] = 0x1; /* aborts; the rest is left over */
    assert_true(smmuv3_ste_is_silent(&s));
}

static void test_ste_stage2_four_levels(void **state)
{
    (void)state;
    struct smmuv3_stage2 s2 = {
        .root = maddr(0xfffffffff000),
        .shape = {.in_bits = 48, .out_bits = 48, .root_level = 3},
        .vmid = 1,
        .pa_bits = 48,
    };
    /* S2T0SZ 16 = 0x10, S2SL0 0b10 -> 0x80: byte 4 0x90; S2PS 0b101 and S2AA64: byte 6 0x0d */
    struct smmuv3_ste s = smmuv3_ste_stage2(&s2, SMMUV3_WALK_CACHED);
    check_words(s.w, (const uint64_t[8]){0xd, 0, 0x040d359000000001, 0xfffffffff000}, 8);

    /* S2PS by width: 0b000 32 ... 0b110 52 */
    const uint8_t bits[7] = {32, 36, 40, 42, 44, 48, 52};
    for (unsigned i = 0; i < 7; i++) {
        s2.pa_bits = bits[i];
        s = smmuv3_ste_stage2(&s2, 0);
        assert_int_equal(s.w[2] >> 48 & 7, i);
    }
}

static void test_commands(void **state)
{
    (void)state;
    struct smmuv3_cmd c;
    /* 4.3.1 CMD_CFGI_STE: opcode 0x03, StreamID 63:32; word 1 bit 0 Leaf */
    c = smmuv3_cmd_cfgi_ste(0xfedc0010);
    check_words(c.w, (const uint64_t[2]){0xfedc001000000003, 1}, 2);
    /* 4.3.2 CMD_CFGI_ALL: CFGI_STE_RANGE (0x04) with Range (4:0) 31 */
    c = smmuv3_cmd_cfgi_all();
    check_words(c.w, (const uint64_t[2]){0x04, 31}, 2);
    /* 4.4: CMD_TLBI_EL2_ALL 0x20, CMD_TLBI_NSNH_ALL 0x30 */
    c = smmuv3_cmd_tlbi_el2_all();
    check_words(c.w, (const uint64_t[2]){0x20, 0}, 2);
    c = smmuv3_cmd_tlbi_nsnh_all();
    check_words(c.w, (const uint64_t[2]){0x30, 0}, 2);
    /* 4.4.3.2 CMD_TLBI_S12_VMALL: 0x28, VMID 47:32 */
    c = smmuv3_cmd_tlbi_s12_vmall(0xbeef);
    check_words(c.w, (const uint64_t[2]){0x0000beef00000028, 0}, 2);
    /* 4.7.3 CMD_SYNC: 0x46, CS (13:12) 0: no signal */
    c = smmuv3_cmd_sync();
    check_words(c.w, (const uint64_t[2]){0x46, 0}, 2);
}

static void check_event(struct smmuv3_event e, uint32_t sid, const char *what, bool read, bool has_addr, uint64_t addr)
{
    struct fault f = smmuv3_event_decode(&e);
    assert_int_equal(f.sid, sid);
    assert_string_equal(f.what, what);
    assert_int_equal(f.read, read);
    assert_int_equal(f.has_addr, has_addr);
    assert_int_equal(f.addr, addr);
}

static void test_events(void **state)
{
    (void)state;
    /* As QEMU wrote them: 00000013 00000008 00000000 00000280 at 0x2000, a write; ...288: RnW (bit 99), a
     * read */
    check_event((struct smmuv3_event){{0x0000000800000013, 0x0000028000000000, 0x2000, 0x2000}}, 8, "permission fault",
                false, true, 0x2000);
    check_event((struct smmuv3_event){{0x0000000800000010, 0x0000028800000000, 0x8000000004, 0}}, 8,
                "translation fault", true, true, 0x8000000004);
    check_event((struct smmuv3_event){{0x0000010000000002, 0, 0, 0}}, 0x100, "unknown stream", false, false, 0);
    check_event((struct smmuv3_event){{0xffffffff00000004, 0, 0, 0}}, 0xffffffff, "bad stream table entry", false,
                false, 0);
    check_event((struct smmuv3_event){{0x0000000100000011, 0, UINT64_MAX, 0}}, 1, "address size fault", false, true,
                UINT64_MAX);
    /* a substream (SSV bit 11, SSID 31:12) does not spill into sid or type */
    check_event((struct smmuv3_event){{0x00000022fffff812, 0x800000000, 0x5000, 0}}, 0x22, "access flag fault", true,
                true, 0x5000);
    /* words without a meaning for the type are not shown as one; unknown types do no harm */
    check_event((struct smmuv3_event){{0x0000000300000003, UINT64_MAX, UINT64_MAX, 0x9000}}, 3,
                "stream table fetch failed", false, false, 0);
    check_event((struct smmuv3_event){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}, 0xffffffff,
                "event of unknown type", false, false, 0);
    check_event((struct smmuv3_event){{0, 0, 0, 0}}, 0, "event of unknown type", false, false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ste_abort),
        cmocka_unit_test(test_ste_stage2_39),
        cmocka_unit_test(test_ste_of_a_quarantine),
        cmocka_unit_test(test_ste_stage2_four_levels),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
