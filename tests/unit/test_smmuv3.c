/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/smmuv3_model.c tests/models/smmuv3_model_walk.c tests/host/arch_host.c
 */
/* The SMMUv3 driver against a register model: order, waits, refusals, and no way through at any step. */
#include "smmuv3_world.h"

static void test_probe(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    check_ok(w, smmuv3_probe(&w->b, w->mmio, &w->d));
    assert_int_equal(w->b.sid_bits, 16);
    assert_int_equal(w->b.in_bits, 44);
    assert_int_equal(w->b.out_bits, 44);
    assert_true(w->b.stage2);
    assert_true(w->b.coherent);

    w->m.idr0 &= ~0x10u;
    w->m.idr1 = (w->m.idr1 & ~0x3fu) | 32;
    w->m.idr5 |= 7;
    w->m.idr5 &= ~1u; /* OAS 6: 52 bits */
    check_ok(w, smmuv3_probe(&w->b, w->mmio, &w->d));
    assert_false(w->b.coherent); /* firmware says so, the unit cannot */
    assert_int_equal(w->b.sid_bits, 20);
    assert_int_equal(w->b.out_bits, 48);
    world_free(w);
}

static void test_probe_refuses(void **state)
{
    (void)state;
    static const struct {
        unsigned idr;
        uint32_t clear, set;
        const char *words;
    } bad[] = {
        {0, 1, 0, "stage 2"},
        {0, 0xc, 4, "AArch64"},
        {0, 3u << 21, 3u << 21, "little-endian"},
        {0, 3u << 24, 2u << 24, "terminate"},
        {0, 3u << 27, 0, "two-level"},
        {1, 0, 1u << 30, "TABLES_PRESET"},
        {1, 0, 1u << 29, "QUEUES_PRESET"},
        {1, 0x1fu << 21, 7u << 21, "queues of 2^7 commands"},
        {1, 0x1fu << 16, 6u << 16, "2^6 events"},
        {5, 0x10, 0, "4 KiB granule"},
        {5, 0, 7, "OAS 7"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_new(true);
        uint32_t *r = bad[i].idr == 0 ? &w->m.idr0 : bad[i].idr == 1 ? &w->m.idr1 : &w->m.idr5;
        *r = (*r & ~bad[i].clear) | bad[i].set;
        check_err(w, smmuv3_probe(&w->b, w->mmio, &w->d), ERR_INVALID, bad[i].words);
        assert_false(w->b.stage2);
        world_free(w);
    }
    struct world *w = world_new(true);
    w->b.size = 0x10000;
    check_err(w, smmuv3_probe(&w->b, w->mmio, &w->d), ERR_INVALID, "0x20000");
    world_free(w);
}

static void test_block(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_BYPASS);
    check_ok(w, smmuv3_block(w->mmio, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);
    assert_int_equal(w->m.gbpa, 0x101000); /* the attributes stay */
    world_free(w);
}

static void test_block_waits_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct world *w = world_new(true);
        const char *words = "GBPA";
        if (i == 0) {
            w->m.gbpa |= 1u << 31;
            w->m.gbpa_hangs = true;
        } else if (i == 1) {
            w->m.gbpa_hangs = true;
        } else if (i == 2) {
            w->m.gbpa_lacks_abort = true; /* as QEMU 7.2 */
        } else if (i == 3) {
            w->m.cr0 = w->m.cr0ack = 0xd;
            w->m.never_ack = 1;
            words = "CR0ACK";
        } else {
            w->m.irq_ctrl = w->m.irq_ctrlack = 5;
            w->m.irq_never_ack = true;
            words = "IRQ_CTRLACK";
        }
        check_err(w, smmuv3_block(w->mmio, &w->d), ERR_TIMEOUT, words);
        assert_in_range(arch_host.ticks, 100 * NS, 102 * NS);
        world_free(w);
    }
}

