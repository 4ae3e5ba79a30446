/* SPDX-License-Identifier: Apache-2.0 */
/* The device-side view of a partition. */
#ifndef KERNEL_IOMMU_BFN_H
#define KERNEL_IOMMU_BFN_H

#include "p2m/pt.h"

/*
 * What devices reach of a physmap: every extent with dma rights, doorbells and reserved regions among them,
 * whatever kind of partition it is. A guest map (BFN == GFN), or the host map (BFN == MFN) of an identity
 * physmap. out: room for p->count. Returns the number of spans, sorted by BFN.
 */
uint32_t bfn_map_spans(const struct physmap *p, bool host, struct pt_span *out);

#endif
