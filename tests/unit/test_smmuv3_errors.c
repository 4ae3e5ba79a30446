/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/pool.c kernel/diag.c kernel/fmt.c
 *        tests/models/smmuv3_model.c tests/models/smmuv3_model_walk.c tests/host/arch_host.c
 */
/* What the SMMUv3 driver does when a command fails in the middle of an attach, or frames run out in setup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../models/smmuv3_model.h"
#include "arch_host.h"
#include "iommu/smmuv3.h"

#define FRAMES 64

struct world {
    struct pool pool;
    struct smmuv3_model m;
    struct board_iommu b;
    struct smmuv3 s;
    struct diag d;
    mmio_t mmio;
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(0x80000), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * 4096)};
    assert_non_null(w->pool.mem);
    smmuv3_model_init(&w->m, &w->pool, true);
    w->b = (struct board_iommu){.base = maddr(0x9050000), .size = 0x20000, .coherent = true};
    w->mmio = smmuv3_model_mmio(&w->m);
    assert_int_equal(smmuv3_probe(&w->b, w->mmio, &w->d), ERR_NONE);
    return w;
}

static void world_free(struct world *w)
{
    if (w->m.violations)
        fail_msg("%s", w->m.violation);
    smmuv3_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

static void refused(struct world *w, err_t e, err_t want, const char *words)
{
    if (e != want || !strstr(w->d.text, words))
        fail_msg("error %d, \"%s\"; %d with \"%s\" is right", e, w->d.text, want, words);
    w->d.text[0] = '\0';
}

static struct smmuv3_stage2 stage2(void)
{
    return (struct smmuv3_stage2){
        .root = maddr(0x80100000),
        .shape = {.in_bits = 39, .out_bits = 44, .root_level = 2},
        .vmid = 1,
        .pa_bits = 44,
    };
}

static void setup(struct world *w)
{
    assert_int_equal(smmuv3_block(w->mmio, &w->d), ERR_NONE);
    w->m.watching = true;
    assert_int_equal(smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_NONE);
}

/*
 * A command of an attach fails: CFGI_ALL for a new table and its SYNC, CFGI_STE, SYNC, CFGI_STE, TLBI, SYNC,
 * CFGI_STE, SYNC.
 * The stream passes with its own words or not at all. Until its entry is valid a second attempt mends it;
 * without CFGI_ALL the unit may go on with the empty table that it knows, and the stream stays blocked.
 */
static void test_attach_fails_and_is_repeated(void **state)
{
    (void)state;
    for (unsigned fail = 1; fail <= 9; fail++) {
        struct world *w = world_new();
        struct smmuv3_stage2 s2 = stage2();
        struct model_watch *x = smmuv3_model_watch(&w->m, 0x200);

        setup(w);
        assert_int_equal(smmuv3_enable(&w->s, &w->d), ERR_NONE);
        x->given = fail > 7; /* the entry is valid by then */
        x->want[0] = 0xd;
        x->want[2] = 0x040c355900000000 | 1;
        x->want[3] = 0x80100000;
        w->m.fail_cmd = fail;
        w->m.fail_reason = 3;
        refused(w, smmuv3_attach(&w->s, 0x200, &s2, &w->d), ERR_INVALID, "ERR 3 (see IHI 0070, 7.1)");
        if (fail <= 7)
            assert_int_not_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);
        x->given = true;
        assert_int_equal(smmuv3_attach(&w->s, 0x200, &s2, &w->d), ERR_NONE);
        if (fail > 1 && fail <= 7)
            assert_int_equal(smmuv3_model_stream(&w->m, 0x200), MODEL_STAGE2);
        world_free(w);
    }
}

/* Each of the frames that setup takes may be the first that is not there. */
static void test_setup_without_frames(void **state)
{
    (void)state;
    for (uint64_t left = 0; left < smmuv3_unit_frames(16, 1); left++) {
        struct world *w = world_new();

        assert_int_equal(smmuv3_block(w->mmio, &w->d), ERR_NONE);
        w->pool.used = FRAMES - left;
        refused(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_NO_SPACE, "left for");
        world_free(w);
    }
}

static void test_setup_before_block(void **state)
{
    (void)state;
    struct world *w = world_new();

    w->m.gbpa = w->m.gbpa_live = 0;
    refused(w, smmuv3_setup(&w->s, &w->b, w->mmio, &w->pool, &w->d), ERR_INVALID, "before it was blocked");
    world_free(w);
}

static void test_widths_and_vmids(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct smmuv3_stage2 s2 = stage2();

    setup(w);
    s2.pa_bits = 31;
    refused(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "31 address bits");
    s2 = stage2();
    s2.shape = (struct pt_shape){.in_bits = 49, .out_bits = 44, .root_level = 3};
    refused(w, smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_INVALID, "49 input bits");
    s2 = stage2();
    s2.vmid = 0x1ff;
    w->s.idr0 |= 1u << 18; /* VMID16 */
    assert_int_equal(smmuv3_attach(&w->s, 8, &s2, &w->d), ERR_NONE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach_fails_and_is_repeated),
        cmocka_unit_test(test_setup_without_frames),
        cmocka_unit_test(test_setup_before_block),
        cmocka_unit_test(test_widths_and_vmids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
