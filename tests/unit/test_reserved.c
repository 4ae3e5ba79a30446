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
/* I10: memory that devices use by DMA on their own: who says so, where it lies, and that every kind of map has it. */
#include "reserved_world.h"

/*
 * Who says so.
 */

static void test_device_tree(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISPLAY RING);
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 2);
    assert_there(f.plan.partition, 0x7ffe0000, 0x10000); /* iommu-addresses */
    assert_there(f.plan.partition, 0x7fff8000, 0x8000);  /* memory-region */
    fixture_free(&f);
    one_with(&f, DISK);
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 0);
    fixture_free(&f);
}

/* Without an IOMMU the CPUs, which share the physmap with the device, leave it alone, too. */
static void test_unprotected_device(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_one(IDENTITY, RAM_PINNED,
                                  "a { path = \"/virtio_mmio@a000000\"; unprotected-dma; };"
                                  "b { path = \"/virtio_mmio@a000200\"; unprotected-dma; };"));
    board_change(&f, "interrupts = <0 16 1>;", "interrupts = <0 16 1>; memory-region = <&ring>;");
    plan_good(&f);
    assert_int_equal(f.plan.partition->maps, 0);
    assert_there(f.plan.partition, 0x7fff8000, 0x8000);
    fixture_free(&f);
}

static void test_streams(void **state)
{
    static const struct {
        uint32_t first, last;
        bool disk;
    } row[] = {
        {SID_DISK, SID_DISK, true}, {0, UINT32_MAX, true},          {SID_DISK - 1, SID_DISK + 1, true},
        {SID_DISK, SID_EDU, true},  {SID_DISK + 1, SID_EDU, false}, {0, SID_DISK - 1, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        one_with(&f, DISK);
        reserved_of(&f, RMRR, 0x3000, row[i].first, row[i].last);
        plan_good(&f);
        if (row[i].disk)
            assert_there(f.plan.partition, RMRR, 0x3000);
        else
            assert_nowhere(f.plan.partition, RMRR, 0x3000);
        f.board.dma_user[0].iommu = 1; /* the same stream id behind another unit */
        plan_good(&f);
        assert_nowhere(f.plan.partition, RMRR, 0x3000);
        fixture_free(&f);
    }
}

/* A device that no partition owns is blocked, and a quarantine map is scratch alone. */
static void test_devices_of_nobody(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_of(TRANSLATED, RAM_64M, EDU, "", ROOT_DEVICE("pci = \"00:02.0\"; dma = \"scratch\";")));
    reserved_of(&f, RMRR, 0x1000, SID_DISK, SID_DISK);
    plan_good(&f);
    assert_nowhere(f.plan.partition, RMRR, 0x1000);
    assert_int_equal(f.plan.quarantine->bfn_spans, 0);
    fixture_free(&f);
}

/*
 * Where it lies: whatever the memory map says, it is the device's.
 */

static void test_memory_map(void **state)
{
    static const struct {
        uint64_t base, size;
    } row[] = {
        {RMRR, 0x200000},       /* RAM: carved out */
        {0x40800000, 0x1000},   /* RAM beside the hypervisor */
        {0x7fe00000, 0x100000}, /* a reserved range */
        {0x7fe10000, 0x1000},   /* in one */
        {0x7fdff000, 0x2000},   /* RAM and reserved */
        {0x7ffff000, 0x2000},   /* over the end of RAM */
        {HIGH, 0x1000},         /* not in the memory map at all */
        {0x1000, 0x1000},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        /* As much RAM as there is in 2 MiB, so that it would be given away. */
        fixture_read(
            &f, manifest_of(TRANSLATED, "ram@c0000000 { type = \"ram\"; reg = <0 0xc0000000 0 0x2000000>; };", DISK,
                            PARTITION("all", 1, TRANSLATED,
                                      "most@80000000 { type = \"ram\"; reg = <0 0x80000000 0 0x32800000>; };", ""),
                            ""));
        reserved_of(&f, row[i].base, row[i].size, SID_DISK, SID_DISK);
        plan_good(&f);
        assert_there(&f.plan.partition[0], row[i].base, row[i].size);
        assert_nowhere(&f.plan.partition[1], row[i].base, row[i].size);
        assert_false(ranges_overlap(f.plan.hv.pool.n, f.plan.hv.pool_frames, row[i].base >> FRAME_SHIFT,
                                    row[i].size >> FRAME_SHIFT));
        fixture_free(&f);
    }
}

