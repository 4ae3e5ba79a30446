/* SPDX-License-Identifier: Apache-2.0 */
/* PCI: Local Bus Specification 3.0; PCIe: Express Base Specification 5.0. */
#include "dev/vpci.h"

#include <string.h>

#define BUS_SIZE   (1u << 20)
#define CFG_SIZE   0x100u /* nothing is shown of the extended space: no ATS, PRI, PASID, SR-IOV, AER */
#define CFG_HEADER 0x40u
#define BARS       6u

/* What passes between the guest and one dword of the function. */
struct filter {
    uint32_t hide;  /* reads as zero */
    uint32_t write; /* the guest may write */
    uint32_t clear; /* write one to clear (RW1C): never written back as read */
};

/* Dwords of the type 0 header (PCI 6.1). BARs and the capabilities pointer are made up below. */
static const struct filter header_filter[CFG_HEADER / 4] = {
    /* I/O space stays off; 6.2.3: the error bits of the status register are RW1C. */
    [PCI_COMMAND / 4] = {.hide = PCI_STATUS_CAPS << 16,
                         .write = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF,
                         .clear = 0xf9000000},
    /* Cache line and latency; no multi-function bit (function 0 is all there is), no BIST. */
    [PCI_HEADER / 4] = {.hide = 0xff800000, .write = 0x0000ffff},
    [PCI_ROM / 4] = {.hide = UINT32_MAX},
    [PCI_INT_LINE / 4] = {.write = 0x000000ff},
};

/*
 * Capabilities that the guest sees; all others are left out of the chain. MSI and MSI-X are seen where messages are
 * interrupts; elsewhere no doorbell is mapped for them, and interrupts come by INTx.
 */
static const struct shown {
    uint8_t id;
    uint8_t size, size_v1; /* bytes; size_v1: of PCI Express capability version 1 (7.5.3.2) */
} shown[VPCI_CAPS] = {
    {PCI_CAP_PM, 0x08, 0x08},
    {PCI_CAP_PCIE, 0x3c, 0x14},
    {PCI_CAP_MSI, 0x18, 0x18},
    {PCI_CAP_MSIX, 0x0c, 0x0c},
};

/*
 * Registers in them that are not simply read-only. Device Control (7.5.3.4): relaxed ordering, extended tag,
 * no snoop and Max_Read_Request_Size are the guest's. Not: function-level reset (it would clear the BARs),
 * phantom functions (another requester id), error messages and Max_Payload_Size (they meet the host bridge).
 */
static const struct cap_filter {
    uint8_t id, off;
    struct filter f;
} cap_filter[] = {
    {PCI_CAP_PM, 0x00, {.hide = 0xfe000000}}, /* PME_Support, D1 and D2: it stays in D0 */
    {PCI_CAP_PCIE, PCI_PCIE_DEVCAP, {.hide = PCI_DEVCAP_FLR | PCI_DEVCAP_PHANTOM}},
    {PCI_CAP_PCIE, PCI_PCIE_DEVCTL, {.write = 0x7910, .clear = 0x000f0000}},
};

static uint64_t fn_base(const struct vpci *v, const struct vpci_function *f)
{
    return pci_offset(v->pci, f->dev->fn->bdf, 0);
}

/* Bytes of a capability, at the most up to the next one of the function's own chain, whether shown or not. */
static uint16_t cap_end(const struct vpci *v, const struct vpci_function *f, const struct pci_cap *cap, uint32_t n,
                        uint32_t i, const struct shown *s)
{
    uint64_t flags = fn_base(v, f) + cap[i].off + PCI_PCIE_FLAGS;
    bool v1 = s->size_v1 != s->size && (mmio_read16(v->ecam, flags) & 15) < 2;
    uint32_t end = cap[i].off + (v1 ? (uint32_t)s->size_v1 : s->size);

    if (end > CFG_SIZE)
        end = CFG_SIZE;
    for (uint32_t k = 0; k < n; k++) {
        if (cap[k].off > cap[i].off && cap[k].off < end)
            end = cap[k].off;
    }
    return (uint16_t)end;
}

