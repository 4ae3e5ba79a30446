/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of docs/model.md, proved on the finished plan. Knows nothing of how it came about. */
#include "check.h"

/* Machine frames [first, end) that somebody has. */
struct held {
    uint64_t first, end;
    const char *who;  /* partition, "mullion" or "shared" */
    const char *what; /* extent */
};

struct check {
    const struct plan *p;
    struct arena *a;
    struct diag *d;
    struct held *held;
    uint32_t count;
};

static err_t fail(const struct check *k, const char *invariant, const char *who, const char *what,
                  const char *why, uint64_t number)
{
    return diag_fail(k->d, ERR_INVALID, "%s: %s: %s %s (0x%lx)", invariant, who, what, why, number);
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

    held_add_bytes(k, hv->image, hv->image_end, "image");
    held_add_bytes(k, hv->bundle, hv->bundle_end, "bundle");
    held_add_bytes(k, hv->dtb, hv->dtb_end, "firmware DTB");
    held_add(k, hv->pool.n, hv->pool_frames, "mullion", "pool");
    for (uint32_t i = 0; i < hv->spans; i++) {
        if (hv->span[i].mem == MEM_DEVICE)
            held_add(k, hv->span[i].out, hv->span[i].frames, "mullion", "registers");
    }
}

/* Is it machine memory or registers that this extent alone reaches? */
static bool extent_is_held(const struct extent *e)
{
    return e->type != EXT_EMULATED && e->type != EXT_SHARED && e->type != EXT_DOORBELL;
}

static err_t held_collect(struct check *k)
{
    const struct plan *p = k->p;
    uint32_t n = 4 + p->hv.spans + p->manifest->shareds;

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
    return ERR_NONE;
}

/* Heap sort: bounded whatever the order, and no recursion. */
static void held_sink(struct held *h, uint32_t root, uint32_t count)
{
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        struct held t = h[root];

        if (child + 1 < count && h[child].first < h[child + 1].first)
            child++;
        if (t.first >= h[child].first)
            return;
        h[root] = h[child];
        h[child] = t;
    }
}

static void held_sort(struct held *h, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        held_sink(h, i, count);
    for (uint32_t i = count; i-- > 1;) {
        struct held t = h[0];

        h[0] = h[i];
        h[i] = t;
        held_sink(h, 0, i);
    }
}

static err_t check_owners(struct check *k)
{
    err_t e = held_collect(k);

    if (e)
        return e;
    held_sort(k->held, k->count);
    for (uint32_t i = 1; i < k->count; i++) {
        const struct held *a = &k->held[i - 1], *b = &k->held[i];

        if (b->first < a->end)
            return diag_fail(k->d, ERR_INVALID, "I1: machine frame 0x%lx has two owners: %s (%s) and %s (%s)",
                             b->first, a->who, a->what, b->who, b->what);
    }
    return ERR_NONE;
}

/* Who holds a frame of [first, first + frames); NULL: nobody. The list is sorted and has no overlap. */
static const struct held *held_find(const struct check *k, uint64_t first, uint64_t frames)
{
    uint32_t low = 0, high = k->count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (k->held[mid].end <= first)
            low = mid + 1;
        else
            high = mid;
    }
    return low < k->count && k->held[low].first < first + frames ? &k->held[low] : NULL;
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
    [EXT_DOORBELL] = {0, R_WRITE},
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

static uint64_t overlap_of(const struct board_range *r, uint64_t from, uint64_t to)
{
    uint64_t first = r->base.v > from ? r->base.v : from;
    uint64_t end = r->base.v + r->size < to ? r->base.v + r->size : to;

    return first < end ? end - first : 0;
}

/* Memory of the board, none of it reserved by firmware. */
static bool is_free_ram(const struct check *k, uint64_t first, uint64_t frames)
{
    const struct board *b = k->p->board;
    uint64_t from = first << FRAME_SHIFT, to = (first + frames) << FRAME_SHIFT, ram = 0;

    for (uint32_t i = 0; i < b->memories; i++)
        ram += overlap_of(&b->memory[i], from, to);
    for (uint32_t i = 0; i < b->reserveds; i++) {
        if (overlap_of(&b->reserved[i], from, to))
            return false;
    }
    return ram == to - from;
}

