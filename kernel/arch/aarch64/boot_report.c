/* SPDX-License-Identifier: Apache-2.0 */
/* What the board became: printed once, before any partition runs. */
#include "boot.h"

static uint64_t kib(maddr_t from, maddr_t to)
{
    return (to.v - from.v) >> 10;
}

static void report_device(const struct boot *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    if (dev->is_protected) {
        log_line("%s: device %s: behind SMMU 0x%lx, stream 0x%x; reaches this partition's memory%s", pp->m->name,
                 dev->m->name, b->board.iommu[dev->iommu].base.v, dev->sid,
                 pp->map[dev->map].scratch ? " and its scratch page" : "");
    } else if (dev->m->unprotected_dma) {
        log_line("%s: device %s: UNPROTECTED: no IOMMU stands in front; its DMA could reach all memory of the board, "
                 "the hypervisor and the other partitions included",
                 pp->m->name, dev->m->name);
    } else {
        log_line("%s: device %s: no bus master, as the manifest says", pp->m->name, dev->m->name);
    }
}

static void report_partition(const struct boot *b, const struct plan_partition *pp)
{
    uint64_t ram = 0;

    for (uint32_t i = 0; i < pp->physmap.count; i++)
        if (pp->physmap.ext[i].type == EXT_RAM || pp->physmap.ext[i].type == EXT_RAM_RO)
            ram += pp->physmap.ext[i].frames;
    log_line("%s: %u CPUs, %lu KiB of memory, %s physmap", pp->m->name, pp->cpus, ram << (FRAME_SHIFT - 10),
             pp->m->identity ? "identity" : "translated");
    log_line("%s: frames p2m=%lu bfn=%lu scratch=%lu", pp->m->name, pp->frames.p2m, pp->frames.bfn, pp->frames.scratch);
    for (uint32_t i = 0; i < pp->devices; i++)
        report_device(b, pp, &pp->device[i]);
}

/* What no partition owns is blocked, but for these. */
static void report_quarantine(const struct boot *b)
{
    const struct plan_partition *q = b->plan.quarantine;

    for (const struct plan_device *dev = q->device; dev < q->device + q->devices; dev++) {
        if (dev->is_protected)
            log_line("%s: device %s: behind SMMU 0x%lx, stream 0x%x; reaches the quarantine's scratch page", q->m->name,
                     dev->m->name, b->board.iommu[dev->iommu].base.v, dev->sid);
        else if (dev->m->waived)
            log_line("%s: device %s: WAIVED: no IOMMU stands in front; its DMA could reach all memory of the board",
                     q->m->name, dev->m->name);
    }
}

void boot_report(const struct boot *b)
{
    const struct plan_hypervisor *hv = &b->plan.hv;
    uint64_t image = kib(hv->image, hv->image_end), bundle = kib(hv->bundle, hv->bundle_end);
    uint64_t pool = hv->pool_frames << (FRAME_SHIFT - 10), arena = kib(hv->arena, hv->arena_end);

    log_line("memory: hypervisor %lu KiB (image %lu, pool %lu, bundle %lu, arena %lu), arena %lu of %lu "
             "bytes used",
             image + pool + bundle + arena, image, pool, bundle, arena, (uint64_t)b->arena.used,
             (uint64_t)b->arena.size);
    log_line("tables: verified, %lu frames", b->tables.pool.used);
    for (uint32_t i = 0; i < b->board.iommus; i++)
        if (b->board.iommu[i].eventq.intid == 0)
            log_line("SMMU 0x%lx: the board gives its event queue no interrupt: faults are contained, but not told",
                     b->board.iommu[i].base.v);
    for (uint32_t i = 0; i < b->plan.partitions; i++)
        report_partition(b, &b->plan.partition[i]);
    report_quarantine(b);
}
