/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"

#include "cpu.h"
#include "smc.h"
#include "sysreg.h"
#include "vcpu.h"

#include <gicv3_sysreg.h>
#include <stddef.h>

_Static_assert(sizeof(struct guest_regs) == GUEST_REGS_SIZE, "layout.h");
_Static_assert(offsetof(struct guest_regs, x[30]) == GUEST_REGS_LR, "layout.h");

extern uint8_t _start[];

#define SPSR_MODE_MASK 0x1f
#define SPSR_EL0T      0x00
#define SPSR_EL1T      0x04
#define SPSR_AARCH32   0x10
#define SPSR_KEPT      (UINT64_C(0xf) << 28) /* NZCV */
#define SPSR_DIT       (UINT64_C(1) << 24)
#define SPSR_PAN       (UINT64_C(1) << 22)
#define SPSR_SS        (UINT64_C(1) << 21)
#define SPSR_SSBS      (UINT64_C(1) << 12)
#define SPSR_BTYPE     (UINT64_C(3) << 10)
#define SCTLR_SPAN     (UINT64_C(1) << 23)
#define SCTLR_DSSBS    (UINT64_C(1) << 44)
#define INTID_SPECIAL  1020 /* .. 1023: nothing to take */

/* PSTATE of an exception taken to EL1 (D1.3.6.1), as SCTLR_EL1 has it. */
static uint64_t entry_pstate(uint64_t spsr)
{
    uint64_t sctlr = SYSREG_READ(sctlr_el1);
    uint64_t p = SPSR_EL1H_MASKED | (spsr & (SPSR_KEPT | SPSR_PAN));

    if (!(spsr & SPSR_AARCH32))
        p |= spsr & SPSR_DIT;
    if (((SYSREG_READ(id_aa64mmfr1_el1) >> 20) & 15) != 0 && !(sctlr & SCTLR_SPAN))
        p |= SPSR_PAN;
    return sctlr & SCTLR_DSSBS ? p | SPSR_SSBS : p;
}

/* Take an exception to the guest's EL1 (D1.3): syndrome in ESR_EL1, vector by where it came from. */
static void inject(uint64_t esr_el1)
{
    uint64_t spsr = SYSREG_READ(spsr_el2);
    uint64_t mode = spsr & SPSR_MODE_MASK;
    uint64_t offset = (mode & SPSR_AARCH32) ? 0x600 : mode == SPSR_EL0T ? 0x400 : mode == SPSR_EL1T ? 0x000 : 0x200;

    SYSREG_WRITE(elr_el1, SYSREG_READ(elr_el2));
    SYSREG_WRITE(spsr_el1, spsr);
    SYSREG_WRITE(esr_el1, esr_el1);
    SYSREG_WRITE(elr_el2, SYSREG_READ(vbar_el1) + offset);
    SYSREG_WRITE(spsr_el2, entry_pstate(spsr));
}

static void inject_external_abort(uint64_t esr)
{
    bool fetch = (esr >> ESR_EC_SHIFT) == ESR_EC_IABT_LOW;
    uint64_t mode = SYSREG_READ(spsr_el2) & SPSR_MODE_MASK;
    bool from_el0 = mode == SPSR_EL0T || (mode & SPSR_AARCH32);
    uint64_t iss = esr & (ESR_CM | ESR_WNR);
    uint64_t ec =
        fetch ? (from_el0 ? ESR_EC_IABT_LOW : ESR_EC_IABT_CUR) : (from_el0 ? ESR_EC_DABT_LOW : ESR_EC_DABT_CUR);

    iss |= (esr & ESR_S1PTW) ? ESR_DFSC_EXTERNAL_WALK | (esr & ESR_DFSC_LEVEL) : ESR_DFSC_EXTERNAL;
    SYSREG_WRITE(far_el1, SYSREG_READ(far_el2));
    inject((ec << ESR_EC_SHIFT) | (esr & ESR_IL) | iss);
}

/* Past the instruction: IL says that it has 32 bits (a T32 one of EL0 may have 16); no step or branch target
 * is left. */
static inline void skip(uint64_t esr)
{
    uint64_t spsr = SYSREG_READ(spsr_el2);

    SYSREG_WRITE(elr_el2, SYSREG_READ(elr_el2) + 2 + ((esr & ESR_IL) >> (ESR_IL_SHIFT - 1)));
    if (spsr & (SPSR_SS | SPSR_BTYPE))
        SYSREG_WRITE(spsr_el2, spsr & ~(SPSR_SS | SPSR_BTYPE));
}

