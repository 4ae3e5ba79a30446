/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"
#include "frame.h"

#include <string.h>

static err_t entry_check(const struct bundle_header *h, uint32_t i, uint64_t first, struct diag *d)
{
    const struct bundle_entry *e = &h->entry[i];

    if (!e->name[0] || e->name[BUNDLE_NAME_MAX])
        return diag_fail(d, ERR_INVALID, "bundle: entry %u: name is not 1 to %d characters", i, BUNDLE_NAME_MAX);
    if ((e->offset & FRAME_MASK) || e->offset < first || e->offset > h->total || e->size > h->total - e->offset)
        return diag_fail(d, ERR_INVALID, "bundle: %s: 0x%llx + 0x%llx: whole pages between 0x%llx and 0x%x are right",
                         e->name, (unsigned long long)e->offset, (unsigned long long)e->size, (unsigned long long)first,
                         h->total);
    for (uint32_t o = 0; o < i; o++) {
        if (!strcmp(h->entry[o].name, e->name))
            return diag_fail(d, ERR_INVALID, "bundle: %s: there are two entries of that name", e->name);
    }
    return ERR_NONE;
}

err_t bundle_open(struct bundle *b, const void *data, size_t max, struct diag *d)
{
    const struct bundle_header *h = data;
    uint64_t first;
    err_t e = ERR_NONE;

    b->header = NULL;
    if (max < sizeof *h || memcmp(h->magic, BUNDLE_MAGIC, sizeof h->magic))
        return diag_fail(d, ERR_INVALID,
                         "bundle: none behind the hypervisor (no magic " BUNDLE_MAGIC "); run mullion image");
    if (!h->count || h->count > BUNDLE_ENTRIES)
        return diag_fail(d, ERR_INVALID, "bundle: %u entries, 1 to %d are right", h->count, BUNDLE_ENTRIES);
    first = sizeof *h + (uint64_t)h->count * sizeof h->entry[0];
    if (h->total > max || first > h->total)
        return diag_fail(d, ERR_INVALID, "bundle: %u entries in 0x%x bytes do not fit into the 0x%zx that are there",
                         h->count, h->total, max);
    for (uint32_t i = 0; !e && i < h->count; i++)
        e = entry_check(h, i, first, d);
    if (e)
        return e;
    if (strcmp(h->entry[0].name, BUNDLE_MANIFEST))
        return diag_fail(d, ERR_INVALID, "bundle: entry 0 is not \"" BUNDLE_MANIFEST "\"");
    b->header = h;
    return ERR_NONE;
}

const void *bundle_find(const struct bundle *b, const char *name, uint64_t *size)
{
    const struct bundle_header *h = b->header;

    for (uint32_t i = 0; i < h->count; i++) {
        if (!strcmp(h->entry[i].name, name)) {
            *size = h->entry[i].size;
            return (const uint8_t *)h + h->entry[i].offset;
        }
    }
    return NULL;
}
