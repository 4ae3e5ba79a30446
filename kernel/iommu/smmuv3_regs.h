/* SPDX-License-Identifier: Apache-2.0 */
/* SMMUv3 registers that the driver uses, by access class (IHI 0070, 6.3; page 1 at 0x10000). */
#ifndef KERNEL_IOMMU_SMMUV3_REGS_H
#define KERNEL_IOMMU_SMMUV3_REGS_H

#include "mmio.h"

MMIO_REG32_RO(smmu, idr0, 0x00)
MMIO_REG32_RO(smmu, idr1, 0x04)
MMIO_REG32_RO(smmu, idr5, 0x14)
MMIO_REG32_RW(smmu, cr0, 0x20)
MMIO_REG32_RO(smmu, cr0ack, 0x24)
MMIO_REG32_RW(smmu, cr1, 0x28)
MMIO_REG32_RW(smmu, cr2, 0x2c)
MMIO_REG32_RW(smmu, gbpa, 0x44)
MMIO_REG32_RW(smmu, irq_ctrl, 0x50)
MMIO_REG32_RO(smmu, irq_ctrlack, 0x54)
MMIO_REG32_RO(smmu, gerror, 0x60)
MMIO_REG32_RW(smmu, gerrorn, 0x64)
MMIO_REG64_RW(smmu, gerror_irq_cfg0, 0x68)
MMIO_REG64_RW(smmu, strtab_base, 0x80)
MMIO_REG32_RW(smmu, strtab_base_cfg, 0x88)
MMIO_REG64_RW(smmu, cmdq_base, 0x90)
MMIO_REG32_RW(smmu, cmdq_prod, 0x98)
MMIO_REG32_RW(smmu, cmdq_cons, 0x9c)
MMIO_REG64_RW(smmu, eventq_base, 0xa0)
MMIO_REG64_RW(smmu, eventq_irq_cfg0, 0xb0)
MMIO_REG32_RW(smmu, eventq_prod, 0x100a8)
MMIO_REG32_RW(smmu, eventq_cons, 0x100ac)

#define SMMU_REGS_SIZE 0x20000u

/* 6.3.1 IDR0 */
#define SMMU_IDR0_S2P          (1u << 0)
#define SMMU_IDR0_TTF_AARCH64  (1u << 3) /* TTF is 0b10 or 0b11 */
#define SMMU_IDR0_COHACC       (1u << 4)
#define SMMU_IDR0_HYP          (1u << 9)
#define SMMU_IDR0_ATS          (1u << 10)
#define SMMU_IDR0_MSI          (1u << 13)
#define SMMU_IDR0_VMID16       (1u << 18)
#define SMMU_IDR0_TTENDIAN_BE  (1u << 21) /* 0b00 both, 0b10 little, 0b11 big only, 0b01 reserved */
#define SMMU_IDR0_STALL_FORCED (1u << 25) /* STALL_MODEL 0b00 and 0b01 can terminate, 0b10 must stall */
#define SMMU_IDR0_ST_LEVEL     (3u << 27)
#define SMMU_IDR0_ST_LEVEL_2   (1u << 27)
/* 6.3.2 IDR1 */
#define SMMU_IDR1_TABLES_PRESET  (1u << 30)
#define SMMU_IDR1_QUEUES_PRESET  (1u << 29)
#define SMMU_IDR1_ATTR_TYPES_OVR (1u << 27)
#define SMMU_IDR1_CMDQS(v)       ((v) >> 21 & 0x1f)
#define SMMU_IDR1_EVENTQS(v)     ((v) >> 16 & 0x1f)
#define SMMU_IDR1_SIDSIZE(v)     ((v)&0x3f)
/* 6.3.6 IDR5 */
#define SMMU_IDR5_GRAN4K (1u << 4)
#define SMMU_IDR5_OAS(v) ((v)&7)
/* 6.3.9 CR0 and CR0ACK */
#define SMMU_CR0_SMMUEN   (1u << 0)
#define SMMU_CR0_EVENTQEN (1u << 2)
#define SMMU_CR0_CMDQEN   (1u << 3)
#define SMMU_CR0_ATSCHK   (1u << 4)
/* 6.3.11 CR1: inner shareable, write-back for tables and queues; 0: all of it non-cacheable */
#define SMMU_CR1_COHERENT (3u << 10 | 1u << 8 | 1u << 6 | 3u << 4 | 1u << 2 | 1u << 0)
/* 6.3.12 CR2 */
#define SMMU_CR2_RECINVSID (1u << 1)
#define SMMU_CR2_PTM       (1u << 2)
/* 6.3.14 GBPA */
#define SMMU_GBPA_ABORT  (1u << 20)
#define SMMU_GBPA_UPDATE (1u << 31)
/* 6.3.16 IRQ_CTRL */
#define SMMU_IRQ_GERROR (1u << 0)
#define SMMU_IRQ_EVENTQ (1u << 2)
/* 6.3.19 GERROR */
#define SMMU_GERROR_CMDQ (1u << 0)
#define SMMU_GERROR_SFM  (1u << 8)
/* 6.3.25 STRTAB_BASE_CFG */
#define SMMU_STRTAB_CFG(log2, split) (1u << 16 | (uint32_t)(split) << 6 | (uint32_t)(log2))
/* 6.3.28 CMDQ_CONS.ERR; 7.4 EVENTQ_PROD.OVFLG and EVENTQ_CONS.OVACKFLG */
#define SMMU_CMDQ_CONS_ERR(v) ((v) >> 24 & 0x7f)
#define SMMU_EVENTQ_OVFLG     (1u << 31)

#endif
