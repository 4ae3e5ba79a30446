/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's edu device (docs/specs/edu): a 4 KiB buffer and one DMA engine that aims anywhere. */
#include "guest.h"

uint32_t edu_slot, edu_irqs, edu_intid;
uint64_t edu_bar;

uint64_t pci_cfg(uint32_t slot, uint32_t fn, uint32_t off)
{
    return BOARD_ECAM + (slot << 15 | fn << 12 | off);
}

bool edu_init_from(uint32_t slot)
{
    for (edu_slot = slot; edu_slot < 32; edu_slot++)
        if (read32(pci_cfg(edu_slot, 0, 0)) == EDU_ID)
            break;
    if (edu_slot == 32)
        return false;
    edu_bar = read32(pci_cfg(edu_slot, 0, 0x10)) & ~0xfu;
    write32(pci_cfg(edu_slot, 0, 4), 0x6); /* command: memory, bus master */
    edu_irq_enable();
    return edu_bar != 0;
}

bool edu_init(void)
{
    return edu_init_from(0);
}

static bool edu_dma(uint64_t src, uint64_t dst, uint32_t bytes, uint32_t cmd)
{
    barrier();
    write64(edu_bar + EDU_DMA_SRC, src);
    write64(edu_bar + EDU_DMA_DST, dst);
    write64(edu_bar + EDU_DMA_COUNT, bytes);
    write64(edu_bar + EDU_DMA_CMD, cmd | 5);
    for (unsigned tries = 0; tries < 50; tries++) {
        uint32_t id = wait_irq(200);
        if (id != IRQ_TIME && read32(edu_bar + EDU_IRQ_STATUS) != 0) {
            edu_irqs++;
            edu_intid = id;
            write32(edu_bar + EDU_IRQ_ACK, read32(edu_bar + EDU_IRQ_STATUS));
        }
        irq_end(id);
        if (!(read32(edu_bar + EDU_DMA_CMD) & 1))
            return true;
    }
    return false;
}

bool edu_read(uint64_t bfn_address, uint32_t buf_offset, uint32_t bytes)
{
    return edu_dma(bfn_address, EDU_BUF + buf_offset, bytes, 0);
}

bool edu_write(uint64_t bfn_address, uint32_t buf_offset, uint32_t bytes)
{
    return edu_dma(EDU_BUF + buf_offset, bfn_address, bytes, 2);
}
