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
 * tests/host/dtc.c tests/host/arch_host.c tests/host/random_system.c tests/host/random_board.c tests/host/reach.c */
/*
 * Random systems for every kind of IOMMU: what the plan does not refuse passes the check, its tables take exactly
 * the pool, verify finds in them what was planned, and the invariants hold on the tables themselves, told from
 * physmaps and board alone. Again with one system: MULLION_SYSTEM=<what was printed>.
 */
#include "check.h"
#include "dtc.h"
#include "plan_tables.h"
#include "random_system.h"
#include "reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 10000
#define OWNERS 256
#define LOOKS  24
#define ENOUGH 5000 /* rounds from which on every option must have been seen */
#define RW     (R_READ | R_WRITE)
#define END(x) ((x)->first + (x)->frames)

struct owner {
    uint64_t first, frames;
    const struct plan_partition *pp; /* NULL: the hypervisor */
    const struct extent *e;
};

struct judge {
    struct random_system *s;
    struct compiled t;
    struct owner owner[OWNERS];
    unsigned owners;
    /* The table at hand. */
    const struct plan_partition *pp;
    const struct plan_bfn_map *map; /* NULL: the p2m */
};

#define FAIL(j, fmt, ...) fail_msg("MULLION_SYSTEM=0x%lx: " fmt, (j)->s->seed, __VA_ARGS__)

/*
 * I1: who has which machine frames.
 */

static void owner_add(struct judge *j, uint64_t first, uint64_t frames, const struct plan_partition *pp,
                      const struct extent *e)
{
    struct owner *n = &j->owner[j->owners++];

    assert_true(j->owners < OWNERS);
    *n = (struct owner){first, frames, pp, e};
    for (const struct owner *o = j->owner; o < n; o++) {
        bool both = o->e && e && o->e->type == e->type;

        if (!ranges_overlap(first, frames, o->first, o->frames))
            continue;
        /* One box for those who declare it, one doorbell for all who write to it. */
        if (!both || (e->type != EXT_SHARED && e->type != EXT_DOORBELL) || o->first != first || o->frames != frames)
            FAIL(j, "MFN 0x%lx: %s and %s", first, e ? e->name : "mullion", o->e ? o->e->name : "mullion");
    }
}

static void owner_add_bytes(struct judge *j, maddr_t from, maddr_t to)
{
    if (from.v != to.v)
        owner_add(j, from.v >> FRAME_SHIFT, (to.v - from.v) >> FRAME_SHIFT, NULL, NULL);
}

static void owners_collect(struct judge *j)
{
    const struct plan *p = &j->s->plan;
    const struct board *b = &j->s->board;

    j->owners = 0;
    owner_add_bytes(j, p->hv.image, p->hv.image_end);
    owner_add_bytes(j, p->hv.bundle, p->hv.bundle_end);
    owner_add_bytes(j, p->hv.arena, p->hv.arena_end);
    owner_add_bytes(j, p->hv.dtb, p->hv.dtb_end);
    owner_add(j, p->hv.pool.n, p->hv.pool_frames, NULL, NULL);
    owner_add(j, b->gic.gicd.v >> FRAME_SHIFT, 16, NULL, NULL);
    owner_add(j, b->gic.gicr[0].base.v >> FRAME_SHIFT, b->gic.gicr[0].size >> FRAME_SHIFT, NULL, NULL);
    for (uint32_t i = 0; i < b->iommus; i++)
        owner_add(j, b->iommu[i].base.v >> FRAME_SHIFT, b->iommu[i].size >> FRAME_SHIFT, NULL, NULL);
    for (const struct plan_partition *pp = p->partition; pp < p->partition + p->partitions; pp++)
        for (const struct extent *e = pp->physmap.ext; e < pp->physmap.ext + pp->physmap.count; e++)
            if (e->type != EXT_EMULATED)
                owner_add(j, e->mfn.n, e->frames, pp, e);
}

/*
 * I2, I3, I5: everything that a table reaches.
 */

static struct reach planned(const struct judge *j, uint64_t in)
{
    return j->map ? reach_of_device(&j->t, j->pp, j->map, in) : reach_of_cpu(j->pp, in);
}