static void check_running(bool coherent)
{
    struct world *w = world_running(coherent);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x105), MODEL_STAGE2);
    assert_int_equal(smmuv3_model_stream(&w->m, 9), MODEL_ABORT);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_BAD_STREAM);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x12345), MODEL_BAD_STREAM); /* beyond the table */
    assert_int_equal(w->m.cr0ack, 0xd);
    assert_int_equal(w->m.irq_ctrlack, 5);
    assert_int_equal(w->m.gbpa_live & 1 << 20, 1 << 20);
    /* the unit has no EL2 contexts: CFGI_ALL, TLBI_NSNH_ALL, SYNC */
    assert_int_equal(w->m.cmds, 3);
    assert_memory_equal(w->m.cmd, "\x04\x30\x46", 3);
    assert_int_equal(coherent, arch_host.cleans == 0);
    assert_int_equal(events(w, 10), 2);
    assert_int_equal(w->fault[0].sid, 0x200);
    assert_string_equal(w->fault[0].what, "unknown stream");
    assert_int_equal(w->fault[1].sid, 0x12345);
    assert_int_equal(w->notes, 0);
    world_free(w);
}

static void test_running(void **state)
{
    (void)state;
    check_running(true);
    check_running(false);
}

static void test_hyp_ats_msi(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    w->m.idr0 |= 1u << 9 | 1u << 10 | 1u << 13;
    w->m.gerror_irq_cfg0 = 0x40000000; /* firmware's */
    w->m.evtq_irq_cfg0 = 0x40000000;
    w->m.gerror = 0x4;
    w->m.idr1 |= 1u << 27;
    start(w);
    struct smmuv3_stage2 a = stage2(0x80100000, 1);
    give(w, 8, 0x80100000, 1);
    smmuv3_model_watch(&w->m, 8)->want[1] = 0x0000100000000000; /* SHCFG counts on this unit */
    check_ok(w, smmuv3_attach(&w->s, 8, &a, &w->d));
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    assert_memory_equal(w->m.cmd, "\x04\x30\x20\x46", 4);
    assert_int_equal(w->m.cr0ack, 0x1d);
    assert_int_equal(w->m.gerror, w->m.gerrorn);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    world_free(w);
}

/* Firmware left translation on, with a table of its own and a cached bypass entry. */
static void test_taken_over_from_firmware(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct model_watch *x = smmuv3_model_watch(&w->m, 8);
    x->cached = true;
    x->got = MODEL_BYPASS;
    x->ste[0] = 9;
    w->m.cr0 = w->m.cr0ack = 0xd;
    w->m.irq_ctrl = w->m.irq_ctrlack = 7;
    w->m.delay = 50;
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_BYPASS);
    start(w);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_BAD_STREAM);
    world_free(w);
}

static void test_enable_fails_closed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct world *w = world_new(true);
        struct smmuv3_stage2 a = stage2(0x80100000, 1);
        err_t want = ERR_TIMEOUT;
        const char *words = "CR0ACK";
        give(w, 8, 0x80100000, 1);
        smmuv3_model_watch(&w->m, 0x200);
        start(w);
        check_ok(w, smmuv3_attach(&w->s, 8, &a, &w->d));
        uint64_t ticks = arch_host.ticks;
        if (i < 3) {
            w->m.never_ack = (const uint32_t[]){1, 4, 8}[i];
        } else if (i == 3) {
            w->m.irq_never_ack = true;
            words = "IRQ_CTRLACK";
        } else if (i == 4) {
            w->m.cmdq_hangs = true;
            words = "CMD_SYNC";
        } else {
            w->m.fail_cmd = 2;
            w->m.fail_reason = 1;
            want = ERR_INVALID;
            words = "illegal command";
        }
        check_err(w, smmuv3_enable(&w->s, &w->d), want, words);
        assert_in_range(arch_host.ticks - ticks, 0, 102 * NS);
        assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);
        assert_int_equal(w->m.cr0ack & 1, 0);
        assert_int_equal(events(w, 1), 0);
        world_free(w);
    }
}

