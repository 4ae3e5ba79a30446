/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU of the board: its stack, its vCPU, how it starts, and its idle loop. */
#ifndef ARCH_AARCH64_CPU_H
#define ARCH_AARCH64_CPU_H

#include "layout.h"
#include "partition.h"

enum cpu_start { CPU_STARTING, CPU_READY, CPU_FAILED };

struct cpu {
    uint32_t index;     /* in board.cpu */
    struct vcpu *vcpu;  /* bound for ever; NULL: this CPU owns no partition's vCPU */
    uint64_t stack_top; /* virtual */
    uint32_t start;     /* enum cpu_start, atomic */
    struct diag diag;   /* why it failed */
};

/* What secondary_entry is given; cleaned to the point of coherency. */
struct cpu_boot {
    const struct mmu_config *mmu;
    uint64_t stack_top;
    uint64_t cpu;
};

/* Room for every CPU of the board, and which vCPU each runs. */
err_t cpu_setup(const struct plan *p, struct partition *part, struct arena *a, struct diag *d);

/* Index of the CPU that runs this, found by its affinity; called once per CPU. */
err_t cpu_bind_self(const struct board *b, struct diag *d);
struct cpu *cpu_self(void);

/*
 * Start every other CPU that has a vCPU (PSCI CPU_ON to firmware) and wait, bounded, until each is idle: then
 * all can run their guests, or none does. A CPU that fails names itself in d.
 */
err_t cpu_start_others(const struct board *b, struct diag *d);

/* Leave the current stack: run the vCPU when it is to run, wait otherwise. */
_Noreturn void cpu_idle(void);

/* Firmware: DEN 0022. */
_Noreturn void cpu_board_off(void);
_Noreturn void cpu_halt(void);

/* Invalidate the data cache to the point of coherency. */
void cpu_invalidate(const void *p, size_t size);

/* head.S, vectors.S */
void secondary_entry(void);
_Noreturn void cpu_run_on(uint64_t stack_top, void (*fn)(void));
_Noreturn void guest_enter(struct guest_regs *r);
void cpu_clear_fp(void);
_Noreturn void cpu_secondary(uint64_t index);

#endif
