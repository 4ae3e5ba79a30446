/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/ipmmu.h"

#include "iommu/ipmmu_regs.h"
#include "iommu/wait.h"

#define IN_BITS_MIN  32
#define IN_BITS_MAX  39 /* a root of one frame */
#define OUT_BITS_MAX 40

static unsigned long long unit(const struct ipmmu *u)
{
    return u->at.v;
}

/* Register values */

uint32_t ipmmu_imctr(const struct ipmmu_context *c)
{
    return (c->shape.in_bits > 32 ? IMCTR_VA64 : 0) | IMCTR_INTEN | IMCTR_MMUEN;
}

/* TSZ0 counts from 64 bits where VA64 is set, else from 32. The walker does not snoop: SH0, ORGN0, IRGN0 0.
 */
uint32_t ipmmu_imttbcr(const struct ipmmu_context *c)
{
    uint32_t in = c->shape.in_bits;
    return IMTTBCR_EAE | IMTTBCR_SL0_L1 | ((in > 32 ? 64 : 32) - in);
}

uint32_t ipmmu_immair0(void)
{
    return 0x44u << 16 | 0xffu << 8 | 0x04u;
}

uint32_t ipmmu_imuctr(uint8_t context)
{
    return IMUCTR_TTSEL(context) | IMUCTR_FLUSH | IMUCTR_MMUEN;
}

/* Contexts */

/*
 * Write IMCTR with FLUSH to the cache units, then to the main one, and wait for it: a flush of the main unit
 * ends after those that the caches had been asked for.
 */
static err_t context_flush(struct ipmmu *m, unsigned context, uint32_t imctr, struct diag *d)
{
    arch_publish(); /* changed tables reach memory first */
    for (const struct ipmmu *u = m->next; u; u = u->next)
        ipmmu_write_imctr(u->base, context, (imctr & IMCTR_CACHE) | IMCTR_FLUSH);
    ipmmu_write_imctr(m->base, context, imctr | IMCTR_FLUSH);

    uint64_t start = arch_ticks();
    bool over;
    do {
        over = iommu_wait_is_over(start);
        if (!(ipmmu_read_imctr(m->base, context) & IMCTR_FLUSH))
            return ERR_NONE;
        arch_relax();
    } while (!over);
    return diag_fail(d, ERR_TIMEOUT,
                     "ipmmu at 0x%llx: IMCTR.FLUSH of context %u is still set (0x%x), want it clear within "
                     "100 ms",
                     unit(m), context, ipmmu_read_imctr(m->base, context));
}

static err_t context_check(const struct ipmmu *m, const struct ipmmu_context *c, struct diag *d)
{
    struct pt_shape s = c->shape;
    if (s.in_bits < IN_BITS_MIN || s.in_bits > IN_BITS_MAX || s.out_bits > OUT_BITS_MAX || s.root_level != 2)
        return diag_fail(d, ERR_INVALID,
                         "ipmmu at 0x%llx: tables of %u input and %u output bits, root level %u; want %d to %d, "
                         "at most %d, and 2",
                         unit(m), s.in_bits, s.out_bits, s.root_level, IN_BITS_MIN, IN_BITS_MAX, OUT_BITS_MAX);
    if (c->root.v & FRAME_MASK || c->root.v >> OUT_BITS_MAX)
        return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: the root table is at 0x%llx, want a frame below 2^%d",
                         unit(m), (unsigned long long)c->root.v, OUT_BITS_MAX);
    return ERR_NONE;
}

static void context_program(struct ipmmu *m, uint8_t index, const struct ipmmu_context *c)
{
    ipmmu_write_imttlbr0(m->base, index, (uint32_t)c->root.v);
    ipmmu_write_imttubr0(m->base, index, (uint32_t)(c->root.v >> 32));
    ipmmu_write_imttbcr(m->base, index, ipmmu_imttbcr(c));
    ipmmu_write_immair0(m->base, index, ipmmu_immair0());
    m->imctr[index] = ipmmu_imctr(c);
}

/* Off and flushed, then on with a flush in the same write: nothing old is left at any moment that it is on.
 */
