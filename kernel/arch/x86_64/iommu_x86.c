/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu_x86.h"

#include "console.h"
#include "iommu/kind.h"
#include "iommu/vtd_regs.h"
#include "lapic.h"

#define FAULTS_AT_ONCE 64
#define MSI_ADDRESS    0xfee00000u /* SDM vol. 3, 11.11 */
#define MSI_NMI        0x400u
#define IRTE_NMI       UINT64_C(0x80)      /* VT-d 9.9: DLM 100 in 7:5 */
#define ENTRY_REMAPPED (UINT64_C(1) << 48) /* VT-d 5.1.5.1: index in 63:49 */

static uint8_t log2_floor(uint32_t v)
{
    return (uint8_t)(31 - __builtin_clz(v | 1));
}

static err_t probe_vtd(struct iommu *u, struct board_iommu *b, struct diag *d)
{
    const struct vtd_caps *c = &u->vtd_caps;
    err_t e = vtd_probe(&u->vtd_caps, u->base, b->base, d);

    if (e != ERR_NONE)
        return e;
    b->kind = c->snoop_control ? &iommu_kind_vtd_snoop : &iommu_kind_vtd;
    b->in_bits = c->in_bits;
    b->leaf_level = c->leaf_level;
    b->domain_bits = log2_floor(c->domains);
    b->coherent = c->coherent;
    return e;
}

static err_t probe_amd(struct iommu *u, struct board_iommu *b, struct diag *d)
{
    err_t e = amdvi_probe(&u->amd_caps, u->base, b->base, (uint16_t)((1u << b->sid_bits) - 1), b->flags, d);

    if (e != ERR_NONE)
        return e;
    b->in_bits = u->amd_caps.levels_max == 6 ? 64 : (uint8_t)(12 + 9 * u->amd_caps.levels_max);
    b->leaf_level = 2;
    b->domain_bits = 16;
    b->coherent = (b->flags & AMDVI_IVHD_COHERENT) != 0;
    return e;
}

err_t iommu_probe(struct iommu *u, struct board_iommu *b, mmio_t base, struct diag *d)
{
    u->b = b;
    u->base = base;
    u->is_amd = b->kind == &iommu_kind_amdvi;
    return u->is_amd ? probe_amd(u, b, d) : probe_vtd(u, b, d);
}

err_t iommu_block(struct iommu *u, struct compiled *tables, struct diag *d)
{
    u->tables = tables;
    return u->is_amd ? amdvi_block(&u->amd, &u->amd_caps, u->base, &tables->pool, d)
                     : vtd_block(&u->vtd, &u->vtd_caps, u->base, &tables->pool, d);
}

static struct vtd_domain vtd_domain_of(const struct iommu *u, const struct plan_bfn_map *m)
{
    return (struct vtd_domain){mfn_addr(u->tables->table[m->table].pt.root), m->shape, m->domain};
}

static struct amdvi_domain amd_domain_of(const struct iommu *u, const struct plan_bfn_map *m)
{
    return (struct amdvi_domain){mfn_addr(u->tables->table[m->table].pt.root), m->shape, m->domain};
}

static err_t attach(struct iommu *u, uint32_t sid, const struct plan_bfn_map *m, struct diag *d)
{
    if (u->is_amd) {
        const struct amdvi_domain to = amd_domain_of(u, m);

        return amdvi_attach(&u->amd, (uint16_t)sid, &to, d);
    }
    const struct vtd_domain to = vtd_domain_of(u, m);

    return vtd_attach(&u->vtd, (uint16_t)sid, &to, d);
}

static err_t quarantine(struct iommu *u, uint32_t sid, const struct plan_bfn_map *m, struct diag *d)
{
    if (u->is_amd) {
        const struct amdvi_domain to = m ? amd_domain_of(u, m) : (struct amdvi_domain){0};

        return amdvi_quarantine(&u->amd, (uint16_t)sid, m ? &to : NULL, d);
    }
    const struct vtd_domain to = m ? vtd_domain_of(u, m) : (struct vtd_domain){0};

    return vtd_quarantine(&u->vtd, (uint16_t)sid, m ? &to : NULL, d);
}

