/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/guest_pc.c kernel/guest_acpi.c kernel/guest_aml.c kernel/plan.c kernel/plan_messages.c
 * kernel/plan_maps.c kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c kernel/plan_image.c
 * kernel/plan_image_arm64.c kernel/plan_image_pc.c kernel/plan_hv.c kernel/check.c kernel/check_device.c
 * kernel/check_maps.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c
 * kernel/acpi.c kernel/acpi_dmar.c kernel/acpi_ivrs.c kernel/acpi_madt.c kernel/acpi_scope.c kernel/board_acpi.c
 * kernel/board_acpi_memory.c kernel/board.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c
 * kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c
 * kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/share.c kernel/p2m/window.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_ipmmu.c kernel/p2m/format_long_mode.c
 * kernel/p2m/kind_arm.c kernel/p2m/kind_x86.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c kernel/iommu/bfn.c kernel/iommu/scratch.c kernel/iommu/kind.c
 * kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c kernel/iommu/kind_amdvi.c kernel/iommu/smmuv3.c
 * kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c kernel/iommu/vtd_words.c kernel/iommu/amdvi.c
 * kernel/iommu/amdvi_words.c boot/bundle.c tests/host/acpi_world.c tests/host/dtc.c tests/host/arch_host.c */
/*
 * A PC's guests from manifest and bzImage to the block that they start with: where everything lies, what the block
 * says, and what is refused. Offsets are written out as Linux' boot.rst and zero-page.rst have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acpi_world.h"
#include "check.h"
#include "dtc.h"
#include "guest_acpi.h"
#include "guest_pc.h"

#define KERNEL_SIZE 0x8000u
#define INITRD_SIZE 0x12345u
#define DEBIAN      ".deps/amd64/linux"

static struct acpi_world w;
static struct arena arena;
static struct board board;
static struct dt dt;
static struct manifest manifest;
static struct bundle bundle;
static struct plan plan;
static struct diag d;
static void *manifest_blob, *bundle_blob;
static uint8_t file[KERNEL_SIZE]; /* a bzImage: 2 setup sectors, then its kernel */
static const uint8_t *kernel_file;
static size_t kernel_size;
static struct plan_partition *pp;
static _Alignas(4096) uint8_t block[GUEST_START_MAX];

static uint64_t get(const void *p, size_t at, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, (const uint8_t *)p + at, bytes);
    return v;
}

static void set(size_t at, unsigned bytes, uint64_t v)
{
    memcpy(file + at, &v, bytes);
}

static int setup(void **state)
{
    static struct pci_function nvme = {.bdf = 0x10,
                                       .vendor = 0x1b36,
                                       .device = 0x10,
                                       .class_code = 0x10802,
                                       .bar = {{BAR_MEM64, false, 0x4000}, {.kind = BAR_UPPER}}};

    (void)state;
    for (size_t i = 0; i < sizeof file; i++)
        file[i] = (uint8_t)(i * 7 + 1);
    memset(file + 0x1f1, 0, 0x270 - 0x1f1);
    set(0x1f1, 1, 2);
    set(0x1f4, 4, (KERNEL_SIZE - 0x600) / 16);
    set(0x1fe, 2, 0xaa55);
    set(0x200, 2, 0x6aeb); /* a jump: the header ends at 0x26c */
    memcpy(file + 0x202, "HdrS", 4);
    set(0x206, 2, 0x20f);
    set(0x211, 1, 1);
    set(0x22c, 4, 0x7fffffff);
    set(0x230, 4, 0x200000);
    set(0x234, 1, 1);
    set(0x236, 2, 0x3f);
    set(0x238, 4, 2047);
    set(0x258, 8, 0x1000000);
    set(0x260, 4, 0x2345000);
    kernel_file = file;
    kernel_size = sizeof file;
    d.text[0] = 0;
    arena_init(&arena, calloc(1, 4 << 20), 4 << 20);
    world_q35(&w, WORLD_VTD | WORLD_NVME);
    assert_int_equal(board_read_acpi(&board, &w.fw, &arena, &d), ERR_NONE);
    board.pci.fn = &nvme;
    board.pci.fns = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    free(arena.mem);
    free(manifest_blob);
    free(bundle_blob);
    manifest_blob = bundle_blob = NULL;
    return 0;
}

