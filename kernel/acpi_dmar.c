/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d units and what they remap: DMAR. Intel Virtualization Technology for Directed I/O, D51397, rev. 5.10, 8. */
#include "board_acpi_read.h"
#include "iommu/kind.h"

#define RECORDS     48u
#define SCOPE       6u /* bytes of a device scope in front of its path */
#define HOP         2u
#define SCOPE_LEAST (SCOPE + HOP)

enum { DRHD = 0, RMRR = 1, ATSR = 2, RHSA = 3, ANDD = 4, DMAR_TYPES };
enum { SCOPE_FUNCTION = 1, SCOPE_BRIDGE = 2, SCOPE_IOAPIC = 3, SCOPE_HPET = 4, SCOPE_NAMED = 5 };

#define DRHD_ALL 1u /* INCLUDE_PCI_ALL */

/* Where device scopes begin, which is the fewest bytes of a record, too. 8.3 to 8.7 */
static const uint8_t fixed[DMAR_TYPES] = {[DRHD] = 16, [RMRR] = 24, [ATSR] = 8, [RHSA] = 20, [ANDD] = 9};

/* What a scope names; a bridge brings its buses along. */
struct named {
    struct acpi_rids rids[2];
    uint32_t count; /* 0: nothing */
};

/* The buses behind a bridge. PCI-to-PCI Bridge Architecture 1.2, 3.2. */
static bool buses_behind(const struct acpi_reader *r, uint16_t bdf, struct acpi_rids *bus)
{
    uint32_t numbers;

    if (!r->fw->pci_read || (r->fw->pci_read(r->fw->ctx, bdf, 0xc) >> 16 & 0x7f) != 1)
        return false;
    numbers = r->fw->pci_read(r->fw->ctx, bdf, 0x18);
    *bus = (struct acpi_rids){numbers >> 8 & 0xff, numbers >> 16 & 0xff};
    return bus->first > bdf >> 8 && bus->last >= bus->first;
}

/* Follow the path of the scope at s from its start bus on. 8.3.1 */
static err_t scope_resolve(const struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *s,
                           struct named *n)
{
    struct acpi_rids bus = {(uint32_t)acpi_get(t, s->at + 5, 1), 0};
    uint16_t bdf = 0;

    *n = (struct named){.count = 0};
    if (s->size < SCOPE_LEAST || s->size % HOP)
        return acpi_fail(t, s->at, "device scope: length %u, 6 and 2 for each step of a path of 1 or more are right",
                         s->size);
    for (uint32_t at = s->at + SCOPE; at < s->at + s->size; at += HOP) {
        uint32_t dev = (uint32_t)acpi_get(t, at, 1), fn = (uint32_t)acpi_get(t, at + 1, 1);

        if (dev > 31 || fn > 7)
            return acpi_fail(t, at, "device scope: device %u, function %u: 31 and 7 are the last ones", dev, fn);
        if (at > s->at + SCOPE && !buses_behind(r, bdf, &bus)) {
            board_acpi_note(r, t, s->at, "device scope: function 0x%x is no bridge on the way: left out", bdf);
            return ERR_NONE;
        }
        bdf = (uint16_t)(bus.first << 8 | dev << 3 | fn);
    }
    n->rids[n->count++] = (struct acpi_rids){bdf, bdf};
    if (s->type != SCOPE_BRIDGE)
        return ERR_NONE;
    if (buses_behind(r, bdf, &bus))
        n->rids[n->count++] = (struct acpi_rids){bus.first << 8, bus.last << 8 | 0xff};
    else
        board_acpi_note(r, t, s->at, "device scope: function 0x%x is no bridge: nothing behind it", bdf);
    return ERR_NONE;
}

static err_t scope_of_unit(struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *s,
                           const struct named *n)
{
    uint16_t bdf = (uint16_t)n->rids[0].first;
    err_t e = ERR_NONE;

    if (s->type == SCOPE_IOAPIC && n->count)
        acpi_map_ioapic(r, t, s->at, (uint8_t)acpi_get(t, s->at + 4, 1), bdf);
    if (s->type == SCOPE_IOAPIC || s->type == SCOPE_HPET)
        return ERR_NONE;
    if (s->type == SCOPE_FUNCTION && n->count && r->fw->pci_read &&
        (r->fw->pci_read(r->fw->ctx, bdf, 0) & 0xffff) == 0xffff)
        board_acpi_note(r, t, s->at, "device scope: there is no function 0x%x", bdf);
    for (uint32_t i = 0; i < n->count && !e; i++)
        e = acpi_map_add(r, t, s->at, n->rids[i], NULL);
    return e;
}

