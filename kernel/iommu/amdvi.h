/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD-Vi (AMD I/O Virtualization Technology, 48882 rev. 3.08): device table, host tables of modes 3-6,
 * command buffer, event log, interrupt remapping. Block by default.
 *
 * Order of use, one unit: probe, block, attach..., route..., enable. After block the unit is on and no
 * function passes; one that was attached does from then on, at the latest after enable. Run time: events,
 * route, quarantine, flush.
 */
#ifndef KERNEL_IOMMU_AMDVI_H
#define KERNEL_IOMMU_AMDVI_H

#include "diag.h"
#include "lock.h"
#include "mmio.h"
#include "p2m/pt.h"

/* The flags of a unit's IVHD block (5.2.2.1) that the control register repeats. */
#define AMDVI_IVHD_HT_TUN_EN   (1u << 0)
#define AMDVI_IVHD_PASS_PW     (1u << 1)
#define AMDVI_IVHD_RES_PASS_PW (1u << 2)
#define AMDVI_IVHD_ISOC        (1u << 3)
#define AMDVI_IVHD_COHERENT    (1u << 5)

struct amdvi_caps {
    maddr_t at;          /* of the registers: names the unit in messages */
    uint8_t levels_max;  /* HATS: 4, 5 or 6 */
    uint8_t ivhd_flags;  /* AMDVI_IVHD_COHERENT: the unit snoops device table and remapping tables */
    bool invalidate_all; /* IASup */
    uint16_t last_bdf;   /* functions above it are aborted and cannot be attached */
};

/* Hardware words; constructors are pure and unit-tested (2.2.2.1, 2.2.5.2, 2.4, 2.5). */
struct amdvi_dte {
    uint64_t w[4];
};
struct amdvi_irte {
    uint32_t w;
};
struct amdvi_command {
    uint64_t w[2];
};
struct amdvi_event {
    uint64_t w[2];
};

struct amdvi_domain {
    maddr_t root;
    struct pt_shape shape; /* root_level 2..5: paging mode 3..6 */
    uint16_t id;           /* 1 .. 65535; 0 is what blocked functions have */
};

/*
 * Blocked: V and TV with mode 0 and neither IR nor IW abort DMA (V 0 or IV 0 would let it, or interrupts,
 * pass); IV with IntCtl 00 and no pass bit aborts interrupts. quiet: no events of it (SA, IG).
 */
struct amdvi_dte amdvi_dte_blocked(bool quiet);
/* Blocked and quiet, or (to) with the DMA of a domain and as quiet; irt: the table that it keeps, or 0. */
struct amdvi_dte amdvi_dte_quarantine(const struct amdvi_domain *to, maddr_t irt);
/* irt: remapping table of 2^log2 entries of 4 bytes. */
struct amdvi_dte amdvi_dte_domain(const struct amdvi_domain *d, maddr_t irt, uint8_t irt_log2);
struct amdvi_irte amdvi_irte_entry(uint8_t vector, uint8_t apic, bool logical, uint8_t delivery);
struct amdvi_command amdvi_command_devtab(uint16_t bdf);
struct amdvi_command amdvi_command_pages_all(uint16_t domain);
struct amdvi_command amdvi_command_irt(uint16_t bdf);
struct amdvi_command amdvi_command_all(void);
struct amdvi_command amdvi_command_wait(maddr_t store, uint64_t data);

/* An event in words (2.5). */
struct amdvi_fault {
    uint16_t bdf, domain;
    uint8_t code;
    bool device;      /* bdf says whose it is; false: the unit itself is in trouble */
    const char *what; /* "page not present", "illegal device table entry", "interrupt blocked" ... */
    bool write, interrupt;
    uint64_t addr;
};
struct amdvi_fault amdvi_event_decode(const struct amdvi_event *e);

struct amdvi {
    mmio_t base;
    struct amdvi_caps caps;
    struct pool *pool; /* NULL: not set up */
    mfn_t devtab, commands, log, irts, status;
    uint64_t control;   /* as written last */
    uint64_t waits;     /* COMPLETION_WAITs so far: what the last one stores */
    uint32_t tail;      /* of the command buffer, in commands */
    uint32_t log_head;  /* in events */
    uint8_t irts_left;  /* tables left in the frame irts */
    bool enabled, hung; /* hung: the command buffer is to be restarted */
    struct lock lock;
};

#define AMDVI_COMMAND_LOG2 8 /* one frame of 16-byte commands */
#define AMDVI_LOG_LOG2     8 /* one frame of 16-byte events */
#define AMDVI_IRT_LOG2     8 /* 256 entries of 4 bytes, 1 KiB: four tables to a frame */

/* Frames that block takes: device table up to last_bdf, command buffer, log, status. */
uint64_t amdvi_unit_frames(uint16_t last_bdf);
/* Frames that attach takes: remapping tables of count functions. */
uint64_t amdvi_stream_frames(uint32_t count);

/* ivhd_flags: of the unit's IVHD block. */
err_t amdvi_probe(struct amdvi_caps *c, mmio_t base, maddr_t at, uint16_t last_bdf, uint8_t ivhd_flags, struct diag *d);
/*
 * Take the device table and queues from pool and turn the unit on with every function blocked, the exclusion
 * range cleared. A unit that firmware left on stays on: its tables are left behind without a window. Refused
 * where firmware chose table formats that cannot change while it is on.
 */
err_t amdvi_block(struct amdvi *u, const struct amdvi_caps *c, mmio_t base, struct pool *pool, struct diag *d);
/*
 * Give a function a domain, whose tables are built and cleaned, and an empty remapping table: its interrupts
 * go nowhere until they are routed. The same domain again is no error; another one needs amdvi_quarantine
 * first.
 */
err_t amdvi_attach(struct amdvi *u, uint16_t bdf, const struct amdvi_domain *dom, struct diag *d);
/* What the function's message with data index (0..255) becomes; an entry of zero blocks it. */
err_t amdvi_route(struct amdvi *u, uint16_t bdf, uint16_t index, const struct amdvi_irte *e, struct diag *d);
/* Drop everything cached, log events, raise the event interrupt. */
err_t amdvi_enable(struct amdvi *u, struct diag *d);
/*
 * Take a function's domain and its interrupts away, if it has them; it raises no more events, and can be
 * attached again.
 * to NULL: it is blocked, by the write of one word, what silences it, and one invalidation.
 * Else it gets the prebuilt domain to, with an id of its own. By two of each, since the id and the root are in
 * different words: blocked and forgotten, then the new domain. It meets its old domain, then is blocked, then
 * meets the new one; where a step before the last fails, it is blocked, where the last one's invalidation
 * does, it may meet the new map. (The unit reads an entry at once, but one store of 128
 * bits would need CMPXCHG16B, which not every target has.)
 */
err_t amdvi_quarantine(struct amdvi *u, uint16_t bdf, const struct amdvi_domain *to, struct diag *d);
/* Forget cached translations of a domain; returns after completion. */
err_t amdvi_flush(struct amdvi *u, uint16_t id, struct diag *d);

/*
 * Take at most max events off the log: those of functions go to fn, what befell the unit itself to note, in
 * words; so does an overflow, which is acknowledged once the log is empty. Returns the number taken; when
 * that is max, call again. fn and note are called without the lock, so fn may call amdvi_quarantine.
 */
typedef void amdvi_fault_fn(void *ctx, const struct amdvi_fault *f);
typedef void amdvi_note_fn(void *ctx, const char *text);
uint32_t amdvi_events(struct amdvi *u, uint32_t max, amdvi_fault_fn *fn, amdvi_note_fn *note, void *ctx);

#endif
