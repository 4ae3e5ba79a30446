/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/ipmmu.c kernel/p2m/pt.c kernel/p2m/format_ipmmu.c kernel/pool.c kernel/diag.c
 * kernel/fmt.c tests/models/ipmmu_model.c tests/host/arch_host.c
 */
/* The IPMMU driver against a register model: nobody passes who was given nothing, at any write. */
#include "ipmmu_world.h"

/* An empty table for the quarantine, in the pool's first frame. */
static struct ipmmu_context nothing(struct world *w)
{
    memset(w->pool.mem, 0, 4096);
    arch_clean(w->pool.mem, 4096);
    return (struct ipmmu_context){
        .root = mfn_addr(w->pool.first),
        .shape = {.in_bits = 39, .out_bits = 40, .root_level = 2},
    };
}

static err_t block(struct world *w, unsigned unit)
{
    struct ipmmu_context empty = nothing(w);
    return block_to(w, unit, unit ? NULL : &empty);
}

static struct world *world_blocked(void)
{
    struct world *w = world_new(false);
    for (unsigned i = 0; i <= CACHES; i++)
        check_ok(w, block(w, i));
    w->m.guarded = true;
    return w;
}

static void nobody_passes(struct world *w)
{
    for (unsigned unit = 1; unit <= CACHES; unit++) {
        for (unsigned i = 0; i < IPMMU_UTLBS; i++) {
            for (uint64_t a = 0x1000; a < UINT64_C(1) << 39; a = a << 3 | 0x1000) {
                assert_int_equal(dma(w, unit, i, a, false), 0);
                assert_int_equal(dma(w, unit, i, a, true), 0);
            }
        }
    }
}

static void on_fault(void *ctx, const struct ipmmu_fault *f)
{
    struct world *w = ctx;
    w->fault[w->faults++] = *f;
    if (w->quarantine)
        check_ok(w, ipmmu_quarantine(w->quarantine, w->quarantine_utlb, &w->d));
}

/* What context has to tell, which is then acknowledged; other contexts have nothing. */
static void check_fault(struct world *w, uint8_t context, const char *what, uint64_t addr)
{
    w->faults = 0;
    assert_int_equal(ipmmu_faults(&w->u[0], on_fault, w), 1);
    assert_int_equal(w->fault[0].context, context);
    assert_string_equal(w->fault[0].what, what);
    assert_int_equal(w->fault[0].addr, addr);
    assert_int_equal(ipmmu_faults(&w->u[0], on_fault, w), 0);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        uint8_t in_bits;
        uint32_t imctr, imttbcr;
    } want[] = {{32, 0x5, 0x80000080}, {33, 0x20000005, 0x8000009f}, {39, 0x20000005, 0x80000099}};
    for (unsigned i = 0; i < 3; i++) {
        struct ipmmu_context c = {.shape = {.in_bits = want[i].in_bits}};
        assert_int_equal(ipmmu_imctr(&c), want[i].imctr);
        assert_int_equal(ipmmu_imttbcr(&c), want[i].imttbcr);
    }
    assert_int_equal(ipmmu_immair0(), 0x0044ff04);
    assert_int_equal(ipmmu_imuctr(0), 0x03);
    assert_int_equal(ipmmu_imuctr(7), 0x73);
}

static void test_block(void **state)
{
    (void)state;
    for (unsigned firmware = 0; firmware < 2; firmware++) {
        struct world *w = world_new(firmware);
        w->m.unit[0].imsauxctlr = 0x01000008; /* firmware read the CPU's tables, and left a quirk on */
        w->m.unit[2].imsctlr = 0xf0000000;
        struct ipmmu_context c = table(w, 0, 32);
        for (unsigned i = 0; firmware && i < IPMMU_CONTEXTS; i++)
            ipmmu_model_firmware(&w->m, 1 + i % 2, i * 6, i, c.root);
        check_ok(w, block(w, 0));
        check_ok(w, block(w, 1));
        check_ok(w, block(w, 2));
        w->m.guarded = true;
        assert_int_equal(w->m.unit[0].imsauxctlr, 0x01000000);
        assert_int_equal(w->m.unit[2].imsctlr, 0xe0000000);
        assert_int_equal(ipmmu_faults(&w->u[0], on_fault, w), 0); /* firmware's are gone */
        w->m.irq = false;
        nobody_passes(w);
        assert_false(w->m.irq);
        check_fault(w, IPMMU_QUARANTINE, "translation fault", 0x1000);
        for (unsigned i = 1; i < IPMMU_CONTEXTS; i++) {
            assert_int_equal(w->m.unit[0].context[i].imstr, 0);
            assert_int_equal(w->m.unit[0].context[i].imctr, 0);
            assert_int_equal(w->m.unit[1].context[i].imctr, 0);
        }
        world_free(w);
    }
}

