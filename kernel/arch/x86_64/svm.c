/* SPDX-License-Identifier: Apache-2.0 */
#include "svm.h"

#include "arch.h"
#include "cpu.h"
#include "layout.h"
#include "msr.h"
#include "plan.h"

_Static_assert(offsetof(struct vmcb, rax) == VMCB_RAX, "layout.h");

/* CPUID (APM vol. 3, appendix E) */
#define LEAF_FEATURES     1u
#define LEAF_XSAVE        0xdu
#define LEAF_EXTENDED     0x80000000u
#define LEAF_EXT_FEATURES 0x80000001u
#define LEAF_SIZES        0x80000008u
#define LEAF_SVM          0x8000000au
#define ECX_XSAVE         (1u << 26)
#define ECX_SVM           (1u << 2)
#define EDX_RDTSCP        (1u << 27)
#define EDX_NPT           (1u << 0)
#define EBX_SPEC_CTRL     (1u << 14 | 1u << 15 | 1u << 24) /* IBRS, STIBP, SSBD: each brings SPEC_CTRL */

#define VM_CR_SVMDIS UINT64_C(0x10)
#define CR4_OSFXSR   (UINT64_C(1) << 9)
#define CR4_OSXSAVE  (UINT64_C(1) << 18)

/* x87, SSE, AVX, the three of AVX-512. Not: MPX, protection keys (CR4.PKE would change what NPT means), AMX. */
#define XCR0_KNOWN UINT64_C(0xe7)

uint32_t svm_asids(void)
{
    if (cpuid_read(LEAF_EXTENDED, 0).a < LEAF_SVM || !(cpuid_read(LEAF_EXT_FEATURES, 0).c & ECX_SVM))
        return 0;
    return cpuid_read(LEAF_SVM, 0).b;
}

uint8_t svm_asid_bits(void)
{
    uint32_t n = svm_asids();

    return n < 2 ? 1 : (uint8_t)(31 - __builtin_clz(n));
}

err_t svm_cpu_init(struct diag *d)
{
    const struct cpu *c = cpu_self();

    if (svm_asids() == 0)
        return diag_fail(d, ERR_INVALID, "board: CPU %u has no SVM (CPUID 0x80000001, ECX bit 2)", c->index);
    if (!(cpuid_read(LEAF_SVM, 0).d & EDX_NPT))
        return diag_fail(d, ERR_INVALID, "board: CPU %u has SVM without nested paging", c->index);
    if (msr_read(MSR_VM_CR) & VM_CR_SVMDIS)
        return diag_fail(d, ERR_INVALID, "board: firmware has disabled SVM on CPU %u (VM_CR.SVMDIS)", c->index);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME);
    msr_write(MSR_VM_HSAVE_PA, c->svm.v + (SVM_CPU_HOST_SAVE << FRAME_SHIFT));
    CR_WRITE(4, CR_READ(4) | CR4_OSFXSR | (cpuid_read(LEAF_FEATURES, 0).c & ECX_XSAVE ? CR4_OSXSAVE : 0));
    /* What svm_run loads after every exit: GS, TR and the like stay as they are now. */
    __asm__ volatile("vmsave %0" : : "a"(c->svm.v + (SVM_CPU_HOST_VMCB << FRAME_SHIFT)) : "memory");
    return ERR_NONE;
}

/* What XCR0 of this CPU can have; 0: it has no XSAVE. */
static uint64_t xcr0_all(void)
{
    const struct cpuid c = cpuid_read(LEAF_XSAVE, 0);

    return cpuid_read(LEAF_FEATURES, 0).c & ECX_XSAVE ? (uint64_t)c.d << 32 | c.a : 0;
}

uint64_t svm_xcr0_allowed(void)
{
    uint64_t all = xcr0_all() & XCR0_KNOWN;

    /* The three of AVX-512 only together (APM vol. 2, 11.5.2). */
    return (all & 0xe0) == 0xe0 ? all : all & ~UINT64_C(0xe0);
}

uint32_t svm_xsave_size(void)
{
    uint64_t allowed = svm_xcr0_allowed();
    uint32_t size = 512 + 64;

    for (uint32_t i = 2; i < 8; i++) {
        struct cpuid c = cpuid_read(LEAF_XSAVE, i); /* size in EAX, offset in EBX */

        if ((allowed >> i & 1) && c.b + c.a > size)
            size = c.b + c.a;
    }
    return size;
}

void svm_xcr0_write(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0) : "memory");
}

void svm_reset_cpu(void)
{
    svm_clear_fp(xcr0_all()); /* also what no guest is given: PKRU can be written by one that sets CR4.PKE */
    __asm__ volatile("mov %0, %%dr0\n\tmov %0, %%dr1\n\tmov %0, %%dr2\n\tmov %0, %%dr3" : : "r"(UINT64_C(0)));
    /* MSRs that are passed through (msr_rules.c) and in no VMCB. */
    if (cpuid_read(LEAF_EXT_FEATURES, 0).d & EDX_RDTSCP)
        msr_write(MSR_TSC_AUX, 0);
    if (cpuid_read(LEAF_SIZES, 0).b & EBX_SPEC_CTRL)
        msr_write(MSR_SPEC_CTRL, 0);
}
