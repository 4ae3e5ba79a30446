/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/kind.h"
#include "iommu/smmuv3.h"

static uint64_t frames(const struct board_iommu *u, const uint32_t *sid, uint32_t count)
{
    return smmuv3_frames(u->sid_bits, sid, count);
}

/* 40 to 43 input bits would need a concatenated root, which one known SMMU walks wrong: 39 bits then. */
const struct iommu_kind iommu_kind_smmuv3 = {
    .name = "SMMUv3",
    .format = &pt_format_arm_s2,
    .verify = &verify_arm_s2,
    .p2m = &p2m_arm_s2,
    .root_min = {[2] = 32, [3] = 44},
    .vmids = true,
    .frames = frames,
};
