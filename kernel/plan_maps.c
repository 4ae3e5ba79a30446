/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables a partition gets: its p2m, a bfn map for each kind of IOMMU in front of its devices, and their sizes. */
#include "plan_private.h"

#include "fmt.h"
#include "iommu/bfn.h"
#include "iommu/kind.h"
#include "iommu/pv.h"
#include "iommu/scratch.h"

#include <string.h>

#define KINDS_MAX 8 /* of IOMMU on one board */

/* A scratch page of its own needs a map of its own, which a stream that two devices share cannot have twice. */
static err_t map_find(struct plan_ctx *c, struct plan_partition *pp, struct plan_device *dev)
{
    const struct iommu_kind *kind = c->b->iommu[dev->iommu].kind;

    for (dev->map = 0; dev->map < pp->maps; dev->map++) {
        const struct plan_device *o = pp->map[dev->map].device;

        if (!o && pp->map[dev->map].kind == kind)
            return ERR_NONE;
        if (o && o->iommu == dev->iommu && o->sid == dev->sid)
            return plan_fail(c, dev->m->node,
                             "has the stream id 0x%x of %s, so they cannot have a scratch page each: say scratch = "
                             "\"per-partition\"",
                             dev->sid, o->m->name);
    }
    pp->map[pp->maps++] = (struct plan_bfn_map){.kind = kind, .device = pp->m->scratch_per_device ? dev : NULL};
    return ERR_NONE;
}

err_t plan_maps_find(struct plan_ctx *c, struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    pp->map = ARENA_NEW(c->a, struct plan_bfn_map, pp->devices, c->d);
    if (!pp->map)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < pp->devices && !e; i++)
        e = pp->device[i].is_protected ? map_find(c, pp, &pp->device[i]) : ERR_NONE;
    return e;
}

/* Does a device of any partition go to the quarantine's map of this kind when it is past its fault budget? */
static bool quarantine_awaits(const struct plan *p, const struct iommu_kind *kind)
{
    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++) {
        for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++) {
            if (dev->is_protected && dev->m->quarantine_scratch && p->board->iommu[dev->iommu].kind == kind)
                return true;
        }
    }
    return false;
}

err_t plan_quarantine_find(struct plan_ctx *c)
{
    struct plan_partition *q = c->p->quarantine;

    q->map = ARENA_NEW(c->a, struct plan_bfn_map, c->b->iommus, c->d);
    if (!q->map)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < c->b->iommus; i++) {
        const struct iommu_kind *kind = c->b->iommu[i].kind;
        uint32_t k = 0;

        while (k < q->maps && q->map[k].kind != kind)
            k++;
        if (k == q->maps && quarantine_awaits(c->p, kind))
            q->map[q->maps++].kind = kind;
    }
    for (uint32_t i = 0; i < q->devices; i++) {
        struct plan_device *dev = &q->device[i];

        while (dev->is_protected && q->map[dev->map].kind != c->b->iommu[dev->iommu].kind)
            dev->map++;
    }
    return ERR_NONE;
}

/* The smallest second-stage shape that reaches the highest GFN. */
static err_t p2m_shape(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct extent *last = &pp->physmap.ext[pp->physmap.count - 1];
    bool arm = pp->p2m->format->in[2].max; /* its root may be lower, and concatenated */
    uint8_t most = arm ? 48 : 52, pa = c->b->pa_bits < most ? c->b->pa_bits : most, in = pp->p2m->in_bits;
    uint64_t end = last->gfn.n + last->frames;

    /* Arm ARM D8.2: no more input bits than the CPUs have output bits; concatenated roots above 39 bits. */
    if (arm && (in > pa || end > UINT64_C(1) << (in - FRAME_SHIFT)))
        in = pa;
    if (end > UINT64_C(1) << ((in < pa ? in : pa) - FRAME_SHIFT))
        return plan_fail(c, pp->m->node, "%s ends at 0x%lx; the board has %u address bits", last->name,
                         end << FRAME_SHIFT, in < pa ? in : pa);
    pp->p2m_shape = (struct pt_shape){.in_bits = in, .out_bits = pa, .root_level = in < 44 ? 2 : 3, .leaf_level = 2};
    return ERR_NONE;
}

