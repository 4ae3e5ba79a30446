/* SPDX-License-Identifier: Apache-2.0 */
#include "vgic_fixture.h"

#include "arch_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct host_gic cpu_file[GIC_CPUS];
static uint32_t cpu; /* that runs */
static struct manifest_partition manifest = {.name = "linux"};
static struct plan_partition plan = {.m = &manifest, .irq = part_irqs, .irqs = 3};
static uint8_t arena_mem[8192] __attribute__((aligned(16)));

struct plan_irq part_irqs[3];
struct partition part;
struct vcpu vcpus[VCPUS];
struct diag diag;
struct arena arena;

struct vcpu *vcpu_current(void)
{
    return cpu > 0 ? &vcpus[cpu - 1] : NULL;
}

void run_on(uint32_t c)
{
    cpu_file[cpu] = host_gic;
    host_gic = cpu_file[c];
    cpu = c;
}

int vgic_setup(void **state)
{
    (void)state;
    arch_host_reset();
    arch_host.ticks_step = 1000000;
    gic_model_reset();
    memset(arena_mem, 0, sizeof(arena_mem));
    memset(&diag, 0, sizeof(diag));
    memset(&part, 0, sizeof(part));
    memset(vcpus, 0, sizeof(vcpus));
    arena_init(&arena, arena_mem, sizeof(arena_mem));
    cpu = 0;
    for (uint32_t i = 0; i < GIC_CPUS; i++)
        cpu_file[i] = host_gic;
    part_irqs[0] = (struct plan_irq){.irq = {DISK, false}, .name = "nvme"};
    part_irqs[1] = (struct plan_irq){.irq = {NET, true}, .name = "net"};
    part_irqs[2] = (struct plan_irq){.irq = {UART, false}, .name = "console", .virtual_only = true};
    part.plan = &plan;
    part.vcpu = vcpus;
    part.vcpus = VCPUS;
    for (uint32_t i = 0; i < VCPUS; i++)
        vcpus[i] = (struct vcpu){.part = &part, .index = i, .board_cpu = i + 1};
    return 0;
}

/* All CPUs up, the partition started, its interrupts enabled; CPU 1 (vCPU 0) runs. */
int vgic_setup_running(void **state)
{
    vgic_setup(state);
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_NONE);
    assert_int_equal(vgic_init(&part, &arena, &diag), ERR_NONE);
    vgic_reset(&part);
    for (uint32_t i = 0; i < GIC_CPUS; i++) {
        run_on(i);
        assert_int_equal(gicv3_cpu_init(i, &diag), ERR_NONE);
        if (i > 0)
            vgic_cpu_start(&vcpus[i - 1]);
    }
    run_on(1);
    for (uint32_t i = 0; i < VCPUS; i++)
        vgic_gicr_write(&vcpus[i], i * 0x20000 + 0x10100, 4, 0xffffffff);
    for (uint32_t w = 1; w < 32; w++)
        vgic_gicd_write(&vcpus[0], 0x100 + 4 * w, 4, 0xffffffff);
    vgic_gicd_write(&vcpus[0], 0, 4, 2);
    for (uint32_t i = DISK; i < DISK + 40; i++)
        vgic_gicd_write(&vcpus[0], 0x400 + i, 1, 0xa0);
    arch_host.kicks = 0;
    return 0;
}

uint64_t rd(uint32_t off)
{
    return vgic_gicd_read(vcpu_current(), off, 4);
}
void wr(uint32_t off, uint64_t v)
{
    vgic_gicd_write(vcpu_current(), off, 4, v);
}
uint64_t rr(uint32_t off)
{
    return vgic_gicr_read(vcpu_current(), off, 4);
}
void wrr(uint32_t off, uint64_t v)
{
    vgic_gicr_write(vcpu_current(), off, 4, v);
}
uint32_t bit(uint32_t intid)
{
    return 1u << intid % 32;
}

void guest_ack(uint32_t i)
{
    host_gic.lr[i] = (host_gic.lr[i] & ~PBIT) | ACT;
}

/* Fill every list register with active SGIs. */
void fill_lrs(void)
{
    for (uint32_t i = 0; i < 4; i++) {
        vgic_sgi(vcpu_current(), (uint64_t)(8 + i) << 24 | 1u << vcpu_current()->index);
        guest_ack(i);
    }
}
