/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c
 * kernel/plan_image.c kernel/plan_hv.c kernel/check.c kernel/check_device.c kernel/arena.c kernel/sort.c kernel/diag.c
 * kernel/fmt.c kernel/dt.c kernel/dt_read.c kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c
 * kernel/board_memory.c kernel/board_pci.c kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c
 * kernel/manifest_region.c kernel/pool.c kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/iommu/bfn.c kernel/iommu/scratch.c
 * kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c
 * tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c kernel/iommu/kind.c kernel/iommu/kind_smmuv3.c
 * kernel/p2m/kind_arm.c kernel/p2m/verify_arm.c kernel/check_maps.c */
#include "check.h"
#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TEXT 8192

static void plan_good(struct fixture *f, const char *manifest)
{
    err_t e = fixture_plan(f, manifest);

    if (!e)
        e = check_plan(&f->plan, &f->arena, &f->diag);
    if (e)
        print_message("%s\n", f->diag.text);
    assert_int_equal(e, ERR_NONE);
}

/* The extent with that name and type; more than one may have the name. */
static const struct extent *extent_of(const struct plan_partition *pp, const char *name, enum ext_type type)
{
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        if (!strcmp(pp->physmap.ext[i].name, name) && pp->physmap.ext[i].type == type)
            return &pp->physmap.ext[i];
    }
    fail_msg("no extent %s", name);
    return NULL;
}

#define ASSERT_EXTENT(pp, name, type, g, m, n)                     \
    do {                                                           \
        const struct extent *e_ = extent_of((pp), (name), (type)); \
        assert_int_equal(gfn_addr(e_->gfn).v, (g));                \
        assert_int_equal(mfn_addr(e_->mfn).v, (m));                \
        assert_int_equal(e_->frames, (n));                         \
    } while (0)

static void test_memory_is_placed(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    plan_good(&f, fixture_manifest);
    pp = f.plan.partition;
    assert_int_equal(f.plan.partitions, 3);
    assert_int_equal(f.plan.shared[0].v, 0x7fdff000); /* below the reserved memory */
    ASSERT_EXTENT(&pp[0], "ram@40000000", EXT_RAM, 0x40000000, 0x6fc00000, 0x10000);
    ASSERT_EXTENT(&pp[0], "rom@70000000", EXT_RAM_RO, 0x70000000, 0x7fdfe000, 1);
    ASSERT_EXTENT(&pp[0], "box@78000000", EXT_SHARED, 0x78000000, 0x7fdff000, 1);
    ASSERT_EXTENT(&pp[1], "ram@60000000", EXT_RAM, 0x60000000, 0x60000000, 0x1000);
    ASSERT_EXTENT(&pp[1], "heap", EXT_RAM, 0x6f800000, 0x6f800000, 0x400);
    ASSERT_EXTENT(&pp[1], "fw@7fe00000", EXT_RESERVED, 0x7fe00000, 0x7fe00000, 0x100);
    ASSERT_EXTENT(&pp[1], "msi@8090000", EXT_DOORBELL, 0x8090000, 0x8090000, 1);
    ASSERT_EXTENT(&pp[1], "box", EXT_SHARED, 0x7fdff000, 0x7fdff000, 1);
    ASSERT_EXTENT(&pp[2], "ram@40000000", EXT_RAM, 0x40000000, 0x50000000, 0x400);
    assert_int_equal(extent_of(&pp[1], "box", EXT_SHARED)->cpu, R_READ);
    assert_int_equal(extent_of(&pp[1], "msi@8090000", EXT_DOORBELL)->cpu, 0);
    fixture_free(&f);
}

