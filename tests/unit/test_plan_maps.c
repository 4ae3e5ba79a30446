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
/* Maps and scratch pages: what the plan answers to each option, with every kind of IOMMU. */
#include "plan_world.h"

/*
 * Maps.
 */

static void test_guest_map(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;
    const struct pt_span *s;

    (void)state;
    manifest_good(&f, manifest_one(TRANSLATED "map = \"guest\";",
                                   RAM_64M
                                   "own@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x1000>; dma = \"none\"; };"
                                   "in@51000000 { type = \"ram\"; reg = <0 0x51000000 0 0x1000>; dma = \"read\"; };",
                                   DISK EDU));
    pp = f.plan.partition;
    assert_int_equal(pp->maps, 1); /* one for all devices behind one kind of IOMMU */
    assert_ptr_equal(pp->map->kind, &iommu_kind_smmuv3);
    assert_null(pp->map->device);
    assert_int_equal(pp->device[0].map, 0);
    assert_int_equal(pp->device[1].map, 0);
    assert_int_equal(pp->bfn_spans, 2);
    s = span_in(pp->bfn_span, pp->bfn_spans, 0x40000000);
    assert_int_equal(s->out, extent_in(pp, "ram@40000000")->mfn.n);
    assert_int_not_equal(s->out, s->in);
    assert_int_equal(s->rights, R_READ | R_WRITE);
    assert_int_equal(span_in(pp->bfn_span, pp->bfn_spans, 0x51000000)->rights, R_READ);
    assert_null(span_in(pp->bfn_span, pp->bfn_spans, 0x50000000));
    fixture_free(&f);
}

static void test_host_map(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    manifest_good(&f, manifest_one(IDENTITY "map = \"host\";",
                                   RAM_PINNED "heap { type = \"ram\"; size = <0 0x400000>; };", DISK));
    pp = f.plan.partition;
    assert_int_equal(pp->bfn_spans, 2);
    for (uint32_t i = 0; i < pp->bfn_spans; i++)
        assert_int_equal(pp->bfn_span[i].in, pp->bfn_span[i].out);
    fixture_free(&f);
}

static void test_pv_map(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;
    uint64_t without;

    (void)state;
    manifest_good(
        &f, manifest_one(TRANSLATED, RAM_64M "hi@c0000000 { type = \"ram\"; reg = <0 0xc0000000 0 0x1000>; };", DISK));
    without = f.plan.partition->frames.bfn;
    fixture_free(&f);
    manifest_good(&f, manifest_one(TRANSLATED WINDOW,
                                   RAM_64M
                                   "hi@c0000000 { type = \"ram\"; reg = <0 0xc0000000 0 0x1000>; };"
                                   "own@80000000 { type = \"ram\"; reg = <0 0x80000000 0 0x1000>; dma = \"none\"; };",
                                   DISK));
    pp = f.plan.partition;
    assert_int_equal(pp->bfn_spans, 3);
    assert_int_equal(pp->bfn_span[1].in, 0x80000); /* in its place */
    assert_int_equal(pp->bfn_span[1].frames, 0x400);
    assert_int_equal(pp->bfn_span[1].rights, PT_WINDOW);
    assert_int_equal(pp->frames.pv, 1);
    /* Its leaf tables are there beforehand; the table above them is new, too. */
    assert_int_equal(pp->frames.bfn, without + 3);
    fixture_free(&f);
}

/* What the manifest's reader cannot know of a window: the IOMMU, windows of bridges, and where the plan puts memory. */
static void test_pv_window_refused(void **state)
{
    struct fixture f;

    (void)state;
    manifest_bad(manifest_one(TRANSLATED "map = \"pv\"; pv-window = <0 0x10000000 0 0x200000>;", RAM_64M, DISK),
                 "pv-window at 0x10000000-0x101fffff lies in the PCI window 0x10000000-0x3efeffff");
    manifest_bad(
        manifest_one(TRANSLATED "map = \"pv\"; pv-window = <0x1000 0 0 0x200000>;", RAM_64M, DISK),
        "pv-window at 0x100000000000 is out of reach of its devices, whose IOMMU (SMMUv3) takes 44 bits and gives "
        "44: move it");
    manifest_bad(manifest_one(TRANSLATED "map = \"pv\"; pv-window = <0 0x7fe00000 0 0x200000>;", RAM_64M,
                              "a { path = \"/display@9120000\"; };"),
                 "pv-window: 0x7fe00000-0x7fffffff overlaps splash@7ffe0000 at 0x7ffe0000, which devices reach there: "
                 "move it");
    fixture_read(&f, manifest_one(IDENTITY "map = \"pv\"; pv-window = <0 0x7fc00000 0 0x200000>;",
                                  "heap { type = \"ram\"; size = <0 0x4000000>; };", DISK));
    plan_bad(&f, "overlaps heap at 0x");
    fixture_free(&f);
    fixture_read(&f, manifest_one(TRANSLATED "map = \"pv\"; pv-window = <0 0xfee00000 0 0x200000>;", RAM_64M, DISK));
    plan_good(&f);
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    plan_bad(&f,
             "pv-window at 0xfee00000-0xfeffffff lies in 0xfee00000-0xfeefffff, which the IOMMU of its devices does "
             "not translate: move it");
    fixture_free(&f);
}

