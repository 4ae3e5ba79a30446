/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_x86.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c
 * kernel/p2m/format_long_mode.c kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c */
/*
 * Finished tables of every format, with and without scratch, between those of two other partitions: one thing
 * is wrong at a time, and verify must say where and what.
 *
 * No bit is excepted. Those that a manual calls ignored or leaves to software are 0 in every entry that is
 * built, and verify wants them so: Arm 63, 58:55 and a table's 58:52, 11:2 (Arm ARM D8.3.1), AMD64 58:52, 11:9
 * and 62:59 without CR4.PKE (APM vol. 2, 5.3), EPT 11:8 and 63:52 (SDM vol. 3, 29.3.2), AMD-Vi 8:1 and 63
 * (48882, 2.2.3), VT-d 6:2, 10:8, 61:52 and 63 (9.8), and every bit of the root's entries above in_bits.
 */
#include "mutation_world.h"

#define BITS   64
#define ROUNDS 4000

enum mutation { BIT_FLIP, SWAP, STALE, FOREIGN, ROOT, SCRATCH, JOB, MUTATIONS };

static const char *const names[MUTATIONS] = {
    "a bit", "two entries swapped", "a stale entry", "a foreign entry", "a wrong root", "the scratch tree", "the job",
};

static uint64_t done[MUTATIONS];

static void begin(struct system *s, enum mutation m)
{
    s->mutation = names[m];
    s->old = s->now = 0;
    done[m]++;
}

/* Any entry of ours: every second one begins a run of equal ones. */
static uint64_t *any_word(const struct system *s)
{
    uint64_t *table = word_at(s->table[rng_below(s->tables)], 0);
    uint64_t i = rng_below(PT_ENTRIES);

    if (rng_below(2))
        for (uint64_t n = 0; n < PT_ENTRIES && table[i] == table[(i + 1) % PT_ENTRIES]; n++)
            i = (i + 1) % PT_ENTRIES;
    return &table[(i + 1) % PT_ENTRIES];
}

static void bit_flip(struct system *s, uint64_t *word, unsigned bit)
{
    begin(s, BIT_FLIP);
    replaced(s, word, *word ^ UINT64_C(1) << bit);
}

/* Within a table, between those of one level, or of two. */
static void swap(struct system *s)
{
    uint64_t *a = any_word(s), *b = any_word(s);
    uint64_t x = *a, y = *b;
    struct place p = place_of(s, a), q = place_of(s, b);
    struct diag d;
    struct told t;

    if (x == y)
        return;
    begin(s, SWAP);
    s->old = x;
    s->now = y;
    *a = y;
    *b = x;
    t = tables_refused(s, &d);
    *a = x;
    *b = y;
    if (p.part == OF_MAP && q.part == OF_MAP && (!t.of_entry || t.in < (p.in < q.in ? p.in : q.in)))
        system_fail(s, "in front of both: %s", d.text);
}

/* An earlier version of one span: other frames, other rights, not there; or one more, in place of a hole. */
static uint32_t older_spans(const struct system *s, struct pt_span *spans)
{
    struct world was = s->w;
    uint32_t n = was.job.count;
    struct pt_span *p = &was.spans[rng_below(n)];
    uint32_t after = n - 1 - (uint32_t)(p - was.spans);

    switch (rng_below(4)) {
    case 0:
        p->out ^= UINT64_C(1) << rng_below(was.pt.shape.out_bits - FRAME_SHIFT);
        break;
    case 1:
        random_rights(&was, p);
        p->out &= (UINT64_C(1) << (was.pt.shape.out_bits - FRAME_SHIFT)) - 1; /* it may have been a window */
        break;
    case 2:
        memmove(p, p + 1, after * sizeof *p);
        n--;
        break;
    default: /* behind the last one */
        was.job.count = n == SPANS ? n - 1 : n;
        p = &was.spans[was.job.count - 1];
        n = was.job.count + random_span(&was, p->in + p->frames, 20);
    }
    memcpy(spans, was.spans, sizeof was.spans);
    return n;
}

