/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: found on the board, their streams and interrupt lines, one owner each. */
#include "plan_private.h"
#include "sort.h"

#define IRQ_SPI_FIRST 32
#define IRQ_LIMIT     1020
#define PCI_SLOTS     31     /* 00:01.0 .. 00:1f.0 */
#define CLASS_IOMMU   0x0806 /* PCI Code and ID Assignment 1.11, 1.9 */

#define PCI_NUMBER (UINT64_C(1) << 32) /* of a function, which is no node's */

#define BDF_FMT      "%02x:%02x.%u"
#define BDF_ARG(bdf) (bdf) >> 8, (bdf) >> 3 & 31u, (bdf)&7u

struct board_requester plan_device_requester(const struct board *b, const struct plan_device *dev)
{
    return (struct board_requester){.node = dev->fn ? board_pci_node(b, dev->fn->bdf) : dev->board_node,
                                    .has_stream = dev->is_protected,
                                    .iommu = dev->iommu,
                                    .sid = dev->sid};
}

/* Why a node of the board is not to be given away; NULL: it may be. */
static const char *node_kept(const struct board *b, dt_node_t n)
{
    if (n == DT_ROOT)
        return "the root node";
    if (n == b->gic.node || b->dt->node[n].parent == b->gic.node || dt_is_compatible(b->dt, n, "arm,gic-v3-its"))
        return "the interrupt controller";
    if (b->pci.present && n == b->pci.node)
        return "the PCI host bridge (give its functions with pci = \"bus:device.function\")";
    return dt_has(b->dt, n, "#iommu-cells") || dt_has(b->dt, n, "#global-interrupts") ? "an IOMMU" : NULL;
}

/* The board's UART: with it the hypervisor loses its console, so nobody else may need one. */
static err_t uart_check(struct plan_ctx *c, const struct plan_partition *pp, const struct plan_device *dev)
{
    for (uint32_t i = 0; i < c->p->partitions; i++) {
        const struct plan_partition *q = &c->p->partition[i];

        if (q != pp && q->m->console == CONSOLE_VIRTUAL)
            return plan_fail(c, dev->m->node,
                             "path: %s is the hypervisor's console UART, and partition %s has a virtual "
                             "console on it: say console = \"none\" there",
                             dev->m->path, q->m->name);
    }
    return ERR_NONE;
}

static err_t platform_find(struct plan_ctx *c, const struct plan_partition *pp, struct plan_device *dev, bool *stream)
{
    const struct dt *dt = c->b->dt;
    const char *kept;

    dev->board_node = dt_find(dt, dev->m->path);
    if (dev->board_node == DT_NONE)
        return plan_fail(c, dev->m->node, "path: the board has no node %s", dev->m->path);
    if (!dt_is_enabled(dt, dev->board_node))
        return plan_fail(c, dev->m->node, "path: node %s of the board is disabled (status)", dev->m->path);
    kept = node_kept(c->b, dev->board_node);
    if (kept)
        return plan_fail(c, dev->m->node, "path: %s is %s, which cannot be given to a partition", dev->m->path, kept);
    if (c->b->uart.present && dev->board_node == c->b->uart.node) {
        err_t e = pp == c->p->quarantine
                      ? plan_fail(c, dev->m->node, "path: %s is the hypervisor's console UART", dev->m->path)
                      : uart_check(c, pp, dev);

        if (e)
            return e;
    }
    *stream = board_node_stream(c->b, dev->board_node, &dev->iommu, &dev->sid);
    if (!*stream && dt_has(dt, dev->board_node, "iommus"))
        return plan_fail(c, dev->m->node,
                         "path: iommus of %s is not <&smmu sid> of an enabled SMMUv3: nothing "
                         "else can be given to a partition",
                         dev->m->path);
    return ERR_NONE;
}

