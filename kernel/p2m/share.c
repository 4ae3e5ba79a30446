/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/* Does the IOMMU read a word of the p2m as the one it would have been given? */
static bool word_serves(const struct pt_format *iommu, uint64_t cpu, uint64_t own)
{
    return cpu != PT_NONE && own != PT_NONE && (cpu & ~iommu->ignored) == own;
}

/* A format that knows execution has the CPU's rights; another one those without execution. */
static bool leaf_serves(const struct pt_format *cpu, const struct pt_format *iommu, unsigned level,
                        const struct pt_span *s)
{
    uint64_t word = pt_leaf_entry(cpu, level, s->out, s->rights, s->mem);
    uint64_t own = pt_leaf_entry(iommu, level, s->out, s->rights, s->mem);

    if (own == PT_NONE)
        own = pt_leaf_entry(iommu, level, s->out, s->rights & (R_READ | R_WRITE), s->mem);
    return word_serves(iommu, word, own);
}

const char *pt_share_refusal(const struct pt_format *cpu, struct pt_shape cpu_shape, const struct pt_format *iommu,
                             struct pt_shape iommu_shape, const struct pt_span *spans, uint32_t count)
{
    if (cpu_shape.root_level >= PT_LEVELS || cpu_shape.leaf_level >= PT_LEVELS)
        return "the p2m has no such shape";
    if (iommu_shape.root_level != cpu_shape.root_level || iommu_shape.in_bits != cpu_shape.in_bits)
        return "the IOMMU starts its walk at another level, or takes other input bits, than the CPU";
    if (cpu_shape.in_bits < iommu->in[cpu_shape.root_level].min ||
        cpu_shape.in_bits > iommu->in[cpu_shape.root_level].max)
        return "the IOMMU's format has no root of the p2m's level and input bits";
    if (iommu_shape.leaf_level < cpu_shape.leaf_level)
        return "the IOMMU does not know leaves as large as the p2m's";
    if (iommu_shape.out_bits < cpu_shape.out_bits)
        return "the IOMMU has fewer output bits than the p2m";
    for (unsigned level = 1; level <= cpu_shape.root_level; level++)
        if (!word_serves(iommu, cpu->table[level], iommu->table[level]))
            return "the IOMMU does not read the p2m's table entries as its own";
    for (const struct pt_span *s = spans; s < spans + count; s++)
        for (unsigned level = 0; level <= cpu_shape.leaf_level; level++)
            if (!leaf_serves(cpu, iommu, level, s))
                return "the IOMMU does not read the p2m's leaves as its own";
    return NULL;
}
