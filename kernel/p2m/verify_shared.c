/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/verify.h"

/*
 * Tables with two readers. Each decodes the word without the bits that its manual says it ignores,
 * and what they read must agree: a device may do what the CPU may, execution aside. A bit that
 * neither reads is wrong for the one that does not mask it.
 */
static uint64_t both_read(uint64_t cpu_wrong, const struct verify_leaf *cpu, uint64_t dev_wrong,
                          const struct verify_leaf *dev, struct verify_leaf *leaf)
{
    uint64_t wrong = cpu_wrong | dev_wrong;

    *leaf = (struct verify_leaf){cpu->rights, cpu->mems & dev->mems};
    if ((cpu->rights & (R_READ | R_WRITE)) != dev->rights)
        wrong |= UINT64_C(0x6000000000000003); /* where one or the other has its rights */
    return wrong;
}

/* The CPU ignores 11:9 and 62:59 (APM vol. 2, 5.3.5, CR4.PKE off), AMD-Vi 8:1 and 63 (2.2.3). */
static uint64_t npt_shared_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    struct verify_leaf cpu, dev;
    uint64_t cpu_wrong = verify_npt.leaf(e & ~UINT64_C(0x7800000000000e00), level, &cpu);
    uint64_t dev_wrong = verify_amdvi.leaf(e & ~UINT64_C(0x80000000000001fe), level, &dev);

    return both_read(cpu_wrong, &cpu, dev_wrong, &dev, leaf);
}

const struct verify_format verify_npt_shared = {
    .name = "NPT shared with AMD-Vi",
    .addr = UINT64_C(0x000ffffffffff000),
    .table = UINT64_C(0x6000000000000027), /* P, R/W, U, A; and PR, IR, IW */
    .table_step = 0x200,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .leaf = npt_shared_leaf,
};

/* VT-d ignores 6:2, 10:8, 61:52 and 63 (9.8, legacy mode); the CPU's EPT has all that VT-d reads. */
static uint64_t ept_shared_leaf(uint64_t e, unsigned level, struct verify_leaf *leaf)
{
    struct verify_leaf cpu, dev;
    uint64_t cpu_wrong = verify_ept.leaf(e, level, &cpu);
    uint64_t dev_wrong = verify_vtd_sl.leaf(e & ~UINT64_C(0xbff000000000077c), level, &dev);

    return both_read(cpu_wrong, &cpu, dev_wrong, &dev, leaf);
}

const struct verify_format verify_ept_shared = {
    .name = "EPT shared with VT-d",
    .addr = UINT64_C(0x000ffffffffff000),
    .table = 7,
    .kind = 0x80,
    .kind_leaf = 0x80,
    .in = {[3] = {48, 48}, [4] = {57, 57}},
    .leaf = ept_shared_leaf,
};
