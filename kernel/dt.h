/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flattened device tree, indexed once. libfdt searches from the start for every question;
 * one pass over its tags into two arrays makes each later question a short scan of one node.
 * The blob is untrusted: the pass refuses a broken structure, and the typed readers check
 * lengths, so that no caller can get an unchecked value. Devicetree Specification v0.4.
 */
#ifndef KERNEL_DT_H
#define KERNEL_DT_H

#include "arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t dt_node_t;
#define DT_ROOT ((dt_node_t)0)
#define DT_NONE UINT32_MAX

struct dt_prop {
    const char *name;
    const uint8_t *val; /* big-endian cells, 4-byte aligned at the most */
    uint32_t len;
};

struct dt_node {
    const char *name; /* with unit address; "" for the root */
    dt_node_t parent, child, next;
    uint32_t prop, props;              /* its properties in dt.prop */
    uint32_t phandle;                  /* 0: none */
    uint32_t hash;                     /* of its name below its parent */
    uint8_t address_cells, size_cells; /* of its children's reg; 255: that or more */
};

struct dt {
    const char *title; /* "manifest" or "board", for messages */
    const uint8_t *blob;
    uint32_t size;
    struct dt_node *node;
    struct dt_prop *prop;
    uint32_t nodes, props;
    uint32_t *place;     /* nodes, from 1 on, by hashes of their names and phandles; 0: empty. NULL: none is found */
    uint32_t place_mask; /* how many places, less 1 */
    uint32_t rsv;        /* memory reservation entries */
};

#define DT_MAX_SIZE  (2u << 20) /* as Linux' boot protocol */
#define DT_MAX_DEPTH 16

/* Index a blob of at most max bytes, with all that is left of a for the pass. blob must be 8-byte aligned and
 * outlive dt. */
err_t dt_index(struct dt *dt, const char *title, const void *blob, size_t max, struct arena *a, struct diag *d);

/* Memory reservation i (below dt->rsv), as the blob says it: any numbers. */
void dt_reservation(const struct dt *dt, uint32_t i, uint64_t *base, uint64_t *size);

dt_node_t dt_find(const struct dt *dt, const char *path);               /* "/cpus/cpu@0"; DT_NONE */
dt_node_t dt_child(const struct dt *dt, dt_node_t n, const char *name); /* exact name; DT_NONE */
dt_node_t dt_by_phandle(const struct dt *dt, uint32_t phandle);         /* DT_NONE */
dt_node_t dt_first_compatible(const struct dt *dt, dt_node_t after,
                              const char *compatible); /* after: DT_NONE to start */

const struct dt_prop *dt_prop(const struct dt *dt, dt_node_t n, const char *name); /* NULL: absent */
bool dt_has(const struct dt *dt, dt_node_t n, const char *name);
bool dt_is_compatible(const struct dt *dt, dt_node_t n, const char *compatible);
bool dt_is_enabled(const struct dt *dt, dt_node_t n); /* status absent, "okay" or "ok" */

/* Do n's DMA accesses go through the caches? As the nearest node around it says; no where nobody says. */
bool dt_is_coherent(const struct dt *dt, dt_node_t n);

/* Cell i of a property (32 bits each); i must be below len / 4. */
uint32_t dt_cell(const struct dt_prop *p, uint32_t i);
/* cells (1 or 2) cells from cell i on as one number. */
uint64_t dt_cells(const struct dt_prop *p, uint32_t i, uint32_t cells);

/* Node path for messages, e.g. "/linux/ram@40000000"; returns buf. */
const char *dt_path(const struct dt *dt, dt_node_t n, char *buf, size_t size);

/* #address-cells / #size-cells that n's reg is written in (its parent's; 2 and 1 when absent). */
uint32_t dt_address_cells(const struct dt *dt, dt_node_t parent);
uint32_t dt_size_cells(const struct dt *dt, dt_node_t parent);

/*
 * Entry i of n's reg as a machine address of the root bus, through the `ranges` of every
 * parent. *exists says whether there is an entry i. Errors: a length that is not whole
 * entries, more than two cells, a sum past 2^64, an address that a parent's ranges does not pass on.
 */
err_t dt_reg(const struct dt *dt, dt_node_t n, uint32_t i, uint64_t *addr, uint64_t *size, bool *exists,
             struct diag *d);

/* *addr .. + size on the bus of node `bus` as an address of the root bus; errors as of dt_reg. */
err_t dt_translate(const struct dt *dt, dt_node_t bus, uint64_t *addr, uint64_t size, struct diag *d);

/* Typed readers: present-or-default; an ill-formed value is an error that names node and property. */
err_t dt_read_u32(const struct dt *dt, dt_node_t n, const char *name, uint32_t def, uint32_t *out, struct diag *d);
err_t dt_read_string(const struct dt *dt, dt_node_t n, const char *name, const char *def, const char **out,
                     struct diag *d);

#endif
