/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables as firmware left them: found, bounded and summed. No length, count or address in them is believed;
 * every loop ends with the bytes of a table. What is broken is an error that names the table, its address, the
 * offset and what would be right. ACPI 6.5, 5.2. Of AML only the one line Name (_S5, Package ...) is looked for.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include "diag.h"

#include <stdbool.h>
#include <stdint.h>

#define ACPI_TABLE_MAX (4u << 20)  /* bytes of a table */
#define ACPI_LIST_MAX  (64u << 10) /* bytes of a table of records */
#define ACPI_TABLES    256u        /* that the RSDT or XSDT may list */
#define ACPI_HEADER    36u

/* Physical memory: size bytes at `at`, which stay as they are while tables are read; NULL: they cannot be read. */
struct acpi_memory {
    const void *(*map)(void *ctx, uint64_t at, uint64_t size);
    void *ctx;
};

struct acpi_table {
    char name[5];
    uint64_t at;
    const uint8_t *p; /* size bytes with a good sum; NULL: there is no such table */
    uint32_t size;
    struct diag *d;
};

struct acpi {
    struct acpi_memory memory;
    struct acpi_table root; /* RSDT or XSDT */
    uint8_t width;          /* of its entries */
    struct diag *d;
};

/* Find RSDP (0: in the EBDA or at 0xE0000-0xFFFFF) and the table that lists the others. */
err_t acpi_open(struct acpi *x, const struct acpi_memory *memory, uint64_t rsdp, struct diag *d);

/* The table of this name, of min to max bytes; t->p NULL: there is none. Refused when listed twice. */
err_t acpi_find(const struct acpi *x, const char *name, uint32_t min, uint32_t max, struct acpi_table *t);
/* The table of this name at an address. */
err_t acpi_table_at(const struct acpi *x, const char *name, uint64_t at, uint32_t min, uint32_t max,
                    struct acpi_table *t);

/* The number of 1, 2, 4 or 8 bytes at an offset; 0 where the table ends before it does. */
uint64_t acpi_get(const struct acpi_table *t, uint32_t at, unsigned bytes);

/* ERR_INVALID with "DMAR at 0x7fe1000, offset 0x30: " before the text. */
err_t acpi_fail(const struct acpi_table *t, uint32_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* How records begin: type and length, of 8 or 16 bits; in an IVRS flags are between the two. */
enum acpi_form { ACPI_8_8, ACPI_16_16, ACPI_8_FLAGS_16 };

/* The records from an offset on to another. */
struct acpi_records {
    const struct acpi_table *t;
    enum acpi_form form;
    uint32_t at, end;
};

struct acpi_record {
    uint32_t at, size;
    uint16_t type;
};

/* The next record, whole and at least as long as its header; *more: there is one. */
err_t acpi_next(struct acpi_records *l, struct acpi_record *r, bool *more);
/* A record shorter than min is refused. */
err_t acpi_need(const struct acpi_table *t, const struct acpi_record *r, uint32_t min);

/* SLP_TYP of S5 for PM1a, from the DSDT's bytes: Name (_S5, Package (n) {type, ...}); false: not there like this. */
bool acpi_s5(const struct acpi_table *dsdt, uint8_t *type);

#endif
