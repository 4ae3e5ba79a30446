/* SPDX-License-Identifier: Apache-2.0 */
/* Finished tables among those of others, and whether verify says what is wrong with them. */
#ifndef TESTS_UNIT_MUTATION_WORLD_H
#define TESTS_UNIT_MUTATION_WORLD_H

#include <stdio.h>

#include "verify_kits.h"

/* Another partition's tables in the same pool: of the same spans, but perhaps of other frames. */
struct other {
    struct pt pt;
    struct scratch scratch;
};

enum part { OF_MAP, OF_SCRATCH, ABOVE_INPUT };

/* What the hardware reads a table for. */
struct place {
    bool entered;
    enum part part;
    unsigned level;
    uint64_t in; /* of the first entry; in a scratch table it says nothing */
};

struct system {
    const struct kit *kit;
    struct world w;
    struct other other[2]; /* below and above ours */
    struct pool own;       /* our frames alone */
    uint64_t start;        /* the first of them, by number in the pool */
    bool hole;             /* the root has one: the whole scratch tree can be reached */
    struct place place[FRAMES];
    uint64_t table[FRAMES]; /* which frames have a place */
    uint64_t tables;
    /* For the text of a failure. */
    uint64_t seed;
    const char *mutation;
    uint64_t old, now;
};

static uint64_t *word_at(uint64_t frame, uint64_t i)
{
    return (uint64_t *)mem + frame * PT_ENTRIES + i;
}

static struct place place_of(const struct system *s, const uint64_t *word)
{
    uint64_t i = (uint64_t)(word - (uint64_t *)mem);
    struct place p = s->place[i / PT_ENTRIES];

    p.in += i % PT_ENTRIES << 9 * p.level;
    if (p.part == OF_MAP && p.in >> (s->w.pt.shape.in_bits - FRAME_SHIFT) != 0)
        p.part = ABOVE_INPUT;
    return p;
}

static void place_add(struct system *s, uint64_t frame, enum part part, unsigned level, uint64_t in)
{
    assert_true(frame < FRAMES && !s->place[frame].entered);
    s->place[frame] = (struct place){true, part, level, in};
    s->table[s->tables++] = frame;
}

/* Note a table and those below it, as the format's first walker finds them; never into the scratch tree. */
// NOLINTNEXTLINE(misc-no-recursion): one level down a call
static void places_note(struct system *s, uint64_t frame, unsigned level, uint64_t in)
{
    const struct reader *r = s->kit->first;

    place_add(s, frame, OF_MAP, level, in);
    for (uint64_t i = 0; level > 0 && i < PT_ENTRIES; i++) {
        uint64_t e = *word_at(frame, i);
        if ((e & r->present) != 0 && (e & r->kind) != r->leaf && e != s->w.pt.fill[level])
            places_note(s, ((e & r->addr) >> FRAME_SHIFT) - FIRST, level - 1, in + (i << 9 * level));
    }
}

static void other_build(const struct system *s, struct other *o, bool scratch, uint64_t tables)
{
    struct diag d = {0};
    struct pt_span spans[SPANS];
    bool differs = rng_below(2);

    memcpy(spans, s->w.spans, sizeof spans);
    for (uint32_t i = 0; differs && i < s->w.job.count; i++) {
        spans[i].out ^= UINT64_C(1) << rng_below(s->w.pt.shape.out_bits - FRAME_SHIFT);
        if (!output_fits(&s->w, &spans[i]) || pt_count(s->w.pt.shape, spans, s->w.job.count) > tables)
            spans[i].out = s->w.spans[i].out;
    }
    o->pt = s->w.pt;
    memset(o->pt.fill, 0, sizeof o->pt.fill);
    if (scratch) {
        assert_int_equal(scratch_build(&o->scratch, o->pt.format, o->pt.shape, o->pt.pool, RW, 2, &d), ERR_NONE);
        memcpy(o->pt.fill, o->scratch.fill, sizeof o->pt.fill);
    }
    if (pt_build(&o->pt, spans, s->w.job.count, &d) != ERR_NONE)
        fail_msg("%s", d.text);
}

