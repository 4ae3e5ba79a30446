/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scratch page and the tree that leads every hole of a bfn map to it:
 *
 *   table[2] --512x--> table[1] --512x--> table[0] --512x--> page
 *
 * One frame a level serves all holes of that level, so the whole input range resolves in
 * 1 + root_level frames (the root itself belongs to the map).
 */
#ifndef KERNEL_IOMMU_SCRATCH_H
#define KERNEL_IOMMU_SCRATCH_H

#include "p2m/pt.h"

struct scratch {
    mfn_t page;
    mfn_t table[PT_LEVELS];   /* [0 .. root_level - 1] */
    uint64_t fill[PT_LEVELS]; /* for struct pt: what a hole's entry holds at each level */
};

/* Frames that scratch_build takes: 1 + root_level. */
uint64_t scratch_frames(struct pt_shape s);

/* Take and fill the page (pattern of id) and the tree; rights: R_READ, or R_READ | R_WRITE. */
err_t scratch_build(struct scratch *s, const struct pt_format *f, struct pt_shape shape, struct pool *pool,
                    uint8_t rights, uint16_t id, struct diag *d);

/* The word that the pattern of id has at 64-bit word i of the page (0..511). */
uint64_t scratch_word(uint16_t id, unsigned i);

struct scratch_report {
    uint32_t changed;  /* bytes that differ from the pattern; 0: clean */
    uint32_t offset;   /* of the first one */
    uint8_t found[16]; /* the bytes from there on (fewer at the end of the page) */
    uint32_t found_len;
};

/* Compare the page with its pattern, report, and restore the pattern. */
void scratch_audit(void *page, uint16_t id, struct scratch_report *r);

#endif
