/* SPDX-License-Identifier: Apache-2.0 */
#include "random_system.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_SIZE    0x8000
#define PHANDLE_GIC  1u
#define PHANDLE_UNIT 0x10u /* and following; then devices, reserved memory */
#define PHANDLE_DEV  0x20u
#define PHANDLE_RES  0x40u
#define UNIT_BASE    0x9400000u
#define DEVICE_BASE  0x9100000u
#define RAM_BASE     UINT64_C(0x40000000)
#define GIB          (UINT64_C(1) << 30)
#define MIB          (UINT64_C(1) << 20)

void random_put_cells(void *tree, const char *name, const uint32_t *cell, unsigned count)
{
    fdt32_t be[64];

    if (count > sizeof be / sizeof *be)
        abort();
    for (unsigned i = 0; i < count; i++)
        be[i] = cpu_to_fdt32(cell[i]);
    if (fdt_property(tree, name, be, (int)(count * sizeof *be)))
        abort();
}

void random_put_range(void *tree, const char *name, uint64_t base, uint64_t size)
{
    const uint32_t cell[] = {(uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32), (uint32_t)size};

    random_put_cells(tree, name, cell, 4);
}

void random_put_number(void *tree, const char *name, uint64_t value)
{
    const uint32_t cell[] = {(uint32_t)(value >> 32), (uint32_t)value};

    random_put_cells(tree, name, cell, 2);
}

static uint8_t pick(struct random_system *s, const uint8_t *list, unsigned count)
{
    return list[random_below(s, count)];
}

#define PICK(s, ...) pick((s), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/*
 * What the units are. Widths are those that such units have.
 */

static void unit_smmuv3(struct random_system *s, struct board_iommu *u)
{
    u->kind = &iommu_kind_smmuv3;
    u->in_bits = u->out_bits = random_chance(s, 4) ? PICK(s, 32, 36, 40, 42) : PICK(s, 44, 48);
    u->sid_bits = PICK(s, 8, 12, 16);
    u->domain_bits = PICK(s, 8, 16);
    u->stage2 = true;
}

static void unit_vtd(struct random_system *s, struct board_iommu *u)
{
    u->kind = random_chance(s, 2) ? &iommu_kind_vtd : &iommu_kind_vtd_snoop;
    u->in_bits = PICK(s, 39, 48, 48, 57);
    u->out_bits = random_chance(s, 8) ? 39 : PICK(s, 46, 52);
    u->leaf_level = PICK(s, 0, 1, 2, 2, 2);
    u->sid_bits = 16;
    u->domain_bits = random_chance(s, 8) ? 4 : PICK(s, 6, 8, 10, 16);
}

static void unit_amdvi(struct random_system *s, struct board_iommu *u)
{
    u->kind = &iommu_kind_amdvi;
    u->in_bits = PICK(s, 48, 57, 64);
    u->out_bits = random_chance(s, 4) ? 48 : 52;
    u->sid_bits = PICK(s, 8, 9, 10);
    u->domain_bits = 16;
}

static void unit_ipmmu(struct random_system *s, struct board_iommu *u)
{
    u->kind = &iommu_kind_ipmmu;
    u->in_bits = PICK(s, 32, 36, 39, 39);
    u->out_bits = 40;
    u->leaf_level = PICK(s, 1, 2);
    u->sid_bits = 5;
    u->domain_bits = 3;
}

enum { CPU_ARM, CPU_INTEL, CPU_AMD };

/* Units and CPUs that are found together, or (odd) not. */
static void units_choose(struct random_system *s)
{
    static void (*const all[])(struct random_system *, struct board_iommu *) = {unit_smmuv3, unit_vtd, unit_amdvi,
                                                                                unit_ipmmu};
    static const struct p2m_kind *const p2m[] = {[CPU_ARM] = &p2m_arm_s2, [CPU_INTEL] = &p2m_ept, [CPU_AMD] = &p2m_npt};
    unsigned cpu = (unsigned)random_below(s, 3);

    s->p2m = p2m[cpu];
    s->pa_bits = cpu == CPU_ARM ? PICK(s, 36, 40, 44, 48) : PICK(s, 39, 40, 46, 48, 52);
    s->vmid_bits = random_chance(s, 16) ? 3 : PICK(s, 8, 16);
    s->units = random_chance(s, 16) ? 0 : 1 + (uint32_t)random_below(s, RANDOM_UNITS);
    for (uint32_t i = 0; i < s->units; i++) {
        struct board_iommu *u = &s->unit[i];

        *u = (struct board_iommu){.leaf_level = 2, .coherent = random_chance(s, 2)};
        if (s->is_odd)
            all[random_below(s, 4)](s, u);
        else if (cpu == CPU_ARM)
            (random_chance(s, 3) ? unit_ipmmu : unit_smmuv3)(s, u);
        else
            (cpu == CPU_INTEL ? unit_vtd : unit_amdvi)(s, u);
    }
}

