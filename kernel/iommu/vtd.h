/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel VT-d (Virtualization Technology for Directed I/O, D51397, rev. 5.10): legacy mode with second-stage
 * tables, queued invalidation, interrupt remapping. Block by default.
 *
 * Order of use, one unit: probe, block, attach..., route..., enable. After block translation is on and no
 * function's requests pass until it is attached. Where firmware left translation or interrupt remapping on,
 * it stays on: the new tables are set, caches flushed globally, and only then is anything else changed (6.6,
 * 6.7). Run time: faults, quarantine, flush, route.
 */
#ifndef KERNEL_IOMMU_VTD_H
#define KERNEL_IOMMU_VTD_H

#include "diag.h"
#include "lock.h"
#include "mmio.h"
#include "p2m/pt.h"

/* What the unit can do, from CAP_REG and ECAP_REG (11.4.2, 11.4.3); checked once by probe. */
struct vtd_caps {
    maddr_t at;                      /* of the registers: names the unit in messages */
    uint8_t widths;                  /* SAGAW: bit 1, 2, 3: tables of 39, 48, 57 bits */
    uint8_t in_bits;                 /* the largest of these */
    uint8_t mgaw;                    /* requests beyond these address bits fault, whatever the tables say */
    uint8_t leaf_level;              /* SSLPS: 0, 1 (2 MiB) or 2 (1 GiB) */
    uint8_t drain;                   /* VTD_DRAIN_* that it can */
    uint32_t domains;                /* ND: number of domain ids */
    uint16_t fault_off, fault_count; /* FRO in bytes, NFR; the registers reach to the last record's end */
    bool coherent;                   /* C: the unit snoops table walks */
    bool snoop_control;              /* SC: leaves may carry SNP */
    bool caching_mode;               /* CM: not-present entries may be cached, too */
    bool remapping;                  /* IR */
    bool eim, eim_only;              /* x2APIC mode: possible, required */
    bool write_buffer;               /* RWBF */
    bool switches_mode;              /* ESRTPS: the table mode may change while translation is on */
    bool regions;                    /* PLMR or PHMR: protected memory regions exist */
};

/* Hardware words; constructors are pure and unit-tested (9.1, 9.3, 9.9, 6.5.2). */
struct vtd_root {
    uint64_t w[2];
};
struct vtd_context {
    uint64_t w[2];
};
struct vtd_irte {
    uint64_t w[2];
};
struct vtd_command {
    uint64_t w[2];
};

struct vtd_domain {
    maddr_t root;
    struct pt_shape shape; /* in_bits 39, 48 or 57 */
    uint16_t id;           /* 1 .. domains - 1 */
};

struct vtd_root vtd_root_entry(mfn_t context_table);
struct vtd_context vtd_context_entry(const struct vtd_domain *d);
/* A remapped interrupt: only requester bdf may use it (SVT 01, SQ 00). x2APIC: apic is 32 bits, else 8. */
struct vtd_irte vtd_irte_entry(uint16_t bdf, uint8_t vector, uint32_t apic, bool x2apic, bool level);
#define VTD_DRAIN_WRITE 0x40u /* bits of the command */
#define VTD_DRAIN_READ  0x80u
struct vtd_command vtd_command_context_global(void);
/* id: of the domain that the function's entry had. */
struct vtd_command vtd_command_context_device(uint16_t bdf, uint16_t id);
struct vtd_command vtd_command_iotlb_global(uint8_t drain);
struct vtd_command vtd_command_iotlb_domain(uint16_t id, uint8_t drain);
struct vtd_command vtd_command_iec_global(void);
struct vtd_command vtd_command_iec_index(uint16_t index);
struct vtd_command vtd_command_wait(maddr_t status, uint32_t data);

/* A fault record in words (11.4.7.6, 7.1.3, 5.1.4.1). */
struct vtd_fault {
    uint16_t bdf;
    uint8_t reason;
    const char *what; /* "no context entry", "no right to write", "interrupt from another function" ... */
    bool read, interrupt;
    uint64_t addr; /* bus address of the page, or interrupt index for an interrupt fault */
};
struct vtd_fault vtd_fault_decode(const uint64_t w[2]);

