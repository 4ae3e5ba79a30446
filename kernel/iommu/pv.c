/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/pv.h"

#include "p2m/window.h"

#include <string.h>

#define WORD_BITS 64

/* Those bits of [i, i + n) that lie in the word of i, as a mask, and how many. */
static uint64_t word_mask(uint64_t i, uint64_t n, uint64_t *bits)
{
    uint64_t room = WORD_BITS - i % WORD_BITS;

    *bits = n < room ? n : room;
    uint64_t last = i + *bits - 1;
    uint64_t below = (UINT64_C(1) << i % WORD_BITS) - 1;
    return UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS) & ~below;
}

static bool marks_are(const struct pv *pv, bfn_t b, uint64_t n, bool mapped)
{
    uint64_t bits;

    for (uint64_t i = b.n - pv->first.n; n != 0; i += bits, n -= bits) {
        uint64_t mask = word_mask(i, n, &bits);
        if ((pv->mapped[i / WORD_BITS] & mask) != (mapped ? mask : 0))
            return false;
    }
    return true;
}

static void marks_set(struct pv *pv, bfn_t b, uint64_t n, bool mapped)
{
    uint64_t bits;

    for (uint64_t i = b.n - pv->first.n; n != 0; i += bits, n -= bits) {
        uint64_t mask = word_mask(i, n, &bits);
        uint64_t *word = &pv->mapped[i / WORD_BITS];
        *word = mapped ? *word | mask : *word & ~mask;
    }
}

static void ops_mark(struct pv *pv, const struct pv_op *ops, uint32_t count, bool mapped)
{
    for (uint32_t i = 0; i < count; i++)
        marks_set(pv, ops[i].bfn, ops[i].frames, mapped);
}

/*
 * How many frames from g on, at most n, devices may use with these rights and are adjacent in the machine, and
 * their extent. 0: not even the first. A doorbell can only be written, so no rights that are asked for fit.
 */
static uint64_t run_find(const struct pv *pv, gfn_t g, uint64_t n, uint8_t rights, const struct extent **e)
{
    *e = physmap_find(pv->physmap, g);
    if (*e == NULL || (*e)->type == EXT_EMULATED || (rights & ~(*e)->dma) != 0)
        return 0;
    uint64_t room = (*e)->gfn.n + (*e)->frames - g.n;
    return n < room ? n : room;
}

static err_t op_check_map(const struct pv *pv, const struct pv_op *op)
{
    const struct extent *e;
    uint64_t run;

    if (op->rights != R_READ && op->rights != (R_READ | R_WRITE))
        return ERR_INVALID;
    for (uint64_t k = 0; k < op->frames; k += run) {
        run = run_find(pv, gfn(op->gfn.n + k), op->frames - k, op->rights, &e);
        if (run == 0)
            return ERR_DENIED;
    }
    return marks_are(pv, op->bfn, op->frames, false) ? ERR_NONE : ERR_NO_SPACE;
}

/* left: frames that the call may still have. */
static err_t op_check(const struct pv *pv, const struct pv_op *op, bool map, uint64_t left)
{
    if (op->frames == 0 || op->frames > left || op->bfn.n < pv->first.n || op->bfn.n - pv->first.n >= pv->frames ||
        op->frames > pv->frames - (op->bfn.n - pv->first.n))
        return ERR_INVALID;
    if (map)
        return op_check_map(pv, op);
    return marks_are(pv, op->bfn, op->frames, true) ? ERR_NONE : ERR_DENIED;
}

/*
 * Check the vector and mark its BFNs as they will be, each element before the next one is looked at; on an
 * error, all are marked as before. Every element that passes has frames: so PV_BATCH bounds the elements, too.
 */
static err_t ops_check(struct pv *pv, const struct pv_op *ops, uint32_t count, bool map, uint32_t *failed)
{
    uint64_t left = PV_BATCH;

    for (uint32_t i = 0; i < count; i++) {
        err_t err = op_check(pv, &ops[i], map, left);
        if (err != ERR_NONE) {
            ops_mark(pv, ops, i, !map);
            *failed = i;
            return err;
        }
        marks_set(pv, ops[i].bfn, ops[i].frames, map);
        left -= ops[i].frames;
    }
    *failed = count;
    return ERR_NONE;
}

static void leaves_store(struct pv_target *t, bfn_t b, uint64_t frames, uint64_t value, uint64_t step)
{
    struct window_run run;

    for (uint64_t k = 0; k < frames; k += run.count) {
        run = window_store(t->table, b.n + k, frames - k, value + k * step, step);
        if (!t->coherent)
            arch_clean(run.leaf, run.count * sizeof *run.leaf);
    }
    t->stale = true;
}

static void op_map(const struct pv *pv, const struct pv_op *op)
{
    const struct extent *e;
    uint64_t run;

    for (uint64_t k = 0; k < op->frames; k += run) {
        gfn_t g = gfn(op->gfn.n + k);
        run = run_find(pv, g, op->frames - k, op->rights, &e);
        uint64_t out = e->mfn.n + (g.n - e->gfn.n);
        for (struct pv_target *t = pv->target; t < pv->target + pv->targets; t++)
            leaves_store(t, bfn(op->bfn.n + k), run, pt_leaf_entry(t->table->format, 0, out, op->rights, e->mem),
                         FRAME_SIZE);
    }
}

