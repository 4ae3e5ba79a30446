/* SPDX-License-Identifier: Apache-2.0 */
/* What the board became: printed once, before any partition runs. */
#include "boot.h"

#include "console.h"
#include "iommu/kind.h"

static uint64_t kib(maddr_t from, maddr_t to)
{
    return (to.v - from.v) >> 10;
}

/* I11 holds where the platform remaps: where it does not, that must not pass in silence. */
static void report_interrupts(const struct boot *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct iommu *u = dev->is_protected ? &b->iommu[dev->iommu] : NULL;

    if (pp != b->plan.quarantine && u != NULL && !u->is_amd && !u->vtd_caps.remapping)
        log_line("%s: device %s: INTERRUPTS NOT REMAPPED by its IOMMU: by DMA it could interrupt any CPU, of other "
                 "partitions, too",
                 pp->m->name, dev->m->name);
}

static void report_device(const struct boot *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct board_iommu *u = &b->board.iommu[dev->iommu];

    if (dev->is_protected)
        log_line("%s: device %s: behind %s 0x%lx, as 0x%x; reaches %s", pp->m->name, dev->m->name, u->kind->name,
                 u->base.v, dev->sid,
                 pp == b->plan.quarantine    ? "the quarantine's scratch page"
                 : pp->map[dev->map].scratch ? "this partition's memory and its scratch page"
                                             : "this partition's memory");
    else if (dev->m->unprotected_dma || dev->m->waived)
        log_line("%s: device %s: %s: no IOMMU stands in front; its DMA could reach all memory of the board, "
                 "the hypervisor and the other partitions included",
                 pp->m->name, dev->m->name, dev->m->waived ? "WAIVED" : "UNPROTECTED");
    else if (pp != b->plan.quarantine)
        log_line("%s: device %s: no bus master, as the manifest says", pp->m->name, dev->m->name);
}

static void report_partition(const struct plan_partition *pp)
{
    uint64_t ram = 0;

    for (uint32_t i = 0; i < pp->physmap.count; i++)
        if (pp->physmap.ext[i].type == EXT_RAM || pp->physmap.ext[i].type == EXT_RAM_RO)
            ram += pp->physmap.ext[i].frames;
    log_line("%s: %u CPUs, %lu KiB of memory, %s physmap", pp->m->name, pp->cpus, ram << (FRAME_SHIFT - 10),
             pp->m->identity ? "identity" : "translated");
    log_line("%s: frames p2m=%lu bfn=%lu scratch=%lu", pp->m->name, pp->frames.p2m, pp->frames.bfn, pp->frames.scratch);
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
    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine; pp++) {
        if (pp != b->plan.quarantine)
            report_partition(pp);
        for (uint32_t i = 0; i < pp->devices; i++) {
            report_device(b, pp, &pp->device[i]);
            report_interrupts(b, pp, &pp->device[i]);
        }
    }
}
