/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of guests, by HVC or trapped SMC: SMCCC 1.2 (DEN 0028). Nothing is passed on to firmware. */
#include "exits.h"
#include "hypercall.h"
#include "smc.h"

#define SMCCC_OWNER_SHIFT      24
#define SMCCC_OWNER_MASK       0x3fu
#define SMCCC_FAST             0x80000000u
#define SMCCC_OWNER_ARCH       0u
#define SMCCC_OWNER_STANDARD   4u
#define SMCCC_OWNER_VENDOR_HYP 6u
#define SMCCC_VERSION_1_1      0x10001u

static uint64_t arch_call(uint32_t fn)
{
    return fn == SMCCC_VERSION ? SMCCC_VERSION_1_1 : (uint64_t)PSCI_NOT_SUPPORTED;
}

enum outcome call_dispatch(struct vcpu *v, struct guest_regs *r)
{
    uint32_t id = (uint32_t)r->x[0];
    uint32_t owner = (id >> SMCCC_OWNER_SHIFT) & SMCCC_OWNER_MASK;

    if (!(id & SMCCC_FAST)) {
        r->x[0] = (uint64_t)PSCI_NOT_SUPPORTED;
        return OUTCOME_RESUME;
    }
    if (owner == SMCCC_OWNER_STANDARD)
        return psci_call(v, r, id & ~SMCCC_64, (id & SMCCC_64) != 0);
    if (owner == SMCCC_OWNER_VENDOR_HYP)
        hypercall(v, id, r->x);
    else
        r->x[0] = owner == SMCCC_OWNER_ARCH ? arch_call(id) : (uint64_t)PSCI_NOT_SUPPORTED;
    return OUTCOME_RESUME;
}
