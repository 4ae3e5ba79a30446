/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCI host bridge: pci-host-ecam-generic. IEEE 1275 PCI binding: an address has three
 * cells, the first of which is npt000ss bbbbbbbb dddddfff rrrrrrrr.
 */
#include "board_read.h"

#include <string.h>

#define SPACE(hi)    ((hi) >> 24 & 3)
#define SPACE_IO     1u
#define SPACE_MEM32  2u
#define SPACE_MEM64  3u
#define PREFETCH     (UINT32_C(1) << 30)
#define BDF(hi)      ((uint16_t)((hi) >> 8))
#define REGISTER(hi) ((hi)&0xff)

#define BAR_FIRST     0x10 /* PCI Local Bus 3.0, 6.1 */
#define BAR_LAST      0x24
#define CLASS_BRIDGE  0x0604
#define MEM32_END     (UINT64_C(1) << 32)
#define ADDRESS_CELLS 3
#define CHILD_CELLS   5 /* an entry of a child's reg: address and size */
#define MAP_CELLS     4 /* an entry of iommu-map */
#define INTX_IN_CELLS 4 /* the left side of interrupt-map: address, pin */

/* A property of whole entries of `cells` cells; *count is 0 when it is absent. */
static err_t entries_of(const struct board_reader *r, dt_node_t n, const char *name, uint32_t cells,
                        const struct dt_prop **p, uint32_t *count)
{
    *p = dt_prop(r->dt, n, name);
    *count = *p ? (*p)->len / (4 * cells) : 0;
    if (*p && (*p)->len % (4 * cells))
        return board_fail(r, n, "%s: %u bytes are not whole entries of %u cells", name, (*p)->len, cells);
    return ERR_NONE;
}

static err_t read_ecam(const struct board_reader *r, dt_node_t n)
{
    struct board_pci *pci = &r->b->pci;
    struct board_range range;
    const struct dt_prop *p;
    uint32_t count, first = 0, last;
    err_t e = board_need_reg(r, n, 0, UINT64_C(1) << 20, &range);

    if (!e)
        e = entries_of(r, n, "bus-range", 2, &p, &count);
    if (e)
        return e;
    pci->ecam = range.base;
    pci->ecam_size = range.size;
    last = range.size >> 20 > 255 ? 255 : (uint32_t)(range.size >> 20) - 1;
    if (count) {
        first = dt_cell(p, 0);
        last = dt_cell(p, 1);
    }
    if (first > last || last > 255 || range.size >> 20 < last - first + 1)
        return board_fail(r, n, "bus-range: <%u %u>, but reg has 1 MiB for each of %u buses", first, last,
                          (uint32_t)(range.size >> 20));
    pci->bus_first = (uint8_t)first;
    pci->bus_last = (uint8_t)last;
    return ERR_NONE;
}

/* The first window of each kind that devices see where the CPU does; others are of no use to a GFN == BFN
 * map. */
static err_t read_windows(const struct board_reader *r, dt_node_t n)
{
    const uint32_t pc = dt_address_cells(r->dt, r->dt->node[n].parent), sc = dt_size_cells(r->dt, n);
    const uint32_t width = ADDRESS_CELLS + pc + sc;
    struct board_pci *pci = &r->b->pci;
    const struct dt_prop *p;
    uint32_t count;
    err_t e;

    if (dt_address_cells(r->dt, n) != ADDRESS_CELLS || pc < 1 || pc > 2 || sc != 2)
        return board_fail(r, n, "#address-cells, #size-cells: <3> and <2> are right");
    e = entries_of(r, n, "ranges", width, &p, &count);
    pci->bus = ARENA_NEW(r->a, struct board_range, count, r->d);
    if (!pci->bus)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; !e && i < count; i++) {
        uint32_t at = i * width;
        uint64_t bus = dt_cells(p, at + 1, 2), cpu = dt_cells(p, at + ADDRESS_CELLS, pc);
        uint64_t size = dt_cells(p, at + ADDRESS_CELLS + pc, sc);
        struct board_range *w;

        if (SPACE(dt_cell(p, at)) < SPACE_MEM32 || !size)
            continue;
        e = dt_translate(r->dt, r->dt->node[n].parent, &cpu, size, r->d);
        if (e)
            return e;
        if ((bus | cpu | size) >> 52)
            return board_fail(r, n, "ranges: window 0x%llx + 0x%llx passes 2^52", (unsigned long long)cpu,
                              (unsigned long long)size);
        pci->bus[pci->buses++] = (struct board_range){.base = maddr(bus), .size = size};
        w = cpu + size <= MEM32_END ? &pci->mem32 : &pci->mem64;
        if (bus == cpu && !w->size)
            *w = (struct board_range){.base = maddr(cpu), .size = size, .name = "pci", .node = n};
    }
    return e;
}

