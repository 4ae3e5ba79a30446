/* SPDX-License-Identifier: Apache-2.0 */
#include "pv_world.h"

#include "arch_host.h"

#include <string.h>

#define RW       (R_READ | R_WRITE)
#define SPANS    (PV_WORLD_EXTENTS + PV_WORLD_FRAMES)
#define STEP_OPS 600u
#define BROKEN(w, ...)                                              \
    do {                                                            \
        if (diag_fail(&(w)->broken, ERR_INVALID, __VA_ARGS__) != 0) \
            (void)0;                                                \
    } while (0)

/* The partition, sorted by GFN. */
static const struct memory {
    enum ext_type type;
    uint64_t gfn, mfn, frames;
    uint8_t dma, mem;
} memory[PV_WORLD_EXTENTS] = {
    {EXT_EMULATED, 0x08000, 0, 0x10, RW, MEM_DEVICE}, /* whatever an extent says that has no frames */
    {EXT_DOORBELL, 0x08090, 0x08090, 1, R_WRITE, MEM_DEVICE},
    {EXT_MMIO, 0x10000, 0x10000, 4, 0, MEM_DEVICE},
    {EXT_MMIO, 0x10010, 0x10010, 4, RW, MEM_DEVICE}, /* peer-dma */
    {EXT_RAM, 0x40000, 0x200000, 0x300, RW, MEM_NORMAL},
    {EXT_RAM, 0x40300, 0x180055, 0x100, RW, MEM_NORMAL},
    {EXT_RAM_RO, 0x40400, 0x190000, 0x40, R_READ, MEM_NORMAL},
    {EXT_RAM, 0x50000, 0x1a0000, 0x40, 0, MEM_NORMAL},      /* dma = "none" */
    {EXT_SHARED, 0x60000, 0x1b0000, 4, R_READ, MEM_NORMAL}, /* dma = "read" */
    {EXT_SHARED, 0x60004, 0x1c0000, 4, 0, MEM_NORMAL},
    {EXT_MMIO, 0x60010, 0x60010, 2, RW, MEM_UNCACHED},
    {EXT_RESERVED, 0xb0000, 0xb0000, 2, RW, MEM_NORMAL},
    {EXT_RAM, 0x13fdff, 0x1d0000, 1, RW, MEM_NORMAL}, /* up to the window, and from its end on */
    {EXT_RAM, 0x140200, 0x1e0000, 3, RW, MEM_NORMAL},
};

static const struct kind {
    const struct pt_format *format;
    const struct verify_format *verify;
    struct pt_shape shape;
    bool coherent;
} kinds_of[PV_KINDS] = {
    [PV_ARM] = {&pt_format_arm_s2, &verify_arm_s2, {39, 44, 2, 2}, true},
    [PV_ARM_WIDE] = {&pt_format_arm_s2, &verify_arm_s2, {42, 48, 2, 1}, false},
    [PV_SMMU_S1] = {&pt_format_smmu_s1, &verify_smmu_s1, {48, 48, 3, 2}, false},
    [PV_IPMMU] = {&pt_format_ipmmu, &verify_ipmmu, {39, 40, 2, 1}, false},
    [PV_AMDVI] = {&pt_format_amdvi, &verify_amdvi, {48, 52, 3, 2}, true},
    [PV_AMDVI_64] = {&pt_format_amdvi, &verify_amdvi, {64, 52, 5, 0}, false},
    [PV_VTD_SL] = {&pt_format_vtd_sl, &verify_vtd_sl, {48, 46, 3, 2}, false},
    [PV_VTD_SNP] = {&pt_format_vtd_sl_snp, &verify_vtd_sl_snp, {57, 52, 4, 2}, true},
    [PV_VTD_FL] = {&pt_format_vtd_fl, &verify_vtd_fl, {47, 46, 3, 1}, true},
};

/* What devices may do at a GFN: the memory there, and its frame. */
static uint8_t memory_rights(uint64_t g, uint64_t *frame, uint8_t *mem)
{
    for (const struct memory *m = memory; m < memory + PV_WORLD_EXTENTS; m++)
        if (g >= m->gfn && g - m->gfn < m->frames && m->type != EXT_EMULATED) {
            *frame = m->mfn + (g - m->gfn);
            *mem = m->mem;
            return m->dma;
        }
    return 0;
}

