/* SPDX-License-Identifier: Apache-2.0 */
#include "dt_write.h"

#include <libfdt.h>
#include <string.h>

#define RESERVATIONS 40 /* behind a header of version 17 */
#define STRUCTURE    56

static void cell(struct dt_writer *w, uint32_t v)
{
    *(fdt32_t *)(void *)w->at = cpu_to_fdt32(v);
    w->at += FDT_TAGSIZE;
}

/* Is there room for a tag, two more cells and len bytes? Always kept back: the tag at the end. */
static bool has_room(struct dt_writer *w, size_t len)
{
    if ((size_t)(w->limit - w->at) < 5 * FDT_TAGSIZE || (size_t)(w->limit - w->at) - 5 * FDT_TAGSIZE < len)
        w->full = true;
    return !w->full;
}

void dt_write_start(struct dt_writer *w, void *buf, size_t size)
{
    size_t room = (size / 4 * 3) & ~(size_t)(FDT_TAGSIZE - 1);

    *w = (struct dt_writer){.buf = buf, .full = room < STRUCTURE};
    if (w->full)
        return;
    memset(buf, 0, STRUCTURE);
    w->at = w->buf + STRUCTURE;
    w->limit = w->strings = w->name = w->buf + room;
    w->all_end = w->buf + size;
}

void dt_write_begin(struct dt_writer *w, const char *name)
{
    size_t len = strlen(name);

    if (!has_room(w, len))
        return;
    cell(w, FDT_BEGIN_NODE);
    memset(w->at + (len & ~(size_t)(FDT_TAGSIZE - 1)), 0, FDT_TAGSIZE);
    memcpy(w->at, name, len);
    w->at += (len + FDT_TAGSIZE) & ~(size_t)(FDT_TAGSIZE - 1);
}

void dt_write_end(struct dt_writer *w)
{
    if (has_room(w, 0))
        cell(w, FDT_END_NODE);
}

void *dt_write_prop(struct dt_writer *w, const char *name, size_t len)
{
    size_t n = strlen(name) + 1;
    uint8_t *val;

    if (w->full || (size_t)(w->all_end - w->name) < n)
        w->full = true;
    if (!has_room(w, len))
        return NULL;
    memcpy(w->name, name, n);
    cell(w, FDT_PROP);
    cell(w, (uint32_t)len);
    cell(w, (uint32_t)(w->name - w->strings));
    w->name += n;
    val = w->at;
    w->at += (len + FDT_TAGSIZE - 1) & ~(size_t)(FDT_TAGSIZE - 1);
    if (len)
        memset(w->at - FDT_TAGSIZE, 0, FDT_TAGSIZE);
    return val;
}

size_t dt_write_finish(struct dt_writer *w)
{
    uint32_t structure, strings;
    size_t total;

    if (!has_room(w, 0))
        return 0;
    cell(w, FDT_END);
    structure = (uint32_t)(w->at - w->buf) - STRUCTURE;
    strings = (uint32_t)(w->name - w->strings);
    total = STRUCTURE + structure + strings;
    memmove(w->at, w->strings, strings);
    w->at = w->buf;
    cell(w, FDT_MAGIC);
    cell(w, (uint32_t)total);
    cell(w, STRUCTURE);
    cell(w, STRUCTURE + structure);
    cell(w, RESERVATIONS);
    cell(w, 17);
    cell(w, 16);
    cell(w, 0); /* boot CPU */
    cell(w, strings);
    cell(w, structure);
    return total;
}