/*
 * Maps of devices, and of kinds.
 */

static void test_two_kinds(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK EDU));
    (void)unit_add(&f, &iommu_kind_ipmmu);
    plan_good(&f);
    pp = f.plan.partition;
    assert_int_equal(pp->maps, 2);
    assert_ptr_equal(pp->map[0].kind, &iommu_kind_smmuv3);
    assert_ptr_equal(pp->map[1].kind, &iommu_kind_ipmmu);
    assert_int_equal(pp->device[0].map, 0);
    assert_int_equal(pp->device[1].map, 1);
    assert_int_equal(pp->map[0].shape.in_bits, 44);
    assert_int_equal(pp->map[1].shape.in_bits, 32);
    assert_int_equal(pp->map[0].domain, 2); /* a VMID, behind the p2m's */
    assert_int_equal(pp->map[1].domain, 1); /* a number space of its own */
    assert_int_equal(pp->frames.bfn, pp->map[0].frames + pp->map[1].frames);
    assert_int_equal(pp->frames.scratch, 4 + 3);
    fixture_free(&f);
}

/* One map behind two units of a kind takes and gives what both do. */
static void test_two_units(void **state)
{
    struct fixture f;
    struct board_iommu *u;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK EDU));
    u = unit_add(&f, &iommu_kind_smmuv3);
    u->in_bits = 39;
    u->out_bits = 36;
    u->leaf_level = 1;
    plan_good(&f);
    assert_int_equal(f.plan.partition->maps, 1);
    assert_int_equal(f.plan.partition->map->shape.in_bits, 39);
    assert_int_equal(f.plan.partition->map->shape.out_bits, 36);
    assert_int_equal(f.plan.partition->map->shape.leaf_level, 1);
    fixture_free(&f);
}

static void test_scratch_per_device(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    manifest_good(&f,
                  manifest_one(TRANSLATED PER_DEVICE, RAM_64M, DISK EDU "rtc { path = \"/pl031@9010000\"; no-dma; };"));
    pp = f.plan.partition;
    assert_int_equal(pp->maps, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_ptr_equal(pp->map[i].device, &pp->device[i]);
        assert_int_equal(pp->device[i].map, i);
        assert_int_equal(pp->map[i].scratch, 4);
    }
    assert_int_not_equal(pp->map[0].domain, pp->map[1].domain);
    assert_int_not_equal(pp->map[0].scratch_id, pp->map[1].scratch_id);
    assert_int_not_equal(pp->map[0].table, pp->map[1].table);
    assert_int_equal(pp->frames.scratch, 8);
    fixture_free(&f);
    manifest_good(&f, manifest_one(TRANSLATED PER_DEVICE WINDOW, RAM_64M, DISK EDU));
    assert_int_equal(f.plan.partition->frames.pv, 1); /* one window, in all maps */
    fixture_free(&f);
    manifest_bad(
        manifest_one(TRANSLATED PER_DEVICE, RAM_64M,
                     "dma0 { path = \"/dma@9100000\"; }; dma1 { path = \"/dma@9102000\"; };"),
        "/partitions/one/devices/dma1: has the stream id 0x1000 of dma0, so they cannot have a scratch page each: "
        "say scratch = \"per-partition\"");
}

/*
 * Scratch: 1 page, and a table for each level below the root.
 */

