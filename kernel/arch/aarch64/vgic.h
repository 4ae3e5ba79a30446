/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3 that a partition sees: distributor and redistributors trapped and filtered to
 * the partition's own interrupts, the CPU interface by list registers.
 *
 * A partition's physical interrupts are its own: enable, configuration and route go through
 * to the hardware, masked; priority is kept here (the list register carries it) and the
 * physical priority stays fixed. Physical interrupts are delivered with LR.HW, so the guest's
 * end of interrupt deactivates the physical one without an exit. SGIs and the virtual
 * UART's interrupt are software list registers. What finds no list register waits in `pend`, and
 * ICH_HCR_EL2.UIE asks for a maintenance interrupt when one becomes free.
 *
 * A vCPU can have as many interrupts active at once as there are list registers; none is taken out of one.
 *
 * Locks: vgic.lock for what guests write to the registers; pend, level and the words that delivery reads are
 * atomic. List registers belong to the CPU: only the vCPU that runs on it touches them.
 */
#ifndef ARCH_AARCH64_VGIC_H
#define ARCH_AARCH64_VGIC_H

#include "gicv3.h"
#include "plan.h"

struct partition;
struct vcpu;

#define VGIC_WORDS (1024 / 32)

struct vgic {
    struct lock lock;
    bool enabled;                /* GICD_CTLR.EnableGrp1 */
    uint32_t owned[VGIC_WORDS];  /* INTIDs of the partition: SGIs, its PPIs, its SPIs */
    uint32_t hw[VGIC_WORDS];     /* of these, those with a physical line */
    uint32_t enable[VGIC_WORDS]; /* SPIs: the guest's view */
    uint32_t level[VGIC_WORDS];  /* software level interrupts that are high (virtual UART) */
    uint32_t edge[VGIC_WORDS];   /* SPIs configured as edge */
    uint8_t *priority;           /* SPIs: by INTID - 32 */
    uint8_t *target;             /* SPIs: vCPU index, by INTID - 32 */
    uint32_t spis;               /* multiple of 32; the guest's GICD_TYPER.ITLinesNumber */
};

struct vgic_cpu {
    uint32_t pend[VGIC_WORDS]; /* waiting for a list register of this vCPU; physical ones are active meanwhile */
    uint32_t pend_sum;         /* bit w is set when pend[w] may be non-zero */
    uint32_t enable;           /* SGIs and PPIs: the guest's view */
    uint32_t edge;             /* PPIs configured as edge, and the SGIs */
    uint8_t priority[32];
    bool started; /* between vgic_cpu_start and vgic_cpu_stop; else everything waits in pend */
    bool awake;   /* GICR_WAKER.ProcessorSleep clear */
};

/* SPIs that the partition's distributor has: up to the highest one it owns, in whole words. */
static inline uint32_t vgic_spis(const struct plan_partition *pp)
{
    uint32_t end = 32;

    for (uint32_t i = 0; i < pp->irqs; i++)
        if (pp->irq[i].irq.intid >= end)
            end = pp->irq[i].irq.intid + 1u;
    return (end - 1) / 32 * 32;
}

/*
 * Once per partition, after gicv3_init: ownership from the plan, room from the arena. vgic_reset comes before
 * the first start. Refused with a text: an INTID that the interrupt controller does not have.
 */
err_t vgic_init(struct partition *p, struct arena *a, struct diag *d);

/* State after reset, the partition's SPIs disabled, not pending, not active. No vCPU may be in the guest. */
void vgic_reset(struct partition *p);

/* On the vCPU's own CPU before it enters the guest after a (re)start: virtual interface reset and on. */
void vgic_cpu_start(struct vcpu *v);
/*
 * On the vCPU's own CPU when it leaves the guest for good: virtual interface off, the physical interrupts
 * that it held deactivated, its PPIs disabled.
 */
void vgic_cpu_stop(struct vcpu *v);

/* Is this physical interrupt one of the partition's? */
bool vgic_owns(const struct vcpu *v, uint32_t intid);

/*
 * A physical interrupt of the partition (vgic_owns) was acknowledged on this vCPU's CPU (priority dropped,
 * still active): give it to the guest. The fast path of every device interrupt.
 */
void vgic_deliver(struct vcpu *v, uint32_t intid);

/* Software: make intid pending on v (any CPU may call; kicks v's CPU when it is another one). */
void vgic_raise(struct vcpu *v, uint32_t intid);

/*
 * Software level interrupt of the partition (virtual UART): set its level. To be called after every guest
 * access to the device, also when the level stays high: that makes an interrupt pending again which the guest
 * is handling, so no exit at its end is needed. Calls for one interrupt come in the order of the levels:
 * under the device's lock.
 */
void vgic_set_level(struct partition *p, uint32_t intid, bool high);

/*
 * On v's own CPU: move waiting interrupts that are enabled into free list registers, highest priority first
 * (after a kick or a maintenance interrupt).
 */
void vgic_flush(struct vcpu *v);

/* Guest writes ICC_SGI1R_EL1 (IHI 0069 12.2.20): only vCPUs of the same partition. */
void vgic_sgi(struct vcpu *v, uint64_t sgi1r);

/* Trapped accesses; off from the start of the frame. gicr: off counts over all redistributors of the
 * partition. */
uint64_t vgic_gicd_read(struct vcpu *v, uint32_t off, unsigned width);
void vgic_gicd_write(struct vcpu *v, uint32_t off, unsigned width, uint64_t value);
uint64_t vgic_gicr_read(struct vcpu *v, uint32_t off, unsigned width);
void vgic_gicr_write(struct vcpu *v, uint32_t off, unsigned width, uint64_t value);

#endif
