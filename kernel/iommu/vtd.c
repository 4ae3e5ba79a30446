/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/vtd.h"

#include "iommu/vtd_regs.h"
#include "iommu/wait.h"
#include "pool.h"

#define QUEUE_ENTRIES (1u << VTD_QUEUE_LOG2)
#define IRT_ENTRIES   (1u << VTD_IRT_LOG2)
#define COMMAND_SIZE  sizeof(struct vtd_command)
#define CONTEXTS      256 /* of a context table: a bus */

#define CONTEXT_PRESENT UINT64_C(1)
#define CONTEXT_FPD     UINT64_C(2) /* 9.3: heeded whether the entry is present or not */
#define IRTE_PRESENT    UINT64_C(1)

static unsigned long long at(const struct vtd *u)
{
    return u->caps.at.v;
}

/* Switch one thing (11.4.4.1) and wait until GSTS shows it: a state bit as asked for, WBF clear, another
 * one-shot bit set. */
static err_t gcmd(const struct vtd *u, uint32_t bit, bool on, struct diag *d)
{
    uint32_t state = vtd_read_gsts(u->base) & VTD_GCMD_STATE, want = on && bit != VTD_GCMD_WBF ? bit : 0;
    vtd_write_gcmd(u->base, on ? state | bit : state & ~bit);
    if (iommu_wait_for(u->base, vtd_read_gsts, bit, want))
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT, "vtd at 0x%llx: GSTS stays 0x%x, want bit 0x%x %s within 100 ms", at(u),
                     vtd_read_gsts(u->base), bit, want ? "set" : "clear");
}

/* 6.8: nothing that the unit is to walk may wait in a write buffer. Invalidations imply it, a table pointer
 * does not; asking costs nothing on units that need none. */
static err_t buffers_flush(const struct vtd *u, struct diag *d)
{
    return u->caps.write_buffer ? gcmd(u, VTD_GCMD_WBF, true, d) : ERR_NONE;
}

/* Hand over a table (6.6, 6.7), which the unit may walk at once. */
static err_t table_set(const struct vtd *u, uint32_t bit, struct diag *d)
{
    err_t e = buffers_flush(u, d);
    return e ? e : gcmd(u, bit, true, d);
}

/* Probe */

err_t vtd_probe(struct vtd_caps *c, mmio_t base, maddr_t address, struct diag *d)
{
    uint64_t cap = vtd_read_cap(base), ecap = vtd_read_ecap(base);
    const char *lacks = !(ecap & VTD_ECAP_QI)  ? "queued invalidation (ECAP.QI 1)"
                        : !VTD_CAP_SAGAW(cap)  ? "second-stage tables of 39, 48 or 57 bits (CAP.SAGAW 2 to 14)"
                        : VTD_CAP_ND(cap) == 7 ? "a known number of domains (CAP.ND 0 to 6)"
                                               : NULL;
    if (lacks)
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: CAP is 0x%llx, ECAP 0x%llx: it lacks %s",
                         (unsigned long long)address.v, (unsigned long long)cap, (unsigned long long)ecap, lacks);
    uint8_t widths = (uint8_t)VTD_CAP_SAGAW(cap), large = (uint8_t)VTD_CAP_SSLPS(cap);
    *c = (struct vtd_caps){
        .at = address,
        .widths = widths,
        .in_bits = widths & 8   ? 57
                   : widths & 4 ? 48
                                : 39,
        .mgaw = (uint8_t)(VTD_CAP_MGAW(cap) + 1),
        .leaf_level = (large & 3) == 3 ? 2 : large & 1,
        .drain = (uint8_t)((cap & VTD_CAP_DWD ? VTD_DRAIN_WRITE : 0) | (cap & VTD_CAP_DRD ? VTD_DRAIN_READ : 0)),
        .domains = 16u << 2 * VTD_CAP_ND(cap),
        .fault_off = (uint16_t)(VTD_CAP_FRO(cap) * 16),
        .fault_count = (uint16_t)(VTD_CAP_NFR(cap) + 1),
        .coherent = ecap & VTD_ECAP_C,
        .snoop_control = ecap & VTD_ECAP_SC,
        .caching_mode = cap & VTD_CAP_CM,
        .remapping = ecap & VTD_ECAP_IR,
        .eim = ecap & VTD_ECAP_EIM,
        .eim_only = ecap & VTD_ECAP_EIMER,
        .write_buffer = cap & VTD_CAP_RWBF,
        .switches_mode = cap & VTD_CAP_ESRTPS,
        .regions = cap & VTD_CAP_PMR,
    };
    return ERR_NONE;
}

