/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the boot makes and the run time keeps. */
#ifndef ARCH_X86_64_BOOT_H
#define ARCH_X86_64_BOOT_H

#include "bundle.h"
#include "iommu_x86.h"
#include "partition.h"

struct boot {
    struct diag diag;
    struct arena arena;
    struct arena objects; /* cut from the other one: what runs after launch */
    struct dt manifest_dt;
    struct board board;
    struct bundle bundle;
    struct manifest manifest;
    struct plan plan;
    struct compiled tables;
    struct partition *part;
    struct console_line **line;
    struct iommu *iommu; /* as the board numbers them */
};

/* Set room aside for every object that boot_program takes. */
err_t boot_objects(struct boot *b, struct diag *d);
/* Build every table into the pool. */
err_t boot_compile(struct boot *b, struct diag *d);
/* Say what the board became, then hand the tables to CPUs and IOMMUs, and devices to their start state; all CPUs
 * are idle afterwards. */
err_t boot_program(struct boot *b, struct diag *d);
/* What the board became, in lines. */
void boot_report(const struct boot *b);

#endif
