/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/pci.c kernel/console.c kernel/fmt.c kernel/diag.c kernel/arena.c kernel/dt.c
 * kernel/dt_read.c tests/models/ecam_model.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../models/ecam_model.h"
#include "arch_host.h"
#include "console.h"
#include "dev/pci.h"

static struct ecam_model m;
static struct board board;
static struct arena arena;
static struct diag diag;
static _Alignas(16) uint8_t memory[1 << 16];
static char screen[1024];
static size_t shown;

static void screen_put(char c)
{
    assert_true(shown < sizeof(screen) - 1);
    screen[shown++] = c;
    screen[shown] = 0;
}

static int setup(void **state)
{
    (void)state;
    ecam_init(&m);
    arch_host_reset();
    memset(memory, 0, sizeof(memory));
    arena_init(&arena, memory, sizeof(memory));
    diag.text[0] = 0;
    shown = 0;
    screen[0] = 0;
    console_init(screen_put);
    board = (struct board){.pci = {.present = true, .ecam_size = 16 << 20, .bus_first = 0x10, .bus_last = 0x1f}};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(m.bad_access, 0);
    assert_int_equal(m.sized_live, 0);
    assert_int_equal(m.reset_master, 0);
    return 0;
}

static void scan(uint32_t want)
{
    assert_int_equal(pci_scan(&board, ecam_mmio(&m), &arena, &diag), ERR_NONE);
    assert_int_equal(board.pci.fns, want);
}

static void expect_bar(const struct pci_function *f, unsigned i, enum bar_kind kind, uint64_t size, bool prefetch)
{
    assert_int_equal(f->bar[i].kind, kind);
    assert_int_equal(f->bar[i].size, size);
    assert_int_equal(f->bar[i].prefetch, prefetch);
}

static void empty_bus(void **state)
{
    (void)state;
    scan(0);
    assert_int_equal(m.reads, 32);
    assert_int_equal(m.writes, 0);
    board.pci.present = false;
    scan(0);
    assert_int_equal(m.reads, 32);
}

static void small_ecam_is_refused(void **state)
{
    static const struct dt_node root = {.name = "", .parent = DT_NONE, .child = DT_NONE, .next = DT_NONE};
    struct dt_node node = root;
    struct dt dt = {.title = "board", .node = &node, .nodes = 1};

    (void)state;
    board.dt = &dt;
    board.pci.ecam_size = (1 << 20) - 4096;
    assert_int_equal(pci_scan(&board, ecam_mmio(&m), &arena, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.text, "0xff000"));
    assert_non_null(strstr(diag.text, "0x100000"));
    assert_int_equal(m.reads, 0);
}

static void arena_too_small(void **state)
{
    (void)state;
    (void)ecam_add(&m, 1, 0, 0x1234, 0x11e8);
    arena_init(&arena, memory, 16);
    assert_int_equal(pci_scan(&board, ecam_mmio(&m), &arena, &diag), ERR_NO_SPACE);
    assert_int_equal(board.pci.fns, 0);
}

