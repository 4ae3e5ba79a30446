/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/verify.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "iommu/scratch.h"
#include "p2m/verify.h"

#define FRAMES 128
#define FIRST  0x40000
#define SPANS  12
#define RW     (R_READ | R_WRITE)

static _Alignas(4096) uint8_t mem[FRAMES << FRAME_SHIFT];

/* One map with everything that made it. */
struct world {
    struct pool pool;
    struct pt pt;
    struct scratch scratch;
    struct pt_span spans[SPANS];
    struct verify_job job;
};

static uint64_t rng_state;

/* splitmix64 */
static uint64_t rng(void)
{
    uint64_t z = rng_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t rng_below(uint64_t n)
{
    return rng() % n;
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

static err_t verify(const struct world *w)
{
    struct diag d = {0};
    err_t err = verify_tables(&w->job, &d);
    assert_int_equal(err != ERR_NONE, d.text[0] != '\0');
    return err;
}

static void assert_accepted(const struct world *w)
{
    struct diag d = {0};
    if (verify_tables(&w->job, &d) != ERR_NONE)
        fail_msg("refused: %s", d.text);
}

static void assert_refused(const struct world *w, const char *text)
{
    struct diag d = {0};
    assert_int_equal(verify_tables(&w->job, &d), ERR_INVALID);
    if (strstr(d.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", d.text, text);
}

static uint64_t *table(struct world *w, mfn_t f)
{
    assert_true(pool_has(&w->pool, f));
    return pool_ptr(&w->pool, f);
}

static void world_init(struct world *w, enum verify_format f, struct pt_shape s)
{
    memset(w, 0, sizeof *w);
    memset(mem, 0xee, sizeof mem);
    w->pool = (struct pool){mfn(FIRST), FRAMES, 0, mem};
    w->pt.format = f == VERIFY_ARM_S2 ? &pt_format_arm_s2 : &pt_format_arm_el2;
    w->pt.shape = s;
    w->pt.pool = &w->pool;
    w->job = (struct verify_job){.format = f, .shape = s, .pool = &w->pool, .spans = w->spans};
}

static void world_add_scratch(struct world *w, uint8_t rights)
{
    struct diag d = {0};
    assert_int_equal(scratch_build(&w->scratch, w->pt.format, w->pt.shape, &w->pool, rights, 1, &d),
                     ERR_NONE);
    memcpy(w->pt.fill, w->scratch.fill, sizeof w->pt.fill);
    w->job.scratch = true;
    w->job.scratch_page = w->scratch.page;
    w->job.scratch_rights = rights;
}

/* Build, and check that it took what pt_count said (and what aligning a large root skips). */
static void world_build(struct world *w)
{
    struct diag d = {0};
    uint64_t root = pt_root_frames(w->pt.shape);
    uint64_t skip = (0 - (w->pool.first.n + w->pool.used)) & (root - 1);
    uint64_t want = w->pool.used + skip + pt_count(w->pt.shape, w->spans, w->job.count);
    if (pt_build(&w->pt, w->spans, w->job.count, &d) != ERR_NONE)
        fail_msg("%s", d.text);
    assert_int_equal(w->pool.used, want);
    w->job.root = w->pt.root;
}

static void random_rights(const struct world *w, struct pt_span *s)
{
    static const uint8_t s2[] = {R_READ, R_WRITE, RW, R_READ | R_EXEC, RW | R_EXEC};
    static const uint8_t el2[] = {R_READ, RW, R_READ | R_EXEC};
    s->rights = w->job.format == VERIFY_ARM_S2 ? s2[rng_below(sizeof s2)] : el2[rng_below(sizeof el2)];
    s->mem = (uint8_t)rng_below(MEM_TYPES);
}

/* A number of frames near what one entry of a random level maps. */
static uint64_t random_frames(void)
{
    uint64_t unit = UINT64_C(1) << 9 * rng_below(3);
    uint64_t n = unit * rng_below(4) + (rng_below(2) ? rng_below(3) : 0);
    return rng_below(3) == 0 ? n - (n != 0) : n;
}

/*
 * The next span at or above at; false when it does not fit, would need more than `tables` frames
 * in all, or maps the pool (a span of the scratch page could not be told from a hole).
 */
static bool random_span(struct world *w, uint64_t at, uint64_t tables)
{
    struct pt_span *s = &w->spans[w->job.count];
    uint64_t in_end = UINT64_C(1) << (w->pt.shape.in_bits - FRAME_SHIFT);
    uint64_t out_end = UINT64_C(1) << (w->pt.shape.out_bits - FRAME_SHIFT);
    uint64_t unit = UINT64_C(1) << 9 * rng_below(3);

    s->in = at + random_frames();
    if (rng_below(3) == 0)
        s->in = at + (rng_below(in_end) >> rng_below(30));
    if (rng_below(2) == 0)
        s->in = (s->in + unit - 1) & ~(unit - 1);
    s->frames = random_frames();
    if (rng_below(16) == 0 && s->in < in_end)
        s->frames = in_end - s->in;
    s->out = ((s->in & (unit - 1)) | (rng() & ~(unit - 1))) & (out_end - 1);
    random_rights(w, s);
    return s->frames != 0 && s->in < in_end && s->frames <= in_end - s->in && s->frames <= out_end - s->out &&
           !ranges_overlap(s->out, s->frames, FIRST - 1, FRAMES + 2) &&
           pt_count(w->pt.shape, w->spans, w->job.count + 1) <= tables;
}

static void random_world(struct world *w, enum verify_format f, bool scratch, uint64_t tables)
{
    static const uint8_t bits[][2] = {{32, 2}, {36, 2}, {39, 2}, {40, 3}, {44, 3}, {47, 3},
                                      {48, 3}, {40, 2}, {41, 2}, {42, 2}, {43, 2}};
    static const uint8_t out[] = {32, 36, 40, 44, 48};
    uint64_t pick = rng_below(f == VERIFY_ARM_S2 ? 11 : 7);
    mfn_t skipped;

    world_init(w, f,
               (struct pt_shape){bits[pick][0], out[rng_below(5)], bits[pick][1], (uint8_t)rng_below(3)});
    for (uint64_t skip = rng_below(4); skip-- != 0;)
        assert_true(pool_take(&w->pool, 1, false, &skipped));
    if (scratch)
        world_add_scratch(w, rng_below(2) ? RW : R_READ);
    uint64_t at = 0;
    uint64_t tries = rng_below(UINT64_C(2) * SPANS);
    while (tries-- != 0 && w->job.count < SPANS)
        if (random_span(w, at, tables)) {
            at = w->spans[w->job.count].in + w->spans[w->job.count].frames;
            w->job.count++;
        }
    world_build(w);
}

/* A third, plain walk: the leaf's output frame for one input frame; UINT64_MAX: no leaf. */
static uint64_t walk(struct world *w, uint64_t in)
{
    const uint64_t *t = table(w, w->pt.root);
    uint64_t index = in >> 9 * w->pt.shape.root_level;
    for (unsigned level = w->pt.shape.root_level;; level--) {
        uint64_t e = t[index];
        uint64_t below = in & ((UINT64_C(1) << 9 * level) - 1);
        if ((e & 1) == 0)
            return UINT64_MAX;
        uint64_t frame = (e & UINT64_C(0xfffffffff000)) >> 12;
        if (level == 0 || (e & 2) == 0)
            return frame + below;
        t = table(w, mfn(frame));
        index = below >> 9 * (level - 1);
    }
}

static void check_walks(struct world *w)
{
    uint64_t hole = w->job.scratch ? w->scratch.page.n : UINT64_MAX;
    uint64_t end = 0;
    for (uint32_t i = 0; i < w->job.count; i++) {
        const struct pt_span *s = &w->spans[i];
        uint64_t k = rng_below(s->frames);
        assert_int_equal(walk(w, s->in), s->out);
        assert_int_equal(walk(w, s->in + k), s->out + k);
        assert_int_equal(walk(w, s->in + s->frames - 1), s->out + s->frames - 1);
        if (s->in > end) {
            assert_int_equal(walk(w, end), hole);
            assert_int_equal(walk(w, s->in - 1), hole);
        }
        end = s->in + s->frames;
    }
    if (end < UINT64_C(1) << (w->pt.shape.in_bits - FRAME_SHIFT))
        assert_int_equal(walk(w, end), hole);
}

/* A few wrong bits in the tables, and a few wrong spans in the plan, one at a time. */
static void check_mutants(struct world *w)
{
    uint64_t *words = pool_ptr(&w->pool, w->pt.root);
    uint64_t count = (w->pool.first.n + w->pool.used - w->pt.root.n) * 512;
    for (int i = 0; i < 4; i++) {
        uint64_t *word = &words[rng_below(count)];
        uint64_t bit = UINT64_C(1) << rng_below(64);
        *word ^= bit;
        assert_int_equal(verify(w), ERR_INVALID);
        *word ^= bit;
    }
    if (w->job.count == 0)
        return;
    struct pt_span *s = &w->spans[rng_below(w->job.count)];
    struct pt_span old = *s;
    for (int i = 0; i < 7; i++) {
        s->in += i == 0;
        s->in -= i == 1;
        s->out ^= i == 2;
        s->frames += i == 3;
        s->frames -= i == 4;
        s->rights ^= i == 5 ? R_EXEC : 0;
        s->mem = (uint8_t)((s->mem + (i == 6)) % MEM_TYPES);
        assert_int_equal(verify(w), ERR_INVALID);
        *s = old;
    }
    w->job.count--; /* the last span: mapped, but not planned */
    assert_int_equal(verify(w), ERR_INVALID);
    w->job.count++;
}

static void test_random_maps(void **state)
{
    static struct world w;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    uint64_t rounds = env_number("MULLION_ROUNDS", 3000);
    (void)state;
    print_message("MULLION_SEED=%lu MULLION_ROUNDS=%lu\n", seed, rounds);
    for (uint64_t i = 0; i < rounds; i++) {
        rng_state = seed + i;
        random_world(&w, i & 1 ? VERIFY_ARM_EL2 : VERIFY_ARM_S2, i & 2, 40);
        assert_accepted(&w);
        check_walks(&w);
        check_mutants(&w);
        assert_accepted(&w);
    }
}

static void flip_all(struct world *w, mfn_t frame, uint64_t frames)
{
    uint64_t *words = table(w, frame);
    for (uint64_t i = 0; i < frames * 512; i++)
        for (unsigned bit = 0; bit < 64; bit++) {
            words[i] ^= UINT64_C(1) << bit;
            if (verify(w) != ERR_INVALID)
                fail_msg("bit %u of entry %lu from MFN 0x%lx on may be wrong", bit, i, frame.n);
            words[i] ^= UINT64_C(1) << bit;
        }
}

/* Every single bit of every entry of every table counts. */
static void test_every_bit(void **state)
{
    static struct world w;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    (void)state;
    print_message("MULLION_SEED=%lu\n", seed);
    rng_state = seed;
    for (int i = 0; i < 8; i++) {
        bool scratch = i & 2;
        uint64_t root, *entry;
        do { /* some mapping, and a hole in the root that leads to every scratch table */
            random_world(&w, i & 1 ? VERIFY_ARM_EL2 : VERIFY_ARM_S2, scratch, 5);
            entry = table(&w, w.pt.root);
            root = UINT64_C(1) << (w.pt.shape.in_bits - FRAME_SHIFT - 9 * w.pt.shape.root_level);
        } while (w.job.count == 0 || w.pool.used > 12 || entry[root - 1] != w.pt.fill[w.pt.shape.root_level]);
        flip_all(&w, w.pt.root, w.pool.first.n + w.pool.used - w.pt.root.n);
        for (unsigned level = 0; scratch && level < w.pt.shape.root_level; level++)
            flip_all(&w, w.scratch.table[level], 1);
        assert_accepted(&w);
    }
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
    world_init(w, VERIFY_ARM_S2, (struct pt_shape){39, 40, 2, 2});
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
    world_init(&w, VERIFY_ARM_S2, (struct pt_shape){42, 44, 2, 2});
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
    w.job.format = VERIFY_ARM_EL2; /* stage 1 has no concatenated root */
    w.job.shape = (struct pt_shape){40, 40, 2, 2};
    assert_refused(&w, "no such tables");
    w.job.format = (enum verify_format)2;
    assert_refused(&w, "format 2");

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
        cmocka_unit_test(test_random_maps),    cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_wrong_entries),  cmocka_unit_test(test_swapped_entries),
        cmocka_unit_test(test_foreign_tables), cmocka_unit_test(test_scratch_tree),
        cmocka_unit_test(test_root),           cmocka_unit_test(test_jobs_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
