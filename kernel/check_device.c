/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of devices: their registers, streams and interrupts, as the board has them. */
#include "check_private.h"
#include "iommu/kind.h"
#include "sort.h"

#define INTIDS 1024u /* of the GIC, that lines lead to */
#define ROUTES 256u  /* of an IOMMU, that messages lead through, at most */

/* The end of the BAR of pp's devices around a frame, in frames, as the plan places it in a window; 0: none is there. */
static uint64_t bar_end(const struct check *k, const struct plan_partition *pp, uint64_t at)
{
    const struct board_pci *pci = &k->p->board->pci;

    for (uint32_t i = 0; i < pp->devices * 6; i++) {
        const struct plan_device *dev = &pp->device[i / 6];
        uint64_t base = dev->bar[i % 6].v, size = dev->fn ? dev->fn->bar[i % 6].size : 0;
        const struct board_range *w = base >= pci->mem64.base.v && pci->mem64.size ? &pci->mem64 : &pci->mem32;

        if (!size || (dev->fn->bar[i % 6].kind != BAR_MEM32 && dev->fn->bar[i % 6].kind != BAR_MEM64) ||
            base & (size - 1) || base < w->base.v || base - w->base.v >= w->size || size > w->size - (base - w->base.v))
            continue;
        if (base >> FRAME_SHIFT <= at && at <= (base + size - 1) >> FRAME_SHIFT)
            return ((base + size - 1) >> FRAME_SHIFT) + 1;
    }
    return 0;
}

/* Registers: all of pp's devices, and nothing else of the board in the same frames. */
err_t check_mmio(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    const struct board *b = k->p->board;
    const uint64_t end = e->mfn.n + e->frames;
    bool other =
        board_meets(b->memory, b->memories, e->mfn.n, end) || board_meets(b->reserved, b->reserveds, e->mfn.n, end);
    uint64_t at = e->mfn.n;

    for (const struct board_range *m = NULL; (m = board_mmio_next(b, m, e->mfn.n, end));) {
        uint64_t m_end = ((m->base.v + m->size - 1) >> FRAME_SHIFT) + 1;

        other |= m->node == DT_NONE || k->node_owner[m->node] != pp;
        at = m->base.v >> FRAME_SHIFT <= at && at < m_end ? m_end : at;
    }
    while (!other && at < end) {
        at = bar_end(k, pp, at);
        other = !at;
    }
    return other ? check_fail(k, "I2: %s: %s is not registers of its devices alone (MFN 0x%lx)", pp->m->name, e->name,
                              e->mfn.n)
                 : ERR_NONE;
}

struct board_requester check_requester(const struct check *k, const struct plan_device *dev)
{
    return (struct board_requester){.node = dev->fn ? board_pci_node(k->p->board, dev->fn->bdf) : dev->board_node,
                                    .has_stream = dev->is_protected,
                                    .iommu = dev->iommu,
                                    .sid = dev->sid};
}

/*
 * I4, I8, I9: devices.
 */

/* One owner of a function, of a whole PCI device, and of a stream. */
struct owned {
    uint64_t key; /* id << 20 | place in the plan */
    const struct plan_partition *pp;
    const struct plan_device *dev;
};
#define OWNED_FUNCTION (UINT64_C(1) << 43) /* more than IOMMU and stream id */

static void owned_add(struct owned *l, uint32_t *count, uint64_t id, const struct plan_partition *pp,
                      const struct plan_device *dev)
{
    l[*count] = (struct owned){id << 20 | *count, pp, dev};
    ++*count;
}

/* a and b: next to each other where all are sorted. */
static const char *owners_conflict(const struct owned *a, const struct owned *b)
{
    uint64_t id = b->key >> 20, differs = a->key >> 20 ^ id;

    if (!differs && id & OWNED_FUNCTION)
        return "I8: %s: %s is a device that is listed twice (0x%lx)";
    if (a->pp != b->pp && id & OWNED_FUNCTION && differs < 8)
        return "I8: %s: %s shares its PCI device with another partition's function (0x%lx)";
    if (a->pp != b->pp && !differs)
        return "I8: %s: %s has the stream of another partition's device (0x%lx)";
    return NULL;
}

