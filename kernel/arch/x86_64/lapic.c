/* SPDX-License-Identifier: Apache-2.0 */
#include "lapic.h"

#include "arch.h"
#include "msr.h"

#define APIC_BASE_X2APIC (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)
#define CPUID_1_X2APIC   (1u << 21)

#define ICR_BUSY   (1u << 12)
#define BUSY_PER_S 1000 /* a millisecond */

static mmio_t registers;
static bool x2apic;

uint32_t lapic_read(uint32_t reg)
{
    return x2apic ? (uint32_t)msr_read(MSR_X2APIC + reg / 16) : mmio_read32(registers, reg);
}

void lapic_write(uint32_t reg, uint32_t v)
{
    if (x2apic)
        msr_write(MSR_X2APIC + reg / 16, v);
    else
        mmio_write32(registers, reg, v);
}

void lapic_init(mmio_t base)
{
    /* In the order that they came into being: timer, LINT0, LINT1, error, performance, thermal. */
    static const uint16_t lvt[] = {0x320, 0x350, 0x360, 0x370, 0x340, 0x330};
    uint64_t mode = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    registers = base;
    x2apic = (cpuid_read(1, 0).c & CPUID_1_X2APIC) != 0;
    msr_write(MSR_APIC_BASE, mode);
    if (x2apic)
        msr_write(MSR_APIC_BASE, mode | APIC_BASE_X2APIC);
    lapic_write(LAPIC_SVR, LAPIC_SVR_ON);
    /* What firmware left must not reach the guest: nothing comes from the CPU's own sources. */
    for (uint32_t i = 0; i < sizeof lvt / sizeof *lvt && i <= (lapic_read(LAPIC_VERSION) >> 16 & 0xff); i++)
        lapic_write(lvt[i], LAPIC_LVT_MASKED);
    lapic_write(LAPIC_TPR, 0);
}

bool lapic_is_x2apic(void)
{
    return x2apic;
}

uint32_t lapic_id(void)
{
    return x2apic ? lapic_read(LAPIC_ID) : lapic_read(LAPIC_ID) >> 24;
}

void lapic_send(uint32_t id, enum lapic_send what, uint8_t vector)
{
    uint32_t low = (uint32_t)what | vector;

    if (x2apic) {
        msr_write(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)id << 32 | low);
        return;
    }
    uint64_t since = arch_ticks();

    while ((lapic_read(LAPIC_ICR) & ICR_BUSY) && arch_ticks() - since < arch_ticks_hz() / BUSY_PER_S)
        arch_relax();
    lapic_write(LAPIC_ICR_HIGH, id << 24);
    lapic_write(LAPIC_ICR, low);
}
