/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/vtd_model.c tests/models/vtd_model_walk.c tests/host/arch_host.c
 */
/* A function on its way to a quarantine map and back, looked at between any two steps of the driver. */
#include "vtd_world.h"

#define OWN     UINT64_C(0x10000000) /* where bus page 0x40000 leads: functions 8 and 10 */
#define OTHER   UINT64_C(0x20000000) /* function 0x105 */
#define SCRATCH UINT64_C(0x60000000) /* where every bus page of the quarantine leads */
#define BUS     UINT64_C(0x40000000)
#define HOLE    UINT64_C(0x40001000)
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

/* 0: blocked */
static uint64_t reach(struct world *w, uint16_t bdf, uint64_t addr)
{
    maddr_t out;
    return vtd_model_dma(&w->m, bdf, addr, true, &out) ? out.v : 0;
}

static void look(void)
{
    struct world *w = sight.w;
    uint64_t got = reach(w, sight.bdf, BUS), hole = reach(w, sight.bdf, HOLE);
    enum place now = got == 0 ? NOWHERE : got == sight.from ? OLD_MAP : NEW_MAP;
    assert_true(got == 0 || got == sight.from || got == sight.to);
    assert_true(hole == 0 || hole == SCRATCH);
    assert_true(now >= sight.last);
    sight.last = now;
    sight.was[now] = true;
    sight.looks++;
    /* the others, one of them of the same partition: nothing of the quarantine under their domain's id */
    assert_int_equal(reach(w, 10, BUS), OWN);
    assert_int_equal(reach(w, 10, HOLE), 0);
    assert_int_equal(reach(w, 0x105, BUS), OTHER);
    assert_int_equal(reach(w, 0x105, HOLE), 0);
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
    mmio_t r = vtd_model_mmio(model);
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
static struct vtd_domain scratch_tree(struct world *w)
{
    struct vtd_domain q = domain(w, Q_ID, SCRATCH);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t at = q.root.v + i * 4096ul;
        for (unsigned k = 0; k < 512; k++)
            words(w, at)[k] = i < 2 ? (at + 4096) | 3 : SCRATCH | 3;
        arch_clean(words(w, at), 4096);
    }
    return q;
}

static void give_quarantine(struct world *w, uint16_t bdf, const struct vtd_domain *q)
{
    struct vtd_model_watch *x = vtd_model_watch(&w->m, bdf);
    x->moving = true;
    x->also_root = q->root.v;
    x->also_id = q->id;
}

/* The map of function 8, which function 10 shares. */
static struct vtd_domain own_map(struct world *w)
{
    struct vtd_domain own = {
        .root = maddr(vtd_model_watch(&w->m, 8)->root),
        .shape = {.in_bits = 39, .out_bits = 46, .root_level = 2, .leaf_level = 1},
        .id = 1,
    };
    give(w, 10, &own);
    check_ok(w, vtd_attach(&w->u, 10, &own, &w->d));
    return own;
}

static void check_commands(const struct world *w, unsigned first, unsigned count)
{
    assert_int_equal(w->m.commands - first, count);
    for (unsigned i = 0; i < count; i++) /* context, IOTLB, wait */
        assert_int_equal(w->m.command[(first + i) % VTD_MODEL_COMMANDS], ((uint8_t[]){1, 2, 5})[i % 3]);
}

static void test_switch(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = running(world_temper(t), false);
        struct vtd_domain own = own_map(w), q = scratch_tree(w);
        unsigned first = w->m.commands;

        give_quarantine(w, 8, &q);
        sight_start(w, 8, OWN, SCRATCH);
        check_ok(w, vtd_quarantine(&w->u, 8, &q, &w->d));
        check_commands(w, first, 6); /* not present; the new map */
        assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
        sight_end(w);
        vtd_model_watch(&w->m, 8)->given = false; /* nothing of the old map is left */
        assert_int_equal(reach(w, 8, BUS), SCRATCH);
        assert_int_equal(reach(w, 8, HOLE), SCRATCH);
        check_ok(w, vtd_quarantine(&w->u, 8, &q, &w->d)); /* again */
        faults_drop(w);
        assert_int_equal(reach(w, 8, UINT64_C(1) << 40), 0); /* beyond its tables: silent */
        assert_int_equal(faults(w, 64), 0);

        /* the partition starts again: from the quarantine's map to its own, the same way */
        vtd_model_watch(&w->m, 8)->given = true;
        sight_start(w, 8, SCRATCH, OWN);
        check_ok(w, vtd_attach(&w->u, 8, &own, &w->d));
        assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
        sight_end(w);
        vtd_model_watch(&w->m, 8)->moving = false;
        assert_int_equal(reach(w, 8, HOLE), 0);
        check_err(w, vtd_attach(&w->u, 8, &q, &w->d), ERR_INVALID, "another map");

        /* to nothing: one word, one invalidation */
        first = w->m.commands;
        sight_start(w, 8, OWN, SCRATCH);
        check_ok(w, vtd_quarantine(&w->u, 8, NULL, &w->d));
        check_commands(w, first, 3);
        assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && !sight.was[NEW_MAP]);
        sight_end(w);
        world_free(w);
    }
}

