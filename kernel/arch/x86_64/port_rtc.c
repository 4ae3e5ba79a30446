/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a PC (MC146818A data sheet): the board's time, which guests read and cannot set. No alarm and no
 * interrupt; memory reads as zero. It never says that an update is in progress: who reads in the middle of one sees
 * that the seconds have changed, as every driver checks.
 */
#include "arch_io.h"
#include "partition.h"
#include "ports.h"

#define DATE_LAST     0x09u /* seconds first; alarms between */
#define STATUS_A      0x0au
#define STATUS_B      0x0bu
#define STATUS_D      0x0du
#define CENTURY       0x32u
#define IS_ALARM(reg) ((reg) < 6 && ((reg)&1))

#define A_32768HZ UINT8_C(0x26)
#define B_FORMAT  UINT8_C(0x06) /* 24 hours, or 12; binary, or BCD: as the board's is */
#define D_VALID   UINT8_C(0x80)

static struct lock lock; /* one index register for all partitions */

static uint8_t machine_read(uint8_t reg)
{
    uint8_t value;

    lock_take(&lock);
    io_write8(PORT_RTC, reg);
    value = io_read8(PORT_RTC + 1);
    lock_give(&lock);
    return value;
}

uint32_t port_rtc_read(struct vcpu *v, uint16_t port, unsigned width)
{
    uint8_t reg = v->part->arch.rtc_index;

    if (port == PORT_RTC || width != 1)
        return UINT32_MAX;
    if (reg == STATUS_A)
        return A_32768HZ;
    if (reg == STATUS_B)
        return machine_read(reg) & B_FORMAT;
    if (reg == STATUS_D)
        return D_VALID;
    return (reg <= DATE_LAST && !IS_ALARM(reg)) || reg == CENTURY ? machine_read(reg) : 0;
}

/* Bit 7 of the index would mask NMIs. */
void port_rtc_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    if (port == PORT_RTC && width == 1)
        v->part->arch.rtc_index = value & 0x7f;
}
