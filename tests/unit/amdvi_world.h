/* SPDX-License-Identifier: Apache-2.0 */
/* An AMD-Vi model with its driver, as several tests of it need them. */
#ifndef TESTS_UNIT_AMDVI_WORLD_H
#define TESTS_UNIT_AMDVI_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

#include "../models/amdvi_model.h"
#include "arch_host.h"
#include "iommu/amdvi.h"

#define FRAMES 96
#define TABLES 6 /* the pool's first frames: root to leaf of domain 1 (3 levels), of domain 2 */
#define AT     UINT64_C(0xfed80000)
#define LAST   0x2ff
#define BUS    UINT64_C(0x40201000) /* what the tables map: index 1 at each level */
#define NS     UINT64_C(1000000)

struct world {
    struct pool pool;
    struct amdvi_model m;
    struct amdvi_caps c;
    struct amdvi u;
    struct diag d;
    mmio_t mmio;
    struct amdvi_domain dom[2];
    uint64_t *leaf[2];
    unsigned faults, notes;
    struct amdvi_fault fault[512];
    char note[8][128];
    bool quarantine_on_fault;
};

/* 2.2.3: PR, IR, IW (FC in leaves), next level in 11:9. BUS goes to 0x110000000 for n 0, and for n 1
 * read-only to 0x220000000. */
static void tables_make(struct world *w, unsigned n)
{
    uint64_t *t[3], first = 0;
    for (unsigned i = 0; i < 3; i++) {
        mfn_t f;
        assert_true(pool_take(&w->pool, 1, false, &f));
        t[i] = pool_ptr(&w->pool, f);
        if (i == 0)
            first = f.n;
    }
    t[0][1] = 0x6000000000000401 | (first + 1) << 12;
    t[1][1] = 0x6000000000000201 | (first + 2) << 12;
    t[2][1] = (n == 0 ? 0x7000000000000001 : 0x3000000000000001) | (UINT64_C(0x110000000) << n);
    w->leaf[n] = &t[2][1];
    w->dom[n] = (struct amdvi_domain){
        .root = maddr(first << 12),
        .shape = {.in_bits = 39, .out_bits = 48, .root_level = 2},
        .id = (uint16_t)(n + 1),
    };
    for (unsigned i = 0; i < 3; i++)
        arch_clean(t[i], 4096);
}

static struct world *world_new(bool coherent)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(0x80001), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * 4096)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0x5b, FRAMES * 4096);
    amdvi_model_init(&w->m, &w->pool, coherent);
    w->mmio = amdvi_model_mmio(&w->m);
    tables_make(w, 0);
    tables_make(w, 1);
    return w;
}

static void world_free(struct world *w)
{
    if (w->m.violations)
        print_message("%s\n", w->m.violation);
    assert_int_equal(w->m.violations, 0);
    amdvi_model_fini(&w->m);
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

static void probe(struct world *w)
{
    check_ok(w, amdvi_probe(&w->c, w->mmio, maddr(AT), LAST, w->m.coherent ? AMDVI_IVHD_COHERENT : 0, &w->d));
}

static err_t block(struct world *w)
{
    return amdvi_block(&w->u, &w->c, w->mmio, &w->pool, &w->d);
}

/* From here on the function may pass with the words of its domain, worked out in test_amdvi_words.c. irt: the
 * remapping tables follow the device table, two queues and the status frame. */
static void give(struct world *w, uint16_t bdf, unsigned n, unsigned irt)
{
    struct amdvi_model_watch *x = amdvi_model_watch(&w->m, bdf);
    uint64_t irts = (0x80001 + TABLES + 6 + 3) * UINT64_C(4096);
    x->given = true;
    x->want[0] = 0x6000000000000603 | w->dom[n].root.v;
    x->want[1] = w->dom[n].id;
    x->want[2] = 0x2000000000000011 | (irts + irt * UINT64_C(1024));
    x->want[3] = 0;
}

static void start(struct world *w)
{
    probe(w);
    check_ok(w, block(w));
    w->m.watching = true;
}

/* Functions 8 (domain 1) and 0x105 (domain 2) attached; 9, the last one and one beyond watched only. */
static struct world *world_running(bool coherent)
{
    struct world *w = world_new(coherent);
    amdvi_model_watch(&w->m, 9);
    amdvi_model_watch(&w->m, LAST);
    amdvi_model_watch(&w->m, LAST + 1);
    give(w, 8, 0, 0);
    give(w, 0x105, 1, 1);
    start(w);
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    check_ok(w, amdvi_attach(&w->u, 0x105, &w->dom[1], &w->d));
    check_ok(w, amdvi_enable(&w->u, &w->d));
    return w;
}

/* UINT64_MAX: aborted. */
static uint64_t dma(struct world *w, uint16_t bdf, uint64_t addr, bool write)
{
    maddr_t out = {0};
    return amdvi_model_dma(&w->m, bdf, addr, write, &out) ? out.v : UINT64_MAX;
}

/* The vector that a message becomes, 0: blocked. */
static unsigned msi(struct world *w, uint16_t bdf, uint32_t data)
{
    struct amdvi_model_irq i;
    return amdvi_model_msi(&w->m, bdf, data, &i) ? i.vector : 0;
}

static void on_fault(void *ctx, const struct amdvi_fault *f)
{
    struct world *w = ctx;
    w->fault[w->faults++] = *f;
    if (w->quarantine_on_fault)
        check_ok(w, amdvi_quarantine(&w->u, f->bdf, NULL, &w->d));
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
    return amdvi_events(&w->u, max, on_fault, on_note, w);
}

#endif