/* What devices reach outside the window; not the doorbell where a format cannot say w alone. */
static uint32_t guest_spans(const struct pt_format *f, struct pt_span *out)
{
    uint32_t n = 0;
    for (const struct memory *m = memory; m < memory + PV_WORLD_EXTENTS; m++)
        if (m->dma != 0 && m->type != EXT_EMULATED && f->perm[m->dma] != PT_NONE)
            out[n++] = (struct pt_span){m->gfn, m->mfn, m->frames, m->dma, m->mem};
    return n;
}

/* The guest map with, in the window, what is mapped now. */
static uint32_t spans_now(const struct pv_world *w, const struct pt_format *f, struct pt_span *out)
{
    uint32_t n = guest_spans(f, out);
    struct pt_span last = out[--n];

    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++) {
        const struct pv_world_page *p = &w->page[i];
        struct pt_span *s = &out[n - 1];
        if (!p->mapped && s->rights == 0)
            s->frames++;
        else
            out[n++] = (struct pt_span){PV_WORLD_FIRST + i, p->mapped ? p->mfn : 0, 1, p->mapped ? p->rights : 0,
                                        p->mapped ? p->mem : 0};
    }
    out[n++] = last;
    return n;
}

static err_t target_verify(const struct pv_world *w, const struct pv_world_target *t, const struct pt_span *spans,
                           uint32_t count, struct diag *d)
{
    struct verify_job j = {.format = t->verify,
                           .shape = t->pt.shape,
                           .pool = &t->pool,
                           .root = t->pt.root,
                           .spans = spans,
                           .count = count,
                           .scratch = w->scratch_rights != 0,
                           .scratch_page = t->scratch.page,
                           .scratch_rights = w->scratch_rights};
    return verify_tables(&j, d);
}

/* Where the leaf of frame i of the window is. */
static uint64_t *leaf_of(const struct pv_world_target *t, uint64_t i)
{
    return &t->leaf[i / 512][i % 512];
}

/* The same word as the IOMMU reads it. */
static uint64_t leaf_read(const struct pv_world_target *t, const struct pv_target *p, uint64_t i)
{
    const uint8_t *at = (const uint8_t *)leaf_of(t, i);
    uint64_t word;
    memcpy(&word, p->coherent ? at : t->memory + (at - t->mem), sizeof word);
    return word;
}

static void on_clean(void *ctx, const void *p, size_t size)
{
    struct pv_world *w = ctx;
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        if ((const uint8_t *)p >= t->mem && (const uint8_t *)p + size <= t->mem + sizeof t->mem)
            memcpy(t->memory + ((const uint8_t *)p - t->mem), p, size);
    w->unpublished = true;
}

static void on_publish(void *ctx)
{
    ((struct pv_world *)ctx)->unpublished = false;
}

/* The IOMMU forgets, and from then on walks what is in memory. */
static err_t on_flush(void *ctx, struct diag *d)
{
    struct pv_world_target *t = ctx;
    struct pv_world *w = t->world;

    t->flushes++;
    if (w->unpublished || arch_host.publishes == w->publishes)
        BROKEN(w, "a flush before what was stored is published");
    if (t->fail)
        return diag_fail(d, ERR_TIMEOUT, "the unit does not answer");
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++)
        t->seen[i] = leaf_read(t, &w->list[t - w->target], i);
    return ERR_NONE;
}

/* Nothing but leaves of the window has changed since the tables were built. */
static bool rest_is_pristine(const struct pv_world_target *t)
{
    for (const uint8_t *f = t->mem; f < t->mem + sizeof t->mem; f += FRAME_SIZE)
        if (f != (const uint8_t *)t->leaf[0] && f != (const uint8_t *)t->leaf[1] &&
            memcmp(f, t->pristine + (f - t->mem), FRAME_SIZE) != 0)
            return false;
    return true;
}

