/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu_bench.h"

#include "amdvi_model.h"
#include "arch.h"
#include "iommu/amdvi.h"
#include "iommu/ipmmu.h"
#include "iommu/kind.h"
#include "iommu/smmuv3.h"
#include "iommu/vtd.h"
#include "ipmmu_model.h"
#include "smmuv3_model.h"
#include "vtd_model.h"

#include <stdlib.h>
#include <string.h>

#define UTLBS 32

struct ops {
    err_t (*start)(const struct bench_map *quarantine, unsigned temper, struct diag *d);
    err_t (*attach)(uint32_t sid, const struct bench_map *m, struct diag *d);
    err_t (*enable)(struct diag *d);
    err_t (*quarantine)(uint32_t sid, const struct bench_map *to, struct diag *d);
    err_t (*flush)(const struct bench_map *m, struct diag *d);
    void (*hang)(bool hangs);
    bool (*dma)(uint32_t sid, uint64_t addr, bool write, maddr_t *out);
    const char *(*stop)(void);
};

static struct {
    const struct ops *ops;
    struct board_iommu unit;
    struct pool *pool;
    bool quarantines;
    char violation[256];
} bench;

/* What hardware says of itself must be what the board says: the plan was made for that. */
static err_t agree(bool same, struct diag *d)
{
    return same ? ERR_NONE : diag_fail(d, ERR_INVALID, "bench: the unit is not what the board says of it");
}

static const char *violation_keep(const char *text)
{
    memcpy(bench.violation, text, sizeof bench.violation);
    return bench.violation;
}

/* The tables were compiled before, by a CPU whose cache holds all of them; the boot cleans them here. */
static void tables_clean(void)
{
    arch_clean(bench.pool->mem, bench.pool->frames << FRAME_SHIFT);
}

/*
 * SMMUv3.
 */

static struct {
    struct smmuv3_model m;
    struct smmuv3 s;
} smmu;

static struct smmuv3_stage2 stage2_of(const struct bench_map *m)
{
    return (struct smmuv3_stage2){
        .root = m->root, .shape = m->shape, .vmid = m->domain, .pa_bits = bench.unit.out_bits};
}

static err_t smmu_start(const struct bench_map *quarantine, unsigned temper, struct diag *d)
{
    struct board_iommu *u = &bench.unit, said = *u;
    mmio_t base = smmuv3_model_mmio(&smmu.m);
    uint32_t oas = 0;
    err_t e;

    (void)quarantine;
    smmuv3_model_init(&smmu.m, bench.pool, u->coherent);
    for (uint64_t i = 0; i < bench.pool->frames << FRAME_SHIFT; i++)
        smmu.m.seen[i] = (uint8_t) ~((const uint8_t *)bench.pool->mem)[i]; /* dirty */
    tables_clean();
    while (smmuv3_pa_bits[oas] != u->out_bits)
        oas++;
    smmu.m.idr0 &= u->domain_bits == 16 ? UINT32_MAX : ~(UINT32_C(1) << 18);
    smmu.m.idr1 = (smmu.m.idr1 & ~0x3fu) | u->sid_bits;
    smmu.m.idr5 = (smmu.m.idr5 & ~7u) | oas;
    smmu.m.delay = temper & 3;
    e = smmuv3_probe(u, base, d);
    if (!e)
        e = agree(u->in_bits == said.in_bits && u->out_bits == said.out_bits && u->sid_bits == said.sid_bits &&
                      u->domain_bits == said.domain_bits && u->coherent == said.coherent,
                  d);
    if (!e)
        e = smmuv3_block(base, d);
    return e ? e : smmuv3_setup(&smmu.s, u, base, bench.pool, d);
}

static err_t smmu_attach(uint32_t sid, const struct bench_map *m, struct diag *d)
{
    struct smmuv3_stage2 s2 = stage2_of(m);

    return smmuv3_attach(&smmu.s, sid, &s2, d);
}

static err_t smmu_enable(struct diag *d)
{
    return smmuv3_enable(&smmu.s, d);
}

static err_t smmu_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d)
{
    struct smmuv3_stage2 s2 = to ? stage2_of(to) : (struct smmuv3_stage2){{0}, {0}, 0, 0};

    return smmuv3_quarantine(&smmu.s, sid, to ? &s2 : NULL, d);
}

static err_t smmu_flush(const struct bench_map *m, struct diag *d)
{
    return smmuv3_flush(&smmu.s, m->domain, d);
}

