/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/kind.h"

struct pt_shape iommu_shape(const struct iommu_kind *k, uint8_t in, uint8_t out, uint8_t leaf_level)
{
    struct pt_shape s = {.out_bits = out, .root_level = PT_LEVELS - 1, .leaf_level = leaf_level};
    uint8_t one_frame;

    while (s.root_level > 2 && (!k->root_min[s.root_level] || in < k->root_min[s.root_level]))
        s.root_level--;
    one_frame = (uint8_t)(FRAME_SHIFT + 9 * (s.root_level + 1));
    s.in_bits = in < one_frame ? in : one_frame;
    s.in_bits = s.in_bits > 64 ? 64 : s.in_bits;
    return s;
}
