/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of devices: their registers, streams and interrupts, as the board has them. */
#include "check_private.h"

bool check_meets(const struct board_range *r, uint32_t count, uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < count; i++) {
        if (check_overlap(&r[i], from, to))
            return true;
    }
    return false;
}

/* Is node n of the board a device of pp? */
static bool has_node(const struct plan_partition *pp, dt_node_t n)
{
    for (uint32_t i = 0; i < pp->devices; i++) {
        if (!pp->device[i].fn && pp->device[i].board_node == n)
            return true;
    }
    return false;
}

/* Register range i of a device, its BARs as the plan places them; false: there is none. */
static bool device_reg(const struct check *k, const struct plan_device *dev, uint32_t i, uint64_t *base, uint64_t *size)
{
    const struct board_range *w = &k->p->board->pci.mem32;
    bool exists;

    if (!dev->fn)
        return !dt_reg(k->p->board->dt, dev->board_node, i, base, size, &exists, k->d) && exists;
    if (i >= 6)
        return false;
    *base = dev->bar[i].v;
    *size = dev->fn->bar[i].size;
    w = *base >= k->p->board->pci.mem64.base.v && k->p->board->pci.mem64.size ? &k->p->board->pci.mem64 : w;
    if ((dev->fn->bar[i].kind != BAR_MEM32 && dev->fn->bar[i].kind != BAR_MEM64) || *base & (*size - 1) ||
        *base < w->base.v || *base - w->base.v >= w->size || *size > w->size - (*base - w->base.v))
        *size = 0;
    return true;
}

/* The end of the registers of pp's devices around a frame, in frames; 0: they are not there. */
static uint64_t regs_end(const struct check *k, const struct plan_partition *pp, uint64_t at)
{
    for (uint32_t i = 0; i < pp->devices; i++) {
        uint64_t base, size;

        for (uint32_t n = 0; device_reg(k, &pp->device[i], n, &base, &size); n++) {
            if (size && base >> FRAME_SHIFT <= at && at <= (base + size - 1) >> FRAME_SHIFT)
                return ((base + size - 1) >> FRAME_SHIFT) + 1;
        }
    }
    return 0;
}

/* Registers: all of pp's devices, and nothing else of the board in the same frames. */
err_t check_mmio(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    const struct board *b = k->p->board;
    const uint64_t from = e->mfn.n << FRAME_SHIFT, to = from + (e->frames << FRAME_SHIFT);
    bool other = check_meets(b->memory, b->memories, from, to) || check_meets(b->reserved, b->reserveds, from, to);

    for (uint32_t i = 0; i < b->mmios; i++)
        other |= !has_node(pp, b->mmio[i].node) && check_meets(&b->mmio[i], 1, from, to);
    for (uint64_t at = e->mfn.n; !other && at < e->mfn.n + e->frames;) {
        at = regs_end(k, pp, at);
        other = !at;
    }
    return other ? check_fail(k, "I2: %s: %s is not registers of its devices alone (MFN 0x%lx)", pp->m->name, e->name,
                              e->mfn.n)
                 : ERR_NONE;
}

/* Does a device of pp use reserved[i] of the board? */
bool check_reserved_used(const struct check *k, const struct plan_partition *pp, uint32_t i)
{
    const struct board *b = k->p->board;

    for (uint32_t n = 0; n < pp->devices; n++) {
        const struct plan_device *dev = &pp->device[n];
        const struct board_requester who = {.node = dev->fn ? board_pci_node(b, dev->fn->bdf) : dev->board_node,
                                            .has_stream = dev->is_protected,
                                            .iommu = dev->iommu,
                                            .sid = dev->sid};

        if (!dev->m->reserved_scratch && board_reserved_use(b, i, &who))
            return true;
    }
    return false;
}

/*
 * I4, I8, I9: devices.
 */

