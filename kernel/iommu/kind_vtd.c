/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/kind.h"
#include "iommu/vtd.h"

static uint64_t unit_frames(const struct board_iommu *u, uint64_t used)
{
    (void)u;
    (void)used;
    return VTD_UNIT_FRAMES;
}

static uint64_t stream_frames(const uint32_t *sid, uint32_t count, uint32_t owned)
{
    (void)owned;
    return vtd_stream_frames(sid, count);
}

/* VT-d 3.14: requests to 0xFEEx_xxxx are interrupts, whatever the tables say. */
#define VTD_KIND(n, f, v)                                                                                     \
    {                                                                                                         \
        .name = (n), .format = &(f), .verify = &(v), .p2m = &p2m_ept_shared,                                  \
        .root_min = {[2] = 39, [3] = 48, [4] = 57}, .exempt = {{0xfee00, 0x100}}, .unit_frames = unit_frames, \
        .stream_frames = stream_frames, .routes = 1u << VTD_IRT_LOG2, .routes_kept = 1,                       \
    }

const struct iommu_kind iommu_kind_vtd = VTD_KIND("VT-d", pt_format_vtd_sl, verify_vtd_sl);
const struct iommu_kind iommu_kind_vtd_snoop =
    VTD_KIND("VT-d with snoop control", pt_format_vtd_sl_snp, verify_vtd_sl_snp);