static void unmap(const struct pv *pv, bfn_t b, uint64_t frames)
{
    for (struct pv_target *t = pv->target; t < pv->target + pv->targets; t++)
        leaves_store(t, b, frames, t->table->fill[0], 0);
}

/* The first error, after all have been asked. */
static err_t flush(const struct pv *pv, struct diag *d)
{
    err_t first = ERR_NONE;

    arch_publish();
    for (struct pv_target *t = pv->target; t < pv->target + pv->targets; t++) {
        err_t err = t->stale ? t->flush(t->ctx, d) : ERR_NONE;
        if (err == ERR_NONE)
            t->stale = false;
        else if (first == ERR_NONE)
            first = err;
    }
    return first;
}

err_t pv_map(struct pv *pv, const struct pv_op *ops, uint32_t count, uint32_t *failed)
{
    lock_take(&pv->lock);
    err_t err = ops_check(pv, ops, count, true, failed);
    for (uint32_t i = 0; err == ERR_NONE && i < count; i++)
        op_map(pv, &ops[i]);
    lock_give(&pv->lock);
    return err;
}

err_t pv_unmap(struct pv *pv, const struct pv_op *ops, uint32_t count, uint32_t *failed, struct diag *d)
{
    lock_take(&pv->lock);
    err_t err = ops_check(pv, ops, count, false, failed);
    if (err == ERR_NONE) {
        for (uint32_t i = 0; i < count; i++)
            unmap(pv, ops[i].bfn, ops[i].frames);
        err = flush(pv, d);
        if (err != ERR_NONE)
            ops_mark(pv, ops, count, true);
    }
    lock_give(&pv->lock);
    return err;
}

err_t pv_flush(struct pv *pv, struct diag *d)
{
    lock_take(&pv->lock);
    err_t err = flush(pv, d);
    lock_give(&pv->lock);
    return err;
}

err_t pv_reset(struct pv *pv, struct diag *d)
{
    lock_take(&pv->lock);
    for (uint64_t k = 0; k < pv->frames; k += PT_ENTRIES) {
        bfn_t b = bfn(pv->first.n + k);
        if (!marks_are(pv, b, PT_ENTRIES, false))
            unmap(pv, b, PT_ENTRIES);
    }
    err_t err = flush(pv, d);
    if (err == ERR_NONE)
        memset(pv->mapped, 0, PV_BITMAP_BYTES(pv->frames));
    lock_give(&pv->lock);
    return err;
}

/* Can the map say whatever may be asked for of this extent? Then no leaf needs another look. */
static bool extent_fits(const struct pt *t, const struct extent *e, uint8_t rights)
{
    uint64_t out_end = UINT64_C(1) << (t->shape.out_bits - FRAME_SHIFT);

    return (rights & R_READ) == 0 || (e->mfn.n < out_end && e->frames <= out_end - e->mfn.n &&
                                      pt_leaf_entry(t->format, 0, 0, R_READ, e->mem) != PT_NONE &&
                                      pt_leaf_entry(t->format, 0, 0, rights, e->mem) != PT_NONE);
}

static err_t target_check(const struct pv *pv, const struct pt *t, struct diag *d)
{
    uint64_t in_end = UINT64_C(1) << (t->shape.in_bits - FRAME_SHIFT);
    bool fits = pv->first.n < in_end && pv->frames <= in_end - pv->first.n;

    for (uint64_t k = 0; fits && k < pv->frames; k += PT_ENTRIES)
        fits = window_leaf(t, pv->first.n + k) != NULL;
    if (!fits)
        return diag_fail(d, ERR_INVALID, "PV window at BFN 0x%lx, 0x%lx frames: %s tables have no leaf tables there",
                         pv->first.n, pv->frames, t->format->name);
    for (const struct extent *e = pv->physmap->ext; e < pv->physmap->ext + pv->physmap->count; e++) {
        uint8_t rights = e->dma & (R_READ | R_WRITE);
        if (rights == 0 || e->type == EXT_EMULATED)
            continue;
        if (ranges_overlap(bfn_guest_map(e->gfn).n, e->frames, pv->first.n, pv->frames) || !extent_fits(t, e, rights))
            return diag_fail(d, ERR_INVALID,
                             "PV window at BFN 0x%lx, 0x%lx frames: extent %s (GFN 0x%lx, MFN 0x%lx, 0x%lx frames) is "
                             "in it, or more than %s tables can say",
                             pv->first.n, pv->frames, e->name, e->gfn.n, e->mfn.n, e->frames, t->format->name);
    }
    return ERR_NONE;
}

err_t pv_init(struct pv *pv, struct diag *d)
{
    if (pv->frames == 0 || (pv->first.n | pv->frames) % PT_ENTRIES != 0)
        return diag_fail(d, ERR_INVALID,
                         "PV window at BFN 0x%lx, 0x%lx frames: must be some, both numbers multiples of 0x%x",
                         pv->first.n, pv->frames, PT_ENTRIES);
    for (struct pv_target *t = pv->target; t < pv->target + pv->targets; t++) {
        err_t err = target_check(pv, t->table, d);
        if (err != ERR_NONE)
            return err;
        t->stale = false;
    }
    memset(pv->mapped, 0, PV_BITMAP_BYTES(pv->frames));
    pv->lock = (struct lock){0};
    return ERR_NONE;
}
