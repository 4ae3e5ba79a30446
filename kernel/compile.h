/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a whole plan: the hypervisor's own, and p2m, bfn map and scratch of every
 * partition. The same code at boot and in the host tool; touches nothing but pool and arena.
 */
#ifndef KERNEL_COMPILE_H
#define KERNEL_COMPILE_H

#include "iommu/scratch.h"
#include "plan.h"

struct compiled_partition {
    struct pt p2m, bfn;     /* bfn: where the plan has a bfn map */
    struct scratch scratch; /* where the plan has frames for it */
};

struct compiled {
    struct pool pool; /* exactly the plan's; stacks first, what IOMMUs need is left */
    struct pt own;
    struct compiled_partition *part;
};

/*
 * Build every table into mem, which is where p->hv.pool is mapped, p->hv.pool_frames long. A refusal names
 * the partition and the table; frames that differ from the plan's count are refused, too.
 */
err_t compile_tables(struct compiled *t, const struct plan *p, void *mem, struct arena *a, struct diag *d);

/* The second opinion about every table (p2m/verify.h). */
err_t compile_verify(const struct compiled *t, const struct plan *p, struct diag *d);

#endif