static err_t context_on(struct ipmmu *m, uint8_t context, struct diag *d)
{
    err_t e = context_flush(m, context, 0, d);
    if (e)
        return e;
    ipmmu_write_imstr(m->base, context, 0);
    e = context_flush(m, context, m->imctr[context], d);
    if (!e)
        m->enabled |= 1u << context;
    return e;
}

/* Block */

/* Every context off and flushed, then the quarantine, silent. */
static err_t main_block(struct ipmmu *m, const struct ipmmu_context *quarantine, struct diag *d)
{
    err_t e = context_check(m, quarantine, d);
    for (unsigned i = 0; !e && i < m->contexts; i++) {
        e = context_flush(m, i, 0, d);
        ipmmu_write_imstr(m->base, i, 0);
    }
    if (e)
        return e;
    ipmmu_write_imsauxctlr(m->base, ipmmu_read_imsauxctlr(m->base) & ~IMSAUXCTLR_S2PTE);
    context_program(m, IPMMU_QUARANTINE, quarantine);
    m->imctr[IPMMU_QUARANTINE] &= ~IMCTR_INTEN;
    m->used = 1;
    return context_on(m, IPMMU_QUARANTINE, d);
}

/*
 * The quarantine is on in this unit before a micro-TLB uses it, and every other context goes off when none
 * does any more.
 */
static err_t utlbs_block(struct ipmmu *u, struct diag *d)
{
    struct ipmmu *m = u->main;
    ipmmu_write_imsctlr(u->base, ipmmu_read_imsctlr(u->base) & ~IMSCTLR_USE_SECGRP);
    err_t e = context_flush(m, IPMMU_QUARANTINE, m->imctr[IPMMU_QUARANTINE], d);
    for (unsigned i = 0; !e && i < u->utlbs; i++) {
        ipmmu_write_imuasid(u->base, i, 0);
        ipmmu_write_imuctr(u->base, i, ipmmu_imuctr(IPMMU_QUARANTINE));
        u->utlb_context[i] = IPMMU_QUARANTINE;
    }
    for (unsigned i = IPMMU_QUARANTINE + 1; !e && u != m && i < m->contexts; i++)
        e = context_flush(m, i, m->enabled >> i & 1 ? m->imctr[i] : 0, d);
    return e;
}

err_t ipmmu_block(struct ipmmu *u, mmio_t base, maddr_t at, struct ipmmu *main_unit,
                  const struct ipmmu_context *quarantine, uint8_t contexts, uint8_t utlbs, struct diag *d)
{
    if (utlbs > IPMMU_UTLBS || (u == main_unit && (contexts < 2 || contexts > IPMMU_CONTEXTS)))
        return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: %u contexts and %u micro-TLBs, want 2 to %d and at most %d",
                         (unsigned long long)at.v, contexts, utlbs, IPMMU_CONTEXTS, IPMMU_UTLBS);
    *u = (struct ipmmu){.base = base, .at = at, .main = main_unit, .utlbs = utlbs, .contexts = contexts};
    if (u == main_unit) {
        err_t e = main_block(u, quarantine, d);
        return e ? e : utlbs_block(u, d);
    }
    if (!(main_unit->enabled & 1u << IPMMU_QUARANTINE))
        return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: blocked before its main unit at 0x%llx", unit(u),
                         unit(main_unit));
    u->next = main_unit->next;
    main_unit->next = u;
    return utlbs_block(u, d);
}

/* Set up and run time */

err_t ipmmu_context_add(struct ipmmu *main_unit, const struct ipmmu_context *c, uint8_t *index, struct diag *d)
{
    err_t e = context_check(main_unit, c, d);
    if (e)
        return e;
    lock_take(&main_unit->lock);
    if (main_unit->used < main_unit->contexts) {
        *index = main_unit->used++;
        context_program(main_unit, *index, c);
    } else {
        e = diag_fail(d, ERR_NO_SPACE,
                      "ipmmu at 0x%llx: partitions that own masters: more than %d, which is all that its %u "
                      "contexts serve (one is the quarantine)",
                      unit(main_unit), main_unit->contexts - 1, main_unit->contexts);
    }
    lock_give(&main_unit->lock);
    return e;
}

