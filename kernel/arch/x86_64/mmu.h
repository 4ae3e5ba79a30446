/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's own address space: identity, with the stacks in an area of their own.
 *
 * Early: the first 4 GiB in pages of 2 MiB, writable and executable, and what lies above as it is asked for; one
 * CPU, no guest. Final: the plan's tables, with W^X and guard pages, before any other CPU or guest runs.
 */
#ifndef ARCH_X86_64_MMU_H
#define ARCH_X86_64_MMU_H

#include "mmio.h"
#include "plan.h"

/* Map [base, base + size) early. False: out of early tables, or above 2^47. */
bool mmu_early_map(maddr_t base, uint64_t size, bool device) __attribute__((warn_unused_result));

/* Switch this CPU to the tables of the plan. */
void mmu_switch(mfn_t root);

/* Where a CPU's stack ends in these tables. */
static inline uint64_t mmu_stack_top(uint32_t board_cpu)
{
    uint64_t frame = HV_STACK_VBASE + (uint64_t)board_cpu * HV_STACK_STRIDE + 1 + HV_STACK_FRAMES;

    return frame << FRAME_SHIFT;
}

/* MMIO base of a mapped device. */
static inline mmio_t mmu_device(maddr_t a)
{
    return (mmio_t){(volatile uint8_t *)(uintptr_t)a.v};
}

#endif
