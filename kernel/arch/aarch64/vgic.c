/* SPDX-License-Identifier: Apache-2.0 */
/* List registers, what waits for them, delivery. Section numbers are those of IHI 0069. */
#include "vgic_priv.h"

#include "arch.h"

#include <gicv3_sysreg.h>
#include <string.h>

/* ICH_LR<n>_EL2 (12.4.6) */
#define LR_PINTID_SHIFT   32
#define LR_PRIORITY_SHIFT 48
#define LR_GROUP1         (UINT64_C(1) << 60)
#define LR_HW             (UINT64_C(1) << 61)
#define LR_PENDING        (UINT64_C(1) << 62)
#define LR_ACTIVE         (UINT64_C(1) << 63)
#define LR_VINTID(lr)     ((uint32_t)(lr))

/* ICH_HCR_EL2 (12.4.4) */
#define ICH_HCR_EN  (UINT64_C(1) << 0)
#define ICH_HCR_UIE (UINT64_C(1) << 1) /* maintenance interrupt while at most one list register is used */

/* ICC_SGI1R_EL1 (12.2.20) */
#define SGI1R_TARGETS(v) ((uint32_t)(v)&0xffff)
#define SGI1R_INTID(v)   ((uint32_t)((v) >> 24) & 15)
#define SGI1R_IRM        (UINT64_C(1) << 40)
/* Aff3, RS, Aff2, Aff1: a vCPU has zeroes there */
#define SGI1R_ELSEWHERE \
    ((UINT64_C(0xff) << 48) | (UINT64_C(15) << 44) | (UINT64_C(0xff) << 32) | (UINT64_C(0xff) << 16))

#define NO_INTID UINT32_MAX
/* More than there are list registers to fill and to add to: what a sibling makes pending meanwhile comes with
 * a kick. */
#define FLUSH_MAX 32

static uint32_t bit_of(uint32_t intid)
{
    return 1u << intid % 32;
}

static bool is_open(const struct vcpu *v)
{
    return v->arch.vgic.started && __atomic_load_n(&vgic_of(v)->enabled, __ATOMIC_RELAXED);
}

bool vgic_owns(const struct vcpu *v, uint32_t intid)
{
    return intid < GIC_INTID_LIMIT && (vgic_of(v)->hw[intid / 32] & bit_of(intid)) != 0;
}

static uint64_t lr_make(struct vcpu *v, uint32_t intid, bool hw)
{
    uint64_t lr = LR_PENDING | LR_GROUP1 | (uint64_t)*vgic_priority(v, intid) << LR_PRIORITY_SHIFT | intid;

    return hw ? lr | LR_HW | (uint64_t)intid << LR_PINTID_SHIFT : lr;
}

/*
 * Put intid into a list register. False: none is free. Two of them must never hold the same INTID: a software
 * interrupt becomes pending (again) where it is; a physical one is there already only if the guest
 * deactivated it behind its own back, and merges.
 */
static bool lr_place(struct vcpu *v, uint32_t intid)
{
    for (uint32_t used = ich_used(); used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(used);
        uint64_t lr = ich_read_lr(i);
        if (LR_VINTID(lr) == intid) {
            if (!(lr & LR_HW))
                ich_write_lr(i, lr | LR_PENDING);
            return true;
        }
    }
    uint32_t empty = (uint32_t)ich_read_elrsr();
    if (empty == 0)
        return false;
    ich_write_lr((uint32_t)__builtin_ctz(empty), lr_make(v, intid, vgic_owns(v, intid)));
    return true;
}

bool vgic_hold(struct vcpu *v, uint32_t intid)
{
    struct vgic_cpu *c = &v->arch.vgic;
    uint32_t old = __atomic_fetch_or(&c->pend[intid / 32], bit_of(intid), __ATOMIC_SEQ_CST);

    /* After the bit it stands for: whoever takes the summary finds the bit. */
    __atomic_fetch_or(&c->pend_sum, bit_of(intid / 32), __ATOMIC_SEQ_CST);
    return (old & bit_of(intid)) == 0;
}

static bool pend_clear(struct vgic_cpu *c, uint32_t intid)
{
    return (__atomic_fetch_and(&c->pend[intid / 32], ~bit_of(intid), __ATOMIC_SEQ_CST) & bit_of(intid)) != 0;
}

/* What waits in the words of *sum, is enabled and has the highest priority. Empty words leave *sum. */
static uint32_t pend_best(struct vcpu *v, uint32_t *sum)
{
    uint32_t best = NO_INTID, best_priority = 0x100;

    for (uint32_t s = *sum; s != 0; s &= s - 1) {
        uint32_t w = (uint32_t)__builtin_ctz(s), pend = vgic_word(&v->arch.vgic.pend[w]);
        if (pend == 0)
            *sum &= ~bit_of(w);
        for (pend &= vgic_word(vgic_enable(v, w * 32)); pend != 0; pend &= pend - 1) {
            uint32_t intid = w * 32 + (uint32_t)__builtin_ctz(pend);
            if (*vgic_priority(v, intid) < best_priority) {
                best = intid;
                best_priority = *vgic_priority(v, intid);
            }
        }
    }
    return best;
}

