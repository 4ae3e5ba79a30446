/* SPDX-License-Identifier: Apache-2.0 */
/* Device accesses on the host: a test's register model answers them. */
#ifndef HOST_ARCH_MMIO_H
#define HOST_ARCH_MMIO_H

#include <stdint.h>

/* A model: called for every access of width bytes; write: *value is stored, read: it is filled. */
typedef void mmio_model_fn(void *model, uint64_t off, unsigned width, int write, uint64_t *value);

typedef struct {
    mmio_model_fn *access;
    void *model;
} mmio_t;

#define MMIO_ACCESS_(bits)                                                        \
    static inline uint##bits##_t mmio_read##bits(mmio_t b, uint64_t off)          \
    {                                                                             \
        uint64_t v = 0;                                                           \
        b.access(b.model, off, bits / 8, 0, &v);                                  \
        return (uint##bits##_t)v;                                                 \
    }                                                                             \
    static inline void mmio_write##bits(mmio_t b, uint64_t off, uint##bits##_t w) \
    {                                                                             \
        uint64_t v = w;                                                           \
        b.access(b.model, off, bits / 8, 1, &v);                                  \
    }

MMIO_ACCESS_(8)
MMIO_ACCESS_(16)
MMIO_ACCESS_(32)
MMIO_ACCESS_(64)

#endif
