/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/compile.c kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c kernel/plan_device.c
 * kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/plan_maps.c kernel/check.c kernel/check_device.c
 * kernel/check_maps.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c
 * kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c
 * kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c
 * kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/share.c kernel/p2m/kind_arm.c kernel/p2m/kind_x86.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_arm_el2.c kernel/p2m/format_arm_s2.c kernel/p2m/format_ept.c
 * kernel/p2m/format_ipmmu.c kernel/p2m/format_long_mode.c kernel/p2m/format_npt.c kernel/p2m/format_vtd_sl.c
 * kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c
 * kernel/p2m/verify_x86.c kernel/iommu/bfn.c kernel/iommu/scratch.c kernel/iommu/kind.c kernel/iommu/kind_amdvi.c
 * kernel/iommu/kind_ipmmu.c kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c kernel/iommu/smmuv3.c
 * kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/iommu/amdvi.c
 * kernel/iommu/amdvi_words.c kernel/iommu/ipmmu.c boot/bundle.c tests/host/plan_fixture.c tests/host/plan_tables.c
 * tests/host/dtc.c tests/host/arch_host.c tests/host/random_system.c tests/host/random_board.c tests/host/reach.c
 * tests/host/iommu_bench.c tests/models/amdvi_model.c tests/models/ipmmu_model.c tests/models/smmuv3_model.c
 * tests/models/smmuv3_model_walk.c tests/models/vtd_model.c tests/models/vtd_model_walk.c */
/*
 * Random systems on the register models: for random devices, bus frames and directions the plan, the register
 * model behind the real driver, and verify's decoders say the same. Every device of the plan and of the
 * quarantine has its map; streams that nobody owns, and those that are taken away at run time, are tried, too.
 * Again with one system: MULLION_SYSTEM=<what was printed>.
 */
#include "arch.h"
#include "dtc.h"
#include "iommu_bench.h"
#include "plan_tables.h"
#include "random_system.h"
#include "reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS     5000
#define ENOUGH     1000 /* rounds from which on every kind must have been tried */
#define POOL_LIMIT 768  /* frames: models compare all of it at every step */
#define LOOKS      24
#define STRAYS     3

enum { HIT_MEMORY, HIT_SCRATCH, HIT_ABORT, HIT_EXEMPT, HIT_QUARANTINE, HITS };

struct tally {
    unsigned planned, units[5], hits[HITS];
};

struct trial {
    struct random_system *s;
    struct compiled t;
    uint32_t unit;
    struct tally *tally;
};

#define FAIL(b, fmt, ...) \
    fail_msg("MULLION_SYSTEM=0x%lx, %s: " fmt, (b)->s->seed, (b)->s->board.iommu[(b)->unit].kind->name, __VA_ARGS__)

static void must(struct trial *b, err_t e, const struct diag *d)
{
    if (e)
        FAIL(b, "%s", d->text);
}

static struct bench_map map_of(const struct trial *b, const struct plan_bfn_map *m)
{
    return (struct bench_map){mfn_addr(b->t.table[m->table].pt.root), m->shape, m->domain};
}

/* The quarantine's map of the unit's kind; NULL: it has none. */
static const struct plan_bfn_map *quarantine_map(const struct trial *b)
{
    const struct plan_partition *q = b->s->plan.quarantine;

    for (const struct plan_bfn_map *m = q->map; m < q->map + q->maps; m++)
        if (m->kind == b->s->board.iommu[b->unit].kind)
            return m;
    return NULL;
}

/* Nothing of the hypervisor but a scratch page, nothing that another partition has for itself. */
static void mine_judge(struct trial *b, const struct plan_partition *pp, uint64_t at, bool scratch)
{
    const struct plan *p = &b->s->plan;

    if (pool_has(&b->t.pool, mfn(at)) && !scratch)
        FAIL(b, "%s reaches frame 0x%lx of the pool", pp->m->name, at);
    if (at >= p->hv.image.v >> FRAME_SHIFT && at < p->hv.bundle_end.v >> FRAME_SHIFT)
        FAIL(b, "%s reaches the hypervisor at 0x%lx", pp->m->name, at);
    for (const struct plan_partition *q = p->partition; q < p->quarantine; q++)
        for (const struct extent *e = q->physmap.ext; q != pp && e < q->physmap.ext + q->physmap.count; e++)
            if (e->type != EXT_EMULATED && e->type != EXT_SHARED && e->type != EXT_DOORBELL && at >= e->mfn.n &&
                at - e->mfn.n < e->frames)
                FAIL(b, "%s reaches %s of %s", pp->m->name, e->name, q->m->name);
}

