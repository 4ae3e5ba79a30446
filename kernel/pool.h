/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's own frames: page tables, scratch pages, IOMMU queues, stacks. The plan
 * counts them exactly, places them in one run, and they are handed out in order; none is
 * ever given back.
 */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include "frame.h"

#include <stddef.h>

struct pool {
    mfn_t first;
    uint64_t frames;
    uint64_t used;
    uint8_t *mem; /* where the first frame is mapped */
};

/*
 * count adjacent zeroed frames, the first aligned to count frames where count is a power of
 * two and align is set. Returns false and takes nothing when the pool is exhausted: a plan
 * whose count was wrong, which the caller treats as our own bug. Frames skipped to align are
 * used up: at most count - 1, which whoever sizes the pool adds.
 */
bool pool_take(struct pool *p, uint64_t count, bool align, mfn_t *out) __attribute__((warn_unused_result));

/* Does the frame belong to this pool? */
static inline bool pool_has(const struct pool *p, mfn_t f)
{
    return f.n - p->first.n < p->frames;
}

/* The frame's 4096 bytes; f must belong to the pool. */
static inline void *pool_ptr(const struct pool *p, mfn_t f)
{
    return p->mem + ((f.n - p->first.n) << FRAME_SHIFT);
}

#endif
