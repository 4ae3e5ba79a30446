/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/amdvi.c kernel/iommu/amdvi_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/amdvi_model.c tests/host/arch_host.c
 */
/* The AMD-Vi driver against a register model: order, waits, refusals, and no way through at any step. */
#include "amdvi_world.h"

static void test_probe(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    probe(w);
    assert_int_equal(w->c.levels_max, 6);
    assert_true(w->c.invalidate_all);
    assert_int_equal(w->c.last_bdf, LAST);
    assert_int_equal(w->c.at.v, AT);
    w->m.efr &= ~UINT64_C(0xc40);
    probe(w);
    assert_int_equal(w->c.levels_max, 4);
    assert_false(w->c.invalidate_all);
    w->m.efr |= 0xc00;
    check_err(w, amdvi_probe(&w->c, w->mmio, maddr(AT), LAST, 0, &w->d), ERR_INVALID, "HATS 3");
    world_free(w);
}

static void test_frames_are_counted(void **state)
{
    (void)state;
    assert_int_equal(amdvi_unit_frames(0), 1 + 3);
    assert_int_equal(amdvi_unit_frames(127), 1 + 3);
    assert_int_equal(amdvi_unit_frames(128), 2 + 3);
    assert_int_equal(amdvi_unit_frames(0xffff), 512 + 3);
    assert_int_equal(amdvi_stream_frames(0), 0);
    assert_int_equal(amdvi_stream_frames(1), 1);
    assert_int_equal(amdvi_stream_frames(4), 1);
    assert_int_equal(amdvi_stream_frames(5), 2);

    struct world *w = world_new(true);
    start(w);
    for (uint16_t i = 0; i < 9; i++)
        check_ok(w, amdvi_attach(&w->u, i, &w->dom[0], &w->d));
    assert_int_equal(w->pool.used, TABLES + amdvi_unit_frames(LAST) + amdvi_stream_frames(9));
    world_free(w);
}

static void test_block(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_new(coherent);
        assert_int_equal(dma(w, 8, 0x1000, true), 0x1000);
        probe(w);
        check_ok(w, block(w));
        w->m.watching = true;
        static const uint16_t bdf[] = {0, 8, LAST, LAST + 1, 0xffff};
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(dma(w, bdf[i], 0x1000, true), UINT64_MAX);
            assert_int_equal(dma(w, bdf[i], 0x1000, false), UINT64_MAX);
            assert_int_equal(msi(w, bdf[i], 0x31), 0);
        }
        world_free(w);
    }
}

static void test_block_keeps_what_the_ivhd_says(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    check_ok(w, amdvi_probe(&w->c, w->mmio, maddr(AT), LAST, 0xff, &w->d));
    check_ok(w, block(w));
    assert_int_equal(w->m.control, 0x1f03); /* CmdBufEn, Isoc, Coherent, ResPassPW, PassPW, HtTunEn, IommuEn */
    world_free(w);
}

/* Firmware left it on: no function that it blocked passes at any step, none at all afterwards. */
static void test_take_over(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct world *w = world_new(i & 1);
        amdvi_model_watch(&w->m, 8);
        amdvi_model_watch(&w->m, 0x105);
        amdvi_model_firmware(&w->m, i & 2 ? AMDVI_MODEL_BLOCKS : AMDVI_MODEL_PASSES);
        w->m.watching = i & 2;
        probe(w);
        check_ok(w, block(w));
        w->m.watching = true;
        assert_int_equal(w->m.excl_base, 0);
        assert_int_equal(w->m.excl_limit, 0);
        assert_int_equal(w->m.status & 7, 0);
        assert_int_equal(dma(w, 8, AMDVI_MODEL_FW, true), UINT64_MAX);
        assert_int_equal(dma(w, 0x105, 0x1000, true), UINT64_MAX);
        give(w, 8, 0, 0);
        check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
        check_ok(w, amdvi_enable(&w->u, &w->d));
        assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
        assert_int_equal(dma(w, 8, AMDVI_MODEL_FW, true), UINT64_MAX);
        assert_int_equal(dma(w, 0x105, 0x1000, true), UINT64_MAX);
        world_free(w);
    }
}

