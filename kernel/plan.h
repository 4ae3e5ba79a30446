/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: the manifest resolved against the board. Every frame, extent, table frame,
 * device, interrupt and CPU has its place here before anything is built. Portable; touches
 * no hardware and no memory but its arena.
 */
#ifndef KERNEL_PLAN_H
#define KERNEL_PLAN_H

#include "board.h"
#include "bundle.h"
#include "guest_image.h"
#include "manifest.h"
#include "p2m/pt.h"

/* What one device of a partition got. */
struct plan_device {
    const struct manifest_device *m;
    const struct pci_function *fn; /* PCI */
    dt_node_t board_node;          /* platform */
    uint8_t slot;                  /* PCI: the guest sees it as 00:slot.0 */
    maddr_t bar[6];                /* PCI: where each memory BAR is placed (GFN == MFN) */
    bool has_irq;
    struct board_irq irq; /* PCI: INTx; platform: the first one */
    bool is_protected;    /* an IOMMU stands in front */
    uint32_t iommu, sid;  /* when protected */
    uint32_t map;         /* when protected: index into the partition's bfn maps */
    uint16_t messages;    /* PCI: MSI or MSI-X messages that it may have */
    uint16_t route;       /* when protected: where the IOMMU's entries for them begin */
};

/* MSI-X entries of a function that its partition sees: more than a driver wants; what is above stays masked. */
#define MSIX_VISIBLE 64u

/*
 * The frames of a function's registers that its MSI-X table touches, from the start of its BAR; frames 0: it has
 * none. They are the hypervisor's, and emulated for the partition.
 */
struct plan_table {
    uint64_t skip, frames;
};
static inline struct plan_table plan_msix_table(const struct pci_function *f)
{
    uint64_t first = f->msi.table >> FRAME_SHIFT, end = f->msi.table + f->msi.entries * UINT64_C(16);

    return f->msi.entries ? (struct plan_table){first, frames_of(end) - first} : (struct plan_table){0, 0};
}

/* Interrupts (INTID >= 32) that belong to the partition. */
struct plan_irq {
    struct board_irq irq;
    const char *name;  /* device or "console" */
    bool virtual_only; /* no physical line behind it */
};

/*
 * A device-side address space: of the devices of a partition behind IOMMUs of one kind, or of one device that
 * has a scratch page of its own.
 */
struct plan_bfn_map {
    const struct iommu_kind *kind;
    const struct plan_device *device; /* the only one that uses it; NULL: all behind IOMMUs of this kind */
    struct pt_shape shape;            /* shared tables: the p2m's */
    uint32_t table;                   /* number of its tables in struct compiled; shared: the p2m's */
    uint16_t domain;                  /* VMID, domain id or context: 1.., no other map's of this kind */
    uint16_t scratch_id;              /* whose pattern its scratch page holds */
    uint64_t frames, scratch;         /* its tables; scratch page and tree */
};

struct plan_frames {
    uint64_t p2m, bfn, scratch; /* p2m: with what aligning its root skips; bfn, scratch: of all its maps */
    uint64_t pv;                /* which pages of the PV window are mapped */
};

/* What is copied into a partition's memory at start. */
struct plan_image {
    const char *name; /* kernel, initrd, start block or region */
    gaddr_t at;
    const uint8_t *data;
    uint64_t size; /* bytes of data; 0: written later */
    uint64_t room; /* bytes kept for it, all of them memory of the partition */
    uint64_t skip; /* bytes of the file in front of data */
};

struct plan_partition {
    const struct manifest_partition *m;
    uint16_t id;   /* 0.. */
    uint16_t vmid; /* of the p2m (x86_64: ASID): 1.. */
    uint32_t *cpu; /* indices into board.cpu; [0] boots */
    uint32_t cpus;
    struct physmap physmap;
    struct manifest_region *reserved; /* the board's reserved memory that its devices use, as if declared */
    uint32_t reserveds;
    const struct p2m_kind *p2m;
    struct pt_shape p2m_shape;
    uint32_t p2m_table;       /* number of the p2m in struct compiled */
    struct pt_span *p2m_span; /* compiled from physmap */
    uint32_t p2m_spans;
    struct plan_bfn_map *map; /* none where it owns no protected device */
    uint32_t maps;
    struct pt_span *bfn_span; /* what all its maps reach, from the physmap; a PV window has no rights */
    uint32_t bfn_spans;
    struct plan_device *device;
    uint32_t devices;
    struct plan_irq *irq;
    uint32_t irqs;
    struct plan_frames frames;

