/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/verify.h"

#define X86_ADDR UINT64_C(0x000ffffffffff000) /* 51:12; PAT, bit 12 of a large leaf, counts as address */

/*
 * Long-mode paging (AMD64 APM vol. 2, 5.3; VT-d 9.7): 0 P, 1 R/W, 2 U/S, 4:3 PCD PWT, 5 A, 6 D, 7 PS,
 * 63 NX. P, U, A and D set, so that every user access passes and hardware writes nothing.
 */
static uint64_t long_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    static const uint8_t pat[4] = {VERIFY_MEM(MEM_NORMAL), 0, VERIFY_MEM(MEM_UNCACHED),
                                   VERIFY_MEM(MEM_DEVICE)}; /* as after reset, without write-through */

    leaf->rights = (uint8_t)(R_READ | (e & 2 ? R_WRITE : 0) | (e >> 63 ? 0 : R_EXEC));
    leaf->mems = pat[e >> 3 & 3];
    return (e & ~UINT64_C(0x800000000000001a)) ^ (level == 0 ? 0x65 : 0xe5);
}

const struct verify_format verify_npt = {
    .name = "NPT",
    .addr = X86_ADDR,
    .table = 0x27,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .leaf = long_leaf,
};

/* Half of a canonical address space. */
const struct verify_format verify_vtd_fl = {
    .name = "VT-d first level",
    .addr = X86_ADDR,
    .table = 0x27,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {40, 47}, [4] = {49, 56}},
    .leaf = long_leaf,
};

/*
 * The hypervisor's own: U/S clear, bit 8 (G) set, and nothing that is written can be executed. Turned into the
 * word above, then judged as that is.
 */
static uint64_t own_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    uint64_t wrong = long_leaf(e ^ 0x104, level, leaf);

    return leaf->rights == (R_READ | R_WRITE | R_EXEC) ? wrong | 2 : wrong;
}

const struct verify_format verify_long_mode = {
    .name = "long mode",
    .addr = X86_ADDR,
    .table = 0x23,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {48, 48}},
    .leaf = own_leaf,
};

/*
 * EPT (SDM vol. 3, 29.3.2): 0 R, 1 W, 2 X, 5:3 memory type, 6 IPAT, 7 leaf above level 0. A leaf
 * that cannot be read is either absent, a misconfiguration, or one that few processors know.
 */
static uint64_t ept_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    static const uint8_t types[16] = {
        [0x0] = VERIFY_MEM(MEM_UNCACHED), /* uncacheable, but the guest's PAT counts */
        [0x6] = VERIFY_MEM(MEM_NORMAL),   /* write-back, the guest's PAT counts */
        [0x8] = VERIFY_MEM(MEM_DEVICE),   /* uncacheable whatever the guest says */
    };

    leaf->rights = (uint8_t)(e & 7); /* R_READ, R_WRITE, R_EXEC are in the same order */
    leaf->mems = types[e >> 3 & 0xf];
    return ((e & ~UINT64_C(0x7f)) ^ (level == 0 ? 0 : 0x80)) | (~e & 1);
}

const struct verify_format verify_ept = {
    .name = "EPT",
    .addr = X86_ADDR,
    .table = 7,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .leaf = ept_leaf,
};
