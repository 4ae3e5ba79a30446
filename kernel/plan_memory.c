/* SPDX-License-Identifier: Apache-2.0 */
/* Machine memory: who has it already, and where the rest of the manifest's regions go. */
#include "plan_private.h"

#include "iommu/kind.h"

#include <string.h>

#define PA_LIMIT     HV_STACK_VBASE
#define FIXED_CLAIMS 4 /* and the ranges that the IOMMUs do not translate */

err_t runs_of_memory(struct runs *l, const struct board *b, uint32_t cuts, struct arena *a, struct diag *d)
{
    l->count = 0;
    l->cap = b->memories + cuts;
    l->run = ARENA_NEW(a, struct run, l->cap, d);
    if (!l->run)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->memories; i++) {
        const struct board_range *m = &b->memory[i];
        struct run r = {frames_of(m->base.v), (m->base.v + m->size) >> FRAME_SHIFT};

        if (r.end > PA_LIMIT || r.end > UINT64_C(1) << (b->pa_bits - FRAME_SHIFT))
            return diag_fail(d, ERR_INVALID,
                             "board: memory %s ends at 0x%lx; addresses below 2^46 are supported, and the CPUs have %u "
                             "bits",
                             m->name, m->base.v + m->size, b->pa_bits);
        if (r.first < r.end)
            l->run[l->count++] = r;
    }
    return ERR_NONE;
}

/* Take c out of every run. When the list is full the upper rest is given up: memory is lost, never given
 * twice. */
void runs_cut(struct runs *l, struct run c)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct run *r = &l->run[i];
        struct run above = {c.end, r->end};

        if (!run_overlaps(*r, c))
            continue;
        r->end = c.first > r->first ? c.first : r->first;
        if (above.first < above.end && r->first == r->end) {
            *r = above;
        } else if (above.first < above.end && l->count < l->cap) {
            memmove(r + 2, r + 1, (l->count - i - 1) * sizeof *r);
            r[1] = above;
            l->count++;
        } else if (r->first == r->end) {
            memmove(r, r + 1, (l->count - i - 1) * sizeof *r);
            l->count--;
            i--;
        }
    }
}

/* The reader has joined adjacent banks. */
static bool board_has_ram(const struct board *b, struct run r)
{
    for (uint32_t i = 0; i < b->memories; i++) {
        uint64_t first = b->memory[i].base.v >> FRAME_SHIFT;

        if (first <= r.first && r.end <= first + (b->memory[i].size >> FRAME_SHIFT))
            return true;
    }
    return false;
}

/* What the board reserves around r; NULL: not all of r is in one such range. */
static const struct board_range *board_reserved(const struct board *b, struct run r)
{
    for (uint32_t i = 0; i < b->reserveds; i++) {
        struct run m = run_touched(b->reserved[i].base, b->reserved[i].size);

        if (m.first <= r.first && r.end <= m.end)
            return &b->reserved[i];
    }
    return NULL;
}

/* Is there memory in r that is firmware's own, whatever other range it lies in? */
static bool board_no_map(const struct board *b, struct run r)
{
    for (uint32_t i = 0; i < b->reserveds; i++) {
        if (b->reserved[i].no_map && run_overlaps(r, run_touched(b->reserved[i].base, b->reserved[i].size)))
            return true;
    }
    return false;
}

/* Refuse r for node when somebody has it. may_reserved: the board's reserved memory does not
 * stand in the way. */
static err_t claim_check(struct plan_ctx *c, dt_node_t node, struct run r, bool may_reserved)
{
    for (uint32_t i = 0; i < c->claims; i++) {
        const struct claim *o = &c->claim[i];

        if (run_overlaps(o->at, r) && !(may_reserved && o->is_reserved))
            return plan_fail(c, node, "machine memory " RUN_FMT " collides with %s%s%s%s at " RUN_FMT, RUN_ARG(r),
                             o->kind, o->name, o->partition ? " of partition " : "", o->partition ? o->partition : "",
                             RUN_ARG(o->at));
    }
    return ERR_NONE;
}

