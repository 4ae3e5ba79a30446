/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/kind.h"
#include "iommu/smmuv3.h"

static uint64_t unit_frames(const struct board_iommu *u, uint64_t used)
{
    return smmuv3_unit_frames(u->sid_bits, used);
}

static uint64_t stream_frames(const uint32_t *sid, uint32_t count, uint32_t owned)
{
    (void)owned;
    return smmuv3_stream_frames(sid, count);
}

/* 40 to 43 input bits would need a concatenated root, which one known SMMU walks wrong: 39 bits then. */
const struct iommu_kind iommu_kind_smmuv3 = {
    .name = "SMMUv3",
    .format = &pt_format_arm_s2,
    .verify = &verify_arm_s2,
    .p2m = &p2m_arm_s2,
    .root_min = {[2] = 32, [3] = 44},
    .vmids = true,
    .unit_frames = unit_frames,
    .stream_frames = stream_frames,
};
