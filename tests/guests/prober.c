/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober: owns an edu DMA device and aims it, and its CPU, at everything that is not its
 * own. One line for each kind of target, and a last line that says PASS or what failed.
 */
#include "probe.h"

#include <string.h>

/* Contained faults so far. They come by an interrupt of the SMMU on some CPU: wait until there are more than
 * before. */
static uint64_t faults(uint64_t before)
{
    uint64_t n = info(MULLION_INFO_DMA_FAULTS);

    for (unsigned i = 0; i < 20 && n <= before; i++) {
        gic_eoi(wait_irq(10));
        n = info(MULLION_INFO_DMA_FAULTS);
    }
    return n;
}

/*
 * Memory that the device may only read: a write is a contained fault and changes nothing. The write comes
 * first, because QEMU's SMMU records no event for a write that hits a cached read-only translation.
 */
static void read_only(uint64_t a, bool writable_by_cpu, const char *what)
{
    const char *before = failed;
    uint8_t want[64];
    uint64_t f = info(MULLION_INFO_DMA_FAULTS);

    if (writable_by_cpu)
        fill((void *)a, 0x31, sizeof want);
    memcpy(want, (const void *)a, sizeof want);
    from_bus((uint64_t)mark, 0, 4);
    to_bus(a, 0, 4);
    check(same(want, (const void *)a, sizeof want), what);
    check(faults(f) > f, "the fault is counted");
    f = info(MULLION_INFO_DMA_FAULTS);
    from_bus(a, 0, sizeof want);
    fetch_buffer(sizeof want);
    check(same(want, page, sizeof want) && info(MULLION_INFO_DMA_FAULTS) == f, what);
    probes += 2;
    section(what, before);
}

static void no_dma_ram(void)
{
    const char *before = failed;
    uint8_t want[64];

    fill((void *)GUEST_DMA_NONE, 0x41, sizeof want);
    fill(want, 0x41, sizeof want);
    from_bus(GUEST_DMA_NONE, 0, sizeof want);
    fetch_buffer(sizeof want);
    check(same(pattern, page, sizeof want), "dma none: read");
    from_bus((uint64_t)mark, 0, 16);
    to_bus(GUEST_DMA_NONE, 0, 16);
    check(same(want, (const void *)GUEST_DMA_NONE, sizeof want), "dma none: write");
    check(hvc(MULLION_AUDIT, 0, 0, 0).x1 == 16, "dma none: audit");
    probes += 2;
    section("dma=none ram", before);
}

/* -- holes -- */

static void holes_read(void)
{
    static const uint64_t edge[] = {0,
                                    GUEST_RAM - PAGE,
                                    GUEST_RAM + GUEST_RAM_SIZE,
                                    GUEST_ROM - PAGE,
                                    GUEST_DMA_NONE + GUEST_REGION_SIZE,
                                    (1ul << VIRT_IN_BITS) - PAGE};
    const char *before = failed;

    for (unsigned i = 0; i < sizeof edge / sizeof edge[0]; i++)
        hole_read(edge[i], "dma holes: reads");
    for (unsigned bit = 12; bit < VIRT_IN_BITS; bit++)
        hole_read(1ul << bit, "dma holes: reads");
    for (unsigned i = 0; i < 20; i++)
        hole_read(random_frame(0, 1ul << VIRT_IN_BITS), "dma holes: reads");
    batch_check("dma holes: reads");
    section("dma holes: reads", before);
}

/* Machine addresses of memory, the hypervisor's and the other partition's, are holes to us. */
static void foreign_read(void)
{
    const char *before = failed;

    /* Image and tables, wherever they start; then all over it. */
    for (uint64_t a = VIRT_RAM; a < VIRT_RAM + 0x400000; a += 0x40000)
        hole_read(a, "dma foreign memory: reads");
    for (uint64_t a = VIRT_RAM; a < VIRT_RAM_END; a += 0x08000000)
        hole_read(a, "dma foreign memory: reads");
    for (unsigned i = 0; i < 12; i++)
        hole_read(random_frame(VIRT_RAM, VIRT_RAM_END), "dma foreign memory: reads");
    batch_check("dma foreign memory: reads");
    section("dma foreign memory: reads", before);
}

