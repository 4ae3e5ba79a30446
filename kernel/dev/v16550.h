/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's virtual 16550A: transmits at once, receives into a FIFO of 16 bytes. */
#ifndef KERNEL_DEV_V16550_H
#define KERNEL_DEV_V16550_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "lock.h"

#define V16550_PORTS 8u

struct v16550 {
    struct lock lock;
    struct console_line *line;
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    uint8_t delta; /* lines that changed since the guest last read MSR: its low half */
    uint8_t fifo[16];
    uint8_t head, count;
    bool overrun; /* a byte was lost since the guest last read LSR */
    bool thre;    /* "transmitter empty" has not been told yet */
    bool level;   /* of its interrupt line, atomic */
};

void v16550_reset(struct v16550 *u, struct console_line *line);

/* Guest access of one byte at port off (0..7). */
uint8_t v16550_read(struct v16550 *u, uint32_t off);
void v16550_write(struct v16550 *u, uint32_t off, uint8_t value);

/* A byte for the guest; lost when its FIFO is full (then the overrun flag is set) or looped back. */
void v16550_receive(struct v16550 *u, char c);

/* The level of its interrupt line, which MCR.OUT2 gates as on a PC. */
bool v16550_irq_level(const struct v16550 *u);

#endif
