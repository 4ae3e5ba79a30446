/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/amdvi.h"

#include <string.h>

#include "iommu/amdvi_regs.h"
#include "iommu/wait.h"
#include "pool.h"

#define COMMANDS       (1u << AMDVI_COMMAND_LOG2)
#define EVENTS         (1u << AMDVI_LOG_LOG2)
#define IRT_ENTRIES    (1u << AMDVI_IRT_LOG2)
#define IRT_SIZE       (IRT_ENTRIES * sizeof(struct amdvi_irte))
#define IRTS_PER_FRAME (FRAME_SIZE / IRT_SIZE)
#define DTES_PER_FRAME (FRAME_SIZE / sizeof(struct amdvi_dte))
#define DOMAINS        0x10000u

/* Until (status & mask) == want; false: not within 100 ms. */
static bool wait_for(const struct amdvi *u, uint64_t mask, uint64_t want)
{
    uint64_t start = arch_ticks();
    bool over;
    do {
        over = iommu_wait_is_over(start);
        if ((amdvi_read_status(u->base) & mask) == want)
            return true;
        arch_relax();
    } while (!over);
    return false;
}

static unsigned long long at(const struct amdvi *u)
{
    return u->caps.at.v;
}

/* Probe */

err_t amdvi_probe(struct amdvi_caps *c, mmio_t base, maddr_t where, uint16_t last_bdf, uint8_t ivhd_flags,
                  struct diag *d)
{
    uint64_t efr = amdvi_read_efr(base);
    if (AMDVI_EFR_HATS(efr) == 3)
        return diag_fail(d, ERR_INVALID,
                         "amd-vi at 0x%llx: EFR is 0x%llx: HATS 3, it has no host page tables, want 0 to 2",
                         (unsigned long long)where.v, (unsigned long long)efr);
    *c = (struct amdvi_caps){
        .at = where,
        .levels_max = (uint8_t)(4 + AMDVI_EFR_HATS(efr)),
        .ivhd_flags = ivhd_flags,
        .invalidate_all = efr & AMDVI_EFR_IA_SUP,
        .last_bdf = last_bdf,
    };
    return ERR_NONE;
}

/* Tables */

/* Make what was stored to [p, p + size) of a table visible to the unit before anything that comes after. */
static void publish(const struct amdvi *u, const void *p, size_t size)
{
    if (!(u->caps.ivhd_flags & AMDVI_IVHD_COHERENT))
        arch_clean(p, size);
    arch_publish();
}

static void word_publish(const struct amdvi *u, uint64_t *p, uint64_t word)
{
    __atomic_store_n(p, word, __ATOMIC_RELAXED);
    publish(u, p, sizeof *p);
}

static uint64_t devtab_frames(uint16_t last_bdf)
{
    return frames_of(((uint64_t)last_bdf + 1) * sizeof(struct amdvi_dte));
}

uint64_t amdvi_unit_frames(uint16_t last_bdf)
{
    return devtab_frames(last_bdf) + 3;
}

uint64_t amdvi_stream_frames(uint32_t count)
{
    return ((uint64_t)count + IRTS_PER_FRAME - 1) / IRTS_PER_FRAME;
}

static struct amdvi_dte *dte(const struct amdvi *u, uint16_t bdf)
{
    return (struct amdvi_dte *)pool_ptr(u->pool, u->devtab) + bdf;
}

static struct amdvi_irte *irt(const struct amdvi *u, maddr_t table)
{
    return (struct amdvi_irte *)((uint8_t *)pool_ptr(u->pool, mfn_of(table)) + (table.v & FRAME_MASK));
}

/* Commands: the unit always snoops its queues and what it stores (3.4.4, Coherent: device table alone) */

/* Start the command buffer, at its first entry. */
static err_t commands_start(struct amdvi *u, struct diag *d)
{
    amdvi_write_command_head(u->base, 0);
    amdvi_write_command_tail(u->base, 0);
    u->tail = 0;
    u->control |= AMDVI_CONTROL_CMD_BUF_EN;
    amdvi_write_control(u->base, u->control);
    u->hung = !wait_for(u, AMDVI_STATUS_CMD_BUF_RUN, AMDVI_STATUS_CMD_BUF_RUN);
    if (!u->hung)
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT, "amd-vi at 0x%llx: CmdBufRun stays 0 with CmdBufEn set, want 1 within 100 ms",
                     at(u));
}

