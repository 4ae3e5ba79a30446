/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/pv.c kernel/p2m/window.c kernel/p2m/extent.c kernel/p2m/verify.c kernel/p2m/verify_arm.c
 * kernel/p2m/verify_x86.c kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c kernel/p2m/pt.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_amdvi.c
 * kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c kernel/iommu/scratch.c kernel/pool.c kernel/diag.c
 * kernel/fmt.c tests/host/pv_world.c tests/host/arch_host.c tests/host/dtc.c */
/* The calls of the PV window, each compared with the list of pages in tests/host/pv_world.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch_host.h"
#include "dtc.h"
#include "pv_world.h"

#define RW  (R_READ | R_WRITE)
#define W0  PV_WORLD_FIRST
#define RAM 0x40000 /* 0x300 frames; 0x100 of other MFNs follow, then 0x40 of ram-ro */

static struct pv_world world;
static const uint8_t four[] = {PV_ARM, PV_AMDVI_64, PV_IPMMU, PV_VTD_SL};

static struct pv_world *start(const uint8_t *kind, unsigned kinds, uint8_t scratch_rights)
{
    pv_world_init(&world, kind, kinds, scratch_rights);
    assert_string_equal(world.broken.text, "");
    return &world;
}

static struct pv_op op(uint64_t b, uint64_t g, uint64_t frames, uint8_t rights)
{
    return (struct pv_op){bfn(b), gfn(g), frames, rights};
}

/* Each call: its answer, and nothing that the list says is otherwise. */
static void answers(struct pv_world *w, err_t e, err_t want)
{
    assert_string_equal(w->broken.text, "");
    assert_int_equal(e, want);
}

static void maps(struct pv_world *w, struct pv_op o)
{
    uint32_t failed;
    answers(w, pv_world_map(w, &o, 1, &failed), ERR_NONE);
    assert_int_equal(failed, 1);
}

static void unmaps(struct pv_world *w, struct pv_op o)
{
    uint32_t failed;
    answers(w, pv_world_unmap(w, &o, 1, &failed), ERR_NONE);
    assert_int_equal(failed, 1);
}

static uint32_t flushes(const struct pv_world *w, unsigned target)
{
    return w->target[target].flushes;
}

/* One page, in words of Arm stage 2 and AMD-Vi (see test_formats.c). */
static void test_by_hand(void **state)
{
    struct pv_world *w = start((const uint8_t[]){PV_ARM, PV_AMDVI}, 2, RW);
    (void)state;
    maps(w, op(W0 + 3, RAM + 5, 1, RW));
    assert_int_equal(w->target[0].leaf[0][3], UINT64_C(0x00400002000057ff));
    assert_int_equal(w->target[1].leaf[0][3], UINT64_C(0x7000000200005001));
    assert_int_equal(w->bitmap[0], 1 << 3);
    maps(w, op(W0 + 511, RAM + 5, 2, R_READ)); /* the same page once more, with fewer rights, over two tables */
    assert_int_equal(w->target[0].leaf[0][511], UINT64_C(0x004000020000577f));
    assert_int_equal(w->target[0].leaf[1][0], UINT64_C(0x004000020000677f));
    assert_int_equal(w->target[1].leaf[1][0], UINT64_C(0x3000000200006001));
    maps(w, op(W0 + 1023, 0x10010, 1, RW)); /* MMIO with peer-dma */
    assert_int_equal(w->target[0].leaf[1][511], UINT64_C(0x00400000100106c7));
    unmaps(w, op(W0 + 3, 0, 1, 0));
    assert_int_equal(w->target[0].leaf[0][3], w->target[0].scratch.fill[0]);
    assert_int_equal(w->target[1].leaf[0][3], w->target[1].scratch.fill[0]);
    assert_int_equal(w->bitmap[0], 0);
}

