/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/amdvi.h"
#include "iommu/kind.h"

static uint64_t frames(const struct board_iommu *u, const uint32_t *sid, uint32_t count)
{
    (void)sid;
    return amdvi_frames((uint16_t)((1u << u->sid_bits) - 1), count);
}

/* 48882, 2.1.4.2: special address ranges: interrupts, and HyperTransport's top of 40 bits. */
const struct iommu_kind iommu_kind_amdvi = {
    .name = "AMD-Vi",
    .format = &pt_format_amdvi,
    .verify = &verify_amdvi,
    .p2m = &p2m_npt_shared,
    .root_min = {[3] = 48, [4] = 57, [5] = 64},
    .exempt = {{0xfee00, 0x100}, {0xfd00000, 0x300000}},
    .frames = frames,
};