static void check_target(struct pv_world *w, const struct pv_world_target *t, const struct pv_target *p)
{
    if (p->stale != t->stale)
        BROKEN(w, "%s: stale is %u", t->pt.format->name, p->stale);
    if (!rest_is_pristine(t))
        BROKEN(w, "%s: something other than a leaf of the window changed", t->pt.format->name);
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++) {
        uint64_t e = *leaf_of(t, i);
        if (leaf_read(t, p, i) != e)
            BROKEN(w, "%s: page %lu was not cleaned", t->pt.format->name, i);
        if (t->seen[i] != t->pt.fill[0] && !w->page[i].marked)
            BROKEN(w, "%s: page %lu can be reached and is not marked", t->pt.format->name, i);
        if (!t->stale && t->seen[i] != e)
            BROKEN(w, "%s: page %lu is stale after a flush", t->pt.format->name, i);
    }
}

static void check(struct pv_world *w)
{
    struct pt_span spans[SPANS];
    struct diag d = {{0}};

    if (w->pv.lock.next != w->pv.lock.serving)
        BROKEN(w, "the lock is held");
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++)
        if ((w->bitmap[i / 64] >> i % 64 & 1) != w->page[i].marked)
            BROKEN(w, "page %lu: marked %u is wrong", i, !w->page[i].marked);
    for (unsigned k = 0; k < w->pv.targets; k++) {
        uint32_t count = spans_now(w, w->target[k].pt.format, spans);
        if (target_verify(w, &w->target[k], spans, count, &d) != ERR_NONE)
            BROKEN(w, "%s: %s", w->target[k].pt.format->name, d.text);
        check_target(w, &w->target[k], &w->list[k]);
    }
}

/* A walk of its own to the table of level 0. */
static uint64_t *leaf_table(const struct pt *t, uint64_t in)
{
    uint64_t *table = pool_ptr(t->pool, t->root);

    for (unsigned shift = 9u * t->shape.root_level; shift != 0; shift -= 9) {
        uint64_t i = in >> shift;
        if (shift != 9u * t->shape.root_level)
            i &= 511;
        table = pool_ptr(t->pool, mfn((table[i] & t->format->addr) >> FRAME_SHIFT));
    }
    return table;
}

static void target_init(struct pv_world *w, unsigned k, const struct kind *kind)
{
    struct pv_world_target *t = &w->target[k];
    struct pt_span spans[SPANS];
    uint32_t count = spans_now(w, kind->format, spans);
    struct diag d = {{0}};

    *t = (struct pv_world_target){.world = w, .verify = kind->verify};
    memset(t->mem, 0xee, sizeof t->mem);
    t->pool = (struct pool){mfn(0x300000 + PV_WORLD_POOL * k), PV_WORLD_POOL, 0, t->mem};
    t->pt = (struct pt){.format = kind->format, .shape = kind->shape, .pool = &t->pool};
    if (w->scratch_rights != 0 &&
        scratch_build(&t->scratch, kind->format, kind->shape, &t->pool, w->scratch_rights, (uint16_t)k, &d) != ERR_NONE)
        BROKEN(w, "%s", d.text);
    memcpy(t->pt.fill, t->scratch.fill, sizeof t->pt.fill);
    uint64_t before = t->pool.used;
    if (pt_build(&t->pt, spans, count, &d) != ERR_NONE) {
        BROKEN(w, "%s", d.text);
        return;
    }
    uint64_t root = pt_root_frames(t->pt.shape);
    uint64_t skip = (root - (t->pool.first.n + before) % root) % root;
    if (t->pool.used - before != skip + pt_count(t->pt.shape, spans, count))
        BROKEN(w, "%s: %lu frames used", kind->format->name, t->pool.used - before);
    t->leaf[0] = leaf_table(&t->pt, PV_WORLD_FIRST);
    t->leaf[1] = leaf_table(&t->pt, PV_WORLD_FIRST + 512);
    memcpy(t->memory, t->mem, sizeof t->mem);
    memcpy(t->pristine, t->mem, sizeof t->mem);
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++)
        t->seen[i] = *leaf_of(t, i);
    w->list[k] = (struct pv_target){&t->pt, kind->coherent, on_flush, t, true};
}

