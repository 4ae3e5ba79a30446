/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/dev/vmsix.c kernel/dev/pci_msi.c kernel/dev/vpci.c kernel/dev/pci.c kernel/console.c kernel/fmt.c
 * kernel/diag.c kernel/arena.c kernel/dt.c kernel/dt_read.c tests/models/ecam_model.c tests/host/arch_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../models/ecam_model.h"
#include "console.h"
#include "dev/vmsix.h"

/* A function with 4 MSI messages and 70 MSI-X entries at 0x2810 of its BAR 0, in its third page. */
enum { MSI = 0x50, MSIX = 0x70, ENTRIES = 70, TABLE = 0x2810, AT = TABLE & 0xfff, BEHIND = AT + ENTRIES * 16 };
enum { ADDRESS = 0, HIGH = 4, DATA = 8, CONTROL = 12 };
#define BAR          UINT64_C(0x8000000000)
#define SLOT(n)      ((uint32_t)(n) << 15)
#define GUEST(v)     (UINT64_C(0xfee01000)), (v)
#define REFUSED_DATA 0xeeu

static struct ecam_model m;
static struct ecam_function *nic;
static struct board board;
static struct pci_function fn;
static struct plan_device device;
static const struct manifest_device manifest = {.name = "nic"};
static const struct manifest_partition partition = {.name = "linux"};
static struct plan_partition plan = {.m = &partition, .device = &device, .devices = 1};
static struct vpci v;
static struct vmsix x;
static struct diag diag;
static struct arena arena;
static _Alignas(16) uint8_t memory[1 << 16];
static char screen[512];
static size_t shown;

/* The page with the table; the last accesses. */
static struct page {
    uint8_t byte[FRAME_SIZE];
    uint64_t last_off;
    unsigned last_width;
    uint32_t writes, live_writes; /* live: to a message that is not masked */
    maddr_t mapped;
} page;

static void page_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct page *p = model;

    assert_in_range(off, 0, FRAME_SIZE - width);
    assert_int_equal(off % width, 0);
    p->last_off = off;
    p->last_width = width;
    if (!write) {
        memcpy(value, p->byte + off, width);
        return;
    }
    p->writes++;
    if (off >= AT && off < BEHIND && (off - AT) % 16 != CONTROL && !(p->byte[AT + (off - AT) / 16 * 16 + CONTROL] & 1))
        p->live_writes++;
    memcpy(p->byte + off, value, width);
}

static mmio_t page_map(maddr_t a)
{
    page.mapped = a;
    return (mmio_t){page_access, &page};
}

static uint32_t hw(uint32_t entry, uint32_t field)
{
    uint32_t value;

    memcpy(&value, page.byte + AT + entry * 16 + field, 4);
    return value;
}

/* The router: what it was asked last, and which messages have routes. */
static struct {
    uint32_t asked, blocked;
    uint32_t index;
    struct vmsi_message guest;
    uint64_t routes;
} r;

static bool router_route(void *ctx, const struct plan_device *dev, uint32_t index, const struct vmsi_message *g,
                         struct vmsi_message *out)
{
    assert_ptr_equal(ctx, &r);
    assert_ptr_equal(dev, &device);
    assert_in_range(index, 0, device.messages - 1);
    r.asked++;
    r.index = index;
    r.guest = *g;
    if (g->data == REFUSED_DATA)
        return false;
    r.routes |= UINT64_C(1) << index;
    *out = (struct vmsi_message){UINT64_C(0x1fee00010) | index << 8, 0x4000 + index};
    return true;
}

static void router_block(void *ctx, const struct plan_device *dev, uint32_t index)
{
    assert_ptr_equal(ctx, &r);
    assert_ptr_equal(dev, &device);
    r.blocked++;
    r.routes &= ~(UINT64_C(1) << index);
}

static void screen_put(char c)
{
    assert_true(shown < sizeof screen - 1);
    screen[shown++] = c;
    screen[shown] = 0;
}

