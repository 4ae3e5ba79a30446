/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d registers that the driver uses, by access class (D51397 rev. 5.10, 11.4). */
#ifndef KERNEL_IOMMU_VTD_REGS_H
#define KERNEL_IOMMU_VTD_REGS_H

#include "mmio.h"

/* Write 1 to clear: there is no way to write back what was read. */
#define VTD_REG32_W1C(name, off)                               \
    static inline uint32_t vtd_read_##name(mmio_t b)           \
    {                                                          \
        return mmio_read32(b, (off));                          \
    }                                                          \
    static inline void vtd_ack_##name(mmio_t b, uint32_t bits) \
    {                                                          \
        mmio_write32(b, (off), bits);                          \
    }

MMIO_REG64_RO(vtd, cap, 0x08)
MMIO_REG64_RO(vtd, ecap, 0x10)
MMIO_REG32_WO(vtd, gcmd, 0x18)
MMIO_REG32_RO(vtd, gsts, 0x1c)
MMIO_REG64_RW(vtd, rtaddr, 0x20)
VTD_REG32_W1C(fsts, 0x34)
MMIO_REG32_RW(vtd, fectl, 0x38)
MMIO_REG32_WO(vtd, fedata, 0x3c)
MMIO_REG32_WO(vtd, feaddr, 0x40)
MMIO_REG32_WO(vtd, feuaddr, 0x44)
MMIO_REG32_RW(vtd, pmen, 0x64)
MMIO_REG64_RO(vtd, iqh, 0x80)
MMIO_REG64_RW(vtd, iqt, 0x88)
MMIO_REG64_WO(vtd, iqa, 0x90)
MMIO_REG32_RW(vtd, iectl, 0xa0)
MMIO_REG64_WO(vtd, irta, 0xb8)

/* 11.4.2 CAP_REG */
#define VTD_CAP_ND(v)    ((v)&7) /* 7 is reserved */
#define VTD_CAP_RWBF     (UINT64_C(1) << 4)
#define VTD_CAP_PMR      (UINT64_C(3) << 5) /* PLMR, PHMR */
#define VTD_CAP_CM       (UINT64_C(1) << 7)
#define VTD_CAP_SAGAW(v) ((v) >> 8 & 0xe)
#define VTD_CAP_MGAW(v)  ((v) >> 16 & 0x3f)
#define VTD_CAP_FRO(v)   ((v) >> 24 & 0x3ff) /* in 16 bytes */
#define VTD_CAP_SSLPS(v) ((v) >> 34 & 0xf)
#define VTD_CAP_NFR(v)   ((v) >> 40 & 0xff)
#define VTD_CAP_DWD      (UINT64_C(1) << 54)
#define VTD_CAP_DRD      (UINT64_C(1) << 55)
#define VTD_CAP_ESRTPS   (UINT64_C(1) << 63)
/* 11.4.3 ECAP_REG */
#define VTD_ECAP_C     (UINT64_C(1) << 0)
#define VTD_ECAP_QI    (UINT64_C(1) << 1)
#define VTD_ECAP_IR    (UINT64_C(1) << 3)
#define VTD_ECAP_EIM   (UINT64_C(1) << 4)
#define VTD_ECAP_SC    (UINT64_C(1) << 7)
#define VTD_ECAP_EIMER (UINT64_C(1) << 61)
/* 11.4.4 GCMD_REG and GSTS_REG */
#define VTD_GCMD_CFI   (1u << 23)
#define VTD_GCMD_SIRTP (1u << 24)
#define VTD_GCMD_IRE   (1u << 25)
#define VTD_GCMD_QIE   (1u << 26)
#define VTD_GCMD_WBF   (1u << 27)
#define VTD_GCMD_SRTP  (1u << 30)
#define VTD_GCMD_TE    (1u << 31)
#define VTD_GCMD_STATE                                                                  \
    (VTD_GCMD_CFI | VTD_GCMD_IRE | VTD_GCMD_QIE | VTD_GCMD_TE) /* the rest are one-shot \
                                                                */
/* 11.4.5 RTADDR_REG: 0: legacy mode, permissions in bits 1:0 of a table entry */
#define VTD_RTADDR_MODE 0xc80u /* TTM, SSIRWE */
/* 11.4.7.1 FSTS_REG */
#define VTD_FSTS_PFO    (1u << 0)
#define VTD_FSTS_PPF    (1u << 1)
#define VTD_FSTS_IQE    (1u << 4)
#define VTD_FSTS_ICE    (1u << 5)
#define VTD_FSTS_ITE    (1u << 6)
#define VTD_FSTS_FRI(v) ((v) >> 8 & 0xff)
/* FECTL_REG, IECTL_REG; the last dword of a fault record */
#define VTD_ECTL_IM   (1u << 31)
#define VTD_ECTL_KEEP 0x3fffffffu /* reserved, to be preserved */
#define VTD_FRCD_F    (1u << 31)
/* 11.4.8.1 PMEN_REG */
#define VTD_PMEN_EPM (1u << 31)
#define VTD_PMEN_PRS (1u << 0)
/* 11.4.12.1 IRTA_REG */
#define VTD_IRTA_EIME (1u << 11)

#endif
