/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSI and MSI-X of a partition's PCI functions. What the guest writes is kept here and read back from here; what the
 * device gets is what a router makes of it, or nothing: then the message stays masked.
 *
 *   guest --> capability (vpci.c), table (trapped) --> shadow --> router --> IOMMU's entry, device's registers
 */
#ifndef KERNEL_DEV_VMSIX_H
#define KERNEL_DEV_VMSIX_H

#include "arena.h"
#include "dev/vpci.h"
#include "lock.h"

struct vmsi_message {
    uint64_t address;
    uint32_t data;
};

struct vmsi_router {
    /*
     * Message index of dev, below dev->messages, is to be what the guest wrote: *out is what the device is to send
     * for it, and for MSI with the index in the low bits of its data. False: it reaches no CPU of the partition.
     */
    bool (*route)(void *ctx, const struct plan_device *dev, uint32_t index, const struct vmsi_message *m,
                  struct vmsi_message *out);
    /* Whatever dev sends as this message reaches nobody. */
    void (*block)(void *ctx, const struct plan_device *dev, uint32_t index);
    void *ctx;
};

struct vmsix_entry {
    struct vmsi_message m;
    bool masked;
    bool routed; /* of the message with this index, by MSI or MSI-X */
};

struct vmsix_function {
    const struct plan_device *dev;
    mmio_t table; /* the frames that the MSI-X table touches */
    struct vmsix_entry *entry;
    struct vmsi_message msi;
    uint16_t msi_control; /* what of it is the guest's */
};

struct vmsix {
    struct lock lock;
    struct vpci *vpci;
    struct vmsi_router router;
    struct vmsix_function *fn; /* as vpci numbers them */
};

/* Bytes that vmsix_init takes of its arena. */
size_t vmsix_size(const struct plan_partition *pp);

/* Answer for the messages of all functions of v. map: where registers at an address of the machine are. */
err_t vmsix_init(struct vmsix *x, struct vpci *v, const struct vmsi_router *router, mmio_t (*map)(maddr_t),
                 struct arena *a, struct diag *d);

/* Every message masked and blocked, nothing of the guest's kept; devices decode their registers. */
void vmsix_reset(struct vmsix *x);

/* Guest access of 1, 2, 4 or 8 bytes at off in the frames of a function's table. */
uint64_t vmsix_read(struct vmsix *x, uint32_t fn, uint32_t off, unsigned width);
void vmsix_write(struct vmsix *x, uint32_t fn, uint32_t off, unsigned width, uint64_t value);

#endif
