/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of docs/model.md, proved on the finished plan. Knows nothing of how it came about. */
#include "check_private.h"
#include "sort.h"

err_t check_fail(const struct check *k, const char *fmt, const char *who, const char *what, uint64_t number)
{
    return diag_fail(k->d, ERR_INVALID, fmt, who, what, number);
}

/*
 * I1: one owner for every machine frame.
 */

static void held_add(struct check *k, uint64_t first, uint64_t frames, const char *who, const char *what)
{
    if (frames)
        k->held[k->count++] = (struct held){first, first + frames, who, what};
}

static void held_add_bytes(struct check *k, maddr_t from, maddr_t to, const char *what)
{
    held_add(k, from.v >> FRAME_SHIFT, (to.v - from.v) >> FRAME_SHIFT, "mullion", what);
}

static void held_of_hypervisor(struct check *k)
{
    const struct plan_hypervisor *hv = &k->p->hv;

    for (uint32_t i = 0; i < hv->spans; i++) {
        if (hv->span[i].mem == MEM_DEVICE)
            held_add(k, hv->span[i].out, hv->span[i].frames, "mullion", "registers");
    }
    held_add_bytes(k, hv->image, hv->image_end, "image");
    held_add_bytes(k, hv->bundle, hv->bundle_end, "bundle");
    held_add_bytes(k, hv->arena, hv->arena_end, "arena");
    held_add_bytes(k, hv->dtb, hv->dtb_end, "firmware DTB");
    held_add(k, hv->pool.n, hv->pool_frames, "mullion", "pool");
}

/* Is it machine memory or registers that this extent alone reaches? */
static bool extent_is_held(const struct extent *e)
{
    return e->type != EXT_EMULATED && e->type != EXT_SHARED && e->type != EXT_DOORBELL;
}

static err_t held_collect(struct check *k)
{
    const struct plan *p = k->p;
    uint32_t n = 5 + p->hv.spans + p->manifest->shareds;

    for (uint32_t i = 0; i < p->partitions; i++)
        n += p->partition[i].physmap.count;
    k->held = ARENA_NEW(k->a, struct held, n, k->d);
    if (!k->held)
        return ERR_NO_SPACE;
    held_of_hypervisor(k);
    for (uint32_t i = 0; i < p->manifest->shareds; i++)
        held_add(k, p->shared[i].v >> FRAME_SHIFT, p->manifest->shared[i].frames, "shared",
                 p->manifest->shared[i].name);
    for (uint32_t i = 0; i < p->partitions; i++) {
        const struct plan_partition *pp = &p->partition[i];

        for (uint32_t x = 0; x < pp->physmap.count; x++) {
            const struct extent *e = &pp->physmap.ext[x];

            if (extent_is_held(e))
                held_add(k, e->mfn.n, e->frames, pp->m->name, e->name);
        }
    }
    sort_by_first(k->held, k->count, sizeof *k->held);
    return ERR_NONE;
}

/*
 * I2, I3: what the tables will reach.
 */

/* The most that an extent of each type may give: columns "CPU" and "device" of docs/model.md. */
static const struct {
    uint8_t cpu, dma;
} most[EXT_TYPES] = {
    [EXT_RAM] = {R_READ | R_WRITE | R_EXEC, R_READ | R_WRITE},
    [EXT_RAM_RO] = {R_READ | R_EXEC, R_READ},
    [EXT_MMIO] = {R_READ | R_WRITE, R_READ | R_WRITE},
    [EXT_EMULATED] = {0, 0},
    [EXT_SHARED] = {R_READ | R_WRITE | R_EXEC, R_READ | R_WRITE},
    [EXT_RESERVED] = {R_READ | R_WRITE, R_READ | R_WRITE},
    [EXT_DOORBELL] = {R_WRITE, R_WRITE},
};

static bool has_peer_dma(const struct plan_partition *pp, const char *name)
{
    for (uint32_t i = 0; i < pp->devices; i++) {
        if (pp->device[i].m->peer_dma && pp->device[i].m->name == name)
            return true;
    }
    return false;
}

