/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renesas R-Car Gen3 IPMMU-VMSA (R-Car Series, 3rd Generation User's Manual, chapter IPMMU): a main IPMMU
 * (IPMMU-MM) with the translation contexts, and cache IPMMUs with the micro-TLBs of the masters. It walks
 * stage-1 tables in the long-descriptor format, so it never shares a table with the CPU's second stage.
 *
 * A micro-TLB that is off, or on a context that is off, lets its master pass untranslated. So nothing is
 * ever switched off: who has no partition sits on context 0, which is on, with the quarantine's table: an
 * empty one, so that all DMA faults, or one whose every input leads to a scratch page. (Context 0 is given to
 * nobody, as in other systems for this part.)
 *
 * Order of use: block (the main unit, then every cache unit), context_add for each partition that owns a
 * master (never for another), enable, attach... The partition's devices are known before the first table is
 * built: a context is complete when it is enabled, and only then a master may use it.
 */
#ifndef KERNEL_IOMMU_IPMMU_H
#define KERNEL_IOMMU_IPMMU_H

#include "diag.h"
#include "lock.h"
#include "mmio.h"
#include "p2m/pt.h"

#define IPMMU_CONTEXTS   8
#define IPMMU_UTLBS      48
#define IPMMU_QUARANTINE 0 /* the context of masters that no partition owns */
#define IPMMU_FRAMES     1 /* for the root of its table, which is the caller's; a scratch tree adds its own */
#define IPMMU_REGS_SIZE  0x1000u

struct ipmmu_context {
    maddr_t root;
    struct pt_shape shape; /* in_bits 32..39, out_bits up to 40, root_level 2 */
};

/* Register values; constructors are pure and unit-tested. c as checked by ipmmu_context_add. */
uint32_t ipmmu_imctr(const struct ipmmu_context *c); /* on, fault interrupt on, 64-bit mode for > 32 bits */
uint32_t ipmmu_imttbcr(const struct ipmmu_context *c);
uint32_t ipmmu_immair0(void); /* 0 device, 1 write-back, 2 non-cacheable: as pt_format_ipmmu names them */
uint32_t ipmmu_imuctr(uint8_t context);

struct ipmmu_fault {
    uint8_t context;
    const char *what; /* "translation fault", "permission fault" ... */
    uint64_t addr;
};

/* One hardware unit; main: the unit that holds the contexts (a main unit points to itself). */
struct ipmmu {
    mmio_t base;
    maddr_t at; /* of the registers: names the unit in messages */
    struct ipmmu *main;
    struct ipmmu *next;                /* the cache units of a main unit, from its own next on */
    uint8_t utlbs;                     /* micro-TLBs of this unit */
    uint8_t utlb_context[IPMMU_UTLBS]; /* the context of each */
    /* Of a main unit: */
    uint8_t contexts;               /* that the hardware has */
    uint8_t used;                   /* contexts given out, the quarantine's among them */
    uint32_t imctr[IPMMU_CONTEXTS]; /* what keeps the context on, set by context_add */
    uint32_t enabled;               /* bit i: context i is on */
    struct lock lock;
};

/*
 * Cut off every master behind the unit: pending faults acknowledged, contexts off and flushed, the
 * quarantine on, every micro-TLB on it. The main unit comes first; a cache unit joins it. u is filled in.
 * quarantine: its table, complete and cleaned: empty, or a scratch tree. A cache unit takes its main unit's.
 */
err_t ipmmu_block(struct ipmmu *u, mmio_t base, maddr_t at, struct ipmmu *main_unit,
                  const struct ipmmu_context *quarantine, uint8_t contexts, uint8_t utlbs, struct diag *d);
/*
 * Give a table, complete and cleaned, to the next free context of a main unit; *index is its number.
 * Refused when none is left, with the number.
 */
err_t ipmmu_context_add(struct ipmmu *main_unit, const struct ipmmu_context *c, uint8_t *index, struct diag *d);
/* Flush the context, switch it on in the main and all cache units, and flush it again. */
err_t ipmmu_enable(struct ipmmu *main_unit, uint8_t context, struct diag *d);
/*
 * Let micro-TLB utlb of a unit translate by an enabled context. The same context again is no error;
 * another one needs ipmmu_quarantine first.
 */
err_t ipmmu_attach(struct ipmmu *u, uint8_t utlb, uint8_t context, struct diag *d);
/* Forget cached translations of an enabled context; returns after completion. */
err_t ipmmu_flush(struct ipmmu *main_unit, uint8_t context, struct diag *d);
/*
 * Give one master the quarantine's map (which is the same for all of a main unit, so it is no argument): one
 * register write, and a flush of the context that it had. It can be attached again.
 */
err_t ipmmu_quarantine(struct ipmmu *u, uint8_t utlb, struct diag *d);
/*
 * Fault of each context, at most one a context and call: the status register holds one. Those of
 * context 0, which nobody owns, raise no interrupt. Returns the number. fn is called without the lock.
 */
typedef void ipmmu_fault_fn(void *ctx, const struct ipmmu_fault *f);
uint32_t ipmmu_faults(struct ipmmu *main_unit, ipmmu_fault_fn *fn, void *ctx);

#endif