/* At least one span maps something; everything but that and the shape may be. */
static void system_random(struct system *s, const struct kit *kit, bool scratch, uint64_t tables)
{
    struct world *w = &s->w;
    uint32_t mapped;

    s->kit = kit;
    do {
        random_plan(w, kit, tables);
        mapped = 0;
        for (uint32_t i = 0; i < w->job.count; i++)
            mapped += w->spans[i].rights != PT_WINDOW;
    } while (mapped == 0);
    other_build(s, &s->other[0], scratch, tables);
    s->start = w->pool.used;
    random_build(w, scratch);
    s->own = (struct pool){mfn(FIRST + s->start), w->pool.used - s->start, 0, mem + (s->start << FRAME_SHIFT)};
    other_build(s, &s->other[1], scratch, tables);
    w->job.pool = &s->own;
    assert_accepted(w);

    memset(s->place, 0, sizeof s->place);
    s->tables = 0;
    uint64_t root = w->pt.root.n - FIRST;
    unsigned level = w->pt.shape.root_level;
    for (uint64_t i = 0; i < pt_root_frames(w->pt.shape); i++)
        places_note(s, root + i, level, i * PT_ENTRIES << 9 * level);
    uint64_t used = UINT64_C(1) << (w->pt.shape.in_bits - FRAME_SHIFT - 9 * level);
    s->hole = false;
    for (uint64_t i = 0; i < used; i++)
        s->hole |= *word_at(root, i) == w->pt.fill[level];
    for (unsigned l = 0; scratch && s->hole && l < level; l++)
        place_add(s, w->scratch.table[l].n - FIRST, OF_SCRATCH, l, 0);
}

/* "tables, level 1, input 0x40000000, entry 0x4001003: wanted ..." */
struct told {
    bool of_entry;
    unsigned level;
    uint64_t in; /* frame */
    uint64_t entry;
    const char *wanted;
};

static bool skip_text(const char **p, const char *text)
{
    while (*text != '\0' && **p == *text)
        (*p)++, text++;
    return *text == '\0';
}

static uint64_t skip_number(const char **p)
{
    char *end;
    uint64_t n = strtoull(*p, &end, 0);
    *p = end;
    return n;
}

static struct told text_read(const struct diag *d)
{
    struct told t = {0};
    const char *p = d->text;

    if (!skip_text(&p, "tables, level "))
        return t;
    t.level = (unsigned)skip_number(&p);
    if (!skip_text(&p, ", input "))
        return t;
    t.in = skip_number(&p) >> FRAME_SHIFT;
    if (!skip_text(&p, ", entry "))
        return t;
    t.entry = skip_number(&p);
    t.of_entry = skip_text(&p, ": ");
    t.wanted = p;
    return t;
}

#define system_fail(s, ...)                                                                                  \
    do {                                                                                                     \
        print_error("MULLION_SEED=%lu, %s, %s: 0x%lx instead of 0x%lx\n", (s)->seed, (s)->kit->verify->name, \
                    (s)->mutation, (s)->now, (s)->old);                                                      \
        fail_msg(__VA_ARGS__);                                                                               \
    } while (0)

static void system_refused(const struct system *s, struct diag *d)
{
    d->text[0] = '\0';
    if (verify_tables(&s->w.job, d) != ERR_INVALID)
        system_fail(s, "not refused");
}

/* The job itself is refused: with a text that has these words. */
static void job_refused(const struct system *s, const char *text)
{
    struct diag d;

    system_refused(s, &d);
    if (strstr(d.text, text) == NULL)
        system_fail(s, "\"%s\" does not say \"%s\"", d.text, text);
}

/* The frame that is planned for an input frame; UINT64_MAX: none. */
static uint64_t planned(const struct system *s, uint64_t in)
{
    for (const struct pt_span *p = s->w.spans; p < s->w.spans + s->w.job.count; p++)
        if (p->rights != PT_WINDOW && in >= p->in && in - p->in < p->frames)
            return p->out + (in - p->in);
    return UINT64_MAX;
}

