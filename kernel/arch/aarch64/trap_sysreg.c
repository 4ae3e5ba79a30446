/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trapped system registers. ID registers show what the CPU has as far as it is on a list; debug
 * registers read as zero and ignore writes; set/way maintenance becomes clean and invalidate;
 * the rest does not exist.
 */
#include "exits.h"
#include "sysreg.h"

/* ISS of EC 0x18 (D19.2.37), without Rt and direction */
#define ISS_REG(op0, op1, crn, crm, op2)                                                                     \
    (((uint32_t)(op0) << 20) | ((uint32_t)(op2) << 17) | ((uint32_t)(op1) << 14) | ((uint32_t)(crn) << 10) | \
     ((uint32_t)(crm) << 1))
#define ISS_REG_MASK ISS_REG(3, 7, 15, 15, 7)
#define ISS_READ     1u
#define ISS_RT(esr)  (((esr) >> 5) & 31)
#define ISS_OP0(reg) ((reg) >> 20)
#define ISS_OP1(reg) (((reg) >> 14) & 7)
#define ISS_CRN(reg) (((reg) >> 10) & 15)
#define ISS_CRM(reg) (((reg) >> 1) & 15)
#define ISS_OP2(reg) (((reg) >> 17) & 7)

#define REG_ICC_SGI1R  ISS_REG(3, 0, 12, 11, 5)
#define REG_ICC_ASGI1R ISS_REG(3, 0, 12, 11, 6)
#define REG_ICC_SGI0R  ISS_REG(3, 0, 12, 11, 7)
#define REG_ACTLR      ISS_REG(3, 0, 1, 0, 1)
#define REG_DC_ISW     ISS_REG(1, 0, 7, 6, 2)
#define REG_DC_CSW     ISS_REG(1, 0, 7, 10, 2)
#define REG_DC_CISW    ISS_REG(1, 0, 7, 14, 2)

