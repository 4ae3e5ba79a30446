/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * IHI 0070 (SMMUv3) 3.4 and Arm ARM D8.3.1: stage 1 of the EL1 regime, 4 KiB granule, 48-bit
 * output, TTB0 only (CD.EPD1). nG: entries belong to the ASID of the context descriptor. AP[1]
 * lets unprivileged transactions in, as those of a device are; a page is executable for both
 * levels or for none. Zero: NS (5), Contiguous (52), DBM (51), the software bits and the hierarchical
 * attributes of tables. CD.MAIR: index 0 Device-nGnRE, 1 Normal write-back, 2 Normal non-cacheable.
 */
#define S1_VALID         (UINT64_C(1) << 0)
#define S1_TABLE_OR_PAGE (UINT64_C(1) << 1)
#define S1_ATTRINDX(v)   (UINT64_C(v) << 2)
#define S1_AP1           (UINT64_C(1) << 6)
#define S1_AP2_RO        (UINT64_C(1) << 7)
#define S1_SH_OUTER      (UINT64_C(2) << 8)
#define S1_SH_INNER      (UINT64_C(3) << 8)
#define S1_AF            (UINT64_C(1) << 10)
#define S1_NG            (UINT64_C(1) << 11)
#define S1_XN            (UINT64_C(3) << 53) /* UXN and PXN */

#define S1_TABLE (S1_VALID | S1_TABLE_OR_PAGE)
#define S1_BLOCK (S1_VALID | S1_AP1 | S1_AF | S1_NG)
#define S1_PAGE  (S1_BLOCK | S1_TABLE_OR_PAGE)

/* Reading cannot be forbidden. */
const struct pt_format pt_format_smmu_s1 = {
    .name = "SMMUv3 stage 1",
    .present = S1_VALID,
    .addr = UINT64_C(0x0000fffffffff000),
    .kind = S1_TABLE_OR_PAGE,
    .kind_leaf = 0,
    .in = {[2] = {32, 39}, [3] = {40, 48}},
    .table = {PT_NONE, S1_TABLE, S1_TABLE, S1_TABLE, PT_NONE, PT_NONE},
    .leaf = {S1_PAGE, S1_BLOCK, S1_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = S1_AP2_RO | S1_XN,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = S1_XN,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = S1_AP2_RO,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = 0,
        },
    .mem =
        {
            [MEM_NORMAL] = S1_ATTRINDX(1) | S1_SH_INNER,
            [MEM_UNCACHED] = S1_ATTRINDX(2) | S1_SH_OUTER,
            [MEM_DEVICE] = S1_ATTRINDX(0) | S1_SH_OUTER,
        },
};