err_t iommu_attach(struct iommu *units, const struct plan_partition *pp, struct diag *d)
{
    err_t e = ERR_NONE;

    for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices && e == ERR_NONE; dev++) {
        if (!dev->is_protected)
            continue;
        struct iommu *u = &units[dev->iommu];

        __atomic_store_n(&faults_find(&u->faults, dev->sid)->count, 0, __ATOMIC_RELAXED);
        /* What nobody owns is silent, too: nobody is to blame for its faults. */
        e = pp->cpus ? attach(u, dev->sid, &pp->map[dev->map], d) : quarantine(u, dev->sid, &pp->map[dev->map], d);
    }
    return e;
}

err_t iommu_quarantine(struct iommu *u, uint32_t sid, bool to_scratch, struct diag *d)
{
    return quarantine(u, sid, to_scratch ? u->quarantine : NULL, d);
}

/* The unit's own message is not remapped: VT-d 5.1.6, 11.4.7.3 and following. */
static void tell_faults(const struct iommu *u)
{
    uint32_t id = lapic_id();

    vtd_write_fedata(u->base, MSI_NMI);
    vtd_write_feaddr(u->base, MSI_ADDRESS | (id & 0xff) << 12);
    vtd_write_feuaddr(u->base, id & ~0xffu);
    vtd_write_fectl(u->base, vtd_read_fectl(u->base) & VTD_ECTL_KEEP);
}

err_t iommu_enable(struct iommu *u, struct diag *d)
{
    if (u->is_amd)
        return amdvi_enable(&u->amd, d);
    err_t e = vtd_enable(&u->vtd, lapic_is_x2apic() && u->vtd_caps.eim, d);

    if (e == ERR_NONE)
        tell_faults(u);
    return e;
}

/* AMD-Vi keeps the interrupts of an I/O APIC that nobody attached: there the entry has no effect. */
err_t iommu_nmi_entry(struct iommu *u, uint16_t source, uint64_t *entry, struct diag *d)
{
    *entry = (uint64_t)lapic_id() << 56 | MSI_NMI;
    if (u == NULL || u->is_amd || !u->vtd_caps.remapping)
        return ERR_NONE;
    struct vtd_irte e = vtd_irte_entry(source, 0, lapic_id(), lapic_is_x2apic() && u->vtd_caps.eim, false);

    e.w[0] |= IRTE_NMI;
    *entry = ENTRY_REMAPPED | (uint64_t)IOMMU_OWN_ROUTE << 49;
    return vtd_route(&u->vtd, IOMMU_OWN_ROUTE, &e, d);
}

struct taker {
    struct iommu *u;
    void (*count)(const struct fault_record *r);
};

static void take(const struct taker *t, const struct fault *f)
{
    struct fault_record *r = faults_find(&t->u->faults, f->sid);
    char text[FAULT_TEXT];
    struct diag d = {""};
    enum fault_action action = faults_take(&t->u->faults, f, text, sizeof text);

    t->count(r);
    /* Before anything is said, which takes its time. */
    if (action == FAULT_QUARANTINE && iommu_quarantine(t->u, f->sid, r->to_scratch, &d) != ERR_NONE)
        log_line("%s: %s", t->u->b->kind->name, d.text);
    else if (action != FAULT_COUNTED)
        log_line("%s", text);
}

static void take_vtd(void *ctx, const struct vtd_fault *f)
{
    take(ctx, &(const struct fault){
                  .sid = f->bdf, .what = f->what, .read = f->read, .has_addr = !f->interrupt, .addr = f->addr});
}

static void take_amd(void *ctx, const struct amdvi_fault *f)
{
    take(ctx, &(const struct fault){
                  .sid = f->bdf, .what = f->what, .read = !f->write, .has_addr = !f->interrupt, .addr = f->addr});
}

static void note(void *ctx, const char *text)
{
    const struct taker *t = ctx;

    log_line("%s 0x%lx: %s", t->u->b->kind->name, t->u->b->base.v, text);
}

void iommu_faults(struct iommu *u, void (*count)(const struct fault_record *r))
{
    struct taker t = {u, count};

    if (u->is_amd)
        (void)amdvi_events(&u->amd, FAULTS_AT_ONCE, take_amd, note, &t);
    else
        (void)vtd_faults(&u->vtd, FAULTS_AT_ONCE, take_vtd, note, &t);
}
