/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small run-time of our guests: console, calls, time, interrupts, the edu DMA device. What an architecture adds,
 * and where its board has things, is in its target.h.
 */
#ifndef GUESTS_GUEST_H
#define GUESTS_GUEST_H

#include "mullion.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call {
    uint64_t x0, x1, x2, x3;
};

#include "target.h" /* read32, write32, write64, barrier, hypercall, IRQ_TIME */

/* What each guest defines; it is switched off when guest_main returns. boot: device tree, or boot parameters. */
void guest_main(const void *boot, uint64_t stamp);

/* What the IOMMU in front of the guest's devices is like. */
struct board {
    unsigned in_bits; /* of addresses that it translates; 64: all of them */
    bool tells_faults;
};
extern struct board board;

/* -- console, by polling. %s %c %u %d %x (64 bits each but %c and %s), %08x -- */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void print_char(char c);
int read_char(void); /* -1: nothing there */

/* -- calls -- */
bool is_partition(void);      /* Mullion answers */
uint64_t info(uint64_t item); /* MULLION_INFO; UINT64_MAX on an error */

/* -- time and interrupts -- */
uint64_t now(void);
uint64_t ticks_per_ms(void);
void irq_init(void);            /* the interrupt controllers of this CPU; nothing enabled but SGIs and the timer */
uint32_t wait_irq(uint64_t ms); /* the interrupt that came, which irq_end must follow; IRQ_TIME: none did */
void irq_end(uint32_t id);

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
void edu_irq_enable(void);         /* of the device in edu_slot */
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
