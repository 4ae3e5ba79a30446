/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the invariants of docs/model.md on a finished plan: I1..I3, I5, I6, I8..I11 are
 * properties of the plan; of I4 that the bfn map has all bits of its SMMUs (that every BFN resolves
 * is verify's), of I7 that the pool holds every table. Asks the plan, the manifest and the board,
 * and nothing that helped to make the plan, so that a mistake in plan.c is caught, not repeated.
 */
#ifndef KERNEL_CHECK_H
#define KERNEL_CHECK_H

#include "plan.h"

/* ERR_INVALID with "I3: ..." and the two things that collide. */
err_t check_plan(const struct plan *p, struct arena *a, struct diag *d);

#endif