static bool is_shown(const struct pci_function *f, uint8_t id)
{
    return id == PCI_CAP_MSI ? f->msi.messages != 0 : id != PCI_CAP_MSIX || f->msi.entries != 0;
}

/* The first of each kind, so that f->cap has room for all. */
static void fn_learn(const struct vpci *v, struct vpci_function *f)
{
    struct pci_cap cap[PCI_CAPS];
    uint32_t n = pci_caps(v->pci, v->ecam, f->dev->fn->bdf, cap);

    for (uint32_t s = 0; s < VPCI_CAPS; s++) {
        for (uint32_t i = 0; i < n; i++) {
            if (cap[i].id != shown[s].id || !is_shown(f->dev->fn, cap[i].id))
                continue;
            f->cap[f->caps++] =
                (struct vpci_cap){.id = cap[i].id, .off = cap[i].off, .end = cap_end(v, f, cap, n, i, &shown[s])};
            break;
        }
    }
}

err_t vpci_init(struct vpci *v, const struct board_pci *p, mmio_t ecam, const struct plan_partition *pp, struct diag *d)
{
    memset(v, 0, sizeof(*v));
    v->pci = p;
    v->ecam = ecam;
    for (uint32_t i = 0; i < pp->devices; i++) {
        const struct plan_device *dev = &pp->device[i];

        if (dev->m->kind != DEVICE_PCI)
            continue;
        if (dev->slot >= VPCI_SLOTS || v->slot[dev->slot])
            return diag_fail(d, ERR_INVALID, "partition %s: device %s: slot %u of its PCI bus is %s; there are %u",
                             pp->m->name, dev->m->name, dev->slot, dev->slot < VPCI_SLOTS ? "taken" : "not there",
                             VPCI_SLOTS);
        v->fn[v->count].dev = dev;
        fn_learn(v, &v->fn[v->count]);
        v->slot[dev->slot] = (uint8_t)++v->count;
    }
    return ERR_NONE;
}

/* PCIe 7.2.2: bus 27:20, device 19:15, function 14:12. */
static struct vpci_function *fn_find(struct vpci *v, uint32_t off, unsigned width)
{
    uint32_t i;

    if (off >= BUS_SIZE || (width != 1 && width != 2 && width != 4) || off % width || (off >> 12 & 7))
        return NULL;
    i = v->slot[off >> 15];
    return i ? &v->fn[i - 1] : NULL;
}

static const struct vpci_cap *cap_at(const struct vpci_function *f, uint32_t reg)
{
    for (uint32_t i = 0; i < f->caps; i++) {
        if (reg >= f->cap[i].off && reg < f->cap[i].end)
            return &f->cap[i];
    }
    return NULL;
}

/* The filter of a dword below CFG_SIZE. */
static struct filter filter_of(const struct vpci_function *f, uint32_t reg)
{
    const struct vpci_cap *c;

    if (reg < CFG_HEADER)
        return header_filter[reg / 4];
    c = cap_at(f, reg);
    if (!c)
        return (struct filter){.hide = UINT32_MAX};
    for (size_t i = 0; i < sizeof(cap_filter) / sizeof(cap_filter[0]); i++) {
        if (cap_filter[i].id == c->id && cap_filter[i].off == reg - c->off)
            return cap_filter[i].f;
    }
    return (struct filter){0};
}

/* The MSI or MSI-X capability around a dword; NULL: there is none. */
static const struct vpci_cap *messages_at(const struct vpci *v, const struct vpci_function *f, uint32_t reg)
{
    const struct vpci_cap *c = v->messages && reg >= CFG_HEADER ? cap_at(f, reg) : NULL;

    return c && (c->id == PCI_CAP_MSI || c->id == PCI_CAP_MSIX) ? c : NULL;
}

static bool reg_is_bar(uint32_t reg, uint32_t *bar)
{
    *bar = (reg - PCI_BAR0) / 4;
    return reg >= PCI_BAR0 && *bar < BARS;
}

