/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of tables and bfn maps as the plan has them: formats, widths, numbers, what sharing gives away. */
#include "check_private.h"

#include "iommu/kind.h"
#include "sort.h"

/*
 * I4: input bits.
 */

/* The most bits up to in that one root of the kind's tables takes. */
static uint8_t most_bits(const struct iommu_kind *kind, uint8_t in)
{
    for (; in; in--) {
        for (unsigned level = 0; level < PT_LEVELS; level++) {
            if (kind->root_min[level] && kind->root_min[level] <= in && in <= FRAME_SHIFT + 9 * (level + 1))
                return in;
        }
    }
    return 0;
}

/* No more bits than the unit takes and gives, no larger leaves than it walks. */
static void narrow(const struct board_iommu *u, uint8_t *in, uint8_t *out, uint8_t *leaf)
{
    *leaf = u->leaf_level < *leaf ? u->leaf_level : *leaf;
    *in = u->in_bits < *in ? u->in_bits : *in;
    *out = u->out_bits < *out ? u->out_bits : *out;
}

static err_t check_shape(const struct check *k, const struct plan_partition *pp, uint32_t map)
{
    const struct board *b = k->p->board;
    const struct plan_bfn_map *m = &pp->map[map];
    const struct plan_device *only = m->device;
    uint8_t in = 64, out = b->pa_bits, leaf = 2;

    for (uint32_t i = 0; i < b->iommus && pp == k->p->quarantine; i++) {
        if (b->iommu[i].kind == m->kind)
            narrow(&b->iommu[i], &in, &out, &leaf);
    }
    for (const struct plan_device *dev = only ? only : pp->device; dev < (only ? only + 1 : pp->device + pp->devices);
         dev++) {
        if (dev->is_protected && dev->map == map)
            narrow(&b->iommu[dev->iommu], &in, &out, &leaf);
    }
    if ((pp->m->shared_tables ? m->shape.in_bits != pp->p2m_shape.in_bits || m->shape.in_bits > in
                              : m->shape.in_bits != most_bits(m->kind, in)) ||
        m->shape.out_bits > out || m->shape.leaf_level > leaf)
        return check_fail(k, "I4: %s: %s does not have the bits that its IOMMU takes and gives (%lu bits)", pp->m->name,
                          "the bfn map", m->shape.in_bits);
    return ERR_NONE;
}

/*
 * I3: what no IOMMU translates, and what sharing gives away.
 */

static bool is_exempt(const struct iommu_kind *kind, uint64_t first, uint64_t frames)
{
    for (unsigned i = 0; i < IOMMU_EXEMPTS; i++) {
        if (ranges_overlap(first, frames, kind->exempt[i].first, kind->exempt[i].frames))
            return true;
    }
    return false;
}

static err_t check_reach(const struct check *k, const struct plan_partition *pp, const struct plan_bfn_map *m)
{
    for (const struct extent *e = pp->physmap.ext; e < pp->physmap.ext + pp->physmap.count; e++) {
        if (e->dma && e->type != EXT_MMIO && is_exempt(m->kind, e->gfn.n, e->frames))
            return check_fail(k, "I3: %s: %s lies where the IOMMU does not translate (GFN 0x%lx)", pp->m->name, e->name,
                              e->gfn.n);
        if (pp->m->shared_tables && (e->cpu & (R_READ | R_WRITE)) != e->dma)
            return check_fail(k,
                              "I3: %s: %s is not for devices what it is for CPUs, and they share a table (GFN 0x%lx)",
                              pp->m->name, e->name, e->gfn.n);
    }
    if (pp->m->map == MAP_PV && is_exempt(m->kind, pp->m->pv.n, pp->m->pv_frames))
        return check_fail(k, "I3: %s: %s lies where the IOMMU does not translate (BFN 0x%lx)", pp->m->name, "pv-window",
                          pp->m->pv.n);
    return ERR_NONE;
}

err_t check_exempt_ram(const struct check *k, const struct plan_partition *pp, const struct extent *e)
{
    for (uint32_t i = 0; i < k->p->board->iommus; i++) {
        if ((e->type == EXT_RAM || e->type == EXT_RAM_RO) && is_exempt(k->p->board->iommu[i].kind, e->mfn.n, e->frames))
            return check_fail(k, "I4: %s: %s lies where an IOMMU does not translate (MFN 0x%lx)", pp->m->name, e->name,
                              e->mfn.n);
    }
    return ERR_NONE;
}

/*
 * I5, I7: scratch, frames, numbers.
 */

static err_t check_map(const struct check *k, const struct plan_partition *pp, uint32_t map)
{
    const struct plan_bfn_map *m = &pp->map[map];
    bool shared = pp->m->shared_tables, scratch = !shared && pp->m->unmapped != UNMAPPED_FAULT;
    const char *why = NULL;
    err_t e;

    if (scratch != (m->scratch != 0))
        why = "I5: %s: %s has no scratch page of its own, or one too many (0x%lx)";
    if (shared ? m->kind->p2m != pp->p2m || m->table != pp->p2m_table || m->frames
               : !m->frames || m->table == pp->p2m_table || m->table >= k->p->tables)
        why = "I3: %s: %s is not what its partition says of shared tables (0x%lx)";
    if (pp->m->map == MAP_HOST && !pp->m->identity)
        why = "I3: %s: %s is a host map, and the physmap is not identity (0x%lx)";
    if (why)
        return check_fail(k, why, pp->m->name, "a bfn map", map);
    e = check_shape(k, pp, map);
    return e || (map && m->kind == m[-1].kind) ? e : check_reach(k, pp, m);
}