static bool unit_is_used(const struct plan_ctx *c, const struct plan_partition *pp, uint32_t unit, uint32_t map)
{
    for (uint32_t i = 0; i < pp->devices; i++) {
        if (pp->device[i].is_protected && pp->device[i].iommu == unit && pp->device[i].map == map)
            return true;
    }
    return pp == c->p->quarantine && c->b->iommu[unit].kind == pp->map[map].kind;
}

/*
 * What every unit in front of the map's devices takes and gives, so that scratch is everywhere. The quarantine
 * takes in devices of every unit of its kind.
 */
static struct pt_shape map_shape(const struct plan_ctx *c, const struct plan_partition *pp, uint32_t map)
{
    struct pt_shape s = {.in_bits = 64, .out_bits = c->b->pa_bits < 52 ? c->b->pa_bits : 52, .leaf_level = 2};

    for (uint32_t i = 0; i < c->b->iommus; i++) {
        const struct board_iommu *u = &c->b->iommu[i];

        if (!unit_is_used(c, pp, i, map))
            continue;
        s.in_bits = u->in_bits < s.in_bits ? u->in_bits : s.in_bits;
        s.out_bits = u->out_bits < s.out_bits ? u->out_bits : s.out_bits;
        s.leaf_level = u->leaf_level < s.leaf_level ? u->leaf_level : s.leaf_level;
    }
    return iommu_shape(pp->map[map].kind, s.in_bits, s.out_bits, s.leaf_level);
}

/* What a PCI device sends to a window of its bridge may go to another device without coming to an IOMMU. */
static const struct board_range *window_of(const struct plan_ctx *c, const struct plan_partition *pp, struct run at)
{
    for (uint32_t i = 0; pp->has_ecam && i < c->b->pci.buses; i++) {
        if (run_overlaps(at, run_touched(c->b->pci.bus[i].base, c->b->pci.bus[i].size)))
            return &c->b->pci.bus[i];
    }
    return NULL;
}

/* Does an IOMMU of pp leave at, or a part of it, untranslated? */
static bool is_exempt(const struct plan_partition *pp, struct run at, struct run *exempt)
{
    for (uint32_t i = 0; i < pp->maps; i++) {
        for (unsigned k = 0; k < IOMMU_EXEMPTS; k++) {
            exempt->first = pp->map[i].kind->exempt[k].first;
            exempt->end = exempt->first + pp->map[i].kind->exempt[k].frames;
            if (run_overlaps(at, *exempt))
                return true;
        }
    }
    return false;
}

/* What devices are to reach lies where their requests come to an IOMMU and are translated. */
static err_t reach_check(struct plan_ctx *c, const struct plan_partition *pp, const char *name, struct run at)
{
    const struct board_range *w = window_of(c, pp, at);
    struct run exempt;

    if (w)
        return plan_fail(c, pp->m->node,
                         "%s at " RUN_FMT " lies in the PCI window " RUN_FMT
                         ", where its PCI devices do not reach memory: move it, or say dma = \"none\"",
                         name, RUN_ARG(at), RUN_ARG(run_touched(w->base, w->size)));
    if (is_exempt(pp, at, &exempt))
        return plan_fail(c, pp->m->node,
                         "%s at " RUN_FMT " lies in " RUN_FMT ", which the IOMMU of its devices does not translate: "
                         "move it",
                         name, RUN_ARG(at), RUN_ARG(exempt));
    return ERR_NONE;
}

static err_t extents_check(struct plan_ctx *c, const struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->physmap.count && !e; i++) {
        const struct extent *x = &pp->physmap.ext[i];

        if (x->dma && x->type != EXT_MMIO)
            e = reach_check(c, pp, x->name, (struct run){x->gfn.n, x->gfn.n + x->frames});
    }
    return e;
}

