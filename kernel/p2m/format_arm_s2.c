/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * Arm ARM D8.3.1, stage 2 descriptors, 4 KiB granule, 48-bit output, HCR_EL2.FWB = 0.
 * All other bits are zero: XN[0] (53), Contiguous (52), DBM (51), FnXS/nG (11), PBHA and
 * the software bits (63:55), and in table descriptors everything but the address.
 */
#define S2_VALID         (UINT64_C(1) << 0)
#define S2_TABLE_OR_PAGE (UINT64_C(1) << 1)
#define S2_MEMATTR(v)    (UINT64_C(v) << 2)
#define S2_AP_R          (UINT64_C(1) << 6)
#define S2_AP_W          (UINT64_C(1) << 7)
#define S2_SH_OUTER      (UINT64_C(2) << 8)
#define S2_SH_INNER      (UINT64_C(3) << 8)
#define S2_AF            (UINT64_C(1) << 10)
#define S2_XN            (UINT64_C(1) << 54)

#define S2_TABLE (S2_VALID | S2_TABLE_OR_PAGE)
#define S2_PAGE  (S2_VALID | S2_TABLE_OR_PAGE | S2_AF)
#define S2_BLOCK (S2_VALID | S2_AF)

const struct pt_format pt_format_arm_s2 = {
    .name = "Arm stage 2",
    .present = S2_VALID,
    .addr = UINT64_C(0x0000fffffffff000),
    .kind = S2_TABLE_OR_PAGE,
    .kind_leaf = 0,
    .in = {[2] = {32, 43}, [3] = {40, 48}}, /* level 2: up to 16 concatenated frames */
    .table = {PT_NONE, S2_TABLE, S2_TABLE, S2_TABLE, PT_NONE, PT_NONE},
    .leaf = {S2_PAGE, S2_BLOCK, S2_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = S2_AP_R | S2_XN,
            [R_WRITE] = S2_AP_W | S2_XN,
            [R_READ | R_WRITE] = S2_AP_R | S2_AP_W | S2_XN,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = S2_AP_R,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = S2_AP_R | S2_AP_W,
        },
    .mem =
        {
            [MEM_NORMAL] = S2_MEMATTR(0xf) | S2_SH_INNER,
            [MEM_UNCACHED] = S2_MEMATTR(0x5) | S2_SH_OUTER,
            [MEM_DEVICE] = S2_MEMATTR(0x1) | S2_SH_OUTER, /* nGnRE */
        },
};
