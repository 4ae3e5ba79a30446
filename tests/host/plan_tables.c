/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_tables.h"

#include "iommu/scratch.h"

#include <stdlib.h>
#include <string.h>

static struct plan_table *table_add(struct plan_tables *t, const char *owner, const char *name, struct verify_job job)
{
    struct plan_table *n = &t->table[t->count++];

    job.pool = &t->pool;
    *n = (struct plan_table){.owner = owner, .name = name, .job = job, .first = t->pool.used};
    return n;
}

static err_t table_build(struct plan_tables *t, struct plan_table *n, const struct pt_format *format,
                         const struct scratch *s, struct diag *d)
{
    struct pt pt = {.format = format, .shape = n->job.shape, .pool = &t->pool};
    err_t e;

    memcpy(pt.fill, s->fill, sizeof pt.fill);
    e = pt_build(&pt, n->job.spans, n->job.count, d);
    n->job.root = pt.root;
    n->end = t->pool.used;
    return e;
}

static err_t partition_build(struct plan_tables *t, const struct plan_partition *pp, struct diag *d)
{
    struct scratch s = {0};
    struct plan_table *n =
        table_add(t, pp->m->name, "p2m",
                  (struct verify_job){
                      .format = VERIFY_ARM_S2, .shape = pp->p2m_shape, .spans = pp->p2m_span, .count = pp->p2m_spans});
    uint64_t used = t->pool.used;
    uint8_t rights = R_READ | (pp->m->unmapped == UNMAPPED_SCRATCH ? R_WRITE : 0);
    err_t e = table_build(t, n, &pt_format_arm_s2, &s, d);

    if (!e && t->pool.used - used != pp->frames.p2m)
        return diag_fail(d, ERR_INVALID, "%s: p2m takes %lu frames", pp->m->name, t->pool.used - used);
    if (e || !pp->has_bfn_map)
        return e;
    used = t->pool.used;
    n = table_add(t, pp->m->name, "bfn map",
                  (struct verify_job){.format = VERIFY_ARM_S2,
                                      .shape = pp->bfn_shape,
                                      .spans = pp->bfn_span,
                                      .count = pp->bfn_spans,
                                      .scratch = pp->m->unmapped != UNMAPPED_FAULT,
                                      .scratch_rights = rights});
    if (n->job.scratch)
        e = scratch_build(&s, &pt_format_arm_s2, pp->bfn_shape, &t->pool, rights, pp->id, d);
    n->job.scratch_page = s.page;
    if (!e)
        e = table_build(t, n, &pt_format_arm_s2, &s, d);
    if (!e && t->pool.used - used != pp->frames.bfn + pp->frames.scratch)
        return diag_fail(d, ERR_INVALID, "%s: bfn map takes %lu frames", pp->m->name, t->pool.used - used);
    return e;
}

err_t plan_tables_build(struct plan_tables *t, const struct plan *p, struct diag *d)
{
    const struct plan_hypervisor *hv = &p->hv;
    struct scratch none = {0};
    struct plan_table *n;
    mfn_t first;
    err_t e;

    *t = (struct plan_tables){.pool = {.first = hv->pool, .frames = hv->pool_frames}};
    t->pool.mem = aligned_alloc(4096, hv->pool_frames * FRAME_SIZE);
    if (!t->pool.mem || !pool_take(&t->pool, hv->cpu_frames, false, &first))
        return ERR_NO_SPACE;
    n = table_add(t, "mullion", "own tables",
                  (struct verify_job){.format = VERIFY_ARM_EL2,
                                      .shape = {48, p->board->pa_bits < 48 ? p->board->pa_bits : 48, 3, 2},
                                      .spans = hv->span,
                                      .count = hv->spans});
    e = table_build(t, n, &pt_format_arm_el2, &none, d);
    for (uint32_t i = 0; i < p->partitions && !e; i++)
        e = partition_build(t, &p->partition[i], d);
    if (!e && (!pool_take(&t->pool, hv->iommu_frames, false, &first) || t->pool.used != t->pool.frames))
        e = diag_fail(d, ERR_INVALID, "the tables take %lu of %lu frames", t->pool.used, t->pool.frames);
    return e;
}

void plan_tables_free(struct plan_tables *t)
{
    free(t->pool.mem);
    *t = (struct plan_tables){0};
}
