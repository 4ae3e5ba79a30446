/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the VT-d model share: vtd_model.c has registers and commands, vtd_model_walk.c
 * tables, caches and faults. */
#ifndef MODELS_VTD_MODEL_PRIV_H
#define MODELS_VTD_MODEL_PRIV_H

#include "vtd_model.h"

/* GCMD and GSTS (10.4.4, 10.4.5) */
#define TE       (1u << 31)
#define SRTP     (1u << 30)
#define SFL      (1u << 29)
#define EAFL     (1u << 28)
#define WBF      (1u << 27)
#define QIE      (1u << 26)
#define IRE      (1u << 25)
#define SIRTP    (1u << 24)
#define CFI      (1u << 23)
#define LASTING  (TE | EAFL | QIE | IRE | CFI)
#define ONE_SHOT (SRTP | SFL | WBF | SIRTP)
/* FSTS (10.4.9), FECTL (10.4.10) */
#define PFO    (1u << 0)
#define PPF    (1u << 1)
#define IQE    (1u << 4)
#define IM     (1u << 31)
#define IP     (1u << 30)
#define EPM    (1u << 31)
#define BIT(n) (UINT64_C(1) << (n))
#define PAGE   0xfffu

typedef unsigned long long ull;

enum { TT_UNTRANSLATED, TT_DEVICE_TLB, TT_PASS, TT_RESERVED };

/* What an access meets. */
struct way {
    bool pass, untranslated, scalable, fpd;
    uint8_t reason; /* 0: blocked without a record, or passed */
    uint16_t id;
    uint64_t root;
    uint64_t out;
};

__attribute__((format(printf, 2, 3))) void vtd_violate(struct vtd_model *m, const char *fmt, ...);

/* The pool as it is in memory, and as a table walk sees it. */
uint8_t *vtd_arrived(struct vtd_model *m);
uint8_t *vtd_view(struct vtd_model *m);
uint64_t vtd_pool_size(const struct vtd_model *m);
/* Words of firmware's memory, or of an image of the pool; false: neither. */
bool vtd_fetch(struct vtd_model *m, const uint8_t *image, uint64_t at, uint64_t *w, unsigned words);

/* The fault event's interrupt (7.4). */
void vtd_event(struct vtd_model *m);
unsigned vtd_fault_regs(const struct vtd_model *m);
/* PPF and FRI follow the F bits. */
void vtd_fsts_update(struct vtd_model *m);

/* The fault of a context entry, 0: good. */
uint8_t vtd_context_fault(const struct vtd_model *m, const uint64_t w[2]);
/* Root and context entry of a function from an image of memory; 0, or the fault. */
uint8_t vtd_context_read(struct vtd_model *m, const uint8_t *image, uint16_t bdf, uint64_t w[2], uint64_t *where);
/* A memory request through the caches; no fault is recorded. */
struct way vtd_translate(struct vtd_model *m, uint16_t bdf, uint64_t addr, bool write);
/* An interrupt remapping entry through its cache. */
bool vtd_irte_get(struct vtd_model *m, uint16_t index, uint64_t w[2]);

#endif
