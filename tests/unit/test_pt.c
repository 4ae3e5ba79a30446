/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/pool.c kernel/diag.c
 * kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "p2m/pt.h"

#define FRAMES 64
#define FIRST  0x50000
#define R      R_READ
#define W      R_WRITE
#define X      R_EXEC

static _Alignas(4096) uint8_t mem[FRAMES << FRAME_SHIFT];
static struct pool pool;
static struct diag diag;

static struct pt pt_new(const struct pt_format *f, struct pt_shape s)
{
    memset(mem, 0xee, sizeof mem); /* frames come zeroed from the pool, not from here */
    memset(&diag, 0, sizeof diag);
    pool = (struct pool){mfn(FIRST), FRAMES, 0, mem};
    return (struct pt){.format = f, .shape = s, .pool = &pool};
}

static uint64_t *table(uint64_t frame)
{
    assert_true(pool_has(&pool, mfn(frame)));
    return pool_ptr(&pool, mfn(frame));
}

static void test_pool(void **state)
{
    mfn_t f;
    (void)state;
    (void)pt_new(&pt_format_arm_s2, (struct pt_shape){39, 48, 2, 2});
    pool.first = mfn(0x1003);
    assert_true(pool_take(&pool, 1, true, &f));
    assert_int_equal(f.n, 0x1003);
    assert_true(pool_take(&pool, 2, false, &f));
    assert_int_equal(f.n, 0x1004);
    for (size_t i = 0; i < 2 * FRAME_SIZE; i++)
        assert_int_equal(((uint8_t *)pool_ptr(&pool, f))[i], 0);
    assert_int_equal(mem[3 * FRAME_SIZE], 0xee);
    assert_true(pool_take(&pool, 8, true, &f));
    assert_int_equal(f.n, 0x1008);
    assert_int_equal(pool.used, 13);
    assert_true(pool_take(&pool, 3, true, &f)); /* not a power of two: where it comes */
    assert_int_equal(f.n, 0x1010);
    assert_int_equal(pool.used, 16);
    assert_false(pool_take(&pool, 49, false, &f));
    assert_false(pool_take(&pool, 0, false, &f));
    assert_false(pool_take(&pool, UINT64_MAX, false, &f));
    assert_false(pool_take(&pool, 64, true, &f));
    assert_int_equal(pool.used, 16);
    assert_true(pool_take(&pool, 48, false, &f));
    assert_false(pool_take(&pool, 1, true, &f));
}

/*
 * Arm ARM D8.3.1, stage 2: bits 1:0 = 11 page or table, 01 block; MemAttr 5:2; S2AP 7:6
 * (01 r, 10 w, 11 rw); SH 9:8 (11 inner, 10 outer); AF 10; XN 54.
 */
