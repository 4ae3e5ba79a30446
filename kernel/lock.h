/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spin lock. Order, outermost first: partition, vgic, gic, smmu, console. Held only over bounded work;
 * interrupts are masked at EL2, so no handler can ask for a lock its CPU holds.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "arch.h"

struct lock {
    uint32_t taken;
};

static inline void lock_take(struct lock *l)
{
    while (__atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&l->taken, __ATOMIC_RELAXED))
            arch_relax();
    }
}

static inline void lock_give(struct lock *l)
{
    __atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
}

#endif
