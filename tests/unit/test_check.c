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
#include "check_world.h"

enum { LINUX, RTOS, MINI };

/* I1 */
static void ram_over_image(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->mfn = mfn(0x40200);
}

static void ram_over_other(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->mfn = mfn(0x50010);
}

static void pool_over_ram(struct plan *p)
{
    p->hv.pool = mfn(0x50000);
}

static void pool_over_arena(struct plan *p)
{
    p->hv.pool = mfn(0x403ff);
}
static void pool_over_bundle(struct plan *p)
{
    p->hv.pool = mfn(0x407ff);
}

static void shared_over_ram(struct plan *p)
{
    p->shared[0] = maddr(0x60000000);
}

static void mmio_is_smmu(struct plan *p)
{
    extent_of(p, RTOS, "rtc")->mfn = mfn(0x9050);
}

static void ram_is_reserved(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->mfn = mfn(0x7ff00);
}

static void ram_is_not_there(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->mfn = mfn(0x90000);
}

static void hypervisor_writes_its_text(struct plan *p)
{
    span_at(p->hv.span, p->hv.spans, 0x40200000)->rights |= R_WRITE;
}

/* I2 */
static void p2m_has_foreign_frame(struct plan *p)
{
    p2m_at(p, LINUX, 0x70000000)->out = 0x50000;
}

static void p2m_has_hypervisor(struct plan *p)
{
    p2m_at(p, MINI, 0x40000000)->out = 0x40200;
}

static void p2m_is_longer(struct plan *p)
{
    p2m_at(p, MINI, 0x40000000)->frames++;
}

static void p2m_writes_rom(struct plan *p)
{
    p2m_at(p, LINUX, 0x70000000)->rights |= R_WRITE;
}

static void p2m_has_doorbell(struct plan *p)
{
    extent_of(p, RTOS, "msi@8090000")->cpu = R_WRITE;
}

static void p2m_has_more_than_shared(struct plan *p)
{
    extent_of(p, LINUX, "box@78000000")->frames = 2;
}

static void shared_is_written(struct plan *p)
{
    extent_of(p, RTOS, "box")->cpu = R_READ | R_WRITE;
}

static void vmid_twice(struct plan *p)
{
    p->partition[MINI].vmid = p->partition[LINUX].vmid;
}

/* I3 */
static void bfn_has_hypervisor(struct plan *p)
{
    bfn_at(p, LINUX, 0x40000000)->out = 0x40200;
}

static void bfn_has_no_dma_memory(struct plan *p)
{
    struct pt_span *s = bfn_at(p, LINUX, 0x70000000);

    s->in = 0x78000;
    s->out = p->shared[0].v >> 12;
}

static void bfn_writes_rom(struct plan *p)
{
    bfn_at(p, LINUX, 0x70000000)->rights |= R_WRITE;
}

static void mmio_without_peer_dma(struct plan *p)
{
    extent_of(p, LINUX, "disk")->dma = R_READ | R_WRITE;
}

static void doorbell_is_a_device(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "msi@8090000");

    e->mfn = mfn(0x9050);
    e->gfn = gfn(0x9050);
}

static void bfn_vmid_is_a_vmid(struct plan *p)
{
    p->partition[RTOS].map->domain = p->partition[LINUX].vmid;
}

static void bfn_out_of_order(struct plan *p)
{
    struct plan_partition *pp = &p->partition[RTOS];
    struct pt_span t = pp->bfn_span[0];

    pp->bfn_span[0] = pp->bfn_span[1];
    pp->bfn_span[1] = t;
}

/* I5 */
static void no_scratch(struct plan *p)
{
    p->partition[LINUX].map->scratch = 0;
    p->hv.pool_frames -= 4;
}

/* I6 */
static void span_without_rights(struct plan *p)
{
    p2m_at(p, LINUX, 0x70000000)->rights = 0;
}

static void span_without_frames(struct plan *p)
{
    bfn_at(p, LINUX, 0x70000000)->frames = 0;
}

static void extent_without_frames(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->frames = 0;
}

static void hypervisor_span_without_rights(struct plan *p)
{
    p->hv.span[0].rights = 0;
}

