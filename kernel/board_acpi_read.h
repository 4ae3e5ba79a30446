/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of ACPI tables into a board share. */
#ifndef KERNEL_BOARD_ACPI_READ_H
#define KERNEL_BOARD_ACPI_READ_H

#include "board_acpi.h"

#define BOARD_ACPI_IOMMUS  32u
#define BOARD_ACPI_IOAPICS 32u
#define BOARD_ACPI_CPUS    1024u
#define BOARD_ACPI_REGS    (BOARD_ACPI_IOMMUS + BOARD_ACPI_IOAPICS + 4) /* LAPIC, HPET, ECAM, one to spare */
#define BOARD_ACPI_REALS   0x100000u                                    /* the first MiB */

struct acpi_reader {
    struct board *b;
    const struct board_firmware *fw;
    struct arena *a;
    struct diag *d;
    struct acpi acpi;
    uint32_t unit;    /* in b->iommu: what the scopes at hand are of */
    uint32_t aliases; /* the first entries of pci.map, which stand before others */
    bool has_rest;    /* a unit has what no other has: */
    uint32_t rest;
    uint32_t map_cap, user_cap;
    uint32_t sid_last; /* the highest requester id that is named */
};

/* Requester ids first to last; by one id all of them: alias. */
struct acpi_rids {
    uint32_t first, last;
};

/* "text" as a note, with the same words in front as acpi_fail. */
void board_acpi_note(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Registers named at an offset of t: aligned, within pa_bits and not in RAM; into b->mmio. */
err_t board_acpi_regs(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *name,
                      uint64_t base, uint64_t size, uint64_t align);

/* board_acpi_memory.c: b->memory and room for reserved ranges; the PCI windows, once everything else is there. */
err_t board_acpi_memory(const struct acpi_reader *r);
err_t board_acpi_windows(const struct acpi_reader *r);

/* acpi_madt.c: CPUs and interrupt controllers. */
err_t acpi_read_madt(const struct acpi_reader *r);

/* acpi_dmar.c, acpi_ivrs.c: IOMMUs, what is behind them, and memory that devices use. */
err_t acpi_read_dmar(struct acpi_reader *r, const struct acpi_table *t);
err_t acpi_read_ivrs(struct acpi_reader *r, const struct acpi_table *t);

/* acpi_scope.c: what both fill. Room for so many units, maps, reserved ranges and their users. */
err_t acpi_scope_room(struct acpi_reader *r, uint32_t units, uint32_t maps, uint32_t ranges, uint32_t users);
/* A unit; r->unit is its number. */
err_t acpi_unit_add(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const struct board_iommu *u);
/* The unit has these functions, which it sees as they are, or all as *alias. */
err_t acpi_map_add(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, struct acpi_rids rids,
                   const uint16_t *alias);
/* The unit has what no unit is said to have. */
err_t acpi_map_rest(struct acpi_reader *r, const struct acpi_table *t, uint32_t at);
/* Interrupts of I/O APIC id come to the unit as those of source. */
void acpi_map_ioapic(struct acpi_reader *r, const struct acpi_table *t, uint32_t at, uint8_t id, uint16_t source);
/* All units are read. */
void acpi_map_end(struct acpi_reader *r);
/* Memory that devices use by DMA on their own, in whole pages; then who does, behind whichever unit. */
err_t acpi_reserved_add(const struct acpi_reader *r, const struct acpi_table *t, uint32_t at, const char *name,
                        uint64_t base, uint64_t size);
void acpi_user_add(const struct acpi_reader *r, struct acpi_rids rids);

#endif