/* After a failure: start again, and forget what is in the buffer. */
static err_t commands_ready(struct amdvi *u, struct diag *d)
{
    if (!u->hung)
        return ERR_NONE;
    u->control &= ~AMDVI_CONTROL_CMD_BUF_EN;
    amdvi_write_control(u->base, u->control);
    if (!wait_for(u, AMDVI_STATUS_CMD_BUF_RUN, 0))
        return diag_fail(d, ERR_TIMEOUT,
                         "amd-vi at 0x%llx: CmdBufRun stays 1 with CmdBufEn clear, want 0 within 100 ms", at(u));
    return commands_start(u, d);
}

static void command_store(struct amdvi *u, struct amdvi_command c)
{
    ((struct amdvi_command *)pool_ptr(u->pool, u->commands))[u->tail] = c;
    u->tail = (u->tail + 1) % COMMANDS;
}

/* Run what command_store has taken, at most COMMANDS - 2, to completion. */
static err_t commands_finish(struct amdvi *u, struct diag *d)
{
    command_store(u, amdvi_command_wait(mfn_addr(u->status), ++u->waits));
    arch_publish();
    amdvi_write_command_tail(u->base, (uint64_t)u->tail * sizeof(struct amdvi_command));

    const uint64_t *status = pool_ptr(u->pool, u->status);
    uint64_t start = arch_ticks();
    bool over;
    do {
        over = iommu_wait_is_over(start);
        if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == u->waits)
            return ERR_NONE;
        arch_relax();
    } while (!over && amdvi_read_status(u->base) & AMDVI_STATUS_CMD_BUF_RUN);
    u->hung = true;
    return diag_fail(
        d, over ? ERR_TIMEOUT : ERR_INVALID, "amd-vi at 0x%llx: %s: head 0x%x, tail 0x%x", at(u),
        over ? "COMPLETION_WAIT did not store within 100 ms" : "the command buffer stopped at a command (CmdBufRun 0)",
        AMDVI_RING_OFFSET(amdvi_read_command_head(u->base)), AMDVI_RING_OFFSET(amdvi_read_command_tail(u->base)));
}

static err_t commands_run(struct amdvi *u, const struct amdvi_command *c, uint32_t count, struct diag *d)
{
    err_t e = commands_ready(u, d);
    if (e)
        return e;
    for (uint32_t i = 0; i < count; i++)
        command_store(u, c[i]);
    return commands_finish(u, d);
}

/* Everything that can be cached, on a unit without INVALIDATE_IOMMU_ALL. */
static err_t invalidate_each(struct amdvi *u, struct diag *d)
{
    err_t e = commands_ready(u, d);
    for (uint32_t i = 0; i < DOMAINS && !e; i++) {
        struct amdvi_command c[3] = {amdvi_command_pages_all((uint16_t)i), amdvi_command_devtab((uint16_t)i),
                                     amdvi_command_irt((uint16_t)i)};
        for (uint32_t k = 0; k < (i <= u->caps.last_bdf ? 3 : 1); k++)
            command_store(u, c[k]);
        if (i % (COMMANDS / 4) == COMMANDS / 4 - 1)
            e = commands_finish(u, d);
    }
    return e;
}

static err_t invalidate_all(struct amdvi *u, struct diag *d)
{
    struct amdvi_command all = amdvi_command_all();
    return u->caps.invalidate_all ? commands_run(u, &all, 1, d) : invalidate_each(u, d);
}

/* Block and enable */

