/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/vtd_model.c tests/models/vtd_model_walk.c tests/host/arch_host.c
 */
/* The VT-d driver against a register model: order, waits, refusals, and no way through at any step. */
#include "vtd_world.h"

#define NS UINT64_C(1000000)

#define TE   (1u << 31)
#define SRTP (1u << 30)
#define WBF  (1u << 27)
#define QIE  (1u << 26)
#define IRE  (1u << 25)
#define IRTP (1u << 24)
#define CFI  (1u << 23)

static bool interrupt(struct world *w, uint16_t bdf, uint16_t index, uint8_t vector, uint32_t apic)
{
    struct vtd_model_irq irq;
    if (!vtd_model_interrupt(&w->m, bdf, vtd_model_message(index), 0, &irq))
        return false;
    assert_true(irq.remapped);
    assert_int_equal(irq.vector, vector);
    assert_int_equal(irq.apic, apic);
    assert_int_equal(irq.delivery, 0);
    return true;
}

static bool compatible(struct world *w)
{
    struct vtd_model_irq irq;
    return vtd_model_interrupt(&w->m, 8, 0xfee00000, 0x61, &irq);
}

static void test_probe(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    check_ok(w, probe(w));
    assert_int_equal(w->caps.widths, 6);
    assert_int_equal(w->caps.in_bits, 48);
    assert_int_equal(w->caps.mgaw, 48);
    assert_int_equal(w->caps.leaf_level, 2);
    assert_int_equal(w->caps.drain, VTD_DRAIN_READ | VTD_DRAIN_WRITE);
    assert_int_equal(w->caps.domains, 65536);
    assert_int_equal(w->caps.fault_off, 0x220);
    assert_int_equal(w->caps.fault_count, 4);
    assert_true(w->caps.coherent && w->caps.snoop_control && w->caps.remapping && w->caps.eim);
    assert_false(w->caps.caching_mode || w->caps.write_buffer || w->caps.switches_mode || w->caps.eim_only ||
                 w->caps.regions);
    world_free(w);

    w = world_new(false, 0, 0);
    w->m.cap = UINT64_C(0x8000000400000000) | VTD_MODEL_CAP_SAGAW39 | VTD_MODEL_CAP_SAGAW57 | 0xd0 | 0x380000;
    w->m.ecap = UINT64_C(0x2000000000000002);
    check_ok(w, probe(w));
    assert_int_equal(w->caps.widths, 10);
    assert_int_equal(w->caps.in_bits, 57);
    assert_int_equal(w->caps.mgaw, 57);
    assert_int_equal(w->caps.leaf_level, 1);
    assert_int_equal(w->caps.drain, 0);
    assert_int_equal(w->caps.domains, 16);
    assert_int_equal(w->caps.fault_off, 0);
    assert_int_equal(w->caps.fault_count, 1);
    assert_false(w->caps.coherent || w->caps.snoop_control || w->caps.remapping || w->caps.eim);
    assert_true(w->caps.caching_mode && w->caps.write_buffer && w->caps.switches_mode && w->caps.eim_only &&
                w->caps.regions);

    w->m.cap &= ~(uint64_t)(VTD_MODEL_CAP_SAGAW57 | VTD_MODEL_CAP_2M);
    check_ok(w, probe(w));
    assert_int_equal(w->caps.in_bits, 39);
    assert_int_equal(w->caps.leaf_level, 0);
    world_free(w);
}

