/* SPDX-License-Identifier: Apache-2.0 */
/* The time stamp counter, for bounded waits. */
#include "arch.h"
#include "arch_io.h"
#include "cpu.h"
#include "msr.h"

#define HZ_ASSUMED  UINT64_C(4000000000) /* waits are longer than they say on slower CPUs, never shorter */
#define PM_TIMER_HZ UINT64_C(3579545)
#define PM_TICKS    72u /* 20 microseconds */
#define PM_MASK     0xffffffu
#define PM_READS    10000u /* one that stands still */

static uint64_t hz = HZ_ASSUMED;

uint64_t arch_ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

uint64_t arch_ticks_hz(void)
{
    return hz;
}

/* SDM vol. 2, CPUID: leaf 15h: crystal in ECX, ratio EBX / EAX. */
static uint64_t cpuid_hz(void)
{
    struct cpuid c = cpuid_read(0, 0);

    if (c.a < 0x15)
        return 0;
    c = cpuid_read(0x15, 0);
    return c.a && c.b ? (uint64_t)c.c * c.b / c.a : 0;
}

static uint64_t pm_timer_hz(uint16_t port)
{
    uint32_t from = io_read32(port), gone = 0;
    uint64_t since = arch_ticks();

    for (uint32_t i = 0; i < PM_READS && gone < PM_TICKS; i++)
        gone = (io_read32(port) - from) & PM_MASK;
    return gone ? (arch_ticks() - since) * PM_TIMER_HZ / gone : 0;
}

void ticks_calibrate(uint16_t pm_timer)
{
    uint64_t found = cpuid_hz();

    if (!found && pm_timer)
        found = pm_timer_hz(pm_timer);
    if (found)
        hz = found;
}