/* Listed several times, in either order: one extent. */
static void test_one_extent(void **state)
{
    static const struct {
        uint64_t base[3], size[3];
    } row[] = {
        {{RMRR, RMRR, RMRR}, {0x4000, 0x4000, 0x4000}},
        {{RMRR, RMRR + 0x1000, RMRR + 0x3000}, {0x4000, 0x1000, 0x1000}},
        {{RMRR + 0x1000, RMRR + 0x3000, RMRR}, {0x1000, 0x1000, 0x4000}},
        {{RMRR + 0x1000, RMRR, RMRR}, {0x1000, 0x4000, 0x1000}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        one_with(&f, DISK EDU);
        for (unsigned k = 0; k < 3; k++)
            reserved_of(&f, row[i].base[k], row[i].size[k], k & 1 ? SID_DISK : SID_EDU, SID_EDU);
        plan_good(&f);
        assert_int_equal(reserveds(f.plan.partition), 1);
        assert_there(f.plan.partition, RMRR, 0x4000);
        fixture_free(&f);
    }
}

/* Two devices of a partition, by the device tree; and what the manifest declares already. */
static void test_once_declared(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, RING SECOND);
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 1);
    fixture_free(&f);
    fixture_read(&f,
                 manifest_one(TRANSLATED,
                              RAM_64M "fw@7fe00000 { type = \"reserved\"; reg = <0 0x7fe00000 0 0x100000>; };", DISK));
    reserved_of(&f, 0x7fe10000, 0x1000, SID_DISK, SID_DISK);
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 1);
    assert_there(f.plan.partition, 0x7fe00000, 0x100000);
    reserved_of(&f, 0x7fd00000, 0x200000, SID_DISK, SID_DISK);
    plan_bad(&f,
             "/partitions/one: machine memory 0x7fd00000-0x7fefffff collides with region fw@7fe00000 of partition one "
             "at 0x7fe00000-0x7fefffff");
    fixture_free(&f);
}

/* Neighbours stay two. */
static void test_overlaps(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISK);
    reserved_of(&f, RMRR, 0x3000, SID_DISK, SID_DISK);
    reserved_of(&f, RMRR + 0x3000, 0x3000, SID_DISK, SID_DISK);
    plan_good(&f);
    assert_there(f.plan.partition, RMRR, 0x3000);
    assert_there(f.plan.partition, RMRR + 0x3000, 0x3000);
    f.board.reserved[f.board.reserveds - 1].base.v -= 0x1000;
    plan_bad(&f,
             "/partitions/one: machine memory 0x70002000-0x70004fff collides with region RMRR 0 of partition one at "
             "0x70000000-0x70002fff");
    fixture_free(&f);
}

/*
 * One function for every kind of partition.
 */

static void test_every_map(void **state)
{
    static const struct {
        const char *props;
        uint32_t maps;
    } row[] = {
        {TRANSLATED, 1},
        {IDENTITY, 1},
        {IDENTITY "map = \"host\";", 1},
        {TRANSLATED WINDOW, 1},
        {IDENTITY WINDOW, 1},
        {TRANSLATED PER_DEVICE, 2},
        {TRANSLATED PER_DEVICE WINDOW, 2},
        {TRANSLATED SHARED, 1},
        {IDENTITY "map = \"host\";" SHARED, 1},
        {TRANSLATED "unmapped = \"fault\";", 1},
        {TRANSLATED "unmapped = \"read-only-scratch\";", 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;
        const struct plan_partition *pp = NULL;

        fixture_read(&f,
                     manifest_one(row[i].props, RAM_PINNED, DISK_PEER "ring { path = \"/ring@9122000\"; peer-dma; };"));
        reserved_of(&f, RMRR, 0x3000, SID_DISK, SID_DISK);
        plan_good(&f); /* verify has walked all tables to it */
        pp = f.plan.partition;
        assert_int_equal(pp->maps, row[i].maps);
        assert_there(pp, RMRR, 0x3000);
        assert_there(pp, 0x7fff8000, 0x8000);
        fixture_free(&f);
    }
}

/*
 * Ranges of the device tree: whole pages around each, and each at its own address.
 */

#define SPLASH "reg = <0 0x7ffe0000 0 0x10000>; no-map; iommu-addresses = <&display 0 0x7ffe0000 0 0x10000>;"

static void test_rounded_outwards(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISPLAY);
    board_change(&f, SPLASH,
                 "reg = <0 0x7ffe0800 0 0xe801>; no-map; iommu-addresses = <&display 0 0x7ffe0800 0 0xe801>;");
    plan_good(&f);
    assert_there(f.plan.partition, 0x7ffe0000, 0x10000);
    fixture_free(&f);
    one_with(&f, "a { path = \"/ring@9122000\"; };");
    board_change(&f, "reg = <0 0x7fff8000 0 0x8000>;", "reg = <0 0x7fff8fff 0 2>;");
    plan_good(&f);
    assert_there(f.plan.partition, 0x7fff8000, 0x2000);
    fixture_free(&f);
}

