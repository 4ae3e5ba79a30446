/* SPDX-License-Identifier: Apache-2.0 */
/* Which emulated device of the partition an address belongs to. Small code; trap_abort.c has the fast path.
 */
#include "exits.h"
#include "irq.h"

uint64_t trap_device_read(struct vcpu *v, gaddr_t a, unsigned width, bool *hit)
{
    const struct plan_partition *pp = v->part->plan;
    struct partition *p = v->part;
    uint64_t value;

    *hit = true;
    if (a.v - pp->emulated[EMULATED_GICR].v < (uint64_t)p->vcpus << 17)
        return vgic_gicr_read(v, (uint32_t)(a.v - pp->emulated[EMULATED_GICR].v), width);
    if (pp->has_vuart && a.v - pp->vuart.v < FRAME_SIZE) {
        value = vpl011_read(&p->uart, (uint32_t)(a.v - pp->vuart.v));
        irq_uart_update(p);
        return value;
    }
    if (pp->has_ecam && a.v - pp->ecam.v < (1u << 20))
        return vpci_read(&p->pci, (uint32_t)(a.v - pp->ecam.v), width);
    *hit = false;
    return 0;
}

bool trap_device_write(struct vcpu *v, gaddr_t a, unsigned width, uint64_t value)
{
    const struct plan_partition *pp = v->part->plan;
    struct partition *p = v->part;

    if (a.v - pp->emulated[EMULATED_GICR].v < (uint64_t)p->vcpus << 17) {
        vgic_gicr_write(v, (uint32_t)(a.v - pp->emulated[EMULATED_GICR].v), width, value);
    } else if (a.v - pp->emulated[EMULATED_GICD].v < 0x10000) {
        vgic_gicd_write(v, (uint32_t)(a.v - pp->emulated[EMULATED_GICD].v), width, value);
    } else if (pp->has_vuart && a.v - pp->vuart.v < FRAME_SIZE) {
        vpl011_write(&p->uart, (uint32_t)(a.v - pp->vuart.v), (uint32_t)value);
        irq_uart_update(p);
    } else if (pp->has_ecam && a.v - pp->ecam.v < (1u << 20)) {
        vpci_write(&p->pci, (uint32_t)(a.v - pp->ecam.v), width, (uint32_t)value);
    } else {
        return false;
    }
    return true;
}
