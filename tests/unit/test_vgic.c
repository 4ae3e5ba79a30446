/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/aarch64/vgic.c kernel/arch/aarch64/vgic_mmio.c kernel/arch/aarch64/gicv3.c
 * kernel/arch/aarch64/gicv3_cpu.c kernel/arena.c kernel/diag.c kernel/fmt.c tests/host/arch_host.c
 * tests/models/gicv3_model.c tests/models/vgic_fixture.c */
#include "arch_host.h"
#include "vgic_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t phys(uint32_t reg, uint32_t intid)
{
    return get32(&gicd, reg + intid / 32 * 4) >> intid % 32 & 1;
}

/* --- Delivery --- */

static void test_deliver(void **state)
{
    (void)state;
    assert_true(vgic_owns(&vcpus[0], DISK));
    assert_true(vgic_owns(&vcpus[0], GIC_VTIMER));
    assert_false(vgic_owns(&vcpus[0], UART));
    assert_false(vgic_owns(&vcpus[0], OTHERS));
    assert_false(vgic_owns(&vcpus[0], 0));
    assert_false(vgic_owns(&vcpus[0], 1023));
    vgic_deliver(&vcpus[0], DISK);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
    vgic_deliver(&vcpus[0], GIC_VTIMER);
    assert_int_equal(host_gic.lr[1], UINT64_C(0x7000001b0000001b));
    vgic_deliver(&vcpus[0], DISK); /* only after an ICACTIVER of the guest: merges */
    assert_int_equal(host_gic.lr[2], 0);
    assert_int_equal(host_gic.hcr, 1);
}

static void test_deliver_waits(void **state)
{
    (void)state;
    fill_lrs();
    vgic_gicr_write(&vcpus[0], 0x10400 + GIC_VTIMER, 1, 0x20);
    vgic_deliver(&vcpus[0], DISK);
    vgic_deliver(&vcpus[0], GIC_VTIMER);
    assert_int_equal(host_gic.hcr, 3); /* UIE */
    host_gic.lr[2] = 0;
    vgic_flush(&vcpus[0]);
    assert_int_equal(host_gic.lr[2], HWLR | UINT64_C(0x0020001b0000001b)); /* the higher priority first */
    assert_int_equal(host_gic.hcr, 3);
    host_gic.lr[0] = 0;
    vgic_flush(&vcpus[0]);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
    assert_int_equal(host_gic.hcr, 1);
    uint64_t writes = host_gic.lr_writes;
    vgic_flush(&vcpus[0]);
    assert_int_equal(host_gic.lr_writes, writes);
}

static void test_deliver_disabled(void **state)
{
    (void)state;
    wr(0, 0);
    vgic_deliver(&vcpus[0], DISK);
    run_on(2);
    vgic_deliver(&vcpus[1], NET);
    run_on(1);
    assert_int_equal(host_gic.lr[0], 0);
    wr(0, 2);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
    assert_true(arch_host_kicked(2) && arch_host_kicked(3) && !arch_host_kicked(1));
    run_on(2);
    vgic_flush(&vcpus[1]);
    assert_int_equal(host_gic.lr[0], HWLR | UINT64_C(0x00a0004d0000004d));
}

/* Disabled with the interrupt in a list register: it comes back, and waits. */
static void test_disable_recalls(void **state)
{
    (void)state;
    vgic_deliver(&vcpus[0], DISK);
    wr(0x184, bit(DISK));
    assert_int_equal(host_gic.lr[0], 0);
    assert_int_equal(phys(0x100, DISK), 0);
    put32(&gicd, 0x304, bit(DISK)); /* the physical one is active, the guest's is not: Linux waits for that */
    assert_int_equal(rd(0x304), 0);
    assert_int_equal(rd(0x204), bit(DISK));
    wr(0x104, bit(DISK));
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
    assert_int_equal(phys(0x100, DISK), 1);
    guest_ack(0);
    assert_int_equal(rd(0x304), bit(DISK));
    assert_int_equal(rd(0x204), 0);
}

/* --- SGIs --- */

