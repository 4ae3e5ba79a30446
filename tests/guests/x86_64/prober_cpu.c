/* SPDX-License-Identifier: Apache-2.0 */
#include "prober.h"

/* What is not ours reads all ones, and what is written there is gone. */
void cpu_holes(void)
{
    static const uint64_t hole[] = {0,
                                    Q35_VGA,
                                    BOARD_HYPERVISOR,
                                    Q35_RAM_END - PAGE,
                                    Q35_RAM_END,
                                    GUEST_RAM - PAGE,
                                    GUEST_RAM + GUEST_RAM_SIZE,
                                    Q35_ECAM + 0x100000,
                                    Q35_PCI_MEM,
                                    Q35_HPET,
                                    Q35_RCRB,
                                    Q35_AMDVI,
                                    Q35_VTD,
                                    Q35_FLASH,
                                    1ul << 32,
                                    1ul << 35,
                                    1ul << 39,
                                    1ul << 43};
    const char *before = failed;
    uint32_t a = 0x80000008;

    /* Past its own address bits the CPU refuses by itself. */
    __asm__("cpuid" : "+a"(a)::"ebx", "ecx", "edx");
    for (unsigned i = 0; i < sizeof hole / sizeof hole[0] && hole[i] < 1ul << (a & 0xff); i++) {
        uint64_t at = see(hole[i]);
        uint32_t first = read32(at);

        write32(at, 0xdeadbeef);
        if (first != UINT32_MAX || read32(at) != UINT32_MAX) {
            print("prober: address %lx: read %x, then %x\n", hole[i], first, read32(at));
            check(false, "cpu holes");
        }
        probes += 2;
    }
    trap_vector = VECTOR_NONE;
    trap_exec(0x70000000);
    check(trap_vector == VECTOR_GP, "cpu holes: branch");
    a = read32(GUEST_ROM);
    write32(GUEST_ROM, ~a);
    check(read32(GUEST_ROM) == a, "cpu writes ram-ro");
    probes += 2;
    section("cpu holes", before);
}

/* Ports of the board: PIC, PIT, keyboard, SMI, disk, COM2, debug console, fw_cfg and its DMA, PM1 and GPE blocks. */
static void ports_read(void)
{
    static const uint16_t port[] = {0x20, 0x40, 0x60, 0xb2, 0x1f0, 0x2f8, 0x402, 0x510, 0x511, 0x514, 0x600, 0x620};

    for (unsigned i = 0; i < sizeof port / sizeof port[0]; i++) {
        out8(port[i], 0);
        check(in8(port[i]) == 0xff, "calls: a port of the board");
        probes++;
    }
}

/* Messages to CPUs of other partitions, by every delivery mode, and to all but oneself. */
void disturb(void)
{
    for (uint32_t mode = 0; mode < 8; mode++) {
        const uint32_t low = 1u << 14 | mode << 8 | IRQ_EDU;

        for (uint32_t id = 0; id < 2; id++)
            TRY("wrmsr", "a"(low), "d"(id), "c"(MSR_X2APIC + APIC_ICR));
        TRY("wrmsr", "a"(low | 3u << 18), "d"(0), "c"(MSR_X2APIC + APIC_ICR));
        probes += 3;
    }
}

void calls(void)
{
    static const uint32_t undefined[] = {0xc200ffff, 0x82000000, 0xbf00ff01, 0xc6000fff, 0x8400ffff, 0xffffffff};
    static const uint32_t msr[] = {0xc0010114, 0xc0010117, 0x8b + 1, 0x200, 0xc0010111, 0xc0010010};
    const char *before = failed;
    uint64_t vmcb = BOARD_HYPERVISOR;

    for (unsigned i = 0; i < sizeof undefined / sizeof undefined[0]; i++)
        check((int64_t)hypercall(undefined[i], 1, 2, 3).x0 == MULLION_NOT_SUPPORTED, "calls: undefined");
    check((int64_t)hypercall(MULLION_INFO, 12345, 0, 0).x0 == MULLION_INVALID, "calls: bad info item");
    check(TRY("vmrun %%rax", "a"(vmcb)) == VECTOR_UD, "calls: VMRUN");
    check(TRY("vmload %%rax", "a"(vmcb)) == VECTOR_UD, "calls: VMLOAD");
    check(TRY("vmsave %%rax", "a"(vmcb)) == VECTOR_UD, "calls: VMSAVE");
    check(TRY("clgi", "a"(0)) == VECTOR_UD, "calls: CLGI");
    check(TRY("stgi", "a"(0)) == VECTOR_UD, "calls: STGI");
    check(TRY("skinit %%eax", "a"(vmcb)) == VECTOR_UD, "calls: SKINIT");
    check(TRY("invlpga %%rax, %%ecx", "a"(vmcb), "c"(0)) == VECTOR_UD, "calls: INVLPGA");
    for (unsigned i = 0; i < sizeof msr / sizeof msr[0]; i++)
        check(TRY("wrmsr", "a"(0), "d"(0), "c"(msr[i])) == VECTOR_GP, "calls: an MSR of the machine's");
    probes += 20;
    ports_read();
    section("calls", before);
}

/* A message that names another partition's CPU is not sent. */
void interrupts(void)
{
    const char *before = failed;
    uint32_t irqs = edu_irqs;

    check(irqs == dmas && edu_intid == IRQ_EDU, "interrupts: one for each DMA");
    edu_irq_send_to(0);
    check(edu_read((uint64_t)mark, 0, SAMPLE) && edu_irqs == irqs, "interrupts: only to an own CPU");
    edu_irq_enable();
    check(edu_read((uint64_t)mark, 0, SAMPLE) && edu_irqs == irqs + 1, "interrupts: again");
    probes += 2;
    section("interrupts", before);
}
