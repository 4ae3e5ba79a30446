/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include "cpu.h"
#include "irq.h"
#include "sysreg.h"

#include <string.h>

/* CPTR_EL2 (D19.2.34), E2H = 0: the RES1 bits; trap SVE (TZ), trace (TTA), activity monitors (TAM), SME (TSM)
 */
#define CPTR_GUEST (UINT64_C(0x33ff) | (UINT64_C(1) << 20) | (UINT64_C(1) << 30))
/* MDCR_EL2 (D19.3.18): trap PMU (TPM, TPMCR), debug (TDA, TDOSA, TDRA), SPE (TPMS), trace filter (TTRF) */
#define MDCR_GUEST \
    ((UINT64_C(1) << 5) | (UINT64_C(1) << 6) | (UINT64_C(7) << 9) | (UINT64_C(1) << 14) | (UINT64_C(1) << 19))
/* CNTHCTL_EL2 (D19.12.4): EL1 reads the physical counter and owns the physical timer */
#define CNTHCTL_GUEST 3
/* SCTLR_EL1 (D19.2.120): RES1, MMU and caches off */
#define SCTLR_EL1_RESET 0x30d00800
#define TIMER_OFF       2 /* CNTx_CTL: masked, disabled */

/* HCRX_EL2 and the fine-grained traps, MPAM2_EL2 (D19.2.49, D19.2.55 ff., D19.7.7), by encoding */
#define SYSREG_HCRX               S3_4_C1_C2_2
#define SYSREG_HFGRTR             S3_4_C1_C1_4
#define SYSREG_HFGWTR             S3_4_C1_C1_5
#define SYSREG_HFGITR             S3_4_C1_C1_6
#define SYSREG_HDFGRTR            S3_4_C3_C1_4
#define SYSREG_HDFGWTR            S3_4_C3_C1_5
#define SYSREG_MPAM2              S3_4_C10_C5_0
#define MPAM2_TRAP_EL1            (UINT64_C(3) << 48)
#define SYSREG_WRITE_(reg, value) SYSREG_WRITE(reg, value)

#define HCR_GUEST                                                                                                      \
    (HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TACR | HCR_TSW | \
     HCR_RW | HCR_APK | HCR_API)

void vcpu_set_tables(struct partition *p, mfn_t root, const struct board *b)
{
    static const uint8_t ps_bits[] = {32, 36, 40, 42, 44, 48};
    struct pt_shape s = p->plan->p2m_shape;
    uint64_t ps = 0;

    while (ps < 5 && ps_bits[ps + 1] <= b->pa_bits)
        ps++;
    p->arch.vttbr = mfn_addr(root).v | ((uint64_t)p->plan->vmid << 48);
    /* RES1, VS (16-bit VMIDs), PS, 4 KiB, inner shareable write-back walks, SL0 (level 1: 1, level 0: 2), T0SZ */
    p->arch.vtcr = (UINT64_C(1) << 31) | ((uint64_t)(b->vmid_bits == 16) << 19) | (ps << 16) | (UINT64_C(3) << 12) |
                   (UINT64_C(1) << 10) | (UINT64_C(1) << 8) | ((uint64_t)(s.root_level - 1) << 6) |
                   (uint64_t)(64 - s.in_bits);
}

bool vcpu_wanted(const struct vcpu *v)
{
    return __atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_ON_PENDING;
}

static bool has(uint64_t id_register, unsigned field)
{
    return ((id_register >> field) & 15) != 0;
}

/* Pointer authentication keys (D19.2.21 ff.): S3_0_C2_C1_0 .. C2_C3_1. */
static void keys_reset(void)
{
    uint64_t isar1 = SYSREG_READ(id_aa64isar1_el1);

    if (!has(isar1, 4) && !has(isar1, 8) && !has(SYSREG_READ(S3_0_C0_C6_2), 12))
        return;
    SYSREG_WRITE(S3_0_C2_C1_0, 0);
    SYSREG_WRITE(S3_0_C2_C1_1, 0);
    SYSREG_WRITE(S3_0_C2_C1_2, 0);
    SYSREG_WRITE(S3_0_C2_C1_3, 0);
    SYSREG_WRITE(S3_0_C2_C2_0, 0);
    SYSREG_WRITE(S3_0_C2_C2_1, 0);
    SYSREG_WRITE(S3_0_C2_C2_2, 0);
    SYSREG_WRITE(S3_0_C2_C2_3, 0);
    SYSREG_WRITE(S3_0_C2_C3_0, 0);
    SYSREG_WRITE(S3_0_C2_C3_1, 0);
}

