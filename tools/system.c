/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "check.h"

#include <endian.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE       (UINT64_C(64) << 20)
#define IMAGE_ALIGN      (UINT64_C(2) << 20) /* the arm64 boot protocol's */
#define HYPERVISOR_MAX   (UINT64_C(16) << 20)
#define ASSUMED_SIZE     (UINT64_C(1) << 20) /* without -k */
#define HEADER_MAGIC     56
#define HEADER_TABLE     64
#define HEADER_TABLE_END 96

static enum status refuse(const char *path, const struct diag *d)
{
    fprintf(stderr, "mullion: %s: %s\n", path, d->text);
    return STATUS_REFUSED;
}

static uint64_t table_word(const uint8_t *file, unsigned i)
{
    uint64_t v;
    memcpy(&v, file + HEADER_TABLE + sizeof(v) * i, sizeof(v));
    return le64toh(v);
}

static enum status hypervisor_read(struct hypervisor *h, const char *path)
{
    if (!path) {
        *h = (struct hypervisor){
            .size = ASSUMED_SIZE, .text_end = ASSUMED_SIZE / 4, .rodata_end = ASSUMED_SIZE / 2};
        return STATUS_OK;
    }
    enum status st = blob_read(&h->file, path, HYPERVISOR_MAX);
    if (st != STATUS_OK)
        return st;
    const uint8_t *data = h->file.data;
    if (h->file.size < HEADER_TABLE_END || memcmp(data + HEADER_MAGIC, "ARM\x64", 4) != 0) {
        fprintf(stderr, "mullion: %s: no arm64 image header; build/aarch64/mullion.bin is wanted\n", path);
        return STATUS_REFUSED;
    }
    h->size = table_word(data, 0);
    h->text_end = table_word(data, 1);
    h->rodata_end = table_word(data, 2);
    if (((h->size | h->text_end | h->rodata_end) & FRAME_MASK) || h->size > HYPERVISOR_MAX ||
        h->file.size > h->size || h->rodata_end > h->size || h->text_end > h->rodata_end ||
        h->text_end == 0 || table_word(data, 3) != 0) {
        fprintf(stderr, "mullion: %s: the table at offset %d is not the hypervisor's\n", path, HEADER_TABLE);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

/* Where image, bundle and the board's DTB will lie: one after the other. */
static enum status input_place(struct plan_input *in, const struct system *s, const struct options *o)
{
    uint64_t dtb_size = frames_of(fdt_totalsize(s->board_file.data)) * FRAME_SIZE;
    uint64_t bundle = s->hypervisor.size, bundle_end = bundle + s->bundle_file.size;
    uint64_t dtb = (bundle_end + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
    uint64_t need = dtb + dtb_size, base = o->address;
    bool found = o->has_address;
    for (uint32_t i = 0; i < s->board.memories && !found; i++) {
        const struct board_range *r = &s->board.memory[i];
        base = (r->base.v + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
        found = base - r->base.v <= r->size && need <= r->size - (base - r->base.v);
    }
    if (!found || base > UINT64_MAX - need) {
        fprintf(stderr,
                "mullion: %s: no memory of the board holds the image of %llu bytes at a 2 MiB boundary\n",
                o->board, (unsigned long long)need);
        return STATUS_REFUSED;
    }
    in->image = maddr(base);
    in->text_end = maddr(base + s->hypervisor.text_end);
    in->rodata_end = maddr(base + s->hypervisor.rodata_end);
    in->image_end = in->bundle_base = maddr(base + bundle);
    in->bundle_end = maddr(base + bundle_end);
    in->dtb = maddr(base + dtb);
    in->dtb_end = maddr(base + need);
    return STATUS_OK;
}

static enum status system_plan(struct system *s, const struct options *o)
{
    struct diag d = {0};
    if (bundle_open(&s->bundle, s->bundle_file.data, s->bundle_file.size, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    struct plan_input in = {.manifest = &s->manifest, .board = &s->board, .bundle = &s->bundle};
    enum status st = input_place(&in, s, o);
    if (st != STATUS_OK)
        return st;
    if (plan_build(&s->plan, &in, &s->arena, &d) != ERR_NONE ||
        check_plan(&s->plan, &s->arena, &d) != ERR_NONE || tables_check(&s->plan, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    return STATUS_OK;
}

enum status system_load(struct system *s, const struct options *o)
{
    struct diag d = {0};
    void *memory = calloc(1, ARENA_SIZE);
    if (!memory) {
        fprintf(stderr, "mullion: out of memory\n");
        return STATUS_TROUBLE;
    }
    arena_init(&s->arena, memory, ARENA_SIZE);

    enum status st = blob_read_dt(&s->manifest_file, o->manifest, o);
    if (st == STATUS_OK)
        st = blob_read_dt(&s->board_file, o->board, o);
    if (st == STATUS_OK)
        st = hypervisor_read(&s->hypervisor, o->hypervisor);
    if (st != STATUS_OK)
        return st;
    if (dt_index(&s->manifest_dt, "manifest", s->manifest_file.data, s->manifest_file.size, &s->arena, &d) !=
            ERR_NONE ||
        manifest_parse(&s->manifest, &s->manifest_dt, &s->arena, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    if (dt_index(&s->board_dt, "board", s->board_file.data, s->board_file.size, &s->arena, &d) != ERR_NONE ||
        board_read(&s->board, &s->board_dt, &s->arena, &d) != ERR_NONE)
        return refuse(o->board, &d);
    st = bundle_pack(&s->bundle_file, &s->manifest_file, &s->manifest, o);
    return st == STATUS_OK ? system_plan(s, o) : st;
}

void system_free(struct system *s)
{
    free(s->arena.mem);
    free(s->manifest_file.data);
    free(s->board_file.data);
    free(s->bundle_file.data);
    free(s->hypervisor.file.data);
}
