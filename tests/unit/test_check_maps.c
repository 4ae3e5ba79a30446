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
/* The check of bfn maps, shared tables, windows and numbers: each rule is broken, and named. */
#include "check_world.h"

/* A plan of each kind. */
#define DATA     "data@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x1000>; };"
#define DOORBELL "msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; access = \"w\"; };"
#define BAR_DISK UINT64_C(0x10000000)

enum { ONE, TWO };

/* Two kinds of IOMMU, and another partition. */
static void w_kinds(struct fixture *f)
{
    fixture_read(f, manifest_of(TRANSLATED, RAM_64M DATA, DISK EDU,
                                PARTITION("two", 1, TRANSLATED, "", "ring { path = \"/ring@9122000\"; };"), ""));
    (void)unit_add(f, &iommu_kind_ipmmu);
}

static void w_shared(struct fixture *f)
{
    fixture_read(f, manifest_of(TRANSLATED SHARED, RAM_64M DATA DOORBELL, DISK_PEER,
                                PARTITION("two", 1, TRANSLATED, "", "ring { path = \"/ring@9122000\"; };"), ""));
}

static void w_devices(struct fixture *f)
{
    fixture_read(f, manifest_one(TRANSLATED PER_DEVICE, RAM_64M DATA, DISK EDU));
    board_set(f, &p2m_ept, &iommu_kind_vtd);
}

static void w_window(struct fixture *f)
{
    fixture_read(f, manifest_one(TRANSLATED WINDOW, RAM_64M DATA, DISK));
    board_set(f, &p2m_ept, &iommu_kind_vtd);
}

/* With RAM where AMD-Vi does not translate. */
static void w_amd(struct fixture *f)
{
    struct board_range *m;

    fixture_read(f, manifest_one(TRANSLATED, RAM_64M DATA, DISK));
    m = ARENA_NEW(&f->arena, struct board_range, 2, &f->diag);
    m[0] = f->board.memory[0];
    m[1] = (struct board_range){.base = {UINT64_C(0xfcf0000000)}, .size = UINT64_C(0x20000000), .name = "high"};
    f->board.memory = m;
    f->board.memories = 2;
    f->board.pci.mem64.size = 0; /* it lies there */
    board_set(f, &p2m_npt, &iommu_kind_amdvi);
}

/*
 * I4: widths.
 */

static void map_takes_more(struct plan *p)
{
    p->partition[ONE].map[0].shape.in_bits = 48;
}

static void map_takes_less(struct plan *p)
{
    p->partition[ONE].map[0].shape.in_bits = 39;
    p->partition[ONE].map[0].shape.root_level = 2;
}

static void map_gives_more(struct plan *p)
{
    p->partition[ONE].map[1].shape.out_bits = 41;
}

static void unit_gives_less(struct plan *p)
{
    board_of(p)->iommu[1].out_bits = 36;
}

static void unit_knows_small_leaves(struct plan *p)
{
    board_of(p)->iommu[0].leaf_level = 1;
}

static void shared_map_is_larger(struct plan *p)
{
    p->partition[ONE].map->shape.in_bits = 44;
}

static void shared_unit_takes_less(struct plan *p)
{
    board_of(p)->iommu[0].in_bits = 36;
}

/*
 * I3, I4: exempt ranges.
 */

static void memory_at_interrupts(struct plan *p)
{
    p2m_at(p, ONE, 0x50000000)->in = 0xfee00;
    bfn_at(p, ONE, 0x50000000)->in = 0xfee00;
    extent_of(p, ONE, "data@50000000")->gfn = gfn(0xfee00);
}

static void window_over_interrupts(struct plan *p)
{
    bfn_at(p, ONE, 0x80000000)->in = 0xfee00;
    said_by(p, ONE)->pv = bfn(0xfee00);
}

static void ram_in_hypertransport(struct plan *p)
{
    extent_of(p, ONE, "data@50000000")->mfn = mfn(0xfd00000);
}

static void rom_in_hypertransport(struct plan *p)
{
    struct extent *e = extent_of(p, ONE, "data@50000000");

    *e = ext_make(EXT_RAM_RO, e->gfn, mfn(0xfd00000), e->frames, e->name);
}

/*
 * I2, I3: what sharing gives away.
 */

static void shared_ram_is_read(struct plan *p)
{
    extent_of(p, ONE, "data@50000000")->dma = R_READ;
    bfn_at(p, ONE, 0x50000000)->rights = R_READ;
}

static void shared_ram_is_none(struct plan *p)
{
    extent_of(p, ONE, "data@50000000")->dma = 0;
    span_drop(p->partition[ONE].bfn_span, &p->partition[ONE].bfn_spans, 0x50000000);
}