static void claim_add(struct plan_ctx *c, struct claim claim)
{
    if (claim.at.first == claim.at.end)
        return;
    c->claim[c->claims++] = claim;
    runs_cut(&c->free, claim.at);
}

/* Pinned memory of node, which must be RAM of the board. */
static err_t claim_ram(struct plan_ctx *c, dt_node_t node, struct claim claim)
{
    err_t e = claim_check(c, node, claim.at, false);

    if (e)
        return e;
    if (!board_has_ram(c->b, claim.at))
        return plan_fail(c, node, "machine memory " RUN_FMT " is not RAM of the board", RUN_ARG(claim.at));
    claim_add(c, claim);
    return ERR_NONE;
}

/* Memory that is given with what is in it: the board must say that it is reserved, or be said to have left
 * that out. */
static err_t claim_reserved(struct plan_ctx *c, dt_node_t node, struct claim claim, const struct manifest_region *r)
{
    const struct board_range *in = board_reserved(c->b, claim.at);
    const char *other;
    err_t e = claim_check(c, node, claim.at, !r->unlisted);

    if (e)
        return e;
    if (r->unlisted ? !board_has_ram(c->b, claim.at) : !in || (!r->is_boards && board_no_map(c->b, claim.at)))
        return plan_fail(c, node, "reg: " RUN_FMT " is %s", RUN_ARG(claim.at),
                         r->unlisted ? "not RAM of the board"
                         : in        ? "firmware's own (no-map); only a device that the board says uses it brings it"
                                     : "not in one reserved range of the board; say unlisted where firmware omits it");
    other = plan_regs_in(c, NULL, DT_ROOT, claim.at);
    if (other)
        return plan_fail(c, node, "the reserved memory %s at " RUN_FMT " also holds %s", r->name, RUN_ARG(claim.at),
                         other);
    claim_add(c, claim);
    return ERR_NONE;
}

/* What a message about the region points at. */
static dt_node_t region_node(const struct manifest_partition *m, const struct manifest_region *r)
{
    return r->is_boards ? m->node : r->node;
}

/* Where the manifest itself puts a region in machine memory; a shared one lies where /shared says. */
static bool region_is_fixed(const struct manifest_region *r)
{
    return r->type != EXT_SHARED && r->pinned;
}

static err_t claim_region(struct plan_ctx *c, const struct manifest_partition *m, const struct manifest_region *r)
{
    struct run at = {r->mfn.n, r->mfn.n + r->frames};
    struct claim claim = {.at = at, .kind = "region ", .name = r->name, .partition = m->name};
    dt_node_t node = region_node(m, r);

    if (r->type == EXT_RESERVED)
        return claim_reserved(c, node, claim, r);
    if (r->type != EXT_DOORBELL)
        return claim_ram(c, node, claim);
    /* Nobody owns a doorbell: several partitions may write to the same one. */
    if (!board_is_doorbell(c->b, at.first, at.end - at.first))
        return plan_fail(c, node,
                         "reg: " RUN_FMT " is not a doorbell of the board%s; right is the page 0x10000 above the "
                         "start of an arm,gic-v3-its",
                         RUN_ARG(at), board_has_ram(c->b, at) ? " but RAM" : "");
    return ERR_NONE;
}

