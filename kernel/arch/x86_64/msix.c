/* SPDX-License-Identifier: Apache-2.0 */
#include "msix.h"

#include "console.h"
#include "lapic.h"
#include "mmu.h"
#include "msix_words.h"
#include "vcpu.h"

#define XAPIC_LAST 254u /* the highest id that 8 bits name; 255 is everybody */

struct msix {
    struct vmsix v;
    struct partition *part;
    struct iommu *units;
};

/* The unit that remaps what dev sends; NULL: none does. */
static struct iommu *remapper(const struct msix *x, const struct plan_device *dev)
{
    struct iommu *u = dev->is_protected ? &x->units[dev->iommu] : NULL;

    return u != NULL && (u->is_amd || u->vtd_caps.remapping) ? u : NULL;
}

static bool is_wide(const struct iommu *u)
{
    return u != NULL && !u->is_amd && u->vtd_caps.eim && lapic_is_x2apic();
}

static err_t unit_route(struct iommu *u, const struct plan_device *dev, uint32_t index, uint8_t vector, uint32_t id,
                        struct diag *d)
{
    uint16_t at = (uint16_t)(dev->route + index), source = (uint16_t)dev->sid;

    if (u->is_amd) {
        const struct amdvi_irte e = amdvi_irte_entry(vector, (uint8_t)id, false, 0);

        return amdvi_route(&u->amd, source, at, &e, d);
    }
    const struct vtd_irte e = vtd_irte_entry(source, vector, id, is_wide(u), false);

    return vtd_route(&u->vtd, at, &e, d);
}

/* A guest can make it fail over and over. */
static void tell(const struct msix *x, const struct plan_device *dev, const char *why)
{
    if (log_worthy(__atomic_add_fetch(&x->part->bad_accesses, 1, __ATOMIC_RELAXED)))
        log_line("%s: device %s: a message stays masked: %s", x->part->plan->m->name, dev->m->name, why);
}

static bool route(void *ctx, const struct plan_device *dev, uint32_t index, const struct vmsi_message *guest,
                  struct vmsi_message *out)
{
    const struct msix *x = ctx;
    struct iommu *u = remapper(x, dev);
    struct diag d = {""};
    struct apic_message m;

    if (!apic_message_msi(guest->address, guest->data, &m) || !apic_message_is_vector(&m)) {
        tell(x, dev, "it is no fixed interrupt from vector 16 on");
        return false;
    }
    const struct vcpu *to = vapic_target(x->part, &m);

    if (to == NULL || (to->arch.cpuid.apic_id > XAPIC_LAST && !is_wide(u))) {
        tell(x, dev, "its destination is no CPU of the partition that can be named");
        return false;
    }
    if (u == NULL) {
        *out = msix_word_plain((uint8_t)to->arch.cpuid.apic_id, m.vector);
        return true;
    }
    if (unit_route(u, dev, index, m.vector, to->arch.cpuid.apic_id, &d) != ERR_NONE) {
        tell(x, dev, d.text);
        return false;
    }
    *out = u->is_amd ? msix_word_amd((uint8_t)(dev->route + index)) : msix_word_vtd(dev->route, (uint16_t)index);
    return true;
}

static void block(void *ctx, const struct plan_device *dev, uint32_t index)
{
    const struct msix *x = ctx;
    struct iommu *u = remapper(x, dev);
    uint16_t at = (uint16_t)(dev->route + index);
    const struct amdvi_irte none = {0};
    struct diag d = {""};
    err_t e = ERR_NONE;

    if (u != NULL)
        e = u->is_amd ? amdvi_route(&u->amd, (uint16_t)dev->sid, at, &none, &d) : vtd_route(&u->vtd, at, NULL, &d);
    if (e != ERR_NONE)
        tell(x, dev, d.text);
}

static uint64_t table_read(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width)
{
    const struct vmsix_function *f = dev->state;
    struct msix *x = v->part->arch.msix;

    return vmsix_read(&x->v, (uint32_t)(f - x->v.fn), off, width);
}

static void table_write(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value)
{
    const struct vmsix_function *f = dev->state;
    struct msix *x = v->part->arch.msix;

    vmsix_write(&x->v, (uint32_t)(f - x->v.fn), off, width, value);
}

size_t msix_objects_size(const struct plan *p)
{
    size_t size = 0;

    for (uint32_t i = 0; i < p->partitions; i++)
        size += vmsix_size(&p->partition[i]) + sizeof(struct msix) + ARENA_ALIGN;
    return size;
}

err_t msix_setup(struct partition *p, struct iommu *units, struct arena *a, struct diag *d)
{
    struct msix *x = ARENA_NEW(a, struct msix, 1, d);

    if (x == NULL)
        return ERR_NO_SPACE;
    p->arch.msix = x;
    x->part = p;
    x->units = units;
    err_t e = vmsix_init(&x->v, &p->pci, &(struct vmsi_router){route, block, x}, mmu_device, a, d);

    for (uint32_t i = 0; i < p->pci.count && e == ERR_NONE; i++) {
        const struct plan_device *dev = p->pci.fn[i].dev;
        const struct plan_table t = plan_msix_table(dev->fn);

        if (t.frames != 0)
            vcpu_add_device(p,
                            &(struct trap_device){.base = gaddr(dev->bar[dev->fn->msi.bar].v + (t.skip << FRAME_SHIFT)),
                                                  .size = (uint32_t)(t.frames << FRAME_SHIFT),
                                                  .read = table_read,
                                                  .write = table_write,
                                                  .state = &x->v.fn[i]});
    }
    return e;
}

void msix_reset(struct partition *p)
{
    if (p->arch.msix != NULL)
        vmsix_reset(&p->arch.msix->v);
}
