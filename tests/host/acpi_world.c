/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/*
 * What the reader asks for.
 */

static const void *world_map(void *ctx, uint64_t at, uint64_t size)
{
    struct acpi_world *w = ctx;
    const uint8_t *from = NULL;
    void *copy;

    if (size <= WORLD_LOW && at <= WORLD_LOW - size)
        from = w->low + at;
    else if (size <= WORLD_SIZE && at >= WORLD_TABLES && at - WORLD_TABLES <= WORLD_SIZE - size)
        from = w->tables + (at - WORLD_TABLES);
    if (!from || w->maps == WORLD_MAPS)
        return NULL;
    copy = must(malloc(size));
    memcpy(copy, from, size);
    w->map[w->maps++] = copy;
    return copy;
}

static uint32_t world_pci(void *ctx, uint16_t bdf, uint16_t offset)
{
    const struct acpi_world *w = ctx;

    return bdf < 0x200 && w->config[bdf][0] && offset < 64 ? w->config[bdf][offset / 4] : UINT32_MAX;
}

static bool world_uart(void *ctx, uint16_t port)
{
    struct acpi_world *w = ctx;

    w->uart_asked = port;
    return w->has_uart;
}

static void world_note(void *ctx, const char *text)
{
    struct acpi_world *w = ctx;
    size_t used = strlen(w->notes);

    snprintf(w->notes + used, sizeof w->notes - used, "%s\n", text);
}

/*
 * Building.
 */

void world_init(struct acpi_world *w)
{
    static const struct firmware_range q35[] = {
        {0, 0x9fc00, FIRMWARE_RAM},
        {0x9fc00, 0x400, FIRMWARE_RESERVED},
        {0xf0000, 0x10000, FIRMWARE_RESERVED},
        {0x100000, 0x3fedf000, FIRMWARE_RAM},
        {0x3ffdf000, 0x21000, FIRMWARE_RESERVED},
        {0xb0000000, 0x10000000, FIRMWARE_RESERVED},
        {0xfed1c000, 0x4000, FIRMWARE_RESERVED},
        {0xfeffc000, 0x4000, FIRMWARE_RESERVED},
        {0xfffc0000, 0x40000, FIRMWARE_RESERVED},
        {0xfd00000000, 0x300000000, FIRMWARE_RESERVED},
    };
    static const uint16_t function[] = {0x00, 0x08, 0x18, 0x20, 0xf8, 0xfa, 0xfb, 0x100};

    memset(w, 0, sizeof *w);
    w->low = must(calloc(1, WORLD_LOW));
    w->tables = must(calloc(1, WORLD_SIZE));
    w->has_uart = true;
    for (unsigned i = 0; i < sizeof function / sizeof *function; i++)
        w->config[function[i]][0] = 0x11e81234;
    w->config[0x20][3] = 0x010000; /* header type 1; buses 0, 1 to 1 */
    w->config[0x20][6] = 0x010100;
    memcpy(w->memory, q35, sizeof q35);
    w->fw = (struct board_firmware){.memory = w->memory,
                                    .memories = sizeof q35 / sizeof *q35,
                                    .pa_bits = 40,
                                    .physical = {world_map, w},
                                    .pci_read = world_pci,
                                    .uart_answers = world_uart,
                                    .note = world_note,
                                    .ctx = w};
}

void world_free(struct acpi_world *w)
{
    for (uint32_t i = 0; i < w->maps; i++)
        free(w->map[i]);
    free(w->low);
    free(w->tables);
    memset(w, 0, sizeof *w);
}

void world_put(struct acpi_world *w, unsigned bytes, uint64_t v)
{
    memcpy(w->tables + w->used, &v, bytes);
    w->used += bytes;
}

void world_zero(struct acpi_world *w, unsigned bytes)
{
    memset(w->tables + w->used, 0, bytes);
    w->used += bytes;
}

static void put_text(struct acpi_world *w, const char *text, unsigned bytes)
{
    memcpy(w->tables + w->used, text, bytes);
    w->used += bytes;
}

void world_table(struct acpi_world *w, const char *name, uint8_t revision)
{
    w->begun = w->used;
    put_text(w, name, 4);
    WORLD_PUT(w, 4, 0);
    WORLD_PUT(w, 1, revision, 0);
    put_text(w, "BOCHS ", 6);
    put_text(w, "BXPC    ", 8);
    WORLD_PUT(w, 4, 1);
    put_text(w, "BXPC", 4);
    WORLD_PUT(w, 4, 1);
}

