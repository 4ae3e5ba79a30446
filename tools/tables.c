/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "iommu/scratch.h"
#include "p2m/verify.h"

#include <stdlib.h>

static err_t p2m_check(const struct plan_partition *pp, struct pool *pool, struct diag *d)
{
    struct pt t = {.format = &pt_format_arm_s2, .shape = pp->p2m_shape, .pool = pool};
    err_t e = pt_build(&t, pp->p2m_span, pp->p2m_spans, d);
    if (e != ERR_NONE)
        return e;
    struct verify_job j = {.format = VERIFY_ARM_S2,
                           .shape = pp->p2m_shape,
                           .pool = pool,
                           .root = t.root,
                           .spans = pp->p2m_span,
                           .count = pp->p2m_spans};
    return verify_tables(&j, d);
}

static err_t bfn_check(const struct plan_partition *pp, struct pool *pool, struct diag *d)
{
    if (!pp->has_bfn_map)
        return ERR_NONE;
    struct pt t = {.format = &pt_format_arm_s2, .shape = pp->bfn_shape, .pool = pool};
    struct verify_job j = {.format = VERIFY_ARM_S2,
                           .shape = pp->bfn_shape,
                           .pool = pool,
                           .spans = pp->bfn_span,
                           .count = pp->bfn_spans};
    err_t e;
    if (pp->m->unmapped != UNMAPPED_FAULT) {
        struct scratch s;
        j.scratch = true;
        j.scratch_rights = R_READ | (pp->m->unmapped == UNMAPPED_SCRATCH ? R_WRITE : 0);
        e = scratch_build(&s, t.format, t.shape, pool, j.scratch_rights, pp->id, d);
        if (e != ERR_NONE)
            return e;
        j.scratch_page = s.page;
        for (unsigned level = 0; level < PT_LEVELS; level++)
            t.fill[level] = s.fill[level];
    }
    e = pt_build(&t, pp->bfn_span, pp->bfn_spans, d);
    if (e != ERR_NONE)
        return e;
    j.root = t.root;
    return verify_tables(&j, d);
}

err_t tables_check(const struct plan *p, struct diag *d)
{
    for (uint32_t i = 0; i < p->partitions; i++) {
        const struct plan_partition *pp = &p->partition[i];
        /* Roots are aligned to their size, at the most 16 frames each. */
        uint64_t frames = pp->frames.p2m + pp->frames.bfn + pp->frames.scratch + 32;
        struct pool pool = {.first = mfn((p->hv.pool.n + 15) & ~UINT64_C(15)),
                            .frames = frames,
                            .mem = aligned_alloc(FRAME_SIZE, frames * FRAME_SIZE)};
        if (!pool.mem)
            return diag_fail(d, ERR_NO_SPACE, "no memory for %llu table frames", (unsigned long long)frames);
        err_t e = p2m_check(pp, &pool, d);
        if (e == ERR_NONE)
            e = bfn_check(pp, &pool, d);
        free(pool.mem);
        if (e != ERR_NONE)
            return e;
    }
    return ERR_NONE;
}
