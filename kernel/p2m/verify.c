/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/verify.h"

#define INDEX_BITS 9
#define ENTRIES    512
#define MAX_LEAF   2

/* What the hardware does with a leaf. */
struct found {
    uint64_t out; /* frame */
    struct verify_leaf leaf;
    uint64_t bad; /* bits that are wrong */
};

/* Walk order is input order; whatever is entered once is not entered again. */
struct walk {
    const struct verify_job *j;
    const struct verify_format *f;
    struct diag *d;
    uint64_t root_frames;
    uint64_t out_end;
    uint32_t cursor;          /* the first span that ends above the input reached */
    uint64_t above;           /* the next table's frame must be this one or above */
    bool known[PT_LEVELS];    /* hole[] has been proven */
    uint64_t hole[PT_LEVELS]; /* the only entry that a hole may hold at each level */
};

#define VERIFY_FAIL(w, level, in, entry, fmt, ...)                                              \
    diag_fail((w)->d, ERR_INVALID, "tables, level %u, input 0x%lx, entry 0x%lx: " fmt, (level), \
              (uint64_t)(in) << FRAME_SHIFT, (entry), __VA_ARGS__)

static uint64_t frames_at(unsigned level)
{
    return UINT64_C(1) << INDEX_BITS * level;
}

static struct found leaf_decode(const struct walk *w, unsigned level, uint64_t e)
{
    struct found l = {.out = (e & w->f->addr) >> FRAME_SHIFT};

    l.bad = w->f->leaf(e & ~w->f->addr, level, &l.leaf);
    l.bad |= (l.out & (frames_at(level) - 1)) << FRAME_SHIFT;
    return l;
}

static bool leaf_is(const struct found *l, uint64_t out, uint8_t rights, uint8_t mem)
{
    return l->bad == 0 && l->out == out && l->leaf.rights == rights && (l->leaf.mems >> mem & 1) != 0;
}

/* How many of n entries are want, want + step, want + 2 step ... Most of the work is here. */
static uint64_t run_length(const uint64_t *e, uint64_t n, uint64_t want, uint64_t step)
{
    uint64_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t next = want;
        uint64_t differ = 0;
#pragma clang loop unroll(full)
        for (unsigned k = 0; k < 8; k++, next += step)
            differ |= e[i + k] ^ next;
        if (differ != 0)
            break;
        want = next;
    }
    for (; i < n && e[i] == want; i++)
        want += step;
    return i;
}

/* The table that an entry points to; NULL, with a text, when it is not a table entry to the letter. */
static const uint64_t *table_enter(struct walk *w, unsigned level, uint64_t in, uint64_t e)
{
    const struct verify_job *j = w->j;
    mfn_t f = mfn((e & w->f->addr) >> FRAME_SHIFT);
    uint64_t rest = e & ~w->f->addr;
    err_t err = ERR_NONE;

    if (rest != w->f->table + level * w->f->table_step)
        err = VERIFY_FAIL(w, level, in, e, "wanted a table entry, found 0x%lx beside the address", rest);
    else if (!pool_has(j->pool, f) || f.n >= w->out_end)
        err = VERIFY_FAIL(w, level, in, e, "wanted a table among the %lu frames of the pool at MFN 0x%lx",
                          j->pool->frames, j->pool->first.n);
    else if (ranges_overlap(f.n, 1, j->root.n, w->root_frames) || (j->scratch && f.n == j->scratch_page.n))
        err = VERIFY_FAIL(w, level, in, e, "MFN 0x%lx is the root or the scratch page, wanted another table", f.n);
    return err == ERR_NONE ? pool_ptr(j->pool, f) : NULL;
}

/*
 * The first hole at a level: prove that its entry leads to the scratch page and nowhere else,
 * level by level, and remember it. All other holes of the level must hold the same entry, so
 * each shared table is read once.
 */
