/* SPDX-License-Identifier: Apache-2.0 */
/* Device accesses on aarch64: plain loads and stores; ordering is arch_barrier.h's. */
#ifndef ARCH_AARCH64_MMIO_H
#define ARCH_AARCH64_MMIO_H

#include <stdint.h>

typedef struct {
    volatile uint8_t *p;
} mmio_t;

/* Inline assembly, so that the compiler never picks an addressing mode that an outer hypervisor cannot
 * decode. */
#define MMIO_ACCESS_(bits, suffix, mod)                                                          \
    static inline uint##bits##_t mmio_read##bits(mmio_t b, uint64_t off)                         \
    {                                                                                            \
        uint##bits##_t v;                                                                        \
        __asm__ volatile("ldr" suffix " %" mod "0, [%1]" : "=r"(v) : "r"(b.p + off) : "memory"); \
        return v;                                                                                \
    }                                                                                            \
    static inline void mmio_write##bits(mmio_t b, uint64_t off, uint##bits##_t v)                \
    {                                                                                            \
        __asm__ volatile("str" suffix " %" mod "0, [%1]" ::"r"(v), "r"(b.p + off) : "memory");   \
    }

MMIO_ACCESS_(8, "b", "w")
MMIO_ACCESS_(16, "h", "w")
MMIO_ACCESS_(32, "", "w")
MMIO_ACCESS_(64, "", "x")

#endif
