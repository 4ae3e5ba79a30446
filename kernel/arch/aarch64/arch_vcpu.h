/* SPDX-License-Identifier: Apache-2.0 */
/* The aarch64 part of a vCPU and of a partition. */
#ifndef ARCH_AARCH64_VCPU_H
#define ARCH_AARCH64_VCPU_H

#include "vgic.h"

/*
 * A guest's registers while the hypervisor runs, at the top of its CPU's stack. vectors.S knows the
 * layout (asserted in exits.c). x20..x29 are stored only on the slow path (aborts, system registers).
 */
struct guest_regs {
    uint64_t x[31];
    uint64_t pad;
};

struct arch_vcpu {
    struct vgic_cpu vgic;
};

struct arch_partition {
    uint64_t vttbr, vtcr; /* VTTBR_EL2, VTCR_EL2 of its p2m */
    struct vgic vgic;
};

#endif
