/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits from a guest. A handler says what is to happen; exits.c alone does it.
 *
 *   vectors.S --> exit_hvc, exit_irq            fast, caller-saved registers only
 *             --> exit_sync --> table by EC --> trap_abort.c, trap_sysreg.c, call.c
 */
#ifndef ARCH_AARCH64_EXITS_H
#define ARCH_AARCH64_EXITS_H

#include "partition.h"

enum outcome {
    OUTCOME_RESUME,    /* at the same instruction */
    OUTCOME_SKIP,      /* past it */
    OUTCOME_ABORT,     /* synchronous external abort in the guest */
    OUTCOME_UNDEFINED, /* undefined instruction exception in the guest */
    OUTCOME_LEAVE,     /* the vCPU leaves: stopped, reset or switched off */
};

/* Called by vectors.S. esr: ESR_EL2. */
void exit_hvc(struct guest_regs *r, uint64_t esr);
void exit_sync(struct guest_regs *r, uint64_t esr);
void exit_irq(struct guest_regs *r);
void exit_serror(struct guest_regs *r);
_Noreturn void exit_own(uint64_t vector, uint64_t sp);

/* Take one pending physical interrupt, if any, outside a guest (idle). */
void exit_take_irq(void);

/* HVC and SMC alike: SMCCC dispatch on x0. */
enum outcome call_dispatch(struct vcpu *v, struct guest_regs *r);
/* PSCI (DEN 0022); fn without the 64-bit convention's bit. */
enum outcome psci_call(struct vcpu *v, struct guest_regs *r, uint32_t fn, bool is64);

/* An access to an emulated device other than a read of the distributor; false, *hit false: there is none. */
uint64_t trap_device_read(struct vcpu *v, gaddr_t a, unsigned width, bool *hit) __attribute__((noinline));
bool trap_device_write(struct vcpu *v, gaddr_t a, unsigned width, uint64_t value) __attribute__((noinline));

enum outcome trap_data_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr);
enum outcome trap_instruction_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr);
enum outcome trap_sysreg(struct vcpu *v, struct guest_regs *r, uint64_t esr);

/* An interrupt that no guest has (irq.c): served if it is the hypervisor's, deactivated in any case. */
void irq_own(uint32_t intid);

/* In words, for messages. */
const char *esr_class_name(uint64_t esr);
const char *esr_fault_name(uint64_t esr);

#endif
