/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the check share; nobody else includes it. */
#ifndef KERNEL_CHECK_PRIVATE_H
#define KERNEL_CHECK_PRIVATE_H

#include "check.h"

/* Machine frames [first, end) that somebody has. */
struct held {
    uint64_t first, end;
    const char *who;  /* partition, "mullion" or "shared" */
    const char *what; /* extent */
};

struct check {
    const struct plan *p;
    struct arena *a;
    struct diag *d;
    struct held *held;
    uint32_t count;
    const struct plan_partition **node_owner; /* by node of the board: whose device it is; NULL: nobody's */
};

/* ERR_INVALID; fmt: who, what and number, with the invariant in front. */
err_t check_fail(const struct check *k, const char *fmt, const char *who, const char *what, uint64_t number)
    __attribute__((format(printf, 2, 0)));

static inline uint64_t check_overlap(const struct board_range *r, uint64_t from, uint64_t to)
{
    uint64_t first = r->base.v > from ? r->base.v : from;
    uint64_t end = r->base.v + r->size < to ? r->base.v + r->size : to;

    return first < end ? end - first : 0;
}

/* check_device.c */
/* I8: one owner for every device and stream; whose node is whose from here on. Before all else. */
err_t check_device_owners(struct check *k);
/* I2: an extent of registers. */
err_t check_mmio(const struct check *k, const struct plan_partition *pp, const struct extent *e);
/* Who the device is when it does DMA. */
struct board_requester check_requester(const struct check *k, const struct plan_device *dev);
/* I8, I9: who the device is, and what stands in front of it. */
err_t check_device(const struct check *k, const struct plan_partition *pp, const struct plan_device *dev);
/* I8: the devices that no partition owns. */
err_t check_quarantine(const struct check *k);
/* I11: interrupts and CPUs. */
err_t check_lines(const struct check *k);
/* I11: messages of devices, and the IOMMUs' entries for them. */
err_t check_messages(const struct check *k);

/* check_maps.c */
/* I3, I4, I5, I7: the bfn maps of a partition. */
err_t check_maps(const struct check *k, const struct plan_partition *pp);
/* I4: RAM is nowhere that an IOMMU does not translate. */
err_t check_exempt_ram(const struct check *k, const struct plan_partition *pp, const struct extent *e);
/* VMIDs, domains, numbers of tables: one of each. */
err_t check_numbers(const struct check *k);

#endif