static void test_scratch_frames(void **state)
{
    static const struct {
        const struct p2m_kind *p2m;
        const struct iommu_kind *kind;
        uint8_t in, tables;
    } row[] = {
        {&p2m_arm_s2, &iommu_kind_ipmmu, 32, 2},  {&p2m_arm_s2, &iommu_kind_smmuv3, 39, 2},
        {&p2m_ept, &iommu_kind_vtd, 39, 2},       {&p2m_arm_s2, &iommu_kind_smmuv3, 44, 3},
        {&p2m_arm_s2, &iommu_kind_smmuv3, 48, 3}, {&p2m_ept, &iommu_kind_vtd_snoop, 48, 3},
        {&p2m_npt, &iommu_kind_amdvi, 48, 3},     {&p2m_ept, &iommu_kind_vtd, 57, 4},
        {&p2m_npt, &iommu_kind_amdvi, 57, 4},     {&p2m_npt, &iommu_kind_amdvi, 64, 5},
    };
    static const char *const unmapped[] = {"fault", "scratch", "read-only-scratch"};

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t bare = 0, pool = 0;

        for (unsigned k = 0; k < 3; k++) {
            struct fixture f;
            char props[96];

            snprintf(props, sizeof props, TRANSLATED "unmapped = \"%s\";", unmapped[k]);
            fixture_read(&f, manifest_one(props, RAM_64M, DISK));
            board_set(&f, row[i].p2m, row[i].kind);
            f.board.iommu[0].in_bits = row[i].in;
            plan_good(&f); /* the frames that it takes are those that were counted */
            bare = k ? bare : f.plan.partition->frames.bfn;
            pool = k ? pool : f.plan.hv.pool_frames - f.plan.hv.iommu_frames;
            assert_int_equal(f.plan.partition->map->shape.in_bits, row[i].in);
            assert_int_equal(f.plan.partition->frames.bfn, bare);
            assert_int_equal(f.plan.partition->frames.scratch, k ? row[i].tables + 1 : 0);
            assert_int_equal(f.plan.hv.pool_frames - f.plan.hv.iommu_frames - pool, k ? row[i].tables + 1 : 0);
            fixture_free(&f);
        }
    }
}

/*
 * What is not translated, and what is out of reach.
 */

static void test_no_ram_where_nothing_is_translated(void **state)
{
    static struct board_range memory[2];
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
    memory[0] = f.board.memory[0];
    memory[1] = (struct board_range){.base = {UINT64_C(0xfce0000000)}, .size = UINT64_C(0x320000000), .name = "high"};
    f.board.memory = memory;
    f.board.memories = 2;
    f.board.pci.mem64.size = 0; /* it lies there */
    plan_good(&f);
    assert_int_equal(extent_in(f.plan.partition, "ram@40000000")->mfn.n, UINT64_C(0xfffc000));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    plan_good(&f);
    assert_int_equal(extent_in(f.plan.partition, "ram@40000000")->mfn.n, UINT64_C(0xfcfc000));
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    plan_good(&f);
    assert_int_equal(extent_in(f.plan.partition, "ram@40000000")->mfn.n, UINT64_C(0xfffc000));
    fixture_free(&f);

    fixture_read(
        &f, manifest_one(TRANSLATED,
                         "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x4000000>; host = <0xff 0>; };", DISK));
    f.board.memory = memory;
    f.board.memories = 2;
    f.board.pci.mem64.size = 0; /* it lies there */
    plan_good(&f);
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    plan_bad(&f,
             "machine memory 0xff00000000-0xff03ffffff collides with addresses that are not translated by AMD-Vi at "
             "0xfd00000000-0xffffffffff");
    fixture_free(&f);
}

static void test_no_region_where_nothing_is_translated(void **state)
{
    static const char region[] = RAM_64M "x@fee00000 { type = \"ram\"; reg = <0 0xfee00000 0 0x1000>; dma = \"%s\"; };";
    struct fixture f;
    char memory[256];

    (void)state;
    snprintf(memory, sizeof memory, region, "rw");
    fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
    plan_good(&f); /* an SMMU translates all */
    board_set(&f, &p2m_ept, &iommu_kind_vtd);
    plan_bad(&f,
             "/partitions/one: x@fee00000 at 0xfee00000-0xfee00fff lies in 0xfee00000-0xfeefffff, which the IOMMU of "
             "its devices does not translate: move it");
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    plan_bad(&f, "x@fee00000 at 0xfee00000-0xfee00fff lies in 0xfee00000-0xfeefffff");
    fixture_free(&f);
    snprintf(memory, sizeof memory, region, "none");
    fixture_read(&f, manifest_one(TRANSLATED, memory, DISK));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    plan_good(&f);
    fixture_free(&f);
    /* Behind the IPMMU nothing is exempt, whatever else the board has. */
    snprintf(memory, sizeof memory, region, "rw");
    fixture_read(&f, manifest_one(TRANSLATED, memory, EDU));
    board_set(&f, &p2m_npt, &iommu_kind_amdvi);
    (void)unit_add(&f, &iommu_kind_ipmmu);
    plan_good(&f);
    fixture_free(&f);
}