static void test_entries_stage2(void **state)
{
    static const struct {
        unsigned level;
        uint64_t out;
        uint8_t rights, mem;
        uint64_t want;
    } e[] = {
        /* page 3 | WB 0x3c | rw 0xc0 | inner 0x300 | AF 0x400 = 0x7ff */
        {0, 0x40000, R | W | X, MEM_NORMAL, UINT64_C(0x00000000400007ff)},
        {1, 0x40200, R | W | X, MEM_NORMAL, UINT64_C(0x00000000402007fd)},
        {2, 0x40000, R | W | X, MEM_NORMAL, UINT64_C(0x00000000400007fd)},
        {0, 0x12345, R | W, MEM_NORMAL, UINT64_C(0x00400000123457ff)},
        {0, 0x12345, R | X, MEM_NORMAL, UINT64_C(0x000000001234577f)},
        {0, 0x12345, R, MEM_NORMAL, UINT64_C(0x004000001234577f)},
        {0, 0x12345, W, MEM_NORMAL, UINT64_C(0x00400000123457bf)},
        /* MemAttr 0101 = 0x14, outer 0x200 */
        {0, 0x10000, R | W, MEM_UNCACHED, UINT64_C(0x00400000100006d7)},
        /* MemAttr 0001 = 0x04, outer 0x200 */
        {0, 0x09000, R | W, MEM_DEVICE, UINT64_C(0x00400000090006c7)},
        {0, 0x08090, W, MEM_DEVICE, UINT64_C(0x0040000008090687)},
        {1, 0xffffffe00, R | W, MEM_DEVICE, UINT64_C(0x0040ffffffe006c5)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
        {0, 1, 8, MEM_NORMAL, PT_NONE},
        {0, 1, R, MEM_TYPES, PT_NONE},
        {3, 0, R, MEM_NORMAL, PT_NONE},
        {4, 0, R, MEM_NORMAL, PT_NONE},
        {6, 0, R, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof e / sizeof *e; i++)
        assert_int_equal(pt_leaf_entry(&pt_format_arm_s2, e[i].level, e[i].out, e[i].rights, e[i].mem), e[i].want);
    for (unsigned level = 1; level <= 3; level++)
        assert_int_equal(pt_table_entry(&pt_format_arm_s2, level, mfn(0x54321)), UINT64_C(0x54321003));
}

/*
 * Arm ARM D8.3.1, stage 1 of EL2: AttrIndx 4:2 (0 device, 1 write-back, 2 non-cacheable);
 * AP[1] 6 is RES1; AP[2] 7 is read-only; SH 9:8; AF 10; XN 54.
 */
static void test_entries_el2(void **state)
{
    static const struct {
        unsigned level;
        uint64_t out;
        uint8_t rights, mem;
        uint64_t want;
    } e[] = {
        /* page 3 | index 1 0x04 | AP[1] 0x40 | AP[2] 0x80 | inner 0x300 | AF 0x400 = 0x7c7 */
        {0, 0x40080, R | X, MEM_NORMAL, UINT64_C(0x00000000400807c7)},
        {0, 0x40080, R, MEM_NORMAL, UINT64_C(0x00400000400807c7)},
        {0, 0x40080, R | W, MEM_NORMAL, UINT64_C(0x0040000040080747)},
        {1, 0x40200, R | W, MEM_NORMAL, UINT64_C(0x0040000040200745)},
        {2, 0x40000, R | W, MEM_NORMAL, UINT64_C(0x0040000040000745)},
        {0, 0x10000, R | W, MEM_UNCACHED, UINT64_C(0x004000001000064b)},
        {0, 0x09000, R | W, MEM_DEVICE, UINT64_C(0x0040000009000643)},
        {0, 1, 0, MEM_NORMAL, PT_NONE},
        {0, 1, W, MEM_NORMAL, PT_NONE},
        {0, 1, X, MEM_NORMAL, PT_NONE},
        {0, 1, W | X, MEM_NORMAL, PT_NONE},
        {0, 1, R | W | X, MEM_NORMAL, PT_NONE},
        {3, 0, R, MEM_NORMAL, PT_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof e / sizeof *e; i++)
        assert_int_equal(pt_leaf_entry(&pt_format_arm_el2, e[i].level, e[i].out, e[i].rights, e[i].mem), e[i].want);
    for (unsigned level = 1; level <= 3; level++)
        assert_int_equal(pt_table_entry(&pt_format_arm_el2, level, mfn(0x54321)), UINT64_C(0x54321003));
}

/* Level 2 root of 39 bits; a page, then blocks where alignment allows, drawn by hand. */
static void test_build_by_hand(void **state)
{
    const struct pt_span spans[] = {
        {0x09000, 0x09000, 1, R | W, MEM_DEVICE},
        {0x401ff, 0x801ff, 0x402, R | W | X, MEM_NORMAL}, /* 4 KiB, 2 x 2 MiB, 4 KiB */
        {0x80000, 0xc0000, 0x80000, R, MEM_NORMAL},       /* 2 x 1 GiB */
    };
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){39, 44, 2, 2});
    (void)state;
    assert_int_equal(pt_count(t.shape, spans, 3), 6);
    assert_int_equal(pt_build(&t, spans, 3, &diag), ERR_NONE);
    assert_int_equal(pool.used, 6);
    assert_int_equal(t.root.n, FIRST);
    assert_int_equal(table(FIRST)[0], UINT64_C(0x50001003));
    assert_int_equal(table(FIRST)[1], UINT64_C(0x50003003));
    assert_int_equal(table(FIRST)[2], UINT64_C(0x00400000c000077d));
    assert_int_equal(table(FIRST)[3], UINT64_C(0x004000010000077d));
    assert_int_equal(table(FIRST)[4], 0);
    assert_int_equal(table(FIRST + 1)[0x48], UINT64_C(0x50002003)); /* 0x09000000 >> 21 */
    assert_int_equal(table(FIRST + 2)[0], UINT64_C(0x00400000090006c7));
    assert_int_equal(table(FIRST + 2)[1], 0);
    assert_int_equal(table(FIRST + 3)[0], UINT64_C(0x50004003));
    assert_int_equal(table(FIRST + 3)[1], UINT64_C(0x802007fd));
    assert_int_equal(table(FIRST + 3)[2], UINT64_C(0x804007fd));
    assert_int_equal(table(FIRST + 3)[3], UINT64_C(0x50005003));
    assert_int_equal(table(FIRST + 3)[4], 0);
    assert_int_equal(table(FIRST + 4)[510], 0);
    assert_int_equal(table(FIRST + 4)[511], UINT64_C(0x801ff7ff));
    assert_int_equal(table(FIRST + 5)[0], UINT64_C(0x806007ff));
    assert_int_equal(table(FIRST + 5)[1], 0);
}

/* The same spans with smaller leaves: a 1 GiB leaf becomes 512 of 2 MiB. */
static void test_leaf_level(void **state)
{
    const struct pt_span span = {0x40000, 0x40000, 0x40000, R | W | X, MEM_NORMAL};
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){39, 44, 2, 1});
    (void)state;
    assert_int_equal(pt_count(t.shape, &span, 1), 2);
    assert_int_equal(pt_build(&t, &span, 1, &diag), ERR_NONE);
    assert_int_equal(pool.used, 2);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(table(FIRST + 1)[i], UINT64_C(0x400007fd) + (i << 21));
    t.shape.leaf_level = 0;
    assert_int_equal(pt_count(t.shape, &span, 1), 1 + 1 + 512);
}

