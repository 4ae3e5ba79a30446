/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/pv.c kernel/p2m/window.c kernel/p2m/extent.c kernel/p2m/pt.c kernel/p2m/share.c
 * kernel/p2m/kind_arm.c kernel/p2m/kind_x86.c kernel/p2m/format_amdvi.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_ept.c kernel/p2m/format_ipmmu.c kernel/p2m/format_long_mode.c
 * kernel/p2m/format_npt.c kernel/p2m/format_vtd_sl.c kernel/p2m/verify.c kernel/p2m/verify_arm.c
 * kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c kernel/iommu/scratch.c
 * kernel/iommu/kind.c kernel/iommu/kind_amdvi.c kernel/iommu/kind_ipmmu.c kernel/iommu/kind_smmuv3.c
 * kernel/iommu/kind_vtd.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c
 * kernel/iommu/vtd_words.c kernel/iommu/amdvi.c kernel/iommu/amdvi_words.c kernel/iommu/ipmmu.c kernel/pool.c
 * kernel/diag.c kernel/fmt.c tests/host/arch_host.c tests/host/dtc.c tests/host/iommu_bench.c
 * tests/models/amdvi_model.c tests/models/ipmmu_model.c tests/models/smmuv3_model.c
 * tests/models/smmuv3_model_walk.c tests/models/vtd_model.c tests/models/vtd_model_walk.c */
/*
 * The PV window behind each driver on its register model: what devices reach after the calls, where all that a
 * unit has once read stays in its caches until it is told, and, without coherency, it sees only what was cleaned.
 */
#include "arch_host.h"
#include "dtc.h"
#include "expect.h"
#include "iommu/kind.h"
#include "iommu/pv.h"
#include "iommu/scratch.h"
#include "iommu_bench.h"

#include <stdlib.h>

#define RW      (R_READ | R_WRITE)
#define W0      UINT64_C(0x50000)
#define WINDOW  UINT64_C(1024)
#define RAM     UINT64_C(0x40000) /* GFNs, and BFNs of the guest map */
#define FRAMES  UINT64_C(0x300)
#define RAM_MFN UINT64_C(0x300000)
#define POOL    128u
#define SID     8u
#define OTHER   16u /* a device of somebody else: its map has the same pages */

static const struct board_iommu units[] = {
    {.kind = &iommu_kind_smmuv3, .in_bits = 44, .out_bits = 44, .sid_bits = 8, .domain_bits = 8, .stage2 = true},
    {.kind = &iommu_kind_vtd, .in_bits = 39, .out_bits = 46, .sid_bits = 16, .domain_bits = 8},
    {.kind = &iommu_kind_vtd_snoop, .in_bits = 48, .out_bits = 46, .sid_bits = 16, .domain_bits = 16},
    {.kind = &iommu_kind_amdvi, .in_bits = 48, .out_bits = 52, .sid_bits = 8, .domain_bits = 16},
    {.kind = &iommu_kind_ipmmu, .in_bits = 39, .out_bits = 40, .sid_bits = 5, .domain_bits = 3},
};
#define UNITS 5u

static struct world {
    struct board_iommu unit;
    struct pool pool;
    struct scratch scratch;
    struct pt pt;
    struct extent ext;
    struct physmap physmap;
    uint64_t bitmap[PV_BITMAP_BYTES(WINDOW) / sizeof(uint64_t)];
    struct pv_target target;
    struct pv pv;
    struct bench_map map, other;
    struct diag d;
    uint64_t touches; /* by the device, at every step of a call */
    struct arch_host hooks;
} world;

static void ok(err_t e)
{
    expect_ok(&world.d, e);
}

/* The frame that an access of the device reaches; it is not stopped in the window. */
static uint64_t dma(uint64_t bfn, bool write)
{
    uint64_t mfn;

    if (!iommu_bench_dma(SID, bfn << FRAME_SHIFT | 0x123, write, &mfn))
        fail_msg("%s: BFN 0x%lx aborts", world.unit.kind->name, bfn);
    return mfn;
}

