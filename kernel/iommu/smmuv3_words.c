/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SMMUv3's structures in memory: nothing here touches hardware. */
#include "iommu/smmuv3.h"

/* IHI 0070, 5.2: STE word 0 */
#define STE_V         UINT64_C(1)
#define STE_CONFIG(c) ((uint64_t)(c) << 1) /* 0b000 abort without an event, 0b110 stage 2 only */
/* word 1: EATS (29:28) 0: no ATS; SHCFG (45:44) 0b01: shareability as the device says */
#define STE_SHCFG_INCOMING (UINT64_C(1) << 44)
/* word 2: VMID, then the fields of VTCR_EL2; S2S, S2HA, S2HD, S2ENDI and S2AFFD stay 0, S2PTW means nothing
 * without stage 1 */
#define STE_S2T0SZ(bits)    ((uint64_t)(64 - (bits)) << 32)
#define STE_S2SL0(level)    ((uint64_t)(level) << 38) /* 4 KiB granule: 1 starts at level 1, 2 at level 0 */
#define STE_S2WALK_WBWA_ISH (UINT64_C(1) << 40 | UINT64_C(1) << 42 | UINT64_C(3) << 44) /* S2IR0, S2OR0, S2SH0 */
#define STE_S2PS(code)      ((uint64_t)(code) << 48)
#define STE_S2AA64          (UINT64_C(1) << 51)
#define STE_S2R             (UINT64_C(1) << 58) /* record faults */

/* 4.1.1: opcodes */
#define CMD_CFGI_STE       UINT64_C(0x03)
#define CMD_CFGI_ALL       UINT64_C(0x04) /* CFGI_STE_RANGE with Range 31 */
#define CMD_TLBI_EL2_ALL   UINT64_C(0x20)
#define CMD_TLBI_S12_VMALL UINT64_C(0x28)
#define CMD_TLBI_NSNH_ALL  UINT64_C(0x30)
#define CMD_SYNC           UINT64_C(0x46)

const uint8_t smmuv3_pa_bits[7] = {32, 36, 40, 42, 44, 48, 52};

struct smmuv3_ste smmuv3_ste_abort(void)
{
    return (struct smmuv3_ste){{STE_V | STE_CONFIG(0)}};
}

struct smmuv3_ste smmuv3_ste_stage2(const struct smmuv3_stage2 *s2, unsigned flags)
{
    unsigned ps = 0;
    while (ps < 6 && smmuv3_pa_bits[ps] < s2->pa_bits)
        ps++;
    return (struct smmuv3_ste){{
        STE_V | STE_CONFIG(6),
        flags & SMMUV3_SHCFG ? STE_SHCFG_INCOMING : 0,
        s2->vmid | STE_S2T0SZ(s2->shape.in_bits) | STE_S2SL0(s2->shape.root_level - 1) |
            (flags & SMMUV3_WALK_CACHED ? STE_S2WALK_WBWA_ISH : 0) | STE_S2PS(ps) | STE_S2AA64 |
            (flags & SMMUV3_SILENT ? 0 : STE_S2R),
        s2->root.v,
    }};
}

bool smmuv3_ste_is_silent(const struct smmuv3_ste *ste)
{
    return ste->w[0] == smmuv3_ste_abort().w[0] || !(ste->w[2] & STE_S2R);
}

struct smmuv3_cmd smmuv3_cmd_cfgi_ste(uint32_t sid)
{
    return (struct smmuv3_cmd){{CMD_CFGI_STE | (uint64_t)sid << 32, 1 /* Leaf */}};
}

struct smmuv3_cmd smmuv3_cmd_cfgi_all(void)
{
    return (struct smmuv3_cmd){{CMD_CFGI_ALL, 31}};
}

struct smmuv3_cmd smmuv3_cmd_tlbi_el2_all(void)
{
    return (struct smmuv3_cmd){{CMD_TLBI_EL2_ALL, 0}};
}

struct smmuv3_cmd smmuv3_cmd_tlbi_nsnh_all(void)
{
    return (struct smmuv3_cmd){{CMD_TLBI_NSNH_ALL, 0}};
}

struct smmuv3_cmd smmuv3_cmd_tlbi_s12_vmall(uint16_t vmid)
{
    return (struct smmuv3_cmd){{CMD_TLBI_S12_VMALL | (uint64_t)vmid << 32, 0}};
}

struct smmuv3_cmd smmuv3_cmd_sync(void)
{
    return (struct smmuv3_cmd){{CMD_SYNC, 0 /* CS 0: CONS alone tells */}};
}

/* 7.3: records; addr: RnW and InputAddr are defined for it */
static const struct {
    uint8_t type;
    bool addr;
    const char *what;
} events[] = {
    {0x01, true, "unsupported upstream transaction"},
    {0x02, false, "unknown stream"},
    {0x03, false, "stream table fetch failed"},
    {0x04, false, "bad stream table entry"},
    {0x05, false, "ATS request refused"},
    {0x06, false, "stream disabled"},
    {0x07, true, "translated request refused"},
    {0x08, false, "bad substream"},
    {0x09, false, "context descriptor fetch failed"},
    {0x0a, false, "bad context descriptor"},
    {0x0b, true, "page table fetch failed"},
    {0x10, true, "translation fault"},
    {0x11, true, "address size fault"},
    {0x12, true, "access flag fault"},
    {0x13, true, "permission fault"},
    {0x20, true, "TLB conflict"},
    {0x21, false, "configuration cache conflict"},
};

struct fault smmuv3_event_decode(const struct smmuv3_event *e)
{
    struct fault f = {.sid = (uint32_t)(e->w[0] >> 32), .what = "event of unknown type"};
    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i].type != (uint8_t)e->w[0])
            continue;
        f.what = events[i].what;
        f.has_addr = events[i].addr;
        if (f.has_addr) {
            f.read = e->w[1] >> 35 & 1;
            f.addr = e->w[2];
        }
    }
    return f;
}