/* Somewhere: most of it memory, but also what belongs to others, or is nowhere at all. */
static uint64_t place(struct random_system *s)
{
    static const uint64_t taken[] = {0,          0x40200000, 0x40400000,  0x48000000,           0x8080000,
                                     0x8090000,  0x9000000,  DEVICE_BASE, DEVICE_BASE + 0x1000, UNIT_BASE,
                                     0x10000000, 0x3f000000, 0xfee00000,  0xfedff000,           0xfd00000000};

    switch (random_below(s, 8)) {
    case 0:
        return taken[random_below(s, sizeof taken / sizeof *taken)];
    case 1:
        return random_below(s, UINT64_C(1) << (20 + random_below(s, 32))) & ~FRAME_MASK;
    case 2:
        return 0x7000000 + random_below(s, 0x100) * FRAME_SIZE;
    default:
        return RAM_BASE + 0x9000000 + random_below(s, 0x7000) * FRAME_SIZE;
    }
}

static void reserved_choose(struct random_system *s)
{
    s->reserveds = random_chance(s, 2) ? 0 : 1 + (uint32_t)random_below(s, RANDOM_RESERVED);
    for (uint32_t i = 0; i < s->reserveds; i++) {
        struct random_reserved *r = &s->reserved[i];
        bool again = i && random_chance(s, 8); /* tables of firmware list a range for each of its users */

        *r = (struct random_reserved){place(s), (1 + random_below(s, random_chance(s, 4) ? 0x400 : 8)) * FRAME_SIZE,
                                      random_chance(s, 2)};
        if (again)
            *r = s->reserved[i - 1];
        if (random_chance(s, 8))
            r->size -= random_below(s, FRAME_SIZE);
    }
    if (s->reserveds && random_chance(s, 6)) /* all that is low */
        s->reserved[0] = (struct random_reserved){0x40600000, 256 * MIB, random_chance(s, 2)};
}

/* Who uses which of it. */
static void uses_choose(struct random_system *s)
{
    for (uint32_t n = random_chance(s, 2) ? 0 : 3; n-- > 0 && s->reserveds && s->devices;) {
        struct random_device *dev = &s->device[random_below(s, s->devices)];
        uint32_t i = (uint32_t)random_below(s, s->reserveds);

        if (random_chance(s, 2))
            dev->holds |= dev->is_pci ? 0 : UINT32_C(1) << i;
        else
            dev->uses |= UINT32_C(1) << (random_chance(s, 12) ? 16 + i : i);
    }
}

/* Platform devices, each with a page of registers, and functions of the PCI bus 0. */
static void devices_choose(struct random_system *s)
{
    uint32_t platform = 2 + (uint32_t)random_below(s, 5),
             pci = random_chance(s, 4) ? 0 : 1 + (uint32_t)random_below(s, 6);
    uint32_t next[RANDOM_UNITS] = {0}, slot = 0;

    for (uint32_t i = 0; i < platform + pci; i++) {
        struct random_device *dev = &s->device[s->devices++], *before = dev - (i != 0);
        struct board_iommu *u;

        *dev = (struct random_device){.is_pci = i >= platform, .phandle = PHANDLE_DEV + i};
        snprintf(dev->path, sizeof dev->path, "/device@%x", DEVICE_BASE + i * 0x1000);
        if (dev->is_pci && (!before->is_pci || !random_chance(s, 5)))
            slot++;
        dev->bdf = (uint16_t)(slot << 3 | (before->is_pci && before->bdf >> 3 == slot ? (before->bdf & 7) + 1u : 0));
        dev->has_stream = s->units && !random_chance(s, 6);
        if (dev->is_pci && dev->bdf & 7) {
            dev->has_stream = before->has_stream;
            dev->unit = before->unit;
            dev->sid = before->sid + 1;
        } else if (dev->has_stream) {
            dev->unit = (uint32_t)random_below(s, s->units);
            u = &s->unit[dev->unit];
            dev->sid = u->sid_bits == 5 ? next[dev->unit]++ * 8 & 31
                       : dev->is_pci    ? dev->bdf
                                        : (uint32_t)random_below(s, UINT64_C(1) << u->sid_bits) & ~7u;
            if (random_chance(s, 12) && before->has_stream) {
                dev->unit = before->unit;
                dev->sid = before->sid & ~7u;
            }
        }
    }
}

