/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PV window: a run of BFNs beside the guest map in which a partition says itself what its devices reach.
 *
 *   BFN   first                                        first + frames
 *     ----|--------------------------------------------|----
 *   before|  scratch  |  GFN a..b  |  scratch  | GFN c |  scratch      in each of the partition's bfn maps
 *
 * A guest names GFNs, never MFNs: what is mapped is its own, with no more rights than the manifest gives its
 * devices there; and every BFN that it does not map, or unmaps, leads to scratch, or is a hole where the
 * manifest says `unmapped = "fault"`. So no call creates a faulting address or one outside the partition.
 *
 * An entry goes from one value to the other by a single store, without break-before-make (Arm ARM D8). That is
 * for leaves whose size changes, which never happens here, and so that no two agents see different outputs at a
 * time. Here they may: a device that races with the guest sees the hole or the page, both of them the
 * partition's. A page gives way to another only by way of a hole and an invalidation, since what is mapped
 * cannot be mapped over.
 *
 * Which pages are mapped is in a bitmap; no table is read back. Work per call is bounded by PV_BATCH frames
 * (pv_reset: by the window), a page costs one store in each map.
 */
#ifndef KERNEL_IOMMU_PV_H
#define KERNEL_IOMMU_PV_H

#include "lock.h"
#include "p2m/pt.h"

#define PV_BATCH                512 /* frames of one call, at most */
#define PV_BITMAP_BYTES(frames) ((frames) / 8)

/* One bfn map of the partition, and how the units that walk it forget what they cached of it. */
struct pv_target {
    const struct pt *table;
    bool coherent; /* every unit that walks it snoops */
    /* Returns when it is done. Not asked when nothing was changed; stores are cleaned and published before. */
    err_t (*flush)(void *ctx, struct diag *d);
    void *ctx;
    bool stale; /* changed since it was last flushed */
};

struct pv {
    const struct physmap *physmap;
    bfn_t first; /* the window: multiples of PT_ENTRIES */
    uint64_t frames;
    uint64_t *mapped; /* PV_BITMAP_BYTES(frames): bit i is set while a device may reach what was mapped at first + i */
    struct pv_target *target;
    uint32_t targets;
    struct lock lock;
};

/*
 * frames of BFNs from bfn on, to GFNs from gfn on; pv_unmap does not read gfn and rights. A vector is read
 * twice: it is the hypervisor's own copy, never the guest's memory.
 */
struct pv_op {
    bfn_t bfn;
    gfn_t gfn;
    uint64_t frames;
    uint8_t rights; /* R_READ, or R_READ | R_WRITE */
};

/*
 * All but lock and stale is the caller's, as are the tables, built with the window among their spans; nothing
 * is mapped. Refused, in words: a window that is not whole leaf tables of every map, or meets an extent that
 * devices reach; an extent that one of the maps cannot say.
 */
err_t pv_init(struct pv *pv, struct diag *d);

/*
 * Both take a vector as a whole or, with an error, change nothing; *failed is then the element that was
 * refused. It is count when none was: there is no error, or it is that of a flush.
 *   ERR_INVALID   no frames, or PV_BATCH exceeded with those before; not all in the window; other rights
 *   ERR_NO_SPACE  map: something is mapped there already, or by an element before
 *   ERR_DENIED    map: a GFN is no memory that the partition's devices may use with these rights
 *                 unmap: not mapped, or unmapped by an element before
 * A run of GFNs may go over several extents.
 *
 * What is mapped is visible to devices after the next pv_flush or pv_unmap at the latest.
 *
 * pv_unmap returns after every map has been flushed, each once: no device reaches the pages any more. When a
 * flush fails, its error is returned, all maps are tried nevertheless, and the pages stay marked: no walk
 * finds them, but units that did not answer may still have them cached. Nothing can be mapped there until
 * another pv_unmap of them, or pv_reset, succeeds.
 */
err_t pv_map(struct pv *pv, const struct pv_op *ops, uint32_t count, uint32_t *failed);
err_t pv_unmap(struct pv *pv, const struct pv_op *ops, uint32_t count, uint32_t *failed, struct diag *d);

/* One flush of each map that was changed since its last. */
err_t pv_flush(struct pv *pv, struct diag *d);

/* Unmap all, as pv_unmap does: before the partition's memory is reused. */
err_t pv_reset(struct pv *pv, struct diag *d);

#endif
