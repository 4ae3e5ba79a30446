/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_x86.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c
 * kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c */
/* Every format: compile against verify and against a third walk, over random lists of spans. */
#include <stdlib.h>
#include <time.h>

#include "verify_world.h"

/*
 * How a walker reads words, for the third walk: an entry is there when it has a bit of present; it is
 * a leaf above level 0 when its bits of kind have the value leaf; it allows reading and writing when
 * all bits of read and write are set in it and none of ro; those of a table count, too, where
 * nested is set.
 */
struct reader {
    uint64_t addr, present, kind, leaf, read, write, ro;
    bool nested;
};

#define BIT(n) (UINT64_C(1) << (n))
#define A48    UINT64_C(0x0000fffffffff000)
#define A52    UINT64_C(0x000ffffffffff000)
static const struct reader arm_s2 = {A48, BIT(0), BIT(1), 0, BIT(6), BIT(7), 0, false};
static const struct reader arm_s1 = {A48, BIT(0), BIT(1), 0, 0, 0, BIT(7), false};
static const struct reader long_mode = {A52, BIT(0), BIT(7), BIT(7), BIT(2), BIT(1) | BIT(2), 0, true};
static const struct reader amdvi = {A52, BIT(0), UINT64_C(7) << 9, 0, BIT(61), BIT(62), 0, true};
static const struct reader intel = {A52, BIT(0) | BIT(1), BIT(7), BIT(7), BIT(0), BIT(1), 0, true};

struct bits {
    uint8_t in, root;
};

/* Everything about one format; second: the other walker of shared tables. */
static const struct kit {
    const struct pt_format *format;
    const struct verify_format *verify;
    const struct reader *first, *second;
    uint8_t out_max;
    struct bits bits[12]; /* to the first 0 */
} kits[] = {
    {&pt_format_arm_s2,
     &verify_arm_s2,
     &arm_s2,
     NULL,
     48,
     {{32, 2}, {36, 2}, {39, 2}, {40, 3}, {44, 3}, {47, 3}, {48, 3}, {40, 2}, {41, 2}, {42, 2}, {43, 2}}},
    {&pt_format_arm_el2,
     &verify_arm_el2,
     &arm_s1,
     NULL,
     48,
     {{32, 2}, {36, 2}, {39, 2}, {40, 3}, {44, 3}, {47, 3}, {48, 3}}},
    {&pt_format_smmu_s1,
     &verify_smmu_s1,
     &arm_s1,
     NULL,
     48,
     {{32, 2}, {36, 2}, {39, 2}, {40, 3}, {44, 3}, {47, 3}, {48, 3}}},
    {&pt_format_ipmmu, &verify_ipmmu, &arm_s1, NULL, 40, {{32, 2}, {33, 2}, {38, 2}, {39, 2}}},
    {&pt_format_npt, &verify_npt, &long_mode, NULL, 52, {{48, 3}, {57, 4}}},
    {&pt_format_npt_shared, &verify_npt_shared, &long_mode, &amdvi, 52, {{48, 3}, {57, 4}}},
    {&pt_format_ept, &verify_ept, &intel, NULL, 52, {{48, 3}, {57, 4}}},
    {&pt_format_ept, &verify_ept_shared, &intel, &intel, 52, {{48, 3}, {57, 4}}},
    {&pt_format_amdvi, &verify_amdvi, &amdvi, NULL, 52, {{39, 2}, {48, 3}, {57, 4}, {64, 5}}},
    {&pt_format_vtd_sl,
     &verify_vtd_sl,
     &intel,
     NULL,
     52,
     {{32, 2}, {39, 2}, {40, 3}, {46, 3}, {48, 3}, {49, 4}, {52, 4}, {57, 4}}},
    {&pt_format_vtd_sl_snp,
     &verify_vtd_sl_snp,
     &intel,
     NULL,
     52,
     {{32, 2}, {39, 2}, {40, 3}, {46, 3}, {48, 3}, {49, 4}, {52, 4}, {57, 4}}},
    {&pt_format_vtd_fl, &verify_vtd_fl, &long_mode, NULL, 52, {{40, 3}, {47, 3}, {49, 4}, {56, 4}}},
};
#define KITS (sizeof kits / sizeof *kits)

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