static void bundle_make(void)
{
    const struct {
        const char *name;
        const void *data;
        size_t size;
    } list[] = {
        {"manifest", "", 1}, {"linux", kernel_file, kernel_size}, {"initrd", NULL, INITRD_SIZE}, {"raw", NULL, 0x3000}};
    struct bundle_header *h;
    size_t at = 4096, total = 4096 * 8 + kernel_size + INITRD_SIZE + 0x3000;

    bundle_blob = calloc(1, total);
    h = bundle_blob;
    memcpy(h->magic, BUNDLE_MAGIC, 8);
    h->count = 4;
    h->total = (uint32_t)total;
    for (unsigned i = 0; i < 4; i++) {
        strcpy(h->entry[i].name, list[i].name);
        h->entry[i].offset = at;
        h->entry[i].size = list[i].size;
        if (list[i].data)
            memcpy((uint8_t *)bundle_blob + at, list[i].data, list[i].size);
        at += (list[i].size + 4095) & ~(size_t)4095;
    }
    assert_int_equal(bundle_open(&bundle, bundle_blob, total, &d), ERR_NONE);
}

/* One partition with these properties and this memory. */
static err_t make(const char *props, const char *memory, const char *devices)
{
    struct plan_input in = {.manifest = &manifest,
                            .board = &board,
                            .bundle = &bundle,
                            .image = {0x1000000},
                            .text_end = {0x1020000},
                            .rodata_end = {0x1030000},
                            .image_end = {0x1040000},
                            .bundle_base = {0x1040000},
                            .bundle_end = {0x1200000},
                            .arena = {0x1200000},
                            .arena_end = {0x1300000},
                            .dtb = {0x1300000},
                            .dtb_end = {0x1300000}};
    char text[4096];
    size_t size;
    err_t e;

    snprintf(text, sizeof text,
             "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; partitions { one { %s\n"
             "memory { #address-cells = <2>; #size-cells = <2>; %s }; devices { %s }; }; }; };\n",
             props, memory, devices);
    bundle_make();
    manifest_blob = dts_compile(text, &size);
    assert_int_equal(dt_index(&dt, "manifest", manifest_blob, size, &arena, &d), ERR_NONE);
    e = manifest_parse(&manifest, &dt, &arena, &d);
    if (e) {
        print_message("%s\n", d.text);
        fail();
    }
    e = plan_build(&plan, &in, &arena, &d);
    pp = &plan.partition[0];
    return e ? e : check_plan(&plan, &arena, &d);
}

#define TWO_CPUS   "cpus = <0 1>; physmap = \"translated\";"
#define LINUX      "kernel { file = \"linux\"; };"
#define WITH_ALL   TWO_CPUS "bootargs = \"console=ttyS0 quiet\";" LINUX "initrd { file = \"initrd\"; };"
#define RAM_AT_0   "ram@0 { type = \"ram\"; reg = <0 0 0 0x10000000>; };"
#define NVME       "nvme { pci = \"00:02.0\"; };"
#define RAW(where) TWO_CPUS "kernel { file = \"raw\"; load = <0 " where ">; };"

static void good(const char *props, const char *memory, const char *devices)
{
    err_t e = make(props, memory, devices);

    if (e)
        print_message("%s\n", d.text);
    assert_int_equal(e, ERR_NONE);
    memset(block, 0, sizeof block);
    assert_int_equal(guest_pc_write(&plan, pp, block, &d), ERR_NONE);
}

static const char *e820_text(void)
{
    static char text[2048];
    const uint8_t *params = block + 0x6000;
    size_t used = 0;

    text[0] = 0;
    for (unsigned i = 0; i < params[0x1e8]; i++) {
        const size_t e = 0x2d0 + i * 20;

        used += (size_t)snprintf(text + used, sizeof text - used, "%lx-%lx %lu\n", get(params, e, 8),
                                 get(params, e, 8) + get(params, e + 8, 8), get(params, e + 16, 4));
    }
    assert_int_equal(get(params, 0x2d0 + params[0x1e8] * 20u, 8), 0);
    return text;
}