static void test_block_refused(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    check_err(w, block(w, 1), ERR_INVALID, "before its main unit at 0x0");
    mmio_t r = {access_logged, &w->port[0]};
    w->writes = 0;
    struct ipmmu_context q = nothing(w);
    check_err(w, ipmmu_block(&w->u[0], r, maddr(0xe67b0000), &w->u[0], &q, 9, 0, &w->d), ERR_INVALID,
              "9 contexts and 0 micro-TLBs, want 2 to 8 and at most 48");
    check_err(w, ipmmu_block(&w->u[0], r, maddr(0xe67b0000), &w->u[0], &q, 1, 0, &w->d), ERR_INVALID, "1 context");
    check_err(w, ipmmu_block(&w->u[0], r, maddr(0xe67b0000), &w->u[0], &q, 8, 49, &w->d), ERR_INVALID, "49 micro-TLBs");
    q.root = maddr(UINT64_C(1) << 40);
    check_err(w, block_to(w, 0, &q), ERR_INVALID, "0x10000000000, want a frame below 2^40");
    q = nothing(w);
    q.shape.in_bits = 40;
    check_err(w, block_to(w, 0, &q), ERR_INVALID, "40 input and 40 output bits");
    assert_int_equal(w->writes, 0);
    world_free(w);
}

static void test_translate(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t a = context_on(w, 0), b = context_on(w, 1);
    nobody_passes(w);
    assert_int_equal(ipmmu_faults(&w->u[0], on_fault, w), 1); /* the quarantine's */
    assert_true(a != b && a != IPMMU_QUARANTINE && b != IPMMU_QUARANTINE);
    check_ok(w, ipmmu_attach(&w->u[1], 0, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[2], 47, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 31, b, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 32, b, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 32, b, &w->d)); /* two masters of one partition */
    assert_int_equal(dma(w, 1, 0, 0x40001234, true), UINT64_C(0x400001234));
    assert_int_equal(dma(w, 2, 47, 0x40001234, true), UINT64_C(0x400001234));
    assert_int_equal(dma(w, 1, 31, 0x40001234, true), UINT64_C(0x800001234));
    assert_int_equal(dma(w, 1, 32, 0x80001234, false), UINT64_C(0x800001234));
    assert_int_equal(w->m.attr, 0xff);
    assert_false(w->m.irq);
    assert_int_equal(dma(w, 1, 32, 0x80001234, true), 0);
    assert_true(w->m.irq);
    check_fault(w, b, "permission fault", 0x80001234);
    assert_int_equal(dma(w, 1, 0, UINT64_C(0x7fffffffff), true), 0);
    check_fault(w, a, "translation fault", UINT64_C(0x7fffffffff));
    assert_int_equal(dma(w, 1, 0, UINT64_C(0xffffffffff), true), 0);
    check_fault(w, a, "translation fault", UINT64_C(0xffffffffff));
    w->m.unit[0].context[a].imstr = 4;
    check_fault(w, a, "a table could not be read", 0);
    w->m.unit[0].context[a].imstr = 0x10;
    check_fault(w, a, "several TLB entries match", 0);
    assert_int_equal(dma(w, 1, 0, 0, true), 0);
    assert_int_equal(dma(w, 1, 31, 0, true), 0);
    w->faults = 0;
    assert_int_equal(ipmmu_faults(&w->u[0], on_fault, w), 2);
    world_free(w);
}

