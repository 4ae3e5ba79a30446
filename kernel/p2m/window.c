/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/window.h"

uint64_t *window_leaf(const struct pt *t, uint64_t in)
{
    const struct pt_format *f = t->format;
    uint64_t *table = pool_ptr(t->pool, t->root);
    uint64_t index = in >> PT_BITS * t->shape.root_level; /* a root of several frames goes on above PT_ENTRIES */

    for (unsigned level = t->shape.root_level; level > 0; level--) {
        uint64_t e = table[index];
        if (e == t->fill[level] || (e & f->kind) == f->kind_leaf)
            return NULL;
        table = pool_ptr(t->pool, mfn_of(maddr(e & f->addr)));
        index = (in >> PT_BITS * (level - 1)) % PT_ENTRIES;
    }
    return &table[index];
}

struct window_run window_store(const struct pt *t, uint64_t in, uint64_t frames, uint64_t value, uint64_t step)
{
    uint64_t room = PT_ENTRIES - in % PT_ENTRIES;
    struct window_run run = {window_leaf(t, in), frames < room ? frames : room};

    for (uint64_t i = 0; i < run.count; i++)
        __atomic_store_n(&run.leaf[i], value + i * step, __ATOMIC_RELEASE);
    return run;
}