/* What the board says stands in front of a device. */
static bool device_stream(const struct board *b, const struct plan_device *dev, uint32_t *iommu, uint32_t *sid)
{
    return dev->fn ? board_pci_stream(b, dev->fn->bdf, iommu, sid) : board_node_stream(b, dev->board_node, iommu, sid);
}

static err_t owners_collect(const struct check *k, struct owned *l, uint32_t *count)
{
    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++) {
        for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++) {
            uint32_t iommu, sid;

            if (dev->fn)
                owned_add(l, count, OWNED_FUNCTION | dev->fn->bdf, pp, dev);
            else if (k->node_owner[dev->board_node])
                return check_fail(k, "I8: %s: %s is a device that is listed twice (0x%lx)", pp->m->name, dev->m->name,
                                  dev->sid);
            else
                k->node_owner[dev->board_node] = pp;
            if (dev->is_protected || (pp == k->p->quarantine && device_stream(k->p->board, dev, &iommu, &sid)))
                owned_add(l, count, (uint64_t)dev->iommu << 32 | dev->sid, pp, dev);
        }
    }
    return ERR_NONE;
}

err_t check_device_owners(struct check *k)
{
    uint32_t n = 0, count = 0;
    struct owned *l;
    err_t e;

    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++)
        n += pp->devices;
    k->node_owner = ARENA_NEW(k->a, const struct plan_partition *, k->p->board->dt->nodes, k->d);
    l = ARENA_NEW(k->a, struct owned, (size_t)2 * n, k->d);
    if (!k->node_owner || !l)
        return ERR_NO_SPACE;
    e = owners_collect(k, l, &count);
    sort_by_first(l, count, sizeof *l);
    for (uint32_t i = 1; i < count && !e; i++) {
        const char *why = owners_conflict(&l[i - 1], &l[i]);

        e = why ? check_fail(k, why, l[i].pp->m->name, l[i].dev->m->name, l[i].key >> 20 & UINT32_MAX) : ERR_NONE;
    }
    return e;
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
    const char *why = NULL;
    uint32_t iommu = 0, sid = 0, id = dev->fn ? dev->fn->bdf : dev->sid;
    bool stream =
        dev->fn ? board_pci_stream(b, dev->fn->bdf, &iommu, &sid) : board_node_stream(b, dev->board_node, &iommu, &sid);

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
        bool stream = device_stream(b, dev, &iommu, &sid);

        /* Bus mastering is off of a function that no IOMMU stands in front of. */
        if (dev->m->waived != (!stream && !dev->fn) || dev->is_protected != (stream && dev->m->quarantine_scratch) ||
            (stream && (iommu != dev->iommu || sid != dev->sid)) ||
            (b->iommu[iommu].sid_bits < 32 && stream && sid >> b->iommu[iommu].sid_bits) ||
            (dev->is_protected && !map_is_of(k, q, dev)))
            return check_fail(k, "I8: %s: %s is neither kept by its IOMMU nor waived (0x%lx)", q->m->name, dev->m->name,
                              dev->sid);
    }
    if (q->bfn_spans || q->physmap.count || q->cpus)
        return check_fail(k, "I8: %s: %s reach more than scratch (0x%lx)", q->m->name, "its devices", q->bfn_spans);
    return check_maps(k, q);
}

/*
 * I11: interrupts and CPUs; identifiers.
 */

/* To which interrupts the board leads lines of pp's devices; id is pp's here, and 0 nobody's. */
static void lines_note(const struct check *k, const struct plan_partition *pp, uint16_t id, uint16_t *raised)
{
    for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++) {
        struct board_irq irq;
        bool exists = true;

        if (dev->fn && board_pci_intx(k->p->board, dev->fn, &irq))
            raised[irq.intid & (INTIDS - 1)] = id;
        for (uint32_t n = 0; !dev->fn && exists; n++) {
            if (board_interrupt(k->p->board, dev->board_node, n, &irq, &exists, k->d))
                break;
            if (exists)
                raised[irq.intid & (INTIDS - 1)] = id;
        }
    }
}