static void test_probe_refuses(void **state)
{
    (void)state;
    static const struct {
        uint64_t cap_set, cap_clear, ecap_clear;
        const char *words;
    } bad[] = {
        {0, 0, VTD_MODEL_ECAP_QI, "queued invalidation"},
        {0, 0x1e00, 0, "SAGAW"},
        {7, 0, 0, "CAP.ND 0 to 6"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_new(true, bad[i].cap_set, bad[i].cap_clear);
        w->m.ecap &= ~bad[i].ecap_clear;
        check_err(w, probe(w), ERR_INVALID, bad[i].words);
        world_free(w);
    }
}

static void test_block(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = world_temper(t);
        vtd_model_watch(&w->m, 8);
        vtd_model_firmware_protect(&w->m, 0x40000000);
        w->m.fsts = 0x10; /* an error of firmware's queue */
        w->m.iectl = w->m.fectl = 0;
        blocked(w);
        assert_int_equal(w->m.gsts & (TE | SRTP | QIE), TE | SRTP | QIE);
        assert_int_equal(w->m.pmen, 0);
        assert_int_equal(w->m.fectl >> 31 & w->m.iectl >> 31, 1);
        assert_int_equal(w->m.commands, 3);
        assert_memory_equal(w->m.command, ((uint8_t[]){1, 2, 5}), 3);
        assert_false(dma(w, 8, 0));
        assert_int_equal(w->pool.used, 5);
        world_free(w);
    }
}

/* Firmware's translation, remapping and queue are on: never off, then nothing of it is left. */
static void test_takes_over(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = world_temper(t);
        vtd_model_watch(&w->m, 8);
        vtd_model_watch(&w->m, 9);
        w->m.watching = true;
        vtd_model_firmware(&w->m, true, t & 1);
        w->m.gsts |= t & 2 ? CFI : 0;
        blocked(w);
        assert_false(dma(w, 8, 0));
        struct vtd_domain a = domain(w, VTD_MODEL_FW_DOMAIN, 0x10000000);
        struct vtd_irte e = vtd_irte_entry(8, 0x61, 5, false, false);
        give(w, 8, &a);
        check_ok(w, vtd_attach(&w->u, 8, &a, &w->d));
        check_ok(w, vtd_route(&w->u, 3, &e, &w->d));
        check_ok(w, vtd_enable(&w->u, false, &w->d));
        assert_true(dma(w, 8, 0x10000000));
        assert_false(dma(w, 9, 0));
        assert_true(interrupt(w, 8, 3, 0x61, 5));
        assert_false(interrupt(w, 8, 2, 0, 0));
        assert_false(compatible(w));
        assert_int_equal(w->m.gsts & (TE | IRE | CFI), TE | IRE);
        world_free(w);
    }
}

static void test_takes_over_other_mode(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    vtd_model_watch(&w->m, 8);
    w->m.watching = true;
    vtd_model_firmware_scalable(&w->m);
    check_ok(w, probe(w));
    check_err(w, block(w), ERR_INVALID, "ESRTPS");
    assert_int_equal(w->pool.used, 0);
    assert_int_equal(w->m.gsts, TE | SRTP);
    struct vtd_domain a = domain(w, 1, 0x10000000);
    check_err(w, vtd_attach(&w->u, 8, &a, &w->d), ERR_INVALID, "before it was blocked");
    world_free(w);

    w = world_new(true, VTD_MODEL_CAP_ESRTPS, 0);
    vtd_model_watch(&w->m, 8);
    w->m.watching = true;
    vtd_model_firmware_scalable(&w->m);
    blocked(w);
    assert_false(dma(w, 8, 0));
    assert_int_equal(w->m.rtaddr_live & 0xfff, 0);
    world_free(w);
}

static void test_attach(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = running(world_temper(t), t & 1);
        assert_true(dma(w, 8, 0x10000000));
        assert_true(dma(w, 0x105, 0x20000000));
        assert_false(dma(w, 9, 0));
        assert_false(dma(w, 0x200, 0));

        struct vtd_domain c = domain(w, 3, 0x30000000);
        give(w, 9, &c); /* late, on a bus that has a table and on one that has none */
        give(w, 0x200, &c);
        check_ok(w, vtd_attach(&w->u, 9, &c, &w->d));
        check_ok(w, vtd_attach(&w->u, 0x200, &c, &w->d));
        assert_true(dma(w, 9, 0x30000000));
        assert_true(dma(w, 0x200, 0x30000000));
        uint64_t used = w->pool.used;
        check_ok(w, vtd_attach(&w->u, 9, &c, &w->d)); /* again */
        assert_int_equal(w->pool.used, used);
        c.id = 4;
        check_err(w, vtd_attach(&w->u, 9, &c, &w->d), ERR_INVALID, "function 0x9 has another map");
        assert_true(dma(w, 9, 0x30000000));
        world_free(w);
    }
}

