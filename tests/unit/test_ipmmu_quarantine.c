/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/ipmmu.c kernel/iommu/scratch.c kernel/p2m/pt.c kernel/p2m/format_ipmmu.c kernel/pool.c
 * kernel/diag.c kernel/fmt.c tests/models/ipmmu_model.c tests/host/arch_host.c
 */
/* A master on its way to a quarantine whose table is a scratch tree, and back; looked at between any two steps
 * of the driver. */
#include "ipmmu_world.h"

#include "iommu/scratch.h"

#define IN    UINT64_C(0x40001230) /* where context 1 leads to OWN, context 2 to OTHER */
#define HOLE  UINT64_C(0x5123456230)
#define OWN   UINT64_C(0x400001230)
#define OTHER UINT64_C(0x800001230)

enum place { OLD_MAP, NOWHERE, NEW_MAP };

/* What micro-TLB 40 of unit 1 met since sight_start: never again a place that it has left. */
static struct {
    struct world *w;
    uint64_t from, to; /* where IN leads */
    enum place last;
    bool was[3];
    unsigned looks;
} sight;

static uint64_t page; /* the scratch page */

static void look(void)
{
    struct world *w = sight.w;
    uint64_t got = dma(w, 1, 40, IN, true), hole = dma(w, 1, 40, HOLE, true);
    enum place now = got == 0 ? NOWHERE : got == sight.from ? OLD_MAP : NEW_MAP;
    assert_true(got == 0 || got == sight.from || got == sight.to);
    assert_true(hole == 0 || hole == (page | 0x230));
    assert_true(now >= sight.last);
    sight.last = now;
    sight.was[now] = true;
    sight.looks++;
    /* the others, one of them of the same partition: nothing of the quarantine in their context */
    assert_int_equal(dma(w, 1, 41, IN, true), OWN);
    assert_int_equal(dma(w, 1, 41, HOLE, true), 0);
    assert_int_equal(dma(w, 2, 40, IN, true), OTHER);
    assert_int_equal(dma(w, 2, 40, HOLE, true), 0);
}

static void look_at_publish(void *ctx)
{
    (void)ctx;
    look();
}

static void look_at_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    access_logged(model, off, width, write, value);
    look();
}

static void sight_start(struct world *w, uint64_t from, uint64_t to)
{
    memset(&sight, 0, sizeof sight);
    sight.w = w;
    sight.from = from;
    sight.to = to;
    arch_host.on_publish = look_at_publish;
    for (unsigned i = 0; i <= CACHES; i++)
        w->u[i].base = (mmio_t){look_at_access, &w->port[i]};
}

static void sight_end(struct world *w)
{
    arch_host.on_publish = NULL;
    for (unsigned i = 0; i <= CACHES; i++)
        w->u[i].base = (mmio_t){access_logged, &w->port[i]};
    assert_true(sight.looks > 4);
}

static struct ipmmu_context scratch_tree(struct world *w)
{
    struct scratch s;
    struct pt t = {
        .format = &pt_format_ipmmu,
        .shape = {.in_bits = 39, .out_bits = 40, .root_level = 2},
        .pool = &w->pool,
    };
    check_ok(w, scratch_build(&s, t.format, t.shape, &w->pool, R_READ | R_WRITE, 0, &w->d));
    memcpy(t.fill, s.fill, sizeof t.fill);
    check_ok(w, pt_build(&t, NULL, 0, &w->d));
    arch_clean(w->pool.mem, FRAMES * 4096);
    page = mfn_addr(s.page).v;
    return (struct ipmmu_context){.root = mfn_addr(t.root), .shape = t.shape};
}

/* Micro-TLBs 40 and 41 of unit 1 on one context, 40 of unit 2 on another; the rest goes to the scratch page. */
static struct world *world_scratch(void)
{
    struct world *w = world_new(false);
    struct ipmmu_context q = scratch_tree(w);
    for (unsigned i = 0; i <= CACHES; i++)
        check_ok(w, block_to(w, i, i ? NULL : &q));
    w->m.guarded = true;
    uint8_t a = context_on(w, 0), b = context_on(w, 1);
    check_ok(w, ipmmu_attach(&w->u[1], 40, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 41, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[2], 40, b, &w->d));
    return w;
}

/* Masters that no partition owns: every input is the scratch page, and no fault tells. */
static void test_unowned(void **state)
{
    (void)state;
    struct world *w = world_scratch();
    for (unsigned i = 0; i < IPMMU_UTLBS; i++) {
        for (uint64_t in = 0x230; i != 40 && in < UINT64_C(1) << 39; in += UINT64_C(0x1234567000))
            assert_int_equal(dma(w, 2, i, in, true), page | 0x230);
    }
    assert_int_equal(dma(w, 2, 7, UINT64_C(1) << 39, true), 0); /* beyond its input */
    assert_false(w->m.irq);
    world_free(w);
}

static void test_switch(void **state)
{
    (void)state;
    struct world *w = world_scratch();
    unsigned flushes = w->m.flushes;

    sight_start(w, OWN, page | 0x230);
    w->writes = 0;
    check_ok(w, ipmmu_quarantine(&w->u[1], 40, &w->d));
    assert_int_equal(w->m.flushes - flushes, 1);
    assert_int_equal(w->write[0].off, 0x680); /* one write */
    assert_int_equal(w->write[0].value, 0x03);
    for (unsigned i = 1; i < w->writes; i++)
        assert_int_equal(w->write[i].off, 0x40); /* and the flush of the context that it had */
    assert_true(sight.last == NEW_MAP && !sight.was[NOWHERE]);
    sight_end(w);
    check_ok(w, ipmmu_quarantine(&w->u[1], 40, &w->d)); /* again */
    assert_int_equal(dma(w, 1, 40, HOLE, true), page | 0x230);
    assert_int_equal(dma(w, 1, 41, IN, true), OWN);

    sight_start(w, page | 0x230, OWN); /* the partition starts again */
    check_ok(w, ipmmu_attach(&w->u[1], 40, 1, &w->d));
    check_ok(w, ipmmu_flush(&w->u[0], 1, &w->d));
    assert_true(sight.last == NEW_MAP && !sight.was[NOWHERE]);
    sight_end(w);
    assert_int_equal(dma(w, 1, 40, HOLE, true), 0);
    world_free(w);
}

/* The write alone takes it away from its partition. */
static void test_a_flush_hangs(void **state)
{
    (void)state;
    struct world *w = world_scratch();
    assert_int_equal(dma(w, 1, 40, IN, true), OWN);
    w->m.flush_hangs = true;
    check_err(w, ipmmu_quarantine(&w->u[1], 40, &w->d), ERR_TIMEOUT, "context 1");
    assert_int_equal(dma(w, 1, 40, IN, true), page | 0x230);
    assert_int_equal(dma(w, 1, 41, IN, true), OWN);
    world_free(w);
}

static void test_flush_is_one_invalidation(void **state)
{
    (void)state;
    struct world *w = world_scratch();
    static const struct write flush[] = {{2, 0x40, 0x7}, {1, 0x40, 0x7}, {0, 0x40, 0x20000007}};
    unsigned flushes = w->m.flushes;
    w->writes = 0;
    check_ok(w, ipmmu_flush(&w->u[0], 1, &w->d));
    assert_int_equal(w->m.flushes - flushes, 1);
    assert_int_equal(w->writes, 3); /* the context in each unit */
    assert_memory_equal(w->write, flush, sizeof flush);
    assert_int_equal(w->m.unit[0].context[1].imctr & 2, 0); /* it has ended */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unowned),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_a_flush_hangs),
        cmocka_unit_test(test_flush_is_one_invalidation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
