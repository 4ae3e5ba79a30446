/* SPDX-License-Identifier: Apache-2.0 */
/* I/O ports. */
#ifndef ARCH_X86_64_IO_H
#define ARCH_X86_64_IO_H

#include <stdint.h>

#define IO_ACCESS_(bits, insn)                                         \
    static inline uint##bits##_t io_read##bits(uint16_t port)          \
    {                                                                  \
        uint##bits##_t v;                                              \
        __asm__ volatile("in" insn " %1, %0" : "=a"(v) : "Nd"(port));  \
        return v;                                                      \
    }                                                                  \
    static inline void io_write##bits(uint16_t port, uint##bits##_t v) \
    {                                                                  \
        __asm__ volatile("out" insn " %0, %1" : : "a"(v), "Nd"(port)); \
    }

IO_ACCESS_(8, "b")
IO_ACCESS_(16, "w")
IO_ACCESS_(32, "l")

#endif
