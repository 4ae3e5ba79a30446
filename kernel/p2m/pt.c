/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

#define PT_LEAF_MAX 2 /* no format has a leaf of 512 GiB */

static unsigned level_shift(unsigned level)
{
    return PT_BITS * level; /* frame number to entry number */
}

uint64_t pt_root_frames(struct pt_shape s)
{
    unsigned covered = FRAME_SHIFT + level_shift(s.root_level + 1u);
    return s.in_bits > covered ? UINT64_C(1) << (s.in_bits - covered) : 1;
}

uint64_t pt_leaf_entry(const struct pt_format *f, unsigned level, uint64_t out, uint8_t rights, uint8_t mem)
{
    if (level >= PT_LEVELS || f->leaf[level] == PT_NONE || rights >= 8 || f->perm[rights] == PT_NONE ||
        mem >= MEM_TYPES || f->mem[mem] == PT_NONE)
        return PT_NONE;
    return f->leaf[level] | f->perm[rights] | f->mem[mem] | out << FRAME_SHIFT;
}

uint64_t pt_table_entry(const struct pt_format *f, unsigned level, mfn_t table)
{
    return f->table[level] | mfn_addr(table).v;
}

/* The largest level whose leaves can map in to out, were the run long enough. */
static unsigned aligned_level(struct pt_shape s, uint64_t bits)
{
    unsigned level = s.leaf_level;
    while (level > 0 && (bits & ((UINT64_C(1) << level_shift(level)) - 1)) != 0)
        level--;
    return level;
}

/* The level of a span's largest leaves, were it long enough; those of a window are small. */
static unsigned largest_level(struct pt_shape s, const struct pt_span *p)
{
    return p->rights == PT_WINDOW ? 0 : aligned_level(s, p->in ^ p->out);
}

/*
 * A table of level l is needed wherever a span puts a leaf of level l or smaller. From the
 * span's own largest leaf upwards these are all tables that it touches; below that, only those
 * at its two ends, which large leaves do not fill. Neighbouring spans may share a table.
 */
uint64_t pt_count(struct pt_shape s, const struct pt_span *spans, uint32_t count)
{
    uint64_t last[PT_LEVELS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    uint64_t frames = pt_root_frames(s);

    for (const struct pt_span *p = spans; p < spans + count; p++) {
        uint64_t end = p->in + p->frames;
        unsigned largest = largest_level(s, p);
        for (unsigned level = 0; level < s.root_level; level++) {
            unsigned shift = level_shift(level + 1);
            uint64_t mask = (UINT64_C(1) << shift) - 1;
            uint64_t first = p->in >> shift;
            uint64_t final = (end - 1) >> shift;
            if (level >= largest) {
                frames += final - first + (first != last[level]);
                last[level] = final;
                continue;
            }
            if ((p->in & mask) != 0 && first != last[level]) {
                frames++;
                last[level] = first;
            }
            if ((end & mask) != 0 && final != last[level]) {
                frames++;
                last[level] = final;
            }
        }
    }
    return frames;
}

static err_t shape_check(const struct pt *t, struct diag *d)
{
    const struct pt_format *f = t->format;
    struct pt_shape s = t->shape;
    struct pt_range in = {0, 0};

    if (s.root_level < PT_LEVELS)
        in = f->in[s.root_level];
    if (in.max == 0 || s.in_bits < in.min || s.in_bits > in.max)
        return diag_fail(d, ERR_INVALID,
                         "%s tables: %u input bits from a root of level %u, which takes %u..%u (0..0: none)", f->name,
                         s.in_bits, s.root_level, in.min, in.max);
    if (s.leaf_level > PT_LEAF_MAX || f->leaf[s.leaf_level] == PT_NONE)
        return diag_fail(d, ERR_INVALID, "%s tables: no leaf at level %u; 0, 1 or 2", f->name, s.leaf_level);
    if (s.out_bits < 32 || s.out_bits > 52 || (((UINT64_C(1) << s.out_bits) - 1) & ~FRAME_MASK & ~f->addr) != 0)
        return diag_fail(d, ERR_INVALID, "%s tables: %u output bits; at least 32, at most the format's field 0x%lx",
                         f->name, s.out_bits, f->addr);
    if ((t->pool->first.n + t->pool->frames - 1) >> (s.out_bits - FRAME_SHIFT) != 0)
        return diag_fail(d, ERR_INVALID, "%s tables: the pool (MFN 0x%lx, %lu frames) lies above the %u output bits",
                         f->name, t->pool->first.n, t->pool->frames, s.out_bits);
    return ERR_NONE;
}

/* Why a span cannot be mapped, and the value that says so; NULL: it can. */
static const char *span_refuse(const struct pt *t, const struct pt_span *p, uint64_t from, uint64_t *value)
{
    const struct pt_format *f = t->format;
    uint64_t in_end = UINT64_C(1) << (t->shape.in_bits - FRAME_SHIFT);
    uint64_t out_end = UINT64_C(1) << (t->shape.out_bits - FRAME_SHIFT);

    *value = 0;
    if (p->frames == 0)
        return "it is empty; frames must be above";
    *value = from;
    if (p->in < from)
        return "it must start at or above the end of the span before it,";
    *value = in_end;
    if (p->in >= in_end || p->frames > in_end - p->in)
        return "its input must end at or below frame";
    *value = PT_ENTRIES;
    if (p->rights == PT_WINDOW)
        return (p->in | p->frames) % PT_ENTRIES == 0 ? NULL : "a window's input frame and frames must be multiples of";
    *value = out_end;
    if (p->out >= out_end || p->frames > out_end - p->out)
        return "its output must end at or below frame";
    *value = p->rights;
    if (p->rights >= 8 || f->perm[p->rights] == PT_NONE)
        return "the format cannot say rights";
    *value = p->mem;
    if (p->mem >= MEM_TYPES || f->mem[p->mem] == PT_NONE)
        return "the format cannot say memory type";
    return NULL;
}

static err_t spans_check(const struct pt *t, const struct pt_span *spans, uint32_t count, struct diag *d)
{
    uint64_t from = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct pt_span *p = &spans[i];
        uint64_t value;
        const char *why = span_refuse(t, p, from, &value);
        if (why != NULL)
            return diag_fail(d, ERR_INVALID,
                             "%s tables, span %u (input frame 0x%lx, output frame 0x%lx, 0x%lx frames): %s 0x%lx",
                             t->format->name, i, p->in, p->out, p->frames, why, value);
        from = p->in + p->frames;
    }
    return ERR_NONE;
}

