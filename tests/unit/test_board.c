/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/fmt.c kernel/diag.c kernel/arena.c kernel/sort.c kernel/dt.c kernel/dt_read.c kernel/board.c
 * kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c tests/host/dtc.c
 * kernel/iommu/kind_smmuv3.c kernel/p2m/kind_arm.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/p2m/verify_arm.c kernel/pool.c */
#include "board.h"
#include "dtc.h"

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_SIZE (64u << 10)

/* A small board with one of everything; phandles: 1 GIC, 2 and 3 SMMUs, 4 another interrupt controller. */
static const char good[] =
    "/dts-v1/;\n/memreserve/ 0x40001800 0x1000;\n"
    "/ { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <1>; dma-coherent;\n"
    "chosen { stdout-path = \"serial0:115200n8\"; }; aliases { serial0 = \"/soc/uart@9040000\"; };\n"
    "memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x10000000>, <1 0 0 0x800>; };\n"
    "memory@40000000 { device_type = \"memory\"; reg = <0 0x60000000 0 0x20000000 0 0x40000000 0 "
    "0x10000800>; };\n"
    "memory@90000000 { device_type = \"memory\"; status = \"disabled\"; reg = <0 0x90000000 0 0x10000000>; "
    "};\n"
    "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
    "  fw@47fff800 { reg = <0 0x47fff800 0 0x1000>; no-map; }; pool { size = <0 0x100000>; };\n"
    "  off@48000000 { reg = <0 0x48000000 0 0x1000>; status = \"disabled\"; }; };\n"
    "cpus { #address-cells = <1>; #size-cells = <0>;\n"
    "  cpu@0 { device_type = \"cpu\"; reg = <0>; enable-method = \"psci\"; };\n"
    "  cpu@100 { device_type = \"cpu\"; reg = <0x100>; status = \"disabled\"; };\n"
    "  cpu@101 { device_type = \"cpu\"; reg = <0x101>; enable-method = \"psci\"; }; cpu-map { }; };\n"
    "psci { compatible = \"arm,psci-1.0\", \"arm,psci-0.2\"; method = \"smc\"; };\n"
    "intc@8000000 { phandle = <1>; compatible = \"arm,gic-v3\"; #interrupt-cells = <3>; "
    "interrupt-controller;\n"
    "  #address-cells = <2>; #size-cells = <2>; ranges; #redistributor-regions = <2>; interrupts = <1 9 4>;\n"
    "  reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0x40000>, <0 0x8200000 0 0x20000>;\n"
    "  its@8080000 { compatible = \"arm,gic-v3-its\"; reg = <0 0x8080000 0 0x20000>; }; };\n"
    "gpio@9100000 { phandle = <4>; reg = <0 0x9100000 0 0x1000>; #interrupt-cells = <2>; };\n"
    "timer { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4>, <1 14 4>, <1 11 8>, <1 10 4>; };\n"
    "soc { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0 "
    "0x20000000>;\n"
    "  uart@9000000 { compatible = \"arm,pl011\"; reg = <0x9000000 0x1000>; interrupts = <0 1 4>; };\n"
    "  uart@9040000 { compatible = \"arm,pl011\"; reg = <0x9040000 0x1000>; interrupts = <0 8 4>; };\n"
    "  rtc@9010000 { compatible = \"arm,pl031\"; reg = <0x9010000 0x800>; interrupts-extended = <4 7 1>, <1 "
    "0 2 1>; };\n"
    "  far@30000000 { reg = <0x30000000 0x1000>; }; gone@9020000 { reg = <0x9020000 0x10>; status = \"no\"; "
    "};\n"
    "  i2c@9030000 { reg = <0x9030000 0x100>; #address-cells = <1>; #size-cells = <0>; eeprom@50 { reg = "
    "<0x50>; }; };\n"
    "};\n"
    "smmu@9050000 { phandle = <2>; compatible = \"arm,smmu-v3\"; reg = <0 0x9050000 0 0x20000>; #iommu-cells "
    "= <1>;\n"
    "  interrupts = <0 74 1>, <0 75 1>, <0 76 1>, <0 77 1>;\n"
    "  interrupt-names = \"eventq\", \"priq\", \"cmdq-sync\", \"gerror\"; };\n"
    "smmu@9070000 { phandle = <3>; compatible = \"arm,smmu-v3\"; reg = <0 0x9070000 0 0x20000>; "
    "dma-noncoherent;\n"
    "  interrupts = <0 80 4>; interrupt-names = \"combined\"; };\n"
    "pcie@10000000 { compatible = \"pci-host-ecam-generic\"; device_type = \"pci\"; #address-cells = <3>;\n"
    "  #size-cells = <2>; #interrupt-cells = <1>; reg = <0x40 0x10000000 0 0x1000000>; bus-range = <0 15>;\n"
    "  ranges = <0x1000000 0 0 0 0x3eff0000 0 0x10000>, <0x2000000 0 0 0 0x30000000 0 0x10000000>,\n"
    "    <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>, <0x43000000 0x80 0 0x80 0 0x80 0>;\n"
    "  iommu-map = <0 2 0x100 0x1000>, <0x1000 3 0 0x10>; iommu-map-mask = <0xffff>;\n"
    "  interrupt-map-mask = <0x1800 0 0 7>;\n"
    "  interrupt-map = <0 0 0 1 &{/intc@8000000} 0 0 0 3 4>, <0x800 0 0 1 4 9 9>,\n"
    "    <0x1000 0 0 2 &{/intc@8000000} 0 0 0 5 1>;\n"
    "  disk@2,0 { reg = <0x1000 0 0 0 0>, <0x3001010 0 0 0 0x4000>, <0x1001020 0 0 0 0x20>, <0x2001030 0 0 0 "
    "0x800>;\n"
    "    vendor-id = <0x1b36>; device-id = <0x10>; class-code = <0x10802>; interrupts = <2>; };\n"
    "  root@3,1 { reg = <0x1900 0 0 0 0>, <0x42001910 0 0 0 0x1000>; class-code = <0x60400>; interrupts = "
    "<1>; };\n"
    "  legacy { interrupt-controller; }; };\n"
    "};\n";

