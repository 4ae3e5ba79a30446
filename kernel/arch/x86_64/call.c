/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of guests, by VMMCALL: abi/mullion.h's x0..x3 are RAX, RCX, RDX, RBX, as the registers are numbered. */
#include "exits.h"
#include "hypercall.h"

enum outcome exit_vmmcall(struct vcpu *v)
{
    uint64_t *r = v->arch.regs.r;

    if (v->arch.vmcb->cpl != 0)
        return OUTCOME_UD;
    hypercall(v, (uint32_t)r[REG_RAX], r);
    return OUTCOME_SKIP;
}
