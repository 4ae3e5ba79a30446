/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/smmuv3_model.c tests/models/smmuv3_model_walk.c tests/host/arch_host.c
 */
/* A stream on its way to a quarantine map and back, looked at between any two steps of the driver. */
#include "smmuv3_world.h"

#define OWN   0x80100000 /* roots: of stream 8's partition, of the quarantine */
#define QUIET 0x80500000
#define Q_ID  9

enum place { OLD_MAP, NOWHERE, NEW_MAP };

/* What stream sid met since sight_start: never again a place that it has left. */
static struct {
    struct world *w;
    uint32_t sid;
    uint64_t from, to; /* roots */
    enum place last;
    bool was[3];
    unsigned looks;
    void (*publish)(void *);
} sight;

static void look(void)
{
    struct world *w = sight.w;
    enum model_dma got = smmuv3_model_stream(&w->m, sight.sid);
    uint64_t root = smmuv3_model_watch(&w->m, sight.sid)->ste[3];
    enum place now = got != MODEL_STAGE2 ? NOWHERE : root == sight.from ? OLD_MAP : NEW_MAP;
    assert_true(got == MODEL_STAGE2 ? root == sight.from || root == sight.to : got <= MODEL_BAD_STREAM);
    assert_true(now >= sight.last);
    sight.last = now;
    sight.was[now] = true;
    sight.looks++;
    assert_int_equal(smmuv3_model_stream(&w->m, 0x105), MODEL_STAGE2); /* the other device's map: its watch */
    assert_int_equal(smmuv3_model_watch(&w->m, 0x105)->ste[3], 0x80200000);
}

static void look_at_publish(void *ctx)
{
    sight.publish(ctx);
    look();
}

static void look_at_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    mmio_t r = smmuv3_model_mmio(model);
    r.access(r.model, off, width, write, value);
    look();
}

static void sight_start(struct world *w, uint32_t sid, uint64_t from, uint64_t to)
{
    memset(&sight, 0, sizeof sight);
    sight.w = w;
    sight.sid = sid;
    sight.from = from;
    sight.to = to;
    sight.publish = arch_host.on_publish;
    arch_host.on_publish = look_at_publish;
    w->s.base = (mmio_t){look_at_access, &w->m};
}

static void sight_end(struct world *w)
{
    arch_host.on_publish = sight.publish;
    w->s.base = w->mmio;
    assert_true(sight.looks > 5);
}

/* The stream may pass with the quarantine's words, too: S2R (bit 58) is 0. */
static void give_quarantine(struct world *w, uint32_t sid)
{
    struct model_watch *x = smmuv3_model_watch(&w->m, sid);
    x->moving = true;
    x->also[0] = 0xd;
    x->also[2] = (w->m.coherent ? 0x000c355900000000 : 0x000c005900000000) | Q_ID;
    x->also[3] = QUIET;
}

static void check_switch(bool coherent)
{
    struct world *w = world_running(coherent);
    struct smmuv3_stage2 own = stage2(OWN, 1), q = stage2(QUIET, Q_ID);
    unsigned first = w->m.cmds;

    give_quarantine(w, 8);
    sight_start(w, 8, OWN, QUIET);
    check_ok(w, smmuv3_quarantine(&w->s, 8, &q, &w->d));
    assert_int_equal(w->m.cmds - first, 7); /* abort; the rest, old translations of its VMID; the valid word */
    assert_memory_equal(w->m.cmd + first, "\x03\x46\x03\x28\x46\x03\x46", 7);
    assert_int_equal(w->m.vmall, Q_ID);
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
    sight_end(w);
    smmuv3_model_watch(&w->m, 8)->given = false; /* nothing of the old map is left */
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    check_ok(w, smmuv3_quarantine(&w->s, 8, &q, &w->d)); /* again */
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);

    /* the partition starts again: from the quarantine's map to its own, the same way */
    smmuv3_model_watch(&w->m, 8)->given = true;
    sight_start(w, 8, QUIET, OWN);
    check_ok(w, smmuv3_attach(&w->s, 8, &own, &w->d));
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
    sight_end(w);
    smmuv3_model_watch(&w->m, 8)->moving = false;
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    own.vmid = 7;
    check_err(w, smmuv3_attach(&w->s, 8, &own, &w->d), ERR_INVALID, "another map");

    /* to abort: one word, one invalidation */
    first = w->m.cmds;
    sight_start(w, 8, OWN, QUIET);
    check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
    assert_memory_equal(w->m.cmd + first, "\x03\x46", 2);
    assert_int_equal(w->m.cmds - first, 2);
    assert_true(sight.was[OLD_MAP] && sight.was[NOWHERE] && !sight.was[NEW_MAP]);
    sight_end(w);
    assert_int_equal(events(w, 9), 0); /* silent all the way */
    world_free(w);
}

static void test_switch(void **state)
{
    (void)state;
    check_switch(true);
    check_switch(false);
}