/* The tables on the path to the input reached last; number[l] is which table of its level. */
struct path {
    uint64_t *table[PT_LEVELS];
    uint64_t number[PT_LEVELS];
};

static void table_fill(uint64_t *table, uint64_t entries, uint64_t value)
{
    if (value == 0)
        return; /* the pool's frames are zeroed */
    for (uint64_t i = 0; i < entries; i++)
        table[i] = value;
}

static uint64_t path_index(const struct path *w, unsigned level, uint64_t in)
{
    return (in >> level_shift(level)) - (w->number[level] << PT_BITS);
}

/*
 * Bring the path down to the table of this level that holds in, making what is missing. Spans
 * are sorted, so a table left behind is finished, and tables get their frames in input order.
 */
static bool path_extend(struct path *w, struct pt *t, unsigned level, uint64_t in)
{
    for (unsigned above = t->shape.root_level; above > level; above--) {
        unsigned l = above - 1;
        uint64_t number = in >> level_shift(above);
        mfn_t frame;
        if (number == w->number[l])
            continue;
        if (!pool_take(t->pool, 1, false, &frame))
            return false;
        w->number[l] = number;
        w->table[l] = pool_ptr(t->pool, frame);
        table_fill(w->table[l], PT_ENTRIES, t->fill[l]);
        w->table[above][path_index(w, above, in)] = pt_table_entry(t->format, above, frame);
    }
    return true;
}

/* Its leaf tables, as they were filled. */
static bool window_build(struct path *w, struct pt *t, const struct pt_span *p)
{
    for (uint64_t k = 0; k < p->frames; k += PT_ENTRIES)
        if (!path_extend(w, t, 0, p->in + k))
            return false;
    return true;
}

static bool span_build(struct path *w, struct pt *t, const struct pt_span *p)
{
    uint64_t in = p->in;
    uint64_t out = p->out;
    uint64_t left = p->frames;

    while (left != 0) {
        unsigned level = aligned_level(t->shape, in | out);
        while (left >> level_shift(level) == 0)
            level--;
        if (!path_extend(w, t, level, in))
            return false;

        uint64_t index = path_index(w, level, in);
        uint64_t leaves = left >> level_shift(level);
        if (level != t->shape.root_level && leaves > PT_ENTRIES - index)
            leaves = PT_ENTRIES - index;
        uint64_t *entry = w->table[level] + index;
        uint64_t value = pt_leaf_entry(t->format, level, out, p->rights, p->mem);
        uint64_t step = UINT64_C(1) << (FRAME_SHIFT + level_shift(level));
        for (uint64_t *end = entry + leaves; entry < end; value += step)
            *entry++ = value;

        uint64_t frames = leaves << level_shift(level);
        in += frames;
        out += frames;
        left -= frames;
    }
    return true;
}

err_t pt_build(struct pt *t, const struct pt_span *spans, uint32_t count, struct diag *d)
{
    struct path w = {.number = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    unsigned root = t->shape.root_level;
    err_t err = shape_check(t, d);

    if (err == ERR_NONE)
        err = spans_check(t, spans, count, d);
    if (err != ERR_NONE)
        return err;

    bool fits = pool_take(t->pool, pt_root_frames(t->shape), true, &t->root);
    if (fits) {
        w.table[root] = pool_ptr(t->pool, t->root);
        w.number[root] = 0;
        table_fill(w.table[root], UINT64_C(1) << (t->shape.in_bits - FRAME_SHIFT - level_shift(root)), t->fill[root]);
    }
    for (uint32_t i = 0; fits && i < count; i++)
        fits = spans[i].rights == PT_WINDOW ? window_build(&w, t, &spans[i]) : span_build(&w, t, &spans[i]);
    if (!fits)
        return diag_fail(d, ERR_NO_SPACE, "%s tables: need %lu frames, the pool of %lu is used up", t->format->name,
                         pt_count(t->shape, spans, count), t->pool->frames);
    return ERR_NONE;
}