static void test_wrong_order_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct smmuv3_stage2 a = stage2(0x80100000, 1);
    check_ok(w, smmuv3_probe(&w->b, w->mmio, &w->d));
    check_err(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_INVALID, "blocked");
    check_err(w, smmuv3_enable(&w->s, &w->d), ERR_INVALID, "set up");
    check_err(w, smmuv3_attach(&w->s, 8, &a, &w->d), ERR_INVALID, "not set up");
    check_err(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d), ERR_INVALID, "not set up");
    assert_int_equal(events(w, 4), 0);
    assert_int_equal(w->pool.used, 0);

    check_ok(w, smmuv3_block(w->mmio, &w->d));
    w->m.gerror = 1u << 8;
    check_err(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_INVALID, "service failure");
    w->m.gerror = 0;
    w->pool.first = mfn((UINT64_C(1) << 32) - FRAMES + 1); /* 44 bits are 2^32 frames */
    check_err(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_INVALID, "44 bits");
    w->pool.first = mfn(0x80001);
    w->pool.used = FRAMES - 4;
    check_err(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_NO_SPACE, "no frame");
    check_err(w, smmuv3_enable(&w->s, &w->d), ERR_INVALID, "set up");
    w->pool.used = 0;
    check_ok(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d));
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    check_err(w, smmuv3_enable(&w->s, &w->d), ERR_INVALID, "twice");
    world_free(w);
}

static void test_attach_refuses(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct smmuv3_stage2 s2 = stage2(0x80100000, 1);
    start(w);
    check_err(w, smmuv3_attach(&w->s, 0x10000, &s2, &w->d), ERR_INVALID, "16 stream id bits");
    check_err(w, smmuv3_quarantine(&w->s, 0x10000, NULL, &w->d), ERR_INVALID, "16 stream id bits");

    const struct {
        uint8_t bits, level;
        bool ok;
    } shapes[] = {{30, 2, false}, {31, 2, true}, {43, 2, true},  {44, 2, false}, {39, 3, false},
                  {40, 3, true},  {44, 3, true}, {48, 3, false}, {39, 1, false}, {39, 0, false}};
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        s2.shape.in_bits = shapes[i].bits;
        s2.shape.root_level = shapes[i].level;
        err_t e = smmuv3_attach(&w->s, 0x1000 + i, &s2, &w->d);
        if (shapes[i].ok)
            check_ok(w, e);
        else
            check_err(w, e, ERR_INVALID, "input bits");
    }
    s2 = stage2(0x80100800, 1);
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "0x1000 alignment");
    s2 = stage2(0x80103000, 1);
    s2.shape.in_bits = 41; /* four concatenated frames */
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "0x4000 alignment");
    s2 = stage2(UINT64_C(1) << 44, 1);
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "root 0x100000000000");
    s2 = stage2(0x80100000, 1);
    s2.pa_bits = 48;
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "48 address bits");
    s2 = stage2(0x80100000, 0x100);
    w->s.idr0 &= ~(1u << 18);
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "at most 255");

    s2 = stage2(0x80100000, 1);
    check_ok(w, smmuv3_attach(&w->s, 8, &s2, &w->d));
    check_ok(w, smmuv3_attach(&w->s, 8, &s2, &w->d)); /* two functions behind one stream */
    s2.vmid = 2;
    check_err(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "another map");
    w->pool.used = FRAMES;
    check_err(w, smmuv3_attach(&w->s, 0x800, &s2, &w->d), ERR_NO_SPACE, "level-2");
    world_free(w);
}

