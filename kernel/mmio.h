/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device registers. A base has a type of its own; a register is declared once with its
 * access class, so that a read of a write-only register has no function to call:
 *
 *   MMIO_REG32_RW(smmu, cr0, 0x20)   smmu_read_cr0(base), smmu_write_cr0(base, value)
 *   MMIO_REG32_RO(smmu, idr0, 0x00)  smmu_read_idr0(base)
 *   MMIO_REG32_WO(gicr, invlpir, 0xa0)
 *
 * arch_mmio.h gives mmio_read8/16/32/64 and mmio_write8/16/32/64(base, offset[, value]): the
 * architecture's are single loads and stores, the host tests' call a register model.
 */
#ifndef KERNEL_MMIO_H
#define KERNEL_MMIO_H

#include "arch_mmio.h"

#define MMIO_REG_R_(prefix, name, off, bits)                    \
    static inline uint##bits##_t prefix##_read_##name(mmio_t b) \
    {                                                           \
        return mmio_read##bits(b, (off));                       \
    }
#define MMIO_REG_W_(prefix, name, off, bits)                             \
    static inline void prefix##_write_##name(mmio_t b, uint##bits##_t v) \
    {                                                                    \
        mmio_write##bits(b, (off), v);                                   \
    }

#define MMIO_REG32_RO(prefix, name, off) MMIO_REG_R_(prefix, name, off, 32)
#define MMIO_REG32_WO(prefix, name, off) MMIO_REG_W_(prefix, name, off, 32)
#define MMIO_REG32_RW(prefix, name, off) MMIO_REG_R_(prefix, name, off, 32) MMIO_REG_W_(prefix, name, off, 32)
#define MMIO_REG64_RO(prefix, name, off) MMIO_REG_R_(prefix, name, off, 64)
#define MMIO_REG64_WO(prefix, name, off) MMIO_REG_W_(prefix, name, off, 64)
#define MMIO_REG64_RW(prefix, name, off) MMIO_REG_R_(prefix, name, off, 64) MMIO_REG_W_(prefix, name, off, 64)

#endif