/* Against every device before it: one owner, of a whole PCI device and of a stream, too. */
static const char *device_conflict(const struct check *k, const struct plan_partition *pp,
                                   const struct plan_device *dev)
{
    for (const struct plan_partition *q = k->p->partition; q <= pp; q++) {
        for (const struct plan_device *o = q->device; o < q->device + q->devices && o != dev; o++) {
            if (dev->fn && o->fn ? dev->fn->bdf == o->fn->bdf : !dev->fn && dev->board_node == o->board_node)
                return "I8: %s: %s is a device that is listed twice (0x%lx)";
            if (q != pp && dev->fn && o->fn && dev->fn->bdf >> 3 == o->fn->bdf >> 3)
                return "I8: %s: %s shares its PCI device with another partition's function (0x%lx)";
            if (q != pp && dev->is_protected && o->is_protected && o->iommu == dev->iommu && o->sid == dev->sid)
                return "I8: %s: %s has the stream of another partition's device (0x%lx)";
        }
    }
    return NULL;
}

/* A map of its IOMMU's kind: its own where each device has one, else that of all. */
static bool map_is_of(const struct check *k, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct plan_bfn_map *m = dev->map < pp->maps ? &pp->map[dev->map] : NULL;

    return m && m->kind == k->p->board->iommu[dev->iommu].kind && m->device == (pp->m->scratch_per_device ? dev : NULL);
}

/* What the device is, from the board alone. */
err_t check_device(const struct check *k, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct board *b = k->p->board;
    const char *why = device_conflict(k, pp, dev);
    uint32_t iommu = 0, sid = 0, id = dev->fn ? dev->fn->bdf : dev->sid;
    bool stream =
        dev->fn ? board_pci_stream(b, dev->fn->bdf, &iommu, &sid) : board_node_stream(b, dev->board_node, &iommu, &sid);

    if (why)
        return check_fail(k, why, pp->m->name, dev->m->name, id);
    if (stream != dev->is_protected)
        why = "I9: %s: %s is called protected and is not, or the other way round (0x%lx)";
    else if (stream && (iommu != dev->iommu || sid != dev->sid))
        why = "I8: %s: %s has another stream than the board says (0x%lx)";
    else if (stream && b->iommu[iommu].sid_bits < 32 && sid >> b->iommu[iommu].sid_bits)
        why = "I8: %s: %s has a stream that its SMMU does not have (0x%lx)";
    else if (stream && !map_is_of(k, pp, dev))
        why = "I8: %s: %s has no bfn map, or not one of its IOMMU and its own (0x%lx)";
    else if (dev->m->no_dma && (dev->fn || board_master_word(b, dev->board_node)))
        why = "I9: %s: %s says no-dma and is a bus master (0x%lx): drop no-dma";
    else if (!stream && !dev->m->no_dma && !(pp->m->identity && dev->m->unprotected_dma))
        why = "I9: %s: %s is unprotected (0x%lx): say unprotected-dma, in an identity partition";
    return why ? check_fail(k, why, pp->m->name, dev->m->name, id) : ERR_NONE;
}

err_t check_quarantine(const struct check *k)
{
    const struct plan_partition *q = k->p->quarantine;

    for (const struct plan_device *dev = q->device; dev < q->device + q->devices; dev++) {
        const struct board *b = k->p->board;
        uint32_t iommu = 0, sid = 0;
        bool stream = dev->fn ? board_pci_stream(b, dev->fn->bdf, &iommu, &sid)
                              : board_node_stream(b, dev->board_node, &iommu, &sid);
        const char *why = device_conflict(k, q, dev);

        if (stream == dev->m->waived || dev->is_protected != (stream && dev->m->quarantine_scratch) ||
            (dev->is_protected && (iommu != dev->iommu || sid != dev->sid || !map_is_of(k, q, dev))))
            why = "I8: %s: %s is neither kept by its IOMMU nor waived (0x%lx)";
        if (why)
            return check_fail(k, why, q->m->name, dev->m->name, dev->sid);
    }
    if (q->bfn_spans || q->physmap.count || q->cpus)
        return check_fail(k, "I8: %s: %s reach more than scratch (0x%lx)", q->m->name, "its devices", q->bfn_spans);
    return check_maps(k, q);
}

