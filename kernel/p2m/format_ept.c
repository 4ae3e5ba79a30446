/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * Intel SDM vol. 3, 29.3.2 and 29.3.7 (EPT). Writing without reading is a misconfiguration, and
 * executing without reading needs a capability: PT_NONE. Without IPAT the guest's PAT combines
 * with the type as with an MTRR's: UC then still allows write-combining, as for a prefetchable
 * BAR on bare metal; a device's registers are UC whatever the guest says. Zero: accessed and dirty
 * (8, 9), user execute (10), 11 and 62:52, and Suppress #VE (63).
 */
#define EPT_R     (UINT64_C(1) << 0)
#define EPT_W     (UINT64_C(1) << 1)
#define EPT_X     (UINT64_C(1) << 2)
#define EPT_MT(v) (UINT64_C(v) << 3)
#define EPT_IPAT  (UINT64_C(1) << 6)
#define EPT_PS    (UINT64_C(1) << 7)

#define EPT_TABLE (EPT_R | EPT_W | EPT_X)

const struct pt_format pt_format_ept = {
    .name = "EPT",
    .present = EPT_R | EPT_W | EPT_X,
    .addr = UINT64_C(0x000ffffffffff000),
    .kind = EPT_PS,
    .kind_leaf = EPT_PS,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .table = {PT_NONE, EPT_TABLE, EPT_TABLE, EPT_TABLE, EPT_TABLE, PT_NONE},
    .leaf = {0, EPT_PS, EPT_PS, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = EPT_R,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = EPT_R | EPT_W,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = EPT_R | EPT_X,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = EPT_R | EPT_W | EPT_X,
        },
    .mem =
        {
            [MEM_NORMAL] = EPT_MT(6),   /* write-back */
            [MEM_UNCACHED] = EPT_MT(0), /* uncacheable */
            [MEM_DEVICE] = EPT_MT(0) | EPT_IPAT,
        },
};
