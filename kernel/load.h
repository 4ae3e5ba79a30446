/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a partition's memory: cleared, then images and device tree as planned. */
#ifndef KERNEL_LOAD_H
#define KERNEL_LOAD_H

#include "plan.h"

/* Clear all memory that is the partition's own (not what it shares), down to the point of coherency. */
void load_scrub(const struct plan_partition *pp);

/* Copy kernel, initrd and the contents of regions to their places. */
void load_images(const struct plan_partition *pp);

/* Where pp->start is in mapped memory: GUEST_START_MAX bytes. */
void *load_start_block(const struct plan_partition *pp);

/* Write its device tree there. */
err_t load_dtb(const struct plan *p, const struct plan_partition *pp, struct diag *d);

/* Clear the shared regions; once, at boot. */
void load_scrub_shared(const struct plan *p);

#endif