/* An offset that is not a multiple of a block's size rules blocks out. */
static void test_offset_limits_leaves(void **state)
{
    const struct pt_span span = {0x40000, 0x80001, 0x400, R, MEM_NORMAL};
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){39, 44, 2, 2});
    (void)state;
    assert_int_equal(pt_build(&t, &span, 1, &diag), ERR_NONE);
    assert_int_equal(pool.used, 4);
    assert_int_equal(table(FIRST + 3)[511], UINT64_C(0x004000008040077f));
}

static void test_roots(void **state)
{
    static const struct {
        uint8_t in_bits, root_level;
        uint64_t frames;
    } r[] = {{32, 2, 1},  {39, 2, 1}, {40, 2, 2}, {41, 2, 4}, {42, 2, 8},
             {43, 2, 16}, {40, 3, 1}, {44, 3, 1}, {48, 3, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof r / sizeof *r; i++) {
        uint64_t top = UINT64_C(1) << (r[i].in_bits - FRAME_SHIFT);
        const struct pt_span span = {top - 1, 0x777, 1, R, MEM_DEVICE};
        struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){r[i].in_bits, 44, r[i].root_level, 2});
        mfn_t skew;
        assert_int_equal(pt_root_frames(t.shape), r[i].frames);
        assert_true(pool_take(&pool, 1, false, &skew));
        assert_int_equal(pt_build(&t, &span, 1, &diag), ERR_NONE);
        assert_int_equal(t.root.n % r[i].frames, 0);
        /* The last entry of the input range is the only one of the root. */
        uint64_t last = (top >> 9 * r[i].root_level) - 1;
        for (uint64_t k = 0; k < r[i].frames * 512; k++)
            assert_int_equal(table(t.root.n)[k] != 0, k == last);
        assert_int_equal(pt_count(t.shape, &span, 1), r[i].frames + r[i].root_level);
    }
}

/* What no span reaches holds fill; entries of the root above in_bits stay zero. */
static void test_fill(void **state)
{
    const struct pt_span span = {5, 0x777, 1, R, MEM_NORMAL};
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){44, 44, 3, 2});
    (void)state;
    for (unsigned level = 0; level < PT_LEVELS; level++)
        t.fill[level] = UINT64_C(0xf1110000) + level;
    assert_int_equal(pt_build(&t, &span, 1, &diag), ERR_NONE);
    assert_int_equal(pool.used, 4);
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(table(FIRST)[i], i == 0 ? UINT64_C(0x50001003) : i < 32 ? t.fill[3] : 0);
        assert_int_equal(table(FIRST + 1)[i], i == 0 ? UINT64_C(0x50002003) : t.fill[2]);
        assert_int_equal(table(FIRST + 2)[i], i == 0 ? UINT64_C(0x50003003) : t.fill[1]);
        assert_int_equal(table(FIRST + 3)[i], i == 5 ? UINT64_C(0x004000000077777f) : t.fill[0]);
    }
}

