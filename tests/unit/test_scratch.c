/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/scratch.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_ipmmu.c kernel/pool.c
 * kernel/diag.c kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iommu/scratch.h"

#define FRAMES 16
#define FIRST  0x40300

static _Alignas(4096) uint8_t mem[FRAMES << FRAME_SHIFT];
static struct diag diag;

static struct pool pool_new(uint64_t frames)
{
    memset(mem, 0xee, sizeof mem);
    memset(&diag, 0, sizeof diag);
    return (struct pool){mfn(FIRST), frames, 0, mem};
}

static int word_compare(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void test_words_are_distinct(void **state)
{
    static const uint16_t ids[] = {0, 1, 2, 15, 16, 255, 256, 0x7fff, 0x8000, 0xffff};
    static uint64_t all[10 * 512];
    size_t n = 0;
    (void)state;
    for (size_t k = 0; k < 10; k++)
        for (unsigned i = 0; i < 512; i++) {
            uint64_t w = scratch_word(ids[k], i);
            for (unsigned b = 0; b < 64; b += 8) {
                assert_int_not_equal(w >> b & 0xff, 0x00);
                assert_int_not_equal(w >> b & 0xff, 0xff);
            }
            all[n++] = w;
        }
    qsort(all, n, sizeof *all, word_compare);
    for (size_t i = 1; i < n; i++)
        assert_true(all[i - 1] != all[i]);
}

/* Level-2 root (39 bits), stage 2: page, table[0], table[1], literal entries (see test_pt.c). */
static void test_tree(void **state)
{
    struct pool p = pool_new(FRAMES);
    struct pt_shape shape = {39, 44, 2, 2};
    struct scratch s;
    (void)state;
    assert_int_equal(scratch_frames(shape), 3);
    assert_int_equal(scratch_build(&s, &pt_format_arm_s2, shape, &p, R_READ | R_WRITE, 7, &diag), ERR_NONE);
    assert_int_equal(p.used, 3);
    assert_int_equal(s.page.n, FIRST);
    assert_int_equal(s.table[0].n, FIRST + 1);
    assert_int_equal(s.table[1].n, FIRST + 2);
    assert_int_equal(s.fill[0], UINT64_C(0x00400000403007ff)); /* page, WB, inner, rw, XN, AF */
    assert_int_equal(s.fill[1], UINT64_C(0x0000000040301003));
    assert_int_equal(s.fill[2], UINT64_C(0x0000000040302003));
    const uint64_t *page = pool_ptr(&p, s.page);
    const uint64_t *t0 = pool_ptr(&p, s.table[0]);
    const uint64_t *t1 = pool_ptr(&p, s.table[1]);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(page[i], scratch_word(7, i));
        assert_int_equal(t0[i], s.fill[0]);
        assert_int_equal(t1[i], s.fill[1]);
    }
}

static void test_tree_of_48_bits(void **state)
{
    struct pool p = pool_new(FRAMES);
    struct pt_shape shape = {48, 48, 3, 1};
    struct scratch s;
    (void)state;
    assert_int_equal(scratch_frames(shape), 4);
    assert_int_equal(scratch_build(&s, &pt_format_arm_s2, shape, &p, R_READ, 0, &diag), ERR_NONE);
    assert_int_equal(p.used, 4);
    assert_int_equal(s.fill[0], UINT64_C(0x004000004030077f)); /* S2AP 01: r */
    assert_int_equal(s.fill[3], UINT64_C(0x0000000040303003));
}