/*
 * The tree.
 */

static void put_node(void *tree, const char *name, uint64_t base, const char *compatible)
{
    char text[64];

    snprintf(text, sizeof text, "%s@%llx", name, (unsigned long long)base);
    if (fdt_begin_node(tree, text) || (compatible && fdt_property_string(tree, "compatible", compatible)))
        abort();
}

static void put_interrupt(void *tree, uint32_t type, uint32_t n)
{
    random_put_cells(tree, "interrupts", (const uint32_t[]){type, n, 4}, 3);
}

static void write_machine(struct random_system *s, void *tree)
{
    s->cpus = 5;
    fdt_begin_node(tree, "psci");
    fdt_property_string(tree, "compatible", "arm,psci-1.0");
    fdt_property_string(tree, "method", "smc");
    fdt_end_node(tree);
    fdt_begin_node(tree, "cpus");
    fdt_property_u32(tree, "#address-cells", 1);
    fdt_property_u32(tree, "#size-cells", 0);
    for (uint32_t i = 0; i < s->cpus; i++) {
        put_node(tree, "cpu", i, "arm,cortex-a57");
        fdt_property_string(tree, "device_type", "cpu");
        fdt_property_u32(tree, "reg", i);
        fdt_end_node(tree);
    }
    fdt_end_node(tree);
    fdt_begin_node(tree, "timer");
    fdt_property_string(tree, "compatible", "arm,armv8-timer");
    random_put_cells(tree, "interrupts", (const uint32_t[]){1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4}, 12);
    fdt_end_node(tree);
    put_node(tree, "intc", 0x8000000, "arm,gic-v3");
    random_put_cells(tree, "reg", (const uint32_t[]){0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000}, 8);
    put_interrupt(tree, 1, 9);
    fdt_property(tree, "interrupt-controller", NULL, 0);
    fdt_property_u32(tree, "#interrupt-cells", 3);
    fdt_property_u32(tree, "#address-cells", 2);
    fdt_property_u32(tree, "#size-cells", 2);
    fdt_property(tree, "ranges", NULL, 0);
    fdt_property_u32(tree, "phandle", PHANDLE_GIC);
    put_node(tree, "its", 0x8080000, "arm,gic-v3-its");
    random_put_range(tree, "reg", 0x8080000, 0x20000);
    fdt_end_node(tree);
    fdt_end_node(tree);
    put_node(tree, "pl011", 0x9000000, "arm,pl011");
    random_put_range(tree, "reg", 0x9000000, 0x1000);
    put_interrupt(tree, 0, 1);
    fdt_end_node(tree);
}

/* The first bank holds the hypervisor; the others lie anywhere above, also where IOMMUs do not translate. */
static void write_memory(struct random_system *s, void *tree)
{
    static const uint64_t first[] = {136 * MIB, 256 * MIB, GIB, 2 * GIB, 3 * GIB, 6 * GIB};
    static const uint64_t above[] = {8 * GIB, 34 * GIB, 0xfcff000000, UINT64_C(0x8800000000), UINT64_C(1) << 45};
    uint64_t base = RAM_BASE, size = first[random_below(s, 6)] + random_below(s, 0x800) * FRAME_SIZE;
    unsigned bits = s->is_odd && random_chance(s, 4) ? 48 : s->pa_bits;

    for (unsigned i = 0; i < 6 && base + size <= UINT64_C(1) << bits; i++) {
        put_node(tree, "memory", base, NULL);
        fdt_property_string(tree, "device_type", "memory");
        random_put_range(tree, "reg", base, size);
        fdt_end_node(tree);
        while (i < 5 && !random_chance(s, 4))
            i++;
        base = i < 5 ? above[i] + random_below(s, 0x1000) * FRAME_SIZE : UINT64_MAX / 2;
        size = (1 + random_below(s, random_chance(s, 2) ? 0x80000 : 0x4000)) * FRAME_SIZE;
    }
}