/* Is what was wanted right, and one of the things that can be wanted at all? */
static void wanted_check(const struct system *s, const struct told *t, const char *text)
{
    static const char *const known[] = {
        "wanted a table entry, found 0x",
        "wanted a table among the ",
        "wanted a table that is not in use, at MFN 0x",
        "wanted a table: leaves end at level ",
        "wanted a table: input frames 0x",
        "wanted a scratch table, below the root at MFN 0x",
        "entry ", /* of a scratch table */
        "MFN 0x", /* is the root or the scratch page */
        "wanted a hole, 0x",
    };
    const char *p = t->wanted;
    bool right = false;

    if (skip_text(&p, "wanted frame "))
        right = skip_number(&p) == planned(s, t->in);
    else if (p = t->wanted, skip_text(&p, "wanted the scratch page, MFN "))
        right = s->w.job.scratch && skip_number(&p) == s->w.job.scratch_page.n && planned(s, t->in) == UINT64_MAX;
    for (size_t i = 0; !right && i < sizeof known / sizeof *known; i++)
        p = t->wanted, right = skip_text(&p, known[i]);
    if (!right || t->level > s->w.job.shape.root_level)
        system_fail(s, "a strange text: %s", text);
}

/* The tables are refused: with a text that names level, input, the entry there and what was wanted. */
static struct told tables_refused(const struct system *s, struct diag *d)
{
    struct told t;

    system_refused(s, d);
    t = text_read(d);
    if (t.of_entry)
        wanted_check(s, &t, d->text);
    else if (strstr(d->text, "of the root, 0x") == NULL || strstr(d->text, ": wanted 0, the input has ") == NULL)
        system_fail(s, "does not say where: %s", d->text);
    return t;
}

/* The job does not fit the tables, or is none at all. */
static void either_refused(const struct system *s)
{
    struct diag d;

    system_refused(s, &d);
    if (strstr(d.text, ": no such tables") == NULL && strstr(d.text, "tables, span ") != d.text &&
        strstr(d.text, "tables, root at MFN 0x") != d.text)
        (void)tables_refused(s, &d);
}

/* Is e, at this level, a perfect entry for some table of ours? */
static bool leads_on(const struct system *s, unsigned level, uint64_t e)
{
    mfn_t f = mfn((e & s->kit->first->addr) >> FRAME_SHIFT);
    return level > 0 && pool_has(&s->own, f) && e == pt_table_entry(s->w.pt.format, level, f);
}

/* And does it lead to the root or to the scratch page, which the walk may not enter? */
static bool leads_to_end(const struct system *s, uint64_t e)
{
    uint64_t f = (e & s->kit->first->addr) >> FRAME_SHIFT;
    return f - s->w.pt.root.n < pt_root_frames(s->w.pt.shape) || (s->w.job.scratch && f == s->w.scratch.page.n);
}

/* One entry is not what it was: the text must be about it, or about what it now leads to. */
static void entry_refused(struct system *s, const uint64_t *word, uint64_t old)
{
    struct place p = place_of(s, word);
    struct diag d;
    struct told t;
    bool here;

    s->old = old;
    s->now = *word;
    t = tables_refused(s, &d);
    here = t.of_entry && t.level == p.level && t.entry == *word;
    if (p.part == ABOVE_INPUT) {
        char text[sizeof d.text];
        snprintf(text, sizeof text, "tables, entry %lu of the root, 0x%lx: wanted 0, the input has %u bits",
                 p.in >> 9 * p.level, *word, s->w.pt.shape.in_bits);
        here = strcmp(text, d.text) == 0;
    } else if (leads_on(s, p.level, *word) && leads_to_end(s, *word)) {
        here = here && (strstr(d.text, " is the root or the scratch page, ") != NULL || old == s->w.pt.fill[p.level]);
    } else if (leads_on(s, p.level, *word)) {
        here = t.of_entry && (p.part == OF_SCRATCH || t.in >= p.in);
    } else if (p.part == OF_MAP) {
        here = here && t.in == p.in;
    }
    if (!here)
        system_fail(s, "at level %u, input frame 0x%lx, but it says: %s", p.level, p.in, d.text);
}

/* Put a value in place of an entry, see what verify says, put it back. No mutation when it is the same. */
static void replaced(struct system *s, uint64_t *word, uint64_t value)
{
    uint64_t old = *word;

    if (value == old)
        return;
    *word = value;
    entry_refused(s, word, old);
    *word = old;
}

#endif
