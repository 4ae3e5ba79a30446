/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SMMUv3 at register level (IHI 0070), as strict as the manual allows hardware to be:
 *  - every structure it fetched stays cached until a command drops it, a translation until the CMD_SYNC behind
 *    the TLB command of its VMID, or of all of them;
 *  - without coherency it sees only what was cleaned (memory of its own beside the pool);
 *  - commands run only while CMDQ_CONS is polled, updates are acknowledged only after some reads;
 *  - after every register write and every barrier it checks all watched streams for a way through
 *    that nobody gave them, with the cached and with freshly read structures, also torn ones: any
 *    mixture of an entry's words as cached and as in memory (3.21.3: in any order, one by one).
 * Anything the manual forbids is recorded in violation.
 *
 * Sources: tests/models/smmuv3_model.c and tests/models/smmuv3_model_walk.c.
 */
#ifndef MODELS_SMMUV3_MODEL_H
#define MODELS_SMMUV3_MODEL_H

#include "arch_mmio.h"
#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_WATCHES 64
#define MODEL_TLB     256
#define MODEL_CMDS    512

/* What a stream's access meets. */
enum model_dma { MODEL_ABORT, MODEL_BAD_STREAM, MODEL_BAD_STE, MODEL_BYPASS, MODEL_STAGE2, MODEL_OTHER };

struct model_watch {
    uint32_t sid;
    bool given;       /* may pass, but only with exactly these words */
    uint64_t want[8]; /* of its STE */
    bool moving;      /* on its way to another map: may pass with these, too */
    uint64_t also[8];
    bool cached; /* the unit holds what follows */
    enum model_dma got;
    uint64_t ste[8];
};

/* A page of 4 KiB that the unit holds the translation of. */
struct smmuv3_model_tlb {
    bool held, leaves; /* leaves: with the next CMD_SYNC */
    uint16_t vmid;
    uint64_t page, out; /* frame numbers */
    uint8_t rights;     /* 1 read, 2 write */
};

struct smmuv3_model {
    uint32_t idr0, idr1, idr5;
    uint32_t cr0, cr0ack, cr1, cr2, gbpa, gbpa_live, irq_ctrl, irq_ctrlack, gerror, gerrorn;
    uint64_t strtab_base, cmdq_base, evtq_base, gerror_irq_cfg0, evtq_irq_cfg0;
    uint32_t strtab_cfg, cmdq_prod, cmdq_cons, evtq_prod, evtq_cons;

    const struct pool *pool;
    uint8_t *mem, *seen, *before; /* the unit's memory; what the CPU's cache held clean; mem at the last check */
    bool coherent;

    /* Errors to inject. */
    uint32_t never_ack; /* CR0 bits that never reach CR0ACK */
    bool irq_never_ack, gbpa_hangs, gbpa_lacks_abort, cmdq_hangs;
    unsigned delay;      /* reads until something is acknowledged */
    unsigned fail_cmd;   /* this command from now on fails, 1: the next; 0: none */
    uint8_t fail_reason; /* CMDQ_CONS.ERR */

    /* Seen. */
    unsigned waited;
    uint8_t cmd[MODEL_CMDS]; /* opcodes in the order they were run */
    unsigned cmds;
    bool cfgi_all, tlbi_nsnh, tlbi_el2, synced; /* since CMDQEN */
    uint16_t vmall;                             /* VMID of the last TLBI_S12_VMALL */
    bool watching;
    struct model_watch watch[MODEL_WATCHES];
    unsigned watches;
    struct smmuv3_model_tlb tlb[MODEL_TLB];
    unsigned tlbs;       /* where the next one goes: the oldest is replaced */
    char violation[256]; /* the first one */
    unsigned violations;
};

/* QEMU's ID registers, reset state. Hooks itself into arch_host; free with smmuv3_model_fini. */
void smmuv3_model_init(struct smmuv3_model *m, const struct pool *pool, bool coherent);
void smmuv3_model_fini(struct smmuv3_model *m);
mmio_t smmuv3_model_mmio(struct smmuv3_model *m);

/* Check this stream from now on; nothing may pass until the test sets given and want. */
struct model_watch *smmuv3_model_watch(struct smmuv3_model *m, uint32_t sid);

/* What an access of the stream meets, by its entry, cached from now on; records the event that this causes. */
enum model_dma smmuv3_model_stream(struct smmuv3_model *m, uint32_t sid);

/* An access of a stream. True: it reaches *out. False: aborted, with an event where the manual wants one. */
bool smmuv3_model_dma(struct smmuv3_model *m, uint32_t sid, uint64_t addr, bool write, maddr_t *out);

/* Put a record into the event queue, as a fault would. */
void smmuv3_model_event(struct smmuv3_model *m, const uint64_t w[4]);

#endif
