/* SPDX-License-Identifier: Apache-2.0 */
/* PCI: Local Bus Specification 3.0; PCIe: Express Base Specification 5.0. */
#include "dev/pci.h"
#include "arch.h"
#include "console.h"

#define FUNCTIONS 256 /* of one bus */
#define BUS_SIZE  (UINT64_C(1) << 20)

#define HEADER_MULTI 0x80u
#define BAR_IO_BIT   0x1u
#define BAR_TYPE     0x6u /* PCI 6.2.5.1: 00 32 bits, 10 64 bits */
#define BAR_TYPE_64  0x4u
#define BAR_PREFETCH 0x8u
#define BAR_MAX      (UINT64_C(1) << 40)

#define PM_STATE     0x3u
#define WAIT_PM_MS   10  /* PCIe 5.9: D3hot to D0 */
#define WAIT_FLR_MS  100 /* PCIe 6.6.2 */
#define WAIT_IDLE_MS 100
#define WAIT_BACK_MS 1000 /* PCIe 6.6.1 */

/* Arguments of "PCI %02x:%02x.%u". */
#define BDF_FMT     "PCI %02x:%02x.%u"
#define BDF_ARGS(b) (b) >> 8, (b) >> 3 & 31, (b)&7u

/* One function's configuration space. */
struct cfg {
    mmio_t ecam;
    uint64_t base;
    uint16_t bdf;
};

static struct cfg cfg_of(const struct board_pci *p, mmio_t ecam, uint16_t bdf)
{
    return (struct cfg){.ecam = ecam, .base = pci_offset(p, bdf, 0), .bdf = bdf};
}

static uint32_t cfg_read32(struct cfg c, uint32_t reg)
{
    return mmio_read32(c.ecam, c.base + reg);
}

static void cfg_write32(struct cfg c, uint32_t reg, uint32_t v)
{
    mmio_write32(c.ecam, c.base + reg, v);
}

static uint16_t cfg_read16(struct cfg c, uint32_t reg)
{
    return mmio_read16(c.ecam, c.base + reg);
}

static void cfg_write16(struct cfg c, uint32_t reg, uint32_t v)
{
    mmio_write16(c.ecam, c.base + reg, (uint16_t)v);
}

static bool cfg_answers(struct cfg c)
{
    uint32_t id = cfg_read32(c, PCI_VENDOR);

    return id != 0 && (id & 0xffff) != 0xffff;
}

static uint32_t bar_reg(uint32_t i)
{
    return PCI_BAR0 + 4 * i;
}

/* PCI 6.2.5.1: what sticks when all ones are written is the size; the old value is put back. */
static uint32_t bar_probe(struct cfg c, uint32_t i)
{
    uint32_t old = cfg_read32(c, bar_reg(i)), mask;

    cfg_write32(c, bar_reg(i), UINT32_MAX);
    mask = cfg_read32(c, bar_reg(i));
    cfg_write32(c, bar_reg(i), old);
    return mask;
}

/* The size that a mask of address bits says; 0: it says none. */
static uint64_t bar_size(uint64_t mask)
{
    uint64_t size = mask & (0 - mask);

    return mask == 0 - size && size <= BAR_MAX ? size : 0;
}

/* Fill BAR i (and the one after it when it is its upper half); returns how many were used. */
static uint32_t bar_read(struct cfg c, struct pci_bar bar[6], uint32_t i)
{
    uint32_t low = bar_probe(c, i), high = UINT32_MAX, used = 1;
    enum bar_kind kind = BAR_MEM32;
    uint64_t size = 0;

    if (low == 0)
        return 1;
    if (low & BAR_IO_BIT) {
        kind = BAR_IO;
        size = bar_size(UINT64_C(0xffffffffffff0000) | (low & ~3u)); /* 16 bits may be all it has */
    } else if ((low & BAR_TYPE) == 0 && low > 15) {
        size = bar_size((uint64_t)high << 32 | (low & ~15u));
    } else if ((low & BAR_TYPE) == BAR_TYPE_64 && i < 5) {
        kind = BAR_MEM64;
        used = 2;
        high = bar_probe(c, i + 1);
        size = bar_size((uint64_t)high << 32 | (low & ~15u));
    }
    if (!size) {
        log_line(BDF_FMT ": BAR %u answers 0x%08x to all ones: no type and size of PCI; it is not used",
                 BDF_ARGS(c.bdf), i, low);
        return used;
    }
    bar[i] = (struct pci_bar){.kind = kind, .prefetch = kind != BAR_IO && (low & BAR_PREFETCH), .size = size};
    if (kind == BAR_MEM64)
        bar[i + 1].kind = BAR_UPPER;
    return used;
}