/* Literal entries of the other formats (see test_formats.c), and the frames of each width. */
static void test_tree_of_other_formats(void **state)
{
    static const struct {
        const struct pt_format *format;
        struct pt_shape shape;
        uint8_t rights;
        uint64_t fill[PT_LEVELS];
    } t[] = {
        {&pt_format_amdvi,
         {64, 52, 5, 2},
         R_READ | R_WRITE,
         {UINT64_C(0x7000000040300001), UINT64_C(0x6000000040301201), UINT64_C(0x6000000040302401),
          UINT64_C(0x6000000040303601), UINT64_C(0x6000000040304801), UINT64_C(0x6000000040305a01)}},
        {&pt_format_amdvi,
         {39, 48, 2, 0},
         R_READ,
         {UINT64_C(0x3000000040300001), UINT64_C(0x6000000040301201), UINT64_C(0x6000000040302401)}},
        {&pt_format_vtd_sl,
         {57, 52, 4, 2},
         R_READ | R_WRITE,
         {0x40300003, 0x40301003, 0x40302003, 0x40303003, 0x40304003}},
        {&pt_format_vtd_sl_snp, {39, 39, 2, 2}, R_READ, {0x40300801, 0x40301003, 0x40302003}},
        {&pt_format_ipmmu,
         {32, 40, 2, 2},
         R_READ | R_WRITE,
         {UINT64_C(0x0060000040300f67), UINT64_C(0x8000000040301003), UINT64_C(0x8000000040302003)}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pool p = pool_new(FRAMES);
        struct scratch s;
        assert_int_equal(scratch_build(&s, t[i].format, t[i].shape, &p, t[i].rights, 0, &diag), ERR_NONE);
        assert_int_equal(p.used, 1 + t[i].shape.root_level);
        assert_int_equal(scratch_frames(t[i].shape), p.used);
        for (unsigned level = 0; level <= t[i].shape.root_level; level++)
            assert_int_equal(s.fill[level], t[i].fill[level]);
        for (unsigned level = 0; level < t[i].shape.root_level; level++)
            for (unsigned k = 0; k < 512; k++)
                assert_int_equal(((uint64_t *)pool_ptr(&p, s.table[level]))[k], t[i].fill[level]);
    }
}

static void test_refused_takes_nothing(void **state)
{
    static const uint8_t bad[] = {0, R_WRITE, R_EXEC, R_READ | R_EXEC, R_READ | R_WRITE | R_EXEC, 8, 255};
    struct pt_shape shape = {39, 44, 2, 2};
    struct pool p = pool_new(FRAMES);
    struct scratch s;
    (void)state;
    for (size_t i = 0; i < sizeof bad; i++) {
        diag.text[0] = '\0';
        assert_int_equal(scratch_build(&s, &pt_format_arm_s2, shape, &p, bad[i], 0, &diag), ERR_INVALID);
        assert_non_null(strstr(diag.text, "rights"));
        assert_int_equal(p.used, 0);
    }
    shape.root_level = PT_LEVELS;
    assert_int_equal(scratch_build(&s, &pt_format_arm_s2, shape, &p, R_READ, 0, &diag), ERR_INVALID);
    shape.root_level = 2;
    p = pool_new(2);
    assert_int_equal(scratch_build(&s, &pt_format_arm_s2, shape, &p, R_READ, 0, &diag), ERR_NO_SPACE);
    assert_non_null(strstr(diag.text, "needs 3 frames, 2 of"));
    assert_int_equal(p.used, 0);
}

static void page_fill(uint64_t *page, uint16_t id)
{
    for (unsigned i = 0; i < 512; i++)
        page[i] = scratch_word(id, i);
}

static void test_audit(void **state)
{
    /* Offset and length of a write of 0x00 bytes, then what is found (at most to the page's end). */
    static const struct {
        uint32_t offset, len, found;
    } writes[] = {{0, 1, 16},   {7, 2, 16},     {8, 8, 16},    {1234, 64, 16},
                  {4095, 1, 1}, {4081, 15, 15}, {4080, 1, 16}, {0, 4096, 16}};
    static uint64_t page[512], clean[512];
    uint8_t *bytes = (uint8_t *)page;
    struct scratch_report r;
    (void)state;

    page_fill(page, 3);
    page_fill(clean, 3);
    memset(&r, 0xff, sizeof r);
    scratch_audit(page, 3, &r);
    assert_int_equal(r.changed, 0);
    assert_int_equal(r.found_len, 0);
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        for (int value = 0; value < 256; value += 255) {
            memset(bytes + writes[i].offset, value, writes[i].len);
            uint8_t seen[16];
            memcpy(seen, bytes + writes[i].offset, writes[i].found);
            scratch_audit(page, 3, &r);
            assert_int_equal(r.changed, writes[i].len);
            assert_int_equal(r.offset, writes[i].offset);
            assert_int_equal(r.found_len, writes[i].found);
            assert_memory_equal(r.found, seen, writes[i].found);
            assert_memory_equal(page, clean, sizeof page);
        }

    bytes[100] ^= 1; /* two far apart: both counted, the first one shown */
    bytes[3000] ^= 0x80;
    scratch_audit(page, 3, &r);
    assert_int_equal(r.changed, 2);
    assert_int_equal(r.offset, 100);
    scratch_audit(page, 4, &r); /* another partition's pattern differs in every word */
    assert_true(r.changed >= 512);
    scratch_audit(page, 4, &r);
    assert_int_equal(r.changed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_distinct),    cmocka_unit_test(test_tree),
        cmocka_unit_test(test_tree_of_48_bits),       cmocka_unit_test(test_tree_of_other_formats),
        cmocka_unit_test(test_refused_takes_nothing), cmocka_unit_test(test_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
