/* SPDX-License-Identifier: Apache-2.0 */
#include "ioapic.h"

#include "arch_io.h"

MMIO_REG32_WO(ioapic, select, 0x00)
MMIO_REG32_RW(ioapic, window, 0x10)

#define REG_VERSION     0x01u /* 23:16: the last pin */
#define REG_ENTRY(pin)  (0x10u + 2 * (pin))
#define ENTRY_MASKED    UINT64_C(0x10000)
#define PIC_MASK_FIRST  0x21
#define PIC_MASK_SECOND 0xa1

void ioapic_route(mmio_t base, uint32_t pin, uint64_t entry)
{
    /* The half with the mask first when it is set, last when it is cleared. */
    ioapic_write_select(base, REG_ENTRY(pin));
    ioapic_write_window(base, (uint32_t)(entry | ENTRY_MASKED));
    ioapic_write_select(base, REG_ENTRY(pin) + 1);
    ioapic_write_window(base, (uint32_t)(entry >> 32));
    ioapic_write_select(base, REG_ENTRY(pin));
    ioapic_write_window(base, (uint32_t)entry);
}

uint32_t ioapic_silence(mmio_t base)
{
    uint32_t pins;

    ioapic_write_select(base, REG_VERSION);
    pins = (ioapic_read_window(base) >> 16 & 0xff) + 1;
    for (uint32_t i = 0; i < pins; i++)
        ioapic_route(base, i, ENTRY_MASKED);
    return pins;
}

void pic_silence(void)
{
    io_write8(PIC_MASK_FIRST, 0xff);
    io_write8(PIC_MASK_SECOND, 0xff);
}
