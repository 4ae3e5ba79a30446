/* SPDX-License-Identifier: Apache-2.0 */
/* links: tests/host/plan_tables.c kernel/compile.c kernel/plan.c kernel/plan_messages.c kernel/plan_maps.c
 * kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/check.c
 * kernel/check_device.c kernel/check_maps.c kernel/arena.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c
 * kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c
 * kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c
 * kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/share.c kernel/p2m/format_arm_s2.c
 * kernel/p2m/format_arm_el2.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c kernel/p2m/format_amdvi.c
 * kernel/p2m/format_vtd_sl.c kernel/p2m/format_ipmmu.c kernel/p2m/format_long_mode.c kernel/p2m/kind_arm.c
 * kernel/p2m/kind_x86.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c kernel/iommu/bfn.c kernel/iommu/scratch.c kernel/iommu/kind.c
 * kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c kernel/iommu/kind_amdvi.c kernel/iommu/kind_ipmmu.c
 * kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/iommu/amdvi.c
 * kernel/iommu/amdvi_words.c kernel/iommu/ipmmu.c kernel/acpi.c kernel/acpi_dmar.c kernel/acpi_ivrs.c
 * kernel/acpi_madt.c kernel/acpi_scope.c kernel/board_acpi.c kernel/plan_image_pc.c kernel/board_acpi_memory.c
 * kernel/sort.c boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c tests/host/arch_host.c tests/host/acpi_world.c
 */
/* From the tables of a PC to the tables of its partitions: the plan does not care who described the board. */
#include "acpi_world.h"
#include "plan_world.h"

#define MANIFEST(linux_devices, prober_devices)                                                            \
    "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; partitions {\n"                                  \
    "linux { cpus = <0 1>; physmap = \"translated\"; kernel { file = \"rtos\"; load = <0 0x1000000>; };\n" \
    "  memory { #address-cells = <2>; #size-cells = <2>;\n"                                                \
    "    ram@0 { type = \"ram\"; reg = <0 0 0 0x10000000>; }; };\n"                                        \
    "  devices { " linux_devices " }; };\n"                                                                \
    "prober { cpus = <2>; physmap = \"identity\"; kernel { file = \"prober\"; load = <0 0x20000000>; };\n" \
    "  memory { #address-cells = <2>; #size-cells = <2>;\n"                                                \
    "    ram@20000000 { type = \"ram\"; reg = <0 0x20000000 0 0x1000000>; }; };\n"                         \
    "  devices { " prober_devices " }; };\n"                                                               \
    "}; };\n"
#define NVME "nvme { pci = \"00:02.0\"; };"

static struct acpi_world w;
static struct fixture f;

/* NVMe with 16 KiB of 64 bits, edu with 1 MiB of 32, and AMD's IOMMU, as a scan finds them. */
static struct pci_function functions[] = {
    {.bdf = 0x08, .vendor = 0x1022, .class_code = 0x080600},
    {.bdf = 0x10,
     .vendor = 0x1b36,
     .device = 0x0010,
     .class_code = 0x010802,
     .pin = 1,
     .bar = {{.kind = BAR_MEM64, .size = 0x4000}, {.kind = BAR_UPPER}}},
    {.bdf = 0x18,
     .vendor = 0x1234,
     .device = 0x11e8,
     .class_code = 0x00ff00,
     .pin = 1,
     .bar = {{.kind = BAR_MEM32, .size = 0x100000}}},
};

static void board_take(unsigned devices, const char *manifest)
{
    world_q35(&w, devices);
    fixture_read(&f, manifest);
    if (board_read_acpi(&f.board, &w.fw, &f.arena, &f.diag))
        fail_msg("%s", f.diag.text);
    f.board.pci.fn = functions;
    f.board.pci.fns = sizeof functions / sizeof *functions;
    f.in.image.v = 0x200000;
    f.in.text_end.v = 0x280000;
    f.in.rodata_end.v = 0x2c0000;
    f.in.image_end.v = f.in.arena.v = 0x3f0000;
    f.in.arena_end.v = f.in.bundle_base.v = 0x400000;
    f.in.bundle_end.v = 0x800000;
    f.in.dtb.v = f.in.dtb_end.v = 0;
}

