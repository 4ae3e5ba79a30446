/* SPDX-License-Identifier: Apache-2.0 */
#include "dt.h"
#include "fmt.h"

#include <libfdt.h>
#include <string.h>

/* The state of the one pass over the tags. */
struct walk {
    struct dt *dt;
    struct arena *arena;
    const uint8_t *at, *end;
    const char *strings;
    uint32_t strings_size;
    struct dt_prop *props_end;    /* property n is props_end[-1 - n] */
    dt_node_t open[DT_MAX_DEPTH]; /* the nodes around the cursor */
    dt_node_t last[DT_MAX_DEPTH]; /* their last child so far */
    uint32_t depth;
};

static uint32_t be32(const uint8_t *p)
{
    return fdt32_to_cpu(*(const fdt32_t *)(const void *)p);
}

/* Is there room for one more node and property? Both take three cells of the structure block at least, which
 * tells how much would be enough. */
static err_t walk_room(const struct walk *w, struct diag *d)
{
    const struct dt *dt = w->dt;

    if ((uintptr_t)(dt->node + dt->nodes + 1) <= (uintptr_t)(w->props_end - dt->props - 1))
        return ERR_NONE;
    (void)arena_keep(w->arena, dt->nodes + dt->props + (size_t)(w->end - w->at) / (3 * FDT_TAGSIZE) + 2,
                     sizeof(struct dt_node), d);
    return ERR_NO_SPACE;
}

/* Of the last characters, in which the names of siblings differ. */
static uint32_t name_hash(dt_node_t parent, const char *name, size_t len)
{
    uint64_t h = parent;

    for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
        h = (h * 33 + (uint8_t)name[i]) & UINT32_MAX;
    return (uint32_t)h;
}

static err_t walk_node(struct walk *w, const char *name, size_t len, struct diag *d)
{
    struct dt *dt = w->dt;
    dt_node_t n = dt->nodes, parent = w->depth ? w->open[w->depth - 1] : DT_NONE;

    if (w->depth == DT_MAX_DEPTH)
        return diag_fail(d, ERR_INVALID, "%s: node %s is deeper than %u levels", dt->title, name, DT_MAX_DEPTH);
    if (!w->depth && n)
        return diag_fail(d, ERR_INVALID, "%s: second root node %s", dt->title, name);
    dt->node[n] = (struct dt_node){.name = w->depth ? name : "",
                                   .parent = parent,
                                   .child = DT_NONE,
                                   .next = DT_NONE,
                                   .prop = dt->props,
                                   .hash = name_hash(parent, name, len),
                                   .address_cells = 2,
                                   .size_cells = 1};
    if (w->depth && w->last[w->depth - 1] == DT_NONE)
        dt->node[parent].child = n;
    else if (w->depth)
        dt->node[w->last[w->depth - 1]].next = n;
    if (w->depth)
        w->last[w->depth - 1] = n;
    w->open[w->depth] = n;
    w->last[w->depth++] = DT_NONE;
    dt->nodes++;
    return ERR_NONE;
}

/* The properties that every reg, ranges and reference asks for. */
static void note_cell(struct dt_node *n, const char *name, uint32_t v)
{
    if (*name == 'p' && !strcmp(name, "phandle"))
        n->phandle = v;
    else if (*name == '#' && !strcmp(name, "#address-cells"))
        n->address_cells = v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
    else if (*name == '#' && !strcmp(name, "#size-cells"))
        n->size_cells = v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
}

static err_t walk_prop(struct walk *w, uint32_t len, uint32_t name, const uint8_t *val, struct diag *d)
{
    struct dt *dt = w->dt;
    struct dt_node *n;
    struct dt_prop *p;

    if (!w->depth)
        return diag_fail(d, ERR_INVALID, "%s: a property outside of any node", dt->title);
    n = &dt->node[w->open[w->depth - 1]];
    if (n->child != DT_NONE)
        return diag_fail(d, ERR_INVALID, "%s: node %s has a property after a child node", dt->title, n->name);
    if (name >= w->strings_size)
        return diag_fail(d, ERR_INVALID, "%s: node %s: property name at 0x%x of 0x%x bytes of strings", dt->title,
                         n->name, name, w->strings_size);
    p = w->props_end - ++dt->props;
    *p = (struct dt_prop){.name = w->strings + name, .val = val, .len = len};
    n->props++;
    if (len == FDT_TAGSIZE)
        note_cell(n, p->name, be32(val));
    return ERR_NONE;
}

