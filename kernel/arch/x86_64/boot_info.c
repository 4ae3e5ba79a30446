/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86_64/boot_info.h"

#include "arch/x86_64/layout.h"

#include <string.h>

#define INFO_MAX 0x100000u /* bytes of Multiboot 2's information */
#define ENTRY    24u       /* bytes of an entry of a memory map: u64 base, u64 size, u32 type; four of padding */

struct reader {
    struct board_firmware *fw;
    struct firmware_range *range;
    struct arena *a;
    struct diag *d;
};

/* Memory that the loader points to; NULL: it cannot be read. */
static const uint8_t *window(const struct reader *r, uint64_t at, uint64_t size)
{
    return size <= UINT64_MAX - at ? r->fw->physical.map(r->fw->physical.ctx, at, size) : NULL;
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static err_t memory_init(struct reader *r, uint64_t count)
{
    if (!count || count > FIRMWARE_RANGES)
        return diag_fail(r->d, ERR_INVALID, "boot loader: %llu ranges of memory, 1 to %u are right",
                         (unsigned long long)count, FIRMWARE_RANGES);
    r->range = ARENA_NEW(r->a, struct firmware_range, count, r->d);
    r->fw->memory = r->range;
    return r->range ? ERR_NONE : ERR_NO_SPACE;
}

/* The same in all three. What wraps is cut off at the end. */
static void memory_add(struct reader *r, const uint8_t *entry)
{
    uint64_t base = get64(entry), size = get64(entry + 8);

    if (size > UINT64_MAX - base)
        size = UINT64_MAX - base;
    r->range[r->fw->memories++] = (struct firmware_range){base, size, get32(entry + 16)};
}

/* Entries of step bytes. */
static err_t memory_read(struct reader *r, const uint8_t *list, uint64_t count, uint32_t step)
{
    err_t e = memory_init(r, count);

    for (uint64_t i = 0; r->range && i < count; i++)
        memory_add(r, list + i * step);
    return e;
}

/* Multiboot 0.6.96, 3.3: flags, and mmap_length and mmap_addr where bit 6 is set. In front of an entry is its size. */
static err_t multiboot1(struct reader *r, uint64_t info)
{
    const uint8_t *p = window(r, info, 52), *map = NULL;
    uint32_t length = 0;
    err_t e;

    if (p && get32(p) >> 6 & 1) {
        length = get32(p + 44);
        map = window(r, get32(p + 48), length);
    }
    if (!map)
        return diag_fail(r->d, ERR_INVALID, "boot loader: Multiboot: no memory map that can be read");
    e = memory_init(r, length / ENTRY);
    for (uint32_t at = 0; r->range && length - at >= ENTRY && r->fw->memories < length / ENTRY;) {
        uint32_t size = get32(map + at);

        if (size < ENTRY - 4 || size > length - at - 4)
            return diag_fail(r->d, ERR_INVALID, "boot loader: Multiboot: memory map, offset 0x%x: an entry of %u bytes",
                             at, size);
        memory_add(r, map + at + 4);
        at += size + 4;
    }
    return e;
}

/* Multiboot 2.0, 3.6: a tag is u32 type, u32 size, at a multiple of 8. */
enum { TAG_END = 0, TAG_MEMORY = 6, TAG_ACPI_OLD = 14, TAG_ACPI_NEW = 15 };

static err_t tag_read(struct reader *r, uint64_t at, const uint8_t *tag, uint32_t size)
{
    uint32_t type = get32(tag), step = size >= 16 ? get32(tag + 8) : 0;

    if (type == TAG_MEMORY && !r->range) {
        if (step < ENTRY || step > size)
            return diag_fail(r->d, ERR_INVALID, "boot loader: Multiboot 2: a memory map of %u bytes, %u an entry", size,
                             step);
        return memory_read(r, tag + 16, (size - 16) / step, step);
    }
    if (type == TAG_ACPI_NEW || (type == TAG_ACPI_OLD && !r->fw->rsdp))
        r->fw->rsdp = at + 8;
    return ERR_NONE;
}

static err_t multiboot2(struct reader *r, uint64_t info)
{
    const uint8_t *p = window(r, info, 8);
    uint32_t total = p ? get32(p) : 0, at = 8;
    err_t e = ERR_NONE;

    p = total >= 8 && total <= INFO_MAX ? window(r, info, total) : NULL;
    if (!p)
        return diag_fail(r->d, ERR_INVALID, "boot loader: Multiboot 2: information of %u bytes at 0x%llx", total,
                         (unsigned long long)info);
    while (!e && at <= total && total - at >= 8 && get32(p + at) != TAG_END) {
        uint32_t size = get32(p + at + 4);

        if (size < 8 || size > total - at)
            return diag_fail(r->d, ERR_INVALID, "boot loader: Multiboot 2: tag %u has %u bytes, %u are left",
                             get32(p + at), size, total - at);
        e = tag_read(r, info + at, p + at, size);
        at += (size + 7) & ~7u;
    }
    return e;
}

/* Xen, arch-x86/hvm/start_info.h: magic, version 1 (with the memory map), rsdp_paddr, memmap_paddr and _entries. */
#define PVH_MAGIC 0x336ec578u

static err_t pvh(struct reader *r, uint64_t info)
{
    const uint8_t *p = window(r, info, 56), *map;

    if (!p || get32(p) != PVH_MAGIC || get32(p + 4) < 1)
        return diag_fail(r->d, ERR_INVALID, "boot loader: it speaks neither Multiboot nor PVH of version 1");
    r->fw->rsdp = get64(p + 32);
    map = window(r, get64(p + 40), (uint64_t)ENTRY * get32(p + 48));
    if (!map)
        return diag_fail(r->d, ERR_INVALID, "boot loader: PVH: no memory map that can be read");
    return memory_read(r, map, get32(p + 48), ENTRY);
}

err_t boot_info_read(struct board_firmware *fw, uint32_t protocol, uint64_t info, struct arena *a, struct diag *d)
{
    struct reader r = {fw, NULL, a, d};
    err_t e;

    fw->memories = 0;
    fw->rsdp = 0;
    if (protocol == BOOT_MULTIBOOT1)
        e = multiboot1(&r, info);
    else
        e = protocol == BOOT_MULTIBOOT2 ? multiboot2(&r, info) : pvh(&r, info);
    if (!e && !fw->memories)
        e = diag_fail(d, ERR_INVALID, "boot loader: there is no memory in its memory map");
    return e;
}

static bool is_ram(const struct board_firmware *fw, uint64_t at)
{
    bool ram = false;

    for (const struct firmware_range *f = fw->memory; f < fw->memory + fw->memories; f++) {
        if (f->type == FIRMWARE_RAM)
            ram = ram || (f->base <= at && f->size >= FRAME_SIZE && at - f->base <= f->size - FRAME_SIZE);
        else if (f->base < at + FRAME_SIZE && at < f->base + f->size)
            return false;
    }
    return ram;
}

uint64_t boot_info_low_page(const struct board_firmware *fw)
{
    for (uint64_t at = FRAME_SIZE; at < 0xa0000; at += FRAME_SIZE) {
        if (is_ram(fw, at))
            return at;
    }
    return 0;
}