static void board_drop(void)
{
    world_free(&w);
    fixture_free(&f);
}

static const struct extent *extent_at(const struct plan_partition *pp, uint64_t at)
{
    return physmap_find(&pp->physmap, gfn(at >> FRAME_SHIFT));
}

static void planned(const struct iommu_kind *kind)
{
    const struct plan_partition *linux_part = &f.plan.partition[0], *prober = &f.plan.partition[1];
    const struct plan_device *nvme = &linux_part->device[0];

    assert_ptr_equal(linux_part->map[0].kind, kind);
    assert_true(nvme->is_protected && nvme->sid == 0x10 && !nvme->has_irq);
    assert_int_equal(nvme->bar[0].v, 0x40000000);
    assert_int_equal(prober->device[0].sid, 0x18);
    assert_int_equal(prober->device[0].bar[0].v, 0x40100000);
    assert_int_equal(linux_part->emulated[EMULATED_LAPIC].v, 0xfee00000);
    assert_int_equal(linux_part->emulated[EMULATED_IOAPIC].v, 0xfec00000);
    assert_string_equal(extent_at(linux_part, 0xfee00000)->name, "local APIC");
    assert_string_equal(extent_at(linux_part, 0xfec00000)->name, "I/O APIC");
    assert_int_equal(extent_at(linux_part, 0xb0000000)->frames, 256);
    assert_int_equal(extent_at(linux_part, 0xb0000000)->type, EXT_EMULATED);
    assert_true(linux_part->has_vuart && linux_part->vuart_intid == 4);
    assert_true(linux_part->irqs == 1 && linux_part->irq[0].virtual_only);
    assert_int_equal(linux_part->physmap.count, 5); /* RAM, BAR, and what is emulated */
    assert_int_equal(f.plan.hv.span[f.plan.hv.spans - 1].in, HV_STACK_VBASE + 3 * HV_STACK_STRIDE + 1);
    assert_true(HV_STACK_VBASE >> (47 - FRAME_SHIFT) == 0);
}

/* What the hypervisor maps of the registers, and nobody else does. */
static void test_registers(void **state)
{
    static const struct {
        uint64_t at, size;
    } want[] = {{0xb0000000, 0x100000}, {0xfec00000, 0x1000}, {0xfed90000, 0x1000}, {0xfee00000, 0x1000}};
    uint32_t n = 0;

    (void)state;
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    plan_good(&f);
    for (uint32_t i = 0; i < f.plan.hv.spans; i++) {
        const struct pt_span *s = &f.plan.hv.span[i];

        if (s->mem != MEM_DEVICE)
            continue;
        assert_in_range(n, 0, 3);
        assert_int_equal(s->in << FRAME_SHIFT, want[n].at);
        assert_int_equal(s->frames << FRAME_SHIFT, want[n].size);
        n++;
    }
    assert_int_equal(n, 4);
    board_drop();
}

static void test_vtd(void **state)
{
    (void)state;
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    plan_good(&f);
    planned(&iommu_kind_vtd);
    board_drop();
}

static void test_amdvi(void **state)
{
    (void)state;
    board_take(WORLD_AMDVI | WORLD_NVME, MANIFEST(NVME, EDU));
    plan_good(&f);
    planned(&iommu_kind_amdvi);
    board_drop();
}

/* NVMe with an MSI-X table in its third page, or wherever, edu with MSI. */
static void messages_take(unsigned devices, uint16_t entries, uint32_t table, uint16_t messages)
{
    functions[1].msi = (struct pci_messages){.entries = entries, .table = table};
    functions[2].msi = (struct pci_messages){.messages = messages};
    board_take(devices | WORLD_NVME, MANIFEST(NVME, EDU));
}