static err_t block_frames(struct amdvi *u, struct diag *d)
{
    uint64_t frames = devtab_frames(u->caps.last_bdf);
    struct pool *pool = u->pool;
    if (!pool_take(pool, frames, false, &u->devtab) || !pool_take(pool, 1, false, &u->commands) ||
        !pool_take(pool, 1, false, &u->log) || !pool_take(pool, 1, false, &u->status))
        return diag_fail(d, ERR_NO_SPACE, "amd-vi at 0x%llx: no frames left for its device table and queues", at(u));
    struct amdvi_dte blocked = amdvi_dte_blocked(false);
    for (uint64_t i = 0; i < frames * DTES_PER_FRAME; i++)
        ((struct amdvi_dte *)pool_ptr(pool, u->devtab))[i] = blocked;
    publish(u, pool_ptr(pool, u->devtab), frames << FRAME_SHIFT);
    return ERR_NONE;
}

/* The control bits that the IVHD decides. */
static uint64_t control_ivhd(uint8_t flags)
{
    static const struct {
        uint8_t flag;
        uint64_t control;
    } bits[] = {
        {AMDVI_IVHD_HT_TUN_EN, AMDVI_CONTROL_HT_TUN_EN},     {AMDVI_IVHD_PASS_PW, AMDVI_CONTROL_PASS_PW},
        {AMDVI_IVHD_RES_PASS_PW, AMDVI_CONTROL_RES_PASS_PW}, {AMDVI_IVHD_ISOC, AMDVI_CONTROL_ISOC},
        {AMDVI_IVHD_COHERENT, AMDVI_CONTROL_COHERENT},
    };
    uint64_t control = 0;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        control |= flags & bits[i].flag ? bits[i].control : 0;
    return control;
}

/* Stop queues and logs; a unit that translates goes on doing so, by the tables it has. */
static err_t block_stop(struct amdvi *u, struct diag *d)
{
    uint64_t control = amdvi_read_control(u->base), formats = control & AMDVI_CONTROL_FORMATS;
    if (control & AMDVI_CONTROL_IOMMU_EN && formats)
        return diag_fail(d, ERR_INVALID,
                         "amd-vi at 0x%llx: firmware left it on with control 0x%llx: bits 0x%llx (GTEn, GAEn, "
                         "DevTblSegEn, XTEn) cannot change then, want them clear, or IommuEn 0",
                         at(u), (unsigned long long)control, (unsigned long long)formats);
    u->control = control_ivhd(u->caps.ivhd_flags) | (control & AMDVI_CONTROL_IOMMU_EN);
    amdvi_write_control(u->base, u->control);
    if (wait_for(u, AMDVI_STATUS_RUN, 0))
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT,
                     "amd-vi at 0x%llx: status is 0x%llx: a queue of firmware runs on 100 ms after it was "
                     "turned off",
                     at(u), (unsigned long long)amdvi_read_status(u->base));
}

static void block_registers(const struct amdvi *u)
{
    mmio_t base = u->base;
    amdvi_write_exclusion_base(base, 0);
    amdvi_write_exclusion_limit(base, 0);
    amdvi_write_devtab_base(base, mfn_addr(u->devtab).v | AMDVI_DEVTAB_SIZE(devtab_frames(u->caps.last_bdf)));
    amdvi_write_command_base(base, mfn_addr(u->commands).v | AMDVI_RING_LOG2(AMDVI_COMMAND_LOG2));
    amdvi_write_event_base(base, mfn_addr(u->log).v | AMDVI_RING_LOG2(AMDVI_LOG_LOG2));
    amdvi_write_event_head(base, 0);
    amdvi_write_event_tail(base, 0);
    amdvi_write_status_ack(base, amdvi_read_status(base) & AMDVI_STATUS_ACK_ALL);
}

err_t amdvi_block(struct amdvi *u, const struct amdvi_caps *c, mmio_t base, struct pool *pool, struct diag *d)
{
    *u = (struct amdvi){.base = base, .caps = *c, .pool = pool};
    err_t e = block_stop(u, d);
    if (!e)
        e = block_frames(u, d);
    if (!e) {
        block_registers(u);
        u->control |= AMDVI_CONTROL_IOMMU_EN;
        e = commands_start(u, d);
    }
    if (!e)
        e = invalidate_all(u, d);
    if (e)
        u->pool = NULL;
    return e;
}

