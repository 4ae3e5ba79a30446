/* SPDX-License-Identifier: Apache-2.0 */
#include "random_system.h"

#include "dtc.h"
#include "plan_fixture.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (1u << 20)
#define TREE_SIZE  0x8000
#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define BOX_SIZE   0x3000u

/* splitmix64 */
uint64_t random_word(struct random_system *s)
{
    uint64_t z = s->rng += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t random_below(struct random_system *s, uint64_t n)
{
    return random_word(s) % n;
}

bool random_chance(struct random_system *s, unsigned n)
{
    return random_below(s, n) == 0;
}

uint64_t random_system_seed(void)
{
    const char *one = getenv("MULLION_SYSTEM");

    return one ? strtoull(one, NULL, 0) : (uint64_t)mutate_below(1u << 31) << 31 | mutate_below(1u << 31);
}

/*
 * The manifest.
 */

struct choice {
    struct random_system *s;
    void *tree;
    bool identity, maps, shared;
    bool walks_own;  /* a unit that cannot walk a p2m is in front of one */
    uint8_t in_bits; /* the fewest of the units in front of its devices */
    struct random_device *device[RANDOM_DEVICES];
    uint32_t devices;
};

static void put_text(struct choice *c, const char *name, const char *text)
{
    if (fdt_property_string(c->tree, name, text))
        abort();
}

static void put_flag(struct choice *c, const char *name)
{
    if (fdt_property(c->tree, name, NULL, 0))
        abort();
}

static void region_begin(struct choice *c, const char *name, const char *type)
{
    fdt_begin_node(c->tree, name);
    put_text(c, "type", type);
}

/* GFNs of region i of a translated partition. */
static uint64_t gfn_choose(struct random_system *s, unsigned i)
{
    if (i && random_chance(s, 24))
        return 0xfe000000 + random_below(s, 0x20) * MIB;
    if (i && random_chance(s, 6))
        return (random_below(s, UINT64_C(1) << (1 + random_below(s, 17))) + 5) * GIB + random_below(s, 64) * FRAME_SIZE;
    return 0x40000000 + i * UINT64_C(0x20000000) + (random_below(s, 64) << (random_chance(s, 2) ? 12 : 21));
}

static void put_ram(struct choice *c, unsigned i)
{
    struct random_system *s = c->s;
    bool rom = i && random_chance(s, 3), huge = i && random_chance(s, 40);
    uint64_t size = (1 + random_below(s, huge ? 0x60000 : 0x2000)) * FRAME_SIZE + (i ? 0 : 25 * MIB);
    uint64_t pin = 0x48200000 + random_below(s, 0x8000) * FRAME_SIZE;
    char name[8];

    snprintf(name, sizeof name, "r%u", i);
    region_begin(c, name, rom ? "ram-ro" : "ram");
    if (c->identity && !random_chance(s, 12))
        random_put_number(c->tree, "size", size);
    else
        random_put_range(c->tree, "reg", c->identity ? pin : gfn_choose(s, i), size);
    if (!c->identity && random_chance(s, 24))
        random_put_number(c->tree, "host", pin);
    if (i && random_chance(s, c->shared ? 60 : 4))
        put_text(c, "dma", rom || random_chance(s, 2) ? "none" : "read");
    fdt_end_node(c->tree);
}

static void put_other_memory(struct choice *c)
{
    struct random_system *s = c->s;

    if (random_chance(s, 3)) {
        bool ro = random_chance(s, 3);

        region_begin(c, "box", "shared");
        put_text(c, "shared", "box");
        if (!c->identity)
            random_put_range(c->tree, "reg", 0xe0000000, BOX_SIZE);
        if (ro)
            put_text(c, "access", "ro");
        if (c->shared || random_chance(s, 2))
            put_text(c, "dma", ro ? "read" : "rw");
        fdt_end_node(c->tree);
    }
    if (random_chance(s, 5)) {
        region_begin(c, "msi", "doorbell");
        random_put_range(c->tree, "reg", 0x8090000, 0x1000);
        if (c->shared)
            put_text(c, "access", "w");
        fdt_end_node(c->tree);
    }
    if (random_chance(s, 16)) {
        region_begin(c, "unlisted", "reserved");
        random_put_range(c->tree, "reg", 0x48200000 + random_below(s, 0x4000) * FRAME_SIZE, 0x2000);
        put_flag(c, "unlisted");
        fdt_end_node(c->tree);
    }
    if (s->reserveds && random_chance(s, 6)) {
        const struct random_reserved *r = &s->reserved[random_below(s, s->reserveds)];

        if (r->no_map && !random_chance(s, 8))
            return;
        region_begin(c, "declared", "reserved");
        random_put_range(c->tree, "reg", r->base & ~FRAME_MASK, frames_of(r->size) << FRAME_SHIFT);
        fdt_end_node(c->tree);
    }
}

static void put_who(struct choice *c, const struct random_device *d)
{
    char name[32], bdf[8];

    snprintf(name, sizeof name, "%s%x", d->is_pci ? "f" : "d", d->is_pci ? d->bdf : d->phandle);
    snprintf(bdf, sizeof bdf, "%02x:%02x.%u", d->bdf >> 8, d->bdf >> 3 & 31, d->bdf & 7);
    fdt_begin_node(c->tree, name);
    put_text(c, d->is_pci ? "pci" : "path", d->is_pci ? bdf : d->path);
}

static void put_device(struct choice *c, const struct random_device *d)
{
    struct random_system *s = c->s;

    put_who(c, d);
    if (!d->has_stream)
        put_flag(c, d->is_pci || (c->identity && random_chance(s, 2)) ? "unprotected-dma" : "no-dma");
    if (c->shared ? !random_chance(s, 40) : random_chance(s, 5))
        put_flag(c, "peer-dma");
    if (d->has_stream && random_chance(s, 6))
        put_text(c, "reserved", "scratch");
    if (d->has_stream && random_chance(s, 4))
        put_text(c, "quarantine", random_chance(s, 4) ? "abort" : "scratch");
    fdt_end_node(c->tree);
}

/* Two that share a PCI device or a stream. */
static bool goes_with(const struct random_device *a, const struct random_device *b)
{
    return (a->is_pci && b->is_pci && a->bdf >> 3 == b->bdf >> 3) ||
           (a->has_stream && b->has_stream && a->unit == b->unit && a->sid == b->sid);
}

/* Some that nobody has. Those that go with the one before mostly stay with it. */
static void devices_pick(struct choice *c)
{
    struct random_system *s = c->s;

    c->in_bits = 64;
    for (struct random_device *d = s->device; d < s->device + s->devices; d++) {
        bool with = c->devices && d != s->device && c->device[c->devices - 1] == d - 1 && goes_with(d, d - 1);
        bool apart = d != s->device && !with && goes_with(d, d - 1);

        if (d->taken || (with ? random_chance(s, 30) : !random_chance(s, apart ? 40 : 3)) ||
            (!d->has_stream && d->is_pci && !c->identity && !random_chance(s, 40)))
            continue;
        d->taken = true;
        c->device[c->devices++] = d;
        c->maps |= d->has_stream;
        c->walks_own |=
            d->has_stream && (!s->unit[d->unit].kind->p2m || s->unit[d->unit].kind == &iommu_kind_vtd_snoop);
        if (d->has_stream && s->unit[d->unit].in_bits < c->in_bits)
            c->in_bits = s->unit[d->unit].in_bits;
    }
}

static void put_window(struct choice *c)
{
    struct random_system *s = c->s;
    uint64_t size = (2 * MIB) << random_below(s, random_chance(s, 30) ? 10 : 3), base;

    switch (random_below(s, 6)) {
    case 0:
        base = (UINT64_C(1) << (c->in_bits < 48 ? c->in_bits : 48)) - size;
        break;
    case 1:
        base = random_below(s, UINT64_C(1) << (c->in_bits < 47 ? c->in_bits - 21 : 26)) * 2 * MIB;
        break;
    case 2:
        base = random_below(s, 64) * 2 * MIB;
        break;
    default:
        base = (random_chance(s, 2) ? 0xe1000000 : 0x100000000) + random_below(s, 8) * 2 * MIB;
    }
    random_put_range(c->tree, "pv-window", base, size);
}

/* What its bfn maps are to be. */
static void put_maps(struct choice *c)
{
    static const char *const unmapped[] = {"scratch", "fault", "read-only-scratch"};
    struct random_system *s = c->s;
    unsigned word = (unsigned)random_below(s, 3);
    bool host = random_chance(s, 3) && (c->identity || random_chance(s, 40)), pv = !host && random_chance(s, 3);

    if (c->shared) {
        put_text(c, "tables", "shared");
        put_text(c, "unmapped", "fault");
        if (host)
            put_text(c, "map", "host");
        return;
    }
    if (host || pv || random_chance(s, 2))
        put_text(c, "map", host ? "host" : pv ? "pv" : "guest");
    if (pv)
        put_window(c);
    if (pv || random_chance(s, 3))
        word = 0;
    if (word || random_chance(s, 2))
        put_text(c, "unmapped", unmapped[word]);
    if (!word && random_chance(s, 3))
        put_text(c, "scratch", "per-device");
    if (!word && random_chance(s, 4))
        fdt_property_u32(c->tree, "scratch-audit-ms", 100);
}

static void put_partition(struct random_system *s, void *tree, uint32_t i)
{
    struct choice c = {.s = s, .tree = tree, .identity = random_chance(s, 3)};
    char name[8];

    devices_pick(&c);
    c.shared = c.maps && !(c.walks_own && !random_chance(s, 16)) && random_chance(s, 3);
    snprintf(name, sizeof name, "p%u", i);
    fdt_begin_node(tree, name);
    fdt_property_u32(tree, "cpus", i);
    put_text(&c, "physmap", c.identity ? "identity" : "translated");
    if (c.maps || (s->is_odd && random_chance(s, 8)))
        put_maps(&c);
    if (random_chance(s, 4))
        put_text(&c, "console", "none");
    fdt_begin_node(tree, "kernel");
    put_text(&c, "file", "linux");
    fdt_end_node(tree);
    if (random_chance(s, 4)) {
        fdt_begin_node(tree, "initrd");
        put_text(&c, "file", "initrd");
        fdt_end_node(tree);
    }
    fdt_begin_node(tree, "memory");
    for (unsigned r = 0, n = 1 + (unsigned)random_below(s, 4); r < n; r++)
        put_ram(&c, r);
    put_other_memory(&c);
    fdt_end_node(tree);
    fdt_begin_node(tree, "devices");
    for (uint32_t k = 0; k < c.devices; k++)
        put_device(&c, c.device[k]);
    fdt_end_node(tree);
    fdt_end_node(tree);
}

static void put_quarantine(struct random_system *s, void *tree)
{
    struct choice c = {.s = s, .tree = tree};

    fdt_begin_node(tree, "quarantine");
    for (struct random_device *d = s->device; d < s->device + s->devices; d++) {
        bool says = d->has_stream != (s->is_odd && random_chance(s, 16));

        if (d->taken || !random_chance(s, 3))
            continue;
        put_who(&c, d);
        if (says)
            put_text(&c, "dma", random_chance(s, 3) ? "abort" : "scratch");
        else
            put_flag(&c, "waived");
        fdt_end_node(tree);
    }
    fdt_end_node(tree);
}

static void manifest_write(struct random_system *s, size_t *size)
{
    static _Alignas(8) uint8_t tree[TREE_SIZE];
    uint32_t partitions = 1 + (uint32_t)random_below(s, s->cpus);

    fdt_create(tree, sizeof tree);
    fdt_finish_reservemap(tree);
    fdt_begin_node(tree, "");
    fdt_property_string(tree, "compatible", "mullion,manifest-v1");
    fdt_begin_node(tree, "shared");
    fdt_begin_node(tree, "box");
    random_put_number(tree, "size", BOX_SIZE);
    fdt_end_node(tree);
    fdt_end_node(tree);
    fdt_begin_node(tree, "partitions");
    for (uint32_t i = 0; i < partitions; i++)
        put_partition(s, tree, i);
    fdt_end_node(tree);
    if (random_chance(s, 2))
        put_quarantine(s, tree);
    fdt_end_node(tree);
    if (fdt_finish(tree))
        abort();
    *size = fdt_totalsize(tree);
    s->manifest_blob = malloc(*size);
    memcpy(s->manifest_blob, tree, *size);
}

/*
 * The system.
 */

/* Sometimes at the very start of memory, so that no free frames are below it. */
static void hypervisor_place(struct random_system *s)
{
    struct plan_input *in = &s->in;
    maddr_t *const at[] = {&in->image, &in->text_end,  &in->rodata_end,  &in->image_end,
                           &in->arena, &in->arena_end, &in->bundle_base, &in->bundle_end};

    for (unsigned i = 0, down = random_chance(s, 2); i < sizeof at / sizeof *at; i++)
        at[i]->v -= down * 2 * MIB;
}

bool random_system_make(struct random_system *s, uint64_t seed)
{
    static struct fixture base; /* its bundle, and where the hypervisor lies */
    static _Alignas(ARENA_ALIGN) uint8_t memory[ARENA_SIZE];
    size_t size;

    if (!base.board_blob)
        fixture_read(&base, fixture_manifest);
    *s = (struct random_system){.seed = seed, .rng = seed, .in = base.in};
    s->is_odd = random_chance(s, 8);
    hypervisor_place(s);
    s->in.board = &s->board;
    s->in.manifest = &s->manifest;
    arena_init(&s->arena, memory, sizeof memory);
    random_board_write(s, &size);
    if (dt_index(&s->board_dt, "board", s->board_blob, size, &s->arena, &s->diag) ||
        board_read(&s->board, &s->board_dt, &s->arena, &s->diag))
        return false;
    random_board_badge(s);
    manifest_write(s, &size);
    return !dt_index(&s->manifest_dt, "manifest", s->manifest_blob, size, &s->arena, &s->diag) &&
           !manifest_parse(&s->manifest, &s->manifest_dt, &s->arena, &s->diag) &&
           !plan_build(&s->plan, &s->in, &s->arena, &s->diag);
}

void random_system_free(struct random_system *s)
{
    free(s->board_blob);
    free(s->manifest_blob);
    s->board_blob = s->manifest_blob = NULL;
}

const struct random_device *random_device_of(const struct random_system *s, const struct plan_device *dev)
{
    for (const struct random_device *d = s->device; d < s->device + s->devices; d++) {
        if (dev->m->kind == DEVICE_PCI ? d->is_pci && d->bdf == dev->m->bdf
                                       : !d->is_pci && strcmp(d->path, dev->m->path) == 0)
            return d;
    }
    abort();
}

/* Where somebody's extent begins, or (end) ends, or in it. */
static uint64_t extent_frame(struct random_system *s, const struct plan_partition *pp)
{
    const struct extent *e = &pp->physmap.ext[random_below(s, pp->physmap.count)];
    uint64_t first = random_chance(s, 3) ? e->mfn.n : e->gfn.n;

    switch (random_below(s, 4)) {
    case 0:
        return first + e->frames;
    case 1:
        return first;
    default:
        return first + random_below(s, e->frames);
    }
}

static uint64_t hypervisor_frame(struct random_system *s)
{
    const struct plan_hypervisor *hv = &s->plan.hv;
    const uint64_t list[] = {hv->image.v >> FRAME_SHIFT,
                             hv->arena.v >> FRAME_SHIFT,
                             hv->bundle.v >> FRAME_SHIFT,
                             hv->dtb.v >> FRAME_SHIFT,
                             hv->pool.n + random_below(s, hv->pool_frames),
                             s->board.gic.gicd.v >> FRAME_SHIFT};

    return list[random_below(s, sizeof list / sizeof *list)];
}

uint64_t random_system_frame(struct random_system *s, const struct plan_partition *pp, uint8_t in_bits)
{
    uint64_t edge = random_chance(s, 3) ? random_below(s, 3) - 1 : 0, at;

    switch (random_below(s, 10)) {
    case 0:
        at = hypervisor_frame(s);
        break;
    case 1:
        at = extent_frame(s, &s->plan.partition[random_below(s, s->plan.partitions)]);
        break;
    case 2:
        at = pp->m->pv.n + random_below(s, pp->m->pv_frames + 1);
        break;
    case 3:
        at = (UINT64_C(1) << (in_bits - FRAME_SHIFT)) + edge;
        break;
    case 4:
        at = random_word(s) >> (12 + random_below(s, 40));
        break;
    case 5:
        at = random_chance(s, 2) ? 0xfee00 + random_below(s, 0x101) : 0xfd00000 + random_below(s, 2) * 0x300000;
        break;
    case 6:
        at = s->reserveds ? s->reserved[random_below(s, s->reserveds)].base >> FRAME_SHIFT : 0;
        break;
    default:
        at = pp->physmap.count ? extent_frame(s, pp) : 0;
        break;
    }
    return (at + edge) & ((UINT64_C(1) << (64 - FRAME_SHIFT)) - 1);
}

/*
 * What has been seen.
 */

const char *const random_seen_name[RANDOM_SEEN] = {
    [SEEN_SMMUV3] = "maps of SMMUv3",
    [SEEN_VTD] = "maps of VT-d",
    [SEEN_VTD_SNOOP] = "maps of VT-d with snoop control",
    [SEEN_AMDVI] = "maps of AMD-Vi",
    [SEEN_IPMMU] = "maps of IPMMU",
    [SEEN_UNITS] = "maps of several units",
    [SEEN_KINDS] = "partitions behind several kinds",
    [SEEN_GUEST] = "guest maps",
    [SEEN_HOST] = "host maps",
    [SEEN_PV] = "PV windows",
    [SEEN_SHARED_ARM] = "shared stage 2",
    [SEEN_SHARED_NPT] = "shared NPT",
    [SEEN_SHARED_EPT] = "shared EPT",
    [SEEN_SCRATCH] = "scratch",
    [SEEN_FAULT] = "fault",
    [SEEN_READ_ONLY] = "read-only-scratch",
    [SEEN_PER_DEVICE] = "scratch per device",
    [SEEN_IDENTITY] = "identity",
    [SEEN_TRANSLATED] = "translated",
    [SEEN_PLATFORM] = "protected platform devices",
    [SEEN_PCI] = "protected PCI functions",
    [SEEN_UNPROTECTED] = "unprotected-dma",
    [SEEN_NO_DMA] = "no-dma",
    [SEEN_PEER_DMA] = "peer-dma",
    [SEEN_BOX] = "shared memory",
    [SEEN_DOORBELL] = "doorbells",
    [SEEN_READ_ONLY_RAM] = "RAM that devices read",
    [SEEN_NO_DMA_RAM] = "RAM without DMA",
    [SEEN_DECLARED] = "reserved regions declared",
    [SEEN_BY_NODE] = "reserved regions by node",
    [SEEN_BY_TABLE] = "reserved regions by table",
    [SEEN_RESERVED_SCRATCH] = "reserved = scratch",
    [SEEN_QUARANTINE_MAP] = "maps of the quarantine",
    [SEEN_QUARANTINED] = "devices in quarantine",
    [SEEN_AWAITED] = "quarantine = scratch",
    [SEEN_WAIVED] = "waived",
    [SEEN_ODD] = "odd systems",
};

static void count_map(const struct plan_partition *pp, const struct plan_bfn_map *m, unsigned *seen)
{
    static const struct iommu_kind *const kind[] = {
        [SEEN_SMMUV3] = &iommu_kind_smmuv3, [SEEN_VTD] = &iommu_kind_vtd,     [SEEN_VTD_SNOOP] = &iommu_kind_vtd_snoop,
        [SEEN_AMDVI] = &iommu_kind_amdvi,   [SEEN_IPMMU] = &iommu_kind_ipmmu,
    };
    uint32_t unit = UINT32_MAX;
    bool several = false;

    for (unsigned i = 0; i < sizeof kind / sizeof *kind; i++)
        seen[i] += m->kind == kind[i];
    for (const struct plan_device *d = pp->device; d < pp->device + pp->devices; d++) {
        if (!d->is_protected || &pp->map[d->map] != m)
            continue;
        several |= unit != UINT32_MAX && unit != d->iommu;
        unit = d->iommu;
    }
    seen[SEEN_UNITS] += several;
    seen[SEEN_KINDS] += m != pp->map && m->kind != pp->map->kind;
}

static void count_device(const struct random_system *s, const struct plan_device *d, unsigned *seen)
{
    const struct random_device *r = random_device_of(s, d);

    seen[SEEN_PLATFORM] += d->is_protected && !d->fn;
    seen[SEEN_PCI] += d->is_protected && d->fn;
    seen[SEEN_UNPROTECTED] += d->m->unprotected_dma;
    seen[SEEN_NO_DMA] += d->m->no_dma;
    seen[SEEN_PEER_DMA] += d->m->peer_dma;
    seen[SEEN_RESERVED_SCRATCH] += d->m->reserved_scratch && (r->uses || r->holds);
    seen[SEEN_AWAITED] += d->m->quarantine_scratch;
}

static void count_partition(const struct random_system *s, const struct plan_partition *pp, unsigned *seen)
{
    seen[pp->m->identity ? SEEN_IDENTITY : SEEN_TRANSLATED]++;
    for (uint32_t i = 0; i < pp->maps; i++)
        count_map(pp, &pp->map[i], seen);
    for (uint32_t i = 0; i < pp->devices; i++)
        count_device(s, &pp->device[i], seen);
    for (uint32_t i = 0; i < pp->reserveds; i++)
        seen[SEEN_BY_NODE] += !s->board.dma_users;
    for (uint32_t i = 0; i < pp->reserveds; i++)
        seen[SEEN_BY_TABLE] += s->board.dma_users != 0;
    for (const struct extent *e = pp->physmap.ext; e < pp->physmap.ext + pp->physmap.count; e++) {
        seen[SEEN_BOX] += e->type == EXT_SHARED;
        seen[SEEN_DOORBELL] += e->type == EXT_DOORBELL;
        seen[SEEN_READ_ONLY_RAM] += e->type != EXT_SHARED && e->dma == R_READ;
        seen[SEEN_NO_DMA_RAM] += e->type == EXT_RAM && e->dma == 0;
        seen[SEEN_DECLARED] += e->type == EXT_RESERVED;
    }
    seen[SEEN_DECLARED] -= pp->reserveds;
    if (!pp->maps)
        return;
    seen[SEEN_GUEST + pp->m->map]++;
    seen[SEEN_SCRATCH + pp->m->unmapped]++;
    seen[SEEN_PER_DEVICE] += pp->m->scratch_per_device;
    seen[SEEN_SHARED_ARM] += pp->m->shared_tables && pp->p2m == &p2m_arm_s2;
    seen[SEEN_SHARED_NPT] += pp->m->shared_tables && pp->p2m == &p2m_npt_shared;
    seen[SEEN_SHARED_EPT] += pp->m->shared_tables && pp->p2m == &p2m_ept_shared;
}

void random_system_count(const struct random_system *s, unsigned seen[RANDOM_SEEN])
{
    const struct plan_partition *q = s->plan.quarantine;

    for (uint32_t i = 0; i < s->plan.partitions; i++)
        count_partition(s, &s->plan.partition[i], seen);
    seen[SEEN_QUARANTINE_MAP] += q->maps;
    for (uint32_t i = 0; i < q->devices; i++) {
        seen[SEEN_QUARANTINED] += q->device[i].is_protected;
        seen[SEEN_WAIVED] += q->device[i].m->waived;
    }
    seen[SEEN_ODD] += s->is_odd;
}
