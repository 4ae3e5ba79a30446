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

#define ARENA_ALIGN UINT64_C(16)

/* mem must be aligned to ARENA_ALIGN; its content does not matter. It stays the caller's. */
void arena_init(struct arena *a, void *mem, size_t size);

/*
 * count objects of size bytes each, zeroed, aligned to ARENA_ALIGN. NULL, with a text in d that says
 * how large the arena would have to be, when it is exhausted or count * size overflows. count may be 0
 * (the pointer is then not NULL and must not be read).
 */
void *arena_take(struct arena *a, size_t count, size_t size, struct diag *d) __attribute__((warn_unused_result));

/* The same as it is, not zeroed: for what the caller has already put there, behind a->used. */
void *arena_keep(struct arena *a, size_t count, size_t size, struct diag *d) __attribute__((warn_unused_result));

#define ARENA_NEW(a, type, count, d) ((type *)arena_take((a), (count), sizeof(type), (d)))

#endif
