/* SPDX-License-Identifier: Apache-2.0 */
/* An SMMUv3 model with its driver, as several tests of it need them. */
#ifndef TESTS_UNIT_SMMUV3_WORLD_H
#define TESTS_UNIT_SMMUV3_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

#include "../models/smmuv3_model.h"
#include "arch_host.h"
#include "iommu/smmuv3.h"

#define FRAMES 64
#define NS     UINT64_C(1000000)

struct world {
    struct pool pool;
    struct smmuv3_model m;
    struct board_iommu b;
    struct smmuv3 s;
    struct diag d;
    mmio_t mmio;
    unsigned faults, notes;
    struct fault fault[512];
    char note[8][128];
    bool abort_on_fault;
};

static struct world *world_new(bool coherent)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(0x80001), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * 4096)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0x5b, FRAMES * 4096); /* as an entry: valid, stage 1 */
    smmuv3_model_init(&w->m, &w->pool, coherent);
    w->b = (struct board_iommu){.base = maddr(0x9050000), .size = 0x20000, .coherent = coherent};
    w->mmio = smmuv3_model_mmio(&w->m);
    return w;
}

static void world_free(struct world *w)
{
    if (w->m.violations)
        print_message("%s\n", w->m.violation);
    assert_int_equal(w->m.violations, 0);
    smmuv3_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

static void check_ok(struct world *w, err_t e)
{
    expect_ok(&w->d, e);
}

/* An error of this kind whose text has these words; clears it. */
static void check_err(struct world *w, err_t e, err_t want, const char *words)
{
    expect_err(&w->d, e, want, words);
}

static struct smmuv3_stage2 stage2(uint64_t root, uint16_t vmid)
{
    return (struct smmuv3_stage2){
        .root = maddr(root),
        .shape = {.in_bits = 39, .out_bits = 44, .root_level = 2},
        .vmid = vmid,
        .pa_bits = 44,
    };
}

/* From here on the stream may pass with the words of stage2(root, vmid), worked out in test_smmuv3_words.c.
 */
static void give(struct world *w, uint32_t sid, uint64_t root, uint16_t vmid)
{
    struct model_watch *x = smmuv3_model_watch(&w->m, sid);
    x->given = true;
    x->want[0] = 0xd;
    x->want[2] = (w->m.coherent ? 0x040c355900000000 : 0x040c005900000000) | vmid;
    x->want[3] = root;
}

static void start(struct world *w)
{
    check_ok(w, smmuv3_probe(&w->b, w->mmio, &w->d));
    check_ok(w, smmuv3_block(w->mmio, &w->d));
    w->m.watching = true;
    check_ok(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d));
}

/* Streams 8 and 0x105 attached, 9, 0x200 and 0x12345 watched without being so. */
static struct world *world_running(bool coherent)
{
    struct world *w = world_new(coherent);
    struct smmuv3_stage2 a = stage2(0x80100000, 1), b = stage2(0x80200000, 2);
    smmuv3_model_watch(&w->m, 9);
    smmuv3_model_watch(&w->m, 0x200);
    smmuv3_model_watch(&w->m, 0x12345);
    give(w, 8, 0x80100000, 1);
    give(w, 0x105, 0x80200000, 2);
    start(w);
    check_ok(w, smmuv3_attach(&w->s, 8, &a, &w->d));
    check_ok(w, smmuv3_attach(&w->s, 0x105, &b, &w->d));
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    return w;
}

static void on_fault(void *ctx, const struct fault *f)
{
    struct world *w = ctx;
    w->fault[w->faults++] = *f;
    if (w->abort_on_fault)
        check_ok(w, smmuv3_quarantine(&w->s, f->sid, NULL, &w->d));
}

static void on_note(void *ctx, const char *text)
{
    struct world *w = ctx;
    assert_true(w->notes < 8);
    snprintf(w->note[w->notes++], sizeof w->note[0], "%s", text);
}

static uint32_t events(struct world *w, uint32_t max)
{
    w->faults = w->notes = 0;
    uint32_t n = smmuv3_events(&w->s, max, on_fault, on_note, w);
    assert_int_equal(n, w->faults);
    return n;
}

#endif