struct fixture {
    struct arena a;
    struct diag d;
    struct dt dt;
    struct board b;
    void *blob;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->a, aligned_alloc(16, ARENA_SIZE), ARENA_SIZE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->a.mem);
    free(f->blob);
    free(f);
    return 0;
}

static err_t read_blob(struct fixture *f, const void *blob, size_t size)
{
    err_t e;

    memset(f->a.mem, 0, f->a.size);
    f->a.used = 0;
    f->d.text[0] = 0;
    e = dt_index(&f->dt, "board", blob, size, &f->a, &f->d);
    return e ? e : board_read(&f->b, &f->dt, &f->a, &f->d);
}

/* The good board with every `from` replaced by `to`. */
static err_t read_edited(struct fixture *f, const char *from, const char *to)
{
    static char text[2 * sizeof good];
    const char *at = good, *hit;
    size_t size, len = 0;

    while (*from && (hit = strstr(at, from))) {
        len += (size_t)sprintf(text + len, "%.*s%s", (int)(hit - at), at, to);
        at = hit + strlen(from);
    }
    if (*from && at == good)
        fail_msg("\"%s\" is not in the board", from);
    strcpy(text + len, at);
    free(f->blob);
    f->blob = dts_compile(text, &size);
    return read_blob(f, f->blob, size);
}

static void read_good(struct fixture *f)
{
    if (read_edited(f, "", ""))
        fail_msg("%s", f->d.text);
}

static void refused(struct fixture *f, const char *from, const char *to, const char *message)
{
    if (!read_edited(f, from, to))
        fail_msg("\"%s\": accepted", to);
    if (!strstr(f->d.text, message))
        fail_msg("\"%s\": \"%s\" is not in \"%s\"", to, message, f->d.text);
}

static void accepted(struct fixture *f, const char *from, const char *to)
{
    if (read_edited(f, from, to))
        fail_msg("\"%s\": %s", to, f->d.text);
}

static void range_is(const struct board_range *r, const char *name, uint64_t base, uint64_t size)
{
    assert_string_equal(r->name, name);
    assert_int_equal(r->base.v, base);
    assert_int_equal(r->size, size);
}