/* Those were there in these very frames: entries that somebody forgot to write. */
static void stale(struct system *s)
{
    static _Alignas(4096) uint8_t old[sizeof mem];
    struct pool pool = s->w.pool;
    struct pt pt = s->w.pt;
    struct pt_span spans[SPANS];
    struct diag d;
    uint64_t *found[PT_ENTRIES];
    uint64_t n = 0;

    pool.used = pt.root.n - FIRST;
    pool.mem = old;
    pt.pool = &pool;
    memset(old, 0, sizeof old);
    if (pt_build(&pt, spans, older_spans(s, spans), &d) != ERR_NONE)
        return; /* there is none like that */
    assert_int_equal(pt.root.n, s->w.pt.root.n);
    for (uint64_t i = 0; i < s->tables; i++)
        for (uint64_t k = 0; k < PT_ENTRIES; k++) {
            uint64_t *word = word_at(s->table[i], k);
            if (s->place[s->table[i]].part != OF_SCRATCH && *word != ((uint64_t *)old)[word - (uint64_t *)mem])
                found[n < PT_ENTRIES ? n : rng_below(PT_ENTRIES)] = word, n++;
        }
    for (uint64_t i = 0; i < 4 && n != 0; i++) {
        uint64_t *word = found[rng_below(n < PT_ENTRIES ? n : PT_ENTRIES)];
        begin(s, STALE);
        replaced(s, word, ((uint64_t *)old)[word - (uint64_t *)mem]);
    }
}

/* Frames that no entry of this level may lead to, or only one. */
static mfn_t foreign_frame(const struct system *s, unsigned level)
{
    const struct other *o = &s->other[rng_below(2)];
    const struct world *w = &s->w;
    const mfn_t frames[] = {
        mfn(w->pt.root.n + rng_below(pt_root_frames(w->pt.shape))), /* a loop */
        mfn(FIRST + s->table[rng_below(s->tables)]),
        w->scratch.page,
        w->scratch.table[rng_below(w->pt.shape.root_level)],
        o->pt.root,
        mfn(o->pt.root.n + rng_below(8)),
        o->scratch.page,
        o->scratch.table[level > 0 ? level - 1 : 0], /* the same as ours, but for the page */
        mfn(FIRST - 1),
        mfn(FIRST + FRAMES),
        mfn(0),
        mfn((UINT64_C(1) << (w->pt.shape.out_bits - FRAME_SHIFT)) - 1),
        mfn(UINT64_C(1) << (w->pt.shape.out_bits - FRAME_SHIFT)),
    };
    return frames[rng_below(sizeof frames / sizeof *frames)];
}

/* Tables that are others', or in use already, or none; and what others have in the same place. */
static void foreign(struct system *s)
{
    uint64_t *word = any_word(s);
    unsigned level = place_of(s, word).level;
    mfn_t f = foreign_frame(s, level);

    begin(s, FOREIGN);
    replaced(s, word,
             level > 0 ? pt_table_entry(s->w.pt.format, level, f)
                       : pt_leaf_entry(s->w.pt.format, 0, f.n, RW, MEM_NORMAL));
    replaced(s, word, 0);
    for (int i = 0; i < 2 && place_of(s, word).part != OF_SCRATCH; i++)
        replaced(s, word, *(word_at(s->other[i].pt.root.n - FIRST, 0) + (word - word_at(s->w.pt.root.n - FIRST, 0))));
}

static void wrong_root(struct system *s, mfn_t root)
{
    struct diag d;
    char text[128];
    uint64_t frames = pt_root_frames(s->w.pt.shape);

    if (root.n == s->w.pt.root.n)
        return;
    begin(s, ROOT);
    s->old = s->w.pt.root.n;
    s->now = root.n;
    s->w.job.root = root;
    snprintf(text, sizeof text, "tables, root at MFN 0x%lx: wanted %lu frames of the pool", root.n, frames);
    if (root.n % frames == 0 && pool_has(&s->own, root) && pool_has(&s->own, mfn(root.n + frames - 1)))
        (void)tables_refused(s, &d);
    else
        job_refused(s, text);
    s->w.job.root = s->w.pt.root;
}

