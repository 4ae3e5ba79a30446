/* SPDX-License-Identifier: Apache-2.0 */
/* links: tests/host/plan_tables.c kernel/compile.c kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c
 * kernel/plan_device.c kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/check.c kernel/check_device.c
 * kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c kernel/board.c
 * kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c kernel/manifest.c
 * kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c kernel/p2m/extent.c
 * kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/p2m/verify.c
 * kernel/p2m/verify_arm.c kernel/iommu/bfn.c kernel/iommu/scratch.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c
 * boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c
 * kernel/iommu/kind.c kernel/iommu/kind_smmuv3.c kernel/p2m/kind_arm.c kernel/check_maps.c */
/*
 * The tables of the examples: whatever single bit of any entry is changed, verify refuses them. There
 * is no bit of an Arm descriptor that the hypervisor leaves open: those that hardware ignores are 0.
 * And each map has its tables for itself.
 */
#include "check.h"
#include "plan_fixture.h"
#include "plan_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What verify says that a table is with one bit changed; the entry is as before afterwards. */
static bool is_refused(const struct compiled *c, uint32_t t, uint64_t *entry, unsigned bit)
{
    struct diag d = {{0}};
    err_t e;

    *entry ^= UINT64_C(1) << bit;
    e = compile_verify_table(c, t, &d);
    *entry ^= UINT64_C(1) << bit;
    return e == ERR_INVALID && *d.text;
}

/* Every bit of every entry, of those that are zero, too. */
static unsigned flip_frame(const struct compiled *c, uint32_t t, uint64_t *table, unsigned *flipped)
{
    unsigned missed = 0;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            if (is_refused(c, t, &table[i], bit)) {
                ++*flipped;
                continue;
            }
            if (!missed++)
                print_message("%s %s: entry %u (0x%lx) with bit %u changed is not refused\n", c->table[t].owner,
                              c->table[t].name, i, table[i], bit);
        }
    }
    return missed;
}

/*
 * The last table of t, word for word, in a frame of another map: all that it maps is right, until that
 * other map changes.
 */
static void lend_frame(const struct compiled *c, uint32_t t, uint64_t frame)
{
    mfn_t last = mfn(c->pool.first.n + c->table[t].end - 1), lent = mfn(c->pool.first.n + frame);
    uint64_t *e = pool_ptr(&c->pool, c->table[t].pt.root);
    uint8_t kept[FRAME_SIZE];
    struct diag d = {{0}};

    if (last.n == c->table[t].pt.root.n)
        return;
    while (*e != (mfn_addr(last).v | 3))
        e++;
    memcpy(kept, pool_ptr(&c->pool, lent), sizeof kept);
    memcpy(pool_ptr(&c->pool, lent), pool_ptr(&c->pool, last), sizeof kept);
    *e ^= mfn_addr(last).v ^ mfn_addr(lent).v;
    assert_int_equal(compile_verify_table(c, t, &d), ERR_INVALID);
    assert_non_null(strstr(d.text, "wanted a table among"));
    *e ^= mfn_addr(last).v ^ mfn_addr(lent).v;
    memcpy(pool_ptr(&c->pool, lent), kept, sizeof kept);
}

static void flip_all(struct fixture *x)
{
    struct compiled c;
    struct diag d = {{0}};
    unsigned missed = 0, flipped = 0;

    if (plan_tables_build(&c, &x->plan, &x->arena, &d) || compile_verify(&c, &d))
        fail_msg("%s", d.text);
    for (uint32_t i = 0; i < c.tables; i++) {
        const struct compiled_table *t = &c.table[i];

        for (uint64_t f = t->first; f < t->end; f++) {
            mfn_t frame = mfn(c.pool.first.n + f);

            if (!t->scratch_rights || frame.n != t->scratch.page.n)
                missed += flip_frame(&c, i, pool_ptr(&c.pool, frame), &flipped);
        }
        for (uint32_t other = 0; other < c.tables; other++)
            if (other != i)
                lend_frame(&c, i, c.table[other].end - 1);
    }
    plan_tables_free(&c);
    print_message("%u changes of one bit, %u not refused\n", flipped + missed, missed);
    assert_true(flipped > 64 * PT_ENTRIES);
    assert_int_equal(missed, 0);
}

static void example_read(struct fixture *f, const char *path)
{
    if (fixture_try_file(f, path, NULL, 0))
        fail_msg("%s", f->diag.text);
}

static void example_plan(struct fixture *f)
{
    err_t e = plan_build(&f->plan, &f->in, &f->arena, &f->diag);

    if (!e)
        e = check_plan(&f->plan, &f->arena, &f->diag);
    if (e)
        fail_msg("%s", f->diag.text);
}

static void test_virt(void **state)
{
    struct fixture f;

    (void)state;
    example_read(&f, "examples/virt/manifest.dts");
    example_plan(&f);
    assert_int_equal(f.plan.partitions, 2);
    flip_all(&f);
    fixture_free(&f);
}

/* The same board without its SMMU in front of the PCI bus. */
static void test_virt_identity(void **state)
{
    struct fixture f;

    (void)state;
    example_read(&f, "examples/virt-identity/manifest.dts");
    f.board.pci.maps = 0;
    example_plan(&f);
    assert_int_equal(f.plan.partition[0].maps, 0);
    flip_all(&f);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virt),
        cmocka_unit_test(test_virt_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