static void test_take_over_refused(void **state)
{
    (void)state;
    static const unsigned bits[] = {16, 17, 34, 36, 50};
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        struct world *w = world_new(true);
        amdvi_model_firmware(&w->m, AMDVI_MODEL_BLOCKS);
        w->m.control |= UINT64_C(1) << bits[i];
        uint64_t devtab = w->m.devtab;
        probe(w);
        check_err(w, block(w), ERR_INVALID, "cannot change");
        assert_int_equal(w->m.devtab, devtab); /* nothing touched */
        check_err(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d), ERR_INVALID, "not blocked");
        world_free(w);
    }
}

static void test_waits_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct world *w = world_new(true);
        const char *words = "CmdBufRun stays 0";
        if (i == 0) {
            w->m.cmd_never_run = true;
        } else if (i == 1) {
            w->m.cmd_hangs = true;
            words = "COMPLETION_WAIT did not store";
        } else if (i == 2) {
            w->m.store_lost = true;
            words = "COMPLETION_WAIT did not store";
        } else if (i == 3) {
            amdvi_model_firmware(&w->m, AMDVI_MODEL_BLOCKS);
            w->m.run_stays = true;
            words = "runs on";
        } else {
            w->m.evt_never_run = true;
            words = "EventLogRun stays 0";
        }
        probe(w);
        err_t e = block(w);
        if (i == 4) {
            check_ok(w, e);
            e = amdvi_enable(&w->u, &w->d);
        }
        check_err(w, e, ERR_TIMEOUT, words);
        assert_in_range(arch_host.ticks, 100 * NS, 260 * NS);
        world_free(w);
    }
}

static void test_a_slow_unit_is_waited_for(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    w->m.delay = 200;
    start(w);
    check_ok(w, amdvi_enable(&w->u, &w->d));
    world_free(w);
}

static void test_no_frames(void **state)
{
    (void)state;
    for (uint64_t left = 0; left < 9; left++) {
        struct world *w = world_new(true);
        w->pool.used = FRAMES - left;
        probe(w);
        check_err(w, block(w), ERR_NO_SPACE, "no frames left");
        world_free(w);
    }
    struct world *w = world_new(true);
    w->pool.used = FRAMES - 9;
    start(w);
    check_err(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d), ERR_NO_SPACE, "remapping tables");
    assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
    world_free(w);
}

static void test_attached_functions_pass(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_running(coherent);
        assert_int_equal(dma(w, 8, BUS + 8, true), 0x110000008);
        assert_int_equal(dma(w, 8, BUS + 0x1000, false), UINT64_MAX);
        assert_int_equal(dma(w, 0x105, BUS, false), 0x220000000);
        assert_int_equal(dma(w, 0x105, BUS, true), UINT64_MAX); /* read-only */
        assert_int_equal(dma(w, 9, BUS, false), UINT64_MAX);
        assert_int_equal(dma(w, LAST + 1, BUS, false), UINT64_MAX);
        world_free(w);
    }
}

static void test_attach_refuses(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    check_err(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d), ERR_INVALID, "not blocked");
    check_err(w, amdvi_enable(&w->u, &w->d), ERR_INVALID, "before it was blocked");
    check_err(w, amdvi_flush(&w->u, 1, &w->d), ERR_INVALID, "not blocked");
    assert_int_equal(events(w, 8), 0);
    start(w);
    struct amdvi_domain bad = w->dom[0];
    check_err(w, amdvi_attach(&w->u, LAST + 1, &bad, &w->d), ERR_INVALID, "at most 0x2ff");
    bad.id = 0;
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "domain id 0");
    bad = w->dom[0];
    bad.shape.root_level = 1;
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "2 levels, want 3 to 6");
    bad.shape.root_level = 6;
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "7 levels");
    bad = w->dom[0];
    bad.root.v |= 0x800;
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "root");
    bad.root.v = UINT64_C(1) << 52;
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "root");
    assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);

    give(w, 8, 0, 0);
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    uint64_t used = w->pool.used;
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    check_err(w, amdvi_attach(&w->u, 8, &w->dom[1], &w->d), ERR_INVALID, "is in domain 1");
    bad = w->dom[0];
    bad.id = 3; /* the same tables */
    check_err(w, amdvi_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "given domain 3");
    assert_int_equal(w->pool.used, used);
    check_ok(w, amdvi_enable(&w->u, &w->d));
    check_err(w, amdvi_enable(&w->u, &w->d), ERR_INVALID, "twice");
    world_free(w);
}

