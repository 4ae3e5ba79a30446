/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober: owns an edu DMA device and aims it, and its CPU, at everything that is not its
 * own. One line for each kind of target, and a last line that says PASS or what failed.
 */
#include "prober.h"

#include <string.h>

/* Contained faults so far. They come by an interrupt of the IOMMU on some CPU: wait until there are more than
 * before. */
static uint64_t faults(uint64_t before)
{
    uint64_t n = info(MULLION_INFO_DMA_FAULTS);

    for (unsigned i = 0; i < 20 && n <= before; i++) {
        irq_end(wait_irq(10));
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
    check(!board.tells_faults || faults(f) > f, "the fault is counted");
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
    check(hypercall(MULLION_AUDIT, 0, 0, 0).x1 == 16, "dma none: audit");
    probes += 2;
    section("dma=none ram", before);
}

/* -- holes -- */

static void holes_read(void)
{
    const uint64_t edge[] = {0,
                             GUEST_RAM - PAGE,
                             GUEST_RAM + GUEST_RAM_SIZE,
                             GUEST_ROM - PAGE,
                             GUEST_DMA_NONE + GUEST_REGION_SIZE,
                             in_end() - PAGE};
    const char *before = failed;

    for (unsigned i = 0; i < sizeof edge / sizeof edge[0]; i++)
        hole_read(edge[i], "dma holes: reads");
    for (unsigned bit = 12; bit < board.in_bits; bit++)
        hole_read(1ul << bit, "dma holes: reads");
    for (unsigned i = 0; i < 20; i++)
        hole_read(random_frame(0, in_end()), "dma holes: reads");
    batch_check("dma holes: reads");
    section("dma holes: reads", before);
}

/* Machine addresses of memory, the hypervisor's and the other partition's, are holes to us. */
static void foreign_read(void)
{
    const char *before = failed;

    /* Image and tables, wherever they start; then all over it. */
    for (uint64_t a = BOARD_HYPERVISOR; a < BOARD_HYPERVISOR + 0x400000; a += 0x40000)
        hole_read(a, "dma foreign memory: reads");
    for (uint64_t a = BOARD_RAM; a < BOARD_RAM_END; a += 0x08000000)
        hole_read(a, "dma foreign memory: reads");
    for (unsigned i = 0; i < 12; i++)
        hole_read(random_frame(BOARD_RAM, BOARD_RAM_END), "dma foreign memory: reads");
    batch_check("dma foreign memory: reads");
    section("dma foreign memory: reads", before);
}

static void holes_written(void)
{
    const uint64_t mmio[] = {BOARD_MMIO_WRITTEN, edu_bar};
    const char *before = failed;

    from_bus((uint64_t)mark, 0, PAGE);
    for (unsigned i = 0; i < sizeof mmio / sizeof mmio[0]; i++)
        hole_write(mmio[i], i & 1 ? 0x40 : 0x20, "dma mmio: writes");
    section("dma mmio: writes", before);

    before = failed;
    for (unsigned i = 0; i < 10; i++)
        hole_write(random_frame(BOARD_RAM, BOARD_RAM_END), i * 0x108, "dma foreign memory: writes");
    section("dma foreign memory: writes", before);

    before = failed;
    for (unsigned i = 0; i < 10; i++)
        hole_write(random_frame(0, in_end()), PAGE - SAMPLE - i * 0x110, "dma holes: writes");
    section("dma holes: writes", before);
}

static void mmio_read(void)
{
    const uint64_t mmio[] = {BOARD_MMIO_READ, edu_bar};
    const char *before = failed;

    for (unsigned i = 0; i < sizeof mmio / sizeof mmio[0]; i++)
        hole_read(mmio[i], "dma mmio: reads");
    batch_check("dma mmio: reads");
    section("dma mmio: reads", before);
}

/* Past the IOMMU's input size the request is aborted: nothing arrives, nothing changes. */
static void beyond(void)
{
    const uint64_t past[] = {1ul << (board.in_bits & 63), 1ul << 51 | GUEST_RAM, 1ul << 63 | GUEST_RAM};
    const char *before = failed;
    static uint8_t canary[64];

    fill(canary, 0x11, sizeof canary);
    for (unsigned i = 0; i < 3; i++) {
        from_bus((uint64_t)mark, 0, SAMPLE);
        to_bus(past[i] + ((uint64_t)canary & 0xffffff), 0, SAMPLE);
        for (unsigned j = 0; j < sizeof canary; j++)
            check(canary[j] == 0x11 + j, "dma beyond the input range");
        check(hypercall(MULLION_AUDIT, 0, 0, 0).x1 == 0, "dma beyond the input range");
        probes++;
    }
    section("dma beyond the input range", before);
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
    write32(bar, (uint32_t)BOARD_IOMMU);
    write32(bar, placed);
    check(read32(bar) == placed && read32(edu_bar) >> 24 == 0x01, "pci: BAR stays"); /* identification: 0x010000ed */
    write32(pci_cfg(edu_slot, 0, 0x30), UINT32_MAX);
    check(read32(pci_cfg(edu_slot, 0, 0x30)) == 0, "pci: ROM BAR");
    probes += 3;
    section("pci", before);
}

static void probe_everything(void)
{
    own_ram();
    if (!learn_pattern())
        return;
    disturb();
    read_only(GUEST_DMA_READ, true, "dma=read ram");
    disturb();
    read_only(GUEST_ROM, false, "dma ram-ro");
    disturb();
    no_dma_ram();
    disturb();
    holes_read();
    foreign_read();
    mmio_read();
    holes_written();
    if (board.in_bits < 64)
        beyond();
    cpu_holes();
    calls();
    config_space();
    interrupts();
    check(info(MULLION_INFO_STRAYS) > 0, "strays are counted");
}

void guest_main(const void *boot, uint64_t stamp)
{
    (void)boot, (void)stamp;
    irq_init();
    if (check(is_partition(), "Mullion answers") && check(edu_init(), "edu is there"))
        probe_everything();
    verdict();
}