static void reaches(uint64_t bfn, uint64_t mfn)
{
    if (dma(bfn, false) != mfn)
        fail_msg("%s%s: BFN 0x%lx is MFN 0x%lx, want 0x%lx", world.unit.kind->name,
                 world.unit.coherent ? "" : " without coherency", bfn, dma(bfn, false), mfn);
}

static void reaches_scratch(uint64_t bfn)
{
    reaches(bfn, world.scratch.page.n);
}

static err_t flush(void *ctx, struct diag *d)
{
    return iommu_bench_flush(ctx, d);
}

static err_t flush_nothing(void *ctx, struct diag *d)
{
    (void)ctx;
    (void)d;
    return ERR_NONE;
}

static void tables_build(struct world *w, struct pt_shape shape)
{
    const struct pt_span spans[] = {{RAM, RAM_MFN, FRAMES, RW, MEM_NORMAL}, {.in = W0, .frames = WINDOW}};

    ok(scratch_build(&w->scratch, w->unit.kind->format, shape, &w->pool, RW, 1, &w->d));
    w->pt = (struct pt){.format = w->unit.kind->format, .shape = shape, .pool = &w->pool};
    memcpy(w->pt.fill, w->scratch.fill, sizeof w->pt.fill);
    ok(pt_build(&w->pt, spans, 2, &w->d));
    w->map = (struct bench_map){mfn_addr(w->pt.root), shape, 1};
    struct pt copy = w->pt;
    ok(pt_build(&copy, spans, 2, &w->d));
    w->other = (struct bench_map){mfn_addr(copy.root), shape, 2};
}

static struct world *start(unsigned unit, bool coherent, unsigned temper)
{
    struct world *w = &world;

    memset(w, 0, sizeof *w);
    w->unit = units[unit];
    w->unit.coherent = coherent;
    w->unit.leaf_level = w->unit.kind == &iommu_kind_ipmmu ? 1 : 2;
    w->unit.base = maddr(0xfed80000);
    w->unit.size = 0x20000;
    w->pool = (struct pool){.first = mfn(0x80000), .frames = POOL, .mem = aligned_alloc(FRAME_SIZE, POOL * FRAME_SIZE)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0x5b, POOL * FRAME_SIZE);
    tables_build(w, iommu_shape(w->unit.kind, w->unit.in_bits, w->unit.out_bits, w->unit.leaf_level));
    ok(iommu_bench_start(&w->unit, &w->pool, NULL, temper, &w->d));
    ok(iommu_bench_attach(SID, &w->map, &w->d));
    ok(iommu_bench_attach(OTHER, &w->other, &w->d));
    ok(iommu_bench_enable(&w->d));

    w->ext = ext_make(EXT_RAM, gfn(RAM), mfn(RAM_MFN), FRAMES, "ram");
    w->physmap = (struct physmap){&w->ext, 1, 1};
    w->target = (struct pv_target){.table = &w->pt, .coherent = coherent, .flush = flush, .ctx = &w->map};
    w->pv = (struct pv){&w->physmap, bfn(W0), WINDOW, w->bitmap, &w->target, 1, {0}};
    ok(pv_init(&w->pv, &w->d));
    return w;
}

static void end(struct world *w)
{
    const char *violation = iommu_bench_stop();

    if (*violation)
        fail_msg("%s: %s", w->unit.kind->name, violation);
    free(w->pool.mem);
}

/* fn behind every kind of unit, of both sorts. */
static void everywhere(void (*fn)(struct world *w))
{
    for (unsigned i = 0; i < 2 * UNITS; i++) {
        struct world *w = start(i / 2, i % 2 == 0, i);

        fn(w);
        end(w);
    }
}

static struct pv_op op(uint64_t b, uint64_t g, uint64_t frames, uint8_t rights)
{
    return (struct pv_op){bfn(b), gfn(g), frames, rights};
}

static void maps(struct world *w, uint64_t b, uint64_t g, uint64_t frames, uint8_t rights)
{
    struct pv_op o = op(b, g, frames, rights);
    uint32_t failed;

    ok(pv_map(&w->pv, &o, 1, &failed));
}

static err_t unmap(struct world *w, uint64_t b, uint64_t frames)
{
    struct pv_op o = op(b, 0, frames, 0);
    uint32_t failed;

    return pv_unmap(&w->pv, &o, 1, &failed, &w->d);
}

