/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/pt.c kernel/p2m/share.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c kernel/p2m/format_long_mode.c
 * kernel/pool.c kernel/diag.c kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2m/pt.h"

#define R R_READ
#define W R_WRITE
#define X R_EXEC

static const struct pt_format *const formats[] = {
    &pt_format_arm_s2, &pt_format_arm_el2,    &pt_format_smmu_s1, &pt_format_ipmmu,
    &pt_format_npt,    &pt_format_npt_shared, &pt_format_ept,     &pt_format_amdvi,
    &pt_format_vtd_sl, &pt_format_vtd_sl_snp, &pt_format_vtd_fl,  &pt_format_long_mode,
};
#define FORMATS (sizeof formats / sizeof *formats)

/* Literal words, drawn from the manuals. Level 0, output frame 0x12345, unless said otherwise. */
struct word {
    unsigned level;
    uint64_t out;
    uint8_t rights, mem;
    uint64_t want;
};

static void words_check(const struct pt_format *f, const struct word *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pt_leaf_entry(f, e[i].level, e[i].out, e[i].rights, e[i].mem) != e[i].want)
            fail_msg("%s, word %zu: 0x%lx, wanted 0x%lx", f->name, i,
                     pt_leaf_entry(f, e[i].level, e[i].out, e[i].rights, e[i].mem), e[i].want);
}

/* want: from level 1 on, up to the first 0; above, there is no table. */
static void tables_check(const struct pt_format *f, const uint64_t *want)
{
    for (unsigned level = 1; level < PT_LEVELS && want[level - 1] != 0; level++)
        assert_int_equal(pt_table_entry(f, level, mfn(0x54321)), want[level - 1]);
    for (unsigned level = 3; level < PT_LEVELS; level++)
        assert_int_equal(pt_leaf_entry(f, level, 0, R, MEM_NORMAL), PT_NONE);
}
#define CHECK(f, words, ...) \
    (words_check(f, words, sizeof(words) / sizeof *(words)), tables_check(f, (const uint64_t[8]){__VA_ARGS__}))

/* P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, D 6, PS 7, NX 63. */
static const struct word long_mode[] = {
    {0, 0x12345, R | W | X, MEM_NORMAL, UINT64_C(0x12345067)},
    {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x12345065)},
    {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x8000000012345067)},
    {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x8000000012345065)},
    {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x8000000012345077)},
    {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0x800000001234507f)},
    {1, 0x12200, R | W | X, MEM_NORMAL, UINT64_C(0x122000e7)},
    {2, 0xfffffc0000, R | W, MEM_DEVICE, UINT64_C(0x800fffffc00000ff)},
    {0, 1, 0, MEM_NORMAL, PT_NONE},
    {0, 1, W, MEM_NORMAL, PT_NONE},
    {0, 1, X, MEM_NORMAL, PT_NONE},
    {0, 1, W | X, MEM_NORMAL, PT_NONE},
    {0, 1, R, MEM_TYPES, PT_NONE},
};

/* APM vol. 2, 5.3.4, 15.25. */
static void test_npt(void **state)
{
    (void)state;
    CHECK(&pt_format_npt, long_mode, 0x54321027, 0x54321027, 0x54321027, 0x54321027);
}

/* VT-d 9.7: the same words. */
static void test_vtd_fl(void **state)
{
    (void)state;
    CHECK(&pt_format_vtd_fl, long_mode, 0x54321027, 0x54321027, 0x54321027, 0x54321027);
}

/* The same, 5.3: U/S clear, G 8 in leaves; nothing is both written and executed. */
static void test_long_mode(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x12345161)},
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x8000000012345163)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x8000000012345161)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x8000000012345173)},
        {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0x800000001234517b)},
        {1, 0x12200, R | X, MEM_NORMAL, UINT64_C(0x122001e1)},
        {2, 0xfffffc0000, R | W, MEM_DEVICE, UINT64_C(0x800fffffc00001fb)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
        {0, 1, R | W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_long_mode, e, 0x54321023, 0x54321023, 0x54321023);
}

/* And Next Level 11:9, FC 60, IR 61, IW 62 (48882, 2.2.3). */
static void test_npt_shared(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W | X, MEM_NORMAL, UINT64_C(0x7000000012345067)},
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x3000000012345065)},
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0xf000000012345067)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0xb000000012345065)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0xe000000012345077)},
        {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0xe00000001234507f)},
        {1, 0x12200, R | W | X, MEM_NORMAL, UINT64_C(0x70000000122000e7)},
        {2, 0x80000, R | X, MEM_NORMAL, UINT64_C(0x30000000800000e5)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_npt_shared, e, UINT64_C(0x6000000054321227), UINT64_C(0x6000000054321427),
          UINT64_C(0x6000000054321627), UINT64_C(0x6000000054321827));
}

