/* SPDX-License-Identifier: Apache-2.0 */
/* What manifest_parse accepts is well-formed, as manifest.h says. */
#include "fuzz.h"
#include "manifest.h"

#include <string.h>

#define FRAMES_END (UINT64_C(1) << (64 - FRAME_SHIFT))

static void range_check(const char *name, uint64_t first, uint64_t frames)
{
    FUZZ_MUST(frames && first < FRAMES_END && frames <= FRAMES_END - first, "%s: 0x%lx + 0x%lx", name, first, frames);
}

static void region_check(const struct manifest_partition *pp, const struct manifest_region *r)
{
    range_check(r->name, r->placed ? r->gfn.n : 0, r->frames);
    range_check(r->name, r->pinned ? r->mfn.n : 0, r->frames);
    FUZZ_MUST(r->placed || pp->identity, "%s: has no place", r->name);
    FUZZ_MUST(!pp->identity || r->placed == r->pinned, "%s: guest and machine address differ", r->name);
    FUZZ_MUST(!pp->identity || !r->placed || r->gfn.n == r->mfn.n, "%s: is not identity", r->name);
    FUZZ_MUST((r->type == EXT_SHARED) == (r->shared != NULL), "%s: shared", r->name);
    FUZZ_MUST(!(r->cpu & ~7u) && !(r->dma & ~3u), "%s: rights", r->name);
    FUZZ_MUST(r->type != EXT_RAM_RO || !((r->cpu | r->dma) & R_WRITE), "%s: may be written", r->name);
    FUZZ_MUST(r->type != EXT_SHARED || !(r->dma & R_WRITE & ~r->cpu), "%s: devices write it", r->name);
    FUZZ_MUST(!pp->shared_tables || (r->cpu & ~R_EXEC) == r->dma, "%s: devices may not what the CPUs may", r->name);
    FUZZ_MUST(pp->shared_tables || r->type != EXT_DOORBELL || !r->cpu, "%s: CPUs write it", r->name);
    FUZZ_MUST(!r->placed || !r->dma || !ranges_overlap(r->gfn.n, r->frames, pp->pv.n, pp->pv_frames),
              "%s: overlaps the PV window", r->name);
    for (const struct manifest_region *o = pp->region; o < r; o++)
        FUZZ_MUST(!r->placed || !o->placed || !ranges_overlap(r->gfn.n, r->frames, o->gfn.n, o->frames),
                  "%s overlaps %s", r->name, o->name);
}

static void map_check(const struct manifest_partition *pp)
{
    FUZZ_MUST(pp->map != MAP_HOST || pp->identity, "%s: a host map", pp->name);
    FUZZ_MUST((pp->map == MAP_PV) == (pp->pv_frames != 0), "%s: a PV window", pp->name);
    FUZZ_MUST(pp->pv_frames <= PV_WINDOW_MAX >> FRAME_SHIFT && (pp->pv.n | pp->pv_frames) % 512 == 0,
              "%s: the PV window 0x%lx + 0x%lx", pp->name, pp->pv.n, pp->pv_frames);
    if (pp->map == MAP_PV)
        range_check(pp->name, pp->pv.n, pp->pv_frames);
    FUZZ_MUST((pp->map != MAP_PV && !pp->scratch_per_device) || pp->unmapped == UNMAPPED_SCRATCH, "%s: no scratch",
              pp->name);
    FUZZ_MUST(!pp->shared_tables || pp->unmapped == UNMAPPED_FAULT, "%s: scratch in shared tables", pp->name);
}

static bool is_same_device(const struct manifest_device *d, const struct manifest_device *o)
{
    return o->kind == d->kind && (d->path ? strcmp(o->path, d->path) == 0 : o->bdf == d->bdf);
}

static void device_check(const struct manifest *m, const struct manifest_partition *pp, const struct manifest_device *d)
{
    FUZZ_MUST((d->kind == DEVICE_PLATFORM) == (d->path != NULL), "%s: kind", d->name);
    FUZZ_MUST(!d->unprotected_dma || (pp->identity && !d->no_dma), "%s: unprotected", d->name);
    FUZZ_MUST(!(d->unprotected_dma || d->no_dma) || !(d->reserved_scratch || d->quarantine_scratch), "%s: no IOMMU",
              d->name);
    for (const struct manifest_partition *q = m->partition; q <= pp; q++) {
        for (const struct manifest_device *o = q->device; o < q->device + q->devices && o != d; o++)
            FUZZ_MUST(!is_same_device(d, o), "%s and %s are the same device", d->name, o->name);
    }
    for (uint32_t i = 0; i < m->quarantines; i++)
        FUZZ_MUST(!is_same_device(d, &m->quarantine[i]), "%s is in quarantine", d->name);
}

static void partition_check(const struct manifest *m, const struct manifest_partition *pp)
{
    FUZZ_MUST(*pp->name && strlen(pp->name) <= MANIFEST_NAME_MAX, "name %s", pp->name);
    FUZZ_MUST(pp->cpus && pp->cpus <= MANIFEST_CPUS, "%s: %u CPUs", pp->name, pp->cpus);
    FUZZ_MUST(pp->kernel.file && *pp->kernel.file, "%s: no kernel", pp->name);
    FUZZ_MUST(pp->bootargs && strlen(pp->bootargs) < DT_MAX_SIZE, "%s: bootargs", pp->name);
    for (const struct manifest_partition *q = m->partition; q < pp; q++) {
        FUZZ_MUST(strcmp(q->name, pp->name) != 0, "two partitions %s", q->name);
        for (uint32_t i = 0; i < q->cpus * pp->cpus; i++)
            FUZZ_MUST(q->cpu[i % q->cpus] != pp->cpu[i / q->cpus], "%s: CPU of %s", pp->name, q->name);
    }
    map_check(pp);
    for (uint32_t i = 0; i < pp->regions; i++)
        region_check(pp, &pp->region[i]);
    for (uint32_t i = 0; i < pp->devices; i++)
        device_check(m, pp, &pp->device[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest m = {0};
    struct arena a;
    struct dt dt;
    struct diag d = {{0}};
    void *copy = fuzz_copy(data, size);

    fuzz_arena(&a);
    if (!fuzz_refused(dt_index(&dt, "manifest", copy, size, &a, &d), &d) &&
        !fuzz_refused(manifest_parse(&m, &dt, &a, &d), &d)) {
        FUZZ_MUST(m.partitions && m.partitions <= MANIFEST_PARTITIONS, "%u partitions", m.partitions);
        for (uint32_t i = 0; i < m.shareds; i++)
            range_check(m.shared[i].name, m.shared[i].pinned ? m.shared[i].mfn.n : 0, m.shared[i].frames);
        for (uint32_t i = 0; i < m.partitions; i++)
            partition_check(&m, &m.partition[i]);
    }
    free(copy);
    return 0;
}
