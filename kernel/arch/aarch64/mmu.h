/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's own address space: identity, with the stacks in an area of their own.
 *
 * Early: 2 MiB blocks of the image, the DTB, the bundle and the devices that are read before
 * the plan exists; the image's blocks writable and executable, one CPU, no guest. Final: the plan's tables,
 * with W^X and guard pages, before any other CPU or guest runs.
 */
#ifndef ARCH_AARCH64_MMU_H
#define ARCH_AARCH64_MMU_H

#include "layout.h"
#include "mmio.h"
#include "plan.h"

/* MAIR_EL2 (D19.2.97): 0 Device-nGnRE, 1 Normal write-back, 2 Normal non-cacheable; pt_format_arm_el2 names
 * them. */
#define MMU_MAIR UINT64_C(0x44ff04)

struct mmu_config {
    uint64_t mair, tcr, ttbr, sctlr;
};

#define MMU_DTB_HEADER 40 /* bytes of struct fdt_header */

/* Called by head.S with the MMU off. dtb: where x0 pointed; only its header is mapped. */
const struct mmu_config *mmu_early_init(uint64_t dtb);

/* Map [base, base + size) in 2 MiB blocks early. False: out of early tables. */
bool mmu_early_map(maddr_t base, uint64_t size, bool device) __attribute__((warn_unused_result));

/* Switch this CPU to the tables of the plan; mmu_final is what other CPUs start with. */
void mmu_switch(mfn_t root);
extern struct mmu_config mmu_final;

/* MMIO base of a mapped device. */
static inline mmio_t mmu_device(maddr_t a)
{
    return (mmio_t){(volatile uint8_t *)(uintptr_t)a.v};
}

void mmu_load(const struct mmu_config *c);

#endif
