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

static void test_registers_fixed(void **state)
{
    (void)state;
    assert_int_equal(rd(0), 0x52);
    assert_int_equal(rd(4), 9u << 19 | 1u << 25 | 2); /* NET is 77: 96 INTIDs */
    assert_int_equal(rd(8), 0x43b);
    assert_int_equal(rd(0xffe8), 0x3b);
    assert_int_equal(rr(0xffe8), 0x3b);
    assert_int_equal(vgic_gicr_read(&vcpus[1], 8, 8), 0);
    assert_int_equal(vgic_gicr_read(&vcpus[0], 0x20008, 8), UINT64_C(0x100000100));
    assert_int_equal(vgic_gicr_read(&vcpus[0], 0x40008, 8), UINT64_C(0x200000210));
    assert_int_equal(rr(0x4000c), 2);
    assert_int_equal(rr(0x60008), 0); /* past the last */
    assert_int_equal(rr(0x14), 6);
    wrr(0x14, 0);
    assert_int_equal(rr(0x14), 0);
    assert_int_equal(rr(0x20014), 6);
    wrr(0x70, 0xffffffff); /* PROPBASER */
    assert_int_equal(rr(0x70), 0);
    assert_int_equal(rr(0x10c00), 0xaaaaaaaa);
    assert_int_equal(rr(0x10c04), 2u << (GIC_PTIMER - 16) * 2);
    assert_int_equal(rr(0x10080), 0xffff | bit(GIC_VTIMER) | bit(GIC_PTIMER));
    assert_int_equal(vgic_gicd_read(&vcpus[0], 4, 1) | vgic_gicd_read(&vcpus[0], 4, 8), 0);
    assert_int_equal(vgic_gicd_read(&vcpus[0], 0x104, 2) | vgic_gicd_read(&vcpus[0], 0x102, 4), 0);
    assert_int_equal(rd(0x100) | rd(0x400) | rd(0x10c), 0); /* INTIDs below 32, and past TYPER's */
}

static void test_only_owned(void **state)
{
    (void)state;
    assert_int_equal(get32(&gicd, 0x104), bit(DISK));
    assert_int_equal(get32(&gicd, 0x108), bit(NET));
    assert_int_equal(get32(&gicd, 0x10c), 0);
    assert_int_equal(get32(&gicr[0], 0x10100), bit(GIC_VTIMER) | bit(GIC_PTIMER) | bit(GIC_MAINT) | 1);
    put32(&gicd, 0x104, 0xffffffff);
    put32(&gicd, 0x204, 0xffffffff);
    put32(&gicd, 0x304, 0xffffffff);
    assert_int_equal(rd(0x104), bit(DISK) | bit(UART));
    assert_int_equal(rd(0x204), bit(DISK));
    assert_int_equal(rd(0x304), bit(DISK));
    for (uint32_t reg = 0x180; reg < 0x400; reg += 0x100)
        wr(reg + 4, 0xffffffff);
    assert_int_equal(get32(&gicd, 0x104), ~bit(DISK));
    assert_int_equal(get32(&gicd, 0x204), ~bit(DISK));
    assert_int_equal(get32(&gicd, 0x304), ~bit(DISK));
    wr(0x204, 0xffffffff & ~bit(UART));
    assert_int_equal(get32(&gicd, 0x204), 0xffffffff);
    /* Another vCPU's PPIs: to its own redistributor, masked. */
    wrr(0x30180, 0xffffffff);
    assert_int_equal(get32(&gicr[5], 0x10100), bit(GIC_MAINT) | 1);
    assert_int_equal(get32(&gicr[0], 0x10100), bit(GIC_VTIMER) | bit(GIC_PTIMER) | bit(GIC_MAINT) | 1);
}

static void test_priority_config(void **state)
{
    (void)state;
    wr(0x428, 0xffffffff); /* INTIDs 40 to 43: only DISK is ours; five bits */
    assert_int_equal(rd(0x428), 0xf8);
    assert_int_equal(gicd.reg[0x428], GIC_PRIO_GUEST);
    wr(0xc08, 0xffffffff);
    assert_int_equal(rd(0xc08), 2u << (DISK - 32) * 2);
    assert_int_equal(get32(&gicd, 0xc08), 2u << (DISK - 32) * 2);
    wrr(0x10c04, 0);
    assert_int_equal(rr(0x10c04), 0);
    assert_int_equal(get32(&gicr[0], 0x10c04), 0);
}