/* Memory that the unit reads; it always snoops the status word of a wait command (11.4.3, C). */

/* Make what was stored to [p, p + size) visible to the unit before anything that comes after. */
static void publish(const struct vtd *u, const void *p, size_t size)
{
    if (!u->caps.coherent)
        arch_clean(p, size);
    arch_publish();
}

static void word_store(const struct vtd *u, uint64_t *p, uint64_t word)
{
    __atomic_store_n(p, word, __ATOMIC_RELAXED);
    publish(u, p, sizeof *p);
}

/* An entry of two words that is not present: the valid word last, also behind a write buffer. */
static err_t entry_store(const struct vtd *u, uint64_t *entry, const uint64_t *w, struct diag *d)
{
    word_store(u, &entry[1], w[1]);
    err_t e = buffers_flush(u, d);
    if (!e)
        word_store(u, &entry[0], w[0]);
    return e;
}

static uint64_t *root_entry(const struct vtd *u, uint16_t bdf)
{
    return ((struct vtd_root *)pool_ptr(u->pool, u->root))[bdf >> 8].w;
}

/* The function's entry in a table of its own bus, or NULL where it has none. */
static uint64_t *context_find(const struct vtd *u, uint16_t bdf)
{
    uint64_t word = *root_entry(u, bdf);
    if (word == 0 || word == vtd_root_entry(u->quiet).w[0])
        return NULL;
    return ((struct vtd_context *)pool_ptr(u->pool, mfn(word >> FRAME_SHIFT)))[bdf & 0xff].w;
}

uint64_t vtd_stream_frames(const uint32_t *bdf, uint32_t count)
{
    uint64_t frames = 0;
    for (uint32_t i = 0; i < count; i++)
        frames += i == 0 || bdf[i] >> 8 != bdf[i - 1] >> 8;
    return frames;
}

/* Commands (6.5.2) */

static void queue_store(const struct vtd *u, uint32_t index, struct vtd_command command)
{
    struct vtd_command *entry = (struct vtd_command *)pool_ptr(u->pool, u->queue) + index % QUEUE_ENTRIES;
    *entry = command;
    publish(u, entry, sizeof *entry);
}

static struct vtd_command wait_command(const struct vtd *u)
{
    return vtd_command_wait(mfn_addr(u->status), u->sequence);
}

/* 6.5.2: the unit stopped at the command that IQH names. A harmless one in its place lets it go on; the last
 * one is the wait, tried again. */
static void queue_recover(struct vtd *u)
{
    uint32_t index = (uint32_t)(vtd_read_iqh(u->base) / COMMAND_SIZE);
    bool last = (index + 1) % QUEUE_ENTRIES == u->tail;
    queue_store(u, index, last ? wait_command(u) : vtd_command_context_global());
    vtd_ack_fsts(u->base, VTD_FSTS_IQE);
}

static err_t queue_wait(struct vtd *u, struct diag *d)
{
    const uint32_t *status = pool_ptr(u->pool, u->status);
    uint64_t start = arch_ticks();
    bool over, failed = false;
    do {
        over = iommu_wait_is_over(start);
        if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == u->sequence) {
            if (!failed)
                return ERR_NONE;
            return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: an invalidation command failed (FSTS.IQE)", at(u));
        }
        if (vtd_read_fsts(u->base) & VTD_FSTS_IQE) {
            queue_recover(u);
            failed = true;
        }
        arch_relax();
    } while (!over);
    return diag_fail(d, ERR_TIMEOUT,
                     "vtd at 0x%llx: an invalidation did not complete within 100 ms: IQH 0x%llx, IQT 0x%llx, "
                     "FSTS 0x%x",
                     at(u), (unsigned long long)vtd_read_iqh(u->base), (unsigned long long)vtd_read_iqt(u->base),
                     vtd_read_fsts(u->base));
}

