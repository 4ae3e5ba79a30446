/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An AMD-Vi unit at register level (AMD 48882), as strict as the manual allows hardware to be:
 *  - device table entries, interrupt table entries and translations stay cached, also the blocked and the
 *    not-present ones, until the command that drops them and a COMPLETION_WAIT behind it have run;
 *  - without coherency it sees only those tables that were cleaned (memory of its own beside the pool);
 *    command buffer, event log and COMPLETION_WAIT's store are always snooped;
 *  - commands run, and the run bits follow the control register, only after `delay` steps: register reads,
 *    barriers, cleans or arch_relax calls;
 *  - after every register write, barrier and command it checks all watched functions, which do DMA all the
 *    time, for a way through that nobody gave them: by the cached and by the fresh device table entry, also
 *    a torn one (any mixture of the 64-bit words before and after the stores since the last check).
 * Anything the manual forbids is recorded in violation. A device table entry, page table entry, interrupt
 * table entry or command with reserved bits set is a violation beside the event that the unit logs for it,
 * and so is what a block-by-default driver never sets: guest translation, ATS, exclusion, pass bits.
 */
#ifndef MODELS_AMDVI_MODEL_H
#define MODELS_AMDVI_MODEL_H

#include "arch_mmio.h"
#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

#define AMDVI_MODEL_WATCHES 8
#define AMDVI_MODEL_CMDS    512
#define AMDVI_MODEL_CACHE   64

/* Machine address of the memory that firmware's tables are in (AMDVI_MODEL_FW_SIZE bytes, outside the pool):
 * its device table of 65,536 entries, then command buffer and event log. */
#define AMDVI_MODEL_FW      UINT64_C(0x200000000)
#define AMDVI_MODEL_FW_SIZE UINT64_C(0x210000)

enum amdvi_model_firmware {
    AMDVI_MODEL_PASSES, /* translation on, every function passes: entries all zero */
    AMDVI_MODEL_BLOCKS, /* translation on, every function blocked: watch them from the first access on */
};

/* An interrupt as it goes to the CPUs. */
struct amdvi_model_irq {
    uint8_t vector, dest, delivery;
    bool logical;
    bool remapped; /* false: passed as the device sent it */
};

/*
 * given: requests may pass, but only with exactly want[0] and want[1] in the device table entry, interrupts
 * only with want[2]. moving: on its way to another map, requests may pass with also[0] and also[1], too.
 * Else they are to be blocked: V with no rights, or no TV; IV with IntCtl 00.
 */
struct amdvi_model_watch {
    uint16_t bdf;
    bool given, moving;
    uint64_t want[4], also[2];
    uint64_t at, old[4]; /* the entry's place and words at the last check */
};

/* What the unit holds of one function's device table entry; of one page; of one interrupt. */
struct amdvi_model_dte {
    bool held;
    uint16_t bdf;
    bool faulted; /* SE: the one event was logged */
    uint64_t w[4];
};
struct amdvi_model_tlb {
    bool held;
    uint16_t domain;
    uint64_t root;      /* of the table that it came from */
    uint64_t page, out; /* 4 KiB frame numbers */
    bool present, reserved, read, write;
};
struct amdvi_model_irte {
    bool held;
    uint16_t bdf, index;
    uint32_t w;
};

struct amdvi_model {
    /* Registers (3.4). efr and the reset values may be set between init and the first access. */
    uint64_t devtab, cmd_base, evt_base, control, excl_base, excl_limit, efr;
    uint64_t cmd_head, cmd_tail, evt_head, evt_tail, status;

    const struct pool *pool;
    uint8_t *mem, *seen; /* the unit's memory; what the CPU's cache held clean */
    uint8_t *fw;         /* of firmware */
    bool coherent;

    /* Errors to inject. */
    unsigned delay;     /* steps until something happens; default 2 */
    bool cmd_hangs;     /* commands are never run */
    bool cmd_never_run; /* CmdBufRun never rises */
    bool evt_never_run; /* EventLogRun never rises */
    bool run_stays;     /* CmdBufRun and EventLogRun never fall */
    bool store_lost;    /* COMPLETION_WAIT never stores */
    unsigned fail_cmd;  /* this command from now on fails, 1: the next; 0: none */
    uint8_t fail_code;  /* its event: 5 ILLEGAL_COMMAND_ERROR, 6 COMMAND_HARDWARE_ERROR */

    /* Seen. */
    unsigned waited;
    bool cmd_stopped, evt_stopped; /* by an error, by overflow: until they were disabled */
    uint8_t cmd[AMDVI_MODEL_CMDS]; /* opcodes in the order they were run */
    unsigned cmds;
    uint64_t pending[AMDVI_MODEL_CMDS][2]; /* invalidations that wait for COMPLETION_WAIT */
    unsigned pendings;
    bool watching; /* set by the test: from here on watches are checked */
    struct amdvi_model_watch watch[AMDVI_MODEL_WATCHES];
    unsigned watches;
    struct amdvi_model_dte dte[AMDVI_MODEL_CACHE];
    struct amdvi_model_tlb tlb[AMDVI_MODEL_CACHE];
    struct amdvi_model_irte irte[AMDVI_MODEL_CACHE];
    unsigned dtes, tlbs, irtes; /* where the next one goes: the oldest is replaced */
    unsigned lost;              /* events that the full log had no room for */
    char violation[256];        /* the first one */
    unsigned violations;
};

/*
 * QEMU's extended feature register (6-level host tables, INVALIDATE_IOMMU_ALL), reset state: disabled, every
 * request passes. Hooks itself into arch_host; free with amdvi_model_fini. The pool's memory starts as it is:
 * fill it with rubbish to see what setup leaves unwritten.
 */
void amdvi_model_init(struct amdvi_model *m, const struct pool *pool, bool coherent);
void amdvi_model_fini(struct amdvi_model *m);
mmio_t amdvi_model_mmio(struct amdvi_model *m);

/* Firmware left the unit on, with a command buffer that is not at its start, an event in its log, an
 * exclusion range (2 MiB at AMDVI_MODEL_FW; of every device where it PASSES), and cached entries of the
 * functions watched so far. */
void amdvi_model_firmware(struct amdvi_model *m, enum amdvi_model_firmware how);

/* Check this function from now on (where m->watching is set); nothing of it may pass until the test sets
 * given and want. */
struct amdvi_model_watch *amdvi_model_watch(struct amdvi_model *m, uint16_t bdf);

/*
 * A DMA access of a function to a bus address, as one request of at most a page. True: it goes to *out.
 * False: aborted, with an event where the manual wants one. The interrupt range 0xFEE00000-0xFEEFFFFF aborts
 * (use amdvi_model_msi), and so do 0xFD_0000_0000-0xFF_FFFF_FFFF.
 */
bool amdvi_model_dma(struct amdvi_model *m, uint16_t bdf, uint64_t addr, bool write, maddr_t *out);

/* A fixed or arbitrated interrupt message of a function: data as the device writes it to 0xFEE00000. */
bool amdvi_model_msi(struct amdvi_model *m, uint16_t bdf, uint32_t data, struct amdvi_model_irq *out);

/* Put a record into the event log, as the unit would (EventLogInt, overflow). */
void amdvi_model_event(struct amdvi_model *m, const uint64_t w[2]);

#endif