/* A shared extent lies in the shared memory that a region of the partition's manifest names. */
static bool shared_is_declared(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    for (uint32_t i = 0; i < pp->m->regions; i++) {
        const struct manifest_region *r = &pp->m->region[i];
        uint64_t first;

        if (r->type != EXT_SHARED || !r->shared)
            continue;
        first = k->p->shared[r->shared - k->p->manifest->shared].v >> FRAME_SHIFT;
        if (e->mfn.n >= first && e->mfn.n + e->frames <= first + r->shared->frames && !(e->cpu & ~r->cpu) &&
            !(e->dma & ~r->dma))
            return true;
    }
    return false;
}

/* Memory of the board, none of it reserved by firmware. */
static bool is_free_ram(const struct check *k, uint64_t first, uint64_t frames)
{
    const struct board *b = k->p->board;
    uint64_t from = first << FRAME_SHIFT, to = (first + frames) << FRAME_SHIFT, ram = 0;

    for (uint32_t i = 0; i < b->memories; i++)
        ram += check_overlap(&b->memory[i], from, to);
    return ram == to - from && !board_meets(b->reserved, b->reserveds, first, first + frames);
}

static err_t check_owners(struct check *k)
{
    err_t e = held_collect(k);

    if (e)
        return e;
    for (uint32_t i = 0; i < k->p->manifest->shareds; i++) {
        const struct manifest_shared *m = &k->p->manifest->shared[i];
        uint64_t first = k->p->shared[i].v >> FRAME_SHIFT;

        if (!is_free_ram(k, first, m->frames))
            return check_fail(k, "I1: %s: %s is not free memory of the board (MFN 0x%lx)", "shared", m->name, first);
    }
    for (uint32_t i = 1; i < k->count; i++) {
        const struct held *a = &k->held[i - 1], *b = &k->held[i];

        if (b->first < a->end)
            return diag_fail(k->d, ERR_INVALID, "I1: machine frame 0x%lx has two owners: %s (%s) and %s (%s)", b->first,
                             a->who, a->what, b->who, b->what);
    }
    return ERR_NONE;
}

static bool reserved_is_used(const struct check *k, const struct plan_partition *pp, uint32_t i)
{
    for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++) {
        const struct board_requester who = check_requester(k, dev);

        if (!dev->m->reserved_scratch && board_reserved_use(k->p->board, i, &who))
            return true;
    }
    return false;
}

/* A reserved extent: asked for by the manifest or by a device, reserved by the board unless said otherwise, and no
 * registers. */
static bool reserved_is_known(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    const struct board *b = k->p->board;
    const uint64_t from = e->mfn.n << FRAME_SHIFT, to = from + (e->frames << FRAME_SHIFT);
    bool declared = false, known = false;

    if (board_mmio_next(b, NULL, e->mfn.n, e->mfn.n + e->frames) || check_overlap(&b->pci.mem32, from, to) ||
        check_overlap(&b->pci.mem64, from, to))
        return false;
    for (uint32_t i = 0; i < pp->m->regions; i++) {
        const struct manifest_region *r = &pp->m->region[i];

        if (r->type != EXT_RESERVED || r->mfn.n != e->mfn.n || r->frames != e->frames)
            continue;
        if (r->unlisted)
            return is_free_ram(k, e->mfn.n, e->frames);
        declared = true;
    }
    for (uint32_t i = 0; i < b->reserveds; i++) {
        uint64_t overlap = check_overlap(&b->reserved[i], from, to);

        if (declared && overlap && b->reserved[i].no_map && !reserved_is_used(k, pp, i))
            return false;
        known |= overlap == to - from && (declared || reserved_is_used(k, pp, i));
    }
    return known;
}