static void irq_is(struct board_irq i, uint32_t intid, bool edge)
{
    assert_int_equal(i.intid, intid);
    assert_int_equal(i.edge, edge);
}

static void test_memory(void **state)
{
    struct fixture *f = *state;
    const struct board *b = &f->b;

    read_good(f);
    assert_int_equal(b->memories, 2); /* whole pages, sorted, the two that touch joined */
    range_is(&b->memory[0], "memory@40000000", 0x40000000, 0x10000000);
    range_is(&b->memory[1], "memory@40000000", 0x60000000, 0x30000000);
    assert_int_equal(b->reserveds, 2);
    range_is(&b->reserved[0], "fw@47fff800", 0x47fff000, 0x2000);
    assert_true(b->reserved[0].no_map);
    range_is(&b->reserved[1], "reservation", 0x40001000, 0x2000);
    assert_false(b->reserved[1].no_map);
    refused(f, "0 0x40000000 0 0x10000800", "0 0x50000000 0 0x10001000", "overlaps other memory");
    refused(f, "<0 0x80000000 0 0x10000000>", "<0 0x7ffff000 0 0x2000>", "overlaps other memory");
    refused(f, "device_type = \"memory\"; reg", "reg", "board: /: no memory");
    refused(f, "<1 0 0 0x800>", "<0x100000 0 0 0x1000>", "/memory@80000000: reg: 0x10000000000000 + 0x1000 passes");
    refused(f, "<1 0 0 0x800>", "<1 0 0>", "/memory@80000000: reg: 28 bytes");
    refused(f, "0x40001800 0x1000", "0x40001800 0xffffffffffff1000", "memory reservation 0");
}

static void test_cpus(void **state)
{
    struct fixture *f = *state;

    read_good(f);
    assert_int_equal(f->b.cpus, 2);
    assert_int_equal(f->b.cpu[0].id, 0);
    assert_int_equal(f->b.cpu[1].id, 0x101);
    assert_int_equal(f->b.cpu[1].node, dt_find(&f->dt, "/cpus/cpu@101"));
    refused(f, "reg = <0x101>", "reg = <0>", "/cpus/cpu@101: reg: 0x0 is there twice");
    refused(f, "reg = <0x101>", "reg = <0x80000101>", "reg: 0x80000101 has bits besides MPIDR affinities");
    refused(f, "reg = <0x101>", "reg = <0 0x101>", "reg: 8 bytes, 1 cells of 4");
    refused(f, "reg = <0x101>;", "", "/cpus/cpu@101: reg: 0 bytes");
    refused(f, "enable-method = \"psci\"", "enable-method = \"spin-table\"",
            "enable-method: \"spin-table\", only \"psci\"");
    refused(f, "device_type = \"cpu\"", "device_type = \"CPU\"", "no CPU");
    refused(f, "method = \"smc\"", "method = \"hvc\"", "/psci: method: \"hvc\", only \"smc\"");
    accepted(f, "\"arm,psci-1.0\", \"arm,psci-0.2\"", "\"arm,psci-1.0\"");
    refused(f, "\"arm,psci-1.0\", \"arm,psci-0.2\"", "\"arm,psci\"",
            "2 CPUs, but no node compatible with arm,psci-0.2");
    refused(f, "cpus { #address-cells = <1>", "cpus { #address-cells = <3>", "/cpus: #address-cells: 3");
    assert_int_equal(read_edited(f, "reg = <0x100>; status = \"disabled\"", "reg = <0x100>"), ERR_NONE);
    assert_int_equal(f->b.cpus, 3);
}

