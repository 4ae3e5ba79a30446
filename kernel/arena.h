/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for the parsed manifest, the board, the plan and the run-time objects:
 * taken once, never given back. No allocation happens after launch.
 */
#ifndef KERNEL_ARENA_H
#define KERNEL_ARENA_H

#include "diag.h"

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *mem;
    size_t size;
    size_t used;
};

/* mem must be 16-byte aligned and zeroed, and stays the caller's. */
void arena_init(struct arena *a, void *mem, size_t size);

/*
 * count objects of size bytes each, zeroed, 16-byte aligned. NULL, with a text in d that says
 * how much was needed, when the arena is exhausted or count * size overflows. count may be 0
 * (the pointer is then not NULL and must not be read).
 */
void *arena_take(struct arena *a, size_t count, size_t size, struct diag *d)
    __attribute__((warn_unused_result));

#define ARENA_NEW(a, type, count, d) ((type *)arena_take((a), (count), sizeof(type), (d)))

#endif
