/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distributor and the redistributors that a partition sees, as tables of register ranges. What no
 * range has, another width, and INTIDs of others: read as zero, write ignored. Section numbers are those of
 * IHI 0069.
 *
 * Approximations, all within the partition: an interrupt in the list register of another CPU can be neither
 * withdrawn nor seen as active there (software interrupts), and disabling it does not recall it.
 */
#include "vgic_priv.h"

#define FRAME_GICR   0x20000u /* RD_base and SGI_base */
#define SGI_BASE     0x10000u
#define INTIDS_WORD  32u
#define PRIORITY_ALL 0xf8 /* the five bits that every list register has */

#define GIC_IIDR_ARM 0x43b /* 12.9.18: implementer Arm, no product */
#define GIC_PIDR2_V3 0x3b  /* 12.9.22 */

#define GICD_CTLR_FIXED       ((1u << 4) | (1u << 6)) /* ARE, DS (12.9.4) */
#define GICD_CTLR_ENABLE_GRP1 (1u << 1)
#define GICD_TYPER_FIXED      ((9u << 19) | (1u << 25)) /* 10 INTID bits, No1N (12.9.38) */

#define IROUTER_IRM      (UINT64_C(1) << 31)
#define IROUTER_AFFINITY UINT64_C(0xff00ffffff)

#define GICR_TYPER_LAST   (UINT64_C(1) << 4) /* 12.11.35 */
#define GICR_WAKER_SLEEP  (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2) /* ChildrenAsleep */

struct range;

/* One access. v owns the redistributor; in the distributor it is the vCPU that runs. */
struct access {
    struct vcpu *v;
    const struct range *range;
    uint32_t off;   /* in the range */
    uint32_t intid; /* the first one that it covers */
    unsigned width;
};

typedef uint64_t read_fn(const struct access *a);
typedef void write_fn(const struct access *a, uint64_t value);

struct range {
    uint32_t first, size;
    uint8_t widths; /* 1 | 4 | 8 */
    uint8_t bits;   /* of one INTID; 0: not by INTID */
    read_fn *read;
    write_fn *write;
    uint32_t value; /* of read_value */
};

static uint64_t read_value(const struct access *a)
{
    return a->range->value;
}

static void write_ignored(const struct access *a, uint64_t value)
{
    (void)a;
    (void)value;
}

/* A 64-bit register may be read in halves. */
static uint64_t half(const struct access *a, uint64_t value)
{
    return a->width == 8 ? value : (uint32_t)(value >> (a->off & 4) * 8);
}

/* --- Registers with one bit for each INTID --- */

static uint32_t owned(const struct access *a)
{
    return vgic_of(a->v)->owned[a->intid / 32];
}
static uint32_t hw(const struct access *a)
{
    return vgic_of(a->v)->hw[a->intid / 32];
}

typedef void irq_fn(struct vcpu *v, uint32_t intid, bool on);

/* It may also wait for a vCPU that it was routed to when it came. */
static void wake_holders(struct vcpu *v, uint32_t intid)
{
    for (uint32_t i = 0; i < v->part->vcpus; i++) {
        struct vcpu *holder = &v->part->vcpu[i];
        if ((holder == v || intid >= GIC_SPI_FIRST) && vgic_bit(holder->arch.vgic.pend, intid))
            vgic_wake(holder);
    }
}

/* v: whose interrupt it is. */
static void irq_set_enabled(struct vcpu *v, uint32_t intid, bool on)
{
    uint32_t *enable = vgic_enable(v, intid), bit = 1u << intid % 32;
    struct vgic *g = vgic_of(v);
    bool physical = vgic_bit(g->hw, intid);

    if (((vgic_word(enable) & bit) != 0) == on)
        return;
    if (!on) {
        __atomic_fetch_and(enable, ~bit, __ATOMIC_SEQ_CST);
        if (physical)
            gicv3_set_enabled(intid, v->board_cpu, false);
        if (vgic_withdraw(v, intid))
            (void)vgic_hold(v, intid);
        return;
    }
    __atomic_fetch_or(enable, bit, __ATOMIC_SEQ_CST);
    if (physical)
        gicv3_set_enabled(intid, v->board_cpu, true);
    if (vgic_bit(g->level, intid))
        (void)vgic_hold(v, intid);
    wake_holders(v, intid);
}

