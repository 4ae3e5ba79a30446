/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O APIC of a partition (82093AA data sheet, 3), as registers: no pin of the board is behind it. A pin that
 * rises sends its entry's message, if it is not masked, whatever trigger mode the entry says: none waits for an EOI.
 * Pure: knows no hardware.
 */
#ifndef ARCH_X86_64_VIOAPIC_H
#define ARCH_X86_64_VIOAPIC_H

#include "lock.h"

#include <stdbool.h>
#include <stdint.h>

#define VIOAPIC_PINS 24u

struct vioapic {
    struct lock lock;
    uint32_t level; /* of each pin */
    uint8_t select, id;
    uint64_t entry[VIOAPIC_PINS];
};

/* Every entry masked; the levels of pins are not the controller's and stay. */
void vioapic_reset(struct vioapic *io, uint8_t id);

/* Guest access of 32 bits at off in its page; others have no effect, and read as zero. */
uint32_t vioapic_read(struct vioapic *io, uint32_t off);
void vioapic_write(struct vioapic *io, uint32_t off, uint32_t value);

/* A pin changes its level. True: *entry is to be sent. */
bool vioapic_set(struct vioapic *io, uint32_t pin, bool level, uint64_t *entry);

#endif
