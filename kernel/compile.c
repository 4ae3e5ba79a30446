/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include "iommu/kind.h"

#include <string.h>

/* The lower layers know spans only: whose table it is comes from here. */
static err_t table_fail(const struct compiled_table *t, struct diag *d)
{
    struct diag why = *d;

    d->text[0] = '\0';
    return diag_fail(d, ERR_INVALID, "%s: %s: %s", t->owner, t->name, why.text);
}

static err_t scratch_make(struct compiled_table *t, uint16_t id, struct diag *d)
{
    err_t e;

    if (!t->scratch_rights)
        return ERR_NONE;
    e = scratch_build(&t->scratch, t->pt.format, t->pt.shape, t->pt.pool, t->scratch_rights, id, d);
    memcpy(t->pt.fill, t->scratch.fill, sizeof t->pt.fill);
    return e;
}

/* Build *t, all but its root and scratch filled in, as number i; it must take what was planned. */
static err_t build(struct compiled *c, uint32_t i, const struct compiled_table *from, uint16_t id, uint64_t planned,
                   struct diag *d)
{
    struct compiled_table *t = &c->table[i];
    err_t e;

    *t = *from;
    t->pt.pool = &c->pool;
    t->first = c->pool.used;
    e = scratch_make(t, id, d);
    if (!e)
        e = pt_build(&t->pt, t->spans, t->count, d);
    t->end = c->pool.used;
    if (!e && t->end - t->first != planned)
        e = diag_fail(d, ERR_INVALID, "%lu frames taken, %lu planned", t->end - t->first, planned);
    return e ? table_fail(t, d) : ERR_NONE;
}

static err_t build_own(struct compiled *c, const struct plan_hypervisor *hv, const struct p2m_kind *kind,
                       struct diag *d)
{
    const struct compiled_table own = {.owner = "hypervisor",
                                       .name = "own tables",
                                       .pt = {.format = kind->format, .shape = hv->shape},
                                       .verify = kind->verify,
                                       .spans = hv->span,
                                       .count = hv->spans};

    return build(c, 0, &own, 0, hv->own_frames, d);
}

static err_t build_p2m(struct compiled *c, const struct plan_partition *pp, struct diag *d)
{
    const struct compiled_table p2m = {.owner = pp->m->name,
                                       .name = "p2m",
                                       .pt = {.format = pp->p2m->format, .shape = pp->p2m_shape},
                                       .verify = pp->p2m->verify,
                                       .spans = pp->p2m_span,
                                       .count = pp->p2m_spans};

    return build(c, pp->p2m_table, &p2m, 0, pp->frames.p2m, d);
}

/* One that shares the p2m is there already. */
static err_t build_map(struct compiled *c, const struct plan_partition *pp, const struct plan_bfn_map *m,
                       struct diag *d)
{
    const struct compiled_table map = {
        .owner = pp->m->name,
        .name = "bfn map",
        .pt = {.format = m->kind->format, .shape = m->shape},
        .verify = m->kind->verify,
        .spans = pp->bfn_span,
        .count = pp->bfn_spans,
        .scratch_rights = !m->scratch                           ? 0
                          : pp->m->unmapped == UNMAPPED_SCRATCH ? R_READ | R_WRITE
                                                                : R_READ,
    };

    return m->frames ? build(c, m->table, &map, m->scratch_id, m->frames + m->scratch, d) : ERR_NONE;
}

static err_t build_partition(struct compiled *c, const struct plan *p, const struct plan_partition *pp, struct diag *d)
{
    err_t e = pp == p->quarantine ? ERR_NONE : build_p2m(c, pp, d);

    for (uint32_t i = 0; i < pp->maps && !e; i++)
        e = build_map(c, pp, &pp->map[i], d);
    return e;
}

err_t compile_tables(struct compiled *t, const struct plan *p, void *mem, struct arena *a, struct diag *d)
{
    const struct plan_hypervisor *hv = &p->hv;
    mfn_t cpu_frames;
    err_t e;

    t->pool = (struct pool){.first = hv->pool, .frames = hv->pool_frames, .mem = mem};
    t->plan = p;
    t->tables = p->tables;
    t->table = ARENA_NEW(a, struct compiled_table, p->tables, d);
    if (t->table == NULL)
        return ERR_NO_SPACE;
    if (!pool_take(&t->pool, hv->cpu_frames, false, &cpu_frames))
        return diag_fail(d, ERR_NO_SPACE, "hypervisor: stacks: %lu frames planned, more are needed", hv->pool_frames);
    e = build_own(t, hv, p->board->own, d);
    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine && !e; pp++)
        e = build_partition(t, p, pp, d);
    return e;
}

err_t compile_verify_table(const struct compiled *c, uint32_t i, struct diag *d)
{
    const struct compiled_table *t = &c->table[i];
    mfn_t first = mfn(c->pool.first.n + t->first);
    const struct pool own = {.first = first, .frames = t->end - t->first, .mem = pool_ptr(&c->pool, first)};
    const struct verify_job j = {
        .format = t->verify,
        .shape = t->pt.shape,
        .pool = &own,
        .root = t->pt.root,
        .spans = t->spans,
        .count = t->count,
        .scratch = t->scratch_rights != 0,
        .scratch_page = t->scratch.page,
        .scratch_rights = t->scratch_rights,
    };

    return verify_tables(&j, d) ? table_fail(t, d) : ERR_NONE;
}

err_t compile_verify(const struct compiled *c, struct diag *d)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < c->tables && !e; i++)
        e = compile_verify_table(c, i, d);
    return e;
}
