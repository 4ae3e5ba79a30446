/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that a partition sees, written from the plan. */
#ifndef KERNEL_GUEST_DT_H
#define KERNEL_GUEST_DT_H

#include "plan.h"

/* Write the DTB of partition pp into buf (8-byte aligned, size bytes); the size used in *used. */
err_t guest_dt_write(const struct plan *p, const struct plan_partition *pp, void *buf, size_t size, size_t *used,
                     struct diag *d);

#endif