/* Run commands and a wait behind them to completion. At most a few: they fit an empty queue. */
static err_t queue_run(struct vtd *u, const struct vtd_command *commands, uint32_t count, struct diag *d)
{
    err_t e = buffers_flush(u, d);
    if (e)
        return e;
    if (vtd_read_iqh(u->base) != u->tail * COMMAND_SIZE)
        return diag_fail(d, ERR_TIMEOUT, "vtd at 0x%llx: commands are stuck: IQH 0x%llx, IQT 0x%llx", at(u),
                         (unsigned long long)vtd_read_iqh(u->base), (unsigned long long)vtd_read_iqt(u->base));
    for (uint32_t i = 0; i < count; i++)
        queue_store(u, u->tail + i, commands[i]);
    u->sequence++;
    queue_store(u, u->tail + count, wait_command(u));
    u->tail = (u->tail + count + 1) % QUEUE_ENTRIES;
    vtd_write_iqt(u->base, u->tail * COMMAND_SIZE);
    return queue_wait(u, d);
}

/* 6.5.3.3: in this order. */
static err_t flush_all(struct vtd *u, struct diag *d)
{
    struct vtd_command flush[2] = {vtd_command_context_global(), vtd_command_iotlb_global(u->caps.drain)};
    return queue_run(u, flush, 2, d);
}

/* Block */

/* Firmware's queue: let it end what it does, then it is off. One that hangs is turned off all the same. */
static err_t queue_stop(const struct vtd *u, struct diag *d)
{
    uint64_t start = arch_ticks();
    if (!(vtd_read_gsts(u->base) & VTD_GCMD_QIE))
        return ERR_NONE;
    while (vtd_read_iqh(u->base) != vtd_read_iqt(u->base) && !iommu_wait_is_over(start))
        arch_relax();
    return gcmd(u, VTD_GCMD_QIE, false, d);
}

static err_t queue_start(struct vtd *u, struct diag *d)
{
    vtd_write_iqt(u->base, 0);
    vtd_write_iqa(u->base, mfn_addr(u->queue).v); /* 128-bit descriptors, one frame */
    uint32_t left = vtd_read_fsts(u->base) & (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);
    if (left)
        vtd_ack_fsts(u->base, left);
    return gcmd(u, VTD_GCMD_QIE, true, d);
}

/* What firmware left in the interrupt registers is an address to write to. */
static void events_mask(const struct vtd *u)
{
    vtd_write_fectl(u->base, (vtd_read_fectl(u->base) & VTD_ECTL_KEEP) | VTD_ECTL_IM);
    vtd_write_iectl(u->base, (vtd_read_iectl(u->base) & VTD_ECTL_KEEP) | VTD_ECTL_IM);
}

static err_t regions_disable(const struct vtd *u, struct diag *d)
{
    if (!u->caps.regions || !(vtd_read_pmen(u->base) & (VTD_PMEN_EPM | VTD_PMEN_PRS)))
        return ERR_NONE;
    vtd_write_pmen(u->base, vtd_read_pmen(u->base) & ~(VTD_PMEN_EPM | VTD_PMEN_PRS));
    if (iommu_wait_for(u->base, vtd_read_pmen, VTD_PMEN_PRS, 0))
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT,
                     "vtd at 0x%llx: PMEN stays 0x%x: protected memory regions are on, want PRS clear within "
                     "100 ms",
                     at(u), vtd_read_pmen(u->base));
}

static err_t frames_take(struct vtd *u, struct diag *d)
{
    mfn_t *frames[VTD_UNIT_FRAMES] = {&u->root, &u->quiet, &u->queue, &u->irt, &u->status};
    for (unsigned i = 0; i < VTD_UNIT_FRAMES; i++) {
        if (!pool_take(u->pool, 1, false, frames[i]))
            return diag_fail(d, ERR_NO_SPACE, "vtd at 0x%llx: no frames left for its tables and queue", at(u));
    }
    struct vtd_context *quiet = pool_ptr(u->pool, u->quiet);
    for (unsigned i = 0; i < CONTEXTS; i++)
        quiet[i].w[0] = CONTEXT_FPD;
    publish(u, quiet, FRAME_SIZE);
    publish(u, pool_ptr(u->pool, u->root), FRAME_SIZE);
    publish(u, pool_ptr(u->pool, u->irt), FRAME_SIZE);
    return ERR_NONE;
}