static err_t claim_fixed(struct plan_ctx *c)
{
    const struct plan_hypervisor *hv = &c->p->hv;
    struct claim fixed[] = {
        {.at = run_touched(hv->image, hv->image_end.v - hv->image.v), .kind = "the hypervisor image", .name = ""},
        {.at = run_touched(hv->bundle, hv->bundle_end.v - hv->bundle.v), .kind = "the bundle", .name = ""},
        {.at = run_touched(hv->arena, hv->arena_end.v - hv->arena.v), .kind = "the hypervisor's arena", .name = ""},
        {.at = run_touched(hv->dtb, hv->dtb_end.v - hv->dtb.v), .kind = "the firmware DTB", .name = ""},
    };

    for (uint32_t i = 0; i < FIXED_CLAIMS; i++) {
        if (fixed[i].at.first < fixed[i].at.end && !board_has_ram(c->b, fixed[i].at))
            return diag_fail(c->d, ERR_INVALID, "%s at " RUN_FMT " is not in RAM of the board", fixed[i].kind,
                             RUN_ARG(fixed[i].at));
        claim_add(c, fixed[i]);
    }
    for (uint32_t i = 0; i < c->b->iommus * IOMMU_EXEMPTS; i++) {
        const struct iommu_kind *kind = c->b->iommu[i / IOMMU_EXEMPTS].kind;
        uint64_t first = kind->exempt[i % IOMMU_EXEMPTS].first;

        claim_add(c, (struct claim){.at = {first, first + kind->exempt[i % IOMMU_EXEMPTS].frames},
                                    .kind = "addresses that are not translated by ",
                                    .name = kind->name});
    }
    for (uint32_t i = 0; i < c->b->reserveds; i++) {
        const struct board_range *r = &c->b->reserved[i];

        claim_add(c, (struct claim){.at = run_touched(r->base, r->size),
                                    .kind = "reserved memory ",
                                    .name = r->name ? r->name : "of the board",
                                    .is_reserved = true});
    }
    return ERR_NONE;
}

static err_t claim_shared(struct plan_ctx *c, uint32_t i)
{
    const struct manifest_shared *s = &c->in->manifest->shared[i];
    struct run at = {s->mfn.n, s->mfn.n + s->frames};

    c->p->shared[i] = mfn_addr(s->mfn);
    return claim_ram(c, s->node, (struct claim){.at = at, .kind = "/shared/", .name = s->name});
}

static bool region_holds(const struct manifest_region *r, struct run at)
{
    return r->type == EXT_RESERVED && r->mfn.n <= at.first && at.end <= r->mfn.n + r->frames;
}

/*
 * One region for what firmware lists several times, once for each device or within another range; none for
 * what the manifest declares.
 */
static void reserved_add(struct plan_partition *pp, const struct board_range *b)
{
    const struct run at = run_touched(b->base, b->size);
    const struct manifest_region new = {.name = b->name,
                                        .node = b->node,
                                        .type = EXT_RESERVED,
                                        .placed = true,
                                        .pinned = true,
                                        .is_boards = true,
                                        .gfn = gfn(at.first),
                                        .mfn = mfn(at.first),
                                        .frames = at.end - at.first,
                                        .cpu = R_READ | R_WRITE,
                                        .dma = R_READ | R_WRITE};
    uint32_t kept = 0;
    bool held = false;

    for (uint32_t i = 0; i < pp->m->regions; i++)
        held |= region_holds(&pp->m->region[i], at);
    for (uint32_t i = 0; i < pp->reserveds; i++)
        held |= region_holds(&pp->reserved[i], at);
    for (uint32_t i = 0; i < pp->reserveds && !held; i++) {
        const struct manifest_region *o = &pp->reserved[i];

        if (!region_holds(&new, (struct run){o->mfn.n, o->mfn.n + o->frames}))
            pp->reserved[kept++] = *o;
    }
    if (held)
        return;
    pp->reserved[kept] = new;
    pp->reserveds = kept + 1;
}

/*
 * I10: the reserved memory of the board that a device of pp uses becomes a region like those that the
 * manifest declares, unless one of those holds it already.
 */
static err_t reserved_find(struct plan_ctx *c, struct plan_partition *pp)
{
    pp->reserved = ARENA_NEW(c->a, struct manifest_region, pp->devices ? c->b->reserveds : 0, c->d);
    if (!pp->reserved)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; pp->devices && i < c->b->reserveds; i++) {
        const struct board_range *b = &c->b->reserved[i];
        enum board_use use = USE_NONE;

        for (uint32_t k = 0; k < pp->devices && use != USE_MOVED; k++) {
            const struct board_requester who = plan_device_requester(c->b, &pp->device[k]);
            enum board_use u = pp->device[k].m->reserved_scratch ? USE_NONE : board_reserved_use(c->b, i, &who);

            use = u > use ? u : use;
        }
        if (use == USE_MOVED)
            return plan_fail(c, pp->m->node,
                             "devices: iommu-addresses of the board's %s is not within its reg, 0x%lx + 0x%lx: such a "
                             "device is given to a partition with reserved = \"scratch\" alone",
                             b->name, b->base.v, b->size);
        if (use)
            reserved_add(pp, b);
    }
    return ERR_NONE;
}