static err_t check_extent(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    const char *who = pp->m->name, *why = NULL;
    uint64_t number = e->mfn.n;

    if (e->frames == 0 || (unsigned)e->type >= EXT_TYPES)
        return check_fail(k, "I6: %s: %s is an empty extent (GFN 0x%lx)", who, e->name, e->gfn.n);
    if ((e->type == EXT_RAM || e->type == EXT_RAM_RO) && !is_free_ram(k, e->mfn.n, e->frames))
        why = "I1: %s: %s is not free memory of the board (MFN 0x%lx)";
    if (e->cpu & ~most[e->type].cpu)
        why = "I2: %s: %s gives CPUs more than its type allows (MFN 0x%lx)";
    if ((e->dma & ~most[e->type].dma) || (e->type == EXT_MMIO && e->dma && !has_peer_dma(pp, e->name)))
        why = "I3: %s: %s gives devices more than its type allows (MFN 0x%lx): say peer-dma of a device";
    if (e->type == EXT_DOORBELL && e->cpu && !pp->m->shared_tables)
        why = "I2: %s: %s is a doorbell that CPUs may write, and no table is shared (MFN 0x%lx)";
    if (e->type == EXT_SHARED && !shared_is_declared(k, pp, e))
        why = "I2: %s: %s reaches beyond the shared memory that the manifest declares (MFN 0x%lx)";
    if (e->type == EXT_DOORBELL && !board_is_doorbell(k->p->board, e->mfn.n, e->frames))
        why = "I3: %s: %s is no page that an ITS translates from (MFN 0x%lx): it is 0x10000 above its start";
    if (e->type == EXT_RESERVED && !reserved_is_known(k, pp, e))
        why = "I10: %s: %s is not reserved by the board (MFN 0x%lx): say unlisted where firmware omits it";
    if ((e->type == EXT_RESERVED || e->type == EXT_DOORBELL || e->type == EXT_MMIO) && e->gfn.n != e->mfn.n)
        why = "I10: %s: %s does not have GFN == MFN (MFN 0x%lx)";
    if (pp->m->identity && e->type != EXT_EMULATED && e->gfn.n != e->mfn.n)
        why = "I9: %s: %s breaks the identity physmap (MFN 0x%lx)";
    if (e->dma && e->type != EXT_MMIO && pp->has_ecam &&
        board_meets(k->p->board->pci.bus, k->p->board->pci.buses, e->gfn.n, e->gfn.n + e->frames))
        why = "I3: %s: %s is DMA-able in a window of the PCI bridge (MFN 0x%lx): say dma = \"none\" or move it";
    if (why)
        return check_fail(k, why, who, e->name, number);
    return e->type == EXT_MMIO ? check_mmio(k, pp, e) : check_exempt_ram(k, pp, e);
}

static uint8_t rights_of(const struct extent *e, bool dma)
{
    return e->type == EXT_EMULATED ? 0 : dma ? e->dma : e->cpu;
}

/* Every frame of s lies in an extent at the same distance, with its rights. x: where the last span ended. */
static bool span_is_owned(const struct physmap *m, const struct pt_span *s, bool dma, uint32_t *x)
{
    uint64_t at = s->in, end = s->in + s->frames;

    while (*x < m->count && m->ext[*x].gfn.n + m->ext[*x].frames <= at)
        ++*x;
    for (uint32_t i = *x; at < end; i++) {
        const struct extent *e = i < m->count ? &m->ext[i] : NULL;

        if (!e || at < e->gfn.n || s->rights != rights_of(e, dma) || s->mem != e->mem ||
            s->out + (at - s->in) != e->mfn.n + (at - e->gfn.n))
            return false;
        at = e->gfn.n + e->frames;
    }
    return true;
}

/* The spans are the extents with rights: each within them, and all together as many frames. */
static err_t check_spans(const struct check *k, const struct plan_partition *pp, const struct pt_span *span,
                         uint32_t count, bool dma)
{
    const char *map = dma ? "the bfn map" : "the p2m";
    uint64_t last = 0, frames = 0;
    uint32_t x = 0, windows = dma && pp->maps && pp->m->map == MAP_PV;

    for (uint32_t i = 0; i < pp->physmap.count && (!dma || pp->maps); i++)
        frames += rights_of(&pp->physmap.ext[i], dma) ? pp->physmap.ext[i].frames : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct pt_span *s = &span[i];

        if (windows && s->in == pp->m->pv.n && s->frames == pp->m->pv_frames && !s->rights && s->in >= last) {
            windows--;
            last = s->in + s->frames;
            continue;
        }
        if (!s->rights || !s->frames)
            return check_fail(k, "I6: %s: %s has a span without rights or frames (0x%lx)", pp->m->name, map, s->in);
        if (s->in < last || s->frames > (UINT64_C(1) << 52) || s->in > (UINT64_C(1) << 52) ||
            !span_is_owned(&pp->physmap, s, dma, &x))
            return check_fail(k,
                              dma ? "I3: %s: %s has a span out of order or not as the physmap has it (0x%lx)"
                                  : "I2: %s: %s has a span out of order or not as the physmap has it (0x%lx)",
                              pp->m->name, map, s->in);
        last = s->in + s->frames;
        frames -= s->frames;
        if (ranges_overlap(s->out, s->frames, k->p->hv.pool.n, k->p->hv.pool_frames))
            return check_fail(k, "I5: %s: %s reaches the pool, where scratch pages are (0x%lx)", pp->m->name, map,
                              s->out);
    }
    if (windows)
        return check_fail(k, "I7: %s: %s leaves out the PV window (0x%lx)", pp->m->name, map, pp->m->pv.n);
    if (frames)
        return check_fail(k,
                          dma ? "I3: %s: %s leaves out what the physmap gives (0x%lx frames)"
                              : "I2: %s: %s leaves out what the physmap gives (0x%lx frames)",
                          pp->m->name, map, frames);
    return ERR_NONE;
}

