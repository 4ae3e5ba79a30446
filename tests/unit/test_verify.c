/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c
 * kernel/p2m/format_arm_el2.c kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c */
#include "verify_world.h"

static void assert_refused(const struct world *w, const char *text)
{
    struct diag d = {0};
    assert_int_equal(verify_tables(&w->job, &d), ERR_INVALID);
    if (strstr(d.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", d.text, text);
}

/*
 * 39 bits: 4 pages at 0, the same 4 at 1 GiB (so both have tables of equal contents), one
 * 2 MiB leaf at 2 GiB. Frames from the root on: root, [1] [0] of the first, [1] [0] of the
 * second, [1] of the third.
 */
static void alias_world(struct world *w, bool scratch)
{
    static const struct pt_span spans[] = {
        {0x00000, 0x12000, 4, RW, MEM_NORMAL},
        {0x40000, 0x12000, 4, RW, MEM_NORMAL},
        {0x80000, 0x20000, 0x200, RW, MEM_NORMAL},
    };
    world_init(w, &pt_format_arm_s2, &verify_arm_s2, (struct pt_shape){39, 40, 2, 2});
    if (scratch)
        world_add_scratch(w, RW);
    memcpy(w->spans, spans, sizeof spans);
    w->job.count = 3;
    world_build(w);
    assert_accepted(w);
}

/* Put e in place of an entry, expect text, put it back. */
static void replaced(struct world *w, uint64_t frame, uint64_t i, uint64_t e, const char *text)
{
    uint64_t *t = table(w, mfn(w->pt.root.n + frame));
    uint64_t old = t[i];
    t[i] = e;
    assert_refused(w, text);
    t[i] = old;
}

static void test_wrong_entries(void **state)
{
    static struct world w;
    (void)state;
    for (int scratch = 0; scratch < 2; scratch++) {
        alias_world(&w, scratch);
        uint64_t *root = table(&w, w.pt.root);
        uint64_t *low = table(&w, mfn(w.pt.root.n + 2));
        replaced(&w, 0, 1, root[0], "not in use"); /* a subtree of the right contents, shared */
        replaced(&w, 0, 0, root[1], "not in use");
        replaced(&w, 0, 1, mfn_addr(w.pt.root).v | 3, "is the root");
        replaced(&w, 1, 0, mfn_addr(w.pt.root).v | 3, "is the root"); /* a loop */
        replaced(&w, 1, 0, mfn_addr(mfn(w.pt.root.n + 1)).v | 3, "not in use");
        replaced(&w, 0, 1, mfn_addr(mfn(FIRST - 1)).v | 3, "among the 128 frames of the pool");
        replaced(&w, 0, 1, mfn_addr(mfn(FIRST + FRAMES)).v | 3, "among the 128 frames of the pool");
        replaced(&w, 0, 2, root[1], "not in use");
        replaced(&w, 2, 0, low[1], "wanted frame 0x12000");
        replaced(&w, 2, 0, 0, "found 0x0");
        replaced(&w, 2, 4, low[3] + 0x1000,
                 scratch ? "wanted the scratch page" : "wanted a hole");             /* one page too many */
        replaced(&w, 1, 0, UINT64_C(0x00400000120007fd), "are not the whole entry"); /* 2 MiB for 4 pages */
        replaced(&w, 1, 0, UINT64_C(0x0040000012000bff), "wanted a table entry");
        replaced(&w, 0, 3, root[0], scratch ? "entry 0 of a scratch table" : "wanted a hole, 0x0");
        if (scratch) {
            replaced(&w, 0, 0, mfn_addr(w.scratch.page).v | 3, "scratch page");
            replaced(&w, 0, 3, w.scratch.fill[1], "wanted 0x");
        }
        assert_accepted(&w);
    }
}

static void test_swapped_entries(void **state)
{
    static struct world w;
    (void)state;
    for (int scratch = 0; scratch < 2; scratch++) {
        alias_world(&w, scratch);
        for (uint64_t f = 0; f < 6; f++) {
            uint64_t *t = table(&w, mfn(w.pt.root.n + f));
            for (uint64_t a = 0; a < 512; a++)
                for (uint64_t b = a + 1; b < a + 6 && b < 512; b++) {
                    uint64_t x = t[a], y = t[b];
                    t[a] = y;
                    t[b] = x;
                    assert_int_equal(verify(&w), x == y ? ERR_NONE : ERR_INVALID);
                    t[a] = x;
                    t[b] = y;
                }
        }
    }
}

/* Another partition's map in the same pool: none of its tables or leaves may appear in this one. */
static void test_foreign_tables(void **state)
{
    static struct world w;
    struct pt other;
    struct pt_span spans[3];
    struct diag d = {0};
    (void)state;
    alias_world(&w, true);
    memcpy(spans, w.spans, sizeof spans);
    for (int i = 0; i < 3; i++)
        spans[i].out += 0x8000;
    other = w.pt;
    assert_int_equal(pt_build(&other, spans, 3, &d), ERR_NONE);
    for (uint64_t f = 0; f < 6; f++) {
        const uint64_t *theirs = table(&w, mfn(other.root.n + f));
        for (uint64_t i = 0; i < 512; i++)
            if (theirs[i] != table(&w, mfn(w.pt.root.n + f))[i])
                replaced(&w, f, i, theirs[i], "wanted");
    }
    w.job.root = other.root;
    assert_refused(&w, "wanted frame 0x12000");
}

static void test_scratch_tree(void **state)
{
    static struct world w;
    mfn_t f;
    (void)state;
    alias_world(&w, true);
    w.job.scratch_rights = R_READ;
    assert_refused(&w, "wanted the scratch page");
    w.job.scratch_rights = RW;
    w.job.scratch_page.n++;
    assert_int_equal(verify(&w), ERR_INVALID);
    w.job.scratch_page.n--;
    w.job.scratch = false;
    assert_refused(&w, "wanted a hole, 0x0");
    w.job.scratch = true;

    /* A second tree of the same contents is not the one. */
    assert_true(pool_take(&w.pool, 1, false, &f));
    memcpy(table(&w, f), table(&w, w.scratch.table[1]), FRAME_SIZE);
    replaced(&w, 0, 511, mfn_addr(f).v | 3, "wanted a hole");

    alias_world(&w, false); /* without scratch, but the job wants it */
    w.job.scratch = true;
    w.job.scratch_rights = RW;
    assert_refused(&w, "wanted the scratch page");
}

static void test_root(void **state)
{
    static struct world w;
    (void)state;
    world_init(&w, &pt_format_arm_s2, &verify_arm_s2, (struct pt_shape){42, 44, 2, 2});
    w.spans[0] = (struct pt_span){0x3ffff000, 0x5000, 0x1000, RW, MEM_NORMAL};
    w.job.count = 1;
    world_build(&w);
    assert_accepted(&w);
    w.job.root.n++;
    assert_refused(&w, "aligned");
    w.job.root.n += 7;
    assert_int_equal(verify(&w), ERR_INVALID);
    w.job.root.n = FIRST + FRAMES;
    assert_refused(&w, "frames of the pool");
    w.job.root.n = FIRST - 8;
    assert_refused(&w, "frames of the pool");
    w.job.root = w.pt.root;
    w.pool.frames = 7;
    assert_refused(&w, "frames of the pool");
    w.pool.frames = FRAMES;
    w.job.shape.in_bits = 41; /* the map does not reach so far down */
    assert_refused(&w, "span 0");
    w.job.shape.in_bits = 43;
    assert_int_equal(verify(&w), ERR_INVALID);
}

static void test_jobs_refused(void **state)
{
    static const struct pt_shape bad[] = {
        {31, 40, 2, 2}, {49, 40, 3, 2}, {39, 40, 3, 2}, {44, 40, 2, 2}, {39, 40, 1, 1},       {48, 40, 4, 2},
        {39, 40, 2, 3}, {39, 31, 2, 2}, {39, 49, 2, 2}, {0, 0, 0, 0},   {255, 255, 255, 255},
    };
    static struct world w;
    (void)state;
    alias_world(&w, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w.job.shape = bad[i];
        assert_refused(&w, "no such tables");
    }
    w.job.format = &verify_arm_el2; /* stage 1 has no concatenated root */
    w.job.shape = (struct pt_shape){40, 40, 2, 2};
    assert_refused(&w, "no such tables");
    w.job.shape = (struct pt_shape){57, 40, 4, 2};
    assert_refused(&w, "no such tables");

    alias_world(&w, false);
    w.job.shape.leaf_level = 0;
    assert_refused(&w, "leaves end at level 0");
    w.job.shape.leaf_level = 2;
    w.spans[1].in = 3; /* overlaps the first */
    assert_refused(&w, "span 1");
    w.spans[1] = (struct pt_span){0x40000, UINT64_MAX, 2, RW, MEM_NORMAL};
    assert_refused(&w, "span 1");
    w.spans[1] = (struct pt_span){0x40000, 0, UINT64_MAX, RW, MEM_NORMAL};
    assert_refused(&w, "span 1");
    w.spans[1] = (struct pt_span){0x40000, 0, 0, RW, MEM_NORMAL};
    assert_refused(&w, "span 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_entries),  cmocka_unit_test(test_swapped_entries),
        cmocka_unit_test(test_foreign_tables), cmocka_unit_test(test_scratch_tree),
        cmocka_unit_test(test_root),           cmocka_unit_test(test_jobs_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