/*
 * Shared tables: every IOMMU walks the p2m as it is, and so gives devices what the CPUs have. What that makes
 * reachable must have been declared: registers by peer-dma, a doorbell by its access.
 */
static err_t shared_rights_check(struct plan_ctx *c, const struct plan_partition *pp)
{
    for (const struct extent *x = pp->physmap.ext; x < pp->physmap.ext + pp->physmap.count; x++) {
        if ((x->cpu & (R_READ | R_WRITE)) != x->dma)
            return plan_fail(c, pp->m->node,
                             "tables: shared tables give devices and CPUs the same, but %s (%s) does not: %s", x->name,
                             ext_type_name(x->type),
                             x->type == EXT_MMIO       ? "say peer-dma of the device"
                             : x->type == EXT_DOORBELL ? "say access = \"w\" of the doorbell"
                                                       : "let its dma say what its CPUs may do");
    }
    return ERR_NONE;
}

static err_t shared_check(struct plan_ctx *c, struct plan_partition *pp)
{
    for (uint32_t i = 0; i < pp->maps; i++) {
        struct plan_bfn_map *m = &pp->map[i];
        struct pt_shape s = map_shape(c, pp, i);
        const char *why;

        /* One that takes more bits starts its walk where the p2m does. */
        if (s.in_bits >= pp->p2m_shape.in_bits && pt_root_frames(pp->p2m_shape) == 1 &&
            m->kind->root_min[pp->p2m_shape.root_level]) {
            s.in_bits = pp->p2m_shape.in_bits;
            s.root_level = pp->p2m_shape.root_level;
        }
        why = pt_share_refusal(pp->p2m->format, pp->p2m_shape, m->kind->format, s, pp->p2m_span, pp->p2m_spans);
        if (why)
            return plan_fail(c, pp->m->node,
                             "tables: an IOMMU (%s) cannot share the p2m: %s; say tables = \"separate\"", m->kind->name,
                             why);
        m->shape = pp->p2m_shape;
    }
    return shared_rights_check(c, pp);
}

/* The p2m's format: one that the IOMMUs read, too, where they are to. */
static err_t p2m_choose(struct plan_ctx *c, struct plan_partition *pp)
{
    pp->p2m = c->b->p2m;
    for (uint32_t i = 0; pp->m->shared_tables && i < pp->maps; i++) {
        const struct iommu_kind *k = pp->map[i].kind;

        if (!k->p2m || (i && k->p2m != pp->p2m))
            return plan_fail(c, pp->m->node, "tables: an IOMMU (%s) %s; say tables = \"separate\"", k->name,
                             k->p2m ? "would need the p2m in another format than the others"
                                    : "has a table format of its own and cannot share the p2m");
        if (k->p2m != c->b->p2m && k->p2m->plain != c->b->p2m)
            return plan_fail(c, pp->m->node,
                             "tables: the board's CPUs do not walk what an IOMMU (%s) would share; say "
                             "tables = \"separate\"",
                             k->name);
        pp->p2m = k->p2m;
    }
    return p2m_shape(c, pp);
}

/* What makes devices need not reach e (NULL: the PV window). */
static const char *reach_advice(const struct extent *e)
{
    if (!e)
        return "move it";
    if (e->type == EXT_RESERVED)
        return "say reserved = \"scratch\" of its device, or drop the region";
    return e->type == EXT_MMIO ? "drop peer-dma" : "say dma = \"none\"";
}