static void test_attach_while_on(void **state)
{
    (void)state;
    struct world *w = world_running(false);
    assert_int_equal(dma(w, 9, BUS, true), UINT64_MAX);
    give(w, 9, 0, 2);
    check_ok(w, amdvi_attach(&w->u, 9, &w->dom[0], &w->d));
    assert_int_equal(dma(w, 9, BUS, true), 0x110000000);
    world_free(w);
}

static void test_routes(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_running(coherent);
        struct amdvi_irte a = amdvi_irte_entry(0x61, 3, false, 0), b = amdvi_irte_entry(0x62, 1, true, 1), none = {0};
        struct amdvi_model_irq i;
        assert_int_equal(msi(w, 8, 5), 0);
        check_ok(w, amdvi_route(&w->u, 8, 5, &a, &w->d));
        assert_true(amdvi_model_msi(&w->m, 8, 5, &i));
        assert_true(i.remapped && i.vector == 0x61 && i.dest == 3 && i.delivery == 0 && !i.logical);
        check_ok(w, amdvi_route(&w->u, 8, 5, &b, &w->d));
        assert_true(amdvi_model_msi(&w->m, 8, 5, &i));
        assert_true(i.remapped && i.vector == 0x62 && i.dest == 1 && i.delivery == 1 && i.logical);
        assert_int_equal(msi(w, 8, 6), 0);
        assert_int_equal(msi(w, 0x105, 5), 0); /* a table of its own */
        check_ok(w, amdvi_route(&w->u, 8, 5, &none, &w->d));
        assert_int_equal(msi(w, 8, 5), 0);
        check_ok(w, amdvi_route(&w->u, 8, 255, &a, &w->d));
        assert_int_equal(msi(w, 8, 255), 0x61);

        check_err(w, amdvi_route(&w->u, 8, 256, &a, &w->d), ERR_INVALID, "below 256");
        check_err(w, amdvi_route(&w->u, 9, 0, &a, &w->d), ERR_INVALID, "attached");
        check_err(w, amdvi_route(&w->u, LAST + 1, 0, &a, &w->d), ERR_INVALID, "at most");
        world_free(w);
    }
}

static void test_routes_before_enable(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    struct amdvi_irte a = amdvi_irte_entry(0x61, 3, false, 0);
    give(w, 8, 0, 0);
    start(w);
    assert_int_equal(msi(w, 8, 1), 0);
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    check_ok(w, amdvi_route(&w->u, 8, 1, &a, &w->d));
    check_ok(w, amdvi_enable(&w->u, &w->d));
    assert_int_equal(msi(w, 8, 1), 0x61);
    world_free(w);
}

static void test_quarantine(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_running(coherent);
        struct amdvi_irte a = amdvi_irte_entry(0x61, 3, false, 0);
        check_ok(w, amdvi_route(&w->u, 8, 5, &a, &w->d));
        check_ok(w, amdvi_route(&w->u, 0x105, 5, &a, &w->d));
        give(w, 9, 0, 2);
        check_ok(w, amdvi_attach(&w->u, 9, &w->dom[0], &w->d));
        assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
        assert_int_equal(msi(w, 8, 5), 0x61);

        check_ok(w, amdvi_quarantine(&w->u, 8, NULL, &w->d));
        amdvi_model_watch(&w->m, 8)->given = false;
        assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
        assert_int_equal(dma(w, 8, BUS + 0x1000, false), UINT64_MAX);
        assert_int_equal(msi(w, 8, 5), 0);
        assert_int_equal(events(w, 8), 0); /* silent */
        assert_int_equal(dma(w, 9, BUS, true), 0x110000000);
        assert_int_equal(msi(w, 0x105, 5), 0x61);
        check_err(w, amdvi_quarantine(&w->u, LAST + 1, NULL, &w->d), ERR_INVALID, "at most");

        uint64_t used = w->pool.used;
        give(w, 8, 1, 0);
        check_ok(w, amdvi_attach(&w->u, 8, &w->dom[1], &w->d));
        assert_int_equal(w->pool.used, used);
        assert_int_equal(dma(w, 8, BUS, false), 0x220000000);
        assert_int_equal(msi(w, 8, 5), 0); /* routes are gone */
        world_free(w);
    }
}