/* The three answers about one access; m NULL: it must abort. */
static void access_judge(struct trial *b, const struct plan_partition *pp, const struct plan_bfn_map *m, uint32_t sid,
                         uint64_t at, bool write)
{
    const struct iommu_kind *kind = b->s->board.iommu[b->unit].kind;
    struct reach plan = m ? reach_of_device(&b->t, pp, m, at) : (struct reach){0};
    struct reach tables = m ? reach_decode(&b->t, m->table, at) : (struct reach){0};
    bool exempt = reach_is_exempt(kind, at), allowed = !exempt && plan.rights & (write ? R_WRITE : R_READ);
    bool scratch = m && m->scratch && plan.mfn == b->t.table[m->table].scratch.page.n;
    uint64_t found;
    bool passes = iommu_bench_dma(sid, at << FRAME_SHIFT | random_below(b->s, FRAME_SIZE), write, &found);

    if (plan.rights != tables.rights || plan.mfn != tables.mfn)
        FAIL(b, "%s: BFN 0x%lx is MFN 0x%lx, rights %u in the plan and MFN 0x%lx, rights %u in the tables", pp->m->name,
             at, plan.mfn, plan.rights, tables.mfn, tables.rights);
    if (passes != allowed || (passes && found != plan.mfn))
        FAIL(b, "%s: stream 0x%x %s BFN 0x%lx: %s, MFN 0x%lx; planned: MFN 0x%lx, rights %u", pp->m->name, sid,
             write ? "writes" : "reads", at, passes ? "passes" : "aborts", found, plan.mfn, plan.rights);
    if (passes)
        mine_judge(b, pp, found, scratch);
    b->tally->hits[exempt                                   ? HIT_EXEMPT
                   : !passes                                ? HIT_ABORT
                   : scratch && pp == b->s->plan.quarantine ? HIT_QUARANTINE
                   : scratch                                ? HIT_SCRATCH
                                                            : HIT_MEMORY]++;
}

static void stream_judge(struct trial *b, const struct plan_partition *pp, const struct plan_bfn_map *m, uint32_t sid,
                         const struct plan_partition *of, unsigned looks)
{
    uint8_t bits = m && random_chance(b->s, 2) ? m->shape.in_bits : b->s->board.iommu[b->unit].in_bits;

    while (looks-- > 0) {
        uint64_t at = random_system_frame(b->s, of, bits);

        access_judge(b, pp, m, sid, at, random_chance(b->s, 2));
        access_judge(b, pp, m, sid, at, random_chance(b->s, 2));
    }
}

/* A stream that has no map of its own: it aborts, or meets the quarantine where that is all there is. */
static void stray_judge(struct trial *b, uint32_t sid, const struct plan_partition *of)
{
    stream_judge(b, b->s->plan.quarantine, iommu_bench_quarantines_all() ? quarantine_map(b) : NULL, sid, of, STRAYS);
}

/* Is it the stream of a device that has a map? */
static bool is_attached(const struct trial *b, uint32_t sid)
{
    const struct plan *p = &b->s->plan;

    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++)
        for (const struct plan_device *d = pp->device; d < pp->device + pp->devices; d++)
            if (d->is_protected && d->iommu == b->unit && d->sid == sid)
                return true;
    return false;
}

static void strays_judge(struct trial *b)
{
    const struct plan_partition *of = b->s->plan.partition;
    uint64_t streams = UINT64_C(1) << b->s->board.iommu[b->unit].sid_bits;

    for (const struct random_device *d = b->s->device; d < b->s->device + b->s->devices; d++)
        if (d->has_stream && d->unit == b->unit && d->sid < streams && !is_attached(b, d->sid))
            stray_judge(b, d->sid, of);
    for (unsigned i = 0; i < STRAYS; i++) {
        uint32_t sid = (uint32_t)random_below(b->s, streams);

        if (!is_attached(b, sid))
            stray_judge(b, sid, of);
    }
}

typedef void device_fn(struct trial *b, const struct plan_partition *pp, const struct plan_device *dev);

/* The devices behind the unit that have a map, of partitions and of the quarantine. */
static void devices_do(struct trial *b, device_fn *fn)
{
    const struct plan *p = &b->s->plan;

    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++)
        for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++)
            if (dev->is_protected && dev->iommu == b->unit)
                fn(b, pp, dev);
}

/* As the boots do it: one that nobody owns is taken to its map, and has no interrupts. */
static void device_attach(struct trial *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    struct bench_map m = map_of(b, &pp->map[dev->map]);
    struct diag d = {{0}};

    if (pp != b->s->plan.quarantine)
        must(b, iommu_bench_attach(dev->sid, &m, &d), &d);
    else
        must(b, iommu_bench_quarantine(dev->sid, &m, &d), &d);
}

static void device_judge(struct trial *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    stream_judge(b, pp, &pp->map[dev->map], dev->sid, pp, LOOKS);
}