static err_t enable_locked(struct amdvi *u, struct diag *d)
{
    u->control |= AMDVI_CONTROL_EVENT_LOG_EN | AMDVI_CONTROL_EVENT_INT_EN;
    amdvi_write_control(u->base, u->control);
    if (!wait_for(u, AMDVI_STATUS_EVENT_LOG_RUN, AMDVI_STATUS_EVENT_LOG_RUN))
        return diag_fail(d, ERR_TIMEOUT,
                         "amd-vi at 0x%llx: EventLogRun stays 0 with EventLogEn set, want 1 within 100 ms", at(u));
    err_t e = invalidate_all(u, d);
    u->enabled = !e;
    return e;
}

err_t amdvi_enable(struct amdvi *u, struct diag *d)
{
    if (!u->pool || u->enabled)
        return diag_fail(d, ERR_INVALID, "amd-vi at 0x%llx: enabled before it was blocked, or twice", at(u));
    lock_take(&u->lock);
    err_t e = enable_locked(u, d);
    lock_give(&u->lock);
    return e;
}

/* Functions */

static err_t function_check(const struct amdvi *u, uint16_t bdf, struct diag *d)
{
    if (!u->pool)
        return diag_fail(d, ERR_INVALID, "amd-vi: function 0x%x given to a unit that was not blocked", bdf);
    if (bdf > u->caps.last_bdf)
        return diag_fail(d, ERR_INVALID, "amd-vi at 0x%llx: function 0x%x, want at most 0x%x", at(u), bdf,
                         u->caps.last_bdf);
    return ERR_NONE;
}

static err_t domain_check(const struct amdvi *u, const struct amdvi_domain *dom, struct diag *d)
{
    if (dom->id == 0)
        return diag_fail(d, ERR_INVALID, "amd-vi at 0x%llx: domain id 0, want 1 to 65535", at(u));
    if (dom->shape.root_level < 2 || dom->shape.root_level >= u->caps.levels_max)
        return diag_fail(d, ERR_INVALID, "amd-vi at 0x%llx: domain %u has %u levels, want 3 to %u", at(u), dom->id,
                         dom->shape.root_level + 1, u->caps.levels_max);
    if (dom->root.v & FRAME_MASK || dom->root.v >> 52)
        return diag_fail(d, ERR_INVALID, "amd-vi at 0x%llx: domain %u has its root at 0x%llx, want a frame below 2^52",
                         at(u), dom->id, (unsigned long long)dom->root.v);
    return ERR_NONE;
}

/* Where the function's remapping table is, 0: it has none. It keeps it while it is quarantined. */
static maddr_t irt_of(const struct amdvi_dte *e)
{
    return maddr(e->w[2] & ((UINT64_C(1) << 52) - IRT_SIZE));
}

/* An empty remapping table. */
static err_t irt_take(struct amdvi *u, const struct amdvi_dte *e, maddr_t *table, struct diag *d)
{
    *table = irt_of(e);
    if (table->v == 0) {
        if (u->irts_left == 0) {
            if (!pool_take(u->pool, 1, false, &u->irts))
                return diag_fail(d, ERR_NO_SPACE, "amd-vi at 0x%llx: no frame left for interrupt remapping tables",
                                 at(u));
            u->irts_left = IRTS_PER_FRAME;
        }
        *table = maddr(mfn_addr(u->irts).v + (IRTS_PER_FRAME - u->irts_left) * IRT_SIZE);
        u->irts_left--;
    }
    memset(irt(u, *table), 0, IRT_SIZE); /* the unit does not read it: interrupts are blocked */
    publish(u, irt(u, *table), IRT_SIZE);
    return ERR_NONE;
}

static err_t function_invalidate(struct amdvi *u, uint16_t bdf, struct diag *d)
{
    struct amdvi_command c[2] = {amdvi_command_devtab(bdf), amdvi_command_irt(bdf)};
    return commands_run(u, c, 2, d);
}

static bool dte_is_blocked(const struct amdvi_dte *e)
{
    return e->w[0] == amdvi_dte_blocked(true).w[0];
}