static void test_sgi_self(void **state)
{
    (void)state;
    vgic_gicr_write(&vcpus[0], 0x10403, 1, 0xff);
    vgic_sgi(&vcpus[0], UINT64_C(3) << 24 | 1);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x50f8000000000003));
    assert_int_equal(arch_host.kicks, 0);
    guest_ack(0);
    vgic_sgi(&vcpus[0], UINT64_C(3) << 24 | 1);
    assert_int_equal(host_gic.lr[0], ACT | UINT64_C(0x50f8000000000003)); /* active and pending: never in two */
    assert_int_equal(host_gic.lr[1], 0);
}

static void test_sgi_others(void **state)
{
    (void)state;
    vgic_sgi(&vcpus[0], UINT64_C(5) << 24 | 0xfffe); /* bits of vCPUs that are not there too */
    assert_int_equal(arch_host.kicks, 2);
    assert_true(arch_host_kicked(2) && arch_host_kicked(3));
    assert_int_equal(host_gic.lr[0], 0);
    run_on(3);
    vgic_flush(&vcpus[2]);
    assert_int_equal(host_gic.lr[0], PEND | 5);
    arch_host.kicks = 0;
    vgic_sgi(&vcpus[2], UINT64_C(1) << 40 | UINT64_C(6) << 24); /* all but self */
    assert_int_equal(arch_host.kicks, 2);
    assert_true(arch_host_kicked(1) && arch_host_kicked(2));
    assert_int_equal(host_gic.lr[1], 0);
    arch_host.kicks = 0;
    vgic_sgi(&vcpus[2], UINT64_C(1) << 16 | 7);
    vgic_sgi(&vcpus[2], UINT64_C(1) << 32 | 7);
    vgic_sgi(&vcpus[2], UINT64_C(1) << 48 | 7);
    vgic_sgi(&vcpus[2], UINT64_C(1) << 44 | 7);
    vgic_sgi(&vcpus[2], 0xfff8);
    assert_int_equal(arch_host.kicks, 0);
    assert_int_equal(host_gic.lr[1], 0);
}

/* --- Software level interrupt --- */

static void test_level(void **state)
{
    (void)state;
    vgic_set_level(&part, UART, true);
    assert_int_equal(host_gic.lr[0], PEND | UART);
    vgic_set_level(&part, UART, false);
    assert_int_equal(host_gic.lr[0], 0);
    vgic_set_level(&part, UART, true);
    guest_ack(0);
    vgic_set_level(&part, UART, true); /* an access of the handler, still high */
    assert_int_equal(host_gic.lr[0], ACT | PEND | UART);
    vgic_set_level(&part, UART, false);
    assert_int_equal(host_gic.lr[0], ACT | (PEND & ~PBIT) | UART);
    host_gic.lr[0] = 0;
    wr(0x184, bit(UART));
    vgic_set_level(&part, UART, true);
    assert_int_equal(host_gic.lr[0], 0);
    assert_int_equal(rd(0x204), bit(UART));
    wr(0x284, bit(UART)); /* ICPENDR does not lower a level */
    wr(0x104, bit(UART));
    assert_int_equal(host_gic.lr[0], PEND | UART);
    assert_int_equal(phys(0x100, UART), 0);
    vgic_set_level(&part, OTHERS, true);
    vgic_set_level(&part, 3, true);
    vgic_set_level(&part, 5000, true);
    assert_int_equal(host_gic.lr[1], 0);
}

/* Handled, disabled, ended with the level high; enabled later (a threaded handler). */
static void test_level_enable_again(void **state)
{
    (void)state;
    vgic_set_level(&part, UART, true);
    guest_ack(0);
    wr(0x184, bit(UART));
    host_gic.lr[0] = 0;
    wr(0x104, bit(UART));
    assert_int_equal(host_gic.lr[0], PEND | UART);
}

static void test_level_remote(void **state)
{
    (void)state;
    run_on(0); /* a CPU without vCPU: the console's */
    vgic_set_level(&part, UART, true);
    assert_int_equal(arch_host.kicks, 1);
    assert_true(arch_host_kicked(1));
    vgic_set_level(&part, UART, true);
    assert_int_equal(arch_host.kicks, 1); /* waits already */
    vgic_set_level(&part, UART, false);
    run_on(1);
    vgic_flush(&vcpus[0]);
    assert_int_equal(host_gic.lr[0], 0);
}

