/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticket lock: CPUs get it in the order they asked, so that none waits longer than the others' turns. Order,
 * outermost first: partition, vgic, gic, pv, smmu, console. Held only over bounded work; interrupts are masked at
 * EL2, so no handler can ask for a lock its CPU holds.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "arch.h"

struct lock {
    uint32_t next, serving;
};

static inline void lock_take(struct lock *l)
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
        arch_relax();
}

static inline void lock_give(struct lock *l)
{
    __atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

#endif
