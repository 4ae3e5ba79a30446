/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/vpci.c kernel/dev/pci.c kernel/console.c kernel/fmt.c kernel/diag.c kernel/arena.c
 * kernel/dt.c kernel/dt_read.c tests/models/ecam_model.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../models/ecam_model.h"
#include "dev/vpci.h"

#define SLOT(n) ((uint32_t)(n) << 15)
#define ONES    UINT32_MAX

enum { MSIX = 0x40, PM = 0x50, MSI = 0x60, PCIE = 0x80, VENDOR = 0xc0 };

static struct ecam_model m, before;
static struct ecam_function *nvme, *nic;
static const struct board_pci bus = {.present = true, .bus_first = 0x10, .bus_last = 0x10, .ecam_size = 1 << 20};
static struct pci_function fn[2];
static const struct manifest_device manifest[] = {
    {.name = "uart", .kind = DEVICE_PLATFORM}, {.name = "nvme"}, {.name = "nic"}};
static struct plan_device device[3];
static const struct manifest_partition partition = {.name = "linux"};
static struct plan_partition plan = {.m = &partition, .device = device, .devices = 3};
static struct vpci v;
static struct diag diag;

static void nvme_add(void)
{
    nvme = ecam_add(&m, 2, 0, 0x1b36, 0x0010);
    ecam_set_multi(nvme);
    ecam_set_fixed(nvme, 0x08, 4, 0x01080202);
    ecam_set_fixed(nvme, 0x2c, 4, 0x11001af4);
    ecam_set_fixed(nvme, 0x3c, 4, 0x00000100);
    ecam_add_bar(nvme, 0, 0x4000, 4 | 8);
    ecam_add_bar(nvme, 2, 0x20, 1);
    ecam_add_bar(nvme, 3, 0x1000, 0);
    ecam_set(nvme, 0x10, 4, 0x0000400c);
    ecam_set(nvme, 0x14, 4, 0x80);
    ecam_set(nvme, 0x1c, 4, 0x10001000);
    memset(nvme->write + 0x30, 0xff, 4);
    nvme->write[0x0f] = 0x40; /* BIST */
    ecam_set_fixed(nvme, 0x0f, 1, 0x80);
    ecam_add_cap(nvme, PCI_CAP_MSIX, MSIX, PCIE);
    ecam_add_pcie(nvme, PCIE, VENDOR, true);
    ecam_add_cap(nvme, 0x09, VENDOR, MSI);
    ecam_add_cap(nvme, PCI_CAP_MSI, MSI, PM);
    ecam_add_cap(nvme, PCI_CAP_PM, PM, MSIX); /* and round again */
    ecam_set_fixed(nvme, PM + 2, 2, 0xffc3);
    ecam_set_fixed(nvme, PCIE + 4, 4, 0x10008038);
    memset(nvme->write + VENDOR + 2, 0xff, 14);
    memset(nvme->write + 0x100, 0xff, 0xf00);
    ecam_set(nvme, 0x100, 4, 0x0001000f); /* ATS */
    ecam_set(nvme, 0x04, 2, PCI_COMMAND_MEMORY);
    fn[0] = (struct pci_function){
        .bdf = 0x1010,
        .bar = {{BAR_MEM64, true, 0x4000}, {.kind = BAR_UPPER}, {BAR_IO, false, 0x20}, {BAR_MEM32, false, 0x1000}}};
}

