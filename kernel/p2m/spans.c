/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

uint32_t physmap_cpu_spans(const struct physmap *p, struct pt_span *out)
{
    uint32_t n = 0;
    for (const struct extent *e = p->ext; e < p->ext + p->count; e++) {
        if (e->cpu == 0 || e->type == EXT_EMULATED)
            continue;
        out[n++] = (struct pt_span){e->gfn.n, e->mfn.n, e->frames, e->cpu, e->mem};
    }
    return n;
}