static void test_gic_and_timer(void **state)
{
    struct fixture *f = *state;
    const struct board_gic *g = &f->b.gic;

    read_good(f);
    assert_int_equal(g->version, 3);
    assert_int_equal(g->gicd.v, 0x8000000);
    assert_int_equal(g->gicd_size, 0x10000);
    assert_int_equal(g->gicrs, 2);
    range_is(&g->gicr[1], "intc@8000000", 0x8200000, 0x20000);
    irq_is(g->maintenance, 25, false);
    irq_is(f->b.timer.phys, 30, false);
    irq_is(f->b.timer.virt, 27, false);
    irq_is(f->b.timer.hyp, 26, false);
    accepted(f, "timer\"; ", "timer\"; interrupt-names = \"virt\", \"hyp-phys\", \"phys\", \"x\"; ");
    irq_is(f->b.timer.virt, 29, false);
    irq_is(f->b.timer.phys, 27, false);
    refused(f, "arm,gic-v3\"", "arm,gic-400\"", "no enabled node is compatible with arm,gic-v3");
    refused(f, "#interrupt-cells = <3>", "#interrupt-cells = <1>", "/intc@8000000: #interrupt-cells: 1");
    refused(f, "regions = <2>", "regions = <3>", "/intc@8000000: reg: entry 3 is missing");
    refused(f, "regions = <2>", "regions = <0xffffffff>", "#redistributor-regions: 4294967295");
    refused(f, "0x8000000 0 0x10000>", "0x8000000 0 0x1000>", "reg: entry 0 is missing or smaller than 0x10000");
    refused(f, "interrupts = <1 9 4>;", "",
            "/intc@8000000: interrupts: no per-CPU interrupt (<1 N flags>) for the maint");
    refused(f, "interrupts = <1 9 4>;", "interrupts = <1 16 4>;", "<1 16 ...> is neither");
    refused(f, "<1 13 4>, ", "", "/timer: interrupts: no per-CPU interrupt (<1 N flags>) for the hypervisor's timer");
    refused(f, "<1 11 8>", "<0 11 8>", "for the virtual timer");
    refused(f, "arm,armv8-timer", "arm,armv7-timer", "compatible with arm,armv8-timer");
}

static void test_uart(void **state)
{
    struct fixture *f = *state;
    const struct board_uart *u = &f->b.uart;

    read_good(f);
    assert_true(u->present);
    assert_int_equal(u->base.v, 0x9040000);
    irq_is(u->irq, 40, false);
    accepted(f, "serial0:115200n8", "/soc/uart@9000000");
    assert_int_equal(u->base.v, 0x9000000);
    accepted(f, "stdout-path", "stdin-path");
    assert_int_equal(u->base.v, 0x9000000); /* the first PL011 */
    accepted(f, "serial0:115200n8", "serial7");
    assert_int_equal(u->base.v, 0x9000000);
    accepted(f, "serial0:115200n8", "/soc/rtc@9010000");
    assert_false(u->present);
    refused(f, "0x9040000 0x1000", "0x9040000 0x100", "/soc/uart@9040000: reg: entry 0");
}

static void test_smmus(void **state)
{
    struct fixture *f = *state;
    const struct board_iommu *s;

    read_good(f);
    s = f->b.iommu;
    assert_int_equal(f->b.iommus, 2);
    assert_int_equal(s[0].base.v, 0x9050000);
    assert_int_equal(s[0].size, 0x20000);
    assert_true(s[0].coherent); /* by the root */
    irq_is(s[0].eventq, 32 + 74, true);
    irq_is(s[0].gerror, 32 + 77, true);
    assert_int_equal(s[0].sid_bits, 16);
    assert_int_equal(s[0].in_bits, 48);
    assert_int_equal(s[0].out_bits, 48);
    assert_true(s[0].stage2);
    assert_false(s[1].coherent);
    irq_is(s[1].eventq, 32 + 80, false);
    irq_is(s[1].gerror, 32 + 80, false);
    accepted(f, "interrupt-names = \"combined\";", "");
    irq_is(f->b.iommu[1].eventq, 0, false);
    refused(f, "0x9050000 0 0x20000", "0x9050000 0 0x1000", "/smmu@9050000: reg: entry 0");
    /* What does not come straight to the GIC is as good as none. */
    accepted(f, "interrupts = <0 80 4>", "interrupts = <0 80>");
    irq_is(f->b.iommu[1].eventq, 0, false);
    accepted(f, "interrupts = <0 80 4>", "interrupt-parent = <4>; interrupts = <0 80>");
    irq_is(f->b.iommu[1].gerror, 0, false);
}