static err_t check_irqs(const struct check *k, const struct plan_partition *pp, uint16_t id, const uint16_t *raised,
                        bool *taken)
{
    for (uint32_t i = 0; i < pp->irqs; i++) {
        uint32_t intid = pp->irq[i].irq.intid;

        if (pp->irq[i].virtual_only)
            continue;
        if (intid < 32 || intid >= 1020)
            return check_fail(k, "I11: %s: %s has an INTID that is no SPI (0x%lx)", pp->m->name, pp->irq[i].name,
                              intid);
        if (raised[intid] != id)
            return check_fail(k, "I11: %s: %s has an interrupt that none of its devices raises (0x%lx)", pp->m->name,
                              pp->irq[i].name, intid);
        if (taken[intid])
            return check_fail(k, "I11: %s: %s has an interrupt that has an owner already (0x%lx)", pp->m->name,
                              pp->irq[i].name, intid);
        taken[intid] = true;
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
    uint16_t *raised = ARENA_NEW(k->a, uint16_t, INTIDS, k->d);
    bool *line = ARENA_NEW(k->a, bool, INTIDS, k->d), *cpu = ARENA_NEW(k->a, bool, b->cpus, k->d);
    err_t e = raised && line && cpu ? ERR_NONE : ERR_NO_SPACE;

    if (e)
        return e;
    if (b->uart.present && hv_maps(k->p, b->uart.base))
        line[b->uart.irq.intid & (INTIDS - 1)] = true;
    for (uint32_t i = 0; i < b->iommus; i++)
        line[b->iommu[i].eventq.intid & (INTIDS - 1)] = line[b->iommu[i].gerror.intid & (INTIDS - 1)] = true;
    for (uint32_t i = 0; i < k->p->partitions && !e; i++) {
        const struct plan_partition *pp = &k->p->partition[i];
        uint16_t id = (uint16_t)(i + 1);

        lines_note(k, pp, id, raised);
        e = check_irqs(k, pp, id, raised, line);
        if (!e)
            e = check_cpus(k, pp, cpu);
    }
    return e;
}

/* No CPU of a partition reaches an MSI-X table: it traps. */
static err_t check_table(const struct check *k, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct pci_messages *m = &dev->fn->msi;
    const uint64_t base = dev->bar[m->bar % 6].v + m->table, end = frames_of(base + m->entries * UINT64_C(16));

    for (uint64_t at = base >> FRAME_SHIFT; m->entries && at < end; at++) {
        const struct extent *e = physmap_find(&pp->physmap, gfn(at));

        if (!e || e->type != EXT_EMULATED || !hv_maps(k->p, maddr(at << FRAME_SHIFT)))
            return check_fail(k, "I11: %s: %s has an MSI-X table that is not the hypervisor's alone (0x%lx)",
                              pp->m->name, dev->m->name, at);
    }
    return ERR_NONE;
}

/* Each entry is one message's. */
static err_t check_routes(const struct check *k, const struct plan_partition *pp, const struct plan_device *dev,
                          bool *taken)
{
    const struct iommu_kind *kind = k->p->board->iommu[dev->iommu].kind;

    for (uint32_t i = dev->route; kind->routes && i < (uint32_t)dev->route + dev->messages; i++) {
        if (i < kind->routes_kept || i >= kind->routes || i >= ROUTES || taken[dev->iommu * ROUTES + i])
            return check_fail(k, "I11: %s: %s has an interrupt remapping entry that is not its own (0x%lx)",
                              pp->m->name, dev->m->name, i);
        taken[dev->iommu * ROUTES + i] = true;
    }
    return ERR_NONE;
}

err_t check_messages(const struct check *k)
{
    bool *taken = ARENA_NEW(k->a, bool, (size_t)k->p->board->iommus *ROUTES, k->d);
    err_t e = taken ? ERR_NONE : ERR_NO_SPACE;

    for (const struct plan_partition *pp = k->p->partition; pp < k->p->quarantine; pp++) {
        for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices && !e; dev++) {
            if (dev->fn)
                e = check_table(k, pp, dev);
            if (!e && dev->is_protected)
                e = check_routes(k, pp, dev, taken);
        }
    }
    return e;
}