void pv_world_init(struct pv_world *w, const uint8_t *kind, unsigned kinds, uint8_t scratch_rights)
{
    memset(w, 0, sizeof *w);
    w->scratch_rights = scratch_rights;
    w->physmap = (struct physmap){w->ext, 0, PV_WORLD_EXTENTS};
    for (const struct memory *m = memory; m < memory + PV_WORLD_EXTENTS; m++) {
        struct extent e = ext_make(m->type, gfn(m->gfn), mfn(m->mfn), m->frames, "memory");
        struct diag d = {{0}};
        e.dma = m->dma;
        e.mem = m->mem;
        if (physmap_add(&w->physmap, &e, &d) != ERR_NONE)
            BROKEN(w, "%s", d.text);
    }
    for (unsigned k = 0; k < kinds; k++)
        target_init(w, k, &kinds_of[kind[k]]);
    memset(w->bitmap, 0xff, sizeof w->bitmap);
    w->pv = (struct pv){.physmap = &w->physmap,
                        .first = bfn(PV_WORLD_FIRST),
                        .frames = PV_WORLD_FRAMES,
                        .mapped = w->bitmap,
                        .target = w->list,
                        .targets = kinds};
    struct diag d = {{0}};
    if (*w->broken.text == 0 && pv_init(&w->pv, &d) != ERR_NONE)
        BROKEN(w, "%s", d.text);
    if (*w->broken.text == 0)
        check(w);
}

/* Errors that an element may be refused with, as bits; 0: it must be taken. */
static unsigned op_errors(const struct pv_world_page *page, const struct pv_op *op, bool map, uint64_t taken)
{
    unsigned __int128 end = (unsigned __int128)op->bfn.n + op->frames;
    unsigned errors = 0;
    uint64_t frame;
    uint8_t mem;

    if (op->frames == 0 || op->frames > 512 || taken + op->frames > 512 || op->bfn.n < PV_WORLD_FIRST ||
        end > PV_WORLD_FIRST + PV_WORLD_FRAMES || (map && op->rights != 1 && op->rights != 3))
        return 1u << ERR_INVALID;
    for (uint64_t k = 0; k < op->frames; k++) {
        bool marked = page[op->bfn.n - PV_WORLD_FIRST + k].marked;
        if (!map && !marked)
            errors |= 1u << ERR_DENIED;
        if (map && marked)
            errors |= 1u << ERR_NO_SPACE;
        if (map && (op->gfn.n + k < k || (memory_rights(op->gfn.n + k, &frame, &mem) & op->rights) != op->rights))
            errors |= 1u << ERR_DENIED;
    }
    return errors;
}

static void op_apply(struct pv_world_page *page, const struct pv_op *op, bool map)
{
    for (uint64_t k = 0; k < op->frames; k++) {
        struct pv_world_page *p = &page[op->bfn.n - PV_WORLD_FIRST + k];
        *p = (struct pv_world_page){.marked = map, .mapped = map, .rights = op->rights};
        if (map)
            (void)memory_rights(op->gfn.n + k, &p->mfn, &p->mem);
    }
}

/* The elements up to the first that must be refused; page becomes what the vector makes of it. */
static uint32_t ops_judge(struct pv_world_page *page, const struct pv_op *ops, uint32_t count, bool map,
                          unsigned *errors, uint64_t *frames)
{
    *errors = 0;
    *frames = 0;
    for (uint32_t i = 0; i < count; i++) {
        *errors = op_errors(page, &ops[i], map, *frames);
        if (*errors != 0)
            return i;
        op_apply(page, &ops[i], map);
        *frames += ops[i].frames;
    }
    return count;
}

static void call_begin(struct pv_world *w)
{
    arch_host_reset();
    arch_host.on_clean = on_clean;
    arch_host.on_publish = on_publish;
    arch_host.ctx = w;
    w->publishes = arch_host.publishes;
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        t->flushes = 0;
}