static void check_run_time(bool coherent)
{
    struct world *w = world_running(coherent);
    struct smmuv3_stage2 c = stage2(0x80300000, 3), d = stage2(0x80400000, 4);

    /* late attach into an existing table, then into a new one */
    unsigned first = w->m.cmds;
    give(w, 9, 0x80300000, 3);
    check_ok(w, smmuv3_attach(&w->s, 9, &c, &w->d));
    assert_int_equal(w->m.cmds - first, 7); /* 3.21.3.1: CFGI_STE and SYNC at each step; old translations */
    assert_memory_equal(w->m.cmd + first, "\x03\x46\x03\x28\x46\x03\x46", 7);
    assert_int_equal(w->m.vmall, 3);
    assert_int_equal(smmuv3_model_stream(&w->m, 9), MODEL_STAGE2);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_BAD_STREAM);
    give(w, 0x200, 0x80300000, 3);
    check_ok(w, smmuv3_attach(&w->s, 0x200, &c, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);

    /* abort: at once, silent, and only this stream */
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    first = w->m.cmds;
    check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
    assert_int_equal(w->m.cmds - first, 2);
    assert_memory_equal(w->m.cmd + first, "\x03\x46", 2);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);
    assert_int_equal(smmuv3_model_stream(&w->m, 9), MODEL_STAGE2);
    smmuv3_model_watch(&w->m, 8)->given = false;

    /* and then another map */
    give(w, 8, 0x80400000, 4);
    check_ok(w, smmuv3_attach(&w->s, 8, &d, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_STAGE2);
    world_free(w);
}

static void test_run_time(void **state)
{
    (void)state;
    check_run_time(true);
    check_run_time(false);
}

/* A stream nobody owns can be made silent without a frame, and its group can still be attached. */
static void check_silence(bool coherent)
{
    struct world *w = world_running(coherent);
    struct smmuv3_stage2 c = stage2(0x80300000, 3);
    uint64_t used = w->pool.used;
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_BAD_STREAM);
    assert_int_equal(events(w, 9), 1);
    check_ok(w, smmuv3_quarantine(&w->s, 0x201, NULL, &w->d));
    assert_int_equal(w->pool.used, used);
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_ABORT);
    assert_int_equal(events(w, 9), 0);
    give(w, 0x200, 0x80300000, 3);
    check_ok(w, smmuv3_attach(&w->s, 0x200, &c, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);
    assert_int_equal(w->pool.used, used + 1);
    world_free(w);
}

static void test_silence(void **state)
{
    (void)state;
    check_silence(true);
    check_silence(false);
}

static void test_commands_fail_at_run_time(void **state)
{
    (void)state;
    struct world *w = world_running(true);

    /* the failed command is replaced, the queue lives on */
    w->m.fail_cmd = 1;
    w->m.fail_reason = 2;
    check_err(w, smmuv3_quarantine(&w->s, 0x105, NULL, &w->d), ERR_INVALID, "cannot be read");
    check_ok(w, smmuv3_quarantine(&w->s, 0x105, NULL, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 0x105), MODEL_ABORT);

    /* a hang: every call ends, and when the unit comes back so does the queue, with an error left in it too
     */
    w->m.cmdq_hangs = true;
    for (unsigned i = 0; i < 300; i++) {
        arch_host.ticks_step = 10000000;
        check_err(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d), ERR_TIMEOUT, "CMD_SYNC");
    }
    w->m.cmdq_hangs = false;
    w->m.fail_cmd = 1;
    w->m.fail_reason = 1;
    arch_host.ticks_step = 1000;
    check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);

    /* more commands than the queue has entries */
    for (unsigned i = 0; i < 300; i++)
        check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
    assert_int_equal(w->m.gerror, w->m.gerrorn);
    world_free(w);
}

static void fault(struct world *w, uint32_t sid, uint64_t addr)
{
    smmuv3_model_event(&w->m, (const uint64_t[4]){(uint64_t)sid << 32 | 0x10, 0x28000000000, addr, addr});
}