static void device_is_described(void **state)
{
    struct ecam_function *f = ecam_add(&m, 3, 0, 0x1b36, 0x0010);
    const struct pci_function *got;

    (void)state;
    ecam_set_fixed(f, 0x08, 4, 0x01080202);
    ecam_set_fixed(f, 0x3d, 1, 2);
    ecam_add_bar(f, 0, 0x4000, 4);
    ecam_add_bar(f, 2, 0x20, 1);
    ecam_add_bar(f, 3, 0x1000, 8);
    ecam_add_bar(f, 4, UINT64_C(1) << 33, 4 | 8);
    ecam_set(f, 0x10, 4, 0x10004004);
    ecam_set(f, 0x14, 4, 0x80);
    ecam_set(f, 0x30, 4, 0xfeb00001);
    f->write[0x30] = 1;
    f->write[0x32] = f->write[0x33] = 0xff;
    ecam_set(f, 0x04, 2, 0x0007);
    ecam_set(f, 0x06, 2, 0x4010); /* an error is noted: RW1C */
    scan(1);
    got = &board.pci.fn[0];
    assert_int_equal(got->bdf, 0x1018);
    assert_int_equal(got->vendor, 0x1b36);
    assert_int_equal(got->device, 0x0010);
    assert_int_equal(got->class_code, 0x010802);
    assert_int_equal(got->header, 0);
    assert_int_equal(got->pin, 2);
    expect_bar(got, 0, BAR_MEM64, 0x4000, false);
    expect_bar(got, 1, BAR_UPPER, 0, false);
    expect_bar(got, 2, BAR_IO, 0x20, false);
    expect_bar(got, 3, BAR_MEM32, 0x1000, true);
    expect_bar(got, 4, BAR_MEM64, UINT64_C(1) << 33, true);
    expect_bar(got, 5, BAR_UPPER, 0, false);
    /* Off, and as firmware left it otherwise. */
    assert_int_equal(ecam_get(f, 0x04, 2), PCI_COMMAND_INTX_OFF);
    assert_int_equal(ecam_get(f, 0x06, 2), 0x4010);
    assert_int_equal(ecam_get(f, 0x10, 4), 0x10004004);
    assert_int_equal(ecam_get(f, 0x14, 4), 0x80);
    assert_int_equal(ecam_get(f, 0x30, 4), 0);
    assert_int_equal(shown, 0);
}

static void bad_bars_are_left_out(void **state)
{
    struct ecam_function *f = ecam_add(&m, 0, 0, 0x1234, 1);

    (void)state;
    ecam_set_fixed(f, 0x3d, 1, 5);
    ecam_add_bar(f, 0, 0x1000, 2); /* below 1 MiB */
    ecam_add_bar(f, 1, 0x1000, 0);
    f->write[0x14 + 2] = 0x0f; /* a hole in the size */
    ecam_add_bar(f, 2, UINT64_C(1) << 41, 4);
    ecam_add_bar(f, 5, 0x1000, 4); /* no upper half */
    scan(1);
    for (unsigned i = 0; i < 6; i++)
        expect_bar(&board.pci.fn[0], i, BAR_NONE, 0, false);
    assert_int_equal(board.pci.fn[0].pin, 0);
    for (const char *b = "0125"; *b; b++) {
        char want[] = "PCI 10:00.0: BAR x answers";

        want[17] = *b;
        assert_non_null(strstr(screen, want));
    }
}

static void bars_of_odd_sizes(void **state)
{
    struct ecam_function *f = ecam_add(&m, 0, 0, 0x1234, 1);

    (void)state;
    ecam_add_bar(f, 0, 16, 0);
    ecam_add_bar(f, 1, UINT64_C(1) << 31, 0);
    ecam_add_bar(f, 2, UINT64_C(1) << 32, 8); /* 4 GiB in 32 bits: nothing can be written */
    ecam_add_bar(f, 3, UINT64_C(1) << 40, 4);
    f->write[0x24] = 0xe0; /* I/O BAR of 16 bits */
    f->write[0x25] = 0xff;
    ecam_set_fixed(f, 0x24, 4, 1);
    ecam_add_bar(f, 5, 0x100, 1);
    f->write[0x26] = f->write[0x27] = 0;
    scan(1);
    expect_bar(&board.pci.fn[0], 0, BAR_MEM32, 16, false);
    expect_bar(&board.pci.fn[0], 1, BAR_MEM32, UINT64_C(1) << 31, false);
    expect_bar(&board.pci.fn[0], 2, BAR_NONE, 0, false);
    expect_bar(&board.pci.fn[0], 3, BAR_MEM64, UINT64_C(1) << 40, false);
    expect_bar(&board.pci.fn[0], 5, BAR_IO, 0x100, false);
}

static void functions_of_a_device(void **state)
{
    (void)state;
    ecam_set_multi(ecam_add(&m, 1, 0, 0x8086, 1));
    (void)ecam_add(&m, 1, 3, 0x8086, 2);
    (void)ecam_add(&m, 1, 7, 0x8086, 3);
    (void)ecam_add(&m, 2, 0, 0x8086, 4);
    (void)ecam_add(&m, 2, 1, 0x8086, 5); /* the header says that there is none */
    (void)ecam_add(&m, 3, 1, 0x8086, 6); /* no function 0 */
    (void)ecam_add(&m, 31, 0, 0x8086, 7);
    scan(5);
    assert_int_equal(board.pci.fn[0].bdf, 0x1008);
    assert_int_equal(board.pci.fn[0].header, 0);
    assert_int_equal(board.pci.fn[1].bdf, 0x100b);
    assert_int_equal(board.pci.fn[2].bdf, 0x100f);
    assert_int_equal(board.pci.fn[3].bdf, 0x1010);
    assert_int_equal(board.pci.fn[4].bdf, 0x10f8);
}

