/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/window.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_x86.c
 * kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c
 * kernel/p2m/format_arm_el2.c kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_npt.c
 * kernel/p2m/format_ept.c kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c
 * kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c tests/host/dtc.c */
/* Windows in tables of every format: built, changed, and what verify makes of them. */
#include "verify_world.h"

#include "dtc.h"
#include "p2m/window.h"

/* Every shape of a root once: of one and of several frames, at each level. */
static const struct kit {
    const struct pt_format *format;
    const struct verify_format *verify;
    struct pt_shape shape;
} kits[] = {
    {&pt_format_arm_s2, &verify_arm_s2, {39, 44, 2, 2}},
    {&pt_format_arm_s2, &verify_arm_s2, {42, 48, 2, 1}},
    {&pt_format_arm_s2, &verify_arm_s2, {48, 48, 3, 2}},
    {&pt_format_arm_el2, &verify_arm_el2, {39, 48, 2, 0}},
    {&pt_format_smmu_s1, &verify_smmu_s1, {48, 44, 3, 2}},
    {&pt_format_ipmmu, &verify_ipmmu, {39, 40, 2, 2}},
    {&pt_format_npt, &verify_npt, {48, 52, 3, 2}},
    {&pt_format_npt_shared, &verify_npt_shared, {57, 52, 4, 2}},
    {&pt_format_ept, &verify_ept, {48, 46, 3, 2}},
    {&pt_format_ept, &verify_ept_shared, {48, 46, 3, 1}},
    {&pt_format_amdvi, &verify_amdvi, {64, 52, 5, 2}},
    {&pt_format_vtd_sl, &verify_vtd_sl, {48, 46, 3, 2}},
    {&pt_format_vtd_sl_snp, &verify_vtd_sl_snp, {57, 52, 4, 0}},
    {&pt_format_vtd_fl, &verify_vtd_fl, {47, 52, 3, 2}},
};
#define KITS (sizeof kits / sizeof *kits)

#define WINDOW 0xbfe00 /* two leaf tables, the second one in the next GiB */
#define SIZE   0x400
#define OUT    0x90000

static mfn_t spare; /* a frame below all of its tables */

/* A window between other spans, of large and of small leaves, in both of its GiB; a second one further on. */
static void window_world(struct world *w, const struct kit *k, bool scratch)
{
    static const struct pt_span spans[] = {
        {0x80000, 0x80000, 0x400, RW, MEM_NORMAL}, /* 2 MiB leaves */
        {0xbfdf0, 0x1230, 0x10, R_READ, MEM_NORMAL}, {WINDOW, 0, SIZE, PT_WINDOW, 0},
        {WINDOW + SIZE, 0x2000, 1, RW, MEM_NORMAL},  {0x100000, 0, 0x200, PT_WINDOW, 0},
    };

    world_init(w, k->format, k->verify, k->shape);
    assert_true(pool_take(&w->pool, 1, false, &spare));
    if (scratch)
        world_add_scratch(w, RW);
    memcpy(w->spans, spans, sizeof spans);
    w->job.count = 5;
    world_build(w);
}

