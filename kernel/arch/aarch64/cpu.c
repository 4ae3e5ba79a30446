/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "arch.h"
#include "exits.h"
#include "mmu.h"
#include "smc.h"
#include "sysreg.h"
#include "vcpu.h"

#include <gicv3_sysreg.h>
#include <stddef.h>

_Static_assert(offsetof(struct cpu_boot, mmu) == CPU_BOOT_MMU, "layout.h");
_Static_assert(offsetof(struct cpu_boot, stack_top) == CPU_BOOT_STACK, "layout.h");
_Static_assert(offsetof(struct cpu_boot, cpu) == CPU_BOOT_CPU, "layout.h");

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

static const struct board *board;
static struct cpu *cpus;
static struct cpu_boot *boots;

void arch_publish(void)
{
    CPU_DSB(sy);
}
void *arch_memory(maddr_t a)
{
    return (void *)(uintptr_t)a.v;
}
void arch_relax(void)
{
    __asm__ volatile("yield");
}
uint64_t arch_ticks(void)
{
    return SYSREG_READ(cntpct_el0);
}
uint64_t arch_ticks_hz(void)
{
    return SYSREG_READ(cntfrq_el0);
}

static size_t cache_line(void)
{
    return (size_t)4 << ((SYSREG_READ(ctr_el0) >> 16) & 15);
}

void arch_clean(const void *p, size_t size)
{
    size_t line = cache_line();
    uintptr_t end = (uintptr_t)p + size;

    for (uintptr_t a = (uintptr_t)p & ~(line - 1); a < end; a += line)
        __asm__ volatile("dc civac, %0" ::"r"(a) : "memory");
    CPU_DSB(sy);
}

void cpu_invalidate(const void *p, size_t size)
{
    size_t line = cache_line();
    uintptr_t end = (uintptr_t)p + size;

    for (uintptr_t a = (uintptr_t)p & ~(line - 1); a < end; a += line)
        __asm__ volatile("dc ivac, %0" ::"r"(a) : "memory");
    CPU_DSB(sy);
}

void arch_sync_code(void)
{
    CPU_DSB(ish);
    __asm__ volatile("ic ialluis" ::: "memory");
    CPU_DSB(ish);
    CPU_ISB();
}

void arch_cpu_kick(uint32_t board_cpu)
{
    gicv3_kick(board->cpu[board_cpu].id);
}

struct cpu *cpu_self(void)
{
    return (struct cpu *)(uintptr_t)SYSREG_READ(tpidr_el2);
}

struct vcpu *vcpu_current(void)
{
    struct cpu *c = cpu_self();

    return c != NULL ? c->vcpu : NULL;
}

err_t cpu_setup(const struct plan *p, struct partition *part, struct arena *a, struct diag *d)
{
    board = p->board;
    cpus = ARENA_NEW(a, struct cpu, board->cpus, d);
    boots = ARENA_NEW(a, struct cpu_boot, board->cpus, d);
    if (cpus == NULL || boots == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < board->cpus; i++) {
        cpus[i].index = i;
        cpus[i].stack_top = ((HV_STACK_VBASE + (uint64_t)i * HV_STACK_STRIDE + 1 + HV_STACK_FRAMES) << FRAME_SHIFT);
    }
    for (uint32_t i = 0; i < p->partitions; i++)
        for (uint32_t j = 0; j < part[i].vcpus; j++)
            cpus[part[i].vcpu[j].board_cpu].vcpu = &part[i].vcpu[j];
    return ERR_NONE;
}

err_t cpu_bind_self(const struct board *b, struct diag *d)
{
    uint64_t mpidr = SYSREG_READ(mpidr_el1) & MPIDR_AFFINITY;

    for (uint32_t i = 0; i < b->cpus; i++) {
        if (b->cpu[i].id == mpidr) {
            SYSREG_WRITE(tpidr_el2, (uintptr_t)&cpus[i]);
            return ERR_NONE;
        }
    }
    return diag_fail(d, ERR_INVALID, "board: the CPU that boots has MPIDR 0x%lx, which no node of /cpus has", mpidr);
}

static err_t wait_ready(const struct cpu *c, struct diag *d)
{
    uint64_t mpidr = board->cpu[c->index].id, since = arch_ticks();

    while (__atomic_load_n(&c->start, __ATOMIC_ACQUIRE) == CPU_STARTING) {
        if (arch_ticks() - since > arch_ticks_hz())
            return diag_fail(d, ERR_TIMEOUT, "board: CPU 0x%lx was switched on and did not arrive within a second",
                             mpidr);
        arch_relax();
    }
    if (c->start == CPU_READY)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "board: CPU 0x%lx cannot run a guest: %s", mpidr, c->diag.text);
}

err_t cpu_start_others(const struct board *b, struct diag *d)
{
    struct cpu *self = cpu_self();

    for (uint32_t i = 0; i < b->cpus; i++) {
        if (&cpus[i] == self || cpus[i].vcpu == NULL)
            continue;
        boots[i] = (struct cpu_boot){&mmu_final, cpus[i].stack_top, i};
        arch_clean(&boots[i], sizeof(boots[i]));
        int64_t r = smc_psci_cpu_on(b->cpu[i].id, (uintptr_t)secondary_entry, (uintptr_t)&boots[i]);
        if (r != 0)
            return diag_fail(d, ERR_INVALID, "board: firmware does not start CPU 0x%lx: PSCI CPU_ON returned %ld",
                             b->cpu[i].id, (long)r);
    }
    for (uint32_t i = 0; i < b->cpus; i++) {
        if (&cpus[i] == self || cpus[i].vcpu == NULL)
            continue;
        err_t e = wait_ready(&cpus[i], d);
        if (e != ERR_NONE)
            return e;
    }
    return ERR_NONE;
}

_Noreturn void cpu_secondary(uint64_t index)
{
    struct cpu *c = &cpus[index];

    SYSREG_WRITE(tpidr_el2, (uintptr_t)c);
    bool ok = gicv3_cpu_init((uint32_t)index, &c->diag) == ERR_NONE;
    __atomic_store_n(&c->start, ok ? CPU_READY : CPU_FAILED, __ATOMIC_RELEASE);
    if (!ok)
        cpu_halt();
    cpu_idle();
}

/* Runs at the top of this CPU's stack, interrupts masked: WFI returns when one is pending. */
static void idle_loop(void)
{
    struct vcpu *v = cpu_self()->vcpu;

    for (;;) {
        if (v != NULL && vcpu_wanted(v))
            vcpu_enter(v);
        CPU_WFI();
        exit_take_irq();
    }
}

_Noreturn void cpu_idle(void)
{
    cpu_run_on(cpu_self()->stack_top - GUEST_REGS_SIZE, idle_loop);
}

_Noreturn void cpu_halt(void)
{
    for (;;)
        CPU_WFI();
}

_Noreturn void cpu_board_off(void)
{
    smc_psci_system_off();
    cpu_halt();
}
