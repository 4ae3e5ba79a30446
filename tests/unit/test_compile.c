/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/compile.c kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c kernel/plan_device.c
 * kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c
 * kernel/dt.c kernel/dt_read.c kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c
 * kernel/board_pci.c kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c
 * kernel/pool.c kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c
 * kernel/p2m/format_arm_el2.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/iommu/bfn.c kernel/iommu/scratch.c
 * kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c
 * tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c kernel/iommu/kind.c kernel/iommu/kind_smmuv3.c
 * kernel/p2m/kind_arm.c */
/* The tables of a whole plan, in its own pool: complete, exactly counted, and refusals say whose they are. */
#include "compile.h"
#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINUX, RTOS, MINI };

struct tables {
    struct fixture f;
    struct compiled t;
    void *pool;
};

static void setup(struct tables *x)
{
    assert_int_equal(fixture_plan(&x->f, fixture_manifest), ERR_NONE);
    x->pool = aligned_alloc(FRAME_SIZE, x->f.plan.hv.pool_frames << FRAME_SHIFT);
    memset(x->pool, 0x5a, x->f.plan.hv.pool_frames << FRAME_SHIFT);
}

static err_t build(struct tables *x)
{
    x->t = (struct compiled){0};
    x->f.diag.text[0] = '\0';
    return compile_tables(&x->t, &x->f.plan, x->pool, &x->f.arena, &x->f.diag);
}

static err_t verify(struct tables *x)
{
    x->f.diag.text[0] = '\0';
    return compile_verify(&x->t, &x->f.diag);
}

static const struct compiled_table *map_of(const struct tables *x, unsigned partition)
{
    assert_int_equal(x->f.plan.partition[partition].maps, 1);
    return &x->t.table[x->f.plan.partition[partition].map->table];
}

static void done(struct tables *x)
{
    free(x->pool);
    fixture_free(&x->f);
}

static void test_complete(void **state)
{
    struct tables x;

    (void)state;
    setup(&x);
    assert_int_equal(build(&x), ERR_NONE);
    assert_int_equal(verify(&x), ERR_NONE);
    /* What is left is the IOMMU's. */
    assert_int_equal(x.t.pool.frames - x.t.pool.used, x.f.plan.hv.iommu_frames);
    assert_int_equal(x.t.pool.first.n, x.f.plan.hv.pool.n);
    assert_int_not_equal(map_of(&x, LINUX)->pt.fill[0], 0);
    done(&x);
}

/* A count that is off by one, of any table, does not pass. */
static void test_counts(void **state)
{
    struct tables x;

    (void)state;
    setup(&x);
    struct plan_partition *linux_ = &x.f.plan.partition[LINUX];
    struct {
        uint64_t *frames;
        const char *text;
    } count[] = {
        {&x.f.plan.hv.own_frames, "hypervisor: own tables: "},
        {&linux_->frames.p2m, "linux: p2m: "},
        {&linux_->map->frames, "linux: bfn map: "},
        {&x.f.plan.partition[MINI].frames.p2m, "mini: p2m: "},
    };
    for (unsigned i = 0; i < sizeof count / sizeof *count; i++) {
        for (int by = -1; by <= 1; by += 2) {
            uint64_t was = *count[i].frames;

            *count[i].frames = was + (uint64_t)by;
            assert_int_equal(build(&x), ERR_INVALID);
            assert_ptr_equal(strstr(x.f.diag.text, count[i].text), x.f.diag.text);
            assert_non_null(strstr(x.f.diag.text, "planned"));
            *count[i].frames = was;
        }
    }
    linux_->map->frames++;
    assert_int_equal(build(&x), ERR_INVALID);
    linux_->map->frames--;
    x.f.plan.hv.pool_frames = x.f.plan.hv.cpu_frames + x.f.plan.hv.own_frames;
    assert_int_equal(build(&x), ERR_INVALID);
    assert_ptr_equal(strstr(x.f.diag.text, "linux: p2m: "), x.f.diag.text);
    x.f.plan.hv.pool_frames = 1;
    assert_int_not_equal(build(&x), ERR_NONE);
    assert_non_null(strstr(x.f.diag.text, "stacks"));
    done(&x);
}

/* What a format cannot say is refused with the table's name. */
static void test_refused(void **state)
{
    struct tables x;

    (void)state;
    setup(&x);
    x.f.plan.partition[RTOS].p2m_span[0].rights = R_WRITE | R_EXEC;
    assert_int_equal(build(&x), ERR_INVALID);
    assert_ptr_equal(strstr(x.f.diag.text, "rtos: p2m: "), x.f.diag.text);
    done(&x);
}

static void flip(struct tables *x, mfn_t table, const char *text)
{
    uint64_t *e = pool_ptr(&x->t.pool, table);

    while (*e == 0)
        e++;
    *e ^= 1;
    assert_int_equal(verify(x), ERR_INVALID);
    assert_ptr_equal(strstr(x->f.diag.text, text), x->f.diag.text);
    *e ^= 1;
    assert_int_equal(verify(x), ERR_NONE);
}

static void test_verified(void **state)
{
    struct tables x;

    (void)state;
    setup(&x);
    assert_int_equal(build(&x), ERR_NONE);
    flip(&x, x.t.table[0].pt.root, "hypervisor: own tables: ");
    flip(&x, x.t.table[x.f.plan.partition[LINUX].p2m_table].pt.root, "linux: p2m: ");
    flip(&x, map_of(&x, LINUX)->pt.root, "linux: bfn map: ");
    flip(&x, map_of(&x, RTOS)->pt.root, "rtos: bfn map: ");
    flip(&x, x.t.table[x.f.plan.partition[MINI].p2m_table].pt.root, "mini: p2m: ");
    done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_verified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