static void holes_written(void)
{
    const uint64_t mmio[] = {VIRT_GICD,
                             VIRT_GICR + 0x10000,
                             VIRT_GITS_TRANSLATER & ~0xffful,
                             VIRT_UART,
                             VIRT_RTC,
                             VIRT_GPIO,
                             VIRT_FW_CFG & ~0xffful,
                             VIRT_SMMU,
                             VIRT_ECAM,
                             edu_bar};
    const char *before = failed;

    from_bus((uint64_t)mark, 0, PAGE);
    for (unsigned i = 0; i < sizeof mmio / sizeof mmio[0]; i++)
        hole_write(mmio[i], i & 1 ? 0x40 : 0x20, "dma mmio: writes");
    section("dma mmio: writes", before);

    before = failed;
    for (unsigned i = 0; i < 10; i++)
        hole_write(random_frame(VIRT_RAM, VIRT_RAM_END), i * 0x108, "dma foreign memory: writes");
    section("dma foreign memory: writes", before);

    before = failed;
    for (unsigned i = 0; i < 10; i++)
        hole_write(random_frame(0, 1ul << VIRT_IN_BITS), PAGE - SAMPLE - i * 0x110, "dma holes: writes");
    section("dma holes: writes", before);
}

static void mmio_read(void)
{
    const uint64_t mmio[] = {VIRT_GICD, VIRT_GICR, VIRT_GITS,    VIRT_GITS_TRANSLATER & ~0xffful,
                             VIRT_UART, VIRT_RTC,  VIRT_GPIO,    VIRT_FW_CFG & ~0xffful,
                             VIRT_SMMU, VIRT_ECAM, VIRT_PCI_MEM, edu_bar};
    const char *before = failed;

    for (unsigned i = 0; i < sizeof mmio / sizeof mmio[0]; i++)
        hole_read(mmio[i], "dma mmio: reads");
    batch_check("dma mmio: reads");
    section("dma mmio: reads", before);
}

/* Past the SMMU's input size the request is aborted: nothing arrives, nothing changes. */
static void beyond(void)
{
    static const uint64_t past[] = {1ul << VIRT_IN_BITS, 1ul << 51 | GUEST_RAM, 1ul << 63 | GUEST_RAM};
    const char *before = failed;
    static uint8_t canary[64];

    fill(canary, 0x11, sizeof canary);
    for (unsigned i = 0; i < 3; i++) {
        from_bus((uint64_t)mark, 0, SAMPLE);
        to_bus(past[i] + ((uint64_t)canary & 0xffffff), 0, SAMPLE);
        for (unsigned j = 0; j < sizeof canary; j++)
            check(canary[j] == 0x11 + j, "dma beyond the input range");
        check(hvc(MULLION_AUDIT, 0, 0, 0).x1 == 0, "dma beyond the input range");
        probes++;
    }
    section("dma beyond the input range", before);
}

/* -- the CPU: what is not ours is answered with a synchronous external abort -- */

static void cpu_holes(void)
{
    static const uint64_t hole[] = {0,
                                    VIRT_GITS,
                                    VIRT_GITS_TRANSLATER,
                                    VIRT_RTC,
                                    VIRT_GPIO,
                                    VIRT_SMMU,
                                    GUEST_RAM - PAGE,
                                    GUEST_RAM + GUEST_RAM_SIZE,
                                    0x7ffff000,
                                    VIRT_RAM_END - PAGE,
                                    VIRT_RAM_END,
                                    1ul << 35,
                                    VIRT_ECAM + VIRT_ECAM_SIZE,
                                    1ul << 39,
                                    1ul << 43};
    const char *before = failed;
    uint32_t v = 0;

    /* Past its own address bits the CPU refuses by itself. */
    static const uint8_t pa_bits[] = {32, 36, 40, 42, 44, 48, 52};
    uint64_t range, limit;
    __asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(range));
    limit = 1ul << pa_bits[(range & 15) < 6 ? range & 15 : 6];

    for (unsigned i = 0; i < sizeof hole / sizeof hole[0] && hole[i] < limit; i++) {
        struct trap r = try_read32(hole[i], &v), w = try_write32(hole[i], 0xdeadbeef);
        if (!trap_is_external(r) || r.far != hole[i] || !trap_is_external(w)) {
            print("prober: address %lx: read esr %lx far %lx, write esr %lx\n", hole[i], r.esr, r.far, w.esr);
            check(false, "cpu holes");
        }
        probes += 2;
    }
    check(trap_is_external(try_exec(0x70000000)), "cpu holes: branch");
    v = read32(GUEST_ROM);
    check(trap_is_external(try_write32(GUEST_ROM, ~v)) && read32(GUEST_ROM) == v, "cpu writes ram-ro");
    probes += 2;
    section("cpu holes", before);
}