/*
 *   0xe0000 block   0x1000000 kernel, bss   0x3350000 initrd
 */
static void linux_is_placed(void **state)
{
    (void)state;
    good(WITH_ALL, RAM_AT_0, NVME);
    assert_int_equal(pp->start.v, 0xe0000);
    assert_int_equal(pp->entry.v, 0x1000200);
    assert_int_equal(pp->image[0].at.v, 0x1000000);
    assert_int_equal(pp->image[0].room, 0x2345000);
    assert_int_equal(pp->image[0].size, KERNEL_SIZE - 0x600);
    assert_memory_equal(pp->image[0].data, file + 0x600, KERNEL_SIZE - 0x600);
    assert_int_equal(pp->initrd.v, 0x3350000);
    assert_int_equal(pp->initrd_size, INITRD_SIZE);
    assert_string_equal(pp->image[2].name, "start block");
    assert_int_equal(pp->image[2].at.v, 0xe0000);
}

static void linux_finds_its_parameters(void **state)
{
    const uint8_t *params = block + 0x6000;

    (void)state;
    good(WITH_ALL, RAM_AT_0, NVME);
    assert_int_equal(get(params, 0x70, 8), 0xe0000);
    assert_memory_equal(block, "RSD PTR ", 8);
    assert_int_equal(params[0x1ef], 0); /* sentinel */
    assert_memory_equal(params + 0x1f1, file + 0x1f1, 0x210 - 0x1f1);
    assert_int_equal(params[0x210], 0xff);
    assert_int_equal(params[0x211], 1);
    assert_int_equal(get(params, 0x214, 4), 0x1000000);
    assert_int_equal(get(params, 0x218, 4), 0x3350000);
    assert_int_equal(get(params, 0x21c, 4), INITRD_SIZE);
    assert_int_equal(get(params, 0x228, 4), 0xe7000);
    assert_memory_equal(params + 0x22c, file + 0x22c, 0x26c - 0x22c);
    assert_int_equal(get(params, 0x26c, 8), 0); /* the header ended */
    assert_string_equal((const char *)block + 0x7000, "console=ttyS0 quiet");
    assert_string_equal(e820_text(), "0-a0000 1\n"
                                     "a0000-100000 2\n"
                                     "100000-10000000 1\n"
                                     "b0000000-b0100000 2\n"
                                     "fec00000-fec01000 2\n"
                                     "fee00000-fee01000 2\n");
}

static void no_more_of_a_header_than_fits(void **state)
{
    const uint8_t *params = block + 0x6000;

    (void)state;
    file[0x201] = 0xff;
    good(TWO_CPUS LINUX, RAM_AT_0, "");
    assert_memory_equal(params + 0x22c, file + 0x22c, 0x290 - 0x22c);
    assert_int_equal(get(params, 0x290, 8), 0);
    assert_int_equal(get(params, 0x218, 8), 0); /* no initrd */
    file[0x201] = 0;
    teardown(NULL);
    setup(NULL);
    file[0x201] = 0;
    good(TWO_CPUS LINUX, RAM_AT_0, "");
    assert_int_equal(get(params, 0x206, 2), 0);
}

/* As the CPU does: AMD64 APM vol. 2, 5.3. UINT64_MAX: a page fault. */
static uint64_t walk(uint64_t va)
{
    uint64_t table = pp->start.v + 0x8000;

    for (int level = 3; level >= 0; level--) {
        const unsigned shift = 12 + 9 * (unsigned)level;
        uint64_t e;

        if (table < pp->start.v || table + 4096 > pp->start.v + sizeof block)
            return UINT64_MAX;
        e = get(block, table - pp->start.v + (va >> shift) % 512 * 8, 8);
        if ((e & 3) != 3 || e >> 52) /* present, writable, executable */
            return UINT64_MAX;
        table = e & 0xffffffffff000;
        if (level == 0 || (level < 3 && e & 0x80)) {
            const uint64_t size = UINT64_C(1) << shift;

            return table & (size - 1) ? UINT64_MAX : table | (va & (size - 1));
        }
    }
    return UINT64_MAX;
}