static void full_bus(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        ecam_set_multi(ecam_add(&m, i >> 3, i & 7, 0x1234, (uint16_t)i));
    scan(256);
    assert_int_equal(board.pci.fn[255].bdf, 0x10ff);
}

static void bridge_is_closed(void **state)
{
    struct ecam_function *f = ecam_add(&m, 4, 0, 0x1b36, 0x000c);

    (void)state;
    ecam_set_bridge(f);
    scan(1);
    assert_int_equal(board.pci.fn[0].header, 1);
    assert_int_equal(ecam_get(f, 0x04, 2) & 7, 0);
    assert_int_equal(ecam_get(f, 0x20, 4), 0x10100000); /* its windows are no BARs */
    expect_bar(&board.pci.fn[0], 4, BAR_NONE, 0, false);
}

static void capability_chain(void **state)
{
    struct ecam_function *f = ecam_add(&m, 0, 0, 0x1234, 1);
    struct pci_cap cap[PCI_CAPS];

    (void)state;
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), 0);
    ecam_add_cap(f, 0x11, 0x80, 0x43); /* low bits are reserved */
    ecam_add_cap(f, 0x01, 0x40, 0xfc);
    ecam_add_cap(f, 0x09, 0xfc, 0);
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), 3);
    assert_int_equal(cap[0].id, 0x11);
    assert_int_equal(cap[0].off, 0x80);
    assert_int_equal(cap[1].off, 0x40);
    assert_int_equal(cap[2].id, 0x09);
    assert_int_equal(cap[2].off, 0xfc);
    ecam_add_cap(f, 0x09, 0xfc, 0x80); /* a loop */
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), 3);
    ecam_add_cap(f, 0x09, 0xfc, 0x10); /* into the header */
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), 3);
    for (unsigned off = 0x40; off < 0x100; off += 4)
        ecam_add_cap(f, 0x09, (uint8_t)off, (uint8_t)(off + 4 < 0x100 ? off + 4 : 0x40));
    ecam_set(f, 0x34, 1, 0x40);
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), PCI_CAPS);
    m.fn[0].present = false; /* gone: all ones */
    assert_int_equal(pci_caps(&board.pci, ecam_mmio(&m), 0x1000, cap), 1);
}

/* A function with everything, and where the plan wants it. */
static struct ecam_function *nvme_add(struct plan_device *dev)
{
    struct ecam_function *f = ecam_add(&m, 2, 0, 0x1b36, 0x0010);

    ecam_add_bar(f, 0, 0x4000, 4 | 8);
    ecam_add_bar(f, 2, 0x1000, 0);
    ecam_add_bar(f, 3, 0x20, 1);
    ecam_add_cap(f, PCI_CAP_MSIX, 0x40, 0x50);
    ecam_add_cap(f, PCI_CAP_MSI, 0x50, 0x60);
    ecam_add_cap(f, PCI_CAP_PM, 0x60, 0x80);
    ecam_add_pcie(f, 0x80, 0, true);
    f->write[0x30] = 1;
    f->write[0x32] = f->write[0x33] = 0xff;
    ecam_set_fixed(f, 0x30, 4, 0xfeb00001);
    /* What firmware left */
    ecam_set(f, 0x10, 4, 0x2000000c);
    ecam_set(f, 0x42, 2, 0x8003);
    ecam_set(f, 0x52, 2, 0x0001);
    ecam_set(f, 0x64, 2, 0x0003);
    scan(1);
    ecam_set(f, 0x04, 2, 0x0407);
    *dev = (struct plan_device){.fn = &board.pci.fn[0], .bar = {{UINT64_C(0x8000004000)}, {0}, {0x10001000}}};
    return f;
}

