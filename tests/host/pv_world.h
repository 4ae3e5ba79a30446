/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition with a PV window in several bfn maps, and what independently of kernel/iommu/pv.c says what its
 * calls must do: a plain list of pages, and of each map what its IOMMU has cached and what has been cleaned.
 * Each call is compared with the list, then every table is verified against it. For tests and fuzz targets.
 */
#ifndef HOST_PV_WORLD_H
#define HOST_PV_WORLD_H

#include "iommu/pv.h"
#include "iommu/scratch.h"
#include "p2m/verify.h"

#define PV_WORLD_FIRST   0x13fe00u /* crosses 5 GiB: two tables of level 1 */
#define PV_WORLD_FRAMES  1024u
#define PV_WORLD_TARGETS 4
#define PV_WORLD_POOL    48u /* frames of one map */
#define PV_WORLD_EXTENTS 14u

/* Kinds of maps: format, shape, coherent or not. */
enum { PV_ARM, PV_ARM_WIDE, PV_SMMU_S1, PV_IPMMU, PV_AMDVI, PV_AMDVI_64, PV_VTD_SL, PV_VTD_SNP, PV_VTD_FL, PV_KINDS };

struct pv_world_page {
    bool marked; /* mapped, or was and a flush failed since */
    bool mapped;
    uint64_t mfn;
    uint8_t rights, mem;
};

struct pv_world_target {
    struct pv_world *world;
    const struct verify_format *verify;
    struct pool pool;
    struct pt pt;
    struct scratch scratch;
    bool stale, fail;                               /* stale: as the list says; fail: the next flushes do */
    uint32_t flushes;                               /* in this call */
    uint64_t *leaf[PV_WORLD_FRAMES / 512];          /* the window's leaf tables */
    uint64_t seen[PV_WORLD_FRAMES];                 /* leaves that the IOMMU may have cached */
    uint8_t memory[PV_WORLD_POOL << FRAME_SHIFT];   /* what was cleaned, where the IOMMU does not snoop */
    uint8_t pristine[PV_WORLD_POOL << FRAME_SHIFT]; /* as built */
    _Alignas(4096) uint8_t mem[PV_WORLD_POOL << FRAME_SHIFT];
};

struct pv_world {
    struct physmap physmap;
    struct extent ext[PV_WORLD_EXTENTS];
    struct pv pv;
    struct pv_target list[PV_WORLD_TARGETS];
    uint64_t bitmap[PV_BITMAP_BYTES(PV_WORLD_FRAMES) / sizeof(uint64_t)];
    struct pv_world_target target[PV_WORLD_TARGETS];
    uint8_t scratch_rights; /* 0: holes are not present */
    struct pv_world_page page[PV_WORLD_FRAMES];
    uint64_t publishes; /* arch_host.publishes when the call began */
    bool unpublished;   /* cleaned, not published yet */
    struct diag broken; /* the first promise that was not held */
};

/* kind: of each target. Ends with a text in broken when something is wrong already. */
void pv_world_init(struct pv_world *w, const uint8_t *kind, unsigned kinds, uint8_t scratch_rights);

/* Each: the call, compared, then everything checked. */
err_t pv_world_map(struct pv_world *w, const struct pv_op *ops, uint32_t count, uint32_t *failed);
err_t pv_world_unmap(struct pv_world *w, const struct pv_op *ops, uint32_t count, uint32_t *failed);
err_t pv_world_flush(struct pv_world *w);
err_t pv_world_reset(struct pv_world *w);

/* One of these calls, chosen by numbers below n that the caller gives. */
typedef uint32_t pv_world_below(void *ctx, uint32_t n);
void pv_world_step(struct pv_world *w, pv_world_below *below, void *ctx);

/* Everything unmapped by a flush that works: all is as it was built. */
void pv_world_end(struct pv_world *w);

#endif