/*
 * I10: reserved regions.
 */

static bool spans_have(const struct pt_span *span, uint32_t count, const struct extent *e)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span[i].in <= e->gfn.n && e->gfn.n + e->frames <= span[i].in + span[i].frames &&
            span[i].rights == (R_READ | R_WRITE))
            return true;
    }
    return false;
}

/* Frames that must be there for devices: in one extent, and in both maps. */
static err_t reserved_is_there(const struct check *k, const struct plan_partition *pp, const char *name, uint64_t first,
                               uint64_t frames)
{
    const struct extent *e = physmap_find(&pp->physmap, gfn(first));

    if (!e || e->type != EXT_RESERVED || e->gfn.n != e->mfn.n || first + frames > e->gfn.n + e->frames ||
        !spans_have(pp->p2m_span, pp->p2m_spans, e) || (pp->maps && !spans_have(pp->bfn_span, pp->bfn_spans, e)))
        return check_fail(k, "I10: %s: %s is not in physmap, p2m and bfn map, readable and writable (0x%lx)",
                          pp->m->name, name, first);
    return ERR_NONE;
}

static err_t check_reserved(const struct check *k, const struct plan_partition *pp)
{
    const struct board *b = k->p->board;
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->m->regions && !e; i++) {
        const struct manifest_region *r = &pp->m->region[i];

        if (r->type == EXT_RESERVED)
            e = reserved_is_there(k, pp, r->name, r->gfn.n, r->frames);
    }
    for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices && b->reserveds; dev++) {
        const struct board_requester who = check_requester(k, dev);

        for (uint32_t i = 0; i < b->reserveds && !dev->m->reserved_scratch && !e; i++) {
            if (board_reserved_use(b, i, &who))
                e = reserved_is_there(k, pp, b->reserved[i].name, b->reserved[i].base.v >> FRAME_SHIFT,
                                      b->reserved[i].size >> FRAME_SHIFT);
        }
    }
    return e;
}

/* I2: what is copied into the partition goes to its own memory. */
static err_t check_images(const struct check *k, const struct plan_partition *pp)
{
    const struct extent *start = physmap_find(&pp->physmap, gfn_of(pp->start));

    /* It is written through the one extent that it begins in. */
    if (!start || start->type != EXT_RAM ||
        gfn_of(gaddr(pp->start.v + GUEST_START_MAX)).n > start->gfn.n + start->frames)
        return check_fail(k, "I2: %s: its %s does not lie in one extent of its RAM (0x%lx)", pp->m->name,
                          k->p->board->guest->start, pp->start.v);
    for (uint32_t i = 0; i < pp->images; i++) {
        const struct plan_image *im = &pp->image[i];
        uint64_t left = im->room > im->size ? im->room : im->size;

        for (uint64_t at = im->at.v; left;) {
            const struct extent *e = physmap_find(&pp->physmap, gfn_of(gaddr(at)));
            uint64_t n = e ? ((e->gfn.n + e->frames) << FRAME_SHIFT) - at : 0;

            if (!e || (e->type != EXT_RAM && (i < 2 || !im->size || e->type != EXT_RAM_RO)))
                return check_fail(k, "I2: %s: %s does not lie in its RAM (0x%lx)", pp->m->name, im->name, at);
            at += n;
            left = n < left ? left - n : 0;
        }
    }
    return ERR_NONE;
}