static void refused(struct pt *t, const struct pt_span *spans, uint32_t count, const char *text)
{
    diag.text[0] = '\0';
    assert_int_equal(pt_build(t, spans, count, &diag), ERR_INVALID);
    if (strstr(diag.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", diag.text, text);
    assert_int_equal(pool.used, 0);
}

static void test_spans_refused(void **state)
{
    static const struct {
        struct pt_span s;
        const char *text;
    } bad[] = {
        {{1, 1, 0, R, MEM_NORMAL}, "it is empty"},
        {{UINT64_C(1) << 27, 1, 1, R, MEM_NORMAL}, "its input must end at or below frame 0x8000000"},
        {{(UINT64_C(1) << 27) - 1, 1, 2, R, MEM_NORMAL}, "its input must end"},
        {{UINT64_MAX, 1, 2, R, MEM_NORMAL}, "its input must end"},
        {{1, 1, UINT64_MAX, R, MEM_NORMAL}, "its input must end"},
        {{1, UINT64_C(1) << 28, 1, R, MEM_NORMAL}, "its output must end at or below frame 0x10000000"},
        {{1, (UINT64_C(1) << 28) - 1, 2, R, MEM_NORMAL}, "its output must end"},
        {{1, UINT64_MAX, 2, R, MEM_NORMAL}, "its output must end"},
        {{1, 0, 512, PT_WINDOW, 0}, "a window's input frame and frames must be multiples of 0x200"},
        {{512, 0, 511, PT_WINDOW, 0}, "a window's input frame and frames must be multiples of 0x200"},
        {{512, 0, 1, PT_WINDOW, 0}, "a window's input frame and frames must be multiples of 0x200"},
        {{(UINT64_C(1) << 27) - 512, 0, 1024, PT_WINDOW, 0}, "its input must end"},
        {{512, 0, 0, PT_WINDOW, 0}, "it is empty"},
        {{0, 0, 512, PT_WINDOW, 0}, "it must start at or above"},
        {{1, 1, 1, X, MEM_NORMAL}, "cannot say rights 0x4"},
        {{1, 1, 1, W | X, MEM_NORMAL}, "cannot say rights 0x6"},
        {{1, 1, 1, 8, MEM_NORMAL}, "cannot say rights 0x8"},
        {{1, 1, 1, R, MEM_TYPES}, "cannot say memory type 0x3"},
        {{0, 1, 1, R, MEM_NORMAL}, "it must start at or above the end of the span before it, 0x1"},
    };
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){39, 40, 2, 2});
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pt_span two[2] = {{0, 0, 1, R, MEM_NORMAL}, bad[i].s};
        refused(&t, two, 2, bad[i].text);
        refused(&t, two, 2, "span 1 ");
    }
    t.format = &pt_format_arm_el2;
    static const uint8_t rights[] = {W, X, W | X, R | W | X};
    for (size_t i = 0; i < sizeof rights; i++)
        refused(&t, &(struct pt_span){0, 0, 1, rights[i], MEM_NORMAL}, 1, "cannot say rights");
}

static void test_shapes_refused(void **state)
{
    static const struct {
        struct pt_shape s;
        const char *text;
    } bad[] = {
        {{31, 40, 2, 2}, "31 input bits"},      {{49, 40, 3, 2}, "49 input bits"},
        {{39, 40, 3, 2}, "39 input bits"},      {{39, 40, 1, 1}, "root of level 1"},
        {{48, 40, 4, 2}, "root of level 4"},    {{44, 40, 2, 2}, "takes 32..43"},
        {{39, 40, 2, 3}, "no leaf at level 3"}, {{39, 31, 2, 2}, "31 output bits"},
        {{39, 49, 2, 2}, "49 output bits"},     {{39, 52, 2, 2}, "52 output bits"},
        {{39, 64, 2, 2}, "64 output bits"},     {{0, 40, 0, 0}, "0 input bits"},
        {{57, 40, 4, 2}, "root of level 4"},    {{64, 40, 5, 2}, "root of level 5"},
        {{64, 40, 6, 2}, "root of level 6"},
    };
    const struct pt_span span = {0, 0, 1, R, MEM_NORMAL};
    struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){0});
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        t.shape = bad[i].s;
        refused(&t, &span, 1, bad[i].text);
    }
    t.shape = (struct pt_shape){40, 40, 2, 2};
    t.format = &pt_format_arm_el2; /* stage 1 has no concatenated tables */
    refused(&t, &span, 1, "takes 32..39");
    t.shape = (struct pt_shape){39, 32, 2, 2};
    pool.first = mfn((UINT64_C(1) << 20) - FRAMES + 1);
    refused(&t, &span, 1, "above the 32 output bits");
}

static void test_no_space(void **state)
{
    const struct pt_span span = {5, 0x777, 1, R, MEM_NORMAL};
    (void)state;
    for (uint64_t frames = 1; frames <= 3; frames++) {
        struct pt t = pt_new(&pt_format_arm_s2, (struct pt_shape){39, 44, 2, 2});
        pool.frames = frames;
        assert_int_equal(pt_build(&t, &span, 1, &diag), frames < 3 ? ERR_NO_SPACE : ERR_NONE);
        assert_int_equal(strstr(diag.text, "need 3 frames") != NULL, frames < 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_entries_stage2),
        cmocka_unit_test(test_entries_el2),
        cmocka_unit_test(test_build_by_hand),
        cmocka_unit_test(test_leaf_level),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_offset_limits_leaves),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_spans_refused),
        cmocka_unit_test(test_shapes_refused),
        cmocka_unit_test(test_no_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
