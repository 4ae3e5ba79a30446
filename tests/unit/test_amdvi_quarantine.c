/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/amdvi.c kernel/iommu/amdvi_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/amdvi_model.c tests/host/arch_host.c
 */
/* A function on its way to a quarantine map and back, looked at between any two steps of the driver. */
#include "amdvi_world.h"

#define OWN     UINT64_C(0x110000000) /* where BUS leads: functions 8 and 10 */
#define OTHER   UINT64_C(0x220000000) /* function 0x105, which may read */
#define SCRATCH UINT64_C(0x60000000)  /* where every bus page of the quarantine leads */
#define HOLE    (BUS + 0x1000)
#define Q_ID    5

enum place { OLD_MAP, NOWHERE, NEW_MAP };

/* What function bdf met since sight_start: never again a place that it has left. */
static struct {
    struct world *w;
    uint16_t bdf;
    uint64_t from, to; /* where BUS leads */
    enum place last;
    bool was[3];
    unsigned looks;
    void (*publish)(void *), (*relax)(void *);
} sight;

static void look(void)
{
    struct world *w = sight.w;
    uint64_t got = dma(w, sight.bdf, BUS, false), hole = dma(w, sight.bdf, HOLE, false);
    enum place now = got == UINT64_MAX ? NOWHERE : got == sight.from ? OLD_MAP : NEW_MAP;
    assert_true(got == UINT64_MAX || got == sight.from || got == sight.to);
    assert_true(hole == UINT64_MAX || hole == SCRATCH);
    assert_true(now >= sight.last);
    sight.last = now;
    sight.was[now] = true;
    sight.looks++;
    /* the others, one of them of the same partition: nothing of the quarantine under their domain's id */
    assert_int_equal(dma(w, 10, BUS, true), OWN);
    assert_int_equal(dma(w, 10, HOLE, false), UINT64_MAX);
    assert_int_equal(dma(w, 0x105, BUS, false), OTHER);
    assert_int_equal(dma(w, 0x105, HOLE, false), UINT64_MAX);
    assert_int_equal(msi(w, 0x105, 5), 0x61);
}

static void look_at_publish(void *ctx)
{
    sight.publish(ctx);
    look();
}

static void look_at_relax(void *ctx)
{
    sight.relax(ctx);
    look();
}

static void look_at_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    mmio_t r = amdvi_model_mmio(model);
    r.access(r.model, off, width, write, value);
    look();
}

static void sight_start(struct world *w, uint16_t bdf, uint64_t from, uint64_t to)
{
    memset(&sight, 0, sizeof sight);
    sight.w = w;
    sight.bdf = bdf;
    sight.from = from;
    sight.to = to;
    sight.publish = arch_host.on_publish;
    sight.relax = arch_host.on_relax;
    arch_host.on_publish = look_at_publish;
    arch_host.on_relax = look_at_relax;
    w->u.base = (mmio_t){look_at_access, &w->m};
}

static void sight_end(struct world *w)
{
    arch_host.on_publish = sight.publish;
    arch_host.on_relax = sight.relax;
    w->u.base = w->mmio;
    assert_true(sight.looks > 5);
}

/* A scratch tree of 39 bits. */
static struct amdvi_domain scratch_tree(struct world *w)
{
    mfn_t f;
    assert_true(pool_take(&w->pool, 3, false, &f));
    for (unsigned i = 0; i < 3; i++) {
        uint64_t *t = pool_ptr(&w->pool, mfn(f.n + i)), next = (f.n + i + 1) << 12;
        for (unsigned k = 0; k < 512; k++)
            t[k] = i < 2 ? 0x6000000000000001 | next | (2ul - i) << 9 : 0x7000000000000001 | SCRATCH;
        arch_clean(t, 4096);
    }
    return (struct amdvi_domain){
        .root = mfn_addr(f), .shape = {.in_bits = 39, .out_bits = 48, .root_level = 2}, .id = Q_ID};
}