/* Bus mastering and decoding are off before the BARs are touched, and stay off: who gets it turns it on. */
static void function_read(struct cfg c, struct pci_function *f)
{
    uint32_t id = cfg_read32(c, PCI_VENDOR);

    cfg_write16(c, PCI_COMMAND, PCI_COMMAND_INTX_OFF);
    f->bdf = c.bdf;
    f->vendor = (uint16_t)id;
    f->device = (uint16_t)(id >> 16);
    f->class_code = cfg_read32(c, PCI_CLASS_REV) >> 8;
    f->header = mmio_read8(c.ecam, c.base + PCI_HEADER) & (uint8_t)~HEADER_MULTI;
    f->pin = mmio_read8(c.ecam, c.base + PCI_INT_PIN);
    if (f->pin > 4)
        f->pin = 0;
    if (f->header != 0)
        return;
    for (uint32_t i = 0; i < 6;)
        i += bar_read(c, f->bar, i);
    cfg_write32(c, PCI_ROM, 0);
}

/* The functions of the root bus that answer, in bdf[]; returns their count. */
static uint32_t bus_find(const struct board_pci *p, mmio_t ecam, uint16_t bdf[FUNCTIONS])
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        struct cfg c = cfg_of(p, ecam, (uint16_t)((uint32_t)p->bus_first << 8 | i));

        if (!cfg_answers(c)) {
            i |= i & 7 ? 0 : 7; /* no function 0: no device */
            continue;
        }
        bdf[n++] = c.bdf;
        if ((i & 7) == 0 && !(mmio_read8(ecam, c.base + PCI_HEADER) & HEADER_MULTI))
            i |= 7;
    }
    return n;
}

err_t pci_scan(struct board *b, mmio_t ecam, struct arena *a, struct diag *d)
{
    struct board_pci *p = &b->pci;
    uint16_t bdf[FUNCTIONS];
    char path[128];

    p->fn = NULL;
    p->fns = 0;
    if (!p->present)
        return ERR_NONE;
    if (p->ecam_size < BUS_SIZE)
        return diag_fail(d, ERR_INVALID, "board: %s: reg: 0x%llx bytes of configuration space; a bus needs 0x%llx",
                         dt_path(b->dt, p->node, path, sizeof(path)), (unsigned long long)p->ecam_size,
                         (unsigned long long)BUS_SIZE);

    uint32_t n = bus_find(p, ecam, bdf);
    struct pci_function *fn = ARENA_NEW(a, struct pci_function, n, d);

    if (!fn)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < n; i++)
        function_read(cfg_of(p, ecam, bdf[i]), &fn[i]);
    p->fn = fn;
    p->fns = n;
    return ERR_NONE;
}

uint32_t pci_caps(const struct board_pci *p, mmio_t ecam, uint16_t bdf, struct pci_cap cap[PCI_CAPS])
{
    struct cfg c = cfg_of(p, ecam, bdf);
    uint64_t seen = 0;
    uint32_t n = 0, at;

    if (!(cfg_read16(c, PCI_STATUS) & PCI_STATUS_CAPS))
        return 0;
    at = cfg_read32(c, PCI_CAP_PTR) & 0xfc;
    while (at >= 0x40 && !(seen >> (at / 4) & 1)) {
        uint32_t header = cfg_read32(c, at);

        seen |= UINT64_C(1) << (at / 4);
        cap[n++] = (struct pci_cap){.id = (uint8_t)header, .off = (uint8_t)at};
        at = header >> 8 & 0xfc;
    }
    return n;
}

/* The first capability with this id whose size bytes are in the area; 0: it has none. */
static uint32_t cap_find(const struct pci_cap *cap, uint32_t n, uint8_t id, uint32_t size)
{
    for (uint32_t i = 0; i < n; i++) {
        if (cap[i].id == id && cap[i].off + size <= 0x100)
            return cap[i].off;
    }
    return 0;
}

static void wait_ms(uint32_t ms)
{
    uint64_t start = arch_ticks(), ticks = arch_ticks_hz() / 1000 * ms;

    while (arch_ticks() - start < ticks)
        arch_relax();
}

static bool function_is_idle(struct cfg c, uint32_t pcie)
{
    return !(cfg_read16(c, pcie + PCI_PCIE_DEVSTA) & PCI_DEVSTA_PENDING);
}

/*
 * PCIe 6.6.2. A function whose BARs are all zero was never given an address since its own reset: nobody can
 * have driven it, and the 100 ms are saved.
 */
