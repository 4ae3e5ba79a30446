/* SPDX-License-Identifier: Apache-2.0 */
/* Memory in the manifest: /shared and the `memory` node of a partition. */
#include "manifest_read.h"

#include <string.h>

/* `dma`, by index; the last has no word, a doorbell is only written. */
#define DMA_WORDS "none read rw"
static const uint8_t dma_rights[] = {0, R_READ, R_READ | R_WRITE, R_WRITE};

/* What each `type` may say and gets. */
static const struct region_rule {
    const char *props;
    enum ext_type type;
    const char *access_words; /* NULL: not to be chosen */
    uint8_t cpu[2];           /* by index of `access`, whose default is the first */
    uint8_t dma;              /* default, index into dma_rights */
    const char *dma_words;    /* NULL: not to be chosen */
} region_rules[] = {
    {"type reg size host dma file", EXT_RAM, NULL, {R_READ | R_WRITE | R_EXEC}, 2, DMA_WORDS},
    {"type reg size host dma file", EXT_RAM_RO, NULL, {R_READ | R_EXEC}, 1, "none read"},
    {"type reg shared access dma", EXT_SHARED, "rw ro", {R_READ | R_WRITE, R_READ}, 0, DMA_WORDS},
    {"type reg unlisted", EXT_RESERVED, NULL, {R_READ | R_WRITE}, 2, NULL},
    {"type reg access", EXT_DOORBELL, "none w", {0, R_WRITE}, 3, NULL},
};
#define REGION_TYPES "ram ram-ro shared reserved doorbell"

static err_t shared_read(const struct manifest_reader *r, dt_node_t n, struct manifest_shared *s)
{
    uint64_t size = 0, host = 0;
    bool sized;
    char other[96];
    err_t e = manifest_check_node(r, n, "size host", "");

    *s = (struct manifest_shared){.name = r->dt->node[n].name, .node = n};
    if (!e)
        e = manifest_read_u64(r, n, "size", &sized, &size);
    if (!e && !sized)
        e = manifest_fail(r, n, "size: missing, write size = <hi lo>");
    if (!e)
        e = manifest_read_u64(r, n, "host", &s->pinned, &host);
    if (!e)
        e = manifest_check_range(r, n, s->pinned ? "host, size" : "size", host, size);
    if (e)
        return e;
    s->frames = frames_of(size);
    s->mfn = mfn_of(maddr(host));
    for (const struct manifest_shared *o = r->m->shared; s->pinned && o < s; o++) {
        if (o->pinned && ranges_overlap(s->mfn.n, s->frames, o->mfn.n, o->frames))
            return manifest_fail(r, n, "host: overlaps the machine memory of %s",
                                 dt_path(r->dt, o->node, other, sizeof other));
    }
    return ERR_NONE;
}

err_t manifest_read_shared(const struct manifest_reader *r)
{
    struct manifest *m = r->m;
    dt_node_t n = dt_child(r->dt, DT_ROOT, "shared");
    err_t e;

    m->shared = ARENA_NEW(r->a, struct manifest_shared, manifest_count(r->dt, n), r->d);
    if (!m->shared)
        return ERR_NO_SPACE;
    if (n == DT_NONE)
        return ERR_NONE;
    e = manifest_check_node(r, n, "", MANIFEST_ANY);
    for (n = r->dt->node[n].child; !e && n != DT_NONE; n = r->dt->node[n].next)
        e = shared_read(r, n, &m->shared[m->shareds++]);
    return e;
}

static err_t region_read_shared(const struct manifest_reader *r, const struct manifest_partition *pp,
                                struct manifest_region *o)
{
    const struct manifest *m = r->m;
    const char *name;
    err_t e = manifest_read_text(r, o->node, "shared", 1, 255, &name);

