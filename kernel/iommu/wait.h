/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded wait of every IOMMU driver: 100 ms, whatever the unit does. */
#ifndef KERNEL_IOMMU_WAIT_H
#define KERNEL_IOMMU_WAIT_H

#include "arch.h"
#include "mmio.h"

#include <stdbool.h>

/* Have 100 ms passed since start (arch_ticks())? */
static inline bool iommu_wait_is_over(uint64_t start)
{
    return arch_ticks() - start > arch_ticks_hz() / 10;
}

/* Until (register & mask) == want; false: not within 100 ms. */
static inline bool iommu_wait_for(mmio_t base, uint32_t (*read)(mmio_t), uint32_t mask, uint32_t want)
{
    uint64_t start = arch_ticks();
    bool over;
    do {
        over = iommu_wait_is_over(start);
        if ((read(base) & mask) == want)
            return true;
        arch_relax();
    } while (!over);
    return false;
}

#endif