static void test_several_ranges(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISPLAY);
    board_change(&f, SPLASH,
                 "reg = <0 0x7ffe0000 0 0x4000>, <0 0x7ffe8000 0 0x2000>; no-map;"
                 "iommu-addresses = <&ring 0 0x1000 0 0x1000>, <&display 0 0x7ffe8000 0 0x2000>, "
                 "<&display 0 0x7ffe0000 0 0x4000>;");
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 2);
    assert_there(f.plan.partition, 0x7ffe0000, 0x4000);
    assert_there(f.plan.partition, 0x7ffe8000, 0x2000);
    fixture_free(&f);
    /* The device uses one of them. */
    one_with(&f, DISPLAY);
    board_change(&f, SPLASH,
                 "reg = <0 0x7ffe0000 0 0x4000>, <0 0x7ffe8000 0 0x2000>; no-map;"
                 "iommu-addresses = <&display 0 0x7ffe8000 0 0x2000>;");
    plan_good(&f);
    assert_int_equal(reserveds(f.plan.partition), 1);
    assert_there(f.plan.partition, 0x7ffe8000, 0x2000);
    fixture_free(&f);
}

/* A PCI function's bus has three cells of address, and an entry of no size says nothing. */
static void test_range_of_a_function(void **state)
{
    struct fixture f;

    (void)state;
    one_with(&f, DISK DISPLAY);
    board_change(&f, SPLASH,
                 "reg = <0 0x7ffe0000 0 0x10000>; no-map; iommu-addresses = <&display 0 0x1000 0 0>, "
                 "<&{/pcie@10000000/nvme@2,0} 0x1000 0 0x7ffe0000 0 0x10000>;");
    plan_good(&f);
    assert_there(f.plan.partition, 0x7ffe0000, 0x10000);
    fixture_free(&f);
}

/* Elsewhere, beyond it, or there and elsewhere, too. */
static void test_moved_ranges(void **state)
{
    static const char *const addresses[] = {
        "<&display 0 0x7ffe1000 0 0x1000>",
        "<&display 0 0x7ffe0000 0 0x11000>",
        "<&display 0 0x7ffe0800 0 0x10000>",
        "<&display 0 0x7ffe0000 0 0x10000>, <&display 0 0x1000 0 0x10000>",
        "<&display 0 0x1000 0 0x10000>, <&display 0 0x7ffe0000 0 0x10000>",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct fixture f;
        char text[256];

        one_with(&f, DISPLAY);
        snprintf(text, sizeof text, "reg = <0 0x7ffe0000 0 0x10000>; no-map; iommu-addresses = %s;", addresses[i]);
        board_change(&f, SPLASH, text);
        plan_bad(&f, "/partitions/one: devices: iommu-addresses of the board's splash@7ffe0000 is not within its reg, "
                     "0x7ffe0000 + 0x10000: such a device is given to a partition with reserved = \"scratch\" alone");
        fixture_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_tree),    cmocka_unit_test(test_unprotected_device),
        cmocka_unit_test(test_streams),        cmocka_unit_test(test_devices_of_nobody),
        cmocka_unit_test(test_memory_map),     cmocka_unit_test(test_one_extent),
        cmocka_unit_test(test_once_declared),  cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_every_map),      cmocka_unit_test(test_rounded_outwards),
        cmocka_unit_test(test_several_ranges), cmocka_unit_test(test_range_of_a_function),
        cmocka_unit_test(test_moved_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