static void expect_prepared(const struct ecam_function *f)
{
    assert_int_equal(ecam_get(f, 0x10, 4), 0x0000400c);
    assert_int_equal(ecam_get(f, 0x14, 4), 0x80);
    assert_int_equal(ecam_get(f, 0x18, 4), 0x10001000);
    assert_int_equal(ecam_get(f, 0x30, 4), 0);
    assert_int_equal(ecam_get(f, 0x42, 2) & 0x8000, 0);
    assert_int_equal(ecam_get(f, 0x52, 2) & 1, 0);
    assert_int_equal(ecam_get(f, 0x64, 2) & 3, 0);
    assert_int_equal(ecam_get(f, 0x04, 2), PCI_COMMAND_MEMORY);
}

static void prepare_resets(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    f->away = 20;
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_NONE);
    assert_int_equal(f->flr_count, 1);
    assert_in_range(arch_host.ticks, arch_host.ticks_hz / 10, arch_host.ticks_hz / 4);
    expect_prepared(f);
    /* After a run of the guest: again. */
    ecam_set(f, 0x04, 2, 0x0006);
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_NONE);
    assert_int_equal(f->flr_count, 2);
    expect_prepared(f);
}

static void prepare_spares_the_untouched(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    ecam_set(f, 0x10, 4, 0x0000000c);
    ecam_set(f, 0x64, 2, 0);
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_NONE);
    assert_int_equal(f->flr_count, 0);
    assert_int_equal(arch_host.ticks, 0);
    expect_prepared(f);
}

static void prepare_ready_at_once(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    ecam_set(f, 0x64, 2, 0);
    ecam_set_fixed(f, 0x06, 2, 0x0011); /* Immediate Readiness */
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_NONE);
    assert_int_equal(f->flr_count, 1);
    assert_int_equal(arch_host.ticks, 0);
    expect_prepared(f);
}

static void prepare_without_flr(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    ecam_add_pcie(f, 0x80, 0, false);
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_NONE);
    assert_int_equal(f->flr_count, 0);
    expect_prepared(f);
}

static void prepare_waits_are_bounded(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    arch_host.ticks_step = 100000; /* 0.1 ms */
    f->away = UINT32_MAX;
    ecam_set(f, 0x8a, 2, PCI_DEVSTA_PENDING); /* for ever */
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_TIMEOUT);
    assert_string_equal(diag.text, "PCI 10:02.0: does not answer 1100 ms after a function-level reset");
    assert_in_range(arch_host.ticks / (arch_host.ticks_hz / 1000), 1200, 1700);
}

static void prepare_checks_the_bars(void **state)
{
    struct plan_device dev;
    struct ecam_function *f = nvme_add(&dev);

    (void)state;
    f->write[0x19] = 0; /* bits 15:8 of BAR 2 do not stick any more */
    f->reset[0x19] = 0;
    assert_int_equal(pci_prepare(&board.pci, ecam_mmio(&m), &dev, &diag), ERR_INVALID);
    assert_string_equal(diag.text, "PCI 10:02.0: BAR 2: 0x10001000 was written and 0x10000000 is read back");
    assert_int_equal(ecam_get(f, 0x04, 2) & 7, 0);
}

static void quiesce(void **state)
{
    struct ecam_function *f = ecam_add(&m, 2, 0, 1, 1);

    (void)state;
    ecam_set(f, 0x04, 2, 0x0406);
    pci_quiesce(&board.pci, ecam_mmio(&m), 0x1010);
    assert_int_equal(ecam_get(f, 0x04, 2), 0x0402);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(empty_bus),
        T(small_ecam_is_refused),
        T(arena_too_small),
        T(device_is_described),
        T(bad_bars_are_left_out),
        T(bars_of_odd_sizes),
        T(functions_of_a_device),
        T(full_bus),
        T(bridge_is_closed),
        T(capability_chain),
        T(prepare_resets),
        T(prepare_spares_the_untouched),
        T(prepare_ready_at_once),
        T(prepare_without_flr),
        T(prepare_waits_are_bounded),
        T(prepare_checks_the_bars),
        T(quiesce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
