/* SPDX-License-Identifier: Apache-2.0 */
/* The messages by which PCI devices interrupt, and the entries of IOMMUs that say where each goes. */
#include "plan_private.h"

#include "iommu/kind.h"

static uint16_t messages_of(const struct pci_messages *m)
{
    uint32_t entries = m->entries < MSIX_VISIBLE ? m->entries : MSIX_VISIBLE;

    return (uint16_t)(entries > m->messages ? entries : m->messages);
}

/* One after the other; those of MSI aligned, for a device puts its message's number into the low bits of an entry's. */
static err_t route_number(struct plan_ctx *c, struct plan_device *dev, uint32_t *used)
{
    const struct iommu_kind *kind = c->b->iommu[dev->iommu].kind;
    uint32_t first = *used > kind->routes_kept ? *used : kind->routes_kept;

    if (!kind->routes || !dev->messages)
        return ERR_NONE;
    if (dev->fn->msi.messages)
        first = (uint32_t)ROUND_UP(first, (uint32_t)dev->fn->msi.messages);
    *used = first + dev->messages;
    dev->route = (uint16_t)first;
    if (*used > kind->routes)
        return plan_fail(c, dev->m->node,
                         "its messages and those of others behind the same IOMMU (%s) need %u remapping entries; it "
                         "has %u",
                         kind->name, *used, kind->routes);
    return ERR_NONE;
}

err_t plan_messages_number(struct plan_ctx *c)
{
    uint32_t *used = ARENA_NEW(c->a, uint32_t, c->b->iommus, c->d);
    err_t e = used ? ERR_NONE : ERR_NO_SPACE;

    for (uint32_t i = 0; i < c->p->partitions; i++) {
        struct plan_partition *pp = &c->p->partition[i];

        for (struct plan_device *dev = pp->device; dev < pp->device + pp->devices && !e; dev++) {
            dev->messages = dev->fn ? messages_of(&dev->fn->msi) : 0;
            e = dev->is_protected ? route_number(c, dev, &used[dev->iommu]) : ERR_NONE;
        }
    }
    return e;
}