static void test_attach_refuses(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, VTD_MODEL_CAP_SAGAW48 | VTD_MODEL_CAP_1G | 7);
    blocked(w);
    struct vtd_domain good = domain(w, 1, 0x10000000), bad;
    bad = good;
    bad.shape.in_bits = 48;
    bad.shape.root_level = 3;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "SAGAW 0x2");
    bad = good;
    bad.shape.in_bits = 40;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "40 input bits");
    bad = good;
    bad.shape.root_level = 3;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "level-3 root");
    bad = good;
    bad.shape.leaf_level = 2;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "leaves of level 2");
    bad = good;
    bad.root = maddr(0x80001800);
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "root 0x80001800");
    bad.root = maddr(UINT64_C(1) << 52);
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "below 2^52");
    bad = good;
    bad.id = 0;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "domain 0, want 1 to 15");
    bad.id = 16;
    check_err(w, vtd_attach(&w->u, 8, &bad, &w->d), ERR_INVALID, "domain 16");
    assert_false(dma(w, 8, 0));
    world_free(w);
}

static void test_quarantine(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = running(world_temper(t), false);
        struct vtd_domain c = domain(w, 3, 0x30000000);
        give(w, 9, &c);
        check_ok(w, vtd_attach(&w->u, 9, &c, &w->d));
        faults_drop(w);
        unsigned commands = w->m.commands;
        vtd_model_watch(&w->m, 8)->given = false;
        w->m.watching = false; /* it passes until the invalidation is through */
        check_ok(w, vtd_quarantine(&w->u, 8, NULL, &w->d));
        w->m.watching = true;
        assert_int_equal(w->m.commands, commands + 3);
        assert_memory_equal(w->m.command + commands, ((uint8_t[]){1, 2, 5}), 3);
        assert_false(dma(w, 8, 0));
        faults_drop(w); /* of the other watched functions */
        assert_false(dma(w, 8, 0));
        assert_int_equal(faults(w, 64), 0);
        assert_true(dma(w, 9, 0x30000000));
        assert_true(dma(w, 0x105, 0x20000000));

        check_ok(w, vtd_quarantine(&w->u, 0x200, NULL, &w->d)); /* a bus without a table */
        faults_drop(w);
        assert_false(dma(w, 0x200, 0));
        assert_false(dma(w, 0x2ff, 0));
        assert_int_equal(faults(w, 64), 0);

        give(w, 8, &c); /* back again, with another map */
        give(w, 0x200, &c);
        check_ok(w, vtd_attach(&w->u, 8, &c, &w->d));
        check_ok(w, vtd_attach(&w->u, 0x200, &c, &w->d));
        assert_true(dma(w, 8, 0x30000000));
        assert_true(dma(w, 0x200, 0x30000000));
        assert_false(dma(w, 0x2ff, 0));
        assert_int_equal(faults(w, 64), 1);
        world_free(w);
    }
}

static void test_flush(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 16; t++) {
        struct world *w = running(world_temper(t), false);
        assert_true(dma(w, 8, 0x10000000));
        uint64_t leaf = vtd_model_watch(&w->m, 8)->root + 0x2000;
        words(w, leaf)[0] = 0x50000003;
        arch_clean(words(w, leaf), 8);
        assert_true(dma(w, 8, 0x10000000));
        check_ok(w, vtd_flush(&w->u, 2, &w->d));
        assert_true(dma(w, 8, 0x10000000));
        check_ok(w, vtd_flush(&w->u, 1, &w->d));
        assert_true(dma(w, 8, 0x50000000));
        for (unsigned i = 0; i < 300; i++) /* round the queue */
            check_ok(w, vtd_flush(&w->u, 1, &w->d));
        world_free(w);
    }
}

