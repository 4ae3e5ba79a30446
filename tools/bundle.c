/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"
#include "tool.h"

#include <endian.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct packing {
    const char *name[BUNDLE_ENTRIES];
    struct blob blob[BUNDLE_ENTRIES];
    uint32_t count;
};

/* Path of an image in DIR/FILE; NULL when there is none that can be read. malloc. */
static char *image_path_in(const char *dir, const char *file)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", dir, file) < 0)
        return NULL;
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* The -I folders in order, then the manifest's own. */
static char *image_path(const char *file, const char *folder, const struct options *o)
{
    for (size_t i = 0; i < o->dirs; i++) {
        char *path = image_path_in(o->dir[i], file);
        if (path)
            return path;
    }
    return image_path_in(folder, file);
}

/* A file that the manifest's node names; NULL: it names none. */
static enum status file_add(struct packing *p, const struct manifest *m, const char *file, dt_node_t node,
                            const struct options *o)
{
    if (!file)
        return STATUS_OK;
    for (uint32_t i = 0; i < p->count; i++) {
        if (strcmp(p->name[i], file) == 0)
            return STATUS_OK;
    }
    if (p->count == BUNDLE_ENTRIES) {
        fprintf(stderr, "mullion: %s: more than %d files\n", o->manifest, BUNDLE_ENTRIES);
        return STATUS_REFUSED;
    }
    char *copy = strdup(o->manifest);
    if (!copy)
        return STATUS_TROUBLE;
    const char *folder = dirname(copy);
    char *path = image_path(file, folder, o);
    enum status st = STATUS_REFUSED;
    if (path) {
        p->name[p->count] = file;
        st = blob_read(&p->blob[p->count++], path, UINT32_MAX);
    } else {
        char where[256];
        fprintf(stderr, "mullion: manifest: %s: file \"%s\" is in none of these folders:",
                dt_path(m->dt, node, where, sizeof(where)), file);
        for (size_t i = 0; i < o->dirs; i++)
            fprintf(stderr, " %s", o->dir[i]);
        fprintf(stderr, " %s (name another one with -I)\n", folder);
    }
    free(path);
    free(copy);
    return st;
}

/* Lay the blobs out one after the other, each on a frame of its own. */
static enum status packing_write(struct blob *out, const struct packing *p)
{
    uint64_t total = frames_of(sizeof(struct bundle_header) + p->count * sizeof(struct bundle_entry)) * FRAME_SIZE;
    uint64_t offset[BUNDLE_ENTRIES];
    for (uint32_t i = 0; i < p->count; i++) {
        offset[i] = total;
        total += frames_of(p->blob[i].size) * FRAME_SIZE;
    }
    if (total > UINT32_MAX) {
        fprintf(stderr, "mullion: the images take %llu bytes, a bundle holds less than 4 GiB\n",
                (unsigned long long)total);
        return STATUS_REFUSED;
    }
    *out = (struct blob){.data = calloc(1, total), .size = total};
    if (!out->data)
        return STATUS_TROUBLE;
    struct bundle_header *h = (struct bundle_header *)out->data;
    memcpy(h->magic, BUNDLE_MAGIC, sizeof(h->magic));
    h->count = htole32(p->count);
    h->total = htole32((uint32_t)total);
    for (uint32_t i = 0; i < p->count; i++) {
        strncpy(h->entry[i].name, p->name[i], BUNDLE_NAME_MAX);
        h->entry[i].offset = htole64(offset[i]);
        h->entry[i].size = htole64(p->blob[i].size);
        memcpy(out->data + offset[i], p->blob[i].data, p->blob[i].size);
    }
    return STATUS_OK;
}

enum status bundle_pack(struct blob *out, const struct blob *manifest_file, const struct manifest *m,
                        const struct options *o)
{
    struct packing p = {.name = {BUNDLE_MANIFEST}, .blob = {*manifest_file}, .count = 1};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < m->partitions && st == STATUS_OK; i++) {
        const struct manifest_partition *mp = &m->partition[i];
        st = file_add(&p, m, mp->kernel.file, mp->kernel.node, o);
        if (st == STATUS_OK)
            st = file_add(&p, m, mp->initrd.file, mp->initrd.node, o);
        for (uint32_t k = 0; k < mp->regions && st == STATUS_OK; k++)
            st = file_add(&p, m, mp->region[k].file, mp->region[k].node, o);
    }
    if (st == STATUS_OK)
        st = packing_write(out, &p);
    for (uint32_t i = 1; i < p.count; i++)
        free(p.blob[i].data);
    return st;
}
