/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any tables and memory map: the reader ends, reads nothing that it was not given, and what it accepts keeps the
 * promises of board_acpi.h. The input is pieces of a kind, a length and bytes: seed_acpi.py has the kinds. A table's
 * header is made here, with a good sum, else no change of an input would get past it; kind 128 and more: as it is.
 */
#include "acpi_world.h"
#include "fuzz.h"
#include "iommu/kind.h"

#include <string.h>

enum { MEMORY, RSDP_2, APIC, MCFG, DMAR, IVRS, FACP, DSDT, HPET, SPCR, BRIDGE };
#define RAW 128

static const char *const name_of[] = {
    [APIC] = "APIC", [MCFG] = "MCFG", [DMAR] = "DMAR", [IVRS] = "IVRS",
    [FACP] = "FACP", [DSDT] = "DSDT", [HPET] = "HPET", [SPCR] = "SPCR",
};

static struct acpi_world w;
static struct firmware_range ranges[FIRMWARE_RANGES];

static void take_memory(const uint8_t *p, size_t size)
{
    for (; size >= 17 && w.fw.memories < FIRMWARE_RANGES; p += 17, size -= 17) {
        struct firmware_range *f = &ranges[w.fw.memories++];

        memcpy(&f->base, p, 8);
        memcpy(&f->size, p + 8, 8);
        f->type = p[16];
    }
}

static void take_bridges(const uint8_t *p, size_t size)
{
    for (; size >= 6; p += 6, size -= 6) {
        uint16_t bdf = (uint16_t)(p[0] | p[1] << 8) & 0x1ff;

        w.config[bdf][3] = 0x010000;
        memcpy(&w.config[bdf][6], p + 2, 4);
    }
}

static void take_table(unsigned kind, const uint8_t *p, size_t size)
{
    const bool raw = kind >= RAW;

    kind -= raw ? RAW : 0;
    if (kind < APIC || kind > SPCR || w.listed == 30 || size + 4096 > WORLD_SIZE - w.used)
        return;
    if (kind == FACP) { /* with the DSDT that is there */
        uint8_t fadt[256] = {0};
        uint64_t dsdt = w.list[31];

        memcpy(fadt, p, size < sizeof fadt ? size : sizeof fadt);
        memcpy(fadt + 140 - ACPI_HEADER, &dsdt, 8);
        world_table(&w, "FACP", 3);
        for (size_t i = 0; i < sizeof fadt; i++)
            world_put(&w, 1, fadt[i]);
        world_end(&w);
        return;
    }
    world_table(&w, name_of[kind], 1);
    for (size_t i = 0; i < size; i++)
        world_put(&w, 1, p[i]);
    if (kind == DSDT)
        w.list[31] = world_end(&w);
    else
        world_end(&w);
    if (raw && size >= 4) /* its length and sum are anything */
        memcpy(w.tables + w.begun + 4, p, 4);
}

static void take(const uint8_t *data, size_t size)
{
    bool rsdp_2 = false;

    while (size >= 3) {
        size_t n = data[1] | (size_t)data[2] << 8;
        unsigned kind = data[0];

        data += 3;
        size -= 3;
        n = n < size ? n : size;
        rsdp_2 |= kind == RSDP_2;
        if (kind == MEMORY)
            take_memory(data, n);
        else if (kind == BRIDGE)
            take_bridges(data, n);
        else
            take_table(kind, data, n);
        data += n;
        size -= n;
    }
    world_root(&w, rsdp_2);
}

/*
 * What is promised.
 */

static bool meets(const struct board_range *l, uint32_t count, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ranges_overlap(base, size, l[i].base.v, l[i].size))
            return true;
    }
    return false;
}

static void memory_check(const struct board *b)
{
    uint64_t last = 0;

    for (uint32_t i = 0; i < b->memories; i++) {
        uint64_t base = b->memory[i].base.v, end = base + b->memory[i].size;

        FUZZ_MUST(end > base && end <= UINT64_C(1) << 52 && !((base | end) & FRAME_MASK), "memory %u: 0x%lx", i, base);
        FUZZ_MUST(!i || base > last, "memory %u is not in order, or not joined", i);
        last = end;
        for (uint32_t k = 0; k < w.fw.memories; k++) {
            const struct firmware_range *f = &ranges[k];

            FUZZ_MUST(f->type == FIRMWARE_RAM || !f->size || !ranges_overlap(base, end - base, f->base, f->size),
                      "memory %u: entry %u says that it is not", i, k);
        }
    }
}