static err_t check_extent(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    const char *who = pp->m->name;

    if (e->frames == 0 || (unsigned)e->type >= EXT_TYPES)
        return fail(k, "I6", who, e->name, "is an empty extent", e->gfn.n);
    if ((e->type == EXT_RAM || e->type == EXT_RAM_RO) && !is_free_ram(k, e->mfn.n, e->frames))
        return fail(k, "I1", who, e->name, "is not free memory of the board", e->mfn.n);
    if (e->cpu & ~most[e->type].cpu)
        return fail(k, "I2", who, e->name, "gives CPUs more than its type allows", e->cpu);
    if ((e->dma & ~most[e->type].dma) || (e->type == EXT_MMIO && e->dma && !has_peer_dma(pp, e->name)))
        return fail(k, "I3", who, e->name, "gives devices more than its type allows", e->dma);
    if (e->type == EXT_SHARED && !shared_is_declared(k, pp, e))
        return fail(k, "I2", who, e->name, "reaches beyond the shared memory that the manifest declares",
                    e->mfn.n);
    if (e->type == EXT_DOORBELL && held_find(k, e->mfn.n, e->frames))
        return fail(k, "I3", who, e->name, "is a doorbell in frames that have an owner", e->mfn.n);
    if ((e->type == EXT_RESERVED || e->type == EXT_DOORBELL || e->type == EXT_MMIO) && e->gfn.n != e->mfn.n)
        return fail(k, "I10", who, e->name, "does not have GFN == MFN", e->gfn.n);
    if (pp->m->identity && e->type != EXT_EMULATED && e->gfn.n != e->mfn.n)
        return fail(k, "I9", who, e->name, "breaks the identity physmap", e->gfn.n);
    return ERR_NONE;
}

/* Which extents a span is checked against: what it may give at the most. */
typedef uint8_t rights_fn(const struct extent *e);

static uint8_t rights_cpu(const struct extent *e)
{
    return e->cpu;
}

static uint8_t rights_dma(const struct extent *e)
{
    return e->dma;
}

/* Every frame of s lies in an extent at the same distance, with no more rights. x: where the last span ended.
 */
static bool span_is_owned(const struct physmap *m, const struct pt_span *s, rights_fn *rights, uint32_t *x)
{
    uint64_t at = s->in, end = s->in + s->frames;

    while (*x < m->count && m->ext[*x].gfn.n + m->ext[*x].frames <= at)
        ++*x;
    for (uint32_t i = *x; at < end; i++) {
        const struct extent *e = i < m->count ? &m->ext[i] : NULL;

        if (!e || at < e->gfn.n || s->rights & ~rights(e) || e->type == EXT_EMULATED ||
            s->out + (at - s->in) != e->mfn.n + (at - e->gfn.n))
            return false;
        at = e->gfn.n + e->frames;
    }
    return true;
}

static err_t check_spans(const struct check *k, const struct plan_partition *pp, const struct pt_span *span,
                         uint32_t count, rights_fn *rights, const char *invariant, const char *map)
{
    uint64_t last = 0;
    uint32_t x = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct pt_span *s = &span[i];

        if (!s->rights || !s->frames)
            return fail(k, "I6", pp->m->name, map, "has a span without rights or frames", s->in);
        if (s->in < last || s->frames > (UINT64_C(1) << 52) || s->in > (UINT64_C(1) << 52))
            return fail(k, invariant, pp->m->name, map, "has spans out of order", s->in);
        last = s->in + s->frames;
        if (!span_is_owned(&pp->physmap, s, rights, &x))
            return fail(k, invariant, pp->m->name, map, "reaches what the physmap does not give it", s->in);
        if (ranges_overlap(s->out, s->frames, k->p->hv.pool.n, k->p->hv.pool_frames))
            return fail(k, "I5", pp->m->name, map, "reaches the pool, where scratch pages are", s->out);
    }
    return ERR_NONE;
}

/*
 * I8, I9: devices.
 */