static void test_widths(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    for (uint8_t bits = 32; bits < 39; bits++) {
        uint8_t c = context(w, bits - 32u, bits);
        check_ok(w, ipmmu_enable(&w->u[0], c, &w->d));
        check_ok(w, ipmmu_attach(&w->u[1], bits, c, &w->d));
        assert_int_equal(dma(w, 1, bits, 0x40000000, true), (uint64_t)(bits - 31) << 34);
        assert_int_equal(dma(w, 1, bits, UINT64_C(1) << bits, true), 0);
        check_fault(w, c, "translation fault", UINT64_C(1) << bits);
    }
    world_free(w);
}

/* Tables of the builder: what IMMAIR0 says is what the format means, read-only stays so, holes fault. */
static void test_built_table(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    static const struct pt_span spans[] = {
        {.in = 0x80, .out = 0x1234567, .frames = 3, .rights = R_READ | R_WRITE, .mem = MEM_DEVICE},
        {.in = 0x200, .out = 0x600200, .frames = 512, .rights = R_READ, .mem = MEM_NORMAL},
        {.in = 0x40000, .out = 0x8000000, .frames = 1 << 18, .rights = R_READ | R_WRITE, .mem = MEM_UNCACHED},
    };
    static const struct {
        uint64_t in, out;
        uint8_t attr;
        bool write;
    } want[] = {
        {0x81234, 0x1234568234, 0x04, true},
        {0x3ff008, 0x6003ff008, 0xff, false},
        {0x7fffffff, 0x803fffffff, 0x44, true},
    };
    struct pt t = {
        .format = &pt_format_ipmmu,
        .shape = {.in_bits = 39, .out_bits = 40, .root_level = 2, .leaf_level = 2},
        .pool = &w->pool,
    };
    uint8_t index;
    check_ok(w, pt_build(&t, spans, 3, &w->d));
    arch_clean(w->pool.mem, FRAMES * 4096);
    struct ipmmu_context c = {.root = mfn_addr(t.root), .shape = t.shape};
    check_ok(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d));
    check_ok(w, ipmmu_enable(&w->u[0], index, &w->d));
    check_ok(w, ipmmu_attach(&w->u[2], 9, index, &w->d));
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(dma(w, 2, 9, want[i].in, want[i].write), want[i].out);
        assert_int_equal(w->m.attr, want[i].attr);
    }
    assert_int_equal(dma(w, 2, 9, 0x3ff008, true), 0);
    check_fault(w, index, "permission fault", 0x3ff008);
    assert_int_equal(dma(w, 2, 9, 0x7f000, true), 0);
    check_fault(w, index, "translation fault", 0x7f000);
    world_free(w);
}

/* Each context is on, in the main unit and in the caches, before a micro-TLB uses it; flushed around. */
static void test_order(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t c = context(w, 0, 39);
    unsigned flushes = w->m.flushes;
    w->writes = 0;
    check_ok(w, ipmmu_enable(&w->u[0], c, &w->d));
    assert_int_equal(w->m.flushes - flushes, 2);
    static const struct write enable[] = {
        {2, 0x40, 0x2}, {1, 0x40, 0x2}, {0, 0x40, 0x2},        {0, 0x60, 0},
        {2, 0x40, 0x7}, {1, 0x40, 0x7}, {0, 0x40, 0x20000007},
    };
    assert_int_equal(c, 1);
    assert_int_equal(w->writes, sizeof enable / sizeof enable[0]);
    assert_memory_equal(w->write, enable, sizeof enable);
    for (unsigned i = 0; i <= CACHES; i++)
        assert_int_equal(w->m.unit[i].context[c].imctr & 3, 1); /* on, no flush under way */
    w->writes = 0;
    check_ok(w, ipmmu_attach(&w->u[1], 40, c, &w->d));
    assert_int_equal(w->writes, 1);
    assert_int_equal(w->write[0].off, 0x680);
    assert_int_equal(w->write[0].value, 0x13);
    world_free(w);
}

