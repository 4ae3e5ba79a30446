/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI 1.1 for guests (DEN 0022): a partition's calls touch only its own vCPUs. */
#include "cpu.h"
#include "exits.h"
#include "smc.h"
#include "sysreg.h"

#include <gicv3_sysreg.h>

#define PSCI_VERSION_1_1     0x10001
#define MIGRATE_NOT_REQUIRED 2
#define AFFINITY_MASK        UINT64_C(0xff00ffffff)

static struct vcpu *find(struct vcpu *v, uint64_t affinity)
{
    struct partition *p = v->part;

    return affinity < p->vcpus ? &p->vcpu[affinity] : NULL; /* Aff0 = index, the other fields are zero */
}

static int64_t cpu_on(struct vcpu *v, uint64_t target, uint64_t entry, uint64_t context)
{
    struct vcpu *t = find(v, target);
    const struct extent *e = physmap_find(&v->part->plan->physmap, gfn_of(gaddr(entry)));

    if (t == NULL)
        return PSCI_INVALID_PARAMETERS;
    if (e == NULL || !(e->cpu & R_EXEC))
        return PSCI_INVALID_ADDRESS;
    if (vcpu_claim(t, entry, context))
        return PSCI_SUCCESS;
    return __atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == VCPU_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
}

static int64_t affinity_info(struct vcpu *v, uint64_t target, uint64_t level)
{
    struct vcpu *t = find(v, target);

    if (t == NULL || level != 0)
        return PSCI_INVALID_PARAMETERS;
    uint32_t s = __atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
    return s == VCPU_CLAIMED ? VCPU_ON_PENDING : s;
}

/* Standby whatever is asked for: what is shared cannot be powered down. Waits unless an interrupt waits
 * already. */
static int64_t cpu_suspend(void)
{
    if (ich_all_free())
        CPU_WFI();
    return PSCI_SUCCESS;
}

static int64_t features(uint32_t fn)
{
    switch (fn & ~SMCCC_64) {
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_ON:
    case PSCI_AFFINITY_INFO:
        return PSCI_SUCCESS;
    case PSCI_VERSION:
    case PSCI_CPU_OFF:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case SMCCC_VERSION:
        return (fn & SMCCC_64) ? PSCI_NOT_SUPPORTED : PSCI_SUCCESS;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

enum outcome psci_call(struct vcpu *v, struct guest_regs *r, uint32_t fn, bool is64)
{
    uint64_t mask = is64 ? UINT64_MAX : UINT32_MAX;
    uint64_t a1 = r->x[1] & mask, a2 = r->x[2] & mask, a3 = r->x[3] & mask;
    int64_t result;

    switch (fn) {
    case PSCI_VERSION:
        result = PSCI_VERSION_1_1;
        break;
    case PSCI_CPU_ON:
        result = cpu_on(v, a1 & AFFINITY_MASK, a2, a3);
        break;
    case PSCI_AFFINITY_INFO:
        result = affinity_info(v, a1 & AFFINITY_MASK, a2);
        break;
    case PSCI_CPU_SUSPEND:
        result = cpu_suspend();
        break;
    case PSCI_CPU_OFF:
        return OUTCOME_LEAVE;
    case PSCI_SYSTEM_OFF:
        partition_stop(v->part, "switched itself off");
        return OUTCOME_LEAVE;
    case PSCI_SYSTEM_RESET:
        partition_reset(v->part);
        return OUTCOME_LEAVE;
    case PSCI_MIGRATE_INFO_TYPE:
        result = MIGRATE_NOT_REQUIRED;
        break;
    case PSCI_FEATURES:
        result = features((uint32_t)a1);
        break;
    default:
        result = PSCI_NOT_SUPPORTED;
    }
    r->x[0] = (uint64_t)result;
    return OUTCOME_RESUME;
}
