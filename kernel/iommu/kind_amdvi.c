/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/amdvi.h"
#include "iommu/kind.h"

static uint64_t unit_frames(const struct board_iommu *u, uint64_t used)
{
    (void)used;
    return amdvi_unit_frames((uint16_t)((1u << u->sid_bits) - 1));
}

/* Remapping tables, several to a frame; in quarantine there are no interrupts. */
static uint64_t stream_frames(const uint32_t *sid, uint32_t count, uint32_t owned)
{
    (void)sid;
    (void)count;
    return amdvi_stream_frames(owned);
}

/* 48882, 2.1.4.2: special address ranges: interrupts, and HyperTransport's top of 40 bits. */
const struct iommu_kind iommu_kind_amdvi = {
    .name = "AMD-Vi",
    .format = &pt_format_amdvi,
    .verify = &verify_amdvi,
    .p2m = &p2m_npt_shared,
    .root_min = {[3] = 48, [4] = 57, [5] = 64},
    .exempt = {{0xfee00, 0x100}, {0xfd00000, 0x300000}},
    .unit_frames = unit_frames,
    .stream_frames = stream_frames,
    .routes = 1u << AMDVI_IRT_LOG2,
};
