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

static void test_init(void **state)
{
    (void)state;
    put32(&gicd, 0x104, 0xffffffff);
    put32(&gicd, 0x304, 0xffffffff);
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_NONE);
    assert_int_equal(gicv3.intids, 288);
    assert_int_equal(get32(&gicd, 0), 0x12); /* ARE, EnableGrp1 */
    for (uint32_t w = 1; w < 9; w++) {
        assert_int_equal(get32(&gicd, 0x80 + 4 * w), 0xffffffff);
        assert_int_equal(get32(&gicd, 0x100 + 4 * w) | get32(&gicd, 0x200 + 4 * w) | get32(&gicd, 0x300 + 4 * w), 0);
    }
    assert_int_equal(get32(&gicd, 0x420), 0xa0a0a0a0);
    assert_int_equal(get32(&gicd, 0x51c), 0xa0a0a0a0);
    assert_ptr_equal(gicv3.gicr[0].model, &gicr[1]);
    assert_ptr_equal(gicv3.gicr[1].model, &gicr[0]);
    assert_ptr_equal(gicv3.gicr[2].model, &gicr[5]);
    assert_ptr_equal(gicv3.gicr[3].model, &gicr[3]);
}

static void test_init_refused(void **state)
{
    gic_redist_is(3, 0x23000101, 0x12); /* Last: what follows is not looked at */
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.text, "CPU 0x100"));
    vgic_setup(state);
    put32(&gicr[1], 0xffe8, 0);
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_INVALID);
    vgic_setup(state);
    put32(&gicd, 0xffe8, 0x2b);
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.text, "ArchRev is 2"));
    vgic_setup(state);
    gicd.stuck = 1u << 31;
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_TIMEOUT);
    assert_non_null(strstr(diag.text, "RWP"));
}

static void test_cpu_init(void **state)
{
    (void)state;
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_NONE);
    put32(&gicr[3], 0x10100, 0xffffffff);
    host_gic.lr[3] = PEND | 1;
    assert_int_equal(gicv3_cpu_init(3, &diag), ERR_NONE);
    assert_int_equal(get32(&gicr[3], 0x14), 0);
    assert_int_equal(get32(&gicr[3], 0x10080), 0xffffffff);
    assert_int_equal(get32(&gicr[3], 0x10100), 1u << GIC_MAINT | 1u << GIC_KICK_SGI);
    assert_int_equal(gicr[3].reg[0x10400 + GIC_MAINT], GIC_PRIO_HV);
    assert_int_equal(gicr[3].reg[0x10400 + GIC_VTIMER], GIC_PRIO_GUEST);
    assert_int_equal(host_gic.sre_el2, 15);
    assert_int_equal(host_gic.pmr, 0xff);
    assert_int_equal(host_gic.ctlr, 2);
    assert_int_equal(host_gic.igrpen1, 1);
    assert_int_equal(host_gic.lr[3], 0);
    assert_int_equal(host_gic.apr_cleared, 1);
}

static void test_cpu_init_refused(void **state)
{
    (void)state;
    assert_int_equal(gicv3_init(&gic_board, gic_map, &arena, &diag), ERR_NONE);
    gicr[1].sleepy = true;
    assert_int_equal(gicv3_cpu_init(0, &diag), ERR_TIMEOUT);
    assert_non_null(strstr(diag.text, "GICR_WAKER 0x4"));
    memset(&diag, 0, sizeof(diag));
    gicr[0].stuck = 1; /* EnableLPIs */
    assert_int_equal(gicv3_cpu_init(1, &diag), ERR_TIMEOUT);
    assert_non_null(strstr(diag.text, "EnableLPIs"));
    memset(&diag, 0, sizeof(diag));
    host_gic.vtr &= ~UINT64_C(31);
    assert_int_equal(gicv3_cpu_init(2, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.text, "1 list registers"));
}

static void test_kick(void **state)
{
    (void)state;
    gicv3_kick(0);
    assert_int_equal(host_gic.sgi1r, 1);
    gicv3_kick(0x2300000101);
    assert_int_equal(host_gic.sgi1r, UINT64_C(0x0023000000010002));
    gicv3_kick(0x0000051f); /* Aff0 31: range 1, bit 15 */
    assert_int_equal(host_gic.sgi1r, UINT64_C(0x0000100000058000));
    gicv3_kick(0x00070000);
    assert_int_equal(host_gic.sgi1r, UINT64_C(0x0000000700000001));
}

static void test_claim(void **state)
{
    (void)state;
    gicv3_claim((struct board_irq){106, true}, 3);
    assert_int_equal(gicd.reg[0x400 + 106], GIC_PRIO_HV);
    assert_int_equal(phys(0x100, 106), 1);
    assert_int_equal(get32(&gicd, 0xc00 + 6 * 4), 2u << 20);
    assert_int_equal(get32(&gicd, 0x6000 + 8 * 106), 0x101);
    assert_int_equal(get32(&gicd, 0x6004 + 8 * 106), 0x23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_init, vgic_setup),
        cmocka_unit_test_setup(test_init_refused, vgic_setup),
        cmocka_unit_test_setup(test_cpu_init, vgic_setup),
        cmocka_unit_test_setup(test_cpu_init_refused, vgic_setup),
        cmocka_unit_test_setup(test_kick, vgic_setup_running),
        cmocka_unit_test_setup(test_claim, vgic_setup_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
