/* SPDX-License-Identifier: Apache-2.0 */
#include "irq.h"

#include "arch.h"
#include "cpu.h"
#include "dev/pl011.h"
#include "exits.h"
#include "mmu.h"
#include "sysreg.h"

#include <gicv3_sysreg.h>

/* Bounds of one visit: a device or a user that goes on is met again at the next interrupt. */
#define UART_BYTES  64
#define SMMU_EVENTS 256
#define UART_LOOKS  8 /* a guest whose other CPU goes on toggling the line has itself to thank */

#define CNTHP_ENABLE 1
#define CNTHP_OFF    2

static struct irq_config irq;

/* What came since the unit is on, before its line was ours, had no edge that anybody saw. */
static void smmu_claim(struct board_irq line, uint32_t cpu)
{
    if (line.intid == 0)
        return;
    gicv3_claim(line, cpu);
    gicv3_set_pending(line.intid, cpu, true);
}

void irq_init(const struct irq_config *c)
{
    const struct board *b = c->plan->board;
    uint32_t self = cpu_self()->index;

    irq = *c;
    if (c->uart && b->uart.irq.intid != 0)
        gicv3_claim(b->uart.irq, self);
    for (uint32_t i = 0; i < b->iommus; i++) {
        smmu_claim(b->iommu[i].eventq, self);
        smmu_claim(b->iommu[i].gerror, self);
    }
}

void irq_uart_update(struct partition *p)
{
    bool level = !vpl011_irq_level(&p->uart);

    for (unsigned n = 0; n < UART_LOOKS && level != vpl011_irq_level(&p->uart); n++) {
        level = !level;
        vgic_set_level(p, p->plan->vuart_intid, level);
    }
}

static void uart_input(void)
{
    mmio_t base = mmu_device(irq.plan->board->uart.base);
    char c;

    for (unsigned n = 0; n < UART_BYTES && pl011_get(base, &c); n++) {
        int32_t who = console_input(c);

        struct partition *p = who < 0 ? NULL : &irq.part[who];

        if (p == NULL || partition_leaving(p))
            continue;
        vpl011_receive(&p->uart, c);
        irq_uart_update(p);
    }
}

static void count(const struct fault_record *r)
{
    for (uint32_t i = 0; i < irq.plan->partitions; i++)
        if (irq.part[i].plan->m->name == r->partition)
            __atomic_add_fetch(&irq.part[i].dma_faults, 1, __ATOMIC_RELAXED);
}

static void fault(void *ctx, const struct fault *f)
{
    uint32_t unit = *(const uint32_t *)ctx;
    char text[FAULT_TEXT];
    struct diag d = {""};
    enum fault_action action = faults_take(&irq.faults[unit], f, text, sizeof(text));

    const struct fault_record *r = faults_find(&irq.faults[unit], f->sid);

    count(r);
    /* Before anything is said, which takes its time. */
    if (action == FAULT_QUARANTINE &&
        smmuv3_quarantine(&irq.smmu[unit], f->sid, r->to_scratch ? &irq.quarantine[unit] : NULL, &d) != ERR_NONE)
        log_line("SMMU: %s", d.text);
    else if (action != FAULT_COUNTED)
        log_line("%s", text);
}

static void note(void *ctx, const char *text)
{
    (void)ctx;
    log_line("SMMU: %s", text);
}

static void smmu_interrupt(uint32_t intid)
{
    const struct board *b = irq.plan->board;

    for (uint32_t i = 0; i < b->iommus; i++) {
        if (intid != b->iommu[i].eventq.intid && intid != b->iommu[i].gerror.intid)
            continue;
        /* The line has edges: what is left is met again by an edge of our own making. */
        if (smmuv3_events(&irq.smmu[i], SMMU_EVENTS, fault, note, &i) == SMMU_EVENTS)
            gicv3_set_pending(intid, cpu_self()->index, true);
    }
}

/* Not CNTHP_TVAL_EL2: its 32 signed bits are two seconds of a counter that runs at 1 GHz. */
static uint64_t audit_next(const struct partition *p)
{
    return arch_ticks() + (uint64_t)p->plan->m->audit_ms * arch_ticks_hz() / 1000;
}

static void audit_arm(uint64_t at)
{
    SYSREG_WRITE(cnthp_cval_el2, at);
    SYSREG_WRITE(cnthp_ctl_el2, CNTHP_ENABLE);
}

/* One that is due earlier stays: a guest that turns its CPU 0 off and on does not put it off. */
void irq_audit_start(struct vcpu *v)
{
    if (v->part->plan->m->audit_ms == 0 || v->index != 0)
        return;
    uint64_t next = audit_next(v->part);
    gicv3_claim(irq.plan->board->timer.hyp, v->board_cpu);
    if ((SYSREG_READ(cnthp_ctl_el2) & (CNTHP_ENABLE | CNTHP_OFF)) != CNTHP_ENABLE ||
        (int64_t)(SYSREG_READ(cnthp_cval_el2) - next) > 0)
        audit_arm(next);
}

/* Its CPU may be off while others of the partition run: the audits end with the partition. */
static void audit(struct partition *p)
{
    if (__atomic_load_n(&p->state, __ATOMIC_ACQUIRE) == PARTITION_STOPPED) {
        SYSREG_WRITE(cnthp_ctl_el2, CNTHP_OFF);
        return;
    }
    (void)partition_audit(p);
    audit_arm(audit_next(p));
}

void irq_own(uint32_t intid)
{
    const struct board *b = irq.plan->board;
    struct vcpu *v = vcpu_current();

    if (intid == GIC_KICK_SGI || intid == b->gic.maintenance.intid) {
        if (v != NULL)
            vgic_flush(v);
    } else if (intid == b->timer.hyp.intid && v != NULL) {
        audit(v->part);
    } else if (irq.uart && intid == b->uart.irq.intid) {
        uart_input();
    } else {
        smmu_interrupt(intid);
    }
    icc_deactivate(intid);
}