static void test_route(void **state)
{
    (void)state;
    uint32_t reg = 0x6000 + 8 * DISK;

    vgic_gicd_write(&vcpus[0], reg, 8, 2);
    assert_int_equal(vgic_gicd_read(&vcpus[0], reg, 8), 2);
    assert_int_equal(get32(&gicd, reg), 0x101);
    assert_int_equal(get32(&gicd, reg + 4), 0x23);
    vgic_gicd_write(&vcpus[0], reg, 8, UINT64_C(1) << 32 | 1);
    assert_int_equal(vgic_gicd_read(&vcpus[0], reg, 8), 0);
    assert_int_equal(get32(&gicd, reg), 1);
    vgic_gicd_write(&vcpus[0], reg, 4, 1);
    vgic_gicd_write(&vcpus[0], reg + 4, 4, 5);
    assert_int_equal(rd(reg), 1);
    vgic_gicd_write(&vcpus[0], reg, 8, UINT64_C(1) << 31 | 1);
    assert_int_equal(rd(reg), 0);
    vgic_gicd_write(&vcpus[0], 0x6000 + 8 * OTHERS, 8, 2);
    assert_int_equal(get32(&gicd, 0x6000 + 8 * OTHERS), 0);
    vgic_gicd_write(&vcpus[0], 0x6000 + 8 * UART, 8, 1);
    assert_int_equal(get32(&gicd, 0x6000 + 8 * UART), 0); /* no physical line */

    /* What is pending goes along. */
    vgic_deliver(&vcpus[0], DISK);
    arch_host.kicks = 0;
    vgic_gicd_write(&vcpus[0], reg, 8, 1);
    assert_int_equal(host_gic.lr[0], 0);
    assert_true(arch_host_kicked(2));
    run_on(2);
    vgic_flush(&vcpus[1]);
    assert_int_equal(host_gic.lr[0], UINT64_C(0x70a0002800000028));
}

static void test_pending_active(void **state)
{
    (void)state;
    vgic_deliver(&vcpus[0], DISK);
    put32(&gicd, 0x304, bit(DISK));
    wr(0x384, bit(DISK)); /* pending for the guest, not active: stays */
    assert_int_equal(phys(0x300, DISK), 1);
    wr(0x284, bit(DISK)); /* not pending any more: the physical one is ended */
    assert_int_equal(phys(0x300, DISK), 0);
    assert_int_equal(host_gic.lr[0], 0);
    vgic_deliver(&vcpus[0], DISK);
    guest_ack(0);
    put32(&gicd, 0x304, bit(DISK));
    wr(0x384, bit(DISK));
    assert_int_equal(phys(0x300, DISK), 0);
    assert_int_equal(host_gic.lr[0], 0);
    wrr(0x10200, bit(7) | bit(16)); /* an SGI by ISPENDR0, a PPI that is not ours */
    assert_int_equal(host_gic.lr[0], PEND | 7);
    assert_int_equal(rr(0x10200), bit(7));
    wrr(0x10280, bit(7));
    assert_int_equal(host_gic.lr[0], 0);
    wrr(0x30200, bit(9));
    assert_true(arch_host_kicked(2));
    assert_int_equal(rr(0x30200), bit(9));
    assert_int_equal(rr(0x10200), 0);
}

/* --- Whatever a guest does: list registers stay legal, other partitions' registers as they are --- */

static uint32_t foreign(uint32_t w)
{
    return w == 1 ? ~bit(DISK) : w == 2 ? ~bit(NET) : 0xffffffff;
}

