/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest_read.h"

#include <string.h>

#define BOOTARGS_MAX 2047     /* arm64 Linux' COMMAND_LINE_SIZE - 1 */
#define AUDIT_MS_MAX 86400000 /* a day */

/*
 * CPUs.
 */

static bool cpu_listed(const struct manifest_partition *pp, uint32_t cpu)
{
    for (uint32_t i = 0; i < pp->cpus; i++) {
        if (pp->cpu[i] == cpu)
            return true;
    }
    return false;
}

static err_t read_cpus(const struct manifest_reader *r, struct manifest_partition *pp)
{
    const struct dt_prop *p = dt_prop(r->dt, pp->node, "cpus");
    uint32_t count = p ? p->len / 4 : 0;

    if (!p)
        return manifest_fail(r, pp->node, "cpus: missing, write cpus = <N ...>, `reg` values of the board's CPUs");
    if (!count || p->len % 4 || count > MANIFEST_CPUS)
        return manifest_fail(r, pp->node, "cpus: %u bytes, 1 to %d cells of 4 are right", p->len, MANIFEST_CPUS);
    pp->cpu = ARENA_NEW(r->a, uint32_t, count, r->d);
    if (!pp->cpu)
        return ERR_NO_SPACE;
    while (pp->cpus < count) {
        uint32_t cpu = dt_cell(p, pp->cpus);

        if (cpu_listed(pp, cpu))
            return manifest_fail(r, pp->node, "cpus: CPU 0x%x is listed twice", cpu);
        for (const struct manifest_partition *q = r->m->partition; q < pp; q++) {
            if (cpu_listed(q, cpu))
                return manifest_fail(r, pp->node, "cpus: CPU 0x%x belongs to partition %s", cpu, q->name);
        }
        pp->cpu[pp->cpus++] = cpu;
    }
    return ERR_NONE;
}

/*
 * Guest images.
 */

static err_t read_image(const struct manifest_reader *r, dt_node_t n, const char *props, struct manifest_image *im)
{
    uint64_t load = 0;
    err_t e = manifest_check_node(r, n, props, "");

    im->node = n;
    if (!e)
        e = manifest_read_file(r, n, &im->file);
    if (!e)
        e = manifest_read_u64(r, n, "load", &im->placed, &load);
    if (!e && im->placed)
        e = manifest_check_range(r, n, "load", load, FRAME_SIZE);
    im->load = gaddr(load);
    return e;
}

static err_t read_images(const struct manifest_reader *r, struct manifest_partition *pp)
{
    dt_node_t kernel = dt_child(r->dt, pp->node, "kernel"), initrd = dt_child(r->dt, pp->node, "initrd");
    err_t e;

    if (kernel == DT_NONE)
        return manifest_fail(r, pp->node, "node kernel: missing, write kernel { file = \"...\"; };");
    e = read_image(r, kernel, "file load", &pp->kernel);
    if (!e && initrd != DT_NONE)
        e = read_image(r, initrd, "file", &pp->initrd);
    return e;
}

/*
 * Partitions.
 */

