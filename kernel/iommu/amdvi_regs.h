/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi registers that the driver uses, by access class (48882, 3.4). */
#ifndef KERNEL_IOMMU_AMDVI_REGS_H
#define KERNEL_IOMMU_AMDVI_REGS_H

#include "mmio.h"

MMIO_REG64_RW(amdvi, devtab_base, 0x0000)
MMIO_REG64_RW(amdvi, command_base, 0x0008)
MMIO_REG64_RW(amdvi, event_base, 0x0010)
MMIO_REG64_RW(amdvi, control, 0x0018)
MMIO_REG64_RW(amdvi, exclusion_base, 0x0020)
MMIO_REG64_RW(amdvi, exclusion_limit, 0x0028)
MMIO_REG64_RO(amdvi, efr, 0x0030)
MMIO_REG64_RW(amdvi, command_head, 0x2000)
MMIO_REG64_RW(amdvi, command_tail, 0x2008)
MMIO_REG64_RW(amdvi, event_head, 0x2010)
MMIO_REG64_RW(amdvi, event_tail, 0x2018)
MMIO_REG64_RO(amdvi, status, 0x2020)
MMIO_REG64_WO(amdvi, status_ack, 0x2020) /* its bits are cleared by writing 1 */

/* 3.4.1 device table base: frames less one in 8:0 */
#define AMDVI_DEVTAB_SIZE(frames) ((uint64_t)(frames)-1)
/* 3.4.2, 3.4.3: log2 of the entries in 59:56 */
#define AMDVI_RING_LOG2(n) ((uint64_t)(n) << 56)
/* heads and tails: byte offsets in 18:4 */
#define AMDVI_RING_OFFSET(v) ((uint32_t)(v)&0x7fff0)
/* 3.4.4 control; HT_TUN .. ISOC are what the IVHD says */
#define AMDVI_CONTROL_IOMMU_EN     (UINT64_C(1) << 0)
#define AMDVI_CONTROL_HT_TUN_EN    (UINT64_C(1) << 1)
#define AMDVI_CONTROL_EVENT_LOG_EN (UINT64_C(1) << 2)
#define AMDVI_CONTROL_EVENT_INT_EN (UINT64_C(1) << 3)
#define AMDVI_CONTROL_PASS_PW      (UINT64_C(1) << 8)
#define AMDVI_CONTROL_RES_PASS_PW  (UINT64_C(1) << 9)
#define AMDVI_CONTROL_COHERENT     (UINT64_C(1) << 10)
#define AMDVI_CONTROL_ISOC         (UINT64_C(1) << 11)
#define AMDVI_CONTROL_CMD_BUF_EN   (UINT64_C(1) << 12)
/* These change how tables are read and may not change while the unit is on. */
#define AMDVI_CONTROL_GT_EN       (UINT64_C(1) << 16)
#define AMDVI_CONTROL_GA_EN       (UINT64_C(1) << 17)
#define AMDVI_CONTROL_DEV_TBL_SEG (UINT64_C(7) << 34)
#define AMDVI_CONTROL_XT_EN       (UINT64_C(1) << 50)
#define AMDVI_CONTROL_FORMATS \
    (AMDVI_CONTROL_GT_EN | AMDVI_CONTROL_GA_EN | AMDVI_CONTROL_DEV_TBL_SEG | AMDVI_CONTROL_XT_EN)
/* 3.4.9 extended features */
#define AMDVI_EFR_IA_SUP  (UINT64_C(1) << 6)
#define AMDVI_EFR_HATS(v) ((unsigned)((v) >> 10) & 3)
/* 3.4.14 status */
#define AMDVI_STATUS_EVENT_OVERFLOW (1u << 0)
#define AMDVI_STATUS_EVENT_LOG_INT  (1u << 1)
#define AMDVI_STATUS_EVENT_LOG_RUN  (1u << 3)
#define AMDVI_STATUS_CMD_BUF_RUN    (1u << 4)
#define AMDVI_STATUS_PPR_LOG_RUN    (1u << 7)
#define AMDVI_STATUS_GA_LOG_RUN     (1u << 8)
#define AMDVI_STATUS_RUN \
    (AMDVI_STATUS_EVENT_LOG_RUN | AMDVI_STATUS_CMD_BUF_RUN | AMDVI_STATUS_PPR_LOG_RUN | AMDVI_STATUS_GA_LOG_RUN)
/* EventOverflow, EventLogInt, ComWaitInt, PPROverflow, PPRInt, GALOverflow, GAInt */
#define AMDVI_STATUS_ACK_ALL 0x667u

#endif
