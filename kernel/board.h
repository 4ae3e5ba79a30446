/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board: what firmware says the machine is, in one description whatever told it (a DTB
 * here), completed by what only hardware can tell (struct board_hw, PCI functions). Every
 * value in it has been bounds-checked.
 */
#ifndef KERNEL_BOARD_H
#define KERNEL_BOARD_H

#include "dt.h"
#include "frame.h"

struct iommu_kind;
struct p2m_kind;
struct guest_protocol;

struct board_range {
    maddr_t base;
    uint64_t size;
    const char *name;
    dt_node_t node;
    bool no_map; /* reserved-memory: must not even be mapped */
};

struct board_cpu {
    uint64_t id; /* Arm: affinity bits as in MPIDR_EL1, nothing else; x86_64: APIC id */
    dt_node_t node;
};

/* An interrupt as the interrupt controller numbers it (GIC: INTID, so SPI n is 32 + n). */
struct board_irq {
    uint16_t intid;
    bool edge;
};

struct board_gic {
    uint8_t version; /* 3 */
    dt_node_t node;
    maddr_t gicd;
    uint64_t gicd_size;
    struct board_range *gicr; /* redistributor regions */
    uint32_t gicrs;
    struct board_irq maintenance; /* a PPI */
};

/* x86_64: an I/O APIC, whose pins are GSIs from gsi on. */
struct board_ioapic {
    uint8_t id;
    maddr_t base;
    uint32_t gsi;
    bool has_source; /* an IOMMU remaps its interrupts: as these */
    uint32_t iommu;
    uint16_t source; /* requester id */
};

/* x86_64: an ISA interrupt that is not the GSI of its number, edge and active high. ACPI 6.5, 5.2.12.5. */
struct board_isa_irq {
    uint8_t irq;
    uint32_t gsi;
    bool level, low;
};

struct board_apic {
    maddr_t lapic; /* of every CPU */
    struct board_ioapic *ioapic;
    uint32_t ioapics;
    struct board_isa_irq *isa;
    uint32_t isas;
};

/* x86_64: fixed hardware of ACPI that is used: I/O ports, 0: none. ACPI 6.5, 5.2.9. */
struct board_acpi {
    uint16_t pm_timer;     /* 3.579545 MHz */
    bool pm_timer_32;      /* its 32 bits count, else 24 */
    uint16_t pm1a_control; /* SLP_TYP and SLP_EN: S5 switches off */
    uint8_t s5_type;       /* for SLP_TYP */
    bool has_s5;
    uint16_t reset_port;
    uint8_t reset_value;
};

struct board_timer {
    struct board_irq virt, phys, hyp; /* PPIs of CNTV, CNTP (non-secure), CNTHP */
};

struct board_uart {
    bool present;
    dt_node_t node;
    maddr_t base;  /* PL011 */
    uint16_t port; /* x86_64: the I/O port of a 16550 instead */
    uint64_t size;
    struct board_irq irq;
};

/* An IOMMU: what firmware says of it, and what only its registers tell. */
struct board_iommu {
    const struct iommu_kind *kind;
    dt_node_t node;
    uint32_t phandle;
    maddr_t base;
    uint64_t size;
    bool coherent;                   /* dma-coherent */
    struct board_irq eventq, gerror; /* intid 0: none, then faults are contained and not told */
    /* From its ID registers where the hardware has been read; else the defaults of board_read. */
    uint8_t sid_bits, in_bits, out_bits;
    uint8_t leaf_level;  /* the largest leaf that it walks, as in struct pt_shape */
    uint8_t domain_bits; /* of VMIDs, domain ids, contexts: 0 is nobody's */
    bool stage2;
    uint8_t flags; /* AMD-Vi: of its IVHD block; its device table ends with sid_bits */
};

/* A table of firmware says that streams use reserved[range] by DMA on their own (VT-d RMRR, AMD-Vi IVMD). */
struct board_dma_user {
    uint32_t range;
    uint32_t iommu;
    uint32_t sid_first, sid_last;
};

enum bar_kind {
    BAR_NONE,
    BAR_IO,
    BAR_MEM32,
    BAR_MEM64,
    BAR_UPPER /* high half of the 64-bit BAR before it */
};

struct pci_bar {
    enum bar_kind kind;
    bool prefetch;
    uint64_t size; /* a power of two */
};

/* The messages of a function by its capabilities, where interrupts are messages (dev/pci_msi.c); else it has none. */
struct pci_messages {
    uint16_t messages; /* MSI: 1..32; 0: it has no MSI */
    uint16_t entries;  /* MSI-X: 1..2048; 0: it has no MSI-X */
    uint8_t bar;       /* that has the MSI-X table, at byte table, as a whole */
    uint32_t table;
};

/* A function that answers in configuration space. PCI Local Bus 3.0, 6.1-6.2. */
struct pci_function {
    uint16_t bdf;
    uint16_t vendor, device;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t header;      /* 0: device, 1: bridge */
    uint8_t pin;         /* 0: none, 1..4: INTA..INTD */
    struct pci_bar bar[6];
    struct pci_messages msi;
};

struct board_map {
    uint32_t rid, rid_count;
    uint32_t iommu; /* index into board.iommu */
    uint32_t sid;
    bool is_alias; /* all of them come as sid; else the first does, the next as sid + 1 ... */
};

struct board_intx {
    uint16_t bdf; /* masked with board_pci.intx_bdf_mask */
    uint8_t pin;
    struct board_irq irq;
};

