/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/smmuv3_model.c tests/models/smmuv3_model_walk.c tests/host/arch_host.c
 */
/* Translations that the SMMU holds: walked by hand-written tables, stale until the driver drops them. */
#include "smmuv3_world.h"

#define BUS    UINT64_C(0x40201000) /* index 1 at each level: what the tables map */
#define BLOCK  UINT64_C(0x80000000) /* index 2 of level 1: a block of 1 GiB, read-only */
#define NOWAY  UINT64_MAX
#define OUT(n) (UINT64_C(0x110000000) + (n)*UINT64_C(0x10000000))
#define LEAF   UINT64_C(0x7ff) /* AF, inner shareable, write-back, S2AP read and write */

/* Arm ARM D8.3, a root of level 1 in three frames: BUS leads to OUT(n). */
static struct smmuv3_stage2 map(struct world *w, uint16_t vmid, unsigned n)
{
    mfn_t f;
    assert_true(pool_take(&w->pool, 3, false, &f));
    uint64_t *t = pool_ptr(&w->pool, f), at = mfn_addr(f).v;
    t[1] = (at + 0x1000) | 3;
    t[2] = UINT64_C(0x1c0000000) | (LEAF & ~UINT64_C(0x82));
    t[512 + 1] = (at + 0x2000) | 3;
    t[1024 + 1] = OUT(n) | LEAF;
    arch_clean(t, 3 * 4096ul);
    return stage2(at, vmid);
}

static uint64_t *words(struct world *w, const struct smmuv3_stage2 *s2)
{
    return pool_ptr(&w->pool, mfn(s2->root.v >> 12));
}

static void leaf_set(struct world *w, const struct smmuv3_stage2 *s2, uint64_t leaf)
{
    uint64_t *p = &words(w, s2)[1024 + 1];
    *p = leaf;
    arch_clean(p, 8);
    arch_publish();
}

static uint64_t dma(struct world *w, uint32_t sid, uint64_t addr, bool write)
{
    maddr_t out;
    return smmuv3_model_dma(&w->m, sid, addr, write, &out) ? out.v : NOWAY;
}

static uint64_t reads(struct world *w, uint32_t sid)
{
    return dma(w, sid, BUS, false);
}

/* Streams 8 and 0x105 with maps of VMIDs 1 and 2, to OUT(0) and OUT(1). */
static struct world *running(bool coherent, struct smmuv3_stage2 s2[2])
{
    struct world *w = world_running(coherent);
    w->m.watching = false;
    s2[0] = map(w, 1, 0);
    s2[1] = map(w, 2, 1);
    check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
    check_ok(w, smmuv3_quarantine(&w->s, 0x105, NULL, &w->d));
    check_ok(w, smmuv3_attach(&w->s, 8, &s2[0], &w->d));
    check_ok(w, smmuv3_attach(&w->s, 0x105, &s2[1], &w->d));
    return w;
}

/* The fault that the access brings, in words; NULL: none is recorded. */
static const char *fault_of(struct world *w, uint64_t addr, bool write)
{
    assert_int_equal(dma(w, 8, addr, write), NOWAY);
    if (events(w, 9) == 0)
        return NULL;
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault[0].sid, 8);
    assert_int_equal(w->fault[0].read, !write);
    assert_int_equal(w->fault[0].addr, addr);
    return w->fault[0].what;
}

/* What the walk meets: pages, a block, and each fault with its event; none of them is cached. */
static void check_walk(bool coherent)
{
    struct smmuv3_stage2 s2[2];
    struct world *w = running(coherent, s2);

    assert_int_equal(dma(w, 8, BUS + 0xabc, true), OUT(0) + 0xabc);
    assert_int_equal(dma(w, 0x105, BUS, true), OUT(1));
    assert_int_equal(dma(w, 8, BLOCK + 0x12345678, false), UINT64_C(0x1d2345678));
    assert_string_equal(fault_of(w, BLOCK + 0x12345678, true), "permission fault");
    assert_string_equal(fault_of(w, BUS + 0x1000, false), "translation fault");
    assert_string_equal(fault_of(w, BUS | UINT64_C(1) << 39, false), "translation fault"); /* above S2T0SZ */
    leaf_set(w, &s2[0], UINT64_C(1) << 44 | LEAF);
    check_ok(w, smmuv3_flush(&w->s, 1, &w->d));
    assert_string_equal(fault_of(w, BUS, true), "address size fault");
    leaf_set(w, &s2[0], OUT(0) | (LEAF & ~UINT64_C(0x400)));
    assert_string_equal(fault_of(w, BUS, true), "access flag fault");
    leaf_set(w, &s2[0], OUT(0) | 0x7fd); /* a block of level 3: reserved */
    assert_string_equal(fault_of(w, BUS, true), "translation fault");
    leaf_set(w, &s2[0], OUT(0) | LEAF); /* faults are not cached: no invalidation */
    assert_int_equal(reads(w, 8), OUT(0));

    struct smmuv3_stage2 quiet = map(w, 3, 5);
    check_ok(w, smmuv3_quarantine(&w->s, 8, &quiet, &w->d)); /* S2R 0: it faults in silence */
    assert_int_equal(reads(w, 8), OUT(5));
    assert_null(fault_of(w, BUS + 0x1000, true));
    world_free(w);
}