static void smmu_hang(bool hangs)
{
    smmu.m.cmdq_hangs = hangs;
}

static bool smmu_dma(uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    return smmuv3_model_dma(&smmu.m, sid, addr, write, out);
}

static const char *smmu_stop(void)
{
    smmuv3_model_fini(&smmu.m);
    return violation_keep(smmu.m.violation);
}

/*
 * VT-d.
 */

static struct {
    struct vtd_model m;
    struct vtd_caps caps;
    struct vtd u;
} vtd;

static err_t vtd_bench_start(const struct bench_map *quarantine, unsigned temper, struct diag *d)
{
    const struct board_iommu *u = &bench.unit;
    struct vtd_model *m = &vtd.m;
    bool snoop = u->kind == &iommu_kind_vtd_snoop;
    err_t e;

    (void)quarantine;
    vtd_model_init(m, bench.pool, u->coherent);
    tables_clean();
    vtd_model_widths(m, VTD_MODEL_CAP_SAGAW39 | (u->in_bits >= 48 ? VTD_MODEL_CAP_SAGAW48 : 0) |
                            (u->in_bits >= 57 ? VTD_MODEL_CAP_SAGAW57 : 0));
    m->cap = (m->cap & ~UINT64_C(7)) | (u->domain_bits - 4u) / 2;
    m->cap &= ~(u->leaf_level < 1 ? VTD_MODEL_CAP_2M : 0) & ~(u->leaf_level < 2 ? VTD_MODEL_CAP_1G : 0);
    m->cap |= (temper & 1 ? VTD_MODEL_CAP_CM : 0) | (temper & 2 ? VTD_MODEL_CAP_RWBF : 0);
    m->ecap = snoop ? m->ecap | VTD_MODEL_ECAP_SC : m->ecap & ~VTD_MODEL_ECAP_SC;
    m->queue_delay = temper & 4 ? 3 : 0;
    m->haw = u->out_bits;
    e = vtd_probe(&vtd.caps, vtd_model_mmio(m), u->base, d);
    if (!e)
        e = agree(vtd.caps.in_bits == u->in_bits && vtd.caps.leaf_level == u->leaf_level &&
                      vtd.caps.domains == 1u << u->domain_bits && vtd.caps.coherent == u->coherent &&
                      vtd.caps.snoop_control == snoop,
                  d);
    return e ? e : vtd_block(&vtd.u, &vtd.caps, vtd_model_mmio(m), bench.pool, d);
}

static struct vtd_domain vtd_domain_of(const struct bench_map *m)
{
    return (struct vtd_domain){.root = m->root, .shape = m->shape, .id = m->domain};
}

static err_t vtd_bench_attach(uint32_t sid, const struct bench_map *m, struct diag *d)
{
    struct vtd_domain dom = vtd_domain_of(m);

    return vtd_attach(&vtd.u, (uint16_t)sid, &dom, d);
}

static err_t vtd_bench_enable(struct diag *d)
{
    return vtd_enable(&vtd.u, false, d);
}

static err_t vtd_bench_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d)
{
    struct vtd_domain dom = to ? vtd_domain_of(to) : (struct vtd_domain){{0}, {0}, 0};

    return vtd_quarantine(&vtd.u, (uint16_t)sid, to ? &dom : NULL, d);
}

static err_t vtd_bench_flush(const struct bench_map *m, struct diag *d)
{
    return vtd_flush(&vtd.u, m->domain, d);
}

static void vtd_bench_hang(bool hangs)
{
    vtd.m.queue_hangs = hangs;
    mmio_write64(vtd_model_mmio(&vtd.m), 0x88, vtd.m.iqt); /* IQT: it takes up what waits */
    while (!hangs && vtd.m.iqh != vtd.m.iqt)
        arch_relax();
}

static bool vtd_bench_dma(uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    return vtd_model_dma(&vtd.m, (uint16_t)sid, addr, write, out);
}

static const char *vtd_bench_stop(void)
{
    vtd_model_fini(&vtd.m);
    return violation_keep(vtd.m.violation);
}

/*
 * AMD-Vi.
 */

static struct {
    struct amdvi_model m;
    struct amdvi_caps caps;
    struct amdvi u;
} amd;

