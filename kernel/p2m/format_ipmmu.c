/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * R-Car Gen3 IPMMU-VMSA, stage 1 (IMTTBCR.EAE, PMB 0), long descriptors as in Arm ARM G5.5, 4 KiB
 * granule. The walk starts in a root of one frame: 32 input bits (33..39 with IMCTR.VA64); the
 * bus has 40. Unlike what the architecture says of NSTable, the unit wants NS and NSTable in every
 * entry and takes a secure access fault without. AP[1]: masters are unprivileged. nG: entries
 * belong to the ASID of the micro-TLB. IMMAIR0: index 0 Device-nGnRE, 1 Normal write-back, 2 Normal
 * non-cacheable.
 */
#define IP_VALID         (UINT64_C(1) << 0)
#define IP_TABLE_OR_PAGE (UINT64_C(1) << 1)
#define IP_ATTRINDX(v)   (UINT64_C(v) << 2)
#define IP_NS            (UINT64_C(1) << 5)
#define IP_AP1           (UINT64_C(1) << 6)
#define IP_AP2_RO        (UINT64_C(1) << 7)
#define IP_SH_OUTER      (UINT64_C(2) << 8)
#define IP_SH_INNER      (UINT64_C(3) << 8)
#define IP_AF            (UINT64_C(1) << 10)
#define IP_NG            (UINT64_C(1) << 11)
#define IP_XN            (UINT64_C(3) << 53) /* XN and PXN */
#define IP_NSTABLE       (UINT64_C(1) << 63)

#define IP_TABLE (IP_VALID | IP_TABLE_OR_PAGE | IP_NSTABLE)
#define IP_BLOCK (IP_VALID | IP_NS | IP_AP1 | IP_AF | IP_NG)
#define IP_PAGE  (IP_BLOCK | IP_TABLE_OR_PAGE)

/* Reading cannot be forbidden. */
const struct pt_format pt_format_ipmmu = {
    .name = "IPMMU-VMSA",
    .present = IP_VALID,
    .addr = UINT64_C(0x000000fffffff000),
    .kind = IP_TABLE_OR_PAGE,
    .kind_leaf = 0,
    .in = {[2] = {32, 39}},
    .table = {PT_NONE, IP_TABLE, IP_TABLE, PT_NONE, PT_NONE, PT_NONE},
    .leaf = {IP_PAGE, IP_BLOCK, IP_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = IP_AP2_RO | IP_XN,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = IP_XN,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = IP_AP2_RO,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = 0,
        },
    .mem =
        {
            [MEM_NORMAL] = IP_ATTRINDX(1) | IP_SH_INNER,
            [MEM_UNCACHED] = IP_ATTRINDX(2) | IP_SH_OUTER,
            [MEM_DEVICE] = IP_ATTRINDX(0) | IP_SH_OUTER,
        },
};