static void test_route(void **state)
{
    (void)state;
    for (unsigned t = 0; t < 32; t++) {
        bool x2apic = t & 16;
        struct world *w = running(world_temper(t & 15), x2apic);
        struct vtd_irte e = vtd_irte_entry(8, 0x61, x2apic ? 0x12345 : 5, x2apic, false);
        struct vtd_irte moved = vtd_irte_entry(8, 0x62, 6, x2apic, false);
        struct vtd_irte other = vtd_irte_entry(0x105, 0x63, 7, x2apic, true);
        faults_drop(w);
        assert_false(interrupt(w, 8, 255, 0, 0));
        assert_int_equal(faults(w, 64), 1);
        assert_int_equal(w->fault[0].reason, 0x22);
        check_ok(w, vtd_route(&w->u, 255, &e, &w->d));
        assert_true(interrupt(w, 8, 255, 0x61, x2apic ? 0x12345 : 5));
        assert_false(interrupt(w, 9, 255, 0, 0));
        check_ok(w, vtd_route(&w->u, 255, &moved, &w->d));
        assert_true(interrupt(w, 8, 255, 0x62, 6));
        check_ok(w, vtd_route(&w->u, 255, &other, &w->d));
        assert_false(interrupt(w, 8, 255, 0, 0));
        assert_true(interrupt(w, 0x105, 255, 0x63, 7));
        check_ok(w, vtd_route(&w->u, 255, NULL, &w->d));
        assert_false(interrupt(w, 0x105, 255, 0, 0));
        check_ok(w, vtd_route(&w->u, 255, NULL, &w->d));
        assert_false(compatible(w));
        check_err(w, vtd_route(&w->u, 256, &e, &w->d), ERR_INVALID, "index 256, want 0 to 255");
        world_free(w);
    }
}

/* A step that fails leaves nothing half done that could pass. */
static void test_change_fails(void **state)
{
    (void)state;
    struct world *w = running(world_new(true, VTD_MODEL_CAP_RWBF, 0), false);
    struct vtd_domain c = domain(w, 3, 0x30000000);
    struct vtd_irte e = vtd_irte_entry(8, 0x61, 5, false, false), other = vtd_irte_entry(9, 0x62, 5, false, false);
    check_ok(w, vtd_route(&w->u, 7, &e, &w->d));
    w->m.never_ack = WBF;
    check_err(w, vtd_attach(&w->u, 9, &c, &w->d), ERR_TIMEOUT, "bit 0x8000000 clear");
    check_err(w, vtd_route(&w->u, 7, &other, &w->d), ERR_TIMEOUT, "bit 0x8000000 clear");
    check_err(w, vtd_route(&w->u, 6, &other, &w->d), ERR_TIMEOUT, "bit 0x8000000 clear");
    check_err(w, vtd_enable(&w->u, false, &w->d), ERR_TIMEOUT, "bit 0x8000000 clear");
    assert_int_equal(words(w, mfn_addr(w->u.irt).v)[12] | words(w, mfn_addr(w->u.irt).v)[14], 0);
    assert_false(dma(w, 9, 0));
    w->m.violations = 0; /* GCMD again, though the last one is not done */
    world_free(w);
}

/* At no step of a change may a requester get another's vector. */
struct step {
    struct world *w;
    unsigned seen;
};

static void route_step(void *ctx)
{
    struct step *s = ctx;
    const uint64_t *entry = words(s->w, mfn_addr(s->w->u.irt).v) + 14; /* of index 7 */
    uint64_t lo = entry[0], hi = entry[1];
    s->seen++;
    assert_true(!(lo & 1) || (lo >> 16 & 0xff) == ((uint16_t)hi == 8 ? 0x61 : 0x62));
}