/*
 * I5, I7: what the pool must hold; the hypervisor's own spans.
 */

/* Where a span of the hypervisor must lead: to itself, and a stack to its frames in the pool. */
static uint64_t hv_out(const struct check *k, const struct pt_span *s)
{
    uint64_t i = (s->in - HV_STACK_VBASE) / HV_STACK_STRIDE;

    if (s->in < HV_STACK_VBASE)
        return s->in;
    return i < k->p->board->cpus && s->frames == HV_STACK_FRAMES && (i + 1) * HV_STACK_FRAMES <= k->p->hv.cpu_frames
               ? k->p->hv.pool.n + i * HV_STACK_FRAMES
               : UINT64_MAX;
}

static err_t check_pool(const struct check *k)
{
    const struct plan_hypervisor *hv = &k->p->hv;
    uint64_t frames = hv->own_frames + hv->cpu_frames + hv->iommu_frames;

    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++)
        frames += pp->frames.p2m + pp->frames.bfn + pp->frames.scratch + pp->frames.pv;
    if (!is_free_ram(k, hv->pool.n, hv->pool_frames))
        return check_fail(k, "I1: %s: %s is not free memory of the board (0x%lx)", "mullion", "the pool", hv->pool.n);
    for (uint32_t i = 0; i < k->p->board->iommus; i++) {
        if (hv->pool.n + hv->pool_frames > UINT64_C(1) << (k->p->board->iommu[i].out_bits - FRAME_SHIFT))
            return check_fail(k, "I7: %s: %s is out of reach of an IOMMU (0x%lx)", "mullion", "the pool", hv->pool.n);
    }
    if (frames != hv->pool_frames)
        return check_fail(k, "I7: %s: %s is not what all parts need (0x%lx)", "mullion", "the pool", hv->pool_frames);
    for (uint32_t i = 0; i < hv->spans; i++) {
        if (!hv->span[i].rights || !hv->span[i].frames)
            return check_fail(k, "I6: %s: %s has a span without rights or frames (0x%lx)", "mullion",
                              "its address space", hv->span[i].in);
        if (i > 0 && hv->span[i - 1].in + hv->span[i - 1].frames > hv->span[i].in)
            return check_fail(k, "I1: %s: %s has spans that overlap (0x%lx)", "mullion", "its address space",
                              hv->span[i].in);
        if (hv->span[i].out != hv_out(k, &hv->span[i]))
            return check_fail(k, "I1: %s: %s maps another frame than it should (0x%lx)", "mullion", "its address space",
                              hv->span[i].in);
        if ((hv->span[i].rights & (R_WRITE | R_EXEC)) == (R_WRITE | R_EXEC))
            return check_fail(k, "I1: %s: %s is writable and executable (0x%lx)", "mullion", "its address space",
                              hv->span[i].in);
    }
    return ERR_NONE;
}

static err_t check_partition(const struct check *k, const struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->devices && !e; i++)
        e = check_device(k, pp, &pp->device[i]);
    if (!e)
        e = check_reserved(k, pp);
    for (uint32_t i = 0; i < pp->physmap.count && !e; i++)
        e = check_extent(k, pp, &pp->physmap.ext[i]);
    if (!e)
        e = check_spans(k, pp, pp->p2m_span, pp->p2m_spans, false);
    if (!e)
        e = check_spans(k, pp, pp->bfn_span, pp->bfn_spans, true);
    if (!e)
        e = check_maps(k, pp);
    if (!e)
        e = check_images(k, pp);
    return e;
}

err_t check_plan(const struct plan *p, struct arena *a, struct diag *d)
{
    struct check k = {.p = p, .a = a, .d = d};
    err_t e = check_device_owners(&k);

    if (!e)
        e = check_owners(&k);
    for (uint32_t i = 0; i < p->partitions && !e; i++)
        e = check_partition(&k, &p->partition[i]);
    if (!e)
        e = check_quarantine(&k);
    if (!e)
        e = check_lines(&k);
    if (!e)
        e = check_messages(&k);
    if (!e)
        e = check_numbers(&k);
    return e ? e : check_pool(&k);
}
