/* SPDX-License-Identifier: Apache-2.0 */
/* The small run-time of our guests: console, calls, traps, time, interrupts, the edu DMA device. */
#ifndef GUESTS_GUEST_H
#define GUESTS_GUEST_H

#include "mullion.h"
#include "virt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What each guest defines; it is switched off when guest_main returns. */
void guest_main(const void *dtb, uint64_t stamp);
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

/* -- console: a PL011 by polling. %s %c %u %d %x (64 bits each but %c and %s), %08x -- */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void print_char(char c);
int read_char(void); /* -1: nothing there */

/* -- calls (SMCCC) -- */
struct call {
    uint64_t x0, x1, x2, x3;
};
struct call hvc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3);
struct call smc(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3);
bool is_partition(void);      /* Mullion answers */
uint64_t info(uint64_t item); /* MULLION_INFO; UINT64_MAX on an error */

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
struct trap_frame {
    uint64_t x[18], x29, x30;
    uint64_t elr, spsr;
};
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

/* -- time and interrupts -- */
uint64_t now(void);
uint64_t ticks_per_ms(void);
void gic_init(void); /* distributor, this CPU's redistributor and interface; nothing enabled but SGIs and the timer */
void gic_enable_spi(uint32_t intid);
uint32_t gic_ack(void); /* INTID, 1023: none */
void gic_eoi(uint32_t intid);
void timer_set(uint64_t cval);
void timer_stop(void);
uint32_t
wait_irq(uint64_t ms); /* WFI with interrupts masked; the INTID that ended it, the timer's own when it was time */

/* -- PCI and edu -- */
#define EDU_ID  0x11e81234u
#define EDU_BUF 0x40000u /* its 4 KiB buffer, in its own address space */
enum {
    EDU_IRQ_STATUS = 0x24,
    EDU_IRQ_ACK = 0x64,
    EDU_DMA_SRC = 0x80,
    EDU_DMA_DST = 0x88,
    EDU_DMA_COUNT = 0x90,
    EDU_DMA_CMD = 0x98, /* bit 0: run, bit 1: from the buffer to the bus, bit 2: interrupt at the end */
};
uint64_t pci_cfg(uint32_t slot, uint32_t fn, uint32_t off);
bool edu_init(void);               /* finds it, enables memory and bus mastering */
bool edu_init_from(uint32_t slot); /* likewise, the first one in this slot or behind */
extern uint32_t edu_slot, edu_irqs, edu_intid;
extern uint64_t edu_bar;
/* One DMA, waited for by the device's interrupt (and by time when none comes). false: it never ended. */
bool edu_read(uint64_t bfn_address, uint32_t buf_offset, uint32_t bytes);  /* bus -> its buffer */
bool edu_write(uint64_t bfn_address, uint32_t buf_offset, uint32_t bytes); /* its buffer -> bus */

/* -- a few helpers -- */
uint64_t random64(void);
void fill(void *p, uint8_t first, size_t n); /* first, first + 1, ... */
bool same(const void *a, const void *b, size_t n);

#endif