static void test_route_is_never_mixed(void **state)
{
    (void)state;
    struct world *w = running(world_new(true, 0, 0), false);
    struct vtd_irte a = vtd_irte_entry(8, 0x61, 5, false, false), b = vtd_irte_entry(9, 0x62, 5, false, false);
    struct step s = {.w = w};
    check_ok(w, vtd_route(&w->u, 7, &a, &w->d));
    arch_host.on_publish = route_step;
    arch_host.ctx = &s;
    check_ok(w, vtd_route(&w->u, 7, &b, &w->d));
    assert_true(s.seen >= 3);
    arch_host.on_publish = NULL;
    world_free(w);
}

static void test_enable_refuses(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    w->m.ecap &= ~VTD_MODEL_ECAP_EIM;
    blocked(w);
    check_err(w, vtd_enable(&w->u, true, &w->d), ERR_INVALID, "xAPIC only");
    check_ok(w, vtd_enable(&w->u, false, &w->d));
    world_free(w);

    w = world_new(true, 0, 0);
    w->m.ecap |= UINT64_C(1) << 61;
    blocked(w);
    check_err(w, vtd_enable(&w->u, false, &w->d), ERR_INVALID, "x2APIC only");
    check_ok(w, vtd_enable(&w->u, true, &w->d));
    world_free(w);

    w = world_new(true, 0, 0);
    w->m.ecap &= ~(VTD_MODEL_ECAP_EIM | VTD_MODEL_ECAP_IR);
    blocked(w);
    struct vtd_irte e = vtd_irte_entry(8, 0x61, 5, false, false);
    check_err(w, vtd_route(&w->u, 0, &e, &w->d), ERR_INVALID, "ECAP.IR 0");
    check_ok(w, vtd_enable(&w->u, true, &w->d));
    assert_int_equal(w->m.gsts & (IRE | IRTP), 0);
    world_free(w);
}

static void test_faults(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    blocked(w);
    struct vtd_domain a = domain(w, 1, 0x10000000);
    check_ok(w, vtd_attach(&w->u, 8, &a, &w->d));
    check_ok(w, vtd_enable(&w->u, false, &w->d));
    assert_int_equal(faults(w, 64), 0);
    for (unsigned round = 0; round < 7; round++) { /* the records go round */
        assert_false(dma(w, 9, 0));
        assert_false(dma(w, 0x200, 0));
        assert_false(interrupt(w, 8, 33, 0, 0));
        assert_int_equal(faults(w, 2), 2);
        assert_int_equal(w->fault[0].bdf, 9);
        assert_int_equal(w->fault[0].reason, 2);
        assert_int_equal(w->fault[0].addr, 0x40000000);
        assert_false(w->fault[0].read);
        assert_int_equal(w->fault[1].bdf, 0x200);
        assert_string_equal(w->fault[1].what, "no root entry");
        assert_int_equal(faults(w, 2), 1);
        assert_true(w->fault[0].interrupt);
        assert_int_equal(w->fault[0].addr, 33);
        assert_int_equal(faults(w, 2), 0);
    }
    world_free(w);
}