    if (e)
        return e;
    for (uint32_t i = 0; i < m->shareds && !o->shared; i++)
        o->shared = strcmp(m->shared[i].name, name) ? NULL : &m->shared[i];
    if (!o->shared)
        return manifest_fail(r, o->node, "shared: there is no node /shared/%.*s", 64, name);
    if (o->dma & ~o->cpu)
        return manifest_fail(r, o->node, "dma: \"rw\" would let devices write what access = \"ro\" forbids");
    if (!o->placed && !pp->identity)
        return manifest_fail(r, o->node, "reg: missing; a translated partition says where it sees /shared/%s",
                             o->shared->name);
    if (o->placed && o->frames != o->shared->frames)
        return manifest_fail(r, o->node, "reg: size 0x%llx, but /shared/%s has 0x%llx",
                             (unsigned long long)o->frames << FRAME_SHIFT, o->shared->name,
                             (unsigned long long)o->shared->frames << FRAME_SHIFT);
    o->frames = o->shared->frames;
    if (!pp->identity)
        return ERR_NONE;
    /* Identity: it lies where the shared memory lies. */
    if (o->placed && (!o->shared->pinned || o->shared->mfn.n != o->gfn.n))
        return manifest_fail(r, o->node,
                             "reg: an identity partition sees /shared/%s at its machine address; drop reg "
                             "or give that node host = <this address>",
                             o->shared->name);
    o->placed = o->pinned = o->shared->pinned;
    o->mfn = o->shared->mfn;
    o->gfn = gfn_identity(o->mfn);
    return ERR_NONE;
}

/* reg, size and host of a region that is not shared. */
static err_t region_read_place(const struct manifest_reader *r, const struct manifest_partition *pp,
                               struct manifest_region *o)
{
    bool ram = o->type == EXT_RAM || o->type == EXT_RAM_RO, sized, hosted;
    uint64_t size = 0, host = 0;
    err_t e = manifest_read_u64(r, o->node, "size", &sized, &size);

    if (!e)
        e = manifest_read_u64(r, o->node, "host", &hosted, &host);
    if (e)
        return e;
    if (sized && o->placed)
        return manifest_fail(r, o->node, "size: reg already gives it; one of them is right");
    if (!o->placed && (!ram || !pp->identity))
        return manifest_fail(r, o->node, "reg: missing; %s",
                             ram ? "a translated partition says where its memory is" : "its address cannot be chosen");
    if (!o->placed && !sized)
        return manifest_fail(r, o->node, "reg: missing; an identity partition gives reg or size");
    if (hosted && pp->identity)
        return manifest_fail(r, o->node, "host: in an identity partition reg is the machine address; drop host");
    if (sized) {
        o->frames = frames_of(size);
        return manifest_check_range(r, o->node, "size", 0, size);
    }
    o->pinned = hosted || pp->identity || !ram;
    o->mfn = hosted ? mfn_of(maddr(host)) : mfn(o->gfn.n);
    return hosted ? manifest_check_range(r, o->node, "host", host, o->frames << FRAME_SHIFT) : ERR_NONE;
}

/* Against all regions before it: guest addresses of its partition, machine addresses of everybody. */
static err_t region_check_others(const struct manifest_reader *r, const struct manifest_partition *pp,
                                 const struct manifest_region *n)
{
    const struct manifest *m = r->m;
    bool owned = n->pinned && n->type != EXT_SHARED;
    char other[96];

    if (n->placed && n->dma && ranges_overlap(n->gfn.n, n->frames, pp->pv.n, pp->pv_frames))
        return manifest_fail(r, n->node, "reg: devices reach it, so that it may not overlap pv-window, 0x%llx + 0x%llx",
                             (unsigned long long)pp->pv.n << FRAME_SHIFT,
                             (unsigned long long)pp->pv_frames << FRAME_SHIFT);
    for (const struct manifest_partition *q = m->partition; q <= pp; q++) {
        for (const struct manifest_region *o = q->region; o < q->region + q->regions; o++) {
            if (q == pp && n->placed && o->placed && ranges_overlap(n->gfn.n, n->frames, o->gfn.n, o->frames))
                return manifest_fail(r, n->node, "reg: overlaps %s", dt_path(r->dt, o->node, other, sizeof other));
            /* An MSI page of an interrupt translation service may serve several partitions. */
            if (owned && o->pinned && o->type != EXT_SHARED && !(n->type == EXT_DOORBELL && o->type == EXT_DOORBELL) &&
                ranges_overlap(n->mfn.n, n->frames, o->mfn.n, o->frames))
                return manifest_fail(r, n->node, "overlaps the machine memory of %s",
                                     dt_path(r->dt, o->node, other, sizeof other));
        }
    }
    for (const struct manifest_shared *s = m->shared; owned && s < m->shared + m->shareds; s++) {
        if (s->pinned && ranges_overlap(n->mfn.n, n->frames, s->mfn.n, s->frames))
            return manifest_fail(r, n->node, "overlaps the machine memory of %s",
                                 dt_path(r->dt, s->node, other, sizeof other));
    }
    return ERR_NONE;
}