static void test_emulated_extents(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    plan_good(&f, fixture_manifest);
    pp = f.plan.partition;
    assert_int_equal(pp[0].emulated[EMULATED_GICD].v, 0x8000000);
    assert_int_equal(pp[0].emulated[EMULATED_GICR].v, 0x80a0000);
    assert_int_equal(extent_of(&pp[0], "interrupt distributor", EXT_EMULATED)->frames, 16);
    assert_int_equal(extent_of(&pp[0], "interrupt redistributors", EXT_EMULATED)->frames, 64);
    assert_int_equal(extent_of(&pp[1], "interrupt redistributors", EXT_EMULATED)->frames, 32);
    assert_true(pp[0].has_vuart);
    assert_int_equal(pp[0].vuart.v, 0x9000000);
    assert_int_equal(pp[0].vuart_intid, 33);
    assert_false(pp[2].has_vuart);
    assert_true(pp[0].has_ecam);
    assert_int_equal(pp[0].ecam.v, UINT64_C(0x4010000000));
    assert_int_equal(extent_of(&pp[0], "PCI configuration space", EXT_EMULATED)->frames, 256);
    assert_false(pp[2].has_ecam);
    assert_int_equal(pp[2].physmap.count, 3);
    fixture_free(&f);
}

static void test_devices_are_placed(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;
    const struct plan_device *dev;

    (void)state;
    plan_good(&f, fixture_manifest);
    pp = f.plan.partition;
    dev = pp[0].device;
    assert_int_equal(pp[0].pci_mem.v, 0x10000000);
    assert_int_equal(pp[0].pci_mem_size, 0x104000);
    assert_int_equal(dev[1].bar[0].v, 0x10000000); /* the larger one first */
    assert_int_equal(dev[0].bar[0].v, 0x10100000);
    assert_int_equal(dev[0].slot, 1);
    assert_int_equal(dev[1].slot, 2);
    assert_true(dev[0].is_protected);
    assert_int_equal(dev[0].sid, 0x10);
    assert_int_equal(dev[0].irq.intid, 37);
    assert_int_equal(dev[1].irq.intid, 38);
    assert_int_equal(extent_of(&pp[0], "edu", EXT_MMIO)->dma, R_READ | R_WRITE);
    assert_int_equal(extent_of(&pp[0], "disk", EXT_MMIO)->dma, 0);
    assert_int_equal(pp[0].irqs, 3);
    assert_true(pp[0].irq[2].virtual_only);
    assert_int_equal(pp[0].irq[2].irq.intid, 33);

    dev = pp[1].device;
    assert_false(dev[0].is_protected);
    assert_true(dev[1].is_protected);
    assert_int_equal(dev[1].sid, 0x1000);
    assert_false(dev[3].is_protected);
    assert_false(dev[3].has_irq);
    assert_int_equal(dev[3].bar[0].v, 0x10120000); /* aligned to its size, behind the first partition's */
    ASSERT_EXTENT(&pp[1], "rtc", EXT_MMIO, 0x9010000, 0x9010000, 1);
    assert_int_equal(pp[1].maps, 1);
    assert_int_equal(pp[2].maps, 0);
    assert_int_equal(pp[1].irqs, 4);
    fixture_free(&f);
}

static void test_images_are_placed(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    plan_good(&f, fixture_manifest);
    pp = f.plan.partition;
    assert_int_equal(pp[0].entry.v, 0x40000000);
    assert_int_equal(pp[0].images, 3);
    assert_int_equal(pp[0].image[0].at.v, 0x40000000);
    assert_int_equal(pp[0].image[0].size, FIXTURE_LINUX_SIZE);
    assert_int_equal(pp[0].image[0].room, FIXTURE_LINUX_USES);
    assert_int_equal(pp[0].initrd.v, 0x41300000); /* behind what the kernel uses, not behind its file */
    assert_int_equal(pp[0].image[1].at.v, 0x41300000);
    assert_int_equal(pp[0].initrd_size, FIXTURE_INITRD_SIZE);
    assert_int_equal(pp[0].start.v, 0x4fff0000);
    assert_int_equal(pp[1].entry.v, 0x60000000);
    assert_int_equal(pp[1].start.v, 0x60ff0000);
    assert_int_equal(pp[1].initrd_size, 0);
    fixture_free(&f);
}