static void wrong_roots(struct system *s)
{
    const mfn_t frames[] = {
        s->other[0].pt.root,
        s->other[1].pt.root,
        mfn(s->w.pt.root.n + 1),
        mfn(s->w.pt.root.n - 1),
        mfn(s->w.pt.root.n + pt_root_frames(s->w.pt.shape)),
        mfn(FIRST - 1),
        mfn(FIRST + FRAMES),
        mfn(0),
        mfn(UINT64_MAX),
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        wrong_root(s, frames[i]);
    for (uint64_t i = 0; i < s->tables; i++)
        wrong_root(s, mfn(FIRST + s->table[i]));
}

/* One entry of each table, another page, other rights; in the tables or in what is wanted of them. */
static void scratch(struct system *s)
{
    struct verify_job *j = &s->w.job;
    const struct verify_job was = *j;
    struct diag d;

    for (unsigned level = 0; s->hole && j->scratch && level < j->shape.root_level; level++) {
        uint64_t *word = word_at(s->w.scratch.table[level].n - FIRST, rng_below(3) ? rng_below(PT_ENTRIES) : 0);
        const uint64_t values[] = {
            *word + FRAME_SIZE,
            s->other[0].scratch.fill[level],
            s->other[1].scratch.fill[level],
            s->w.scratch.fill[level + 1],
            pt_leaf_entry(s->w.pt.format, level <= 2 ? level : 2, j->scratch_page.n, j->scratch_rights ^ R_WRITE,
                          MEM_NORMAL),
        };
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            begin(s, SCRATCH);
            replaced(s, word, values[i]);
        }
    }
    for (int i = 0; s->hole && i < 4; i++) {
        begin(s, SCRATCH);
        j->scratch ^= i == 0;
        j->scratch_rights ^= i == 1 ? R_WRITE : 0;
        j->scratch_page.n += i == 2;
        j->scratch_page = i == 3 ? s->other[rng_below(2)].scratch.page : j->scratch_page;
        if (was.scratch || i == 0)
            (void)tables_refused(s, &d);
        *j = was;
    }
}

/*
 * All holes of one level at once, so that they agree: they lead to a table of another partition's tree, to one
 * of ours whose entries may be holes themselves, or to the scratch page, where a device wrote what it likes.
 */
static void holes_moved(struct system *s)
{
    const struct pt *pt = &s->w.pt;
    unsigned level = 1 + (unsigned)rng_below(pt->shape.root_level);
    uint64_t *page = pool_ptr(&s->w.pool, s->w.job.scratch ? s->w.scratch.page : pt->root);
    mfn_t targets[] = {s->w.scratch.page, mfn(FIRST + s->table[rng_below(s->tables)]),
                       s->other[0].scratch.table[level - 1], s->other[1].scratch.table[level - 1]};
    uint64_t value = pt_table_entry(pt->format, level, targets[rng_below(4)]);
    uint64_t kept[PT_ENTRIES], *moved[20 * PT_ENTRIES];
    size_t n = 0;
    struct diag d;

    if (!s->w.job.scratch || value == pt->fill[level])
        return;
    for (uint64_t i = 0; i < s->tables; i++)
        for (uint64_t k = 0; s->place[s->table[i]].level == level && k < PT_ENTRIES; k++)
            if (*word_at(s->table[i], k) == pt->fill[level])
                moved[n++] = word_at(s->table[i], k);
    if (n == 0)
        return;
    begin(s, SCRATCH);
    memcpy(kept, page, sizeof kept);
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        page[i] = pt->fill[level - 1];
    for (size_t i = 0; i < n; i++)
        *moved[i] = value;
    (void)tables_refused(s, &d);
    for (size_t i = 0; i < n; i++)
        *moved[i] = pt->fill[level];
    memcpy(page, kept, sizeof kept);
}