static void write_reserved(const struct random_system *s, void *tree)
{
    fdt_begin_node(tree, "reserved-memory");
    fdt_property_u32(tree, "#address-cells", 2);
    fdt_property_u32(tree, "#size-cells", 2);
    fdt_property(tree, "ranges", NULL, 0);
    for (uint32_t i = 0; i < s->reserveds; i++) {
        const struct random_reserved *r = &s->reserved[i];
        uint32_t cell[64], n = 0;
        char name[16];

        snprintf(name, sizeof name, "range%u", i);
        fdt_begin_node(tree, name);
        fdt_property_u32(tree, "phandle", PHANDLE_RES + i);
        random_put_range(tree, "reg", r->base, r->size);
        if (r->no_map)
            fdt_property(tree, "no-map", NULL, 0);
        for (const struct random_device *d = s->device; d < s->device + s->devices && n < 58; d++) {
            uint64_t at = r->base + (d->uses >> 16 >> i & 1 ? FRAME_SIZE : 0);

            if (!((d->uses | d->uses >> 16) >> i & 1))
                continue;
            cell[n++] = d->phandle;
            if (d->is_pci)
                cell[n++] = 0x02000000; /* three cells, as behind a PCI bus */
            cell[n++] = (uint32_t)(at >> 32);
            cell[n++] = (uint32_t)at;
            cell[n++] = (uint32_t)(r->size >> 32);
            cell[n++] = (uint32_t)r->size;
        }
        if (n)
            random_put_cells(tree, "iommu-addresses", cell, n);
        fdt_end_node(tree);
    }
    fdt_end_node(tree);
}

static void write_platform(struct random_system *s, void *tree, const struct random_device *d, uint32_t i)
{
    uint32_t cell[RANDOM_RESERVED], n = 0;

    put_node(tree, "device", DEVICE_BASE + i * 0x1000, "test,device");
    random_put_range(tree, "reg", DEVICE_BASE + i * 0x1000, 0x1000);
    fdt_property_u32(tree, "phandle", d->phandle);
    put_interrupt(tree, 0, 20 + i);
    if (d->has_stream)
        random_put_cells(tree, "iommus", (const uint32_t[]){PHANDLE_UNIT + d->unit, d->sid}, 2);
    for (uint32_t k = 0; k < s->reserveds; k++)
        if (d->holds >> k & 1)
            cell[n++] = PHANDLE_RES + k;
    if (n)
        random_put_cells(tree, "memory-region", cell, n);
    fdt_end_node(tree);
}

static void write_function(struct random_system *s, void *tree, const struct random_device *d)
{
    uint32_t cell[64] = {(uint32_t)d->bdf << 8}, n = 5, bars = (uint32_t)random_below(s, 3);

    for (uint32_t k = 0; k < bars; k++, n += 5) {
        uint32_t space = random_chance(s, 3) ? 0x43000000 : 0x02000000;

        cell[n] = space | (uint32_t)d->bdf << 8 | (0x10 + 8 * k);
        cell[n + 4] = 1u << (4 + random_below(s, 18));
    }
    put_node(tree, "function", d->bdf, NULL);
    random_put_cells(tree, "reg", cell, n);
    fdt_property_u32(tree, "phandle", d->phandle);
    fdt_property_u32(tree, "class-code", 0x020000);
    fdt_property_u32(tree, "vendor-id", 0x1af4);
    fdt_property_u32(tree, "device-id", 1);
    fdt_end_node(tree);
}