static void sum_bytes(uint8_t *p, uint32_t size, uint32_t at)
{
    uint32_t sum = 0;

    p[at] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum += p[i];
    p[at] = (uint8_t)(0x100 - (sum & 0xff));
}

void world_sum(uint8_t *table)
{
    uint32_t size;

    memcpy(&size, table + 4, 4);
    sum_bytes(table, size, 9);
}

uint64_t world_end(struct acpi_world *w)
{
    uint8_t *t = w->tables + w->begun;
    uint32_t size = w->used - w->begun;

    memcpy(t + 4, &size, 4);
    world_sum(t);
    if (memcmp(t, "DSDT", 4) != 0)
        w->list[w->listed++] = WORLD_TABLES + w->begun;
    return WORLD_TABLES + w->begun;
}

void world_root(struct acpi_world *w, bool xsdt)
{
    uint8_t *rsdp = w->low + WORLD_RSDP;
    uint32_t listed = w->listed, size = 36, ebda = 0x9fc0;
    uint64_t at;

    world_table(w, xsdt ? "XSDT" : "RSDT", 1);
    for (uint32_t i = 0; i < listed; i++)
        world_put(w, xsdt ? 8 : 4, w->list[i]);
    at = world_end(w);
    w->listed = listed;
    memcpy(w->low + 0x40e, &ebda, 2);
    memset(rsdp, 0, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "BOCHS ", 6);
    rsdp[15] = xsdt ? 2 : 0;
    memcpy(rsdp + (xsdt ? 24 : 16), &at, xsdt ? 8 : 4);
    if (xsdt)
        memcpy(rsdp + 20, &size, 4);
    sum_bytes(rsdp, 20, 8);
    if (xsdt)
        sum_bytes(rsdp, 36, 32);
}

uint8_t *world_find(struct acpi_world *w, const char *name)
{
    for (uint32_t i = 0; i + 4 <= w->used; i++) {
        if (!memcmp(w->tables + i, name, 4))
            return w->tables + i;
    }
    abort();
}

void world_set(struct acpi_world *w, const char *name, uint32_t at, unsigned bytes, uint64_t v)
{
    uint8_t *t = world_find(w, name);

    memcpy(t + at, &v, bytes);
    world_sum(t);
}

/*
 * QEMU's q35.
 */

static void put_gas(struct acpi_world *w, uint8_t width, uint64_t port)
{
    WORLD_PUT(w, 1, 1, width, 0, 0);
    world_put(w, 8, port);
}

static void put_dsdt(struct acpi_world *w)
{
    world_table(w, "DSDT", 1);
    for (unsigned i = 0; i < 101; i++) /* some other AML, with pieces of the name */
        put_text(w, i % 2 ? "_S" : "5_", 2);
    put_text(w, "\x08_S5_\x12\x06\x04\0\0\0\0", 12);
    put_text(w, "\x10;\\._", 5);
    world_end(w);
}

static void put_fadt(struct acpi_world *w)
{
    const uint64_t dsdt = WORLD_TABLES + (uint64_t)(world_find(w, "DSDT") - w->tables);

    world_table(w, "FACP", 3);
    WORLD_PUT(w, 4, WORLD_TABLES, dsdt);
    WORLD_PUT(w, 2, 1, 9);
    WORLD_PUT(w, 4, 0xb2, 0x302, 0x600, 0, 0x604, 0, 0, 0x608, 0x620, 0);
    WORLD_PUT(w, 1, 4, 2, 0, 4, 16, 0, 0, 0);
    WORLD_PUT(w, 2, 0xfff, 0xfff);
    world_zero(w, 8);
    WORLD_PUT(w, 1, 0x32, 2, 0, 0);
    WORLD_PUT(w, 4, 0x84a5);
    put_gas(w, 8, 0xcf9);
    WORLD_PUT(w, 4, 0xf);
    WORLD_PUT(w, 8, 0, dsdt);
    put_gas(w, 32, 0x600);
    world_zero(w, 12);
    put_gas(w, 16, 0x604);
    world_zero(w, 24);
    put_gas(w, 32, 0x608);
    put_gas(w, 128, 0x620);
    world_zero(w, 12);
    world_end(w);
}

