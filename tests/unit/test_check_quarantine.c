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
/* The check of the devices that no partition owns: each rule is broken, and named. */
#include "check_world.h"

enum { ONE };

static void w_quarantine(struct fixture *f)
{
    fixture_read(
        f,
        manifest_of(TRANSLATED, RAM_64M,
                    "disk { pci = \"00:02.0\"; quarantine = \"scratch\"; }; twin { pci = \"00:05.0\"; };"
                    "dma { path = \"/dma@9100000\"; };",
                    "",
                    "quarantine { edu { pci = \"00:03.0\"; dma = \"scratch\"; };\n"
                    "shmem { pci = \"00:06.0\"; dma = \"abort\"; }; nic { path = \"/virtio_mmio@a000000\"; waived; };\n"
                    "ring { path = \"/ring@9122000\"; dma = \"abort\"; }; };"));
}

/* Nobody is there yet, and behind the second unit of the kind there is nobody at all. */
static void w_waiting(struct fixture *f)
{
    fixture_read(f, manifest_one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; quarantine = \"scratch\"; };"));
    unit_add(f, &iommu_kind_smmuv3)->in_bits = 39;
}

enum { Q_EDU, Q_SHMEM, Q_NIC, Q_RING };

static struct manifest_device *said_of(struct plan *p, unsigned i)
{
    return (struct manifest_device *)p->quarantine->device[i].m;
}

static void waived_behind_an_iommu(struct plan *p)
{
    said_of(p, Q_SHMEM)->waived = true;
}

static void unwaived_without_one(struct plan *p)
{
    said_of(p, Q_NIC)->waived = false;
}

static void abort_goes_to_scratch(struct plan *p)
{
    p->quarantine->device[Q_SHMEM].is_protected = true;
}

static void scratch_is_blocked(struct plan *p)
{
    p->quarantine->device[Q_EDU].is_protected = false;
}

static void unowned_has_another_stream(struct plan *p)
{
    p->quarantine->device[Q_EDU].sid++;
}

static void blocked_has_another_stream(struct plan *p)
{
    p->quarantine->device[Q_RING].sid++;
}

static void unowned_has_another_unit(struct plan *p)
{
    p->quarantine->device[Q_EDU].iommu = 1;
}

static void unowned_has_no_map(struct plan *p)
{
    p->quarantine->device[Q_EDU].map = 1;
}

static void unowned_has_an_owner(struct plan *p)
{
    p->quarantine->device[Q_EDU].fn = p->partition[ONE].device[0].fn;
}

static void unowned_shares_its_device(struct plan *p)
{
    ((struct pci_function *)p->quarantine->device[Q_SHMEM].fn)->bdf = 0x29; /* 00:05.1 */
}

static void blocked_shares_a_stream(struct plan *p)
{
    p->quarantine->device[Q_RING].board_node = dt_find(p->board->dt, "/dma@9102000");
    p->quarantine->device[Q_RING].sid = 0x1000;
}

static void quarantine_reaches_memory(struct plan *p)
{
    p->quarantine->bfn_span = p->partition[ONE].bfn_span;
    p->quarantine->bfn_spans = 1;
}

static void quarantine_has_memory(struct plan *p)
{
    p->quarantine->physmap = p->partition[ONE].physmap;
}

static void quarantine_has_a_cpu(struct plan *p)
{
    p->quarantine->cpus = 1;
}

static void quarantine_has_an_owned_map(struct plan *p)
{
    p->quarantine->map->device = &p->quarantine->device[Q_EDU];
}

static void quarantine_takes_less(struct plan *p)
{
    p->quarantine->map->shape.in_bits = 39;
}

static void quarantine_without_scratch(struct plan *p)
{
    p->quarantine->map->scratch = 0;
}

static void domain_of_the_quarantine(struct plan *p)
{
    p->quarantine->map->domain = p->partition[ONE].map->domain;
}

static void quarantine_takes_more(struct plan *p)
{
    p->quarantine->map->shape.in_bits = 44;
    p->quarantine->map->shape.root_level = 3;
}

#define NOT_KEPT(x) "I8: quarantine: " x " is neither kept by its IOMMU nor waived"
#define MORE        "I8: quarantine: its devices reach more than scratch"

static const struct broken breaks[] = {
    BREAKS_OF(w_waiting, quarantine_takes_more, "I4: quarantine: the bfn map does not have the bits"),
    BREAKS_OF(w_quarantine, quarantine_takes_less, "I4: quarantine: the bfn map does not have the bits"),
    BREAKS_OF(w_quarantine, quarantine_without_scratch, "I5: quarantine: a bfn map has no scratch page of its own"),
    BREAKS_OF(w_quarantine, domain_of_the_quarantine,
              "I3: quarantine: the domain of its bfn map is another one's or more than the IOMMU has"),
    BREAKS_OF(w_quarantine, waived_behind_an_iommu, NOT_KEPT("shmem")),
    BREAKS_OF(w_quarantine, unwaived_without_one, NOT_KEPT("nic")),
    BREAKS_OF(w_quarantine, abort_goes_to_scratch, NOT_KEPT("shmem")),
    BREAKS_OF(w_quarantine, scratch_is_blocked, NOT_KEPT("edu")),
    BREAKS_OF(w_quarantine, unowned_has_another_stream, NOT_KEPT("edu")),
    BREAKS_OF(w_quarantine, blocked_has_another_stream, NOT_KEPT("ring")),
    BREAKS_OF(w_quarantine, unowned_has_another_unit, NOT_KEPT("edu")),
    BREAKS_OF(w_quarantine, unowned_has_no_map, NOT_KEPT("edu")),
    BREAKS_OF(w_quarantine, quarantine_has_an_owned_map, NOT_KEPT("edu")),
    BREAKS_OF(w_quarantine, unowned_has_an_owner, "I8: quarantine: edu is a device that is listed twice"),
    BREAKS_OF(w_quarantine, unowned_shares_its_device,
              "I8: quarantine: shmem shares its PCI device with another partition's function"),
    BREAKS_OF(w_quarantine, blocked_shares_a_stream,
              "I8: quarantine: ring has the stream of another partition's device (0x1000)"),
    BREAKS_OF(w_quarantine, quarantine_reaches_memory, MORE),
    BREAKS_OF(w_quarantine, quarantine_has_memory, MORE),
    BREAKS_OF(w_quarantine, quarantine_has_a_cpu, MORE),
};

static void test_each_rule_is_checked(void **state)
{
    (void)state;
    assert_int_equal(breaks_missed(breaks, sizeof breaks / sizeof *breaks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
