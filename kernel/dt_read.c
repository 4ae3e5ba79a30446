/* SPDX-License-Identifier: Apache-2.0 */
/* What the properties of an indexed tree say. */
#include "dt.h"

#include <libfdt.h>
#include <string.h>

#define PATH_MAX_TEXT 128

const struct dt_prop *dt_prop(const struct dt *dt, dt_node_t n, const char *name)
{
    const struct dt_prop *p = &dt->prop[dt->node[n].prop], *end = p + dt->node[n].props;

    for (; p < end; p++) {
        if (*p->name == *name && !strcmp(p->name, name)) /* most differ in the first character */
            return p;
    }
    return NULL;
}

bool dt_has(const struct dt *dt, dt_node_t n, const char *name)
{
    return dt_prop(dt, n, name) != NULL;
}

bool dt_is_compatible(const struct dt *dt, dt_node_t n, const char *compatible)
{
    const struct dt_prop *p = dt_prop(dt, n, "compatible");

    size_t len = strlen(compatible) + 1;

    /* A list of NUL-terminated strings; one that does not end in the property is none. */
    for (uint32_t at = 0; p && p->len - at >= len;) {
        const uint8_t *s = p->val + at, *nul = memchr(s, 0, p->len - at);

        if (!nul || !memcmp(s, compatible, len))
            return nul != NULL;
        at += (uint32_t)(nul - s) + 1;
    }
    return false;
}

bool dt_is_enabled(const struct dt *dt, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(dt, n, "status");

    return !p || (p->len == 5 && !memcmp(p->val, "okay", 5)) || (p->len == 3 && !memcmp(p->val, "ok", 3));
}

bool dt_is_coherent(const struct dt *dt, dt_node_t n)
{
    for (; n != DT_NONE; n = dt->node[n].parent) {
        if (dt_has(dt, n, "dma-coherent"))
            return true;
        if (dt_has(dt, n, "dma-noncoherent"))
            return false;
    }
    return false;
}

uint32_t dt_cell(const struct dt_prop *p, uint32_t i)
{
    return fdt32_to_cpu(((const fdt32_t *)(const void *)p->val)[i]);
}

uint64_t dt_cells(const struct dt_prop *p, uint32_t i, uint32_t cells)
{
    uint64_t v = 0;

    for (; cells; cells--)
        v = v << 32 | dt_cell(p, i++);
    return v;
}

uint32_t dt_address_cells(const struct dt *dt, dt_node_t parent)
{
    return dt->node[parent].address_cells;
}

uint32_t dt_size_cells(const struct dt *dt, dt_node_t parent)
{
    return dt->node[parent].size_cells;
}

/*
 * An address of the bus at `bus` as an address of that node's parent. An absent `ranges` passes
 * nothing on, an empty one everything. Devicetree Specification v0.4, 2.3.8.
 */
static err_t bus_translate(const struct dt *dt, dt_node_t bus, uint64_t *addr, uint64_t size, struct diag *d)
{
    const struct dt_prop *p = dt_prop(dt, bus, "ranges");
    uint32_t ac = dt_address_cells(dt, bus), pc = dt_address_cells(dt, dt->node[bus].parent);
    uint32_t sc = dt_size_cells(dt, bus), entry = ac + pc + sc;
    char path[PATH_MAX_TEXT];

    if (p && !p->len)
        return ERR_NONE;
    if (p && (ac > 2 || pc > 2 || sc > 2 || !entry || p->len % (4 * entry)))
        return diag_fail(d, ERR_INVALID,
                         "%s: %s: ranges: %u bytes are not whole entries of %u + %u + %u cells of at most 2", dt->title,
                         dt_path(dt, bus, path, sizeof path), p->len, ac, pc, sc);
    for (uint32_t i = 0; p && i < p->len / 4; i += entry) {
        uint64_t child = dt_cells(p, i, ac), length = dt_cells(p, i + ac + pc, sc), sum;

        if (*addr < child || *addr - child > length || size > length - (*addr - child))
            continue;
        if (__builtin_add_overflow(dt_cells(p, i + ac, pc), *addr - child, &sum) || size > UINT64_MAX - sum)
            return diag_fail(d, ERR_INVALID, "%s: %s: ranges: entry passes 2^64", dt->title,
                             dt_path(dt, bus, path, sizeof path));
        *addr = sum;
        return ERR_NONE;
    }
    return diag_fail(d, ERR_INVALID, "%s: %s: ranges: does not pass on 0x%llx + 0x%llx", dt->title,
                     dt_path(dt, bus, path, sizeof path), (unsigned long long)*addr, (unsigned long long)size);
}

