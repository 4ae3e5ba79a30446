/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest_read.h"

#include <string.h>

#define BOOTARGS_MAX    2047     /* arm64 Linux' COMMAND_LINE_SIZE - 1 */
#define AUDIT_MS_MAX    86400000 /* a day */
#define DEVICE_PATH_MAX 255

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
 * Devices.
 */

/* digits hexadecimal digits at *s, which moves behind them; UINT32_MAX when there are fewer. */
static uint32_t hex_take(const char **s, uint32_t digits)
{
    uint32_t v = 0;

    for (; digits; digits--, (*s)++) {
        uint32_t c = (uint8_t) * *s;

        if (c - '0' < 10)
            v = v << 4 | (c - '0');
        else if ((c | 0x20) - 'a' < 6)
            v = v << 4 | ((c | 0x20) - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return v;
}

/* "bb:dd.f" */
static bool bdf_parse(const char *s, uint16_t *bdf)
{
    uint32_t bus, device = 0, function = 0;

    bus = hex_take(&s, 2);
    if (bus > 0xff || *s++ != ':')
        return false;
    device = hex_take(&s, 2);
    if (device > 0x1f || *s++ != '.')
        return false;
    function = hex_take(&s, 1);
    *bdf = (uint16_t)(bus << 8 | device << 3 | (function & 7));
    return function <= 7 && !*s;
}

/* What a device is: the one of `pci` and `path` that it has. */
static err_t device_read_kind(const struct manifest_reader *r, struct manifest_device *v)
{
    dt_node_t n = v->node;
    const char *pci;
    err_t e;

    v->kind = dt_has(r->dt, n, "pci") ? DEVICE_PCI : DEVICE_PLATFORM;
    if (dt_has(r->dt, n, "pci") == dt_has(r->dt, n, "path"))
        return manifest_fail(r, n, "one of pci = \"bb:dd.f\" and path = \"/...\" is right");
    if (v->kind == DEVICE_PCI && dt_has(r->dt, n, "no-dma"))
        return manifest_fail(r, n, "no-dma: only for a platform device; a PCI function is a bus master");
    if (v->kind == DEVICE_PCI) {
        e = manifest_read_text(r, n, "pci", 0, SIZE_MAX, &pci);
        if (!e && !bdf_parse(pci, &v->bdf))
            e = manifest_fail(r, n, "pci: \"%.*s\" is not bb:dd.f with device up to 1f and function up to 7", 32, pci);
        return e;
    }
    e = manifest_read_text(r, n, "path", 1, DEVICE_PATH_MAX, &v->path);
    if (!e && *v->path != '/')
        e = manifest_fail(r, n, "path: \"%s\" does not start with /", v->path);
    return e;
}

static err_t device_check_others(const struct manifest_reader *r, const struct manifest_partition *pp,
                                 const struct manifest_device *v)
{
    char other[128];

    for (const struct manifest_partition *q = r->m->partition; q <= pp; q++) {
        for (const struct manifest_device *o = q->device; o < q->device + q->devices; o++) {
            if (o->kind != v->kind)
                continue;
            if (v->kind == DEVICE_PCI ? o->bdf == v->bdf : !strcmp(o->path, v->path))
                return manifest_fail(r, v->node, "%s: the same device as %s", v->kind == DEVICE_PCI ? "pci" : "path",
                                     dt_path(r->dt, o->node, other, sizeof other));
        }
    }
    return ERR_NONE;
}

static err_t device_read(const struct manifest_reader *r, const struct manifest_partition *pp,
                         struct manifest_device *v, dt_node_t n)
{
    err_t e = manifest_check_node(r, n, "pci path no-dma unprotected-dma peer-dma", "");

    *v = (struct manifest_device){.name = r->dt->node[n].name, .node = n};
    if (!e)
        e = device_read_kind(r, v);
    if (!e)
        e = manifest_read_flag(r, n, "no-dma", &v->no_dma);
    if (!e)
        e = manifest_read_flag(r, n, "unprotected-dma", &v->unprotected_dma);
    if (!e)
        e = manifest_read_flag(r, n, "peer-dma", &v->peer_dma);
    if (e)
        return e;
    if (v->unprotected_dma && v->no_dma)
        return manifest_fail(r, n, "unprotected-dma: contradicts no-dma");
    if (v->unprotected_dma && !pp->identity)
        return manifest_fail(r, n,
                             "unprotected-dma: needs physmap = \"identity\" (I9): without an IOMMU the device uses "
                             "machine addresses, which %s does not see",
                             pp->name);
    return device_check_others(r, pp, v);
}

static err_t read_devices(const struct manifest_reader *r, struct manifest_partition *pp)
{
    dt_node_t n = dt_child(r->dt, pp->node, "devices");
    err_t e;

    pp->device = ARENA_NEW(r->a, struct manifest_device, manifest_count(r->dt, n), r->d);
    if (!pp->device)
        return ERR_NO_SPACE;
    if (n == DT_NONE)
        return ERR_NONE;
    e = manifest_check_node(r, n, "", MANIFEST_ANY);
    for (n = r->dt->node[n].child; !e && n != DT_NONE; n = r->dt->node[n].next) {
        e = device_read(r, pp, &pp->device[pp->devices], n);
        pp->devices++;
    }
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

static err_t read_options(const struct manifest_reader *r, struct manifest_partition *pp)
{
    uint32_t physmap, unmapped = 0, console = 0;
    err_t e = manifest_read_word(r, pp->node, "physmap", "translated identity", MANIFEST_REQUIRED, &physmap);

    if (!e)
        e = manifest_read_word(r, pp->node, "unmapped", "scratch fault read-only-scratch", UNMAPPED_SCRATCH, &unmapped);
    if (!e)
        e = manifest_read_word(r, pp->node, "console", "virtual none", CONSOLE_VIRTUAL, &console);
    if (!e)
        e = manifest_read_text(r, pp->node, "bootargs", 0, BOOTARGS_MAX, &pp->bootargs);
    if (!e)
        e = dt_read_u32(r->dt, pp->node, "scratch-audit-ms", 0, &pp->audit_ms, r->d);
    if (e)
        return e;
    pp->identity = physmap == 1;
    pp->unmapped = (enum unmapped)unmapped;
    pp->console = (enum console)console;
    if (pp->audit_ms > AUDIT_MS_MAX)
        return manifest_fail(r, pp->node, "scratch-audit-ms: %u, at most %d is right", pp->audit_ms, AUDIT_MS_MAX);
    if (pp->audit_ms && pp->unmapped != UNMAPPED_SCRATCH)
        return manifest_fail(r, pp->node,
                             "scratch-audit-ms: only unmapped = \"scratch\" has a page that DMA can change");
    return ERR_NONE;
}

static err_t partition_read(const struct manifest_reader *r, struct manifest_partition *pp, dt_node_t n)
{
    static err_t (*const step[])(const struct manifest_reader *, struct manifest_partition *) = {
        read_name, read_options, read_cpus, read_images, manifest_read_regions, read_devices,
    };
    err_t e = manifest_check_node(r, n, "cpus physmap unmapped console scratch-audit-ms bootargs",
                                  "kernel initrd memory devices");

    *pp = (struct manifest_partition){.name = r->dt->node[n].name, .node = n};
    for (size_t i = 0; !e && i < sizeof step / sizeof *step; i++)
        e = step[i](r, pp);
    return e;
}

err_t manifest_parse(struct manifest *m, const struct dt *dt, struct arena *a, struct diag *d)
{
    const struct manifest_reader r = {.m = m, .dt = dt, .a = a, .d = d};
    dt_node_t n = dt_child(dt, DT_ROOT, "partitions");
    uint32_t count = manifest_count(dt, n);
    err_t e;

    *m = (struct manifest){.dt = dt};
    if (!dt_is_compatible(dt, DT_ROOT, "mullion,manifest-v1"))
        return manifest_fail(&r, DT_ROOT, "compatible: \"mullion,manifest-v1\" is missing");
    e = manifest_check_node(&r, DT_ROOT, "compatible", "shared partitions");
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
    return e;
}