/* SDM vol. 3, 29.3.2: R 0, W 1, X 2, type 5:3 (6 write-back, 0 uncacheable), IPAT 6, leaf 7. */
static void test_ept(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W | X, MEM_NORMAL, UINT64_C(0x12345037)},
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x12345035)},
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x12345033)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x12345031)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x12345003)},
        {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0x12345043)},
        {1, 0x12200, R | W | X, MEM_NORMAL, UINT64_C(0x122000b7)},
        {2, 0x80000, R | W, MEM_DEVICE, UINT64_C(0x800000c3)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE}, /* a misconfiguration */
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_ept, e, 0x54321007, 0x54321007, 0x54321007, 0x54321007);
}

/* 48882, 2.2.3: PR 0, Next Level 11:9, FC 60, IR 61, IW 62. */
static void test_amdvi(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x7000000012345001)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x3000000012345001)},
        {0, 0x12345, W, MEM_NORMAL, UINT64_C(0x5000000012345001)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x6000000012345001)},
        {0, 0x12345, W, MEM_DEVICE, UINT64_C(0x4000000012345001)},
        {1, 0x12200, R | W, MEM_NORMAL, UINT64_C(0x7000000012200001)},
        {2, 0xfffffc0000, R | W, MEM_NORMAL, UINT64_C(0x700fffffc0000001)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, R | X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
        {0, 1, R | W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_amdvi, e, UINT64_C(0x6000000054321201), UINT64_C(0x6000000054321401), UINT64_C(0x6000000054321601),
          UINT64_C(0x6000000054321801), UINT64_C(0x6000000054321a01));
}

/* VT-d 9.8: R 0, W 1, PS 7, SNP 11. */
static void test_vtd_sl(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x12345003)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x12345001)},
        {0, 0x12345, W, MEM_NORMAL, UINT64_C(0x12345002)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x12345003)},
        {0, 0x12345, W, MEM_DEVICE, UINT64_C(0x12345002)},
        {1, 0x12200, R | W, MEM_NORMAL, UINT64_C(0x12200083)},
        {2, 0x80000, R, MEM_DEVICE, UINT64_C(0x80000081)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, R | X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
        {0, 1, R | W | X, MEM_NORMAL, PT_NONE},
    };
    static const struct word snp[] = {
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x12345803)},   {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x12345801)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x12345003)}, {0, 0x12345, W, MEM_DEVICE, UINT64_C(0x12345002)},
        {2, 0x80000, R | W, MEM_NORMAL, UINT64_C(0x80000883)},   {0, 1, R | W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_vtd_sl, e, 0x54321003, 0x54321003, 0x54321003, 0x54321003);
    CHECK(&pt_format_vtd_sl_snp, snp, 0x54321003, 0x54321003, 0x54321003, 0x54321003);
}

/*
 * Arm ARM D8.3.1, stage 1 of EL1: AttrIndx 4:2, AP[1] 6 user, AP[2] 7 read-only, SH 9:8, AF 10, nG 11,
 * PXN 53, UXN 54.
 */
static void test_smmu_s1(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x0060000012345f47)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x0060000012345fc7)},
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x0000000012345fc7)},
        {0, 0x12345, R | W | X, MEM_NORMAL, UINT64_C(0x0000000012345f47)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x0060000012345e4b)},
        {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0x0060000012345e43)},
        {1, 0x12200, R | W, MEM_NORMAL, UINT64_C(0x0060000012200f45)},
        {2, 0x80000, R, MEM_NORMAL, UINT64_C(0x0060000080000fc5)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_smmu_s1, e, 0x54321003, 0x54321003, 0x54321003);
}

/* The same with NS 5, and NSTable 63 in tables. */
static void test_ipmmu(void **state)
{
    static const struct word e[] = {
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x0060000012345f67)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x0060000012345fe7)},
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x0000000012345fe7)},
        {0, 0x12345, R | W | X, MEM_NORMAL, UINT64_C(0x0000000012345f67)},
        {0, 0x12345, R | W, MEM_UNCACHED, UINT64_C(0x0060000012345e6b)},
        {0, 0x12345, R | W, MEM_DEVICE, UINT64_C(0x0060000012345e63)},
        {1, 0x12200, R | W, MEM_NORMAL, UINT64_C(0x0060000012200f65)},
        {2, 0xffc0000, R, MEM_NORMAL, UINT64_C(0x006000ffc0000fe5)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    CHECK(&pt_format_ipmmu, e, UINT64_C(0x8000000054321003), UINT64_C(0x8000000054321003));
}

