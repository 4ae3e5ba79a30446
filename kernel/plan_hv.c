/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's own part of the plan: registers, address space, pool. */
#include "plan_private.h"
#include "sort.h"

#include "iommu/kind.h"
#include "p2m/kind.h"

#include <string.h>

#define IMAGE_SECTIONS 3
#define POOL_ALIGN     32u /* frames: no table or queue asks for more, so that what aligning skips can be counted */

static void own_add(struct plan_ctx *c, maddr_t base, uint64_t size, const char *name)
{
    struct run r = run_touched(base, size);

    c->own[c->owns++] = (struct own){r, r.end - r.first, name};
}

err_t plan_hv_own(struct plan_ctx *c)
{
    const struct board *b = c->b;

    c->own = ARENA_NEW(c->a, struct own, 2 + b->kepts + b->iommus, c->d);
    if (!c->own)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->kepts; i++)
        own_add(c, b->kept[i].base, b->kept[i].size, b->kept[i].name);
    if (b->uart.present && b->uart.size && !plan_node_owner(c, b->uart.node))
        own_add(c, b->uart.base, b->uart.size, "the hypervisor's console UART");
    for (uint32_t i = 0; i < b->iommus; i++)
        own_add(c, b->iommu[i].base, b->iommu[i].size, "an IOMMU");
    if (b->pci.present) {
        own_add(c, b->pci.ecam, b->pci.ecam_size, "PCI configuration space");
        if (c->own[c->owns - 1].mapped > ECAM_FRAMES)
            c->own[c->owns - 1].mapped = ECAM_FRAMES;
    }
    return ERR_NONE;
}

struct spans {
    struct pt_span *span;
    uint32_t count;
};

/* Identity: the input is the machine frame. */
static void span_add(struct spans *l, struct run r, uint8_t rights, uint8_t mem)
{
    if (r.first < r.end)
        l->span[l->count++] = (struct pt_span){r.first, r.first, r.end - r.first, rights, mem};
}

static struct run run_between(maddr_t from, maddr_t to)
{
    return run_touched(from, to.v - from.v);
}

/* RAM without what has rights of its own, and without what must not be mapped. */
static err_t spans_of_ram(struct plan_ctx *c, struct runs *ram)
{
    const struct plan_hypervisor *hv = &c->p->hv;
    err_t e = runs_of_memory(ram, c->b, 3 + c->b->reserveds, c->a, c->d);

    if (e)
        return e;
    runs_cut(ram, run_between(hv->image, hv->image_end));
    runs_cut(ram, run_between(hv->bundle, hv->bundle_end));
    runs_cut(ram, run_between(hv->dtb, hv->dtb_end));
    for (uint32_t i = 0; i < c->b->reserveds; i++) {
        if (c->b->reserved[i].no_map)
            runs_cut(ram, run_touched(c->b->reserved[i].base, c->b->reserved[i].size));
    }
    return ERR_NONE;
}

static err_t spans_check(struct plan_ctx *c, const struct spans *l)
{
    for (uint32_t i = 1; i < l->count; i++) {
        const struct pt_span *a = &l->span[i - 1], *b = &l->span[i];

        if (a->in + a->frames > b->in)
            return diag_fail(
                c->d, ERR_INVALID,
                "board: 0x%lx-0x%lx and 0x%lx-0x%lx (hypervisor image, bundle, DTB, RAM, registers) overlap",
                a->in << FRAME_SHIFT, ((a->in + a->frames) << FRAME_SHIFT) - 1, b->in << FRAME_SHIFT,
                ((b->in + b->frames) << FRAME_SHIFT) - 1);
    }
    if (l->count && l->span[l->count - 1].in + l->span[l->count - 1].frames > HV_STACK_VBASE)
        return diag_fail(c->d, ERR_INVALID, "board: registers at 0x%lx; addresses below 2^46 are supported",
                         l->span[l->count - 1].in << FRAME_SHIFT);
    return ERR_NONE;
}