static err_t claim_pinned(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < m->shareds && !e; i++)
        e = m->shared[i].pinned ? claim_shared(c, i) : ERR_NONE;
    for (uint32_t i = 0; i < m->partitions && !e; i++) {
        const struct manifest_partition *q = &m->partition[i];

        for (uint32_t k = 0; k < q->regions && !e; k++)
            e = region_is_fixed(&q->region[k]) ? claim_region(c, q, &q->region[k]) : ERR_NONE;
        for (uint32_t k = 0; k < c->p->partition[i].reserveds && !e; k++)
            e = claim_region(c, q, &c->p->partition[i].reserved[k]);
    }
    return e;
}

err_t plan_memory_claim(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;
    uint32_t regions = 0, most = 0, owners;
    err_t e;

    for (uint32_t i = 0; i < m->partitions; i++) {
        uint32_t n;

        e = reserved_find(c, &c->p->partition[i]);
        if (e)
            return e;
        n = m->partition[i].regions + c->p->partition[i].reserveds;
        regions += n;
        most = n > most ? n : most;
    }
    owners = FIXED_CLAIMS + c->b->iommus * IOMMU_EXEMPTS + c->b->reserveds + m->shareds + regions;
    /*
     * A cut adds one run at the most. A split region uses up all 2 MiB blocks of a run with each piece but
     * its last, and owners + memories runs have such blocks.
     */
    e = runs_of_memory(&c->free, c->b, 2 * owners + c->b->memories, c->a, c->d);
    if (e)
        return e;
    c->claim = ARENA_NEW(c->a, struct claim, owners, c->d);
    c->piece_cap = most + owners + c->b->memories;
    c->piece = ARENA_NEW(c->a, struct piece, c->piece_cap, c->d);
    c->p->shared = ARENA_NEW(c->a, maddr_t, m->shareds, c->d);
    if (!c->claim || !c->piece || !c->p->shared)
        return ERR_NO_SPACE;
    e = claim_fixed(c);
    return e ? e : claim_pinned(c);
}

/* The highest start in r with room for frames whose number is phase modulo align. */
static bool run_fit(const struct run *r, uint64_t frames, uint64_t align, uint64_t phase, uint64_t *start)
{
    uint64_t top = r->end - frames, over = (top - phase) & (align - 1);

    if (r->end - r->first < frames || top - r->first < over)
        return false;
    *start = top - over;
    return true;
}

static bool free_take(struct plan_ctx *c, uint64_t frames, uint64_t align, uint64_t phase, uint64_t *start)
{
    for (uint32_t i = c->free.count; i-- > 0;) {
        if (run_fit(&c->free.run[i], frames, align, phase, start)) {
            runs_cut(&c->free, (struct run){*start, *start + frames});
            return true;
        }
    }
    return false;
}

/* Top down, in blocks of the largest size that helps. phase: the GFN, so that block mappings are possible. */
static bool free_take_best(struct plan_ctx *c, uint64_t frames, uint64_t phase, uint64_t *start)
{
    if (frames >= FRAMES_1G && free_take(c, frames, FRAMES_1G, phase, start))
        return true;
    return free_take(c, frames, frames >= FRAMES_2M ? FRAMES_2M : 1, phase, start);
}

struct free_sum {
    uint64_t largest, total;
};

static struct free_sum free_sum(const struct plan_ctx *c)
{
    struct free_sum s = {0};

    for (uint32_t i = 0; i < c->free.count; i++) {
        uint64_t n = c->free.run[i].end - c->free.run[i].first;

        s.total += n;
        s.largest = n > s.largest ? n : s.largest;
    }
    return s;
}

static err_t free_refuse(struct plan_ctx *c, dt_node_t node, uint64_t frames, struct free_sum s)
{
    return plan_fail(c, node,
                     "asks for %lu KiB of machine memory; the largest free range has %lu KiB, %lu KiB are free in all",
                     frames * 4, s.largest * 4, s.total * 4);
}