static void test_frames_are_counted(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;
    const struct plan_hypervisor *hv;

    (void)state;
    plan_good(&f, fixture_manifest);
    pp = f.plan.partition;
    hv = &f.plan.hv;
    assert_int_equal(pp[0].p2m_shape.in_bits, 39);
    assert_int_equal(pp[0].p2m_shape.root_level, 2);
    assert_int_equal(pp[0].map->shape.in_bits, 44);
    assert_int_equal(pp[0].map->shape.root_level, 3);
    assert_int_equal(pp[0].frames.p2m, 6);
    assert_int_equal(pp[0].frames.bfn, 6); /* RAM, ROM, and edu's BAR (peer-dma) */
    assert_int_equal(pp[0].frames.scratch, 4);
    assert_int_equal(pp[1].frames.p2m, 7);
    assert_int_equal(pp[1].frames.bfn, 6);
    assert_int_equal(pp[2].frames.p2m, 2);
    assert_int_equal(pp[2].frames.bfn + pp[2].frames.scratch, 0);
    assert_int_equal(hv->own_frames, 14);
    assert_int_equal(hv->cpu_frames, 8);
    assert_int_equal(hv->iommu_frames, 8);
    assert_int_equal(hv->pool_frames, 14 + 8 + 8 + 16 + 17 + 2);
    assert_int_equal(mfn_addr(hv->pool).v, 0x40000000);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pp[i].vmid, i + 1);
    }
    assert_int_equal(pp[0].map->domain, 4);
    assert_int_equal(pp[1].map->domain, 5);
    fixture_free(&f);
}

struct want {
    uint64_t in, out, bytes;
    uint8_t rights, mem;
};

static void test_hypervisor_spans(void **state)
{
    static const struct want want[] = {
        {0x8000000, 0x8000000, 0x10000, R_READ | R_WRITE, MEM_DEVICE},
        {0x80a0000, 0x80a0000, 0xf60000, R_READ | R_WRITE, MEM_DEVICE},
        {0x9000000, 0x9000000, 0x1000, R_READ | R_WRITE, MEM_DEVICE},
        {0x9050000, 0x9050000, 0x20000, R_READ | R_WRITE, MEM_DEVICE},
        {0x40000000, 0x40000000, 0x200000, R_READ | R_WRITE, MEM_NORMAL},
        {0x40200000, 0x40200000, 0x80000, R_READ | R_EXEC, MEM_NORMAL},
        {0x40280000, 0x40280000, 0x40000, R_READ, MEM_NORMAL},
        {0x402c0000, 0x402c0000, 0x130000, R_READ | R_WRITE, MEM_NORMAL},
        {0x403f0000, 0x403f0000, 0x10000, R_READ | R_WRITE, MEM_NORMAL}, /* arena */
        {0x40400000, 0x40400000, 0x400000, R_READ, MEM_NORMAL},
        {0x40800000, 0x40800000, 0x7800000, R_READ | R_WRITE, MEM_NORMAL},
        {0x48000000, 0x48000000, 0x100000, R_READ, MEM_NORMAL},
        {0x48100000, 0x48100000, 0x37e00000, R_READ | R_WRITE, MEM_NORMAL}, /* up to the no-map region */
        {0x4010000000, 0x4010000000, 0x100000, R_READ | R_WRITE, MEM_DEVICE},
        {0x400000001000, 0x40000000, 0x2000, R_READ | R_WRITE, MEM_NORMAL},
        {0x400000005000, 0x40002000, 0x2000, R_READ | R_WRITE, MEM_NORMAL},
        {0x400000009000, 0x40004000, 0x2000, R_READ | R_WRITE, MEM_NORMAL},
        {0x40000000d000, 0x40006000, 0x2000, R_READ | R_WRITE, MEM_NORMAL},
    };
    struct fixture f;

    (void)state;
    plan_good(&f, fixture_manifest);
    assert_int_equal(f.plan.hv.spans, sizeof want / sizeof *want);
    for (unsigned i = 0; i < f.plan.hv.spans; i++) {
        const struct pt_span *s = &f.plan.hv.span[i];

        assert_int_equal(s->in << 12, want[i].in);
        assert_int_equal(s->out << 12, want[i].out);
        assert_int_equal(s->frames << 12, want[i].bytes);
        assert_int_equal(s->rights, want[i].rights);
        assert_int_equal(s->mem, want[i].mem);
    }
    fixture_free(&f);
}

