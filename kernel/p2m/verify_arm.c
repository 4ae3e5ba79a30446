/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/verify.h"

/*
 * Arm long descriptors, 4 KiB granule (Arm ARM D8.3.1): literals of our own, on purpose not those
 * of the formats. 47:12 address, 1:0 11 table or page, 01 block, 10 AF, 9:8 SH.
 */
#define ARM_ADDR UINT64_C(0x0000fffffffff000)
#define ARM_AF   UINT64_C(0x400)
#define ARM_SH   UINT64_C(0x300)
#define ARM_XN   UINT64_C(0x40000000000000) /* 54 */
#define ARM_XNS  UINT64_C(0x60000000000000) /* 54:53 */

/* What every leaf has: type, AF, and one shareability for each memory type (inner, else outer). */
static uint64_t common_wrong(uint64_t e, unsigned level, const struct verify_leaf *leaf)
{
    return ((e & 3) ^ (level == 0 ? 3 : 1)) | (~e & ARM_AF) |
           ((e & ARM_SH) ^ (leaf->mems == VERIFY_MEM(MEM_NORMAL) ? 0x300 : 0x200));
}

static uint64_t s2_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    static const uint8_t memattr[16] = {
        [0x1] = VERIFY_MEM(MEM_DEVICE), [0x5] = VERIFY_MEM(MEM_UNCACHED), [0xf] = VERIFY_MEM(MEM_NORMAL)};

    leaf->rights = (uint8_t)((e >> 6 & (R_READ | R_WRITE)) | (e & ARM_XN ? 0 : R_EXEC)); /* S2AP */
    leaf->mems = memattr[e >> 2 & 0xf];
    return (e & ~(ARM_XN | 0x7ff)) | common_wrong(e, level, leaf); /* nothing else is set */
}

/* must: the value of all bits that carry no meaning here. xn: the execute-never bits, all or none. */
static uint64_t s1_leaf(uint64_t e, unsigned level, uint64_t must, uint64_t xn, struct verify_leaf *leaf)
{
    static const uint8_t mair[8] = {VERIFY_MEM(MEM_DEVICE), VERIFY_MEM(MEM_NORMAL), VERIFY_MEM(MEM_UNCACHED)};
    uint64_t wrong = (e ^ must) & ~(UINT64_C(0x79f) | xn); /* AF, SH, AP[2], AttrIndx, type */

    if ((e & xn) != 0)
        wrong |= ~e & xn;
    leaf->rights = (uint8_t)(R_READ | (e & 0x80 ? 0 : R_WRITE) | (e & xn ? 0 : R_EXEC));
    leaf->mems = mair[e >> 2 & 7];
    return wrong | common_wrong(e, level, leaf);
}

/* One privilege level: AP[1] is RES1, PXN and nG are RES0. */
static uint64_t el2_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    return s1_leaf(e, level, 0x40, ARM_XN, leaf);
}

/* nG and AP[1]. */
static uint64_t smmu_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    return s1_leaf(e, level, 0x840, ARM_XNS, leaf);
}

/* nG, AP[1] and NS, which the unit insists on. */
static uint64_t ipmmu_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    return s1_leaf(e, level, 0x860, ARM_XNS, leaf);
}

const struct verify_format verify_arm_s2 = {
    .name = "Arm stage 2",
    .addr = ARM_ADDR,
    .table = 3,
    .kind = 2,
    .in = {[2] = {32, 43}, [3] = {40, 48}},
    .leaf = s2_leaf,
};

const struct verify_format verify_arm_el2 = {
    .name = "Arm EL2 stage 1",
    .addr = ARM_ADDR,
    .table = 3,
    .kind = 2,
    .in = {[2] = {32, 39}, [3] = {40, 48}},
    .leaf = el2_leaf,
};

const struct verify_format verify_smmu_s1 = {
    .name = "SMMUv3 stage 1",
    .addr = ARM_ADDR,
    .table = 3,
    .kind = 2,
    .in = {[2] = {32, 39}, [3] = {40, 48}},
    .leaf = smmu_leaf,
};

/* NSTable in tables, 40-bit bus. */
const struct verify_format verify_ipmmu = {
    .name = "IPMMU-VMSA",
    .addr = UINT64_C(0x000000fffffff000),
    .table = UINT64_C(0x8000000000000003),
    .kind = 2,
    .in = {[2] = {32, 39}},
    .leaf = ipmmu_leaf,
};
