/* SPDX-License-Identifier: Apache-2.0 */
/* The board's I/O APICs and its 8259s (82093AA data sheet, 3.2): silent until a pin is given a route. */
#ifndef ARCH_X86_64_IOAPIC_H
#define ARCH_X86_64_IOAPIC_H

#include "mmio.h"

/* Mask every pin; returns how many there are. */
uint32_t ioapic_silence(mmio_t base);
/* Set the redirection entry of a pin; the caller holds a lock over both registers. */
void ioapic_route(mmio_t base, uint32_t pin, uint64_t entry);
/* Mask what the 8259s could say. */
void pic_silence(void);

#endif