/* One predicate tells present from absent and leaf from table; zero is absent (I6); fields do not overlap. */
static void test_formats_are_consistent(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        const struct pt_format *f = formats[i];
        assert_int_not_equal(f->present, 0);
        assert_int_equal(f->present & f->addr, 0);
        for (unsigned level = 1; level < PT_LEVELS; level++) {
            if (f->table[level] == PT_NONE)
                continue;
            assert_int_not_equal(f->table[level] & f->present, 0);
            assert_int_not_equal(f->table[level] & f->kind, f->kind_leaf);
            assert_int_equal(f->table[level] & f->addr, 0);
        }
        for (unsigned level = 0; level <= 2; level++)
            for (uint8_t rights = 0; rights < 8; rights++)
                for (uint8_t m = 0; m < MEM_TYPES; m++) {
                    uint64_t e = pt_leaf_entry(f, level, 0, rights, m);
                    if (e == PT_NONE)
                        continue;
                    assert_int_not_equal(e & f->present, 0);
                    assert_int_equal(e & f->addr, 0);
                    if (level > 0)
                        assert_int_equal(e & f->kind, f->kind_leaf);
                }
        for (unsigned level = 2; level < PT_LEVELS; level++) /* tables up to every root */
            for (unsigned l = 1; f->in[level].max != 0 && l <= level; l++)
                assert_int_not_equal(f->table[l], PT_NONE);
        assert_int_equal(pt_leaf_entry(f, 0, 1, 0, MEM_NORMAL), PT_NONE);
    }
}

/* Only these input bits from a root of this level. */
static void test_shapes(void **state)
{
    static const uint8_t in[FORMATS][PT_LEVELS][2] = {
        {[2] = {32, 43}, [3] = {40, 48}},
        {[2] = {32, 39}, [3] = {40, 48}},
        {[2] = {32, 39}, [3] = {40, 48}},
        {[2] = {32, 39}},
        {[3] = {48, 48}, [4] = {57, 57}},
        {[3] = {48, 48}, [4] = {57, 57}},
        {[3] = {48, 48}, [4] = {57, 57}},
        {[2] = {39, 39}, [3] = {48, 48}, [4] = {57, 57}, [5] = {64, 64}},
        {[2] = {32, 39}, [3] = {40, 48}, [4] = {49, 57}},
        {[2] = {32, 39}, [3] = {40, 48}, [4] = {49, 57}},
        {[3] = {40, 47}, [4] = {49, 56}},
        {[3] = {48, 48}},
    };
    static const uint8_t out[FORMATS] = {48, 48, 48, 40, 52, 52, 52, 52, 52, 52, 52, 52};
    static _Alignas(4096) uint8_t mem[17 << FRAME_SHIFT];
    (void)state;
    for (size_t i = 0; i < FORMATS; i++)
        for (unsigned bits = 0; bits < 256; bits++)
            for (unsigned root = 0; root <= PT_LEVELS; root++) {
                struct pool pool = {mfn(0x50000), 17, 0, mem};
                struct diag d = {0};
                struct pt t = {formats[i], {(uint8_t)bits, 32, (uint8_t)root, 0}, &pool, {0}, {0}};
                bool ok = root < PT_LEVELS && bits != 0 && bits >= in[i][root][0] && bits <= in[i][root][1];
                pool.first.n &= ~UINT64_C(15);
                assert_int_equal(pt_build(&t, NULL, 0, &d), ok ? ERR_NONE : ERR_INVALID);
                assert_int_equal(strstr(d.text, "input bits") != NULL, !ok);
                if (!ok || root != 3)
                    continue;
                for (unsigned o = 0; o < 256; o++) {
                    pool.used = 0;
                    t.shape.out_bits = (uint8_t)o;
                    assert_int_equal(pt_build(&t, NULL, 0, &d), o >= 32 && o <= out[i] ? ERR_NONE : ERR_INVALID);
                }
            }
}

/* The whole of 64 input bits: the last frame, from 128 entries of a root of level 5. */
static void test_64_bits(void **state)
{
    static _Alignas(4096) uint8_t mem[6 << FRAME_SHIFT];
    struct pool pool = {mfn(0x50000), 6, 0, mem};
    struct pt t = {&pt_format_amdvi, {64, 52, 5, 2}, &pool, {0}, {0}};
    const struct pt_span spans[] = {{(UINT64_C(1) << 52) - 1, (UINT64_C(1) << 40) - 1, 1, R, MEM_NORMAL}};
    const struct pt_span above = {(UINT64_C(1) << 52) - 1, 5, 2, R, MEM_NORMAL};
    struct diag d = {0};
    (void)state;
    for (unsigned level = 0; level < PT_LEVELS; level++)
        t.fill[level] = 0x1100 + level;
    assert_int_equal(pt_root_frames(t.shape), 1);
    assert_int_equal(pt_count(t.shape, spans, 1), 6);
    assert_int_equal(pt_build(&t, &above, 1, &d), ERR_INVALID);
    assert_int_equal(pt_build(&t, spans, 1, &d), ERR_NONE);
    assert_int_equal(pool.used, 6);
    const uint64_t *root = pool_ptr(&pool, t.root);
    assert_int_equal(root[127], UINT64_C(0x6000000050001a01));
    assert_int_equal(root[126], 0x1105);
    assert_int_equal(root[128], 0); /* above the input */
    const uint64_t *last = pool_ptr(&pool, mfn(0x50005));
    assert_int_equal(last[511], UINT64_C(0x300ffffffffff001));
    assert_int_equal(last[510], 0x1100);
}