static void test_contexts_run_out(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t index = 99;
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(context_on(w, i), i + 1);
    struct ipmmu_context c = table(w, 7, 39);
    w->writes = 0;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_NO_SPACE,
              "more than 7, which is all that its 8 contexts serve");
    assert_int_equal(index, 99);
    assert_int_equal(w->writes, 0);
    world_free(w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t a = context(w, 0, 39), b = context_on(w, 1), index;
    struct ipmmu_context good = table(w, 2, 39), c;
    w->writes = 0;
    check_err(w, ipmmu_attach(&w->u[1], 0, a, &w->d), ERR_INVALID, "micro-TLB 0: context 1 is not on");
    check_err(w, ipmmu_attach(&w->u[1], 0, 0, &w->d), ERR_INVALID, "context 0 is not on");
    check_err(w, ipmmu_attach(&w->u[1], 0, 200, &w->d), ERR_INVALID, "context 200 is not on");
    check_err(w, ipmmu_attach(&w->u[1], 48, b, &w->d), ERR_INVALID, "micro-TLB 48, want one below 48");
    check_err(w, ipmmu_attach(&w->u[0], 0, b, &w->d), ERR_INVALID, "micro-TLB 0, want one below 0");
    check_err(w, ipmmu_quarantine(&w->u[1], 48, &w->d), ERR_INVALID, "micro-TLB 48, want one below 48");
    check_err(w, ipmmu_enable(&w->u[0], 0, &w->d), ERR_INVALID, "context 0 is on already");
    check_err(w, ipmmu_enable(&w->u[0], b, &w->d), ERR_INVALID, "context 2 is on already");
    check_err(w, ipmmu_enable(&w->u[0], 3, &w->d), ERR_INVALID, "context 3 is without a table");
    check_err(w, ipmmu_enable(&w->u[0], 255, &w->d), ERR_INVALID, "context 255 is without a table");
    check_err(w, ipmmu_flush(&w->u[0], a, &w->d), ERR_INVALID, "flush of context 1, which is not on");
    check_err(w, ipmmu_flush(&w->u[0], 200, &w->d), ERR_INVALID, "flush of context 200");
    c = good;
    c.shape.in_bits = 40;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "40 input and 40 output bits");
    c.shape.in_bits = 31;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "31 input");
    c = good;
    c.shape.out_bits = 41;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "41 output");
    c = good;
    c.shape.root_level = 3;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "root level 3");
    c = good;
    c.root.v += 8;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "0x5000a008, want a frame");
    c.root.v = UINT64_C(1) << 40;
    check_err(w, ipmmu_context_add(&w->u[0], &c, &index, &w->d), ERR_INVALID, "0x10000000000, want a frame");
    assert_int_equal(w->writes, 0);
    check_ok(w, ipmmu_attach(&w->u[1], 5, b, &w->d));
    check_ok(w, ipmmu_enable(&w->u[0], a, &w->d));
    check_err(w, ipmmu_attach(&w->u[1], 5, a, &w->d), ERR_INVALID, "micro-TLB 5 has context 2 already, want 1");
    assert_int_equal(dma(w, 1, 5, 0x40000000, true), UINT64_C(2) << 34);
    world_free(w);
}

static void test_flush(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t a = context_on(w, 0), b = context_on(w, 1);
    check_ok(w, ipmmu_attach(&w->u[1], 0, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[2], 0, a, &w->d));
    for (unsigned i = 1; i <= CACHES; i++)
        assert_int_equal(dma(w, i, 0, 0x40000000, true), UINT64_C(1) << 34);
    root_words(w, 0)[1] = 0;
    arch_clean(root_words(w, 0), 4096);
    check_ok(w, ipmmu_flush(&w->u[0], b, &w->d));
    for (unsigned i = 1; i <= CACHES; i++)
        assert_int_equal(dma(w, i, 0, 0x40000000, true), UINT64_C(1) << 34); /* another context's flush */
    check_ok(w, ipmmu_flush(&w->u[0], a, &w->d));
    for (unsigned i = 1; i <= CACHES; i++)
        assert_int_equal(dma(w, i, 0, 0x40000000, true), 0);
    world_free(w);
}