#define RAM_AT_50 "ram@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x400000>; };"

static void tables_map_4_gib(void **state)
{
    static const char *const memory[] = {RAM_AT_50, RAM_AT_50 RAM_AT_0};

    for (unsigned i = 0; i < 2; i++) {
        teardown(state);
        setup(state);
        good(RAW("0x50000000"), memory[i], "");
        assert_int_equal(pp->start.v, i ? 0xe0000 : 0x503f0000);
        for (uint64_t va = 0; va < UINT64_C(1) << 32; va += 0x1ff000 / 2)
            assert_int_equal(walk(va), va);
        assert_int_equal(walk(UINT32_MAX), UINT32_MAX);
        for (unsigned bit = 32; bit < 48; bit++)
            assert_int_equal(walk(UINT64_C(1) << bit), UINT64_MAX);
        assert_int_equal(get(block, 0xe010, 8), 0x00af9b000000ffff);
        assert_int_equal(get(block, 0xe018, 8), 0x00cf93000000ffff);
    }
}

/* A flat program: no header of its own, the same parameters. */
static void raw_image(void **state)
{
    const uint8_t *params = block + 0x6000;

    (void)state;
    good("bootargs = \"probe\";" RAW("0xd0080000"),
         "ram@d0000000 { type = \"ram\"; reg = <0 0xd0000000 0 0x1000000>; };"
         "rom@d8000000 { type = \"ram-ro\"; reg = <0 0xd8000000 0 0x1000>; };"
         "hid@d8001000 { type = \"ram\"; reg = <0 0xd8001000 0 0x1000>; dma = \"none\"; };",
         "");
    assert_int_equal(pp->entry.v, 0xd0080000);
    assert_int_equal(pp->start.v, 0xd0ff0000);
    assert_int_equal(pp->image[0].size, 0x3000);
    assert_int_equal(get(params, 0x70, 8), 0xd0ff0000);
    assert_int_equal(get(params, 0x228, 4), 0xd0ff7000);
    assert_string_equal((const char *)block + 0x7000, "probe");
    assert_int_equal(get(params, 0x202, 4), 0);
    assert_string_equal(e820_text(), "d0000000-d0ff0000 1\n"
                                     "d0ff0000-d1000000 2\n"
                                     "d8000000-d8002000 2\n"
                                     "fec00000-fec01000 2\n"
                                     "fee00000-fee01000 2\n");
}

static void the_block_keeps_away_from_a_kernel_there(void **state)
{
    (void)state;
    good(RAW("0xe8000"), RAM_AT_0, "");
    assert_int_equal(pp->start.v, 0xfff0000);
}

static void low_memory_in_pieces(void **state)
{
    (void)state;
    good(TWO_CPUS LINUX,
         "ram@100000 { type = \"ram\"; reg = <0 0x100000 0 0x8000000>; };"
         "low@0 { type = \"ram\"; reg = <0 0 0 0x9f000>; };"
         "bios@e0000 { type = \"ram\"; reg = <0 0xe0000 0 0x10000>; };",
         "");
    assert_int_equal(pp->start.v, 0xe0000);
    assert_string_equal(e820_text(), "0-9f000 1\n"
                                     "e0000-f0000 2\n"
                                     "100000-8100000 1\n"
                                     "fec00000-fec01000 2\n"
                                     "fee00000-fee01000 2\n");
}

static void identity(void **state)
{
    (void)state;
    good("cpus = <2>; physmap = \"identity\"; console = \"none\";" LINUX,
         "ram@10000000 { type = \"ram\"; reg = <0 0x10000000 0 0x10000000>; };", "");
    assert_int_equal(pp->entry.v, 0x10000200);
    assert_int_equal(pp->start.v, 0x1fff0000);
    assert_int_equal(get(block + 0x6000, 0x70, 8), 0x1fff0000);
}

