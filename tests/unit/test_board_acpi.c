/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/acpi.c kernel/acpi_dmar.c kernel/acpi_ivrs.c kernel/acpi_madt.c kernel/acpi_scope.c
 * kernel/board_acpi.c kernel/board_acpi_memory.c kernel/plan_image_pc.c kernel/board.c kernel/plan_image_arm64.c
 * kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/dt.c
 * kernel/dt_read.c kernel/fmt.c kernel/pool.c kernel/p2m/extent.c kernel/p2m/pt.c kernel/p2m/verify.c
 * kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c
 * kernel/p2m/kind_arm.c kernel/p2m/kind_x86.c kernel/p2m/format_amdvi.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_ept.c kernel/p2m/format_long_mode.c kernel/p2m/format_npt.c
 * kernel/p2m/format_vtd_sl.c kernel/iommu/kind_amdvi.c kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c
 * kernel/iommu/amdvi.c kernel/iommu/amdvi_words.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c
 * kernel/iommu/vtd_words.c tests/host/acpi_world.c tests/host/arch_host.c */
/* What ACPI tables say becomes a board; what they say badly is named, and gives no device more than it has. */
#include "acpi_world.h"
#include "iommu/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static _Alignas(16) uint8_t room[1 << 18];
static struct acpi_world w;
static struct arena a;
static struct board b;
static struct diag d;