/* An empty root table takes the place of what is there, and translation is on. */
static err_t root_set(struct vtd *u, struct diag *d)
{
    vtd_write_rtaddr(u->base, mfn_addr(u->root).v);
    err_t e = table_set(u, VTD_GCMD_SRTP, d);
    if (!e)
        e = queue_start(u, d);
    if (!e)
        e = flush_all(u, d);
    if (!e && !(vtd_read_gsts(u->base) & VTD_GCMD_TE))
        e = gcmd(u, VTD_GCMD_TE, true, d);
    return e;
}

err_t vtd_block(struct vtd *u, const struct vtd_caps *c, mmio_t base, struct pool *pool, struct diag *d)
{
    *u = (struct vtd){.base = base, .caps = *c, .pool = pool};
    uint64_t mode = vtd_read_rtaddr(base) & VTD_RTADDR_MODE;
    err_t e;
    if (vtd_read_gsts(base) & VTD_GCMD_TE && mode && !c->switches_mode)
        e = diag_fail(d, ERR_INVALID,
                      "vtd at 0x%llx: firmware left translation on with mode bits 0x%llx in RTADDR, and the "
                      "unit cannot change them while it is on (CAP.ESRTPS 0): want it off, or in legacy mode",
                      at(u), (unsigned long long)mode);
    else
        e = frames_take(u, d);
    if (!e) {
        events_mask(u);
        e = queue_stop(u, d);
    }
    if (!e)
        e = root_set(u, d);
    if (!e)
        e = regions_disable(u, d);
    if (e)
        u->pool = NULL;
    return e;
}

/* Functions */

static err_t unit_check(const struct vtd *u, const char *verb, struct diag *d)
{
    return u->pool ? ERR_NONE : diag_fail(d, ERR_INVALID, "vtd at 0x%llx: %s before it was blocked", at(u), verb);
}

static err_t domain_check(const struct vtd *u, uint16_t bdf, const struct vtd_domain *dom, struct diag *d)
{
    unsigned bits = dom->shape.in_bits, code = bits == 39 ? 1 : bits == 48 ? 2 : bits == 57 ? 3 : 0;
    if (code == 0 || !(u->caps.widths >> code & 1) || dom->shape.root_level != code + 1)
        return diag_fail(d, ERR_INVALID,
                         "vtd at 0x%llx: function 0x%x: %u input bits from a level-%u root, want 39 from 2, 48 "
                         "from 3 or 57 from 4, and one that the unit has (SAGAW 0x%x)",
                         at(u), bdf, bits, dom->shape.root_level, u->caps.widths);
    if (dom->shape.leaf_level > u->caps.leaf_level)
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: function 0x%x: leaves of level %u, want at most %u", at(u),
                         bdf, dom->shape.leaf_level, u->caps.leaf_level);
    if (dom->root.v & FRAME_MASK || dom->root.v >> 52)
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: function 0x%x: root 0x%llx, want a frame below 2^52", at(u),
                         bdf, (unsigned long long)dom->root.v);
    if (dom->id == 0 || dom->id >= u->caps.domains) /* 6.1: 0 tags not-present entries in caching mode */
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: function 0x%x: domain %u, want 1 to %u", at(u), bdf, dom->id,
                         u->caps.domains - 1);
    return ERR_NONE;
}

/* A context table for the function's bus. */
static err_t context_table_take(struct vtd *u, uint16_t bdf, struct diag *d)
{
    mfn_t table;
    if (!pool_take(u->pool, 1, false, &table))
        return diag_fail(d, ERR_NO_SPACE, "vtd at 0x%llx: no frame left for the context table of bus %u", at(u),
                         bdf >> 8);
    publish(u, pool_ptr(u->pool, table), FRAME_SIZE);
    word_store(u, root_entry(u, bdf), vtd_root_entry(table).w[0]);
    return ERR_NONE;
}

/* Not present, and silent: one word, then nothing of it is cached any more. */
static err_t context_block(struct vtd *u, uint16_t bdf, uint64_t *entry, struct diag *d)
{
    uint16_t id = (uint16_t)(entry[1] >> 8);
    struct vtd_command flush[2] = {vtd_command_context_device(bdf, id), vtd_command_iotlb_domain(id, u->caps.drain)};
    word_store(u, &entry[0], CONTEXT_FPD);
    return queue_run(u, flush, 2, d);
}

/* 6.5.3.3: what is present is first made not present and forgotten, lest the old id is seen with the new
 * root. */