/* Work of a call that stored the leaves of frames pages, or 0, in each map. */
static void work_check(struct pv_world *w, uint64_t frames, uint32_t count)
{
    uint64_t maps = 0;
    for (uint32_t k = 0; k < w->pv.targets; k++)
        maps += !w->list[k].coherent;
    if (arch_host.cleaned_bytes != maps * frames * sizeof(uint64_t))
        BROKEN(w, "%lu bytes cleaned for %lu pages in %lu maps", arch_host.cleaned_bytes, frames, maps);
    if (arch_host.cleans > maps * (frames < count + 4u ? frames : count + 4u))
        BROKEN(w, "cleaned %lu times for %u elements", arch_host.cleans, count);
    if (arch_host.publishes > 1)
        BROKEN(w, "published %lu times", arch_host.publishes);
}

static void stale_set(struct pv_world *w)
{
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        t->stale = true;
}

/* Compare the flushes of a call that had to flush what is stale; true: all worked. */
static bool flushes_check(struct pv_world *w, err_t e, const struct diag *d)
{
    bool fails = false;

    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++) {
        if (t->flushes != (t->stale ? 1 : 0))
            BROKEN(w, "%s: %u flushes", t->pt.format->name, t->flushes);
        fails = fails || (t->stale && t->fail);
        t->stale = t->stale && t->fail;
    }
    if (e != (fails ? ERR_TIMEOUT : ERR_NONE) || (*d->text != 0) != fails)
        BROKEN(w, "error %d where a flush %s", e, fails ? "fails" : "works");
    return !fails;
}

static void flushes_none(struct pv_world *w)
{
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        if (t->flushes != 0)
            BROKEN(w, "%s: flushed", t->pt.format->name);
}

/* Was the vector refused, and had it to be? */
static bool refusal_check(struct pv_world *w, err_t e, uint32_t failed, uint32_t want, unsigned errors)
{
    if (failed != want)
        BROKEN(w, "element %u failed, wanted %u", failed, want);
    if (errors != 0 && (e == ERR_NONE || (errors >> e & 1) == 0))
        BROKEN(w, "element %u: error %d", failed, e);
    return errors != 0;
}

err_t pv_world_map(struct pv_world *w, const struct pv_op *ops, uint32_t count, uint32_t *failed)
{
    struct pv_world_page page[PV_WORLD_FRAMES];
    unsigned errors;
    uint64_t frames;

    memcpy(page, w->page, sizeof page);
    uint32_t want = ops_judge(page, ops, count, true, &errors, &frames);
    *failed = UINT32_MAX;
    call_begin(w);
    err_t e = pv_map(&w->pv, ops, count, failed);
    flushes_none(w);
    if (refusal_check(w, e, *failed, want, errors)) {
        work_check(w, 0, 0);
    } else {
        if (e != ERR_NONE)
            BROKEN(w, "error %d", e);
        memcpy(w->page, page, sizeof page);
        if (count != 0)
            stale_set(w);
        work_check(w, frames, count);
    }
    check(w);
    return e;
}

err_t pv_world_unmap(struct pv_world *w, const struct pv_op *ops, uint32_t count, uint32_t *failed)
{
    struct pv_world_page page[PV_WORLD_FRAMES];
    struct diag d = {{0}};
    unsigned errors;
    uint64_t frames;

    memcpy(page, w->page, sizeof page);
    uint32_t want = ops_judge(page, ops, count, false, &errors, &frames);
    *failed = UINT32_MAX;
    call_begin(w);
    err_t e = pv_unmap(&w->pv, ops, count, failed, &d);
    if (refusal_check(w, e, *failed, want, errors)) {
        flushes_none(w);
        work_check(w, 0, 0);
    } else {
        if (count != 0)
            stale_set(w);
        bool done = flushes_check(w, e, &d);
        for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++) {
            page[i].marked = page[i].marked || (!done && w->page[i].marked);
            w->page[i] = page[i];
        }
        work_check(w, frames, count);
    }
    check(w);
    return e;
}

err_t pv_world_flush(struct pv_world *w)
{
    struct diag d = {{0}};

    call_begin(w);
    err_t e = pv_flush(&w->pv, &d);
    (void)flushes_check(w, e, &d);
    work_check(w, 0, 0);
    check(w);
    return e;
}

