/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi units and what they remap: IVRS. AMD I/O Virtualization Technology, 48882 rev. 3.08, 5.2. */
#include "board_acpi_read.h"
#include "iommu/kind.h"

#define RECORDS  48u
#define REGS     0x4000u /* without performance counters; 3.4 */
#define COHERENT (1u << 5)

/* 5.2.2, table 88: a unit is described once for each generation of software; the last is the most complete. */
enum { IVHD_10 = 0x10, IVHD_11 = 0x11, IVHD_40 = 0x40 };
enum { IVMD_ALL = 0x20, IVMD_ONE = 0x21, IVMD_RANGE = 0x22 };
/* 5.2.2.2 */
enum {
    ENTRY_PAD = 0,
    ENTRY_ALL = 1,
    ENTRY_SELECT = 2,
    ENTRY_FROM = 3,
    ENTRY_TO = 4,
    ENTRY_ALIAS = 0x42,
    ENTRY_ALIAS_FROM = 0x43,
    ENTRY_EXTENDED = 0x46,
    ENTRY_EXTENDED_FROM = 0x47,
    ENTRY_SPECIAL = 0x48,
    ENTRY_HID = 0xf0,
};
#define HID_SIZE       22u /* of an entry with a hardware id, in front of the unique id */
#define SPECIAL_IOAPIC 1u

/* The blocks of units, one for each register base. */
struct blocks {
    struct acpi_record best[BOARD_ACPI_IOMMUS];
    uint32_t count;
};

/* A range that is begun. */
struct range {
    bool open, has_alias;
    uint32_t first;
    uint16_t alias;
};

static uint32_t ivhd_header(uint16_t type)
{
    return type == IVHD_10 ? 24 : type == IVHD_11 || type == IVHD_40 ? 40 : 0; /* 0: another block */
}

static uint16_t id_at(const struct acpi_table *t, uint32_t at)
{
    return (uint16_t)acpi_get(t, at, 2);
}

static err_t segment_check(const struct acpi_table *t, uint32_t at)
{
    return id_at(t, at) ? acpi_fail(t, at, "PCI segment %u: 0 alone is supported", id_at(t, at)) : ERR_NONE;
}

/* 5.2.2.1. What another block says of the same unit counts if that is of a later type. */
static err_t block_add(const struct acpi_table *t, const struct acpi_record *of, struct blocks *l)
{
    uint64_t base = acpi_get(t, of->at + 8, 8);
    uint32_t i = 0;
    err_t e = acpi_need(t, of, ivhd_header(of->type));

    if (!e)
        e = segment_check(t, of->at + 16);
    if (e)
        return e;
    while (i < l->count && acpi_get(t, l->best[i].at + 8, 8) != base)
        i++;
    if (i < l->count && l->best[i].type == of->type)
        return acpi_fail(t, of->at, "a second block of type 0x%x for the IOMMU at 0x%lx", of->type, base);
    if (i == BOARD_ACPI_IOMMUS)
        return acpi_fail(t, of->at, "one more IOMMU than %u", BOARD_ACPI_IOMMUS);
    if (i == l->count)
        l->best[l->count++] = *of;
    else if (l->best[i].type < of->type)
        l->best[i] = *of;
    return ERR_NONE;
}

/* Entry at `at`: of how many bytes; 0: it passes the end. 5.2.2.2 */
static uint32_t entry_size(const struct acpi_table *t, uint32_t at, uint32_t end)
{
    uint32_t type = (uint32_t)acpi_get(t, at, 1), size = 4u << (type >> 6);

    if (type == ENTRY_HID)
        size = HID_SIZE + (uint32_t)acpi_get(t, at + HID_SIZE - 1, 1);
    return size <= end - at ? size : 0;
}

static err_t range_end(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, struct range *g)
{
    struct acpi_rids rids = {g->first, id_at(t, at + 1)};

    if (!g->open || rids.last < rids.first)
        return acpi_fail(t, at, "device 0x%x ends a range that %s", rids.last,
                         g->open ? "begins after it" : "has not begun");
    g->open = false;
    return acpi_map_add(r, t, at, rids, g->has_alias ? &g->alias : NULL);
}

static err_t read_entry(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, struct range *g)
{
    uint32_t type = (uint32_t)acpi_get(t, at, 1);
    uint16_t id = id_at(t, at + 1), other = id_at(t, at + 5);

    if (g->open && type != ENTRY_TO && type != ENTRY_PAD)
        return acpi_fail(t, at, "entry of type 0x%x: the range from 0x%x on has no end before it", type, g->first);
    switch (type) {
    case ENTRY_PAD:
        return ERR_NONE;
    case ENTRY_ALL:
        return acpi_map_rest(r, t, at);
    case ENTRY_SELECT:
    case ENTRY_EXTENDED:
    case ENTRY_HID:
        return acpi_map_add(r, t, at, (struct acpi_rids){id, id}, NULL);
    case ENTRY_ALIAS:
        return acpi_map_add(r, t, at, (struct acpi_rids){id, id}, &other);
    case ENTRY_FROM:
    case ENTRY_EXTENDED_FROM:
    case ENTRY_ALIAS_FROM:
        *g = (struct range){.open = true, .has_alias = type == ENTRY_ALIAS_FROM, .first = id, .alias = other};
        return ERR_NONE;
    case ENTRY_TO:
        return range_end(r, t, at, g);
    case ENTRY_SPECIAL:
        if (acpi_get(t, at + 7, 1) == SPECIAL_IOAPIC)
            acpi_map_ioapic(r, t, at, (uint8_t)acpi_get(t, at + 4, 1), other);
        return ERR_NONE;
    default:
        board_acpi_note(r, t, at, "device entry of unknown type 0x%x: left out", type);
        return ERR_NONE;
    }
}