static int setup(void **state)
{
    static const struct vmsi_router router = {router_route, router_block, &r};

    (void)state;
    ecam_init(&m);
    memset(&page, 0, sizeof page);
    memset(&r, 0, sizeof r);
    memset(memory, 0, sizeof memory);
    arena_init(&arena, memory, sizeof memory);
    diag.text[0] = screen[0] = 0;
    shown = 0;
    console_init(screen_put);
    nic = ecam_add(&m, 3, 0, 0x8086, 0x10d3);
    ecam_add_cap(nic, PCI_CAP_MSI, MSI, MSIX);
    ecam_set_fixed(nic, MSI + 2, 2, 0x0184); /* 64 bits, masking, 4 messages */
    nic->write[MSI + 2] = 0x71;
    memset(nic->write + MSI + 4, 0xff, 16);
    ecam_add_cap(nic, PCI_CAP_MSIX, MSIX, 0);
    ecam_set_fixed(nic, MSIX + 2, 2, ENTRIES - 1);
    nic->write[MSIX + 3] = 0xc0;
    ecam_set_fixed(nic, MSIX + 4, 4, TABLE | 0);
    ecam_set_fixed(nic, MSIX + 8, 4, 0x3000);
    fn = (struct pci_function){.bdf = 0x18, .bar = {{BAR_MEM64, false, 0x4000}, {.kind = BAR_UPPER}}};
    board = (struct board){.pci = {.present = true, .ecam_size = 1 << 20, .fn = &fn, .fns = 1}};
    pci_scan_messages(&board, ecam_mmio(&m));
    device = (struct plan_device){.m = &manifest, .fn = &fn, .slot = 1, .bar = {maddr(BAR)}, .messages = 64};
    assert_int_equal(vpci_init(&v, &board.pci, ecam_mmio(&m), &plan, &diag), ERR_NONE);
    assert_int_equal(vmsix_init(&x, &v, &router, page_map, &arena, &diag), ERR_NONE);
    assert_in_range(arena.used, 1, vmsix_size(&plan));
    vmsix_reset(&x);
    page.writes = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(m.bad_access, 0);
    assert_int_equal(page.live_writes, 0);
    return 0;
}

static uint32_t cfg(uint32_t reg)
{
    return vpci_read(&v, SLOT(1) | reg, 4);
}

static void wr(uint32_t entry, uint32_t field, uint32_t value)
{
    vmsix_write(&x, 0, AT + entry * 16 + field, 4, value);
}

static uint32_t rd(uint32_t entry, uint32_t field)
{
    return (uint32_t)vmsix_read(&x, 0, AT + entry * 16 + field, 4);
}

static void entry_set(uint32_t entry, uint64_t address, uint32_t data, uint32_t control)
{
    wr(entry, ADDRESS, (uint32_t)address);
    wr(entry, HIGH, (uint32_t)(address >> 32));
    wr(entry, DATA, data);
    wr(entry, CONTROL, control);
}

static void messages_are_found(void **state)
{
    (void)state;
    assert_int_equal(fn.msi.messages, 4);
    assert_int_equal(fn.msi.entries, ENTRIES);
    assert_int_equal(fn.msi.bar, 0);
    assert_int_equal(fn.msi.table, TABLE);
    assert_int_equal(page.mapped.v, BAR + 0x2000);
    assert_string_equal(screen, "");
}

static void bad_tables_are_refused(void **state)
{
    static const struct {
        uint32_t table;
        uint16_t size;
    } bad[] = {{0x2810 | 6, 69}, {0x2810 | 7, 69}, {0x2810 | 1, 69}, {0x2810 | 2, 0},
               {0x3ba8, 69},     {0x4000, 0},      {0xfffffff8, 0},  {0x0, 0x7ff}};

    (void)state;
    fn.bar[2] = (struct pci_bar){.kind = BAR_IO, .size = 0x10000};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fn.msi = (struct pci_messages){0};
        shown = 0;
        ecam_set(nic, MSIX + 2, 2, bad[i].size);
        ecam_set(nic, MSIX + 4, 4, bad[i].table);
        pci_scan_messages(&board, ecam_mmio(&m));
        assert_int_equal(fn.msi.entries, 0);
        assert_non_null(strstr(screen, "PCI 00:03.0: its MSI-X table of"));
    }
    ecam_set(nic, MSIX + 2, 2, 69);
    ecam_set(nic, MSIX + 4, 4, 0x3ba0); /* ends with the BAR */
    fn.msi = (struct pci_messages){0};
    pci_scan_messages(&board, ecam_mmio(&m));
    assert_int_equal(fn.msi.entries, ENTRIES);
}