static err_t amd_start(const struct bench_map *quarantine, unsigned temper, struct diag *d)
{
    const struct board_iommu *u = &bench.unit;
    uint64_t hats = u->in_bits == 64 ? 2 : u->in_bits == 57 ? 1 : 0;
    err_t e;

    (void)quarantine;
    amdvi_model_init(&amd.m, bench.pool, u->coherent);
    tables_clean();
    amd.m.efr = (amd.m.efr & ~(UINT64_C(3) << 10)) | hats << 10;
    amd.m.delay = temper & 3;
    e = amdvi_probe(&amd.caps, amdvi_model_mmio(&amd.m), u->base, (uint16_t)((1u << u->sid_bits) - 1),
                    u->coherent ? AMDVI_IVHD_COHERENT : 0, d);
    return e ? e : amdvi_block(&amd.u, &amd.caps, amdvi_model_mmio(&amd.m), bench.pool, d);
}

static struct amdvi_domain amd_domain_of(const struct bench_map *m)
{
    return (struct amdvi_domain){.root = m->root, .shape = m->shape, .id = m->domain};
}

static err_t amd_attach(uint32_t sid, const struct bench_map *m, struct diag *d)
{
    struct amdvi_domain dom = amd_domain_of(m);

    return amdvi_attach(&amd.u, (uint16_t)sid, &dom, d);
}

static err_t amd_enable(struct diag *d)
{
    return amdvi_enable(&amd.u, d);
}

static err_t amd_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d)
{
    struct amdvi_domain dom = to ? amd_domain_of(to) : (struct amdvi_domain){{0}, {0}, 0};

    return amdvi_quarantine(&amd.u, (uint16_t)sid, to ? &dom : NULL, d);
}

static err_t amd_flush(const struct bench_map *m, struct diag *d)
{
    return amdvi_flush(&amd.u, m->domain, d);
}

static void amd_hang(bool hangs)
{
    amd.m.cmd_hangs = hangs;
}

static bool amd_dma(uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    return amdvi_model_dma(&amd.m, (uint16_t)sid, addr, write, out);
}

static const char *amd_stop(void)
{
    amdvi_model_fini(&amd.m);
    return violation_keep(amd.m.violation);
}

/*
 * IPMMU-VMSA: a main unit and one cache unit, whose micro-TLBs are the streams.
 */

static struct {
    struct ipmmu_model m;
    struct ipmmu u[2];
    uint64_t root[IPMMU_CONTEXTS]; /* of each context */
} ipmmu;

static struct ipmmu_context context_of(const struct bench_map *m)
{
    return (struct ipmmu_context){.root = m->root, .shape = m->shape};
}

static err_t ipmmu_start(const struct bench_map *quarantine, unsigned temper, struct diag *d)
{
    const struct board_iommu *u = &bench.unit;
    struct bench_map none = {.shape = {.in_bits = u->in_bits, .out_bits = 40, .root_level = 2, .leaf_level = 1}};
    struct ipmmu_context c;
    err_t e = ERR_NONE;
    mfn_t root;

    ipmmu_model_init(&ipmmu.m, bench.pool, 2, u->coherent);
    tables_clean();
    ipmmu.m.delay = temper & 3;
    memset(ipmmu.root, 0, sizeof ipmmu.root);
    if (!pool_take(bench.pool, IPMMU_FRAMES, false, &root))
        return diag_fail(d, ERR_NO_SPACE, "bench: no frame for an empty root");
    none.root = mfn_addr(root);
    arch_clean(pool_ptr(bench.pool, root), FRAME_SIZE);
    c = context_of(quarantine ? quarantine : &none);
    bench.quarantines = quarantine != NULL;
    for (unsigned i = 0; i < 2 && !e; i++)
        e = ipmmu_block(&ipmmu.u[i], ipmmu_model_mmio(&ipmmu.m, i), maddr(u->base.v + i * 0x10000), &ipmmu.u[0], &c,
                        (uint8_t)(1u << u->domain_bits), i ? UTLBS : 0, d);
    ipmmu.m.masters[1] = (UINT64_C(1) << UTLBS) - 1;
    ipmmu.m.guarded = true;
    return e;
}

static err_t ipmmu_bench_attach(uint32_t sid, const struct bench_map *m, struct diag *d)
{
    uint8_t i = 1;
    err_t e = ERR_NONE;

    while (i < IPMMU_CONTEXTS && ipmmu.root[i] && ipmmu.root[i] != m->root.v)
        i++;
    if (i == IPMMU_CONTEXTS || !ipmmu.root[i]) {
        struct ipmmu_context c = context_of(m);

        e = ipmmu_context_add(&ipmmu.u[0], &c, &i, d);
        if (!e)
            e = ipmmu_enable(&ipmmu.u[0], i, d);
        if (e)
            return e;
        ipmmu.root[i] = m->root.v;
    }
    return ipmmu_attach(&ipmmu.u[1], (uint8_t)sid, i, d);
}