// NOLINTNEXTLINE(misc-no-recursion): one level down a call, PT_LEVELS at the most
static err_t hole_learn(struct walk *w, unsigned level, uint64_t in, uint64_t e)
{
    const struct verify_job *j = w->j;

    if (level == 0) {
        struct found l = leaf_decode(w, 0, e);
        if (!leaf_is(&l, j->scratch_page.n, j->scratch_rights, MEM_NORMAL))
            return VERIFY_FAIL(w, level, in, e,
                               "wanted the scratch page, MFN 0x%lx rights %u, found MFN 0x%lx rights %u "
                               "(bits 0x%lx are wrong)",
                               j->scratch_page.n, j->scratch_rights, l.out, l.leaf.rights, l.bad);
    } else {
        const uint64_t *table = table_enter(w, level, in, e);
        if (table == NULL)
            return ERR_INVALID;
        if (!w->known[level - 1]) {
            err_t err = hole_learn(w, level - 1, in, table[0]);
            if (err != ERR_NONE)
                return err;
        }
        uint64_t same = run_length(table, ENTRIES, w->hole[level - 1], 0);
        if (same != ENTRIES)
            return VERIFY_FAIL(w, level - 1, in, table[same], "entry %lu of a scratch table, wanted 0x%lx", same,
                               w->hole[level - 1]);
        if ((e & w->f->addr) >> FRAME_SHIFT > j->root.n)
            return VERIFY_FAIL(w, level, in, e, "wanted a scratch table, below the root at MFN 0x%lx", j->root.n);
    }
    w->hole[level] = e;
    w->known[level] = true;
    return ERR_NONE;
}

static err_t holes_check(struct walk *w, const uint64_t *e, uint64_t n, unsigned level, uint64_t in)
{
    if (!w->known[level]) {
        err_t err = hole_learn(w, level, in, e[0]);
        if (err != ERR_NONE)
            return err;
    }
    uint64_t same = run_length(e, n, w->hole[level], 0);
    if (same == n)
        return ERR_NONE;
    return VERIFY_FAIL(w, level, in + same * frames_at(level), e[same], "wanted a hole, 0x%lx", w->hole[level]);
}

/* Leaves of span s from entry e on, at most n; *n becomes how many there were. */
static err_t leaves_check(struct walk *w, const uint64_t *e, uint64_t *n, unsigned level, uint64_t in,
                          const struct pt_span *s)
{
    uint64_t size = frames_at(level);
    struct found l = leaf_decode(w, level, e[0]);

    if (level > w->j->shape.leaf_level)
        return VERIFY_FAIL(w, level, in, e[0], "wanted a table: leaves end at level %u", w->j->shape.leaf_level);
    if (s->in > in || s->in + s->frames - in < size)
        return VERIFY_FAIL(w, level, in, e[0], "wanted a table: input frames 0x%lx..0x%lx are not the whole entry",
                           s->in, s->in + s->frames - 1);
    if (!leaf_is(&l, s->out + (in - s->in), s->rights, s->mem))
        return VERIFY_FAIL(
            w, level, in, e[0],
            "wanted frame 0x%lx rights %u memory %u, found 0x%lx, %u, one of 0x%x (bits 0x%lx are wrong)",
            s->out + (in - s->in), s->rights, s->mem, l.out, l.leaf.rights, l.leaf.mems, l.bad);

    uint64_t inside = (s->in + s->frames - in) / size;
    *n = run_length(e, inside < *n ? inside : *n, e[0], size << FRAME_SHIFT);
    return ERR_NONE;
}

/* The span that holds in or is the next one above it; NULL: none. */
static const struct pt_span *span_at(struct walk *w, uint64_t in)
{
    const struct verify_job *j = w->j;

    while (w->cursor < j->count && j->spans[w->cursor].in + j->spans[w->cursor].frames <= in)
        w->cursor++;
    return w->cursor < j->count ? &j->spans[w->cursor] : NULL;
}

/* Where the holes end that begin at input frame in, when s is the next span; a window is a run of small ones. */
static uint64_t holes_end(const struct pt_span *s, unsigned level, uint64_t in)
{
    if (s->in > in)
        return s->in;
    return level == 0 && s->rights == 0 ? s->in + s->frames : in;
}

/* n entries whose first one is for input frame base. */
// NOLINTNEXTLINE(misc-no-recursion): one level down a call, PT_LEVELS at the most
static err_t table_check(struct walk *w, const uint64_t *e, uint64_t n, unsigned level, uint64_t base)
{
    err_t err = ERR_NONE;
    uint64_t run;

    for (uint64_t i = 0; i < n && err == ERR_NONE; i += run) {
        uint64_t in = base + i * frames_at(level);
        const struct pt_span *s = span_at(w, in);
        uint64_t touched = s == NULL ? n : (holes_end(s, level, in) - base) / frames_at(level);

        run = (touched < n ? touched : n) - i;
        if (s == NULL || run != 0) {
            err = holes_check(w, e + i, run, level, in);
        } else if (level == 0 || (s->rights != 0 && (e[i] & w->f->kind) == w->f->kind_leaf)) {
            run = n - i;
            err = leaves_check(w, e + i, &run, level, in, s);
        } else {
            const uint64_t *table = table_enter(w, level, in, e[i]);
            uint64_t f = (e[i] & w->f->addr) >> FRAME_SHIFT;
            if (table == NULL)
                return ERR_INVALID;
            if (f < w->above)
                return VERIFY_FAIL(w, level, in, e[i], "wanted a table that is not in use, at MFN 0x%lx or above",
                                   w->above);
            w->above = f + 1;
            run = 1;
            err = table_check(w, table, ENTRIES, level - 1, in);
        }
    }
    return err;
}

