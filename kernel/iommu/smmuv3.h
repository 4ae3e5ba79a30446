/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm SMMUv3 (IHI 0070): stage-2 translation, two-level stream table, abort by default.
 *
 * Order of use, one unit: probe, block, setup, attach..., enable. After block no stream can
 * do DMA until it is attached and the unit is enabled. Run time: events, quarantine, flush.
 */
#ifndef KERNEL_IOMMU_SMMUV3_H
#define KERNEL_IOMMU_SMMUV3_H

#include "board.h"
#include "iommu/faults.h"
#include "lock.h"
#include "mmio.h"
#include "p2m/pt.h"

/* Words of hardware structures; constructors are pure and unit-tested (IHI 0070, 5.2 and 4). */
struct smmuv3_ste {
    uint64_t w[8];
};
struct smmuv3_cmd {
    uint64_t w[2];
};
struct smmuv3_event {
    uint64_t w[4];
};

struct smmuv3_stage2 {
    maddr_t root;
    struct pt_shape shape; /* in_bits 25..48, root_level 2 or 3 */
    uint16_t vmid;
    uint8_t pa_bits; /* S2PS: 32, 36, 40, 42, 44 or 48 */
};

#define SMMUV3_WALK_CACHED 1u /* the walker snoops: tables are read write-back, inner shareable */
#define SMMUV3_SHCFG       2u /* the unit can override shareability (IDR1.ATTR_TYPES_OVR): set the field */
#define SMMUV3_SILENT      4u /* the map of a quarantine: faults are not recorded (S2R 0) */

extern const uint8_t smmuv3_pa_bits[7]; /* address sizes by S2PS and IDR5.OAS code */

struct smmuv3_ste smmuv3_ste_abort(void);
/* s2 as checked by smmuv3_attach; flags: what the unit can do, and SMMUV3_SILENT. */
struct smmuv3_ste smmuv3_ste_stage2(const struct smmuv3_stage2 *s2, unsigned flags);
/* In quarantine: it aborts, or its map is SMMUV3_SILENT. */
bool smmuv3_ste_is_silent(const struct smmuv3_ste *ste);
struct smmuv3_cmd smmuv3_cmd_cfgi_ste(uint32_t sid);
struct smmuv3_cmd smmuv3_cmd_cfgi_all(void);
struct smmuv3_cmd smmuv3_cmd_tlbi_el2_all(void);
struct smmuv3_cmd smmuv3_cmd_tlbi_nsnh_all(void);
struct smmuv3_cmd smmuv3_cmd_tlbi_s12_vmall(uint16_t vmid);
struct smmuv3_cmd smmuv3_cmd_sync(void);

/* What an event record says, decoded (IHI 0070, 7.3). */
struct fault smmuv3_event_decode(const struct smmuv3_event *e);

struct smmuv3 {
    mmio_t base;
    maddr_t at; /* of the registers: names the unit in messages */
    bool coherent, enabled;
    uint8_t sid_bits, out_bits;
    uint32_t idr0;
    unsigned ste_flags; /* SMMUV3_WALK_CACHED, SMMUV3_SHCFG */
    struct pool *pool;
    mfn_t l1;    /* level-1 stream table: a descriptor for each 64 streams */
    mfn_t quiet; /* a level-2 table of abort entries, for groups of streams that were made silent */
    mfn_t cmdq, evtq;
    uint32_t cmd_prod; /* as the register: index and wrap bit */
    uint32_t evt_cons;
    struct lock lock;
};

#define SMMUV3_SPLIT        6  /* 64 STEs, one frame, a level-2 table */
#define SMMUV3_CMDQ_LOG2    8  /* one frame of 16-byte commands */
#define SMMUV3_EVTQ_LOG2    7  /* one frame of 32-byte records */
#define SMMUV3_SID_BITS_MAX 20 /* streams beyond have no table entry: they abort and cannot be attached */

/* Frames that setup takes of a pool that begins aligned to 32 of them and of which used are taken: with what is
 * skipped to align the level-1 table. */
uint64_t smmuv3_unit_frames(uint8_t sid_bits, uint64_t used);
/* Frames that attach and quarantine take for these streams, sorted: all that are ever to have a map, also a
 * quarantine's. */
uint64_t smmuv3_stream_frames(const uint32_t *sid, uint32_t count);

/*
 * Read the ID registers into b (sid_bits, in_bits, out_bits, stage2; coherent is cleared where the
 * unit cannot snoop). Refused, with the missing feature in words: no stage 2, no AArch64 tables, no
 * 4 KiB granule, no two-level stream table, forced stalls, preset tables or queues ...
 */
err_t smmuv3_probe(struct board_iommu *b, mmio_t base, struct diag *d);

/*
 * GBPA.ABORT, then translation off if firmware left it on: from here no stream passes. Every wait
 * is bounded.
 */
err_t smmuv3_block(mmio_t base, struct diag *d);

/* Take the tables and queues from pool, program them, leave translation off. */
err_t smmuv3_setup(struct smmuv3 *s, const struct board_iommu *b, mmio_t base, struct pool *pool, struct diag *d);

/*
 * Give a stream a stage-2 map, whose tables are built and cleaned. Before enable, or later with its
 * own invalidations. The same map again is no error; another one needs smmuv3_quarantine first.
 */
err_t smmuv3_attach(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *s2, struct diag *d);

/* Invalidate every cached configuration and translation, then enable translation and the event interrupt. */
err_t smmuv3_enable(struct smmuv3 *s, struct diag *d);

/*
 * Take a stream's map away, if it has one; it raises no more events, and can be attached again.
 * to NULL: it aborts, by one descriptor write and one invalidation. A stream in a group of 64 none
 * of which ever had a map takes its whole group along.
 * Else it gets the prebuilt map to, with a VMID of its own; a group without a table takes one. By
 * three of each, since the unit fetches an entry's words one by one and in any order (3.21.3): abort,
 * all words but the first, the first. It meets its old map, then aborts, then meets the new one,
 * never the VMID of one with the root of the other; where a step before the last fails, it
 * aborts, where the last one's invalidation does, it may meet the new map. (A store of 128
 * bits over VMID and root would do where every PE has FEAT_LSE2, and only there.)
 */
err_t smmuv3_quarantine(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *to, struct diag *d);

/* Forget cached translations of a VMID; returns after completion. Its tables are changed and cleaned. */
err_t smmuv3_flush(struct smmuv3 *s, uint16_t vmid, struct diag *d);

/*
 * Take at most max records off the event queue and hand each to fn; acknowledges overflow and global
 * errors (GERROR), reported as text through note. Returns the number taken; when that is max, call
 * again: the interrupt comes only when the queue turns from empty to not empty. fn and note are
 * called without the lock, so fn may call smmuv3_quarantine.
 */
typedef void smmuv3_fault_fn(void *ctx, const struct fault *f);
typedef void smmuv3_note_fn(void *ctx, const char *text);
uint32_t smmuv3_events(struct smmuv3 *s, uint32_t max, smmuv3_fault_fn *fn, smmuv3_note_fn *note, void *ctx);

#endif