err_t ipmmu_enable(struct ipmmu *main_unit, uint8_t context, struct diag *d)
{
    if (context == IPMMU_QUARANTINE || context >= main_unit->used || main_unit->enabled >> context & 1)
        return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: context %u is %s, want a new one with a table",
                         unit(main_unit), context, context >= main_unit->used ? "without a table" : "on already");
    lock_take(&main_unit->lock);
    err_t e = context_on(main_unit, context, d);
    lock_give(&main_unit->lock);
    return e;
}

static err_t utlb_check(const struct ipmmu *u, uint8_t utlb, struct diag *d)
{
    if (utlb < u->utlbs)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: micro-TLB %u, want one below %u", unit(u), utlb, u->utlbs);
}

err_t ipmmu_attach(struct ipmmu *u, uint8_t utlb, uint8_t context, struct diag *d)
{
    err_t e = utlb_check(u, utlb, d);
    if (e)
        return e;
    lock_take(&u->main->lock);
    uint8_t now = u->utlb_context[utlb];
    if (context == IPMMU_QUARANTINE || context >= u->main->used || !(u->main->enabled >> context & 1)) {
        e = diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: micro-TLB %u: context %u is not on, enable it first", unit(u),
                      utlb, context);
    } else if (now == IPMMU_QUARANTINE) {
        u->utlb_context[utlb] = context;
        ipmmu_write_imuctr(u->base, utlb, ipmmu_imuctr(context));
    } else if (now != context) {
        e = diag_fail(d, ERR_INVALID,
                      "ipmmu at 0x%llx: micro-TLB %u has context %u already, want %u: its masters belong to one "
                      "partition",
                      unit(u), utlb, now, context);
    }
    lock_give(&u->main->lock);
    return e;
}

err_t ipmmu_flush(struct ipmmu *main_unit, uint8_t context, struct diag *d)
{
    if (context >= main_unit->used || !(main_unit->enabled >> context & 1))
        return diag_fail(d, ERR_INVALID, "ipmmu at 0x%llx: flush of context %u, which is not on", unit(main_unit),
                         context);
    lock_take(&main_unit->lock);
    err_t e = context_flush(main_unit, context, main_unit->imctr[context], d);
    lock_give(&main_unit->lock);
    return e;
}

err_t ipmmu_quarantine(struct ipmmu *u, uint8_t utlb, struct diag *d)
{
    err_t e = utlb_check(u, utlb, d);
    if (e)
        return e;
    lock_take(&u->main->lock);
    uint8_t was = u->utlb_context[utlb];
    u->utlb_context[utlb] = IPMMU_QUARANTINE;
    ipmmu_write_imuctr(u->base, utlb, ipmmu_imuctr(IPMMU_QUARANTINE));
    e = context_flush(u->main, was, u->main->imctr[was], d);
    lock_give(&u->main->lock);
    return e;
}

/* Faults */

static const struct {
    uint32_t bit;
    const char *what;
} causes[] = {
    {IMSTR_MHIT, "several TLB entries match"},
    {IMSTR_ABORT, "a table could not be read"},
    {IMSTR_PF, "permission fault"},
    {IMSTR_TF, "translation fault"},
};

static const char *cause(uint32_t status)
{
    for (unsigned i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (status & causes[i].bit)
            return causes[i].what;
    }
    return NULL;
}

uint32_t ipmmu_faults(struct ipmmu *main_unit, ipmmu_fault_fn *fn, void *ctx)
{
    uint32_t count = 0;
    for (uint8_t i = 0; i < main_unit->used; i++) {
        lock_take(&main_unit->lock);
        struct ipmmu_fault f = {.context = i, .what = cause(ipmmu_read_imstr(main_unit->base, i))};
        if (f.what) {
            f.addr = ipmmu_read_imelar(main_unit->base, i) | (uint64_t)ipmmu_read_imeuar(main_unit->base, i) << 32;
            ipmmu_write_imstr(main_unit->base, i, 0); /* after the address, which goes with it */
        }
        lock_give(&main_unit->lock);
        if (f.what) {
            fn(ctx, &f);
            count++;
        }
    }
    return count;
}
