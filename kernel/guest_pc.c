/* SPDX-License-Identifier: Apache-2.0 */
/* Linux Documentation/arch/x86/boot.rst and zero-page.rst; AMD64 APM vol. 2, 4.8 and 5.3. */
#include "guest_pc.h"

#include "guest_acpi.h"

#include <string.h>

#define LEGACY     0xa0000u /* what a PC has in place of RAM up to 1 MiB: it is not offered as RAM */
#define LEGACY_END 0x100000u

enum { E820_NONE, E820_RAM, E820_RESERVED };

#define PTE_TABLE 0x03u /* present, writable */
#define PTE_LARGE 0x83u
#define SIZE_2M   (UINT64_C(1) << 21)

#define LOADER_UNKNOWN 0xffu

/* 4 GiB at 0, the first for code of 64 bits: what the selectors name. */
static const uint64_t gdt[] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};

/* The list, and the entry that still grows. */
struct e820 {
    uint8_t *params;
    uint64_t start; /* the start block */
    uint32_t count;
    uint64_t first, end;
    uint32_t type;
    bool full;
};

static void put(uint8_t *p, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static void e820_end(struct e820 *l)
{
    uint8_t *e = l->params + PARAMS_E820 + (size_t)l->count * 20;

    if (l->type == E820_NONE)
        return;
    l->full |= l->count == E820_MOST;
    if (l->full)
        return;
    put(e, 8, l->first);
    put(e + 8, 8, l->end - l->first);
    put(e + 16, 4, l->type);
    l->count++;
}

static void e820_add(struct e820 *l, uint64_t first, uint64_t end, uint32_t type)
{
    if (first != l->end || type != l->type) {
        e820_end(l);
        l->first = first;
        l->type = type;
    }
    l->end = end;
}

/* RAM, without what a kernel must not take. */
static void e820_ram(struct e820 *l, uint64_t first, uint64_t end)
{
    const struct {
        uint64_t first, end;
    } kept[] = {{LEGACY, LEGACY_END}, {l->start, l->start + GUEST_START_MAX}};

    while (first < end) {
        uint64_t next = end;
        uint32_t type = E820_RAM;

        for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
            const bool in = first >= kept[i].first && first < kept[i].end;
            const uint64_t cut = in ? kept[i].end : kept[i].first;

            type = in ? E820_RESERVED : type;
            next = cut > first && cut < next ? cut : next;
        }
        e820_add(l, first, next, type);
        first = next;
    }
}

/* Registers of devices: also those that trap. */
static bool is_pci(const struct plan_partition *pp, const struct extent *e)
{
    return e->type == EXT_MMIO || ranges_overlap(gfn_addr(e->gfn).v, 1, pp->pci_mem.v, pp->pci_mem_size);
}

/* Registers of devices are found through PCI; of RAM that devices cannot reach a kernel must not take buffers. */
static err_t write_e820(const struct plan_partition *pp, uint8_t *params, struct diag *d)
{
    struct e820 l = {.params = params, .start = pp->start.v};

    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        const struct extent *e = &pp->physmap.ext[i];
        const uint64_t first = gfn_addr(e->gfn).v, end = first + (e->frames << FRAME_SHIFT);

        if (e->type == EXT_RAM && e->dma == (R_READ | R_WRITE))
            e820_ram(&l, first, end);
        else if (!is_pci(pp, e) && e->type != EXT_DOORBELL)
            e820_add(&l, first, end, E820_RESERVED);
    }
    e820_end(&l);
    put(params + PARAMS_E820_COUNT, 1, l.count);
    if (l.full)
        return diag_fail(d, ERR_NO_SPACE,
                         "partition %s: its memory has more than %u pieces, which boot parameters hold", pp->m->name,
                         E820_MOST);
    return ERR_NONE;
}

static void write_params(const struct plan_partition *pp, uint8_t *params)
{
    const struct plan_image *kernel = pp->image;
    const uint8_t *file = kernel->data - kernel->skip;

    if (kernel->skip) { /* a bzImage: its header, then what a loader fills in */
        const unsigned end = BZIMAGE_MAGIC + file[BZIMAGE_JUMP];
        const unsigned most = end < BZIMAGE_HEADER_END ? end : BZIMAGE_HEADER_END;

        memcpy(params + BZIMAGE_SETUP_SECTS, file + BZIMAGE_SETUP_SECTS, most - BZIMAGE_SETUP_SECTS);
        put(params + BZIMAGE_LOADER, 1, LOADER_UNKNOWN);
        put(params + BZIMAGE_CODE32, 4, kernel->at.v);
    }
    put(params + PARAMS_RSDP, 8, pp->start.v + GUEST_PC_ACPI);
    put(params + PARAMS_CMDLINE, 4, pp->start.v + GUEST_PC_CMDLINE);
    if (pp->initrd_size) {
        put(params + PARAMS_INITRD, 4, pp->initrd.v);
        put(params + PARAMS_INITRD + 4, 4, pp->initrd_size);
    }
}

/*
 *   root [0] -> [0..3] -> 512 pages of 2 MiB each
 */
static void write_tables(uint64_t at, uint64_t *table)
{
    uint64_t *below = table + 512, *leaf = table + 1024;

    table[0] = (at + FRAME_SIZE) | PTE_TABLE;
    for (uint64_t i = 0; i < 4; i++)
        below[i] = (at + (2 + i) * FRAME_SIZE) | PTE_TABLE;
    for (uint64_t i = 0; i < UINT64_C(4) * 512; i++)
        leaf[i] = i * SIZE_2M | PTE_LARGE;
}

err_t guest_pc_write(const struct plan *p, const struct plan_partition *pp, void *buf, struct diag *d)
{
    uint8_t *block = buf;
    err_t e = guest_acpi_write(p, pp, gaddr(pp->start.v + GUEST_PC_ACPI), block + GUEST_PC_ACPI,
                               GUEST_PC_PARAMS - GUEST_PC_ACPI, d);

    if (e)
        return e;
    write_params(pp, block + GUEST_PC_PARAMS);
    memcpy(block + GUEST_PC_CMDLINE, pp->m->bootargs, strlen(pp->m->bootargs));
    write_tables(pp->start.v + GUEST_PC_TABLES, (uint64_t *)(void *)(block + GUEST_PC_TABLES));
    memcpy(block + GUEST_PC_GDT, gdt, sizeof gdt);
    return write_e820(pp, block + GUEST_PC_PARAMS, d);
}
