/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "arch.h"
#include "arch_io.h"
#include "irq.h"
#include "lapic.h"
#include "layout.h"
#include "mmu.h"
#include "msr.h"
#include "svm.h"
#include "vcpu.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "layout.h");
_Static_assert(offsetof(struct cpu, kicked) == CPU_KICKED, "layout.h");

/* What ap_entry is given, one CPU at a time. */
struct cpu_boot {
    uint64_t root, stack_top;
    struct cpu *cpu;
};
_Static_assert(offsetof(struct cpu_boot, root) == CPU_BOOT_ROOT, "layout.h");
_Static_assert(offsetof(struct cpu_boot, stack_top) == CPU_BOOT_STACK, "layout.h");
_Static_assert(offsetof(struct cpu_boot, cpu) == CPU_BOOT_CPU, "layout.h");

#define INIT_MS    10 /* SDM vol. 3, 9.4.4 */
#define SIPI_MS    10 /* then once more */
#define ARRIVE_MS  1000
#define S5_ENABLE  (1u << 13) /* PM1_CNT.SLP_EN, SLP_TYP in 12:10: ACPI 6.5, 4.8.3.2.1 */
#define S5_TYPE(t) ((uint16_t)((t) << 10))

extern const uint8_t ap_start[], ap_end[];

struct cpu_boot ap_boot;
static struct cpu boot_cpu; /* while there is no other */
static const struct board *board;
static const struct board_acpi *acpi;
static struct cpu *cpus;
static uint64_t trampoline;

void *arch_memory(maddr_t a)
{
    return (void *)(uintptr_t)a.v;
}

void arch_publish(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

void arch_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* For IOMMUs that do not snoop; all else is coherent. */
void arch_clean(const void *p, size_t size)
{
    size_t line = (size_t)8 * (cpuid_read(1, 0).b >> 8 & 0xff);
    uintptr_t end = (uintptr_t)p + size;

    for (uintptr_t a = (uintptr_t)p & ~(line - 1); line && a < end; a += line)
        __asm__ volatile("clflush (%0)" : : "r"(a) : "memory");
    arch_publish();
}

/* VMRUN serialises. */
void arch_sync_code(void) {}

void arch_cpu_kick(uint32_t board_cpu)
{
    lapic_send((uint32_t)board->cpu[board_cpu].id, LAPIC_NMI, 0);
}

struct vcpu *vcpu_current(void)
{
    return cpu_self()->vcpu;
}

static void bind(struct cpu *c)
{
    c->self = c;
    msr_write(MSR_GS_BASE, (uintptr_t)c);
    desc_load(&c->desc);
}

void cpu_init(void)
{
    bind(&boot_cpu);
}

void cpu_set_acpi(const struct board_acpi *x)
{
    acpi = x;
    ticks_calibrate(x->pm_timer);
}

void cpu_place_trampoline(uint64_t page)
{
    trampoline = page;
    memcpy(arch_memory(maddr(page)), ap_start, (size_t)(ap_end - ap_start));
}

err_t cpu_setup(const struct plan *p, struct partition *part, struct arena *a, struct diag *d)
{
    board = p->board;
    cpus = ARENA_NEW(a, struct cpu, board->cpus, d);
    if (cpus == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < board->cpus; i++) {
        cpus[i].index = i;
        cpus[i].stack_top = mmu_stack_top(i);
        cpus[i].svm = mfn_addr(plan_cpu_frames(p, i));
    }
    for (uint32_t i = 0; i < p->partitions; i++)
        for (uint32_t j = 0; j < part[i].vcpus; j++)
            cpus[part[i].vcpu[j].board_cpu].vcpu = &part[i].vcpu[j];
    return ERR_NONE;
}

err_t cpu_bind_self(struct diag *d)
{
    uint32_t id = lapic_id();

    for (uint32_t i = 0; i < board->cpus; i++) {
        if (board->cpu[i].id == id) {
            bind(&cpus[i]);
            return svm_cpu_init(d);
        }
    }
    return diag_fail(d, ERR_INVALID, "board: the CPU that boots has APIC id 0x%x, which the MADT does not list", id);
}

static bool has_arrived(const struct cpu *c, uint64_t ms)
{
    uint64_t since = arch_ticks(), ticks = ms * arch_ticks_hz() / 1000;

    while (__atomic_load_n(&c->start, __ATOMIC_ACQUIRE) == CPU_STARTING) {
        if (arch_ticks() - since > ticks)
            return false;
        arch_relax();
    }
    return true;
}

static err_t start_one(struct cpu *c, mfn_t root, struct diag *d)
{
    uint32_t id = (uint32_t)board->cpu[c->index].id;

    ap_boot = (struct cpu_boot){mfn_addr(root).v, c->stack_top, c};
    lapic_send(id, LAPIC_INIT, 0);
    (void)has_arrived(c, INIT_MS);
    lapic_send(id, LAPIC_SIPI, (uint8_t)(trampoline >> FRAME_SHIFT));
    if (!has_arrived(c, SIPI_MS)) {
        lapic_send(id, LAPIC_SIPI, (uint8_t)(trampoline >> FRAME_SHIFT));
        if (!has_arrived(c, ARRIVE_MS))
            return diag_fail(d, ERR_TIMEOUT,
                             "board: CPU 0x%x was started (INIT, SIPI) and did not arrive within a second", id);
    }
    if (c->start == CPU_READY)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "board: CPU 0x%x cannot run a guest: %s", id, c->diag.text);
}

err_t cpu_start_others(mfn_t root, struct diag *d)
{
    err_t e = ERR_NONE;

    for (struct cpu *c = cpus; c < cpus + board->cpus && e == ERR_NONE; c++) {
        if (c == cpu_self() || c->vcpu == NULL)
            continue;
        if (trampoline == 0)
            return diag_fail(d, ERR_NO_SPACE, "board: no page of RAM below 1 MiB is left to start other CPUs from");
        e = start_one(c, root, d);
    }
    return e;
}

_Noreturn void cpu_secondary(struct cpu *c)
{
    bind(c);
    lapic_init(mmu_device(board->apic.lapic));
    bool ok = svm_cpu_init(&c->diag) == ERR_NONE;

    __atomic_store_n(&c->start, ok ? CPU_READY : CPU_FAILED, __ATOMIC_RELEASE);
    if (!ok)
        cpu_halt();
    cpu_idle();
}

/* Runs at the top of this CPU's stack. */
static void idle_loop(void)
{
    struct vcpu *v = cpu_self()->vcpu;

    for (;;) {
        if (v != NULL && vcpu_wanted(v))
            vcpu_run(v);
        irq_take();
        cpu_wait();
    }
}

_Noreturn void cpu_idle(void)
{
    cpu_run_on(cpu_self()->stack_top, idle_loop);
}

_Noreturn void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

_Noreturn void cpu_board_off(void)
{
    if (acpi != NULL && acpi->has_s5 && acpi->pm1a_control != 0)
        io_write16(acpi->pm1a_control, S5_TYPE(acpi->s5_type) | S5_ENABLE);
    cpu_halt();
}
