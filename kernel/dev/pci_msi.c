/* SPDX-License-Identifier: Apache-2.0 */
/* What functions say of their messages: PCI Local Bus 3.0, 6.8. For boards whose interrupts are messages. */
#include "console.h"
#include "dev/pci.h"

#define MSIX_SIZE 0x0cu /* bytes of the capability */
#define CFG_SIZE  0x100u
#define MSI_MOST  5u /* log2 of messages; more is reserved */

static bool table_fits(const struct pci_function *f, uint32_t bar, uint32_t at, uint32_t entries)
{
    const struct pci_bar *b = bar < 6 ? &f->bar[bar] : NULL;

    return b && (b->kind == BAR_MEM32 || b->kind == BAR_MEM64) && at < b->size &&
           b->size - at >= (uint64_t)entries * PCI_MSIX_ENTRY;
}

/* None where the capability passes the end of the space. */
static uint16_t msi_messages(uint32_t control, uint32_t at)
{
    uint32_t size = 10 + (control & PCI_MSI_64 ? 4 : 0) + (control & PCI_MSI_MASKING ? 10 : 0), log2 = control >> 1 & 7;

    return log2 <= MSI_MOST && at + size <= CFG_SIZE ? (uint16_t)(1u << log2) : 0;
}

static void function_read(const struct board_pci *p, mmio_t ecam, struct pci_function *f)
{
    struct pci_cap cap[PCI_CAPS];
    uint32_t n = pci_caps(p, ecam, f->bdf, cap);

    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = pci_offset(p, f->bdf, cap[i].off);

        if (cap[i].id == PCI_CAP_MSI && !f->msi.messages) {
            f->msi.messages = msi_messages(mmio_read16(ecam, at + PCI_MSI_CONTROL), cap[i].off);
        } else if (cap[i].id == PCI_CAP_MSIX && cap[i].off + MSIX_SIZE <= CFG_SIZE && !f->msi.entries) {
            uint32_t entries = (mmio_read16(ecam, at + PCI_MSI_CONTROL) & PCI_MSIX_SIZE) + 1u;
            uint32_t table = mmio_read32(ecam, at + PCI_MSIX_TABLE);

            f->msi.bar = table & 7;
            f->msi.table = table & ~UINT32_C(7);
            if (table_fits(f, f->msi.bar, f->msi.table, entries))
                f->msi.entries = (uint16_t)entries;
            else
                log_line("PCI %02x:%02x.%u: its MSI-X table of %u entries is at 0x%x of BAR %u, which does not have "
                         "it: it gets no MSI-X",
                         f->bdf >> 8, f->bdf >> 3 & 31, f->bdf & 7u, entries, f->msi.table, f->msi.bar);
        }
    }
}

void pci_scan_messages(struct board *b, mmio_t ecam)
{
    for (uint32_t i = 0; i < b->pci.fns; i++) {
        if (b->pci.fn[i].header == 0)
            function_read(&b->pci, ecam, &b->pci.fn[i]);
    }
}
