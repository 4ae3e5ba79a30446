/* SPDX-License-Identifier: Apache-2.0 */
#include "apic_message.h"

/* The low word of ICR, redirection entries and MSI data agree in these (SDM vol. 3, 11.6.1, 11.11.2). */
#define VECTOR(w)    ((uint8_t)(w))
#define DELIVERY(w)  ((enum apic_delivery)((w) >> 8 & 7))
#define LOGICAL      (UINT32_C(1) << 11) /* not MSI data */
#define ASSERT       (UINT32_C(1) << 14)
#define SHORTHAND(w) ((enum apic_shorthand)((w) >> 18 & 3))

#define MSI_BASE    UINT64_C(0xfee00000) /* 31:20 of the address, nothing above */
#define MSI_LOGICAL (UINT64_C(1) << 2)

#define ALL_WIDE UINT32_MAX
#define ALL      0xffu

struct apic_message apic_message_icr(uint64_t icr, bool wide)
{
    return (struct apic_message){.vector = VECTOR(icr),
                                 .delivery = DELIVERY(icr),
                                 .shorthand = SHORTHAND(icr),
                                 .logical = (icr & LOGICAL) != 0,
                                 .wide = wide,
                                 .deassert = DELIVERY(icr) == APIC_INIT && !(icr & ASSERT),
                                 .dest = (uint32_t)(icr >> (wide ? 32 : 56))};
}

struct apic_message apic_message_entry(uint64_t entry)
{
    return (struct apic_message){.vector = VECTOR(entry),
                                 .delivery = DELIVERY(entry),
                                 .logical = (entry & LOGICAL) != 0,
                                 .dest = (uint32_t)(entry >> 56)};
}

bool apic_message_msi(uint64_t address, uint32_t data, struct apic_message *m)
{
    *m = (struct apic_message){.vector = VECTOR(data),
                               .delivery = DELIVERY(data),
                               .logical = (address & MSI_LOGICAL) != 0,
                               .dest = (uint32_t)(address >> 12 & 0xff)};
    return address >> 20 == MSI_BASE >> 20;
}

static bool logical_names(const struct apic_message *m, const struct apic_name *cpu)
{
    if (cpu->x2apic) /* 11.12.10.2: a cluster of 16 in the upper half, one bit for each in the lower */
        return m->dest >> 16 == cpu->id >> 4 && (m->dest >> (cpu->id & 15) & 1);
    if (cpu->cluster) /* 11.6.2.2 */
        return (uint8_t)m->dest >> 4 == cpu->logical >> 4 && (m->dest & cpu->logical & 0xf);
    return (m->dest & cpu->logical & 0xff) != 0;
}

bool apic_message_names(const struct apic_message *m, const struct apic_name *cpu, bool is_self)
{
    if (m->shorthand != APIC_NAMED)
        return m->shorthand == APIC_ALL || is_self == (m->shorthand == APIC_SELF);
    if (m->dest == (m->wide ? ALL_WIDE : ALL) && !(m->logical && cpu->x2apic && !m->wide))
        return true;
    return m->logical ? logical_names(m, cpu) : m->dest == cpu->id;
}