static err_t read_map(const struct board_reader *r, dt_node_t n)
{
    struct board_pci *pci = &r->b->pci;
    const struct dt_prop *p;
    uint32_t count, mask;
    err_t e = dt_read_u32(r->dt, n, "iommu-map-mask", 0xffff, &mask, r->d);

    if (!e)
        e = entries_of(r, n, "iommu-map", MAP_CELLS, &p, &count);
    if (e)
        return e;
    if ((mask & 0xffff) != 0xffff)
        return board_fail(r, n, "iommu-map-mask: 0x%x joins functions; only 0xffff is supported", mask);
    pci->map = ARENA_NEW(r->a, struct board_map, count, r->d);
    if (!pci->map)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < count; i++) {
        struct board_map *m = &pci->map[i];
        uint32_t phandle = dt_cell(p, i * MAP_CELLS + 1);

        *m = (struct board_map){.rid = dt_cell(p, i * MAP_CELLS),
                                .sid = dt_cell(p, i * MAP_CELLS + 2),
                                .rid_count = dt_cell(p, i * MAP_CELLS + 3)};
        while (m->iommu < r->b->iommus && (!phandle || r->b->iommu[m->iommu].phandle != phandle))
            m->iommu++;
        if (m->iommu == r->b->iommus)
            return board_fail(r, n, "iommu-map: entry %u: phandle 0x%x is no enabled node compatible with arm,smmu-v3",
                              i, phandle);
        if (m->rid > 0xffff || m->rid_count > 0x10000 - m->rid || m->sid > UINT32_MAX - m->rid_count)
            return board_fail(r, n, "iommu-map: entry %u: 0x%x to 0x%x of 0x%x ids passes its end", i, m->rid, m->sid,
                              m->rid_count);
    }
    pci->maps = count;
    return ERR_NONE;
}

/* Cells of the right side of an interrupt-map entry behind the phandle; 0: no such controller. */
static uint32_t parent_cells(const struct dt *dt, dt_node_t ctl, uint32_t *address)
{
    uint32_t cells = ctl == DT_NONE ? 0 : board_interrupt_cells(dt, ctl);

    /* Here, other than for reg, an absent #address-cells means none. */
    *address = ctl != DT_NONE && dt_has(dt, ctl, "#address-cells") ? dt_address_cells(dt, ctl) : 0;
    return cells && cells <= 4 && *address <= 3 ? *address + cells : 0;
}