static err_t context_set(struct vtd *u, uint16_t bdf, const struct vtd_context *want, struct diag *d)
{
    err_t e = context_find(u, bdf) ? ERR_NONE : context_table_take(u, bdf, d);
    if (e)
        return e;
    uint64_t *entry = context_find(u, bdf);
    if (entry[0] & CONTEXT_PRESENT)
        e = context_block(u, bdf, entry, d);
    if (!e)
        e = entry_store(u, entry, want->w, d);
    return !e && u->enabled ? flush_all(u, d) : e; /* not present may be cached, too (CM, root entry) */
}

static err_t attach_locked(struct vtd *u, uint16_t bdf, const struct vtd_domain *dom, struct diag *d)
{
    struct vtd_context want = vtd_context_entry(dom);
    const uint64_t *entry = context_find(u, bdf);
    if (!entry || !(entry[0] & CONTEXT_PRESENT) || entry[0] & CONTEXT_FPD)
        return context_set(u, bdf, &want, d);
    if (entry[0] == want.w[0] && entry[1] == want.w[1])
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: function 0x%x has another map already", at(u), bdf);
}

err_t vtd_attach(struct vtd *u, uint16_t bdf, const struct vtd_domain *dom, struct diag *d)
{
    err_t e = unit_check(u, "attach", d);
    if (!e)
        e = domain_check(u, bdf, dom, d);
    if (e)
        return e;
    lock_take(&u->lock);
    e = attach_locked(u, bdf, dom, d);
    lock_give(&u->lock);
    return e;
}

static err_t quarantine_locked(struct vtd *u, uint16_t bdf, const struct vtd_domain *to, struct diag *d)
{
    uint64_t *entry = context_find(u, bdf);
    if (to) {
        struct vtd_context want = vtd_context_entry(to);
        want.w[0] |= CONTEXT_FPD;
        return context_set(u, bdf, &want, d);
    }
    if (entry)
        return context_block(u, bdf, entry, d);
    word_store(u, root_entry(u, bdf), vtd_root_entry(u->quiet).w[0]);
    return flush_all(u, d);
}

err_t vtd_quarantine(struct vtd *u, uint16_t bdf, const struct vtd_domain *to, struct diag *d)
{
    err_t e = unit_check(u, "quarantine", d);
    if (!e && to)
        e = domain_check(u, bdf, to, d);
    if (e)
        return e;
    lock_take(&u->lock);
    e = quarantine_locked(u, bdf, to, d);
    lock_give(&u->lock);
    return e;
}

err_t vtd_flush(struct vtd *u, uint16_t id, struct diag *d)
{
    struct vtd_command flush = vtd_command_iotlb_domain(id, u->caps.drain);
    err_t e = unit_check(u, "flush", d);
    if (e)
        return e;
    lock_take(&u->lock);
    e = queue_run(u, &flush, 1, d);
    lock_give(&u->lock);
    return e;
}

/* Interrupts */

static err_t route_flush(struct vtd *u, uint16_t index, struct diag *d)
{
    struct vtd_command flush = vtd_command_iec_index(index);
    return u->enabled ? queue_run(u, &flush, 1, d) : ERR_NONE;
}

/* A present entry goes through not present, lest one requester gets the other's vector; the same requester's
 * new target is one store. */
static err_t route_locked(struct vtd *u, uint16_t index, const struct vtd_irte *e, struct diag *d)
{
    uint64_t *entry = ((struct vtd_irte *)pool_ptr(u->pool, u->irt))[index].w;
    err_t error = ERR_NONE;
    if (entry[0] & IRTE_PRESENT && (!e || entry[1] != e->w[1])) {
        word_store(u, &entry[0], 0);
        error = route_flush(u, index, d);
    }
    if (error || !e)
        return error;
    if (entry[0] & IRTE_PRESENT)
        word_store(u, &entry[0], e->w[0]);
    else
        error = entry_store(u, entry, e->w, d);
    return error ? error : route_flush(u, index, d);
}

err_t vtd_route(struct vtd *u, uint16_t index, const struct vtd_irte *e, struct diag *d)
{
    err_t error = unit_check(u, "route", d);
    if (error)
        return error;
    if (!u->caps.remapping || index >= IRT_ENTRIES)
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: interrupt index %u, want 0 to %d (ECAP.IR %d)", at(u), index,
                         u->caps.remapping ? (int)IRT_ENTRIES - 1 : -1, u->caps.remapping);
    lock_take(&u->lock);
    error = route_locked(u, index, e, d);
    lock_give(&u->lock);
    return error;
}

