/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/bfn.h"

uint32_t bfn_map_spans(const struct physmap *p, bool host, struct pt_span *out)
{
    uint32_t n = 0;
    for (const struct extent *e = p->ext; e < p->ext + p->count; e++) {
        uint8_t rights = e->dma & (R_READ | R_WRITE);
        if (rights == 0 || e->type == EXT_EMULATED)
            continue;
        bfn_t at = host ? bfn_host_map(e->mfn) : bfn_guest_map(e->gfn);
        out[n++] = (struct pt_span){at.n, e->mfn.n, e->frames, rights, e->mem};
    }
    return n;
}
