/* SPDX-License-Identifier: Apache-2.0 */
/* Section numbers are those of ACPI 6.5. */
#include "guest_aml.h"

#include <string.h>

/* 20.2.5, 20.2.3 */
#define OP_NAME    0x08u
#define OP_BYTE    0x0au
#define OP_WORD    0x0bu
#define OP_DWORD   0x0cu
#define OP_SCOPE   0x10u
#define OP_BUFFER  0x11u
#define OP_PACKAGE 0x12u
#define OP_EXT     0x5bu
#define OP_DEVICE  0x82u /* behind OP_EXT */
#define ROOT       '\\'

#define LENGTH_BYTES 2u /* of a PkgLength (20.2.4) here, whatever the length: 12 bits */

/* 6.4.2, 6.4.3: tags, with the length where it is always the same. */
#define RES_PORTS     0x47u
#define RES_END       0x79u
#define RES_WORD      0x88u
#define RES_INTERRUPT 0x89u
#define RES_QWORD     0x8au
#define TYPE_MEMORY   0u
#define TYPE_BUS      2u
#define CONSUMER      0x01u
#define FIXED         0x0cu /* _MIF, _MAF */
#define READ_WRITE    0x01u
#define DECODE_16     0x01u
#define EDGE          0x02u

void aml_patch(struct aml *a, size_t at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes && at + i < a->used; i++)
        a->p[at + i] = (uint8_t)(value >> 8 * i);
}

void aml_put(struct aml *a, unsigned bytes, uint64_t value)
{
    const size_t at = a->used;

    a->full |= bytes > a->size - at;
    if (a->full)
        return;
    a->used += bytes;
    aml_patch(a, at, bytes, value);
}

void aml_text(struct aml *a, const char *text, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        aml_put(a, 1, (uint8_t)text[i]);
}

static struct aml_mark length_begin(struct aml *a)
{
    struct aml_mark m = {a->used};

    aml_put(a, LENGTH_BYTES, 0);
    return m;
}

/* The low four bits are in the first byte, whose top two bits say that one more follows. */
void aml_end(struct aml *a, struct aml_mark m)
{
    const size_t n = a->used - m.at;

    a->full |= n >= 1u << 12;
    aml_patch(a, m.at, LENGTH_BYTES, 1u << 6 | (n & 0xf) | (n >> 4) << 8);
}

struct aml_mark aml_scope_begin(struct aml *a, const char *name)
{
    struct aml_mark m;

    aml_put(a, 1, OP_SCOPE);
    m = length_begin(a);
    aml_put(a, 1, ROOT);
    aml_text(a, name, 4);
    return m;
}

struct aml_mark aml_device_begin(struct aml *a, const char *name)
{
    struct aml_mark m;

    aml_put(a, 2, OP_EXT | OP_DEVICE << 8);
    m = length_begin(a);
    aml_text(a, name, 4);
    return m;
}

void aml_name_number(struct aml *a, const char *name, uint32_t number)
{
    aml_put(a, 1, OP_NAME);
    aml_text(a, name, 4);
    aml_put(a, 1, OP_DWORD);
    aml_put(a, 4, number);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)c - '0' : (unsigned)c - 'A' + 10;
}

/* 19.3.4: three letters of 5 bits, four digits, the most significant byte first. */
void aml_name_eisa(struct aml *a, const char *name, const char *id)
{
    unsigned letters = 0, digits = 0;

    for (unsigned i = 0; i < 3; i++)
        letters = letters << 5 | (id[i] & 0x1f);
    for (unsigned i = 3; i < 7; i++)
        digits = digits << 4 | hex_digit(id[i]);
    aml_name_number(a, name, letters >> 8 | (letters & 0xff) << 8 | digits >> 8 << 16 | (digits & 0xff) << 24);
}

void aml_s5(struct aml *a, uint8_t type)
{
    struct aml_mark m;

    aml_put(a, 1, OP_NAME);
    aml_text(a, "\\_S5_", 5);
    aml_put(a, 1, OP_PACKAGE);
    m = length_begin(a);
    aml_put(a, 1, 4);
    aml_put(a, 2, OP_BYTE | (unsigned)type << 8);
    aml_put(a, 2, OP_BYTE | (unsigned)type << 8);
    aml_put(a, 2, 0); /* ZeroOp, twice */
    aml_end(a, m);
}

struct aml_mark aml_resources_begin(struct aml *a)
{
    struct aml_mark m;

    aml_put(a, 1, OP_NAME);
    aml_text(a, "_CRS", 4);
    aml_put(a, 1, OP_BUFFER);
    m = length_begin(a);
    aml_put(a, 1, OP_WORD);
    aml_put(a, 2, 0); /* how many bytes follow */
    return m;
}

void aml_resources_end(struct aml *a, struct aml_mark m)
{
    const size_t count = m.at + LENGTH_BYTES + 1;

    aml_put(a, 2, RES_END); /* and a sum of 0: not summed */
    if (!a->full)
        aml_patch(a, count, 2, a->used - count - 2);
    aml_end(a, m);
}

/* 6.4.3.5.3 */
void aml_bus(struct aml *a, uint16_t first, uint16_t count)
{
    aml_put(a, 1, RES_WORD);
    aml_put(a, 2, 13);
    aml_put(a, 3, TYPE_BUS | FIXED << 8);
    aml_put(a, 2, 0); /* granularity */
    aml_put(a, 2, first);
    aml_put(a, 2, first + count - 1u);
    aml_put(a, 2, 0); /* translation */
    aml_put(a, 2, count);
}

/* 6.4.3.5.1 */
static void memory(struct aml *a, uint64_t base, uint64_t size, unsigned flags)
{
    aml_put(a, 1, RES_QWORD);
    aml_put(a, 2, 43);
    aml_put(a, 3, TYPE_MEMORY | (FIXED | flags) << 8 | READ_WRITE << 16);
    aml_put(a, 8, 0);
    aml_put(a, 8, base);
    aml_put(a, 8, base + size - 1);
    aml_put(a, 8, 0);
    aml_put(a, 8, size);
}

void aml_window(struct aml *a, uint64_t base, uint64_t size)
{
    memory(a, base, size, 0);
}

void aml_memory(struct aml *a, uint64_t base, uint64_t size)
{
    memory(a, base, size, CONSUMER);
}

/* 6.4.2.5 */
void aml_ports(struct aml *a, uint16_t first, uint8_t count)
{
    aml_put(a, 2, RES_PORTS | DECODE_16 << 8);
    aml_put(a, 2, first);
    aml_put(a, 2, first);
    aml_put(a, 2, 1u | (unsigned)count << 8); /* alignment, length */
}

/* 6.4.3.6 */
void aml_interrupt(struct aml *a, uint32_t gsi)
{
    aml_put(a, 1, RES_INTERRUPT);
    aml_put(a, 2, 6);
    aml_put(a, 2, CONSUMER | EDGE | 1u << 8); /* active high, not shared; one */
    aml_put(a, 4, gsi);
}
