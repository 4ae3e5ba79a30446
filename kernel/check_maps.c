/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of tables and bfn maps as the plan has them: formats, widths, numbers, what sharing gives away. */
#include "check_private.h"

#include "iommu/kind.h"

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

static err_t check_shape(const struct check *k, const struct plan_partition *pp, uint32_t map)
{
    const struct board *b = k->p->board;
    const struct plan_bfn_map *m = &pp->map[map];
    uint8_t in = 64, out = b->pa_bits;

    for (uint32_t i = 0; i < b->iommus; i++) {
        bool used = pp == k->p->quarantine && b->iommu[i].kind == m->kind;

        for (uint32_t n = 0; n < pp->devices && !used; n++)
            used = pp->device[n].is_protected && pp->device[n].map == map && pp->device[n].iommu == i;
        if (!used)
            continue;
        in = b->iommu[i].in_bits < in ? b->iommu[i].in_bits : in;
        out = b->iommu[i].out_bits < out ? b->iommu[i].out_bits : out;
    }
    if (pp->m->shared_tables ? m->shape.in_bits != pp->p2m_shape.in_bits || m->shape.in_bits > in
                             : m->shape.in_bits != most_bits(m->kind, in) || m->shape.out_bits > out)
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
        if (e->type == EXT_EMULATED)
            continue;
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
    return e ? e : check_reach(k, pp, m);
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
    if (!e && pp != k->p->quarantine && pp->p2m != k->p->board->p2m && !(pp->m->shared_tables && pp->maps))
        e = check_fail(k, "I2: %s: %s is not in the format of the CPUs (0x%lx)", pp->m->name, "its p2m", 0);
    return e;
}

/* Bit n of the set; it becomes 1. */
static bool taken(uint64_t *set, uint32_t n)
{
    bool was = set[n / 64] >> n % 64 & 1;

    set[n / 64] |= UINT64_C(1) << n % 64;
    return was;
}

/* The bits that every unit whose domains are of this number space has. */
static uint8_t space_bits(const struct board *b, const struct iommu_kind *kind)
{
    uint8_t bits = kind ? 16 : b->vmid_bits;

    for (uint32_t i = 0; i < b->iommus; i++) {
        if ((kind ? kind == b->iommu[i].kind : b->iommu[i].kind->vmids) && b->iommu[i].domain_bits < bits)
            bits = b->iommu[i].domain_bits;
    }
    return bits;
}

/* A number names one table: cached translations carry it. kind NULL: VMIDs, of p2ms and of bfn maps. */
static err_t check_domains(const struct check *k, const struct iommu_kind *kind, uint64_t *set)
{
    uint32_t limit = UINT32_C(1) << space_bits(k->p->board, kind);

    for (uint32_t i = 0; i < (1u << 16) / 64; i++)
        set[i] = i == 0; /* 0 is nobody's */
    for (uint32_t i = 0; i < k->p->partitions && !kind; i++) {
        const struct plan_partition *pp = &k->p->partition[i];

        if (pp->vmid >= limit || taken(set, pp->vmid))
            return check_fail(k, "I2: %s: %s is another one's or more than the board has (0x%lx)", pp->m->name,
                              "its VMID", pp->vmid);
    }
    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++) {
        for (const struct plan_bfn_map *m = pp->map; m < pp->map + pp->maps; m++) {
            if ((kind ? m->kind == kind : m->kind->vmids) && (m->domain >= limit || taken(set, m->domain)))
                return check_fail(k, "I3: %s: %s is another one's or more than the IOMMU has (0x%lx)", pp->m->name,
                                  "the domain of its bfn map", m->domain);
        }
    }
    return ERR_NONE;
}

/* Tables and scratch patterns have one number each. */
static err_t check_tables(const struct check *k, uint64_t *set, uint64_t *pattern)
{
    uint32_t tables = 1;

    for (const struct plan_partition *pp = k->p->partition; pp <= k->p->quarantine; pp++) {
        if (pp != k->p->quarantine && (pp->p2m_table >= k->p->tables || taken(set, pp->p2m_table)))
            return check_fail(k, "I7: %s: %s has the number of other tables (0x%lx)", pp->m->name, "its p2m",
                              pp->p2m_table);
        tables += pp != k->p->quarantine;
        for (const struct plan_bfn_map *m = pp->map; m < pp->map + pp->maps; m++) {
            if ((!pp->m->shared_tables && taken(set, m->table)) || taken(pattern, m->scratch_id))
                return check_fail(k, "I7: %s: %s has the number of other tables (0x%lx)", pp->m->name, "its bfn map",
                                  m->table);
            tables += !pp->m->shared_tables;
        }
    }
    return tables == k->p->tables
               ? ERR_NONE
               : check_fail(k, "I7: %s: %s are not as many as there are (0x%lx)", "mullion", "tables", k->p->tables);
}

err_t check_numbers(const struct check *k)
{
    const struct board *b = k->p->board;
    uint64_t *set = ARENA_NEW(k->a, uint64_t, (1u << 16) / 64, k->d);
    uint64_t *tables = ARENA_NEW(k->a, uint64_t, k->p->tables / 64 + 1, k->d);
    err_t e = set && tables ? ERR_NONE : ERR_NO_SPACE;

    if (!e) {
        (void)taken(tables, 0); /* the hypervisor's own */
        e = check_tables(k, tables, set);
    }
    if (!e)
        e = check_domains(k, NULL, set);
    for (uint32_t i = 0; i < b->iommus && !e; i++) {
        bool seen = b->iommu[i].kind->vmids;

        for (uint32_t n = 0; n < i; n++)
            seen |= b->iommu[n].kind == b->iommu[i].kind;
        e = seen ? ERR_NONE : check_domains(k, b->iommu[i].kind, set);
    }
    return e;
}