err_t dt_translate(const struct dt *dt, dt_node_t bus, uint64_t *addr, uint64_t size, struct diag *d)
{
    err_t e = ERR_NONE;

    for (; !e && bus != DT_ROOT; bus = dt->node[bus].parent)
        e = bus_translate(dt, bus, addr, size, d);
    return e;
}

err_t dt_reg(const struct dt *dt, dt_node_t n, uint32_t i, uint64_t *addr, uint64_t *size, bool *exists, struct diag *d)
{
    const struct dt_prop *p = dt_prop(dt, n, "reg");
    dt_node_t bus = dt->node[n].parent;
    uint32_t ac, sc;
    char path[PATH_MAX_TEXT];

    *exists = false;
    if (!p || bus == DT_NONE)
        return ERR_NONE;
    ac = dt_address_cells(dt, bus);
    sc = dt_size_cells(dt, bus);
    if (ac > 2 || sc > 2 || !ac || p->len % (4 * (ac + sc)))
        return diag_fail(d, ERR_INVALID,
                         "%s: %s: reg: %u bytes are not whole entries of %u + %u cells (1 or 2 + 0 to 2)", dt->title,
                         dt_path(dt, n, path, sizeof path), p->len, ac, sc);
    if (i >= p->len / (4 * (ac + sc)))
        return ERR_NONE;
    *addr = dt_cells(p, i * (ac + sc), ac);
    *size = dt_cells(p, i * (ac + sc) + ac, sc);
    if (*size > UINT64_MAX - *addr)
        return diag_fail(d, ERR_INVALID, "%s: %s: reg: 0x%llx + 0x%llx passes 2^64", dt->title,
                         dt_path(dt, n, path, sizeof path), (unsigned long long)*addr, (unsigned long long)*size);
    *exists = true;
    return dt_translate(dt, bus, addr, *size, d);
}

err_t dt_read_u32(const struct dt *dt, dt_node_t n, const char *name, uint32_t def, uint32_t *out, struct diag *d)
{
    const struct dt_prop *p = dt_prop(dt, n, name);
    char path[PATH_MAX_TEXT];

    *out = def;
    if (!p)
        return ERR_NONE;
    if (p->len != 4)
        return diag_fail(d, ERR_INVALID, "%s: %s: %s: %u bytes where one cell <N> of 4 is right", dt->title,
                         dt_path(dt, n, path, sizeof path), name, p->len);
    *out = dt_cell(p, 0);
    return ERR_NONE;
}

err_t dt_read_string(const struct dt *dt, dt_node_t n, const char *name, const char *def, const char **out,
                     struct diag *d)
{
    const struct dt_prop *p = dt_prop(dt, n, name);
    const uint8_t *nul;
    char path[PATH_MAX_TEXT];

    *out = def;
    if (!p)
        return ERR_NONE;
    nul = memchr(p->val, 0, p->len);
    if (!nul || nul != p->val + p->len - 1)
        return diag_fail(d, ERR_INVALID, "%s: %s: %s: not one \"string\"", dt->title, dt_path(dt, n, path, sizeof path),
                         name);
    *out = (const char *)p->val;
    return ERR_NONE;
}
