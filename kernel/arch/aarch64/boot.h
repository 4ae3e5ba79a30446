/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the boot makes and the run time keeps. */
#ifndef ARCH_AARCH64_BOOT_H
#define ARCH_AARCH64_BOOT_H

#include "bundle.h"
#include "iommu/faults.h"
#include "iommu/smmuv3.h"
#include "partition.h"

struct boot {
    struct diag diag;
    struct arena arena;
    struct dt board_dt, manifest_dt;
    struct board board;
    struct bundle bundle;
    maddr_t bundle_end;
    struct manifest manifest;
    struct plan plan;
    struct pool pool;
    struct pt el2;
    struct pt *p2m, *bfn; /* by partition */
    struct partition *part;
    struct console_line **line;
    struct smmuv3 *smmu;   /* by SMMU of the board */
    struct faults *faults; /* likewise */
};

/* Build every table into the pool. */
err_t boot_compile(struct boot *b, struct diag *d);
/* Check every table with the second opinion. */
err_t boot_verify(struct boot *b, struct diag *d);
/* Hand them to CPU, SMMU and GIC, in this order; devices to their start state. */
err_t boot_program(struct boot *b, struct diag *d);
/* What the board became, in lines. */
void boot_report(const struct boot *b);

/* ID_AA64MMFR0_EL1.PARange */
uint64_t boot_pa_range(void);

#endif