static void test_refused(void **state)
{
    static const struct {
        struct pv_op op;
        err_t map, unmap;
    } bad[] = {
        {{{W0 - 1}, {RAM}, 1, RW}, ERR_INVALID, ERR_INVALID}, /* outside */
        {{{W0 - 1}, {RAM}, 2, RW}, ERR_INVALID, ERR_INVALID},
        {{{W0 + 1024}, {RAM}, 1, RW}, ERR_INVALID, ERR_INVALID},
        {{{W0 + 1023}, {RAM}, 2, RW}, ERR_INVALID, ERR_INVALID},
        {{{0}, {RAM}, 1, RW}, ERR_INVALID, ERR_INVALID},
        {{{UINT64_MAX}, {RAM}, 1, RW}, ERR_INVALID, ERR_INVALID},
        {{{W0}, {RAM}, 0, RW}, ERR_INVALID, ERR_INVALID}, /* empty */
        {{{W0}, {RAM}, UINT64_MAX, RW}, ERR_INVALID, ERR_INVALID},
        {{{W0 + 1}, {RAM}, UINT64_MAX - W0, RW}, ERR_INVALID, ERR_INVALID}, /* wraps */
        {{{W0 + 1}, {RAM}, 513, RW}, ERR_INVALID, ERR_INVALID},
        {{{W0 + 1}, {RAM}, 512, RW}, ERR_INVALID, ERR_INVALID}, /* one frame is in the batch already */
        {{{W0 + 1}, {RAM}, 1, 0}, ERR_INVALID, ERR_DENIED},     /* rights */
        {{{W0 + 1}, {RAM}, 1, R_WRITE}, ERR_INVALID, ERR_DENIED},
        {{{W0 + 1}, {RAM}, 1, RW | R_EXEC}, ERR_INVALID, ERR_DENIED},
        {{{W0 + 1}, {RAM}, 1, 0x83}, ERR_INVALID, ERR_DENIED},
        {{{W0 + 9}, {RAM}, 1, RW}, ERR_NO_SPACE, ERR_DENIED}, /* taken by the element before; not mapped */
        {{{W0 + 8}, {RAM}, 3, RW}, ERR_NO_SPACE, ERR_DENIED},
        {{{W0 + 600}, {RAM}, 1, RW}, ERR_NO_SPACE, ERR_NONE}, /* mapped */
        {{{W0 + 599}, {RAM}, 2, RW}, ERR_NO_SPACE, ERR_DENIED},
        {{{W0 + 601}, {RAM}, 2, R_READ}, ERR_NO_SPACE, ERR_DENIED},
        {{{W0 + 1}, {0}, 1, R_READ}, ERR_DENIED, ERR_DENIED}, /* holes */
        {{{W0 + 1}, {RAM - 1}, 2, R_READ}, ERR_DENIED, ERR_DENIED},
        {{{W0 + 1}, {UINT64_MAX}, 2, R_READ}, ERR_DENIED, ERR_DENIED},
        {{{W0 + 1}, {RAM + 0x440}, 1, R_READ}, ERR_DENIED, ERR_DENIED},
        {{{W0 + 1}, {RAM + 0x43f}, 2, R_READ}, ERR_DENIED, ERR_DENIED},
        {{{W0 + 1}, {0x08000}, 1, R_READ}, ERR_DENIED, ERR_DENIED}, /* emulated */
        {{{W0 + 1}, {0x08090}, 1, R_READ}, ERR_DENIED, ERR_DENIED}, /* a doorbell */
        {{{W0 + 1}, {0x08090}, 1, RW}, ERR_DENIED, ERR_DENIED},
        {{{W0 + 1}, {0x10000}, 1, RW}, ERR_DENIED, ERR_DENIED},     /* MMIO */
        {{{W0 + 1}, {0x50000}, 1, R_READ}, ERR_DENIED, ERR_DENIED}, /* dma = "none" */
        {{{W0 + 1}, {RAM + 0x400}, 1, RW}, ERR_DENIED, ERR_DENIED}, /* ram-ro */
        {{{W0 + 1}, {RAM + 0x3ff}, 2, RW}, ERR_DENIED, ERR_DENIED}, /* its first page with the one before */
        {{{W0 + 1}, {0x60000}, 1, RW}, ERR_DENIED, ERR_DENIED},     /* dma = "read" */
        {{{W0 + 1}, {0x60004}, 1, R_READ}, ERR_DENIED, ERR_DENIED}, /* shared, not for devices */
        {{{W0 + 1}, {0x60003}, 2, R_READ}, ERR_DENIED, ERR_DENIED}, /* the one before it, and it */
    };
    struct pv_world *w = start(four, 4, RW);
    uint32_t failed;
    (void)state;
    maps(w, op(W0 + 600, RAM, 2, RW));
    maps(w, op(W0 + 700, RAM, 1, RW));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pv_op good[] = {op(W0 + 9, RAM, 1, R_READ), bad[i].op, op(W0 + 10, RAM, 1, R_READ)};
        answers(w, pv_world_map(w, good, 3, &failed), bad[i].map);
        assert_int_equal(failed, 1);
        if (bad[i].unmap == ERR_NONE)
            continue;
        good[0].bfn = bfn(W0 + 700);
        answers(w, pv_world_unmap(w, good, 3, &failed), bad[i].unmap);
        assert_int_equal(failed, 1);
    }
    struct pv_op twice[] = {op(W0 + 600, 0, 1, 0), op(W0 + 700, 0, 1, 0), op(W0 + 600, 0, 1, 0)};
    answers(w, pv_world_unmap(w, twice, 3, &failed), ERR_DENIED);
    assert_int_equal(failed, 2);
}

