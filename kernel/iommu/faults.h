/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounting of contained DMA faults: the first ones of a device are shown, then they are
 * counted, and a device that goes on is to be quarantined. Stream ids are an IOMMU's own, so
 * there is one struct faults for each.
 */
#ifndef KERNEL_IOMMU_FAULTS_H
#define KERNEL_IOMMU_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_LOG    8   /* faults of a device that are shown */
#define FAULT_BUDGET 256 /* the fault that quarantines it */
#define FAULT_TEXT   192 /* room for a line with names of 31 characters */

/* A fault as every kind of IOMMU can tell it. */
struct fault {
    uint32_t sid;
    const char *what; /* in words: "translation fault", "no right to write" ... */
    bool read;
    bool has_addr;
    uint64_t addr; /* bus address */
};

struct fault_record {
    const char *partition, *device;
    uint32_t sid;
    bool to_scratch; /* its quarantine is a scratch page: blocking it would hang it */
    uint64_t count;  /* since boot, atomic */
};

struct faults {
    struct fault_record *record; /* one for each assigned stream; the caller's */
    uint32_t records;
    struct fault_record nobody; /* streams that no device has; zeroed at the start */
};

enum fault_action {
    FAULT_COUNTED,   /* nothing to show */
    FAULT_SHOW,      /* show the text */
    FAULT_QUARANTINE /* show the text and quarantine the fault's stream */
};

/*
 * Account for one fault; text gets a line where the answer is not FAULT_COUNTED. Every FAULT_BUDGET-th fault
 * asks for the quarantine of the stream that brought it: again, where the last one failed. May run on several
 * CPUs at a time.
 */
enum fault_action faults_take(struct faults *f, const struct fault *e, char *text, size_t size);

/* The record of a stream; nobody's where no device has it. */
struct fault_record *faults_find(struct faults *f, uint32_t sid);

#endif
