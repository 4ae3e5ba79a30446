/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a whole plan: the hypervisor's own, p2m and bfn maps of every partition, and those of the
 * quarantine. The same code at boot and in the host tool; touches nothing but pool and arena.
 */
#ifndef KERNEL_COMPILE_H
#define KERNEL_COMPILE_H

#include "iommu/scratch.h"
#include "p2m/verify.h"
#include "plan.h"

/* One set of tables: the hypervisor's own, a p2m or a bfn map. */
struct compiled_table {
    const char *owner, *name; /* for messages: "linux", "p2m" */
    struct pt pt;
    const struct verify_format *verify;
    const struct pt_span *spans;
    uint32_t count;
    struct scratch scratch; /* where scratch_rights are not 0 */
    uint8_t scratch_rights;
    uint64_t first, end; /* its frames, the scratch tree's among them, by number in the pool */
};

struct compiled {
    const struct plan *plan;
    struct pool pool;             /* exactly the plan's; stacks first, what IOMMUs need is left */
    struct compiled_table *table; /* as the plan numbers them */
    uint32_t tables;
};

/*
 * Build every table into mem, which is where p->hv.pool is mapped, p->hv.pool_frames long. A refusal names
 * the partition and the table; frames that differ from the plan's count are refused, too.
 */
err_t compile_tables(struct compiled *t, const struct plan *p, void *mem, struct arena *a, struct diag *d);

/* The second opinion about one table, and about every table (p2m/verify.h). */
err_t compile_verify_table(const struct compiled *t, uint32_t i, struct diag *d);
err_t compile_verify(const struct compiled *t, struct diag *d);

#endif