/* Over the ends of extents, with the rights that all of them have. */
static void test_runs(void **state)
{
    struct pv_world *w = start(four, 4, R_READ);
    (void)state;
    maps(w, op(W0 + 400, RAM + 0x2ff, 2, RW));
    assert_int_equal(w->page[400].mfn, 0x2002ff);
    assert_int_equal(w->page[401].mfn, 0x180055);
    maps(w, op(W0 + 402, RAM + 0x2f8, 0x148, R_READ)); /* three extents, two leaf tables */
    maps(w, op(W0, 0x60000, 4, R_READ));
    maps(w, op(W0 + 4, 0xb0000, 2, RW));
    maps(w, op(W0 + 6, 0x140202, 1, RW));
    maps(w, op(W0 + 7, 0x13fdff, 1, RW));
    maps(w, op(W0 + 8, 0x60011, 1, RW));
    unmaps(w, op(W0 + 500, 0, 50, 0xff)); /* the middle of a run; gfn and rights are not read */
    maps(w, op(W0 + 505, RAM, 2, RW));
    pv_world_end(w);
    assert_string_equal(w->broken.text, "");
}

/* 512 frames in a call, in any number of elements; and no element is read after the one that is refused. */
static void test_batch(void **state)
{
    struct pv_world *w = start(four, 4, RW);
    struct pv_op *ops = malloc(513 * sizeof *ops); /* a sanitizer sees a read of one more */
    uint32_t failed;
    (void)state;
    maps(w, op(W0 + 512, RAM, 512, RW));
    unmaps(w, op(W0 + 512, RAM, 512, RW));
    maps(w, op(W0 + 256, RAM + 0x200, 512, R_READ)); /* and not aligned */
    unmaps(w, op(W0 + 256, RAM, 512, RW));
    for (uint32_t i = 0; i < 513; i++)
        ops[i] = op(W0 + 2 * (uint64_t)i % 1023, RAM, 1, RW);
    answers(w, pv_world_map(w, ops, 513, &failed), ERR_INVALID);
    assert_int_equal(failed, 512);
    answers(w, pv_world_map(w, ops, UINT32_MAX, &failed), ERR_INVALID);
    assert_int_equal(failed, 512);
    answers(w, pv_world_map(w, ops, 512, &failed), ERR_NONE);
    assert_int_equal(failed, 512);
    answers(w, pv_world_unmap(w, ops, UINT32_MAX, &failed), ERR_INVALID);
    assert_int_equal(failed, 512);
    answers(w, pv_world_unmap(w, ops, 512, &failed), ERR_NONE);
    ops[0].frames = 512;
    answers(w, pv_world_map(w, ops, 2, &failed), ERR_INVALID);
    assert_int_equal(failed, 1);
    free(ops);
}

