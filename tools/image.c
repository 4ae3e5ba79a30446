/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "image.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file is there whole or, when anything fails, as it was. */
static enum status file_replace(const char *path, const uint8_t *data, size_t size)
{
    char *part = NULL;
    if (asprintf(&part, "%s.part", path) < 0)
        return STATUS_TROUBLE;
    FILE *f = fopen(part, "wb");
    bool ok = f && fwrite(data, 1, size, f) == size;
    if (f && fclose(f))
        ok = false;
    if (ok && rename(part, path))
        ok = false;
    if (!ok) {
        fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
        unlink(part);
    }
    free(part);
    return ok ? STATUS_OK : STATUS_TROUBLE;
}

enum status image_write(const struct system *s, const char *path)
{
    const struct hypervisor *h = &s->hypervisor;
    size_t total = h->size + s->bundle_file.size;
    uint8_t *image = calloc(1, total);
    if (!image) {
        fprintf(stderr, "mullion: out of memory\n");
        return STATUS_TROUBLE;
    }
    memcpy(image, h->file.data, h->file.size);
    struct image_header *header = (struct image_header *)image;
    header->image_size = htole64(total + s->arena.size);
    header->arena = htole64(s->arena.size);
    memcpy(image + h->size, s->bundle_file.data, s->bundle_file.size);

    enum status st = file_replace(path, image, total);
    free(image);
    return st;
}