/* The ID registers that a guest sees something of: S3_0_C0_C<crm>_<op2>. */
#define ID_READ(crm, op2)      \
    case ((crm) << 3) | (op2): \
        return SYSREG_READ(S3_0_C0_C##crm##_##op2);

static uint64_t id_read(uint32_t which)
{
    switch (which) {
        /* clang-format off */
        ID_READ(1, 0) ID_READ(1, 1) ID_READ(1, 2) ID_READ(1, 4) ID_READ(1, 5) ID_READ(1, 6) ID_READ(1, 7)
        ID_READ(2, 0) ID_READ(2, 1) ID_READ(2, 2) ID_READ(2, 3) ID_READ(2, 4) ID_READ(2, 5) ID_READ(2, 6) ID_READ(2, 7)
        ID_READ(3, 0) ID_READ(3, 1) ID_READ(3, 2) ID_READ(3, 4)
        ID_READ(4, 0) ID_READ(4, 1)
        ID_READ(5, 0)
        ID_READ(6, 0) ID_READ(6, 1) ID_READ(6, 2)
        ID_READ(7, 0) ID_READ(7, 1) ID_READ(7, 2)
        /* clang-format on */
    }
    return 0;
}

#define FIELDS(high, low) (((UINT64_C(2) << ((high) - (low))) - 1) << (low))
#define ALL32             FIELDS(31, 0)

/*
 * What a guest sees of each ID register, by field: features that need nothing of EL2, or that vcpu.c leaves
 * open. Whatever is not listed reads as zero, so that a later CPU's features stay hidden until somebody has
 * thought of them.
 */
static const uint64_t id_fields[8][8] = {
    /* ID_PFR0 without RAS and AMU, PFR1, DFR0 without PerfMon and trace, AFR0, MMFR0-3 */
    [1] = {FIELDS(15, 0), ALL32, FIELDS(15, 0), 0, ALL32, ALL32, ALL32, ALL32},
    /* ID_ISAR0-5, MMFR4, ISAR6 */
    [2] = {ALL32, ALL32, ALL32, ALL32, ALL32, ALL32, ALL32, ALL32},
    /* MVFR0-2; ID_PFR2: CSV3, SSBS */
    [3] = {ALL32, ALL32, ALL32, 0, FIELDS(7, 0)},
    /* ID_AA64PFR0: EL0, EL1, FP, AdvSIMD, GIC, DIT, CSV2, CSV3; PFR1: BT, SSBS */
    [4] = {FIELDS(7, 0) | FIELDS(27, 16) | FIELDS(51, 48) | FIELDS(63, 56), FIELDS(7, 0)},
    /* ID_AA64DFR0: DebugVer, BRPs, WRPs, CTX_CMPs */
    [5] = {FIELDS(3, 0) | FIELDS(15, 12) | FIELDS(23, 20) | FIELDS(31, 28)},
    /* ID_AA64ISAR0; ISAR1 without XS and LS64; ISAR2 without MOPS */
    [6] = {FIELDS(63, 0), FIELDS(55, 0), FIELDS(15, 0) | FIELDS(31, 24)},
    /* ID_AA64MMFR0 without ExS, FGT, ECV; MMFR1: HAFDBS, VMIDBits, HPDS, PAN, SpecSEI, XNX, ETS; MMFR2: CnP,
     * UAO, LSM, IESB, VARange, CCIDX, ST, AT, IDS, TTL, BBM, E0PD */
    [7] = {FIELDS(43, 0), FIELDS(7, 0) | FIELDS(15, 12) | FIELDS(31, 20) | FIELDS(39, 36),
           FIELDS(23, 0) | FIELDS(39, 28) | FIELDS(55, 48) | FIELDS(63, 60)},
};

#define PFR0_CSV2       FIELDS(59, 56)
#define PFR0_CSV2_SHIFT 56

static uint64_t id_shown(uint32_t crm, uint32_t op2)
{
    uint64_t shown = id_fields[crm & 7][op2];
    uint64_t v = shown == 0 ? 0 : id_read((crm << 3) | op2) & shown;

    /* CSV2 from 2 on stands for SCXTNUM_ELx, which traps (HCR_EL2.EnSCXT). */
    if (crm == 4 && op2 == 0 && (v >> PFR0_CSV2_SHIFT) % 16 > 1)
        v = (v & ~PFR0_CSV2) | UINT64_C(1) << PFR0_CSV2_SHIFT;
    return v;
}

static enum outcome undefined(struct vcpu *v, uint32_t reg, bool read)
{
    uint64_t n = __atomic_add_fetch(&v->part->bad_accesses, 1, __ATOMIC_RELAXED);

    if (log_worthy(n))
        log_line("%s: CPU %u: %s of system register S%u_%u_C%u_C%u_%u, which a partition does not have (pc "
                 "0x%lx): "
                 "answered as undefined",
                 v->part->plan->m->name, v->index, read ? "read" : "write", ISS_OP0(reg), ISS_OP1(reg), ISS_CRN(reg),
                 ISS_CRM(reg), ISS_OP2(reg), SYSREG_READ(elr_el2));
    return OUTCOME_UNDEFINED;
}

enum outcome trap_sysreg(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    uint32_t reg = (uint32_t)esr & ISS_REG_MASK;
    bool read = (esr & ISS_READ) != 0;
    uint64_t rt = ISS_RT(esr);
    uint64_t in = rt == 31 ? 0 : r->x[rt], out = 0;

    if (ISS_OP0(reg) == 2 && ISS_OP1(reg) != 1) {
        out = 0; /* debug: as if no breakpoint were ever hit */
    } else if (read && ISS_OP0(reg) == 3 && ISS_OP1(reg) == 0 && ISS_CRN(reg) == 0) {
        out = id_shown(ISS_CRM(reg), ISS_OP2(reg));
    } else if (reg == REG_ACTLR) {
        out = 0;
    } else if (!read && reg == REG_ICC_SGI1R) {
        vgic_sgi(v, in);
    } else if (!read && (reg == REG_ICC_SGI0R || reg == REG_ICC_ASGI1R)) {
        out = 0; /* no Group 0, no other security state: nobody to send to */
    } else if (!read && (reg == REG_DC_ISW || reg == REG_DC_CSW || reg == REG_DC_CISW)) {
        __asm__ volatile("dc cisw, %0" ::"r"(in) : "memory");
    } else {
        return undefined(v, reg, read);
    }
    if (read && rt != 31)
        r->x[rt] = out;
    return OUTCOME_SKIP;
}
