/* SPDX-License-Identifier: Apache-2.0 */
/* What the board*.c files share. */
#ifndef KERNEL_BOARD_READ_H
#define KERNEL_BOARD_READ_H

#include "board.h"

struct board_reader {
    struct board *b;
    const struct dt *dt;
    struct arena *a;
    struct diag *d;
};

#define BOARD_SMMUS 16

/* What one scan over the enabled nodes finds: the first of each kind (DT_NONE: none), and all SMMUs. */
enum board_kind { BOARD_GIC, BOARD_TIMER, BOARD_PSCI, BOARD_UART, BOARD_PCI, BOARD_KINDS };

struct board_nodes {
    dt_node_t first[BOARD_KINDS];
    dt_node_t iommu[BOARD_SMMUS];
    uint32_t iommus;
    uint32_t hosts; /* PCI host bridges */
    uint32_t regs;  /* at least as many as all nodes' reg entries that have a size */
};

/* ERR_INVALID with "board: /node/path: " before the text. */
err_t board_fail(const struct board_reader *r, dt_node_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Entry i of n's reg, with its end at 2^52 at the most. */
err_t board_read_reg(const struct board_reader *r, dt_node_t n, uint32_t i, struct board_range *out, bool *exists);
/* The same, refused when absent or smaller than min. */
err_t board_need_reg(const struct board_reader *r, dt_node_t n, uint32_t i, uint64_t min, struct board_range *out);

/* #interrupt-cells of a controller; 0: it is none. */
uint32_t board_interrupt_cells(const struct dt *dt, dt_node_t n);
/* The interrupt at cell i of p, at least three cells for the GIC, in node n. */
err_t board_read_gic_irq(const struct board_reader *r, dt_node_t n, const struct dt_prop *p, uint32_t i,
                         struct board_irq *out);

/* The index of a name in n's interrupt-names; def when there are no names, UINT32_MAX when it is not among
 * them. */
uint32_t board_interrupt_named(const struct dt *dt, dt_node_t n, const char *name, uint32_t def);
/* Interrupt i of n; INTID 0 when it has none that comes straight to the GIC. */
void board_interrupt_optional(const struct board_reader *r, dt_node_t n, uint32_t i, struct board_irq *out);
/* Interrupt i of n, a per-CPU one that must be there; what it is for goes into the message. */
err_t board_interrupt_private(const struct board_reader *r, dt_node_t n, uint32_t i, const char *what,
                              struct board_irq *out);

err_t board_read_memory(const struct board_reader *r);
err_t board_read_mmio(const struct board_reader *r, uint32_t max);
err_t board_read_cpus(const struct board_reader *r);
err_t board_read_pci(const struct board_reader *r, dt_node_t n);

#endif