void vgic_flush(struct vcpu *v)
{
    struct vgic_cpu *c = &v->arch.vgic;

    if (!is_open(v))
        return;
    uint32_t sum = __atomic_exchange_n(&c->pend_sum, 0, __ATOMIC_SEQ_CST);
    uint32_t intid = pend_best(v, &sum);
    for (uint32_t n = 0; n < FLUSH_MAX && intid != NO_INTID && lr_place(v, intid); n++) {
        (void)pend_clear(c, intid);
        intid = pend_best(v, &sum);
    }
    if (sum != 0)
        __atomic_fetch_or(&c->pend_sum, sum, __ATOMIC_SEQ_CST);
    ich_write_hcr(intid == NO_INTID ? ICH_HCR_EN : ICH_HCR_EN | ICH_HCR_UIE);
}

void vgic_deliver(struct vcpu *v, uint32_t intid)
{
    if (is_open(v) && (*vgic_enable(v, intid) & bit_of(intid)) != 0 && ich_all_free()) {
        ich_write_lr(0, lr_make(v, intid, true));
        return;
    }
    (void)vgic_hold(v, intid);
    vgic_flush(v);
}

void vgic_wake(struct vcpu *v)
{
    if (v == vcpu_current())
        vgic_flush(v);
    else
        arch_cpu_kick(v->board_cpu);
}

void vgic_raise(struct vcpu *v, uint32_t intid)
{
    const struct vgic *g = vgic_of(v);

    if (intid >= GIC_INTID_LIMIT || (g->owned[intid / 32] & ~g->hw[intid / 32] & bit_of(intid)) == 0)
        return;
    if (vgic_hold(v, intid))
        vgic_wake(v);
}

bool vgic_withdraw(struct vcpu *v, uint32_t intid)
{
    bool was = pend_clear(&v->arch.vgic, intid);

    for (uint32_t used = v == vcpu_current() ? ich_used() : 0; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(used);
        uint64_t lr = ich_read_lr(i);
        if (LR_VINTID(lr) == intid && (lr & LR_PENDING) != 0) {
            ich_write_lr(i, lr & LR_ACTIVE ? lr & ~LR_PENDING : 0);
            was = true;
        }
    }
    return was;
}

void vgic_deactivate(struct vcpu *v, uint32_t intid)
{
    for (uint32_t used = v == vcpu_current() ? ich_used() : 0; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(used);
        uint64_t lr = ich_read_lr(i);
        if (LR_VINTID(lr) == intid && (lr & LR_ACTIVE) != 0)
            ich_write_lr(i, lr & LR_PENDING ? lr & ~LR_ACTIVE : 0);
    }
}

struct vgic_view vgic_look(const struct vcpu *v, uint32_t intid)
{
    struct vgic_view view = {.pending = vgic_word(&v->arch.vgic.pend[intid / 32])};

    for (uint32_t used = v == vcpu_current() ? ich_used() : 0; used != 0; used &= used - 1) {
        uint64_t lr = ich_read_lr((uint32_t)__builtin_ctz(used));
        if (LR_VINTID(lr) / 32 != intid / 32)
            continue;
        view.pending |= lr & LR_PENDING ? bit_of(LR_VINTID(lr)) : 0;
        view.active |= lr & LR_ACTIVE ? bit_of(LR_VINTID(lr)) : 0;
    }
    return view;
}

void vgic_set_level(struct partition *p, uint32_t intid, bool high)
{
    struct vgic *g = &p->arch.vgic;

    if (intid < GIC_SPI_FIRST || intid >= GIC_INTID_LIMIT || !vgic_bit(g->owned, intid))
        return;
    struct vcpu *v = vgic_target(&p->vcpu[0], intid);
    if (high) {
        __atomic_fetch_or(&g->level[intid / 32], bit_of(intid), __ATOMIC_SEQ_CST);
        vgic_raise(v, intid);
    } else if (vgic_bit(g->level, intid)) {
        __atomic_fetch_and(&g->level[intid / 32], ~bit_of(intid), __ATOMIC_SEQ_CST);
        (void)vgic_withdraw(v, intid);
    }
}

void vgic_sgi(struct vcpu *v, uint64_t sgi1r)
{
    struct partition *p = v->part;
    uint32_t targets = ~(1u << v->index);

    if (!(sgi1r & SGI1R_IRM))
        targets = sgi1r & SGI1R_ELSEWHERE ? 0 : SGI1R_TARGETS(sgi1r);
    for (targets &= (1u << p->vcpus) - 1; targets != 0; targets &= targets - 1)
        vgic_raise(&p->vcpu[__builtin_ctz(targets)], SGI1R_INTID(sgi1r));
}

static void own(struct vgic *g, struct board_irq irq, bool hw)
{
    g->owned[irq.intid / 32] |= bit_of(irq.intid);
    if (hw)
        g->hw[irq.intid / 32] |= bit_of(irq.intid);
}

