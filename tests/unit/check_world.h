/* SPDX-License-Identifier: Apache-2.0 */
/* Good plans, broken on purpose in one place: the check must say what is wrong. */
#ifndef TESTS_UNIT_CHECK_WORLD_H
#define TESTS_UNIT_CHECK_WORLD_H

#include "plan_world.h"

struct broken {
    const char *text; /* how the refusal begins */
    const char *name;
    void (*fn)(struct plan *p);
    void (*world)(struct fixture *f); /* reads the manifest; NULL: the fixture's */
};

#define BREAKS_OF(world, fn, text) \
    {                              \
        text, #fn, fn, world       \
    }

/* With what the check says of each plan that is not refused so. */
static inline unsigned breaks_missed(const struct broken *b, size_t count)
{
    unsigned missed = 0;

    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        err_t e;

        if (b[i].world)
            b[i].world(&f);
        else
            fixture_read(&f, fixture_manifest);
        assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
        assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_NONE);
        b[i].fn(&f.plan);
        e = check_plan(&f.plan, &f.arena, &f.diag);
        if (e != ERR_INVALID || strncmp(f.diag.text, b[i].text, strlen(b[i].text))) {
            print_message("%s: want %s, got \"%s\"\n", b[i].name, b[i].text, f.diag.text);
            missed++;
        }
        fixture_free(&f);
    }
    return missed;
}

static inline struct extent *extent_of(struct plan *p, unsigned i, const char *name)
{
    struct extent *e = extent_in(&p->partition[i], name);

    assert_non_null(e);
    return e;
}

static inline struct pt_span *span_at(struct pt_span *s, uint32_t count, uint64_t addr)
{
    struct pt_span *found = span_in(s, count, addr);

    assert_non_null(found);
    return found;
}

static inline struct pt_span *p2m_at(struct plan *p, unsigned i, uint64_t addr)
{
    return span_at(p->partition[i].p2m_span, p->partition[i].p2m_spans, addr);
}

static inline struct pt_span *bfn_at(struct plan *p, unsigned i, uint64_t addr)
{
    return span_at(p->partition[i].bfn_span, p->partition[i].bfn_spans, addr);
}

static inline void span_drop(struct pt_span *s, uint32_t *count, uint64_t addr)
{
    struct pt_span *at = span_at(s, *count, addr);

    memmove(at, at + 1, (size_t)(s + *count - at - 1) * sizeof *s);
    --*count;
}

/* What the check takes as given. */
static inline struct manifest_partition *said_by(struct plan *p, unsigned i)
{
    return (struct manifest_partition *)p->partition[i].m;
}

static inline struct board *board_of(struct plan *p)
{
    return (struct board *)p->board;
}

#endif