static uint64_t scratch_of(const struct judge *j)
{
    return j->map && j->map->scratch ? j->t.table[j->map->table].scratch.page.n : UINT64_MAX;
}

/* A run lies in extents of the partition that give these rights, or is the map's scratch page. */
static void run_judge(void *ctx, uint64_t first, uint64_t frames, uint8_t rights)
{
    struct judge *j = ctx;
    uint8_t scratch = j->pp->m->unmapped == UNMAPPED_SCRATCH ? RW : R_READ;

    if (first == scratch_of(j) && frames == 1 && rights == scratch)
        return;
    for (uint64_t at = first, end = first + frames; at < end;) {
        const struct owner *o = j->owner;

        while (o < j->owner + j->owners && !(o->pp == j->pp && o->first <= at && at < END(o)))
            o++;
        if (o == j->owner + j->owners)
            FAIL(j, "%s: %s reaches MFN 0x%lx", j->pp->m->name, j->map ? j->map->kind->name : "p2m", at);
        if (rights != ((j->map && !j->pp->m->shared_tables ? o->e->dma : o->e->cpu) & RW))
            FAIL(j, "%s: %s reaches %s with rights %u", j->pp->m->name, j->map ? j->map->kind->name : "p2m", o->e->name,
                 rights);
        at = END(o);
    }
}

static void table_judge(struct judge *j, const struct plan_partition *pp, const struct plan_bfn_map *map)
{
    const struct compiled_table *c = &j->t.table[map ? map->table : pp->p2m_table];
    const struct reach_reader *r;

    j->pp = pp;
    j->map = map;
    r = reach_reader_of(c->pt.format, map != NULL);
    reach_all(r, &j->t, (uint32_t)(c - j->t.table), run_judge, j);
    for (unsigned i = 0; i < LOOKS; i++) {
        uint64_t in = random_system_frame(j->s, pp, c->pt.shape.in_bits);
        struct reach want = planned(j, in);
        struct reach got = reach_walk(r, &j->t.pool, j->t.pool.mem, c->pt.root.n, c->pt.shape, in);

        if (got.rights != want.rights || got.mfn != want.mfn)
            FAIL(j, "%s: %s leads frame 0x%lx to MFN 0x%lx, rights %u; planned 0x%lx, %u", pp->m->name, c->name, in,
                 got.mfn, got.rights, want.mfn, want.rights);
    }
}

/* I5: a scratch page is one map's alone, and no p2m's. */
static void scratch_judge(struct judge *j, const struct plan_bfn_map *m)
{
    const struct plan *p = &j->s->plan;
    uint64_t page = j->t.table[m->table].scratch.page.n;

    assert_true(pool_has(&j->t.pool, mfn(page)));
    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++)
        for (const struct plan_bfn_map *o = pp->map; o < pp->map + pp->maps; o++)
            if (o != m && o->scratch && j->t.table[o->table].scratch.page.n == page)
                FAIL(j, "two maps have the scratch page 0x%lx", page);
}

/*
 * I10: what the generator says that a device uses.
 */

static bool table_says(const struct random_system *s, const struct random_device *r, uint32_t i)
{
    for (uint32_t k = 0; k < s->board.dma_users; k++) {
        const struct board_dma_user *u = &s->board.dma_user[k];

        if (u->range == i && r->has_stream && u->iommu == r->unit && u->sid_first <= r->sid && r->sid <= u->sid_last)
            return true;
    }
    return false;
}

static void reserved_judge(struct judge *j, const struct plan_partition *pp, const struct plan_device *dev, uint32_t i)
{
    const struct random_reserved *r = &j->s->reserved[i];
    uint64_t first = r->base >> FRAME_SHIFT, last = (r->base + r->size - 1) >> FRAME_SHIFT;

    j->pp = pp;
    j->map = dev->is_protected ? &pp->map[dev->map] : NULL;
    for (uint64_t at = first; at <= last; at += last - first ? last - first : 1) {
        const struct compiled_table *c = &j->t.table[j->map ? j->map->table : pp->p2m_table];
        struct reach got = reach_walk(reach_reader_of(c->pt.format, j->map != NULL), &j->t.pool, j->t.pool.mem,
                                      c->pt.root.n, c->pt.shape, at);

        if (got.rights != RW || got.mfn != at)
            FAIL(j, "%s: %s does not reach reserved frame 0x%lx", pp->m->name, dev->m->name, at);
    }
}

