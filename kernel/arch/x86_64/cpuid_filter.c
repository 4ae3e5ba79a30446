/* SPDX-License-Identifier: Apache-2.0 */
#include "cpuid_filter.h"

#include <stddef.h>

#define BIT(n)  (UINT32_C(1) << (n))
#define ALL     UINT32_MAX
#define ANY_SUB UINT32_MAX

#define LEAF_MAX 0xdu
#define EXT_BASE 0x80000000u
#define EXT_MAX  0x80000021u

/* SSE3, PCLMULQDQ, SSSE3, FMA, CX16, PCID, SSE4.1, SSE4.2, x2APIC, MOVBE, POPCNT, AES, XSAVE, AVX, F16C, RDRAND */
#define C1                                                                                                      \
    (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | \
     BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define C1_OSXSAVE    BIT(27)
#define C1_HYPERVISOR BIT(31)
/* FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFLUSH MMX FXSR SSE SSE2; HTT is ours */
#define D1     (UINT32_C(0x0783fbff) | BIT(19))
#define D1_HTT BIT(28)
/* FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, AVX512F, DQ, RDSEED, ADX, SMAP, IFMA, CLFLUSHOPT, CLWB, AVX512CD,
 * SHA, AVX512BW, VL. TSC_ADJUST is ours. */
#define B7                                                                                                             \
    (BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(16) | BIT(17) | BIT(18) | BIT(19) | BIT(20) | \
     BIT(21) | BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
#define B7_TSC_ADJUST BIT(1)
/* VBMI, UMIP, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, LA57, RDPID */
#define C7 (BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(16) | BIT(22))
/* FSRM, VP2INTERSECT, and what SPEC_CTRL and PRED_CMD bring: both are passed through */
#define D7 (BIT(4) | BIT(8) | BIT(26) | BIT(27) | BIT(31))
/* LAHF, AltMovCr8, ABM, SSE4A, MisAlignSse, 3DNowPrefetch, XOP, FMA4, TBM; CmpLegacy is ours */
#define C_EXT            (BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(16) | BIT(21))
#define C_EXT_CMP_LEGACY BIT(1)
/* as in leaf 1, and SYSCALL, NX, MmxExt, FFXSR, Page1GB, RDTSCP, LM, 3DNow */
#define D_EXT \
    (UINT32_C(0x0183f3ff) | BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(27) | BIT(29) | BIT(30) | BIT(31))
/* CLZERO, RstrFpErrPtrs, WBNOINVD, IBPB, IBRS, STIBP and what is said of them, SSBD, SsbdNotRequired, PSFD */
#define B_SIZES \
    (BIT(0) | BIT(2) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(18) | BIT(24) | BIT(26) | BIT(28))
#define A6_ARAT         BIT(2)
#define D_INVARIANT_TSC BIT(8)
#define A_FEATURES2     (BIT(2) | BIT(6)) /* LFENCE serialises; null selectors clear the base */
#define A_XSAVE1        7u /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1; not XSAVES, whose MSR is not given */

#define CR4_OSXSAVE (UINT64_C(1) << 18)

typedef void cpuid_fn(uint32_t sub, struct cpuid *c, const struct cpuid_view *v);

static uint32_t at_most(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void leaf_max(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    (void)v;
    c->a = at_most(c->a, LEAF_MAX);
}

static void leaf_ext_max(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    (void)v;
    c->a = at_most(c->a, EXT_MAX);
}

static void leaf_features(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    c->b |= v->cpus << 16 | v->apic_id << 24;
    c->c |= C1_HYPERVISOR | (v->cr4 & CR4_OSXSAVE ? C1_OSXSAVE : 0);
    c->d |= v->cpus > 1 ? D1_HTT : 0;
}

static void leaf_features7(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    (void)v;
    c->b |= B7_TSC_ADJUST;
}

/* Level 0: a thread, 1: all cores. */
static void leaf_topology(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    static const uint32_t type[] = {1 << 8, 2 << 8};

    *c = (struct cpuid){sub == 1 ? v->id_bits : 0,
                        sub == 0   ? 1
                        : sub == 1 ? v->cpus
                                   : 0,
                        (sub & 0xff) | (sub < 2 ? type[sub] : 0), v->apic_id};
}

static void leaf_xsave(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    if (sub == 0 && v->xcr0)
        *c = (struct cpuid){(uint32_t)v->xcr0, c->b, v->xsave_size, (uint32_t)(v->xcr0 >> 32)};
    else if (sub == 1 && v->xcr0)
        *c = (struct cpuid){c->a & A_XSAVE1, c->b, 0, 0};
    else if (sub > 1 && sub < 64 && (v->xcr0 >> sub & 1))
        *c = (struct cpuid){c->a, c->b, c->c & ~UINT32_C(1), 0}; /* bit 0: of IA32_XSS */
    else
        *c = (struct cpuid){0};
}

static void leaf_ext_features(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    c->c |= v->cpus > 1 ? C_EXT_CMP_LEGACY : 0;
}

/* One that all CPUs share and that never stops: what they read is the hardware's, plus an offset of their own. */
static void leaf_power(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    (void)v;
    c->d = D_INVARIANT_TSC;
}

static void leaf_sizes(uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    (void)sub;
    c->c = ((v->cpus - 1) & 0xff) | (uint32_t)v->id_bits << 12;
}

/* By leaf: which bits of the hardware's answer are kept, then what is ours. */
static const struct leaf {
    uint32_t leaf, sub; /* ANY_SUB: does not matter, or fn looks */
    struct cpuid keep;
    cpuid_fn *fn;
} leaves[] = {
    {0, ANY_SUB, {ALL, ALL, ALL, ALL}, leaf_max},
    {1, ANY_SUB, {ALL, 0x0000ff00, C1, D1}, leaf_features},
    {6, ANY_SUB, {A6_ARAT, 0, 0, 0}, NULL},
    {7, 0, {0, B7, C7, D7}, leaf_features7},
    {0xb, ANY_SUB, {0, 0, 0, 0}, leaf_topology},
    {0xd, ANY_SUB, {ALL, ALL, ALL, ALL}, leaf_xsave},
    {EXT_BASE, ANY_SUB, {ALL, ALL, ALL, ALL}, leaf_ext_max},
    {0x80000001, ANY_SUB, {ALL, ALL, C_EXT, D_EXT}, leaf_ext_features},
    {0x80000002, ANY_SUB, {ALL, ALL, ALL, ALL}, NULL}, /* the name */
    {0x80000003, ANY_SUB, {ALL, ALL, ALL, ALL}, NULL},
    {0x80000004, ANY_SUB, {ALL, ALL, ALL, ALL}, NULL},
    {0x80000005, ANY_SUB, {ALL, ALL, ALL, ALL}, NULL}, /* TLBs and caches */
    {0x80000006, ANY_SUB, {ALL, ALL, ALL, ALL}, NULL},
    {0x80000007, ANY_SUB, {0, 0, 0, 0}, leaf_power},
    {0x80000008, ANY_SUB, {0x0000ffff, B_SIZES, 0, 0}, leaf_sizes},
    {0x80000019, ANY_SUB, {ALL, ALL, 0, 0}, NULL},
    {0x8000001a, ANY_SUB, {ALL, 0, 0, 0}, NULL},
    {0x80000021, ANY_SUB, {A_FEATURES2, 0, 0, 0}, NULL},
};

/* Software leaves: 12 bytes of signature in EBX, ECX, EDX. */
static struct cpuid virtual_leaf(uint32_t leaf)
{
    switch (leaf) {
    case CPUID_HYPERVISOR:
        return (struct cpuid){CPUID_HYPERVISOR, 0x6c6c754d, 0x4d6e6f69, 0x696c6c75}; /* Mull ionM ulli */
    case CPUID_KVM:
        return (struct cpuid){CPUID_KVM + 1, 0x4b4d564b, 0x564b4d56, 0x0000004d}; /* KVMK VMKV M */
    case CPUID_KVM + 1:
        return (struct cpuid){.d = 1}; /* a CPU is never taken away: plain spinlocks */
    default:
        return (struct cpuid){0};
    }
}

void cpuid_filter(uint32_t leaf, uint32_t sub, struct cpuid *c, const struct cpuid_view *v)
{
    const struct leaf *l = leaves, *end = leaves + sizeof leaves / sizeof *leaves;

    while (l < end && (l->leaf != leaf || (l->sub != ANY_SUB && l->sub != sub)))
        l++;
    if (l == end) {
        *c = cpuid_is_virtual(leaf) ? virtual_leaf(leaf) : (struct cpuid){0};
        return;
    }
    c->a &= l->keep.a;
    c->b &= l->keep.b;
    c->c &= l->keep.c;
    c->d &= l->keep.d;
    if (l->fn)
        l->fn(sub, c, v);
}

#define XCR0_X87    UINT64_C(0x01)
#define XCR0_SSE    UINT64_C(0x02)
#define XCR0_AVX    UINT64_C(0x04)
#define XCR0_AVX512 UINT64_C(0xe0)

bool cpuid_xcr0_valid(uint64_t value, uint64_t allowed)
{
    uint64_t avx512 = value & XCR0_AVX512;

    if ((value & ~allowed) || !(value & XCR0_X87) || (value & XCR0_AVX && !(value & XCR0_SSE)))
        return false;
    return !avx512 || (avx512 == XCR0_AVX512 && value & XCR0_AVX);
}
