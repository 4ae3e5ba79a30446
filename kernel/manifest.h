/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: the user's device tree that declares the partitions. The binding is
 * docs/manifest.md. Parsing resolves nothing against the board; what it returns is
 * well-formed: names unique, sizes whole pages and not zero, sums that do not wrap,
 * no property that the binding does not know.
 */
#ifndef KERNEL_MANIFEST_H
#define KERNEL_MANIFEST_H

#include "dt.h"
#include "p2m/extent.h"

#define MANIFEST_NAME_MAX   31 /* of a partition: it prefixes every console line */
#define MANIFEST_PARTITIONS 256
#define MANIFEST_CPUS       16                   /* of one partition: GICv3 Aff0 of one SGI target list */
#define PV_WINDOW_ALIGN     (UINT64_C(2) << 20)  /* bytes: of its address and its size */
#define PV_WINDOW_MAX       (UINT64_C(64) << 30) /* bytes */

/* What the bfn maps of a partition are (docs/model.md, "Maps"). */
enum bfn_map_kind { MAP_GUEST, MAP_HOST, MAP_PV };
enum unmapped { UNMAPPED_SCRATCH, UNMAPPED_FAULT, UNMAPPED_READ_ONLY_SCRATCH };
enum console { CONSOLE_VIRTUAL, CONSOLE_NONE };

/* Static memory that several partitions may map: /shared/NAME. */
struct manifest_shared {
    const char *name;
    dt_node_t node;
    uint64_t frames;
    bool pinned; /* `host`: placed by the manifest */
    mfn_t mfn;
};

struct manifest_region {
    const char *name; /* node name */
    dt_node_t node;
    enum ext_type type; /* EXT_RAM, EXT_RAM_RO, EXT_SHARED, EXT_RESERVED or EXT_DOORBELL */
    bool placed;        /* `reg` gives the guest address (identity: machine address too) */
    gfn_t gfn;
    uint64_t frames;
    bool pinned; /* `host`, or placed in an identity partition */
    mfn_t mfn;
    uint8_t cpu, dma;                     /* R_* */
    const struct manifest_shared *shared; /* EXT_SHARED */
    const char *file;                     /* name in the bundle of what it holds at start; NULL: nothing */
    bool unlisted;                        /* EXT_RESERVED: the board does not say that it is reserved */
    bool is_boards;                       /* not the manifest's: struct plan_partition.reserved */
};

enum device_kind { DEVICE_PCI, DEVICE_PLATFORM };

struct manifest_device {
    const char *name;
    dt_node_t node;
    const struct manifest_device *before; /* the reader's: one before it with the same hash */
    enum device_kind kind;
    uint16_t bdf;     /* PCI: bus 15:8, device 7:3, function 2:0 (segment 0) */
    const char *path; /* platform: the board's node */
    bool unprotected_dma;
    bool no_dma; /* platform: not a bus master */
    bool peer_dma;
    bool reserved_scratch;   /* `reserved = "scratch"`: firmware over-reports what it uses by DMA on its own */
    bool quarantine_scratch; /* `quarantine = "scratch"`: blocking it would hang it */
    bool waived;             /* /quarantine: it stays as firmware left it */
};

struct manifest_image {
    const char *file; /* name in the bundle; NULL: none */
    dt_node_t node;
    bool placed; /* `load` */
    gaddr_t load;
};

struct manifest_partition {
    const char *name;
    dt_node_t node;
    bool identity;
    enum bfn_map_kind map;
    bool shared_tables;      /* IOMMUs walk the p2m itself */
    bool scratch_per_device; /* and so a bfn map for each */
    enum unmapped unmapped;
    bfn_t pv; /* MAP_PV: the window, in whole 2 MiB */
    uint64_t pv_frames;
    enum console console;
    uint32_t *cpu; /* the `reg` of board /cpus nodes; cpu[0] is the boot CPU of the partition */
    uint32_t cpus;
    struct manifest_region *region;
    uint32_t regions;
    struct manifest_device *device;
    uint32_t devices;
    struct manifest_image kernel, initrd;
    const char *bootargs; /* "" when absent */
    uint32_t audit_ms;    /* scratch audit period, 0: on demand and at stop only */
};

struct manifest {
    const struct dt *dt;
    struct manifest_partition *partition;
    uint32_t partitions;
    struct manifest_shared *shared;
    uint32_t shareds;
    struct manifest_device *quarantine; /* devices without a partition about which there is something to say */
    uint32_t quarantines;
};

/* dt must outlive m. */
err_t manifest_parse(struct manifest *m, const struct dt *dt, struct arena *a, struct diag *d);

#endif
