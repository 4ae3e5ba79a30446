/* SPDX-License-Identifier: Apache-2.0 */
/* Section numbers are those of ACPI 6.5. */
#include "guest_acpi.h"

#include "guest_aml.h"

#include <string.h>

#define OEM        "MULLIN"
#define OEM_TABLE  "MULLION "
#define CREATOR    "MULN"
#define AT_LENGTH  4u /* in every header (5.2.6) */
#define AT_SUM     9u
#define AT_ENTRIES 36u
#define ALIGN      16u

#define RSDP_SIZE  36u /* 5.2.5.3 */
#define RSDP_FIRST 20u /* bytes under the first sum */
#define XSDT_AT    48u
#define XSDT_MOST  (AT_ENTRIES + 3 * 8)
#define FADT_SIZE  276u
#define APIC_LAST  254u /* the highest id of an xAPIC: 255 is everybody */
#define APIC_ON    1u
#define ECAM_SIZE  (1u << 20)

#define SPACE_IO 1u /* 5.2.3.2 */

/* 5.2.9: flags, and those of the boot architecture. */
#define FADT_WBINVD     (1u << 0)
#define FADT_NO_BUTTONS (1u << 4 | 1u << 5) /* no fixed ones */
#define FADT_TIMER_32   (1u << 8)
#define FADT_RESET_REG  (1u << 10)
#define FADT_PHYSICAL   (1u << 19) /* logical destinations would be those of other partitions, too */
#define FADT_REDUCED    (1u << 20)
#define BOOT_NO_VGA     (1u << 2)
#define BOOT_NO_RTC     (1u << 5)

struct writer {
    const struct plan *p;
    const struct plan_partition *pp;
    gaddr_t at; /* of the buffer */
    struct aml a;
};

uint16_t guest_pm_timer(const struct board *b)
{
    const uint16_t port = b->acpi.pm_timer;

    return ranges_overlap(port, 4, GUEST_PORT_SLEEP, 2) ? 0 : port;
}

static uint8_t sum_of(const uint8_t *p, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += p[i];
    return (uint8_t)(0x100 - (sum & 0xff));
}

static void zeros(struct aml *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        aml_put(a, 1, 0);
}

static size_t table_begin(struct aml *a, const char *name, uint8_t revision)
{
    size_t at;

    zeros(a, (ALIGN - a->used % ALIGN) % ALIGN);
    at = a->used;
    aml_text(a, name, 4);
    aml_put(a, 4, 0);
    aml_put(a, 2, revision); /* and the sum */
    aml_text(a, OEM OEM_TABLE, 14);
    aml_put(a, 4, 1);
    aml_text(a, CREATOR, 4);
    aml_put(a, 4, 1);
    return at;
}

/* Its address for the guest. */
static uint64_t table_end(struct writer *w, size_t at)
{
    struct aml *a = &w->a;

    aml_patch(a, at + AT_LENGTH, 4, a->used - at);
    aml_patch(a, at + AT_SUM, 1, sum_of(a->p + at, a->used - at));
    return w->at.v + at;
}

static void write_pci(struct writer *w)
{
    const struct plan_partition *pp = w->pp;
    struct aml *a = &w->a;
    struct aml_mark dev = aml_device_begin(a, "MB00"), crs;

    aml_name_eisa(a, "_HID", "PNP0C02");
    crs = aml_resources_begin(a);
    aml_memory(a, pp->ecam.v, ECAM_SIZE);
    aml_resources_end(a, crs);
    aml_end(a, dev);

    dev = aml_device_begin(a, "PCI0");
    aml_name_eisa(a, "_HID", "PNP0A08");
    aml_name_eisa(a, "_CID", "PNP0A03");
    aml_name_number(a, "_SEG", 0);
    aml_name_number(a, "_BBN", 0);
    aml_name_number(a, "_UID", 0);
    crs = aml_resources_begin(a);
    aml_bus(a, 0, 1);
    if (pp->pci_mem_size)
        aml_window(a, pp->pci_mem.v, pp->pci_mem_size);
    aml_resources_end(a, crs);
    aml_end(a, dev);
}

static bool has_ioapic(const struct plan_partition *pp)
{
    return pp->emulated[EMULATED_IOAPIC].v != 0;
}

static void write_uart(struct writer *w)
{
    struct aml *a = &w->a;
    struct aml_mark dev = aml_device_begin(a, "COM1"), crs;

    aml_name_eisa(a, "_HID", "PNP0501");
    aml_name_number(a, "_UID", 0);
    crs = aml_resources_begin(a);
    aml_ports(a, GUEST_PORT_UART, 8);
    if (has_ioapic(w->pp))
        aml_interrupt(a, w->p->board->apic.ioapic[0].gsi + GUEST_PIN_UART);
    aml_resources_end(a, crs);
    aml_end(a, dev);
}

static uint64_t write_dsdt(struct writer *w)
{
    const size_t at = table_begin(&w->a, "DSDT", 2);
    struct aml_mark scope = aml_scope_begin(&w->a, "_SB_");

    if (w->pp->has_ecam)
        write_pci(w);
    if (w->pp->has_vuart)
        write_uart(w);
    aml_end(&w->a, scope);
    aml_s5(&w->a, GUEST_S5);
    return table_end(w, at);
}

/* A generic address of 8 or 32 bits: space, width, offset, access size (1: byte, 3: dword), address. */
static void put_port(struct aml *a, size_t at, unsigned bits, uint16_t port)
{
    aml_patch(a, at, 4, SPACE_IO | bits << 8 | (bits == 8 ? 1u : 3u) << 24);
    aml_patch(a, at + 4, 8, port);
}