/* Devicetree Specification v0.4, 2.4.3. Entries for another controller than the GIC are left out. */
static err_t read_intx(const struct board_reader *r, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(r->dt, n, "interrupt-map"), *mask = dt_prop(r->dt, n, "interrupt-map-mask");
    uint32_t cells = p ? p->len / 4 : 0, width;
    struct board_pci *pci = &r->b->pci;

    if (!p)
        return ERR_NONE;
    if (!mask || mask->len != 4 * INTX_IN_CELLS || (dt_cell(mask, 3) & 7) != 7)
        return board_fail(r, n, "interrupt-map-mask: four cells are right, the last <7>");
    pci->intx_bdf_mask = BDF(dt_cell(mask, 0));
    pci->intx = ARENA_NEW(r->a, struct board_intx, cells / (INTX_IN_CELLS + 1 + 3), r->d);
    if (!pci->intx)
        return ERR_NO_SPACE;
    for (uint32_t at = 0; at < cells; at += INTX_IN_CELLS + 1 + width) {
        struct board_intx *x = &pci->intx[pci->intxs];
        uint32_t address, left = cells - at;
        dt_node_t ctl = left > INTX_IN_CELLS ? dt_by_phandle(r->dt, dt_cell(p, at + INTX_IN_CELLS)) : DT_NONE;
        err_t e;

        width = parent_cells(r->dt, ctl, &address);
        if (!width || width > left - INTX_IN_CELLS - 1)
            return board_fail(r, n, "interrupt-map: cell %u: no interrupt controller, or too few cells for it", at);
        if (ctl != r->b->gic.node)
            continue;
        e = board_read_gic_irq(r, n, p, at + INTX_IN_CELLS + 1 + address, &x->irq);
        if (e)
            return e;
        x->bdf = BDF(dt_cell(p, at)) & pci->intx_bdf_mask;
        x->pin = (uint8_t)(dt_cell(p, at + 3) & 7);
        pci->intxs++;
    }
    return ERR_NONE;
}

/* One entry of a function's reg: a BAR, unless it is another register. */
static err_t read_bar(const struct board_reader *r, dt_node_t n, const struct dt_prop *p, uint32_t at,
                      struct pci_function *f)
{
    static const enum bar_kind kinds[] = {BAR_NONE, BAR_IO, BAR_MEM32, BAR_MEM64};
    uint32_t hi = dt_cell(p, at), i = (REGISTER(hi) - BAR_FIRST) / 4;
    uint64_t size = dt_cells(p, at + ADDRESS_CELLS, 2);
    enum bar_kind kind = kinds[SPACE(hi)];

    if (REGISTER(hi) < BAR_FIRST || REGISTER(hi) > BAR_LAST || REGISTER(hi) % 4 || !size)
        return ERR_NONE;
    if (kind == BAR_NONE || (size & (size - 1)) || size >> 52 || f->bar[i].kind != BAR_NONE)
        return board_fail(r, n, "reg: BAR %u: 0x%x of 0x%llx bytes: a space, once, and a power of two are right", i, hi,
                          (unsigned long long)size);
    f->bar[i] = (struct pci_bar){.kind = kind, .prefetch = (hi & PREFETCH) != 0, .size = size};
    if (kind != BAR_MEM64)
        return ERR_NONE;
    if (i == 5 || f->bar[i + 1].kind != BAR_NONE)
        return board_fail(r, n, "reg: BAR %u: no room for the upper half of a 64-bit BAR", i);
    f->bar[i + 1].kind = BAR_UPPER;
    return ERR_NONE;
}

static err_t read_function(const struct board_reader *r, dt_node_t n, struct pci_function *f)
{
    uint32_t vendor, device, class_code, pin, count;
    const struct dt_prop *p;
    err_t e = entries_of(r, n, "reg", CHILD_CELLS, &p, &count);

    if (!e)
        e = dt_read_u32(r->dt, n, "vendor-id", 0xffff, &vendor, r->d);
    if (!e)
        e = dt_read_u32(r->dt, n, "device-id", 0xffff, &device, r->d);
    if (!e)
        e = dt_read_u32(r->dt, n, "class-code", 0, &class_code, r->d);
    if (!e)
        e = dt_read_u32(r->dt, n, "interrupts", 0, &pin, r->d);
    if (e)
        return e;
    if (vendor > 0xffff || device > 0xffff || class_code > 0xffffff || pin > 4)
        return board_fail(r, n,
                          "vendor-id, device-id (16 bits), class-code (24) or interrupts (1 to 4) is out of range");
    *f = (struct pci_function){
        .bdf = BDF(dt_cell(p, 0)),
        .vendor = (uint16_t)vendor,
        .device = (uint16_t)device,
        .class_code = class_code,
        .header = class_code >> 8 == CLASS_BRIDGE,
        .pin = (uint8_t)pin,
    };
    if (f->bdf >> 8 < r->b->pci.bus_first || f->bdf >> 8 > r->b->pci.bus_last)
        return board_fail(r, n, "reg: function 0x%x is on no bus of bus-range", f->bdf);
    if (board_pci_find(r->b, f->bdf))
        return board_fail(r, n, "reg: another node is function 0x%x too", f->bdf);
    for (uint32_t i = 1; !e && i < count; i++)
        e = read_bar(r, n, p, i * CHILD_CELLS, f);
    return e;
}

