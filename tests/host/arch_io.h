/* SPDX-License-Identifier: Apache-2.0 */
/* I/O ports on the host: a test's model answers them. */
#ifndef HOST_ARCH_IO_H
#define HOST_ARCH_IO_H

#include <stdint.h>

/* Called for every access of width bytes; write: *value is stored, read: it is filled. */
extern void (*arch_host_port)(uint16_t port, unsigned width, int write, uint32_t *value);

#define IO_ACCESS_(bits)                                               \
    static inline uint##bits##_t io_read##bits(uint16_t port)          \
    {                                                                  \
        uint32_t v = 0;                                                \
        arch_host_port(port, bits / 8, 0, &v);                         \
        return (uint##bits##_t)v;                                      \
    }                                                                  \
    static inline void io_write##bits(uint16_t port, uint##bits##_t w) \
    {                                                                  \
        uint32_t v = w;                                                \
        arch_host_port(port, bits / 8, 1, &v);                         \
    }

IO_ACCESS_(8)
IO_ACCESS_(16)
IO_ACCESS_(32)

#endif
