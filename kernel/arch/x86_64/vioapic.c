/* SPDX-License-Identifier: Apache-2.0 */
#include "vioapic.h"

#define SELECT 0x00
#define WINDOW 0x10

/* Registers behind the window (3.2) */
#define REG_ID          0x00
#define REG_VERSION     0x01
#define REG_ARBITRATION 0x02
#define REG_ENTRY       0x10
#define VERSION         (0x11u | (VIOAPIC_PINS - 1) << 16)
#define ID_SHIFT        24
#define ID_MASK         0x0fu

/* 3.2.4: delivery status (12) and remote IRR (14) are read-only, and zero: nothing waits. */
#define ENTRY_WRITABLE UINT64_C(0xff0000000001afff)
#define ENTRY_MASKED   (UINT64_C(1) << 16)

void vioapic_reset(struct vioapic *io, uint8_t id)
{
    lock_take(&io->lock);
    io->select = 0;
    io->id = id & ID_MASK;
    for (uint32_t i = 0; i < VIOAPIC_PINS; i++)
        io->entry[i] = ENTRY_MASKED;
    lock_give(&io->lock);
}

/* The half entry that is selected; 2 * VIOAPIC_PINS: none is. */
static uint32_t half_of(const struct vioapic *io)
{
    return io->select >= REG_ENTRY && io->select < REG_ENTRY + 2 * VIOAPIC_PINS ? io->select - (uint32_t)REG_ENTRY
                                                                                : 2 * VIOAPIC_PINS;
}

static uint32_t window_read(const struct vioapic *io)
{
    uint32_t i = half_of(io);

    switch (io->select) {
    case REG_ID:
    case REG_ARBITRATION:
        return (uint32_t)io->id << ID_SHIFT;
    case REG_VERSION:
        return VERSION;
    default:
        return i / 2 < VIOAPIC_PINS ? (uint32_t)(io->entry[i / 2] >> 32 * (i & 1)) : 0;
    }
}

static void window_write(struct vioapic *io, uint32_t value)
{
    uint32_t i = half_of(io);

    if (io->select == REG_ID)
        io->id = value >> ID_SHIFT & ID_MASK;
    if (i / 2 >= VIOAPIC_PINS)
        return;
    uint64_t *e = &io->entry[i / 2], half = UINT64_C(0xffffffff) << 32 * (i & 1);

    *e = ((*e & ~half) | ((uint64_t)value << 32 * (i & 1))) & ENTRY_WRITABLE;
}

uint32_t vioapic_read(struct vioapic *io, uint32_t off)
{
    uint32_t value = 0;

    lock_take(&io->lock);
    if (off == SELECT)
        value = io->select;
    else if (off == WINDOW)
        value = window_read(io);
    lock_give(&io->lock);
    return value;
}

void vioapic_write(struct vioapic *io, uint32_t off, uint32_t value)
{
    lock_take(&io->lock);
    if (off == SELECT)
        io->select = (uint8_t)value;
    else if (off == WINDOW)
        window_write(io, value);
    lock_give(&io->lock);
}

bool vioapic_set(struct vioapic *io, uint32_t pin, bool level, uint64_t *entry)
{
    uint32_t bit = pin < VIOAPIC_PINS ? UINT32_C(1) << pin : 0;
    bool rises;

    lock_take(&io->lock);
    rises = level && bit & ~io->level;
    io->level = level ? io->level | bit : io->level & ~bit;
    *entry = rises ? io->entry[pin] : ENTRY_MASKED;
    lock_give(&io->lock);
    return rises && !(*entry & ENTRY_MASKED);
}
