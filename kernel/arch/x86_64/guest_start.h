/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest finds in its memory at its start beside its images. */
#ifndef ARCH_X86_64_GUEST_START_H
#define ARCH_X86_64_GUEST_START_H

#include "plan.h"

/* Boot parameters, page tables, ACPI tables: into memory of pp, which is scrubbed and has its images. */
err_t guest_start_write(const struct plan *p, const struct plan_partition *pp, struct diag *d);

/* How its first CPU starts. */
struct guest_entry {
    uint64_t rip;
    uint64_t boot_params; /* in RSI, for Linux, and in RDI */
    uint64_t cr3;         /* of the page tables that it finds */
    uint64_t gdt;         /* GUEST_PC_GDT_LIMIT + 1 bytes, with the selectors that guest_pc.h names */
};
struct guest_entry guest_start_entry(const struct plan_partition *pp);

#endif