/* The timers' PPIs; a board without one of them says INTID 0. */
static void own_ppis(struct vgic *g)
{
    const struct board_timer *t = &gicv3.board->timer;
    const struct board_irq ppi[] = {t->virt, t->phys};

    for (uint32_t i = 0; i < 2; i++)
        if (ppi[i].intid >= 16 && ppi[i].intid < GIC_SPI_FIRST)
            own(g, ppi[i], true);
}

err_t vgic_init(struct partition *p, struct arena *a, struct diag *d)
{
    struct vgic *g = &p->arch.vgic;

    memset(g, 0, sizeof(*g));
    g->owned[0] = 0xffff;
    own_ppis(g);
    for (uint32_t i = 0; i < p->plan->irqs; i++) {
        const struct plan_irq *q = &p->plan->irq[i];
        uint32_t end = q->virtual_only ? GIC_INTID_LIMIT : gicv3.intids;
        if (q->irq.intid < GIC_SPI_FIRST || q->irq.intid >= end)
            return diag_fail(d, ERR_INVALID,
                             "partition %s: %s: its interrupt is INTID %u, where the board's interrupt controller has "
                             "SPIs 32 to %u",
                             p->plan->m->name, q->name, q->irq.intid, end - 1);
        own(g, q->irq, !q->virtual_only);
    }
    g->spis = vgic_spis(p->plan);
    g->priority = ARENA_NEW(a, uint8_t, g->spis, d);
    g->target = ARENA_NEW(a, uint8_t, g->spis, d);
    return g->priority != NULL && g->target != NULL ? ERR_NONE : ERR_NO_SPACE;
}

static void cpu_reset(struct vcpu *v)
{
    const struct board_timer *t = &gicv3.board->timer;
    struct vgic_cpu *c = &v->arch.vgic;

    memset(c, 0, sizeof(*c));
    c->edge = 0xffff;
    c->edge |= t->virt.edge ? bit_of(t->virt.intid) : 0;
    c->edge |= t->phys.edge ? bit_of(t->phys.intid) : 0;
}

void vgic_reset(struct partition *p)
{
    struct vgic *g = &p->arch.vgic;
    uint32_t boot = p->vcpu[0].board_cpu;

    lock_take(&g->lock);
    for (uint32_t i = 0; i < p->plan->irqs; i++) {
        struct board_irq irq = p->plan->irq[i].irq;
        g->edge[irq.intid / 32] &= ~bit_of(irq.intid);
        g->edge[irq.intid / 32] |= irq.edge ? bit_of(irq.intid) : 0;
        if (!vgic_bit(g->hw, irq.intid))
            continue;
        gicv3_set_enabled(irq.intid, boot, false);
        gicv3_set_pending(irq.intid, boot, false);
        gicv3_set_active(irq.intid, boot, false);
        gicv3_set_edge(irq.intid, boot, irq.edge);
        gicv3_set_route(irq.intid, gicv3.board->cpu[boot].id);
    }
    g->enabled = false;
    memset(g->enable, 0, sizeof(g->enable));
    memset(g->level, 0, sizeof(g->level));
    memset(g->priority, 0, g->spis);
    memset(g->target, 0, g->spis);
    for (uint32_t i = 0; i < p->vcpus; i++)
        cpu_reset(&p->vcpu[i]);
    lock_give(&g->lock);
}

void vgic_cpu_start(struct vcpu *v)
{
    struct vgic_cpu *c = &v->arch.vgic;

    gicv3_virtual_reset();
    for (uint32_t m = vgic_of(v)->hw[0]; m != 0; m &= m - 1) {
        uint32_t intid = (uint32_t)__builtin_ctz(m);
        gicv3_set_edge(intid, v->board_cpu, (c->edge & bit_of(intid)) != 0);
    }
    ich_write_hcr(ICH_HCR_EN);
    c->started = true;
    vgic_flush(v);
}

void vgic_cpu_stop(struct vcpu *v)
{
    struct vgic_cpu *c = &v->arch.vgic;

    c->started = false;
    for (uint32_t used = ich_used(); used != 0; used &= used - 1) {
        uint64_t lr = ich_read_lr((uint32_t)__builtin_ctz(used));
        if (lr & LR_HW)
            (void)vgic_hold(v, LR_VINTID(lr));
    }
    gicv3_virtual_reset();
    for (uint32_t m = vgic_of(v)->hw[0]; m != 0; m &= m - 1)
        gicv3_set_enabled((uint32_t)__builtin_ctz(m), v->board_cpu, false);
    __atomic_fetch_and(&c->enable, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->awake, false, __ATOMIC_RELAXED);
    for (uint32_t w = 0; w < VGIC_WORDS; w++) {
        uint32_t held = __atomic_exchange_n(&c->pend[w], 0, __ATOMIC_SEQ_CST) & vgic_of(v)->hw[w];
        for (; held != 0; held &= held - 1)
            gicv3_set_active(w * 32 + (uint32_t)__builtin_ctz(held), v->board_cpu, false);
    }
}