static void test_quarantine(void **state)
{
    (void)state;
    struct world *w = world_blocked();
    uint8_t a = context_on(w, 0);
    check_ok(w, ipmmu_attach(&w->u[1], 40, a, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 41, a, &w->d));
    assert_int_equal(dma(w, 1, 40, 0x40000000, true), UINT64_C(1) << 34);
    w->writes = 0;
    unsigned flushes = w->m.flushes;
    check_ok(w, ipmmu_quarantine(&w->u[1], 40, &w->d));
    assert_int_equal(w->m.flushes - flushes, 1);
    assert_int_equal(w->write[0].off, 0x680);
    assert_int_equal(w->write[0].value, 0x03);
    for (unsigned i = 1; i < w->writes; i++)
        assert_int_equal(w->write[i].off, 0x40); /* the flush alone */
    w->m.irq = false;
    assert_int_equal(dma(w, 1, 40, 0x40000000, true), 0);
    assert_false(w->m.irq); /* no more events of it */
    assert_int_equal(dma(w, 1, 41, 0x40000000, true), UINT64_C(1) << 34);
    check_fault(w, IPMMU_QUARANTINE, "translation fault", 0x40000000);
    check_ok(w, ipmmu_quarantine(&w->u[1], 40, &w->d));
    check_ok(w, ipmmu_attach(&w->u[1], 40, a, &w->d));
    assert_int_equal(dma(w, 1, 40, 0x40000000, true), UINT64_C(1) << 34);

    assert_int_equal(dma(w, 1, 41, 0, true), 0); /* from within the fault handler */
    w->quarantine = &w->u[1];
    w->quarantine_utlb = 41;
    check_fault(w, a, "translation fault", 0);
    assert_int_equal(dma(w, 1, 41, 0x40000000, true), 0);
    world_free(w);
}

/* Every wait ends; what was cut off stays so. */
static void test_hangs(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    w->m.flush_hangs = true;
    check_err(w, block(w, 0), ERR_TIMEOUT, "IMCTR.FLUSH of context 0 is still set (0x2), want it clear within 100 ms");
    check_err(w, block(w, 1), ERR_INVALID, "before its main unit at 0xe67b0000");
    world_free(w);

    w = world_blocked();
    uint8_t a = context_on(w, 0), b = context(w, 1, 39);
    check_ok(w, ipmmu_attach(&w->u[1], 3, a, &w->d));
    assert_int_equal(dma(w, 1, 3, 0x40000000, true), UINT64_C(1) << 34);
    w->writes = 0;
    w->hang_at = 5; /* the second flush */
    check_err(w, ipmmu_enable(&w->u[0], b, &w->d), ERR_TIMEOUT, "context 2");
    check_err(w, ipmmu_enable(&w->u[0], b, &w->d), ERR_TIMEOUT, "context 2");
    check_err(w, ipmmu_attach(&w->u[1], 4, b, &w->d), ERR_INVALID, "context 2 is not on");
    check_err(w, ipmmu_flush(&w->u[0], a, &w->d), ERR_TIMEOUT, "context 1");
    check_err(w, ipmmu_quarantine(&w->u[1], 3, &w->d), ERR_TIMEOUT, "context 1");
    assert_int_equal(dma(w, 1, 3, 0x40000000, true), 0);
    w->hang_at = 0;
    w->m.flush_hangs = false;
    check_ok(w, ipmmu_flush(&w->u[0], a, &w->d)); /* the lock was given back */
    world_free(w);

    w = world_new(false);
    check_ok(w, block(w, 0));
    w->m.flush_hangs = true;
    check_err(w, block(w, 1), ERR_TIMEOUT, "context 0");
    world_free(w);
}

/* A unit that joins late finds the contexts that are on. */
static void test_late_unit(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    check_ok(w, block(w, 0));
    check_ok(w, block(w, 1));
    uint8_t a = context_on(w, 0);
    check_ok(w, ipmmu_attach(&w->u[1], 1, a, &w->d));
    w->m.masters[2] = 0;
    w->m.guarded = true;
    check_ok(w, block(w, 2));
    w->m.masters[2] = 2;
    check_ok(w, ipmmu_attach(&w->u[2], 1, a, &w->d));
    assert_int_equal(dma(w, 1, 1, 0x40000000, true), UINT64_C(1) << 34);
    assert_int_equal(dma(w, 2, 1, 0x40000000, true), UINT64_C(1) << 34);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),         cmocka_unit_test(test_block),
        cmocka_unit_test(test_block_refused), cmocka_unit_test(test_translate),
        cmocka_unit_test(test_widths),        cmocka_unit_test(test_built_table),
        cmocka_unit_test(test_order),         cmocka_unit_test(test_contexts_run_out),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_flush),
        cmocka_unit_test(test_quarantine),    cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_late_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
