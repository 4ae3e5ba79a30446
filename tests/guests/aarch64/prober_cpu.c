/* SPDX-License-Identifier: Apache-2.0 */
#include "prober.h"

/* What is not ours is answered with a synchronous external abort. */
void cpu_holes(void)
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

void calls(void)
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

void disturb(void)
{
    /* SGIs to all CPUs are what hostile.c sends. */
}

void interrupts(void)
{
    const char *before = failed;
    uint32_t enabled = read32(VIRT_GICD + 0x104) >> (VIRT_INTID_INTX - 32) & 0xf;

    check(edu_irqs == dmas, "interrupts: one for each DMA");
    check(enabled == 1u << (edu_intid - VIRT_INTID_INTX), "interrupts: only the own line can be enabled");
    probes++;
    section("interrupts", before);
}