static void check_events(bool coherent)
{
    struct world *w = world_running(coherent);
    uint64_t next = 0, seen = 0;
    for (unsigned round = 0; round < 10; round++) { /* wraps several times */
        for (unsigned i = 0; i < 100; i++)
            fault(w, 8, 0x1000 * next++);
        assert_int_equal(events(w, 60), 60);
        for (unsigned i = 0; i < 60; i++)
            assert_int_equal(w->fault[i].addr, 0x1000 * seen++);
        assert_int_equal(events(w, 60), 40);
        for (unsigned i = 0; i < 40; i++)
            assert_int_equal(w->fault[i].addr, 0x1000 * seen++);
        assert_int_equal(w->notes, 0);
        assert_int_equal(events(w, 60), 0);
    }

    /* overflow: 128 are kept, it is said once, and said again the next time */
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 140; i++)
            fault(w, 8, i);
        assert_int_equal(events(w, 500), 128);
        assert_int_equal(w->notes, 1);
        assert_non_null(strstr(w->note[0], "queue was full"));
        assert_int_equal(events(w, 500), 0);
        assert_int_equal(w->notes, 0);
    }
    fault(w, 8, 77);
    assert_int_equal(events(w, 500), 1);
    assert_int_equal(w->fault[0].addr, 77);

    /* fn may quarantine the stream */
    w->abort_on_fault = true;
    fault(w, 8, 78);
    assert_int_equal(events(w, 500), 1);
    assert_int_equal(smmuv3_model_stream(&w->m, 8), MODEL_ABORT);
    world_free(w);
}

static void test_events(void **state)
{
    (void)state;
    check_events(true);
    check_events(false);
}

static void test_global_errors(void **state)
{
    (void)state;
    struct world *w = world_running(true);
    static const char *const words[9] = {"CMDQ_ERR",           NULL,
                                         "(EVENTQ_ABT_ERR)",   "(PRIQ_ABT_ERR)",
                                         "(MSI_CMDQ_ABT_ERR)", "(MSI_EVENTQ_ABT_ERR)",
                                         "(MSI_PRIQ_ABT_ERR)", "(MSI_GERROR_ABT_ERR)",
                                         "(SFM_ERR)"};
    for (unsigned i = 0; i < 18; i++) { /* each bit both ways */
        if (!words[i % 9])
            continue;
        w->m.gerror ^= 1u << i % 9;
        assert_int_equal(events(w, 4), 0);
        assert_int_equal(w->notes, 1);
        assert_non_null(strstr(w->note[0], words[i % 9]));
        assert_int_equal(w->m.gerror, w->m.gerrorn);
        events(w, 4);
        assert_int_equal(w->notes, 0);
    }
    w->m.gerror ^= 0x1fc;
    events(w, 4);
    assert_int_equal(w->notes, 7);
    world_free(w);
}

static void test_frames(void **state)
{
    (void)state;
    const uint32_t sids[] = {8, 9, 63, 64, 0x104, 0x105, 0xffff};
    assert_int_equal(smmuv3_stream_frames(sids, 7), 4); /* groups: 0, 1, 4, 0x3ff */
    assert_int_equal(smmuv3_stream_frames(NULL, 0), 0);
    /* Level 1, two frames that may skip one to be aligned; quiet, two queues. */
    assert_int_equal(smmuv3_unit_frames(16, 0), 2 + 3);
    assert_int_equal(smmuv3_unit_frames(16, 7), 1 + 2 + 3);
    assert_int_equal(smmuv3_unit_frames(15, 7), 1 + 3);
    assert_int_equal(smmuv3_unit_frames(4, 8), 1 + 3);
    assert_int_equal(smmuv3_unit_frames(20, 64), 32 + 3);
    assert_int_equal(smmuv3_unit_frames(20, 65), 31 + 32 + 3);
    for (uint64_t first = 0x80000; first < 0x80002; first++) {
        struct world *w = world_new(true);
        w->pool.first = mfn(first);
        w->pool.frames = 10;
        start(w);
        for (unsigned i = 0; i < 7; i++) {
            struct smmuv3_stage2 s2 = stage2(0x80100000, 1);
            check_ok(w, smmuv3_attach(&w->s, sids[i], &s2, &w->d));
        }
        assert_int_equal(w->pool.used, first == 0x80001 ? 10 : 9);
        check_ok(w, smmuv3_enable(&w->s, &w->d));
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_refuses),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_block_waits_are_bounded),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_hyp_ats_msi),
        cmocka_unit_test(test_taken_over_from_firmware),
        cmocka_unit_test(test_enable_fails_closed),
        cmocka_unit_test(test_wrong_order_is_refused),
        cmocka_unit_test(test_attach_refuses),
        cmocka_unit_test(test_run_time),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_commands_fail_at_run_time),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_global_errors),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