static int setup(void **state)
{
    (void)state;
    world_q35(&w, WORLD_NONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static err_t read_board(void)
{
    arena_init(&a, room, sizeof room);
    memset(room, 0xa5, sizeof room);
    d.text[0] = w.notes[0] = '\0';
    return board_read_acpi(&b, &w.fw, &a, &d);
}

static void good(void)
{
    err_t e = read_board();

    if (e)
        print_message("%s\n", d.text);
    assert_int_equal(e, ERR_NONE);
}

static void refused(const char *text)
{
    err_t e = read_board();

    if (e != ERR_INVALID || !strstr(d.text, text))
        print_message("want \"%s\"\ngot  \"%s\"\n", text, e ? d.text : "not refused");
    assert_int_equal(e, ERR_INVALID);
    assert_non_null(strstr(d.text, text));
}

/* Another machine: the tables anew. */
static void again(unsigned devices)
{
    world_free(&w);
    world_q35(&w, devices);
}

static void noted(const char *text)
{
    if (!strstr(w.notes, text))
        print_message("want \"%s\"\ngot  \"%s\"\n", text, w.notes);
    assert_non_null(strstr(w.notes, text));
}

static void range_is(const struct board_range *r, uint64_t base, uint64_t size)
{
    if (r->base.v != base || r->size != size)
        fail_msg("%s: 0x%lx + 0x%lx, not 0x%lx + 0x%lx", r->name, r->base.v, r->size, base, size);
}

/* Function bdf comes to unit as sid; UINT32_MAX: to none. */
static void stream_is(uint16_t bdf, uint32_t unit, uint32_t sid)
{
    uint32_t iommu = UINT32_MAX, got = UINT32_MAX;

    if (!board_pci_stream(&b, bdf, &iommu, &got))
        iommu = got = UINT32_MAX;
    if (iommu != unit || (unit != UINT32_MAX && got != sid))
        fail_msg("0x%x: unit %u as 0x%x, not %u as 0x%x", bdf, iommu, got, unit, sid);
}

#define NO_STREAM(bdf) stream_is(bdf, UINT32_MAX, 0)

/*
 * q35.
 */

static void test_q35(void **state)
{
    static const struct board_isa_irq isa[] = {
        {0, 2, false, false}, {5, 5, true, false}, {9, 9, true, false}, {10, 10, true, false}, {11, 11, true, false}};

    (void)state;
    good();
    assert_string_equal(w.notes, "");
    assert_int_equal(b.memories, 2);
    range_is(&b.memory[0], 0, 0x9f000);
    range_is(&b.memory[1], 0x100000, 0x3fedf000);
    assert_int_equal(b.reserveds, 1);
    range_is(&b.reserved[0], 0, 0x100000);
    assert_int_equal(b.cpus, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(b.cpu[i].id == i && b.cpu[i].node == DT_NONE);
    assert_int_equal(b.apic.lapic.v, 0xfee00000);
    assert_int_equal(b.apic.ioapics, 1);
    assert_true(b.apic.ioapic[0].base.v == 0xfec00000 && !b.apic.ioapic[0].has_source);
    assert_int_equal(b.apic.isas, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(b.apic.isa[i].irq == isa[i].irq && b.apic.isa[i].gsi == isa[i].gsi &&
                    b.apic.isa[i].level == isa[i].level && b.apic.isa[i].low == isa[i].low);
    assert_true(b.pci.present && b.pci.bus_first == 0 && b.pci.bus_last == 255 && b.pci.node == DT_ROOT);
    assert_int_equal(b.pci.ecam.v, 0xb0000000);
    assert_int_equal(b.pci.ecam_size, 0x10000000);
    range_is(&b.pci.mem32, 0x40000000, 0x70000000);
    range_is(&b.pci.mem64, 0x1000000000, 0x1000000000);
    assert_int_equal(b.pci.buses, 2);
    range_is(&b.pci.bus[0], 0x40000000, 0x70000000);
    range_is(&b.pci.bus[1], 0x1000000000, 0x1000000000);
    assert_true(b.iommus == 0 && b.pci.maps == 0 && b.dma_users == 0);
    assert_int_equal(b.mmios, 4);
    assert_true(b.p2m == &p2m_npt && b.own == &own_x86_64 && b.pa_bits == 40);
    assert_true(b.acpi.pm_timer == 0x608 && !b.acpi.pm_timer_32 && b.acpi.pm1a_control == 0x604);
    assert_true(b.acpi.has_s5 && b.acpi.s5_type == 0 && b.acpi.reset_port == 0xcf9 && b.acpi.reset_value == 0xf);
    assert_true(b.uart.present && b.uart.port == 0x3f8 && b.uart.irq.intid == 4 && b.uart.irq.edge);
}

/* Every question about a board has an answer on one without a tree. */
static void test_no_tree(void **state)
{
    struct board_requester who = {.node = DT_NONE};
    uint32_t iommu, sid;

    (void)state;
    good();
    assert_int_equal(dt_find(b.dt, "/cpus"), DT_NONE);
    assert_int_equal(dt_find(b.dt, "/"), DT_ROOT);
    assert_null(dt_prop(b.dt, DT_ROOT, "reg"));
    assert_int_equal(board_pci_node(&b, 0x10), DT_NONE);
    assert_false(board_node_stream(&b, DT_ROOT, &iommu, &sid));
    assert_false(board_is_doorbell(&b, 0xfee00, 1));
    assert_int_equal(board_reserved_use(&b, 0, &who), USE_NONE);
}

static void test_lists_for_the_plan(void **state)
{
    (void)state;
    good();
    assert_int_equal(b.kepts, 2);
    range_is(&b.kept[0], 0xfee00000, 0x1000);
    range_is(&b.kept[1], 0xfec00000, 0x1000);
    assert_int_equal(b.emulateds, 3);
    assert_int_equal(b.emulated[EMULATED_LAPIC].base.v, 0xfee00000);
    assert_int_equal(b.emulated[EMULATED_IOAPIC].base.v, 0xfec00000);
    assert_true(b.emulated[2].base.v == 0xb0000000 && b.emulated[2].frames == 256 && b.emulated[2].when == WHEN_PCI);
    assert_int_equal(b.line_first, 1);
}

static void test_q35_vtd(void **state)
{
    (void)state;
    again(WORLD_VTD);
    good();
    assert_string_equal(w.notes, "");
    assert_int_equal(b.iommus, 1);
    assert_ptr_equal(b.iommu[0].kind, &iommu_kind_vtd);
    assert_true(b.iommu[0].base.v == 0xfed90000 && b.iommu[0].size == 0x1000 && b.iommu[0].node == DT_NONE);
    assert_true(b.iommu[0].in_bits == 48 && b.iommu[0].out_bits == 48 && b.iommu[0].sid_bits == 16);
    stream_is(0x00, 0, 0x00);
    stream_is(0x18, 0, 0x18);
    stream_is(0x20, 0, 0x20);
    stream_is(0x100, 0, 0x100); /* behind the root port */
    stream_is(0x1ff, 0, 0x1ff);
    NO_STREAM(0x200);
    NO_STREAM(0x10); /* QEMU names what there is */
    assert_true(b.apic.ioapic[0].has_source && b.apic.ioapic[0].iommu == 0 && b.apic.ioapic[0].source == 0xff00);
    assert_int_equal(b.mmios, 5);
}

static void test_q35_amdvi(void **state)
{
    (void)state;
    again(WORLD_AMDVI);
    good();
    assert_string_equal(w.notes, "");
    assert_int_equal(b.iommus, 1);
    assert_ptr_equal(b.iommu[0].kind, &iommu_kind_amdvi);
    assert_true(b.iommu[0].base.v == 0xfed80000 && b.iommu[0].size == 0x4000);
    assert_int_equal(b.iommu[0].flags, 0x11); /* of the later of its two blocks */
    assert_false(b.iommu[0].coherent);
    assert_true(b.iommu[0].in_bits == 64 && b.iommu[0].out_bits == 52);
    assert_int_equal(b.iommu[0].sid_bits, 9);
    stream_is(0x18, 0, 0x18);
    stream_is(0x1ff, 0, 0x1ff);
    NO_STREAM(0x10);
    assert_true(b.apic.ioapic[0].has_source && b.apic.ioapic[0].source == 0xa0);
}

/*
 * Memory.
 */

static void memory_is(const struct firmware_range *in, uint32_t count, const uint64_t (*want)[2], uint32_t wants)
{
    w.fw.memory = in;
    w.fw.memories = count;
    (void)read_board(); /* tables are in no RAM here, and nothing else is asked */
    assert_int_equal(b.memories, wants);
    for (uint32_t i = 0; i < wants; i++)
        range_is(&b.memory[i], want[i][0], want[i][1]);
}

#define MEMORY_IS(in, ...)                                                             \
    do {                                                                               \
        static const uint64_t want_[][2] = {__VA_ARGS__};                              \
        memory_is(in, sizeof(in) / sizeof *(in), want_, sizeof want_ / sizeof *want_); \
    } while (0)

static void test_memory(void **state)
{
    static const struct firmware_range mixed[] = {
        {0x300000, 0x100000, 1}, {0x100000, 0x100000, 1}, {0x200000, 0x100000, 1}, /* unsorted, joined */
        {0x180000, 0x1000, 3},   {0x1c0fff, 2, 2},                                 /* whole pages around these */
        {0x380000, 0x200000, 1}, {0x500000, 0, 2},        {0x540000, 0x1000, 77},  /* overlap; nothing; unknown */
        {0x800800, 0x1000, 1},   {0x900001, 0x1fff, 1},                            /* no whole page; one */
    };
    static const struct firmware_range covered[] = {
        {0x1000, 0x4000, 1}, {0, 0x100000, 4}, {0x200000, 0x1000, 1}, {0x200000, 0x1000, 1}, {0x201000, 0x1000, 5}};

    (void)state;
    MEMORY_IS(mixed, {0x100000, 0x80000}, {0x181000, 0x3f000}, {0x1c2000, 0x37e000}, {0x541000, 0x3f000},
              {0x901000, 0x1000});
    MEMORY_IS(covered, {0x200000, 0x1000});
}

static void test_memory_refused(void **state)
{
    static struct firmware_range many[FIRMWARE_RANGES + 1];
    static struct firmware_range odd[] = {{0, 0x100000, 1}, {UINT64_C(1) << 52, 1, 2}};

    (void)state;
    w.fw.memory = odd;
    w.fw.memories = 2;
    refused("memory map: entry 1: 0x10000000000000 + 0x1 of type 2 passes 2^52");
    odd[1] = (struct firmware_range){UINT64_MAX, 2, 1};
    refused("passes 2^52");
    odd[1] = (struct firmware_range){0x1000, UINT64_MAX, 1};
    refused("passes 2^52");
    odd[1] = (struct firmware_range){0, 0x100000, 0};
    refused("memory map: none of its 2 entries leaves a page of RAM");
    w.fw.memory = many;
    w.fw.memories = FIRMWARE_RANGES + 1;
    refused("memory map: 1025 entries, 1024 are supported");
    w.fw.memories = 0;
    refused("none of its 0 entries");
}

/* As many entries as there may be, in the worst order. */
static void test_memory_many(void **state)
{
    static struct firmware_range many[FIRMWARE_RANGES];

    (void)state;
    for (uint32_t i = 0; i < FIRMWARE_RANGES; i++)
        many[i] = (struct firmware_range){UINT64_C(0x2000) * (FIRMWARE_RANGES - i), 0x1000, 1};
    w.fw.memory = many;
    w.fw.memories = FIRMWARE_RANGES;
    good();
    assert_int_equal(b.memories, FIRMWARE_RANGES);
    range_is(&b.memory[0], 0x2000, 0x1000);
}

static void test_pa_bits(void **state)
{
    (void)state;
    w.fw.pa_bits = 31;
    refused("board: 31 bits of physical addresses, 32 to 52 are right");
    w.fw.pa_bits = 53;
    refused("53 bits");
    w.fw.pa_bits = 32;
    good();
    assert_int_equal(b.pci.mem64.size, 0);
    assert_int_equal(b.pci.buses, 1);
}

static void test_windows(void **state)
{
    (void)state;
    /* The hole between RAM and ECAM is the smaller one. */
    w.memory[3].size = 0x6ff00000;
    w.memory[4] = (struct firmware_range){0x70000000, 0x1000, 2};
    w.fw.memories = 11;
    w.memory[10] = (struct firmware_range){0x100000000, 0x140000800, 1};
    good();
    range_is(&b.pci.mem32, 0x70001000, 0x3ffff000);
    w.memory[3].size = 0x7ff00000;
    w.memory[4] = (struct firmware_range){0x80000000, 0x1800, 2};
    good();
    range_is(&b.pci.mem32, 0xc0000000, 0x3ec00000);
    range_is(&b.pci.mem64, 0x1000000000, 0x1000000000);
    /* Two pages above RAM, then a range that is not whole pages: the gap ends below it. */
    w.memory[4] = (struct firmware_range){0x80002800, 0x7fc00000 - 0x3000, 2};
    good();
    range_is(&b.pci.mem32, 0x80000000, 0x2000);
    /* No gap at all, and none above, either. */
    w.memory[4] = (struct firmware_range){0x80000000, 0x7fc00000, 2};
    w.memory[9] = (struct firmware_range){0x200000000, 0x1ffe00000000, 2};
    w.fw.pa_bits = 45;
    good();
    assert_true(b.pci.mem32.size == 0 && b.pci.mem64.size == 0 && b.pci.buses == 0);
    /* HyperTransport's range is in nobody's memory map, and above RAM. */
    w.memory[9] = (struct firmware_range){0x240000000, 0xfd00000000 - 0x240000000 - 0x1000000, 2};
    w.fw.pa_bits = 41;
    good();
    range_is(&b.pci.mem64, 0x10000000000, 0x1000000000);
    w.memory[9].size = 0xfd00000000 - 0x240000000 - 0x8000000;
    w.fw.pa_bits = 40;
    good();
    range_is(&b.pci.mem64, 0xfcf8000000, 0x8000000);
    /* 46 bits are supported. */
    w.fw.pa_bits = 52;
    w.memory[9] = (struct firmware_range){0x200000000, (UINT64_C(1) << 46) - 0x200000000 - 0x10000000, 2};
    good();
    range_is(&b.pci.mem64, (UINT64_C(1) << 46) - 0x10000000, 0x10000000);
}

/*
 * CPUs and interrupt controllers.
 */

static void madt(uint64_t lapic)
{
    world_free(&w);
    world_init(&w);
    world_table(&w, "APIC", 3);
    WORLD_PUT(&w, 4, lapic, 1);
}

static void madt_cpu(uint8_t id, uint32_t flags)
{
    WORLD_PUT(&w, 1, 0, 8, 7, id);
    world_put(&w, 4, flags);
}

static void madt_x2(uint32_t id, uint32_t flags)
{
    WORLD_PUT(&w, 1, 9, 16, 0, 0);
    WORLD_PUT(&w, 4, id, flags, 7);
}

static void madt_ioapic(uint8_t id, uint32_t base, uint32_t gsi)
{
    WORLD_PUT(&w, 1, 1, 12, id, 0);
    WORLD_PUT(&w, 4, base, gsi);
}

static void mcfg_put(void)
{
    world_table(&w, "MCFG", 1);
    WORLD_PUT(&w, 8, 0, 0xb0000000);
    WORLD_PUT(&w, 4, 0xff000000, 0);
    world_end(&w);
}

static void madt_end(void)
{
    world_end(&w);
    mcfg_put();
    world_root(&w, true);
}

static void test_madt(void **state)
{
    (void)state;
    madt(0xfee00000);
    WORLD_PUT(&w, 1, 0x7f, 3, 0xff); /* an unknown type */
    madt_cpu(4, 1);
    madt_cpu(5, 0); /* not enabled */
    madt_cpu(6, 2); /* but for later */
    madt_cpu(255, 0);
    madt_x2(4, 1); /* said already */
    madt_x2(255, 1);
    madt_x2(0x12345, 1);
    madt_x2(UINT32_MAX, 0);
    madt_ioapic(8, 0xfec00000, 0);
    madt_ioapic(9, 0xfec00400, 24); /* in the same page */
    madt_ioapic(10, 0xfec01000, 48);
    WORLD_PUT(&w, 1, 5, 12, 0, 0);
    world_put(&w, 8, 0x8fee00000);
    WORLD_PUT(&w, 1, 2, 10, 0, 7, 20, 0, 0, 0, 15, 0);
    madt_end();
    good();
    assert_int_equal(b.cpus, 3);
    assert_true(b.cpu[0].id == 4 && b.cpu[1].id == 255 && b.cpu[2].id == 0x12345);
    assert_int_equal(b.apic.lapic.v, 0x8fee00000);
    assert_int_equal(b.apic.ioapics, 3);
    assert_true(b.apic.ioapic[1].id == 9 && b.apic.ioapic[1].gsi == 24 && b.apic.ioapic[1].base.v == 0xfec00400);
    assert_true(b.apic.isas == 1 && b.apic.isa[0].gsi == 20 && b.apic.isa[0].level && b.apic.isa[0].low);
    assert_int_equal(b.kepts, 3);
    range_is(&b.kept[2], 0xfec01000, 0x1000);
    /* Neither FADT, HPET, SPCR nor IOMMU: nothing of these. */
    assert_true(!b.acpi.pm_timer && !b.acpi.has_s5 && !b.acpi.reset_port && !b.iommus && b.uart.present);
}

/* A machine with a MADT of one thing that is wrong. */
static void madt_refused(void (*wrong)(void), const char *text)
{
    madt(0xfee00000);
    madt_cpu(0, 1);
    madt_ioapic(0, 0xfec00000, 0);
    wrong();
    madt_end();
    refused(text);
}

static void cpu_twice(void)
{
    madt_cpu(0, 1);
}
static void cpu_all(void)
{
    madt_cpu(255, 1);
}
static void x2_all(void)
{
    madt_x2(UINT32_MAX, 1);
}
static void x2_twice(void)
{
    madt_x2(300, 1);
    madt_x2(300, 1);
}
static void cpus_many(void)
{
    for (uint32_t i = 0; i < 1024; i++)
        madt_x2(1000 + i, 1);
}
static void ioapic_id(void)
{
    madt_ioapic(0, 0xfec01000, 24);
}
static void ioapic_gsi(void)
{
    madt_ioapic(1, 0xfec01000, 0);
}
static void ioapic_same(void)
{
    madt_ioapic(1, 0xfec00010, 24);
}
static void ioapic_odd(void)
{
    madt_ioapic(1, 0xfec01008, 24);
}
static void ioapic_zero(void)
{
    madt_ioapic(1, 0, 24);
}
static void ioapic_ram(void)
{
    madt_ioapic(1, 0x200000, 24);
}
static void ioapics_many(void)
{
    for (uint32_t i = 1; i <= 32; i++)
        madt_ioapic((uint8_t)i, 0xfec00000 + 0x1000 * i, 24 * i);
}
static void isa_bus(void)
{
    WORLD_PUT(&w, 1, 2, 10, 1, 7, 20, 0, 0, 0, 0, 0);
}
static void isa_irq(void)
{
    WORLD_PUT(&w, 1, 2, 10, 0, 16, 20, 0, 0, 0, 0, 0);
}
static void isa_polarity(void)
{
    WORLD_PUT(&w, 1, 2, 10, 0, 7, 20, 0, 0, 0, 2, 0);
}
static void isa_trigger(void)
{
    WORLD_PUT(&w, 1, 2, 10, 0, 7, 20, 0, 0, 0, 8, 0);
}
static void isa_twice(void)
{
    WORLD_PUT(&w, 1, 2, 10, 0, 7, 20, 0, 0, 0, 0, 0);
    isa_trigger();
    w.tables[w.used - 2] = 0;
}
static void lapic_odd(void)
{
    WORLD_PUT(&w, 1, 5, 12, 0, 0);
    world_put(&w, 8, 0xfee00800);
}
static void lapic_high(void)
{
    WORLD_PUT(&w, 1, 5, 12, 0, 0);
    world_put(&w, 8, 0xfffffffffffff000);
}
static void record_zero(void)
{
    WORLD_PUT(&w, 1, 0, 0);
}
static void record_long(void)
{
    WORLD_PUT(&w, 1, 77, 3);
}
static void record_cut(void)
{
    WORLD_PUT(&w, 1, 77);
}
static void record_short(void)
{
    WORLD_PUT(&w, 1, 9, 15);
    world_zero(&w, 13);
}

static void test_madt_refused(void **state)
{
    (void)state;
    madt_refused(cpu_twice, "APIC at 0x3ffe0000, offset 0x40: APIC id 0x0 is there twice");
    madt_refused(cpu_all, "APIC id 0xff is that of all CPUs");
    madt_refused(x2_all, "APIC id 0xffffffff is that of all CPUs");
    madt_refused(x2_twice, "APIC id 0x12c is there twice");
    madt_refused(cpus_many, "one more CPU than 1024");
    madt_refused(ioapic_id, "I/O APIC 0 from GSI 24 on: number 0 has that id or GSI");
    madt_refused(ioapic_gsi, "I/O APIC 1 from GSI 0 on: number 0 has that id or GSI");
    madt_refused(ioapic_same, "registers of an I/O APIC at 0xfec00010 + 0x20 overlap those of an I/O APIC");
    madt_refused(ioapic_odd, "registers of an I/O APIC at 0xfec01008 + 0x20: a multiple of 0x10, no 0");
    madt_refused(ioapic_zero, "registers of an I/O APIC at 0x0");
    madt_refused(ioapic_ram, "registers of an I/O APIC at 0x200000 + 0x20 are in RAM");
    madt_refused(ioapics_many, "one more I/O APIC than 32");
    madt_refused(isa_bus, "override of bus 1, IRQ 7, flags 0x0");
    madt_refused(isa_irq, "override of bus 0, IRQ 16");
    madt_refused(isa_polarity, "flags 0x2: bus 0, IRQ 0 to 15 and no 2 are right");
    madt_refused(isa_trigger, "flags 0x8");
    madt_refused(isa_twice, "IRQ 7 is there twice");
    madt_refused(lapic_odd, "registers of a local APIC at 0xfee00800 + 0x1000: a multiple of 0x1000");
    madt_refused(lapic_high, "registers of a local APIC at 0xfffffffffffff000");
    madt_refused(record_zero, "offset 0x40: record of type 0x0: length 0, 2 to 2 is right");
    madt_refused(record_long, "record of type 0x4d: length 3, 2 to 2 is right");
    madt_refused(record_cut, "1 bytes are left, too few for a record");
    madt_refused(record_short, "record of type 0x9: length 15, 16 or more are right");
    madt(0xfee00000);
    madt_cpu(0, 0);
    madt_ioapic(0, 0xfec00000, 0);
    madt_end();
    refused("0 enabled CPUs and 1 I/O APICs: one of each is needed");
    madt(0xfee00000);
    madt_cpu(0, 1);
    madt_end();
    refused("1 enabled CPUs and 0 I/O APICs");
}

/*
 * Tables that are not there or broken.
 */

static void without(const char *name)
{
    memcpy(world_find(&w, name), "NONE", 4);
}

static void test_tables_missing(void **state)
{
    (void)state;
    without("APIC");
    refused("it lists no MADT (\"APIC\"), which names the CPUs");
    again(WORLD_NONE);
    without("MCFG");
    refused("it lists no MCFG");
    again(WORLD_NONE);
    without("HPET");
    good();
    again(WORLD_NONE);
    memset(w.low, 0, WORLD_LOW);
    refused("no RSDP");
    assert_int_equal(w.uart_asked, 0x3f8); /* so that it can be said */
    w.fw.uart_answers = NULL;
    refused("no RSDP");
    assert_false(b.uart.present);
    again(WORLD_NONE);
    w.has_uart = false;
    w.fw.note = NULL;
    w.fw.pci_read = NULL;
    good();
    assert_false(b.uart.present);
}

/* What one wrong number does; `at` is in the table, whose sum is right again, or not where `text` says so. */
static void test_numbers_refused(void **state)
{
    static const struct {
        unsigned iommu;
        const char *table;
        uint32_t at;
        unsigned bytes;
        uint64_t v;
        const char *text;
    } list[] = {
        {WORLD_NONE, "MCFG", 52, 2, 1, "1 entries, the first for segment 1: one for segment 0 is supported"},
        {WORLD_NONE, "MCFG", 54, 1, 0x40, NULL},
        {WORLD_NONE, "MCFG", 55, 1, 0, NULL},
        {WORLD_NONE, "MCFG", 54, 2, 0x0001, "ECAM of buses 1 to 0 at 0xb0000000"},
        {WORLD_NONE, "MCFG", 44, 8, UINT64_MAX, "ECAM of buses 0 to 255 at 0xffffffffffffffff"},
        {WORLD_NONE, "MCFG", 44, 8, 0xb0000800, "registers of PCI configuration space at 0xb0000800 + 0x10000000"},
        {WORLD_NONE, "MCFG", 44, 8, 0x30000000, "are in RAM"},
        {WORLD_NONE, "MCFG", 44, 8, 0xf0000000, "overlap those of"},
        {WORLD_NONE, "MCFG", 44, 8, 0xfff8000000, "and an end at 2^40 at most are right"},
        {WORLD_NONE, "HPET", 44, 8, 0xfed00001, "registers of the HPET at 0xfed00001"},
        {WORLD_NONE, "HPET", 40, 1, 1, NULL}, /* I/O ports: no registers */
        {WORLD_NONE, "FACP", 140, 8, 0x1000, "DSDT at 0x1000, offset 0x0: the signature is 0x0, not DSDT"},
        {WORLD_NONE, "FACP", 140, 8, UINT64_MAX - 7, "DSDT at 0xfffffffffffffff8, offset 0x0: no header can be read"},
        {WORLD_NONE, "DSDT", 4, 4, 0x7fff, "DSDT at 0x3ffe0000, offset 0x9: checksum"},
        {WORLD_VTD, "DMAR", 4, 4, 47, "DMAR at 0x3ffe02f7, offset 0x4: length 47, 48 to 65536 are supported"},
        {WORLD_VTD, "DMAR", 50, 2, 0, "offset 0x30: record of type 0x0: length 0, 4 to 72 is right"},
        {WORLD_VTD, "DMAR", 50, 2, 73, "record of type 0x0: length 73, 4 to 72 is right"},
        {WORLD_VTD, "DMAR", 50, 2, 15, "record of type 0x0: length 15, 16 or more are right"},
        {WORLD_VTD, "DMAR", 50, 2, 71, "offset 0x77: 1 bytes are left"},
        {WORLD_VTD, "DMAR", 48, 2, 1, "memory 0xfed90000 + 0xfeff01270804: whole pages"},
        {WORLD_VTD, "DMAR", 54, 2, 1, "offset 0x36: PCI segment 1: 0 alone is supported"},
        {WORLD_VTD, "DMAR", 56, 8, 0, "offset 0x38: registers of an IOMMU at 0x0 + 0x1000"},
        {WORLD_VTD, "DMAR", 56, 8, 0xfed90008, "a multiple of 0x1000, no 0"},
        {WORLD_VTD, "DMAR", 56, 8, UINT64_MAX - 0xfff, "and an end at 2^40 at most are right"},
        {WORLD_VTD, "DMAR", 56, 8, 0x100000, "are in RAM"},
        {WORLD_VTD, "DMAR", 56, 8, 0xfee00000, "overlap those of a local APIC at 0xfee00000"},
        {WORLD_VTD, "DMAR", 65, 1, 0, "offset 0x40: record of type 0x3: length 0, 2 to 56 is right"},
        {WORLD_VTD, "DMAR", 65, 1, 57, "record of type 0x3: length 57, 2 to 56 is right"},
        {WORLD_VTD, "DMAR", 65, 1, 6, "device scope: length 6, 6 and 2 for each step of a path of 1 or more"},
        {WORLD_VTD, "DMAR", 65, 1, 9, "device scope: length 9"},
        {WORLD_VTD, "DMAR", 70, 1, 32, "offset 0x46: device scope: device 32, function 0: 31 and 7 are the last ones"},
        {WORLD_VTD, "DMAR", 71, 1, 8, "device scope: device 0, function 8"},
        {WORLD_AMDVI, "IVRS", 50, 2, 0, "offset 0x30: record of type 0x10: length 0, 4 to 152 is right"},
        {WORLD_AMDVI, "IVRS", 50, 2, 153, "length 153, 4 to 152 is right"},
        {WORLD_AMDVI, "IVRS", 50, 2, 23, "record of type 0x10: length 23, 24 or more are right"},
        {WORLD_AMDVI, "IVRS", 64, 2, 1, "offset 0x40: PCI segment 1: 0 alone is supported"},
        {WORLD_AMDVI, "IVRS", 48, 1, 0x11, "a second block of type 0x11 for the IOMMU at 0xfed80000"},
        {WORLD_AMDVI, "IVRS", 124, 8, 0xfed80008, "registers of an IOMMU at 0xfed80008 + 0x4000"},
        {WORLD_AMDVI, "IVRS", 124, 8, 0xfed82000, "overlap those of an IOMMU"},
        {WORLD_AMDVI, "IVRS", 160, 1, 0xf0, "device entry of type 0xf0 passes the end of its block"},
        {WORLD_AMDVI, "IVRS", 192, 1, 0x80, "device entry of type 0x80 passes the end of its block"},
        {WORLD_AMDVI, "IVRS", 177, 2, 0xff, "device 0xff ends a range that begins after it"},
        {WORLD_AMDVI, "IVRS", 172, 1, 0, "device 0x1ff ends a range that has not begun"},
        {WORLD_AMDVI, "IVRS", 176, 1, 2, "entry of type 0x2: the range from 0x100 on has no end before it"},
        {WORLD_AMDVI, "IVRS", 192, 1, 0x43, "the range from 0x0 on has no end"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        again(list[i].iommu);
        if (list[i].at == 4)
            memcpy(world_find(&w, list[i].table) + 4, &list[i].v, 4);
        else
            world_set(&w, list[i].table, list[i].at, list[i].bytes, list[i].v);
        if (list[i].text)
            refused(list[i].text);
        else
            good();
    }
}

/* Each byte of each table changed without its sum: refused, whatever it means. */
static void test_checksums(void **state)
{
    static const char *const name[] = {"FACP", "APIC", "HPET", "MCFG", "DMAR", "DSDT"};

    (void)state;
    again(WORLD_VTD);
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
        uint8_t *t = world_find(&w, name[i]);

        for (uint32_t at = 8; at < t[4]; at++) {
            uint32_t maps = w.maps;

            t[at] ^= 0x40;
            if (strcmp(name[i], "DSDT") || at != 9)
                refused(name[i]);
            t[at] ^= 0x40;
            while (w.maps > maps)
                free(w.map[--w.maps]);
        }
    }
    good();
}

/*
 * DMAR.
 */

static uint32_t record; /* the record at hand */

static void dmar(uint8_t width)
{
    again(WORLD_NONE);
    world_table(&w, "DMAR", 1);
    WORLD_PUT(&w, 1, width, 1);
    world_zero(&w, 10);
}

static void drhd(uint8_t flags, uint8_t size, uint64_t base)
{
    record = w.used;
    WORLD_PUT(&w, 2, 0, 16);
    WORLD_PUT(&w, 1, flags, size, 0, 0);
    world_put(&w, 8, base);
}

static void rmrr(uint64_t base, uint64_t limit)
{
    record = w.used;
    WORLD_PUT(&w, 2, 1, 24, 0, 0);
    WORLD_PUT(&w, 8, base, limit);
}

/* A scope of a path of n steps, each device << 8 | function. */
static void scope(uint8_t type, uint8_t id, uint8_t bus, uint32_t n, const uint16_t *step)
{
    WORLD_PUT(&w, 1, type, 6 + 2 * n, 0, 0, id, bus);
    for (uint32_t i = 0; i < n; i++)
        WORLD_PUT(&w, 1, step[i] >> 8, step[i] & 0xff);
    w.tables[record + 2] = (uint8_t)(w.used - record);
}

#define SCOPE(type, id, bus, ...)                                  \
    do {                                                           \
        const uint16_t step_[] = {__VA_ARGS__};                    \
        scope(type, id, bus, sizeof step_ / sizeof *step_, step_); \
    } while (0)

static void dmar_end(void)
{
    world_end(&w);
    world_root(&w, true);
}

static void test_dmar_units(void **state)
{
    (void)state;
    dmar(38);
    drhd(1, 0, 0xfed91000); /* all others, although it comes first */
    drhd(0, 1, 0xfed92000); /* two pages */
    SCOPE(1, 0, 0, 0x0200);
    SCOPE(1, 0, 0, 0x0300);
    SCOPE(4, 1, 0xf0, 0x1f00); /* an HPET */
    drhd(0, 0, 0xfed90000);
    SCOPE(5, 1, 0, 0x1e02);            /* named by an ANDD */
    SCOPE(1, 0, 0, 0x0400, 0x0000);    /* behind the root port */
    WORLD_PUT(&w, 2, 4, 14, 0, 0x100); /* ANDD */
    WORLD_PUT(&w, 1, 0x5c, 'S', 'P', 'I', '0', 0);
    record = w.used; /* ATSR */
    WORLD_PUT(&w, 2, 2, 8, 0, 0);
    SCOPE(2, 0, 0, 0x0400);
    WORLD_PUT(&w, 2, 3, 20); /* RHSA */
    world_zero(&w, 16);
    WORLD_PUT(&w, 2, 99, 6, 0xffff); /* nobody knows */
    dmar_end();
    good();
    assert_int_equal(b.iommus, 3);
    assert_int_equal(b.iommu[0].out_bits, 39);
    assert_true(b.iommu[1].base.v == 0xfed92000 && b.iommu[1].size == 0x2000);
    stream_is(0x10, 1, 0x10);
    stream_is(0x18, 1, 0x18);
    stream_is(0xf2, 2, 0xf2);
    stream_is(0x100, 2, 0x100);
    stream_is(0x101, 0, 0x101);
    stream_is(0x20, 0, 0x20);
    stream_is(0xffff, 0, 0xffff);
    noted("offset 0x50: device scope: there is no function 0x10"); /* and it keeps its entry */
    dmar(255);
    drhd(1, 0, 0xfed90000);
    dmar_end();
    good();
    assert_int_equal(b.iommu[0].out_bits, 52);
}

/* Scopes that name nothing are told, and give nothing. */
static void test_dmar_scopes_of_nothing(void **state)
{
    (void)state;
    dmar(47);
    drhd(0, 0, 0xfed90000);
    SCOPE(1, 0, 0, 0x0300, 0x0000); /* edu is no bridge */
    SCOPE(2, 0, 0, 0x0300);
    SCOPE(2, 0, 0, 0x1500); /* nor is nothing */
    SCOPE(3, 9, 0xff, 0x0000);
    SCOPE(3, 0, 0, 0x0300, 0x0000);
    SCOPE(0, 0, 0, 0x0000);
    SCOPE(6, 0, 0, 0x0000);
    dmar_end();
    good();
    noted("function 0x18 is no bridge on the way: left out");
    noted("function 0x18 is no bridge: nothing behind it");
    noted("function 0xa8 is no bridge: nothing behind it");
    noted("I/O APIC 9 is not in the MADT: left out");
    noted("device scope of unknown type 0: left out");
    noted("device scope of unknown type 6: left out");
    assert_int_equal(b.pci.maps, 2);
    stream_is(0x18, 0, 0x18);
    NO_STREAM(0x00);
    NO_STREAM(0x100);
    assert_false(b.apic.ioapic[0].has_source);
    /* Without anybody to ask, the root port's buses are not known. */
    again(WORLD_VTD);
    w.fw.pci_read = NULL;
    good();
    noted("function 0x20 is no bridge");
    stream_is(0x20, 0, 0x20);
    NO_STREAM(0x100);
    /* A bridge whose buses are none. */
    w.fw.pci_read = NULL;
    again(WORLD_VTD);
    w.config[0x20][6] = 0x010000;
    good();
    NO_STREAM(0x100);
    w.config[0x20][6] = 0x000100;
    good();
    NO_STREAM(0x100);
    noted("function 0x20 is no bridge");
}

static void test_dmar_conflicts(void **state)
{
    (void)state;
    dmar(47);
    drhd(0, 0, 0xfed90000);
    drhd(0, 0, 0xfed90000);
    dmar_end();
    refused("registers of an IOMMU at 0xfed90000 + 0x1000 overlap those of an IOMMU at 0xfed90000");
    dmar(47);
    drhd(1, 0, 0xfed90000);
    drhd(1, 0, 0xfed91000);
    dmar_end();
    refused("a second IOMMU is to have all functions; the first is at 0xfed90000");
    dmar(47);
    drhd(0, 0, 0xfed90000);
    SCOPE(2, 0, 0, 0x0400);
    drhd(0, 0, 0xfed91000);
    SCOPE(1, 0, 1, 0x0000);
    dmar_end();
    refused("functions 0x100-0x100 are behind IOMMU 0xfed90000 as 0x100, too");
    dmar(47);
    for (uint32_t i = 0; i < 33; i++)
        drhd(0, 0, 0xfd000000 + 0x1000 * i);
    dmar_end();
    refused("one more IOMMU than 32");
    again(WORLD_VTD);
    world_table(&w, "IVRS", 1);
    world_zero(&w, 12);
    world_end(&w);
    world_root(&w, true);
    refused("there is a DMAR, too");
}

static bool uses(uint32_t range, uint32_t iommu, uint32_t sid)
{
    const struct board_requester who = {.node = DT_NONE, .has_stream = true, .iommu = iommu, .sid = sid};

    return board_reserved_use(&b, range, &who) == USE_SAME;
}

static void test_rmrr(void **state)
{
    (void)state;
    dmar(47);
    rmrr(0x6000000, 0x600ffff); /* before the unit */
    SCOPE(1, 0, 0, 0x0300);
    SCOPE(1, 0, 0, 0x1d00);
    drhd(1, 0, 0xfed90000);
    drhd(0, 0, 0xfed91000);
    SCOPE(1, 0, 0, 0x0300);
    rmrr(0x7000000, 0x7000fff); /* of what is behind the root port */
    SCOPE(2, 0, 0, 0x0400);
    rmrr(0x8000000, 0x8000fff); /* of nothing */
    SCOPE(1, 0, 0, 0x0300, 0x0000);
    dmar_end();
    good();
    assert_int_equal(b.reserveds, 4);
    range_is(&b.reserved[1], 0x6000000, 0x10000);
    range_is(&b.reserved[2], 0x7000000, 0x1000);
    range_is(&b.reserved[3], 0x8000000, 0x1000);
    assert_string_equal(b.reserved[1].name, "RMRR");
    assert_true(uses(1, 1, 0x18) && uses(1, 0, 0xe8));
    assert_true(!uses(1, 1, 0x10) && !uses(1, 0, 0x100));
    assert_true(uses(2, 0, 0x20) && uses(2, 0, 0x100) && uses(2, 0, 0x1ff) && !uses(2, 0, 0x200) && !uses(2, 0, 0x18));
    assert_true(!uses(3, 0, 0x18) && !uses(3, 1, 0x18));
    noted("function 0x18 is no bridge on the way");
}

static void test_rmrr_refused(void **state)
{
    static const struct {
        uint64_t base, limit;
        const char *text;
    } list[] = {
        {0x2000, 0x1fff, "RMRR: memory from 0x2000 to 0x1fff ends before it begins"},
        {0x2000, UINT64_MAX, "RMRR: memory from 0x2000 to 0xffffffffffffffff"},
        {0x2800, 0x3fff, "memory 0x2800 + 0x1800: whole pages that end at 2^40 at most are right"},
        {0x2000, 0x37ff, "memory 0x2000 + 0x1800"},
        {0x2000, 0x10000000fff, "memory 0x2000 + 0xffffffff000"},
        {0x10000000000, 0x10000000fff, "memory 0x10000000000 + 0x1000"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        dmar(47);
        drhd(1, 0, 0xfed90000);
        rmrr(list[i].base, list[i].limit);
        dmar_end();
        refused(i == 4 ? "whole pages" : list[i].text);
    }
    dmar(47);
    rmrr(0x2000, 0x2fff);
    w.tables[record + 6] = 3;
    dmar_end();
    refused("PCI segment 3: 0 alone is supported");
}

/*
 * IVRS.
 */

static void ivrs(void)
{
    again(WORLD_NONE);
    world_table(&w, "IVRS", 2);
    world_zero(&w, 12);
}

static void ivhd(uint8_t type, uint8_t flags, uint64_t base)
{
    record = w.used;
    WORLD_PUT(&w, 1, type, flags);
    WORLD_PUT(&w, 2, 0, 2, 0x40);
    world_put(&w, 8, base);
    world_zero(&w, type == 0x10 ? 8 : 24);
}

static void ivhd_end(void)
{
    uint32_t size = w.used - record;

    memcpy(w.tables + record + 2, &size, 2);
}

static void entry(uint8_t type, uint16_t id)
{
    WORLD_PUT(&w, 1, type);
    WORLD_PUT(&w, 2, id);
    WORLD_PUT(&w, 1, 0);
}

static void entry_8(uint8_t type, uint16_t id, uint8_t handle, uint16_t source, uint8_t variety)
{
    entry(type, id);
    WORLD_PUT(&w, 1, handle);
    WORLD_PUT(&w, 2, source);
    WORLD_PUT(&w, 1, variety);
}

static void ivmd(uint8_t type, uint8_t flags, uint16_t first, uint16_t last, uint64_t base, uint64_t size)
{
    WORLD_PUT(&w, 1, type, flags);
    WORLD_PUT(&w, 2, 32, first, last);
    WORLD_PUT(&w, 8, 0, base, size);
}

static void entry_hid(uint16_t id, uint8_t uid)
{
    entry(0xf0, id);
    WORLD_PUT(&w, 8, 0x303030303044484d, 0);
    WORLD_PUT(&w, 1, 2, uid);
    world_zero(&w, uid);
}

static void ivrs_end(void)
{
    world_end(&w);
    world_root(&w, true);
}

static void test_ivrs_entries(void **state)
{
    (void)state;
    ivrs();
    ivhd(0x40, 0x20, 0xfed80000);
    entry(0, 0xffff);
    entry(2, 0x10);
    entry(3, 0x20);
    entry(0, 0);
    entry(4, 0x2f);
    entry(2, 0x31);
    entry_8(0x42, 0x31, 0, 0x30, 0);  /* 0x31 comes as 0x30 */
    entry_8(0x43, 0x40, 0, 0x140, 0); /* so do all of these, as 0x140 */
    entry(4, 0x47);
    entry_8(0x46, 0x48, 0, 0xffff, 0xff);
    entry_8(0x47, 0x50, 0, 0xffff, 0xff);
    entry(4, 0x5f);
    entry_8(0x48, 0, 0, 0xa0, 1); /* the I/O APIC */
    entry_8(0x48, 0, 0, 0xa1, 2); /* an HPET */
    entry_8(0x48, 0, 9, 0xa2, 1); /* no such I/O APIC */
    entry_hid(0x98, 5);
    entry(2, 0x40); /* an alias stays one */
    entry(5, 0x99); /* nobody knows */
    WORLD_PUT(&w, 4, 0x90, 0, 0, 0);
    ivhd_end();
    ivrs_end();
    good();
    assert_true(b.iommus == 1 && b.iommu[0].coherent && b.iommu[0].flags == 0x20);
    stream_is(0x10, 0, 0x10);
    NO_STREAM(0x11);
    stream_is(0x20, 0, 0x20);
    stream_is(0x2f, 0, 0x2f);
    NO_STREAM(0x30);
    stream_is(0x31, 0, 0x30);
    stream_is(0x40, 0, 0x140);
    stream_is(0x47, 0, 0x140);
    stream_is(0x48, 0, 0x48);
    NO_STREAM(0x49);
    stream_is(0x50, 0, 0x50);
    stream_is(0x5f, 0, 0x5f);
    stream_is(0x98, 0, 0x98);
    NO_STREAM(0x99);
    NO_STREAM(0x60);
    assert_true(b.apic.ioapic[0].has_source && b.apic.ioapic[0].source == 0xa0);
    noted("I/O APIC 9 is not in the MADT: left out");
    noted("device entry of unknown type 0x5: left out");
    noted("device entry of unknown type 0x90: left out");
    assert_int_equal(b.iommu[0].sid_bits, 9); /* for 0x140 */
}

static void test_ivrs_units(void **state)
{
    (void)state;
    ivrs();
    ivhd(0x11, 0, 0xfed80000);
    entry(2, 0x18);
    ivhd_end();
    ivhd(0x10, 0, 0xfed80000); /* of the first, for older software */
    entry(2, 0x20);
    ivhd_end();
    ivhd(0x10, 0, 0xfeb80000); /* described this way alone */
    entry(1, 0);
    ivhd_end();
    ivhd(0x40, 0, 0xfed80000);
    entry(2, 0x28);
    ivhd_end();
    WORLD_PUT(&w, 1, 0x33, 0, 4, 0); /* nobody knows */
    ivrs_end();
    good();
    assert_int_equal(b.iommus, 2);
    stream_is(0x28, 0, 0x28);
    stream_is(0x18, 1, 0x18);
    stream_is(0xffff, 1, 0xffff);
    assert_true(b.iommu[0].sid_bits == 16 && b.iommu[1].sid_bits == 16);
    ivrs();
    ivhd(0x10, 0, 0xfed80000);
    entry_8(0x48, 0, 0, 0x3ff, 1);
    ivhd_end();
    ivrs_end();
    good();
    assert_true(b.pci.maps == 0 && b.iommu[0].sid_bits == 10);
    ivrs();
    ivrs_end();
    good();
    assert_int_equal(b.iommus, 0);
}

static void test_ivrs_conflicts(void **state)
{
    (void)state;
    ivrs();
    ivhd(0x10, 0, 0xfed80000);
    entry(1, 0);
    entry(1, 0);
    ivhd_end();
    ivhd(0x10, 0, 0xfeb80000);
    entry(1, 0);
    ivhd_end();
    ivrs_end();
    refused("a second IOMMU is to have all functions; the first is at 0xfed80000");
    ivrs();
    ivhd(0x10, 0, 0xfed80000);
    entry(3, 0x10);
    entry(4, 0x1f);
    ivhd_end();
    ivhd(0x10, 0, 0xfeb80000);
    entry(2, 0x1f);
    ivhd_end();
    ivrs_end();
    refused("functions 0x1f-0x1f are behind IOMMU 0xfed80000 as 0x10, too");
    ivrs();
    ivhd(0x10, 0, 0xfed80000);
    entry_8(0x42, 0x18, 0, 0x10, 0);
    entry_8(0x42, 0x18, 0, 0x10, 0);
    entry_8(0x42, 0x18, 0, 0x11, 0);
    ivhd_end();
    ivrs_end();
    refused("functions 0x18-0x18 are behind IOMMU 0xfed80000 as 0x10, too");
    ivrs();
    for (uint32_t i = 0; i < 33; i++) {
        ivhd(0x10, 0, 0xf0000000 + 0x4000 * i);
        ivhd_end();
    }
    ivrs_end();
    refused("one more IOMMU than 32");
    ivrs();
    ivhd(0x40, 0, 0xfed80000);
    entry_hid(0x98, 5);
    w.tables[w.used - 6] = 6;
    ivhd_end();
    ivrs_end();
    refused("device entry of type 0xf0 passes the end of its block");
}

static void test_ivmd(void **state)
{
    (void)state;
    ivrs();
    ivmd(0x21, 0x0b, 0x18, 0xffff, 0x6000000, 0x10000); /* one; unity mapped; before the units */
    ivhd(0x10, 0, 0xfed80000);
    entry_8(0x42, 0x18, 0, 0x10, 0);
    entry(2, 0x20);
    ivhd_end();
    ivhd(0x10, 0, 0xfeb80000);
    entry(1, 0);
    ivhd_end();
    ivmd(0x22, 0x08, 0x20, 0x2f, 0x7000000, 0x1000); /* a range; excluded from translation */
    ivmd(0x20, 0x07, 5, 6, 0x8000000, 0x2000);       /* all */
    ivrs_end();
    good();
    assert_int_equal(b.reserveds, 4);
    range_is(&b.reserved[1], 0x6000000, 0x10000);
    range_is(&b.reserved[2], 0x7000000, 0x1000);
    range_is(&b.reserved[3], 0x8000000, 0x2000);
    assert_string_equal(b.reserved[2].name, "IVMD");
    assert_true(uses(1, 0, 0x10)); /* as its unit sees it */
    assert_true(!uses(1, 0, 0x20) && !uses(1, 1, 0x10));
    assert_true(uses(2, 0, 0x20) && uses(2, 1, 0x2f) && !uses(2, 0, 0x30) && !uses(2, 0, 0x10));
    assert_true(uses(3, 0, 0) && uses(3, 0, 0x10) && uses(3, 1, 0xffff));
}

static void test_ivmd_refused(void **state)
{
    (void)state;
    ivrs();
    ivmd(0x22, 8, 0x20, 0x1f, 0x7000000, 0x1000);
    ivrs_end();
    refused("offset 0x34: IVMD: devices from 0x20 to 0x1f");
    ivrs();
    ivmd(0x20, 8, 0, 0, 0x7000000, 0);
    ivrs_end();
    refused("offset 0x40: memory 0x7000000 + 0x0: whole pages that end at 2^40 at most are right");
    ivrs();
    ivmd(0x20, 8, 0, 0, 0xfffffffffffff000, 0x2000);
    ivrs_end();
    refused("memory 0xfffffffffffff000 + 0x2000");
    ivrs();
    ivmd(0x20, 8, 0, 0, 0x7000000, 0x800);
    ivrs_end();
    refused("memory 0x7000000 + 0x800");
    ivrs();
    ivmd(0x20, 8, 0, 0, 0x7000000, 0x1000);
    w.tables[w.used - 24] = 1;
    ivrs_end();
    refused("PCI segment 1: 0 alone is supported");
    ivrs();
    WORLD_PUT(&w, 1, 0x21, 0, 31, 0);
    world_zero(&w, 27);
    ivrs_end();
    refused("record of type 0x21: length 31, 32 or more are right");
}

/*
 * FADT, SPCR.
 */

static void test_fadt(void **state)
{
    (void)state;
    world_set(&w, "FACP", 112, 4, 0x1004a5 | 0x400); /* hardware-reduced: no registers */
    good();
    assert_true(!b.acpi.pm_timer && !b.acpi.pm1a_control && !b.acpi.has_s5 && !b.acpi.reset_port);
    world_set(&w, "FACP", 112, 4, 0x100); /* 32 bits, and no reset register */
    good();
    assert_true(b.acpi.pm_timer == 0x608 && b.acpi.pm_timer_32 && !b.acpi.reset_port && b.acpi.has_s5);
    world_set(&w, "FACP", 91, 1, 3); /* no timer */
    good();
    assert_int_equal(b.acpi.pm_timer, 0);
    world_set(&w, "FACP", 91, 1, 4);
    world_set(&w, "FACP", 208, 1, 0); /* in memory: the older field's port */
    world_set(&w, "FACP", 76, 4, 0x708);
    world_set(&w, "FACP", 176, 8, 0x10604); /* no port */
    good();
    assert_true(b.acpi.pm_timer == 0x708 && !b.acpi.pm1a_control);
    world_set(&w, "FACP", 140, 8, 0); /* the older DSDT */
    good();
    assert_true(b.acpi.has_s5);
    world_set(&w, "FACP", 40, 4, 0);
    good();
    assert_false(b.acpi.has_s5);
    again(WORLD_NONE);
    memcpy(world_find(&w, "\x08_S5"), "\x08_S7", 4);
    world_sum(world_find(&w, "DSDT"));
    good();
    assert_false(b.acpi.has_s5);
}

/* ACPI 1.0's ends before the fields that came later. */
static void test_fadt_1(void **state)
{
    uint8_t *t = world_find(&w, "FACP");

    (void)state;
    t[4] = 116;
    world_sum(t);
    good();
    assert_true(b.acpi.pm_timer == 0x608 && b.acpi.pm1a_control == 0x604 && !b.acpi.reset_port && b.acpi.has_s5);
    t[4] = 115;
    refused("FACP at 0x3ffe00ff, offset 0x4: length 115, 116 to 65536 are supported");
}

static void spcr(uint8_t space, uint64_t address, uint8_t interrupt, uint8_t irq, uint32_t gsi)
{
    again(WORLD_NONE);
    world_table(&w, "SPCR", 2);
    WORLD_PUT(&w, 1, 0, 0, 0, 0, space, 8, 0, 1);
    world_put(&w, 8, address);
    WORLD_PUT(&w, 1, interrupt, irq);
    WORLD_PUT(&w, 4, gsi);
    world_zero(&w, 22);
    world_end(&w);
    world_root(&w, true);
}

static void uart_is(uint16_t port, uint16_t irq)
{
    good();
    assert_true(b.uart.present);
    assert_int_equal(w.uart_asked, port);
    assert_int_equal(b.uart.port, port);
    assert_int_equal(b.uart.irq.intid, irq);
}

static void test_spcr(void **state)
{
    (void)state;
    spcr(1, 0x2f8, 0, 0, 0);
    uart_is(0x2f8, 3);
    spcr(1, 0x2f8, 1, 5, 9);
    uart_is(0x2f8, 5);
    spcr(1, 0x3e8, 3, 5, 9);
    uart_is(0x3e8, 9);
    spcr(1, 0x3e8, 0, 5, 9); /* polled: then no partition can have a console on it */
    uart_is(0x3e8, 0);
    spcr(1, 0x3f8, 2, 5, 1020); /* not a line that there can be */
    uart_is(0x3f8, 0);
    spcr(0, 0xfe030000, 1, 5, 9); /* in memory: not ours */
    uart_is(0x3f8, 4);
    spcr(1, 0x13f8, 0, 0, 0);
    world_set(&w, "SPCR", 44, 8, 0x100003f8); /* no port */
    uart_is(0x3f8, 4);
    world_find(&w, "SPCR")[9]++;
    refused("SPCR at");
    assert_int_equal(w.uart_asked, 0x3f8);
}

/* Less room than the board takes, of every size: refused with words, and nothing is written beyond it. */
static void test_arena(void **state)
{
    size_t needs;

    (void)state;
    again(WORLD_AMDVI);
    good();
    needs = a.used;
    for (size_t size = 0; size < needs; size += 16) {
        uint32_t maps = w.maps;

        arena_init(&a, room, size);
        d.text[0] = '\0';
        assert_int_equal(board_read_acpi(&b, &w.fw, &a, &d), ERR_NO_SPACE);
        assert_non_null(strstr(d.text, "arena:"));
        while (w.maps > maps)
            free(w.map[--w.maps]);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_q35),
        TEST(test_no_tree),
        TEST(test_lists_for_the_plan),
        TEST(test_q35_vtd),
        TEST(test_q35_amdvi),
        TEST(test_memory),
        TEST(test_memory_refused),
        TEST(test_memory_many),
        TEST(test_pa_bits),
        TEST(test_windows),
        TEST(test_madt),
        TEST(test_madt_refused),
        TEST(test_tables_missing),
        TEST(test_numbers_refused),
        TEST(test_checksums),
        TEST(test_dmar_units),
        TEST(test_dmar_scopes_of_nothing),
        TEST(test_dmar_conflicts),
        TEST(test_rmrr),
        TEST(test_rmrr_refused),
        TEST(test_ivrs_entries),
        TEST(test_ivrs_units),
        TEST(test_ivrs_conflicts),
        TEST(test_ivmd),
        TEST(test_ivmd_refused),
        TEST(test_fadt),
        TEST(test_fadt_1),
        TEST(test_spcr),
        TEST(test_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
