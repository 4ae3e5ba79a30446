/* SPDX-License-Identifier: Apache-2.0 */
/* links: tests/models/ipmmu_model.c tests/host/arch_host.c */
/* The IPMMU model by itself, with registers and tables written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../models/ipmmu_model.h"
#include "arch_host.h"

#define FRAMES 8
#define BASE   0x50000u /* the pool's first frame */
#define ROOT   UINT64_C(0x50000000)

/* Worked out from the long-descriptor format: NSTable; AF, NS, AP[1]; AttrIndx 1; AP[2] for read-only. */
#define TABLE(a) (UINT64_C(0x8000000000000003) | (a))
#define BLOCK(a) (UINT64_C(0x465) | (a))
#define PAGE(a)  (UINT64_C(0x467) | (a))
#define RO       UINT64_C(0x80)

struct world {
    struct pool pool;
    struct ipmmu_model m;
    mmio_t main, cache;
    uint64_t *t[3]; /* levels 1, 2, 3 */
};

/* 1 GiB at 0x40000000 -> 0x1_c0000000, 2 MiB at 0x200000 -> 0x6_00200000, 4 KiB at 0x5000 -> 0x77777000. */
static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(BASE), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * UINT64_C(4096))};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0, FRAMES * 4096);
    ipmmu_model_init(&w->m, &w->pool, 2, false);
    w->main = ipmmu_model_mmio(&w->m, 0);
    w->cache = ipmmu_model_mmio(&w->m, 1);
    for (unsigned i = 0; i < 3; i++)
        w->t[i] = (uint64_t *)(w->pool.mem + i * UINT64_C(4096));
    w->t[0][0] = TABLE(ROOT + 0x1000);
    w->t[0][1] = BLOCK(UINT64_C(0x1c0000000));
    w->t[1][0] = TABLE(ROOT + 0x2000);
    w->t[1][1] = BLOCK(UINT64_C(0x600200000)) | RO;
    w->t[2][5] = PAGE(UINT64_C(0x77777000));
    arch_clean(w->pool.mem, FRAMES * 4096);
    return w;
}

