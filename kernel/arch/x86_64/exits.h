/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits from a guest. A handler says what is to happen; exits.c alone does it.
 *
 *   vcpu_run --> vmrun.S --> exit_handle --> table by exit code --> exit_cpuid.c, exit_msr.c, exit_io.c, exit_npf.c,
 *                    ^             |                                call.c
 *                    +-------------+ GIF = 0 throughout; NMIs are let in at an exit that they caused
 */
#ifndef ARCH_X86_64_EXITS_H
#define ARCH_X86_64_EXITS_H

#include "guest_walk.h"
#include "partition.h"
#include "svm.h"

enum outcome {
    OUTCOME_RESUME, /* at the same instruction */
    OUTCOME_SKIP,   /* past it */
    OUTCOME_GP,     /* #GP(0) in the guest */
    OUTCOME_UD,     /* #UD in the guest */
    OUTCOME_LEAVE,  /* the vCPU leaves: stopped, reset, or INIT */
};

/* Exit codes (APM vol. 2, appendix C) */
enum {
    EXIT_EXCEPTION = 0x40, /* + vector */
    EXIT_INTR = 0x60,
    EXIT_NMI,
    EXIT_SMI,
    EXIT_INIT,
    EXIT_RDPMC = 0x6f,
    EXIT_CPUID = 0x72,
    EXIT_RSM,
    EXIT_INVD = 0x76,
    EXIT_INVLPGA = 0x7a,
    EXIT_IOIO,
    EXIT_MSR,
    EXIT_TASK_SWITCH,
    EXIT_FERR_FREEZE,
    EXIT_SHUTDOWN,
    EXIT_VMRUN,
    EXIT_VMMCALL,
    EXIT_VMLOAD,
    EXIT_VMSAVE,
    EXIT_STGI,
    EXIT_CLGI,
    EXIT_SKINIT,
    EXIT_ICEBP = 0x88,
    EXIT_WBINVD,
    EXIT_MONITOR,
    EXIT_MWAIT,
    EXIT_MWAIT_ARMED,
    EXIT_XSETBV,
    EXIT_RDPRU,
    EXIT_INVLPGB = 0xa0,
    EXIT_INVLPGB_ILLEGAL,
    EXIT_MCOMMIT = 0xa3,
    EXIT_TLBSYNC,
    EXIT_TABLE, /* codes of the table */
    EXIT_NPF = 0x400,
};

/* Which exits there are, into a VMCB. */
void exits_intercept(struct vmcb *b);

/* Called by vmrun.S after every exit. False: v leaves. */
bool exit_handle(struct vcpu *v);

/* Deliver this exception to the guest instead of anything else; error: its code, where it has one. */
void exit_inject(struct vcpu *v, unsigned vector, bool has_error);

/* The guest's own mistake, or the machine's: say so, stop the partition. */
enum outcome exit_stop(struct vcpu *v, const char *reason);

/* The bytes at RIP; returns how many can be read. */
size_t exit_fetch(struct vcpu *v, uint8_t bytes[GUEST_FETCH]);
enum insn_mode exit_mode(const struct vmcb *b);

/* Handlers */
enum outcome exit_cpuid(struct vcpu *v);
enum outcome exit_xsetbv(struct vcpu *v);
enum outcome exit_msr(struct vcpu *v);
enum outcome exit_io(struct vcpu *v);
enum outcome exit_npf(struct vcpu *v);
enum outcome exit_vmmcall(struct vcpu *v);

#endif
