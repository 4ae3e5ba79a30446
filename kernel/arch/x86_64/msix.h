/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a partition's devices: each goes to one CPU of the partition, through the entry that the plan gave
 * it in the remapping table of the IOMMU in front. Where none stands in front, or none that remaps, the device is told
 * the CPU itself: what it sends then is checked when the guest writes it, and nowhere else.
 */
#ifndef ARCH_X86_64_MSIX_H
#define ARCH_X86_64_MSIX_H

#include "iommu_x86.h"
#include "partition.h"

/* Bytes that msix_setup takes of its arena, for the whole plan. */
size_t msix_objects_size(const struct plan *p);

/* Once for a partition whose vpci is set up; units: as the board numbers them. */
err_t msix_setup(struct partition *p, struct iommu *units, struct arena *a, struct diag *d);

/* As after reset; its devices decode their registers and are no bus masters. */
void msix_reset(struct partition *p);

#endif