static void shared_registers(struct plan *p)
{
    extent_of(p, ONE, "disk")->dma = 0;
    span_drop(p->partition[ONE].bfn_span, &p->partition[ONE].bfn_spans, BAR_DISK);
}

static void shared_doorbell_is_hidden(struct plan *p)
{
    extent_of(p, ONE, "msi@8090000")->cpu = 0;
    span_drop(p->partition[ONE].p2m_span, &p->partition[ONE].p2m_spans, 0x8090000);
}

static void doorbell_without_sharing(struct plan *p)
{
    said_by(p, ONE)->shared_tables = false;
}

static void shared_table_is_its_own(struct plan *p)
{
    p->partition[ONE].map->table = p->partition[TWO].map->table;
}

static void shared_table_has_frames(struct plan *p)
{
    p->partition[ONE].map->frames = 1;
}

static void shared_p2m_is_of_another_format(struct plan *p)
{
    p->partition[ONE].p2m = &p2m_npt_shared;
}

static void table_is_the_p2m(struct plan *p)
{
    p->partition[ONE].map[0].table = p->partition[ONE].p2m_table;
}

static void table_is_not_there(struct plan *p)
{
    p->partition[ONE].map[0].table = p->tables;
}

static void table_has_no_frames(struct plan *p)
{
    p->partition[ONE].map[0].frames = 0;
}

static void p2m_is_of_another_format(struct plan *p)
{
    p->partition[ONE].p2m = &p2m_npt_shared;
}

static void cpus_of_another_format(struct plan *p)
{
    board_of(p)->p2m = &p2m_npt;
}

static void host_map_of_translated(struct plan *p)
{
    said_by(p, ONE)->map = MAP_HOST;
}

/*
 * I5, I7: scratch pages, frames, windows.
 */

static void no_scratch(struct plan *p)
{
    p->partition[ONE].map[1].scratch = 0;
}

static void scratch_with_fault(struct plan *p)
{
    said_by(p, ONE)->unmapped = UNMAPPED_FAULT;
}

static void scratch_in_shared(struct plan *p)
{
    p->partition[ONE].map->scratch = 4;
}

static void frames_of_maps(struct plan *p)
{
    p->partition[ONE].frames.bfn++;
}

static void frames_of_scratch(struct plan *p)
{
    p->partition[ONE].frames.scratch--;
}

static void frames_of_window(struct plan *p)
{
    p->partition[ONE].frames.pv = 0;
}

static void frames_of_no_window(struct plan *p)
{
    p->partition[ONE].frames.pv = 1;
}

static void window_left_out(struct plan *p)
{
    span_drop(p->partition[ONE].bfn_span, &p->partition[ONE].bfn_spans, 0x80000000);
}

static void window_is_mapped(struct plan *p)
{
    bfn_at(p, ONE, 0x80000000)->rights = R_READ;
}

static void window_is_smaller(struct plan *p)
{
    bfn_at(p, ONE, 0x80000000)->frames--;
}

static void window_is_elsewhere(struct plan *p)
{
    bfn_at(p, ONE, 0x80000000)->in += 0x200;
}

static void window_out_of_order(struct plan *p)
{
    struct pt_span *s = p->partition[ONE].bfn_span, t = s[0];

    s[0] = *bfn_at(p, ONE, 0x80000000);
    *span_at(s + 1, p->partition[ONE].bfn_spans - 1, 0x80000000) = t;
}

static void window_of_a_guest_map(struct plan *p)
{
    said_by(p, ONE)->map = MAP_GUEST;
}

/*
 * Numbers.
 */

static void vmid_zero(struct plan *p)
{
    p->partition[ONE].vmid = 0;
}

static void vmid_twice(struct plan *p)
{
    p->partition[TWO].vmid = p->partition[ONE].vmid;
}

static void vmid_beyond(struct plan *p)
{
    p->partition[TWO].vmid = 16;
    board_of(p)->vmid_bits = 4;
}

static void vmid_beyond_a_unit(struct plan *p)
{
    p->partition[TWO].vmid = 16;
    board_of(p)->iommu[0].domain_bits = 4;
}

static void domain_is_a_vmid(struct plan *p)
{
    p->partition[ONE].map[0].domain = p->partition[TWO].vmid;
}

static void domain_zero(struct plan *p)
{
    p->partition[ONE].map[1].domain = 0;
}

static void domain_beyond(struct plan *p)
{
    p->partition[ONE].map[1].domain = 8;
}

static void domain_twice(struct plan *p)
{
    p->partition[ONE].map[1].domain = p->partition[ONE].map[0].domain;
}