static err_t check_stream(const struct check *k, const struct plan_partition *pp,
                          const struct plan_device *dev)
{
    const struct board *b = k->p->board;

    if (dev->smmu >= b->smmus ||
        (b->smmu[dev->smmu].sid_bits < 32 && dev->sid >> b->smmu[dev->smmu].sid_bits))
        return fail(k, "I8", pp->m->name, dev->m->name, "has a stream that no SMMU has", dev->sid);
    for (const struct plan_partition *q = k->p->partition; q < pp; q++) {
        for (uint32_t i = 0; i < q->devices; i++) {
            if (q->device[i].is_protected && q->device[i].smmu == dev->smmu && q->device[i].sid == dev->sid)
                return fail(k, "I8", pp->m->name, dev->m->name,
                            "has the stream of another partition's device", dev->sid);
        }
    }
    return pp->has_bfn_map ? ERR_NONE : fail(k, "I8", pp->m->name, dev->m->name, "has no bfn map", dev->sid);
}

static err_t check_device(const struct check *k, const struct plan_partition *pp,
                          const struct plan_device *dev)
{
    bool has_dma = !dev->m->no_dma || dev->m->kind == DEVICE_PCI;

    if (dev->is_protected)
        return check_stream(k, pp, dev);
    if (has_dma && !(pp->m->identity && dev->m->unprotected_dma))
        return fail(k, "I9", pp->m->name, dev->m->name,
                    "is unprotected, in a partition that is not identity or does not say so", dev->sid);
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

static err_t check_reserved(const struct check *k, const struct plan_partition *pp)
{
    for (uint32_t i = 0; i < pp->m->regions; i++) {
        const struct manifest_region *r = &pp->m->region[i];
        const struct extent *e = physmap_find(&pp->physmap, r->gfn);

        if (r->type != EXT_RESERVED)
            continue;
        if (!e || e->type != EXT_RESERVED || e->gfn.n != r->gfn.n || e->frames != r->frames)
            return fail(k, "I10", pp->m->name, r->name, "is not in the physmap as declared", r->gfn.n);
        if (!spans_have(pp->p2m_span, pp->p2m_spans, e))
            return fail(k, "I10", pp->m->name, r->name, "is not in the p2m, readable and writable", r->gfn.n);
        if (pp->has_bfn_map && !spans_have(pp->bfn_span, pp->bfn_spans, e))
            return fail(k, "I10", pp->m->name, r->name, "is not in the bfn map, readable and writable",
                        r->gfn.n);
    }
    return ERR_NONE;
}

/*
 * I11: interrupts and CPUs; identifiers.
 */

static err_t check_irqs(const struct check *k, const struct plan_partition *pp, uint32_t *owner)
{
    for (uint32_t i = 0; i < pp->irqs; i++) {
        uint32_t intid = pp->irq[i].irq.intid;

        if (pp->irq[i].virtual_only)
            continue;
        if (intid < 32 || intid >= 1020)
            return fail(k, "I11", pp->m->name, pp->irq[i].name, "has an INTID that is no SPI", intid);
        if (owner[intid])
            return fail(k, "I11", pp->m->name, pp->irq[i].name, "has an interrupt that has an owner already",
                        intid);
        owner[intid] = pp->id + 1u;
    }
    return ERR_NONE;
}

static err_t check_cpus(const struct check *k, const struct plan_partition *pp, bool *taken)
{
    for (uint32_t i = 0; i < pp->cpus; i++) {
        uint32_t cpu = pp->cpu[i];

        if (cpu >= k->p->board->cpus || taken[cpu])
            return fail(k, "I11", pp->m->name, "CPU", "is not on the board or has an owner already", cpu);
        taken[cpu] = true;
    }
    return pp->cpus ? ERR_NONE : fail(k, "I11", pp->m->name, "the partition", "has no CPU", 0);
}

/* Registers that the hypervisor does not map belong to someone else: a UART given away, with its interrupt.
 */
static bool hv_maps(const struct plan *p, maddr_t a)
{
    for (uint32_t i = 0; i < p->hv.spans; i++) {
        if (p->hv.span[i].in <= a.v >> FRAME_SHIFT &&
            a.v >> FRAME_SHIFT < p->hv.span[i].in + p->hv.span[i].frames)
            return true;
    }
    return false;
}

static err_t check_lines(const struct check *k)
{
    const struct board *b = k->p->board;
    uint32_t *owner = ARENA_NEW(k->a, uint32_t, 1024, k->d);
    bool *taken = ARENA_NEW(k->a, bool, b->cpus, k->d);
    err_t e = owner && taken ? ERR_NONE : ERR_NO_SPACE;

    if (e)
        return e;
    if (b->uart.present && hv_maps(k->p, b->uart.base))
        owner[b->uart.irq.intid & 1023u] = UINT32_MAX;
    for (uint32_t i = 0; i < b->smmus; i++)
        owner[b->smmu[i].eventq.intid & 1023u] = owner[b->smmu[i].gerror.intid & 1023u] = UINT32_MAX;
    for (uint32_t i = 0; i < k->p->partitions && !e; i++) {
        e = check_irqs(k, &k->p->partition[i], owner);
        if (!e)
            e = check_cpus(k, &k->p->partition[i], taken);
    }
    return e;
}

/* A VMID names one table: TLB entries of the CPUs and of the SMMUs carry it. */
static err_t check_vmids(const struct check *k)
{
    uint8_t used[256] = {1}; /* 0 is nobody's */

    for (uint32_t i = 0; i < k->p->partitions; i++) {
        const struct plan_partition *pp = &k->p->partition[i];

        if (pp->vmid > 255 || used[pp->vmid]++)
            return fail(k, "I2", pp->m->name, "its VMID", "is another one's or above 255", pp->vmid);
        if (pp->bfn_vmid > 255 || used[pp->bfn_vmid]++)
            return fail(k, "I3", pp->m->name, "the VMID of its bfn map", "is another one's or above 255",
                        pp->bfn_vmid);
    }
    return ERR_NONE;
}

/*
 * I5, I7: what the pool must hold; the hypervisor's own spans.
 */

static err_t check_pool(const struct check *k)
{
    const struct plan_hypervisor *hv = &k->p->hv;
    uint64_t frames = hv->el2_frames + hv->cpu_frames + hv->smmu_frames;

    for (uint32_t i = 0; i < k->p->partitions; i++) {
        const struct plan_partition *pp = &k->p->partition[i];
        bool scratch = pp->has_bfn_map && pp->m->unmapped != UNMAPPED_FAULT;

        if (scratch != (pp->frames.scratch != 0))
            return fail(k, "I5", pp->m->name, "the partition",
                        "has no scratch page of its own, or one too many", pp->frames.scratch);
        frames += pp->frames.p2m + pp->frames.bfn + pp->frames.scratch;
    }
    if (!is_free_ram(k, hv->pool.n, hv->pool_frames))
        return fail(k, "I1", "mullion", "the pool", "is not free memory of the board", hv->pool.n);
    if (frames != hv->pool_frames)
        return fail(k, "I7", "mullion", "the pool", "is not what all parts need", hv->pool_frames);
    for (uint32_t i = 0; i < hv->spans; i++) {
        if (!hv->span[i].rights || !hv->span[i].frames)
            return fail(k, "I6", "mullion", "its address space", "has a span without rights or frames",
                        hv->span[i].in);
        if (i > 0 && hv->span[i - 1].in + hv->span[i - 1].frames > hv->span[i].in)
            return fail(k, "I1", "mullion", "its address space", "has spans that overlap", hv->span[i].in);
        if ((hv->span[i].rights & (R_WRITE | R_EXEC)) == (R_WRITE | R_EXEC))
            return fail(k, "I1", "mullion", "its address space", "is writable and executable",
                        hv->span[i].in);
    }
    return ERR_NONE;
}

static err_t check_partition(const struct check *k, const struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->physmap.count && !e; i++)
        e = check_extent(k, pp, &pp->physmap.ext[i]);
    if (!e)
        e = check_spans(k, pp, pp->p2m_span, pp->p2m_spans, rights_cpu, "I2", "the p2m");
    if (!e)
        e = check_spans(k, pp, pp->bfn_span, pp->bfn_spans, rights_dma, "I3", "the bfn map");
    if (!e)
        e = check_reserved(k, pp);
    for (uint32_t i = 0; i < pp->devices && !e; i++)
        e = check_device(k, pp, &pp->device[i]);
    return e;
}

err_t check_plan(const struct plan *p, struct arena *a, struct diag *d)
{
    struct check k = {.p = p, .a = a, .d = d};
    err_t e = check_owners(&k);

    for (uint32_t i = 0; i < p->partitions && !e; i++)
        e = check_partition(&k, &p->partition[i]);
    if (!e)
        e = check_lines(&k);
    if (!e)
        e = check_vmids(&k);
    return e ? e : check_pool(&k);
}
