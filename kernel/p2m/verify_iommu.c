/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/verify.h"

#define IOMMU_ADDR UINT64_C(0x000ffffffffff000) /* 51:12 */

/*
 * AMD-Vi host tables (48882, 2.2.3): 0 PR, 11:9 Next Level (a leaf: 0), 60 FC, 61 IR, 62 IW. FC stands
 * for memory that caches hold, its absence for the rest.
 */
static uint64_t amdvi_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    (void)level;
    leaf->rights = (uint8_t)(e >> 61 & (R_READ | R_WRITE));
    leaf->mems = e >> 60 & 1 ? VERIFY_MEM(MEM_NORMAL) : VERIFY_MEM_ALL & ~VERIFY_MEM(MEM_NORMAL);
    return (e & UINT64_C(0x8fffffffffffffff)) ^ 1;
}

const struct verify_format verify_amdvi = {
    .name = "AMD-Vi",
    .addr = IOMMU_ADDR,
    .table = UINT64_C(0x6000000000000001), /* IR, IW, PR */
    .table_step = 0x200,
    .kind = 0xe00,
    .in = {[2] = {39, 39}, [3] = {48, 48}, [4] = {57, 57}, [5] = {64, 64}},
    .leaf = amdvi_leaf,
};

/* VT-d second level (9.8): 0 R, 1 W, 7 PS, 11 SNP. No memory types. */
static uint64_t sl_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    leaf->rights = (uint8_t)(e & (R_READ | R_WRITE));
    leaf->mems = VERIFY_MEM_ALL;
    return ((e & ~UINT64_C(3)) ^ (level == 0 ? 0 : 0x80)) | (e & 3 ? 0 : 3);
}

/* Snooped, whatever the device asks: memory that caches hold. */
static uint64_t sl_snp_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    uint64_t wrong = sl_leaf(e & ~UINT64_C(0x800), level, leaf);

    leaf->mems = e & 0x800 ? VERIFY_MEM(MEM_NORMAL) : VERIFY_MEM_ALL & ~VERIFY_MEM(MEM_NORMAL);
    return wrong;
}

const struct verify_format verify_vtd_sl = {
    .name = "VT-d second level",
    .addr = IOMMU_ADDR,
    .table = 3,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[2] = {32, 39}, [3] = {40, 48}, [4] = {49, 57}},
    .leaf = sl_leaf,
};

const struct verify_format verify_vtd_sl_snp = {
    .name = "VT-d second level with snoop control",
    .addr = IOMMU_ADDR,
    .table = 3,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[2] = {32, 39}, [3] = {40, 48}, [4] = {49, 57}},
    .leaf = sl_snp_leaf,
};
