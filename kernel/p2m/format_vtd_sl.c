/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * VT-d (rev. 4.1), 3.7 and 9.8: second-level entries. R and W say present; both count at every
 * level together. In legacy mode there is no memory type: what EPT has in 6:2 is ignored, and so
 * are 10:8 with the accessed and dirty flags off. SNP (11) is reserved in tables, and in leaves
 * unless ECAP.SC. A unit of smaller MGAW takes fewer input bits than its levels could.
 */
#define SL_R   (UINT64_C(1) << 0)
#define SL_W   (UINT64_C(1) << 1)
#define SL_PS  (UINT64_C(1) << 7)
#define SL_SNP (UINT64_C(1) << 11)

#define SL_TABLE (SL_R | SL_W)

/* A device does not fetch instructions: what includes execution cannot be said. */
#define SL_FORMAT(text, normal)                                                                      \
    {                                                                                                \
        .name = (text), .present = SL_R | SL_W, .addr = UINT64_C(0x000ffffffffff000), .kind = SL_PS, \
        .kind_leaf = SL_PS, .ignored = UINT64_C(0xbff000000000077c),                                 \
        .in = {[2] = {32, 39}, [3] = {40, 48}, [4] = {49, 57}},                                      \
        .table = {PT_NONE, SL_TABLE, SL_TABLE, SL_TABLE, SL_TABLE, PT_NONE},                         \
        .leaf = {0, SL_PS, SL_PS, PT_NONE, PT_NONE, PT_NONE},                                        \
        .perm = {PT_NONE, SL_R, SL_W, SL_R | SL_W, PT_NONE, PT_NONE, PT_NONE, PT_NONE},              \
        .mem = {[MEM_NORMAL] = (normal), [MEM_UNCACHED] = 0, [MEM_DEVICE] = 0},                      \
    }

const struct pt_format pt_format_vtd_sl = SL_FORMAT("VT-d second level", 0);
const struct pt_format pt_format_vtd_sl_snp = SL_FORMAT("VT-d second level with snoop control", SL_SNP);
