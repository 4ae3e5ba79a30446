/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * AMD64 APM vol. 2, 5.3.4 and 5.3.5 (long-mode entries), 15.25 (nested paging): the host's CR4
 * and PAT apply, every walk is a user access, so U is set throughout. A and D are set beforehand:
 * hardware then never writes the table. The memory type is PAT index PCD:PWT; the PAT bit, which
 * is bit 12 of a large leaf, stays zero: for AMD-Vi it is an address bit. The guest's own type
 * combines with it (15.25.8): UC- leaves it write-combining, UC does not. Zero too: G (8), the
 * software bits 11:9 and 58:52, and 62:59, which are protection keys under CR4.PKE.
 */
#define NPT_P    (UINT64_C(1) << 0)
#define NPT_W    (UINT64_C(1) << 1)
#define NPT_U    (UINT64_C(1) << 2)
#define NPT_PWT  (UINT64_C(1) << 3)
#define NPT_PCD  (UINT64_C(1) << 4)
#define NPT_A    (UINT64_C(1) << 5)
#define NPT_D    (UINT64_C(1) << 6)
#define NPT_PS   (UINT64_C(1) << 7)
#define NPT_NX   (UINT64_C(1) << 63)
#define NPT_ADDR UINT64_C(0x000ffffffffff000)

#define NPT_TABLE (NPT_P | NPT_W | NPT_U | NPT_A)
#define NPT_PAGE  (NPT_P | NPT_U | NPT_A | NPT_D)
#define NPT_BLOCK (NPT_PAGE | NPT_PS)

const struct pt_format pt_format_npt = {
    .name = "NPT",
    .present = NPT_P,
    .addr = NPT_ADDR,
    .kind = NPT_PS,
    .kind_leaf = NPT_PS,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .table = {PT_NONE, NPT_TABLE, NPT_TABLE, NPT_TABLE, NPT_TABLE, PT_NONE},
    .leaf = {NPT_PAGE, NPT_BLOCK, NPT_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = NPT_NX,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = NPT_W | NPT_NX,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = 0,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = NPT_W,
        },
    .mem =
        {
            [MEM_NORMAL] = 0,                 /* PA0: write-back */
            [MEM_UNCACHED] = NPT_PCD,         /* PA2: UC- */
            [MEM_DEVICE] = NPT_PCD | NPT_PWT, /* PA3: UC */
        },
};

/*
 * What AMD-Vi reads of the same entry (48882, 2.2.3) lies in bits that the CPU ignores: Next
 * Level in 11:9, FC, IR and IW in 62:60 (CR4.PKE must be off). AMD-Vi for its part ignores 8:1
 * and NX, so the rights of a device are those of the CPU without execution.
 */
#define IO_NEXT(level)      (UINT64_C(level) << 9)
#define IO_FC               (UINT64_C(1) << 60)
#define IO_R                (UINT64_C(1) << 61)
#define IO_W                (UINT64_C(1) << 62)
#define SHARED_TABLE(level) (NPT_TABLE | IO_NEXT(level) | IO_R | IO_W)

const struct pt_format pt_format_npt_shared = {
    .name = "NPT shared with AMD-Vi",
    .present = NPT_P,
    .addr = NPT_ADDR,
    .kind = NPT_PS,
    .kind_leaf = NPT_PS,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .table = {PT_NONE, SHARED_TABLE(1), SHARED_TABLE(2), SHARED_TABLE(3), SHARED_TABLE(4), PT_NONE},
    .leaf = {NPT_PAGE, NPT_BLOCK, NPT_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = NPT_NX | IO_R,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = NPT_W | NPT_NX | IO_R | IO_W,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = IO_R,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = NPT_W | IO_R | IO_W,
        },
    .mem =
        {
            [MEM_NORMAL] = IO_FC,
            [MEM_UNCACHED] = NPT_PCD,
            [MEM_DEVICE] = NPT_PCD | NPT_PWT,
        },
};
