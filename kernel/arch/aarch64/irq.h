/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's own interrupts: UART input, SMMU events, kicks, list registers that became free, scratch
 * audits. */
#ifndef ARCH_AARCH64_IRQ_H
#define ARCH_AARCH64_IRQ_H

#include "iommu/faults.h"
#include "iommu/smmuv3.h"
#include "partition.h"

struct irq_config {
    const struct plan *plan;
    struct partition *part;
    struct smmuv3 *smmu;                    /* board->iommus of them */
    struct faults *faults;                  /* one for each */
    const struct smmuv3_stage2 *quarantine; /* likewise: where devices go that are not to be blocked */
    bool uart;                              /* the board's UART is the hypervisor's */
};

/* On the CPU that boots, after gicv3_cpu_init: claim the interrupts for it. */
void irq_init(const struct irq_config *c);

/*
 * The virtual UART's registers changed: bring its interrupt line to the level they say. Several CPUs may do
 * this at once; the last one to look leaves the level that is true.
 */
void irq_uart_update(struct partition *p);

/*
 * On a vCPU's CPU when its guest starts: periodic scratch audit, where the manifest asks for it. It goes on
 * until the partition has stopped.
 */
void irq_audit_start(struct vcpu *v);

#endif
