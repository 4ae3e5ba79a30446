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
/* VMIDs and domain ids, exactly counted, and the devices that no partition owns. */
#include "plan_world.h"

/*
 * Numbers.
 */

static void test_vmids_are_counted(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, fixture_manifest);
    f.board.vmid_bits = 3;
    plan_good(&f);
    f.board.vmid_bits = 2;
    plan_bad(&f, "3 partitions with 2 bfn maps need 5 VMIDs; the board has 3");
    f.board.vmid_bits = 8;
    f.board.iommu[0].domain_bits = 2; /* one space with the CPUs': the fewest bits count */
    plan_bad(&f, "3 partitions with 2 bfn maps need 5 VMIDs; the board has 3");
    fixture_free(&f);
}

static void test_domains_are_counted(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED PER_DEVICE, RAM_64M, EIGHT));
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    f.board.vmid_bits = 1;
    f.board.iommu[0].domain_bits = 4;
    plan_good(&f);
    f.board.iommu[0].domain_bits = 3;
    plan_bad(&f, "8 bfn maps need a domain each of an IOMMU (VT-d) that has 7");
    /* Of two units the one that has fewer counts, whoever is behind it. */
    f.board.iommu[0].domain_bits = 8;
    unit_add(&f, &iommu_kind_vtd)->domain_bits = 3;
    plan_bad(&f, "8 bfn maps need a domain each of an IOMMU (VT-d) that has 7");
    /* Two kinds have two spaces. */
    f.board.iommu[1].kind = &iommu_kind_amdvi;
    plan_good(&f);
    fixture_free(&f);
    /* One for all devices, and one for the quarantine. */
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; quarantine = \"scratch\"; };"));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    f.board.iommu[0].domain_bits = 1;
    plan_bad(&f, "2 bfn maps need a domain each of an IOMMU (AMD-Vi) that has 1");
    fixture_free(&f);
}

/* Stacks, then what SVM keeps of each CPU, then of each partition, without a gap. */
static void test_frames_of_cpus(void **state)
{
    struct fixture f;
    const struct plan_hypervisor *hv = &f.plan.hv;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
    plan_good(&f);
    assert_int_equal(hv->cpu_frames, f.board.cpus * HV_STACK_FRAMES); /* Arm's keep nothing */
    fixture_free(&f);
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    plan_good(&f);
    assert_int_equal(hv->cpu_frames, f.board.cpus * (HV_STACK_FRAMES + 3) + 5);
    for (uint32_t i = 0; i < f.board.cpus; i++)
        assert_int_equal(plan_cpu_frames(&f.plan, i).n, hv->pool.n + f.board.cpus * HV_STACK_FRAMES + i * 3);
    assert_int_equal(plan_partition_frames(&f.plan, 0).n, plan_cpu_frames(&f.plan, f.board.cpus - 1).n + 3);
    assert_int_equal(plan_partition_frames(&f.plan, 0).n + 5, hv->pool.n + hv->cpu_frames);
    fixture_free(&f);
}

static void test_eight_partitions(void **state)
{
    static const char others[] =
        PARTITION("p1", 1, TRANSLATED, "", EDU) PARTITION("p2", 2, TRANSLATED, "", "d { pci = \"00:05.0\"; };")
            PARTITION("p3", 3, TRANSLATED, "", "d { pci = \"00:06.0\"; };")
                PARTITION("p4", 4, TRANSLATED, "", "d { path = \"/dma@9100000\"; };")
                    PARTITION("p5", 5, TRANSLATED, "", "d { path = \"/display@9120000\"; };")
                        PARTITION("p6", 6, TRANSLATED, "", "d { path = \"/ring@9122000\"; };") PARTITION(
                            "p7", 7, TRANSLATED, "", "d { path = \"/second@9123000\"; reserved = \"scratch\"; };");
    static struct board_cpu cpu[8];
    static struct board_intx none;
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, DISK, others, ""));
    for (unsigned i = 0; i < 8; i++)
        cpu[i] = (struct board_cpu){.id = i, .node = f.board.cpu[0].node};
    f.board.cpu = cpu;
    f.board.cpus = 8;
    f.board.pci.intx = &none; /* two of the functions share a line */
    f.board.pci.intxs = 0;
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    f.board.iommu[0].domain_bits = 4;
    plan_good(&f);
    f.board.iommu[0].domain_bits = 3;
    plan_bad(&f, "8 bfn maps need a domain each of an IOMMU (VT-d) that has 7");
    board_set(&f, &p2m_arm_s2, &iommu_kind_smmuv3);
    f.board.vmid_bits = 4;
    plan_bad(&f, "8 partitions with 8 bfn maps need 16 VMIDs; the board has 15");
    fixture_free(&f);
}

/* One function behind each of nine kinds. */
static void test_kinds_are_counted(void **state)
{
    enum { KINDS = 9 };
    static struct iommu_kind kind[KINDS];
    static struct board_iommu unit[KINDS];
    static struct board_map map[KINDS];
    static struct pci_function fn[KINDS];
    struct fixture f;
    char devices[512];
    int at = 0;

    (void)state;
    for (unsigned i = 0; i < KINDS; i++)
        at += snprintf(devices + at, sizeof devices - (size_t)at, "d%u { pci = \"00:%02x.0\"; };\n", i, i + 1);
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, devices));
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    for (unsigned i = 0; i < KINDS; i++) {
        kind[i] = iommu_kind_vtd;
        unit[i] = f.board.iommu[0];
        unit[i].kind = &kind[i];
        unit[i].base = maddr(0x9140000 + i * FRAME_SIZE);
        unit[i].size = FRAME_SIZE;
        fn[i] = (struct pci_function){.bdf = (uint16_t)((i + 1) << 3)};
        map[i] = (struct board_map){.rid = fn[i].bdf, .rid_count = 1, .iommu = i, .sid = fn[i].bdf};
    }
    f.board.iommu = unit;
    f.board.pci.map = map;
    f.board.pci.fn = fn;
    f.board.iommus = f.board.pci.maps = f.board.pci.fns = KINDS;
    plan_bad(&f, "the board's IOMMUs are of more than 8 kinds");
    kind[8].vmids = true; /* one without a number space of its own */
    plan_good(&f);
    assert_int_equal(f.plan.partition->maps, KINDS);
    fixture_free(&f);
}