static void irq_set_pending(struct vcpu *v, uint32_t intid, bool on)
{
    struct vgic *g = vgic_of(v);

    if (vgic_bit(g->hw, intid)) {
        gicv3_set_pending(intid, v->board_cpu, on);
        if (!on && vgic_withdraw(v, intid))
            gicv3_set_active(intid, v->board_cpu, false);
    } else if (on) {
        vgic_raise(v, intid);
    } else if (!vgic_bit(g->level, intid)) {
        (void)vgic_withdraw(v, intid);
    }
}

/*
 * A physical interrupt is active while it is pending for the guest; that is not to be taken away. Making a
 * software interrupt active is not supported.
 */
static void irq_set_active(struct vcpu *v, uint32_t intid, bool on)
{
    bool physical = vgic_bit(vgic_of(v)->hw, intid);

    if (!on)
        vgic_deactivate(v, intid);
    if (physical && (vgic_look(v, intid).pending & (1u << intid % 32)) == 0)
        gicv3_set_active(intid, v->board_cpu, on);
}

static void for_each(const struct access *a, uint64_t value, irq_fn *fn, bool on)
{
    for (uint32_t m = (uint32_t)value & owned(a); m != 0; m &= m - 1) {
        uint32_t intid = a->intid + (uint32_t)__builtin_ctz(m);
        fn(vgic_target(a->v, intid), intid, on);
    }
}

static uint64_t read_owned(const struct access *a)
{
    return owned(a);
}
static uint64_t read_enable(const struct access *a)
{
    return vgic_word(vgic_enable(a->v, a->intid));
}
static void write_isenabler(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_enabled, true);
}
static void write_icenabler(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_enabled, false);
}
static void write_ispendr(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_pending, true);
}
static void write_icpendr(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_pending, false);
}
static void write_isactiver(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_active, true);
}
static void write_icactiver(const struct access *a, uint64_t v)
{
    for_each(a, v, irq_set_active, false);
}

/* What waits for, or is in a list register of, the vCPUs concerned: one below 32, else all. */
static struct vgic_view look(const struct access *a)
{
    struct vgic_view all = {0};

    if (a->intid < GIC_SPI_FIRST)
        return vgic_look(a->v, a->intid);
    for (uint32_t i = 0; i < a->v->part->vcpus; i++) {
        struct vgic_view one = vgic_look(&a->v->part->vcpu[i], a->intid);
        all.pending |= one.pending;
        all.active |= one.active;
    }
    return all;
}

static uint64_t read_pending(const struct access *a)
{
    uint32_t m = look(a).pending | vgic_word(&vgic_of(a->v)->level[a->intid / 32]);

    return ((gicv3_read_pending(a->intid, a->v->board_cpu) & hw(a)) | m) & owned(a);
}

static uint64_t read_active(const struct access *a)
{
    struct vgic_view view = look(a);

    return ((gicv3_read_active(a->intid, a->v->board_cpu) & hw(a) & ~view.pending) | view.active) & owned(a);
}

/* --- Registers with more bits for each INTID --- */

static bool is_owned(const struct access *a, uint32_t intid)
{
    return vgic_bit(vgic_of(a->v)->owned, intid);
}

static uint64_t read_priority(const struct access *a)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < a->width; i++)
        if (is_owned(a, a->intid + i))
            value |= (uint64_t)*vgic_priority(a->v, a->intid + i) << 8 * i;
    return value;
}

static void write_priority(const struct access *a, uint64_t value)
{
    for (unsigned i = 0; i < a->width; i++)
        if (is_owned(a, a->intid + i))
            *vgic_priority(a->v, a->intid + i) = (uint8_t)(value >> 8 * i) & PRIORITY_ALL;
}

/* Two bits, the upper one says edge (12.9.9). */
static uint64_t read_config(const struct access *a)
{
    uint32_t edge = (*vgic_edge(a->v, a->intid) & owned(a)) >> a->intid % 32;
    uint64_t value = 0;

    for (unsigned i = 0; i < 16; i++)
        value |= (uint64_t)(edge >> i & 1) << (2 * i + 1);
    return value;
}

