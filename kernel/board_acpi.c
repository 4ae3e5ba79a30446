/* SPDX-License-Identifier: Apache-2.0 */
#include "board_acpi_read.h"

#include "fmt.h"
#include "guest_image.h"
#include "iommu/kind.h"

#include <string.h>

#define ECAM_BUS  (UINT64_C(1) << 20) /* bytes for each bus */
#define ECAM_MOST 256u                /* frames that are emulated: one bus */
#define HPET_REGS 0x400u
#define COM1      0x3f8u
#define COM1_IRQ  4u
#define COM2      0x2f8u
#define COM2_IRQ  3u

/* Generic Address Structure. ACPI 6.5, 5.2.3.2: space, width, offset, access size, address. */
#define GAS_MEMORY 0u
#define GAS_IO     1u
#define GAS_ADDR   4u

/* FADT. ACPI 6.5, 5.2.9: offsets, and bits of its flags. */
enum {
    FADT_DSDT = 40,
    FADT_PM1A_CONTROL = 64,
    FADT_PM_TIMER = 76,
    FADT_PM_TIMER_LENGTH = 91,
    FADT_FLAGS = 112,
    FADT_RESET = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CONTROL = 172,
    FADT_X_PM_TIMER = 208,
};
#define FADT_LEAST     116u /* ACPI 1.0's */
#define FLAG_TIMER_32  (1u << 8)
#define FLAG_RESET     (1u << 10)
#define FLAG_NO_LEGACY (1u << 20) /* hardware-reduced: none of these registers is there */

void board_acpi_note(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *fmt, ...)
{
    char text[256], line[384];
    va_list ap;

    if (!r->fw->note)
        return;
    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    fmt_print(line, sizeof line, "ACPI: %s at 0x%lx, offset 0x%x: %s", t->name, t->at, at, text);
    r->fw->note(r->fw->ctx, line);
}

err_t board_acpi_regs(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *name,
                      uint64_t base, uint64_t size, uint64_t align)
{
    struct board *b = r->b;
    const uint64_t end = UINT64_C(1) << b->pa_bits;

    if (!base || base & (align - 1) || base >= end || size > end - base)
        return acpi_fail(t, at,
                         "registers of %s at 0x%lx + 0x%lx: a multiple of 0x%lx, no 0, and an end at 2^%u at "
                         "most are right",
                         name, base, size, align, b->pa_bits);
    for (uint32_t i = 0; i < b->memories; i++) {
        if (ranges_overlap(base, size, b->memory[i].base.v, b->memory[i].size))
            return acpi_fail(t, at, "registers of %s at 0x%lx + 0x%lx are in RAM", name, base, size);
    }
    for (uint32_t i = 0; i < b->mmios; i++) {
        if (ranges_overlap(base, size, b->mmio[i].base.v, b->mmio[i].size))
            return acpi_fail(t, at, "registers of %s at 0x%lx + 0x%lx overlap those of %s at 0x%lx", name, base, size,
                             b->mmio[i].name, b->mmio[i].base.v);
    }
    if (b->mmios == BOARD_ACPI_REGS)
        return acpi_fail(t, at, "more than %u ranges of registers", BOARD_ACPI_REGS);
    b->mmio[b->mmios++] = (struct board_range){.base = maddr(base), .size = size, .name = name, .node = DT_NONE};
    return ERR_NONE;
}

/* PCI Firmware 3.3, 4.1.2: the ECAM of one group of buses, whose address is that of bus 0. */
static err_t read_mcfg(const struct acpi_reader *r)
{
    struct board_pci *pci = &r->b->pci;
    struct acpi_table t;
    uint32_t first, last;
    err_t e = acpi_find(&r->acpi, "MCFG", 60, ACPI_LIST_MAX, &t);

    if (e)
        return e;
    if (!t.p)
        return acpi_fail(&r->acpi.root, ACPI_HEADER,
                         "it lists no MCFG, which says where PCI's ECAM is: what is on "
                         "PCI could not be kept quiet");
    first = (uint32_t)acpi_get(&t, 54, 1);
    last = (uint32_t)acpi_get(&t, 55, 1);
    if (t.size >= 76 || acpi_get(&t, 52, 2))
        return acpi_fail(&t, 44,
                         "%u entries, the first for segment %lu: one for segment 0 is supported, for what is "
                         "on others could not be kept quiet",
                         (t.size - 44) / 16, acpi_get(&t, 52, 2));
    if (last < first || acpi_get(&t, 44, 8) >> 52)
        return acpi_fail(&t, 44, "ECAM of buses %u to %u at 0x%lx", first, last, acpi_get(&t, 44, 8));
    *pci = (struct board_pci){.present = true,
                              .node = DT_ROOT,
                              .ecam = maddr(acpi_get(&t, 44, 8) + first * ECAM_BUS),
                              .ecam_size = (last - first + 1) * ECAM_BUS,
                              .bus_first = (uint8_t)first,
                              .bus_last = (uint8_t)last};
    return board_acpi_regs(r, &t, 44, "PCI configuration space", pci->ecam.v, pci->ecam_size, ECAM_BUS);
}