static err_t ipmmu_nothing(struct diag *d)
{
    (void)d;
    return ERR_NONE;
}

static err_t ipmmu_bench_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d)
{
    (void)to;
    return ipmmu_quarantine(&ipmmu.u[1], (uint8_t)sid, d);
}

static err_t ipmmu_bench_flush(const struct bench_map *m, struct diag *d)
{
    uint8_t i = 1;

    while (ipmmu.root[i] != m->root.v)
        i++;
    return ipmmu_flush(&ipmmu.u[0], i, d);
}

static void ipmmu_hang(bool hangs)
{
    ipmmu.m.flush_hangs = hangs;
}

static bool ipmmu_bench_dma(uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    return ipmmu_model_dma(&ipmmu.m, 1, sid, addr, write, out);
}

static const char *ipmmu_stop(void)
{
    ipmmu_model_fini(&ipmmu.m);
    return violation_keep(ipmmu.m.violation);
}

/*
 * All of them.
 */

static const struct ops smmu_ops = {smmu_start, smmu_attach, smmu_enable, smmu_quarantine,
                                    smmu_flush, smmu_hang,   smmu_dma,    smmu_stop};
static const struct ops vtd_ops = {vtd_bench_start, vtd_bench_attach, vtd_bench_enable, vtd_bench_quarantine,
                                   vtd_bench_flush, vtd_bench_hang,   vtd_bench_dma,    vtd_bench_stop};
static const struct ops amd_ops = {amd_start, amd_attach, amd_enable, amd_quarantine,
                                   amd_flush, amd_hang,   amd_dma,    amd_stop};
static const struct ops ipmmu_ops = {ipmmu_start,       ipmmu_bench_attach, ipmmu_nothing,   ipmmu_bench_quarantine,
                                     ipmmu_bench_flush, ipmmu_hang,         ipmmu_bench_dma, ipmmu_stop};

bool iommu_bench_can(const struct board_iommu *u, const struct pool *pool)
{
    const struct {
        uint64_t base, size;
    } own[] = {{AMDVI_MODEL_FW, AMDVI_MODEL_FW_SIZE}, {VTD_MODEL_FW, VTD_MODEL_FW_FRAMES * FRAME_SIZE}};
    unsigned i = u->kind != &iommu_kind_amdvi;

    return !ranges_overlap(own[i].base, own[i].size, mfn_addr(pool->first).v, pool->frames * FRAME_SIZE);
}

err_t iommu_bench_start(const struct board_iommu *u, struct pool *pool, const struct bench_map *quarantine,
                        unsigned temper, struct diag *d)
{
    const struct {
        const struct iommu_kind *kind;
        const struct ops *ops;
    } list[] = {
        {&iommu_kind_smmuv3, &smmu_ops}, {&iommu_kind_vtd, &vtd_ops},     {&iommu_kind_vtd_snoop, &vtd_ops},
        {&iommu_kind_amdvi, &amd_ops},   {&iommu_kind_ipmmu, &ipmmu_ops},
    };
    unsigned i = 0;

    while (list[i].kind != u->kind)
        i++;
    bench.ops = list[i].ops;
    bench.unit = *u;
    bench.pool = pool;
    bench.quarantines = false;
    return bench.ops->start(quarantine, temper, d);
}

err_t iommu_bench_attach(uint32_t sid, const struct bench_map *m, struct diag *d)
{
    return bench.ops->attach(sid, m, d);
}

err_t iommu_bench_enable(struct diag *d)
{
    return bench.ops->enable(d);
}

err_t iommu_bench_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d)
{
    return bench.ops->quarantine(sid, to, d);
}

err_t iommu_bench_flush(const struct bench_map *m, struct diag *d)
{
    return bench.ops->flush(m, d);
}

void iommu_bench_hang(bool hangs)
{
    bench.ops->hang(hangs);
}

bool iommu_bench_dma(uint32_t sid, uint64_t addr, bool write, uint64_t *mfn)
{
    maddr_t out = {0};
    bool passes = bench.ops->dma(sid, addr, write, &out);

    *mfn = passes ? out.v >> FRAME_SHIFT : 0;
    return passes;
}

bool iommu_bench_quarantines_all(void)
{
    return bench.quarantines;
}

const char *iommu_bench_stop(void)
{
    return bench.ops->stop();
}
