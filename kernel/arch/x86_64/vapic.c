/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's local APIC is its CPU's, whose id it has, too. What only concerns this CPU (priority, EOI, timer, error)
 * goes through to it: in x2APIC mode without an exit, from an xAPIC's page, for guests that want one, by a trap.
 * What comes here: the ICR, and the local vector table, of which only timer and error exist in hardware; LINT0 and
 * LINT1 are wires of the board.
 *
 * A guest that turns its APIC off, or to xAPIC mode, can still use the MSRs: the bitmap is one for all its CPUs.
 */
#include "vapic.h"

#include "arch.h"
#include "lapic.h"
#include "msr.h"
#include "vcpu.h"

#define BASE_BSP    (UINT64_C(1) << 8)
#define BASE_X2APIC (UINT64_C(1) << 10)
#define BASE_ENABLE (UINT64_C(1) << 11)
#define BASE_MODE   (BASE_ENABLE | BASE_X2APIC)

#define FORMAT_RESET 0xffffffffu /* flat */
#define SVR_RESET    0xffu
#define VECTOR_BITS  32u /* of one register of ISR, IRR */
#define VECTORS_MAX  256u
#define SIPI_WAIT    100 /* parts of a second: that an INIT takes at most */

#define LVT_STATUS UINT32_C(0x5000) /* delivery status, remote IRR: read-only */

/* Registers that go through, and the bits that may be written: others are not the CPU's (SDM vol. 3, 11.12.1.2). */
static const struct reg {
    uint16_t first, last;
    bool read, write;
    uint32_t bits;
} regs[] = {
    {LAPIC_EOI, LAPIC_EOI, false, true, 0},
    {LAPIC_TIMER_COUNT, LAPIC_TIMER_COUNT, true, true, UINT32_MAX},
    {LAPIC_TPR, LAPIC_TPR, true, true, 0xff},
    {LAPIC_TIMER_NOW, LAPIC_TIMER_NOW, true, false, 0},
    {LAPIC_TIMER_DIV, LAPIC_TIMER_DIV, true, true, 0xb},
    {LAPIC_ISR, LAPIC_IRR_LAST, true, false, 0}, /* TMR between them */
    {LAPIC_VERSION, LAPIC_VERSION, true, false, 0},
    {LAPIC_PPR, LAPIC_PPR, true, false, 0},
    {LAPIC_SVR, LAPIC_SVR, true, true, LAPIC_SVR_ON},
    {LAPIC_ESR, LAPIC_ESR, true, true, 0},
};
#define REGS (sizeof regs / sizeof *regs)

/* By number: timer, thermal, performance, LINT0, LINT1, error. Zero: reserved. */
static const uint32_t lvt_bits[VAPIC_LVTS] = {0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};

static bool is_x2apic(const struct vcpu *v)
{
    return (v->arch.apic.base & BASE_X2APIC) != 0;
}

static uint32_t id_of(const struct vcpu *v)
{
    return v->arch.cpuid.apic_id;
}

static struct apic_name name_of(const struct vcpu *v)
{
    return (struct apic_name){.id = id_of(v),
                              .x2apic = is_x2apic(v),
                              .logical = (uint8_t)(v->arch.apic.logical >> 24),
                              .cluster = v->arch.apic.format >> 28 == 0};
}

static bool is_on(const struct vcpu *v)
{
    return __atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_ON;
}

/* --- Messages --- */

const struct vcpu *vapic_target(const struct partition *p, const struct apic_message *m)
{
    const struct vcpu *found = NULL;

    for (const struct vcpu *v = p->vcpu; v < p->vcpu + p->vcpus && !(found && is_on(found)); v++) {
        const struct apic_name name = name_of(v);

        if (apic_message_names(m, &name, false) && (found == NULL || is_on(v)))
            found = v;
    }
    return found;
}

/* An INIT that was sent just now takes effect first, as on a CPU. */
static void send_sipi(struct vcpu *v, uint8_t page)
{
    uint64_t since = arch_ticks();

    while (__atomic_load_n(&v->arch.init, __ATOMIC_ACQUIRE) && is_on(v) && !partition_leaving(v->part) &&
           arch_ticks() - since < arch_ticks_hz() / SIPI_WAIT)
        arch_relax();
    (void)vcpu_send_sipi(v, page);
}

static void deliver(struct vcpu *v, const struct apic_message *m)
{
    if (m->delivery == APIC_SIPI)
        send_sipi(v, m->vector);
    if (!is_on(v))
        return;
    if (apic_message_is_vector(m))
        lapic_send(id_of(v), LAPIC_FIXED, m->vector);
    else if (m->delivery == APIC_NMI)
        vcpu_send_nmi(v);
    else if (m->delivery == APIC_INIT && !m->deassert)
        vcpu_send_init(v);
}