static void calls(void)
{
    static const uint64_t undefined[] = {0xc200ffff, 0x82000000, 0xbf00ff01, 0xc6000fff, 0x8400ffff, 0xffffffff};
    const char *before = failed;

    for (unsigned i = 0; i < sizeof undefined / sizeof undefined[0]; i++) {
        check((int32_t)smc(undefined[i], 1, 2, 3).x0 == MULLION_NOT_SUPPORTED, "calls: undefined SMC");
        check((int32_t)hvc(undefined[i], 1, 2, 3).x0 == MULLION_NOT_SUPPORTED, "calls: undefined HVC");
        probes += 2;
    }
    check((int64_t)hvc(MULLION_INFO, 12345, 0, 0).x0 == MULLION_INVALID, "calls: bad info item");
    check(hvc(PSCI_VERSION, 0, 0, 0).x0 >= 0x10000, "calls: PSCI version");
    check(smc(PSCI_VERSION, 0, 0, 0).x0 >= 0x10000, "calls: PSCI version by SMC");
    check((int32_t)hvc(PSCI_CPU_ON, 1, GUEST_RAM, 0).x0 == -2, "calls: CPU_ON of another partition's CPU");
    check((int32_t)hvc(PSCI_CPU_ON, 0, GUEST_RAM, 0).x0 == -4, "calls: CPU_ON of oneself");
    check((int32_t)hvc(PSCI_AFFINITY_INFO, 3, 0, 0).x0 == -2, "calls: AFFINITY_INFO of another partition's CPU");
    probes += 6;
    section("calls", before);
}

static void config_space(void)
{
    const uint64_t bar = pci_cfg(edu_slot, 0, 0x10);
    const uint32_t placed = read32(bar);
    const char *before = failed;

    for (uint32_t slot = 0; slot < 32; slot++)
        if (slot != edu_slot)
            check(read32(pci_cfg(slot, 0, 0)) == UINT32_MAX, "pci: another function is seen");
    write32(bar, UINT32_MAX);
    check((read32(bar) & ~0xfu) == 0xfff00000, "pci: BAR size"); /* 1 MiB */
    write32(bar, (uint32_t)VIRT_SMMU);
    write32(bar, placed);
    check(read32(bar) == placed && read32(edu_bar) >> 24 == 0x01, "pci: BAR stays"); /* identification: 0x010000ed */
    write32(pci_cfg(edu_slot, 0, 0x30), UINT32_MAX);
    check(read32(pci_cfg(edu_slot, 0, 0x30)) == 0, "pci: ROM BAR");
    probes += 3;
    section("pci", before);
}

static void interrupts(void)
{
    const char *before = failed;
    uint32_t enabled = read32(VIRT_GICD + 0x104) >> (VIRT_INTID_INTX - 32) & 0xf;

    check(edu_irqs == dmas, "interrupts: one for each DMA");
    check(enabled == 1u << (edu_intid - VIRT_INTID_INTX), "interrupts: only the own line can be enabled");
    probes++;
    section("interrupts", before);
}

static void probe_everything(void)
{
    own_ram();
    if (!learn_pattern())
        return;
    read_only(GUEST_DMA_READ, true, "dma=read ram");
    read_only(GUEST_ROM, false, "dma ram-ro");
    no_dma_ram();
    holes_read();
    foreign_read();
    mmio_read();
    holes_written();
    beyond();
    cpu_holes();
    calls();
    config_space();
    interrupts();
    check(info(MULLION_INFO_STRAYS) > 0, "strays are counted");
}

void guest_main(const void *dtb, uint64_t stamp)
{
    (void)dtb, (void)stamp;
    gic_init();
    if (check(is_partition(), "Mullion answers") && check(edu_init(), "edu is there"))
        probe_everything();
    verdict();
}
