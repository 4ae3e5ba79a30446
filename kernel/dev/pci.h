/* SPDX-License-Identifier: Apache-2.0 */
/* The board's PCI configuration space (ECAM: PCI Express Base 5.0, 7.2.2). */
#ifndef KERNEL_DEV_PCI_H
#define KERNEL_DEV_PCI_H

#include "mmio.h"
#include "plan.h"

/* Type 0 header (PCI 3.0, 6.1) */
#define PCI_VENDOR           0x00
#define PCI_COMMAND          0x04
#define PCI_STATUS           0x06
#define PCI_CLASS_REV        0x08
#define PCI_HEADER           0x0e
#define PCI_BAR0             0x10
#define PCI_ROM              0x30
#define PCI_CAP_PTR          0x34
#define PCI_INT_LINE         0x3c
#define PCI_INT_PIN          0x3d
#define PCI_COMMAND_IO       0x0001u
#define PCI_COMMAND_MEMORY   0x0002u
#define PCI_COMMAND_MASTER   0x0004u
#define PCI_COMMAND_INTX_OFF 0x0400u
#define PCI_STATUS_READY     0x0001u /* Immediate Readiness (PCIe 7.5.1.1.4) */
#define PCI_STATUS_CAPS      0x0010u

/* Capabilities: id, and registers as offsets from the header (PCIe 7.5.2, 7.5.3, 7.7) */
#define PCI_CAP_PM         0x01
#define PCI_CAP_MSI        0x05
#define PCI_CAP_PCIE       0x10
#define PCI_CAP_MSIX       0x11
#define PCI_PM_CONTROL     0x04
#define PCI_MSI_CONTROL    0x02 /* MSI and MSI-X */
#define PCI_MSI_ENABLE     0x0001u
#define PCI_MSI_64         0x0080u
#define PCI_MSI_MASKING    0x0100u
#define PCI_MSIX_SIZE      0x07ffu /* less one */
#define PCI_MSIX_MASKED    0x4000u
#define PCI_MSIX_ENABLE    0x8000u
#define PCI_MSIX_TABLE     0x04
#define PCI_MSIX_ENTRY     16u  /* bytes of one in the table */
#define PCI_PCIE_FLAGS     0x02 /* 3:0 version */
#define PCI_PCIE_DEVCAP    0x04
#define PCI_PCIE_DEVCTL    0x08
#define PCI_PCIE_DEVSTA    0x0a
#define PCI_DEVCAP_PHANTOM (3u << 3)
#define PCI_DEVCAP_FLR     (1u << 28)
#define PCI_DEVCTL_FLR     (1u << 15)
#define PCI_DEVSTA_PENDING (1u << 5)

/* ecam maps board->pci.ecam for buses bus_first .. bus_last. Offset of a function's register in it. */
static inline uint64_t pci_offset(const struct board_pci *p, uint16_t bdf, uint32_t reg)
{
    return ((uint64_t)(bdf - (p->bus_first << 8)) << 12) + reg;
}

/* A capability of a function: where its header is. */
struct pci_cap {
    uint8_t id;
    uint8_t off; /* 0x40..0xfc */
};
#define PCI_CAPS 48 /* one for each dword of 0x40..0xff */

/* The capability chain in its order; a chain that loops or leaves the area ends there. Returns the count. */
uint32_t pci_caps(const struct board_pci *p, mmio_t ecam, uint16_t bdf, struct pci_cap cap[PCI_CAPS]);

/*
 * Find every function of the root bus, turn bus mastering, decoding and INTx off, size its BARs, and put them
 * in b->pci.fn (bridges included, what is behind them is not looked at: their windows are closed).
 */
err_t pci_scan(struct board *b, mmio_t ecam, struct arena *a, struct diag *d);

/* What the functions found say of MSI and MSI-X, for boards whose interrupts are messages. */
void pci_scan_messages(struct board *b, mmio_t ecam);

/*
 * Bring an assigned function to its start state: bus mastering off, full power, function-level reset where it
 * has one and where it may have been in use (bounded), MSI and MSI-X off, BARs at their planned places,
 * memory decoding on, ROM off, INTx not masked.
 */
err_t pci_prepare(const struct board_pci *p, mmio_t ecam, const struct plan_device *dev, struct diag *d);

/* Bus mastering off. */
void pci_quiesce(const struct board_pci *p, mmio_t ecam, uint16_t bdf);

#endif