/* A manifest of one translated partition with these memory and device nodes. */
static const char *one(const char *props, const char *memory, const char *devices)
{
    static char text[MAX_TEXT];

    snprintf(text, sizeof text,
             "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; partitions { one {\n"
             "cpus = <0>; %s kernel { file = \"linux\"; };\n"
             "memory { #address-cells = <2>; #size-cells = <2>; %s };\n"
             "devices { %s }; }; }; };\n",
             props, memory, devices);
    return text;
}

#define TRANSLATED "physmap = \"translated\";"
#define RAM_64M    "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x4000000>; };"

static void test_ram_is_split(void **state)
{
    struct fixture f;
    const struct physmap *m;
    uint64_t total = 0;

    (void)state;
    /* 944 MiB: below the reserved memory and above the DTB there are 893. */
    plan_good(&f, one(TRANSLATED, "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x3b000000>; };", ""));
    m = &f.plan.partition[0].physmap;
    assert_int_equal(gfn_addr(m->ext[3].gfn).v, 0x40000000);
    assert_int_equal(mfn_addr(m->ext[3].mfn).v, 0x48200000);
    assert_int_equal(m->ext[3].frames, 0x37c00);
    assert_int_equal(m->ext[4].gfn.n, 0x77c00);
    assert_int_equal(mfn_addr(m->ext[4].mfn).v, 0x44c00000);
    for (uint32_t i = 0; i < m->count; i++)
        total += m->ext[i].type == EXT_RAM ? m->ext[i].frames : 0;
    assert_int_equal(total, 0x3b000);
    fixture_free(&f);
}

static void test_no_memory_is_explained(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(
        fixture_plan(&f, one(TRANSLATED, "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x80000000>; };", "")),
        ERR_INVALID);
    assert_string_equal(f.diag.text, "/partitions/one/memory/ram@40000000: asks for 2097152 KiB of machine memory; the "
                                     "largest free range has 914432 KiB, 1039360 KiB are free in all");
    fixture_free(&f);
}

static void test_1g_alignment(void **state)
{
    static struct board_range memory[2];
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x60000000>; };", ""));
    memory[0] = f.board.memory[0];
    memory[1] = (struct board_range){.base = {UINT64_C(0x880000000)}, .size = UINT64_C(0xb0000000), .name = "high"};
    f.board.memory = memory;
    f.board.memories = 2;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
    ASSERT_EXTENT(&f.plan.partition[0], "ram@40000000", EXT_RAM, 0x40000000, UINT64_C(0x8c0000000), 0x60000);
    assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_NONE);
    fixture_free(&f);
}

/* Two nodes with registers in one page, given to one partition: one extent, both interrupts. */
static void test_page_of_two_devices(void **state)
{
    struct fixture f;

    (void)state;
    plan_good(&f, one(TRANSLATED, RAM_64M,
                      "a { path = \"/gpio@b000200\"; no-dma; }; b { path = \"/gpio@b000000\"; "
                      "no-dma; };"));
    ASSERT_EXTENT(&f.plan.partition[0], "a", EXT_MMIO, 0xb000000, 0xb000000, 1);
    assert_int_equal(f.plan.partition[0].irqs, 3);
    assert_int_equal(f.plan.partition[0].irq[0].irq.intid, 83);
    assert_true(f.plan.partition[0].irq[0].irq.edge);
    fixture_free(&f);
}