static void regs_check(const struct board *b)
{
    for (uint32_t i = 0; i < b->mmios; i++) {
        const struct board_range *m = &b->mmio[i];

        FUZZ_MUST(m->size && m->base.v + m->size <= UINT64_C(1) << b->pa_bits, "registers 0x%lx", m->base.v);
        FUZZ_MUST(!meets(b->memory, b->memories, m->base.v, m->size), "registers 0x%lx in RAM", m->base.v);
        FUZZ_MUST(!meets(m + 1, b->mmios - i - 1, m->base.v, m->size), "registers 0x%lx twice", m->base.v);
    }
    for (uint32_t i = 0; i < b->reserveds; i++)
        FUZZ_MUST(b->reserved[i].size && !((b->reserved[i].base.v | b->reserved[i].size) & FRAME_MASK), "reserved %u",
                  i);
    for (uint32_t i = 0; i < b->pci.buses; i++) {
        const struct board_range *r = &b->pci.bus[i];

        FUZZ_MUST(!meets(b->memory, b->memories, r->base.v, r->size) && !meets(b->mmio, b->mmios, r->base.v, r->size) &&
                      !meets(b->reserved, b->reserveds, r->base.v, r->size),
                  "window 0x%lx + 0x%lx", r->base.v, r->size);
        for (uint32_t k = 0; k < w.fw.memories; k++)
            FUZZ_MUST(!ranges[k].size || !ranges_overlap(r->base.v, r->size, ranges[k].base, ranges[k].size),
                      "window 0x%lx + 0x%lx: entry %u", r->base.v, r->size, k);
    }
    FUZZ_MUST(!b->pci.mem32.size || b->pci.mem32.base.v + b->pci.mem32.size <= 0xfec00000, "low window");
    FUZZ_MUST(!b->pci.mem64.size || !(b->pci.mem64.base.v & (b->pci.mem64.size - 1)), "high window");
}

static void units_check(const struct board *b)
{
    for (uint32_t i = 0; i < b->pci.maps; i++) {
        const struct board_map *m = &b->pci.map[i];
        uint32_t last = m->is_alias ? m->sid : m->sid + m->rid_count - 1;

        FUZZ_MUST(m->iommu < b->iommus && m->rid_count && m->rid + m->rid_count <= 0x10000, "map %u", i);
        FUZZ_MUST(last >> b->iommu[m->iommu].sid_bits == 0, "map %u: 0x%x", i, last);
        for (const struct board_map *o = m + 1; o < b->pci.map + b->pci.maps; o++)
            FUZZ_MUST(o->iommu == m->iommu || (o + 1 == b->pci.map + b->pci.maps && o->rid_count == 0x10000) ||
                          !ranges_overlap(m->rid, m->rid_count, o->rid, o->rid_count),
                      "map %u: another unit's", i);
    }
    for (uint32_t i = 0; i < b->apic.ioapics; i++)
        FUZZ_MUST(!b->apic.ioapic[i].has_source ||
                      (b->apic.ioapic[i].iommu < b->iommus &&
                       b->apic.ioapic[i].source >> b->iommu[b->apic.ioapic[i].iommu].sid_bits == 0),
                  "I/O APIC %u", i);
    for (uint32_t i = 0; i < b->dma_users; i++)
        FUZZ_MUST(b->dma_user[i].range && b->dma_user[i].range < b->reserveds && b->dma_user[i].iommu < b->iommus &&
                      b->dma_user[i].sid_first <= b->dma_user[i].sid_last,
                  "user %u", i);
    for (uint32_t i = 0; i < b->cpus; i++) {
        for (uint32_t k = 0; k < i; k++)
            FUZZ_MUST(b->cpu[i].id != b->cpu[k].id, "CPU 0x%lx twice", b->cpu[i].id);
    }
    FUZZ_MUST(b->cpus && b->apic.ioapics && b->kepts > 1 && b->emulateds == 3, "interrupt controllers");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board b = {0};
    struct arena a;
    struct diag d = {{0}};

    if (size > WORLD_SIZE / 4)
        return 0;
    world_init(&w);
    w.fw.memory = ranges;
    w.fw.memories = 0;
    take(data, size);
    fuzz_arena(&a);
    if (!fuzz_refused(board_read_acpi(&b, &w.fw, &a, &d), &d)) {
        memory_check(&b);
        regs_check(&b);
        units_check(&b);
        FUZZ_MUST(!b.acpi.has_s5 || b.acpi.s5_type <= 7, "SLP_TYP %u", b.acpi.s5_type);
    }
    world_free(&w);
    return 0;
}
