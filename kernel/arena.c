/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#define ARENA_ALIGN 16u

void arena_init(struct arena *a, void *mem, size_t size)
{
    *a = (struct arena){.mem = mem, .size = size};
}

void *arena_take(struct arena *a, size_t count, size_t size, struct diag *d)
{
    size_t room = a->size - a->used, bytes;
    void *p = a->mem + a->used;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > room ||
        room - bytes < (-bytes % ARENA_ALIGN)) {
        (void)diag_fail(d, ERR_NO_SPACE, "arena: %zu objects of %zu bytes needed, %zu of %zu bytes left",
                        count, size, room, a->size);
        return NULL;
    }
    a->used += bytes + (-bytes % ARENA_ALIGN);
    return p;
}
