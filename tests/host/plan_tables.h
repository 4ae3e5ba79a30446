/* SPDX-License-Identifier: Apache-2.0 */
/* All tables of a plan, compiled into host memory that stands in for its pool, each with its verify job. */
#ifndef HOST_PLAN_TABLES_H
#define HOST_PLAN_TABLES_H

#include "p2m/verify.h"
#include "plan.h"

struct plan_table {
    const char *owner, *name; /* partition or "mullion"; p2m, bfn map or own tables */
    struct verify_job job;
    uint64_t first, end; /* its frames, the scratch tree's among them, by number in the pool */
};

struct plan_tables {
    struct pool pool;
    struct plan_table table[1 + 2 * MANIFEST_PARTITIONS];
    unsigned count;
};

/* ERR_INVALID with a text when a table does not compile or the tables do not take exactly the pool. */
err_t plan_tables_build(struct plan_tables *t, const struct plan *p, struct diag *d);
void plan_tables_free(struct plan_tables *t);

#endif
