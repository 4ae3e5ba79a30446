/* SPDX-License-Identifier: Apache-2.0 */
/* Machine memory: who has it already, and where the rest of the manifest's regions go. */
#include "plan_private.h"

#include "fmt.h"

#include <string.h>

#define PA_LIMIT     (UINT64_C(1) << (47 - FRAME_SHIFT)) /* the stacks' area begins there */
#define FIXED_CLAIMS 3

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

        if (r.end > PA_LIMIT)
            return diag_fail(d, ERR_INVALID,
                             "board: memory %s ends at 0x%lx; addresses below 2^47 are supported", m->name,
                             m->base.v + m->size);
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

static bool board_has_reserved(const struct board *b, struct run r)
{
    for (uint32_t i = 0; i < b->reserveds; i++) {
        struct run m = run_touched(b->reserved[i].base, b->reserved[i].size);

        if (m.first <= r.first && r.end <= m.end)
            return true;
    }
    return false;
}

/* A doorbell is the page that an ITS translates from (IHI 0069, 12.9: GITS_TRANSLATER), never its control
 * page. */
static bool board_has_doorbell(struct plan_ctx *c, struct run r)
{
    const struct dt *dt = c->b->dt;
    dt_node_t n = DT_NONE;

    while ((n = dt_first_compatible(dt, n, "arm,gic-v3-its")) != DT_NONE) {
        struct diag quiet = {{0}};
        uint64_t base, size;
        bool exists;

        if (dt_is_enabled(dt, n) && !dt_reg(dt, n, 0, &base, &size, &exists, &quiet) && exists &&
            size >= 0x20000 && r.first == (base + 0x10000) >> FRAME_SHIFT && r.end - r.first <= 16)
            return true;
    }
    return false;
}

/* Refuse r for the node at path when somebody has it. may_reserved: the board's reserved memory does not
 * stand in the way. */
