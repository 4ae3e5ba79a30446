/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * VT-d (rev. 4.1), 3.6 and 9.7: first-level entries of scalable mode, as the CPU's own 4- and
 * 5-level paging. Requests without PASID are user ones: U is set throughout. A and D are set
 * beforehand, so that the unit never writes the table. XD is reserved unless the PASID entry has
 * NXE; WPE there makes W count for supervisor requests, too. PCD and PWT pick from the PASID
 * entry's PAT (PA0 write-back, PA2 UC-, PA3 UC), where ECAP.MTS is set. Input addresses are
 * canonical: half of what the levels could is used, so that bit 47 (56) is never set.
 */
#define FL_P   (UINT64_C(1) << 0)
#define FL_W   (UINT64_C(1) << 1)
#define FL_U   (UINT64_C(1) << 2)
#define FL_PWT (UINT64_C(1) << 3)
#define FL_PCD (UINT64_C(1) << 4)
#define FL_A   (UINT64_C(1) << 5)
#define FL_D   (UINT64_C(1) << 6)
#define FL_PS  (UINT64_C(1) << 7)
#define FL_XD  (UINT64_C(1) << 63)

#define FL_TABLE (FL_P | FL_W | FL_U | FL_A)
#define FL_PAGE  (FL_P | FL_U | FL_A | FL_D)
#define FL_BLOCK (FL_PAGE | FL_PS)

const struct pt_format pt_format_vtd_fl = {
    .name = "VT-d first level",
    .present = FL_P,
    .addr = UINT64_C(0x000ffffffffff000),
    .kind = FL_PS,
    .kind_leaf = FL_PS,
    .in = {[3] = {40, 47}, [4] = {49, 56}},
    .table = {PT_NONE, FL_TABLE, FL_TABLE, FL_TABLE, FL_TABLE, PT_NONE},
    .leaf = {FL_PAGE, FL_BLOCK, FL_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = FL_XD,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = FL_W | FL_XD,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = 0,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = FL_W,
        },
    .mem = {[MEM_NORMAL] = 0, [MEM_UNCACHED] = FL_PCD, [MEM_DEVICE] = FL_PCD | FL_PWT},
};
