/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of abi/mullion.h. */
#ifndef KERNEL_HYPERCALL_H
#define KERNEL_HYPERCALL_H

#include "partition.h"

/* Serve call id of v; x[0..3] are arguments and results. Unknown ids are answered MULLION_NOT_SUPPORTED. */
void hypercall(struct vcpu *v, uint32_t id, uint64_t *x);

/* Counter at the end of each stage of the boot (MULLION_STAGE_*). */
extern uint64_t boot_stamp[];

#endif