static bool is_taken(struct world *w, uint64_t b)
{
    struct pv_op o = op(b, RAM, 1, RW);
    uint32_t failed;

    return pv_map(&w->pv, &o, 1, &failed) == ERR_NO_SPACE;
}

/* Two leaf tables, both rights; each page was looked at before, so the hole is cached. */
static void pages_come_and_go(struct world *w)
{
    uint64_t mfn;

    reaches_scratch(W0 + 511);
    reaches_scratch(W0 + 512);
    reaches_scratch(W0 + 7);
    maps(w, W0 + 511, RAM + 0x20, 2, RW);
    maps(w, W0 + 7, RAM, 1, R_READ);
    ok(pv_flush(&w->pv, &w->d));
    reaches(W0 + 511, RAM_MFN + 0x20);
    reaches(W0 + 512, RAM_MFN + 0x21);
    assert_int_equal(dma(W0 + 512, true), RAM_MFN + 0x21);
    reaches(W0 + 7, RAM_MFN);
    assert_false(iommu_bench_dma(SID, (W0 + 7) << FRAME_SHIFT, true, &mfn)); /* no right to write */
    reaches_scratch(W0 + 8);
    ok(unmap(w, W0 + 511, 2));
    reaches_scratch(W0 + 511);
    reaches_scratch(W0 + 512);
    reaches(W0 + 7, RAM_MFN);
    maps(w, W0 + 512, RAM + 0x55, 1, RW); /* another one; what was unmapped there is not seen again */
    ok(pv_flush(&w->pv, &w->d));
    reaches(W0 + 512, RAM_MFN + 0x55);
    ok(pv_reset(&w->pv, &w->d));
    reaches_scratch(W0 + 512);
    reaches_scratch(W0 + 7);
    reaches(RAM + 3, RAM_MFN + 3); /* the guest map is as it was */
}

static void test_map_unmap(void **state)
{
    (void)state;
    everywhere(pages_come_and_go);
}

/* Nobody's flush, or that of another map: what the unit has cached stays. So no test here passes without one. */
static void stale_is_seen(struct world *w)
{
    reaches_scratch(W0);
    w->target.flush = flush_nothing;
    maps(w, W0, RAM, 1, RW);
    ok(pv_flush(&w->pv, &w->d));
    reaches_scratch(W0);
    ok(iommu_bench_flush(&w->map, &w->d));
    reaches(W0, RAM_MFN);
    ok(unmap(w, W0, 1));
    reaches(W0, RAM_MFN);
    ok(iommu_bench_flush(&w->other, &w->d));
    reaches(W0, RAM_MFN);
    ok(iommu_bench_flush(&w->map, &w->d));
    reaches_scratch(W0);
}

static void test_without_flush(void **state)
{
    (void)state;
    everywhere(stale_is_seen);
}

/* A target that is said to snoop and does not. */
static void dirty_is_not_seen(struct world *w)
{
    if (w->unit.coherent)
        return;
    maps(w, W0, RAM, 1, RW);
    ok(pv_flush(&w->pv, &w->d));
    reaches(W0, RAM_MFN);
    w->target.coherent = true;
    ok(unmap(w, W0, 1));
    reaches(W0, RAM_MFN);
    w->target.coherent = false;
    maps(w, W0, RAM, 1, RW);
    ok(unmap(w, W0, 1));
    reaches_scratch(W0);
}

static void test_without_clean(void **state)
{
    (void)state;
    everywhere(dirty_is_not_seen);
}

