/* SPDX-License-Identifier: Apache-2.0 */
/* EL1 with the MMU off, on `virt`. Included by guest.h. */
#ifndef GUESTS_TARGET_H
#define GUESTS_TARGET_H

#include "virt.h"

/* Interrupt handler; entered: the counter at its first instruction. Only where interrupts are unmasked. */
void guest_irq(uint64_t entered);

/* -- memory and devices: the MMU is off, so every access is a device access -- */
static inline uint32_t read32(uint64_t a)
{
    uint32_t v;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline void write32(uint64_t a, uint32_t v)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(v), "r"(a) : "memory");
}
static inline void write64(uint64_t a, uint64_t v)
{
    __asm__ volatile("str %0, [%1]" ::"r"(v), "r"(a) : "memory");
}
static inline void barrier(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

#define SYSREG_READ(name)                                        \
    ({                                                           \
        uint64_t v_;                                             \
        __asm__ volatile("mrs %0, " #name : "=r"(v_)::"memory"); \
        v_;                                                      \
    })
#define SYSREG_WRITE(name, value) __asm__ volatile("msr " #name ", %0\n isb" ::"r"((uint64_t)(value)) : "memory")

/* -- calls (SMCCC) -- */
struct call hvc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3);
struct call smc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3);
static inline struct call hypercall(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return hvc(fn, a1, a2, a3);
}

#define PSCI_VERSION       0x84000000u
#define PSCI_CPU_SUSPEND   0xc4000001u
#define PSCI_CPU_OFF       0x84000002u
#define PSCI_CPU_ON        0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_SYSTEM_OFF    0x84000008u
#define PSCI_SYSTEM_RESET  0x84000009u
#define PSCI_FEATURES      0x8400000au
void psci_system_off(void);

/* -- traps that are expected -- */
/* What happened to the access: hit, and then ESR_EL1 and FAR_EL1. */
struct trap {
    bool hit;
    uint64_t esr, far;
};
struct trap try_read32(uint64_t address, uint32_t *value);
struct trap try_write32(uint64_t address, uint32_t value);
struct trap try_exec(uint64_t address);
void trap_arm(void);                  /* from here on a trap skips its instruction ... */
struct trap trap_disarm(void);        /* ... and the first one is told here */
bool trap_is_external(struct trap t); /* synchronous external abort, not on a walk (Arm ARM D17.2.37: xFSC 0b010000) */

/* -- interrupts: an id is an INTID; wait_irq is WFI with interrupts masked -- */
#define IRQ_TIME VIRT_INTID_VTIMER
void gic_enable_spi(uint32_t intid);
uint32_t gic_ack(void); /* INTID, 1023: none */
void timer_set(uint64_t cval);
void timer_stop(void);

/* BFNs that the IOMMU does not translate: none. */
static inline bool is_exempt(uint64_t a)
{
    (void)a;
    return false;
}

#endif
