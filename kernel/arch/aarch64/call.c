/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of guests, by HVC or trapped SMC: SMCCC 1.2 (DEN 0028). */
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

static bool is_workaround(uint64_t fn)
{
    return fn == SMCCC_ARCH_WORKAROUND_1 || fn == SMCCC_ARCH_WORKAROUND_2 || fn == SMCCC_ARCH_WORKAROUND_3;
}

/* Architecture calls (7): only the workarounds reach firmware, and only where it has them. */
static int64_t arch_call(uint32_t fn, uint64_t argument)
{
    if (fn == SMCCC_VERSION)
        return SMCCC_VERSION_1_1;
    if (fn == SMCCC_ARCH_FEATURES && is_workaround(argument))
        return smc_arch_features((uint32_t)argument);
    if (!is_workaround(fn) || smc_arch_features(fn) < 0)
        return PSCI_NOT_SUPPORTED;
    smc_arch_workaround(fn, argument);
    return PSCI_SUCCESS;
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
        r->x[0] = (uint64_t)(owner == SMCCC_OWNER_ARCH ? arch_call(id, r->x[1]) : PSCI_NOT_SUPPORTED);
    return OUTCOME_RESUME;
}