/* The scopes of a DRHD (users: false) or of an RMRR. */
static err_t scopes_read(struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of, bool users)
{
    struct acpi_records l = {t, ACPI_8_8, of->at + fixed[of->type], of->at + of->size};
    struct acpi_record s;
    bool more;
    err_t e;

    while (!(e = acpi_next(&l, &s, &more)) && more) {
        struct named n;

        if (s.type < SCOPE_FUNCTION || s.type > SCOPE_NAMED) {
            board_acpi_note(r, t, s.at, "device scope of unknown type %u: left out", s.type);
            continue;
        }
        e = scope_resolve(r, t, &s, &n);
        for (uint32_t i = 0; !e && users && i < n.count; i++)
            acpi_user_add(r, n.rids[i]);
        if (!e && !users)
            e = scope_of_unit(r, t, &s, &n);
        if (e)
            return e;
    }
    return e;
}

static err_t segment_check(const struct acpi_table *t, const struct acpi_record *of)
{
    uint32_t segment = (uint32_t)acpi_get(t, of->at + 6, 2);

    return segment ? acpi_fail(t, of->at + 6, "PCI segment %u: 0 alone is supported", segment) : ERR_NONE;
}

/* 8.3 */
static err_t read_drhd(struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    const uint32_t width = (uint32_t)acpi_get(t, 36, 1) + 1; /* host address width */
    const struct board_iommu u = {
        .kind = &iommu_kind_vtd,
        .node = DT_NONE,
        .base = maddr(acpi_get(t, of->at + 8, 8)),
        .size = FRAME_SIZE << (acpi_get(t, of->at + 5, 1) & 0xf), /* older tables have 0 there */
        .sid_bits = 16,
        .in_bits = 48,
        .out_bits = (uint8_t)(width < 52 ? width : 52),
        .leaf_level = 2,
        .domain_bits = 16,
        .stage2 = true,
    };
    err_t e = segment_check(t, of);

    if (!e)
        e = acpi_unit_add(r, t, of->at + 8, &u);
    if (!e && acpi_get(t, of->at + 4, 1) & DRHD_ALL)
        e = acpi_map_rest(r, t, of->at);
    return e ? e : scopes_read(r, t, of, false);
}

/* 8.4: base and limit, which is the last byte. */
static err_t read_rmrr(struct acpi_reader *r, const struct acpi_table *t, const struct acpi_record *of)
{
    uint64_t base = acpi_get(t, of->at + 8, 8), limit = acpi_get(t, of->at + 16, 8);
    err_t e = segment_check(t, of);

    if (!e && (limit < base || limit == UINT64_MAX))
        e = acpi_fail(t, of->at + 8, "RMRR: memory from 0x%lx to 0x%lx ends before it begins", base, limit);
    if (!e)
        e = acpi_reserved_add(r, t, of->at + 8, "RMRR", base, limit - base + 1);
    return e ? e : scopes_read(r, t, of, true);
}

/* Every record of a known type is long enough; how much there is of what. */
static err_t records_count(const struct acpi_table *t, uint32_t *count, uint32_t *bytes)
{
    struct acpi_records l = {t, ACPI_16_16, RECORDS, t->size};
    struct acpi_record of;
    bool more;
    err_t e;

    while (!(e = acpi_next(&l, &of, &more)) && more) {
        if (of.type >= DMAR_TYPES)
            continue;
        e = acpi_need(t, &of, fixed[of.type]);
        if (e)
            return e;
        count[of.type]++;
        bytes[of.type] += of.size - fixed[of.type];
    }
    return e;
}

static err_t records_read(struct acpi_reader *r, const struct acpi_table *t, uint16_t type,
                          err_t (*read)(struct acpi_reader *, const struct acpi_table *, const struct acpi_record *))
{
    struct acpi_records l = {t, ACPI_16_16, RECORDS, t->size};
    struct acpi_record of;
    bool more;
    err_t e;

    while (!(e = acpi_next(&l, &of, &more)) && more) {
        e = of.type == type ? read(r, t, &of) : ERR_NONE;
        if (e)
            return e;
    }
    return e;
}

err_t acpi_read_dmar(struct acpi_reader *r, const struct acpi_table *t)
{
    uint32_t count[DMAR_TYPES] = {0}, bytes[DMAR_TYPES] = {0}, units;
    err_t e = records_count(t, count, bytes);

    units = count[DRHD] < BOARD_ACPI_IOMMUS ? count[DRHD] : BOARD_ACPI_IOMMUS;
    /* A bridge's scope is two entries. */
    if (!e)
        e = acpi_scope_room(r, units, bytes[DRHD] / SCOPE_LEAST * 2, count[RMRR],
                            bytes[RMRR] / SCOPE_LEAST * 2 * units);
    if (!e)
        e = records_read(r, t, DRHD, read_drhd);
    acpi_map_end(r);
    return e ? e : records_read(r, t, RMRR, read_rmrr);
}