static err_t read_ivhd(struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    const uint8_t flags = (uint8_t)acpi_get(t, of->at + 1, 1);
    const struct board_iommu u = {
        .kind = &iommu_kind_amdvi,
        .node = DT_NONE,
        .base = maddr(acpi_get(t, of->at + 8, 8)),
        .size = REGS,
        .coherent = (flags & COHERENT) != 0,
        .flags = flags,
        .in_bits = 64,
        .out_bits = 52,
        .leaf_level = 2,
        .domain_bits = 16,
        .stage2 = true,
    };
    struct range g = {0};
    uint32_t size, end = of->at + of->size;
    err_t e = acpi_unit_add(r, t, of->at + 8, &u);

    for (uint32_t at = of->at + ivhd_header(of->type); !e && at < end; at += size) {
        size = entry_size(t, at, end);
        e = size ? read_entry(r, t, at, &g)
                 : acpi_fail(t, at, "device entry of type 0x%lx passes the end of its block", acpi_get(t, at, 1));
    }
    return !e && g.open ? acpi_fail(t, end, "the range from 0x%x on has no end", g.first) : e;
}

/* 5.2.2.3: unity mapped or excluded from translation, it is mapped one to one. */
static err_t read_ivmd(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    struct acpi_rids rids = {0, 0xffff};
    err_t e = segment_check(t, of->at + 8);

    if (of->type != IVMD_ALL)
        rids = (struct acpi_rids){id_at(t, of->at + 4), id_at(t, of->at + (of->type == IVMD_ONE ? 4 : 6))};
    if (!e && rids.last < rids.first)
        e = acpi_fail(t, of->at + 4, "IVMD: devices from 0x%x to 0x%x", rids.first, rids.last);
    if (!e)
        e = acpi_reserved_add(r, t, of->at + 16, "IVMD", acpi_get(t, of->at + 16, 8), acpi_get(t, of->at + 24, 8));
    if (!e)
        acpi_user_add(r, rids);
    return e;
}

static bool is_ivmd(const struct acpi_record *of)
{
    return of->type >= IVMD_ALL && of->type <= IVMD_RANGE;
}

/* The blocks of units, and how many of memory. */
static err_t blocks_find(const struct acpi_table *t, struct blocks *l, uint32_t *memories)
{
    struct acpi_records list = {t, ACPI_8_FLAGS_16, RECORDS, t->size};
    struct acpi_record of;
    bool more;
    err_t e;

    while (!(e = acpi_next(&list, &of, &more)) && more) {
        if (is_ivmd(&of)) {
            e = acpi_need(t, &of, 32);
            ++*memories;
        } else if (ivhd_header(of.type)) {
            e = block_add(t, &of, l);
        }
        if (e)
            return e;
    }
    return e;
}

static err_t memories_read(const struct acpi_reader *r, const struct acpi_table *t)
{
    struct acpi_records list = {t, ACPI_8_FLAGS_16, RECORDS, t->size};
    struct acpi_record of;
    bool more;
    err_t e;

    while (!(e = acpi_next(&list, &of, &more)) && more) {
        e = is_ivmd(&of) ? read_ivmd(r, t, &of) : ERR_NONE;
        if (e)
            return e;
    }
    return e;
}

/* As many bits as hold the highest requester id named: the device table ends there. 8 are the root bus. */
static void sids_limit(const struct acpi_reader *r)
{
    uint8_t bits = 8;

    while (r->sid_last >> bits)
        bits++;
    for (uint32_t i = 0; i < r->b->iommus; i++)
        r->b->iommu[i].sid_bits = bits;
}

err_t acpi_read_ivrs(struct acpi_reader *r, const struct acpi_table *t)
{
    struct blocks l = {.count = 0};
    uint32_t memories = 0, entries = 0;
    err_t e = blocks_find(t, &l, &memories);

    for (uint32_t i = 0; i < l.count; i++)
        entries += (l.best[i].size - ivhd_header(l.best[i].type)) / 4;
    if (!e)
        e = acpi_scope_room(r, l.count, entries, memories, memories * (l.count + entries));
    for (uint32_t i = 0; i < l.count && !e; i++)
        e = read_ivhd(r, t, &l.best[i]);
    acpi_map_end(r);
    sids_limit(r);
    return e ? e : memories_read(r, t);
}