/* The board's UART may be given away when nobody else has a console on it. */
static void test_uart_is_given_away(void **state)
{
    struct fixture f;

    (void)state;
    plan_good(&f, one(TRANSLATED, RAM_64M, "uart { path = \"/pl011@9000000\"; no-dma; };"));
    assert_false(f.plan.partition[0].has_vuart);
    assert_int_equal(f.plan.partition[0].irqs, 1);
    assert_false(f.plan.partition[0].irq[0].virtual_only);
    for (uint32_t i = 0; i < f.plan.hv.spans; i++)
        assert_int_not_equal(f.plan.hv.span[i].in, 0x9000);
    fixture_free(&f);
}

/* Prefetchable BARs, small BARs, and two devices of one partition on one line. */
static void test_bars(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    plan_good(&f, one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; }; shmem { pci = \"00:06.0\"; };"));
    pp = f.plan.partition;
    assert_int_equal(pp->device[1].bar[2].v, 0x10000000);
    assert_int_equal(pp->device[0].bar[0].v, 0x10400000);
    assert_int_equal(pp->device[1].bar[0].v, 0x10404000);
    assert_int_equal(pp->pci_mem_size, 0x405000); /* 256 bytes take a page */
    ASSERT_EXTENT(pp, "shmem", EXT_MMIO, 0x10000000, 0x10000000, 0x400);
    assert_int_equal(extent_of(pp, "shmem", EXT_MMIO)->mem, MEM_UNCACHED);
    assert_int_equal(pp->irqs, 2);
    fixture_free(&f);
}

/* 64-bit BARs move to the 64-bit window together; a GFN above 39 bits asks for a larger root. */
static void test_bars_in_the_64_bit_window(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    fixture_read(&f, one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; };"));
    f.board.pci.fn[0].bar[0].size = UINT64_C(1) << 30;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
    assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_NONE);
    pp = f.plan.partition;
    assert_int_equal(pp->pci_mem.v, UINT64_C(0x8000000000));
    assert_int_equal(pp->device[0].bar[0].v, UINT64_C(0x8000000000));
    assert_int_equal(pp->p2m_shape.in_bits, 44);
    assert_int_equal(pp->p2m_shape.root_level, 3);
    f.board.pa_bits = 40;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
    assert_int_equal(f.plan.partition->p2m_shape.in_bits, 40);
    assert_int_equal(f.plan.partition->p2m_shape.root_level, 2);
    f.board.pa_bits = 39;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "39 address bits"));
    fixture_free(&f);
}

static void test_bfn_shapes(void **state)
{
    static const struct {
        uint8_t smmu, in, root;
    } row[] = {{48, 48, 3}, {44, 44, 3}, {43, 39, 2}, {40, 39, 2}, {39, 39, 2}, {36, 36, 2}};
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; };"));
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        f.board.iommu[0].in_bits = row[i].smmu;
        assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
        assert_int_equal(f.plan.partition->map->shape.in_bits, row[i].in);
        assert_int_equal(f.plan.partition->map->shape.root_level, row[i].root);
    }
    fixture_free(&f);
}

static void test_devices_reach_their_memory(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, "ram@100000000 { type = \"ram\"; reg = <1 0 0 0x4000000>; };",
                         "disk { pci = \"00:02.0\"; };"));
    f.board.iommu[0].in_bits = 32;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "ram@100000000 at 0x100000000 is out of reach"));
    fixture_free(&f);
}

