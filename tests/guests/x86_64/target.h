/* SPDX-License-Identifier: Apache-2.0 */
/* Long mode at CPL 0, as kernel/guest_pc.h says, on `q35`; x2APIC. Included by guest.h. */
#ifndef GUESTS_TARGET_H
#define GUESTS_TARGET_H

#include "q35.h"

/* Called by start.S before guest_main. */
void target_init(const uint8_t *boot);
void guest_off(void);

/* -- memory and devices: at their own addresses below 4 GiB -- */
static inline uint32_t read32(uint64_t a)
{
    uint32_t v;
    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline void write32(uint64_t a, uint32_t v)
{
    __asm__ volatile("movl %0, (%1)" ::"r"(v), "r"(a) : "memory");
}
static inline void write64(uint64_t a, uint64_t v)
{
    __asm__ volatile("movq %0, (%1)" ::"r"(v), "r"(a) : "memory");
}
static inline void barrier(void)
{
    __asm__ volatile("mfence" ::: "memory");
}
/* Where the CPU sees this address: itself, or above 4 GiB in the one window, valid until the next call. */
uint64_t see(uint64_t address);

static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline uint32_t in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void out32(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

#define MSR_X2APIC 0x800u /* + register / 16 */
#define APIC_ID    0x02u
#define APIC_EOI   0x0bu
#define APIC_SVR   0x0fu
#define APIC_ICR   0x30u
#define APIC_LVT   0x32u /* the timer's */
#define APIC_COUNT 0x38u
#define APIC_NOW   0x39u
#define APIC_DIV   0x3eu
static inline uint64_t apic_read(uint32_t reg)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_X2APIC + reg));
    return (uint64_t)high << 32 | low;
}
static inline void apic_write(uint32_t reg, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(MSR_X2APIC + reg) : "memory");
}

/* -- calls -- */
static inline struct call hypercall(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct call c = {fn, a1, a2, a3};
    __asm__ volatile("vmmcall" : "+a"(c.x0), "+c"(c.x1), "+d"(c.x2), "+b"(c.x3)::"memory");
    return c;
}

/* -- exceptions that are expected -- */
#define VECTOR_UD   6u
#define VECTOR_GP   13u
#define VECTOR_NONE UINT32_MAX
extern volatile uint64_t trap_resume; /* not 0: one is expected, and goes on there */
extern volatile uint32_t trap_vector; /* what it was */
void trap_exec(uint64_t address);     /* branch there; a trap returns */
/* An instruction that leaves all its registers as they were, and the vector of what came of it. */
#define TRY(insn, ...)                                                                                              \
    ({                                                                                                              \
        trap_vector = VECTOR_NONE;                                                                                  \
        __asm__ volatile("movq $1f, %0\n\t" insn "\n1:\tmovq $0, %0" : "=m"(trap_resume) : __VA_ARGS__ : "memory"); \
        trap_vector;                                                                                                \
    })

/* -- interrupts: an id is a vector; they are taken in wait_irq alone -- */
#define IRQ_TIME 0x40u
#define IRQ_EDU  0x41u
void edu_irq_send_to(uint64_t apic_id); /* edu_irq_enable: to this CPU */

/* BFNs that the IOMMU does not translate: the interrupt range, and what AMD reserves (DESIGN 3). */
static inline bool is_exempt(uint64_t a)
{
    return a >> 20 == 0xfee || (a >= 0xfd00000000ul && a <= 0xfffffffffful);
}

#endif