/* Taken away, and given back: what is past its fault budget, and a partition that starts again. */
static void device_quarantine(struct trial *b, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct plan_partition *q = b->s->plan.quarantine;
    const struct plan_bfn_map *m = dev->m->quarantine_scratch ? quarantine_map(b) : NULL;
    struct bench_map to;
    struct diag d = {{0}};

    if (pp == q)
        return;
    if (dev->m->quarantine_scratch && !m)
        FAIL(b, "%s is to have a map of the quarantine, and there is none", dev->m->name);
    if (m)
        to = map_of(b, m);
    must(b, iommu_bench_quarantine(dev->sid, m ? &to : NULL, &d), &d);
    if (m)
        stream_judge(b, q, m, dev->sid, pp, STRAYS);
    else
        stray_judge(b, dev->sid, pp);
    if (random_chance(b->s, 2)) {
        to = map_of(b, &pp->map[dev->map]);
        must(b, iommu_bench_quarantine(dev->sid, NULL, &d), &d);
        must(b, iommu_bench_attach(dev->sid, &to, &d), &d);
        stream_judge(b, pp, &pp->map[dev->map], dev->sid, pp, STRAYS);
    }
}

/* own: frames taken when the unit's turn is to be set up; streams: and when it is its streams' turn. */
static void unit_judge(struct trial *b, uint64_t *own, uint64_t *streams)
{
    const struct board_iommu *u = &b->s->board.iommu[b->unit];
    const struct plan_bfn_map *m = quarantine_map(b);
    struct bench_map q;
    struct diag d = {{0}};
    const char *violation;

    if (m)
        q = map_of(b, m);
    b->t.pool.used = *own;
    must(b, iommu_bench_start(u, &b->t.pool, m ? &q : NULL, (unsigned)random_below(b->s, 8), &d), &d);
    *own = b->t.pool.used;
    b->t.pool.used = *streams;
    devices_do(b, device_attach);
    *streams = b->t.pool.used;
    must(b, iommu_bench_enable(&d), &d);
    devices_do(b, device_judge);
    strays_judge(b);
    devices_do(b, device_quarantine);
    assert_int_equal(b->t.pool.used, *streams);
    violation = iommu_bench_stop();
    if (*violation)
        FAIL(b, "%s", violation);
}

static void count_unit(struct tally *l, const struct iommu_kind *kind)
{
    static const struct iommu_kind *const kinds[] = {&iommu_kind_smmuv3, &iommu_kind_vtd, &iommu_kind_vtd_snoop,
                                                     &iommu_kind_amdvi, &iommu_kind_ipmmu};

    for (unsigned i = 0; i < 5; i++)
        l->units[i] += kind == kinds[i];
}

/* Have all units models? */
static bool models_can(const struct trial *b)
{
    const struct plan_hypervisor *hv = &b->s->plan.hv;
    const struct pool pool = {.first = hv->pool, .frames = hv->pool_frames};

    for (uint32_t i = 0; i < b->s->board.iommus; i++)
        if (!iommu_bench_can(&b->s->board.iommu[i], &pool))
            return false;
    return b->s->board.iommus && hv->pool_frames <= POOL_LIMIT;
}

/* Frames are taken as at a boot, by all units and then by their streams, and are exactly those that were planned. */
static void system_judge(struct random_system *s, struct tally *l)
{
    static struct trial b;
    struct diag d = {{0}};
    uint64_t own, units, streams;

    b = (struct trial){.s = s, .tally = l};
    if (!models_can(&b))
        return;
    must(&b, plan_tables_build(&b.t, &s->plan, &s->arena, &d), &d);
    for (const struct plan_partition *pp = s->plan.partition; pp < s->plan.quarantine; pp++)
        b.t.pool.frames -= pp->frames.pv;
    own = units = b.t.pool.used;
    for (uint32_t i = 0; i < s->board.iommus; i++)
        units += s->board.iommu[i].kind->unit_frames(&s->board.iommu[i], units);
    streams = units;
    for (b.unit = 0; b.unit < s->board.iommus; b.unit++) {
        unit_judge(&b, &own, &streams);
        count_unit(l, s->board.iommu[b.unit].kind);
    }
    assert_int_equal(own, units);
    assert_int_equal(streams, b.t.pool.frames);
    l->planned++;
    plan_tables_free(&b.t);
}

static void test_systems_on_models(void **state)
{
    static const char *const hit[HITS] = {"own memory", "scratch page", "abort", "exempt range", "quarantine's page"};
    static struct random_system s;
    struct tally l = {0};
    unsigned rounds = mutate_start(ROUNDS);

    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        if (random_system_make(&s, random_system_seed()))
            system_judge(&s, &l);
        random_system_free(&s);
    }
    print_message("%u systems of %u, units: %u SMMUv3, %u VT-d, %u VT-d with snoop control, %u AMD-Vi, %u IPMMU\n",
                  l.planned, rounds, l.units[0], l.units[1], l.units[2], l.units[3], l.units[4]);
    for (unsigned i = 0; i < HITS; i++) {
        print_message("%8u accesses: %s\n", l.hits[i], hit[i]);
        assert_true(rounds < ENOUGH || l.hits[i] > 0);
    }
    for (unsigned i = 0; i < 5; i++)
        assert_true(rounds < ENOUGH || l.units[i] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_systems_on_models)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
