/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/extent.h"

#include <string.h>

#define EXT_END (UINT64_C(1) << (52 - FRAME_SHIFT)) /* frames below 2^52 bytes */

struct ext_rule {
    const char *name;
    uint8_t cpu, dma, mem;
};

/* The table of docs/model.md, columns "CPU" and "device". */
static const struct ext_rule ext_rules[EXT_TYPES] = {
    [EXT_RAM] = {"ram", R_READ | R_WRITE | R_EXEC, R_READ | R_WRITE, MEM_NORMAL},
    [EXT_RAM_RO] = {"ram-ro", R_READ | R_EXEC, R_READ, MEM_NORMAL},
    [EXT_MMIO] = {"mmio", R_READ | R_WRITE, 0, MEM_DEVICE},
    [EXT_EMULATED] = {"emulated", 0, 0, MEM_DEVICE},
    [EXT_SHARED] = {"shared", R_READ | R_WRITE, 0, MEM_NORMAL},
    [EXT_RESERVED] = {"reserved", R_READ | R_WRITE, R_READ | R_WRITE, MEM_NORMAL},
    [EXT_DOORBELL] = {"doorbell", 0, R_WRITE, MEM_DEVICE},
};

const char *ext_type_name(enum ext_type t)
{
    return (unsigned)t < EXT_TYPES ? ext_rules[t].name : "unknown";
}

struct extent ext_make(enum ext_type type, gfn_t g, mfn_t m, uint64_t frames, const char *name)
{
    const struct ext_rule *r = &ext_rules[type];
    return (struct extent){
        .gfn = g,
        .mfn = m,
        .frames = frames,
        .type = type,
        .cpu = r->cpu,
        .dma = r->dma,
        .mem = r->mem,
        .name = name,
    };
}

/* Index of the first extent that ends above g. */
static uint32_t physmap_seek(const struct physmap *p, gfn_t g)
{
    uint32_t low = 0;
    uint32_t high = p->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->ext[mid].gfn.n + p->ext[mid].frames <= g.n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool range_fits(uint64_t first, uint64_t frames)
{
    return first < EXT_END && frames <= EXT_END - first;
}

err_t physmap_add(struct physmap *p, const struct extent *e, struct diag *d)
{
    const char *type = ext_type_name(e->type);

    if (e->frames == 0)
        return diag_fail(d, ERR_INVALID, "extent %s (%s, GFN 0x%lx) is empty; it needs at least one frame", e->name,
                         type, e->gfn.n);
    if (!range_fits(e->gfn.n, e->frames) || (e->type != EXT_EMULATED && !range_fits(e->mfn.n, e->frames)))
        return diag_fail(d, ERR_INVALID,
                         "extent %s (%s, GFN 0x%lx, MFN 0x%lx, 0x%lx frames) ends above 2^52 bytes (frame 0x%lx)",
                         e->name, type, e->gfn.n, e->mfn.n, e->frames, EXT_END);

    uint32_t at = physmap_seek(p, e->gfn);
    const struct extent *next = &p->ext[at];
    if (at < p->count && ranges_overlap(e->gfn.n, e->frames, next->gfn.n, next->frames))
        return diag_fail(d, ERR_INVALID,
                         "extent %s (%s, GFN 0x%lx-0x%lx) overlaps extent %s (%s, GFN 0x%lx-0x%lx); move or shrink one",
                         e->name, type, e->gfn.n, e->gfn.n + e->frames - 1, next->name, ext_type_name(next->type),
                         next->gfn.n, next->gfn.n + next->frames - 1);
    if (p->count >= p->cap)
        return diag_fail(d, ERR_NO_SPACE, "extent %s (%s, GFN 0x%lx): all %u extents of the physmap are in use",
                         e->name, type, e->gfn.n, p->cap);

    memmove(&p->ext[at + 1], &p->ext[at], (p->count - at) * sizeof *p->ext);
    p->ext[at] = *e;
    p->count++;
    return ERR_NONE;
}

const struct extent *physmap_find(const struct physmap *p, gfn_t g)
{
    uint32_t at = physmap_seek(p, g);
    return at < p->count && p->ext[at].gfn.n <= g.n ? &p->ext[at] : NULL;
}
