/* SPDX-License-Identifier: Apache-2.0 */
/* A register model of a GICv3's distributor and redistributors, of one CPU's system registers, and a board of
 * four CPUs. */
#ifndef MODELS_GICV3_MODEL_H
#define MODELS_GICV3_MODEL_H

#include "gicv3.h"

#include <gicv3_sysreg.h>

#define GIC_CPUS   4
#define GIC_VTIMER 27
#define GIC_PTIMER 30
#define GIC_MAINT  25

struct gic_frame {
    uint8_t reg[0x20000]; /* redistributor: RD_base, SGI_base */
    uint32_t stuck;       /* bits of GICx_CTLR that never clear */
    bool sleepy;          /* ChildrenAsleep never clears */
};

extern struct gic_frame gicd, gicr[8];
extern struct board gic_board;

/* As after power-on: redistributors in an order of their own, in two regions, with holes and a GICv4 one. */
void gic_model_reset(void);

/* gicr[i] is there, for the CPU of this affinity; flags of GICR_TYPER: bit 4 Last, bit 1 VLPIS. */
void gic_redist_is(uint32_t i, uint32_t aff, uint64_t flags);

mmio_t gic_map(maddr_t a);

uint32_t get32(const struct gic_frame *f, uint32_t off);
void put32(struct gic_frame *f, uint32_t off, uint32_t v);

#endif