static void el1_reset(const struct vcpu *v)
{
    SYSREG_WRITE(vpidr_el2, SYSREG_READ(midr_el1));
    SYSREG_WRITE(vmpidr_el2, (UINT64_C(1) << 31) | v->index);
    SYSREG_WRITE(sctlr_el1, SCTLR_EL1_RESET);
    SYSREG_WRITE(cpacr_el1, 0);
    SYSREG_WRITE(ttbr0_el1, 0);
    SYSREG_WRITE(ttbr1_el1, 0);
    SYSREG_WRITE(tcr_el1, 0);
    SYSREG_WRITE(mair_el1, 0);
    SYSREG_WRITE(amair_el1, 0);
    SYSREG_WRITE(vbar_el1, 0);
    SYSREG_WRITE(esr_el1, 0);
    SYSREG_WRITE(afsr0_el1, 0);
    SYSREG_WRITE(afsr1_el1, 0);
    SYSREG_WRITE(far_el1, 0);
    SYSREG_WRITE(par_el1, 0);
    SYSREG_WRITE(elr_el1, 0);
    SYSREG_WRITE(spsr_el1, 0);
    SYSREG_WRITE(sp_el0, 0);
    SYSREG_WRITE(sp_el1, 0);
    SYSREG_WRITE(tpidr_el0, 0);
    SYSREG_WRITE(tpidrro_el0, 0);
    SYSREG_WRITE(tpidr_el1, 0);
    SYSREG_WRITE(contextidr_el1, 0);
    SYSREG_WRITE(cntkctl_el1, 0);
    SYSREG_WRITE(mdscr_el1, 0);
    SYSREG_WRITE(csselr_el1, 0);
    SYSREG_WRITE(cntv_ctl_el0, TIMER_OFF);
    SYSREG_WRITE(cntp_ctl_el0, TIMER_OFF);
    SYSREG_WRITE(cntv_cval_el0, 0);
    SYSREG_WRITE(cntp_cval_el0, 0);
    SYSREG_WRITE(cntvoff_el2, 0);
    keys_reset();
}

/* Controls of features that not every CPU has; what firmware may have left in them is unknown. */
static uint64_t el2_configure_optional(void)
{
    uint64_t pfr0 = SYSREG_READ(id_aa64pfr0_el1), mmfr0 = SYSREG_READ(id_aa64mmfr0_el1);
    uint64_t mmfr1 = SYSREG_READ(id_aa64mmfr1_el1), dfr0 = SYSREG_READ(id_aa64dfr0_el1), hcr = 0;
    uint64_t pmuver = (dfr0 >> 8) & 15;

    /* HPMN = all counters: only where there is a PMU (0xf: not this architecture's) */
    SYSREG_WRITE(mdcr_el2, MDCR_GUEST | (pmuver == 0 || pmuver == 15 ? 0 : (SYSREG_READ(pmcr_el0) >> 11) & 31));
    if (has(mmfr1, 40))
        SYSREG_WRITE_(SYSREG_HCRX, 0);
    if (has(mmfr0, 56)) {
        SYSREG_WRITE_(SYSREG_HFGRTR, 0);
        SYSREG_WRITE_(SYSREG_HFGWTR, 0);
        SYSREG_WRITE_(SYSREG_HFGITR, 0);
        SYSREG_WRITE_(SYSREG_HDFGRTR, 0);
        SYSREG_WRITE_(SYSREG_HDFGWTR, 0);
    }
    if (has(pfr0, 40))
        SYSREG_WRITE_(SYSREG_MPAM2, MPAM2_TRAP_EL1);
    hcr |= has(pfr0, 28) ? HCR_TERR : 0;
    return hcr | (has(mmfr1, 16) ? HCR_TLOR : 0);
}

static void el2_configure(const struct partition *p)
{
    SYSREG_WRITE(cptr_el2, CPTR_GUEST);
    uint64_t optional = el2_configure_optional();

    SYSREG_WRITE(hstr_el2, 0);
    SYSREG_WRITE(cnthctl_el2, CNTHCTL_GUEST);
    SYSREG_WRITE(vtcr_el2, p->arch.vtcr);
    SYSREG_WRITE(vttbr_el2, p->arch.vttbr);
    SYSREG_WRITE(hcr_el2, HCR_GUEST | optional);
    CPU_ISB();
    /* Nothing that an earlier life, or firmware, left under this VMID. */
    __asm__ volatile("tlbi vmalls12e1\n\tic iallu\n\tdsb nsh\n\tisb" ::: "memory");
}

void vcpu_enter(struct vcpu *v)
{
    struct guest_regs *r = (struct guest_regs *)(uintptr_t)(cpu_self()->stack_top - GUEST_REGS_SIZE);

    if (partition_leaving(v->part)) {
        vcpu_left(v);
        return;
    }
    __atomic_store_n(&v->state, VCPU_ON, __ATOMIC_RELEASE);
    SYSREG_WRITE(cptr_el2, CPTR_GUEST);
    CPU_ISB();
    cpu_clear_fp();
    el1_reset(v);
    vgic_cpu_start(v);
    el2_configure(v->part);
    irq_audit_start(v);
    memset(r, 0, sizeof(*r));
    r->x[0] = v->context;
    SYSREG_WRITE(elr_el2, v->entry);
    SYSREG_WRITE(spsr_el2, SPSR_EL1H_MASKED);
    guest_enter(r);
}

_Noreturn void vcpu_leave(struct vcpu *v)
{
    SYSREG_WRITE(cntv_ctl_el0, TIMER_OFF);
    SYSREG_WRITE(cntp_ctl_el0, TIMER_OFF);
    vgic_cpu_stop(v);
    vcpu_left(v);
    cpu_idle();
}