err_t plan_memory_place_shared(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;

    for (uint32_t i = 0; i < m->shareds; i++) {
        const struct manifest_shared *s = &m->shared[i];
        uint64_t start;

        if (s->pinned)
            continue;
        if (!free_take_best(c, s->frames, 0, &start))
            return free_refuse(c, s->node, s->frames, free_sum(c));
        c->p->shared[i] = mfn_addr(mfn(start));
    }
    return ERR_NONE;
}

static err_t piece_add(struct plan_ctx *c, const struct manifest_region *r, gfn_t g, uint64_t m, uint64_t frames)
{
    if (c->pieces == c->piece_cap)
        return diag_fail(c->d, ERR_NO_SPACE, "region %s: more than %u pieces of memory", r->name, c->piece_cap);
    c->piece[c->pieces++] = (struct piece){r, g, mfn(m), frames};
    return ERR_NONE;
}

/* The free run that gives most frames in whole 2 MiB blocks (or all that are left to place); 0: none gives
 * any. */
static uint64_t free_largest(const struct plan_ctx *c, uint64_t phase, uint64_t want, uint32_t *at)
{
    uint64_t best = 0;

    for (uint32_t i = c->free.count; i-- > 0;) {
        const struct run *r = &c->free.run[i];
        uint64_t skip = (phase - r->first) & (FRAMES_2M - 1), n = r->end - r->first;

        n = n > skip ? n - skip : 0;
        n = n < want ? ROUND_DOWN(n, FRAMES_2M) : want;
        if (n > best) {
            best = n;
            *at = i;
        }
    }
    return best;
}

/* Several extents, in multiples of 2 MiB, the largest free runs first. */
static err_t region_split(struct plan_ctx *c, dt_node_t node, const struct manifest_region *r)
{
    uint64_t phase = r->gfn.n & (FRAMES_2M - 1), n, start;
    struct free_sum before = free_sum(c);
    uint32_t at = 0;

    for (uint64_t done = 0; done < r->frames; done += n) {
        err_t e;

        n = free_largest(c, phase, r->frames - done, &at);
        if (!n || !run_fit(&c->free.run[at], n, FRAMES_2M, phase, &start))
            return free_refuse(c, node, r->frames, before);
        runs_cut(&c->free, (struct run){start, start + n});
        e = piece_add(c, r, gfn(r->gfn.n + done), start, n);
        if (e)
            return e;
    }
    return ERR_NONE;
}

static err_t region_place_shared(struct plan_ctx *c, dt_node_t node, const struct plan_partition *pp,
                                 const struct manifest_region *r)
{
    mfn_t m = mfn_of(c->p->shared[r->shared - c->in->manifest->shared]);

    if (pp->m->identity)
        return piece_add(c, r, gfn_identity(m), m.n, r->frames);
    if (!r->placed)
        return plan_fail(c, node, "reg: missing; a translated partition says where its memory is");
    return piece_add(c, r, r->gfn, m.n, r->frames);
}

static err_t region_place(struct plan_ctx *c, const struct plan_partition *pp, const struct manifest_region *r)
{
    uint64_t start = r->mfn.n;
    dt_node_t node = region_node(pp->m, r);

    if (r->type == EXT_SHARED)
        return region_place_shared(c, node, pp, r);
    if (region_is_fixed(r))
        return piece_add(c, r, r->placed ? r->gfn : gfn_identity(mfn(start)), start, r->frames);
    if (free_take_best(c, r->frames, r->placed ? r->gfn.n : 0, &start))
        return piece_add(c, r, r->placed ? r->gfn : gfn_identity(mfn(start)), start, r->frames);
    if (pp->m->identity || r->frames < FRAMES_2M)
        return free_refuse(c, node, r->frames, free_sum(c));
    return region_split(c, node, r);
}

err_t plan_memory_place(struct plan_ctx *c, const struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    c->pieces = 0;
    for (uint32_t i = 0; i < pp->m->regions && !e; i++)
        e = region_place(c, pp, &pp->m->region[i]);
    for (uint32_t i = 0; i < pp->reserveds && !e; i++)
        e = region_place(c, pp, &pp->reserved[i]);
    return e;
}
