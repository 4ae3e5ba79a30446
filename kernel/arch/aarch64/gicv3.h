/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's GICv3 (IHI 0069): distributor, redistributors and the CPU interface of EL2.
 * All interrupts are non-secure Group 1. A partition's interrupts are enabled, configured and routed on its
 * behalf by vgic.c; the hypervisor's own by gicv3_claim.
 */
#ifndef ARCH_AARCH64_GICV3_H
#define ARCH_AARCH64_GICV3_H

#include "board.h"
#include "lock.h"
#include "mmio.h"

#define GIC_SPI_FIRST   32
#define GIC_INTID_LIMIT 1020 /* 1020..1023 are special */
#define GIC_KICK_SGI    0    /* physical SGI: look at your partition's state */
#define GIC_PRIO_GUEST  0xa0
#define GIC_PRIO_HV     0x80

struct gicv3 {
    const struct board *board;
    mmio_t gicd;
    mmio_t *gicr;     /* by board CPU: RD_base; SGI_base is 64 KiB above */
    uint32_t intids;  /* implemented: 32 * (ITLinesNumber + 1), at most 1020 */
    struct lock lock; /* read-modify-write of registers that interrupts of several owners share */
};

extern struct gicv3 gicv3;

/*
 * Bring the distributor to a known state: affinity routing, Group 1, every SPI disabled, not pending, not
 * active, at GIC_PRIO_GUEST; find each CPU's redistributor by its affinity (bounded walk). map turns a
 * machine address into a mapped base. Refused with a text: not a GICv3, a CPU without redistributor.
 */
err_t gicv3_init(const struct board *b, mmio_t (*map)(maddr_t), struct arena *a, struct diag *d);

/*
 * On each CPU: gicv3_redist_init, open the CPU interface (ICC_*, EOImode 1), reset the virtual one. Refused
 * with a text: no system registers, fewer than two list registers.
 */
err_t gicv3_cpu_init(uint32_t board_cpu, struct diag *d);

/* Wake the redistributor; PPIs and SGIs off but GIC_KICK_SGI and the maintenance interrupt. LPIs that cannot
 * be switched off are refused. */
err_t gicv3_redist_init(uint32_t board_cpu, struct diag *d);

/* On each CPU: list registers empty, nothing active, virtual interface off, registers that a guest writes as
 * after reset. */
void gicv3_virtual_reset(void);

/* Take an interrupt for the hypervisor: priority GIC_PRIO_HV, configured, routed to board_cpu (PPI: that
 * CPU's own), enabled. */
void gicv3_claim(struct board_irq irq, uint32_t board_cpu);

/* Registers of one interrupt; board_cpu selects the redistributor when intid < 32. A disabled one is not
 * taken any more. */
void gicv3_set_enabled(uint32_t intid, uint32_t board_cpu, bool on);
void gicv3_set_edge(uint32_t intid, uint32_t board_cpu, bool edge);
void gicv3_set_route(uint32_t spi, uint64_t mpidr);
void gicv3_set_pending(uint32_t intid, uint32_t board_cpu, bool on);
void gicv3_set_active(uint32_t intid, uint32_t board_cpu, bool on);

/* What the 32 INTIDs from intid on (a multiple of 32) are; other partitions' among them: mask it. */
uint32_t gicv3_read_pending(uint32_t intid, uint32_t board_cpu);
uint32_t gicv3_read_active(uint32_t intid, uint32_t board_cpu);

/* Send GIC_KICK_SGI to one CPU (ICC_SGI1R_EL1). */
void gicv3_kick(uint64_t mpidr);

#endif
