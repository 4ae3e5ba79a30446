/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of ACPI tables and of AML, appended to a buffer. What no longer fits is dropped and remembered: the one
 * who began the buffer asks once, at the end. ACPI 6.5, 20.2 (AML) and 6.4 (resources).
 */
#ifndef KERNEL_GUEST_AML_H
#define KERNEL_GUEST_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
    uint8_t *p;
    size_t used, size;
    bool full;
};

/* A place to come back to when the length of what follows is known. */
struct aml_mark {
    size_t at;
};

/* So many bytes of a number, the least significant one first; of a text. */
void aml_put(struct aml *a, unsigned bytes, uint64_t value);
void aml_text(struct aml *a, const char *text, unsigned bytes);
/* The same over what is there already. */
void aml_patch(struct aml *a, size_t at, unsigned bytes, uint64_t value);

/* Scope (\_SB), Device (name): what follows is in it, up to aml_end. name: four letters. */
struct aml_mark aml_scope_begin(struct aml *a, const char *name);
struct aml_mark aml_device_begin(struct aml *a, const char *name);
void aml_end(struct aml *a, struct aml_mark m);

/* Name (name, number), of at most 32 bits; Name (name, EisaId ("PNP0A08")). */
void aml_name_number(struct aml *a, const char *name, uint32_t number);
void aml_name_eisa(struct aml *a, const char *name, const char *id);

/* Name (_S5, Package () {type, type, 0, 0}) in the root. */
void aml_s5(struct aml *a, uint8_t type);

/* Name (_CRS, ResourceTemplate () {...}): what follows is in it, up to aml_resources_end. */
struct aml_mark aml_resources_begin(struct aml *a);
void aml_resources_end(struct aml *a, struct aml_mark m);
/* A bus has these buses, this memory window; a device uses this memory, these ports, this interrupt (edge). */
void aml_bus(struct aml *a, uint16_t first, uint16_t count);
void aml_window(struct aml *a, uint64_t base, uint64_t size);
void aml_memory(struct aml *a, uint64_t base, uint64_t size);
void aml_ports(struct aml *a, uint16_t first, uint8_t count);
void aml_interrupt(struct aml *a, uint32_t gsi);

#endif
