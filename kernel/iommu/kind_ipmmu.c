/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/ipmmu.h"
#include "iommu/kind.h"

static uint64_t frames(const struct board_iommu *u, const uint32_t *sid, uint32_t count)
{
    (void)u;
    (void)sid;
    (void)count;
    return IPMMU_FRAMES;
}

const struct iommu_kind iommu_kind_ipmmu = {
    .name = "IPMMU-VMSA",
    .format = &pt_format_ipmmu,
    .verify = &verify_ipmmu,
    .root_min = {[2] = 32},
    .frames = frames,
};
