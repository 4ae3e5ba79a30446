/* SPDX-License-Identifier: Apache-2.0 */
/* An IPMMU model with its driver, as several tests of it need them. */
#ifndef TESTS_UNIT_IPMMU_WORLD_H
#define TESTS_UNIT_IPMMU_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

#include "../models/ipmmu_model.h"
#include "arch_host.h"
#include "iommu/ipmmu.h"

#define FRAMES 16
#define BASE   UINT64_C(0x50000000)
#define CACHES 2
#define WRITES 64

struct write {
    unsigned unit;
    uint64_t off;
    uint32_t value;
};

/* Units 0 (main), 1 and 2; frames 8.. hold a root table each, written by hand. */
struct world {
    struct pool pool;
    struct ipmmu_model m;
    struct port {
        struct world *w;
        unsigned unit;
    } port[1 + CACHES];
    struct ipmmu u[1 + CACHES];
    struct diag d;
    struct write write[WRITES];
    unsigned writes;
    unsigned hang_at; /* flushes hang from this write on, 0: never */
    struct ipmmu_fault fault[IPMMU_CONTEXTS];
    unsigned faults;
    struct ipmmu *quarantine; /* what the fault handler cuts off */
    uint8_t quarantine_utlb;
};

/* The model's registers, with a log of what is written. */
static void access_logged(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct port *p = model;
    struct world *w = p->w;
    mmio_t r = ipmmu_model_mmio(&w->m, p->unit);
    if (write && w->writes < WRITES)
        w->write[w->writes++] = (struct write){p->unit, off, (uint32_t)*value};
    if (w->hang_at && w->writes >= w->hang_at)
        w->m.flush_hangs = true;
    r.access(r.model, off, width, write, value);
}

static struct world *world_new(bool coherent)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(BASE >> 12), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * 4096)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0x5b, FRAMES * 4096);
    ipmmu_model_init(&w->m, &w->pool, 1 + CACHES, coherent);
    w->pool.used = 1; /* the quarantine's root */
    for (unsigned i = 0; i <= CACHES; i++)
        w->port[i] = (struct port){w, i};
    return w;
}

static void world_free(struct world *w)
{
    assert_string_equal(w->m.violation, "");
    ipmmu_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

static void check_ok(struct world *w, err_t e)
{
    assert_string_equal(w->d.text, "");
    assert_int_equal(e, ERR_NONE);
}

static void check_err(struct world *w, err_t e, err_t want, const char *words)
{
    assert_non_null(strstr(w->d.text, "ipmmu at 0xe"));
    expect_err(&w->d, e, want, words);
}

static err_t block_to(struct world *w, unsigned unit, const struct ipmmu_context *quarantine)
{
    return ipmmu_block(&w->u[unit], (mmio_t){access_logged, &w->port[unit]}, maddr(0xe67b0000 + unit * 0x10000u),
                       &w->u[0], quarantine, IPMMU_CONTEXTS, unit ? IPMMU_UTLBS : 0, &w->d);
}

static uint64_t *root_words(struct world *w, unsigned n)
{
    return (uint64_t *)(void *)(w->pool.mem + (8 + n) * 4096ul);
}

/* A table of 1 GiB leaves: input 1 GiB on leads to (n + 1) * 16 GiB, 2 GiB on too, but read-only. */
static struct ipmmu_context table(struct world *w, unsigned n, uint8_t in_bits)
{
    memset(root_words(w, n), 0, 4096);
    root_words(w, n)[1] = (uint64_t)(n + 1) << 34 | 0x465;
    root_words(w, n)[2] = (uint64_t)(n + 1) << 34 | 0x4e5;
    arch_clean(root_words(w, n), 4096);
    return (struct ipmmu_context){
        .root = maddr(BASE + (8 + n) * 4096ul),
        .shape = {.in_bits = in_bits, .out_bits = 40, .root_level = 2, .leaf_level = 2},
    };
}

static uint8_t context(struct world *w, unsigned n, uint8_t in_bits)
{
    uint8_t index;
    struct ipmmu_context c = table(w, n, in_bits);
    check_ok(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d));
    return index;
}

static uint8_t context_on(struct world *w, unsigned n)
{
    uint8_t index = context(w, n, 39);
    check_ok(w, ipmmu_enable(&w->u[0], index, &w->d));
    return index;
}

/* Where an access goes, 0: nowhere; it never goes out untranslated. */
static uint64_t dma(struct world *w, unsigned unit, unsigned utlb, uint64_t addr, bool write)
{
    maddr_t out;
    bool passed = ipmmu_model_dma(&w->m, unit, utlb, addr, write, &out);
    assert_int_not_equal(w->m.way, IPMMU_MODEL_BYPASS);
    return passed ? out.v : 0;
}

#endif