/* The pages of devices that hold their MSI-X tables: written for their partitions. */
static void spans_of_tables(const struct plan_ctx *c, struct spans *l)
{
    for (uint32_t i = 0; i < c->devices.count; i++) {
        const struct plan_device *dev = c->devices.id[i].dev;
        bool has = dev->fn && dev->fn->msi.entries && c->devices.id[i].pp != c->p->quarantine;
        const struct plan_table t = has ? plan_msix_table(dev->fn) : (struct plan_table){0, 0};
        uint64_t first = has ? (dev->bar[dev->fn->msi.bar].v >> FRAME_SHIFT) + t.skip : 0;

        span_add(l, (struct run){first, first + t.frames}, R_READ | R_WRITE, MEM_DEVICE);
    }
}

/* The address space without `out` of the stacks: table frames depend on where they are mapped only. */
static err_t hv_spans(struct plan_ctx *c)
{
    const struct plan_input *in = c->in;
    struct plan_hypervisor *hv = &c->p->hv;
    struct runs ram;
    struct spans l = {0};
    err_t e = spans_of_ram(c, &ram);

    if (e)
        return e;
    l.span =
        ARENA_NEW(c->a, struct pt_span, ram.count + IMAGE_SECTIONS + 2 + c->owns + c->devices.count + c->b->cpus, c->d);
    if (!l.span)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < c->owns; i++)
        span_add(&l, (struct run){c->own[i].at.first, c->own[i].at.first + c->own[i].mapped}, R_READ | R_WRITE,
                 MEM_DEVICE);
    spans_of_tables(c, &l);
    span_add(&l, run_between(in->image, in->text_end), R_READ | R_EXEC, MEM_NORMAL);
    span_add(&l, run_between(in->text_end, in->rodata_end), R_READ, MEM_NORMAL);
    span_add(&l, run_between(in->rodata_end, in->image_end), R_READ | R_WRITE, MEM_NORMAL);
    span_add(&l, run_between(hv->bundle, hv->bundle_end), R_READ, MEM_NORMAL);
    span_add(&l, run_between(hv->dtb, hv->dtb_end), R_READ, MEM_NORMAL);
    for (uint32_t i = 0; i < ram.count; i++)
        span_add(&l, ram.run[i], R_READ | R_WRITE, MEM_NORMAL);
    sort_by_first(l.span, l.count, sizeof *l.span);
    e = spans_check(c, &l);
    for (uint32_t i = 0; i < c->b->cpus; i++)
        l.span[l.count++] = (struct pt_span){HV_STACK_VBASE + (uint64_t)i * HV_STACK_STRIDE + 1, 0, HV_STACK_FRAMES,
                                             R_READ | R_WRITE, MEM_NORMAL};
    hv->span = l.span;
    hv->spans = l.count;
    return e;
}

/* Frames that the streams of unit u take: those of devices that are not blocked, sorted. */
static uint64_t streams_count(const struct plan_ctx *c, uint32_t u, uint32_t *sid)
{
    uint32_t n = 0, owned = 0;

    for (uint32_t i = 0; i < c->streams.count; i++) {
        const struct device_id *id = &c->streams.id[i];

        if (!id->dev->is_protected || id->dev->iommu != u || (n && sid[n - 1] == id->dev->sid))
            continue;
        sid[n++] = id->dev->sid;
        owned += id->pp != c->p->quarantine;
    }
    return c->b->iommu[u].kind->stream_frames(sid, n, owned);
}

/* Device tables and queues, as they are taken: all units are set up, then their streams get maps. */
static err_t iommu_count(struct plan_ctx *c)
{
    struct plan_hypervisor *hv = &c->p->hv;
    uint32_t *sid = ARENA_NEW(c->a, uint32_t, c->streams.count, c->d);

    if (!sid)
        return ERR_NO_SPACE;
    for (uint32_t u = 0; u < c->b->iommus; u++)
        hv->iommu_frames += c->b->iommu[u].kind->unit_frames(&c->b->iommu[u], hv->pool_frames + hv->iommu_frames);
    for (uint32_t u = 0; u < c->b->iommus; u++)
        hv->iommu_frames += streams_count(c, u, sid);
    return ERR_NONE;
}