static void put_madt(struct acpi_world *w)
{
    static const uint8_t isa[][3] = {{0, 2, 0}, {5, 5, 13}, {9, 9, 13}, {10, 10, 13}, {11, 11, 13}};

    world_table(w, "APIC", 3);
    WORLD_PUT(w, 4, 0xfee00000, 1);
    for (uint32_t i = 0; i < 4; i++) {
        WORLD_PUT(w, 1, 0, 8, i, i);
        WORLD_PUT(w, 4, 1);
    }
    WORLD_PUT(w, 1, 1, 12, 0, 0);
    WORLD_PUT(w, 4, 0xfec00000, 0);
    for (uint32_t i = 0; i < 5; i++) {
        WORLD_PUT(w, 1, 2, 10, 0, isa[i][0]);
        WORLD_PUT(w, 4, isa[i][1]);
        WORLD_PUT(w, 2, isa[i][2]);
    }
    WORLD_PUT(w, 1, 4, 6, 0xff, 0, 0, 1);
    world_end(w);
}

static void put_hpet(struct acpi_world *w)
{
    world_table(w, "HPET", 1);
    WORLD_PUT(w, 4, 0x8086a201);
    WORLD_PUT(w, 1, 0, 0, 0, 0);
    WORLD_PUT(w, 8, 0xfed00000);
    WORLD_PUT(w, 4, 0);
    world_end(w);
}

static void put_mcfg(struct acpi_world *w)
{
    world_table(w, "MCFG", 1);
    WORLD_PUT(w, 8, 0, 0xb0000000);
    WORLD_PUT(w, 1, 0, 0, 0, 0xff, 0, 0, 0, 0);
    world_end(w);
}

static void put_dmar(struct acpi_world *w, bool nvme)
{
    static const uint8_t scope[][2] = {{1, 0}, {1, 2}, {1, 3}, {2, 4}};

    world_table(w, "DMAR", 1);
    WORLD_PUT(w, 1, 47, 1);
    world_zero(w, 10);
    WORLD_PUT(w, 2, 0, nvme ? 0x50 : 0x48, 0, 0);
    WORLD_PUT(w, 8, 0xfed90000);
    WORLD_PUT(w, 1, 3, 8, 0, 0, 0, 0xff, 0, 0);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1 || nvme)
            WORLD_PUT(w, 1, scope[i][0], 8, 0, 0, 0, 0, scope[i][1], 0);
    }
    for (uint32_t fn = 0; fn < 4; fn++) {
        if (fn != 1)
            WORLD_PUT(w, 1, 1, 8, 0, 0, 0, 0, 0x1f, fn);
    }
    world_end(w);
}

static void put_ivhd_entries(struct acpi_world *w, bool nvme)
{
    WORLD_PUT(w, 4, 0x0002, 0x0802);
    if (nvme)
        world_put(w, 4, 0x1002);
    WORLD_PUT(w, 4, 0x1802, 0x2002, 0x010003, 0x01ff04, 0xf802, 0xfa02, 0xfb02);
    WORLD_PUT(w, 1, 0x48, 0, 0, 0, 0, 0xa0, 0, 1);
}

static void put_ivrs(struct acpi_world *w, bool nvme)
{
    world_table(w, "IVRS", 1);
    WORLD_PUT(w, 4, 0x2801, 0, 0);
    WORLD_PUT(w, 1, 0x10, 0xd1);
    WORLD_PUT(w, 2, nvme ? 0x48 : 0x44, 8, 0x40);
    WORLD_PUT(w, 8, 0xfed80000);
    WORLD_PUT(w, 4, 0, 0x44);
    put_ivhd_entries(w, nvme);
    WORLD_PUT(w, 1, 0x11, 0x11);
    WORLD_PUT(w, 2, nvme ? 0x58 : 0x54, 8, 0x40);
    WORLD_PUT(w, 8, 0xfed80000, 0, 0x29d3, 0);
    put_ivhd_entries(w, nvme);
    world_end(w);
}

void world_q35(struct acpi_world *w, unsigned devices)
{
    world_init(w);
    if (devices & WORLD_NVME)
        w->config[0x10][0] = 0x00101b36;
    put_dsdt(w);
    put_fadt(w);
    put_madt(w);
    put_hpet(w);
    put_mcfg(w);
    if (devices & WORLD_VTD)
        put_dmar(w, devices & WORLD_NVME);
    if (devices & WORLD_AMDVI)
        put_ivrs(w, devices & WORLD_NVME);
    world_root(w, false);
}
