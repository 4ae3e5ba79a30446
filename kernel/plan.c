/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan, in this order: CPUs and devices are found; memory with a fixed owner is claimed;
 * then, partition by partition, memory, emulated devices, registers and images are placed
 * and the tables counted; the hypervisor's pool takes what it needs of the rest.
 */
#include "plan_private.h"

#include "fmt.h"

err_t plan_fail(struct plan_ctx *c, dt_node_t n, const char *fmt, ...)
{
    char path[128], text[320];
    va_list ap;

    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    return diag_fail(c->d, ERR_INVALID, "%s: %s", dt_path(c->in->manifest->dt, n, path, sizeof path), text);
}

err_t plan_extent_add(struct plan_ctx *c, struct plan_partition *pp, const struct extent *e)
{
    const struct run at = {e->gfn.n, e->gfn.n + e->frames};
    err_t err = physmap_add(&pp->physmap, e, c->d);

    for (const struct extent *o = pp->physmap.ext; err && o < pp->physmap.ext + pp->physmap.count; o++) {
        const struct run other = {o->gfn.n, o->gfn.n + o->frames};

        if (!run_overlaps(at, other))
            continue;
        c->d->text[0] = '\0'; /* what follows says whose */
        return plan_fail(c, pp->m->node,
                         "%s (%s) at " RUN_FMT " overlaps %s (%s) at " RUN_FMT ": move the region of memory", e->name,
                         ext_type_name(e->type), RUN_ARG(at), o->name, ext_type_name(o->type), RUN_ARG(other));
    }
    return err;
}

static err_t cpu_refuse(struct plan_ctx *c, const struct plan_partition *pp, uint32_t reg)
{
    char list[160];
    size_t used = 0;

    list[0] = 0;
    for (uint32_t i = 0; i < c->b->cpus && used + 12 < sizeof list; i++)
        used += fmt_print(list + used, sizeof list - used, " 0x%lx", c->b->cpu[i].id);
    return plan_fail(c, pp->m->node, "cpus: the board has no CPU 0x%x; it has%s", reg, list);
}

static err_t cpus_place(struct plan_ctx *c, struct plan_partition *pp)
{
    pp->cpu = ARENA_NEW(c->a, uint32_t, pp->m->cpus, c->d);
    if (!pp->cpu)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < pp->m->cpus; i++) {
        uint32_t k = 0;

        while (k < c->b->cpus && c->b->cpu[k].id != pp->m->cpu[i])
            k++;
        if (k == c->b->cpus)
            return cpu_refuse(c, pp, pp->m->cpu[i]);
        for (const struct plan_partition *q = c->p->partition; q <= pp; q++) {
            for (uint32_t n = 0; n < q->cpus; n++) {
                if (q->cpu[n] == k)
                    return plan_fail(c, pp->m->node, "cpus: CPU 0x%x belongs to partition %s", pp->m->cpu[i],
                                     q->m->name);
            }
        }
        pp->cpu[pp->cpus++] = k;
    }
    return ERR_NONE;
}

static err_t partitions_init(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;
    struct plan *p = c->p;
    struct manifest_partition *q;
    err_t e = ERR_NONE;

    p->partition = ARENA_NEW(c->a, struct plan_partition, m->partitions + 1, c->d);
    q = ARENA_NEW(c->a, struct manifest_partition, 1, c->d);
    if (!p->partition || !q)
        return ERR_NO_SPACE;
    *q = (struct manifest_partition){.name = "quarantine", .device = m->quarantine, .devices = m->quarantines};
    p->partitions = m->partitions;
    p->quarantine = &p->partition[m->partitions];
    p->quarantine->m = q;
    for (uint32_t i = 0; i < m->partitions && !e; i++) {
        struct plan_partition *pp = &p->partition[i];

        pp->m = &m->partition[i];
        pp->id = (uint16_t)i;
        pp->vmid = (uint16_t)(i + 1);
        e = cpus_place(c, pp);
    }
    return e;
}

static err_t pieces_add(struct plan_ctx *c, struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < c->pieces && !e; i++) {
        const struct piece *s = &c->piece[i];
        struct extent x = ext_make(s->region->type, s->gfn, s->mfn, s->frames, s->region->name);

        x.cpu = s->region->cpu;
        x.dma = s->region->dma;
        e = plan_extent_add(c, pp, &x);
    }
    return e;
}

