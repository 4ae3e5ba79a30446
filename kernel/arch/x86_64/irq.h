/* SPDX-License-Identifier: Apache-2.0 */
/* What the hypervisor itself must look after at run time: UART input, faults that IOMMUs report. */
#ifndef ARCH_X86_64_IRQ_H
#define ARCH_X86_64_IRQ_H

#include "iommu_x86.h"
#include "partition.h"

struct irq_config {
    const struct plan *plan;
    struct partition *part;
    struct iommu *iommu; /* as the board numbers them */
};

/* On the CPU that boots: it is the one that looks, and that UART and IOMMUs kick. Units are enabled. */
err_t irq_init(const struct irq_config *c, struct diag *d);

/* On any CPU that an NMI has kicked, in a guest or not. */
void irq_take(void);

#endif