/* No DMA from the first word on; the rest only blocks more and keeps it silent. */
static err_t dte_block(struct amdvi *u, uint16_t bdf, struct amdvi_dte *e, struct diag *d)
{
    struct amdvi_dte new = amdvi_dte_quarantine(NULL, irt_of(e));
    word_publish(u, &e->w[0], new.w[0]);
    __atomic_store_n(&e->w[1], new.w[1], __ATOMIC_RELAXED);
    word_publish(u, &e->w[2], new.w[2]);
    return function_invalidate(u, bdf, d);
}

/* To an entry that is blocked, and known to the unit as such until it forgets that, now or in enable: the root
 * and the rights come last. */
static err_t dte_set(struct amdvi *u, uint16_t bdf, struct amdvi_dte *e, const struct amdvi_dte *new, struct diag *d)
{
    __atomic_store_n(&e->w[1], new->w[1], __ATOMIC_RELAXED);
    word_publish(u, &e->w[2], new->w[2]);
    word_publish(u, &e->w[0], new->w[0]);
    return u->enabled ? function_invalidate(u, bdf, d) : ERR_NONE;
}

static err_t attach_locked(struct amdvi *u, uint16_t bdf, const struct amdvi_domain *dom, struct diag *d)
{
    struct amdvi_dte *e = dte(u, bdf), new = amdvi_dte_domain(dom, irt_of(e), AMDVI_IRT_LOG2);
    if (e->w[0] == new.w[0] && e->w[1] == new.w[1])
        return ERR_NONE;
    if (!dte_is_blocked(e) && !(e->w[1] & amdvi_dte_blocked(true).w[1])) /* not in quarantine, either */
        return diag_fail(d, ERR_INVALID,
                         "amd-vi at 0x%llx: function 0x%x is in domain %u, it cannot be given domain %u, too", at(u),
                         bdf, (unsigned)(e->w[1] & 0xffff), dom->id);
    maddr_t table;
    err_t err = dte_is_blocked(e) ? ERR_NONE : dte_block(u, bdf, e, d);
    if (!err)
        err = irt_take(u, e, &table, d);
    if (err)
        return err;
    new = amdvi_dte_domain(dom, table, AMDVI_IRT_LOG2);
    return dte_set(u, bdf, e, &new, d);
}

err_t amdvi_attach(struct amdvi *u, uint16_t bdf, const struct amdvi_domain *dom, struct diag *d)
{
    err_t e = function_check(u, bdf, d);
    if (!e)
        e = domain_check(u, dom, d);
    if (e)
        return e;
    lock_take(&u->lock);
    e = attach_locked(u, bdf, dom, d);
    lock_give(&u->lock);
    return e;
}

static err_t route_locked(struct amdvi *u, uint16_t bdf, uint16_t index, const struct amdvi_irte *e, struct diag *d)
{
    maddr_t table = irt_of(dte(u, bdf));
    if (table.v == 0 || index >= IRT_ENTRIES)
        return diag_fail(d, ERR_INVALID,
                         "amd-vi at 0x%llx: interrupt %u of function 0x%x, want one below %u of an attached "
                         "function",
                         at(u), index, bdf, IRT_ENTRIES);
    struct amdvi_irte *entry = irt(u, table) + index;
    __atomic_store_n(&entry->w, e->w, __ATOMIC_RELAXED);
    publish(u, entry, sizeof *entry);
    struct amdvi_command c = amdvi_command_irt(bdf);
    return u->enabled ? commands_run(u, &c, 1, d) : ERR_NONE;
}

err_t amdvi_route(struct amdvi *u, uint16_t bdf, uint16_t index, const struct amdvi_irte *e, struct diag *d)
{
    err_t err = function_check(u, bdf, d);
    if (err)
        return err;
    lock_take(&u->lock);
    err = route_locked(u, bdf, index, e, d);
    lock_give(&u->lock);
    return err;
}