static err_t claim_check(struct plan_ctx *c, const char *path, struct run r, bool may_reserved)
{
    for (uint32_t i = 0; i < c->claims; i++) {
        const struct claim *o = &c->claim[i];

        if (run_overlaps(o->at, r) && !(may_reserved && o->is_reserved))
            return diag_fail(c->d, ERR_INVALID,
                             "%s: machine memory " RUN_FMT " collides with %s%s%s%s at " RUN_FMT, path,
                             RUN_ARG(r), o->kind, o->name, o->partition ? " of partition " : "",
                             o->partition ? o->partition : "", RUN_ARG(o->at));
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

/* Pinned memory of the node at path, which must be RAM of the board. */
static err_t claim_ram(struct plan_ctx *c, const char *path, struct claim claim)
{
    err_t e = claim_check(c, path, claim.at, false);

    if (e)
        return e;
    if (!board_has_ram(c->b, claim.at))
        return diag_fail(c->d, ERR_INVALID, "%s: machine memory " RUN_FMT " is not RAM of the board", path,
                         RUN_ARG(claim.at));
    claim_add(c, claim);
    return ERR_NONE;
}

static err_t claim_reserved(struct plan_ctx *c, const char *path, struct claim claim)
{
    err_t e = claim_check(c, path, claim.at, true);

    if (e)
        return e;
    if (!board_has_ram(c->b, claim.at) && !board_has_reserved(c->b, claim.at))
        return diag_fail(c->d, ERR_INVALID,
                         "%s: reg: " RUN_FMT " is neither RAM nor reserved memory of the board", path,
                         RUN_ARG(claim.at));
    claim_add(c, claim);
    return ERR_NONE;
}

static void region_path(char *buf, size_t size, const struct manifest_partition *m,
                        const struct manifest_region *r)
{
    fmt_print(buf, size, "/partitions/%s/memory/%s", m->name, r->name);
}

/* Where the manifest itself puts a region in machine memory; a shared one lies where /shared says. */
static bool region_is_fixed(const struct manifest_region *r)
{
    return r->type != EXT_SHARED && r->pinned;
}

static err_t claim_region(struct plan_ctx *c, const struct manifest_partition *m,
                          const struct manifest_region *r)
{
    struct run at = {r->mfn.n, r->mfn.n + r->frames};
    struct claim claim = {.at = at, .kind = "region ", .name = r->name, .partition = m->name};
    char path[96];

    region_path(path, sizeof path, m, r);
    if (r->type == EXT_RESERVED)
        return claim_reserved(c, path, claim);
    if (r->type != EXT_DOORBELL)
        return claim_ram(c, path, claim);
    /* Nobody owns a doorbell: several partitions may write to the same one. */
    if (!board_has_doorbell(c, at))
        return diag_fail(c->d, ERR_INVALID,
                         "%s: reg: " RUN_FMT
                         " is not a doorbell of the board%s; right is the page 0x10000 above the "
                         "start of an arm,gic-v3-its",
                         path, RUN_ARG(at), board_has_ram(c->b, at) ? " but RAM" : "");
    return ERR_NONE;
}

static void claim_fixed(struct plan_ctx *c)
{
    const struct plan_hypervisor *hv = &c->p->hv;
    struct claim fixed[] = {
        {.at = run_touched(hv->image, hv->image_end.v - hv->image.v),
         .kind = "the hypervisor image",
         .name = ""},
        {.at = run_touched(hv->bundle, hv->bundle_end.v - hv->bundle.v), .kind = "the bundle", .name = ""},
        {.at = run_touched(hv->dtb, hv->dtb_end.v - hv->dtb.v), .kind = "the firmware DTB", .name = ""},
    };

    for (uint32_t i = 0; i < FIXED_CLAIMS; i++)
        claim_add(c, fixed[i]);
    for (uint32_t i = 0; i < c->b->reserveds; i++) {
        const struct board_range *r = &c->b->reserved[i];

        claim_add(c, (struct claim){.at = run_touched(r->base, r->size),
                                    .kind = "reserved memory ",
                                    .name = r->name ? r->name : "of the board",
                                    .is_reserved = true});
    }
}

static err_t claim_shared(struct plan_ctx *c, uint32_t i)
{
    const struct manifest_shared *s = &c->in->manifest->shared[i];
    struct run at = {s->mfn.n, s->mfn.n + s->frames};
    char path[48];

    fmt_print(path, sizeof path, "/shared/%s", s->name);
    c->p->shared[i] = mfn_addr(s->mfn);
    return claim_ram(c, path, (struct claim){.at = at, .kind = "/shared/", .name = s->name});
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
    }
    return e;
}

err_t plan_memory_claim(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;
    uint32_t regions = 0, most = 0, owners;
    err_t e;

    for (uint32_t i = 0; i < m->partitions; i++) {
        regions += m->partition[i].regions;
        most = m->partition[i].regions > most ? m->partition[i].regions : most;
    }
    owners = FIXED_CLAIMS + c->b->reserveds + m->shareds + regions;
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
    claim_fixed(c);
    return claim_pinned(c);
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

static err_t free_refuse(struct plan_ctx *c, const char *path, uint64_t frames, struct free_sum s)
{
    return diag_fail(
        c->d, ERR_NO_SPACE,
        "%s: asks for %lu KiB of machine memory; the largest free range has %lu KiB, %lu KiB are free in all",
        path, frames * 4, s.largest * 4, s.total * 4);
}

err_t plan_memory_place_shared(struct plan_ctx *c)
{
    const struct manifest *m = c->in->manifest;

    for (uint32_t i = 0; i < m->shareds; i++) {
        const struct manifest_shared *s = &m->shared[i];
        uint64_t start;
        char path[96];

        if (s->pinned)
            continue;
        fmt_print(path, sizeof path, "/shared/%s", s->name);
        if (!free_take_best(c, s->frames, 0, &start))
            return free_refuse(c, path, s->frames, free_sum(c));
        c->p->shared[i] = mfn_addr(mfn(start));
    }
    return ERR_NONE;
}

static err_t piece_add(struct plan_ctx *c, const struct manifest_region *r, gfn_t g, uint64_t m,
                       uint64_t frames)
{
    if (c->pieces == c->piece_cap)
        return diag_fail(c->d, ERR_NO_SPACE, "region %s: more than %u pieces of memory", r->name,
                         c->piece_cap);
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
static err_t region_split(struct plan_ctx *c, const char *path, const struct manifest_region *r)
{
    uint64_t phase = r->gfn.n & (FRAMES_2M - 1), n, start;
    struct free_sum before = free_sum(c);
    uint32_t at = 0;

    for (uint64_t done = 0; done < r->frames; done += n) {
        err_t e;

        n = free_largest(c, phase, r->frames - done, &at);
        if (!n || !run_fit(&c->free.run[at], n, FRAMES_2M, phase, &start))
            return free_refuse(c, path, r->frames, before);
        runs_cut(&c->free, (struct run){start, start + n});
        e = piece_add(c, r, gfn(r->gfn.n + done), start, n);
        if (e)
            return e;
    }
    return ERR_NONE;
}

static err_t region_place_shared(struct plan_ctx *c, const char *path, const struct plan_partition *pp,
                                 const struct manifest_region *r)
{
    mfn_t m = mfn_of(c->p->shared[r->shared - c->in->manifest->shared]);

    if (pp->m->identity)
        return piece_add(c, r, gfn_identity(m), m.n, r->frames);
    if (!r->placed)
        return diag_fail(c->d, ERR_INVALID,
                         "%s: reg: missing; a translated partition says where its memory is", path);
    return piece_add(c, r, r->gfn, m.n, r->frames);
}

static err_t region_place(struct plan_ctx *c, const struct plan_partition *pp,
                          const struct manifest_region *r)
{
    uint64_t start = r->mfn.n;
    char path[96];

    region_path(path, sizeof path, pp->m, r);
    if (r->type == EXT_SHARED)
        return region_place_shared(c, path, pp, r);
    if (region_is_fixed(r))
        return piece_add(c, r, r->placed ? r->gfn : gfn_identity(mfn(start)), start, r->frames);
    if (free_take_best(c, r->frames, r->placed ? r->gfn.n : 0, &start))
        return piece_add(c, r, r->placed ? r->gfn : gfn_identity(mfn(start)), start, r->frames);
    if (pp->m->identity || r->frames < FRAMES_2M)
        return free_refuse(c, path, r->frames, free_sum(c));
    return region_split(c, path, r);
}

err_t plan_memory_place(struct plan_ctx *c, const struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    c->pieces = 0;
    for (uint32_t i = 0; i < pp->m->regions && !e; i++)
        e = region_place(c, pp, &pp->m->region[i]);
    return e;
}