static void check_lrs(void)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t lr = host_gic.lr[i];
        uint32_t id = (uint32_t)lr;
        if (lr >> 62 == 0)
            continue;
        bool hw = (lr >> 61 & 1) != 0;
        assert_true(id < 16 || id == UART || vgic_owns(&vcpus[0], id));
        assert_int_equal(hw, vgic_owns(&vcpus[0], id));
        assert_int_equal(lr >> 32 & 0x1fff, hw ? id : 0);
        assert_false(hw && lr >> 62 == 3);
        for (uint32_t j = 0; j < i; j++)
            assert_false(host_gic.lr[j] >> 62 != 0 && (uint32_t)host_gic.lr[j] == id);
    }
}

static void guest_step(uint32_t r)
{
    static const uint16_t lines[] = {DISK, NET, GIC_VTIMER, GIC_PTIMER};
    struct vcpu *v = vcpu_current();
    uint32_t off = (uint32_t)rand() % 0x1000, i = r % 4;
    static const unsigned widths[] = {1, 2, 4, 8};
    uint64_t value = (uint64_t)rand() << 32 | (uint32_t)rand() << 1;

    switch (r >> 8 & 15) {
    case 0:
    case 1:
        vgic_gicd_write(v, off & ~3u, 4, value);
        break;
    case 2:
        vgic_gicr_write(v, (r % 4) * 0x20000 + 0x10000 + (off & ~3u), 4, value);
        break;
    case 3:
        vgic_gicd_write(v, (uint32_t)rand() % 0x10000, widths[i], value);
        break;
    case 4:
        vgic_gicd_write(v, 0x6000 + 8 * (r % 1024), 8, value % 5);
        break;
    case 5:
        (void)vgic_gicd_read(v, off & ~3u, 4);
        (void)vgic_gicr_read(v, (uint32_t)rand() % 0x80000, widths[i]);
        break;
    case 6:
    case 7:
        vgic_sgi(v, value & 0x1000f00ffff);
        break;
    case 8:
        vgic_set_level(&part, r % 1100, (value & 2) != 0);
        vgic_set_level(&part, UART, (value & 4) != 0);
        break;
    case 9:
    case 10:
        vgic_deliver(v, lines[i]);
        break;
    case 11:
        if (host_gic.lr[i] >> 62 == 1)
            guest_ack(i);
        break;
    case 12:
        if (host_gic.lr[i] >> 62 == 2)
            host_gic.lr[i] &= ~ACT;
        break;
    case 13:
        vgic_flush(v);
        break;
    case 14:
        vgic_gicd_write(v, 0, 4, 2);
        break;
    default:
        run_on(1 + r % VCPUS);
    }
}

static void test_hostile(void **state)
{
    uint32_t before[0x1000 / 4];

    (void)state;
    srand(1);
    for (uint32_t i = 0x100; i < 0x400; i += 4)
        put32(&gicd, i, get32(&gicd, i) | (0x55555555 & foreign(i / 4 % 32)));
    memcpy(before, gicd.reg, sizeof(before));
    for (uint32_t n = 0; n < 200000; n++) {
        guest_step((uint32_t)rand());
        check_lrs();
        if (n % 100 != 0)
            continue;
        for (uint32_t i = 0x100; i < 0x400; i += 4)
            assert_int_equal(get32(&gicd, i) & foreign(i / 4 % 32), before[i / 4] & foreign(i / 4 % 32));
        assert_int_equal(get32(&gicd, 0), 0x12);
        assert_memory_equal(gicd.reg + 0x400, (uint8_t *)before + 0x400, 0x400);
        for (uint32_t c = 0; c < 6; c++)
            assert_int_equal(get32(&gicr[c], 0x10100) & ~(bit(GIC_VTIMER) | bit(GIC_PTIMER)),
                             c == 2 || c == 4 ? 0 : bit(GIC_MAINT) | 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers_fixed, vgic_setup_running),
        cmocka_unit_test_setup(test_only_owned, vgic_setup_running),
        cmocka_unit_test_setup(test_priority_config, vgic_setup_running),
        cmocka_unit_test_setup(test_route, vgic_setup_running),
        cmocka_unit_test_setup(test_pending_active, vgic_setup_running),
        cmocka_unit_test_setup(test_hostile, vgic_setup_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
