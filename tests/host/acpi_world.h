/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware for tests: ACPI tables built byte by byte in a machine's memory, and that machine's memory map. */
#ifndef HOST_ACPI_WORLD_H
#define HOST_ACPI_WORLD_H

#include "board_acpi.h"

#define WORLD_LOW    0x100000u            /* memory from 0 */
#define WORLD_TABLES UINT64_C(0x3ffe0000) /* memory that holds tables, and its bytes */
#define WORLD_SIZE   0x20000u
#define WORLD_RSDP   UINT64_C(0xf59d0)
#define WORLD_MAPS   4096

struct acpi_world {
    uint8_t *low, *tables;
    uint32_t used;  /* of tables */
    uint32_t begun; /* offset of the table at hand */
    uint64_t list[32];
    uint32_t listed;
    void *map[WORLD_MAPS]; /* exact copies of what was asked for, so that a sanitizer sees a read past them */
    uint32_t maps;
    uint32_t config[0x200][16]; /* configuration space of buses 0 and 1; a vendor of 0: no function */
    bool has_uart;
    uint16_t uart_asked;
    char notes[4096];
    struct firmware_range memory[16];
    struct board_firmware fw;
};

/* A PC without tables yet: QEMU's q35 memory map with 1 GiB, 40 bits, a 16550. */
void world_init(struct acpi_world *w);
void world_free(struct acpi_world *w);

void world_table(struct acpi_world *w, const char *name, uint8_t revision); /* begin a table */
void world_put(struct acpi_world *w, unsigned bytes, uint64_t v);           /* behind what it has */
void world_zero(struct acpi_world *w, unsigned bytes);
uint64_t world_end(struct acpi_world *w);                    /* length and sum; listed (a DSDT is not) */
void world_root(struct acpi_world *w, bool xsdt);            /* RSDT or XSDT of all that is listed, and RSDP */
uint8_t *world_find(struct acpi_world *w, const char *name); /* a table's bytes, to break some */
void world_sum(uint8_t *table);                              /* then: its sum is right again */
/* Number v at an offset of a table, whose sum is right again. */
void world_set(struct acpi_world *w, const char *name, uint32_t at, unsigned bytes, uint64_t v);

/*
 * The tables of QEMU 10.0's q35 with 4 CPUs, edu as 00:03.0, another behind root port 00:04.0, and of these what
 * devices names; NVMe is 00:02.0. tests/unit/test_acpi_qemu.c compares them.
 */
enum { WORLD_NONE = 0, WORLD_VTD = 1, WORLD_AMDVI = 2, WORLD_NVME = 4 };
void world_q35(struct acpi_world *w, unsigned devices);

/* Several numbers of one size in a row. */
#define WORLD_PUT(w, bytes, ...)                                       \
    do {                                                               \
        const uint64_t list_[] = {__VA_ARGS__};                        \
        for (unsigned i_ = 0; i_ < sizeof list_ / sizeof *list_; i_++) \
            world_put((w), (bytes), list_[i_]);                        \
    } while (0)

#endif