/* I7 */
static void pool_too_small(struct plan *p)
{
    p->hv.pool_frames--;
}

/* I8 */
static void stream_of_another(struct plan *p)
{
    p->partition[RTOS].device[1].sid = p->partition[LINUX].device[0].sid;
}

static void stream_out_of_range(struct plan *p)
{
    p->partition[RTOS].device[1].sid = 0x10000;
}

static void smmu_that_is_not_there(struct plan *p)
{
    p->partition[RTOS].device[1].iommu = 1;
}

/* I9 */
static void unprotected_in_translated(struct plan *p)
{
    p->partition[LINUX].device[0].is_protected = false;
}

static void unprotected_unsaid(struct plan *p)
{
    p->partition[RTOS].device[1].is_protected = false;
}

static void identity_that_is_not(struct plan *p)
{
    extent_of(p, RTOS, "heap")->gfn.n--;
}

/* I10 */
static void reserved_not_in_bfn_map(struct plan *p)
{
    struct plan_partition *pp = &p->partition[RTOS];

    assert_int_equal(pp->bfn_span[pp->bfn_spans - 1].in, 0x7fe00);
    pp->bfn_spans--;
}

static void reserved_read_only(struct plan *p)
{
    p2m_at(p, RTOS, 0x7fe00000)->rights = R_READ;
}

static void reserved_became_mmio(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "fw@7fe00000");

    e->type = EXT_MMIO;
    e->dma = 0;
    p->partition[RTOS].bfn_spans--;
}

static void reserved_elsewhere(struct plan *p)
{
    extent_of(p, RTOS, "fw@7fe00000")->mfn.n++;
}

/* What check.h claims besides: each of these was once believed. */
static void mmio_in_free_ram(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "rtc");
    struct pt_span *s = p2m_at(p, RTOS, 0x9010000);

    e->mfn = mfn(0x62000);
    e->gfn = gfn(0x62000);
    s->in = s->out = 0x62000;
}

static void mmio_of_nobody(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "rtc");

    e->mfn = mfn(0xa000);
    e->gfn = gfn(0xa000);
}

static void mmio_is_its(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "rtc");

    e->mfn = mfn(0x8080);
    e->gfn = gfn(0x8080);
}

static void mmio_is_longer(struct plan *p)
{
    extent_of(p, RTOS, "rtc")->frames = 2;
}

static void bar_out_of_window(struct plan *p)
{
    p->partition[LINUX].device[0].bar[0] = maddr(0x50000000);
}

static void bar_unaligned(struct plan *p)
{
    p->partition[LINUX].device[1].bar[0].v += 0x1000;
}

static void doorbell_is_its_control(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "msi@8090000");

    e->mfn = mfn(0x8080);
    e->gfn = gfn(0x8080);
}

static void shared_is_not_ram(struct plan *p)
{
    p->shared[0] = maddr(0x90000000);
    extent_of(p, LINUX, "box@78000000")->mfn = mfn(0x90000);
}

static void stream_is_wrong(struct plan *p)
{
    p->partition[LINUX].device[0].sid++;
}

static void unprotected_is_protected(struct plan *p)
{
    p->partition[RTOS].device[3].is_protected = true;
}

static void function_twice(struct plan *p)
{
    p->partition[LINUX].device[1].fn = p->partition[LINUX].device[0].fn;
}

static void function_of_another(struct plan *p)
{
    struct pci_function *fn = (struct pci_function *)p->partition[RTOS].device[3].fn;

    fn->bdf = 0x11; /* 00:02.1 */
}

static void no_dma_of_a_master(struct plan *p)
{
    p->partition[RTOS].device[0].board_node = dt_find(p->board->dt, "/virtio_mmio@a000000");
}

static void bfn_map_is_smaller(struct plan *p)
{
    p->partition[LINUX].map->shape.in_bits = 39;
    p->partition[LINUX].map->shape.root_level = 2;
}

static void bfn_span_dropped(struct plan *p)
{
    p->partition[LINUX].bfn_spans--;
}

