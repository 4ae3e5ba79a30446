/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between vgic.c, which owns list registers and what waits for them, and vgic_mmio.c, which owns the
 * registers. Where an INTID below 32 is meant, v is the vCPU whose redistributor it belongs to.
 */
#ifndef ARCH_AARCH64_VGIC_PRIV_H
#define ARCH_AARCH64_VGIC_PRIV_H

#include "partition.h"

static inline struct vgic *vgic_of(const struct vcpu *v)
{
    return &v->part->arch.vgic;
}

static inline uint32_t vgic_word(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline bool vgic_bit(const uint32_t *words, uint32_t intid)
{
    return (vgic_word(&words[intid / 32]) >> intid % 32 & 1) != 0;
}

/* The guest's enable bits and configuration of the 32 INTIDs around intid, and the priority of one. */
static inline uint32_t *vgic_enable(struct vcpu *v, uint32_t intid)
{
    return intid < GIC_SPI_FIRST ? &v->arch.vgic.enable : &vgic_of(v)->enable[intid / 32];
}

static inline uint32_t *vgic_edge(struct vcpu *v, uint32_t intid)
{
    return intid < GIC_SPI_FIRST ? &v->arch.vgic.edge : &vgic_of(v)->edge[intid / 32];
}

static inline uint8_t *vgic_priority(struct vcpu *v, uint32_t intid)
{
    return intid < GIC_SPI_FIRST ? &v->arch.vgic.priority[intid] : &vgic_of(v)->priority[intid - GIC_SPI_FIRST];
}

/* Whose interrupt is it: v's own below 32, else that of the vCPU it is routed to. The one place that says so.
 */
static inline struct vcpu *vgic_target(struct vcpu *v, uint32_t intid)
{
    return intid < GIC_SPI_FIRST ? v : &v->part->vcpu[vgic_of(v)->target[intid - GIC_SPI_FIRST]];
}

/* Put intid among what waits for v. True: it was not there. Nobody is told. */
bool vgic_hold(struct vcpu *v, uint32_t intid);
/* Have v look at what waits for it: at once on its own CPU, else by a kick. */
void vgic_wake(struct vcpu *v);
/*
 * Make intid not pending on v: true when it was. Takes it from what waits, and on v's own CPU also from a
 * list register; one in the list register of another CPU counts as taken.
 */
bool vgic_withdraw(struct vcpu *v, uint32_t intid);
/* On v's own CPU: if intid is active in a list register it is not any more. */
void vgic_deactivate(struct vcpu *v, uint32_t intid);

/* The 32 INTIDs around intid that wait for v, or are in this CPU's list registers where these concern v. */
struct vgic_view {
    uint32_t pending, active;
};
struct vgic_view vgic_look(const struct vcpu *v, uint32_t intid);

#endif