/* The function may pass with the quarantine's words, too; its interrupts may not. */
static void give_quarantine(struct world *w, uint16_t bdf, const struct amdvi_domain *q)
{
    struct amdvi_model_watch *x = amdvi_model_watch(&w->m, bdf);
    x->moving = true;
    x->also[0] = 0x6000000000000603 | q->root.v;
    x->also[1] = 0x400000000 | q->id; /* SA */
}

/* Function 10 shares function 8's domain; 8 and 0x105 have interrupt 5. */
static struct world *world_shared(bool coherent)
{
    struct world *w = world_running(coherent);
    struct amdvi_irte a = amdvi_irte_entry(0x61, 3, false, 0);
    give(w, 10, 0, 2);
    check_ok(w, amdvi_attach(&w->u, 10, &w->dom[0], &w->d));
    check_ok(w, amdvi_route(&w->u, 8, 5, &a, &w->d));
    check_ok(w, amdvi_route(&w->u, 0x105, 5, &a, &w->d));
    return w;
}

static void check_commands(const struct world *w, unsigned first, unsigned count)
{
    assert_int_equal(w->m.cmds - first, count);
    for (unsigned i = 0; i < count; i++) /* device table, interrupt table, wait */
        assert_int_equal(w->m.cmd[(first + i) % AMDVI_MODEL_CMDS], ((uint8_t[]){2, 5, 1})[i % 3]);
}

static void check_switch(bool coherent)
{
    struct world *w = world_shared(coherent);
    struct amdvi_domain q = scratch_tree(w);
    unsigned first = w->m.cmds;

    give_quarantine(w, 8, &q);
    assert_int_equal(msi(w, 8, 5), 0x61);
    sight_start(w, 8, OWN, SCRATCH);
    check_ok(w, amdvi_quarantine(&w->u, 8, &q, &w->d));
    check_commands(w, first, 6); /* blocked; the new map */
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
    sight_end(w);
    amdvi_model_watch(&w->m, 8)->given = false; /* nothing of the old map is left */
    assert_int_equal(dma(w, 8, BUS, true), SCRATCH);
    assert_int_equal(msi(w, 8, 5), 0);
    check_ok(w, amdvi_quarantine(&w->u, 8, &q, &w->d)); /* again */
    (void)events(w, 512);
    assert_int_equal(dma(w, 8, UINT64_C(1) << 45, true), UINT64_MAX); /* beyond its tables: silent */
    assert_int_equal(msi(w, 8, 5), 0);
    assert_int_equal(events(w, 8), 0);

    /* the partition starts again: from the quarantine's map to its own, the same way, without its routes */
    uint64_t used = w->pool.used;
    amdvi_model_watch(&w->m, 8)->given = true;
    sight_start(w, 8, SCRATCH, OWN);
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
    sight_end(w);
    amdvi_model_watch(&w->m, 8)->moving = false;
    assert_int_equal(dma(w, 8, BUS, true), OWN);
    assert_int_equal(msi(w, 8, 5), 0);
    assert_int_equal(w->pool.used, used);
    check_err(w, amdvi_attach(&w->u, 8, &q, &w->d), ERR_INVALID, "is in domain 1");

    /* to nothing: one invalidation */
    first = w->m.cmds;
    sight_start(w, 8, OWN, SCRATCH);
    check_ok(w, amdvi_quarantine(&w->u, 8, NULL, &w->d));
    check_commands(w, first, 3);
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && !sight.was[NEW_MAP]);
    sight_end(w);
    world_free(w);
}

static void test_switch(void **state)
{
    (void)state;
    check_switch(true);
    check_switch(false);
}

