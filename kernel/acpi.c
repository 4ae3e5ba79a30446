/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi.h"

#include "fmt.h"

#include <string.h>

#define RSDP_V1   20u /* bytes of revision 0, under the first sum */
#define RSDP_V2   36u
#define RSDP_STEP 16u
#define BDA_EBDA  0x40eu /* segment of the EBDA */
#define EBDA_SIZE 0x400u
#define BIOS      0xe0000u
#define BIOS_SIZE 0x20000u

err_t acpi_fail(const struct acpi_table *t, uint32_t at, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    return diag_fail(t->d, ERR_INVALID, "ACPI: %s at 0x%lx, offset 0x%x: %s", t->name, t->at, at, text);
}

uint64_t acpi_get(const struct acpi_table *t, uint32_t at, unsigned bytes)
{
    uint64_t v = 0;

    if (at <= t->size && bytes <= t->size - at)
        memcpy(&v, t->p + at, bytes); /* both are little-endian */
    return v;
}

/* The sum of all bytes, eight at a time: a table may be large, and a boot is counted in instructions. */
static uint8_t sum_of(const uint8_t *p, uint32_t size)
{
    const uint64_t lanes = UINT64_C(0x00ff00ff00ff00ff);
    uint64_t s = 0, w;
    uint32_t i = 0;

    for (; size - i >= sizeof w; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        s = (s & lanes) + (w & lanes) + (w >> 8 & lanes);
    }
    for (; i < size; i++)
        s += p[i];
    return (s + (s >> 16 & 0xffff) + (s >> 32 & 0xffff) + (s >> 48)) & 0xff;
}

static const void *memory_at(const struct acpi *x, uint64_t at, uint64_t size)
{
    return at <= UINT64_MAX - size ? x->memory.map(x->memory.ctx, at, size) : NULL;
}

/*
 * RSDP. ACPI 6.5, 5.2.5.
 */

/* Is p, of left bytes, one? */
static bool is_rsdp(const uint8_t *p, uint64_t left)
{
    uint32_t length = RSDP_V1;

    if (left < RSDP_V1 || memcmp(p, "RSD PTR ", 8) || sum_of(p, RSDP_V1))
        return false;
    if (p[15] < 2)
        return true;
    if (left >= RSDP_V2)
        memcpy(&length, p + 20, sizeof length);
    return length >= RSDP_V2 && length <= left && !sum_of(p, length);
}

static const uint8_t *rsdp_scan(const struct acpi *x, uint64_t at, uint32_t size)
{
    const uint8_t *p = memory_at(x, at, size);

    for (uint32_t i = 0; p && i < size; i += RSDP_STEP) {
        if (is_rsdp(p + i, size - i))
            return p + i;
    }
    return NULL;
}

static const uint8_t *rsdp_find(const struct acpi *x)
{
    const uint8_t *segment = memory_at(x, BDA_EBDA, 2), *p = NULL;
    uint16_t ebda = 0;

    if (segment)
        memcpy(&ebda, segment, sizeof ebda);
    if (ebda)
        p = rsdp_scan(x, (uint64_t)ebda << 4, EBDA_SIZE);
    return p ? p : rsdp_scan(x, BIOS, BIOS_SIZE);
}

/* The RSDP at an address that a boot loader gives: of its whole length, where that can be read. */
static const uint8_t *rsdp_at(const struct acpi *x, uint64_t at)
{
    const uint8_t *p = memory_at(x, at, RSDP_V1);
    uint64_t left = RSDP_V1;

    if (p && p[15] >= 2) {
        left = RSDP_V2;
        p = memory_at(x, at, left);
    }
    return p && is_rsdp(p, left) ? p : NULL;
}

err_t acpi_open(struct acpi *x, const struct acpi_memory *memory, uint64_t rsdp, struct diag *d)
{
    const uint8_t *p;
    uint64_t xsdt = 0;
    uint32_t rsdt;

    *x = (struct acpi){.memory = *memory, .width = 4, .d = d};
    p = rsdp ? rsdp_at(x, rsdp) : rsdp_find(x);
    if (!p)
        return diag_fail(d, ERR_INVALID,
                         "ACPI: no RSDP (\"RSD PTR \" and a sum of 0) %s 0x%lx: a PC's firmware has one",
                         rsdp ? "at" : "in the EBDA or from 0xE0000 on to", rsdp ? rsdp : BIOS + BIOS_SIZE);
    memcpy(&rsdt, p + 16, sizeof rsdt);
    if (p[15] >= 2)
        memcpy(&xsdt, p + 24, sizeof xsdt);
    if (xsdt)
        x->width = 8;
    return acpi_table_at(x, xsdt ? "XSDT" : "RSDT", xsdt ? xsdt : rsdt, ACPI_HEADER,
                         ACPI_HEADER + ACPI_TABLES * x->width, &x->root);
}

/*
 * Tables. ACPI 6.5, 5.2.6.
 */