static void test_fault_overflow(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    blocked(w);
    for (uint16_t i = 0; i < 6; i++)
        assert_false(dma(w, i, 0));
    w->m.fsts |= 0x60; /* ITE, ICE */
    assert_int_equal(faults(w, 2), 2);
    assert_int_equal(w->notes, 2);
    assert_non_null(strstr(w->note[0], "ICE"));
    assert_true(w->m.fsts & 1); /* not while records are left */
    assert_int_equal(faults(w, 64), 2);
    assert_int_equal(w->notes, 1);
    assert_non_null(strstr(w->note[0], "PFO"));
    assert_int_equal(w->m.fsts, 0);
    w->quarantine_on_fault = true;
    assert_false(dma(w, 7, 0)); /* recorded again */
    assert_int_equal(faults(w, 64), 1);
    assert_false(dma(w, 7, 0));
    assert_int_equal(faults(w, 64), 0);
    w->m.fri = (uint8_t)((w->m.fri + 2) % 4); /* not where the driver looks first */
    assert_false(dma(w, 6, 0x0));
    assert_false(dma(w, 0x300, 0x0));
    assert_int_equal(faults(w, 64), 1);
    w->m.fsts |= 2; /* pending, it says, but no record is */
    assert_int_equal(faults(w, 64), 0);
    world_free(w);

    w = world_new(true, 0, 0);
    check_ok(w, probe(w));
    assert_int_equal(faults(w, 64), 0); /* not blocked yet */
    world_free(w);
}

/* Every wait ends, within 100 ms, with what was awaited in words. */
static void test_waits_end(void **state)
{
    (void)state;
    static const struct {
        uint32_t bit;
        bool firmware; /* left it on */
        const char *words;
    } waits[] = {
        {SRTP, false, "bit 0x40000000 set"}, {QIE, false, "bit 0x4000000 set"},   {QIE, true, "bit 0x4000000 clear"},
        {TE, false, "bit 0x80000000 set"},   {WBF, false, "bit 0x8000000 clear"},
    };
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct world *w = world_new(true, VTD_MODEL_CAP_RWBF, 0);
        if (waits[i].firmware)
            vtd_model_firmware(&w->m, false, true);
        w->m.never_ack = waits[i].bit;
        check_ok(w, probe(w));
        uint64_t start = arch_host.ticks;
        check_err(w, block(w), ERR_TIMEOUT, waits[i].words);
        assert_in_range(arch_host.ticks - start, 100 * NS, 101 * NS);
        struct vtd_domain a = domain(w, 1, 0x10000000);
        check_err(w, vtd_attach(&w->u, 8, &a, &w->d), ERR_INVALID, "before it was blocked");
        world_free(w);
    }
    static const struct {
        uint32_t bit;
        const char *words;
    } later[] = {{IRTP, "bit 0x1000000 set"}, {IRE, "bit 0x2000000 set"}, {CFI, "bit 0x800000 clear"}};
    for (unsigned i = 0; i < 3; i++) {
        struct world *w = world_new(true, 0, 0);
        w->m.gsts = later[i].bit & CFI;
        w->m.never_ack = later[i].bit;
        blocked(w);
        check_err(w, vtd_enable(&w->u, false, &w->d), ERR_TIMEOUT, later[i].words);
        assert_false(w->u.enabled);
        world_free(w);
    }
    struct world *w = world_new(true, 0, 0);
    vtd_model_firmware_protect(&w->m, 0x40000000);
    w->m.pmen_hangs = true;
    check_ok(w, probe(w));
    check_err(w, block(w), ERR_TIMEOUT, "PMEN");
    world_free(w);
}

static void test_queue_hangs(void **state)
{
    (void)state;
    struct world *w = running(world_new(true, 0, 0), false);
    w->m.queue_hangs = true;
    uint64_t start = arch_host.ticks;
    check_err(w, vtd_flush(&w->u, 1, &w->d), ERR_TIMEOUT, "did not complete within 100 ms");
    assert_in_range(arch_host.ticks - start, 100 * NS, 101 * NS);
    check_err(w, vtd_flush(&w->u, 1, &w->d), ERR_TIMEOUT, "commands are stuck");
    check_err(w, vtd_quarantine(&w->u, 8, NULL, &w->d), ERR_TIMEOUT, "commands are stuck");
    w->m.queue_hangs = false;
    mmio_write64(w->mmio, 0x88, w->m.iqt);
    check_ok(w, vtd_flush(&w->u, 1, &w->d));
    world_free(w);

    w = world_new(true, 0, 0); /* firmware's queue hangs: it is turned off all the same, late */
    vtd_model_firmware(&w->m, false, true);
    w->m.queue_hangs = true;
    w->m.iqt = w->m.iqh + 16;
    check_ok(w, probe(w));
    check_err(w, block(w), ERR_TIMEOUT, "did not complete");
    assert_int_equal(w->m.violations, 1); /* switched while it was not empty */
    w->m.violations = 0;
    world_free(w);
}