static void test_flushes(void **state)
{
    struct pv_world *w = start(four, 4, RW);
    uint32_t failed;
    (void)state;
    answers(w, pv_world_flush(w), ERR_NONE);
    assert_int_equal(flushes(w, 0), 0);
    maps(w, op(W0, RAM, 100, RW));
    maps(w, op(W0 + 100, RAM, 100, RW));
    answers(w, pv_world_flush(w), ERR_NONE);
    for (unsigned k = 0; k < 4; k++)
        assert_int_equal(flushes(w, k), 1);
    answers(w, pv_world_flush(w), ERR_NONE);
    assert_int_equal(flushes(w, 3), 0);
    struct pv_op ops[] = {op(W0, 0, 1, 0), op(W0 + 7, 0, 3, 0), op(W0 + 150, 0, 20, 0)};
    answers(w, pv_world_unmap(w, ops, 3, &failed), ERR_NONE);
    for (unsigned k = 0; k < 4; k++)
        assert_int_equal(flushes(w, k), 1);
    answers(w, pv_world_unmap(w, ops, 0, &failed), ERR_NONE);
    assert_int_equal(failed, 0);
    assert_int_equal(flushes(w, 0), 0);
    answers(w, pv_world_map(w, ops, 0, &failed), ERR_NONE);
    maps(w, op(W0, RAM, 1, RW));
    answers(w, pv_world_unmap(w, ops, 0, &failed), ERR_NONE); /* of nothing: as pv_flush */
    assert_int_equal(flushes(w, 0), 1);
    answers(w, pv_world_reset(w), ERR_NONE);
    assert_int_equal(flushes(w, 0), 1);
    answers(w, pv_world_reset(w), ERR_NONE);
    assert_int_equal(flushes(w, 0), 0);
}

/* A unit that does not answer: what was unmapped stays marked until it does. */
static void test_flush_fails(void **state)
{
    struct pv_world *w = start(four, 4, RW);
    uint32_t failed;
    (void)state;
    maps(w, op(W0, RAM, 4, RW));
    w->target[1].fail = true;
    answers(w, pv_world_flush(w), ERR_TIMEOUT);
    assert_int_equal(flushes(w, 3), 1); /* the others nevertheless */
    answers(w, pv_world_flush(w), ERR_TIMEOUT);
    assert_int_equal(flushes(w, 1), 1);
    assert_int_equal(flushes(w, 3), 0);
    struct pv_op ops[] = {op(W0 + 1, RAM, 2, RW)};
    answers(w, pv_world_unmap(w, ops, 1, &failed), ERR_TIMEOUT);
    assert_int_equal(failed, 1); /* no element was refused */
    assert_int_equal(w->target[0].leaf[0][1], w->target[0].pt.fill[0]);
    assert_int_equal(w->bitmap[0], 0xf);
    answers(w, pv_world_map(w, ops, 1, &failed), ERR_NO_SPACE);
    maps(w, op(W0 + 9, RAM, 1, RW)); /* elsewhere it goes on */
    w->target[3].fail = true;
    answers(w, pv_world_unmap(w, ops, 1, &failed), ERR_TIMEOUT);
    w->target[1].fail = false;
    w->target[3].fail = false;
    answers(w, pv_world_flush(w), ERR_NONE);
    answers(w, pv_world_map(w, ops, 1, &failed), ERR_NO_SPACE); /* still marked: it was not said which */
    unmaps(w, ops[0]);
    maps(w, ops[0]);

    w->target[0].fail = true;
    answers(w, pv_world_reset(w), ERR_TIMEOUT);
    answers(w, pv_world_map(w, ops, 1, &failed), ERR_NO_SPACE);
    w->target[0].fail = false;
    answers(w, pv_world_reset(w), ERR_NONE);
    maps(w, ops[0]);
    pv_world_end(w);
    assert_string_equal(w->broken.text, "");
}