/*
 * I11: interrupts and CPUs; identifiers.
 */

/* Does the board lead a line of one of pp's devices to this interrupt? */
static bool line_is_of(const struct check *k, const struct plan_partition *pp, uint32_t intid)
{
    for (uint32_t i = 0; i < pp->devices; i++) {
        const struct plan_device *dev = &pp->device[i];
        struct board_irq irq;
        bool exists = true;

        if (dev->fn && board_pci_intx(k->p->board, dev->fn, &irq) && irq.intid == intid)
            return true;
        for (uint32_t n = 0; !dev->fn && exists; n++) {
            if (board_interrupt(k->p->board, dev->board_node, n, &irq, &exists, k->d))
                break;
            if (exists && irq.intid == intid)
                return true;
        }
    }
    return false;
}

static err_t check_irqs(const struct check *k, const struct plan_partition *pp, uint32_t *owner)
{
    for (uint32_t i = 0; i < pp->irqs; i++) {
        uint32_t intid = pp->irq[i].irq.intid;

        if (pp->irq[i].virtual_only)
            continue;
        if (intid < 32 || intid >= 1020)
            return check_fail(k, "I11: %s: %s has an INTID that is no SPI (0x%lx)", pp->m->name, pp->irq[i].name,
                              intid);
        if (!line_is_of(k, pp, intid))
            return check_fail(k, "I11: %s: %s has an interrupt that none of its devices raises (0x%lx)", pp->m->name,
                              pp->irq[i].name, intid);
        if (owner[intid])
            return check_fail(k, "I11: %s: %s has an interrupt that has an owner already (0x%lx)", pp->m->name,
                              pp->irq[i].name, intid);
        owner[intid] = pp->id + 1u;
    }
    return ERR_NONE;
}

static err_t check_cpus(const struct check *k, const struct plan_partition *pp, bool *taken)
{
    for (uint32_t i = 0; i < pp->cpus; i++) {
        uint32_t cpu = pp->cpu[i];

        if (cpu >= k->p->board->cpus || taken[cpu])
            return check_fail(k, "I11: %s: %s is not on the board or has an owner already (0x%lx)", pp->m->name, "CPU",
                              cpu);
        taken[cpu] = true;
    }
    return pp->cpus ? ERR_NONE : check_fail(k, "I11: %s: %s has no CPU (0x%lx)", pp->m->name, "the partition", 0);
}

/* Registers that the hypervisor does not map belong to someone else: a UART given away, with its interrupt.
 */
static bool hv_maps(const struct plan *p, maddr_t a)
{
    for (uint32_t i = 0; i < p->hv.spans; i++) {
        if (p->hv.span[i].in <= a.v >> FRAME_SHIFT && a.v >> FRAME_SHIFT < p->hv.span[i].in + p->hv.span[i].frames)
            return true;
    }
    return false;
}

err_t check_lines(const struct check *k)
{
    const struct board *b = k->p->board;
    uint32_t *owner = ARENA_NEW(k->a, uint32_t, 1024, k->d);
    bool *taken = ARENA_NEW(k->a, bool, b->cpus, k->d);
    err_t e = owner && taken ? ERR_NONE : ERR_NO_SPACE;

    if (e)
        return e;
    if (b->uart.present && hv_maps(k->p, b->uart.base))
        owner[b->uart.irq.intid & 1023u] = UINT32_MAX;
    for (uint32_t i = 0; i < b->iommus; i++)
        owner[b->iommu[i].eventq.intid & 1023u] = owner[b->iommu[i].gerror.intid & 1023u] = UINT32_MAX;
    for (uint32_t i = 0; i < k->p->partitions && !e; i++) {
        e = check_irqs(k, &k->p->partition[i], owner);
        if (!e)
            e = check_cpus(k, &k->p->partition[i], taken);
    }
    return e;
}
