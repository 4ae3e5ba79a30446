/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the boot makes and the run time keeps. */
#ifndef ARCH_AARCH64_BOOT_H
#define ARCH_AARCH64_BOOT_H

#include "bundle.h"
#include "compile.h"
#include "iommu/faults.h"
#include "iommu/smmuv3.h"
#include "partition.h"

struct boot {
    struct diag diag;
    struct arena arena;
    struct arena objects; /* cut from the other one: what runs after launch */
    struct dt board_dt, manifest_dt;
    struct board board;
    struct bundle bundle;
    struct manifest manifest;
    struct plan plan;
    struct compiled tables;
    struct partition *part;
    struct console_line **line;
    struct smmuv3 *smmu;   /* by SMMU of the board */
    struct faults *faults; /* likewise */
    struct smmuv3_stage2
        *quarantine; /* likewise: the map of devices past their fault budget that are not to be blocked */
};

/* Bytes of every object that boot_program takes; no hardware is asked, so that the host tool can. */
size_t boot_objects_size(const struct plan *p);
/* Set that room aside. */
err_t boot_objects(struct boot *b, struct diag *d);
/* Build every table into the pool. */
err_t boot_compile(struct boot *b, struct diag *d);
/* Say what the board became, then hand the tables to CPU and SMMU, interrupts to the GIC, devices to their
 * start state. */
err_t boot_program(struct boot *b, struct diag *d);
/* What the board became, in lines. */
void boot_report(const struct boot *b);

/* What the CPU's ID registers tell: pa_bits (ID_AA64MMFR0_EL1.PARange), vmid_bits (ID_AA64MMFR1_EL1.VMIDBits). */
void boot_read_ids(struct board *b);

#endif
