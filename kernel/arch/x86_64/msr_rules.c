/* SPDX-License-Identifier: Apache-2.0 */
#include "msr_rules.h"

#include <string.h>

#define BITMAP_SIZE 0x2000u
#define RANGE_MSRS  0x2000u /* that each range has */
#define RANGE_BYTES 0x800u

#define EFER_SCE   (UINT64_C(1) << 0)
#define EFER_NXE   (UINT64_C(1) << 11)
#define EFER_FFXSR (UINT64_C(1) << 14)
#define CR0_PG     (UINT64_C(1) << 31)

#define MTRR_ON     0xc06u              /* all of memory write-back: NPT and PAT say what is not */
#define HWCR_TSC_P0 (UINT64_C(1) << 24) /* the counter has the frequency of P-state 0 */

/*
 * Refused by being absent: VM_CR, VM_HSAVE_PA, SMM's, microcode's, machine check banks (there are none: MCG_CAP), MTRRs
 * (likewise: MTRR_CAP), performance counters, P-states, IA32_XSS, TSC_RATIO, SYSCFG, VMX's.
 */
static const struct msr_rule rules[] = {
    {MSR_X2APIC, MSR_X2APIC_LAST, MSR_APIC, 0}, /* the most frequent by far */
    {MSR_APIC_BASE, MSR_APIC_BASE, MSR_APIC, 0},
    {MSR_EFER, MSR_EFER, MSR_SHADOW, 0},
    {MSR_PAT, MSR_PAT, MSR_SHADOW, 0},
    {MSR_TSC, MSR_TSC, MSR_SHADOW, 0},
    {MSR_TSC_ADJUST, MSR_TSC_ADJUST, MSR_SHADOW, 0},
    {MSR_STAR, MSR_SFMASK, MSR_PASS, 0},
    {MSR_FS_BASE, MSR_TSC_AUX, MSR_PASS, 0},
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_PASS, 0},
    {MSR_SPEC_CTRL, MSR_PRED_CMD, MSR_PASS, 0}, /* a CPU without them refuses them itself */
    {MSR_PATCH_LEVEL, MSR_PATCH_LEVEL, MSR_READ, 0},
    {MSR_MTRR_CAP, MSR_MTRR_CAP, MSR_FIXED, 0},
    {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, MSR_FIXED, MTRR_ON},
    {MSR_MCG_CAP, MSR_MCG_STATUS, MSR_FIXED, 0},
    {MSR_DEBUG_CTL, MSR_DEBUG_CTL, MSR_FIXED, 0},
    {MSR_HWCR, MSR_HWCR, MSR_FIXED, HWCR_TSC_P0},
};
#define RULES (sizeof rules / sizeof *rules)

const struct msr_rule *msr_rule_find(uint32_t msr)
{
    static const struct msr_rule refuse = {0, UINT32_MAX, MSR_REFUSE, 0};

    for (const struct msr_rule *r = rules; r < rules + RULES; r++) {
        if (msr >= r->first && msr <= r->last)
            return r;
    }
    return &refuse;
}

bool msr_bitmap_pass(uint8_t *map, uint32_t msr, bool reads, bool writes)
{
    static const uint32_t first[] = {0, 0xc0000000, 0xc0010000};

    for (uint32_t i = 0; i < sizeof first / sizeof *first; i++) {
        if (msr < first[i] || msr - first[i] >= RANGE_MSRS)
            continue;
        uint32_t n = msr - first[i];
        unsigned bits = (reads ? 1u : 0u) | (writes ? 2u : 0u);

        map[i * RANGE_BYTES + n / 4] &= (uint8_t) ~(bits << n % 4 * 2);
        return true;
    }
    return false;
}

void msr_bitmap_fill(uint8_t *map)
{
    memset(map, 0xff, BITMAP_SIZE);
    for (const struct msr_rule *r = rules; r < rules + RULES; r++) {
        for (uint32_t msr = r->first; msr <= r->last && (r->action == MSR_PASS || r->action == MSR_READ); msr++)
            (void)msr_bitmap_pass(map, msr, true, r->action == MSR_PASS);
    }
}

bool msr_efer_write(uint64_t old, uint64_t cr0, uint64_t value, uint64_t *out)
{
    const uint64_t ours = EFER_LMA | EFER_SVME, guests = EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR;

    /* LMA is not written; a bit that the guest does not have is reserved; LME changes without paging only. */
    if ((value & ~EFER_LMA & ~guests) || ((value ^ old) & EFER_LME && cr0 & CR0_PG))
        return false;
    *out = (value & guests) | (old & ours) | EFER_SVME;
    return true;
}

bool msr_pat_valid(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++, value >>= 8) {
        if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
            return false;
    }
    return true;
}
