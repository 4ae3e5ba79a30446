/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCI bus that a partition sees: bus 0 with only its own functions, at 00:slot.0.
 * Configuration reads and writes are filtered register by register: BARs stay where the plan
 * put them, ROM BARs do not exist, and only capabilities on the list are in the chain.
 */
#ifndef KERNEL_DEV_VPCI_H
#define KERNEL_DEV_VPCI_H

#include "dev/pci.h"

#define VPCI_SLOTS 32
#define VPCI_CAPS  4 /* capabilities on the list in vpci.c */

/* A capability that the guest sees: [off, end) of configuration space, in the order of the chain. */
struct vpci_cap {
    uint8_t id;
    uint16_t off, end;
};

/* One function: the physical one behind it and what the filter knows of it. */
struct vpci_function {
    const struct plan_device *dev;
    uint32_t sizing; /* bit i: BAR i was written with all ones and shows its size */
    struct vpci_cap cap[VPCI_CAPS];
    uint32_t caps;
};

struct vpci;

/*
 * Who answers for the MSI and MSI-X capabilities of functions that have messages (struct pci_messages). off: of a
 * dword in the capability; hw: what it is in the function's own; value: the guest's, with what it left as it was.
 */
struct vpci_messages {
    uint32_t (*read)(const struct vpci *v, uint32_t fn, uint8_t id, uint32_t off, uint32_t hw);
    void (*write)(struct vpci *v, uint32_t fn, uint8_t id, uint32_t off, uint32_t value);
};

struct vpci {
    const struct board_pci *pci;
    mmio_t ecam;
    struct vpci_function fn[VPCI_SLOTS];
    uint8_t slot[VPCI_SLOTS]; /* slot -> index + 1; 0: empty */
    uint32_t count;
    const struct vpci_messages *messages; /* set after vpci_init where functions have any */
    void *message_state;                  /* theirs */
};

/* Learn the capability chains of the partition's functions (bounded: a looping chain ends the list). */
err_t vpci_init(struct vpci *v, const struct board_pci *p, mmio_t ecam, const struct plan_partition *pp,
                struct diag *d);

/* Guest access of width 1, 2 or 4 at off in its ECAM (1 MiB). Nothing there: all ones; writes ignored. */
uint32_t vpci_read(struct vpci *v, uint32_t off, unsigned width);
void vpci_write(struct vpci *v, uint32_t off, unsigned width, uint32_t value);

/* After a reset of the partition: forget what the guest did. */
void vpci_reset(struct vpci *v);

#endif
