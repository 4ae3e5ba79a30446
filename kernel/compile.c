/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include "p2m/verify.h"

#include <string.h>

/* Whose table it is; the lower layers know spans only. */
struct owner {
    const char *name, *table;
};

static err_t owner_fail(struct owner o, struct diag *d)
{
    struct diag why = *d;

    d->text[0] = '\0';
    return diag_fail(d, ERR_INVALID, "%s: %s: %s", o.name, o.table, why.text);
}

/* Root frames of a table may have to be skipped to align it; the plan counts what that takes at the most. */
static err_t build(struct pt *t, struct owner o, const struct pt_span *span, uint32_t spans, uint64_t planned,
                   struct diag *d)
{
    uint64_t before = t->pool->used, taken;
    err_t e = pt_build(t, span, spans, d);

    taken = t->pool->used - before;
    if (e == ERR_NONE && planned - taken >= pt_root_frames(t->shape))
        e = diag_fail(d, ERR_INVALID, "%lu frames taken, %lu planned", taken, planned);
    return e == ERR_NONE ? e : owner_fail(o, d);
}

static uint8_t scratch_rights(const struct plan_partition *pp)
{
    return pp->m->unmapped == UNMAPPED_SCRATCH ? R_READ | R_WRITE : R_READ;
}

static err_t build_scratch(struct compiled_partition *t, const struct plan_partition *pp, struct diag *d)
{
    if (pp->frames.scratch == 0)
        return ERR_NONE;
    if (scratch_build(&t->scratch, t->bfn.format, t->bfn.shape, t->bfn.pool, scratch_rights(pp), pp->id, d) != ERR_NONE)
        return owner_fail((struct owner){pp->m->name, "scratch"}, d);
    memcpy(t->bfn.fill, t->scratch.fill, sizeof(t->bfn.fill));
    return ERR_NONE;
}

/* t is zeroed. */
static err_t build_partition(struct compiled_partition *t, const struct plan_partition *pp, struct pool *pool,
                             struct diag *d)
{
    struct owner o = {pp->m->name, "p2m"};
    err_t e;

    t->p2m.format = t->bfn.format = &pt_format_arm_s2;
    t->p2m.pool = t->bfn.pool = pool;
    t->p2m.shape = pp->p2m_shape;
    t->bfn.shape = pp->bfn_shape;
    e = build(&t->p2m, o, pp->p2m_span, pp->p2m_spans, pp->frames.p2m, d);
    if (e != ERR_NONE || !pp->has_bfn_map)
        return e;
    o.table = "bfn map";
    e = build_scratch(t, pp, d);
    return e == ERR_NONE ? build(&t->bfn, o, pp->bfn_span, pp->bfn_spans, pp->frames.bfn, d) : e;
}

static const struct owner own = {"hypervisor", "own tables"};

err_t compile_tables(struct compiled *t, const struct plan *p, void *mem, struct arena *a, struct diag *d)
{
    const struct plan_hypervisor *hv = &p->hv;
    mfn_t stacks;

    t->pool = (struct pool){.first = hv->pool, .frames = hv->pool_frames, .mem = mem};
    t->part = ARENA_NEW(a, struct compiled_partition, p->partitions, d);
    if (t->part == NULL)
        return ERR_NO_SPACE;
    if (!pool_take(&t->pool, hv->cpu_frames, false, &stacks))
        return diag_fail(d, ERR_NO_SPACE, "hypervisor: stacks: %lu frames planned, more are needed", hv->pool_frames);
    t->own = (struct pt){.format = &pt_format_arm_el2, .shape = hv->shape, .pool = &t->pool};
    err_t e = build(&t->own, own, hv->span, hv->spans, hv->el2_frames, d);
    for (uint32_t i = 0; i < p->partitions && e == ERR_NONE; i++)
        e = build_partition(&t->part[i], &p->partition[i], &t->pool, d);
    return e;
}

static err_t verify(const struct pt *t, struct owner o, struct verify_job *j, struct diag *d)
{
    j->shape = t->shape;
    j->pool = t->pool;
    j->root = t->root;
    return verify_tables(j, d) == ERR_NONE ? ERR_NONE : owner_fail(o, d);
}

static err_t verify_partition(const struct compiled_partition *t, const struct plan_partition *pp, struct diag *d)
{
    struct verify_job j = {.format = VERIFY_ARM_S2, .spans = pp->p2m_span, .count = pp->p2m_spans};
    err_t e = verify(&t->p2m, (struct owner){pp->m->name, "p2m"}, &j, d);

    if (e != ERR_NONE || !pp->has_bfn_map)
        return e;
    j.spans = pp->bfn_span;
    j.count = pp->bfn_spans;
    j.scratch = pp->frames.scratch != 0;
    j.scratch_page = t->scratch.page;
    j.scratch_rights = scratch_rights(pp);
    return verify(&t->bfn, (struct owner){pp->m->name, "bfn map"}, &j, d);
}

err_t compile_verify(const struct compiled *t, const struct plan *p, struct diag *d)
{
    struct verify_job j = {.format = VERIFY_ARM_EL2, .spans = p->hv.span, .count = p->hv.spans};
    err_t e = verify(&t->own, own, &j, d);

    for (uint32_t i = 0; i < p->partitions && e == ERR_NONE; i++)
        e = verify_partition(&t->part[i], &p->partition[i], d);
    return e;
}