static void test_walk(void **state)
{
    (void)state;
    check_walk(true);
    check_walk(false);
}

/* Roots of level 0, and of two adjacent frames at level 1. */
static void test_shapes(void **state)
{
    struct smmuv3_stage2 s2[2], wide, two;
    struct world *w = running(true, s2);
    mfn_t f;

    (void)state;
    wide = map(w, 3, 3);
    assert_true(pool_take(&w->pool, 1, false, &f));
    ((uint64_t *)pool_ptr(&w->pool, f))[3] = wide.root.v | 3;
    wide.root = mfn_addr(f);
    wide.shape.in_bits = 44;
    wide.shape.root_level = 3;
    check_ok(w, smmuv3_attach(&w->s, 9, &wide, &w->d));
    assert_int_equal(dma(w, 9, UINT64_C(3) << 39 | BUS, true), OUT(3));
    assert_int_equal(reads(w, 9), NOWAY);

    two = map(w, 4, 4);
    assert_true(pool_take(&w->pool, 2, true, &f));
    ((uint64_t *)pool_ptr(&w->pool, f))[512 + 1] = words(w, &two)[1];
    two.root = mfn_addr(f);
    two.shape.in_bits = 40;
    check_ok(w, smmuv3_attach(&w->s, 10, &two, &w->d));
    assert_int_equal(dma(w, 10, UINT64_C(1) << 39 | BUS, true), OUT(4));
    assert_int_equal(reads(w, 10), NOWAY);

    w->m.idr5 = (w->m.idr5 & ~UINT32_C(7)) | 3; /* 42 bits: no level 0, and fewer than S2T0SZ says */
    events(w, 9);
    assert_int_equal(dma(w, 9, UINT64_C(3) << 39 | BUS, true), NOWAY);
    assert_int_equal(events(w, 9), 1);
    assert_string_equal(w->fault[0].what, "bad stream table entry");
    world_free(w);
}

/* No flush, one of another VMID, the right one: only the last shows what the tables say. */
static void check_flush(bool coherent)
{
    struct smmuv3_stage2 s2[2];
    struct world *w = running(coherent, s2);

    assert_int_equal(reads(w, 8), OUT(0));
    assert_int_equal(reads(w, 0x105), OUT(1));
    leaf_set(w, &s2[0], OUT(7) | LEAF);
    leaf_set(w, &s2[1], OUT(8) | LEAF);
    assert_int_equal(reads(w, 8), OUT(0));
    check_ok(w, smmuv3_flush(&w->s, 2, &w->d));
    assert_int_equal(reads(w, 8), OUT(0));
    assert_int_equal(reads(w, 0x105), OUT(8));
    check_ok(w, smmuv3_flush(&w->s, 1, &w->d));
    assert_int_equal(reads(w, 8), OUT(7));

    leaf_set(w, &s2[0], 0); /* taken away: reached until the flush is done */
    w->m.fail_cmd = 1;      /* the TLBI */
    w->m.fail_reason = 1;
    check_err(w, smmuv3_flush(&w->s, 1, &w->d), ERR_INVALID, "a command failed");
    assert_int_equal(reads(w, 8), OUT(7));
    check_ok(w, smmuv3_flush(&w->s, 1, &w->d));
    assert_int_equal(reads(w, 8), NOWAY);
    world_free(w);
}

static void test_flush(void **state)
{
    (void)state;
    check_flush(true);
    check_flush(false);
}

