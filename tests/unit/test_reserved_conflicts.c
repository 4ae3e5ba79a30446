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
/* I10: memory that devices use by DMA on their own, and the answer to each conflict (docs/manifest.md). */
#include "reserved_world.h"

/*
 * Two partitions, and the override.
 */

static void test_two_partitions(void **state)
{
    static const char *const said[] = {"", "reserved = \"identity\";", "reserved = \"scratch\";"};

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        bool scratch[2] = {i / 3 == 2, i % 3 == 2};
        struct fixture f;
        char disk[96], other[1024];

        snprintf(disk, sizeof disk, "disk { pci = \"00:02.0\"; %s };", said[i / 3]);
        snprintf(other, sizeof other, PARTITION("two", 1, TRANSLATED, "", "edu { pci = \"00:03.0\"; %s };"),
                 said[i % 3]);
        fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, disk, other, ""));
        reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_EDU);
        if (!scratch[0] && !scratch[1]) {
            plan_bad(&f,
                     "/partitions/two: machine memory 0x70000000-0x70000fff collides with region RMRR 0 of partition "
                     "one at 0x70000000-0x70000fff");
            fixture_free(&f);
            continue;
        }
        plan_good(&f);
        for (unsigned k = 0; k < 2; k++) {
            if (scratch[k])
                assert_nowhere(&f.plan.partition[k], RMRR, 0x1000);
            else
                assert_there(&f.plan.partition[k], RMRR, 0x1000);
        }
        fixture_free(&f);
    }
}

/* In parts, and what another partition declares. */
static void test_parts_of_two_partitions(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, DISK, PARTITION("two", 1, TRANSLATED, "", EDU), ""));
    reserved_of(&f, RMRR, 0x4000, SID_DISK, SID_DISK);
    reserved_of(&f, RMRR + 0x1000, 0x1000, SID_EDU, SID_EDU);
    plan_bad(&f,
             "/partitions/two: machine memory 0x70001000-0x70001fff collides with region RMRR 0 of partition one at "
             "0x70000000-0x70003fff");
    fixture_free(&f);
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, DISK,
                                 PARTITION("two", 1, TRANSLATED,
                                           "fw@7fe00000 { type = \"reserved\"; reg = <0 0x7fe00000 0 0x1000>; };", ""),
                                 ""));
    reserved_of(&f, 0x7fe00000, 0x2000, SID_DISK, SID_DISK);
    plan_bad(&f,
             "/partitions/two/memory/fw@7fe00000: machine memory 0x7fe00000-0x7fe00fff collides with region RMRR 0 of "
             "partition one");
    fixture_free(&f);
}

/* Of what is over-reported nothing is mapped, and nobody else gets the memory either. */
static void test_scratch_instead(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_one(IDENTITY, "heap { type = \"ram\"; size = <0 0x4000000>; };",
                                  "disk { pci = \"00:02.0\"; reserved = \"scratch\"; };"));
    plan_good(&f);
    assert_non_null(physmap_find(&f.plan.partition->physmap, gfn(0x7d000)));
    reserved_of(&f, 0x7d000000, 0x1000, SID_DISK, SID_DISK);
    plan_good(&f);
    assert_int_equal(f.plan.partition->reserveds, 0);
    assert_nowhere(f.plan.partition, 0x7d000000, 0x1000);
    fixture_free(&f);
    /* One of two devices needs it: they have one map. */
    one_with(&f, "disk { pci = \"00:02.0\"; reserved = \"scratch\"; };" EDU);
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_EDU);
    plan_good(&f);
    assert_there(f.plan.partition, RMRR, 0x1000);
    fixture_free(&f);
    /* What cannot be given can be gone without. */
    one_with(&f, "a { path = \"/moved@9121000\"; reserved = \"scratch\"; };");
    plan_good(&f);
    assert_nowhere(f.plan.partition, 0x7fff0000, 0x8000);
    fixture_free(&f);
}

/*
 * What stands in the way.
 */