/* The one place where an outcome becomes state. */
static void finish(struct vcpu *v, uint64_t esr, enum outcome o)
{
    switch (o) {
    case OUTCOME_RESUME:
        return;
    case OUTCOME_SKIP:
        skip(esr);
        return;
    case OUTCOME_ABORT:
        inject_external_abort(esr);
        return;
    case OUTCOME_UNDEFINED:
        inject(((uint64_t)ESR_EC_UNKNOWN << ESR_EC_SHIFT) | ESR_IL);
        return;
    case OUTCOME_LEAVE:
        vcpu_leave(v);
    }
}

void exit_hvc(struct guest_regs *r, uint64_t esr)
{
    struct vcpu *v = cpu_self()->vcpu;

    /* HVC's preferred return address is already the next instruction (D1.3.1). */
    if (call_dispatch(v, r) == OUTCOME_LEAVE)
        finish(v, esr, OUTCOME_LEAVE);
}

static enum outcome trap_smc(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    enum outcome o = call_dispatch(v, r);

    (void)esr;
    return o == OUTCOME_RESUME ? OUTCOME_SKIP : o; /* a trapped SMC returns to itself */
}

static enum outcome trap_undefined(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    (void)v;
    (void)r;
    (void)esr;
    return OUTCOME_UNDEFINED;
}

typedef enum outcome trap_fn(struct vcpu *v, struct guest_regs *r, uint64_t esr);

/* By exception class; what is absent is answered as undefined (a hidden feature, or nothing we let in). */
static trap_fn *const traps[64] = {
    [ESR_EC_SMC64] = trap_smc,
    [ESR_EC_SYS64] = trap_sysreg,
    [ESR_EC_IABT_LOW] = trap_instruction_abort,
    [ESR_EC_DABT_LOW] = trap_data_abort,
};

void exit_sync(struct guest_regs *r, uint64_t esr)
{
    struct vcpu *v = cpu_self()->vcpu;
    trap_fn *fn = traps[(esr >> ESR_EC_SHIFT) & 63];

    finish(v, esr, fn != NULL ? fn(v, r, esr) : trap_undefined(v, r, esr));
}

/* A physical line of v's partition? Its SGIs and its virtual UART's interrupt are not: they only look the
 * same. */
static inline bool owns(const struct vcpu *v, uint32_t intid)
{
    return intid < INTID_SPECIAL && (v->part->arch.vgic.hw[intid / 32] >> (intid % 32) & 1) != 0;
}

/* Acknowledge, drop priority, give it to its owner. */
static inline void take_irq(struct vcpu *v)
{
    uint32_t intid = icc_acknowledge();

    if (intid - INTID_SPECIAL < 4)
        return;
    icc_end(intid);
    if (v == NULL || !owns(v, intid))
        irq_own(intid);
    else if (partition_leaving(v->part))
        icc_deactivate(intid); /* nobody will: the line is disabled by the last one who leaves */
    else
        vgic_deliver(v, intid);
}

void exit_irq(struct guest_regs *r)
{
    struct vcpu *v = cpu_self()->vcpu;

    (void)r;
    take_irq(v);
    if (partition_leaving(v->part))
        vcpu_leave(v);
}

void exit_take_irq(void)
{
    take_irq(cpu_self()->vcpu);
}

static void stop_guest(const char *reason, uint64_t esr)
{
    struct vcpu *v = cpu_self()->vcpu;

    log_line("%s: CPU %u: %s (pc 0x%lx, ESR_EL2 0x%lx: %s)", v->part->plan->m->name, v->index, reason,
             SYSREG_READ(elr_el2), esr, esr_class_name(esr));
    partition_stop(v->part, reason);
    vcpu_leave(v);
}

void exit_serror(struct guest_regs *r)
{
    (void)r;
    stop_guest("SError: one of its devices or its memory reported an error", SYSREG_READ(esr_el2));
}

_Noreturn void exit_own(uint64_t vector, uint64_t sp)
{
    uint64_t esr = SYSREG_READ(esr_el2);

    console_break();
    log_line("hypervisor fault: vector %lu, ESR_EL2 0x%lx (%s), ELR_EL2 0x%lx, FAR_EL2 0x%lx, SP 0x%lx", vector, esr,
             esr_class_name(esr), SYSREG_READ(elr_el2), SYSREG_READ(far_el2), sp);
    log_line("this CPU stops; the image was loaded at 0x%lx", (uint64_t)(uintptr_t)_start);
    cpu_halt();
}
