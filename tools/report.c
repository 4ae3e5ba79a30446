/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/kind.h"
#include "tool.h"

#include <inttypes.h>

/* "512 MiB"; the largest unit that divides. */
static const char *size_text(uint64_t bytes, char buf[static 24])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;
    while (u < 4 && bytes && bytes % 1024 == 0) {
        bytes /= 1024;
        u++;
    }
    snprintf(buf, 24, "%" PRIu64 " %s", bytes, unit[u]);
    return buf;
}

static const char *rights_text(uint8_t r, char buf[static 4])
{
    buf[0] = r & R_READ ? 'r' : '-';
    buf[1] = r & R_WRITE ? 'w' : '-';
    buf[2] = r & R_EXEC ? 'x' : '-';
    buf[3] = 0;
    return buf;
}

static void range_print(FILE *f, const char *what, maddr_t from, maddr_t to)
{
    char size[24];
    fprintf(f, "  %-11s 0x%010" PRIx64 "  %s\n", what, from.v, size_text(to.v - from.v, size));
}

static void hypervisor_print(FILE *f, const struct system *s)
{
    const struct plan_hypervisor *hv = &s->plan.hv;
    uint64_t shared_out = hv->pool_frames - hv->own_frames - hv->cpu_frames - hv->iommu_frames;
    fprintf(f, "hypervisor (no partition and no protected device reaches it)\n");
    range_print(f, s->hypervisor.file.data ? "image" : "image (?)", hv->image, hv->image_end);
    range_print(f, "bundle", hv->bundle, hv->bundle_end);
    range_print(f, "arena", hv->arena, hv->arena_end);
    range_print(f, "board DTB", hv->dtb, hv->dtb_end);
    range_print(f, "frames", mfn_addr(hv->pool), mfn_addr(mfn(hv->pool.n + hv->pool_frames)));
    fprintf(f,
            "              %" PRIu64 " frames: %" PRIu64 " own tables, %" PRIu64 " CPUs, %" PRIu64 " IOMMUs, %" PRIu64
            " partitions\n",
            hv->pool_frames, hv->own_frames, hv->cpu_frames, hv->iommu_frames, shared_out);
}

static void memory_print(FILE *f, const struct plan_partition *pp)
{
    char size[24], cpu[4], dma[4];
    fprintf(f, "  memory      guest         machine       size      type      CPU DMA  name\n");
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        const struct extent *e = &pp->physmap.ext[i];
        char machine[24] = "-";
        if (e->type != EXT_EMULATED)
            snprintf(machine, sizeof(machine), "0x%010" PRIx64, mfn_addr(e->mfn).v);
        fprintf(f, "              0x%010" PRIx64 "  %-12s  %-8s  %-8s  %s %s  %s\n", gfn_addr(e->gfn).v, machine,
                size_text(e->frames << FRAME_SHIFT, size), ext_type_name(e->type), rights_text(e->cpu, cpu),
                rights_text(e->dma, dma), e->name);
    }
}

/* What a device can do by DMA, in words. */
static void reach_print(FILE *f, const struct board *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    static const char *const elsewhere[] = {
        [UNMAPPED_SCRATCH] = "any other address is the partition's scratch page",
        [UNMAPPED_FAULT] = "any other address faults",
        [UNMAPPED_READ_ONLY_SCRATCH] = "any other address reads the scratch page, and faults when written",
    };
    if (dev->is_protected)
        fprintf(f, "behind the %s at 0x%" PRIx64 " as stream 0x%x, bfn map %u: memory as in column DMA; %s",
                b->iommu[dev->iommu].kind->name, b->iommu[dev->iommu].base.v, dev->sid, dev->map,
                pp->m->scratch_per_device ? "any other address is a scratch page of its own"
                                          : elsewhere[pp->m->unmapped]);
    else if (dev->m->no_dma)
        fprintf(f, "no DMA (the manifest says it is no bus master)");
    else
        fprintf(f, "UNPROTECTED, no IOMMU in front: can reach ALL memory of the board");
    fprintf(f, "%s\n", dev->m->peer_dma ? "; the partition's other devices may DMA to its registers" : "");
}

static void devices_print(FILE *f, const struct plan *p, const struct plan_partition *pp)
{
    char size[24];
    for (uint32_t i = 0; i < pp->devices; i++) {
        const struct plan_device *dev = &pp->device[i];
        fprintf(f, "  device      %s: ", dev->m->name);
        if (dev->m->kind == DEVICE_PCI)
            fprintf(f, "PCI %02x:%02x.%x [%04x:%04x], in the guest 00:%02x.0\n", dev->m->bdf >> 8,
                    dev->m->bdf >> 3 & 31u, dev->m->bdf & 7u, dev->fn->vendor, dev->fn->device, dev->slot);
        else
            fprintf(f, "%s\n", dev->m->path);
        for (unsigned bar = 0; dev->m->kind == DEVICE_PCI && bar < 6; bar++) {
            if (dev->fn->bar[bar].kind == BAR_MEM32 || dev->fn->bar[bar].kind == BAR_MEM64)
                fprintf(f, "              BAR %u at 0x%" PRIx64 ", %s\n", bar, dev->bar[bar].v,
                        size_text(dev->fn->bar[bar].size, size));
        }
        fprintf(f, "              DMA: ");
        reach_print(f, p->board, pp, dev);
    }
}

