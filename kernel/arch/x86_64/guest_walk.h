/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a guest's memory as its CPU does: through its page tables (AMD64 APM vol. 2, 5) and its physmap, never
 * elsewhere. Of the physmap only memory counts: what has no frame of its own, and registers, cannot be read. A walk
 * takes one read a level; rights are not looked at, for the CPU itself has just fetched from there.
 */
#ifndef ARCH_X86_64_GUEST_WALK_H
#define ARCH_X86_64_GUEST_WALK_H

#include "p2m/extent.h"

#include <stddef.h>

struct guest_memory {
    const struct physmap *physmap;
    const struct extent **last; /* the extent of the previous read, or NULL: most reads are of the same one */
    uint64_t cr0, cr3, cr4, efer;
};

/* Linear to guest physical; false: not mapped, or the tables are not in memory. */
bool guest_walk(const struct guest_memory *m, uint64_t linear, gaddr_t *out);

/* The byte at linear; 0: it cannot be read. */
uint8_t guest_byte(const struct guest_memory *m, uint64_t linear);

#define GUEST_FETCH 16u /* bytes that no instruction exceeds */

/* Copy GUEST_FETCH bytes from linear on; returns how many of them can be read, zeros follow. */
size_t guest_fetch(const struct guest_memory *m, uint64_t linear, uint8_t out[GUEST_FETCH]);

#endif