static void p2m_table_twice(struct plan *p)
{
    p->partition[TWO].p2m_table = p->partition[ONE].p2m_table;
}

static void p2m_table_is_mullions(struct plan *p)
{
    p->partition[ONE].p2m_table = 0;
}

static void p2m_table_is_not_there(struct plan *p)
{
    p->partition[ONE].p2m_table = p->tables;
}

static void table_twice(struct plan *p)
{
    p->partition[ONE].map[1].table = p->partition[ONE].map[0].table;
}

static void table_of_another(struct plan *p)
{
    p->partition[TWO].map->table = p->partition[ONE].p2m_table;
}

static void pattern_twice(struct plan *p)
{
    p->partition[ONE].map[1].scratch_id = p->partition[ONE].map[0].scratch_id;
}

static void table_of_nobody(struct plan *p)
{
    p->tables++;
}

/*
 * I8: the map of a device.
 */

static void map_is_not_there(struct plan *p)
{
    p->partition[ONE].device[0].map = 2;
}

static void map_of_another_kind(struct plan *p)
{
    p->partition[ONE].device[0].map = 1;
}

static void map_of_another_device(struct plan *p)
{
    p->partition[ONE].device[0].map = 1;
}

static void map_of_one_device(struct plan *p)
{
    p->partition[ONE].map[0].device = &p->partition[ONE].device[0];
}

static void map_of_all_devices(struct plan *p)
{
    p->partition[ONE].map[0].device = NULL;
}

#define MAP_BITS    "I4: one: the bfn map does not have the bits that its IOMMU takes and gives"
#define MAP_TABLES  "I3: one: a bfn map is not what its partition says of shared tables"
#define MAP_SCRATCH "I5: one: a bfn map has no scratch page of its own, or one too many"
#define NEEDS       "I7: one: its frames are not what its bfn maps need"
#define GIVES(x)    "I3: one: " x " is not for devices what it is for CPUs, and they share a table"
#define VMID(x)     "I2: " x ": its VMID is another one's or more than the board has"
#define DOMAIN(x)   "I3: " x ": the domain of its bfn map is another one's or more than the IOMMU has"
#define P2M_NUMBER  "its p2m has the number of other tables"
#define MAP_NUMBER  "its bfn map has the number of other tables"
#define NO_MAP      "I8: one: disk has no bfn map, or not one of its IOMMU and its own"