    /* Guest layout: addresses as the guest sees them. */
    gaddr_t emulated[BOARD_EMULATED]; /* as board.emulated numbers them; 0: it has none */
    bool has_vuart;
    gaddr_t vuart;
    uint16_t vuart_intid;
    bool has_ecam;
    gaddr_t ecam;    /* 1 MiB: one bus */
    gaddr_t pci_mem; /* window that holds all its BARs; GFN == MFN */
    uint64_t pci_mem_size;

    /* Guest start. */
    gaddr_t entry;
    gaddr_t initrd;
    uint64_t initrd_size; /* 0: no initrd */
    gaddr_t start;        /* GUEST_START_MAX bytes in one extent: what guest_image.h calls the start block */
    struct plan_image *image;
    uint32_t images;
};

#define GUEST_DTB_MAX GUEST_START_MAX

/* What the hypervisor keeps for itself while it runs. */
struct plan_hypervisor {
    maddr_t image, image_end;   /* text to the end of bss, whole frames */
    maddr_t bundle, bundle_end; /* whole frames */
    maddr_t arena, arena_end;   /* whole frames: plan, board and run-time objects */
    maddr_t dtb, dtb_end;       /* firmware's DTB, whole frames */
    mfn_t pool;                 /* frames of struct pool */
    uint64_t pool_frames;
    uint64_t own_frames, cpu_frames, iommu_frames; /* parts of pool_frames */
    struct pt_shape shape;                         /* of its own tables */
    struct pt_span *span; /* the hypervisor's own address space: input == output, stacks last */
    uint32_t spans;
};

/*
 * Stacks lie in a virtual area of their own with a guard frame on either side: that of board CPU i
 * has the virtual frames HV_STACK_VBASE + i * HV_STACK_STRIDE + 1 and following, and is made of the
 * pool's frames i * HV_STACK_FRAMES and following (the pool's first ones). Canonical on x86_64, too.
 */
#define HV_STACK_VBASE  (UINT64_C(1) << (46 - FRAME_SHIFT)) /* a frame number: 2^46 bytes */
#define HV_STACK_FRAMES 2u
#define HV_STACK_STRIDE 4u

struct plan;

/*
 * Behind the stacks, and a part of cpu_frames, too, lie the frames that the CPUs ask for to run guests (p2m/kind.h):
 * of board CPU i, and of partition i.
 */
mfn_t plan_cpu_frames(const struct plan *p, uint32_t board_cpu);
mfn_t plan_partition_frames(const struct plan *p, uint32_t partition);

struct plan {
    const struct manifest *manifest;
    const struct board *board;
    struct plan_partition *partition;
    uint32_t partitions;
    maddr_t *shared; /* by index of manifest.shared */
    uint32_t tables; /* in all: the hypervisor's own is number 0 */
    /*
     * The devices of /quarantine: what no partition owns and must not be blocked. Not one of partitions: it
     * has devices and bfn maps of nothing but scratch, and no CPU, memory or p2m.
     */
    struct plan_partition *quarantine;
    struct plan_hypervisor hv;
};

/* Where the hypervisor and its inputs lie; the host tool passes what the image will be. */
struct plan_input {
    const struct manifest *manifest;
    const struct board *board;
    const struct bundle *bundle;
    maddr_t image, image_end, bundle_base, bundle_end, arena, arena_end, dtb, dtb_end;
    /* Image sections for the hypervisor's own tables: [image, text_end) r-x, [.., rodata_end) r, rest rw. */
    maddr_t text_end, rodata_end;
};

/*
 * Place everything. Refused with a text that names node, property, value and what would be
 * right; where something does not fit, with the number that it would have needed.
 */
err_t plan_build(struct plan *p, const struct plan_input *in, struct arena *a, struct diag *d);

#endif
