/* SPDX-License-Identifier: Apache-2.0 */
#include "reach.h"

#include "iommu/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RW      (R_READ | R_WRITE)
#define ENTRIES 512u
#define BIT(n)  (UINT64_C(1) << (n))
#define A48     UINT64_C(0x0000fffffffff000)
#define A52     UINT64_C(0x000ffffffffff000)

#define MUST(what, ...)                       \
    do {                                      \
        if (!(what)) {                        \
            fprintf(stderr, __VA_ARGS__);     \
            fprintf(stderr, ": %s\n", #what); \
            abort();                          \
        }                                     \
    } while (0)

/*
 * By the plan.
 */

bool reach_is_exempt(const struct iommu_kind *kind, uint64_t bfn)
{
    /* Not asked of kind->exempt: VT-d and AMD-Vi take 0xfeexxxxx for interrupts, AMD-Vi has HyperTransport's. */
    bool amd = kind == &iommu_kind_amdvi, intel = kind == &iommu_kind_vtd || kind == &iommu_kind_vtd_snoop;

    return ((amd || intel) && bfn >> 8 == 0xfee) || (amd && bfn >= 0xfd00000 && bfn < 0x10000000);
}

/* What is at a frame of the physmap; machine: by the MFN. */
static struct reach extent_reach(const struct plan_partition *pp, uint64_t frame, bool machine, bool dma)
{
    for (const struct extent *e = pp->physmap.ext; e < pp->physmap.ext + pp->physmap.count; e++) {
        uint64_t first = machine ? e->mfn.n : e->gfn.n;
        uint8_t rights = (dma ? e->dma : e->cpu) & RW;

        if (e->type != EXT_EMULATED && rights && frame >= first && frame - first < e->frames)
            return (struct reach){e->mfn.n + (frame - first), rights};
    }
    return (struct reach){0};
}

struct reach reach_of_cpu(const struct plan_partition *pp, uint64_t gfn)
{
    return extent_reach(pp, gfn, false, false);
}

struct reach reach_of_device(const struct compiled *t, const struct plan_partition *pp, const struct plan_bfn_map *m,
                             uint64_t bfn)
{
    bool shared = pp->m->shared_tables;
    uint8_t bits = shared ? pp->p2m_shape.in_bits : m->shape.in_bits;
    struct reach r = {0};

    if (bfn >> (bits - FRAME_SHIFT))
        return r;
    /* Shared tables are the p2m: what CPUs may do. */
    r = extent_reach(pp, bfn, pp->m->map == MAP_HOST, !shared);
    if (r.rights || shared || pp->m->unmapped == UNMAPPED_FAULT)
        return r;
    return (struct reach){t->table[m->table].scratch.page.n, pp->m->unmapped == UNMAPPED_SCRATCH ? RW : R_READ};
}

/*
 * By a plain walk.
 */

static const struct reach_reader reach_arm_s2 = {A48, BIT(0), BIT(1), 0, BIT(6), BIT(7), 0, false};
static const struct reach_reader ipmmu = {BIT(40) - BIT(12), BIT(0), BIT(1), 0, BIT(5) | BIT(6), 0, BIT(7), false};
static const struct reach_reader long_mode = {A52, BIT(0), BIT(7), BIT(7), BIT(2), BIT(1) | BIT(2), 0, true};
static const struct reach_reader amdvi = {A52, BIT(0), UINT64_C(7) << 9, 0, BIT(61), BIT(62), 0, true};
static const struct reach_reader intel = {A52, BIT(0) | BIT(1), BIT(7), BIT(7), BIT(0), BIT(1), 0, true};

const struct reach_reader *reach_reader_of(const struct pt_format *f, bool iommu)
{
    const struct {
        const struct pt_format *format;
        const struct reach_reader *cpu, *iommu;
    } list[] = {
        {&pt_format_arm_s2, &reach_arm_s2, &reach_arm_s2},
        {&pt_format_ipmmu, NULL, &ipmmu},
        {&pt_format_npt, &long_mode, NULL},
        {&pt_format_npt_shared, &long_mode, &amdvi},
        {&pt_format_ept, &intel, &intel},
        {&pt_format_amdvi, NULL, &amdvi},
        {&pt_format_vtd_sl, NULL, &intel},
        {&pt_format_vtd_sl_snp, NULL, &intel},
    };

    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        const struct reach_reader *r = iommu ? list[i].iommu : list[i].cpu;

        if (list[i].format == f && r)
            return r;
    }
    MUST(false, "no %s reads %s tables", iommu ? "IOMMU" : "CPU", f->name);
    return NULL;
}

static uint64_t word_at(const struct pool *pool, const uint8_t *image, uint64_t frame, uint64_t index)
{
    uint64_t word, off = ((frame - pool->first.n) << FRAME_SHIFT) + index * sizeof word;

    MUST(frame >= pool->first.n && off < pool->frames << FRAME_SHIFT, "a table at MFN 0x%llx",
         (unsigned long long)frame);
    memcpy(&word, image + off, sizeof word);
    return word;
}