/* 6.7: the table, then the cache, then remapping on where firmware has not. */
static err_t remapping_start(struct vtd *u, bool x2apic, struct diag *d)
{
    struct vtd_command flush = vtd_command_iec_global();
    err_t e = ERR_NONE;
    if (vtd_read_gsts(u->base) & VTD_GCMD_CFI)
        e = gcmd(u, VTD_GCMD_CFI, false, d);
    if (e)
        return e;
    vtd_write_irta(u->base, mfn_addr(u->irt).v | (x2apic ? VTD_IRTA_EIME : 0) | (VTD_IRT_LOG2 - 1));
    e = table_set(u, VTD_GCMD_SIRTP, d);
    if (!e)
        e = queue_run(u, &flush, 1, d);
    if (!e && !(vtd_read_gsts(u->base) & VTD_GCMD_IRE))
        e = gcmd(u, VTD_GCMD_IRE, true, d);
    return e;
}

err_t vtd_enable(struct vtd *u, bool x2apic, struct diag *d)
{
    err_t e = unit_check(u, "enable", d);
    if (e)
        return e;
    if (u->caps.remapping && (x2apic ? !u->caps.eim : u->caps.eim_only))
        return diag_fail(d, ERR_INVALID, "vtd at 0x%llx: its interrupts are for %s only, the CPUs are in %s mode",
                         at(u), x2apic ? "xAPIC" : "x2APIC", x2apic ? "x2APIC" : "xAPIC");
    lock_take(&u->lock);
    e = flush_all(u, d);
    if (!e && u->caps.remapping)
        e = remapping_start(u, x2apic, d);
    u->enabled = !e;
    lock_give(&u->lock);
    return e;
}

/* Faults (7.2.1) */

/* The next record in the order in which the unit fills them; its place is given back at once. */
static bool fault_take(struct vtd *u, struct vtd_fault *f)
{
    if (!(vtd_read_fsts(u->base) & VTD_FSTS_PPF))
        return false;
    for (uint32_t i = 0; i < u->caps.fault_count; i++) {
        uint64_t off = u->caps.fault_off + u->record * UINT64_C(16);
        uint64_t w[2] = {0, mmio_read64(u->base, off + 8)};
        u->record = (u->record + 1) % u->caps.fault_count;
        if (!(w[1] >> 63))
            continue;
        w[0] = mmio_read64(u->base, off);
        mmio_write32(u->base, off + 12, VTD_FRCD_F);
        *f = vtd_fault_decode(w);
        return true;
    }
    return false;
}

/* FSTS bits in words. */
static const struct {
    uint32_t bit;
    const char *text;
} notes[] = {
    {VTD_FSTS_PFO, "the fault records were full, DMA faults were not recorded (PFO)"},
    {VTD_FSTS_ICE, "an ATS invalidation completion that nobody waits for (ICE)"},
    {VTD_FSTS_ITE, "an ATS invalidation timed out (ITE)"},
};

/* Acknowledge what is active; while PFO is set nothing is recorded, so it goes last. */
static uint32_t status_take(struct vtd *u)
{
    uint32_t fsts = vtd_read_fsts(u->base), active = fsts & (VTD_FSTS_ICE | VTD_FSTS_ITE);
    if (!(fsts & VTD_FSTS_PPF))
        active |= fsts & VTD_FSTS_PFO;
    if (active)
        vtd_ack_fsts(u->base, active);
    return active;
}

uint32_t vtd_faults(struct vtd *u, uint32_t max, vtd_fault_fn *fn, vtd_note_fn *note, void *ctx)
{
    uint32_t taken = 0;
    if (!u->pool)
        return 0;
    while (taken < max) {
        struct vtd_fault f;
        lock_take(&u->lock);
        bool found = fault_take(u, &f);
        lock_give(&u->lock);
        if (!found)
            break;
        taken++;
        fn(ctx, &f);
    }
    lock_take(&u->lock);
    uint32_t active = status_take(u);
    lock_give(&u->lock);
    for (unsigned i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        if (active & notes[i].bit)
            note(ctx, notes[i].text);
    }
    return taken;
}