static err_t bfn_check(struct plan_ctx *c, const struct plan_partition *pp, const struct plan_bfn_map *m)
{
    for (uint32_t i = 0; i < pp->bfn_spans; i++) {
        const struct pt_span *s = &pp->bfn_span[i];
        const struct extent *e = s->rights ? physmap_find(&pp->physmap, gfn(s->in)) : NULL;

        if (s->in + s->frames > UINT64_C(1) << (m->shape.in_bits - FRAME_SHIFT) ||
            s->out + s->frames > UINT64_C(1) << (m->shape.out_bits - FRAME_SHIFT))
            return plan_fail(c, pp->m->node,
                             "%s at 0x%lx is out of reach of its devices, whose IOMMU (%s) takes %u bits and gives %u: "
                             "%s",
                             e ? e->name : "pv-window", s->in << FRAME_SHIFT, m->kind->name, m->shape.in_bits,
                             m->shape.out_bits, reach_advice(e));
        if (e && pt_leaf_entry(m->kind->format, 0, 0, s->rights, s->mem) == PT_NONE)
            return plan_fail(c, pp->m->node, "%s at 0x%lx: tables of the IOMMU of its devices (%s) cannot say dma = %s",
                             e->name, s->in << FRAME_SHIFT, m->kind->name,
                             s->rights == R_WRITE ? "write alone, as a doorbell wants" : "that");
    }
    return ERR_NONE;
}

/* The PV window among the spans, which are sorted. */
static err_t window_insert(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct run at = {pp->m->pv.n, pp->m->pv.n + pp->m->pv_frames};
    uint32_t i = pp->bfn_spans;
    err_t e = reach_check(c, pp, "pv-window", at);

    if (e)
        return e;
    for (const struct extent *x = pp->physmap.ext; x < pp->physmap.ext + pp->physmap.count; x++) {
        if (x->dma && ranges_overlap(at.first, pp->m->pv_frames, x->gfn.n, x->frames))
            return plan_fail(c, pp->m->node,
                             "pv-window: " RUN_FMT " overlaps %s at 0x%lx, which devices reach there: "
                             "move it",
                             RUN_ARG(at), x->name, x->gfn.n << FRAME_SHIFT);
    }
    for (; i > 0 && pp->bfn_span[i - 1].in > at.first; i--)
        pp->bfn_span[i] = pp->bfn_span[i - 1];
    pp->bfn_span[i] = (struct pt_span){.in = at.first, .frames = pp->m->pv_frames};
    pp->bfn_spans++;
    pp->frames.pv = frames_of(PV_BITMAP_BYTES(pp->m->pv_frames));
    return ERR_NONE;
}

static err_t maps_place(struct plan_ctx *c, struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->maps && !e; i++) {
        struct plan_bfn_map *m = &pp->map[i];

        m->shape = map_shape(c, pp, i);
        m->frames = pt_count(m->shape, pp->bfn_span, pp->bfn_spans);
        m->scratch = pp->m->unmapped == UNMAPPED_FAULT ? 0 : scratch_frames(m->shape);
        pp->frames.bfn += m->frames;
        pp->frames.scratch += m->scratch;
        e = bfn_check(c, pp, m);
    }
    return e;
}

err_t plan_tables_place(struct plan_ctx *c, struct plan_partition *pp)
{
    err_t e = p2m_choose(c, pp);

    if (!e)
        e = extents_check(c, pp);
    if (e)
        return e;
    pp->p2m_span = ARENA_NEW(c->a, struct pt_span, pp->physmap.count, c->d);
    pp->bfn_span = ARENA_NEW(c->a, struct pt_span, pp->maps ? pp->physmap.count + 1 : 0, c->d);
    if (!pp->p2m_span || !pp->bfn_span)
        return ERR_NO_SPACE;
    pp->p2m_spans = physmap_cpu_spans(&pp->physmap, pp->p2m_span);
    pp->frames.p2m = pt_count(pp->p2m_shape, pp->p2m_span, pp->p2m_spans);
    if (!pp->maps)
        return ERR_NONE;
    pp->bfn_spans = bfn_map_spans(&pp->physmap, pp->m->map == MAP_HOST, pp->bfn_span);
    if (pp->m->shared_tables)
        return shared_check(c, pp);
    if (pp->m->map == MAP_PV)
        e = window_insert(c, pp);
    return e ? e : maps_place(c, pp);
}

