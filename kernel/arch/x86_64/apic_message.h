/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt messages, whoever sends them (a local APIC's ICR, an I/O APIC, a device's MSI), and whom they reach
 * (SDM vol. 3, 11.6, 11.11, 11.12.9, 11.12.10). Pure: knows no hardware.
 *
 * Whatever a guest asks for, only fixed interrupts, edge-triggered, to one physical destination at a time are ever
 * sent for it; whom its message names is found among the CPUs of its partition.
 */
#ifndef ARCH_X86_64_APIC_MESSAGE_H
#define ARCH_X86_64_APIC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

enum apic_delivery { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_NMI = 4, APIC_INIT, APIC_SIPI, APIC_EXTINT };

enum apic_shorthand { APIC_NAMED, APIC_SELF, APIC_ALL, APIC_OTHERS };

struct apic_message {
    uint8_t vector;
    enum apic_delivery delivery;
    enum apic_shorthand shorthand; /* an ICR's; else APIC_NAMED */
    bool logical;
    bool wide;     /* dest has the 32 bits of an x2APIC, else 8 */
    bool deassert; /* an INIT that is none (11.6.1) */
    uint32_t dest;
};

/* How a CPU is called. */
struct apic_name {
    uint32_t id;
    bool x2apic; /* its logical name follows from its id, else: */
    uint8_t logical;
    bool cluster; /* logical names a cluster and a CPU in it */
};

/* Bits of an ICR that are not reserved in x2APIC mode. */
#define APIC_ICR_VALID UINT64_C(0xffffffff000ccfff)

/* wide: as written in x2APIC mode, else ICR high and low. */
struct apic_message apic_message_icr(uint64_t icr, bool wide);
/* A redirection entry of an I/O APIC (82093AA, 3.2.4). */
struct apic_message apic_message_entry(uint64_t entry);
/* What a device writes; false: that is no interrupt. */
bool apic_message_msi(uint64_t address, uint32_t data, struct apic_message *m);

/* Does m, sent by a CPU if is_self says by whom, name this CPU? */
bool apic_message_names(const struct apic_message *m, const struct apic_name *cpu, bool is_self);

/* Is this an interrupt that the CPU's own vectors handle: fixed or lowest priority, from vector 16 on? */
static inline bool apic_message_is_vector(const struct apic_message *m)
{
    return m->delivery <= APIC_LOWEST && m->vector >= 16;
}

#endif