static void device_judge(struct judge *j, const struct plan_partition *pp, const struct plan_device *dev)
{
    const struct random_device *r = random_device_of(j->s, dev);

    if (r->has_stream != dev->is_protected || (r->has_stream && (r->unit != dev->iommu || r->sid != dev->sid)))
        FAIL(j, "%s: stream 0x%x of unit %u", dev->m->name, dev->sid, dev->iommu);
    if (dev->is_protected) {
        const struct board_iommu *u = &j->s->unit[r->unit];
        struct pt_shape s = pp->map[dev->map].shape;

        if (s.in_bits > u->in_bits || s.out_bits > u->out_bits || s.leaf_level > u->leaf_level)
            FAIL(j, "%s: its IOMMU has no tables like these", dev->m->name);
    }
    for (const struct plan_device *o = pp->device; pp->m->scratch_per_device && o < dev; o++)
        if (o->is_protected && dev->is_protected && o->map == dev->map)
            FAIL(j, "%s and %s have one scratch page", o->m->name, dev->m->name);
    if (dev->m->reserved_scratch)
        return;
    for (uint32_t i = 0; i < j->s->reserveds; i++) {
        bool table = table_says(j->s, r, i);

        if (table || (r->uses | r->holds) >> i & 1)
            reserved_judge(j, pp, dev, i);
        else if (r->uses >> 16 >> i & 1)
            FAIL(j, "%s uses moved memory", dev->m->name);
    }
}

/* I8: the quarantine reaches nothing but its scratch pages. */
static void quarantine_judge(struct judge *j)
{
    const struct plan_partition *q = j->s->plan.quarantine;

    for (uint32_t i = 0; i < q->maps; i++) {
        assert_true(q->map[i].scratch != 0);
        table_judge(j, q, &q->map[i]);
        scratch_judge(j, &q->map[i]);
    }
}

static void system_judge(struct judge *j)
{
    const struct plan *p = &j->s->plan;
    struct diag d = {{0}};

    if (check_plan(p, &j->s->arena, &d) || plan_tables_build(&j->t, p, &j->s->arena, &d) || compile_verify(&j->t, &d))
        FAIL(j, "%s", d.text);
    owners_collect(j);
    for (const struct plan_partition *pp = p->partition; pp < p->partition + p->partitions; pp++) {
        /* Whatever IOMMUs share it: it is for these CPUs. */
        if (reach_reader_of(pp->p2m->format, false) != reach_reader_of(j->s->p2m->format, false))
            FAIL(j, "%s: %s is no p2m of CPUs with %s", pp->m->name, pp->p2m->format->name, j->s->p2m->format->name);
        table_judge(j, pp, NULL);
        for (uint32_t i = 0; i < pp->maps; i++) {
            table_judge(j, pp, &pp->map[i]);
            if (pp->map[i].scratch)
                scratch_judge(j, &pp->map[i]);
        }
        for (uint32_t i = 0; i < pp->devices; i++)
            device_judge(j, pp, &pp->device[i]);
    }
    quarantine_judge(j);
    plan_tables_free(&j->t);
}

static void test_systems(void **state)
{
    static struct random_system s;
    static struct judge j;
    unsigned rounds = mutate_start(ROUNDS), good = 0, seen[RANDOM_SEEN] = {0};

    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t seed = random_system_seed();

        j = (struct judge){.s = &s};
        if (random_system_make(&s, seed)) {
            good++;
            random_system_count(&s, seen);
            system_judge(&j);
        } else if (!*s.diag.text) {
            FAIL(&j, "%s", "refused without a text");
        }
        random_system_free(&s);
    }
    print_message("%u of %u random systems could be planned; they have\n", good, rounds);
    for (unsigned i = 0; i < RANDOM_SEEN; i++) {
        print_message("%8u %s\n", seen[i], random_seen_name[i]);
        if (rounds >= ENOUGH && !seen[i])
            fail_msg("no planned system has any: %s", random_seen_name[i]);
    }
    assert_true(rounds < ENOUGH || good > rounds / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_systems)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