static void test_quarantine_of_an_unattached_function(void **state)
{
    (void)state;
    struct world *w = world_running(true);
    assert_int_equal(dma(w, 9, BUS, true), UINT64_MAX);
    assert_int_equal(events(w, 8), 1);
    check_ok(w, amdvi_quarantine(&w->u, 9, NULL, &w->d));
    assert_int_equal(dma(w, 9, BUS, true), UINT64_MAX);
    assert_int_equal(msi(w, 9, 0), 0);
    assert_int_equal(events(w, 8), 0);
    world_free(w);
}

static void test_flush(void **state)
{
    (void)state;
    struct world *w = world_running(false);
    assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
    *w->leaf[0] = 0;
    arch_clean(w->leaf[0], 8);
    assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
    check_ok(w, amdvi_flush(&w->u, 2, &w->d));
    assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
    check_ok(w, amdvi_flush(&w->u, 1, &w->d));
    assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
    world_free(w);
}

static void test_the_command_buffer_wraps(void **state)
{
    (void)state;
    struct world *w = world_running(false);
    for (unsigned i = 0; i < 600; i++)
        check_ok(w, amdvi_flush(&w->u, 1, &w->d));
    world_free(w);
}

static void test_a_unit_without_invalidate_all(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    w->m.efr &= ~UINT64_C(0x40);
    give(w, 8, 0, 0);
    start(w);
    assert_true(w->m.cmds > 0x10000 + 2 * (LAST + 1));
    assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
    check_ok(w, amdvi_attach(&w->u, 8, &w->dom[0], &w->d));
    check_ok(w, amdvi_enable(&w->u, &w->d));
    assert_int_equal(dma(w, 8, BUS, true), 0x110000000);
    world_free(w);

    w = world_new(true);
    w->m.efr &= ~UINT64_C(0x40);
    w->m.cmd_hangs = true;
    probe(w);
    check_err(w, block(w), ERR_TIMEOUT, "COMPLETION_WAIT did not store");
    assert_in_range(arch_host.ticks, 100 * NS, 110 * NS); /* the first time-out is the last */
    world_free(w);
}

static void test_failed_commands(void **state)
{
    (void)state;
    for (uint8_t code = 5; code < 7; code++) {
        struct world *w = world_running(true);
        w->m.fail_cmd = 1;
        w->m.fail_code = code;
        check_err(w, amdvi_flush(&w->u, 1, &w->d), ERR_INVALID, "stopped at a command");
        assert_int_equal(events(w, 8), 1);
        assert_int_equal(w->faults, 0);
        assert_int_equal(w->notes, 1);
        assert_non_null(strstr(w->note[0], "command"));
        check_ok(w, amdvi_flush(&w->u, 1, &w->d)); /* started again */
        world_free(w);
    }
    struct world *w = world_running(true);
    w->m.cmd_hangs = true;
    check_err(w, amdvi_flush(&w->u, 1, &w->d), ERR_TIMEOUT, "within 100 ms");
    w->m.run_stays = true;
    check_err(w, amdvi_flush(&w->u, 1, &w->d), ERR_TIMEOUT, "CmdBufRun stays 1");
    w->m.cmd_hangs = w->m.run_stays = false;
    check_ok(w, amdvi_flush(&w->u, 1, &w->d));
    world_free(w);
}

static void test_events(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_running(coherent);
        assert_int_equal(events(w, 8), 0);
        (void)dma(w, 8, BUS + 0x1000, false);
        (void)dma(w, 0x105, BUS, true);
        (void)msi(w, 8, 7);
        assert_int_equal(w->m.status & 2, 2);
        assert_int_equal(events(w, 2), 2);
        assert_int_equal(w->m.status & 2, 0);
        assert_int_equal(w->fault[0].bdf, 8);
        assert_int_equal(w->fault[0].domain, 1);
        assert_int_equal(w->fault[0].addr, BUS + 0x1000);
        assert_false(w->fault[0].write);
        assert_string_equal(w->fault[0].what, "page not present");
        assert_int_equal(w->fault[1].bdf, 0x105);
        assert_true(w->fault[1].write);
        assert_string_equal(w->fault[1].what, "permission fault");
        assert_int_equal(events(w, 8), 1);
        assert_true(w->fault[0].interrupt);
        assert_int_equal(w->fault[0].bdf, 8);
        assert_int_equal(events(w, 8), 0);
        world_free(w);
    }
}