/* Only physical lines can be configured: SGIs are edge, software lines what they are. */
static void write_config(const struct access *a, uint64_t value)
{
    uint32_t *edge = vgic_edge(a->v, a->intid), lines = hw(a) >> a->intid % 32 & 0xffff;

    for (; lines != 0; lines &= lines - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(lines), intid = a->intid + i, bit = 1u << intid % 32;
        bool on = (value >> (2 * i + 1) & 1) != 0;
        *edge = on ? *edge | bit : *edge & ~bit;
        gicv3_set_edge(intid, vgic_target(a->v, intid)->board_cpu, on);
    }
}

static uint64_t read_route(const struct access *a)
{
    return is_owned(a, a->intid) ? half(a, vgic_target(a->v, a->intid)->index) : 0;
}

/*
 * An affinity that no vCPU has, and "any" (IRM, which No1N says is not there), mean vCPU 0. The upper half is
 * Aff3, zero in every vCPU. What waited for the old target waits for the new one.
 */
static void write_route(const struct access *a, uint64_t value)
{
    struct partition *p = a->v->part;

    if (!is_owned(a, a->intid) || (a->off & 4))
        return;
    uint64_t to = value & IROUTER_IRM ? 0 : value & IROUTER_AFFINITY;
    struct vcpu *from = vgic_target(a->v, a->intid), *v = &p->vcpu[to < p->vcpus ? to : 0];
    p->arch.vgic.target[a->intid - GIC_SPI_FIRST] = (uint8_t)v->index;
    if (vgic_bit(p->arch.vgic.hw, a->intid))
        gicv3_set_route(a->intid, gicv3.board->cpu[v->board_cpu].id);
    if (v != from && vgic_withdraw(from, a->intid) && vgic_hold(v, a->intid))
        vgic_wake(v);
}

/* --- The others --- */

static uint64_t read_gicd_ctlr(const struct access *a)
{
    return GICD_CTLR_FIXED | (vgic_of(a->v)->enabled ? GICD_CTLR_ENABLE_GRP1 : 0);
}

/* Disabling leaves what list registers hold already. */
static void write_gicd_ctlr(const struct access *a, uint64_t value)
{
    struct partition *p = a->v->part;
    bool on = (value & GICD_CTLR_ENABLE_GRP1) != 0;

    if (on == p->arch.vgic.enabled)
        return;
    __atomic_store_n(&p->arch.vgic.enabled, on, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; on && i < p->vcpus; i++)
        vgic_wake(&p->vcpu[i]);
}

static uint64_t read_gicd_typer(const struct access *a)
{
    return GICD_TYPER_FIXED | vgic_of(a->v)->spis / INTIDS_WORD;
}

/* Affinity 63:32, processor number 23:8 */
static uint64_t read_gicr_typer(const struct access *a)
{
    uint64_t i = a->v->index;

    return half(a, i << 32 | i << 8 | (i + 1 == a->v->part->vcpus ? GICR_TYPER_LAST : 0));
}

static uint64_t read_waker(const struct access *a)
{
    return __atomic_load_n(&a->v->arch.vgic.awake, __ATOMIC_RELAXED) ? 0 : GICR_WAKER_SLEEP | GICR_WAKER_ASLEEP;
}

static void write_waker(const struct access *a, uint64_t value)
{
    __atomic_store_n(&a->v->arch.vgic.awake, (value & GICR_WAKER_SLEEP) == 0, __ATOMIC_RELAXED);
}

/* --- Tables --- */

static const struct range gicd_ranges[] = {
    {.first = 0x0000, .size = 4, .widths = 4, .read = read_gicd_ctlr, .write = write_gicd_ctlr},
    {.first = 0x0004, .size = 4, .widths = 4, .read = read_gicd_typer, .write = write_ignored},
    {.first = 0x6000, .size = 0x2000, .widths = 4 | 8, .bits = 64, .read = read_route, .write = write_route},
    {.first = 0x0008, .size = 4, .widths = 4, .read = read_value, .write = write_ignored, .value = GIC_IIDR_ARM},
    {.first = 0xffe8, .size = 4, .widths = 4, .read = read_value, .write = write_ignored, .value = GIC_PIDR2_V3},
};

static const struct range gicr_ranges[] = {
    {.first = 0x0008, .size = 8, .widths = 4 | 8, .read = read_gicr_typer, .write = write_ignored},
    {.first = 0x0014, .size = 4, .widths = 4, .read = read_waker, .write = write_waker},
    {.first = 0x0004, .size = 4, .widths = 4, .read = read_value, .write = write_ignored, .value = GIC_IIDR_ARM},
    {.first = 0xffe8, .size = 4, .widths = 4, .read = read_value, .write = write_ignored, .value = GIC_PIDR2_V3},
};