/* 128 are room enough for 128, not for 129. */
static void more_pieces_than_entries(void **state)
{
    struct extent *many = calloc(130, sizeof *many);

    (void)state;
    good(TWO_CPUS LINUX, RAM_AT_0, "");
    for (unsigned i = 0; i < 130; i++)
        many[i] = (struct extent){
            .gfn = {0x1000 + 2 * i}, .frames = 1, .type = EXT_RAM, .dma = i == 50 ? R_READ : R_READ | R_WRITE};
    pp->physmap.ext = many;
    for (pp->physmap.count = 127; pp->physmap.count < 131; pp->physmap.count++) {
        const err_t want = pp->physmap.count > 128 ? ERR_NO_SPACE : ERR_NONE;

        memset(block, 0, sizeof block);
        assert_int_equal(guest_pc_write(&plan, pp, block, &d), want);
        assert_int_equal(block[0x61e8], pp->physmap.count < 128 ? 127 : 128);
    }
    assert_int_equal(get(block, 0x62d0 + 128 * 20, 4), 0);
    assert_string_equal(d.text, "partition one: its memory has more than 128 pieces, which boot parameters hold");
    free(many);
}

static void refused(void **state)
{
    static const struct {
        unsigned at, bytes;
        uint64_t value;
        const char *text;
    } bad[] = {
        {0x206, 2, 0x20b, "of boot protocol 2.11, xloadflags 0x3f; right is 2.12 or newer"},
        {0x236, 2, 0x3e, "xloadflags 0x3e; right is"},
        {0x211, 1, 0, "loaded high"},
        {0x1f1, 1, 63, "with 0x8000 bytes of setup and 0x7a00 of kernel; the file has 0x8000"},
        {0x1f1, 1, 0, "with 0xa00 bytes of setup and 0x7a00 of kernel"},
        {0x1f4, 4, 0x7a1, "and 0x7a10 of kernel; the file has 0x8000"},
        {0x1f4, 4, UINT32_MAX, "and 0xffffffff0 of kernel"},
        {0x1f4, 4, 0x20, "and 0x200 of kernel"},
        {0x230, 4, 0, "kernel_alignment 0x0; right is a power of two from 0x1000"},
        {0x230, 4, 0x300000, "kernel_alignment 0x300000"},
        {0x230, 4, 0x80000000, "kernel_alignment 0x80000000"},
        {0x258, 8, UINT64_C(1) << 32, "pref_address 0x100000000; right is a multiple of 0x200000 below 4 GiB"},
        {0x258, 8, 0x1000, "pref_address 0x1000"},
        {0x260, 4, 0, "init_size 0x0"},
        {0x260, 4, 0x80000001, "init_size 0x80000001"},
        {0x260, 4, 0x10000000, "need 262400 KiB"},
        {0x22c, 4, 0x3350000, "below 0x3350001"},
        {0x238, 4, 18, "bootargs: 19 bytes; \"linux\" takes 18"},
        {0x202, 4, 0, "load: missing; \"linux\" is not a bzImage, say where it is put"},
        {0x1fe, 2, 0, "is not a bzImage"},
        {0x258, 8, 0xf0000000, "from 0xf0000000 or a higher multiple of 0x200000 + 0x0 on, below 0x80000000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (i) {
            teardown(NULL);
            setup(NULL);
        }
        set(bad[i].at, bad[i].bytes, bad[i].value);
        if (make(WITH_ALL, RAM_AT_0, "") == ERR_NONE || !strstr(d.text, bad[i].text))
            fail_msg("%s: not in \"%s\"", bad[i].text, d.text);
    }
}