static void assert_refused(const struct world *w, const char *text)
{
    struct diag d = {0};
    assert_int_equal(verify_tables(&w->job, &d), ERR_INVALID);
    if (strstr(d.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", d.text, text);
}

/* The tables drawn by hand: 39 bits, level 1 for GiB 2, 3 and 4, leaf tables for the spans' ends and the windows. */
static void test_build(void **state)
{
    static struct world w;
    (void)state;
    window_world(&w, &kits[0], true);
    assert_int_equal(w.pool.used, 1 + 3 + 1 + 3 + 5);
    uint64_t *root = table(&w, w.pt.root);
    uint64_t first = w.pt.root.n;
    assert_int_equal(root[2], mfn_addr(mfn(first + 1)).v | 3);
    assert_int_equal(root[3], mfn_addr(mfn(first + 4)).v | 3);
    assert_int_equal(root[4], mfn_addr(mfn(first + 7)).v | 3);
    uint64_t *second = table(&w, mfn(first + 1));
    assert_int_equal(second[510], mfn_addr(mfn(first + 2)).v | 3);
    assert_int_equal(second[511], mfn_addr(mfn(first + 3)).v | 3);
    assert_int_equal(table(&w, mfn(first + 4))[0], mfn_addr(mfn(first + 5)).v | 3);
    assert_int_equal(table(&w, mfn(first + 4))[1], mfn_addr(mfn(first + 6)).v | 3);
    assert_int_equal(table(&w, mfn(first + 7))[0], mfn_addr(mfn(first + 8)).v | 3);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(table(&w, mfn(first + 3))[i], w.scratch.fill[0]);
        assert_int_equal(table(&w, mfn(first + 5))[i], w.scratch.fill[0]);
        assert_int_equal(table(&w, mfn(first + 8))[i], w.scratch.fill[0]);
        assert_int_equal(table(&w, mfn(first + 6))[i] == w.scratch.fill[0], i != 0);
    }
}

/* Count is use (world_build looks), verify agrees, and leaves are where an own walk finds them. */
static void test_every_format(void **state)
{
    static struct world w;
    (void)state;
    for (size_t i = 0; i < 2 * KITS; i++) {
        window_world(&w, &kits[i / 2], i & 1);
        assert_accepted(&w);
        uint64_t *low = window_leaf(&w.pt, WINDOW);
        uint64_t *high = window_leaf(&w.pt, WINDOW + 512);
        assert_int_equal((uintptr_t)low % FRAME_SIZE, 0);
        assert_int_equal((uintptr_t)high % FRAME_SIZE, 0);
        assert_ptr_not_equal(low, high);
        for (uint64_t k = 0; k < 512; k += 73) {
            assert_ptr_equal(window_leaf(&w.pt, WINDOW + k), low + k);
            assert_ptr_equal(window_leaf(&w.pt, WINDOW + 512 + k), high + k);
            assert_int_equal(low[k], w.pt.fill[0]);
        }
        assert_int_equal(*window_leaf(&w.pt, 0xbfdf0),
                         pt_leaf_entry(w.pt.format, 0, 0x1230, R_READ, MEM_NORMAL)); /* small pages have tables, too */
        assert_null(window_leaf(&w.pt, 0));
        assert_null(window_leaf(&w.pt, 0x80400));
        assert_null(window_leaf(&w.pt, 0x100200));
        assert_null(window_leaf(&w.pt, (UINT64_C(1) << (w.pt.shape.in_bits - FRAME_SHIFT)) - 1));
        if (w.pt.shape.leaf_level > 0)
            assert_null(window_leaf(&w.pt, 0x80001));
    }
}

/* At the very end of the input range, as far as the root goes. */
static void test_last_frames(void **state)
{
    static struct world w;
    (void)state;
    for (size_t i = 0; i < KITS; i++) {
        uint64_t end = UINT64_C(1) << (kits[i].shape.in_bits - FRAME_SHIFT);
        world_init(&w, kits[i].format, kits[i].verify, kits[i].shape);
        world_add_scratch(&w, R_READ);
        w.spans[0] = (struct pt_span){end - 512, UINT64_MAX, 512, PT_WINDOW, 77}; /* out and mem say nothing */
        w.job.count = 1;
        world_build(&w);
        assert_accepted(&w);
        struct window_run run = window_store(&w.pt, end - 1, 9, pt_leaf_entry(kits[i].format, 0, OUT, RW, 0), 0);
        assert_int_equal(run.count, 1);
        assert_refused(&w, "wanted a hole");
        w.spans[0].frames = 511;
        w.spans[1] = (struct pt_span){end - 1, OUT, 1, RW, MEM_NORMAL};
        w.job.count = 2;
        assert_accepted(&w);
    }
}

/* A window that is larger than what the output bits reach. */
static void test_wider_than_output(void **state)
{
    static struct world w;
    const struct pt_span span = {0x100000, 0, 0x180000, PT_WINDOW, 0};
    struct diag d = {0};
    (void)state;
    world_init(&w, &pt_format_arm_s2, &verify_arm_s2, (struct pt_shape){39, 32, 2, 2});
    assert_int_equal(pt_count(w.pt.shape, &span, 1), 1 + 6 + 3072);
    assert_int_equal(pt_build(&w.pt, &span, 1, &d), ERR_NO_SPACE);
    assert_non_null(strstr(d.text, "need 3079 frames"));
}

/* Stores: values, the range that is returned, nothing beside it, and back. */
static void test_store(void **state)
{
    static struct world w;
    static uint8_t before[sizeof mem];
    (void)state;
    for (size_t i = 0; i < 2 * KITS; i++) {
        window_world(&w, &kits[i / 2], i & 1);
        memcpy(before, mem, sizeof mem);
        uint64_t leaf = pt_leaf_entry(w.pt.format, 0, OUT, RW, MEM_NORMAL);
        uint64_t *low = window_leaf(&w.pt, WINDOW);
        struct window_run run = window_store(&w.pt, WINDOW + 510, 4, leaf, FRAME_SIZE);
        assert_ptr_equal(run.leaf, low + 510);
        assert_int_equal(run.count, 2); /* no further than the table */
        run = window_store(&w.pt, WINDOW + 512, 2, leaf + 2 * FRAME_SIZE, FRAME_SIZE);
        assert_ptr_equal(run.leaf, window_leaf(&w.pt, WINDOW + 512));
        assert_int_equal(run.count, 2);
        assert_int_equal(low[510], leaf);
        assert_int_equal(low[511], leaf + FRAME_SIZE);
        assert_refused(&w, "wanted a hole");

        struct pt_span rest[3] = {w.spans[3], w.spans[4]};
        w.spans[2].frames = 510;
        w.spans[3] = (struct pt_span){WINDOW + 510, OUT, 4, RW, MEM_NORMAL};
        w.spans[4] = (struct pt_span){WINDOW + 514, 0, SIZE - 514, 0, 0};
        memcpy(&w.spans[5], rest, sizeof rest);
        w.job.count = 7;
        assert_accepted(&w);
        w.spans[3].out++;
        assert_refused(&w, "wanted frame 0x90001");

        (void)window_store(&w.pt, WINDOW + 510, 2, w.pt.fill[0], 0);
        (void)window_store(&w.pt, WINDOW + 512, 2, w.pt.fill[0], 0);
        assert_memory_equal(mem, before, sizeof mem);
    }
}

/* A p2m and a bfn map of another format in step: the same frames behind the same numbers. */
static void test_two_maps(void **state)
{
    static struct world p2m, bfn;
    static uint8_t p2m_mem[sizeof mem];
    (void)state;
    window_world(&p2m, &kits[0], false);
    memcpy(p2m_mem, mem, sizeof mem);
    p2m.pool.mem = p2m_mem;
    window_world(&bfn, &kits[10], true);
    struct world *const both[] = {&p2m, &bfn};
    for (int i = 0; i < 2; i++) {
        struct world *w = both[i];
        uint8_t rights = i ? RW : RW | R_EXEC;
        (void)window_store(&w->pt, 0x100000, 512, pt_leaf_entry(w->pt.format, 0, OUT, rights, MEM_NORMAL), FRAME_SIZE);
        w->spans[4] = (struct pt_span){0x100000, OUT, 0x200, rights, MEM_NORMAL};
    }
    assert_accepted(&p2m);
    assert_accepted(&bfn);
}

static void assert_flips_refused(struct world *w, uint64_t *e, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        for (unsigned bit = 0; bit < 64; bit++) {
            e[i] ^= UINT64_C(1) << bit;
            if (verify(w) != ERR_INVALID)
                fail_msg("%s: bit %u of entry %lu may be wrong", w->pt.format->name, bit, i);
            e[i] ^= UINT64_C(1) << bit;
        }
}

/* Every bit of every table of a window, empty and with a few leaves: all of the map but its scratch tree. */
static void test_every_bit(void **state)
{
    static struct world w;
    (void)state;
    for (size_t i = 0; i < 2 * KITS; i++) {
        world_init(&w, kits[i / 2].format, kits[i / 2].verify, kits[i / 2].shape);
        if (i & 1)
            world_add_scratch(&w, RW);
        w.spans[0] = (struct pt_span){0x40200, 0, 512, PT_WINDOW, 0};
        w.job.count = 1;
        world_build(&w);
        uint64_t *leaf = window_leaf(&w.pt, 0x40200);
        assert_flips_refused(&w, leaf, 512);
        (void)window_store(&w.pt, 0x40203, 3, pt_leaf_entry(w.pt.format, 0, OUT, RW, MEM_NORMAL), FRAME_SIZE);
        w.spans[0].frames = 3;
        w.spans[1] = (struct pt_span){0x40203, OUT, 3, RW, MEM_NORMAL};
        w.spans[2] = (struct pt_span){0x40206, 0, 506, 0, 0};
        w.job.count = 3;
        assert_accepted(&w);
        assert_flips_refused(&w, leaf, 8);
        for (uint64_t *e = table(&w, w.pt.root); e < leaf; e += 512)
            assert_flips_refused(&w, e, 512);
    }
}

/* Put e in place of an entry, expect text, put it back. */
static void replaced(struct world *w, uint64_t *at, uint64_t e, const char *text)
{
    uint64_t old = *at;
    *at = e;
    assert_refused(w, text);
    *at = old;
}

/* Translations would be right, but a store of a leaf would change more than that, or nothing. */
static void test_tables_of_its_own(void **state)
{
    static struct world w;
    mfn_t copy;
    (void)state;
    window_world(&w, &kits[0], true);
    uint64_t *root = table(&w, w.pt.root);
    uint64_t *third = table(&w, mfn(w.pt.root.n + 4));
    uint64_t *fourth = table(&w, mfn(w.pt.root.n + 7));
    replaced(&w, &fourth[0], w.scratch.fill[1], "not in use"); /* the last table of all */
    replaced(&w, &third[0], w.scratch.fill[1], "not in use");
    replaced(&w, &root[4], w.scratch.fill[2], "not in use");
    replaced(&w, &third[0], table(&w, mfn(w.pt.root.n + 1))[511], "not in use"); /* the window's first table twice */
    replaced(&w, &third[0], fourth[0], "not in use");

    /* One from below the root, which may be another map's. */
    memcpy(table(&w, spare), table(&w, mfn(w.pt.root.n + 1)), FRAME_SIZE);
    replaced(&w, &root[2], mfn_addr(spare).v | 3, "not in use");

    /* Holes around it that lead into the window's table, which is empty. */
    uint64_t own = fourth[0];
    for (unsigned i = 1; i < 512; i++)
        fourth[i] = own;
    assert_refused(&w, "wanted a hole");
    window_world(&w, &kits[0], true);

    /* A scratch tree of holes that came after the tables: a leaf table of a window could be in it. */
    assert_true(pool_take(&w.pool, 1, false, &copy));
    memcpy(table(&w, copy), table(&w, w.scratch.table[1]), FRAME_SIZE);
    for (unsigned i = 0; i < 512; i++)
        if (root[i] == w.scratch.fill[2])
            root[i] = mfn_addr(copy).v | 3;
    assert_refused(&w, "below the root");

    window_world(&w, &kits[0], false);
    root = table(&w, w.pt.root);
    fourth = table(&w, mfn(w.pt.root.n + 7));
    replaced(&w, &fourth[0], 0, "wanted a table entry");
    replaced(&w, &root[4], 0, "wanted a table entry");
    /* A large leaf where there should be a table of small ones. */
    replaced(&w, &fourth[0], pt_leaf_entry(w.pt.format, 1, 0x90000, RW, MEM_NORMAL), "wanted a table entry");
    replaced(&w, window_leaf(&w.pt, WINDOW + 5), pt_leaf_entry(w.pt.format, 0, OUT, RW, MEM_NORMAL), "wanted a hole");
}

/* What the job says of windows is looked at, too. */
static void test_jobs(void **state)
{
    static struct world w;
    (void)state;
    window_world(&w, &kits[0], true);
    w.spans[2].frames = SIZE + 1; /* into the next span */
    assert_refused(&w, "span 3");
    w.spans[2].frames = SIZE - 1; /* the rest is a hole in the same table */
    assert_accepted(&w);
    w.spans[2].frames = 0;
    assert_refused(&w, "span 2");
    window_world(&w, &kits[0], true);
    w.spans[4].frames = 0x400; /* more than was made */
    assert_refused(&w, "not in use");
    w.spans[4] = (struct pt_span){UINT64_C(1) << 27, 0, 0x200, 0, 0};
    assert_refused(&w, "span 4");
    w.spans[4] = (struct pt_span){0x80200, 0, 0x200, 0, 0};
    assert_refused(&w, "span 4");
    window_world(&w, &kits[0], true);
    w.job.count = 4; /* a window that nobody planned */
    assert_int_equal(verify(&w), ERR_INVALID);
}

static bool span_random(struct world *w, uint64_t *at)
{
    struct pt_span *s = &w->spans[w->job.count];
    uint64_t unit = mutate_below(3) ? 512 : 1;
    bool window = mutate_below(2);

    *s = (struct pt_span){*at + mutate_below(0x1200), mutate_below(0x100000), 1 + mutate_below(0x900), RW, MEM_NORMAL};
    if (window || unit != 1) {
        s->in = (s->in + 511) & ~UINT64_C(511);
        s->frames = (s->frames + 511) & ~UINT64_C(511);
        s->out &= ~UINT64_C(511);
    }
    if (mutate_below(4) == 0)
        s->in += 0x40000;
    if (window)
        s->rights = PT_WINDOW;
    uint64_t end = s->in + s->frames;
    if (end > UINT64_C(1) << 20 || ranges_overlap(s->out, s->frames, FIRST - 1, FRAMES + 2) ||
        pt_count(w->pt.shape, w->spans, w->job.count + 1) > 100)
        return false;
    *at = end;
    return true;
}

/* Windows among other spans in any order: count is use, and verify agrees. */
static void test_random(void **state)
{
    static struct world w;
    unsigned rounds = mutate_start(2000), windows = 0;
    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        const struct kit *k = &kits[i % KITS];
        uint64_t at = mutate_below(0x80000);
        world_init(&w, k->format, k->verify, k->shape);
        if (mutate_below(2))
            world_add_scratch(&w, mutate_below(2) ? RW : R_READ);
        for (unsigned tries = mutate_below(2 * SPANS); tries > 0 && w.job.count < SPANS; tries--)
            if (span_random(&w, &at)) {
                windows += w.spans[w.job.count].rights == PT_WINDOW;
                w.job.count++;
            }
        world_build(&w);
        assert_accepted(&w);
    }
    assert_true(windows > rounds / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),     cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_store),     cmocka_unit_test(test_last_frames),
        cmocka_unit_test(test_two_maps),  cmocka_unit_test(test_wider_than_output),
        cmocka_unit_test(test_every_bit), cmocka_unit_test(test_tables_of_its_own),
        cmocka_unit_test(test_jobs),      cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