/* PCI 6.2.5.1. I/O BARs do not exist. */
static uint32_t bar_read(const struct vpci_function *f, uint32_t i)
{
    bool upper = f->dev->fn->bar[i].kind == BAR_UPPER && i > 0;
    uint32_t low = upper ? i - 1 : i;
    const struct pci_bar *bar = &f->dev->fn->bar[low];
    uint64_t v = f->sizing >> i & 1 ? 0 - bar->size : f->dev->bar[low].v;

    if (bar->kind != BAR_MEM32 && bar->kind != BAR_MEM64)
        return 0;
    if (upper)
        return (uint32_t)(v >> 32);
    return ((uint32_t)v & ~15u) | (bar->prefetch ? 8u : 0) | (bar->kind == BAR_MEM64 ? 4u : 0);
}

/* A BAR never moves: all that a write can do is ask for the size. */
static void bar_write(struct vpci_function *f, uint32_t i, unsigned width, uint32_t value)
{
    f->sizing &= ~(1u << i);
    if (width == 4 && (value | 15) == UINT32_MAX)
        f->sizing |= 1u << i;
}

static uint32_t cap_first(const struct vpci_function *f)
{
    return f->caps ? f->cap[0].off : 0;
}

/* A capability header points to the next one that is shown. */
static uint32_t cap_link(const struct vpci_function *f, uint32_t reg, uint32_t value)
{
    for (uint32_t i = 0; i < f->caps; i++) {
        if (f->cap[i].off == reg)
            return (value & ~0xff00u) | (i + 1 < f->caps ? (uint32_t)f->cap[i + 1].off << 8 : 0);
    }
    return value;
}

static uint32_t dword_read(const struct vpci *v, const struct vpci_function *f, uint32_t reg)
{
    const struct vpci_cap *c = messages_at(v, f, reg);
    struct filter t;
    uint32_t bar, value;

    if (reg >= CFG_SIZE)
        return 0;
    if (reg_is_bar(reg, &bar))
        return bar_read(f, bar);
    if (reg == PCI_CAP_PTR)
        return cap_first(f);
    t = filter_of(f, reg);
    if (t.hide == UINT32_MAX)
        return 0;
    value = mmio_read32(v->ecam, fn_base(v, f) + reg) & ~t.hide;
    if (reg == PCI_COMMAND && f->caps)
        value |= PCI_STATUS_CAPS << 16;
    if (c)
        value = v->messages->read(v, (uint32_t)(f - v->fn), c->id, reg - c->off, value);
    return cap_link(f, reg, value);
}

uint32_t vpci_read(struct vpci *v, uint32_t off, unsigned width)
{
    const struct vpci_function *f = fn_find(v, off, width);
    uint32_t value = f ? dword_read(v, f, off & 0xffc) >> 8 * (off & 3) : UINT32_MAX;

    return width == 1 ? (uint8_t)value : width == 2 ? (uint16_t)value : value;
}

/*
 * Whole dwords are written: bits that the guest may not write keep the value they have, RW1C bits are zero
 * unless the guest sets them.
 */
void vpci_write(struct vpci *v, uint32_t off, unsigned width, uint32_t value)
{
    struct vpci_function *f = fn_find(v, off, width);
    uint32_t reg = off & 0xffc, lanes, bar, old;
    const struct vpci_cap *c;
    struct filter t;
    uint64_t at;

    if (!f || reg >= CFG_SIZE)
        return;
    if (reg_is_bar(reg, &bar)) {
        bar_write(f, bar, width, value);
        return;
    }
    t = filter_of(f, reg);
    lanes = (UINT32_MAX >> (32 - 8 * width)) << 8 * (off & 3);
    value = value << 8 * (off & 3) & lanes;
    c = messages_at(v, f, reg);
    if (c) {
        v->messages->write(v, (uint32_t)(f - v->fn), c->id, reg - c->off, value | (dword_read(v, f, reg) & ~lanes));
        return;
    }
    if (!((t.write | t.clear) & lanes))
        return;
    at = fn_base(v, f) + reg;
    old = mmio_read32(v->ecam, at);
    mmio_write32(v->ecam, at, (old & ~(t.write & lanes) & ~t.clear) | (value & (t.write | t.clear)));
}

void vpci_reset(struct vpci *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        v->fn[i].sizing = 0;
}