err_t acpi_table_at(const struct acpi *x, const char *name, uint64_t at, uint32_t min, uint32_t max,
                    struct acpi_table *t)
{
    *t = (struct acpi_table){.at = at, .d = x->d};
    memcpy(t->name, name, 4);
    t->p = at ? memory_at(x, at, ACPI_HEADER) : NULL;
    if (!t->p)
        return acpi_fail(t, 0, "no header can be read there");
    t->size = ACPI_HEADER;
    if (memcmp(t->p, name, 4))
        return acpi_fail(t, 0, "the signature is 0x%lx, not %s", acpi_get(t, 0, 4), name);
    t->size = (uint32_t)acpi_get(t, 4, 4);
    if (t->size < min || t->size > max)
        return acpi_fail(t, 4, "length %u, %u to %u are supported", t->size, min, max);
    t->p = memory_at(x, at, t->size);
    if (!t->p)
        return acpi_fail(t, 4, "length %u: so much cannot be read there", t->size);
    if (sum_of(t->p, t->size))
        return acpi_fail(t, 9, "checksum: the bytes sum up to 0x%x, 0 is right", sum_of(t->p, t->size));
    return ERR_NONE;
}

err_t acpi_find(const struct acpi *x, const char *name, uint32_t min, uint32_t max, struct acpi_table *t)
{
    uint64_t found = 0;

    *t = (struct acpi_table){.d = x->d};
    for (uint32_t i = ACPI_HEADER; x->root.size - i >= x->width; i += x->width) {
        uint64_t at = acpi_get(&x->root, i, x->width);
        const uint8_t *p = at ? memory_at(x, at, ACPI_HEADER) : NULL;

        if (at && !p)
            return acpi_fail(&x->root, i, "entry 0x%lx: no table can be read there", at);
        if (!p || memcmp(p, name, 4) || at == found)
            continue;
        if (found)
            return acpi_fail(&x->root, i, "entry 0x%lx: a second %s, the first is at 0x%lx", at, name, found);
        found = at;
    }
    return found ? acpi_table_at(x, name, found, min, max, t) : ERR_NONE;
}

err_t acpi_next(struct acpi_records *l, struct acpi_record *r, bool *more)
{
    static const struct {
        uint8_t type, at, length;
    } form[] = {[ACPI_8_8] = {1, 1, 1}, [ACPI_16_16] = {2, 2, 2}, [ACPI_8_FLAGS_16] = {1, 2, 2}};
    const uint32_t header = form[l->form].at + form[l->form].length, left = l->end - l->at;

    *more = left != 0;
    if (!left)
        return ERR_NONE;
    if (left < header)
        return acpi_fail(l->t, l->at, "%u bytes are left, too few for a record", left);
    *r = (struct acpi_record){.at = l->at,
                              .size = (uint32_t)acpi_get(l->t, l->at + form[l->form].at, form[l->form].length),
                              .type = (uint16_t)acpi_get(l->t, l->at, form[l->form].type)};
    if (r->size < header || r->size > left)
        return acpi_fail(l->t, l->at, "record of type 0x%x: length %u, %u to %u is right", r->type, r->size, header,
                         left);
    l->at += r->size;
    return ERR_NONE;
}

err_t acpi_need(const struct acpi_table *t, const struct acpi_record *r, uint32_t min)
{
    return r->size < min
               ? acpi_fail(t, r->at, "record of type 0x%x: length %u, %u or more are right", r->type, r->size, min)
               : ERR_NONE;
}

/*
 * Name (_S5, Package (n) {SLP_TYPa, SLP_TYPb ...}). ACPI 6.5, 20.2: NameOp, an optional root prefix, the name,
 * PackageOp, PkgLength, the number of elements, and a small constant.
 */

#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_PACKAGE 0x12

/* What follows the name, at i: is it that package? */
static bool s5_package(const struct acpi_table *t, uint32_t i, uint8_t *type)
{
    uint8_t lead = (uint8_t)acpi_get(t, i + 1, 1), elements, value;
    uint32_t at = i + 2 + (lead >> 6); /* as many more bytes of the length */

    elements = (uint8_t)acpi_get(t, at, 1);
    value = (uint8_t)acpi_get(t, ++at, 1);
    if (value == AML_BYTE)
        value = (uint8_t)acpi_get(t, ++at, 1);
    else if (value > 1) /* ZeroOp, OneOp */
        return false;
    if (acpi_get(t, i, 1) != AML_PACKAGE || !elements || at >= t->size || value > 7)
        return false;
    *type = value;
    return true;
}

bool acpi_s5(const struct acpi_table *dsdt, uint8_t *type)
{
    const uint8_t *p = dsdt->p;

    /* The name has two of '_' and one each of the others: look at every second byte for its first or second. */
    for (uint32_t i = ACPI_HEADER + 2; i + 8 < dsdt->size; i += 2) {
        uint32_t at = p[i] == 'S' ? i - 1 : i;

        if ((p[i] == 'S' || p[i] == '_') && !memcmp(p + at, "_S5_", 4) &&
            (p[at - 1] == AML_NAME || (p[at - 1] == '\\' && p[at - 2] == AML_NAME)) && s5_package(dsdt, at + 4, type))
            return true;
    }
    return false;
}
