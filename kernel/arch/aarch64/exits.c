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
#define INTID_SPECIAL  1020

/* Take an exception to the guest's EL1 (D1.3): syndrome in ESR_EL1, vector by where it came from. */
static void inject(uint64_t esr_el1)
{
    uint64_t spsr = SYSREG_READ(spsr_el2);
    uint64_t mode = spsr & SPSR_MODE_MASK;
    uint64_t offset = mode == SPSR_EL0T ? 0x400 : mode == SPSR_EL1T ? 0x000 : (mode & 0x10) ? 0x600 : 0x200;

    SYSREG_WRITE(elr_el1, SYSREG_READ(elr_el2));
    SYSREG_WRITE(spsr_el1, spsr);
    SYSREG_WRITE(esr_el1, esr_el1);
    SYSREG_WRITE(elr_el2, SYSREG_READ(vbar_el1) + offset);
    SYSREG_WRITE(spsr_el2, SPSR_EL1H_MASKED);
}

static void inject_external_abort(uint64_t esr)
{
    bool fetch = (esr >> ESR_EC_SHIFT) == ESR_EC_IABT_LOW;
    bool from_el0 = (SYSREG_READ(spsr_el2) & SPSR_MODE_MASK) == SPSR_EL0T;
    uint64_t ec = fetch ? (from_el0 ? ESR_EC_IABT_LOW : ESR_EC_IABT_CUR)
                        : (from_el0 ? ESR_EC_DABT_LOW : ESR_EC_DABT_CUR);

    SYSREG_WRITE(far_el1, SYSREG_READ(far_el2));
    inject((ec << ESR_EC_SHIFT) | ESR_IL | ESR_DFSC_EXTERNAL);
}

/* The one place where an outcome becomes state. */
static void finish(struct vcpu *v, uint64_t esr, enum outcome o)
{
    switch (o) {
    case OUTCOME_RESUME:
        return;
    case OUTCOME_SKIP:
        SYSREG_WRITE(elr_el2, SYSREG_READ(elr_el2) + 4);
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
    return (v->part->arch.vgic.hw[intid / 32] >> (intid % 32) & 1) != 0;
}

/* Acknowledge, drop priority, give it to its owner. False: nothing was pending. */
static inline bool take_irq(struct vcpu *v)
{
    uint32_t intid = icc_acknowledge();

    if (intid >= INTID_SPECIAL)
        return false;
    icc_end(intid);
    if (v != NULL && owns(v, intid))
        vgic_deliver(v, intid);
    else
        (void)irq_own(intid);
    return true;
}

void exit_irq(struct guest_regs *r)
{
    struct vcpu *v = cpu_self()->vcpu;

    (void)r;
    (void)take_irq(v);
    if (partition_leaving(v->part))
        vcpu_leave(v);
}

void exit_take_irq(void)
{
    (void)take_irq(cpu_self()->vcpu);
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

void exit_aarch32(struct guest_regs *r)
{
    (void)r;
    stop_guest("AArch32 execution, which no partition has", SYSREG_READ(esr_el2));
}

_Noreturn void exit_own(uint64_t vector, uint64_t sp)
{
    uint64_t esr = SYSREG_READ(esr_el2);

    console_break();
    log_line("hypervisor fault: vector %lu, ESR_EL2 0x%lx (%s), ELR_EL2 0x%lx, FAR_EL2 0x%lx, SP 0x%lx",
             vector, esr, esr_class_name(esr), SYSREG_READ(elr_el2), SYSREG_READ(far_el2), sp);
    log_line("this CPU stops; the image was loaded at 0x%lx", (uint64_t)(uintptr_t)_start);
    cpu_halt();
}