static void test_mmio(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        uint64_t base, size;
    } want[] = {
        {"intc@8000000", 0x8000000, 0x10000}, {"its@8080000", 0x8080000, 0x20000},
        {"intc@8000000", 0x80a0000, 0x40000}, {"intc@8000000", 0x8200000, 0x20000},
        {"uart@9000000", 0x9000000, 0x1000},  {"rtc@9010000", 0x9010000, 0x800},
        {"i2c@9030000", 0x9030000, 0x100},    {"uart@9040000", 0x9040000, 0x1000},
        {"smmu@9050000", 0x9050000, 0x20000}, {"smmu@9070000", 0x9070000, 0x20000},
        {"gpio@9100000", 0x9100000, 0x1000},  {"pcie@10000000", 0x4010000000, 0x1000000},
    };

    read_good(f);
    assert_int_equal(f->b.mmios, sizeof want / sizeof *want);
    for (size_t i = 0; i < f->b.mmios; i++)
        range_is(&f->b.mmio[i], want[i].name, want[i].base, want[i].size);
}

static void test_interrupt(void **state)
{
    struct fixture *f = *state;
    struct board_irq irq;
    dt_node_t rtc, smmu;
    bool exists;

    read_good(f);
    rtc = dt_find(&f->dt, "/soc/rtc@9010000");
    smmu = dt_find(&f->dt, "/smmu@9050000");
    assert_int_equal(board_interrupt(&f->b, rtc, 1, &irq, &exists, &f->d), ERR_NONE);
    assert_true(exists);
    irq_is(irq, 34, true);
    assert_int_equal(board_interrupt(&f->b, rtc, 2, &irq, &exists, &f->d), ERR_NONE);
    assert_false(exists);
    assert_int_equal(board_interrupt(&f->b, smmu, 3, &irq, &exists, &f->d), ERR_NONE);
    irq_is(irq, 109, true);
    assert_int_equal(board_interrupt(&f->b, smmu, 4, &irq, &exists, &f->d), ERR_NONE);
    assert_false(exists);
    assert_int_equal(board_interrupt(&f->b, dt_find(&f->dt, "/cpus"), 0, &irq, &exists, &f->d), ERR_NONE);
    assert_false(exists);
    assert_int_equal(board_interrupt(&f->b, rtc, 0, &irq, &exists, &f->d), ERR_INVALID);
    assert_non_null(strstr(f->d.text, "/soc/rtc@9010000: interrupts-extended: cell 0: not the GIC"));
    accepted(f, "<4 7 1>, <1 0 2 1>", "<4 7 1>, <1 0 2>");
    f->d.text[0] = 0;
    assert_int_equal(board_interrupt(&f->b, rtc, 1, &irq, &exists, &f->d), ERR_INVALID);
    assert_non_null(strstr(f->d.text, "too few cells"));
}

static void test_pci(void **state)
{
    struct fixture *f = *state;
    const struct board_pci *p = &f->b.pci;
    uint32_t smmu, sid;

    read_good(f);
    assert_true(p->present);
    assert_int_equal(p->ecam.v, 0x4010000000);
    assert_int_equal(p->bus_last, 15);
    range_is(&p->mem32, "pci", 0x10000000, 0x2eff0000); /* not the window with another bus address */
    range_is(&p->mem64, "pci", 0x8000000000, 0x8000000000);
    assert_true(board_pci_stream(&f->b, 0xfff, &smmu, &sid));
    assert_int_equal(smmu, 0);
    assert_int_equal(sid, 0x10ff);
    assert_true(board_pci_stream(&f->b, 0x100f, &smmu, &sid));
    assert_int_equal(smmu, 1);
    assert_int_equal(sid, 0xf);
    assert_false(board_pci_stream(&f->b, 0x1010, &smmu, &sid));
    refused(f, "psci {", "pcie@1 { compatible = \"pci-host-ecam-generic\"; }; psci {", "this board has 2 PCI hosts");
    refused(f, "bus-range = <0 15>", "bus-range = <0 16>", "/pcie@10000000: bus-range: <0 16>");
    refused(f, "bus-range = <0 15>", "bus-range = <9 8>", "bus-range: <9 8>");
    refused(f, "bus-range = <0 15>", "bus-range = <250 256>", "bus-range: <250 256>");
    refused(f, "iommu-map = <0 2 ", "iommu-map = <0 1 ", "iommu-map: entry 0: phandle 0x1");
    refused(f, "<0x1000 3 0 0x10>", "<0x1000 3 0 0xf001>", "iommu-map: entry 1");
    refused(f, "<0x1000 3 0 0x10>", "<0x1000 3 0xfffffff8 0x10>", "iommu-map: entry 1");
    refused(f, "<0x1000 3 0 0x10>", "<0x1000 3 0>", "iommu-map: 28 bytes");
    refused(f, "map-mask = <0xffff>", "map-mask = <0xfff8>", "iommu-map-mask: 0xfff8");
    refused(f, "0x80 0>;", "0x80>;", "ranges: 108 bytes");
    refused(f, "0x80 0 0x80 0 0x80 0>", "0x80 0 0x100080 0 0x80 0>", "passes 2^52");
    refused(f, "0x10000000 0 0x1000000>; bus", "0x10000000 0 0x1000>; bus", "/pcie@10000000: reg: entry 0");
}