static void test_reach_is_explained(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK_PEER "a { path = \"/display@9120000\"; };"));
    f.board.iommu[0].in_bits = 32;
    plan_good(&f);
    f.board.iommu[0].out_bits = 32;
    f.board.pci.fn[0].bar[0].size = UINT64_C(1) << 30;
    plan_bad(&f,
             "disk at 0x8000000000 is out of reach of its devices, whose IOMMU (SMMUv3) takes 32 bits and gives 32: "
             "drop peer-dma");
    fixture_free(&f);
    fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
    reserved_of(&f, UINT64_C(0x100000000), 0x1000, 0x10, 0x10);
    f.board.iommu[0].in_bits = 32;
    plan_bad(&f,
             "RMRR 0 at 0x100000000 is out of reach of its devices, whose IOMMU (SMMUv3) takes 32 bits and gives 44: "
             "say reserved = \"scratch\" of its device, or drop the region");
    fixture_free(&f);
}

/* The last frame that each can say, and the one behind it. */
static void test_reach_ends_exactly(void **state)
{
    static const struct {
        const struct p2m_kind *p2m;
        const struct iommu_kind *kind;
        uint64_t last;
        const char *text;
    } row[] = {
        {&p2m_arm_s2, &iommu_kind_ipmmu, 0xfffff, "is out of reach of its devices"},
        {&p2m_arm_s2, &iommu_kind_smmuv3, 0xffffffff, "the board has 44 address bits"},
        {&p2m_npt, &iommu_kind_amdvi, 0xffffffff, "the board has 44 address bits"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct fixture f;

        fixture_read(&f, manifest_one(TRANSLATED, RAM_64M, DISK));
        board_set(&f, row[i].p2m, row[i].kind);
        reserved_of(&f, row[i].last << FRAME_SHIFT, FRAME_SIZE, 0x10, 0x10);
        plan_good(&f);
        f.board.reserved[f.board.reserveds - 1].base.v += FRAME_SIZE;
        plan_bad(&f, row[i].text);
        fixture_free(&f);
    }
}

/* Formats that cannot forbid reading have no doorbell. */
static void test_doorbell_needs_its_right(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f,
                 manifest_one(TRANSLATED, RAM_64M "msi { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; };", DISK));
    plan_good(&f);
    board_set(&f, &p2m_arm_s2, &iommu_kind_ipmmu);
    plan_bad(&f, "msi at 0x8090000: tables of the IOMMU of its devices (IPMMU-VMSA) cannot say dma = write alone, as a "
                 "doorbell wants");
    fixture_free(&f);
}

/*
 * Options.
 */

/* What only means something with a device behind an IOMMU. */
static void test_options_without_devices(void **state)
{
    static const struct {
        const char *props, *name;
    } row[] = {
        {"scratch-audit-ms = <10>;", "scratch-audit-ms"},
        {"unmapped = \"scratch\";", "unmapped"},
        {"map = \"guest\";", "map"},
        {"map = \"host\";", "map"},
        {WINDOW, "map"},
        {"tables = \"separate\";", "tables"},
        {SHARED, "unmapped"},
        {"scratch = \"per-partition\";", "scratch"},
        {PER_DEVICE, "scratch"},
    };

    (void)state;
    for (unsigned i = 0; i < 2 * (sizeof row / sizeof *row); i++) {
        char props[128], text[96];

        snprintf(props, sizeof props, IDENTITY "%s", row[i / 2].props);
        snprintf(text, sizeof text, "/partitions/one: %s: means nothing, for it has no device behind an IOMMU: drop it",
                 row[i / 2].name);
        manifest_bad(manifest_one(props, RAM_PINNED, i & 1 ? "nic { pci = \"00:07.0\"; unprotected-dma; };" : ""),
                     text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest_map),
        cmocka_unit_test(test_host_map),
        cmocka_unit_test(test_pv_map),
        cmocka_unit_test(test_pv_window_refused),
        cmocka_unit_test(test_two_kinds),
        cmocka_unit_test(test_two_units),
        cmocka_unit_test(test_scratch_per_device),
        cmocka_unit_test(test_scratch_frames),
        cmocka_unit_test(test_no_ram_where_nothing_is_translated),
        cmocka_unit_test(test_no_region_where_nothing_is_translated),
        cmocka_unit_test(test_reach_is_explained),
        cmocka_unit_test(test_reach_ends_exactly),
        cmocka_unit_test(test_doorbell_needs_its_right),
        cmocka_unit_test(test_options_without_devices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