static uint64_t write_fadt(struct writer *w, uint64_t dsdt)
{
    const uint16_t timer = guest_pm_timer(w->p->board);
    struct aml *a = &w->a;
    const size_t at = table_begin(a, "FACP", 6);
    uint32_t flags = FADT_WBINVD | FADT_NO_BUTTONS | FADT_RESET_REG | FADT_PHYSICAL | FADT_REDUCED;

    zeros(a, FADT_SIZE - AT_ENTRIES);
    if (timer) {
        flags |= w->p->board->acpi.pm_timer_32 ? FADT_TIMER_32 : 0;
        aml_patch(a, at + 76, 4, timer);
        aml_patch(a, at + 91, 1, 4);
        put_port(a, at + 208, 32, timer);
    }
    aml_patch(a, at + 109, 2, BOOT_NO_VGA | BOOT_NO_RTC);
    aml_patch(a, at + 112, 4, flags);
    put_port(a, at + 116, 8, GUEST_PORT_RESET);
    aml_patch(a, at + 128, 1, GUEST_RESET_VALUE);
    aml_patch(a, at + 131, 1, 5); /* of 6.5 */
    aml_patch(a, at + 140, 8, dsdt);
    put_port(a, at + 244, 8, GUEST_PORT_SLEEP);
    put_port(a, at + 256, 8, GUEST_PORT_SLEEP + 1);
    return table_end(w, at);
}

/* 5.2.12.2, 5.2.12.12 */
static void put_cpu(struct aml *a, uint32_t uid, uint64_t id)
{
    if (id <= APIC_LAST) {
        aml_put(a, 4, 0u | 8u << 8 | (uid & 0xff) << 16 | (uint32_t)id << 24);
        aml_put(a, 4, APIC_ON);
        return;
    }
    aml_put(a, 4, 9u | 16u << 8);
    aml_put(a, 4, id);
    aml_put(a, 4, APIC_ON);
    aml_put(a, 4, uid);
}

static uint64_t write_madt(struct writer *w)
{
    const struct board *b = w->p->board;
    struct aml *a = &w->a;
    const size_t at = table_begin(a, "APIC", 5);

    aml_put(a, 4, b->apic.lapic.v);
    aml_put(a, 4, 0); /* no PICs */
    for (uint32_t i = 0; i < w->pp->cpus; i++)
        put_cpu(a, i, b->cpu[w->pp->cpu[i]].id);
    if (has_ioapic(w->pp)) { /* 5.2.12.3 */
        aml_put(a, 4, 1u | 12u << 8 | (uint32_t)b->apic.ioapic[0].id << 16);
        aml_put(a, 4, b->apic.ioapic[0].base.v);
        aml_put(a, 4, b->apic.ioapic[0].gsi);
    }
    return table_end(w, at);
}

/* PCI Firmware 3.3, 4.1.2 */
static uint64_t write_mcfg(struct writer *w)
{
    const size_t at = table_begin(&w->a, "MCFG", 1);

    zeros(&w->a, 8);
    aml_put(&w->a, 8, w->pp->ecam.v);
    zeros(&w->a, 8); /* segment 0, bus 0 to 0 */
    return table_end(w, at);
}

/* Behind the RSDP: its room was kept. */
static uint64_t write_xsdt(const struct writer *w, const uint64_t *table, size_t tables)
{
    struct writer x = {.at = gaddr(w->at.v + XSDT_AT), .a = {.p = w->a.p + XSDT_AT, .size = XSDT_MOST}};

    (void)table_begin(&x.a, "XSDT", 1);
    for (size_t i = 0; i < tables; i++)
        aml_put(&x.a, 8, table[i]);
    return table_end(&x, 0);
}

static void write_rsdp(const struct writer *w, uint64_t xsdt)
{
    struct aml a = {.p = w->a.p, .size = RSDP_SIZE};

    aml_text(&a, "RSD PTR ", 8);
    aml_put(&a, 1, 0);
    aml_text(&a, OEM, 6);
    aml_put(&a, 1, 2);
    aml_put(&a, 4, 0); /* no RSDT */
    aml_put(&a, 4, RSDP_SIZE);
    aml_put(&a, 8, xsdt);
    aml_put(&a, 4, 0);
    aml_patch(&a, 8, 1, sum_of(a.p, RSDP_FIRST));
    aml_patch(&a, 32, 1, sum_of(a.p, RSDP_SIZE));
}

err_t guest_acpi_write(const struct plan *p, const struct plan_partition *pp, gaddr_t at, void *buf, size_t size,
                       struct diag *d)
{
    struct writer w = {.p = p, .pp = pp, .at = at, .a = {.p = buf, .size = size}};
    uint64_t table[3];
    size_t tables = 0;

    zeros(&w.a, XSDT_AT + XSDT_MOST);
    table[tables++] = write_fadt(&w, write_dsdt(&w));
    table[tables++] = write_madt(&w);
    if (pp->has_ecam)
        table[tables++] = write_mcfg(&w);
    if (w.a.full)
        return diag_fail(d, ERR_NO_SPACE, "partition %s: ACPI tables for %u CPUs do not fit into 0x%lx bytes",
                         pp->m->name, pp->cpus, size);
    write_rsdp(&w, write_xsdt(&w, table, tables));
    return ERR_NONE;
}