/* One tag at w->at, which moves behind it. Devicetree Specification v0.4, 5.4. */
static err_t walk_tag(struct walk *w, uint32_t tag, struct diag *d)
{
    size_t left = (size_t)(w->end - w->at);
    const uint8_t *body = w->at;
    err_t e;

    if (tag == FDT_BEGIN_NODE) {
        const uint8_t *nul = memchr(body, 0, left);

        if (nul) {
            w->at += ((size_t)(nul - body) + FDT_TAGSIZE) & ~(FDT_TAGSIZE - 1);
            e = walk_room(w, d);
            return e ? e : walk_node(w, (const char *)body, (size_t)(nul - body), d);
        }
    } else if (tag == FDT_PROP && left >= 2 * FDT_TAGSIZE) {
        uint32_t len = be32(body);

        if (len <= left - 2 * FDT_TAGSIZE) {
            w->at += (2 * FDT_TAGSIZE + len + FDT_TAGSIZE - 1) & ~(FDT_TAGSIZE - 1);
            e = walk_room(w, d);
            return e ? e : walk_prop(w, len, be32(body + FDT_TAGSIZE), body + 2 * FDT_TAGSIZE, d);
        }
    } else if (tag == FDT_END_NODE && w->depth) {
        w->depth--;
        return ERR_NONE;
    } else if (tag == FDT_NOP) {
        return ERR_NONE;
    }
    return diag_fail(d, ERR_INVALID, "%s: broken structure block: tag %u at offset 0x%zx", w->dt->title, tag,
                     (size_t)(body - w->dt->blob) - FDT_TAGSIZE);
}

static err_t walk_tags(struct walk *w, struct diag *d)
{
    /* The block is whole cells, so that the padding of a name or value never passes its end. */
    while ((size_t)(w->end - w->at) >= FDT_TAGSIZE) {
        uint32_t tag = be32(w->at);
        err_t e;

        w->at += FDT_TAGSIZE;
        if (tag == FDT_END) {
            if (w->depth || !w->dt->nodes)
                break;
            return ERR_NONE;
        }
        e = walk_tag(w, tag, d);
        if (e)
            return e;
    }
    return diag_fail(d, ERR_INVALID, "%s: structure block ends inside of a node", w->dt->title);
}

/* Entries up to the empty one that ends the block; false: none ends it within the blob. */
static bool count_reservations(struct dt *dt)
{
    uint32_t left = (dt->size - fdt_off_mem_rsvmap(dt->blob)) / sizeof(struct fdt_reserve_entry);
    uint64_t base, size;

    for (dt->rsv = 0; dt->rsv < left; dt->rsv++) {
        dt_reservation(dt, dt->rsv, &base, &size);
        if (size == 0)
            return true;
    }
    return false;
}

void dt_reservation(const struct dt *dt, uint32_t i, uint64_t *base, uint64_t *size)
{
    const uint8_t *e = dt->blob + fdt_off_mem_rsvmap(dt->blob) + i * sizeof(struct fdt_reserve_entry);

    *base = fdt64_ld((const fdt64_t *)(const void *)e);
    *size = fdt64_ld((const fdt64_t *)(const void *)(e + sizeof(fdt64_t)));
}

/* Does a block of the header lie behind the header (of version 17) and inside the blob? */
static bool block_fits(const struct dt *dt, uint32_t offset, uint32_t size)
{
    return offset >= sizeof(struct fdt_header) && offset <= dt->size && size <= dt->size - offset;
}

static err_t header_check(struct dt *dt, size_t max, struct diag *d)
{
    const uint8_t *blob = dt->blob, *strings = blob;

    if (max < sizeof(struct fdt_header) || fdt_magic(blob) != FDT_MAGIC)
        return diag_fail(d, ERR_INVALID, "%s: not a device tree blob (no magic d00dfeed)", dt->title);
    dt->size = fdt_totalsize(blob);
    if (dt->size > max || dt->size > DT_MAX_SIZE)
        return diag_fail(d, ERR_INVALID, "%s: totalsize 0x%x exceeds the 0x%zx bytes that are there or allowed",
                         dt->title, dt->size, max < DT_MAX_SIZE ? max : DT_MAX_SIZE);
    /* Version 17 is the first that says how long the structure block is. */
    if (fdt_version(blob) < 17 || fdt_last_comp_version(blob) > 17 || !block_fits(dt, fdt_off_mem_rsvmap(blob), 0) ||
        !block_fits(dt, fdt_off_dt_struct(blob), fdt_size_dt_struct(blob)) ||
        !block_fits(dt, fdt_off_dt_strings(blob), fdt_size_dt_strings(blob)) ||
        (fdt_off_dt_struct(blob) | fdt_size_dt_struct(blob)) % FDT_TAGSIZE)
        return diag_fail(d, ERR_INVALID, "%s: broken header of the device tree blob", dt->title);
    /* With a NUL at its end every name that starts in the block ends in it. */
    strings += fdt_off_dt_strings(blob);
    if (fdt_size_dt_strings(blob) && strings[fdt_size_dt_strings(blob) - 1])
        return diag_fail(d, ERR_INVALID, "%s: strings block does not end in NUL", dt->title);
    if (!count_reservations(dt))
        return diag_fail(d, ERR_INVALID, "%s: memory reservation block does not end", dt->title);
    return ERR_NONE;
}

/* The first property has to be the lowest: they were written downwards. */
static void props_turn(struct dt_prop *low, uint32_t count)
{
    for (struct dt_prop *high = low + count; low < --high; low++) {
        struct dt_prop t = *low;

        *low = *high;
        *high = t;
    }
}