static uint8_t word_rights(const struct reach_reader *r, uint64_t e)
{
    return (uint8_t)(((e & r->read) == r->read ? R_READ : 0) |
                     ((e & r->write) == r->write && !(e & r->ro) ? R_WRITE : 0));
}

static bool word_is_leaf(const struct reach_reader *r, uint64_t e, unsigned level)
{
    return level == 0 || (e & r->kind) == r->leaf;
}

struct reach reach_walk(const struct reach_reader *r, const struct pool *pool, const uint8_t *image, uint64_t root,
                        struct pt_shape s, uint64_t in)
{
    struct reach at = {root, RW};

    if (in >> (s.in_bits - FRAME_SHIFT))
        return (struct reach){0};
    for (unsigned level = s.root_level;; level--) {
        uint64_t index = in >> 9 * level, e = word_at(pool, image, at.mfn, index);
        bool leaf = word_is_leaf(r, e, level);

        in &= BIT(9 * level) - 1;
        if (!(e & r->present))
            return (struct reach){0};
        at.mfn = (e & r->addr) >> FRAME_SHIFT;
        if (leaf || r->nested)
            at.rights &= word_rights(r, e);
        if (leaf) {
            at.mfn = at.rights ? at.mfn + in : 0;
            return at;
        }
    }
}

/*
 * By verify's decoders.
 */

struct reach reach_decode(const struct compiled *t, uint32_t table, uint64_t in)
{
    const struct compiled_table *c = &t->table[table];
    const struct verify_format *f = c->verify;
    uint64_t frame = c->pt.root.n;

    if (in >> (c->pt.shape.in_bits - FRAME_SHIFT))
        return (struct reach){0};
    for (unsigned level = c->pt.shape.root_level;; level--) {
        uint64_t e = word_at(&t->pool, t->pool.mem, frame, in >> 9 * level);
        struct verify_leaf leaf;

        in &= BIT(9 * level) - 1;
        if (!e)
            return (struct reach){0};
        frame = (e & f->addr) >> FRAME_SHIFT;
        if (level && (e & f->kind) != f->kind_leaf) {
            MUST((e & ~f->addr) == f->table + level * f->table_step, "%s: entry 0x%llx", f->name,
                 (unsigned long long)e);
            continue;
        }
        MUST(f->leaf(e & ~f->addr, level, &leaf) == 0, "%s: leaf 0x%llx", f->name, (unsigned long long)e);
        return (struct reach){frame + in, leaf.rights & RW};
    }
}

/*
 * All of it.
 */

struct visit {
    const struct reach_reader *r;
    const struct compiled *t;
    reach_run_fn *fn;
    void *ctx;
    uint8_t *seen; /* by frame of the pool: bit of the level at which it was entered */
    struct reach run;
    uint64_t frames;
};

static void run_end(struct visit *v)
{
    if (v->frames)
        v->fn(v->ctx, v->run.mfn, v->frames, v->run.rights);
    v->frames = 0;
}

static void run_add(struct visit *v, struct reach leaf, uint64_t frames)
{
    if (v->frames && (v->run.rights != leaf.rights ||
                      (leaf.mfn != v->run.mfn + v->frames && (leaf.mfn != v->run.mfn || frames != v->frames))))
        run_end(v);
    if (v->frames == 0)
        v->run = leaf;
    if (leaf.mfn == v->run.mfn + v->frames)
        v->frames += frames; /* else the same once more, as in a scratch table */
}

static void table_visit(struct visit *v, uint64_t frame, uint64_t entries, unsigned level, uint8_t rights)
{
    const struct pool *pool = &v->t->pool;

    for (uint64_t i = 0; i < entries; i++) {
        uint64_t e = word_at(pool, pool->mem, frame, i), next = (e & v->r->addr) >> FRAME_SHIFT;
        uint8_t here = rights & word_rights(v->r, e);

        if (!(e & v->r->present))
            continue;
        if (word_is_leaf(v->r, e, level)) {
            run_add(v, (struct reach){next, here}, BIT(9 * level));
            continue;
        }
        MUST(pool_has(pool, mfn(next)), "a table at MFN 0x%llx", (unsigned long long)next);
        if (v->seen[next - pool->first.n] >> level & 1)
            continue;
        v->seen[next - pool->first.n] |= (uint8_t)(1u << level);
        table_visit(v, next, ENTRIES, level - 1, v->r->nested ? here : rights);
    }
}

void reach_all(const struct reach_reader *r, const struct compiled *t, uint32_t table, reach_run_fn *fn, void *ctx)
{
    const struct pt *pt = &t->table[table].pt;
    struct visit v = {r, t, fn, ctx, calloc(1, t->pool.frames), {0}, 0};

    table_visit(&v, pt->root.n, UINT64_C(1) << (pt->shape.in_bits - FRAME_SHIFT - 9 * pt->shape.root_level),
                pt->shape.root_level, RW);
    run_end(&v);
    free(v.seen);
}
