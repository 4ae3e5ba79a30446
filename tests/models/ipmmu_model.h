/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Renesas R-Car Gen3 IPMMU-VMSA at register level: the main IPMMU (unit 0, eight contexts, walks the
 * tables) and the cache IPMMUs (units 1.., micro-TLBs of the masters), as strict as hardware may be:
 *  - IMUCTR.MMUEN 0 (also after reset) is *bypass*: the master's address goes out as it is. The only way to
 *    cut a master off is MMUEN 1 with a context that faults, so a root table of zeros;
 *  - a micro-TLB on a context that is off, in the main IPMMU or in its own cache IPMMU (IMCTR.MMUEN of both),
 *    passes likewise: IMCTR has to be set in both, the other context registers exist in the main one alone;
 *  - what was translated stays: in the main IPMMU until IMCTR.FLUSH of the context, in a micro-TLB until
 *    IMUCTR.FLUSH, or IMCTR.FLUSH of the context in its cache IPMMU. IMCTR.FLUSH reads as 1 until it is done
 *    (after `delay` reads); one that is under way in a cache IPMMU ends, too, when a later one of the main
 *    IPMMU does;
 *  - without coherency (Gen3 does not snoop) the walker sees what was cleaned with arch_clean;
 *  - input bits: IMCTR.VA64 0: 32 - TSZ0 (2:0); VA64 1 (main only): 64 - TSZ0 (4:0), so 33..39 with a root of
 *    one frame, SL0 (7:6) 2: the walk starts at level 1; output 40 bits; IMTTBCR.EAE 1, PMB 0;
 *  - descriptors need NS, NSTable (without: secure access fault), AF and AP[1];
 *  - IMSTR holds the first fault of a context until 0 is written; IMELAR and IMEUAR are 0 from then on.
 * Anything else that is wrong is recorded in violation.
 */
#ifndef MODELS_IPMMU_MODEL_H
#define MODELS_IPMMU_MODEL_H

#include "arch_mmio.h"
#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

#define IPMMU_MODEL_UNITS    4 /* unit 0: the main IPMMU */
#define IPMMU_MODEL_CONTEXTS 8
#define IPMMU_MODEL_UTLBS    48
#define IPMMU_MODEL_ENTRIES  256

enum ipmmu_model_way { IPMMU_MODEL_FAULT, IPMMU_MODEL_TRANSLATED, IPMMU_MODEL_BYPASS };

struct ipmmu_model_context {
    uint32_t imctr, imttbcr, imttlbr, imttubr, immair0, immair1, imstr, imelar, imeuar;
    uint32_t flush_reads; /* reads since FLUSH was set */
};

/* A descriptor that the main IPMMU holds (key: its address), or a page that a micro-TLB holds. */
struct ipmmu_model_entry {
    bool valid;
    uint8_t context, utlb;
    uint64_t key, word;
};

struct ipmmu_model_unit {
    struct ipmmu_model_context context[IPMMU_MODEL_CONTEXTS]; /* of a cache IPMMU: imctr alone */
    uint32_t imuctr[IPMMU_MODEL_UTLBS], imuasid[IPMMU_MODEL_UTLBS];
    uint32_t imsctlr, imsauxctlr;
    struct ipmmu_model_entry entry[IPMMU_MODEL_ENTRIES];
    unsigned next; /* entry that is replaced next */
    struct ipmmu_model *model;
};

struct ipmmu_model {
    struct ipmmu_model_unit unit[IPMMU_MODEL_UNITS];
    unsigned units;
    const struct pool *pool;
    bool coherent;
    uint8_t *mem; /* as the walker sees the pool */

    /* Errors to inject, and what a test asks for. */
    bool flush_hangs;                    /* IMCTR.FLUSH never ends */
    unsigned delay;                      /* reads of IMCTR until FLUSH ends */
    uint64_t masters[IPMMU_MODEL_UNITS]; /* bit i: a master sits behind micro-TLB i; all, until the test says
                                            less */
    bool guarded; /* from now on a register write that lets a master pass untranslated is a violation */

    /* Seen. */
    bool irq;                 /* a fault of a context with IMCTR.INTEN; the test clears it */
    enum ipmmu_model_way way; /* of the last access */
    uint8_t attr;             /* MAIR byte of the last translated access */
    unsigned walks, flushes;  /* descriptors read from memory; IMCTR.FLUSH of the main unit completed */
    unsigned lost;            /* faults while IMSTR held another */
    char violation[256];      /* the first one */
    unsigned violations;
};

/*
 * Reset state with this many units (2..4): everything off, so every master passes. Hooks itself into
 * arch_host; free with ipmmu_model_fini. Tables and registers may name frames of pool alone.
 */
void ipmmu_model_init(struct ipmmu_model *m, const struct pool *pool, unsigned units, bool coherent);
void ipmmu_model_fini(struct ipmmu_model *m);
mmio_t ipmmu_model_mmio(struct ipmmu_model *m, unsigned unit);

/* Firmware left this context on, 32 input bits, with a root in pool; utlb of a cache unit uses it. */
void ipmmu_model_firmware(struct ipmmu_model *m, unsigned unit, unsigned utlb, unsigned context, maddr_t root);

/* An access of the master behind a micro-TLB. True: it reaches *out (m->way: translated, or untranslated). */
bool ipmmu_model_dma(struct ipmmu_model *m, unsigned unit, unsigned utlb, uint64_t addr, bool write, maddr_t *out);

#endif