static void messages_drop(void)
{
    functions[1].msi = functions[2].msi = (struct pci_messages){0};
    board_drop();
}

static bool hv_has(uint64_t at)
{
    for (uint32_t i = 0; i < f.plan.hv.spans; i++) {
        const struct pt_span *s = &f.plan.hv.span[i];

        if (s->in <= at >> FRAME_SHIFT && at >> FRAME_SHIFT < s->in + s->frames)
            return s->mem == MEM_DEVICE && s->rights == (R_READ | R_WRITE);
    }
    return false;
}

/* The frames of the table trap, those around it are the partition's. */
static void test_msix_table(void **state)
{
    static const struct {
        uint16_t entries;
        uint32_t table;
        const char *kinds; /* of the BAR's four frames: m, or t for those of the table */
    } cases[] = {
        {65, 0x2000, "mmtm"}, {1, 0, "tmmm"},        {256, 0x3000, "mmmt"}, {2, 0x0ff0, "ttmm"},   {1024, 0, "tttt"},
        {256, 0x800, "ttmm"}, {257, 0x1000, "mttm"}, {128, 0x1800, "mtmm"}, {129, 0x1800, "mttm"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        messages_take(WORLD_VTD, cases[i].entries, cases[i].table, 1);
        plan_good(&f);
        for (unsigned k = 0; k < 4; k++) {
            const struct extent *e = extent_at(&f.plan.partition[0], 0x40000000 + k * FRAME_SIZE);

            assert_non_null(e);
            assert_string_equal(e->name, "nvme");
            assert_int_equal(e->type, cases[i].kinds[k] == 't' ? EXT_EMULATED : EXT_MMIO);
            assert_int_equal(hv_has(0x40000000 + k * FRAME_SIZE), cases[i].kinds[k] == 't');
        }
        messages_drop();
    }
}

static void test_routes(void **state)
{
    const struct plan_device *nvme, *edu;

    (void)state;
    for (unsigned amd = 0; amd < 2; amd++) {
        messages_take(amd ? WORLD_AMDVI : WORLD_VTD, 300, 0, 8);
        plan_good(&f);
        nvme = &f.plan.partition[0].device[0];
        edu = &f.plan.partition[1].device[0];
        assert_int_equal(nvme->messages, MSIX_VISIBLE);
        assert_int_equal(nvme->route, amd ? 0 : 1); /* index 0 of VT-d is the hypervisor's */
        assert_int_equal(edu->messages, 8);
        assert_int_equal(edu->route, amd ? 64 : 72);
        messages_drop();
    }
    functions[1].msi = (struct pci_messages){.messages = 16, .entries = 2};
    functions[2].msi = (struct pci_messages){.messages = 256};
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    plan_bad(&f, "need 512 remapping entries; it has 256");
    messages_drop();
}

static void checked_bad(struct fixture *fx, const char *text)
{
    fx->diag.text[0] = 0;
    assert_int_equal(check_plan(&fx->plan, &fx->arena, &fx->diag), ERR_INVALID);
    if (!strstr(fx->diag.text, text))
        fail_msg("%s", fx->diag.text);
}

/* The check does not believe the plan. */
static void test_messages_are_checked(void **state)
{
    (void)state;
    messages_take(WORLD_VTD, 65, 0x2000, 8);
    plan_good(&f);
    f.plan.partition[1].device[0].route = 64;
    checked_bad(&f, "I11: prober: edu has an interrupt remapping entry that is not its own (0x40)");
    f.plan.partition[1].device[0].route = 249;
    checked_bad(&f, "(0x100)");
    f.plan.partition[1].device[0].route = 72;
    f.plan.partition[0].device[0].route = 0;
    checked_bad(&f, "I11: linux: nvme has an interrupt remapping entry that is not its own (0x0)");
    f.plan.partition[0].device[0].route = 1;
    functions[1].msi.table = 0x1000;
    checked_bad(&f, "I11: linux: nvme has an MSI-X table that is not the hypervisor's alone (0x40001)");
    messages_drop();
}

static void test_no_iommu(void **state)
{
    (void)state;
    board_take(WORLD_NVME, MANIFEST("", "edu { pci = \"00:03.0\"; unprotected-dma; };"));
    plan_good(&f);
    assert_false(f.plan.partition[1].device[0].is_protected);
    assert_null(extent_at(&f.plan.partition[0], 0xb0000000)); /* it has no PCI */
    board_drop();
    board_take(WORLD_NVME, MANIFEST(NVME, ""));
    plan_bad(&f, "no IOMMU stands in front of it (I9)");
    board_drop();
}

static void test_refused(void **state)
{
    (void)state;
    board_take(WORLD_AMDVI | WORLD_NVME, MANIFEST("iommu { pci = \"00:01.0\"; };", ""));
    plan_bad(&f, "pci: function 00:01.0 is an IOMMU, which cannot be given to a partition");
    board_drop();
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, "rtc { path = \"/rtc\"; no-dma; };"));
    plan_bad(&f, "path: the board has no node /rtc");
    board_drop();
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, "all { path = \"/\"; no-dma; };"));
    plan_bad(&f, "which cannot be given to a partition");
    board_drop();
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    f.board.uart.irq.intid = 0;
    plan_bad(&f, "has no interrupt line; say console = \"none\"");
    board_drop();
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    f.board.emulateds = 0;
    plan_bad(&f, "board: an interrupt controller and at least one CPU are needed");
    board_drop();
    board_take(WORLD_VTD | WORLD_NVME, MANIFEST(NVME, EDU));
    f.board.emulated[EMULATED_LAPIC].per_cpu = true;
    plan_bad(&f, "cpus: the local APIC of 2 CPUs take 8 KiB; the board has room for 4 KiB");
    board_drop();
    /* The first MiB is nobody's. */
    board_take(WORLD_NVME, manifest_of("physmap = \"identity\";",
                                       "ram@80000 { type = \"ram\"; reg = <0 0x80000 0 0x10000>; };", "", "", ""));
    plan_bad(&f, "collides with reserved memory the first MiB");
    board_drop();
}