static err_t pool_place(struct plan_ctx *c)
{
    struct plan_hypervisor *hv = &c->p->hv;
    uint64_t largest = 0;
    uint8_t bits = c->b->pa_bits; /* that all who walk tables or read queues there have */

    for (uint32_t i = 0; i < c->b->iommus; i++)
        bits = c->b->iommu[i].out_bits < bits ? c->b->iommu[i].out_bits : bits;
    for (uint32_t i = 0; i < c->free.count; i++) {
        struct run r = c->free.run[i];
        uint64_t first = ROUND_UP(r.first, POOL_ALIGN), end = UINT64_C(1) << (bits - FRAME_SHIFT), n;

        end = r.end < end ? r.end : end;
        n = end > first ? end - first : 0;

        if (n >= hv->pool_frames) {
            hv->pool = mfn(first);
            runs_cut(&c->free, (struct run){first, first + hv->pool_frames});
            return ERR_NONE;
        }
        largest = n > largest ? n : largest;
    }
    return diag_fail(
        c->d, ERR_NO_SPACE,
        "the hypervisor needs %lu KiB for page tables, stacks and IOMMU tables; the largest range that the "
        "partitions leave free below 2^%u has %lu KiB",
        hv->pool_frames * 4, bits, largest * 4);
}

mfn_t plan_cpu_frames(const struct plan *p, uint32_t board_cpu)
{
    return mfn(p->hv.pool.n + (uint64_t)p->board->cpus * HV_STACK_FRAMES +
               (uint64_t)board_cpu * p->board->p2m->cpu_frames);
}

mfn_t plan_partition_frames(const struct plan *p, uint32_t partition)
{
    /* Behind those of the last CPU. */
    return mfn(plan_cpu_frames(p, p->board->cpus).n + (uint64_t)partition * p->board->p2m->partition_frames);
}

err_t plan_hv_place(struct plan_ctx *c)
{
    struct plan_hypervisor *hv = &c->p->hv;
    uint64_t later = 0; /* taken when all else is there */
    err_t e = hv_spans(c);

    hv->shape = (struct pt_shape){
        .in_bits = 48, .out_bits = c->b->pa_bits < 48 ? c->b->pa_bits : 48, .root_level = 3, .leaf_level = 2};
    if (e)
        return e;
    hv->own_frames = pt_count(hv->shape, hv->span, hv->spans);
    hv->cpu_frames = (uint64_t)c->b->cpus * (HV_STACK_FRAMES + c->b->p2m->cpu_frames) +
                     (uint64_t)c->p->partitions * c->b->p2m->partition_frames;
    hv->pool_frames = hv->own_frames + hv->cpu_frames;
    /* In the order that they are taken: a root of several frames skips some to be aligned to its size. */
    for (struct plan_partition *pp = c->p->partition; pp <= c->p->quarantine; pp++) {
        uint64_t align = pp == c->p->quarantine ? 1 : pt_root_frames(pp->p2m_shape);

        pp->frames.p2m += ROUND_UP(hv->pool_frames, align) - hv->pool_frames;
        hv->pool_frames += pp->frames.p2m + pp->frames.bfn + pp->frames.scratch;
        later += pp->frames.pv;
    }
    e = iommu_count(c);
    hv->pool_frames += hv->iommu_frames + later;
    if (!e)
        e = pool_place(c);
    for (uint32_t i = 0; i < c->b->cpus; i++)
        hv->span[hv->spans - c->b->cpus + i].out = hv->pool.n + (uint64_t)i * HV_STACK_FRAMES;
    return e;
}