static void refused_places(void **state)
{
    static const struct {
        const char *props, *memory, *text;
    } bad[] = {
        {TWO_CPUS "kernel { file = \"linux\"; load = <0 0x1100000>; };", RAM_AT_0,
         "load: 0x1100000; \"linux\" is a bzImage, right is 0x0 above a multiple of 0x200000, from 0x1000000 to"},
        {TWO_CPUS "kernel { file = \"linux\"; load = <0 0x800000>; };", RAM_AT_0, "from 0x1000000 to"},
        {RAW("0xfe000000"), "ram@fe000000 { type = \"ram\"; reg = <0 0xfe000000 0 0x10000>; };",
         "\"raw\", initrd and start block need 128 KiB of adjacent RAM from 0xfe000000 on, below 0x100000000"},
        {TWO_CPUS "kernel { file = \"raw\"; load = <1 0>; };",
         "ram@100000000 { type = \"ram\"; reg = <1 0 0 0x1000000>; };" RAM_AT_0, "below 0x100000000"},
        {TWO_CPUS LINUX, "ram@100000 { type = \"ram\"; reg = <0 0x100000 0 0xe00000>; };",
         "from 0x1000000 or a higher multiple of 0x200000 + 0x0 on, below 0x80000000"},
        {TWO_CPUS LINUX, "ram@1000000 { type = \"ram\"; reg = <0 0x1000000 0 0x8000000>; dma = \"read\"; };",
         "of adjacent RAM with dma = \"rw\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (i) {
            teardown(NULL);
            setup(NULL);
        }
        if (make(bad[i].props, bad[i].memory, "") == ERR_NONE || !strstr(d.text, bad[i].text))
            fail_msg("%s: not in \"%s\"", bad[i].text, d.text);
    }
}

/* A kernel that does not move is where it wants to be, or nowhere. */
static void fixed_kernel(void **state)
{
    (void)state;
    set(0x234, 1, 0);
    set(0x230, 4, 0); /* means nothing then */
    set(0x258, 8, 0x1234000);
    good(TWO_CPUS LINUX, "ram@1200000 { type = \"ram\"; reg = <0 0x1200000 0 0x8000000>; };", "");
    assert_int_equal(pp->entry.v, 0x1234200);
    teardown(state);
    setup(state);
    set(0x234, 1, 0);
    assert_int_not_equal(make(TWO_CPUS LINUX, "ram@1200000 { type = \"ram\"; reg = <0 0x1200000 0 0x8000000>; };", ""),
                         ERR_NONE);
}

/* Any header is refused or placed within the partition's RAM, which check_plan proves. */
static void hostile_headers(void **state)
{
    unsigned rounds = mutate_start(400), accepted = 0;

    for (unsigned i = 0; i < rounds; i++) {
        teardown(state);
        setup(state);
        for (unsigned k = mutate_below(3); k < 3; k++)
            mutate_byte(file + 0x1f1, 0x270 - 0x1f1);
        if (make(WITH_ALL, RAM_AT_0, "") != ERR_NONE) {
            assert_null(strstr(d.text, "I2"));
            continue;
        }
        memset(block, 0, sizeof block);
        assert_int_equal(guest_pc_write(&plan, pp, block, &d), ERR_NONE);
        accepted++;
    }
    assert_int_not_equal(accepted, 0);
}

/* Debian's kernel, where scripts/setup has put it. */
static void debian(void **state)
{
    static uint8_t *data;
    FILE *f = fopen(DEBIAN, "rb");
    long size;

    (void)state;
    if (!f)
        skip();
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    rewind(f);
    data = malloc((size_t)size);
    assert_int_equal(fread(data, 1, (size_t)size, f), size);
    assert_int_equal(fclose(f), 0);
    kernel_file = data;
    kernel_size = (size_t)size;
    good(WITH_ALL, "ram@0 { type = \"ram\"; reg = <0 0 0 0x18000000>; };", NVME);
    assert_int_equal(pp->entry.v, 0x1000200);
    assert_int_equal(pp->image[0].at.v % 0x200000, 0);
    assert_true(pp->image[0].room > 0x1000000);
    assert_true(pp->initrd.v >= pp->image[0].at.v + pp->image[0].room);
    assert_int_equal(get(block + 0x6000, 0x202, 4), 0x53726448);
    assert_int_equal(get(block + 0x6000, 0x236, 2) & 1, 1);
    free(data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(linux_is_placed),
        T(linux_finds_its_parameters),
        T(no_more_of_a_header_than_fits),
        T(tables_map_4_gib),
        T(raw_image),
        T(the_block_keeps_away_from_a_kernel_there),
        T(low_memory_in_pieces),
        T(identity),
        T(more_pieces_than_entries),
        T(refused),
        T(refused_places),
        T(fixed_kernel),
        T(hostile_headers),
        T(debian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