err_t pv_world_reset(struct pv_world *w)
{
    struct diag d = {{0}};

    call_begin(w);
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++)
        if (w->page[i].marked)
            stale_set(w);
    err_t e = pv_reset(&w->pv, &d);
    bool done = flushes_check(w, e, &d);
    for (uint64_t i = 0; i < PV_WORLD_FRAMES; i++)
        w->page[i] = (struct pv_world_page){.marked = !done && w->page[i].marked};
    check(w);
    return e;
}

void pv_world_end(struct pv_world *w)
{
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        t->fail = false;
    if (pv_world_reset(w) != ERR_NONE)
        BROKEN(w, "the reset fails");
    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        if (memcmp(t->mem, t->pristine, sizeof t->mem) != 0)
            BROKEN(w, "%s: something is left after a reset", t->pt.format->name);
}

static uint64_t any_number(pv_world_below *below, void *ctx)
{
    static const uint64_t edge[] = {0,
                                    1,
                                    511,
                                    512,
                                    513,
                                    PV_WORLD_FIRST - 1,
                                    PV_WORLD_FIRST + PV_WORLD_FRAMES,
                                    UINT64_C(1) << 40,
                                    UINT64_C(1) << 52,
                                    UINT64_C(1) << 63,
                                    UINT64_MAX - 1,
                                    UINT64_MAX,
                                    UINT64_MAX - PV_WORLD_FIRST,
                                    UINT64_MAX - 511};
    return edge[below(ctx, sizeof edge / sizeof *edge)];
}

static struct pv_op any_op(const struct pv_world *w, bool map, pv_world_below *below, void *ctx)
{
    const struct memory *m = &memory[below(ctx, 3) ? 4 + below(ctx, 3) : below(ctx, PV_WORLD_EXTENTS)];
    struct pv_op op = {.bfn = bfn(PV_WORLD_FIRST + below(ctx, PV_WORLD_FRAMES)),
                       .frames = 1 + below(ctx, below(ctx, 4) ? 8 : 200)};

    if (map) {
        op.gfn = gfn(m->gfn + below(ctx, (uint32_t)m->frames + 1));
        op.rights = below(ctx, 2) && (m->dma & R_WRITE) ? RW : R_READ;
    } else { /* the next that is mapped, a piece of its run */
        uint64_t i = op.bfn.n - PV_WORLD_FIRST;
        while (i < PV_WORLD_FRAMES - 1 && !w->page[i].marked)
            i++;
        op.bfn = bfn(PV_WORLD_FIRST + i);
        for (op.frames = 1; i + op.frames < PV_WORLD_FRAMES && w->page[i + op.frames].marked && below(ctx, 8);)
            op.frames++;
    }
    switch (below(ctx, 40)) { /* now and then wrong in one thing */
    case 1:
        op.bfn = bfn(any_number(below, ctx));
        break;
    case 2:
        op.gfn = gfn(any_number(below, ctx));
        break;
    case 3:
        op.frames = any_number(below, ctx);
        break;
    case 4:
        op.rights = (uint8_t)below(ctx, 256);
        break;
    case 5:
        op.frames = below(ctx, 600);
        break;
    default:
        break;
    }
    return op;
}

void pv_world_step(struct pv_world *w, pv_world_below *below, void *ctx)
{
    static struct pv_op ops[STEP_OPS];
    uint32_t call = below(ctx, 32), count = below(ctx, 6), failed;
    bool map = call < 18;

    for (struct pv_world_target *t = w->target; t < w->target + w->pv.targets; t++)
        t->fail = below(ctx, 16) == 15;
    if (call >= 31) {
        (void)(pv_world_reset(w) == ERR_NONE);
        return;
    }
    if (call >= 28) {
        (void)(pv_world_flush(w) == ERR_NONE);
        return;
    }
    if (below(ctx, 64) == 63)
        count = STEP_OPS;
    for (uint32_t i = 0; i < count; i++)
        ops[i] = any_op(w, map, below, ctx);
    (void)((map ? pv_world_map : pv_world_unmap)(w, ops, count, &failed) == ERR_NONE);
}
