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

static enum status binary_pack(struct blob *out, const struct system *s)
{
    const struct hypervisor *h = &s->hypervisor;
    size_t total = h->size + s->bundle_file.size;
    *out = (struct blob){.data = calloc(1, total), .size = total};
    if (!out->data)
        return STATUS_TROUBLE;
    memcpy(out->data, h->file.data, h->file.size);
    struct image_header *header = (struct image_header *)out->data;
    header->image_size = htole64(total + s->arena.size);
    header->arena = htole64(s->arena.size);
    memcpy(out->data + h->size, s->bundle_file.data, s->bundle_file.size);
    return STATUS_OK;
}

enum status image_write(const struct system *s, const char *path)
{
    struct blob image = {0};
    enum status st = s->hypervisor.is_elf ? elf_pack(&image, s) : binary_pack(&image, s);

    if (st == STATUS_TROUBLE)
        fprintf(stderr, "mullion: out of memory\n");
    if (st == STATUS_OK)
        st = file_replace(path, image.data, image.size);
    free(image.data);
    return st;
}