/* An RMRR of edu: reserved for whoever has it, in RAM or not, and in nobody else's maps. */
static void test_rmrr(void **state)
{
    const struct plan_partition *prober;

    (void)state;
    board_take(WORLD_NVME, MANIFEST(NVME, EDU));
    world_table(&w, "DMAR", 1);
    WORLD_PUT(&w, 1, 47, 1);
    world_zero(&w, 10);
    WORLD_PUT(&w, 2, 0, 16, 1, 0);
    world_put(&w, 8, 0xfed90000);
    WORLD_PUT(&w, 2, 1, 32, 0, 0);
    WORLD_PUT(&w, 8, 0x30000000, 0x3000ffff);
    WORLD_PUT(&w, 1, 1, 8, 0, 0, 0, 0, 3, 0);
    world_end(&w);
    world_root(&w, true);
    assert_int_equal(board_read_acpi(&f.board, &w.fw, &f.arena, &f.diag), ERR_NONE);
    f.board.pci.fn = functions;
    f.board.pci.fns = sizeof functions / sizeof *functions;
    plan_good(&f);
    prober = &f.plan.partition[1];
    assert_int_equal(extent_at(prober, 0x30000000)->type, EXT_RESERVED);
    assert_int_equal(extent_at(prober, 0x30000000)->frames, 16);
    assert_null(extent_at(&f.plan.partition[0], 0x30000000));
    board_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vtd),        cmocka_unit_test(test_amdvi),   cmocka_unit_test(test_registers),
        cmocka_unit_test(test_no_iommu),   cmocka_unit_test(test_refused), cmocka_unit_test(test_rmrr),
        cmocka_unit_test(test_msix_table), cmocka_unit_test(test_routes),  cmocka_unit_test(test_messages_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