static err_t pci_find(struct plan_ctx *c, const struct plan_partition *pp, struct plan_device *dev, uint8_t slot,
                      bool *stream)
{
    uint16_t bdf = dev->m->bdf;

    dev->board_node = DT_NONE;
    dev->slot = slot;
    if (c->b->pci.present && bdf >> 8 != c->b->pci.bus_first)
        return plan_fail(c, dev->m->node, "pci: " BDF_FMT " is not on the root bus (%02x): others are not supported",
                         BDF_ARG(bdf), c->b->pci.bus_first);
    dev->fn = c->b->pci.present ? board_pci_find(c->b, bdf) : NULL;
    if (!dev->fn)
        return plan_fail(c, dev->m->node, "pci: the board has no function " BDF_FMT, BDF_ARG(bdf));
    if (dev->fn->header != 0)
        return plan_fail(c, dev->m->node,
                         "pci: function " BDF_FMT " has header type %u (a bridge); only devices (0) can be given",
                         BDF_ARG(bdf), dev->fn->header);
    if (dev->fn->class_code >> 8 == CLASS_IOMMU)
        return plan_fail(c, dev->m->node, "pci: function " BDF_FMT " is an IOMMU, which cannot be given to a partition",
                         BDF_ARG(bdf));
    if (pp != c->p->quarantine && slot > PCI_SLOTS)
        return plan_fail(c, pp->m->node, "devices: more than %u PCI functions", PCI_SLOTS);
    *stream = board_pci_stream(c->b, bdf, &dev->iommu, &dev->sid);
    return ERR_NONE;
}

/* Of nobody: kept where it can do no harm, or left alone where nothing can keep it. */
static err_t quarantine_check(struct plan_ctx *c, struct plan_device *dev, bool stream)
{
    if (dev->m->waived && (stream || dev->fn))
        return plan_fail(c, dev->m->node, "waived: %s: drop it",
                         stream ? "an IOMMU stands in front and blocks it"
                                : "bus mastering is off of what nobody owns");
    if (!stream && !dev->m->waived && (!dev->fn || dev->m->quarantine_scratch))
        return plan_fail(c, dev->m->node, "no IOMMU stands in front, so nothing %s",
                         dev->fn ? "leads its DMA to scratch: say dma = \"abort\""
                                 : "keeps it in quarantine: say waived");
    dev->is_protected = stream && dev->m->quarantine_scratch;
    return ERR_NONE;
}

/* I9: what is not behind an IOMMU must say so. */
static err_t dma_check(struct plan_ctx *c, const struct plan_partition *pp, struct plan_device *dev, bool stream)
{
    const struct manifest_device *m = dev->m;
    const char *word = m->no_dma ? board_master_word(c->b, dev->board_node) : NULL;

    if (word)
        return plan_fail(c, m->node, "no-dma: %s of %s says that it is a bus master: drop no-dma", word, m->path);
    if (stream && m->unprotected_dma)
        return plan_fail(c, m->node, "unprotected-dma: an IOMMU stands in front: drop unprotected-dma");
    if (stream && c->b->iommu[dev->iommu].sid_bits < 32 && dev->sid >> c->b->iommu[dev->iommu].sid_bits)
        return plan_fail(c, m->node, "stream id 0x%x does not fit the IOMMU's %u bits", dev->sid,
                         c->b->iommu[dev->iommu].sid_bits);
    if (pp == c->p->quarantine)
        return quarantine_check(c, dev, stream);
    if (!stream && !m->no_dma && !m->unprotected_dma)
        return plan_fail(c, m->node,
                         "no IOMMU stands in front of it (I9): write unprotected-dma in an identity "
                         "partition%s",
                         m->kind == DEVICE_PLATFORM ? ", or no-dma if it is not a bus master" : "");
    if (m->unprotected_dma && !pp->m->identity)
        return plan_fail(c, m->node, "unprotected-dma: needs physmap = \"identity\" (I9)");
    dev->is_protected = stream;
    return ERR_NONE;
}

static void id_add(struct device_ids *l, const struct plan_partition *pp, const struct plan_device *dev,
                   uint64_t number)
{
    l->id[l->count] = (struct device_id){number << 20 | l->count, pp, dev};
    l->count++;
}

