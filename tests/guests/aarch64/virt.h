/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are for our guests on QEMU's `virt`: bare metal and, because the emulated
 * frames sit at the board's own addresses, in a partition too. The memory of a partition is
 * what the manifests of examples/ and tests/boards/ give it.
 */
#ifndef GUESTS_VIRT_H
#define GUESTS_VIRT_H

#define VIRT_FW_CFG          0x09020000ul
#define VIRT_GICD            0x08000000ul
#define VIRT_GITS            0x08080000ul
#define VIRT_GITS_TRANSLATER 0x08090040ul
#define VIRT_GICR            0x080a0000ul
#define VIRT_UART            0x09000000ul
#define VIRT_RTC             0x09010000ul
#define VIRT_GPIO            0x09030000ul
#define VIRT_SMMU            0x09050000ul
#define VIRT_PCI_MEM         0x10000000ul
#define VIRT_ECAM            0x4010000000ul
#define VIRT_ECAM_SIZE       0x100000ul   /* one bus */
#define VIRT_RAM             0x40000000ul /* of the board: machine addresses */
#define VIRT_RAM_END         0xc0000000ul

#define VIRT_INTID_UART   33
#define VIRT_INTID_INTX   35 /* 35..38: the four INTx lines, by (slot + pin - 1) % 4 */
#define VIRT_INTID_VTIMER 27

/* SMMUv3 of `virt`: input addresses have 44 bits. */
#define VIRT_IN_BITS 44

/*
 * A partition that owns an edu device. Its memory lies above the board's, so that every
 * machine address of RAM, its own included, is a hole to its device.
 */
#define GUEST_RAM         0xd0000000ul
#define GUEST_RAM_SIZE    0x01000000ul
#define GUEST_ROM         0xe0000000ul /* ram-ro */
#define GUEST_DMA_READ    0xe1000000ul /* ram, dma = "read" */
#define GUEST_DMA_NONE    0xe2000000ul /* ram, dma = "none" */
#define GUEST_REGION_SIZE 0x00200000ul /* each of these three */

/* What every board has, for guests that run on any. */
#define BOARD_ECAM       VIRT_ECAM
#define BOARD_IOMMU      VIRT_SMMU
#define BOARD_RAM        VIRT_RAM
#define BOARD_RAM_END    VIRT_RAM_END
#define BOARD_HYPERVISOR VIRT_RAM /* image and tables begin near there */
#define BOARD_MMIO_READ                                                                               \
    VIRT_GICD, VIRT_GICR, VIRT_GITS, VIRT_GITS_TRANSLATER & ~0xffful, VIRT_UART, VIRT_RTC, VIRT_GPIO, \
        VIRT_FW_CFG & ~0xffful, VIRT_SMMU, VIRT_ECAM, VIRT_PCI_MEM
#define BOARD_MMIO_WRITTEN                                                                           \
    VIRT_GICD, VIRT_GICR + 0x10000, VIRT_GITS_TRANSLATER & ~0xffful, VIRT_UART, VIRT_RTC, VIRT_GPIO, \
        VIRT_FW_CFG & ~0xffful, VIRT_SMMU, VIRT_ECAM

#endif
