/* SPDX-License-Identifier: Apache-2.0 */
/* Entering and leaving a guest on the CPU that its vCPU is bound to. */
#ifndef ARCH_AARCH64_VCPU_RUN_H
#define ARCH_AARCH64_VCPU_RUN_H

#include "partition.h"

/* VTTBR_EL2 and VTCR_EL2 of a finished p2m (D19.2.153, D19.2.152). */
void vcpu_set_tables(struct partition *p, mfn_t root, const struct board *b);

/* Claimed by somebody and not yet in the guest? */
bool vcpu_wanted(const struct vcpu *v);

/* Enter a claimed vCPU with every register as after reset; or report it left when its partition is leaving.
 */
void vcpu_enter(struct vcpu *v);

/* Leave the guest for good, report in, go idle. */
_Noreturn void vcpu_leave(struct vcpu *v);

#endif