static void maps_print(FILE *f, const struct plan_partition *pp)
{
    static const char *const maps[] = {[MAP_GUEST] = "guest", [MAP_HOST] = "host", [MAP_PV] = "pv"};
    char size[24];

    for (uint32_t i = 0; i < pp->maps; i++) {
        const struct plan_bfn_map *m = &pp->map[i];

        fprintf(f, "  bfn map %u   %s, %u bits, %s%s%s, domain %u: %s", i, m->kind->name, m->shape.in_bits,
                maps[pp->m->map], m->device ? " of " : "", m->device ? m->device->m->name : "", m->domain,
                pp->m->shared_tables ? "shares the p2m" : "tables of its own");
        if (pp->m->map == MAP_PV)
            fprintf(f, ", window of %s at 0x%" PRIx64, size_text(pp->m->pv_frames << FRAME_SHIFT, size),
                    pp->m->pv.n << FRAME_SHIFT);
        fprintf(f, "\n");
    }
}

static void partition_print(FILE *f, const struct plan *p, const struct plan_partition *pp)
{
    static const char *const unmapped[] = {
        [UNMAPPED_SCRATCH] = "scratch",
        [UNMAPPED_FAULT] = "fault",
        [UNMAPPED_READ_ONLY_SCRATCH] = "read-only-scratch",
    };
    fprintf(f, "\npartition %s (%s, unmapped = \"%s\")\n  CPUs       ", pp->m->name,
            pp->m->identity ? "identity" : "translated", unmapped[pp->m->unmapped]);
    for (uint32_t i = 0; i < pp->cpus; i++)
        fprintf(f, " 0x%" PRIx64, p->board->cpu[pp->cpu[i]].id);
    fprintf(f, "\n");
    memory_print(f, pp);
    devices_print(f, p, pp);
    maps_print(f, pp);
    for (uint32_t i = 0; i < pp->irqs; i++)
        fprintf(f, "  interrupt   %u %s, %s%s\n", pp->irq[i].irq.intid, pp->irq[i].irq.edge ? "edge" : "level",
                pp->irq[i].name, pp->irq[i].virtual_only ? " (no physical line)" : "");
    fprintf(f, "  frames      p2m %" PRIu64 ", bfn map %" PRIu64 ", scratch %" PRIu64 "\n", pp->frames.p2m,
            pp->frames.bfn, pp->frames.scratch);
}

static void shared_print(FILE *f, const struct plan *p)
{
    char size[24], cpu[4], dma[4];
    for (uint32_t i = 0; i < p->manifest->shareds; i++) {
        const struct manifest_shared *sh = &p->manifest->shared[i];
        fprintf(f, "\nshared %s at 0x%" PRIx64 ", %s\n", sh->name, p->shared[i].v,
                size_text(sh->frames << FRAME_SHIFT, size));
        for (uint32_t j = 0; j < p->partitions; j++) {
            const struct plan_partition *pp = &p->partition[j];
            for (uint32_t k = 0; k < pp->physmap.count; k++) {
                const struct extent *e = &pp->physmap.ext[k];
                if (e->type == EXT_SHARED && e->mfn.n == p->shared[i].v >> FRAME_SHIFT)
                    fprintf(f, "  %-11s at guest 0x%" PRIx64 ", CPU %s, DMA %s\n", pp->m->name, gfn_addr(e->gfn).v,
                            rights_text(e->cpu, cpu), rights_text(e->dma, dma));
            }
        }
    }
}

/* The last lines: is anything outside the walls? */
static void verdict_print(FILE *f, const struct plan *p)
{
    uint32_t open = 0;
    fprintf(f, "\n");
    for (uint32_t i = 0; i < p->partitions; i++) {
        for (uint32_t j = 0; j < p->partition[i].devices; j++) {
            const struct plan_device *dev = &p->partition[i].device[j];
            if (dev->is_protected || dev->m->no_dma)
                continue;
            fprintf(f, "NOT CONFINED: %s of %s can reach ALL memory of the board\n", dev->m->name,
                    p->partition[i].m->name);
            open++;
        }
    }
    if (!open)
        fprintf(f, "Every device is confined to its partition's memory.\n");
}

void report_print(FILE *f, const struct system *s)
{
    const struct plan *p = &s->plan;
    hypervisor_print(f, s);
    for (uint32_t i = 0; i < p->partitions; i++)
        partition_print(f, p, &p->partition[i]);
    shared_print(f, p);
    masters_print(f, p);
    verdict_print(f, p);
}
