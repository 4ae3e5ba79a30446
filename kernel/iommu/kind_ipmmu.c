/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/ipmmu.h"
#include "iommu/kind.h"

static uint64_t unit_frames(const struct board_iommu *u, uint64_t used)
{
    (void)u;
    (void)used;
    return IPMMU_FRAMES;
}

static uint64_t stream_frames(const uint32_t *sid, uint32_t count, uint32_t owned)
{
    (void)sid;
    (void)count;
    (void)owned;
    return 0;
}

const struct iommu_kind iommu_kind_ipmmu = {
    .name = "IPMMU-VMSA",
    .format = &pt_format_ipmmu,
    .verify = &verify_ipmmu,
    .root_min = {[2] = 32},
    .unit_frames = unit_frames,
    .stream_frames = stream_frames,
};