/* Are two formats the same to the letter, or can they be for some spans? */
static bool related(const struct verify_format *a, const struct verify_format *b)
{
    static const struct verify_format *const pairs[][2] = {
        {&verify_npt, &verify_vtd_fl}, {&verify_vtd_sl, &verify_vtd_sl_snp}, {&verify_ept, &verify_ept_shared}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if ((a == pairs[i][0] || a == pairs[i][1]) && (b == pairs[i][0] || b == pairs[i][1]))
            return true;
    return a == b;
}

static void wrong_format(struct system *s)
{
    for (const struct kit *k = kits; k < kits + KITS; k++) {
        if (related(k->verify, s->kit->verify))
            continue;
        begin(s, JOB);
        s->w.job.format = k->verify;
        either_refused(s);
    }
    s->w.job.format = s->kit->verify;
}

/* The largest leaf of ours, and the end of the frames that are mapped. */
static void extremes(const struct system *s, unsigned *leaf, uint64_t *end)
{
    const struct reader *r = s->kit->first;

    *leaf = 0;
    *end = 0;
    for (uint64_t i = 0; i < s->tables; i++)
        for (uint64_t k = 0; k < PT_ENTRIES; k++) {
            uint64_t e = *word_at(s->table[i], k);
            unsigned level = s->place[s->table[i]].level;
            if (level > *leaf && (e & r->present) != 0 && (e & r->kind) == r->leaf)
                *leaf = level;
        }
    for (const struct pt_span *p = s->w.spans; p < s->w.spans + s->w.job.count; p++)
        if (p->rights != PT_WINDOW && p->out + p->frames > *end)
            *end = p->out + p->frames;
}

/* Tables of another depth, or of fewer bits than are used. */
static void wrong_shape(struct system *s)
{
    struct pt_shape *p = &s->w.job.shape;
    const struct pt_shape was = *p;
    unsigned leaf;
    uint64_t end;

    extremes(s, &leaf, &end);
    for (int i = 0; i < 4; i++) {
        begin(s, JOB);
        p->root_level = (uint8_t)(was.root_level + (i & 1) - !(i & 1));
        p->in_bits = (uint8_t)(was.in_bits + (i < 2 ? 0 : i & 1 ? 9 : -9));
        either_refused(s);
        *p = was;
    }
    for (int i = 0; i < 2 && was.in_bits < 64 && s->w.job.scratch && (i || pt_root_frames(was) == 1); i++) {
        begin(s, JOB);
        p->in_bits = (uint8_t)(was.in_bits + 2 * i - 1); /* holes where there are none, or the other way round */
        either_refused(s);
        *p = was;
    }
    begin(s, JOB);
    p->leaf_level = 3;
    job_refused(s, ": no such tables");
    p->leaf_level = (uint8_t)(leaf - 1);
    if (leaf > 0)
        job_refused(s, "leaves end at level ");
    *p = was;
    p->out_bits = 53;
    job_refused(s, ": no such tables");
    p->out_bits = 31;
    job_refused(s, ": no such tables");
    for (p->out_bits = 32; p->out_bits < was.out_bits && end > UINT64_C(1) << (p->out_bits - FRAME_SHIFT);
         p->out_bits++)
        job_refused(s, "output bits");
    *p = was;
}

/* One field of one span is another; of a window none that says nothing. */
static void wrong_span(struct system *s)
{
    struct pt_span *p = &s->w.spans[rng_below(s->w.job.count)];
    const struct pt_span was = *p;
    bool window = was.rights == PT_WINDOW;
    uint64_t unit = window ? PT_ENTRIES : 1;

    for (int i = 0; i < 7; i++) {
        if (window && (i == 2 || i == 3 || i == 6))
            continue;
        p->in += i == 0 ? unit : 0;
        p->in -= i == 1 ? unit : 0;
        p->out ^= i == 2 ? UINT64_C(1) << rng_below(s->w.pt.shape.out_bits - FRAME_SHIFT) : 0;
        p->frames += i == 3;
        p->frames -= i == 4 ? unit : 0;
        p->rights ^= i == 5 ? 1 << rng_below(3) : 0;
        p->mem = (uint8_t)((p->mem + (i == 6)) % MEM_TYPES);
        if (i != 6 || s->kit->format->mem[p->mem] != s->kit->format->mem[was.mem]) {
            begin(s, JOB);
            either_refused(s);
        }
        *p = was;
    }
}

/* A span that nobody planned, or two in the wrong order. */
static void wrong_spans(struct system *s)
{
    const struct world was = s->w;
    uint64_t at = rng_below(was.job.count);
    struct diag d;

    begin(s, JOB);
    s->w.job.count--;
    memmove(&s->w.spans[at], &s->w.spans[at + 1], (s->w.job.count - at) * sizeof *s->w.spans);
    (void)tables_refused(s, &d);
    s->w = was;
    if (at == 0)
        return;
    s->w.spans[at] = was.spans[at - 1];
    s->w.spans[at - 1] = was.spans[at];
    job_refused(s, "tables, span ");
    s->w = was;
}

static void test_random(void **state)
{
    static struct system s;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    uint64_t rounds = env_number("MULLION_ROUNDS", ROUNDS);
    (void)state;
    print_message("MULLION_SEED=%lu MULLION_ROUNDS=%lu\n", seed, rounds);
    for (uint64_t i = seed; i < seed + rounds; i++) {
        rng_state = s.seed = i;
        system_random(&s, &kits[i % KITS], i / KITS & 1, 20);
        for (int k = 0; k < 8; k++) {
            bit_flip(&s, any_word(&s), (unsigned)rng_below(BITS));
            swap(&s);
            foreign(&s);
        }
        stale(&s);
        wrong_roots(&s);
        scratch(&s);
        holes_moved(&s);
        wrong_format(&s);
        wrong_shape(&s);
        wrong_span(&s);
        wrong_spans(&s);
        assert_accepted(&s.w);
    }
    for (int m = 0; m < MUTATIONS; m++) {
        print_message("%8lu times %s\n", done[m], names[m]);
        assert_true(done[m] >= rounds);
    }
}

/* Tables that lie above the output bits: the hardware would cut off their addresses. */
static void test_output_end(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t below = 1; below <= 3; below++) {
        struct diag d = {0};
        world_init(&w, &pt_format_arm_s2, &verify_arm_s2, (struct pt_shape){39, 36, 2, 2});
        w.pool.first.n = 0x100000 - below;
        w.spans[0] = (struct pt_span){0, 0, 1, RW, MEM_NORMAL};
        w.job.count = 1;
        world_build(&w); /* the root and two tables */
        assert_accepted(&w);
        w.job.shape.out_bits = 32;
        if (below == 3) {
            assert_accepted(&w);
            continue;
        }
        assert_int_equal(verify_tables(&w.job, &d), ERR_INVALID);
        assert_non_null(strstr(d.text, "wanted a table among"));
        d.text[0] = '\0';
        w.job.root.n = 0x100000;
        assert_int_equal(verify_tables(&w.job, &d), ERR_INVALID);
        assert_non_null(strstr(d.text, "root at MFN 0x100000"));
    }
}

