/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "msr.h"

enum outcome exit_cpuid(struct vcpu *v)
{
    uint64_t *r = v->arch.regs.r;
    uint32_t leaf = (uint32_t)r[REG_RAX], sub = (uint32_t)r[REG_RCX];
    struct cpuid c = {0};

    v->arch.cpuid.cr4 = v->arch.vmcb->cr4;
    if (!cpuid_is_virtual(leaf))
        c = cpuid_read(leaf, sub);
    cpuid_filter(leaf, sub, &c, &v->arch.cpuid);
    r[REG_RAX] = c.a;
    r[REG_RBX] = c.b;
    r[REG_RCX] = c.c;
    r[REG_RDX] = c.d;
    return OUTCOME_SKIP;
}

/* XCR0 is the guest's: nobody else uses what it enables. */
enum outcome exit_xsetbv(struct vcpu *v)
{
    const uint64_t *r = v->arch.regs.r;
    uint64_t value = r[REG_RDX] << 32 | (uint32_t)r[REG_RAX];

    if (v->arch.vmcb->cpl != 0 || (uint32_t)r[REG_RCX] != 0 || !cpuid_xcr0_valid(value, v->arch.cpuid.xcr0))
        return OUTCOME_GP;
    svm_xcr0_write(value);
    return OUTCOME_SKIP;
}
