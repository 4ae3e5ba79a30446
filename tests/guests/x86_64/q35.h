/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are for our guests on QEMU's `q35`, with SeaBIOS. The memory of a partition is what the manifests of
 * examples/ give it.
 */
#ifndef GUESTS_Q35_H
#define GUESTS_Q35_H

#define Q35_VGA      0x000a0000ul
#define Q35_ECAM     0xb0000000ul
#define Q35_PCI_MEM  0xc0000000ul
#define Q35_IOAPIC   0xfec00000ul
#define Q35_HPET     0xfed00000ul
#define Q35_RCRB     0xfed1c000ul
#define Q35_AMDVI    0xfed80000ul
#define Q35_VTD      0xfed90000ul
#define Q35_FLASH    0xfffc0000ul
#define Q35_RAM_END  0x40000000ul /* of the board, from 0: machine addresses */
#define Q35_PM_TIMER 0x608        /* port */
#define Q35_SLEEP    0x604        /* port of a partition's sleep control register */
#define Q35_NVME     0x10000ul    /* another partition's function, 00:02.0, in ECAM */

/* What every board has, for guests that run on any. */
#define BOARD_ECAM       Q35_ECAM
#define BOARD_IOMMU      Q35_VTD
#define BOARD_RAM        0ul
#define BOARD_RAM_END    Q35_RAM_END
#define BOARD_HYPERVISOR 0x01000000ul
#define BOARD_MMIO_READ                                                                             \
    Q35_VGA, Q35_ECAM, Q35_ECAM + Q35_NVME, Q35_PCI_MEM, Q35_IOAPIC, Q35_HPET, Q35_RCRB, Q35_AMDVI, \
        Q35_AMDVI + 0x2000, Q35_VTD, Q35_FLASH
#define BOARD_MMIO_WRITTEN \
    Q35_VGA, Q35_ECAM, Q35_ECAM + Q35_NVME, Q35_IOAPIC, Q35_HPET, Q35_RCRB, Q35_AMDVI, Q35_VTD, Q35_FLASH

/*
 * A partition that owns an edu device. Behind the board's memory the PCI window begins, where no device reaches memory:
 * so the partition's lies at addresses that the board has memory at, too, which is another's.
 */
#define GUEST_RAM         0x30000000ul
#define GUEST_RAM_SIZE    0x01000000ul
#define GUEST_ROM         0x38000000ul /* ram-ro */
#define GUEST_DMA_READ    0x38200000ul /* ram, dma = "read" */
#define GUEST_DMA_NONE    0x38400000ul /* ram, dma = "none" */
#define GUEST_REGION_SIZE 0x00200000ul /* each of these three */

#endif
