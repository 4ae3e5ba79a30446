/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * AMD I/O Virtualization Technology (48882), 2.2.3, host tables. An entry points to a table of
 * the level that Next Level says (1 is the table of 4 KiB leaves), 0 makes it a leaf; no level is
 * skipped. IR and IW count at every level together, so tables have both. FC makes a device's
 * no-snoop accesses coherent. Bits 58:52 are reserved and zero; zero too are the ignored ones
 * (8:1, 63; with host dirty tracking 5 and 6 would be A and D) and U (59), which is for ATS.
 */
#define IO_PR          (UINT64_C(1) << 0)
#define IO_NEXT(level) (UINT64_C(level) << 9)
#define IO_FC          (UINT64_C(1) << 60)
#define IO_R           (UINT64_C(1) << 61)
#define IO_W           (UINT64_C(1) << 62)

#define IO_TABLE(level) (IO_PR | IO_NEXT(level) | IO_R | IO_W)

/* A device does not fetch instructions: what includes execution cannot be said. */
const struct pt_format pt_format_amdvi = {
    .name = "AMD-Vi",
    .present = IO_PR,
    .addr = UINT64_C(0x000ffffffffff000),
    .kind = IO_NEXT(7),
    .kind_leaf = 0,
    .ignored = UINT64_C(0x80000000000001fe),
    .in = {[2] = {39, 39}, [3] = {48, 48}, [4] = {57, 57}, [5] = {64, 64}}, /* modes 3..6 */
    .table = {PT_NONE, IO_TABLE(1), IO_TABLE(2), IO_TABLE(3), IO_TABLE(4), IO_TABLE(5)},
    .leaf = {IO_PR, IO_PR, IO_PR, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = IO_R,
            [R_WRITE] = IO_W,
            [R_READ | R_WRITE] = IO_R | IO_W,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = PT_NONE,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = PT_NONE,
        },
    .mem = {[MEM_NORMAL] = IO_FC, [MEM_UNCACHED] = 0, [MEM_DEVICE] = 0},
};