static void world_free(struct world *w, const char *violation)
{
    if (violation)
        assert_non_null(strstr(w->m.violation, violation));
    else
        assert_string_equal(w->m.violation, "");
    ipmmu_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

/* Context 3 over 39 bits, micro-TLB 40 of unit 1 on it. */
static void start(struct world *w)
{
    mmio_write32(w->main, 0xc8, 0x80000099); /* EAE, SL0 2, TSZ0 25 */
    mmio_write32(w->main, 0xd0, (uint32_t)ROOT);
    mmio_write32(w->main, 0xd4, 0);
    mmio_write32(w->main, 0xe8, 0x44ff04);
    mmio_write32(w->main, 0xc0, 0x20000007);
    mmio_write32(w->cache, 0xc0, 7);
    while (mmio_read32(w->cache, 0xc0) & 2)
        ;
    mmio_write32(w->cache, 0x688, 0);
    mmio_write32(w->cache, 0x680, 0x33);
}

static void flush_main(struct world *w)
{
    mmio_write32(w->main, 0xc0, 0x20000007);
    while (mmio_read32(w->main, 0xc0) & 2)
        ;
}

/* UINT64_MAX: refused. */
static uint64_t dma(struct world *w, uint64_t addr, bool write)
{
    maddr_t out;
    return ipmmu_model_dma(&w->m, 1, 40, addr, write, &out) ? out.v : UINT64_MAX;
}

static void test_bypass(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_int_equal(dma(w, 0x1234, true), 0x1234); /* reset: nothing stands in the way */
    assert_int_equal(w->m.way, IPMMU_MODEL_BYPASS);
    mmio_write32(w->cache, 0x680, 0x31); /* on, but not the context */
    assert_int_equal(dma(w, 0x1234, true), 0x1234);
    start(w);
    assert_int_equal(dma(w, 0x1234, true), UINT64_MAX);
    mmio_write32(w->cache, 0xc0, 2); /* in the cache IPMMU alone */
    assert_int_equal(dma(w, 0x5234, true), 0x5234);
    world_free(w, NULL);
}

static void test_walk(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    assert_int_equal(dma(w, 0x5678, true), 0x77777678);
    assert_int_equal(w->m.attr, 0xff);
    assert_int_equal(dma(w, 0x312345, false), UINT64_C(0x600312345));
    assert_int_equal(dma(w, 0x7abcdef0, true), UINT64_C(0x1fabcdef0));
    assert_int_equal(w->m.way, IPMMU_MODEL_TRANSLATED);
    assert_false(w->m.irq);

    assert_int_equal(dma(w, 0x312345, true), UINT64_MAX); /* read-only */
    assert_int_equal(mmio_read32(w->main, 0xe0), 0x2402);
    assert_int_equal(mmio_read32(w->main, 0xf0), 0x312345);
    assert_true(w->m.irq);
    assert_int_equal(dma(w, 0x6000, false), UINT64_MAX); /* the first one stays */
    assert_int_equal(w->m.lost, 1);
    mmio_write32(w->main, 0xe0, 0);
    assert_int_equal(mmio_read32(w->main, 0xf0), 0);
    assert_int_equal(dma(w, UINT64_C(0x8000000000), false), UINT64_MAX); /* bit 39 */
    assert_int_equal(mmio_read32(w->main, 0xe0), 0x1001);
    assert_int_equal(mmio_read32(w->main, 0xf4), 0x80);
    world_free(w, NULL);
}

static void test_descriptor_rules(void **state)
{
    (void)state;
    static const struct {
        unsigned level, index;
        uint64_t word;
        uint32_t imstr;
    } bad[] = {
        {2, 5, PAGE(0x77777000) & ~UINT64_C(0x20), 0x3502},       /* NS */
        {2, 5, PAGE(0x77777000) & ~UINT64_C(0x400), 0x3402},      /* AF */
        {2, 5, PAGE(0x77777000) & ~UINT64_C(0x40), 0x3402},       /* AP[1] */
        {2, 5, PAGE(0x77777000) & ~UINT64_C(2), 0x3101},          /* a block at level 3 */
        {1, 0, (ROOT + 0x2000) | 3, 0x3502},                      /* NSTable */
        {0, 0, TABLE(ROOT + 0x1000) | UINT64_C(1) << 61, 0x3402}, /* APTable[0] */
        {0, 0, TABLE(ROOT + 0x1000) | UINT64_C(1) << 62, 0x3402}, /* APTable[1] */
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_new();
        w->t[bad[i].level][bad[i].index] = bad[i].word;
        arch_clean(&w->t[bad[i].level][bad[i].index], 8);
        start(w);
        assert_int_equal(dma(w, 0x5000, true), UINT64_MAX);
        assert_int_equal(mmio_read32(w->main, 0xe0), bad[i].imstr);
        world_free(w, NULL);
    }
    struct world *w = world_new();
    w->t[2][5] |= UINT64_C(1) << 40;
    arch_clean(&w->t[2][5], 8);
    start(w);
    (void)dma(w, 0x5000, true);
    world_free(w, "reserved bits");
}

static void test_stale(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    assert_int_equal(dma(w, 0x5000, true), 0x77777000);
    w->t[2][5] = PAGE(UINT64_C(0x88888000));
    mmio_write32(w->cache, 0x680, 0x33);
    assert_int_equal(dma(w, 0x5000, true), 0x77777000); /* the main IPMMU still holds it */
    arch_clean(&w->t[2][5], 8);
    flush_main(w);
    assert_int_equal(dma(w, 0x5000, true), 0x77777000); /* so does the micro-TLB */
    mmio_write32(w->cache, 0x680, 0x33);
    assert_int_equal(dma(w, 0x5000, true), 0x88888000);

    w->t[2][5] = 0;
    arch_clean(&w->t[2][5], 8);
    mmio_write32(w->cache, 0xc0, 7);
    mmio_write32(w->main, 0xc0, 0x20000007);
    assert_int_equal(dma(w, 0x5000, true), 0x88888000); /* not done before it is waited for */
    while (mmio_read32(w->main, 0xc0) & 2)
        ;
    assert_int_equal(dma(w, 0x5000, true), UINT64_MAX);
    assert_int_equal(mmio_read32(w->cache, 0xc0), 5);
    world_free(w, NULL);
}

static void test_uncleaned_tables_are_not_seen(void **state)
{
    (void)state;
    struct world *w = world_new();
    w->t[2][6] = PAGE(UINT64_C(0x99999000));
    start(w);
    assert_int_equal(dma(w, 0x6000, true), UINT64_MAX);
    arch_clean(&w->t[2][6], 8);
    assert_int_equal(dma(w, 0x6000, true), UINT64_C(0x99999000)); /* faults are not cached */
    world_free(w, NULL);
}

static void test_guard(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    w->m.masters[1] = UINT64_C(1) << 40;
    w->m.guarded = true;
    flush_main(w);
    assert_int_equal(w->m.violations, 0);
    mmio_write32(w->cache, 0x680, 2);
    world_free(w, "window: micro-TLB 40 of unit 1");
}

static void test_firmware_left_on(void **state)
{
    (void)state;
    struct world *w = world_new();
    ipmmu_model_firmware(&w->m, 1, 40, 0, maddr(ROOT));
    assert_int_equal(dma(w, 0x40000000, true), UINT64_C(0x1c0000000));
    assert_int_not_equal(mmio_read32(w->main, 0x20), 0);
    w->t[0][1] = 0;
    arch_clean(w->t[0], 4096);
    assert_int_equal(dma(w, 0x40000000, true), UINT64_C(0x1c0000000));
    start(w); /* another context for the same micro-TLB */
    assert_int_equal(dma(w, 0x40000000, true), UINT64_MAX);
    world_free(w, NULL);
}

static void test_wrong_accesses(void **state)
{
    (void)state;
    static const struct {
        bool main;
        unsigned off;
        uint32_t value;
        const char *words;
    } bad[] = {
        {true, 0x300, 1, "no such register"},
        {true, 0x0c, 0, "unknown"},
        {true, 0x00, 1, "without FLUSH"},
        {true, 0x00, 0x10002, "reserved"},
        {true, 0x00, 0x3, "EAE"},
        {true, 0x20, 1, "0 clears it"},
        {true, 0x14, 0x100, "reserved"},
        {true, 0xc8, 0, "while it is on"},
        {false, 0x08, 0x80000080, "IMCTR alone"},
        {false, 0x00, 0x20000003, "reserved"},
        {false, 0x300, 0x81, "reserved"},
        {false, 0x302, 0, "want 4"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_new();
        start(w);
        assert_int_equal(w->m.violations, 0);
        mmio_write32(bad[i].main ? w->main : w->cache, bad[i].off, bad[i].value);
        world_free(w, bad[i].words);
    }
}

static void test_flush_takes_time(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    assert_int_equal(w->m.flushes, 0); /* the cache IPMMU's alone */
    mmio_write32(w->main, 0xc0, 0x20000007);
    assert_int_equal(mmio_read32(w->main, 0xc0), 0x20000007);
    assert_int_equal(mmio_read32(w->main, 0xc0), 0x20000007);
    assert_int_equal(mmio_read32(w->main, 0xc0), 0x20000005);
    assert_int_equal(w->m.flushes, 1);
    world_free(w, NULL);
}

static void test_another_context_without_a_flush(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    mmio_write32(w->main, 0x48, 0x80000099); /* context 1: an empty root */
    mmio_write32(w->main, 0x50, (uint32_t)ROOT + 0x7000);
    mmio_write32(w->main, 0x40, 0x20000007);
    mmio_write32(w->cache, 0x40, 7);
    assert_int_equal(dma(w, 0x5000, true), 0x77777000);
    mmio_write32(w->cache, 0x680, 0x11);
    assert_int_equal(dma(w, 0x5000, true), 0x77777000); /* still in the micro-TLB */
    mmio_write32(w->cache, 0x680, 0x13);
    assert_int_equal(dma(w, 0x5000, true), UINT64_MAX);
    world_free(w, NULL);
}

static void test_flush_can_hang(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    w->m.flush_hangs = true;
    for (unsigned i = 0; i < 100; i++)
        assert_true(mmio_read32(w->main, 0xc0) & 2);
    world_free(w, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bypass),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_descriptor_rules),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_uncleaned_tables_are_not_seen),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_firmware_left_on),
        cmocka_unit_test(test_wrong_accesses),
        cmocka_unit_test(test_flush_takes_time),
        cmocka_unit_test(test_another_context_without_a_flush),
        cmocka_unit_test(test_flush_can_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