err_t amdvi_quarantine(struct amdvi *u, uint16_t bdf, const struct amdvi_domain *to, struct diag *d)
{
    err_t err = function_check(u, bdf, d);
    if (!err && to)
        err = domain_check(u, to, d);
    if (err)
        return err;
    lock_take(&u->lock);
    struct amdvi_dte *e = dte(u, bdf), new = amdvi_dte_quarantine(to, irt_of(e));
    err = dte_block(u, bdf, e, d);
    if (!err && to)
        err = dte_set(u, bdf, e, &new, d);
    lock_give(&u->lock);
    return err;
}

err_t amdvi_flush(struct amdvi *u, uint16_t id, struct diag *d)
{
    if (!u->pool)
        return diag_fail(d, ERR_INVALID, "amd-vi: domain %u flushed on a unit that was not blocked", id);
    struct amdvi_command c = amdvi_command_pages_all(id);
    lock_take(&u->lock);
    err_t e = commands_run(u, &c, 1, d);
    lock_give(&u->lock);
    return e;
}

/* Events */

/*
 * The oldest event, if there is one; its place is emptied and given back at once. The tail may run ahead of
 * what is written (errata 732, 733): an empty place is waited for.
 */
static bool event_take(struct amdvi *u, struct amdvi_event *e)
{
    uint32_t tail = AMDVI_RING_OFFSET(amdvi_read_event_tail(u->base)) / sizeof *e;
    if (tail == u->log_head)
        return false;
    struct amdvi_event *entry = (struct amdvi_event *)pool_ptr(u->pool, u->log) + u->log_head;
    uint64_t start = arch_ticks();
    do {
        e->w[0] = __atomic_load_n(&entry->w[0], __ATOMIC_ACQUIRE);
    } while (e->w[0] >> 60 == 0 && !iommu_wait_is_over(start));
    e->w[1] = __atomic_load_n(&entry->w[1], __ATOMIC_RELAXED);
    __atomic_store_n(&entry->w[0], 0, __ATOMIC_RELAXED);
    arch_publish(); /* before the unit may write there again */
    u->log_head = (u->log_head + 1) % EVENTS;
    amdvi_write_event_head(u->base, (uint64_t)u->log_head * sizeof *e);
    return true;
}

/* 2.5.1: a log that was full has stopped; once it is empty, start it again. Returns what there is to say. */
static const char *overflow_take(struct amdvi *u)
{
    if (!(amdvi_read_status(u->base) & AMDVI_STATUS_EVENT_OVERFLOW) ||
        AMDVI_RING_OFFSET(amdvi_read_event_tail(u->base)) / sizeof(struct amdvi_event) != u->log_head)
        return NULL;
    amdvi_write_control(u->base, u->control & ~AMDVI_CONTROL_EVENT_LOG_EN);
    bool restarted = wait_for(u, AMDVI_STATUS_EVENT_LOG_RUN, 0);
    amdvi_write_status_ack(u->base, AMDVI_STATUS_EVENT_OVERFLOW);
    if (restarted) {
        amdvi_write_control(u->base, u->control);
        restarted = wait_for(u, AMDVI_STATUS_EVENT_LOG_RUN, AMDVI_STATUS_EVENT_LOG_RUN);
    }
    return restarted ? "the event log was full, DMA faults were not recorded"
                     : "the event log was full and does not start again: DMA faults are not recorded";
}

uint32_t amdvi_events(struct amdvi *u, uint32_t max, amdvi_fault_fn *fn, amdvi_note_fn *note, void *ctx)
{
    uint32_t taken = 0;
    if (!u->enabled)
        return 0;
    /* First, so that an event from here on raises the next interrupt. */
    amdvi_write_status_ack(u->base, AMDVI_STATUS_EVENT_LOG_INT);
    while (taken < max) {
        struct amdvi_event e;
        lock_take(&u->lock);
        bool found = event_take(u, &e);
        lock_give(&u->lock);
        if (!found)
            break;
        taken++;
        struct amdvi_fault f = amdvi_event_decode(&e);
        if (f.device)
            fn(ctx, &f);
        else
            note(ctx, f.what);
    }
    lock_take(&u->lock);
    const char *overflow = overflow_take(u);
    lock_give(&u->lock);
    if (overflow)
        note(ctx, overflow);
    return taken;
}