struct board_pci {
    bool present;
    dt_node_t node;
    maddr_t ecam;
    uint64_t ecam_size;
    uint8_t bus_first, bus_last;
    struct board_range mem32, mem64; /* windows with bus address == machine address; size 0: none */
    struct board_range *bus;         /* all memory windows as devices see them: DMA to there is for another device */
    uint32_t buses;
    struct board_map *map; /* iommu-map */
    uint32_t maps;
    uint16_t intx_bdf_mask;
    struct board_intx *intx; /* interrupt-map */
    uint32_t intxs;
    struct pci_function *fn;
    uint32_t fns;
};

/* What partitions see at the board's own addresses, emulated. */
enum board_when { WHEN_ALWAYS, WHEN_VUART, WHEN_PCI };

struct board_emulated {
    maddr_t base;
    uint64_t frames; /* for each CPU where per_cpu */
    uint64_t room;   /* of the board's own: so many frames are not anything else */
    const char *name;
    enum board_when when;
    bool per_cpu;
};

#define BOARD_EMULATED 4

/* Numbers of interrupt controllers in board.emulated and plan_partition.emulated. */
enum { EMULATED_GICD, EMULATED_GICR };
enum { EMULATED_LAPIC, EMULATED_IOAPIC };

struct board {
    const struct dt *dt;        /* one empty node where no DTB tells */
    struct board_range *memory; /* sorted, no overlap */
    uint32_t memories;
    struct board_range *reserved; /* /reserved-memory and the reservation block: whole pages around each */
    uint32_t reserveds;
    struct board_dma_user *dma_user;
    uint32_t dma_users;
    struct board_range *mmio; /* every reg of every other enabled node, sorted: who shares a page with whom */
    uint64_t *mmio_end;       /* where those up to this one end */
    uint32_t mmios;
    struct board_emulated emulated[BOARD_EMULATED];
    uint32_t emulateds;
    struct board_range *kept; /* registers of interrupt controllers: the hypervisor's alone */
    uint32_t kepts;
    uint16_t line_first; /* interrupts below are private to a CPU, or none (0) */
    struct board_cpu *cpu;
    uint32_t cpus;
    struct board_gic gic;   /* aarch64 */
    struct board_apic apic; /* x86_64 */
    struct board_acpi acpi; /* x86_64 */
    struct board_timer timer;
    struct board_uart uart; /* /chosen stdout-path, else the first PL011 */
    struct board_iommu *iommu;
    uint32_t iommus;
    struct board_pci pci;
    const struct p2m_kind *p2m, *own; /* of guests' tables, and of the hypervisor's own */
    const struct guest_protocol *guest;
    uint8_t pa_bits;   /* ID_AA64MMFR0_EL1.PARange where the hardware has been read, else 40 */
    uint8_t vmid_bits; /* of the CPUs: ID_AA64MMFR1_EL1.VMIDBits where the hardware has been read, else 16 */
};

/*
 * Fill b from the firmware's DTB. PCI functions come from child nodes of the host bridge
 * (IEEE 1275 PCI binding) where there are any; a board that runs replaces them by a scan.
 * dt must outlive b.
 */
err_t board_read(struct board *b, const struct dt *dt, struct arena *a, struct diag *d);

/* Interrupt i of node n (`interrupts` or `interrupts-extended`, GIC only). */
err_t board_interrupt(const struct board *b, dt_node_t n, uint32_t i, struct board_irq *out, bool *exists,
                      struct diag *d);

/* Stream id of a PCI function; false: its DMA passes no SMMU. */
bool board_pci_stream(const struct board *b, uint16_t bdf, uint32_t *iommu, uint32_t *sid);

/* INTx of a function; false: the function has no pin, or the board routes it nowhere. */
bool board_pci_intx(const struct board *b, const struct pci_function *f, struct board_irq *out);

/* The device tree's node of a PCI function; DT_NONE: it has none. */
dt_node_t board_pci_node(const struct board *b, uint16_t bdf);

/* Stream id of a platform device (iommus = <&smmu sid>, nothing else); false: there is none of that form. */
bool board_node_stream(const struct board *b, dt_node_t n, uint32_t *iommu, uint32_t *sid);

/* What says that n is a bus master, as a word of its node; NULL: nothing does. */
const char *board_master_word(const struct board *b, dt_node_t n);

/* Who does DMA: a node of the board (DT_NONE: none), and a stream where an IOMMU stands in front. */
struct board_requester {
    dt_node_t node;
    bool has_stream;
    uint32_t iommu, sid;
};

/* Does a device use reserved[i] by DMA, as `iommu-addresses`, its `memory-region` or a table of firmware says? */
enum board_use {
    USE_NONE,
    USE_SAME, /* BFN == MFN */
    USE_MOVED /* at another bus address, or beyond it */
};
enum board_use board_reserved_use(const struct board *b, uint32_t i, const struct board_requester *who);

/* Does one of the ranges touch a frame of [first, end)? */
bool board_meets(const struct board_range *r, uint32_t count, uint64_t first, uint64_t end);

/* For who fills in a board: bring its registers in order, when all of them are there. */
err_t board_mmio_sort(struct board *b, struct arena *a, struct diag *d);

/*
 * The registers that touch a frame of [first, end), one after the other in the order of their addresses: m is the
 * one before, NULL to begin with. NULL: no more.
 */
const struct board_range *board_mmio_next(const struct board *b, const struct board_range *m, uint64_t first,
                                          uint64_t end);

/* Are these frames a page that an ITS translates from (IHI 0069, 12.9: GITS_TRANSLATER)? */
bool board_is_doorbell(const struct board *b, uint64_t first, uint64_t frames);

const struct pci_function *board_pci_find(const struct board *b, uint16_t bdf);

#endif
