/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's virtual PL011 (DDI 0183 3.3): transmits at once, receives into a FIFO of 32 bytes. */
#ifndef KERNEL_DEV_VPL011_H
#define KERNEL_DEV_VPL011_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "lock.h"

struct vpl011 {
    struct lock lock;
    struct console_line *line;
    uint16_t imsc, ris, cr, lcr_h, ibrd, fbrd, ifls;
    uint8_t fifo[32];
    uint8_t head, count;
    bool overrun; /* a byte was lost since the guest last looked */
};

void vpl011_reset(struct vpl011 *u, struct console_line *line);

/* Guest access of width bytes at off (0..0xfff). Unknown registers read as zero and ignore writes. */
uint32_t vpl011_read(struct vpl011 *u, uint32_t off);
void vpl011_write(struct vpl011 *u, uint32_t off, uint32_t value);

/* A byte for the guest; lost when its FIFO is full (then the overrun flag is set). */
void vpl011_receive(struct vpl011 *u, char c);

/* The level of its interrupt line (UARTMIS != 0). */
bool vpl011_irq_level(const struct vpl011 *u);

#endif