/* from: the CPU that sends it; NULL: none does. */
static void send(struct partition *p, const struct vcpu *from, const struct apic_message *m)
{
    for (struct vcpu *v = p->vcpu; v < p->vcpu + p->vcpus; v++) {
        const struct apic_name name = name_of(v);

        if (!apic_message_names(m, &name, v == from) || (m->delivery == APIC_LOWEST && !is_on(v)))
            continue;
        deliver(v, m);
        if (m->delivery == APIC_LOWEST)
            return;
    }
}

static void icr_write(struct vcpu *v, uint64_t value)
{
    const struct apic_message m = apic_message_icr(value, is_x2apic(v));

    v->arch.apic.icr = value;
    send(v->part, v, &m);
}

void vapic_set_line(struct partition *p, uint32_t pin, bool level)
{
    uint64_t entry;

    if (!vioapic_set(&p->arch.ioapic, pin, level, &entry))
        return;
    const struct apic_message m = apic_message_entry(entry);

    if (apic_message_is_vector(&m))
        send(p, NULL, &m);
}

/* --- Registers --- */

static const struct reg *reg_find(uint32_t reg)
{
    for (const struct reg *r = regs; r < regs + REGS; r++) {
        if (reg >= r->first && reg <= r->last)
            return r;
    }
    return NULL;
}

/* The number of a local vector table entry; VAPIC_LVTS: it is none. */
static uint32_t lvt_of(uint32_t reg)
{
    uint32_t i = (reg - LAPIC_LVT_TIMER) / 16;

    return reg >= LAPIC_LVT_TIMER && i < VAPIC_LVTS ? i : VAPIC_LVTS;
}

static bool lvt_is_own(uint32_t reg)
{
    return reg == LAPIC_LVT_TIMER || reg == LAPIC_LVT_ERROR;
}

static uint32_t lvt_read(const struct vcpu *v, uint32_t reg)
{
    return lvt_is_own(reg) ? lapic_read(reg) : v->arch.apic.lvt[lvt_of(reg)];
}

static void lvt_write(struct vcpu *v, uint32_t reg, uint32_t value)
{
    value &= lvt_bits[lvt_of(reg)];
    if (lvt_is_own(reg))
        lapic_write(reg, value);
    else
        v->arch.apic.lvt[lvt_of(reg)] = value;
}

/* --- In x2APIC mode --- */

static bool base_write(struct vcpu *v, uint64_t value)
{
    struct vapic *a = &v->arch.apic;
    uint64_t from = a->base & BASE_MODE, to = value & BASE_MODE;

    /* It does not move; the mode changes as in 11.12.5. */
    if ((value ^ a->base) & ~(BASE_MODE | BASE_BSP) || to == BASE_X2APIC || (to & BASE_X2APIC && !lapic_is_x2apic()) ||
        (from == BASE_MODE && to == BASE_ENABLE) || (from == 0 && to == BASE_MODE))
        return false;
    if (to == 0)
        vapic_stop(v);
    a->base = (a->base & ~BASE_MODE) | to;
    return true;
}

bool vapic_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    uint32_t reg = (msr - MSR_X2APIC) * 16;

    if (msr == MSR_APIC_BASE)
        *value = v->arch.apic.base;
    else if (!is_x2apic(v))
        return false;
    else if (reg == LAPIC_ICR)
        *value = v->arch.apic.icr;
    else if (lvt_of(reg) < VAPIC_LVTS)
        *value = lvt_read(v, reg);
    else
        return false;
    return true;
}

bool vapic_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint32_t reg = (msr - MSR_X2APIC) * 16, lvt = lvt_of(reg);

    if (msr == MSR_APIC_BASE)
        return base_write(v, value);
    if (!is_x2apic(v))
        return false;
    if (reg == LAPIC_ICR && !(value & ~APIC_ICR_VALID))
        icr_write(v, value);
    else if (lvt < VAPIC_LVTS && !(value & ~(uint64_t)(lvt_bits[lvt] | LVT_STATUS)))
        lvt_write(v, reg, (uint32_t)value);
    else
        return false;
    return true;
}

/* --- As an xAPIC --- */

static uint32_t xapic_read(const struct vcpu *v, uint32_t reg)
{
    const struct vapic *a = &v->arch.apic;
    const struct reg *r = reg_find(reg);

    if (r != NULL)
        return r->read ? lapic_read(reg) : 0;
    if (lvt_of(reg) < VAPIC_LVTS)
        return lvt_read(v, reg);
    switch (reg) {
    case LAPIC_ID:
        return id_of(v) << 24;
    case LAPIC_LDR:
        return a->logical;
    case LAPIC_DFR:
        return a->format;
    case LAPIC_ICR:
        return (uint32_t)a->icr;
    case LAPIC_ICR_HIGH:
        return (uint32_t)(a->icr >> 32);
    default:
        return 0;
    }
}