/* Image, bundle, arena and DTB: a boot loader that puts them elsewhere is told of. */
static void test_own_memory_is_ram(void **state)
{
    static const struct {
        size_t from, to; /* in struct plan_input */
        const char *text;
    } range[] = {
        {offsetof(struct plan_input, image), offsetof(struct plan_input, image_end), "the hypervisor image"},
        {offsetof(struct plan_input, bundle_base), offsetof(struct plan_input, bundle_end), "the bundle"},
        {offsetof(struct plan_input, arena), offsetof(struct plan_input, arena_end), "the hypervisor's arena"},
        {offsetof(struct plan_input, dtb), offsetof(struct plan_input, dtb_end), "the firmware DTB"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof range / sizeof *range; i++) {
        struct fixture f;
        char text[96];

        fixture_read(&f, one(TRANSLATED, RAM_64M, ""));
        *(maddr_t *)(void *)((uint8_t *)&f.in + range[i].from) = maddr(0x7ffff000);
        *(maddr_t *)(void *)((uint8_t *)&f.in + range[i].to) = maddr(0x80001000); /* RAM ends in between */
        assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
        snprintf(text, sizeof text, "%s at 0x7ffff000-0x80000fff is not in RAM of the board", range[i].text);
        assert_string_equal(f.diag.text, text);
        fixture_free(&f);
    }
}

static void test_functions_of_other_buses(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, RAM_64M, "disk { pci = \"01:00.0\"; };"));
    f.board.pci.fn[0].bdf = 0x100; /* a board's device tree may list it, the scan at boot never does */
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "/devices/disk: pci: 01:00.0 is not on the root bus (00)"));
    fixture_free(&f);
}

static void test_pool_needs_room(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x2800000>; };", ""));
    f.board.memory[0].size = 0x3000000;
    f.in.dtb = f.in.dtb_end = maddr(0);
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NONE);
    assert_int_equal(mfn_addr(f.plan.hv.pool).v, 0x40000000);
    f.in.image = maddr(0x40001000);
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_NO_SPACE);
    assert_non_null(strstr(f.diag.text, "the hypervisor needs "));
    fixture_free(&f);
}

/* I10: what the board says that a device uses, without a word in the manifest. */
static void test_reserved_of_a_device(void **state)
{
    struct fixture f;
    struct plan_partition *pp;

    (void)state;
    plan_good(&f, one(TRANSLATED, RAM_64M,
                      "a { path = \"/display@9120000\"; }; b { path = \"/ring@9122000\"; }; "
                      "c { path = \"/second@9123000\"; };"));
    pp = f.plan.partition;
    assert_int_equal(pp->reserveds, 2);
    ASSERT_EXTENT(pp, "splash@7ffe0000", EXT_RESERVED, 0x7ffe0000, 0x7ffe0000, 0x10);
    ASSERT_EXTENT(pp, "ring@7fff8000", EXT_RESERVED, 0x7fff8000, 0x7fff8000, 8);
    assert_int_equal(pp->bfn_span[pp->bfn_spans - 1].in, 0x7fff8);
    assert_int_equal(pp->bfn_span[pp->bfn_spans - 1].rights, R_READ | R_WRITE);
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        if (pp->physmap.ext[i].type == EXT_RESERVED)
            pp->physmap.ext[i].type = EXT_SHARED;
    }
    assert_int_equal(check_plan(&f.plan, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "I10: one: splash@7ffe0000"));
    fixture_free(&f);
}

static void test_unlisted_reserved(void **state)
{
    struct fixture f;

    (void)state;
    plan_good(&f, one(TRANSLATED,
                      RAM_64M "fw@70000000 { type = \"reserved\"; reg = <0 0x70000000 0 0x1000>; "
                              "unlisted; };",
                      ""));
    ASSERT_EXTENT(f.plan.partition, "fw@70000000", EXT_RESERVED, 0x70000000, 0x70000000, 1);
    fixture_free(&f);
}

