/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <string.h>

void arena_init(struct arena *a, void *mem, size_t size)
{
    *a = (struct arena){.mem = mem, .size = size};
}

void *arena_keep(struct arena *a, size_t count, size_t size, struct diag *d)
{
    uint8_t *p = a->mem + a->used;
    size_t end;

    if (__builtin_mul_overflow(count, size, &end) || __builtin_add_overflow(end, a->used, &end) ||
        __builtin_add_overflow(end, -end % ARENA_ALIGN, &end))
        end = SIZE_MAX;
    if (end > a->size) {
        (void)diag_fail(d, ERR_NO_SPACE, "arena: %zu bytes, %zu or more are needed: pack the image with --arena",
                        a->size, end);
        return NULL;
    }
    a->used = end;
    return p;
}

void *arena_take(struct arena *a, size_t count, size_t size, struct diag *d)
{
    void *p = arena_keep(a, count, size, d);

    return p ? memset(p, 0, count * size) : NULL;
}