/* Is the job itself sound? Then every span lies in the input range, so that the walk meets it. */
static err_t job_check(struct walk *w)
{
    const struct verify_job *j = w->j;
    struct pt_shape s = j->shape;
    uint64_t in_end = UINT64_C(1) << (s.in_bits - FRAME_SHIFT);
    uint64_t from = 0;

    for (uint32_t i = 0; i < j->count; i++) {
        const struct pt_span *p = &j->spans[i];
        if (p->frames == 0 || p->in < from || p->in >= in_end || p->frames > in_end - p->in ||
            (p->rights != 0 && (p->out >= w->out_end || p->frames > w->out_end - p->out)))
            return diag_fail(w->d, ERR_INVALID,
                             "tables, span %u: input frame 0x%lx, output frame 0x%lx, 0x%lx frames: wanted sorted, "
                             "without overlap, within %u input and %u output bits",
                             i, p->in, p->out, p->frames, s.in_bits, s.out_bits);
        from = p->in + p->frames;
    }
    if (!pool_has(j->pool, j->root) || w->root_frames > j->pool->frames - (j->root.n - j->pool->first.n) ||
        j->root.n % w->root_frames != 0 || j->root.n + w->root_frames > w->out_end)
        return diag_fail(w->d, ERR_INVALID,
                         "tables, root at MFN 0x%lx: wanted %lu frames of the pool, aligned to their size", j->root.n,
                         w->root_frames);
    w->above = j->root.n + w->root_frames;
    return ERR_NONE;
}

static err_t shape_check(struct walk *w)
{
    struct pt_shape s = w->j->shape;
    unsigned one_frame = 21 + 9u * s.root_level; /* input bits that a root of one frame resolves */

    if (s.root_level < 2 || s.root_level >= PT_LEVELS || w->f->in[s.root_level][1] == 0 ||
        s.in_bits < w->f->in[s.root_level][0] || s.in_bits > w->f->in[s.root_level][1] || s.out_bits < 32 ||
        s.out_bits > 52 || (~w->f->addr & ((UINT64_C(1) << s.out_bits) - FRAME_SIZE)) != 0 || s.leaf_level > MAX_LEAF)
        return diag_fail(w->d, ERR_INVALID,
                         "%s tables of %u input and %u output bits, root level %u, leaves to level %u: no such tables",
                         w->f->name, s.in_bits, s.out_bits, s.root_level, s.leaf_level);
    w->root_frames = s.in_bits > one_frame ? UINT64_C(1) << (s.in_bits - one_frame) : 1;
    w->out_end = UINT64_C(1) << (s.out_bits - FRAME_SHIFT);
    return ERR_NONE;
}

err_t verify_tables(const struct verify_job *j, struct diag *d)
{
    struct walk w = {.j = j, .f = j->format, .d = d};
    for (unsigned level = 0; level < PT_LEVELS; level++)
        w.known[level] = !j->scratch; /* then a hole is 0 */

    err_t err = shape_check(&w);
    if (err == ERR_NONE)
        err = job_check(&w);
    if (err != ERR_NONE)
        return err;

    unsigned level = j->shape.root_level;
    const uint64_t *root = pool_ptr(j->pool, j->root);
    uint64_t used = (UINT64_C(1) << (j->shape.in_bits - FRAME_SHIFT)) / frames_at(level);
    uint64_t all = w.root_frames * ENTRIES;
    err = table_check(&w, root, used, level, 0);
    if (err != ERR_NONE)
        return err;

    /* Entries of the root above in_bits: the hardware does not look at them, nobody writes them. */
    uint64_t zero = run_length(root + used, all - used, 0, 0);
    if (used + zero != all)
        return diag_fail(d, ERR_INVALID, "tables, entry %lu of the root, 0x%lx: wanted 0, the input has %u bits",
                         used + zero, root[used + zero], j->shape.in_bits);
    return ERR_NONE;
}