static void odd_capabilities_are_refused(void **state)
{
    (void)state;
    fn.msi = (struct pci_messages){0};
    ecam_set(nic, MSI + 2, 2, 0x018c); /* 64 messages: reserved */
    fn.header = 1;
    pci_scan_messages(&board, ecam_mmio(&m));
    assert_int_equal(fn.msi.entries, 0); /* a bridge */
    fn.header = 0;
    pci_scan_messages(&board, ecam_mmio(&m));
    assert_int_equal(fn.msi.messages, 0);
    fn.msi = (struct pci_messages){0};
    ecam_set(nic, 0x34, 1, 0xec);
    ecam_add_cap(nic, PCI_CAP_MSI, 0xec, 0xf8);
    ecam_set(nic, 0xec + 2, 2, 0x0180); /* 24 bytes, 20 are left */
    ecam_add_cap(nic, PCI_CAP_MSIX, 0xf8, 0);
    pci_scan_messages(&board, ecam_mmio(&m));
    assert_int_equal(fn.msi.messages, 0);
    assert_int_equal(fn.msi.entries, 0);
    ecam_set(nic, 0xec + 2, 2, 0x0100);
    pci_scan_messages(&board, ecam_mmio(&m));
    assert_int_equal(fn.msi.messages, 1);
}

static void capabilities_are_shown(void **state)
{
    (void)state;
    assert_int_equal(cfg(PCI_CAP_PTR), MSI);
    assert_int_equal(cfg(MSI), 0x01840005 | MSIX << 8);
    assert_int_equal(cfg(MSIX), 63u << 16 | PCI_CAP_MSIX);
    assert_int_equal(cfg(MSIX + 4), TABLE);
    assert_int_equal(cfg(MSIX + 8), 0x3000);
    /* Two bits are the guest's, by whatever width. */
    vpci_write(&v, SLOT(1) | (MSIX + 2), 2, 0xffff);
    assert_int_equal(ecam_get(nic, MSIX + 2, 2), 0xc000 | (ENTRIES - 1));
    assert_int_equal(cfg(MSIX) >> 16, 0xc000 | 63);
    vpci_write(&v, SLOT(1) | (MSIX + 3), 1, 0x80);
    assert_int_equal(ecam_get(nic, MSIX + 2, 2), 0x8000 | (ENTRIES - 1));
    vpci_write(&v, SLOT(1) | (MSIX + 4), 4, 0);
    assert_int_equal(cfg(MSIX + 4), TABLE);
}

static void all_is_masked_at_first(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(hw(i, CONTROL), 1);
        assert_int_equal(rd(i, CONTROL), 1);
        assert_int_equal(rd(i, ADDRESS) | rd(i, HIGH) | rd(i, DATA), 0);
    }
    assert_int_equal(r.asked + r.blocked, 0);
}

static void the_device_gets_the_routers_message(void **state)
{
    (void)state;
    entry_set(5, UINT64_C(0x1fee02003), 0x4041, 1);
    assert_int_equal(r.asked, 0);
    assert_int_equal(page.writes, 0); /* masked: it can wait */
    wr(5, CONTROL, 0);
    assert_int_equal(r.asked, 1);
    assert_int_equal(r.index, 5);
    assert_int_equal(r.guest.address, UINT64_C(0x1fee02000));
    assert_int_equal(r.guest.data, 0x4041);
    assert_int_equal(hw(5, ADDRESS), 0xfee00510);
    assert_int_equal(hw(5, HIGH), 1);
    assert_int_equal(hw(5, DATA), 0x4005);
    assert_int_equal(hw(5, CONTROL), 0);
    assert_int_equal(rd(5, ADDRESS), 0xfee02000);
    assert_int_equal(rd(5, HIGH), 1);
    assert_int_equal(rd(5, DATA), 0x4041);
    assert_int_equal(rd(5, CONTROL), 0);
    assert_int_equal(vmsix_read(&x, 0, AT + 5 * 16, 8), UINT64_C(0x1fee02000));
    assert_int_equal(vmsix_read(&x, 0, AT + 5 * 16 + 2, 2), 0xfee0);
    assert_int_equal(vmsix_read(&x, 0, AT + 5 * 16 + 8, 1), 0x41);
    /* A change while it is not masked. */
    vmsix_write(&x, 0, AT + 5 * 16, 8, UINT64_C(0xfee03000));
    assert_int_equal(r.guest.address, UINT64_C(0xfee03000));
    assert_int_equal(hw(5, CONTROL), 0);
    vmsix_write(&x, 0, AT + 5 * 16 + 8, 8, UINT64_C(0x100000042));
    assert_int_equal(hw(5, CONTROL), 1);
    assert_int_equal(rd(5, DATA), 0x42);
    assert_int_equal(r.blocked, 0);
}