err_t check_maps(const struct check *k, const struct plan_partition *pp)
{
    uint64_t frames = 0, scratch = 0, bitmap = pp->m->map == MAP_PV && pp->maps ? (pp->m->pv_frames + 7) / 8 : 0;
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->maps && !e; i++) {
        frames += pp->map[i].frames;
        scratch += pp->map[i].scratch;
        e = check_map(k, pp, i);
    }
    if (!e && (frames != pp->frames.bfn || scratch != pp->frames.scratch || pp->frames.pv != frames_of(bitmap)))
        e = check_fail(k, "I7: %s: %s are not what its bfn maps need (0x%lx)", pp->m->name, "its frames",
                       pp->frames.bfn);
    if (!e && pp != k->p->quarantine && pp->p2m != k->p->board->p2m &&
        !(pp->m->shared_tables && pp->maps && pp->p2m->plain == k->p->board->p2m))
        e = check_fail(k, "I2: %s: %s is not in the format of the CPUs (0x%lx)", pp->m->name, "its p2m", 0);
    return e;
}

/*
 * Numbers that name one thing each: tables, scratch patterns, and whom a cached translation belongs to.
 */

/* VMIDs are of p2ms and of bfn maps; from SPACE_KIND on: domains of the kind that board.iommu[i] is the first of. */
enum { SPACE_TABLE, SPACE_SCRATCH, SPACE_VMID, SPACE_KIND };

/* What a number is for, as messages have it. */
static const struct role {
    const char *fmt, *what;
} p2m_vmid = {"I2: %s: %s is another one's or more than the board has (0x%lx)", "its VMID"},
  map_domain = {"I3: %s: %s is another one's or more than the IOMMU has (0x%lx)", "the domain of its bfn map"},
  p2m_table = {"I7: %s: %s has the number of other tables (0x%lx)", "its p2m"},
  map_table = {"I7: %s: %s has the number of other tables (0x%lx)", "its bfn map"};

struct number {
    uint64_t key; /* space, number, place in the plan */
    const struct plan_partition *pp;
    const struct role *role;
};

struct numbers {
    const struct check *k;
    struct number *n;
    uint32_t count;
};

#define NUMBER_KEY(space, number, place) ((uint64_t)(space) << 52 | (uint64_t)(number) << 20 | (place))

static err_t number_fail(const struct numbers *l, const struct number *n)
{
    return check_fail(l->k, n->role->fmt, n->pp->m->name, n->role->what, n->key >> 20 & UINT32_MAX);
}

/* 0 is the hypervisor's own, or nobody's, but where patterns are counted. */
static err_t number_add(struct numbers *l, uint32_t space, uint32_t number, uint32_t limit,
                        const struct plan_partition *pp, const struct role *role)
{
    struct number *n = &l->n[l->count];

    *n = (struct number){NUMBER_KEY(space, number, l->count), pp, role};
    l->count++;
    return number < limit && (number || space == SPACE_SCRATCH) ? ERR_NONE : number_fail(l, n);
}

/* How many numbers the space of a kind has (NULL: VMIDs): as many as every unit of it. */
static uint32_t space_limit(const struct board *b, const struct iommu_kind *kind)
{
    uint8_t bits = kind ? 16 : b->vmid_bits;

    for (uint32_t i = 0; i < b->iommus; i++) {
        if ((kind ? kind == b->iommu[i].kind : b->iommu[i].kind->vmids) && b->iommu[i].domain_bits < bits)
            bits = b->iommu[i].domain_bits;
    }
    return UINT32_C(1) << bits;
}

static err_t numbers_of_map(struct numbers *l, const struct plan_partition *pp, const struct plan_bfn_map *m)
{
    const struct plan *p = l->k->p;
    const struct iommu_kind *kind = m->kind->vmids ? NULL : m->kind;
    uint32_t space = SPACE_VMID;
    err_t e;

    for (uint32_t i = 0; kind && i < p->board->iommus && space == SPACE_VMID; i++)
        space = p->board->iommu[i].kind == kind ? SPACE_KIND + i : space;
    e = number_add(l, space, m->domain, space_limit(p->board, kind), pp, &map_domain);
    if (!e)
        e = number_add(l, SPACE_SCRATCH, m->scratch_id, UINT32_MAX, pp, &map_table);
    return e || pp->m->shared_tables ? e : number_add(l, SPACE_TABLE, m->table, p->tables, pp, &map_table);
}

static err_t numbers_of_p2m(struct numbers *l, const struct plan_partition *pp)
{
    const struct plan *p = l->k->p;
    err_t e = number_add(l, SPACE_VMID, pp->vmid, space_limit(p->board, NULL), pp, &p2m_vmid);

    return e ? e : number_add(l, SPACE_TABLE, pp->p2m_table, p->tables, pp, &p2m_table);
}

err_t check_numbers(const struct check *k)
{
    uint32_t most = 2 * k->p->partitions, tables = 1;
    struct numbers l = {.k = k};
    err_t e = ERR_NONE;

    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++)
        most += 3 * pp->maps;
    l.n = ARENA_NEW(k->a, struct number, most, k->d);
    if (!l.n)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < k->p->partitions && !e; i++)
        e = numbers_of_p2m(&l, &k->p->partition[i]);
    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine && !e; pp++) {
        for (uint32_t i = 0; i < pp->maps && !e; i++)
            e = numbers_of_map(&l, pp, &pp->map[i]);
    }
    sort_by_first(l.n, l.count, sizeof *l.n);
    for (const struct number *n = l.n; n < l.n + l.count && !e; n++) {
        if (n > l.n && n->key >> 20 == n[-1].key >> 20)
            e = number_fail(&l, n);
        tables += n->key < NUMBER_KEY(SPACE_SCRATCH, 0, 0);
    }
    return e || tables == k->p->tables
               ? e
               : check_fail(k, "I7: %s: %s are not as many as there are (0x%lx)", "mullion", "tables", k->p->tables);
}
