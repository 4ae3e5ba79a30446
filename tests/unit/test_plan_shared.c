/* SPDX-License-Identifier: Apache-2.0 */
/* links: tests/host/plan_tables.c kernel/compile.c kernel/plan.c kernel/plan_messages.c kernel/plan_maps.c
 * kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/check.c
 * kernel/check_device.c kernel/check_maps.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c
 * kernel/dt_read.c kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c
 * kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c
 * kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/share.c kernel/p2m/format_arm_s2.c
 * kernel/p2m/format_arm_el2.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c kernel/p2m/format_amdvi.c
 * kernel/p2m/format_vtd_sl.c kernel/p2m/format_ipmmu.c kernel/p2m/format_long_mode.c kernel/p2m/kind_arm.c
 * kernel/p2m/kind_x86.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c kernel/iommu/bfn.c kernel/iommu/scratch.c kernel/iommu/kind.c
 * kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c kernel/iommu/kind_amdvi.c kernel/iommu/kind_ipmmu.c
 * kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/iommu/amdvi.c
 * kernel/iommu/amdvi_words.c kernel/iommu/ipmmu.c boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c
 * tests/host/arch_host.c */
/* Shared tables: which IOMMUs walk which p2m, and why others are refused. */
#include "plan_world.h"

static void assert_shared(const struct fixture *f, const struct p2m_kind *p2m)
{
    const struct plan_partition *pp = f->plan.partition;

    assert_ptr_equal(pp->p2m, p2m);
    for (uint32_t i = 0; i < pp->maps; i++) {
        assert_int_equal(pp->map[i].table, pp->p2m_table);
        assert_memory_equal(&pp->map[i].shape, &pp->p2m_shape, sizeof pp->p2m_shape);
        assert_int_equal(pp->map[i].frames + pp->map[i].scratch, 0);
    }
    assert_int_equal(pp->frames.bfn + pp->frames.scratch, 0);
    assert_int_equal(f->plan.tables, 2); /* the hypervisor's, and the p2m */
}

static void test_shared_tables(void **state)
{
    static const struct {
        const struct p2m_kind *cpu, *shared;
        const struct iommu_kind *kind;
    } row[] = {
        {&p2m_arm_s2, &p2m_arm_s2, &iommu_kind_smmuv3},
        {&p2m_npt, &p2m_npt_shared, &iommu_kind_amdvi},
        {&p2m_ept, &p2m_ept_shared, &iommu_kind_vtd},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        fixture_read(&f, manifest_one(TRANSLATED SHARED, RAM_64M, DISK_PEER EDU_PEER));
        board_set(&f, row[i].cpu, row[i].kind);
        plan_good(&f);
        assert_int_equal(f.plan.partition->maps, 1);
        assert_shared(&f, row[i].shared);
        fixture_free(&f);
        /* Without it, the CPUs' format stays what it is. */
        fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
        board_set(&f, row[i].cpu, row[i].kind);
        plan_good(&f);
        assert_ptr_equal(f.plan.partition->p2m, row[i].cpu);
        assert_int_not_equal(f.plan.partition->map->table, f.plan.partition->p2m_table);
        fixture_free(&f);
    }
}

/* Kinds of IOMMU that read the same p2m share it together, each with a domain of its own. */
static void test_shared_by_two_kinds(void **state)
{
    static struct iommu_kind other;
    struct fixture f;

    (void)state;
    other = iommu_kind_amdvi;
    fixture_read(&f, manifest_one(TRANSLATED SHARED, RAM_64M, DISK_PEER EDU_PEER));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    unit_add(&f, &iommu_kind_amdvi)->kind = &other;
    plan_good(&f);
    assert_int_equal(f.plan.partition->maps, 2);
    assert_shared(&f, &p2m_npt_shared);
    f.board.iommu[0].kind = f.board.iommu[1].kind = &iommu_kind_amdvi;
    plan_good(&f);
    assert_int_equal(f.plan.partition->maps, 1);
    fixture_free(&f);
}

static void shared_world(struct fixture *f, const struct p2m_kind *p2m, const struct iommu_kind *kind)
{
    fixture_read(f, manifest_one(TRANSLATED SHARED, RAM_64M, DISK_PEER EDU_PEER));
    board_set(f, p2m, kind);
}

#define SEPARATE "; say tables = \"separate\""