static void the_refused_stays_masked(void **state)
{
    (void)state;
    entry_set(7, GUEST(REFUSED_DATA), 0);
    assert_int_equal(hw(7, CONTROL), 1);
    assert_int_equal(hw(7, ADDRESS) | hw(7, DATA), 0);
    assert_int_equal(rd(7, CONTROL), 0);
    assert_int_equal(r.blocked, 0);
    wr(7, DATA, 0x41);
    assert_int_equal(hw(7, CONTROL), 0);
    assert_int_equal(r.routes, 1 << 7);
    wr(7, DATA, REFUSED_DATA);
    assert_int_equal(hw(7, CONTROL), 1);
    assert_int_equal(r.blocked, 1);
    assert_int_equal(r.routes, 0);
}

static void what_is_not_the_guests(void **state)
{
    uint32_t hidden = AT + 64 * 16;

    (void)state;
    vmsix_write(&x, 0, hidden, 4, 0xfee00000);
    vmsix_write(&x, 0, hidden + CONTROL, 4, 0);
    vmsix_write(&x, 0, AT + CONTROL, 1, 0);
    vmsix_write(&x, 0, AT + CONTROL, 2, 0);
    vmsix_write(&x, 0, AT + 4, 8, 0);
    vmsix_write(&x, 0, AT + 2, 4, 0);
    assert_int_equal(page.writes, 0);
    assert_int_equal(r.asked, 0);
    assert_int_equal(vmsix_read(&x, 0, hidden + CONTROL, 4), 1);
    assert_int_equal(vmsix_read(&x, 0, hidden, 4), 0);
    assert_int_equal(vmsix_read(&x, 0, AT + 1, 4), UINT64_MAX);
}

static void neighbours_are_the_devices(void **state)
{
    static const uint32_t at[] = {AT - 8, BEHIND, 0, FRAME_SIZE - 8};

    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        for (unsigned width = 1; width <= 8; width *= 2) {
            vmsix_write(&x, 0, at[i], width, UINT64_C(0x1122334455667788));
            assert_int_equal(page.last_off, at[i]);
            assert_int_equal(page.last_width, width);
            page.last_width = 0;
            assert_int_equal(vmsix_read(&x, 0, at[i], width),
                             UINT64_C(0x1122334455667788) & (width < 8 ? (UINT64_C(1) << 8 * width) - 1 : UINT64_MAX));
            assert_int_equal(page.last_width, width);
        }
    }
    vmsix_write(&x, 0, BEHIND + 1, 2, 0); /* across: nobody's */
    assert_int_equal(page.writes, 16);
    assert_int_equal(r.asked, 0);
}

static void msi_write(uint32_t reg, uint32_t value)
{
    vpci_write(&v, SLOT(1) | (MSI + reg), 4, value);
}

static void msi_goes_through_the_router(void **state)
{
    (void)state;
    msi_write(0x04, 0xfee01003);
    msi_write(0x08, 2);
    msi_write(0x0c, 0xffff0053);
    assert_int_equal(r.asked, 0);
    assert_int_equal(ecam_get(nic, MSI + 4, 4), 0);
    vpci_write(&v, SLOT(1) | (MSI + 2), 2, 0xff21); /* 4 of 4 messages */
    assert_int_equal(r.asked, 4);
    assert_int_equal(r.routes, 0xf);
    assert_int_equal(r.guest.address, UINT64_C(0x2fee01000));
    assert_int_equal(r.guest.data, 0x53); /* the last one's */
    assert_int_equal(ecam_get(nic, MSI + 4, 4), 0xfee00010);
    assert_int_equal(ecam_get(nic, MSI + 8, 4), 1);
    assert_int_equal(ecam_get(nic, MSI + 0xc, 2), 0x4000);
    assert_int_equal(ecam_get(nic, MSI + 2, 2), 0x01a5);
    assert_int_equal(cfg(MSI) >> 16, 0x01a5);
    assert_int_equal(cfg(MSI + 4), 0xfee01000);
    assert_int_equal(cfg(MSI + 8), 2);
    assert_int_equal(cfg(MSI + 0xc), 0x53);
    /* More than it has. */
    vpci_write(&v, SLOT(1) | (MSI + 2), 2, 0x0051);
    assert_int_equal(cfg(MSI) >> 16, 0x01a5);
    /* Masks are the device's; what is pending cannot be written. */
    msi_write(0x10, 0xa);
    assert_int_equal(ecam_get(nic, MSI + 0x10, 4), 0xa);
    assert_int_equal(cfg(MSI + 0x10), 0xa);
    ecam_set(nic, MSI + 0x14, 4, 6);
    msi_write(0x14, 0);
    assert_int_equal(cfg(MSI + 0x14), 6);
    msi_write(0x00, 0);
    assert_int_equal(ecam_get(nic, MSI + 2, 2), 0x0184);
}

