/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs and interrupt controllers: MADT. ACPI 6.5, 5.2.12. */
#include "board_acpi_read.h"

#define RECORDS    44u
#define IOAPIC_REG 0x20u
#define ENABLED    1u
#define ISA_IRQS   16u

enum { LAPIC = 0, IOAPIC = 1, OVERRIDE = 2, LAPIC_ADDRESS = 5, X2APIC = 9, MADT_TYPES };

static const uint8_t least[MADT_TYPES] = {
    [LAPIC] = 8, [IOAPIC] = 12, [OVERRIDE] = 10, [LAPIC_ADDRESS] = 12, [X2APIC] = 16};

/* CPUs below 255 may be listed as both kinds. */
static err_t cpu_add(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    const bool x2 = of->type == X2APIC;
    const uint32_t id = (uint32_t)(x2 ? acpi_get(t, of->at + 4, 4) : acpi_get(t, of->at + 3, 1));
    struct board *b = r->b;

    if (!(acpi_get(t, of->at + (x2 ? 8 : 4), 4) & ENABLED))
        return ERR_NONE;
    if (id == (x2 ? UINT32_MAX : 0xff))
        return acpi_fail(t, of->at, "APIC id 0x%x is that of all CPUs", id);
    for (uint32_t i = 0; i < b->cpus; i++) {
        if (b->cpu[i].id == id)
            return x2 && id < 0xff ? ERR_NONE : acpi_fail(t, of->at, "APIC id 0x%x is there twice", id);
    }
    if (b->cpus == BOARD_ACPI_CPUS)
        return acpi_fail(t, of->at, "one more CPU than %u", BOARD_ACPI_CPUS);
    b->cpu[b->cpus++] = (struct board_cpu){.id = id, .node = DT_NONE};
    return ERR_NONE;
}

static err_t ioapic_add(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    struct board_apic *apic = &r->b->apic;
    const struct board_ioapic new = {.id = (uint8_t)acpi_get(t, of->at + 2, 1),
                                     .base = maddr(acpi_get(t, of->at + 4, 4)),
                                     .gsi = (uint32_t)acpi_get(t, of->at + 8, 4)};

    for (uint32_t i = 0; i < apic->ioapics; i++) {
        if (apic->ioapic[i].id == new.id || apic->ioapic[i].gsi == new.gsi)
            return acpi_fail(t, of->at, "I/O APIC %u from GSI %u on: number %u has that id or GSI", new.id, new.gsi, i);
    }
    if (apic->ioapics == BOARD_ACPI_IOAPICS)
        return acpi_fail(t, of->at, "one more I/O APIC than %u", BOARD_ACPI_IOAPICS);
    apic->ioapic[apic->ioapics++] = new;
    return board_acpi_regs(r, t, of->at + 4, "an I/O APIC", new.base.v, IOAPIC_REG, 16);
}

/* 5.2.12.5; the flags are MPS INTI flags: polarity and trigger, 0: as the bus has it, 2: reserved. */
static err_t override_add(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    struct board_apic *apic = &r->b->apic;
    const uint32_t irq = (uint32_t)acpi_get(t, of->at + 3, 1), flags = (uint32_t)acpi_get(t, of->at + 8, 2);

    if (acpi_get(t, of->at + 2, 1) || irq >= ISA_IRQS || (flags & 3) == 2 || (flags >> 2 & 3) == 2)
        return acpi_fail(t, of->at, "override of bus %lu, IRQ %u, flags 0x%x: bus 0, IRQ 0 to 15 and no 2 are right",
                         acpi_get(t, of->at + 2, 1), irq, flags);
    for (uint32_t i = 0; i < apic->isas; i++) {
        if (apic->isa[i].irq == irq)
            return acpi_fail(t, of->at, "IRQ %u is there twice", irq);
    }
    apic->isa[apic->isas++] = (struct board_isa_irq){.irq = (uint8_t)irq,
                                                     .gsi = (uint32_t)acpi_get(t, of->at + 4, 4),
                                                     .level = (flags >> 2 & 3) == 3,
                                                     .low = (flags & 3) == 3};
    return ERR_NONE;
}

static err_t record_read(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    switch (of->type) {
    case LAPIC:
    case X2APIC:
        return cpu_add(r, t, of);
    case IOAPIC:
        return ioapic_add(r, t, of);
    case OVERRIDE:
        return override_add(r, t, of);
    case LAPIC_ADDRESS:
        r->b->apic.lapic = maddr(acpi_get(t, of->at + 4, 8));
        return ERR_NONE;
    default:
        return ERR_NONE;
    }
}

static err_t records_count(const struct acpi_table *t, uint32_t *count)
{
    struct acpi_records l = {t, ACPI_8_8, RECORDS, t->size};
    struct acpi_record of;
    bool more;
    err_t e;

    while (!(e = acpi_next(&l, &of, &more)) && more) {
        e = of.type < MADT_TYPES ? acpi_need(t, &of, least[of.type]) : ERR_NONE;
        if (e)
            return e;
        count[of.type < MADT_TYPES ? of.type : MADT_TYPES]++;
    }
    return e;
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
    return n < max ? n : max;
}

err_t acpi_read_madt(const struct acpi_reader *r)
{
    struct board *b = r->b;
    struct acpi_table t;
    struct acpi_records l = {&t, ACPI_8_8, RECORDS, 0};
    struct acpi_record of;
    uint32_t count[MADT_TYPES + 1] = {0};
    bool more;
    err_t e = acpi_find(&r->acpi, "APIC", RECORDS, ACPI_LIST_MAX, &t);

    if (e)
        return e;
    if (!t.p)
        return acpi_fail(&r->acpi.root, ACPI_HEADER, "it lists no MADT (\"APIC\"), which names the CPUs");
    e = records_count(&t, count);
    if (e)
        return e;
    b->cpu = ARENA_NEW(r->a, struct board_cpu, at_most(count[LAPIC] + count[X2APIC], BOARD_ACPI_CPUS), r->d);
    b->apic.ioapic = ARENA_NEW(r->a, struct board_ioapic, at_most(count[IOAPIC], BOARD_ACPI_IOAPICS), r->d);
    b->apic.isa = ARENA_NEW(r->a, struct board_isa_irq, at_most(count[OVERRIDE], ISA_IRQS), r->d);
    if (!b->cpu || !b->apic.ioapic || !b->apic.isa)
        return ERR_NO_SPACE;
    b->apic.lapic = maddr(acpi_get(&t, 36, 4));
    l.end = t.size;
    while (!(e = acpi_next(&l, &of, &more)) && more) {
        e = record_read(r, &t, &of);
        if (e)
            return e;
    }
    if (!e)
        e = board_acpi_regs(r, &t, 36, "a local APIC", b->apic.lapic.v, FRAME_SIZE, FRAME_SIZE);
    if (!e && (!b->cpus || !b->apic.ioapics))
        e = acpi_fail(&t, RECORDS, "%u enabled CPUs and %u I/O APICs: one of each is needed", b->cpus, b->apic.ioapics);
    return e;
}
