/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's CPUs: what the boot sets up, and running one on the CPU that it is bound to. */
#ifndef ARCH_X86_64_VCPU_RUN_H
#define ARCH_X86_64_VCPU_RUN_H

#include "partition.h"

/* Bytes that vcpu_setup takes of its arena, for the whole plan, alignment included. */
size_t vcpu_objects_size(const struct plan *p);

/* Once for a partition: everything that its CPUs need, with its finished p2m. */
err_t vcpu_setup(struct partition *p, mfn_t p2m_root, struct arena *a, struct diag *d);

/* Registers of a device behind an emulated extent of p, before p starts. */
void vcpu_add_device(struct partition *p, const struct trap_device *dev);
#define VCPU_DEVICES 8u /* of a partition, and one for each of its assigned devices */

/* All CPUs and emulated interrupt controllers of a partition as at its first start; none of them runs. */
void vcpu_reset(struct partition *p);

/* Claimed by somebody and not yet in the guest? */
bool vcpu_wanted(const struct vcpu *v);

/* Run a claimed vCPU until it is off or its partition leaves; reports it left (vcpu_left). */
void vcpu_run(struct vcpu *v);

/*
 * Of the same partition's other CPUs. INIT: v leaves its guest and waits (VCPU_OFF: it has). SIPI: it starts in real
 * mode at page << 12; false, as a CPU ignores it, where v does not wait. NMI: v takes one.
 */
void vcpu_send_init(struct vcpu *v);
bool vcpu_send_sipi(struct vcpu *v, uint8_t page);
void vcpu_send_nmi(struct vcpu *v);

/* A byte for the virtual UART of p: from irq_take, on another CPU than those of p, perhaps. */
void vcpu_uart_receive(struct partition *p, char c);

#endif