static void xapic_write(struct vcpu *v, uint32_t reg, uint32_t value)
{
    struct vapic *a = &v->arch.apic;
    const struct reg *r = reg_find(reg);

    if (r != NULL && r->write)
        lapic_write(reg, value & r->bits);
    else if (lvt_of(reg) < VAPIC_LVTS)
        lvt_write(v, reg, value);
    else if (reg == LAPIC_LDR)
        a->logical = value & 0xff000000;
    else if (reg == LAPIC_DFR)
        a->format = value | 0x0fffffff;
    else if (reg == LAPIC_ICR_HIGH)
        a->icr = (uint64_t)value << 32 | (uint32_t)a->icr;
    else if (reg == LAPIC_ICR)
        icr_write(v, (a->icr >> 32 << 32) | value);
}

static bool has_page(const struct vcpu *v)
{
    return (v->arch.apic.base & BASE_MODE) == BASE_ENABLE;
}

/* Registers are read and written by dwords (11.4.1); a part of one reads as a part of it. */
static uint64_t page_read(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width)
{
    (void)dev;
    if (!has_page(v) || width > 4)
        return UINT64_MAX;
    return off & 0xc ? 0 : xapic_read(v, off & 0xff0) >> 8 * (off & 3);
}

static void page_write(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value)
{
    (void)dev;
    if (has_page(v) && width == 4 && off % 16 == 0)
        xapic_write(v, off, (uint32_t)value);
}

static uint64_t ioapic_read(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width)
{
    (void)dev;
    return width == 4 ? vioapic_read(&v->part->arch.ioapic, off) : 0;
}

static void ioapic_write(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value)
{
    (void)dev;
    if (width == 4)
        vioapic_write(&v->part->arch.ioapic, off, (uint32_t)value);
}

/* --- Life --- */

void vapic_setup(struct partition *p)
{
    uint8_t *map = p->arch.msr_bitmap;

    for (const struct reg *r = regs; r < regs + REGS && lapic_is_x2apic(); r++)
        for (uint32_t reg = r->first; reg <= r->last; reg += 16)
            (void)msr_bitmap_pass(map, MSR_X2APIC + reg / 16, r->read, r->write);
    if (lapic_is_x2apic()) {
        (void)msr_bitmap_pass(map, MSR_X2APIC + LAPIC_ID / 16, true, false);
        (void)msr_bitmap_pass(map, MSR_X2APIC + LAPIC_LDR / 16, true, false);
        (void)msr_bitmap_pass(map, MSR_X2APIC + LAPIC_SELF_IPI / 16, false, true);
    }
    vcpu_add_device(
        p, &(struct trap_device){
               .base = p->plan->emulated[EMULATED_LAPIC], .size = FRAME_SIZE, .read = page_read, .write = page_write});
    vcpu_add_device(p, &(struct trap_device){.base = p->plan->emulated[EMULATED_IOAPIC],
                                             .size = FRAME_SIZE,
                                             .read = ioapic_read,
                                             .write = ioapic_write});
}

/* No source of its own; what waits can be taken. */
void vapic_stop(struct vcpu *v)
{
    (void)v;
    lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
    lapic_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
    lapic_write(LAPIC_TIMER_COUNT, 0);
    lapic_write(LAPIC_TIMER_DIV, 0);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_SVR, LAPIC_SVR_ON);
    lapic_write(LAPIC_ESR, 0);
}

static bool any(uint32_t first)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < VECTORS_MAX / VECTOR_BITS; i++)
        bits |= lapic_read(first + 16 * i);
    return bits != 0;
}

/* What a guest left in service, and what waits: taken by vectors.S, which does nothing about it. */
static void drain(void)
{
    for (uint32_t i = 0; i < 2 * VECTORS_MAX; i++) {
        if (any(LAPIC_ISR))
            lapic_write(LAPIC_EOI, 0);
        else if (any(LAPIC_IRR))
            __asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
        else
            return;
    }
}

void vapic_start(struct vcpu *v)
{
    uint64_t mode = BASE_ENABLE | (lapic_is_x2apic() ? BASE_X2APIC : 0);

    vapic_stop(v);
    drain();
    lapic_write(LAPIC_SVR, SVR_RESET);
    v->arch.apic =
        (struct vapic){.base = v->part->plan->emulated[EMULATED_LAPIC].v | mode | (v->index == 0 ? BASE_BSP : 0),
                       .format = FORMAT_RESET};
    for (uint32_t i = 0; i < VAPIC_LVTS; i++)
        v->arch.apic.lvt[i] = LAPIC_LVT_MASKED;
}

void vapic_reset(struct partition *p)
{
    vioapic_reset(&p->arch.ioapic, p->tables->plan->board->apic.ioapic[0].id);
}