/* Any of what the format can say. */
static void random_rights(const struct world *w, struct pt_span *s)
{
    do {
        s->rights = (uint8_t)rng_below(8);
        s->mem = (uint8_t)rng_below(MEM_TYPES);
    } while (pt_leaf_entry(w->pt.format, 0, 0, s->rights, s->mem) == PT_NONE);
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

static void random_world(struct world *w, const struct kit *kit, bool scratch, uint64_t tables)
{
    static const uint8_t out[] = {32, 36, 40, 44, 48, 52};
    const struct bits *b;
    mfn_t skipped;

    do
        b = &kit->bits[rng_below(12)];
    while (b->in == 0);
    struct pt_shape s = {b->in, out[rng_below(6)], b->root, (uint8_t)rng_below(3)};
    s.out_bits = s.out_bits > kit->out_max ? kit->out_max : s.out_bits;
    world_init(w, kit->format, kit->verify, s);
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

/*
 * A third, plain walk: the leaf's output frame for one input frame, and what it allows; UINT64_MAX:
 * no leaf.
 */
static uint64_t walk(struct world *w, const struct reader *r, uint64_t in, uint8_t *rights)
{
    const uint64_t *t = table(w, w->pt.root);
    uint64_t index = in >> 9 * w->pt.shape.root_level;

    *rights = R_READ | R_WRITE;
    for (unsigned level = w->pt.shape.root_level;; level--) {
        uint64_t e = t[index];
        uint64_t below = in & ((UINT64_C(1) << 9 * level) - 1);
        bool leaf = level == 0 || (e & r->kind) == r->leaf;
        if ((e & r->present) == 0)
            return UINT64_MAX;
        uint64_t frame = (e & r->addr) >> 12;
        if ((leaf || r->nested) && (e & r->read) != r->read)
            *rights &= (uint8_t)~R_READ;
        if ((leaf || r->nested) && ((e & r->write) != r->write || (e & r->ro) != 0))
            *rights &= (uint8_t)~R_WRITE;
        if (leaf)
            return frame + below;
        t = table(w, mfn(frame));
        index = below >> 9 * (level - 1);
    }
}

static void check_walk(struct world *w, const struct kit *kit, uint64_t in, uint64_t frame, uint8_t rights)
{
    const struct reader *both[] = {kit->first, kit->second};
    uint8_t found;
    for (int i = 0; i < 2 && both[i] != NULL; i++) {
        assert_int_equal(walk(w, both[i], in, &found), frame);
        if (frame != UINT64_MAX)
            assert_int_equal(found, rights & RW);
    }
}

static void check_walks(struct world *w, const struct kit *kit)
{
    uint64_t hole = w->job.scratch ? w->scratch.page.n : UINT64_MAX;
    uint8_t hole_rights = w->job.scratch_rights;
    uint64_t end = 0;
    for (uint32_t i = 0; i < w->job.count; i++) {
        const struct pt_span *s = &w->spans[i];
        uint64_t k = rng_below(s->frames);
        check_walk(w, kit, s->in, s->out, s->rights);
        check_walk(w, kit, s->in + k, s->out + k, s->rights);
        check_walk(w, kit, s->in + s->frames - 1, s->out + s->frames - 1, s->rights);
        if (s->in > end) {
            check_walk(w, kit, end, hole, hole_rights);
            check_walk(w, kit, s->in - 1, hole, hole_rights);
        }
        end = s->in + s->frames;
    }
    if (end < UINT64_C(1) << (w->pt.shape.in_bits - FRAME_SHIFT))
        check_walk(w, kit, end, hole, hole_rights);
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
        if (i != 6 || w->pt.format->mem[s->mem] != w->pt.format->mem[old.mem])
            assert_int_equal(verify(w), ERR_INVALID); /* unless the format has no such type */
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
        random_world(&w, &kits[i % KITS], i / KITS & 1, 40);
        assert_accepted(&w);
        check_walks(&w, &kits[i % KITS]);
        check_mutants(&w);
        assert_accepted(&w);
    }
}

/* I6: a zero entry is no leaf and no table for any decoder, and not there for any walker. */
static void test_zero_is_absent(void **state)
{
    struct verify_leaf leaf;
    (void)state;
    for (const struct kit *k = kits; k < kits + KITS; k++) {
        for (unsigned level = 0; level <= 2; level++)
            assert_int_not_equal(k->verify->leaf(0, level, &leaf), 0);
        for (unsigned level = 1; level < PT_LEVELS; level++)
            assert_int_not_equal(k->verify->table + level * k->verify->table_step, 0);
        assert_int_not_equal(k->first->present, 0);
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

/*
 * Every single bit of every entry of every table counts: verify is stricter than the hardware, no bit
 * is excepted that a manual calls ignored.
 */
static void test_every_bit(void **state)
{
    static struct world w;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    (void)state;
    print_message("MULLION_SEED=%lu\n", seed);
    rng_state = seed;
    for (size_t i = 0; i < 2 * KITS; i++) {
        bool scratch = i & 1;
        uint64_t root, *entry;
        do { /* some mapping, and a hole in the root that leads to every scratch table */
            random_world(&w, &kits[i / 2], scratch, 6);
            entry = table(&w, w.pt.root);
            root = UINT64_C(1) << (w.pt.shape.in_bits - FRAME_SHIFT - 9 * w.pt.shape.root_level);
        } while (w.job.count == 0 || w.pool.used > 5u + 2u * w.pt.shape.root_level ||
                 entry[root - 1] != w.pt.fill[w.pt.shape.root_level]);
        flip_all(&w, w.pt.root, w.pool.first.n + w.pool.used - w.pt.root.n);
        for (unsigned level = 0; scratch && level < w.pt.shape.root_level; level++)
            flip_all(&w, w.scratch.table[level], 1);
        assert_accepted(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_maps),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_zero_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
