/* SPDX-License-Identifier: Apache-2.0 */
/* All tables of a plan, compiled into host memory that stands in for its pool. */
#ifndef HOST_PLAN_TABLES_H
#define HOST_PLAN_TABLES_H

#include "compile.h"

/* ERR_INVALID with a text when a table does not compile or the tables do not take exactly what was planned. */
err_t plan_tables_build(struct compiled *t, const struct plan *p, struct arena *a, struct diag *d);
void plan_tables_free(struct compiled *t);

#endif