static err_t read_iommus(struct acpi_reader *r)
{
    struct acpi_table dmar, ivrs;
    err_t e = acpi_find(&r->acpi, "DMAR", 48, ACPI_LIST_MAX, &dmar);

    if (!e)
        e = acpi_find(&r->acpi, "IVRS", 48, ACPI_LIST_MAX, &ivrs);
    if (e)
        return e;
    if (dmar.p && ivrs.p)
        return acpi_fail(&ivrs, 0, "there is a DMAR, too (at 0x%lx): one of them is right", dmar.at);
    if (dmar.p)
        return acpi_read_dmar(r, &dmar);
    return ivrs.p ? acpi_read_ivrs(r, &ivrs) : acpi_scope_room(r, 0, 0, 0, 0);
}

/* The port of a register that newer tables describe at x, older ones at `old`; 0: none. */
static uint16_t port_of(const struct acpi_table *t, uint32_t x, uint32_t old)
{
    uint64_t port = acpi_get(t, x, 1) == GAS_IO ? acpi_get(t, x + GAS_ADDR, 8) : 0;

    if (!port && old)
        port = acpi_get(t, old, 4);
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static err_t read_s5(const struct acpi_reader *r, const struct acpi_table *fadt)
{
    struct board_acpi *x = &r->b->acpi;
    uint64_t at = acpi_get(fadt, FADT_X_DSDT, 8);
    struct acpi_table dsdt;
    err_t e;

    at = at ? at : acpi_get(fadt, FADT_DSDT, 4);
    if (!at)
        return ERR_NONE;
    e = acpi_table_at(&r->acpi, "DSDT", at, ACPI_HEADER, ACPI_TABLE_MAX, &dsdt);
    if (!e)
        x->has_s5 = acpi_s5(&dsdt, &x->s5_type);
    return e;
}

static err_t read_fadt(const struct acpi_reader *r)
{
    struct board_acpi *x = &r->b->acpi;
    struct acpi_table t;
    uint32_t flags;
    err_t e = acpi_find(&r->acpi, "FACP", FADT_LEAST, ACPI_LIST_MAX, &t);

    flags = !e && t.p ? (uint32_t)acpi_get(&t, FADT_FLAGS, 4) : FLAG_NO_LEGACY;
    if (flags & FLAG_NO_LEGACY)
        return e;
    if (acpi_get(&t, FADT_PM_TIMER_LENGTH, 1) == 4)
        x->pm_timer = port_of(&t, FADT_X_PM_TIMER, FADT_PM_TIMER);
    x->pm_timer_32 = (flags & FLAG_TIMER_32) != 0;
    x->pm1a_control = port_of(&t, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
    if (flags & FLAG_RESET)
        x->reset_port = port_of(&t, FADT_RESET, 0);
    x->reset_value = (uint8_t)acpi_get(&t, FADT_RESET_VALUE, 1);
    return read_s5(r, &t);
}

/* Microsoft's Serial Port Console Redirection, 1.08: interface 40, interrupt 52: bit 0 an IRQ, bit 1 a GSI. */
static err_t read_uart(const struct acpi_reader *r, bool has_tables)
{
    struct board_uart *u = &r->b->uart;
    struct acpi_table t = {.size = 0};
    err_t e = has_tables ? acpi_find(&r->acpi, "SPCR", 80, ACPI_LIST_MAX, &t) : ERR_NONE;
    const uint16_t told = !e && t.p ? port_of(&t, 40, 0) : 0, port = told ? told : COM1;
    uint32_t irq = port == COM1 ? COM1_IRQ : port == COM2 ? COM2_IRQ : 0;

    if (told && acpi_get(&t, 52, 1) & 3)
        irq = (uint32_t)(acpi_get(&t, 52, 1) & 2 ? acpi_get(&t, 54, 4) : acpi_get(&t, 53, 1));
    u->present = r->fw->uart_answers && r->fw->uart_answers(r->fw->ctx, port);
    u->port = port;
    u->irq.intid = irq < 1020 ? (uint16_t)irq : 0;
    u->irq.edge = true;
    return e;
}

/* IA-PC HPET 1.0a, 3.2.4. */
static err_t read_hpet(const struct acpi_reader *r)
{
    struct acpi_table t;
    err_t e = acpi_find(&r->acpi, "HPET", 56, ACPI_LIST_MAX, &t);

    if (e || !t.p || acpi_get(&t, 40, 1) != GAS_MEMORY)
        return e;
    return board_acpi_regs(r, &t, 44, "the HPET", acpi_get(&t, 44, 8), HPET_REGS, HPET_REGS);
}

/* Pages of interrupt controllers, each once: two I/O APICs may share one. */
static err_t kept_fill(const struct acpi_reader *r)
{
    struct board *b = r->b;
    struct board_apic *apic = &b->apic;

    b->kept = ARENA_NEW(r->a, struct board_range, 1 + apic->ioapics, r->d);
    if (!b->kept)
        return ERR_NO_SPACE;
    b->kept[b->kepts++] =
        (struct board_range){.base = apic->lapic, .size = FRAME_SIZE, .name = "the local APICs", .node = DT_NONE};
    for (uint32_t i = 0; i < apic->ioapics; i++) {
        uint64_t page = apic->ioapic[i].base.v & ~FRAME_MASK;
        uint32_t k = 0;

        while (k < b->kepts && b->kept[k].base.v != page)
            k++;
        if (k == b->kepts)
            b->kept[b->kepts++] =
                (struct board_range){.base = maddr(page), .size = FRAME_SIZE, .name = "the I/O APICs", .node = DT_NONE};
    }
    return ERR_NONE;
}

/* A partition has one I/O APIC, which is where the board's first one is. */
static void emulated_fill(struct board *b)
{
    b->emulated[EMULATED_LAPIC] =
        (struct board_emulated){.base = b->apic.lapic, .frames = 1, .room = 1, .name = "local APIC"};
    b->emulated[EMULATED_IOAPIC] = (struct board_emulated){
        .base = maddr(b->apic.ioapic[0].base.v & ~FRAME_MASK), .frames = 1, .room = 1, .name = "I/O APIC"};
    b->emulated[2] = (struct board_emulated){.base = b->pci.ecam,
                                             .frames = ECAM_MOST,
                                             .room = ECAM_MOST,
                                             .name = "PCI configuration space",
                                             .when = WHEN_PCI};
    b->emulateds = 3;
}

static err_t tables_read(struct acpi_reader *r)
{
    err_t e = acpi_read_madt(r);

    if (!e)
        e = read_mcfg(r);
    if (!e)
        e = read_iommus(r);
    if (!e)
        e = read_fadt(r);
    return e ? e : read_hpet(r);
}

/* The UART comes first, whatever else is wrong: messages go there. */
static err_t tables_open(struct acpi_reader *r)
{
    err_t e = acpi_open(&r->acpi, &r->fw->physical, r->fw->rsdp, r->d), u = read_uart(r, !e);

    return e ? e : u;
}

err_t board_read_acpi(struct board *b, const struct board_firmware *fw, struct arena *a, struct diag *d)
{
    /* Nobody writes to these, but no field of struct dt is const. */
    static struct dt_prop none;
    static struct dt_node root = {
        .name = "", .parent = DT_NONE, .child = DT_NONE, .next = DT_NONE, .address_cells = 2, .size_cells = 2};
    static const struct dt empty = {.title = "board", .node = &root, .prop = &none, .nodes = 1};
    struct acpi_reader r = {.b = b, .fw = fw, .a = a, .d = d};
    err_t e;

    *b = (struct board){.dt = &empty,
                        .line_first = 1,
                        .p2m = &p2m_npt,
                        .own = &own_x86_64,
                        .guest = &guest_pc,
                        .pa_bits = fw->pa_bits,
                        .vmid_bits = 16,
                        .gic = {.node = DT_NONE},
                        .uart = {.node = DT_NONE}};
    e = tables_open(&r);
    if (!e && (fw->pa_bits < 32 || fw->pa_bits > 52))
        e = diag_fail(d, ERR_INVALID, "board: %u bits of physical addresses, 32 to 52 are right", fw->pa_bits);
    b->mmio = ARENA_NEW(a, struct board_range, BOARD_ACPI_REGS, d);
    if (!e && !b->mmio)
        e = ERR_NO_SPACE;
    if (!e)
        e = board_acpi_memory(&r);
    if (!e)
        e = tables_read(&r);
    if (!e)
        e = board_acpi_windows(&r);
    if (!e)
        e = kept_fill(&r);
    if (!e)
        emulated_fill(b);
    return e ? e : board_mmio_sort(b, a, d);
}
