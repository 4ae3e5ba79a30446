/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board as a PC's firmware describes it: a memory map and ACPI tables, into the same struct board that
 * board_read fills from a DTB.
 *
 * What is described badly stops here, with a message that names the table, its address, the offset and what would
 * be right: a board is refused rather than run with an IOMMU that nobody has read about. Three things are left
 * out with a note instead, which is safe, for units block what has no map:
 *   - a device scope that names nothing (no such function, no bridge where the path leads through one): what it
 *     would have named is behind no unit, or behind the one for all others, whose map its real unit never sees;
 *   - a scope of an I/O APIC that is not in the MADT;
 *   - scopes and records of unknown types: they are skipped.
 *
 * Not read: AML (but _S5), so _PRT (PCI functions have MSI and no INTx) and _CRS (see pci.mem32 and mem64 below).
 */
#ifndef KERNEL_BOARD_ACPI_H
#define KERNEL_BOARD_ACPI_H

#include "acpi.h"
#include "board.h"

/* Types of memory as in E820 (ACPI 6.5, 15.1); those that are not listed are not RAM, either. */
enum firmware_type { FIRMWARE_RAM = 1, FIRMWARE_RESERVED, FIRMWARE_ACPI, FIRMWARE_NVS, FIRMWARE_BAD };

struct firmware_range {
    uint64_t base, size;
    uint32_t type;
};

#define FIRMWARE_RANGES 1024u

struct board_firmware {
    /* As the boot protocol gives it: in any order, overlapping. RAM is what one says is RAM and none says is not. */
    const struct firmware_range *memory;
    uint32_t memories;
    uint64_t rsdp;   /* 0: look for it */
    uint8_t pa_bits; /* of the CPU: CPUID 8000_0008 */
    struct acpi_memory physical;
    /* 32 bits of a function's configuration space; NULL: nobody can say, then scopes behind bridges name nothing. */
    uint32_t (*pci_read)(void *ctx, uint16_t bdf, uint16_t offset);
    /* Does a 16550 answer at this I/O port? NULL: no. Asked once: for SPCR's port, else for COM1. */
    bool (*uart_answers)(void *ctx, uint16_t port);
    /* What is left out. NULL: not told. */
    void (*note)(void *ctx, const char *text);
    void *ctx; /* of these three */
};

/*
 * Fill b. All that comes from the tables is copied: fw and what it reaches may go away. Widths of IOMMUs are the
 * usual ones until their registers have been read; so is the kind of a VT-d unit (_snoop: ECAP.SC). sid_bits of an
 * AMD-Vi unit hold what the IVRS names: its device table ends there. b->pci.fn is empty: a scan fills it.
 *
 * pci.mem32: the largest gap of the memory map from the end of RAM below 4 GiB to 0xFEC00000, without registers.
 * pci.mem64: the largest aligned power of two, 64 GiB at the most, without memory, registers and the range
 * 0xFD_0000_0000-0xFF_FFFF_FFFF, from 4 GiB and the end of RAM on, within pa_bits and the 46 that are supported.
 * The first MiB is reserved: the start of CPUs and what a BIOS left there need it.
 */
err_t board_read_acpi(struct board *b, const struct board_firmware *fw, struct arena *a, struct diag *d);

#endif