static void test_overflow(void **state)
{
    (void)state;
    for (int coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_running(coherent);
        for (unsigned i = 0; i < 300; i++)
            (void)dma(w, 8, BUS + 0x1000, false);
        assert_true(w->m.lost > 0);
        assert_int_equal(events(w, 100), 100);
        assert_int_equal(w->notes, 0); /* not empty yet */
        assert_int_equal(events(w, 512), 155);
        assert_int_equal(w->notes, 1);
        assert_non_null(strstr(w->note[0], "full"));
        assert_int_equal(events(w, 512), 0);
        assert_int_equal(w->notes, 0);
        for (unsigned i = 0; i < 3; i++) {
            (void)dma(w, 8, BUS + 0x2000, true);
            assert_int_equal(events(w, 8), 1); /* it logs again */
            assert_int_equal(w->fault[0].addr, BUS + 0x2000);
        }
        w->m.evt_never_run = true;
        for (unsigned i = 0; i < 300; i++)
            (void)dma(w, 8, BUS + 0x1000, false);
        assert_int_equal(events(w, 512), 255);
        assert_non_null(strstr(w->note[0], "does not start again"));

        w->m.evt_never_run = false;
        check_ok(w, amdvi_flush(&w->u, 1, &w->d)); /* its control is as before */
        for (unsigned i = 0; i < 300; i++)
            (void)dma(w, 8, BUS + 0x1000, false);
        w->m.run_stays = true;
        w->m.status |= 1 << 3;
        assert_int_equal(events(w, 512), 255);
        assert_non_null(strstr(w->note[0], "does not start again"));
        world_free(w);
    }
}

static void test_quarantine_from_the_fault_handler(void **state)
{
    (void)state;
    struct world *w = world_running(false);
    w->quarantine_on_fault = true;
    (void)dma(w, 8, BUS + 0x1000, false);
    amdvi_model_watch(&w->m, 9);
    assert_int_equal(events(w, 8), 1);
    amdvi_model_watch(&w->m, 8)->given = false;
    assert_int_equal(dma(w, 8, BUS, true), UINT64_MAX);
    world_free(w);
}

/* Errata 732, 733: the tail is ahead of the event. It is taken for an unknown one, and the log goes on. */
static void test_an_event_that_never_arrives(void **state)
{
    (void)state;
    struct world *w = world_running(true);
    amdvi_model_event(&w->m, (const uint64_t[2]){0, 0});
    (void)dma(w, 8, BUS + 0x1000, false);
    uint64_t before = arch_host.ticks;
    assert_int_equal(events(w, 8), 2);
    assert_in_range(arch_host.ticks - before, 100 * NS, 110 * NS);
    assert_int_equal(w->notes, 1);
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault[0].bdf, 8);
    for (unsigned i = 0; i < 256; i++) {
        (void)dma(w, 8, BUS + 0x1000, false);
        assert_int_equal(events(w, 8), 1);
    }
    w->m.evt_tail += 16; /* where an old event was */
    assert_int_equal(events(w, 8), 1);
    assert_int_equal(w->faults, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_frames_are_counted),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_block_keeps_what_the_ivhd_says),
        cmocka_unit_test(test_take_over),
        cmocka_unit_test(test_take_over_refused),
        cmocka_unit_test(test_waits_are_bounded),
        cmocka_unit_test(test_a_slow_unit_is_waited_for),
        cmocka_unit_test(test_no_frames),
        cmocka_unit_test(test_attached_functions_pass),
        cmocka_unit_test(test_attach_refuses),
        cmocka_unit_test(test_attach_while_on),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_routes_before_enable),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_quarantine_of_an_unattached_function),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_the_command_buffer_wraps),
        cmocka_unit_test(test_a_unit_without_invalidate_all),
        cmocka_unit_test(test_failed_commands),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_quarantine_from_the_fault_handler),
        cmocka_unit_test(test_an_event_that_never_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