static void test_hypervisor(void **state)
{
    static const struct {
        uint64_t base;
        const char *text;
    } row[] = {
        {0x40200000, "collides with the hypervisor image"}, {0x403f0000, "collides with the hypervisor's arena"},
        {0x40400000, "collides with the bundle"},           {0x407ff000, "collides with the bundle"},
        {0x48000000, "collides with the firmware DTB"},     {0x401ff000, "collides with the hypervisor image"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        one_with(&f, DISK);
        reserved_of(&f, row[i].base, 0x2000, SID_DISK, SID_DISK);
        plan_bad(&f, row[i].text);
        /* A device that nobody has is blocked: its memory is as good as any. */
        f.board.dma_user[0].sid_first = f.board.dma_user[0].sid_last = SID_EDU;
        plan_good(&f);
        fixture_free(&f);
        one_with(&f, "disk { pci = \"00:02.0\"; reserved = \"scratch\"; };");
        reserved_of(&f, row[i].base, 0x2000, SID_DISK, SID_DISK);
        plan_good(&f);
        fixture_free(&f);
    }
}

static void test_registers(void **state)
{
    static const struct {
        uint64_t base;
        const char *text;
    } row[] = {
        {0x8000000, "also holds the interrupt distributor"},
        {0x9000000, "also holds the hypervisor's console UART"},
        {0x9060000, "also holds an IOMMU"},
        {UINT64_C(0x401fffe000), "also holds PCI configuration space"},
        {0x9010000, "also holds pl031@9010000"},
        {0x9120000, "also holds display@9120000"}, /* its own */
        {0xa000000, "also holds virtio_mmio@a000000"},
        {0x10000000, "also holds the PCI window"},
        {UINT64_C(0x8000000000), "also holds the PCI window"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;
        char text[128], fw[160];

        one_with(&f, "display { path = \"/display@9120000\"; };");
        reserved_of(&f, row[i].base, 0x2000, 0x2000, 0x2000);
        snprintf(text, sizeof text, "/partitions/one: the reserved memory RMRR 0 at 0x%lx-0x%lx %s", row[i].base,
                 row[i].base + 0x1fff, row[i].text);
        plan_bad(&f, text);
        fixture_free(&f);
        /* Nor does it become memory because the manifest says so. */
        snprintf(fw, sizeof fw, RAM_64M "fw { type = \"reserved\"; reg = <0x%lx 0x%lx 0 0x1000>; };", row[i].base >> 32,
                 row[i].base & UINT32_MAX);
        fixture_read(&f, manifest_one(TRANSLATED, fw, ""));
        reserved_of(&f, row[i].base, 0x2000, 0, 0);
        plan_bad(&f, row[i].text);
        fixture_free(&f);
    }
}

static void test_untranslated_addresses(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISK);
    reserved_of(&f, 0xfee00000, 0x1000, SID_DISK, SID_DISK);
    plan_good(&f);
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    plan_bad(&f, "machine memory 0xfee00000-0xfee00fff collides with addresses that are not translated by VT-d at "
                 "0xfee00000-0xfeefffff");
    fixture_free(&f);
}

static void test_pinned_memory(void **state)
{
    static const char collides[] = "collides with reserved memory RMRR 0 at 0x70000000-0x70000fff";
    static const char ram[] = "ram@%s { type = \"ram\"; reg = <0 0x%s 0 0x4000000>; %s };";
    struct fixture f;
    char memory[160];

    (void)state;
    /* Of the partition itself: identity, and translated with `host`. */
    snprintf(memory, sizeof memory, ram, "6e000000", "6e000000", "");
    fixture_read(&f, manifest_one(IDENTITY, memory, DISK));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, "/partitions/one/memory/ram@6e000000: machine memory 0x6e000000-0x71ffffff");
    plan_bad(&f, collides);
    fixture_free(&f);
    snprintf(memory, sizeof memory, ram, "40000000", "40000000", "host = <0 0x6e000000>;");
    fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, collides);
    fixture_free(&f);
    /* Of another one, and of all. */
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, DISK,
                                 PARTITION("two", 1, TRANSLATED,
                                           "x { type = \"ram\"; reg = <0 0 0 0x1000>; host = <0 0x70000000>; };", ""),
                                 ""));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, "/partitions/two/memory/x: machine memory 0x70000000-0x70000fff");
    plan_bad(&f, collides);
    fixture_free(&f);
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, DISK, "",
                                 "shared { box { size = <0 0x1000>; host = <0 0x70000000>; }; };"));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, collides);
    fixture_free(&f);
}

