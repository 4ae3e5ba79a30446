/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model specific registers (AMD64 APM vol. 2, appendix A; SDM vol. 4) and what a guest may do with each. What is not
 * in the table of msr_rules.c is refused: #GP. Pure: knows no hardware.
 */
#ifndef ARCH_X86_64_MSR_RULES_H
#define ARCH_X86_64_MSR_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSR_TSC            0x00000010u
#define MSR_APIC_BASE      0x0000001bu
#define MSR_TSC_ADJUST     0x0000003bu
#define MSR_SPEC_CTRL      0x00000048u
#define MSR_PRED_CMD       0x00000049u
#define MSR_PATCH_LEVEL    0x0000008bu
#define MSR_MTRR_CAP       0x000000feu
#define MSR_SYSENTER_CS    0x00000174u
#define MSR_SYSENTER_EIP   0x00000176u
#define MSR_MCG_CAP        0x00000179u
#define MSR_MCG_STATUS     0x0000017au
#define MSR_DEBUG_CTL      0x000001d9u
#define MSR_PAT            0x00000277u
#define MSR_MTRR_DEF_TYPE  0x000002ffu
#define MSR_X2APIC         0x00000800u /* + offset of the xAPIC register / 16 */
#define MSR_X2APIC_LAST    0x000008ffu
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX        0xc0000103u
#define MSR_HWCR           0xc0010015u
#define MSR_VM_CR          0xc0010114u
#define MSR_VM_HSAVE_PA    0xc0010117u

#define EFER_LME  (UINT64_C(1) << 8)
#define EFER_LMA  (UINT64_C(1) << 10)
#define EFER_SVME (UINT64_C(1) << 12)

enum msr_action {
    MSR_REFUSE, /* #GP */
    MSR_PASS,   /* the guest's own, in the CPU or its VMCB: never intercepted */
    MSR_READ,   /* likewise, but writes are refused */
    MSR_FIXED,  /* reads as a constant; what is written is dropped */
    MSR_APIC,   /* vapic.h */
    MSR_SHADOW, /* exit_msr.c has a value for it */
};

struct msr_rule {
    uint32_t first, last;
    enum msr_action action;
    uint64_t value; /* MSR_FIXED */
};

/* Never NULL. */
const struct msr_rule *msr_rule_find(uint32_t msr);

/* A bitmap (APM vol. 2, 15.11) of SVM_MSR_BITMAP_SIZE bytes: intercepts everything but what the rules pass. */
void msr_bitmap_fill(uint8_t *map);
/* Stop intercepting reads, writes; of one in the bitmap's three ranges: false, if it is not. */
bool msr_bitmap_pass(uint8_t *map, uint32_t msr, bool reads, bool writes);

/* What becomes of EFER, which never shows SVME and never loses it. False: #GP. */
bool msr_efer_write(uint64_t old, uint64_t cr0, uint64_t value, uint64_t *out);
static inline uint64_t msr_efer_read(uint64_t efer)
{
    return efer & ~EFER_SVME;
}
/* Is this a value that PAT can have (APM vol. 2, 7.8.1)? */
bool msr_pat_valid(uint64_t value);

#endif
