/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC of the CPU that runs this: x2APIC where the CPU has it, else its registers in memory (SDM vol. 3,
 * 11.4, 11.12). The hypervisor takes no interrupt: it only sends NMI, INIT and SIPI.
 */
#ifndef ARCH_X86_64_LAPIC_H
#define ARCH_X86_64_LAPIC_H

#include "mmio.h"

#include <stdbool.h>

/* On every CPU, the one that boots first; base: of the registers where there is no x2APIC. */
void lapic_init(mmio_t base);
/* All CPUs' are in x2APIC mode. */
bool lapic_is_x2apic(void);
uint32_t lapic_id(void);

/* Registers, by their offsets in the xAPIC's page, whichever mode it is in. */
#define LAPIC_ID          0x020u
#define LAPIC_VERSION     0x030u /* 23:16: the last local vector table entry */
#define LAPIC_TPR         0x080u
#define LAPIC_PPR         0x0a0u
#define LAPIC_EOI         0x0b0u
#define LAPIC_LDR         0x0d0u
#define LAPIC_DFR         0x0e0u /* xAPIC only */
#define LAPIC_SVR         0x0f0u
#define LAPIC_ISR         0x100u /* eight of them, 0x10 apart */
#define LAPIC_IRR         0x200u
#define LAPIC_IRR_LAST    0x270u
#define LAPIC_ESR         0x280u
#define LAPIC_ICR         0x300u
#define LAPIC_ICR_HIGH    0x310u /* xAPIC only */
#define LAPIC_LVT_TIMER   0x320u
#define LAPIC_LVT_ERROR   0x370u
#define LAPIC_TIMER_COUNT 0x380u
#define LAPIC_TIMER_NOW   0x390u
#define LAPIC_TIMER_DIV   0x3e0u
#define LAPIC_SELF_IPI    0x3f0u /* x2APIC only */
#define LAPIC_SVR_ON      0x1ffu
#define LAPIC_LVT_MASKED  (1u << 16)
uint32_t lapic_read(uint32_t reg);
void lapic_write(uint32_t reg, uint32_t v);

enum lapic_send { LAPIC_FIXED = 0x4000, LAPIC_NMI = 0x4400, LAPIC_INIT = 0x4500, LAPIC_SIPI = 0x4600 };

/* To a CPU, by its physical id; vector: of a SIPI, the page where it starts. */
void lapic_send(uint32_t id, enum lapic_send what, uint8_t vector);

#endif
