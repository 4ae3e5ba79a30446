/* SPDX-License-Identifier: Apache-2.0 */
/* IPMMU-VMSA registers that the driver uses (R-Car Gen3). A cache IPMMU has IMCTR alone of a context's. */
#ifndef KERNEL_IOMMU_IPMMU_REGS_H
#define KERNEL_IOMMU_IPMMU_REGS_H

#include "mmio.h"

/* Of a context: 0x40 apart. */
#define IPMMU_CTX_RW(name, off)                                                   \
    static inline uint32_t ipmmu_read_##name(mmio_t b, unsigned context)          \
    {                                                                             \
        return mmio_read32(b, (off) + context * 0x40u);                           \
    }                                                                             \
    static inline void ipmmu_write_##name(mmio_t b, unsigned context, uint32_t v) \
    {                                                                             \
        mmio_write32(b, (off) + context * 0x40u, v);                              \
    }
#define IPMMU_CTX_WO(name, off)                                                   \
    static inline void ipmmu_write_##name(mmio_t b, unsigned context, uint32_t v) \
    {                                                                             \
        mmio_write32(b, (off) + context * 0x40u, v);                              \
    }
#define IPMMU_CTX_RO(name, off)                                          \
    static inline uint32_t ipmmu_read_##name(mmio_t b, unsigned context) \
    {                                                                    \
        return mmio_read32(b, (off) + context * 0x40u);                  \
    }
/* Of a micro-TLB: 0x10 apart, those from 32 on in a block of their own. */
#define IPMMU_UTLB_WO(name, low, high)                                                       \
    static inline void ipmmu_write_##name(mmio_t b, unsigned utlb, uint32_t v)               \
    {                                                                                        \
        mmio_write32(b, utlb < 32 ? (low) + utlb * 0x10u : (high) + (utlb - 32) * 0x10u, v); \
    }

IPMMU_CTX_RW(imctr, 0x00)
IPMMU_CTX_WO(imttbcr, 0x08)
IPMMU_CTX_WO(imttlbr0, 0x10)
IPMMU_CTX_WO(imttubr0, 0x14)
IPMMU_CTX_RW(imstr, 0x20) /* cleared by writing 0, with the address registers */
IPMMU_CTX_WO(immair0, 0x28)
IPMMU_CTX_RO(imelar, 0x30)
IPMMU_CTX_RO(imeuar, 0x34)
IPMMU_UTLB_WO(imuctr, 0x300, 0x600)
IPMMU_UTLB_WO(imuasid, 0x308, 0x608)
MMIO_REG32_RW(ipmmu, imsctlr, 0x500)
MMIO_REG32_RW(ipmmu, imsauxctlr, 0x504) /* main IPMMU only */

#define IMCTR_MMUEN (1u << 0)
#define IMCTR_FLUSH (1u << 1)
#define IMCTR_INTEN (1u << 2)
#define IMCTR_VA64  (1u << 29)                                /* main IPMMU only */
#define IMCTR_CACHE (IMCTR_MMUEN | IMCTR_FLUSH | IMCTR_INTEN) /* what a cache IPMMU has */

#define IMTTBCR_EAE    (1u << 31) /* long descriptors */
#define IMTTBCR_SL0_L1 (2u << 6)  /* the walk starts at the level of 1 GiB entries */

#define IMSTR_TF    (1u << 0)
#define IMSTR_PF    (1u << 1)
#define IMSTR_ABORT (1u << 2)
#define IMSTR_MHIT  (1u << 4)

#define IMUCTR_MMUEN          (1u << 0)
#define IMUCTR_FLUSH          (1u << 1)
#define IMUCTR_TTSEL(context) ((uint32_t)(context) << 4)

#define IMSCTLR_USE_SECGRP (1u << 28)
#define IMSAUXCTLR_S2PTE   (1u << 3) /* descriptors are read as stage 2's */

#endif
