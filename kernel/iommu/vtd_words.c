/* SPDX-License-Identifier: Apache-2.0 */
/* The words of VT-d's structures in memory: nothing here touches hardware. */
#include "iommu/vtd.h"

/* 9.1, 9.3 and 9.9: the present bit of every structure. Translation type 00 in a context entry: untranslated
 * requests by the second stage, translated ones and translation requests are blocked. */
#define PRESENT UINT64_C(1)

/* 6.5.2: descriptor types and granularities */
#define CONTEXT      UINT64_C(0x1)
#define IOTLB        UINT64_C(0x2)
#define IEC          UINT64_C(0x4)
#define WAIT         UINT64_C(0x5)
#define GRANULE(g)   ((uint64_t)(g) << 4)
#define IEC_INDEX    (UINT64_C(1) << 4)
#define WAIT_STORE   (UINT64_C(1) << 5)
#define DOMAIN(id)   ((uint64_t)(id) << 16)
#define HIGH_HALF(v) ((uint64_t)(v) << 32)

struct vtd_root vtd_root_entry(mfn_t context_table)
{
    return (struct vtd_root){{mfn_addr(context_table).v | PRESENT}};
}

struct vtd_context vtd_context_entry(const struct vtd_domain *d)
{
    uint64_t width = (d->shape.in_bits - 30u) / 9; /* AW 1, 2, 3: 39, 48, 57 bits */
    return (struct vtd_context){{d->root.v | PRESENT, (uint64_t)d->id << 8 | width}};
}

struct vtd_irte vtd_irte_entry(uint16_t bdf, uint8_t vector, uint32_t apic, bool x2apic, bool level)
{
    uint64_t dest = x2apic ? apic : (uint64_t)(apic & 0xff) << 8;
    /* Fixed delivery to a physical destination; SVT 01, SQ 00: exactly this requester. */
    return (struct vtd_irte){{
        PRESENT | (uint64_t)level << 4 | (uint64_t)vector << 16 | HIGH_HALF(dest),
        UINT64_C(1) << 18 | bdf,
    }};
}

struct vtd_command vtd_command_context_global(void)
{
    return (struct vtd_command){{CONTEXT | GRANULE(1)}};
}

struct vtd_command vtd_command_context_device(uint16_t bdf, uint16_t id)
{
    return (struct vtd_command){{CONTEXT | GRANULE(3) | DOMAIN(id) | HIGH_HALF(bdf)}};
}

struct vtd_command vtd_command_iotlb_global(uint8_t drain)
{
    return (struct vtd_command){{IOTLB | GRANULE(1) | drain}};
}

struct vtd_command vtd_command_iotlb_domain(uint16_t id, uint8_t drain)
{
    return (struct vtd_command){{IOTLB | GRANULE(2) | drain | DOMAIN(id)}};
}

struct vtd_command vtd_command_iec_global(void)
{
    return (struct vtd_command){{IEC}};
}

struct vtd_command vtd_command_iec_index(uint16_t index)
{
    return (struct vtd_command){{IEC | IEC_INDEX | HIGH_HALF(index)}};
}

struct vtd_command vtd_command_wait(maddr_t status, uint32_t data)
{
    return (struct vtd_command){{WAIT | WAIT_STORE | HIGH_HALF(data), status.v}};
}

/* Legacy mode's fault reasons (7.1.3), and those of interrupt remapping (5.1.4.1) from 0x20 on. */
static const char *const dma_faults[] = {
    [0x1] = "no root entry",
    [0x2] = "no context entry",
    [0x3] = "bad context entry",
    [0x4] = "address beyond the width of the tables",
    [0x5] = "no right to write",
    [0x6] = "no right to read",
    [0x7] = "page table cannot be read",
    [0x8] = "root table cannot be read",
    [0x9] = "context table cannot be read",
    [0xa] = "reserved bits in the root entry",
    [0xb] = "reserved bits in the context entry",
    [0xc] = "reserved bits in a page table",
    [0xd] = "ATS request refused",
    [0xe] = "translated into the interrupt range",
};

#define INTERRUPT 0x20
static const char *const interrupt_faults[] = {
    "interrupt with reserved bits",    "interrupt index beyond the table",     "no interrupt entry",
    "interrupt table cannot be read",  "reserved bits in the interrupt entry", "interrupt in compatibility format",
    "interrupt from another function",
};

struct vtd_fault vtd_fault_decode(const uint64_t w[2])
{
    uint8_t reason = (uint8_t)(w[1] >> 32);
    struct vtd_fault f = {
        .bdf = (uint16_t)w[1],
        .reason = reason,
        .what = "fault of unknown reason",
        .read = w[1] >> 62 & 1,
        .interrupt = reason >> 4 == INTERRUPT >> 4,
        .addr = w[0] & ~FRAME_MASK,
    };
    unsigned i = reason - (f.interrupt ? INTERRUPT : 0u);
    if (f.interrupt) {
        f.read = false;
        f.addr = reason == 0x20 || reason == 0x25 ? 0 : w[0] >> 48; /* 11.4.7.6: FI is undefined for these */
        if (i < sizeof interrupt_faults / sizeof interrupt_faults[0])
            f.what = interrupt_faults[i];
    } else if (i < sizeof dma_faults / sizeof dma_faults[0] && dma_faults[i]) {
        f.what = dma_faults[i];
    }
    return f;
}