static void test_queue_error(void **state)
{
    (void)state;
    for (unsigned which = 1; which <= 3; which++) {
        struct world *w = running(world_new(true, 0, 0), false);
        w->m.fail_command = which;
        w->m.queue_delay = 2; /* goes on when the error is acknowledged */
        vtd_model_watch(&w->m, 8)->given = false;
        w->m.watching = false;
        err_t e = vtd_quarantine(&w->u, 8, NULL, &w->d);
        check_err(w, e, ERR_INVALID, "FSTS.IQE");
        assert_int_equal(w->m.fsts & 0x10, 0);
        check_ok(w, vtd_quarantine(&w->u, 8, NULL, &w->d)); /* the queue goes on */
        w->m.watching = true;
        assert_false(dma(w, 8, 0));
        world_free(w);
    }
}

static void test_frames(void **state)
{
    (void)state;
    static const uint32_t bdf[] = {0x0008, 0x00ff, 0x0100, 0x0105, 0x4000, 0xff00, 0xffff};
    assert_int_equal(VTD_UNIT_FRAMES, 5);
    assert_int_equal(vtd_stream_frames(NULL, 0), 0);
    assert_int_equal(vtd_stream_frames(bdf, 1), 1);
    assert_int_equal(vtd_stream_frames(bdf, 7), 4);
    for (unsigned frames = 0; frames < 10; frames++) {
        struct world *w = world_new(true, 0, 0);
        struct vtd_domain a = domain(w, 1, 0x10000000);
        w->pool.frames = 3 + frames;
        check_ok(w, probe(w));
        err_t e = block(w);
        if (frames < 5) {
            check_err(w, e, ERR_NO_SPACE, "no frames left");
        } else {
            check_ok(w, e);
            for (unsigned i = 0; i < 7 && !e; i++)
                e = vtd_attach(&w->u, (uint16_t)bdf[i], &a, &w->d);
            if (frames < 9)
                check_err(w, e, ERR_NO_SPACE, "no frame left for the context table of bus");
            else
                check_ok(w, e);
        }
        assert_int_equal(w->pool.used, 3 + (frames < 9 ? frames : 9));
        w->pool.frames = FRAMES;
        world_free(w);
    }
}

static void test_before_block(void **state)
{
    (void)state;
    struct world *w = world_new(true, 0, 0);
    struct vtd_irte e = vtd_irte_entry(8, 0x61, 5, false, false);
    check_ok(w, probe(w));
    w->u = (struct vtd){.caps = w->caps};
    check_err(w, vtd_route(&w->u, 0, &e, &w->d), ERR_INVALID, "route before it was blocked");
    check_err(w, vtd_quarantine(&w->u, 8, NULL, &w->d), ERR_INVALID, "quarantine before");
    check_err(w, vtd_flush(&w->u, 1, &w->d), ERR_INVALID, "flush before");
    check_err(w, vtd_enable(&w->u, false, &w->d), ERR_INVALID, "enable before");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_refuses),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_takes_over),
        cmocka_unit_test(test_takes_over_other_mode),
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_attach_refuses),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_route),
        cmocka_unit_test(test_change_fails),
        cmocka_unit_test(test_route_is_never_mixed),
        cmocka_unit_test(test_enable_refuses),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fault_overflow),
        cmocka_unit_test(test_waits_end),
        cmocka_unit_test(test_queue_hangs),
        cmocka_unit_test(test_queue_error),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_before_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
