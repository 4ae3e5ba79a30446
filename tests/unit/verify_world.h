/* SPDX-License-Identifier: Apache-2.0 */
/* One map with everything that made it, for the tests of verify. */
#ifndef TESTS_UNIT_VERIFY_WORLD_H
#define TESTS_UNIT_VERIFY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "iommu/scratch.h"
#include "p2m/verify.h"

#define FRAMES 128
#define FIRST  0x40000
#define SPANS  12
#define RW     (R_READ | R_WRITE)

static _Alignas(4096) uint8_t mem[FRAMES << FRAME_SHIFT];

struct world {
    struct pool pool;
    struct pt pt;
    struct scratch scratch;
    struct pt_span spans[SPANS];
    struct verify_job job;
};

static inline err_t verify(const struct world *w)
{
    struct diag d = {0};
    err_t err = verify_tables(&w->job, &d);
    assert_int_equal(err != ERR_NONE, d.text[0] != '\0');
    return err;
}

static void assert_accepted(const struct world *w)
{
    struct diag d = {0};
    if (verify_tables(&w->job, &d) != ERR_NONE)
        fail_msg("refused: %s", d.text);
}

static inline uint64_t *table(struct world *w, mfn_t f)
{
    assert_true(pool_has(&w->pool, f));
    return pool_ptr(&w->pool, f);
}

static void world_init(struct world *w, const struct pt_format *f, const struct verify_format *v, struct pt_shape s)
{
    memset(w, 0, sizeof *w);
    memset(mem, 0xee, sizeof mem);
    w->pool = (struct pool){mfn(FIRST), FRAMES, 0, mem};
    w->pt.format = f;
    w->pt.shape = s;
    w->pt.pool = &w->pool;
    w->job = (struct verify_job){.format = v, .shape = s, .pool = &w->pool, .spans = w->spans};
}

static void world_add_scratch(struct world *w, uint8_t rights)
{
    struct diag d = {0};
    assert_int_equal(scratch_build(&w->scratch, w->pt.format, w->pt.shape, &w->pool, rights, 1, &d), ERR_NONE);
    memcpy(w->pt.fill, w->scratch.fill, sizeof w->pt.fill);
    w->job.scratch = true;
    w->job.scratch_page = w->scratch.page;
    w->job.scratch_rights = rights;
}

/* Build, and check that it took what pt_count said (and what aligning a large root skips). */
static void world_build(struct world *w)
{
    struct diag d = {0};
    uint64_t root = pt_root_frames(w->pt.shape);
    uint64_t skip = (0 - (w->pool.first.n + w->pool.used)) & (root - 1);
    uint64_t want = w->pool.used + skip + pt_count(w->pt.shape, w->spans, w->job.count);
    if (pt_build(&w->pt, w->spans, w->job.count, &d) != ERR_NONE)
        fail_msg("%s", d.text);
    assert_int_equal(w->pool.used, want);
    w->job.root = w->pt.root;
}

#endif