static void shares(const char *text, const struct pt_format *cpu, struct pt_shape a, const struct pt_format *iommu,
                   struct pt_shape b, const struct pt_span *s, uint32_t n)
{
    const char *why = pt_share_refusal(cpu, a, iommu, b, s, n);
    if ((why == NULL) != (text == NULL) || (why != NULL && strstr(why, text) == NULL))
        fail_msg("%s by %s: \"%s\", wanted \"%s\"", cpu->name, iommu->name, why ? why : "", text ? text : "");
}

static void test_share(void **state)
{
    static const struct pt_span spans[] = {
        {0x00000, 0x40000, 0x40000, R | W | X, MEM_NORMAL},
        {0x40000, 0x80000, 1, R | X, MEM_NORMAL},
        {0x40001, 0x80001, 1, R | W, MEM_DEVICE},
        {0x40002, 0x80002, 1, R | W, MEM_UNCACHED},
        {0x40003, 0x80003, 1, R, MEM_NORMAL},
    };
    static const struct pt_span write_only = {0, 1, 1, W, MEM_DEVICE};
    const struct pt_shape s48 = {48, 48, 3, 2}, s57 = {57, 52, 4, 2}, s40 = {40, 44, 2, 2};
    const struct {
        const char *text;
        const struct pt_format *cpu, *iommu;
        struct pt_shape s;
    } pairs[] = {
        {NULL, &pt_format_npt_shared, &pt_format_amdvi, s48},
        {NULL, &pt_format_npt_shared, &pt_format_amdvi, s57},
        {NULL, &pt_format_ept, &pt_format_vtd_sl, s48},
        {NULL, &pt_format_ept, &pt_format_vtd_sl, s57},
        {NULL, &pt_format_arm_s2, &pt_format_arm_s2, s48},
        {NULL, &pt_format_arm_s2, &pt_format_arm_s2, s40}, /* concatenated root */
        {"table entries", &pt_format_npt, &pt_format_amdvi, s48},
        {"table entries", &pt_format_npt_shared, &pt_format_vtd_sl, s48},
        {"table entries", &pt_format_ept, &pt_format_amdvi, s48},
        {"leaves", &pt_format_ept, &pt_format_vtd_sl_snp, s48},
        {"leaves", &pt_format_arm_s2, &pt_format_smmu_s1, s48},
        {"no root", &pt_format_ept, &pt_format_vtd_fl, s48},
        {"no root", &pt_format_arm_s2, &pt_format_ipmmu, s40},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        shares(pairs[i].text, pairs[i].cpu, pairs[i].s, pairs[i].iommu, pairs[i].s, spans, 5);

    struct pt_shape b = s48;
    b.root_level = 2;
    b.in_bits = 39;
    shares("another level", &pt_format_ept, s48, &pt_format_vtd_sl, b, spans, 5);
    b = s48;
    b.in_bits = 46;
    shares("input bits", &pt_format_ept, s48, &pt_format_vtd_sl, b, spans, 5);
    b = s48;
    b.leaf_level = 1;
    shares("leaves as large", &pt_format_ept, s48, &pt_format_vtd_sl, b, spans, 5);
    shares(NULL, &pt_format_ept, b, &pt_format_vtd_sl, s48, spans, 5);
    b = s48;
    b.out_bits = 46;
    shares("output bits", &pt_format_ept, s48, &pt_format_vtd_sl, b, spans, 5);
    b.root_level = PT_LEVELS;
    shares("no such shape", &pt_format_ept, b, &pt_format_vtd_sl, b, spans, 5);
    shares("leaves", &pt_format_ept, s48, &pt_format_vtd_sl, s48, &write_only, 1);
    shares(NULL, &pt_format_arm_s2, s48, &pt_format_arm_s2, s48, &write_only, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npt),       cmocka_unit_test(test_vtd_fl), cmocka_unit_test(test_npt_shared),
        cmocka_unit_test(test_ept),       cmocka_unit_test(test_amdvi),  cmocka_unit_test(test_vtd_sl),
        cmocka_unit_test(test_smmu_s1),   cmocka_unit_test(test_ipmmu),  cmocka_unit_test(test_formats_are_consistent),
        cmocka_unit_test(test_long_mode), cmocka_unit_test(test_shapes), cmocka_unit_test(test_64_bits),
        cmocka_unit_test(test_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