static void test_pci_functions(void **state)
{
    struct fixture *f = *state;
    const struct pci_function *disk, *root;

    read_good(f);
    assert_int_equal(f->b.pci.fns, 2);
    disk = board_pci_find(&f->b, 0x10);
    root = board_pci_find(&f->b, 0x19);
    assert_non_null(disk);
    assert_non_null(root);
    assert_null(board_pci_find(&f->b, 0x11));
    assert_int_equal(disk->vendor, 0x1b36);
    assert_int_equal(disk->device, 0x10);
    assert_int_equal(disk->class_code, 0x10802);
    assert_int_equal(disk->header, 0);
    assert_int_equal(disk->bar[0].kind, BAR_MEM64);
    assert_int_equal(disk->bar[0].size, 0x4000);
    assert_false(disk->bar[0].prefetch);
    assert_int_equal(disk->bar[1].kind, BAR_UPPER);
    assert_int_equal(disk->bar[2].kind, BAR_NONE);
    assert_int_equal(disk->bar[4].kind, BAR_IO);
    assert_int_equal(disk->bar[4].size, 0x20);
    assert_int_equal(root->header, 1);
    assert_int_equal(root->bar[0].kind, BAR_MEM32);
    assert_true(root->bar[0].prefetch);
    refused(f, "<0x1001020 0 0 0 0x20>", "<0x1001020 0 0 0 0x30>", "/pcie@10000000/disk@2,0: reg: BAR 4");
    refused(f, "<0x1001020 0 0 0 0x20>", "<0x1001014 0 0 0 0x20>", "disk@2,0: reg: BAR 1");
    refused(f, "<0x1001020 0 0 0 0x20>", "<0x3001024 0 0 0 0x20>", "BAR 5: no room");
    refused(f, "reg = <0x1900 ", "reg = <0x1000 ", "root@3,1: reg: another node is function 0x10 too");
    refused(f, "<0x10802>; interrupts = <2>", "<0x10802>; interrupts = <5>", "disk@2,0: vendor-id");
    refused(f, "<0x10802>", "<0x1010802>", "disk@2,0: vendor-id");
}

static void test_intx(void **state)
{
    struct fixture *f = *state;
    struct pci_function fn = {.bdf = 0x10, .pin = 2};
    struct board_irq irq;

    read_good(f);
    assert_int_equal(f->b.pci.intxs, 2); /* without the one of the other controller */
    assert_true(board_pci_intx(&f->b, &fn, &irq));
    irq_is(irq, 37, true);
    fn.bdf = 0x30; /* same bits under the mask */
    assert_true(board_pci_intx(&f->b, &fn, &irq));
    fn.bdf = 0x18;
    assert_false(board_pci_intx(&f->b, &fn, &irq));
    fn = (struct pci_function){.bdf = 0x07, .pin = 1};
    assert_true(board_pci_intx(&f->b, &fn, &irq));
    irq_is(irq, 35, false);
    fn.pin = 0;
    assert_false(board_pci_intx(&f->b, &fn, &irq));
    fn = (struct pci_function){.bdf = 0x100, .pin = 1}; /* behind a bridge */
    assert_false(board_pci_intx(&f->b, &fn, &irq));
    refused(f, "interrupt-map-mask = <0x1800 0 0 7>;", "", "interrupt-map-mask: four cells");
    refused(f, "0 0 0 5 1>;", "0 0 0 5>;", "interrupt-map: cell 17");
    refused(f, "<0x800 0 0 1 4 9 9>", "<0x800 0 0 1 99 9 9>", "interrupt-map: cell 10");
    refused(f, "0 0 0 5 1>;", "0 0 2 5 1>;", "interrupt-map: <2 5 ...>");
}

