/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * Arm ARM D8.3.1, stage 1 descriptors of the EL2 regime (HCR_EL2.E2H = 0), 4 KiB granule,
 * 48-bit output. One privilege level: AP[1] is RES1, PXN (53) and nG (11) are RES0. Zero too:
 * NS (5), Contiguous (52), DBM (51), the software bits (63:55) and the hierarchical
 * attributes of table descriptors. A stage 1 root is one frame, never concatenated.
 * MAIR_EL2: index 0 Device-nGnRE, 1 Normal write-back, 2 Normal non-cacheable.
 */
#define EL2_VALID         (UINT64_C(1) << 0)
#define EL2_TABLE_OR_PAGE (UINT64_C(1) << 1)
#define EL2_ATTRINDX(v)   (UINT64_C(v) << 2)
#define EL2_AP1           (UINT64_C(1) << 6)
#define EL2_AP2_RO        (UINT64_C(1) << 7)
#define EL2_SH_OUTER      (UINT64_C(2) << 8)
#define EL2_SH_INNER      (UINT64_C(3) << 8)
#define EL2_AF            (UINT64_C(1) << 10)
#define EL2_XN            (UINT64_C(1) << 54)

#define EL2_TABLE (EL2_VALID | EL2_TABLE_OR_PAGE)
#define EL2_BLOCK (EL2_VALID | EL2_AP1 | EL2_AF)
#define EL2_PAGE  (EL2_BLOCK | EL2_TABLE_OR_PAGE)

/* Reading cannot be forbidden, and nothing is both written and executed: PT_NONE. */
const struct pt_format pt_format_arm_el2 = {
    .name = "Arm EL2 stage 1",
    .present = EL2_VALID,
    .addr = UINT64_C(0x0000fffffffff000),
    .kind = EL2_TABLE_OR_PAGE,
    .kind_leaf = 0,
    .in = {[2] = {32, 39}, [3] = {40, 48}},
    .table = {PT_NONE, EL2_TABLE, EL2_TABLE, EL2_TABLE, PT_NONE, PT_NONE},
    .leaf = {EL2_PAGE, EL2_BLOCK, EL2_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = EL2_AP2_RO | EL2_XN,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = EL2_XN,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = EL2_AP2_RO,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = PT_NONE,
        },
    .mem =
        {
            [MEM_NORMAL] = EL2_ATTRINDX(1) | EL2_SH_INNER,
            [MEM_UNCACHED] = EL2_ATTRINDX(2) | EL2_SH_OUTER,
            [MEM_DEVICE] = EL2_ATTRINDX(0) | EL2_SH_OUTER,
        },
};
