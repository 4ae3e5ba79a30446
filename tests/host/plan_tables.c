/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_tables.h"

#include <stdlib.h>
#include <string.h>

err_t plan_tables_build(struct compiled *t, const struct plan *p, struct arena *a, struct diag *d)
{
    size_t size = p->hv.pool_frames * FRAME_SIZE;
    uint64_t left = p->hv.iommu_frames;
    void *mem = aligned_alloc(FRAME_SIZE, size);
    err_t e;

    memset(mem, 0x5a, size); /* whoever takes a frame clears it */
    *t = (struct compiled){0};
    e = compile_tables(t, p, mem, a, d);
    t->pool.mem = mem;
    for (uint32_t i = 0; i < p->partitions; i++)
        left += p->partition[i].frames.pv;
    if (!e && t->pool.used + left != t->pool.frames)
        e = diag_fail(d, ERR_INVALID, "the tables take %lu of %lu frames", t->pool.used, t->pool.frames);
    return e;
}

void plan_tables_free(struct compiled *t)
{
    free(t->pool.mem);
    *t = (struct compiled){0};
}