static void device_note(struct plan_ctx *c, const struct plan_partition *pp, const struct plan_device *dev, bool stream)
{
    id_add(&c->devices, pp, dev, dev->fn ? PCI_NUMBER | dev->fn->bdf : dev->board_node);
    if (!dev->fn && pp != c->p->quarantine)
        c->node_owner[dev->board_node] = pp;
    /* In quarantine, one that is blocked has its stream, too: nobody else may need it. */
    if (stream)
        id_add(&c->streams, pp, dev, (uint64_t)dev->iommu << 32 | dev->sid);
}

/* b comes next to a in the sorted list. */
static err_t device_check_other(struct plan_ctx *c, const struct device_id *a, const struct device_id *b)
{
    const struct plan_device *dev = b->dev;

    if (device_id_same(a, b))
        return plan_fail(c, dev->m->node, "is the same device as " DEVICE_FMT, a->pp->m->name, a->dev->m->name);
    if (a->pp != b->pp && dev->fn && a->key >> 23 == b->key >> 23)
        return plan_fail(c, dev->m->node,
                         "functions of one device reach each other without an IOMMU, and " DEVICE_FMT
                         " is another of %02x:%02x: both belong in one partition",
                         a->pp->m->name, a->dev->m->name, dev->fn->bdf >> 8, dev->fn->bdf >> 3 & 31u);
    return ERR_NONE;
}

static err_t stream_check_other(struct plan_ctx *c, const struct device_id *a, const struct device_id *b)
{
    if (a->pp == b->pp || !device_id_same(a, b))
        return ERR_NONE;
    return plan_fail(c, b->dev->m->node, "has stream id 0x%x, as " DEVICE_FMT " has: both belong in one partition",
                     b->dev->sid, a->pp->m->name, a->dev->m->name);
}

static err_t ids_check(struct plan_ctx *c, const struct device_ids *l,
                       err_t (*check)(struct plan_ctx *c, const struct device_id *a, const struct device_id *b))
{
    err_t e = ERR_NONE;

    sort_by_first(l->id, l->count, sizeof *l->id);
    for (uint32_t i = 1; i < l->count && !e; i++)
        e = check(c, &l->id[i - 1], &l->id[i]);
    return e;
}

static err_t devices_find_of(struct plan_ctx *c, struct plan_partition *pp)
{
    uint8_t slot = 0;

    pp->device = ARENA_NEW(c->a, struct plan_device, pp->m->devices, c->d);
    if (!pp->device)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < pp->m->devices; i++) {
        struct plan_device *dev = &pp->device[i];
        bool stream = false;
        err_t e;

        dev->m = &pp->m->device[i];
        pp->devices = i + 1;
        if (dev->m->kind == DEVICE_PCI)
            e = pci_find(c, pp, dev, ++slot, &stream);
        else
            e = platform_find(c, pp, dev, &stream);
        if (!e)
            e = dma_check(c, pp, dev, stream);
        if (e)
            return e;
        device_note(c, pp, dev, stream);
        pp->has_ecam |= dev->fn != NULL;
    }
    return pp == c->p->quarantine ? plan_quarantine_find(c) : plan_maps_find(c, pp);
}

err_t plan_devices_find(struct plan_ctx *c)
{
    err_t e = ERR_NONE;
    uint32_t devices = 0;

    for (const struct plan_partition *pp = c->p->partition; pp <= c->p->quarantine; pp++)
        devices += pp->m->devices;
    c->node_owner = ARENA_NEW(c->a, const struct plan_partition *, c->b->dt->nodes, c->d);
    c->devices.id = ARENA_NEW(c->a, struct device_id, devices, c->d);
    c->streams.id = ARENA_NEW(c->a, struct device_id, devices, c->d);
    if (!c->node_owner || !c->devices.id || !c->streams.id)
        return ERR_NO_SPACE;
    for (struct plan_partition *pp = c->p->partition; pp <= c->p->quarantine && !e; pp++)
        e = devices_find_of(c, pp);
    if (!e)
        e = ids_check(c, &c->devices, device_check_other);
    return e ? e : ids_check(c, &c->streams, stream_check_other);
}