/* Streams that never had a map: in a group with a table, in one without, in one that was made silent. */
static void check_unowned(bool coherent)
{
    static const uint32_t sids[] = {9, 0x200, 0x12a};
    struct world *w = world_running(coherent);
    struct smmuv3_stage2 own = stage2(OWN, 1), q = stage2(QUIET, Q_ID);
    uint64_t used = w->pool.used;

    check_ok(w, smmuv3_quarantine(&w->s, 0x12b, NULL, &w->d)); /* its neighbour: no frame */
    smmuv3_model_watch(&w->m, 0x12b);
    assert_int_equal(w->pool.used, used);
    for (unsigned i = 0; i < 3; i++) {
        give_quarantine(w, sids[i]);
        sight_start(w, sids[i], OWN, QUIET);
        check_ok(w, smmuv3_quarantine(&w->s, sids[i], &q, &w->d));
        assert_true(!sight.was[OLD_MAP] && sight.was[NOWHERE] && sight.was[NEW_MAP]);
        sight_end(w);
    }
    assert_int_equal(w->pool.used, used + 1); /* 0x12a shares a group with 0x105 */
    assert_int_equal(smmuv3_model_stream(&w->m, 0x12b), MODEL_ABORT);
    check_ok(w, smmuv3_quarantine(&w->s, 0x201, NULL, &w->d)); /* a neighbour alone, now */
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);

    give(w, 0x200, OWN, 1);
    check_ok(w, smmuv3_attach(&w->s, 0x200, &own, &w->d));
    smmuv3_model_watch(&w->m, 0x200)->moving = false;
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);
    check_ok(w, smmuv3_quarantine(&w->s, 9, NULL, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 9), MODEL_ABORT);
    world_free(w);
}

static void test_unowned(void **state)
{
    (void)state;
    check_unowned(true);
    check_unowned(false);
}

/* At boot, before enable: no command runs, and the frames are those that are counted for it. */
static void test_at_boot(void **state)
{
    (void)state;
    static const uint32_t sids[] = {8, 0x200};
    struct world *w = world_new(true);
    struct smmuv3_stage2 own = stage2(OWN, 1), q = stage2(QUIET, Q_ID);

    give(w, 8, OWN, 1);
    give_quarantine(w, 0x200);
    w->pool.frames = smmuv3_unit_frames(16, 1) + smmuv3_stream_frames(sids, 2);
    start(w);
    check_ok(w, smmuv3_attach(&w->s, 8, &own, &w->d));
    check_ok(w, smmuv3_quarantine(&w->s, 0x200, &q, &w->d));
    assert_int_equal(w->pool.used, w->pool.frames);
    check_err(w, smmuv3_quarantine(&w->s, 0x300, &q, &w->d), ERR_NO_SPACE, "level-2");
    assert_int_equal(w->m.cmds, 0);
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x300), MODEL_BAD_STREAM);
    world_free(w);
}

/* Each command of a switch may fail: the stream has one of its maps or none, and the next attempt works. */
static void test_a_step_fails(void **state)
{
    (void)state;
    for (unsigned fail = 1; fail <= 7; fail++) {
        struct world *w = world_running(true);
        struct smmuv3_stage2 q = stage2(QUIET, Q_ID);

        give_quarantine(w, 8);
        sight_start(w, 8, OWN, QUIET);
        w->m.fail_cmd = fail;
        w->m.fail_reason = 1;
        check_err(w, smmuv3_quarantine(&w->s, 8, &q, &w->d), ERR_INVALID, "a command failed");
        assert_int_equal(sight.was[NEW_MAP], fail > 6); /* the last one is a SYNC: already there */
        sight_end(w);
        check_ok(w, smmuv3_quarantine(&w->s, 8, &q, &w->d));
        smmuv3_model_watch(&w->m, 8)->given = false;
        assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
        world_free(w);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct world *w = world_running(true);
    struct smmuv3_stage2 bad = stage2(QUIET + 8, Q_ID);
    unsigned first = w->m.cmds;

    check_err(w, smmuv3_quarantine(&w->s, 8, &bad, &w->d), ERR_INVALID, "0x1000 alignment");
    bad = stage2(QUIET, Q_ID);
    check_err(w, smmuv3_quarantine(&w->s, 0x10000, &bad, &w->d), ERR_INVALID, "16 stream id bits");
    assert_int_equal(w->m.cmds, first); /* nothing has changed */
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    world_free(w);
}

static void test_flush(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    check_err(w, smmuv3_flush(&w->s, 1, &w->d), ERR_INVALID, "VMID 1 flushed on a unit that was not set up");
    start(w);
    check_ok(w, smmuv3_flush(&w->s, 1, &w->d)); /* off: nothing is cached */
    assert_int_equal(w->m.cmds, 0);
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    unsigned first = w->m.cmds;
    check_ok(w, smmuv3_flush(&w->s, 0xbeef, &w->d));
    assert_int_equal(w->m.cmds - first, 2);
    assert_memory_equal(w->m.cmd + first, "\x28\x46", 2);
    assert_int_equal(w->m.vmall, 0xbeef);
    w->m.cmdq_hangs = true;
    check_err(w, smmuv3_flush(&w->s, 1, &w->d), ERR_TIMEOUT, "CMD_SYNC");
    w->m.cmdq_hangs = false;
    check_ok(w, smmuv3_flush(&w->s, 1, &w->d)); /* the lock was given back */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switch),       cmocka_unit_test(test_unowned), cmocka_unit_test(test_at_boot),
        cmocka_unit_test(test_a_step_fails), cmocka_unit_test(test_refused), cmocka_unit_test(test_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
