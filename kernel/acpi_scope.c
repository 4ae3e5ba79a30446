/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind which IOMMU, and the memory that devices use by DMA on their own: of a DMAR or an IVRS. */
#include "board_acpi_read.h"

#include <string.h>

#define PAGE_MASK UINT64_C(0xfff)

err_t acpi_scope_room(struct acpi_reader *r, uint32_t units, uint32_t maps, uint32_t ranges, uint32_t users)
{
    struct board *b = r->b;

    b->iommu = ARENA_NEW(r->a, struct board_iommu, units, r->d);
    b->pci.map = ARENA_NEW(r->a, struct board_map, maps + 1, r->d); /* one for the rest */
    b->reserved = ARENA_NEW(r->a, struct board_range, ranges + 1, r->d);
    b->dma_user = ARENA_NEW(r->a, struct board_dma_user, users, r->d);
    r->map_cap = maps;
    r->user_cap = users;
    if (!b->iommu || !b->pci.map || !b->reserved || !b->dma_user)
        return ERR_NO_SPACE;
    b->reserved[b->reserveds++] =
        (struct board_range){.base = maddr(0), .size = BOARD_ACPI_REALS, .name = "the first MiB", .node = DT_NONE};
    return ERR_NONE;
}

err_t acpi_unit_add(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const struct board_iommu *u)
{
    err_t e;

    if (r->b->iommus == BOARD_ACPI_IOMMUS)
        return acpi_fail(t, at, "one more IOMMU than %u", BOARD_ACPI_IOMMUS);
    e = board_acpi_regs(r, t, at, "an IOMMU", u->base.v, u->size, FRAME_SIZE);
    if (e)
        return e;
    r->unit = r->b->iommus++;
    r->b->iommu[r->unit] = *u;
    return ERR_NONE;
}

/* Does what two entries say of a function differ? */
static bool map_collides(const struct board_map *a, const struct board_map *b)
{
    return ranges_overlap(a->rid, a->rid_count, b->rid, b->rid_count) &&
           (a->iommu != b->iommu || (a->is_alias && b->is_alias && a->sid != b->sid));
}

err_t acpi_map_add(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, struct acpi_rids rids,
                   const uint16_t *alias)
{
    struct board_pci *pci = &r->b->pci;
    const struct board_map new = {.rid = rids.first,
                                  .rid_count = rids.last - rids.first + 1,
                                  .iommu = r->unit,
                                  .sid = alias ? *alias : rids.first,
                                  .is_alias = alias != NULL};
    uint32_t i = alias ? r->aliases++ : pci->maps, last = alias && *alias > rids.last ? *alias : rids.last;

    for (const struct board_map *m = pci->map; m < pci->map + pci->maps; m++) {
        if (map_collides(m, &new))
            return acpi_fail(t, at, "functions 0x%x-0x%x are behind IOMMU 0x%lx as 0x%x, too", rids.first, rids.last,
                             r->b->iommu[m->iommu].base.v, m->sid);
    }
    if (pci->maps == r->map_cap)
        return acpi_fail(t, at, "one more device entry than %u", r->map_cap);
    memmove(&pci->map[i + 1], &pci->map[i], (pci->maps - i) * sizeof new);
    pci->map[i] = new;
    pci->maps++;
    r->sid_last = last > r->sid_last ? last : r->sid_last;
    return ERR_NONE;
}

err_t acpi_map_rest(struct acpi_reader *r, const struct acpi_table *t, uint32_t at)
{
    if (r->has_rest && r->rest != r->unit)
        return acpi_fail(t, at, "a second IOMMU is to have all functions; the first is at 0x%lx",
                         r->b->iommu[r->rest].base.v);
    r->has_rest = true;
    r->rest = r->unit;
    return ERR_NONE;
}

void acpi_map_ioapic(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, uint8_t id, uint16_t source)
{
    for (struct board_ioapic *p = r->b->apic.ioapic; p < r->b->apic.ioapic + r->b->apic.ioapics; p++) {
        if (p->id != id)
            continue;
        p->has_source = true;
        p->iommu = r->unit;
        p->source = source;
        r->sid_last = source > r->sid_last ? source : r->sid_last;
        return;
    }
    board_acpi_note(r, t, at, "I/O APIC %u is not in the MADT: left out", id);
}

void acpi_map_end(struct acpi_reader *r)
{
    struct board_pci *pci = &r->b->pci;

    if (!r->has_rest)
        return;
    pci->map[pci->maps++] = (struct board_map){.rid_count = 0x10000, .iommu = r->rest};
    r->sid_last = 0xffff;
}

err_t acpi_reserved_add(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *name,
                        uint64_t base, uint64_t size)
{
    struct board *b = r->b;
    const uint64_t end = UINT64_C(1) << b->pa_bits;

    if (!size || (base | size) & PAGE_MASK || base >= end || size > end - base)
        return acpi_fail(t, at, "memory 0x%lx + 0x%lx: whole pages that end at 2^%u at most are right", base, size,
                         b->pa_bits);
    b->reserved[b->reserveds++] =
        (struct board_range){.base = maddr(base), .size = size, .name = name, .node = DT_NONE};
    return ERR_NONE;
}

static void user_add(const struct acpi_reader *r, uint32_t iommu, uint32_t first, uint32_t last)
{
    struct board *b = r->b;

    if (b->dma_users < r->user_cap)
        b->dma_user[b->dma_users++] = (struct board_dma_user){b->reserveds - 1, iommu, first, last};
}

void acpi_user_add(const struct acpi_reader *r, struct acpi_rids rids)
{
    for (uint32_t i = 0; i < r->b->iommus; i++)
        user_add(r, i, rids.first, rids.last);
    for (const struct board_map *m = r->b->pci.map; m < r->b->pci.map + r->aliases; m++) {
        if (ranges_overlap(m->rid, m->rid_count, rids.first, rids.last - rids.first + 1))
            user_add(r, m->iommu, m->sid, m->sid);
    }
}