static void p2m_span_dropped(struct plan *p)
{
    p->partition[LINUX].p2m_spans--;
}

static void p2m_is_read_only(struct plan *p)
{
    p2m_at(p, LINUX, 0x40000000)->rights &= ~(unsigned)R_WRITE;
}

static void p2m_is_device_memory(struct plan *p)
{
    p2m_at(p, LINUX, 0x40000000)->mem = MEM_DEVICE;
}

static void dma_in_the_pci_window(struct plan *p)
{
    extent_of(p, LINUX, "rom@70000000")->gfn = gfn(0x20000);
}

static void stack_in_ram_of_a_guest(struct plan *p)
{
    p->hv.span[p->hv.spans - 1].out = 0x60000;
}

static void hypervisor_maps_elsewhere(struct plan *p)
{
    p->hv.span[0].out++;
}

static void line_of_nobody(struct plan *p)
{
    p->partition[RTOS].irq[0].irq.intid = 200;
}

static void kernel_out_of_ram(struct plan *p)
{
    p->partition[LINUX].image[0].at = gaddr(0x90000000);
}

static void kernel_beyond_ram(struct plan *p)
{
    p->partition[MINI].image[0].at = gaddr(0x403fe000);
}

static void dtb_out_of_ram(struct plan *p)
{
    p->partition[LINUX].start = gaddr(0x70000000);
}

static void dtb_over_an_end(struct plan *p)
{
    p->partition[LINUX].start.v += 0x1000;
}

static void reserved_in_free_ram(struct plan *p)
{
    struct extent *e = extent_of(p, RTOS, "fw@7fe00000");

    e->mfn = mfn(0x7fc00);
    e->gfn = gfn(0x7fc00);
}

static void reserved_over_registers(struct plan *p)
{
    struct board *b = board_of(p);

    b->mmio[b->mmios - 1].base = maddr(0x7fe80000); /* they stay sorted */
}

static void reserved_in_a_window(struct plan *p)
{
    board_of(p)->pci.mem64 = (struct board_range){.base = {0x7fe00000}, .size = 0x1000};
}

/* I11 */
static void line_of_another(struct plan *p)
{
    p->partition[RTOS].irq[0].irq.intid = p->partition[LINUX].irq[0].irq.intid;
}

static void line_of_smmu(struct plan *p)
{
    p->partition[RTOS].irq[0].irq.intid = 106;
}

static void line_of_console(struct plan *p)
{
    p->partition[RTOS].irq[0].irq.intid = 33;
}

static void line_is_private(struct plan *p)
{
    p->partition[RTOS].irq[0].irq.intid = 27;
}

static void cpu_of_another(struct plan *p)
{
    p->partition[MINI].cpu[0] = p->partition[LINUX].cpu[1];
}

static void cpu_that_is_not_there(struct plan *p)
{
    p->partition[MINI].cpu[0] = 4;
}

#define BREAKS(invariant, fn) BREAKS_OF(NULL, fn, invariant ": ")