static const struct broken breaks[] = {
    BREAKS_OF(w_kinds, map_takes_more, MAP_BITS),
    BREAKS_OF(w_kinds, map_takes_less, MAP_BITS),
    BREAKS_OF(w_kinds, map_gives_more, MAP_BITS),
    BREAKS_OF(w_kinds, unit_gives_less, MAP_BITS),
    BREAKS_OF(w_kinds, unit_knows_small_leaves, MAP_BITS),
    BREAKS_OF(w_shared, unit_knows_small_leaves, MAP_BITS),
    BREAKS_OF(w_shared, shared_map_is_larger, MAP_BITS),
    BREAKS_OF(w_shared, shared_unit_takes_less, MAP_BITS),
    BREAKS_OF(w_amd, memory_at_interrupts,
              "I3: one: data@50000000 lies where the IOMMU does not translate (GFN 0xfee00)"),
    BREAKS_OF(w_devices, memory_at_interrupts,
              "I3: one: data@50000000 lies where the IOMMU does not translate (GFN 0xfee00)"),
    BREAKS_OF(w_window, window_over_interrupts,
              "I3: one: pv-window lies where the IOMMU does not translate (BFN 0xfee00)"),
    BREAKS_OF(w_amd, ram_in_hypertransport,
              "I4: one: data@50000000 lies where an IOMMU does not translate (MFN 0xfd00000)"),
    BREAKS_OF(w_amd, rom_in_hypertransport,
              "I4: one: data@50000000 lies where an IOMMU does not translate (MFN 0xfd00000)"),
    BREAKS_OF(w_shared, shared_ram_is_read, GIVES("data@50000000")),
    BREAKS_OF(w_shared, shared_ram_is_none, GIVES("data@50000000")),
    BREAKS_OF(w_shared, shared_registers, GIVES("disk")),
    BREAKS_OF(w_shared, shared_doorbell_is_hidden, GIVES("msi@8090000")),
    BREAKS_OF(w_shared, doorbell_without_sharing,
              "I2: one: msi@8090000 is a doorbell that CPUs may write, and no table is shared"),
    BREAKS_OF(w_shared, shared_table_is_its_own, MAP_TABLES),
    BREAKS_OF(w_shared, shared_table_has_frames, MAP_TABLES),
    BREAKS_OF(w_shared, shared_p2m_is_of_another_format, MAP_TABLES),
    BREAKS_OF(w_kinds, table_is_the_p2m, MAP_TABLES),
    BREAKS_OF(w_kinds, table_is_not_there, MAP_TABLES),
    BREAKS_OF(w_kinds, table_has_no_frames, MAP_TABLES),
    BREAKS_OF(w_kinds, p2m_is_of_another_format, "I2: one: its p2m is not in the format of the CPUs"),
    BREAKS_OF(w_kinds, cpus_of_another_format, "I2: one: its p2m is not in the format of the CPUs"),
    BREAKS_OF(w_shared, cpus_of_another_format, "I2: one: its p2m is not in the format of the CPUs"),
    BREAKS_OF(w_kinds, host_map_of_translated, "I3: one: a bfn map is a host map, and the physmap is not identity"),
    BREAKS_OF(w_kinds, no_scratch, MAP_SCRATCH),
    BREAKS_OF(w_kinds, scratch_with_fault, MAP_SCRATCH),
    BREAKS_OF(w_shared, scratch_in_shared, MAP_SCRATCH),
    BREAKS_OF(w_kinds, frames_of_maps, NEEDS),
    BREAKS_OF(w_kinds, frames_of_scratch, NEEDS),
    BREAKS_OF(w_kinds, frames_of_no_window, NEEDS),
    BREAKS_OF(w_window, frames_of_window, NEEDS),
    BREAKS_OF(w_window, window_left_out, "I7: one: the bfn map leaves out the PV window (0x80000)"),
    BREAKS_OF(w_window, window_is_mapped,
              "I3: one: the bfn map has a span out of order or not as the physmap has it (0x80000)"),
    BREAKS_OF(w_window, window_is_smaller, "I6: one: the bfn map has a span without rights or frames (0x80000)"),
    BREAKS_OF(w_window, window_is_elsewhere, "I6: one: the bfn map has a span without rights or frames (0x80200)"),
    BREAKS_OF(w_window, window_out_of_order, "I3: one: the bfn map has a span out of order"),
    BREAKS_OF(w_window, window_of_a_guest_map, "I6: one: the bfn map has a span without rights or frames (0x80000)"),
    BREAKS_OF(w_kinds, vmid_zero, VMID("one")),
    BREAKS_OF(w_kinds, vmid_twice, VMID("two")),
    BREAKS_OF(w_kinds, vmid_beyond, VMID("two")),
    BREAKS_OF(w_kinds, vmid_beyond_a_unit, VMID("two")),
    BREAKS_OF(w_kinds, domain_is_a_vmid, DOMAIN("one")),
    BREAKS_OF(w_kinds, domain_zero, DOMAIN("one")),
    BREAKS_OF(w_kinds, domain_beyond, DOMAIN("one")),
    BREAKS_OF(w_devices, domain_twice, DOMAIN("one")),
    BREAKS_OF(w_kinds, p2m_table_twice, "I7: two: " P2M_NUMBER),
    BREAKS_OF(w_kinds, p2m_table_is_mullions, "I7: one: " P2M_NUMBER),
    BREAKS_OF(w_kinds, p2m_table_is_not_there, "I7: one: " P2M_NUMBER),
    BREAKS_OF(w_kinds, table_twice, "I7: one: " MAP_NUMBER),
    BREAKS_OF(w_kinds, table_of_another, "I7: two: " MAP_NUMBER),
    BREAKS_OF(w_devices, pattern_twice, "I7: one: " MAP_NUMBER),
    BREAKS_OF(w_kinds, table_of_nobody, "I7: mullion: tables are not as many as there are"),
    BREAKS_OF(w_kinds, map_is_not_there, NO_MAP),
    BREAKS_OF(w_kinds, map_of_another_kind, NO_MAP),
    BREAKS_OF(w_kinds, map_of_one_device, NO_MAP),
    BREAKS_OF(w_devices, map_of_another_device, NO_MAP),
    BREAKS_OF(w_devices, map_of_all_devices, NO_MAP),
};

static void test_each_rule_is_checked(void **state)
{
    (void)state;
    assert_int_equal(breaks_missed(breaks, sizeof breaks / sizeof *breaks), 0);
}

/* Two kinds of IOMMU may use the same number each. */
static void test_numbers_of_two_kinds(void **state)
{
    struct fixture f;

    (void)state;
    w_kinds(&f);
    f.board.iommu[0].kind = &iommu_kind_vtd;
    plan_good(&f);
    assert_int_equal(f.plan.partition[ONE].map[0].domain, 1);
    assert_int_equal(f.plan.partition[ONE].map[1].domain, 1);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_is_checked),
        cmocka_unit_test(test_numbers_of_two_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
