/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict readers of manifest nodes, for the manifest*.c files. Lists of words are one string,
 * separated by single spaces: it is both what is matched and what a message shows.
 */
#ifndef KERNEL_MANIFEST_READ_H
#define KERNEL_MANIFEST_READ_H

#include "manifest.h"

#define MANIFEST_LISTS 61 /* a prime: functions 0 of PCI devices differ in bits 15:3 alone */

struct manifest_reader {
    struct manifest *m;
    const struct dt *dt;
    struct arena *a;
    struct diag *d;
    const struct manifest_device **last; /* MANIFEST_LISTS lists of devices by hash: the last of each */
};

#define MANIFEST_ADDR_BITS 48
#define MANIFEST_ANY       "*"        /* children of any name */
#define MANIFEST_REQUIRED  UINT32_MAX /* no default */

/* ERR_INVALID with "manifest: /node/path: " before the text. */
err_t manifest_fail(const struct manifest_reader *r, dt_node_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Every property and child is in its list and there once. `phandle`, which dtc adds for labels, is always. */
err_t manifest_check_node(const struct manifest_reader *r, dt_node_t n, const char *props, const char *children);

/* Whole pages, not empty, and not past 2^48. */
err_t manifest_check_range(const struct manifest_reader *r, dt_node_t n, const char *prop, uint64_t base,
                           uint64_t size);

/* The index in words of a string property; def when absent. */
err_t manifest_read_word(const struct manifest_reader *r, dt_node_t n, const char *prop, const char *words,
                         uint32_t def, uint32_t *out);
/* A string of at least min and at most max characters; "" when absent and min is 0. */
err_t manifest_read_text(const struct manifest_reader *r, dt_node_t n, const char *prop, size_t min, size_t max,
                         const char **out);
/* `file`, which must be there: the name of an image in the bundle. */
err_t manifest_read_file(const struct manifest_reader *r, dt_node_t n, const char **out);
err_t manifest_read_flag(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *out);
/* One of two words: is it the second? The first when absent. */
err_t manifest_read_choice(const struct manifest_reader *r, dt_node_t n, const char *prop, const char *words,
                           bool *second);
/* <hi lo>; *out is left alone when absent. */
err_t manifest_read_u64(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *there, uint64_t *out);
/* <hi lo hi lo>: one range that manifest_check_range accepts; *base and *size are left alone when absent. */
err_t manifest_read_range(const struct manifest_reader *r, dt_node_t n, const char *prop, bool *there, uint64_t *base,
                          uint64_t *size);

/* Count the children of n, DT_NONE has none. */
uint32_t manifest_count(const struct dt *dt, dt_node_t n);

/* The regions of pp from its `memory` node (manifest_region.c); m->shared must be complete. */
err_t manifest_read_regions(const struct manifest_reader *r, struct manifest_partition *pp);
/* /shared (manifest_region.c). */
err_t manifest_read_shared(const struct manifest_reader *r);
/* The `devices` node of pp, and /quarantine (manifest_device.c). */
err_t manifest_read_devices(const struct manifest_reader *r, struct manifest_partition *pp);
err_t manifest_read_quarantine(const struct manifest_reader *r);

#endif