static const struct broken breaks[] = {
    BREAKS("I1", ram_over_image),
    BREAKS("I1", ram_over_other),
    BREAKS("I1", pool_over_ram),
    BREAKS("I1", pool_over_arena),
    BREAKS("I1", pool_over_bundle),
    BREAKS("I1", shared_over_ram),
    BREAKS("I1", mmio_is_smmu),
    BREAKS("I1", ram_is_reserved),
    BREAKS("I1", ram_is_not_there),
    BREAKS("I1", hypervisor_writes_its_text),
    BREAKS("I2", p2m_has_foreign_frame),
    BREAKS("I2", p2m_has_hypervisor),
    BREAKS("I2", p2m_is_longer),
    BREAKS("I2", p2m_writes_rom),
    BREAKS("I2", p2m_has_doorbell),
    BREAKS("I2", p2m_has_more_than_shared),
    BREAKS("I2", shared_is_written),
    BREAKS("I2", vmid_twice),
    BREAKS("I3", bfn_has_hypervisor),
    BREAKS("I3", bfn_has_no_dma_memory),
    BREAKS("I3", bfn_writes_rom),
    BREAKS("I3", mmio_without_peer_dma),
    BREAKS("I3", doorbell_is_a_device),
    BREAKS("I3", bfn_vmid_is_a_vmid),
    BREAKS("I3", bfn_out_of_order),
    BREAKS("I5", no_scratch),
    BREAKS("I6", span_without_rights),
    BREAKS("I6", span_without_frames),
    BREAKS("I6", extent_without_frames),
    BREAKS("I6", hypervisor_span_without_rights),
    BREAKS("I7", pool_too_small),
    BREAKS("I8", stream_of_another),
    BREAKS("I8", stream_out_of_range),
    BREAKS("I8", smmu_that_is_not_there),
    BREAKS("I9", unprotected_in_translated),
    BREAKS("I9", unprotected_unsaid),
    BREAKS("I9", identity_that_is_not),
    BREAKS("I10", reserved_not_in_bfn_map),
    BREAKS("I10", reserved_read_only),
    BREAKS("I10", reserved_became_mmio),
    BREAKS("I10", reserved_elsewhere),
    BREAKS_OF(NULL, mmio_in_free_ram, "I2: rtos: rtc is not registers of its devices alone"),
    BREAKS_OF(NULL, mmio_of_nobody, "I2: rtos: rtc is not registers of its devices alone"),
    BREAKS_OF(NULL, mmio_is_its, "I2: rtos: rtc is not registers of its devices alone"),
    BREAKS_OF(NULL, mmio_is_longer, "I2: rtos: rtc is not registers of its devices alone"),
    BREAKS_OF(NULL, bar_out_of_window, "I2: linux: disk is not registers of its devices alone"),
    BREAKS_OF(NULL, bar_unaligned, "I2: linux: edu is not registers of its devices alone"),
    BREAKS("I3", doorbell_is_its_control),
    BREAKS("I1", shared_is_not_ram),
    BREAKS("I8", stream_is_wrong),
    BREAKS("I9", unprotected_is_protected),
    BREAKS("I8", function_twice),
    BREAKS("I8", function_of_another),
    BREAKS("I9", no_dma_of_a_master),
    BREAKS("I4", bfn_map_is_smaller),
    BREAKS("I3", bfn_span_dropped),
    BREAKS("I2", p2m_span_dropped),
    BREAKS("I2", p2m_is_read_only),
    BREAKS("I2", p2m_is_device_memory),
    BREAKS("I3", dma_in_the_pci_window),
    BREAKS("I1", stack_in_ram_of_a_guest),
    BREAKS("I1", hypervisor_maps_elsewhere),
    BREAKS("I11", line_of_nobody),
    BREAKS("I2", kernel_out_of_ram),
    BREAKS("I2", kernel_beyond_ram),
    BREAKS("I2", dtb_out_of_ram),
    BREAKS("I2", dtb_over_an_end),
    BREAKS("I10", reserved_in_free_ram),
    BREAKS("I10", reserved_over_registers),
    BREAKS("I10", reserved_in_a_window),
    BREAKS("I11", line_of_another),
    BREAKS("I11", line_of_smmu),
    BREAKS("I11", line_of_console),
    BREAKS("I11", line_is_private),
    BREAKS("I11", cpu_of_another),
    BREAKS("I11", cpu_that_is_not_there),
};

static void test_good_plan(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(fixture_plan(&f, fixture_manifest), ERR_NONE);
    assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_NONE);
    assert_string_equal(f.diag.text, "");
    fixture_free(&f);
}

static void test_each_invariant_is_checked(void **state)
{
    (void)state;
    assert_int_equal(breaks_missed(breaks, sizeof breaks / sizeof *breaks), 0);
}

static void test_both_parties_are_named(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(fixture_plan(&f, fixture_manifest), ERR_NONE);
    ram_over_other(&f.plan);
    assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_INVALID);
    assert_string_equal(f.diag.text, "I1: machine frame 0x50010 has two owners: mini (ram@40000000) and linux "
                                     "(rom@70000000)");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_plan),
        cmocka_unit_test(test_each_invariant_is_checked),
        cmocka_unit_test(test_both_parties_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
