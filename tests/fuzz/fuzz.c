/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#define ARENA_SIZE (1u << 20)

void *fuzz_copy(const uint8_t *data, size_t size)
{
    void *copy = malloc(size);

    FUZZ_MUST(copy, "no memory");
    return size ? memcpy(copy, data, size) : copy;
}

void fuzz_arena(struct arena *a)
{
    static _Alignas(16) uint8_t memory[ARENA_SIZE];

    memset(memory, 0xa5, sizeof memory);
    arena_init(a, memory, sizeof memory);
}

bool fuzz_refused(err_t e, const struct diag *d)
{
    if (e == ERR_NONE)
        return false;
    FUZZ_MUST(e == ERR_INVALID || e == ERR_NO_SPACE, "error %d", e);
    FUZZ_MUST(memchr(d->text, 0, sizeof d->text), "the text does not end");
    FUZZ_MUST(strlen(d->text) > 8, "the text is \"%s\"", d->text);
    return true;
}
