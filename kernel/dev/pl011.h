/* SPDX-License-Identifier: Apache-2.0 */
/* The board's UART: Arm PrimeCell PL011 (DDI 0183). */
#ifndef KERNEL_DEV_PL011_H
#define KERNEL_DEV_PL011_H

#include "mmio.h"

#include <stdbool.h>

/* Keep the baud rate that firmware set; enable the FIFOs, transmitter, receiver and receive interrupts. */
void pl011_init(mmio_t base);
/* Wait (bounded) for room, then send; a stuck UART loses the byte, never the CPU. */
void pl011_put(mmio_t base, char c);
/* The next received byte, if any. */
bool pl011_get(mmio_t base, char *c);

#endif
