/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plan must know of a kind of IOMMU, as data: formats, widths, ranges that it does not translate,
 * and the frames that its driver takes. One file for each kind; an image links those of its boards.
 */
#ifndef KERNEL_IOMMU_KIND_H
#define KERNEL_IOMMU_KIND_H

#include "board.h"
#include "p2m/kind.h"

#define IOMMU_EXEMPTS 2

struct iommu_kind {
    const char *name;
    const struct pt_format *format; /* of separate tables */
    const struct verify_format *verify;
    const struct p2m_kind *p2m;  /* what a p2m must be for it to walk it; NULL: it cannot */
    uint8_t root_min[PT_LEVELS]; /* fewest input bits for which a root of this level is taken; 0: never */
    bool vmids;                  /* its domains are VMIDs, of one space with the CPUs' */
    /* BFNs that it does not translate: no memory is placed there (I4 does not hold for them). */
    struct {
        uint64_t first, frames;
    } exempt[IOMMU_EXEMPTS]; /* frames 0: none */
    /* Entries by which a unit remaps interrupts, the first of them the hypervisor's; 0: it does not do it so. */
    uint16_t routes, routes_kept;
    /* Frames that a unit takes of the pool when it is set up, after used ones; the pool begins aligned to them all. */
    uint64_t (*unit_frames)(const struct board_iommu *u, uint64_t used);
    /* And those that its streams take when they get maps: sorted, each of them once; owned of them by partitions. */
    uint64_t (*stream_frames)(const uint32_t *sid, uint32_t count, uint32_t owned);
};

extern const struct iommu_kind iommu_kind_smmuv3; /* stage 2 */
extern const struct iommu_kind iommu_kind_vtd;    /* second level; _snoop: units with ECAP.SC */
extern const struct iommu_kind iommu_kind_vtd_snoop;
extern const struct iommu_kind iommu_kind_amdvi;
extern const struct iommu_kind iommu_kind_ipmmu;

/*
 * The shape of tables for units that take in bits, give out bits and know leaves up to leaf_level: the highest
 * root that the kind takes for so many bits, without concatenation.
 */
struct pt_shape iommu_shape(const struct iommu_kind *k, uint8_t in, uint8_t out, uint8_t leaf_level);

#endif