/*
 * Quarantine.
 */

static void test_quarantine(void **state)
{
    struct fixture f;
    const struct plan_partition *q;

    (void)state;
    manifest_good(
        &f, manifest_of(TRANSLATED, RAM_64M, DISK, "",
                        "quarantine { hid { pci = \"00:03.0\"; dma = \"scratch\"; };\n"
                        "twin { pci = \"00:05.0\"; dma = \"abort\"; }; nic { pci = \"00:07.0\"; dma = \"abort\"; };\n"
                        "dma { path = \"/virtio_mmio@a000000\"; waived; }; };"));
    q = f.plan.quarantine;
    assert_int_equal(f.plan.partitions, 1);
    assert_int_equal(q->devices, 4);
    assert_true(q->device[0].is_protected);
    assert_int_equal(q->device[0].sid, 0x18);
    for (uint32_t i = 1; i < 4; i++)
        assert_false(q->device[i].is_protected);
    assert_int_equal(q->maps, 1);
    assert_int_equal(q->map->frames, 1); /* a root that leads to scratch alone */
    assert_int_equal(q->map->scratch, 4);
    assert_int_equal(q->map->domain, 3); /* after a VMID and the partition's map */
    assert_int_equal(q->map->table, 3);
    assert_int_equal(q->map->scratch_id, 1);
    assert_int_equal(f.plan.tables, 4);
    assert_int_equal(q->bfn_spans, 0);
    fixture_free(&f);
}

/* For a device that a partition owns it stands ready, on every unit that it could be needed on. */
static void test_quarantine_in_waiting(void **state)
{
    static const char keeps[] = "disk { pci = \"00:02.0\"; quarantine = \"scratch\"; };" EDU;
    struct fixture f;
    const struct plan_partition *q;

    (void)state;
    manifest_good(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
    assert_int_equal(f.plan.quarantine->maps, 0);
    fixture_free(&f);
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, keeps));
    unit_add(&f, &iommu_kind_smmuv3)->in_bits = 39;
    plan_good(&f);
    q = f.plan.quarantine;
    assert_int_equal(q->maps, 1);
    assert_int_equal(q->map->shape.in_bits, 39); /* that of all units of the kind */
    assert_int_equal(q->map->scratch, 3);
    fixture_free(&f);
    fixture_read(
        &f, manifest_of(TRANSLATED, RAM_64M, keeps, "", ROOT_DEVICE("path = \"/dma@9100000\"; dma = \"scratch\";")));
    (void)unit_add(&f, &iommu_kind_ipmmu);
    plan_good(&f);
    assert_int_equal(f.plan.quarantine->maps, 1); /* nobody goes there behind the IPMMU */
    fixture_free(&f);
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; quarantine = \"scratch\"; };", "",
                                 ROOT_DEVICE("pci = \"00:03.0\"; dma = \"scratch\";")));
    (void)unit_add(&f, &iommu_kind_ipmmu);
    plan_good(&f);
    q = f.plan.quarantine;
    assert_int_equal(q->maps, 2);
    assert_int_equal(q->device[0].map, 1);
    assert_ptr_equal(q->map[1].kind, &iommu_kind_ipmmu);
    assert_int_equal(q->map[1].domain, 1);
    fixture_free(&f);
}

static void test_quarantine_refused(void **state)
{
    static const struct {
        const char *device, *text;
    } row[] = {
        {"pci = \"00:03.0\"; waived;", "/quarantine/q: waived: an IOMMU stands in front and blocks it: drop it"},
        {"pci = \"00:07.0\"; waived;", "waived: bus mastering is off of what nobody owns: drop it"},
        {"pci = \"00:07.0\"; dma = \"scratch\";",
         "/quarantine/q: no IOMMU stands in front, so nothing leads its DMA to scratch: say dma = \"abort\""},
        {"path = \"/virtio_mmio@a000000\"; dma = \"scratch\";", "so nothing keeps it in quarantine: say waived"},
        {"path = \"/smmuv3@9050000\"; waived;", "is an IOMMU, which cannot be given to a partition"},
        {"pci = \"00:1f.0\"; dma = \"abort\";", "pci: the board has no function 00:1f.0"},
        {"pci = \"00:05.1\"; dma = \"abort\";", "functions of one device reach each other without an IOMMU"},
        {"path = \"/dma@9102000\"; dma = \"scratch\";", "/quarantine/q: has stream id 0x1000, as /partitions/one"},
        {"path = \"/dma@9102000\"; dma = \"abort\";", "/quarantine/q: has stream id 0x1000, as /partitions/one"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        char root[256];

        snprintf(root, sizeof root, ROOT_DEVICE("%s"), row[i].device);
        manifest_bad(manifest_of(TRANSLATED, RAM_64M,
                                 DISK "twin { pci = \"00:05.0\"; }; dma0 { path = \"/dma@9100000\"; };", "", root),
                     row[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vmids_are_counted),     cmocka_unit_test(test_domains_are_counted),
        cmocka_unit_test(test_frames_of_cpus),        cmocka_unit_test(test_eight_partitions),
        cmocka_unit_test(test_kinds_are_counted),     cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_quarantine_in_waiting), cmocka_unit_test(test_quarantine_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