static void write_pci(struct random_system *s, void *tree)
{
    const uint32_t ranges[] = {0x02000000, 0,   0x10000000, 0,   0x10000000, 0, 0x2e000000,
                               0x03000000, 0xc, 0,          0xc, 0,          1, 0};
    uint32_t map[64], n = 0;

    put_node(tree, "pcie", 0x10000000, "pci-host-ecam-generic");
    fdt_property_string(tree, "device_type", "pci");
    fdt_property_u32(tree, "#address-cells", 3);
    fdt_property_u32(tree, "#size-cells", 2);
    random_put_cells(tree, "bus-range", (const uint32_t[]){0, 15}, 2);
    random_put_range(tree, "reg", 0x3f000000, 0x1000000);
    random_put_cells(tree, "ranges", ranges, random_chance(s, 2) ? 14 : 7);
    for (const struct random_device *d = s->device; d < s->device + s->devices; d++) {
        if (!d->is_pci || !d->has_stream || d->bdf & 7)
            continue;
        map[n++] = d->bdf;
        map[n++] = PHANDLE_UNIT + d->unit;
        map[n++] = d->sid;
        map[n++] = 8;
    }
    if (n)
        random_put_cells(tree, "iommu-map", map, n);
    for (const struct random_device *d = s->device; d < s->device + s->devices; d++)
        if (d->is_pci)
            write_function(s, tree, d);
    fdt_end_node(tree);
}

void random_board_write(struct random_system *s, size_t *size)
{
    static _Alignas(8) uint8_t tree[TREE_SIZE];

    units_choose(s);
    reserved_choose(s);
    devices_choose(s);
    uses_choose(s);
    fdt_create(tree, sizeof tree);
    fdt_finish_reservemap(tree);
    fdt_begin_node(tree, "");
    fdt_property_u32(tree, "#address-cells", 2);
    fdt_property_u32(tree, "#size-cells", 2);
    fdt_property_u32(tree, "interrupt-parent", PHANDLE_GIC);
    write_machine(s, tree);
    write_memory(s, tree);
    write_reserved(s, tree);
    for (uint32_t i = 0; i < s->units; i++) {
        put_node(tree, "iommu", UNIT_BASE + i * 0x20000, "arm,smmu-v3");
        random_put_range(tree, "reg", UNIT_BASE + i * 0x20000, 0x20000);
        fdt_property_u32(tree, "#iommu-cells", 1);
        fdt_property_u32(tree, "phandle", PHANDLE_UNIT + i);
        fdt_end_node(tree);
    }
    for (uint32_t i = 0; i < s->devices; i++)
        if (!s->device[i].is_pci)
            write_platform(s, tree, &s->device[i], i);
    if (s->devices && s->device[s->devices - 1].is_pci)
        write_pci(s, tree);
    fdt_end_node(tree);
    if (fdt_finish(tree))
        abort();
    *size = fdt_totalsize(tree);
    s->board_blob = malloc(*size);
    memcpy(s->board_blob, tree, *size);
}

/* Firmware's tables: who they name may be a device of the board, several, or nobody. */
static void badge_users(struct random_system *s)
{
    struct board *b = &s->board;

    if (!b->reserveds || !b->iommus || random_chance(s, 3))
        return;
    b->dma_user = ARENA_NEW(&s->arena, struct board_dma_user, 4, &s->diag);
    b->dma_users = 1 + (uint32_t)random_below(s, 4);
    for (uint32_t i = 0; i < b->dma_users; i++) {
        const struct random_device *d = &s->device[random_below(s, s->devices)];
        uint32_t last = random_chance(s, 8) ? UINT32_MAX : d->sid + (uint32_t)random_below(s, 2);

        b->dma_user[i] =
            (struct board_dma_user){.range = (uint32_t)random_below(s, b->reserveds),
                                    .iommu = random_chance(s, 8) ? (uint32_t)random_below(s, b->iommus) : d->unit,
                                    .sid_first = random_chance(s, 16) ? 0 : d->sid,
                                    .sid_last = last};
    }
}

void random_board_badge(struct random_system *s)
{
    struct board *b = &s->board;

    b->p2m = s->p2m;
    b->own = s->p2m == &p2m_arm_s2 ? &own_arm_el2 : &own_x86_64;
    b->pa_bits = s->pa_bits;
    b->vmid_bits = s->vmid_bits;
    for (uint32_t i = 0; i < b->iommus; i++) {
        struct board_iommu *u = &b->iommu[i];
        const struct board_iommu is = *u;

        *u = s->unit[i];
        u->node = is.node;
        u->phandle = is.phandle;
        u->base = is.base;
        u->size = is.size;
    }
    badge_users(s);
}
