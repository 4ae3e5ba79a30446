/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in the manifest: the `devices` node of a partition, and /quarantine. */
#include "manifest_read.h"

#include <string.h>

#define DEVICE_PATH_MAX 255

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

static uint32_t device_hash(const struct manifest_device *v)
{
    uint32_t h = v->bdf;

    for (const char *c = v->path; c && *c; c++)
        h = (h * 31 + (uint8_t)*c) & UINT16_MAX;
    return h % MANIFEST_LISTS;
}

/* Against all devices before it, of whatever owner. */
static err_t device_check_others(const struct manifest_reader *r, struct manifest_device *v)
{
    const struct manifest_device **last = &r->last[device_hash(v)];
    char other[128];

    for (const struct manifest_device *o = *last; o; o = o->before) {
        if (o->kind != v->kind)
            continue;
        if (v->kind == DEVICE_PCI ? o->bdf == v->bdf : !strcmp(o->path, v->path))
            return manifest_fail(r, v->node, "%s: the same device as %s", v->kind == DEVICE_PCI ? "pci" : "path",
                                 dt_path(r->dt, o->node, other, sizeof other));
    }
    v->before = *last;
    *last = v;
    return ERR_NONE;
}

/* What stands in front of a device is told what to do only where something does. */
static err_t device_check_iommu(const struct manifest_reader *r, const struct manifest_partition *pp,
                                const struct manifest_device *v)
{
    static const char *const needs[] = {"reserved", "quarantine"};

    if (v->unprotected_dma && v->no_dma)
        return manifest_fail(r, v->node, "unprotected-dma: contradicts no-dma");
    if (v->unprotected_dma && !pp->identity)
        return manifest_fail(r, v->node,
                             "unprotected-dma: needs physmap = \"identity\" (I9): without an IOMMU the device uses "
                             "machine addresses, which %s does not see",
                             pp->name);
    for (size_t i = 0; (v->unprotected_dma || v->no_dma) && i < sizeof needs / sizeof *needs; i++) {
        if (dt_has(r->dt, v->node, needs[i]))
            return manifest_fail(r, v->node, "%s: means nothing with %s, for no IOMMU stands in front: drop it",
                                 needs[i], v->no_dma ? "no-dma" : "unprotected-dma");
    }
    return ERR_NONE;
}

static err_t device_read(const struct manifest_reader *r, const struct manifest_partition *pp,
                         struct manifest_device *v)
{
    dt_node_t n = v->node;
    err_t e = manifest_check_node(r, n, "pci path no-dma unprotected-dma peer-dma reserved quarantine", "");

    if (!e)
        e = device_read_kind(r, v);
    if (!e)
        e = manifest_read_flag(r, n, "no-dma", &v->no_dma);
    if (!e)
        e = manifest_read_flag(r, n, "unprotected-dma", &v->unprotected_dma);
    if (!e)
        e = manifest_read_flag(r, n, "peer-dma", &v->peer_dma);
    if (!e)
        e = manifest_read_choice(r, n, "reserved", "identity scratch", &v->reserved_scratch);
    if (!e)
        e = manifest_read_choice(r, n, "quarantine", "abort scratch", &v->quarantine_scratch);
    return e ? e : device_check_iommu(r, pp, v);
}

/* A device of /quarantine. */
static err_t unowned_read(const struct manifest_reader *r, struct manifest_device *v)
{
    err_t e = manifest_check_node(r, v->node, "pci path dma waived", "");

    if (!e)
        e = device_read_kind(r, v);
    if (!e)
        e = manifest_read_flag(r, v->node, "waived", &v->waived);
    if (!e)
        e = manifest_read_choice(r, v->node, "dma", "abort scratch", &v->quarantine_scratch);
    if (!e && v->waived == dt_has(r->dt, v->node, "dma"))
        e = manifest_fail(r, v->node, "dma: %s; one of dma = \"abort\", dma = \"scratch\" and waived is right",
                          v->waived ? "contradicts waived" : "missing");
    return e;
}

/* The children of n: devices of pp, or without an owner. */
static err_t devices_read(const struct manifest_reader *r, dt_node_t n, const struct manifest_partition *pp,
                          struct manifest_device **device, uint32_t *count)
{
    struct manifest_device *v = ARENA_NEW(r->a, struct manifest_device, manifest_count(r->dt, n), r->d);
    err_t e;

    if (!v)
        return ERR_NO_SPACE;
    *device = v;
    if (n == DT_NONE)
        return ERR_NONE;
    e = manifest_check_node(r, n, "", MANIFEST_ANY);
    for (n = r->dt->node[n].child; !e && n != DT_NONE; n = r->dt->node[n].next, v++) {
        *v = (struct manifest_device){.name = r->dt->node[n].name, .node = n};
        e = pp ? device_read(r, pp, v) : unowned_read(r, v);
        if (!e)
            e = device_check_others(r, v);
        (*count)++;
    }
    return e;
}

err_t manifest_read_devices(const struct manifest_reader *r, struct manifest_partition *pp)
{
    return devices_read(r, dt_child(r->dt, pp->node, "devices"), pp, &pp->device, &pp->devices);
}

err_t manifest_read_quarantine(const struct manifest_reader *r)
{
    return devices_read(r, dt_child(r->dt, DT_ROOT, "quarantine"), NULL, &r->m->quarantine, &r->m->quarantines);
}
