/* SPDX-License-Identifier: Apache-2.0 */
/* The words of AMD-Vi's structures in memory: nothing here touches hardware. */
#include "iommu/amdvi.h"

/* 2.2.2.1: device table entry, word 0; root in 51:12 */
#define DTE_V       (UINT64_C(1) << 0)
#define DTE_TV      (UINT64_C(1) << 1)
#define DTE_MODE(m) ((uint64_t)(m) << 9)
#define DTE_IR      (UINT64_C(1) << 61)
#define DTE_IW      (UINT64_C(1) << 62)
/* word 1: domain in 15:0; I, SE, IoCtl, Cache, SD, EX, SysMgt stay 0: no ATS, no port I/O, snooped, no
 * exclusion range, no system management messages */
#define DTE_SA (UINT64_C(1) << 34)
/* word 2: table in 51:6; no INIT, ExtInt, NMI, LINT pass bits */
#define DTE_IV             (UINT64_C(1) << 0)
#define DTE_INT_TAB_LEN(n) ((uint64_t)(n) << 1)
#define DTE_IG             (UINT64_C(1) << 5)
#define DTE_INT_CTL_REMAP  (UINT64_C(2) << 60)

/* 2.2.5.2: remapping table entry */
#define IRTE_REMAP_EN    (1u << 0)
#define IRTE_INT_TYPE(t) ((uint32_t)(t) << 2)
#define IRTE_DM          (1u << 6)
#define IRTE_DEST(a)     ((uint32_t)(a) << 8)
#define IRTE_VECTOR(v)   ((uint32_t)(v) << 16)

/* 2.4: commands, the code in 63:60 of word 0 */
#define COMMAND(code)     ((uint64_t)(code) << 60)
#define COMPLETION_WAIT   COMMAND(1)
#define COMPLETION_WAIT_S UINT64_C(1) /* store */
#define INVALIDATE_DEVTAB COMMAND(2)
#define INVALIDATE_PAGES  COMMAND(3)
#define INVALIDATE_IRT    COMMAND(5)
#define INVALIDATE_ALL    COMMAND(8)
#define PAGES_ALL         (UINT64_C(0x7ffffffffffff000) | 3) /* 2.4.3: every address; PDE and S */

/* 2.5: flags of an event's word 0 */
#define EVENT_I  (UINT64_C(1) << 51)
#define EVENT_PR (UINT64_C(1) << 52)
#define EVENT_RW (UINT64_C(1) << 53)
#define EVENT_RZ (UINT64_C(1) << 55)

struct amdvi_dte amdvi_dte_blocked(bool quiet)
{
    return (struct amdvi_dte){{DTE_V | DTE_TV, quiet ? DTE_SA : 0, DTE_IV | (quiet ? DTE_IG : 0)}};
}

struct amdvi_dte amdvi_dte_domain(const struct amdvi_domain *d, maddr_t irt, uint8_t irt_log2)
{
    return (struct amdvi_dte){{
        DTE_V | DTE_TV | DTE_MODE(d->shape.root_level + 1) | d->root.v | DTE_IR | DTE_IW,
        d->id,
        DTE_IV | DTE_INT_TAB_LEN(irt_log2) | irt.v | DTE_INT_CTL_REMAP,
    }};
}

struct amdvi_dte amdvi_dte_quarantine(const struct amdvi_domain *to, maddr_t irt)
{
    struct amdvi_dte e = amdvi_dte_blocked(true);
    e.w[2] |= irt.v;
    if (to) {
        e.w[0] = amdvi_dte_domain(to, irt, 0).w[0];
        e.w[1] |= to->id;
    }
    return e;
}

struct amdvi_irte amdvi_irte_entry(uint8_t vector, uint8_t apic, bool logical, uint8_t delivery)
{
    return (struct amdvi_irte){IRTE_REMAP_EN | IRTE_INT_TYPE(delivery) | (logical ? IRTE_DM : 0) | IRTE_DEST(apic) |
                               IRTE_VECTOR(vector)};
}

struct amdvi_command amdvi_command_devtab(uint16_t bdf)
{
    return (struct amdvi_command){{INVALIDATE_DEVTAB | bdf, 0}};
}

struct amdvi_command amdvi_command_pages_all(uint16_t domain)
{
    return (struct amdvi_command){{INVALIDATE_PAGES | (uint64_t)domain << 32, PAGES_ALL}};
}

struct amdvi_command amdvi_command_irt(uint16_t bdf)
{
    return (struct amdvi_command){{INVALIDATE_IRT | bdf, 0}};
}

struct amdvi_command amdvi_command_all(void)
{
    return (struct amdvi_command){{INVALIDATE_ALL, 0}};
}

struct amdvi_command amdvi_command_wait(maddr_t store, uint64_t data)
{
    return (struct amdvi_command){{COMPLETION_WAIT | store.v | COMPLETION_WAIT_S, data}};
}

/* 2.5: what each event says. domain: word 0 has one in 47:32 */
static const struct {
    bool device, domain;
    const char *what;
} events[16] = {
    [0x1] = {true, false, "illegal device table entry"},
    [0x2] = {true, true, "page not present"},
    [0x3] = {true, false, "device table cannot be read"},
    [0x4] = {true, true, "page table cannot be read"},
    [0x5] = {false, false, "an illegal command stopped the command buffer"},
    [0x6] = {false, false, "the command buffer cannot be read"},
    [0x7] = {true, false, "the device did not answer an invalidation"},
    [0x8] = {true, false, "invalid request"},
    [0x9] = {true, false, "invalid page request"},
    [0xa] = {false, false, "a performance counter wrapped"},
};

static const char *page_fault_text(uint64_t w)
{
    if (w & EVENT_I)
        return "interrupt blocked";
    if (w & EVENT_RZ)
        return "reserved bits set in a page table";
    return w & EVENT_PR ? "permission fault" : events[2].what;
}

struct amdvi_fault amdvi_event_decode(const struct amdvi_event *e)
{
    uint64_t w = e->w[0];
    uint8_t code = (uint8_t)(w >> 60);
    return (struct amdvi_fault){
        .bdf = events[code].device ? (uint16_t)w : 0,
        .domain = events[code].domain ? (uint16_t)(w >> 32) : 0,
        .code = code,
        .device = events[code].device,
        .what = code == 2           ? page_fault_text(w)
                : events[code].what ? events[code].what
                                    : "event of unknown type",
        .write = events[code].device && w & EVENT_RW,
        .interrupt = events[code].device && w & EVENT_I,
        .addr = e->w[1],
    };
}