static err_t read_name(const struct manifest_reader *r, struct manifest_partition *pp)
{
    size_t len = strlen(pp->name);

    if (!len || len > MANIFEST_NAME_MAX || strspn(pp->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return manifest_fail(r, pp->node, "partition name is not 1 to %d characters of a-z, 0-9 and -",
                             MANIFEST_NAME_MAX);
    return ERR_NONE;
}

/* Options that are one of some words; the first where the manifest says nothing, except for the physmap. */
enum option { OPTION_PHYSMAP, OPTION_MAP, OPTION_TABLES, OPTION_UNMAPPED, OPTION_SCRATCH, OPTION_CONSOLE, OPTIONS };

static const struct option_words {
    const char *prop, *words;
} option_words[OPTIONS] = {
    [OPTION_PHYSMAP] = {"physmap", "translated identity"},
    [OPTION_MAP] = {"map", "guest host pv"},
    [OPTION_TABLES] = {"tables", "separate shared"},
    [OPTION_UNMAPPED] = {"unmapped", "scratch fault read-only-scratch"},
    [OPTION_SCRATCH] = {"scratch", "per-partition per-device"},
    [OPTION_CONSOLE] = {"console", "virtual none"},
};

/* The text is told when an option has one word and another has not the one that it needs; words by their index. */
static const struct option_rule {
    uint8_t option, word, other, needs;
    const char *text;
} option_rules[] = {
    {OPTION_MAP, MAP_HOST, OPTION_PHYSMAP, 1,
     "map: \"host\" needs physmap = \"identity\": others do not know their MFNs; \"guest\" and \"pv\" are right here"},
    {OPTION_MAP, MAP_PV, OPTION_TABLES, 0,
     "map: \"pv\" needs tables = \"separate\": a p2m has no window of BFNs alone"},
    {OPTION_MAP, MAP_PV, OPTION_UNMAPPED, UNMAPPED_SCRATCH,
     "map: \"pv\" needs unmapped = \"scratch\": a guest that controls its own BFNs may never create one that faults"},
    {OPTION_SCRATCH, 1, OPTION_TABLES, 0,
     "scratch: \"per-device\" needs tables = \"separate\": a p2m has no scratch page"},
    {OPTION_SCRATCH, 1, OPTION_UNMAPPED, UNMAPPED_SCRATCH,
     "scratch: \"per-device\" needs unmapped = \"scratch\": only then does the page tell whose DMA changed it"},
    {OPTION_TABLES, 1, OPTION_UNMAPPED, UNMAPPED_FAULT,
     "tables: \"shared\" needs unmapped = \"fault\": a hole of the CPUs faults for devices, too"},
};

static err_t read_words(const struct manifest_reader *r, struct manifest_partition *pp)
{
    uint32_t word[OPTIONS];
    err_t e = ERR_NONE;

    for (unsigned i = 0; !e && i < OPTIONS; i++)
        e = manifest_read_word(r, pp->node, option_words[i].prop, option_words[i].words,
                               i == OPTION_PHYSMAP ? MANIFEST_REQUIRED : 0, &word[i]);
    if (e)
        return e;
    for (const struct option_rule *o = option_rules; o < option_rules + sizeof option_rules / sizeof *o; o++) {
        if (word[o->option] == o->word && word[o->other] != o->needs)
            return manifest_fail(r, pp->node, "%s", o->text);
    }
    pp->identity = word[OPTION_PHYSMAP];
    pp->map = (enum bfn_map_kind)word[OPTION_MAP];
    pp->shared_tables = word[OPTION_TABLES];
    pp->unmapped = (enum unmapped)word[OPTION_UNMAPPED];
    pp->scratch_per_device = word[OPTION_SCRATCH];
    pp->console = (enum console)word[OPTION_CONSOLE];
    return ERR_NONE;
}

static err_t read_options(const struct manifest_reader *r, struct manifest_partition *pp)
{
    err_t e = manifest_read_text(r, pp->node, "bootargs", 0, BOOTARGS_MAX, &pp->bootargs);

    if (!e)
        e = dt_read_u32(r->dt, pp->node, "scratch-audit-ms", 0, &pp->audit_ms, r->d);
    if (e)
        return e;
    if (pp->audit_ms > AUDIT_MS_MAX)
        return manifest_fail(r, pp->node, "scratch-audit-ms: %u, at most %d is right", pp->audit_ms, AUDIT_MS_MAX);
    if (pp->audit_ms && pp->unmapped != UNMAPPED_SCRATCH)
        return manifest_fail(r, pp->node,
                             "scratch-audit-ms: only unmapped = \"scratch\" has a page that DMA can change");
    return ERR_NONE;
}

static err_t read_pv_window(const struct manifest_reader *r, struct manifest_partition *pp)
{
    uint64_t base = 0, size = 0;
    bool there;
    err_t e = manifest_read_range(r, pp->node, "pv-window", &there, &base, &size);

    if (e)
        return e;
    if (there != (pp->map == MAP_PV))
        return manifest_fail(r, pp->node, "pv-window: %s",
                             there ? "only map = \"pv\" has one: drop it, or write that"
                                   : "missing; map = \"pv\" needs <hi lo hi lo>, address and size");
    if ((base | size) & (PV_WINDOW_ALIGN - 1))
        return manifest_fail(r, pp->node, "pv-window: 0x%llx + 0x%llx is not whole blocks of 2 MiB (0x200000)",
                             (unsigned long long)base, (unsigned long long)size);
    if (size > PV_WINDOW_MAX)
        return manifest_fail(r, pp->node, "pv-window: size 0x%llx, at most 0x%llx (64 GiB) is right",
                             (unsigned long long)size, (unsigned long long)PV_WINDOW_MAX);
    pp->pv = bfn(base >> FRAME_SHIFT);
    pp->pv_frames = size >> FRAME_SHIFT;
    return ERR_NONE;
}

static err_t partition_read(const struct manifest_reader *r, struct manifest_partition *pp, dt_node_t n)
{
    static err_t (*const step[])(const struct manifest_reader *, struct manifest_partition *) = {
        read_name, read_words,  read_options,          read_pv_window,
        read_cpus, read_images, manifest_read_regions, manifest_read_devices,
    };
    err_t e = manifest_check_node(
        r, n, "cpus physmap map pv-window tables unmapped scratch scratch-audit-ms console bootargs",
        "kernel initrd memory devices");

    *pp = (struct manifest_partition){.name = r->dt->node[n].name, .node = n};
    for (size_t i = 0; !e && i < sizeof step / sizeof *step; i++)
        e = step[i](r, pp);
    return e;
}

err_t manifest_parse(struct manifest *m, const struct dt *dt, struct arena *a, struct diag *d)
{
    const struct manifest_device *last[MANIFEST_LISTS] = {NULL};
    const struct manifest_reader r = {.m = m, .dt = dt, .a = a, .d = d, .last = last};
    dt_node_t n = dt_child(dt, DT_ROOT, "partitions");
    uint32_t count = manifest_count(dt, n);
    err_t e;

    *m = (struct manifest){.dt = dt};
    if (!dt_is_compatible(dt, DT_ROOT, "mullion,manifest-v1"))
        return manifest_fail(&r, DT_ROOT, "compatible: \"mullion,manifest-v1\" is missing");
    e = manifest_check_node(&r, DT_ROOT, "compatible", "shared partitions quarantine");
    if (!e && (!count || count > MANIFEST_PARTITIONS))
        e = manifest_fail(&r, DT_ROOT, "partitions: %u nodes, 1 to %d are right", count, MANIFEST_PARTITIONS);
    if (!e)
        e = manifest_check_node(&r, n, "", MANIFEST_ANY);
    if (!e)
        e = manifest_read_shared(&r);
    if (e)
        return e;
    m->partition = ARENA_NEW(a, struct manifest_partition, count, d);
    if (!m->partition)
        return ERR_NO_SPACE;
    for (n = dt->node[n].child; !e && n != DT_NONE; n = dt->node[n].next)
        e = partition_read(&r, &m->partition[m->partitions++], n);
    return e ? e : manifest_read_quarantine(&r);
}
