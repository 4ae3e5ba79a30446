/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOMMUs of the board, whichever of the two kinds each is. Order of use: probe; once the tables are built
 * block all, attach, enable all.
 */
#ifndef ARCH_X86_64_IOMMU_H
#define ARCH_X86_64_IOMMU_H

#include "compile.h"
#include "iommu/amdvi.h"
#include "iommu/faults.h"
#include "iommu/vtd.h"

struct iommu {
    const struct board_iommu *b;
    mmio_t base;
    bool is_amd;
    union {
        struct vtd_caps vtd_caps;
        struct amdvi_caps amd_caps;
    };
    union {
        struct vtd vtd;
        struct amdvi amd;
    };
    struct faults faults;
    const struct plan_bfn_map *quarantine; /* where devices go that are not to be blocked; NULL: nowhere */
    const struct compiled *tables;
};

/* Read what the unit can do, into *b, too; its registers are mapped. */
err_t iommu_probe(struct iommu *u, struct board_iommu *b, mmio_t base, struct diag *d);

/* From here no DMA passes it. */
err_t iommu_block(struct iommu *u, struct compiled *tables, struct diag *d);

/* The functions of pp behind any of these units reach what its maps say, and no fault is held against them. */
err_t iommu_attach(struct iommu *units, const struct plan_partition *pp, struct diag *d);

/* A device may do no DMA any more, or only to the quarantine's scratch page. */
err_t iommu_quarantine(struct iommu *u, uint32_t sid, bool to_scratch, struct diag *d);

/* Everything cached is dropped, interrupt remapping is on; faults are told by an NMI to this CPU where it can be. */
err_t iommu_enable(struct iommu *u, struct diag *d);

/* Index 0 of a VT-d unit's remapping table is the hypervisor's. */
#define IOMMU_OWN_ROUTE 0

/*
 * Once units are enabled: what an I/O APIC with this requester id puts into a redirection entry so that the pin, an
 * edge, is an NMI for this CPU.
 */
err_t iommu_nmi_entry(struct iommu *u, uint16_t source, uint64_t *entry, struct diag *d);

/* Take a bounded number of faults, show or count them, quarantine who goes on; count: for every one of a device. */
void iommu_faults(struct iommu *u, void (*count)(const struct fault_record *r));

#endif
