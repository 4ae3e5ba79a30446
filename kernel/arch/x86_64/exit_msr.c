/* SPDX-License-Identifier: Apache-2.0 */
#include "arch.h"
#include "exits.h"
#include "msr_rules.h"
#include "vapic.h"

/*
 * The guest's time stamp counter is the hardware's plus tsc_offset, which is what TSC_ADJUST says: writing either
 * changes both, as in hardware (SDM vol. 3, 18.17.3), and nobody else's.
 */
static bool shadow_read(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct vmcb *b = v->arch.vmcb;

    switch (msr) {
    case MSR_EFER:
        *value = msr_efer_read(b->efer);
        return true;
    case MSR_PAT:
        *value = b->pat;
        return true;
    case MSR_TSC:
        *value = arch_ticks() + b->tsc_offset;
        return true;
    case MSR_TSC_ADJUST:
        *value = b->tsc_offset;
        return true;
    default:
        return false;
    }
}

static bool shadow_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct vmcb *b = v->arch.vmcb;

    switch (msr) {
    case MSR_EFER:
        return msr_efer_write(b->efer, b->cr0, value, &b->efer);
    case MSR_PAT:
        if (!msr_pat_valid(value))
            return false;
        b->pat = value;
        return true;
    case MSR_TSC:
        b->tsc_offset = value - arch_ticks();
        return true;
    case MSR_TSC_ADJUST:
        b->tsc_offset = value;
        return true;
    default:
        return false;
    }
}

static bool msr_get(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct msr_rule *rule = msr_rule_find(msr);

    switch (rule->action) {
    case MSR_FIXED:
        *value = rule->value;
        return true;
    case MSR_APIC:
        return vapic_msr_read(v, msr, value);
    case MSR_SHADOW:
        return shadow_read(v, msr, value);
    default:
        return false;
    }
}

static bool msr_set(struct vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr_rule_find(msr)->action) {
    case MSR_FIXED:
        return true;
    case MSR_APIC:
        return vapic_msr_write(v, msr, value);
    case MSR_SHADOW:
        return shadow_write(v, msr, value);
    default:
        return false;
    }
}

enum outcome exit_msr(struct vcpu *v)
{
    uint64_t *r = v->arch.regs.r, value = 0;
    uint32_t msr = (uint32_t)r[REG_RCX];

    if (v->arch.vmcb->exit_info[0] & 1)
        return msr_set(v, msr, r[REG_RDX] << 32 | (uint32_t)r[REG_RAX]) ? OUTCOME_SKIP : OUTCOME_GP;
    if (!msr_get(v, msr, &value))
        return OUTCOME_GP;
    r[REG_RAX] = (uint32_t)value;
    r[REG_RDX] = value >> 32;
    return OUTCOME_SKIP;
}
