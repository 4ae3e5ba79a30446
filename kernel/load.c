/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include "arch.h"

#include <string.h>

static void scrub(mfn_t first, uint64_t frames)
{
    void *p = arch_memory(mfn_addr(first));

    memset(p, 0, frames << FRAME_SHIFT);
    arch_clean(p, frames << FRAME_SHIFT);
}

void load_scrub(const struct plan_partition *pp)
{
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        const struct extent *e = &pp->physmap.ext[i];

        if (e->type == EXT_RAM || e->type == EXT_RAM_RO)
            scrub(e->mfn, e->frames);
    }
}

void load_scrub_shared(const struct plan *p)
{
    for (uint32_t i = 0; i < p->manifest->shareds; i++)
        scrub(mfn_of(p->shared[i]), p->manifest->shared[i].frames);
}

/* The check proved that [dst, dst + size) lies in memory of the partition; it may span extents. */
static void copy_in(const struct plan_partition *pp, gaddr_t dst, const uint8_t *src, uint64_t size)
{
    while (size > 0) {
        const struct extent *e = physmap_find(&pp->physmap, gfn_of(dst));
        uint64_t offset = dst.v - gfn_addr(e->gfn).v;
        uint64_t room = (e->frames << FRAME_SHIFT) - offset;
        uint64_t n = size < room ? size : room;
        void *p = (uint8_t *)arch_memory(mfn_addr(e->mfn)) + offset;

        memcpy(p, src, n);
        arch_clean(p, n);
        dst.v += n;
        src += n;
        size -= n;
    }
}

void load_images(const struct plan_partition *pp)
{
    for (uint32_t i = 0; i < pp->images; i++)
        copy_in(pp, pp->image[i].at, pp->image[i].data, pp->image[i].size);
    arch_sync_code();
}

void *load_start_block(const struct plan_partition *pp)
{
    const struct extent *e = physmap_find(&pp->physmap, gfn_of(pp->start));

    return (uint8_t *)arch_memory(mfn_addr(e->mfn)) + (pp->start.v - gfn_addr(e->gfn).v);
}