/* What the window must be. */
static void init_refused(const struct pv *pv, const char *text)
{
    struct pv copy = *pv;
    struct diag d = {{0}};
    assert_int_equal(pv_init(&copy, &d), ERR_INVALID);
    if (strstr(d.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", d.text, text);
}

static void window_refused(struct pv_world *w, uint64_t first, uint64_t frames, const char *text)
{
    struct pv pv = w->pv;
    pv.first = bfn(first);
    pv.frames = frames;
    init_refused(&pv, text);
}

static void test_init(void **state)
{
    struct pv_world *w = start(four, 4, RW);
    (void)state;
    window_refused(w, W0, 0, "must be some");
    window_refused(w, W0, 1023, "multiples of 0x200");
    window_refused(w, W0 + 1, 512, "multiples of 0x200");
    window_refused(w, W0 - 512, 512, "in it, or more"); /* the extent before has a leaf table there */
    window_refused(w, W0 + 512, 1024, "in it, or more");
    window_refused(w, 0, 512, "no leaf tables");      /* a hole */
    window_refused(w, RAM, 512, "no leaf tables");    /* a large leaf */
    window_refused(w, 0x8000, 512, "in it, or more"); /* a doorbell's page */
    window_refused(w, UINT64_C(1) << 27, 512, "no leaf tables");
    window_refused(w, (UINT64_C(1) << 27) - 512, 1024, "no leaf tables");
    window_refused(w, UINT64_MAX - 511, 512, "no leaf tables");
    window_refused(w, W0, UINT64_MAX - 511, "no leaf tables");

    struct extent *ram = &w->ext[4]; /* what the tables could not say, had the plan not looked */
    struct extent old = *ram;
    ram->mfn = mfn(UINT64_C(1) << 28);
    init_refused(&w->pv, "IPMMU-VMSA");
    ram->mfn = mfn((UINT64_C(1) << 28) - ram->frames + 1);
    init_refused(&w->pv, "IPMMU-VMSA");
    *ram = old;
    ram->mem = MEM_TYPES;
    init_refused(&w->pv, "Arm stage 2");
    *ram = old;

    struct pt_format odd = pt_format_arm_s2;
    w->target[0].pt.format = &odd;
    odd.perm[RW] = PT_NONE;
    init_refused(&w->pv, "Arm stage 2");
}

static uint32_t below(void *ctx, uint32_t n)
{
    (void)ctx;
    return mutate_below(n);
}

/* Any calls in any order, some wrong, some with units that do not answer, for any maps. */
static void test_random(void **state)
{
    unsigned rounds = mutate_start(4000), used = 0;
    static const uint8_t rights[] = {0, R_READ, RW};
    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        struct pv_world *w = &world;
        if (i % 50 == 0) {
            uint8_t kind[PV_WORLD_TARGETS];
            for (unsigned k = 0; k < PV_WORLD_TARGETS; k++)
                kind[k] = (uint8_t)mutate_below(PV_KINDS);
            start(kind, mutate_below(PV_WORLD_TARGETS + 1), rights[mutate_below(3)]);
        }
        pv_world_step(w, below, NULL);
        if (i % 50 == 49)
            pv_world_end(w);
        assert_string_equal(w->broken.text, "");
        for (unsigned k = 0; k < PV_WORLD_FRAMES; k++)
            used += w->page[k].mapped;
    }
    print_message("%u pages mapped on average\n", used / rounds);
    assert_true(used / rounds > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_refused), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_batch),   cmocka_unit_test(test_flushes), cmocka_unit_test(test_flush_fails),
        cmocka_unit_test(test_init),    cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