/* Shared tables give devices what the CPUs have: a region that says otherwise would not be what it gets. */
static err_t region_check_tables(const struct manifest_reader *r, const struct manifest_partition *pp,
                                 const struct manifest_region *o)
{
    static const char *const word[] = {"none", "read", "w", "rw"}; /* by R_READ and R_WRITE */
    bool doorbell = o->type == EXT_DOORBELL;
    const char *prop = doorbell ? "access" : "dma";
    uint8_t cpu = o->cpu & (R_READ | R_WRITE);

    if (!pp->shared_tables && doorbell && cpu)
        return manifest_fail(r, o->node,
                             "access: \"w\" means nothing with tables = \"separate\", which hide it from the CPUs: "
                             "drop it");
    if (pp->shared_tables && cpu != o->dma)
        return manifest_fail(
            r, o->node, "%s: \"%s\", but with tables = \"shared\" devices may do what the CPUs may: write %s = \"%s\"",
            prop, word[doorbell ? cpu : o->dma], prop, word[doorbell ? o->dma : cpu]);
    return ERR_NONE;
}

static err_t region_read(const struct manifest_reader *r, const struct manifest_partition *pp, dt_node_t n,
                         struct manifest_region *o)
{
    const struct region_rule *rule;
    uint64_t base = 0, size = 0;
    uint32_t type, access = 0, dma;
    err_t e = manifest_read_word(r, n, "type", REGION_TYPES, MANIFEST_REQUIRED, &type);

    if (e)
        return e;
    rule = &region_rules[type];
    *o = (struct manifest_region){.name = r->dt->node[n].name, .node = n, .type = rule->type};
    dma = rule->dma;
    e = manifest_check_node(r, n, rule->props, "");
    if (!e && rule->access_words)
        e = manifest_read_word(r, n, "access", rule->access_words, 0, &access);
    if (!e && rule->dma_words)
        e = manifest_read_word(r, n, "dma", rule->dma_words, rule->dma, &dma);
    if (!e)
        e = manifest_read_range(r, n, "reg", &o->placed, &base, &size);
    if (!e && dt_has(r->dt, n, "file"))
        e = manifest_read_file(r, n, &o->file);
    if (!e)
        e = manifest_read_flag(r, n, "unlisted", &o->unlisted);
    if (e)
        return e;
    o->cpu = rule->cpu[access];
    o->dma = dma_rights[dma];
    o->gfn = gfn_of(gaddr(base));
    o->frames = frames_of(size);
    e = o->type == EXT_SHARED ? region_read_shared(r, pp, o) : region_read_place(r, pp, o);
    if (!e)
        e = region_check_tables(r, pp, o);
    return e ? e : region_check_others(r, pp, o);
}

err_t manifest_read_regions(const struct manifest_reader *r, struct manifest_partition *pp)
{
    dt_node_t n = dt_child(r->dt, pp->node, "memory");
    bool ram = false;
    err_t e;

    if (n == DT_NONE)
        return manifest_fail(r, pp->node, "node memory: missing");
    e = manifest_check_node(r, n, "#address-cells #size-cells", MANIFEST_ANY);
    if (e)
        return e;
    if ((dt_has(r->dt, n, "#address-cells") && dt_address_cells(r->dt, n) != 2) ||
        (dt_has(r->dt, n, "#size-cells") && dt_size_cells(r->dt, n) != 2))
        return manifest_fail(r, n, "#address-cells, #size-cells: both must be <2>");
    pp->region = ARENA_NEW(r->a, struct manifest_region, manifest_count(r->dt, n), r->d);
    if (!pp->region)
        return ERR_NO_SPACE;
    for (dt_node_t c = r->dt->node[n].child; !e && c != DT_NONE; c = r->dt->node[c].next) {
        struct manifest_region *o = &pp->region[pp->regions];

        e = region_read(r, pp, c, o);
        pp->regions++;
        ram = ram || o->type == EXT_RAM;
    }
    if (!e && !ram)
        return manifest_fail(r, n, "no region of type \"ram\"");
    return e;
}
