/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plan share; nobody else includes it. Frames are raw numbers of machine frames here.
 */
#ifndef KERNEL_PLAN_PRIVATE_H
#define KERNEL_PLAN_PRIVATE_H

#include "plan.h"

#define FRAMES_2M (UINT64_C(1) << (21 - FRAME_SHIFT))
#define FRAMES_1G (UINT64_C(1) << (30 - FRAME_SHIFT))

#define ECAM_FRAMES 256u /* one bus */

/* Frames [first, end). */
struct run {
    uint64_t first, end;
};

/* Sorted, disjoint. */
struct runs {
    struct run *run;
    uint32_t count, cap;
};

/* Machine frames with an owner that stands in the way of others. */
struct claim {
    struct run at;
    const char *kind, *name; /* together what a message calls it */
    const char *partition;   /* NULL: of nobody */
    bool is_reserved;        /* the board's reserved memory */
};

/* Registers that the hypervisor keeps for itself, and how many frames of them it maps. */
struct own {
    struct run at;
    uint64_t mapped;
    const char *name;
};

/* A part of a region that has its machine frames. */
struct piece {
    const struct manifest_region *region;
    gfn_t gfn;
    mfn_t mfn;
    uint64_t frames;
};

/* What makes a device, or its stream, the same as another's. */
struct device_id {
    uint64_t key; /* number << 20 | place in the manifest */
    const struct plan_partition *pp;
    const struct plan_device *dev;
};

/* Sorted by key once all devices are found. */
struct device_ids {
    struct device_id *id;
    uint32_t count;
};

static inline bool device_id_same(const struct device_id *a, const struct device_id *b)
{
    return a->key >> 20 == b->key >> 20;
}

struct plan_ctx {
    struct plan *p;
    const struct plan_input *in;
    const struct board *b;
    struct arena *a;
    struct diag *d;
    struct runs free; /* board memory that nobody has */
    struct claim *claim;
    uint32_t claims;
    struct piece *piece; /* of the partition at hand */
    uint32_t pieces, piece_cap;
    struct own *own;
    uint32_t owns;
    const struct plan_partition **node_owner; /* by node of the board; NULL: no partition's device */
    struct device_ids devices, streams;       /* streams: those of each IOMMU together */
    uint64_t mem32_next, mem64_next;          /* PCI windows: first address not given yet */
};

#define ROUND_UP(x, align)   (((x) + (align)-1) & ~((uint64_t)(align)-1))
#define ROUND_DOWN(x, align) ((x) & ~((uint64_t)(align)-1))

/* Frames that [base, base + size) touches. */
static inline struct run run_touched(maddr_t base, uint64_t size)
{
    return (struct run){base.v >> FRAME_SHIFT, frames_of((base.v & FRAME_MASK) + size) + (base.v >> FRAME_SHIFT)};
}

static inline bool run_overlaps(struct run a, struct run b)
{
    return a.first < b.end && b.first < a.end;
}

#define RUN_FMT    "0x%lx-0x%lx"
#define RUN_ARG(r) (r).first << FRAME_SHIFT, ((r).end << FRAME_SHIFT) - 1

/* The partition that has the board's node n as a device; NULL: none. */
static inline const struct plan_partition *plan_node_owner(const struct plan_ctx *c, dt_node_t n)
{
    return n == DT_NONE ? NULL : c->node_owner[n];
}

/* plan_memory.c */
err_t runs_of_memory(struct runs *l, const struct board *b, uint32_t cuts, struct arena *a, struct diag *d);
void runs_cut(struct runs *l, struct run c);
/* Who owns what before anything is placed: fixed owners, then what the manifest pins. */
err_t plan_memory_claim(struct plan_ctx *c);
err_t plan_memory_place_shared(struct plan_ctx *c);
/* Fill c->piece with the regions of pp. */
err_t plan_memory_place(struct plan_ctx *c, const struct plan_partition *pp);

/* plan_device.c */
/* Find every device of every partition, and what stands in front of it. */
err_t plan_devices_find(struct plan_ctx *c);
/* Who a device is when it does DMA. */
struct board_requester plan_device_requester(const struct board *b, const struct plan_device *dev);
/* Interrupt lines of the devices of pp, into pp->irq. */
err_t plan_irqs_place(struct plan_ctx *c, struct plan_partition *pp);

/* plan_mmio.c */
/* Room that the devices of pp need in its physmap, at most. */
uint32_t plan_mmio_extents(const struct plan_ctx *c, const struct plan_partition *pp);
/* Whose registers are in r, other than those of pp's devices (NULL: of nobody) and, where node is the bridge, its
 * windows; NULL: nobody's. */
const char *plan_regs_in(const struct plan_ctx *c, const struct plan_partition *pp, dt_node_t node, struct run r);
/* BARs and registers of the devices of pp, into its physmap. */
err_t plan_mmio_place(struct plan_ctx *c, struct plan_partition *pp);

/* plan.c */
/* physmap_add with the partition in the message. */
err_t plan_extent_add(struct plan_ctx *c, struct plan_partition *pp, const struct extent *e);

/* ERR_INVALID with "/path/of/node: ", of the manifest's, before the text. */
err_t plan_fail(struct plan_ctx *c, dt_node_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define DEVICE_FMT "/partitions/%s/devices/%s"

/* plan_maps.c */
/* Which bfn maps pp needs, once its devices are found. */
err_t plan_maps_find(struct plan_ctx *c, struct plan_partition *pp);
/* The same for the quarantine, once all devices are found. */
err_t plan_quarantine_find(struct plan_ctx *c);
/* Physmap to spans, shapes and frame counts: p2m and bfn maps of pp. */
err_t plan_tables_place(struct plan_ctx *c, struct plan_partition *pp);
/* Shapes and frame counts of the quarantine's maps. */
err_t plan_quarantine_place(struct plan_ctx *c);
/* VMIDs, domain ids, scratch patterns and table numbers of the whole plan. */
err_t plan_domains_number(struct plan_ctx *c);

/* plan_messages.c */
/* The entries that IOMMUs have for the messages of all devices. */
err_t plan_messages_number(struct plan_ctx *c);

/* plan_image.c */
err_t plan_images_place(struct plan_ctx *c, struct plan_partition *pp);

/* plan_hv.c */
/* c->own: the registers the hypervisor uses itself. */
err_t plan_hv_own(struct plan_ctx *c);
err_t plan_hv_place(struct plan_ctx *c);

#endif