/* A device that never stops: its page is fetched again between any two accesses of the driver. */
static struct {
    struct world *w;
    uint64_t from, to;
    bool lies; /* the unit is shown another VMID in each TLBI_S12_VMALL */
    bool arrived, strayed;
} racer;

static void race(void)
{
    uint64_t at = reads(racer.w, 8);
    racer.arrived |= at == racer.to;
    racer.strayed |= at != NOWAY && at != racer.to && (at != racer.from || racer.arrived);
}

static void race_on_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    mmio_t r = smmuv3_model_mmio(model);
    uint64_t *queue = pool_ptr(&racer.w->pool, racer.w->s.cmdq);
    for (unsigned i = 0; racer.lies && i < 512; i += 2)
        queue[i] = (queue[i] & 0xff) == 0x28 ? UINT64_C(0x7700000028) : queue[i];
    race();
    r.access(r.model, off, width, write, value);
    race();
}

static void race_start(struct world *w, uint64_t from, uint64_t to, bool lies)
{
    racer.w = w;
    racer.from = from;
    racer.to = to;
    racer.lies = lies;
    racer.arrived = racer.strayed = false;
    w->s.base = (mmio_t){race_on_access, &w->m};
}

/*
 * A VMID gets another root while none of its streams has a map: what is cached of the old one must be gone before
 * the new one is met. to_quarantine: it is the quarantine's; else the partition's, which starts again.
 */
static void check_reused(bool to_quarantine, bool lies)
{
    struct smmuv3_stage2 s2[2], again;
    struct world *w = running(true, s2);

    if (to_quarantine) { /* another one was there before */
        struct smmuv3_stage2 q = map(w, 9, 3);
        check_ok(w, smmuv3_quarantine(&w->s, 0x105, &q, &w->d));
        assert_int_equal(reads(w, 0x105), OUT(3));
        check_ok(w, smmuv3_quarantine(&w->s, 0x105, NULL, &w->d));
        assert_int_equal(reads(w, 8), OUT(0));
        again = map(w, 9, 4);
        race_start(w, OUT(0), OUT(4), lies);
        check_ok(w, smmuv3_quarantine(&w->s, 8, &again, &w->d));
    } else {
        assert_int_equal(reads(w, 8), OUT(0));
        again = map(w, 1, 4);
        race_start(w, OUT(0), OUT(4), lies);
        check_ok(w, smmuv3_quarantine(&w->s, 8, NULL, &w->d));
        assert_int_equal(reads(w, 8), NOWAY);
        racer.from = NOWAY; /* never again */
        check_ok(w, smmuv3_attach(&w->s, 8, &again, &w->d));
    }
    assert_int_equal(racer.strayed, lies);
    assert_int_equal(reads(w, 8), !lies ? OUT(4) : to_quarantine ? OUT(3) : OUT(0));
    assert_int_equal(reads(w, 0x105), to_quarantine ? NOWAY : OUT(1));
    w->s.base = w->mmio;
    world_free(w);
}

static void test_quarantine(void **state)
{
    (void)state;
    check_reused(true, false);
    check_reused(false, false);
}

/* The same, with commands for another VMID: what the test above is to see, it does see. */
static void test_quarantine_of_another(void **state)
{
    (void)state;
    check_reused(true, true);
    check_reused(false, true);
}

/* TLBI_NSNH_ALL: enable drops what the last owner of the unit left. */
static void test_enable(void **state)
{
    struct smmuv3_stage2 s2[2];
    struct world *w = running(true, s2);

    (void)state;
    for (unsigned i = 0; i < MODEL_TLB; i++)
        w->m.tlb[i] = (struct smmuv3_model_tlb){.held = true, .vmid = 1, .page = BUS >> 12, .out = 1, .rights = 3};
    assert_int_equal(reads(w, 8), 0x1000);
    check_ok(w, smmuv3_block(w->mmio, &w->d));
    check_ok(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d));
    check_ok(w, smmuv3_attach(&w->s, 8, &s2[0], &w->d));
    check_ok(w, smmuv3_enable(&w->s, &w->d));
    assert_int_equal(reads(w, 8), OUT(0));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),       cmocka_unit_test(test_shapes), cmocka_unit_test(test_flush),
        cmocka_unit_test(test_quarantine), cmocka_unit_test(test_enable), cmocka_unit_test(test_quarantine_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