static err_t function_reset(struct cfg c, uint32_t pcie, struct diag *d)
{
    uint32_t used = 0, ms;
    uint16_t ready;

    for (uint32_t i = 0; i < 6; i++)
        used |= cfg_read32(c, bar_reg(i)) & ~15u;
    if (!pcie || !used || !(cfg_read32(c, pcie + PCI_PCIE_DEVCAP) & PCI_DEVCAP_FLR))
        return ERR_NONE;

    for (ms = 0; ms < WAIT_IDLE_MS && !function_is_idle(c, pcie); ms++)
        wait_ms(1);
    ready = cfg_read16(c, PCI_STATUS) & PCI_STATUS_READY;
    cfg_write16(c, pcie + PCI_PCIE_DEVCTL, cfg_read16(c, pcie + PCI_PCIE_DEVCTL) | PCI_DEVCTL_FLR);
    if (!ready)
        wait_ms(WAIT_FLR_MS);
    for (ms = 0; !cfg_answers(c); ms++) {
        if (ms == WAIT_BACK_MS)
            return diag_fail(d, ERR_TIMEOUT, BDF_FMT ": does not answer %u ms after a function-level reset",
                             BDF_ARGS(c.bdf), WAIT_FLR_MS + WAIT_BACK_MS);
        wait_ms(1);
    }
    return ERR_NONE;
}

static err_t bar_place(struct cfg c, uint32_t i, uint32_t v, struct diag *d)
{
    uint32_t found;

    cfg_write32(c, bar_reg(i), v);
    found = cfg_read32(c, bar_reg(i));
    if (found != v)
        return diag_fail(d, ERR_INVALID, BDF_FMT ": BAR %u: 0x%08x was written and 0x%08x is read back",
                         BDF_ARGS(c.bdf), i, v, found);
    return ERR_NONE;
}

static err_t bars_place(struct cfg c, const struct plan_device *dev, struct diag *d)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < 6 && e == ERR_NONE; i++) {
        const struct pci_bar *bar = &dev->fn->bar[i];
        uint32_t flags = bar->prefetch ? BAR_PREFETCH : 0;

        if (bar->kind == BAR_MEM32)
            e = bar_place(c, i, (uint32_t)dev->bar[i].v | flags, d);
        else if (bar->kind == BAR_MEM64)
            e = bar_place(c, i, (uint32_t)dev->bar[i].v | flags | BAR_TYPE_64, d);
        else if (bar->kind == BAR_UPPER && i > 0)
            e = bar_place(c, i, (uint32_t)(dev->bar[i - 1].v >> 32), d);
    }
    return e;
}

/* A device that firmware left with MSI on would never raise INTx. */
static void msi_off(struct cfg c, const struct pci_cap *cap, uint32_t caps)
{
    static const struct {
        uint8_t id;
        uint16_t enable; /* in the message control word behind the header (PCIe 7.7.1.2, 7.7.2.2) */
    } kinds[] = {{PCI_CAP_MSI, 0x0001}, {PCI_CAP_MSIX, 0x8000}};

    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint32_t at = cap_find(cap, caps, kinds[i].id, 4);

        if (at)
            cfg_write16(c, at + 2, cfg_read16(c, at + 2) & ~(uint32_t)kinds[i].enable);
    }
}

err_t pci_prepare(const struct board_pci *p, mmio_t ecam, const struct plan_device *dev, struct diag *d)
{
    struct cfg c = cfg_of(p, ecam, dev->fn->bdf);
    struct pci_cap cap[PCI_CAPS];
    uint32_t caps = pci_caps(p, ecam, c.bdf, cap);
    uint32_t pm = cap_find(cap, caps, PCI_CAP_PM, 8);
    err_t e;

    cfg_write16(c, PCI_COMMAND, PCI_COMMAND_INTX_OFF);
    if (pm && (cfg_read16(c, pm + PCI_PM_CONTROL) & PM_STATE)) {
        cfg_write16(c, pm + PCI_PM_CONTROL, 0);
        wait_ms(WAIT_PM_MS);
    }
    e = function_reset(c, cap_find(cap, caps, PCI_CAP_PCIE, 12), d);
    if (e == ERR_NONE)
        e = bars_place(c, dev, d);
    if (e != ERR_NONE)
        return e;
    msi_off(c, cap, caps);
    cfg_write32(c, PCI_ROM, 0);
    cfg_write16(c, PCI_COMMAND, PCI_COMMAND_MEMORY);
    return ERR_NONE;
}

void pci_quiesce(const struct board_pci *p, mmio_t ecam, uint16_t bdf)
{
    struct cfg c = cfg_of(p, ecam, bdf);

    cfg_write16(c, PCI_COMMAND, cfg_read16(c, PCI_COMMAND) & ~PCI_COMMAND_MASTER);
}
