/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extents and physmaps: the only source of truth about a partition's memory.
 * Page tables are derived from them and never read back to learn a type.
 */
#ifndef KERNEL_P2M_EXTENT_H
#define KERNEL_P2M_EXTENT_H

#include "diag.h"
#include "frame.h"

enum ext_type {
    EXT_RAM,      /* cpu rwx, dma rw (or r, or none: see the manifest's `dma`) */
    EXT_RAM_RO,   /* cpu r-x, dma r */
    EXT_MMIO,     /* cpu rw, device attributes; dma none, rw with `peer-dma` */
    EXT_EMULATED, /* every access traps; no machine frame behind it */
    EXT_SHARED,   /* static memory that several partitions map, as each declares */
    EXT_RESERVED, /* rw for both, BFN == GFN == MFN */
    EXT_DOORBELL, /* MSI target page: cpu none, dma w */
    EXT_TYPES
};

/* Rights; also the index into pt_format.perm. */
#define R_READ  1u
#define R_WRITE 2u
#define R_EXEC  4u

enum mem_type {
    MEM_NORMAL,   /* write-back cacheable, inner shareable */
    MEM_UNCACHED, /* normal, non-cacheable: prefetchable BARs */
    MEM_DEVICE,   /* device, no gathering, no reordering */
    MEM_TYPES
};

struct extent {
    gfn_t gfn;
    mfn_t mfn; /* meaningless for EXT_EMULATED */
    uint64_t frames;
    enum ext_type type;
    uint8_t cpu;      /* R_* of the partition's CPUs */
    uint8_t dma;      /* R_* of the partition's devices */
    uint8_t mem;      /* enum mem_type */
    const char *name; /* for messages: region or device */
};

/* The word used in messages and reports. */
const char *ext_type_name(enum ext_type t);

/*
 * An extent of this type with the rights DESIGN gives it by default; the manifest may lower
 * (or for mmio and shared widen) cpu and dma afterwards.
 */
struct extent ext_make(enum ext_type type, gfn_t g, mfn_t m, uint64_t frames, const char *name);

/* A partition's GFN space: extents sorted by GFN, without overlap; a gap is a hole. */
struct physmap {
    struct extent *ext;
    uint32_t count;
    uint32_t cap; /* the room behind ext, set by its owner */
};

/*
 * Insert e in its place. Refused with a text that names both extents when it overlaps one
 * that is there, when it is empty, when it ends above 2^52 bytes, or when cap is reached.
 */
err_t physmap_add(struct physmap *p, const struct extent *e, struct diag *d);

/* The extent that holds g, or NULL for a hole. O(log n). */
const struct extent *physmap_find(const struct physmap *p, gfn_t g);

#endif
