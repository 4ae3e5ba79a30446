/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random systems for tests: a board with IOMMUs of every kind, a manifest for it, and the plan. Boards are read
 * from device trees, as an Arm board is; then units and CPUs are re-badged as what the reader does not know, and
 * tables of firmware are made up (board.dma_user). Most are plausible, so that most can be planned; some are
 * wrong in one thing or the other.
 *
 * Sources: tests/host/random_system.c and tests/host/random_board.c.
 */
#ifndef HOST_RANDOM_SYSTEM_H
#define HOST_RANDOM_SYSTEM_H

#include "iommu/kind.h"
#include "plan.h"

#define RANDOM_UNITS    3
#define RANDOM_DEVICES  16
#define RANDOM_RESERVED 6

/* A device as the board's tree has it. */
struct random_device {
    bool is_pci;
    uint16_t bdf;
    char path[32]; /* platform */
    uint32_t phandle;
    bool has_stream;
    uint32_t unit, sid;
    bool taken;     /* the manifest names it */
    uint32_t uses;  /* bit i: reserved[i] names it in iommu-addresses, bit 16 + i: at another address */
    uint32_t holds; /* bit i: its memory-region names reserved[i] */
};

struct random_reserved {
    uint64_t base, size;
    bool no_map;
};

struct random_system {
    uint64_t seed, rng;
    bool is_odd; /* what the generator makes of it need not fit together */
    struct arena arena;
    void *board_blob, *manifest_blob;
    struct dt board_dt, manifest_dt;
    struct board board;
    struct manifest manifest;
    struct plan_input in;
    struct plan plan;
    struct diag diag;
    /* What the generator knows without having read anything. */
    struct board_iommu unit[RANDOM_UNITS]; /* what a unit is to become */
    uint32_t units;
    struct random_device device[RANDOM_DEVICES];
    uint32_t devices;
    struct random_reserved reserved[RANDOM_RESERVED];
    uint32_t reserveds;
    uint32_t cpus;
    const struct p2m_kind *p2m;
    uint8_t pa_bits, vmid_bits;
};

/* What planned systems have, counted so that a generator that went blind is seen. */
enum random_seen {
    SEEN_SMMUV3,
    SEEN_VTD,
    SEEN_VTD_SNOOP,
    SEEN_AMDVI,
    SEEN_IPMMU,
    SEEN_UNITS,
    SEEN_KINDS,
    SEEN_GUEST,
    SEEN_HOST,
    SEEN_PV,
    SEEN_SHARED_ARM,
    SEEN_SHARED_NPT,
    SEEN_SHARED_EPT,
    SEEN_SCRATCH,
    SEEN_FAULT,
    SEEN_READ_ONLY,
    SEEN_PER_DEVICE,
    SEEN_IDENTITY,
    SEEN_TRANSLATED,
    SEEN_PLATFORM,
    SEEN_PCI,
    SEEN_UNPROTECTED,
    SEEN_NO_DMA,
    SEEN_PEER_DMA,
    SEEN_BOX,
    SEEN_DOORBELL,
    SEEN_READ_ONLY_RAM,
    SEEN_NO_DMA_RAM,
    SEEN_DECLARED,
    SEEN_BY_NODE,
    SEEN_BY_TABLE,
    SEEN_RESERVED_SCRATCH,
    SEEN_QUARANTINE_MAP,
    SEEN_QUARANTINED,
    SEEN_AWAITED,
    SEEN_WAIVED,
    SEEN_ODD,
    RANDOM_SEEN
};
extern const char *const random_seen_name[RANDOM_SEEN];

/* The seed of the next system: MULLION_SYSTEM from the environment, for one of them again, else a random one. */
uint64_t random_system_seed(void);

/* True: planned. False: refused by a reader or the plan, with a text in s->diag. */
bool random_system_make(struct random_system *s, uint64_t seed);
void random_system_free(struct random_system *s);

/* Add what a planned system has. */
void random_system_count(const struct random_system *s, unsigned seen[RANDOM_SEEN]);

/* The device of the board's tree that a planned one is. */
const struct random_device *random_device_of(const struct random_system *s, const struct plan_device *dev);

/*
 * A frame number to try on a table of pp with so many input bits: where something of any partition, of the
 * hypervisor, a window, exempt addresses or the input range begins or ends, in the midst of it, or anywhere.
 */
uint64_t random_system_frame(struct random_system *s, const struct plan_partition *pp, uint8_t in_bits);

/* A random number of the system: 64 bits, or below n; 1 in n. */
uint64_t random_word(struct random_system *s);
uint64_t random_below(struct random_system *s, uint64_t n);
bool random_chance(struct random_system *s, unsigned n);

/* random_board.c: the board's tree into s->board_blob, *size bytes; and what a reader of ACPI would have said. */
void random_board_write(struct random_system *s, size_t *size);
void random_board_badge(struct random_system *s);

/* For both generators: properties of the tree that is being written. */
void random_put_cells(void *tree, const char *name, const uint32_t *cell, unsigned count);
void random_put_range(void *tree, const char *name, uint64_t base, uint64_t size);
void random_put_number(void *tree, const char *name, uint64_t value);

#endif