/* --- Life --- */

static void test_stop_start(void **state)
{
    (void)state;
    vgic_deliver(&vcpus[0], DISK);
    guest_ack(0);
    wr(0x188, bit(NET));
    vgic_deliver(&vcpus[0], NET);
    put32(&gicd, 0x304, bit(DISK) | bit(OTHERS));
    put32(&gicd, 0x308, bit(NET));
    vgic_cpu_stop(&vcpus[0]);
    assert_int_equal(get32(&gicd, 0x304), bit(OTHERS));
    assert_int_equal(get32(&gicd, 0x308), 0);
    assert_true(ich_all_free());
    assert_int_equal(host_gic.hcr, 0);
    assert_int_equal(get32(&gicr[0], 0x10100), bit(GIC_MAINT) | 1);
    vgic_deliver(&vcpus[0], DISK); /* while off: waits */
    vgic_flush(&vcpus[0]);
    assert_true(ich_all_free());
    vgic_cpu_start(&vcpus[0]);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
    assert_int_equal(host_gic.hcr, 1);
}

static void test_reset(void **state)
{
    (void)state;
    vgic_gicd_write(&vcpus[0], 0x6000 + 8 * DISK, 8, 2);
    wr(0xc08, 0xffffffff);
    vgic_set_level(&part, UART, true);
    for (uint32_t i = 1; i < GIC_CPUS; i++) {
        run_on(i);
        vgic_cpu_stop(&vcpus[i - 1]);
    }
    put32(&gicd, 0x204, bit(DISK) | bit(OTHERS));
    put32(&gicd, 0x304, bit(DISK));
    gicv3_set_enabled(OTHERS, 0, true);
    vgic_reset(&part);
    assert_int_equal(get32(&gicd, 0x104), bit(OTHERS));
    assert_int_equal(get32(&gicd, 0x204), bit(OTHERS));
    assert_int_equal(get32(&gicd, 0x304), 0);
    assert_int_equal(get32(&gicd, 0xc08), 0);
    assert_int_equal(get32(&gicd, 0x6000 + 8 * DISK), 1);
    run_on(1);
    vgic_cpu_start(&vcpus[0]);
    assert_int_equal(rd(0), 0x50);
    assert_int_equal(rd(0x104) | rr(0x10100) | rd(0x204) | rd(0x428), 0);
    assert_true(ich_all_free());
}

static void test_init_partition_refused(void **state)
{
    (void)state;
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_NONE);
    part_irqs[1].irq.intid = 288;
    assert_int_equal(vgic_init(&part, &arena, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.text, "linux: net: its interrupt is INTID 288"));
    part_irqs[1].irq.intid = 31;
    assert_int_equal(vgic_init(&part, &arena, &diag), ERR_INVALID);
    part_irqs[1] = (struct plan_irq){.irq = {1019, false}, .name = "console", .virtual_only = true};
    assert_int_equal(vgic_init(&part, &arena, &diag), ERR_NONE);
    assert_int_equal(part.arch.vgic.spis, 992);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_deliver, vgic_setup_running),
        cmocka_unit_test_setup(test_deliver_waits, vgic_setup_running),
        cmocka_unit_test_setup(test_deliver_disabled, vgic_setup_running),
        cmocka_unit_test_setup(test_disable_recalls, vgic_setup_running),
        cmocka_unit_test_setup(test_sgi_self, vgic_setup_running),
        cmocka_unit_test_setup(test_sgi_others, vgic_setup_running),
        cmocka_unit_test_setup(test_level, vgic_setup_running),
        cmocka_unit_test_setup(test_level_enable_again, vgic_setup_running),
        cmocka_unit_test_setup(test_level_remote, vgic_setup_running),
        cmocka_unit_test_setup(test_stop_start, vgic_setup_running),
        cmocka_unit_test_setup(test_reset, vgic_setup_running),
        cmocka_unit_test_setup(test_init_partition_refused, vgic_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