static void test_guest_addresses(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f,
                 manifest_one(TRANSLATED, "ram@6e000000 { type = \"ram\"; reg = <0 0x6e000000 0 0x4000000>; };", DISK));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, "/partitions/one: RMRR 0 (reserved) at 0x70000000-0x70000fff overlaps ram@6e000000 (ram) at "
                 "0x6e000000-0x71ffffff: move the region of memory");
    fixture_free(&f);
    fixture_read(&f, manifest_one(TRANSLATED "map = \"pv\"; pv-window = <0 0x70000000 0 0x200000>;", RAM_64M, DISK));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, "pv-window: 0x70000000-0x701fffff overlaps RMRR 0 at 0x70000000");
    fixture_free(&f);
    one_with(&f, DISK);
    reserved_of(&f, UINT64_C(1) << 44, 0x1000, SID_DISK, SID_DISK);
    plan_bad(&f, "RMRR 0 ends at 0x100000001000; the board has 44 address bits");
    fixture_free(&f);
}

/*
 * What the manifest adds.
 */

static void test_what_firmware_omits(void **state)
{
    static const char fw[] = RAM_64M "fw { type = \"reserved\"; reg = <0 0x70000000 0 0x2000>; %s };";
    struct fixture f;
    char memory[192];

    (void)state;
    snprintf(memory, sizeof memory, fw, "unlisted;");
    fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
    plan_good(&f);
    assert_there(f.plan.partition, RMRR, 0x2000);
    /* Firmware does list it. */
    reserved_of(&f, RMRR, 0x1000, SID_EDU, SID_EDU);
    plan_bad(&f, "fw: machine memory 0x70000000-0x70001fff collides with reserved memory RMRR 0");
    fixture_free(&f);
    snprintf(memory, sizeof memory, fw, "");
    manifest_bad(manifest_one(TRANSLATED, memory, DISK),
                 "fw: reg: 0x70000000-0x70001fff is not in one reserved range of the board; say unlisted");
    /* It lists the memory, and not who uses it. */
    fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
    reserved_of(&f, RMRR, 0x4000, SID_EDU, SID_EDU);
    plan_good(&f);
    assert_there(f.plan.partition, RMRR, 0x2000);
    fixture_free(&f);
    manifest_bad(manifest_one(TRANSLATED, RAM_64M "fw { type = \"reserved\"; reg = <1 0 0 0x1000>; unlisted; };", DISK),
                 "fw: reg: 0x100000000-0x100000fff is not RAM of the board");
}

/* no-map memory is firmware's own, whatever other range it lies in: the manifest alone does not bring it. */
static void test_firmwares_own(void **state)
{
    static const struct {
        uint32_t base, size;
    } row[] = {{RMRR, 0x4000}, {RMRR + 0x1000, 0x1000}, {RMRR + 0x1000, 0x3000}};

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;
        char memory[192];
        uint32_t own;

        snprintf(memory, sizeof memory, RAM_64M "fw { type = \"reserved\"; reg = <0 0x%x 0 0x%x>; };", row[i].base,
                 row[i].size);
        fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
        reserved_of(&f, RMRR, 0x4000, 0, 0);
        own = reserved_of(&f, RMRR + 0x1000, 0x1000, 0, 0);
        plan_good(&f);
        f.board.reserved[own].no_map = true;
        assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_INVALID);
        assert_non_null(strstr(f.diag.text, "I10: one: fw is not reserved by the board"));
        plan_bad(&f, "is firmware's own (no-map); only a device that the board says uses it brings it");
        fixture_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_partitions),      cmocka_unit_test(test_parts_of_two_partitions),
        cmocka_unit_test(test_scratch_instead),     cmocka_unit_test(test_hypervisor),
        cmocka_unit_test(test_registers),           cmocka_unit_test(test_untranslated_addresses),
        cmocka_unit_test(test_pinned_memory),       cmocka_unit_test(test_guest_addresses),
        cmocka_unit_test(test_what_firmware_omits), cmocka_unit_test(test_firmwares_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