/* At the same offsets in the distributor (INTIDs from 32 on) and in SGI_base (those below). */
static const struct range irq_ranges[] = {
    {.first = 0x100, .size = 0x80, .widths = 4, .bits = 1, .read = read_enable, .write = write_isenabler},
    {.first = 0x180, .size = 0x80, .widths = 4, .bits = 1, .read = read_enable, .write = write_icenabler},
    {.first = 0x400, .size = 0x400, .widths = 1 | 4, .bits = 8, .read = read_priority, .write = write_priority},
    {.first = 0xc00, .size = 0x100, .widths = 4, .bits = 2, .read = read_config, .write = write_config},
    {.first = 0x080, .size = 0x80, .widths = 4, .bits = 1, .read = read_owned, .write = write_ignored},
    {.first = 0x200, .size = 0x80, .widths = 4, .bits = 1, .read = read_pending, .write = write_ispendr},
    {.first = 0x280, .size = 0x80, .widths = 4, .bits = 1, .read = read_pending, .write = write_icpendr},
    {.first = 0x300, .size = 0x80, .widths = 4, .bits = 1, .read = read_active, .write = write_isactiver},
    {.first = 0x380, .size = 0x80, .widths = 4, .bits = 1, .read = read_active, .write = write_icactiver},
};

#define RANGES(table) (table), (table) + sizeof(table) / sizeof((table)[0])

/* The register at off among ranges first..end, for INTIDs from..to - 1; false: there is none. */
static bool range_find(const struct range *first, const struct range *end, uint32_t off, uint32_t from, uint32_t to,
                       struct access *a)
{
    for (const struct range *r = first; r < end; r++) {
        uint32_t at = off - r->first;

        if (at >= r->size)
            continue;
        a->range = r;
        a->off = at;
        if (off % a->width != 0 || (r->widths & a->width) == 0)
            return false;
        if (r->bits == 0)
            return true;
        a->intid = at * 8 / r->bits;
        return a->intid >= from && a->intid < to;
    }
    return false;
}

static bool gicd_find(struct vcpu *v, uint32_t off, unsigned width, struct access *a)
{
    uint32_t end = GIC_SPI_FIRST + vgic_of(v)->spis;

    a->v = v;
    a->width = width;
    if (off >= 0x80 && off < 0x1000)
        return range_find(RANGES(irq_ranges), off, GIC_SPI_FIRST, end, a);
    return range_find(RANGES(gicd_ranges), off, GIC_SPI_FIRST, end, a);
}

static bool gicr_find(struct vcpu *v, uint32_t off, unsigned width, struct access *a)
{
    uint32_t i = off / FRAME_GICR;

    if (i >= v->part->vcpus)
        return false;
    a->v = &v->part->vcpu[i];
    a->width = width;
    off %= FRAME_GICR;
    if (off >= SGI_BASE)
        return range_find(RANGES(irq_ranges), off - SGI_BASE, 0, GIC_SPI_FIRST, a);
    return range_find(RANGES(gicr_ranges), off, 0, 0, a);
}

uint64_t vgic_gicd_read(struct vcpu *v, uint32_t off, unsigned width)
{
    struct access a;

    return gicd_find(v, off, width, &a) ? a.range->read(&a) : 0;
}

uint64_t vgic_gicr_read(struct vcpu *v, uint32_t off, unsigned width)
{
    struct access a;

    return gicr_find(v, off, width, &a) ? a.range->read(&a) : 0;
}

static void write_locked(const struct access *a, uint64_t value)
{
    lock_take(&vgic_of(a->v)->lock);
    a->range->write(a, value);
    lock_give(&vgic_of(a->v)->lock);
}

void vgic_gicd_write(struct vcpu *v, uint32_t off, unsigned width, uint64_t value)
{
    struct access a;

    if (gicd_find(v, off, width, &a))
        write_locked(&a, value);
}

void vgic_gicr_write(struct vcpu *v, uint32_t off, unsigned width, uint64_t value)
{
    struct access a;

    if (gicr_find(v, off, width, &a))
        write_locked(&a, value);
}