static err_t read_functions(const struct board_reader *r, dt_node_t n)
{
    struct board_pci *pci = &r->b->pci;
    const struct dt *dt = r->dt;
    uint32_t max = 0;
    err_t e = ERR_NONE;

    for (dt_node_t c = dt->node[n].child; c != DT_NONE; c = dt->node[c].next)
        max++;
    pci->fn = ARENA_NEW(r->a, struct pci_function, max, r->d);
    if (!pci->fn)
        return ERR_NO_SPACE;
    for (dt_node_t c = dt->node[n].child; !e && c != DT_NONE; c = dt->node[c].next) {
        const struct dt_prop *p = dt_prop(dt, c, "reg");

        if (!p || p->len < 4 * CHILD_CELLS || !dt_is_enabled(dt, c))
            continue; /* not a function: an interrupt controller of the bridge, for example */
        e = read_function(r, c, &pci->fn[pci->fns]);
        pci->fns++;
    }
    return e;
}

err_t board_read_pci(const struct board_reader *r, dt_node_t n)
{
    err_t e;

    r->b->pci = (struct board_pci){.present = true, .node = n};
    e = read_ecam(r, n);
    if (!e)
        e = read_windows(r, n);
    if (!e)
        e = read_map(r, n);
    if (!e)
        e = read_intx(r, n);
    return e ? e : read_functions(r, n);
}

bool board_pci_stream(const struct board *b, uint16_t bdf, uint32_t *iommu, uint32_t *sid)
{
    for (const struct board_map *m = b->pci.map; m < b->pci.map + b->pci.maps; m++) {
        if (bdf >= m->rid && bdf - m->rid < m->rid_count) {
            *iommu = m->iommu;
            *sid = m->is_alias ? m->sid : m->sid + (bdf - m->rid);
            return true;
        }
    }
    return false;
}

/* Behind a bridge pins are rotated by a topology that the map does not hold: such a function has none. */
bool board_pci_intx(const struct board *b, const struct pci_function *f, struct board_irq *out)
{
    const struct board_pci *pci = &b->pci;

    for (uint32_t i = 0; f->pin && f->bdf >> 8 == pci->bus_first && i < pci->intxs; i++) {
        if (pci->intx[i].bdf == (f->bdf & pci->intx_bdf_mask) && pci->intx[i].pin == f->pin) {
            *out = pci->intx[i].irq;
            return true;
        }
    }
    return false;
}

dt_node_t board_pci_node(const struct board *b, uint16_t bdf)
{
    const struct dt *dt = b->dt;
    dt_node_t n = dt->node[b->pci.node].child;

    for (; n != DT_NONE; n = dt->node[n].next) {
        const struct dt_prop *p = dt_prop(dt, n, "reg");

        if (p && p->len >= 4 * CHILD_CELLS && BDF(dt_cell(p, 0)) == bdf)
            break;
    }
    return n;
}

const struct pci_function *board_pci_find(const struct board *b, uint16_t bdf)
{
    for (uint32_t i = 0; i < b->pci.fns; i++) {
        if (b->pci.fn[i].bdf == bdf)
            return &b->pci.fn[i];
    }
    return NULL;
}