static int setup(void **state)
{
    (void)state;
    ecam_init(&m);
    diag.text[0] = 0;
    nvme_add();
    nic = ecam_add(&m, 31, 7, 0x8086, 0x10d3);
    (void)ecam_add(&m, 2, 1, 0x1234, 0x5678); /* not this partition's */
    (void)ecam_add(&m, 0, 0, 0x1b36, 0x0008);
    fn[1] = (struct pci_function){.bdf = 0x10ff};
    for (size_t i = 0; i < 3; i++)
        device[i] = (struct plan_device){.m = &manifest[i]};
    device[1].fn = &fn[0];
    device[1].slot = 1;
    device[1].bar[0] = maddr(UINT64_C(0x8000004000));
    device[1].bar[3] = maddr(0x10001000);
    device[2].fn = &fn[1];
    device[2].slot = 31;
    assert_int_equal(vpci_init(&v, &bus, ecam_mmio(&m), &plan, &diag), ERR_NONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(m.bad_access, 0);
    return 0;
}

static uint32_t rd(uint32_t reg)
{
    return vpci_read(&v, SLOT(1) | reg, 4);
}

static void wr(uint32_t reg, uint32_t value)
{
    vpci_write(&v, SLOT(1) | reg, 4, value);
}

static void only_own_functions(void **state)
{
    uint32_t reads = m.reads;

    (void)state;
    for (uint32_t off = 0; off < 1 << 20; off += 0x1000) {
        if (off == SLOT(1) || off == SLOT(31))
            continue;
        assert_int_equal(vpci_read(&v, off, 4), ONES);
        assert_int_equal(vpci_read(&v, off, 2), 0xffff);
        assert_int_equal(vpci_read(&v, off | 1, 1), 0xff);
        vpci_write(&v, off | 4, 4, 7);
    }
    assert_int_equal(m.reads, reads);
    assert_int_equal(m.writes, 0);
    assert_int_equal(rd(0), 0x00101b36);
    assert_int_equal(vpci_read(&v, SLOT(31), 4), 0x10d38086);
}

static void odd_accesses(void **state)
{
    static const struct {
        uint32_t off;
        unsigned width;
    } bad[] = {{SLOT(1) + 1, 2}, {SLOT(1) + 2, 4}, {SLOT(1) + 3, 4}, {SLOT(1) + 3, 2},         {SLOT(1), 3},
               {SLOT(1), 0},     {SLOT(1), 8},     {1 << 20, 4},     {(1 << 20) + SLOT(1), 4}, {ONES, 1},
               {ONES - 3, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t want = bad[i].width == 1 ? 0xff : bad[i].width == 2 ? 0xffff : ONES;

        assert_int_equal(vpci_read(&v, bad[i].off, bad[i].width), want);
        vpci_write(&v, bad[i].off, bad[i].width, ONES);
    }
    assert_int_equal(m.writes, 0);
}

static void init_refuses_slots(void **state)
{
    (void)state;
    device[2].slot = 1;
    assert_int_equal(vpci_init(&v, &bus, ecam_mmio(&m), &plan, &diag), ERR_INVALID);
    assert_string_equal(diag.text, "partition linux: device nic: slot 1 of its PCI bus is taken; there are 32");
    device[2].slot = 32;
    diag.text[0] = 0;
    assert_int_equal(vpci_init(&v, &bus, ecam_mmio(&m), &plan, &diag), ERR_INVALID);
    assert_string_equal(diag.text, "partition linux: device nic: slot 32 of its PCI bus is not there; there are 32");
}

static void header_reads(void **state)
{
    (void)state;
    assert_int_equal(rd(0x04), 0x00100002);
    assert_int_equal(rd(0x08), 0x01080202);
    assert_int_equal(rd(0x0c), 0); /* no multi-function bit, no BIST */
    assert_int_equal(rd(0x28), 0);
    assert_int_equal(rd(0x2c), 0x11001af4);
    assert_int_equal(vpci_read(&v, SLOT(1) | 0x2e, 2), 0x1100);
    assert_int_equal(vpci_read(&v, SLOT(1) | 0x0b, 1), 0x01);
    assert_int_equal(rd(0x30), 0);
    assert_int_equal(rd(0x38), 0);
    assert_int_equal(rd(0x3c), 0x100);
    assert_int_equal(vpci_read(&v, SLOT(31) | 4, 4), 0); /* no capabilities */
    assert_int_equal(vpci_read(&v, SLOT(31) | 0x34, 4), 0);
}

static void command_and_status(void **state)
{
    (void)state;
    wr(0x04, ONES);
    assert_int_equal(ecam_get(nvme, 0x04, 2), 0x0406);
    ecam_set(nvme, 0x06, 2, 0x7010);
    vpci_write(&v, SLOT(1) | 4, 2, 0x0002); /* the status bits above stay */
    assert_int_equal(ecam_get(nvme, 0x04, 4), 0x70100002);
    vpci_write(&v, SLOT(1) | 5, 1, 0x04);
    assert_int_equal(ecam_get(nvme, 0x04, 4), 0x70100402);
    vpci_write(&v, SLOT(1) | 6, 2, 0x1000);
    assert_int_equal(ecam_get(nvme, 0x04, 4), 0x60100402);
    vpci_write(&v, SLOT(1) | 7, 1, 0xff);
    assert_int_equal(ecam_get(nvme, 0x04, 4), 0x00100402);
    wr(0x04, 0);
    assert_int_equal(ecam_get(nvme, 0x04, 4), 0x00100000);
}

static void bars_are_virtual(void **state)
{
    static const uint32_t planned[] = {0x0000400c, 0x80, 0, 0x10001000, 0, 0};
    static const uint32_t sizes[] = {0xffffc00c, ONES, 0, 0xfffff000, 0, 0};
    uint32_t reads = m.reads;

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t reg = 0x10 + 4 * i;

        assert_int_equal(rd(reg), planned[i]);
        wr(reg, ONES);
        assert_int_equal(rd(reg), sizes[i]);
        wr(reg, 0xdead0000);
        assert_int_equal(rd(reg), planned[i]);
        wr(reg, 0xfffffff0);
        assert_int_equal(rd(reg), sizes[i]);
        vpci_write(&v, SLOT(1) | reg, 2, 0xffff);
        assert_int_equal(rd(reg), planned[i]);
    }
    wr(0x10, ONES);
    wr(0x14, ONES);
    assert_int_equal(vpci_read(&v, SLOT(1) | 0x11, 1), 0xc0);
    assert_int_equal(rd(0x14), ONES);
    vpci_reset(&v);
    assert_int_equal(rd(0x10), planned[0]);
    assert_int_equal(rd(0x14), planned[1]);
    assert_int_equal(m.reads, reads);
    assert_int_equal(m.writes, 0);
}

static void chain_shows_the_list(void **state)
{
    (void)state;
    assert_int_equal(rd(0x34), PM);
    assert_int_equal(rd(PM) & 0xffff, PCIE << 8 | PCI_CAP_PM);
    assert_int_equal(rd(PCIE) & 0xffff, PCI_CAP_PCIE);
    assert_int_equal(vpci_read(&v, SLOT(1) | (PM + 1), 1), PCIE);
    for (uint32_t reg = 0x40; reg < 0x1000; reg += 4) {
        bool in = (reg >= PM && reg < PM + 8) || (reg >= PCIE && reg < PCIE + 0x3c);

        if (!in)
            assert_int_equal(rd(reg), 0);
    }
}

static void capability_registers(void **state)
{
    (void)state;
    assert_int_equal(rd(PM) >> 16, 0x01c3); /* no PME, no D1, D2 */
    wr(PM + 4, 3);
    assert_int_equal(ecam_get(nvme, PM + 4, 2), 0);
    assert_int_equal(rd(PCIE + 4), 0x00008020); /* no FLR, no phantom functions */
    ecam_set(nvme, PCIE + 10, 2, 0x0f);
    vpci_write(&v, SLOT(1) | (PCIE + 8), 2, 0xffff);
    assert_int_equal(nvme->flr_count, 0);
    assert_int_equal(ecam_get(nvme, PCIE + 8, 4), 0x000f7910);
    wr(PCIE + 8, 0x00028000);
    assert_int_equal(nvme->flr_count, 0);
    assert_int_equal(ecam_get(nvme, PCIE + 8, 4), 0x000d0000);
    vpci_write(&v, SLOT(1) | (PCIE + 9), 1, 0x50); /* Max_Read_Request_Size */
    assert_int_equal(ecam_get(nvme, PCIE + 8, 4), 0x000d5000);
    wr(PCIE + 0x10, ONES); /* Link Control */
    assert_int_equal(ecam_get(nvme, PCIE + 0x10, 2), 0);
}

static void capability_length(void **state)
{
    (void)state;
    ecam_set_fixed(nvme, PCIE + 2, 2, 0x0001);
    ecam_set(nvme, PCIE + 0x10, 4, 0x1234);
    ecam_set(nvme, PCIE + 0x14, 4, 0x1234);
    assert_int_equal(vpci_init(&v, &bus, ecam_mmio(&m), &plan, &diag), ERR_NONE);
    assert_int_equal(rd(PCIE + 0x10), 0x1234);
    assert_int_equal(rd(PCIE + 0x14), 0);
    /* A hidden capability inside a shown one stays hidden; one at the end of the area is cut. */
    ecam_set_fixed(nvme, PCIE + 2, 2, 0x0002);
    ecam_add_cap(nvme, 0x09, VENDOR, PCIE + 0x10);
    ecam_add_cap(nvme, PCI_CAP_MSI, PCIE + 0x10, 0xfc);
    ecam_add_cap(nvme, PCI_CAP_PM, 0xfc, 0);
    assert_int_equal(vpci_init(&v, &bus, ecam_mmio(&m), &plan, &diag), ERR_NONE);
    assert_int_equal(rd(0x34), 0xfc);
    assert_int_equal(rd(0xfc) & 0xff00, PCIE << 8);
    assert_int_equal(rd(0x100), 0);
    assert_int_equal(rd(PCIE + 0x0c), 0);
    assert_int_equal(rd(PCIE + 0x10), 0);
    assert_int_equal(rd(PCIE + 0x14), 0);
}

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

/* Whatever the guest writes, only what it may change has changed. */
static void writes_stay_inside(void **state)
{
    static const struct {
        uint32_t reg, may;
    } open[] = {{0x04, 0xf9000406}, {0x0c, 0xffff}, {0x3c, 0xff}, {PCIE + 8, 0x000f7910}};

    (void)state;
    ecam_set(nvme, PCIE + 8, 4, 0x000f2810);
    before = m;
    for (int round = 0; round < 200000; round++) {
        uint32_t off = (rnd() & 3 ? SLOT(1) : rnd() & 0xff000) | (rnd() & 7 ? rnd() & 0xff : rnd() & 0xfff);
        unsigned width = 1u << rnd() % 3;

        if (rnd() & 1)
            off &= ~(width - 1);
        vpci_write(&v, off, width, rnd() & 1 ? ONES : rnd());
        (void)vpci_read(&v, off, width);
    }
    assert_int_equal(nvme->flr_count, 0);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        uint32_t now = ecam_get(nvme, open[i].reg, 4);
        uint32_t was = ecam_get(&before.fn[2 << 3], open[i].reg, 4);

        assert_int_equal((now ^ was) & ~open[i].may, 0);
        ecam_set(nvme, open[i].reg, 4, was);
    }
    for (size_t i = 0; i < ECAM_FUNCTIONS; i++) {
        if (&m.fn[i] != nic)
            assert_memory_equal(m.fn[i].cfg, before.fn[i].cfg, sizeof(m.fn[i].cfg));
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(only_own_functions), T(odd_accesses),       T(init_refuses_slots),   T(header_reads),
        T(command_and_status), T(bars_are_virtual),   T(chain_shows_the_list), T(capability_registers),
        T(capability_length),  T(writes_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