/* Each bit of each entry of a table; in a run of equal ones that is not wanted whole, of its ends. */
static void flip_table(struct system *s, uint64_t frame, bool whole)
{
    uint64_t *word = word_at(frame, 0);

    for (uint64_t i = 0; i < PT_ENTRIES; i++) {
        bool inside = i > 0 && i + 1 < PT_ENTRIES && word[i] == word[i - 1] && word[i] == word[i + 1];
        if (inside && !whole)
            bit_flip(s, &word[i], (unsigned)rng_below(BITS));
        else
            for (unsigned bit = 0; bit < BITS; bit++)
                bit_flip(s, &word[i], bit);
    }
}

/*
 * Systems of a few tables; of each format one whole, with scratch or without, every other time the other way
 * round. Both where more rounds are asked for, none where fewer are.
 */
static void test_every_bit(void **state)
{
    static struct system s;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    uint64_t rounds = env_number("MULLION_ROUNDS", ROUNDS);
    (void)state;
    print_message("MULLION_SEED=%lu\n", seed);
    rng_state = s.seed = seed;
    for (size_t i = 0; i < 2 * KITS; i++) {
        do
            system_random(&s, &kits[i / 2], i & 1, 6);
        while (!s.hole || s.tables > 4u + (i & 1 ? 2u : 1u) * s.w.pt.shape.root_level);
        for (uint64_t t = 0; t < s.tables; t++)
            flip_table(&s, s.table[t], rounds > ROUNDS || (rounds == ROUNDS && ((seed + i + i / 2) & 1) == 0));
        assert_accepted(&s.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_output_end),
        cmocka_unit_test(test_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