/* Phandles often count from 1 on: their places must not lie in a row, for who comes there has to pass them all. */
static uint32_t place_first(const struct dt *dt, uint32_t hash)
{
    return (uint32_t)(hash * UINT64_C(0x9e3779b1) >> 16) & dt->place_mask;
}

static uint32_t place_next(const struct dt *dt, uint32_t at)
{
    return (at + 1) & dt->place_mask;
}

static void place_take(struct dt *dt, dt_node_t n, uint32_t hash)
{
    uint32_t at = place_first(dt, hash);

    while (dt->place[at])
        at = place_next(dt, at);
    dt->place[at] = n + 1;
}

/* A node takes two places at the most, and a third of them stays empty: a search ends soon. */
static err_t places_fill(struct dt *dt, struct arena *a, struct diag *d)
{
    for (dt->place_mask = 3; dt->place_mask < 3 * dt->nodes;)
        dt->place_mask = 2 * dt->place_mask + 1;
    dt->place = ARENA_NEW(a, uint32_t, dt->place_mask + 1, d);
    if (!dt->place)
        return ERR_NO_SPACE;
    for (dt_node_t n = 0; n < dt->nodes; n++) {
        const struct dt_node *node = &dt->node[n];

        place_take(dt, n, node->hash);
        if (node->phandle)
            place_take(dt, n, node->phandle);
    }
    return ERR_NONE;
}

/*
 * For the pass nodes grow up from the start of the arena's room and properties down from its end, so that all
 * of it serves whatever there is more of; then the properties move down behind the last node.
 */
err_t dt_index(struct dt *dt, const char *title, const void *blob, size_t max, struct arena *a, struct diag *d)
{
    struct walk w = {.dt = dt, .arena = a};
    err_t e;

    *dt = (struct dt){.title = title, .blob = blob};
    e = header_check(dt, max, d);
    if (e)
        return e;
    dt->node = (struct dt_node *)(void *)(a->mem + a->used);
    w.props_end = (struct dt_prop *)(void *)(a->mem + (a->size & ~(ARENA_ALIGN - 1)));
    w.strings = (const char *)dt->blob + fdt_off_dt_strings(blob);
    w.strings_size = fdt_size_dt_strings(blob);
    w.at = dt->blob + fdt_off_dt_struct(blob);
    w.end = w.at + fdt_size_dt_struct(blob);
    e = walk_tags(&w, d);
    if (e)
        return e;
    props_turn(w.props_end - dt->props, dt->props);
    dt->node = arena_keep(a, dt->nodes, sizeof *dt->node, d);
    dt->prop = arena_keep(a, dt->props, sizeof *dt->prop, d);
    if (!dt->node || !dt->prop)
        return ERR_NO_SPACE;
    memmove(dt->prop, w.props_end - dt->props, dt->props * sizeof *dt->prop);
    return places_fill(dt, a, d);
}

/* The child of n whose name is the first len characters of name. */
static dt_node_t child_find(const struct dt *dt, dt_node_t n, const char *name, size_t len)
{
    for (uint32_t at = place_first(dt, name_hash(n, name, len)); dt->place && dt->place[at]; at = place_next(dt, at)) {
        const struct dt_node *c = &dt->node[dt->place[at] - 1];

        if (c->parent == n && !strncmp(c->name, name, len) && !c->name[len])
            return dt->place[at] - 1;
    }
    return DT_NONE;
}

dt_node_t dt_child(const struct dt *dt, dt_node_t n, const char *name)
{
    return child_find(dt, n, name, strlen(name));
}

dt_node_t dt_find(const struct dt *dt, const char *path)
{
    dt_node_t n = DT_ROOT;

    if (*path != '/')
        return DT_NONE;
    while (n != DT_NONE) {
        size_t len;

        while (*path == '/')
            path++;
        if (!*path)
            break;
        len = strcspn(path, "/");
        n = child_find(dt, n, path, len);
        path += len;
    }
    return n;
}

dt_node_t dt_by_phandle(const struct dt *dt, uint32_t phandle)
{
    for (uint32_t at = place_first(dt, phandle); phandle && dt->place && dt->place[at]; at = place_next(dt, at)) {
        if (dt->node[dt->place[at] - 1].phandle == phandle)
            return dt->place[at] - 1;
    }
    return DT_NONE;
}

dt_node_t dt_first_compatible(const struct dt *dt, dt_node_t after, const char *compatible)
{
    for (dt_node_t n = after == DT_NONE ? 0 : after + 1; n < dt->nodes; n++) {
        if (dt_is_compatible(dt, n, compatible))
            return n;
    }
    return DT_NONE;
}

const char *dt_path(const struct dt *dt, dt_node_t n, char *buf, size_t size)
{
    dt_node_t up[DT_MAX_DEPTH];
    uint32_t depth = 0;
    size_t len = 0;

    for (; n != DT_ROOT && depth < DT_MAX_DEPTH; n = dt->node[n].parent)
        up[depth++] = n;
    if (!depth)
        fmt_print(buf, size, "/");
    while (depth)
        len += fmt_print(buf + len, size - len, "/%s", dt->node[up[--depth]].name);
    return buf;
}