static void test_sharing_refused_for_the_format(void **state)
{
    struct fixture f;

    (void)state;
    manifest_bad(manifest_one(TRANSLATED SHARED, RAM_64M "hi@8000000000 { type = \"ram\"; reg = <0x80 0 0 0x1000>; };",
                              DISK_PEER),
                 "lies in the PCI window");
    fixture_read(&f, manifest_one(TRANSLATED SHARED, RAM_64M, DISK_PEER));
    board_set(&f, &p2m_arm_s2, &iommu_kind_ipmmu);
    plan_bad(&f, "tables: an IOMMU (IPMMU-VMSA) has a table format of its own and cannot share the p2m" SEPARATE);
    fixture_free(&f);
    shared_world(&f, &p2m_npt, &iommu_kind_amdvi);
    (void)unit_add(&f, &iommu_kind_vtd);
    plan_bad(&f, "tables: an IOMMU (VT-d) would need the p2m in another format than the others" SEPARATE);
    fixture_free(&f);
    shared_world(&f, &p2m_npt, &iommu_kind_vtd);
    plan_bad(&f, "tables: the board's CPUs do not walk what an IOMMU (VT-d) would share" SEPARATE);
    fixture_free(&f);
    shared_world(&f, &p2m_ept, &iommu_kind_vtd_snoop); /* its leaves have a bit more */
    plan_bad(
        &f, "tables: an IOMMU (VT-d with snoop control) cannot share the p2m: the IOMMU does not read the p2m's leaves "
            "as its own" SEPARATE);
    fixture_free(&f);
}

static void test_sharing_refused_for_the_shape(void **state)
{
    static const char bits[] = "cannot share the p2m: the IOMMU starts its walk at another level, or takes other input "
                               "bits, than the CPU" SEPARATE;
    struct fixture f;

    (void)state;
    shared_world(&f, &p2m_ept, &iommu_kind_vtd);
    f.board.iommu[0].in_bits = 39;
    plan_bad(&f, bits);
    f.board.iommu[0].in_bits = 57; /* it may start lower */
    plan_good(&f);
    f.board.iommu[0].out_bits = 40;
    plan_bad(&f, "the IOMMU has fewer output bits than the p2m" SEPARATE);
    f.board.iommu[0].out_bits = 46;
    f.board.iommu[0].leaf_level = 1;
    plan_bad(&f, "the IOMMU does not know leaves as large as the p2m's" SEPARATE);
    fixture_free(&f);
    /* A second unit that is worse than the first. */
    shared_world(&f, &p2m_npt, &iommu_kind_amdvi);
    unit_add(&f, &iommu_kind_amdvi)->out_bits = 40;
    plan_bad(&f, "the IOMMU has fewer output bits than the p2m" SEPARATE);
    fixture_free(&f);
    /* As many bits as the p2m has, and one less. */
    shared_world(&f, &p2m_arm_s2, &iommu_kind_smmuv3);
    f.board.iommu[0].in_bits = 39;
    plan_good(&f);
    f.board.iommu[0].in_bits = 38;
    plan_bad(&f, bits);
    fixture_free(&f);
    /* 40 to 43 bits: a root of several frames, which is the CPUs' alone. */
    shared_world(&f, &p2m_arm_s2, &iommu_kind_smmuv3);
    f.board.pci.fn[0].bar[0].size = UINT64_C(1) << 30;
    f.board.pci.fn[1].bar[0] = (struct pci_bar){0};
    plan_good(&f);
    assert_int_equal(f.plan.partition->p2m_shape.in_bits, 44);
    f.board.pa_bits = 42;
    plan_bad(&f, bits);
    f.board.iommu[0].in_bits = 42;
    plan_bad(&f, bits);
    fixture_free(&f);
}

/* Rights that the manifest's reader has not seen, or that it was not given. */
static void test_sharing_refused_for_rights(void **state)
{
    struct fixture f;
    struct manifest_region *data, *msi;

    (void)state;
    manifest_bad(manifest_one(TRANSLATED SHARED, RAM_64M, DISK_PEER EDU),
                 "/partitions/one: tables: shared tables give devices and CPUs the same, but edu (mmio) does not: say "
                 "peer-dma of the device");
    fixture_read(&f, manifest_one(TRANSLATED SHARED,
                                  RAM_64M "data@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x1000>; };"
                                          "msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; "
                                          "access = \"w\"; };",
                                  DISK_PEER));
    plan_good(&f);
    data = &f.manifest.partition->region[1];
    msi = &f.manifest.partition->region[2];
    data->dma = 0;
    plan_bad(&f, "data@50000000 (ram) does not: let its dma say what its CPUs may do");
    data->dma = R_READ;
    plan_bad(&f, "data@50000000 (ram) does not: let its dma say what its CPUs may do");
    data->dma = R_READ | R_WRITE;
    msi->cpu = 0;
    plan_bad(&f, "msi@8090000 (doorbell) does not: say access = \"w\" of the doorbell");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_tables),
        cmocka_unit_test(test_shared_by_two_kinds),
        cmocka_unit_test(test_sharing_refused_for_the_format),
        cmocka_unit_test(test_sharing_refused_for_the_shape),
        cmocka_unit_test(test_sharing_refused_for_rights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
