/* SPDX-License-Identifier: Apache-2.0 */
/* Device accesses on x86_64: plain loads and stores of uncached memory, which stay in order. */
#ifndef ARCH_X86_64_MMIO_H
#define ARCH_X86_64_MMIO_H

#include <stdint.h>

typedef struct {
    volatile uint8_t *p;
} mmio_t;

/* A volatile access of a register's size is one load or store of that size. */
#define MMIO_ACCESS_(bits)                                                           \
    static inline uint##bits##_t mmio_read##bits(mmio_t b, uint64_t off)             \
    {                                                                                \
        return *(const volatile uint##bits##_t *)(const volatile void *)(b.p + off); \
    }                                                                                \
    static inline void mmio_write##bits(mmio_t b, uint64_t off, uint##bits##_t v)    \
    {                                                                                \
        *(volatile uint##bits##_t *)(volatile void *)(b.p + off) = v;                \
    }

MMIO_ACCESS_(8)
MMIO_ACCESS_(16)
MMIO_ACCESS_(32)
MMIO_ACCESS_(64)

#endif
