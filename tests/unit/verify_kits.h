/* SPDX-License-Identifier: Apache-2.0 */
/* Every format with all that the tests of verify know about it, and random lists of spans. */
#ifndef TESTS_UNIT_VERIFY_KITS_H
#define TESTS_UNIT_VERIFY_KITS_H

#include <stdlib.h>
#include <time.h>

#include "verify_world.h"

/*
 * How a walker reads words, for walks of the tests' own: an entry is there when it has a bit of present; it is
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
static const struct reader own_mode = {A52, BIT(0), BIT(7), BIT(7), 0, BIT(1), 0, true};
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
    {&pt_format_long_mode, &verify_long_mode, &own_mode, NULL, 52, {{48, 3}}},
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

/* Can it be mapped, but to the pool (a span of the scratch page could not be told from a hole)? A window can. */
static bool output_fits(const struct world *w, const struct pt_span *s)
{
    uint64_t out_end = UINT64_C(1) << (w->pt.shape.out_bits - FRAME_SHIFT);
    return s->rights == PT_WINDOW || (s->out < out_end && s->frames <= out_end - s->out &&
                                      !ranges_overlap(s->out, s->frames, FIRST - 1, FRAMES + 2));
}

/* The next span at or above at, one in five a window; false when it does not fit or would need more than `tables`
 * frames in all. */
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
    if (rng_below(5) == 0) {
        s->rights = PT_WINDOW;
        s->in = (s->in + PT_ENTRIES - 1) / PT_ENTRIES * PT_ENTRIES;
        s->frames = (s->frames + PT_ENTRIES - 1) / PT_ENTRIES * PT_ENTRIES;
    }
    return s->frames != 0 && s->in < in_end && s->frames <= in_end - s->in && output_fits(w, s) &&
           pt_count(w->pt.shape, w->spans, w->job.count + 1) <= tables;
}

/* Some shape of the format and spans for it, that need at most `tables` frames, the root included; the pool is empty
 * yet. */
static void random_plan(struct world *w, const struct kit *kit, uint64_t tables)
{
    static const uint8_t out[] = {32, 36, 40, 44, 48, 52};
    const struct bits *b;

    do
        b = &kit->bits[rng_below(12)];
    while (b->in == 0);
    struct pt_shape s = {b->in, out[rng_below(6)], b->root, (uint8_t)rng_below(3)};
    s.out_bits = s.out_bits > kit->out_max ? kit->out_max : s.out_bits;
    world_init(w, kit->format, kit->verify, s);
    uint64_t at = 0;
    uint64_t tries = rng_below(UINT64_C(2) * SPANS);
    while (tries-- != 0 && w->job.count < SPANS)
        if (random_span(w, at, tables)) {
            at = w->spans[w->job.count].in + w->spans[w->job.count].frames;
            w->job.count++;
        }
}

/* Its tables, a few frames further on. */
static void random_build(struct world *w, bool scratch)
{
    mfn_t skipped;

    for (uint64_t skip = rng_below(4); skip-- != 0;)
        assert_true(pool_take(&w->pool, 1, false, &skipped));
    if (scratch)
        world_add_scratch(w, rng_below(2) ? RW : R_READ);
    world_build(w);
}

#endif
