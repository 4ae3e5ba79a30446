/* SPDX-License-Identifier: Apache-2.0 */
/* A VT-d model with its driver, as several tests of it need them. */
#ifndef TESTS_UNIT_VTD_WORLD_H
#define TESTS_UNIT_VTD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

#include "../models/vtd_model.h"
#include "arch_host.h"
#include "iommu/vtd.h"

#define FRAMES 64
#define BYTES  (FRAMES * 4096ul)

struct world {
    struct pool pool;
    struct vtd_model m;
    struct vtd_caps caps;
    struct vtd u;
    struct diag d;
    mmio_t mmio;
    unsigned faults, notes;
    struct vtd_fault fault[64];
    char note[8][128];
    bool quarantine_on_fault;
};

/* set, clear: of CAP; C of ECAP by coherent. */
static struct world *world_new(bool coherent, uint64_t set, uint64_t clear)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(0x80001), .frames = FRAMES, .mem = aligned_alloc(4096, BYTES)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0x5b, BYTES); /* as an entry: present */
    vtd_model_init(&w->m, &w->pool, coherent);
    w->m.cap = (w->m.cap | set) & ~clear;
    w->mmio = vtd_model_mmio(&w->m);
    return w;
}

/* Where the driver's first frames will be, the unit's memory (not the CPU's) has tables that lead everywhere:
 * root, contexts of domain 1, an identity table of 39 bits, remapping entries for everybody. */
static void rubbish(uint8_t *mem)
{
    static const uint64_t slot[4][2] = {
        {0x80002001, 0}, {0x80003001, 0x101}, {0x83, UINT64_C(0x40000083)}, {0x770001, 0}};
    for (unsigned frame = 0; frame < 4; frame++) {
        for (unsigned i = 0; i < 256; i++)
            memcpy(mem + frame * 4096ul + i * 16ul, slot[frame], 16);
    }
}

/* Units of every temper: bit 0 not coherent, 1 caching mode, 2 write buffers, 3 slow queue. */
static struct world *world_temper(unsigned t)
{
    struct world *w = world_new(!(t & 1), (t & 2 ? VTD_MODEL_CAP_CM : 0) | (t & 4 ? VTD_MODEL_CAP_RWBF : 0), 0);
    w->m.queue_delay = t & 8 ? 3 : 0;
    rubbish(w->m.mem);
    rubbish(w->m.cleaned);
    memcpy(w->m.before, w->m.mem, BYTES);
    return w;
}

static void world_free(struct world *w)
{
    if (w->m.violations)
        print_message("%s\n", w->m.violation);
    assert_int_equal(w->m.violations, 0);
    vtd_model_fini(&w->m);
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
    assert_non_null(strstr(w->d.text, "0xfed90000"));
    expect_err(&w->d, e, want, words);
}

static err_t probe(struct world *w)
{
    return vtd_probe(&w->caps, w->mmio, maddr(0xfed90000), &w->d);
}

static err_t block(struct world *w)
{
    return vtd_block(&w->u, &w->caps, w->mmio, &w->pool, &w->d);
}

static void blocked(struct world *w)
{
    check_ok(w, probe(w));
    check_ok(w, block(w));
    w->m.firmware_may = false;
    w->m.watching = true;
}

static uint64_t *words(struct world *w, uint64_t machine)
{
    return (uint64_t *)(void *)(w->pool.mem + (machine - 0x80001000));
}

/* A map of 39 bits in three frames of the pool: bus page 0x40000 to page out. */
static struct vtd_domain domain(struct world *w, uint16_t id, uint64_t out)
{
    mfn_t f;
    assert_true(pool_take(&w->pool, 3, false, &f));
    uint64_t at = mfn_addr(f).v;
    words(w, at)[1] = (at + 0x1000) | 3;
    words(w, at + 0x1000)[0] = (at + 0x2000) | 3;
    words(w, at + 0x2000)[0] = out | 3;
    arch_clean(words(w, at), 3 * 4096ul);
    return (struct vtd_domain){
        .root = maddr(at), .shape = {.in_bits = 39, .out_bits = 46, .root_level = 2, .leaf_level = 1}, .id = id};
}

static void give(struct world *w, uint16_t bdf, const struct vtd_domain *dom)
{
    struct vtd_model_watch *x = vtd_model_watch(&w->m, bdf);
    x->given = true;
    x->root = dom->root.v;
    x->id = dom->id;
}

static bool dma(struct world *w, uint16_t bdf, uint64_t want)
{
    maddr_t out;
    if (!vtd_model_dma(&w->m, bdf, 0x40000123, true, &out))
        return false;
    assert_int_equal(out.v, want + 0x123);
    return true;
}

/* Functions 8 and 0x105 attached, 9 and 0x200 watched without being so. */
static struct world *running(struct world *w, bool x2apic)
{
    vtd_model_watch(&w->m, 9);
    vtd_model_watch(&w->m, 0x200);
    vtd_model_watch(&w->m, 8);
    vtd_model_watch(&w->m, 0x105);
    blocked(w);
    struct vtd_domain a = domain(w, 1, 0x10000000), b = domain(w, 2, 0x20000000);
    give(w, 8, &a);
    give(w, 0x105, &b);
    check_ok(w, vtd_attach(&w->u, 8, &a, &w->d));
    check_ok(w, vtd_attach(&w->u, 0x105, &b, &w->d));
    check_ok(w, vtd_enable(&w->u, x2apic, &w->d));
    return w;
}

static void on_fault(void *ctx, const struct vtd_fault *f)
{
    struct world *w = ctx;
    w->fault[w->faults++] = *f;
    if (w->quarantine_on_fault)
        check_ok(w, vtd_quarantine(&w->u, f->bdf, NULL, &w->d));
}

static void on_note(void *ctx, const char *text)
{
    struct world *w = ctx;
    assert_true(w->notes < 8);
    snprintf(w->note[w->notes++], sizeof w->note[0], "%s", text);
}

static uint32_t faults(struct world *w, uint32_t max)
{
    w->faults = w->notes = 0;
    uint32_t n = vtd_faults(&w->u, max, on_fault, on_note, w);
    assert_int_equal(n, w->faults);
    return n;
}

/* What the watched functions' own attempts left behind. */
static void faults_drop(struct world *w)
{
    while (faults(w, 64) || w->notes)
        continue;
}

#endif