struct vtd {
    mmio_t base;
    struct vtd_caps caps;
    struct pool *pool;                     /* NULL: not blocked yet, or that failed */
    mfn_t root, quiet, queue, irt, status; /* quiet: a context table for buses that were made silent */
    uint32_t tail;                         /* of the queue, in descriptors */
    uint32_t sequence;                     /* of the last wait command */
    uint32_t record;                       /* the next fault record to look at */
    bool enabled;
    struct lock lock;
};

#define VTD_QUEUE_LOG2 8 /* one frame of 16-byte descriptors */
#define VTD_IRT_LOG2   8 /* one frame of 16-byte entries */

#define VTD_UNIT_FRAMES 5 /* that block takes: root, quiet, queue, remapping table, status */
/* Frames that attach and quarantine take for these functions, sorted: all that are ever to have a map, also a
 * quarantine's. A context table for each bus. */
uint64_t vtd_stream_frames(const uint32_t *bdf, uint32_t count);

/* Refused in words: no queued invalidation, no known address width, reserved number of domains. */
err_t vtd_probe(struct vtd_caps *c, mmio_t base, maddr_t at, struct diag *d);

/*
 * From here no DMA passes: an empty root table is set, caches flushed, translation on, then the protected
 * memory regions are off. Refused before anything is changed: firmware left translation on with tables of
 * another mode and the unit cannot switch (ESRTPS).
 */
err_t vtd_block(struct vtd *u, const struct vtd_caps *c, mmio_t base, struct pool *pool, struct diag *d);

/*
 * Give a function a map, whose tables are built and cleaned; its requests pass from then on. Before enable,
 * or later with its own invalidation. The same map again is no error; another one needs vtd_quarantine first.
 */
err_t vtd_attach(struct vtd *u, uint16_t bdf, const struct vtd_domain *dom, struct diag *d);

/* Set an entry of the interrupt remapping table; e NULL: the index is blocked. Returns after completion. */
err_t vtd_route(struct vtd *u, uint16_t index, const struct vtd_irte *e, struct diag *d);

/* Flush, then interrupt remapping on: what has no entry, or is in compatibility format, is blocked. x2apic:
 * the entries' destinations are 32 bits. A unit without remapping only flushes. */
err_t vtd_enable(struct vtd *u, bool x2apic, struct diag *d);

/*
 * Take a function's map away, if it has one; it raises no more faults, and can be attached again.
 * to NULL: its requests are blocked, by one descriptor write and one invalidation. A function on a bus none of
 * which ever had a map takes its whole bus along.
 * Else it gets the prebuilt map to, with a domain id of its own; a bus without a table takes one. By two of
 * each, since the id and the root are in different words: not present and forgotten, then the new map
 * (6.5.3.3). It meets its old map, then is blocked, then meets the new one; where a step before the last
 * fails, it is blocked, where the last one's invalidation does, it may meet the new map.
 * (One store of 128 bits would need CMPXCHG16B, which not every target has.)
 */
err_t vtd_quarantine(struct vtd *u, uint16_t bdf, const struct vtd_domain *to, struct diag *d);

/* Forget cached translations of a domain; returns after completion. */
err_t vtd_flush(struct vtd *u, uint16_t id, struct diag *d);

/*
 * Take at most max fault records and hand each to fn; returns the number taken. Overflow is acknowledged
 * when no record is left, and reported as text through note. Both are called without the lock, so fn may
 * call vtd_quarantine. The fault interrupt is masked: whoever wants it programs FECTL after block.
 */
typedef void vtd_fault_fn(void *ctx, const struct vtd_fault *f);
typedef void vtd_note_fn(void *ctx, const char *text);
uint32_t vtd_faults(struct vtd *u, uint32_t max, vtd_fault_fn *fn, vtd_note_fn *note, void *ctx);

#endif