/* The unit does not answer: what may still be reached stays marked, until an unmap of it succeeds. */
static void flush_fails(struct world *w)
{
    maps(w, W0 + 5, RAM + 5, 2, RW);
    ok(pv_flush(&w->pv, &w->d));
    reaches(W0 + 5, RAM_MFN + 5);
    iommu_bench_hang(true);
    expect_err(&w->d, unmap(w, W0 + 5, 2), ERR_TIMEOUT, "");
    assert_int_equal(w->bitmap[0], 3 << 5);
    assert_true(w->target.stale);
    reaches(W0 + 5, RAM_MFN + 5);
    assert_true(is_taken(w, W0 + 5) && is_taken(w, W0 + 6));
    expect_err(&w->d, pv_flush(&w->pv, &w->d), ERR_TIMEOUT, "");
    expect_err(&w->d, pv_reset(&w->pv, &w->d), ERR_TIMEOUT, "");
    assert_int_equal(w->bitmap[0], 3 << 5);
    iommu_bench_hang(false);
    ok(unmap(w, W0 + 5, 2));
    assert_int_equal(w->bitmap[0], 0);
    reaches_scratch(W0 + 5);
    reaches_scratch(W0 + 6);
    maps(w, W0 + 5, RAM + 9, 1, RW);
    ok(pv_flush(&w->pv, &w->d));
    reaches(W0 + 5, RAM_MFN + 9);
}

static void test_flush_fails(void **state)
{
    (void)state;
    everywhere(flush_fails);
}

/* The device looks before and after each step that can be told: the hole, the page, nothing else. */
static void touch(void)
{
    struct world *w = &world;
    uint64_t at = dma(W0 + 1, false);

    assert_true(at == w->scratch.page.n || at == RAM_MFN + 1);
    w->touches++;
}

static void touch_publish(void *ctx)
{
    touch();
    if (world.hooks.on_publish)
        world.hooks.on_publish(ctx);
    touch();
}

static void touch_clean(void *ctx, const void *p, size_t size)
{
    touch();
    if (world.hooks.on_clean)
        world.hooks.on_clean(ctx, p, size);
    touch();
}

static void touch_relax(void *ctx)
{
    touch();
    if (world.hooks.on_relax)
        world.hooks.on_relax(ctx);
}

static void race(struct world *w)
{
    w->hooks = arch_host;
    arch_host.on_publish = touch_publish;
    arch_host.on_clean = touch_clean;
    arch_host.on_relax = touch_relax;
    for (unsigned i = 0; i < 3; i++) {
        maps(w, W0 + 1, RAM + 1, 1, RW);
        ok(pv_flush(&w->pv, &w->d));
        reaches(W0 + 1, RAM_MFN + 1);
        ok(unmap(w, W0 + 1, 1));
        reaches_scratch(W0 + 1);
    }
    assert_true(w->touches >= 12);
    arch_host.on_publish = w->hooks.on_publish;
    arch_host.on_clean = w->hooks.on_clean;
    arch_host.on_relax = w->hooks.on_relax;
}

static void test_race(void **state)
{
    (void)state;
    everywhere(race);
}

/* Any pages in any order, against a list of them. */
static void random_pages(struct world *w)
{
    static uint64_t want[WINDOW];

    for (uint64_t i = 0; i < WINDOW; i++)
        want[i] = w->scratch.page.n;
    for (unsigned n = 0; n < 60; n++) {
        uint64_t first = mutate_below(WINDOW - 16), frames = 1 + mutate_below(16), g = mutate_below(FRAMES - 16);
        bool out = want[first] != w->scratch.page.n;

        for (uint64_t i = first; i < first + frames; i++)
            if ((want[i] != w->scratch.page.n) != out)
                frames = i - first;
        for (uint64_t i = first; i < first + frames; i++)
            want[i] = out ? w->scratch.page.n : RAM_MFN + g + (i - first);
        if (out) {
            ok(unmap(w, W0 + first, frames));
        } else {
            maps(w, W0 + first, RAM + g, frames, RW);
            ok(pv_flush(&w->pv, &w->d));
        }
        for (unsigned k = 0; k < 32; k++) {
            uint64_t i = k < 20 ? first + k - (first + k >= WINDOW ? 20 : 0) : mutate_below(WINDOW);

            assert_int_equal(dma(W0 + i, mutate_below(2)), want[i]);
        }
    }
}

static void test_random(void **state)
{
    (void)state;
    (void)mutate_start(0);
    everywhere(random_pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_unmap),   cmocka_unit_test(test_without_flush), cmocka_unit_test(test_without_clean),
        cmocka_unit_test(test_flush_fails), cmocka_unit_test(test_race),          cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