/* Functions that never had a map: on a bus with a table, on one without, on one that was made silent. */
static void test_unowned(void **state)
{
    (void)state;
    static const uint16_t bdfs[] = {9, 0x200, 0x300};
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = running(world_temper(t), false);
        struct vtd_domain own = own_map(w), q = scratch_tree(w);
        uint64_t used = w->pool.used;

        check_ok(w, vtd_quarantine(&w->u, 0x301, NULL, &w->d)); /* its neighbour: no frame */
        assert_int_equal(w->pool.used, used);
        for (unsigned i = 0; i < 3; i++) {
            give_quarantine(w, bdfs[i], &q);
            sight_start(w, bdfs[i], OWN, SCRATCH);
            check_ok(w, vtd_quarantine(&w->u, bdfs[i], &q, &w->d));
            assert_true(!sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
            sight_end(w);
        }
        assert_int_equal(w->pool.used, used + 2);
        assert_int_equal(reach(w, 0x301, BUS), 0);
        give(w, 0x200, &own);
        check_ok(w, vtd_attach(&w->u, 0x200, &own, &w->d));
        assert_int_equal(reach(w, 0x200, BUS), OWN);
        assert_int_equal(reach(w, 9, BUS), SCRATCH);
        world_free(w);
    }
}

/* At boot, before enable; the frames are those that are counted for it. */
static void test_at_boot(void **state)
{
    (void)state;
    static const uint32_t bdfs[] = {8, 0x200};
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = world_temper(t);
        struct vtd_domain own = domain(w, 1, OWN), q = scratch_tree(w);

        w->pool.frames = w->pool.used + VTD_UNIT_FRAMES + vtd_stream_frames(bdfs, 2);
        give(w, 8, &own);
        give_quarantine(w, 0x200, &q);
        blocked(w);
        check_ok(w, vtd_attach(&w->u, 8, &own, &w->d));
        check_ok(w, vtd_quarantine(&w->u, 0x200, &q, &w->d));
        assert_int_equal(w->pool.used, w->pool.frames);
        check_err(w, vtd_quarantine(&w->u, 0x300, &q, &w->d), ERR_NO_SPACE, "context table of bus 3");
        check_ok(w, vtd_enable(&w->u, false, &w->d));
        assert_int_equal(reach(w, 8, BUS), OWN);
        assert_int_equal(reach(w, 0x200, BUS), SCRATCH);
        assert_int_equal(reach(w, 0x300, BUS), 0);
        w->pool.frames = FRAMES;
        world_free(w);
    }
}

/* Each command of a switch may fail: the function has one of its maps or none, and the next attempt works. */
static void test_a_step_fails(void **state)
{
    (void)state;
    for (unsigned fail = 1; fail <= 6; fail++) {
        struct world *w = running(world_new(true, 0, 0), false);
        struct vtd_domain own = own_map(w), q = scratch_tree(w);

        (void)own;
        give_quarantine(w, 8, &q);
        w->m.fail_command = fail;
        w->m.queue_delay = 2;
        sight_start(w, 8, OWN, SCRATCH);
        check_err(w, vtd_quarantine(&w->u, 8, &q, &w->d), ERR_INVALID, "FSTS.IQE");
        assert_int_equal(sight.was[NEW_MAP], fail > 3);
        sight_end(w);
        check_ok(w, vtd_quarantine(&w->u, 8, &q, &w->d));
        vtd_model_watch(&w->m, 8)->given = false;
        assert_int_equal(reach(w, 8, BUS), SCRATCH);
        world_free(w);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct world *w = running(world_new(true, 0, 0), false);
    struct vtd_domain bad = scratch_tree(w);
    unsigned first = w->m.commands;

    bad.id = 0;
    check_err(w, vtd_quarantine(&w->u, 8, &bad, &w->d), ERR_INVALID, "domain 0");
    assert_int_equal(w->m.commands, first); /* nothing has changed */
    assert_true(dma(w, 8, OWN));
    world_free(w);
}

static void test_flush_is_one_invalidation(void **state)
{
    (void)state;
    struct world *w = running(world_new(true, 0, 0), false);
    unsigned first = w->m.commands;
    check_ok(w, vtd_flush(&w->u, 1, &w->d));
    assert_int_equal(w->m.commands - first, 2);
    assert_memory_equal(w->m.command + first, ((uint8_t[]){2, 5}), 2); /* IOTLB, wait */
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
