/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU of the board: its tables and stack, its vCPU, how it starts, and its idle loop. */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include "desc.h"
#include "partition.h"

enum cpu_start { CPU_STARTING, CPU_READY, CPU_FAILED };

struct cpu {
    struct cpu *self;   /* GS points here */
    uint32_t kicked;    /* by an NMI since cpu_wait returned last (vectors.S) */
    uint32_t index;     /* in board.cpu */
    struct vcpu *vcpu;  /* bound for ever; NULL: this CPU owns no partition's vCPU */
    uint64_t stack_top; /* virtual */
    maddr_t svm;        /* its frames (svm.h) */
    uint32_t start;     /* enum cpu_start, atomic */
    struct diag diag;   /* why it failed */
    struct desc desc;
};

/* On the CPU that boots, first of all: exceptions are reported from then on. */
void cpu_init(void);

/* Copy the code that other CPUs start with to a page below 1 MiB that nobody else has. */
void cpu_place_trampoline(uint64_t page);

/* Room for every CPU of the board, and which vCPU each runs. */
err_t cpu_setup(const struct plan *p, struct partition *part, struct arena *a, struct diag *d);

/* The CPU that runs this is the one of the board with its APIC id; its tables and SVM are ready afterwards. */
err_t cpu_bind_self(struct diag *d);
static inline struct cpu *cpu_self(void)
{
    struct cpu *c;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(c));
    return c;
}

/*
 * Start every other CPU that has a vCPU (INIT, SIPI), with these tables, and wait, bounded, until each is idle:
 * then all can run their guests, or none does. A CPU that fails names itself in d.
 */
err_t cpu_start_others(mfn_t root, struct diag *d);

/* Leave the current stack: run the vCPU when it is to run, wait otherwise. */
_Noreturn void cpu_idle(void);

/* ACPI S5. */
_Noreturn void cpu_board_off(void);
_Noreturn void cpu_halt(void);

/* Once ACPI's tables are read: there is a way to switch off, and a timer by which the counter's frequency is known
 * where CPUID does not tell it. */
void cpu_set_acpi(const struct board_acpi *acpi);

/* ticks.c; pm_timer: I/O port, 0: there is none. */
void ticks_calibrate(uint16_t pm_timer);

/* head.S, vectors.S */
_Noreturn void cpu_run_on(uint64_t stack_top, void (*fn)(void));
_Noreturn void cpu_secondary(struct cpu *c);
/* Until this CPU is kicked; at once where it was since the last call. */
void cpu_wait(void);

#endif