err_t plan_quarantine_place(struct plan_ctx *c)
{
    struct plan_partition *q = c->p->quarantine;

    /* Nothing but scratch: no memory, no spans. */
    q->physmap.ext = ARENA_NEW(c->a, struct extent, 0, c->d);
    q->bfn_span = ARENA_NEW(c->a, struct pt_span, 0, c->d);
    return q->physmap.ext && q->bfn_span ? maps_place(c, q) : ERR_NO_SPACE;
}

/*
 * Numbers of domains.
 */

struct numbers {
    const struct iommu_kind *kind[KINDS_MAX];
    uint32_t used[KINDS_MAX]; /* domains of each */
    uint32_t vmids, maps;
};

/* The next domain of a kind; 0: a board with too many kinds. */
static uint32_t domain_next(struct numbers *n, const struct iommu_kind *kind)
{
    unsigned i = 0;

    if (kind->vmids)
        return ++n->vmids;
    while (i < KINDS_MAX && n->kind[i] && n->kind[i] != kind)
        i++;
    if (i == KINDS_MAX)
        return 0;
    n->kind[i] = kind;
    return ++n->used[i];
}

/* The bits that all units of a kind have; NULL: of those whose domains are VMIDs, and of the CPUs. */
static uint8_t domain_bits(const struct board *b, const struct iommu_kind *kind)
{
    uint8_t bits = kind ? 16 : b->vmid_bits;

    for (uint32_t i = 0; i < b->iommus; i++) {
        const struct board_iommu *u = &b->iommu[i];

        if ((kind ? u->kind == kind : u->kind->vmids) && u->domain_bits < bits)
            bits = u->domain_bits;
    }
    return bits;
}

static err_t domains_check(struct plan_ctx *c, const struct numbers *n)
{
    uint8_t bits = domain_bits(c->b, NULL);

    if (n->vmids >> bits)
        return diag_fail(c->d, ERR_NO_SPACE, "%u partitions with %u bfn maps need %u VMIDs; the board has %u",
                         c->p->partitions, n->maps, n->vmids, (1u << bits) - 1);
    for (unsigned i = 0; i < KINDS_MAX && n->kind[i]; i++) {
        bits = domain_bits(c->b, n->kind[i]);
        if (n->used[i] >> bits)
            return diag_fail(c->d, ERR_NO_SPACE, "%u bfn maps need a domain each of an IOMMU (%s) that has %u",
                             n->used[i], n->kind[i]->name, (1u << bits) - 1);
    }
    return ERR_NONE;
}

static err_t domains_of(struct plan_ctx *c, struct plan_partition *pp, struct numbers *n)
{
    for (uint32_t k = 0; k < pp->maps; k++) {
        struct plan_bfn_map *m = &pp->map[k];
        uint32_t domain = domain_next(n, m->kind);

        if (!domain || n->maps > UINT16_MAX)
            return diag_fail(c->d, ERR_NO_SPACE,
                             "the board's IOMMUs are of more than %u kinds, or more than %u bfn maps", KINDS_MAX,
                             UINT16_MAX);
        m->domain = (uint16_t)domain;
        m->scratch_id = (uint16_t)n->maps++;
        m->table = pp->m->shared_tables ? pp->p2m_table : c->p->tables++;
    }
    return ERR_NONE;
}

err_t plan_domains_number(struct plan_ctx *c)
{
    struct numbers n = {.vmids = c->p->partitions};
    err_t e = ERR_NONE;

    c->p->tables = 1;
    for (uint32_t i = 0; i < c->p->partitions && !e; i++) {
        c->p->partition[i].p2m_table = c->p->tables++;
        e = domains_of(c, &c->p->partition[i], &n);
    }
    if (!e)
        e = domains_of(c, c->p->quarantine, &n);
    return e ? e : domains_check(c, &n);
}