static void msi_of_32_bits(void **state)
{
    (void)state;
    ecam_set(nic, MSI + 2, 2, 0x0104); /* and masking */
    msi_write(0x04, 0xfee01000);
    msi_write(0x08, 0x60);
    msi_write(0x00, 1 << 16);
    assert_int_equal(r.asked, 1);
    assert_int_equal(r.guest.address, UINT64_C(0xfee01000));
    assert_int_equal(r.guest.data, 0x60);
    assert_int_equal(ecam_get(nic, MSI + 8, 2), 0x4000);
    assert_int_equal(cfg(MSI + 8), 0x60);
    msi_write(0x0c, 5);
    assert_int_equal(cfg(MSI + 0xc), 5);
    assert_int_equal(cfg(MSI + 0x14), 0);
    ecam_set(nic, MSI + 2, 2, 0x0004); /* no masking */
    msi_write(0x0c, 7);
    assert_int_equal(ecam_get(nic, MSI + 0xc, 4), 5);
    assert_int_equal(cfg(MSI + 0xc), 0);
}

static void msi_that_is_refused_stays_off(void **state)
{
    (void)state;
    msi_write(0x04, 0xfee01000);
    msi_write(0x0c, REFUSED_DATA);
    msi_write(0x00, 1 << 16);
    assert_int_equal(r.asked, 1);
    assert_int_equal(ecam_get(nic, MSI + 2, 2), 0x0184);
    assert_int_equal(cfg(MSI) >> 16, 0x0185);
    msi_write(0x0c, 0x41);
    assert_int_equal(ecam_get(nic, MSI + 2, 2), 0x0185);
    msi_write(0x0c, REFUSED_DATA);
    assert_int_equal(ecam_get(nic, MSI + 2, 2), 0x0184);
    assert_int_equal(r.blocked, 1);
}

static void reset_forgets(void **state)
{
    (void)state;
    entry_set(1, GUEST(0x41), 0);
    entry_set(63, GUEST(0x42), 0);
    msi_write(0x0c, 0x60);
    msi_write(0x00, 0x11 << 16); /* messages 0 and 1 */
    assert_int_equal(r.routes, UINT64_C(1) << 63 | 3);
    vmsix_reset(&x);
    assert_int_equal(r.routes, 0);
    assert_int_equal(r.blocked, 3);
    assert_int_equal(rd(1, CONTROL), 1);
    assert_int_equal(rd(1, DATA), 0);
    assert_int_equal(hw(63, CONTROL), 1);
    assert_int_equal(cfg(MSI + 0xc), 0);
    vmsix_reset(&x);
    assert_int_equal(r.blocked, 3);
}

static void no_room(void **state)
{
    static const struct vmsi_router router = {router_route, router_block, &r};
    struct arena small;

    (void)state;
    arena_init(&small, memory, 8);
    assert_int_equal(vmsix_init(&x, &v, &router, page_map, &small, &diag), ERR_NO_SPACE);
    arena_init(&small, memory, vmsix_size(&plan) / 4);
    diag.text[0] = 0;
    assert_int_equal(vmsix_init(&x, &v, &router, page_map, &small, &diag), ERR_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_tables_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_capabilities_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(capabilities_are_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(all_is_masked_at_first, setup, teardown),
        cmocka_unit_test_setup_teardown(the_device_gets_the_routers_message, setup, teardown),
        cmocka_unit_test_setup_teardown(the_refused_stays_masked, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_the_guests, setup, teardown),
        cmocka_unit_test_setup_teardown(neighbours_are_the_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(msi_goes_through_the_router, setup, teardown),
        cmocka_unit_test_setup_teardown(msi_of_32_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(msi_that_is_refused_stays_off, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