/* What the partition sees at the board's own addresses but what is emulated for it. */
static err_t emulated_add(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct board *b = c->b;
    const bool has[] = {[WHEN_ALWAYS] = true, [WHEN_VUART] = pp->has_vuart, [WHEN_PCI] = pp->has_ecam};

    for (uint32_t i = 0; i < b->emulateds; i++) {
        const struct board_emulated *m = &b->emulated[i];
        uint64_t frames = m->frames * (m->per_cpu ? pp->cpus : 1);
        struct extent x = ext_make(EXT_EMULATED, gfn(m->base.v >> FRAME_SHIFT), mfn(0), frames, m->name);
        err_t e;

        if (!has[m->when])
            continue;
        if (frames > m->room)
            return plan_fail(c, pp->m->node, "cpus: the %s of %u CPUs take %lu KiB; the board has room for %lu KiB",
                             m->name, pp->cpus, frames * 4, m->room * 4);
        e = plan_extent_add(c, pp, &x);
        if (e)
            return e;
        pp->emulated[i] = gaddr(m->base.v);
    }
    pp->vuart = gaddr(pp->has_vuart ? b->uart.base.v : 0);
    pp->vuart_intid = pp->has_vuart ? b->uart.irq.intid : 0;
    pp->ecam = gaddr(pp->has_ecam ? b->pci.ecam.v : 0);
    return ERR_NONE;
}

/* What the partition asks for and would not get. */
static err_t options_check(struct plan_ctx *c, const struct plan_partition *pp)
{
    static const char of_maps[][20] = {"scratch-audit-ms", "unmapped", "map", "tables", "scratch", "pv-window"};
    const struct board_uart *u = &c->b->uart;

    if (pp->m->console == CONSOLE_VIRTUAL && (!u->present || u->irq.intid < c->b->line_first))
        return plan_fail(c, pp->m->node,
                         "console: a virtual one stands in for the board's, which %s; say console "
                         "= \"none\"",
                         u->present ? "has no interrupt line" : "is of no known kind");
    for (unsigned i = 0; i < sizeof of_maps / sizeof *of_maps && !pp->maps; i++) {
        if (dt_has(c->in->manifest->dt, pp->m->node, of_maps[i]))
            return plan_fail(c, pp->m->node, "%s: means nothing, for it has no device behind an IOMMU: drop it",
                             of_maps[i]);
    }
    return ERR_NONE;
}

static err_t partition_place(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct board_uart *u = &c->b->uart;
    err_t e = plan_memory_place(c, pp);

    if (!e)
        e = options_check(c, pp);
    if (e)
        return e;
    pp->has_vuart = pp->m->console == CONSOLE_VIRTUAL && plan_node_owner(c, u->node) != pp;
    pp->physmap.cap = c->pieces + c->b->emulateds + plan_mmio_extents(c, pp);
    pp->physmap.ext = ARENA_NEW(c->a, struct extent, pp->physmap.cap, c->d);
    if (!pp->physmap.ext)
        return ERR_NO_SPACE;
    e = pieces_add(c, pp);
    if (!e)
        e = emulated_add(c, pp);
    if (!e)
        e = plan_irqs_place(c, pp);
    if (!e)
        e = plan_mmio_place(c, pp);
    if (!e)
        e = plan_images_place(c, pp);
    return e ? e : plan_tables_place(c, pp);
}

static err_t plan_place(struct plan_ctx *c)
{
    err_t e = partitions_init(c);

    if (!e)
        e = plan_devices_find(c);
    if (!e)
        e = plan_hv_own(c);
    if (!e)
        e = plan_memory_claim(c);
    if (!e)
        e = plan_memory_place_shared(c);
    for (uint32_t i = 0; i < c->p->partitions && !e; i++)
        e = partition_place(c, &c->p->partition[i]);
    if (!e)
        e = plan_quarantine_place(c);
    if (!e)
        e = plan_domains_number(c);
    if (!e)
        e = plan_messages_number(c);
    return e ? e : plan_hv_place(c);
}

err_t plan_build(struct plan *p, const struct plan_input *in, struct arena *a, struct diag *d)
{
    struct plan_ctx c = {.p = p, .in = in, .b = in->board, .a = a, .d = d};
    struct plan_hypervisor *hv = &p->hv;

    *p = (struct plan){.manifest = in->manifest, .board = in->board};
    hv->image = maddr(ROUND_DOWN(in->image.v, FRAME_SIZE));
    hv->image_end = maddr(ROUND_UP(in->image_end.v, FRAME_SIZE));
    hv->bundle = maddr(ROUND_DOWN(in->bundle_base.v, FRAME_SIZE));
    hv->bundle_end = maddr(ROUND_UP(in->bundle_end.v, FRAME_SIZE));
    hv->arena = in->arena;
    hv->arena_end = in->arena_end;
    hv->dtb = maddr(ROUND_DOWN(in->dtb.v, FRAME_SIZE));
    hv->dtb_end = maddr(ROUND_UP(in->dtb_end.v, FRAME_SIZE));
    if (!in->board->emulateds || !in->board->cpus)
        return diag_fail(d, ERR_INVALID, "board: an interrupt controller and at least one CPU are needed");
    return plan_place(&c);
}