/* A function that never had a domain, and then gets one; without a frame for its interrupts it is blocked. */
static void check_unowned(bool coherent)
{
    struct world *w = world_shared(coherent);
    struct amdvi_domain q = scratch_tree(w);
    uint64_t used = w->pool.used;

    give_quarantine(w, 9, &q);
    sight_start(w, 9, OWN, SCRATCH);
    check_ok(w, amdvi_quarantine(&w->u, 9, &q, &w->d));
    assert_true(!sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
    sight_end(w);
    assert_int_equal(w->pool.used, used);
    assert_int_equal(msi(w, 9, 0), 0);

    w->u.irts_left = 0;
    w->pool.used = FRAMES;
    check_err(w, amdvi_attach(&w->u, 9, &w->dom[0], &w->d), ERR_NO_SPACE, "remapping tables");
    assert_int_equal(dma(w, 9, BUS, true), UINT64_MAX);
    w->u.irts_left = 1; /* of four: 8, 0x105 and 10 have the others */
    give(w, 9, 0, 3);
    check_ok(w, amdvi_attach(&w->u, 9, &w->dom[0], &w->d));
    assert_int_equal(dma(w, 9, BUS, true), OWN);
    world_free(w);
}

static void test_unowned(void **state)
{
    (void)state;
    check_unowned(true);
    check_unowned(false);
}

static void test_at_boot(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_new(coherent);

        give(w, 8, 0, 0);
        start(w);
        check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
        memset(w->m.dte, 0, sizeof w->m.dte); /* the unit is on, and no longer holds the blocked entry */
        assert_int_equal(dma(w, 8, BUS, true), OWN);
        check_ok(w, amdvi_quarantine(&w->u, 8, NULL, &w->d));
        assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
        struct amdvi_domain q = scratch_tree(w);
        give_quarantine(w, 9, &q);
        check_ok(w, amdvi_quarantine(&w->u, 9, &q, &w->d));
        check_ok(w, amdvi_enable(&w->u, &w->d));
        assert_int_equal(dma(w, 9, BUS, true), SCRATCH);
        assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
        world_free(w);
    }
}

/* Each command of a switch may fail: the function has one of its maps or none, and the next attempt works. */
static void test_a_step_fails(void **state)
{
    (void)state;
    for (unsigned fail = 1; fail <= 12; fail++) {
        struct world *w = world_shared(true);
        struct amdvi_domain q = scratch_tree(w);
        bool back = fail > 6;

        give_quarantine(w, 8, &q);
        if (back)
            check_ok(w, amdvi_quarantine(&w->u, 8, &q, &w->d));
        sight_start(w, 8, back ? SCRATCH : OWN, back ? OWN : SCRATCH);
        w->m.fail_cmd = back ? fail - 6 : fail;
        w->m.fail_code = 6;
        check_err(w, back ? amdvi_attach(&w->u, 8, &w->dom[0], &w->d) : amdvi_quarantine(&w->u, 8, &q, &w->d),
                  ERR_INVALID, "stopped at a command");
        assert_false(sight.was[NEW_MAP]); /* what waits for COMPLETION_WAIT has not been done */
        sight_end(w);
        check_ok(w, amdvi_quarantine(&w->u, 8, &q, &w->d));
        amdvi_model_watch(&w->m, 8)->given = false;
        assert_int_equal(dma(w, 8, BUS, true), SCRATCH);
        world_free(w);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct world *w = world_shared(true);
    struct amdvi_domain bad = scratch_tree(w);
    unsigned first = w->m.cmds;

    bad.id = 0;
    check_err(w, amdvi_quarantine(&w->u, 8, &bad, &w->d), ERR_INVALID, "domain id 0");
    assert_int_equal(w->m.cmds, first); /* nothing has changed */
    assert_int_equal(dma(w, 8, BUS, true), OWN);
    world_free(w);
}

static void test_flush_is_one_invalidation(void **state)
{
    (void)state;
    struct world *w = world_running(true);
    unsigned first = w->m.cmds;
    check_ok(w, amdvi_flush(&w->u, 1, &w->d));
    assert_int_equal(w->m.cmds - first, 2);
    assert_memory_equal(w->m.cmd + first, ((uint8_t[]){3, 1}), 2); /* pages, wait */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switch),  cmocka_unit_test(test_unowned),
        cmocka_unit_test(test_at_boot), cmocka_unit_test(test_a_step_fails),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_flush_is_one_invalidation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