/* What regions hold at start; an Image passes by RAM that it does not fit, or that devices do not reach. */
static void test_contents(void **state)
{
    struct fixture f;
    const struct plan_partition *pp;

    (void)state;
    plan_good(&f, one(TRANSLATED,
                      "small@20000000 { type = \"ram\"; reg = <0 0x20000000 0 0x100000>; };"
                      "own@30000000 { type = \"ram\"; reg = <0 0x30000000 0 0x4000000>; dma = \"none\"; };" RAM_64M
                      "rom@70000000 { type = \"ram-ro\"; reg = <0 0x70000000 0 0x300000>; file = \"initrd\"; };"
                      "data@78000000 { type = \"ram\"; reg = <0 0x78000000 0 0x4000>; file = \"rtos\"; };",
                      ""));
    pp = f.plan.partition;
    assert_int_equal(pp->entry.v, 0x40000000);
    assert_int_equal(pp->images, 4);
    assert_string_equal(pp->image[2].name, "rom@70000000");
    assert_int_equal(pp->image[2].at.v, 0x70000000);
    assert_int_equal(pp->image[2].size, FIXTURE_INITRD_SIZE);
    assert_int_equal(pp->image[3].at.v, 0x78000000);
    fixture_free(&f);
}

/* A small guest needs no 2 MiB blocks: kernel and DTB fit 192 KiB. */
static void test_small_guest(void **state)
{
    struct fixture f;

    (void)state;
    plan_good(&f, "/dts-v1/; / { compatible = \"mullion,manifest-v1\"; partitions { one { cpus = <0>; " TRANSLATED
                  "kernel { file = \"rtos\"; load = <0 0x40010000>; }; memory { #address-cells = <2>; "
                  "#size-cells = <2>; ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x30000>; }; }; }; }; };");
    assert_int_equal(f.plan.partition[0].entry.v, 0x40010000);
    assert_int_equal(f.plan.partition[0].start.v, 0x40020000);
    fixture_free(&f);
}

static void test_console_needs_a_uart(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, RAM_64M, ""));
    f.board.uart.irq.intid = 0;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "has no interrupt line; say console = \"none\""));
    f.board.uart.present = false;
    f.diag.text[0] = 0;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "is of no known kind; say console = \"none\""));
    fixture_free(&f);
}

/* A PCI window over memory or over registers is the board's mistake, and no place for a BAR. */
static void test_windows_are_free(void **state)
{
    struct fixture f;

    (void)state;
    fixture_read(&f, one(TRANSLATED, RAM_64M, "disk { pci = \"00:02.0\"; };"));
    f.board.pci.mem32.size = 0x30001000;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "PCI window 0x10000000-0x40000fff also holds the board's memory"));
    f.board.pci.mem32.base.v = 0xa000000;
    f.diag.text[0] = 0;
    f.board.pci.mem32.size = 0x10000000;
    assert_int_equal(plan_build(&f.plan, &f.in, &f.arena, &f.diag), ERR_INVALID);
    assert_non_null(strstr(f.diag.text, "also holds virtio_mmio@a000000"));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_placed),
        cmocka_unit_test(test_emulated_extents),
        cmocka_unit_test(test_devices_are_placed),
        cmocka_unit_test(test_images_are_placed),
        cmocka_unit_test(test_frames_are_counted),
        cmocka_unit_test(test_hypervisor_spans),
        cmocka_unit_test(test_ram_is_split),
        cmocka_unit_test(test_no_memory_is_explained),
        cmocka_unit_test(test_1g_alignment),
        cmocka_unit_test(test_page_of_two_devices),
        cmocka_unit_test(test_uart_is_given_away),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_bars_in_the_64_bit_window),
        cmocka_unit_test(test_bfn_shapes),
        cmocka_unit_test(test_devices_reach_their_memory),
        cmocka_unit_test(test_own_memory_is_ram),
        cmocka_unit_test(test_functions_of_other_buses),
        cmocka_unit_test(test_pool_needs_room),
        cmocka_unit_test(test_reserved_of_a_device),
        cmocka_unit_test(test_unlisted_reserved),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_small_guest),
        cmocka_unit_test(test_console_needs_a_uart),
        cmocka_unit_test(test_windows_are_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
