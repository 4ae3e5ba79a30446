/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables: one builder for every format. A format is data; widths are run-time fields
 * beside it. "Level" counts upwards from the leaf tables:
 *
 *   level 5  [ 128 PiB an entry ]   the root of 64 bits
 *   level 4  [ 256 TiB an entry ]   the root of 57 bits
 *   level 3  [ 512 GiB an entry ]   the root of 48 bits
 *   level 2  [   1 GiB an entry ]   the root of 39 bits
 *   level 1  [   2 MiB an entry ]
 *   level 0  [   4 KiB an entry ]
 *
 * Every table is one frame of 512 entries of 64 bits; a root may be 2..16 adjacent frames
 * (Arm's concatenated tables), which is only more input bits at the root level.
 */
#ifndef KERNEL_P2M_PT_H
#define KERNEL_P2M_PT_H

#include "p2m/extent.h"
#include "pool.h"

#define PT_LEVELS  6
#define PT_BITS    9 /* input bits that one level resolves */
#define PT_ENTRIES 512
#define PT_NONE    UINT64_MAX /* the format cannot say this */

struct pt_range {
    uint8_t min, max;
};

struct pt_format {
    const char *name;
    uint64_t present;              /* an entry is valid when any of these bits is set */
    uint64_t addr;                 /* the address field of leaf and table entries */
    uint64_t kind;                 /* bits that tell a leaf from a table above level 0 */
    uint64_t kind_leaf;            /* their value in a leaf */
    uint64_t ignored;              /* bits that the walker of a device format does not read, for pt_share_refusal */
    struct pt_range in[PT_LEVELS]; /* input bits that a root of each level can have; 0..0: no root there */
    uint64_t table[PT_LEVELS];     /* fixed bits of a table entry at each level */
    uint64_t leaf[PT_LEVELS];      /* fixed bits of a leaf at each level, PT_NONE: no leaf there */
    uint64_t perm[8];              /* by R_READ|R_WRITE|R_EXEC */
    uint64_t mem[MEM_TYPES];
};

/*
 * The formats. What each wants of whoever loads its root is said here; the words are in its file.
 */
/* Arm ARM D8.3: VMSAv8-64 stage 2, 4 KiB granule. For CPUs and for SMMUv3 stage 2. */
extern const struct pt_format pt_format_arm_s2;
/* Arm ARM D8.3: VMSAv8-64 stage 1, EL2 regime, 4 KiB granule; MAIR as in arch/aarch64/mmu.h. */
extern const struct pt_format pt_format_arm_el2;
/* AMD64 long mode, supervisor, global; PAT as for NPT. Where input bit 47 is set, so are those above. */
extern const struct pt_format pt_format_long_mode;
/* SMMUv3 stage 1: nG, user accesses allowed, so nothing for privileged ones alone. MAIR as EL2's. */
extern const struct pt_format pt_format_smmu_s1;
/* R-Car IPMMU-VMSA stage 1 (AArch32 long descriptors), NS set. MAIR0 as EL2's. */
extern const struct pt_format pt_format_ipmmu;
/* AMD64 nested paging; the host PAT has write-back in PA0, UC- in PA2, UC in PA3, as after reset. */
extern const struct pt_format pt_format_npt;
/* The same, with what AMD-Vi reads of such an entry: Next Level, IR, IW, FC. One table for both. */
extern const struct pt_format pt_format_npt_shared;
/* Intel EPT, accessed and dirty flags off. VT-d second level can walk it. */
extern const struct pt_format pt_format_ept;
/* AMD-Vi host tables, paging modes 3-6: root level 2..5. */
extern const struct pt_format pt_format_amdvi;
/* VT-d second level; _snp: leaves of normal memory snoop (only where ECAP.SC is set). */
extern const struct pt_format pt_format_vtd_sl, pt_format_vtd_sl_snp;
/* VT-d first level (scalable mode). The upper half of the canonical addresses stays unmapped. */
extern const struct pt_format pt_format_vtd_fl;

struct pt_shape {
    uint8_t in_bits;    /* input address bits: level 2 32..43, 3 40..48, 4 49..57, 5 64, as the format has it */
    uint8_t out_bits;   /* output address bits: 32..52, as far as the format's address field goes */
    uint8_t root_level; /* 2..5 */
    uint8_t leaf_level; /* the largest leaf: 0 (4 KiB), 1 (2 MiB), 2 (1 GiB) */
};

/* Frames of the root: 1, or 2..16 when in_bits exceeds what one root of its level covers. */
uint64_t pt_root_frames(struct pt_shape s);

/*
 * One run of frames to map. Raw numbers: the input may be a GFN, a BFN or a virtual frame.
 * Or a window, whose leaves are changed at run time (p2m/window.h): nothing is mapped there yet, but
 * every leaf table of level 0 is made. in and frames are multiples of PT_ENTRIES (2 MiB), so that no
 * other span shares these tables; out and mem say nothing.
 */
struct pt_span {
    uint64_t in;
    uint64_t out;
    uint64_t frames;
    uint8_t rights; /* R_*, or PT_WINDOW */
    uint8_t mem;    /* enum mem_type */
};

#define PT_WINDOW 0

struct pt {
    const struct pt_format *format;
    struct pt_shape shape;
    struct pool *pool;
    mfn_t root;
    /* What an entry holds that no span reaches: 0, or the scratch tree (iommu/scratch.h). */
    uint64_t fill[PT_LEVELS];
};

/*
 * Table frames that pt_build will take for these spans, exactly, the root included.
 * spans: sorted by in, no overlap. Does not count the scratch tree, nor what the pool skips to
 * align a root of several frames (at most pt_root_frames - 1).
 */
uint64_t pt_count(struct pt_shape s, const struct pt_span *spans, uint32_t count);

/*
 * Build the tables of spans (sorted by in, no overlap) into frames of t->pool; t->format,
 * t->shape, t->pool and t->fill are the caller's, t->root is the result. Nothing is flushed:
 * cleaning and invalidation are the caller's. Refused, with the span named in d, before any
 * frame is taken: input or output past its bits, rights or memory type that the format
 * cannot say, a window that is not aligned, empty or unsorted spans, a shape that the format
 * does not have, a pool above out_bits. ERR_NO_SPACE: the pool was smaller than pt_count said.
 *
 * Guaranteed: tables other than the root get ascending frames in input order (verify relies
 * on it), and entries of the root above in_bits stay 0, whatever fill says.
 */
err_t pt_build(struct pt *t, const struct pt_span *spans, uint32_t count, struct diag *d);

/* A leaf or table entry of the format, for the scratch tree and for tests. */
uint64_t pt_leaf_entry(const struct pt_format *f, unsigned level, uint64_t out, uint8_t rights, uint8_t mem);
uint64_t pt_table_entry(const struct pt_format *f, unsigned level, mfn_t table);

/*
 * Can an IOMMU that walks tables of format and shape iommu walk the p2m itself, which is of format
 * cpu? NULL: yes, and each span gives a device the rights of the CPU, execution aside. Otherwise
 * the reason, a part of a sentence. Compares every word that the p2m can hold. What sharing makes
 * reachable (MMIO, doorbells, no scratch) is not judged here but by the check of the plan.
 */
const char *pt_share_refusal(const struct pt_format *cpu, struct pt_shape cpu_shape, const struct pt_format *iommu,
                             struct pt_shape iommu_shape, const struct pt_span *spans, uint32_t count);

/* The CPU's view of a physmap: its extents with cpu rights, as spans. out: room for p->count. */
uint32_t physmap_cpu_spans(const struct physmap *p, struct pt_span *out);

#endif
