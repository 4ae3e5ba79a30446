/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flattened device tree, written front to back (Devicetree Specification v0.4, 5):
 *
 *   [ header | no reservations | structure ...      | strings ...    ]
 *   0        40                56                   3/4 of the buffer
 *
 * At the end the strings move down behind the structure. Whoever writes past either part gets
 * a tree that is full and stays so; nothing behind the buffer is touched.
 */
#ifndef KERNEL_DT_WRITE_H
#define KERNEL_DT_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dt_writer {
    uint8_t *buf, *at, *limit;         /* structure: next byte, first byte that is not its own */
    uint8_t *strings, *name, *all_end; /* strings: first byte, next one, end of the buffer */
    bool full;
};

/* buf: 8-byte aligned. */
void dt_write_start(struct dt_writer *w, void *buf, size_t size);
void dt_write_begin(struct dt_writer *w, const char *name);
void dt_write_end(struct dt_writer *w);
/* A property of len bytes at the result, which the caller fills; NULL when full. */
void *dt_write_prop(struct dt_writer *w, const char *name, size_t len);
/* The size of the blob; 0: it did not fit. */
size_t dt_write_finish(struct dt_writer *w);

#endif