/* What the hypervisor uses a line for; NULL: nothing. */
static const char *irq_kept(const struct plan_ctx *c, uint32_t intid)
{
    const struct board *b = c->b;

    if (b->uart.present && b->uart.irq.intid == intid && !plan_node_owner(c, b->uart.node))
        return "its console UART";
    for (uint32_t i = 0; i < b->iommus; i++) {
        if (b->iommu[i].eventq.intid == intid || b->iommu[i].gerror.intid == intid)
            return "an SMMU";
    }
    return NULL;
}

/* Give a line to pp. Devices of one partition may share it, those of two may not (I11). */
static err_t irq_add(struct plan_ctx *c, struct plan_partition *pp, const struct plan_device *dev, struct board_irq irq)
{
    const char *kept = irq_kept(c, irq.intid);

    if (irq.intid < IRQ_SPI_FIRST || irq.intid >= IRQ_LIMIT)
        return plan_fail(c, dev->m->node, "its interrupt has INTID %u; only SPIs (32..1019) can be given", irq.intid);
    if (kept)
        return plan_fail(c, dev->m->node, "its interrupt (SPI %u) is the hypervisor's, for %s",
                         irq.intid - IRQ_SPI_FIRST, kept);
    for (const struct plan_partition *q = c->p->partition; q <= pp; q++) {
        for (const struct plan_irq *o = q->irq; o < q->irq + q->irqs; o++) {
            if (o->irq.intid != irq.intid || o->virtual_only)
                continue;
            if (q == pp)
                return ERR_NONE;
            return plan_fail(c, dev->m->node,
                             "shares interrupt line SPI %u with " DEVICE_FMT ": both belong in one partition",
                             irq.intid - IRQ_SPI_FIRST, q->m->name, o->name);
        }
    }
    pp->irq[pp->irqs++] = (struct plan_irq){.irq = irq, .name = dev->m->name};
    return ERR_NONE;
}

/* Interrupts that the node can have at most: every specifier has 3 cells or more. */
static uint32_t platform_irq_limit(const struct plan_ctx *c, dt_node_t n)
{
    const struct dt_prop *own = dt_prop(c->b->dt, n, "interrupts");
    const struct dt_prop *ext = dt_prop(c->b->dt, n, "interrupts-extended");

    return (own ? own->len / 12 : 0) + (ext ? ext->len / 12 : 0);
}

static err_t platform_irqs(struct plan_ctx *c, struct plan_partition *pp, struct plan_device *dev)
{
    uint32_t limit = platform_irq_limit(c, dev->board_node);

    for (uint32_t i = 0; i < limit; i++) {
        struct board_irq irq;
        bool exists;
        err_t e = board_interrupt(c->b, dev->board_node, i, &irq, &exists, c->d);

        if (!e && exists)
            e = irq_add(c, pp, dev, irq);
        if (e || !exists)
            return e;
        if (!dev->has_irq)
            dev->irq = irq;
        dev->has_irq = true;
    }
    return ERR_NONE;
}

err_t plan_irqs_place(struct plan_ctx *c, struct plan_partition *pp)
{
    uint32_t cap = 1; /* the virtual UART's */
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->devices; i++)
        cap += pp->device[i].fn ? 1 : platform_irq_limit(c, pp->device[i].board_node);
    pp->irq = ARENA_NEW(c->a, struct plan_irq, cap, c->d);
    if (!pp->irq)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < pp->devices && !e; i++) {
        struct plan_device *dev = &pp->device[i];

        if (!dev->fn)
            e = platform_irqs(c, pp, dev);
        else if ((dev->has_irq = board_pci_intx(c->b, dev->fn, &dev->irq)))
            e = irq_add(c, pp, dev, dev->irq);
    }
    if (!e && pp->has_vuart)
        pp->irq[pp->irqs++] = (struct plan_irq){.irq = c->b->uart.irq, .name = "console", .virtual_only = true};
    return e;
}