static void test_without_options(void **state)
{
    struct fixture *f = *state;

    accepted(f, "pci-host-ecam-generic", "pci-host-cam-generic");
    assert_false(f->b.pci.present);
    refused(f, "arm,smmu-v3", "arm,mmu-500", "iommu-map: entry 0: phandle 0x2 is no enabled node");
    accepted(f, "iommu-map = <0 2 0x100 0x1000>, <0x1000 3 0 0x10>;", "");
    assert_int_equal(f->b.pci.maps, 0);
}

static void test_arena_exhausted(void **state)
{
    struct fixture *f = *state;
    size_t size, full = f->a.size, rounds = 0;
    void *blob = dts_compile(good, &size);

    for (f->a.size = 0; read_blob(f, blob, size); f->a.size += 64, rounds++)
        assert_non_null(strstr(f->d.text, "--arena"));
    assert_true(rounds > 10 && f->a.size < full);
    f->a.size = full;
    free(blob);
}

/* What is accepted holds what board.h promises. */
static void promises_hold(const struct board *b)
{
    struct board_irq irq;
    bool exists;

    for (uint32_t i = 0; i < b->memories; i++) {
        assert_int_equal((b->memory[i].base.v | b->memory[i].size) & FRAME_MASK, 0);
        assert_true(b->memory[i].size && b->memory[i].base.v + b->memory[i].size <= UINT64_C(1) << 52);
        assert_true(!i || b->memory[i - 1].base.v + b->memory[i - 1].size < b->memory[i].base.v);
    }
    for (uint32_t i = 0; i < b->mmios; i++)
        assert_true(b->mmio[i].size && b->mmio[i].base.v + b->mmio[i].size <= UINT64_C(1) << 52);
    for (uint32_t i = 0; i < b->pci.maps; i++)
        assert_true(b->pci.map[i].iommu < b->iommus);
    for (uint32_t i = 0; i < b->pci.fns; i++) {
        const struct pci_function *fn = &b->pci.fn[i];

        assert_ptr_equal(board_pci_find(b, fn->bdf), fn);
        board_pci_intx(b, fn, &irq);
        for (int k = 0; k < 6; k++)
            assert_int_equal(fn->bar[k].size & (fn->bar[k].size - 1), 0);
    }
    for (dt_node_t n = 0; n < b->dt->nodes; n++) {
        struct diag d = {0};

        for (uint32_t i = 0; i < 3; i++) {
            if (!board_interrupt(b, n, i, &irq, &exists, &d))
                assert_true(!exists || (irq.intid >= 16 && irq.intid < 1020));
        }
    }
}

static bool read_mutated(void *context, const void *blob, size_t size)
{
    struct fixture *f = context;
    bool accepts = read_blob(f, blob, size) == ERR_NONE;

    if (accepts)
        promises_hold(&f->b);
    else
        assert_string_not_equal(f->d.text, "");
    return accepts;
}

static void test_mutated(void **state)
{
    unsigned rounds = mutate_start(20000);
    size_t size;
    uint8_t *blob = dts_compile(good, &size);

    assert_true(mutate_blob(blob, size, rounds, read_mutated, *state) || !rounds);
    free(blob);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_memory),        TEST(test_cpus), TEST(test_gic_and_timer),   TEST(test_uart),
        TEST(test_smmus),         TEST(test_mmio), TEST(test_interrupt),       TEST(test_pci),
        TEST(test_pci_functions), TEST(test_intx), TEST(test_without_options), TEST(test_arena_exhausted),
        TEST(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
