/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "boot.h"
#include "check.h"
#include "guest_dt.h"
#include "image.h"

#include <endian.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ROOM     (UINT64_C(64) << 20) /* to find out how much is needed */
#define ARENA_MORE     (UINT64_C(16) << 10)
#define IMAGE_ALIGN    (UINT64_C(2) << 20) /* the arm64 boot protocol's */
#define HYPERVISOR_MAX (UINT64_C(16) << 20)
#define ASSUMED_SIZE   (UINT64_C(1) << 20) /* without -k */
#define ELF_ARENA      (UINT64_C(4) << 20) /* of an image whose board nobody knows yet */

static enum status refuse(const char *path, const struct diag *d)
{
    fprintf(stderr, "mullion: %s: %s\n", path, d->text);
    return STATUS_REFUSED;
}

static enum status hypervisor_read(struct hypervisor *h, const char *path)
{
    if (!path) {
        *h = (struct hypervisor){.size = ASSUMED_SIZE, .text_end = ASSUMED_SIZE / 4, .rodata_end = ASSUMED_SIZE / 2};
        return STATUS_OK;
    }
    enum status st = blob_read(&h->file, path, HYPERVISOR_MAX);
    if (st != STATUS_OK)
        return st;
    if (elf_is(&h->file))
        return elf_read(h, path);
    const struct image_header *header = (const struct image_header *)h->file.data;
    if (h->file.size < sizeof(*header) || memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic)) != 0) {
        fprintf(stderr,
                "mullion: %s: no arm64 image header and no ELF; build/aarch64/mullion.bin or build/x86_64/mullion.elf "
                "is wanted\n",
                path);
        return STATUS_REFUSED;
    }
    h->size = le64toh(header->size);
    h->text_end = le64toh(header->text_end);
    h->rodata_end = le64toh(header->rodata_end);
    if (((h->size | h->text_end | h->rodata_end) & FRAME_MASK) || h->size > HYPERVISOR_MAX || h->file.size > h->size ||
        h->rodata_end > h->size || h->text_end > h->rodata_end || h->text_end == 0 ||
        le64toh(header->arena) != IMAGE_ARENA_UNPACKED) {
        fprintf(stderr, "mullion: %s: the table at offset %zu is not the hypervisor's\n", path,
                offsetof(struct image_header, size));
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

/* Where image, bundle, arena and the board's DTB will lie: one after the other. */
static enum status input_place(struct plan_input *in, const struct system *s, const struct options *o,
                               size_t arena_size)
{
    uint64_t dtb_size = frames_of(fdt_totalsize(s->board_file.data)) * FRAME_SIZE;
    uint64_t bundle = s->hypervisor.size, arena = bundle + s->bundle_file.size;
    uint64_t arena_end = arena + arena_size;
    uint64_t dtb = (arena_end + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
    uint64_t need = dtb + dtb_size, base = o->address;
    bool found = o->has_address;
    for (uint32_t i = 0; i < s->board.memories && !found; i++) {
        const struct board_range *r = &s->board.memory[i];
        base = (r->base.v + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
        found = base - r->base.v <= r->size && need <= r->size - (base - r->base.v);
    }
    if (!found || base > UINT64_MAX - need) {
        fprintf(stderr, "mullion: %s: no memory of the board holds the image of %llu bytes at a 2 MiB boundary\n",
                o->board, (unsigned long long)need);
        return STATUS_REFUSED;
    }
    in->image = maddr(base);
    in->text_end = maddr(base + s->hypervisor.text_end);
    in->rodata_end = maddr(base + s->hypervisor.rodata_end);
    in->image_end = in->bundle_base = maddr(base + bundle);
    in->bundle_end = in->arena = maddr(base + arena);
    in->arena_end = maddr(base + arena_end);
    in->dtb = maddr(o->has_dtb ? o->dtb & ~FRAME_MASK : base + dtb);
    in->dtb_end = maddr(in->dtb.v + dtb_size);
    return STATUS_OK;
}

static err_t guest_trees_write(const struct plan *p, struct diag *d)
{
    size_t used;
    err_t e = ERR_NONE;
    void *buf = aligned_alloc(FRAME_SIZE, GUEST_DTB_MAX);
    if (!buf)
        return diag_fail(d, ERR_NO_SPACE, "no memory for a partition's device tree");
    for (uint32_t i = 0; i < p->partitions && e == ERR_NONE; i++)
        e = guest_dt_write(p, &p->partition[i], buf, GUEST_DTB_MAX, &used, d);
    free(buf);
    return e;
}

/* The real pool, at its own frames, so that a count that is wrong is found here. */
static err_t tables_try(struct system *s, struct diag *d)
{
    struct compiled tables = {0};
    void *pool = aligned_alloc(FRAME_SIZE, s->plan.hv.pool_frames * FRAME_SIZE);
    if (!pool)
        return diag_fail(d, ERR_NO_SPACE, "no memory for the pool");
    err_t e = compile_tables(&tables, &s->plan, pool, &s->arena, d);
    if (e == ERR_NONE)
        e = compile_verify(&tables, d);
    free(pool);
    return e;
}

/* arena: bytes of it in the image. */
static enum status system_plan(struct system *s, const struct options *o, size_t arena)
{
    struct diag d = {0};
    if (bundle_open(&s->bundle, s->bundle_file.data, s->bundle_file.size, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    struct plan_input in = {.manifest = &s->manifest, .board = &s->board, .bundle = &s->bundle};
    enum status st = input_place(&in, s, o, arena);
    if (st != STATUS_OK)
        return st;
    if (plan_build(&s->plan, &in, &s->arena, &d) != ERR_NONE || check_plan(&s->plan, &s->arena, &d) != ERR_NONE ||
        !arena_take(&s->arena, boot_objects_size(&s->plan), 1, &d) || tables_try(s, &d) != ERR_NONE ||
        guest_trees_write(&s->plan, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    return STATUS_OK;
}

static enum status manifest_read(struct system *s, const struct options *o)
{
    struct diag d = {0};
    if (dt_index(&s->manifest_dt, "manifest", s->manifest_file.data, s->manifest_file.size, &s->arena, &d) !=
            ERR_NONE ||
        manifest_parse(&s->manifest, &s->manifest_dt, &s->arena, &d) != ERR_NONE)
        return refuse(o->manifest, &d);
    return STATUS_OK;
}

static enum status arena_make(struct system *s, size_t size)
{
    free(s->arena.mem);
    arena_init(&s->arena, aligned_alloc(FRAME_SIZE, size), size);
    if (s->arena.mem)
        return STATUS_OK;
    fprintf(stderr, "mullion: out of memory\n");
    return STATUS_TROUBLE;
}

/* Board and manifest, in the hypervisor's order, into an arena of this size. */
static enum status system_read(struct system *s, const struct options *o, size_t arena)
{
    struct diag d = {0};
    enum status st = arena_make(s, arena);
    if (st != STATUS_OK)
        return st;
    if (dt_index(&s->board_dt, "board", s->board_file.data, s->board_file.size, &s->arena, &d) != ERR_NONE ||
        board_read(&s->board, &s->board_dt, &s->arena, &d) != ERR_NONE)
        return refuse(o->board, &d);
    s->board.pa_bits = o->pa_bits;
    return manifest_read(s, o);
}

/* Once to see what it takes, once with what it gets. */
static enum status system_try(struct system *s, const struct options *o)
{
    size_t arena = o->arena;
    enum status st = system_read(s, o, ARENA_ROOM);
    if (st == STATUS_OK)
        st = bundle_pack(&s->bundle_file, &s->manifest_file, &s->manifest, o);
    if (st == STATUS_OK && !arena) {
        st = system_plan(s, o, FRAME_SIZE);
        arena = frames_of(s->arena.used + s->arena.used / 2 + ARENA_MORE) * FRAME_SIZE;
    }
    if (st == STATUS_OK)
        st = system_read(s, o, arena);
    return st == STATUS_OK ? system_plan(s, o, arena) : st;
}

/* The manifest and what it names; the plan is made at boot. */
static enum status elf_load(struct system *s, const struct options *o)
{
    enum status st = STATUS_OK;
    if (o->board) {
        fprintf(stderr, "mullion: %s: the board of an x86_64 is what its ACPI tables say at boot: no -b with %s\n",
                o->board, o->hypervisor);
        return STATUS_TROUBLE;
    }
    st = arena_make(s, o->arena ? o->arena : ELF_ARENA);
    if (st == STATUS_OK)
        st = manifest_read(s, o);
    return st == STATUS_OK ? bundle_pack(&s->bundle_file, &s->manifest_file, &s->manifest, o) : st;
}

static enum status board_load(struct system *s, const struct options *o)
{
    if (!o->board) {
        fprintf(stderr, "mullion: %s wants a manifest and -b BOARD (see --help)\n", o->command);
        return STATUS_TROUBLE;
    }
    enum status st = blob_read_dt(&s->board_file, o->board, o);
    return st == STATUS_OK ? system_try(s, o) : st;
}

enum status system_load(struct system *s, const struct options *o)
{
    enum status st = blob_read_dt(&s->manifest_file, o->manifest, o);
    if (st == STATUS_OK)
        st = hypervisor_read(&s->hypervisor, o->hypervisor);
    if (st != STATUS_OK)
        return st;
    return s->hypervisor.is_elf ? elf_load(s, o) : board_load(s, o);
}

void system_free(struct system *s)
{
    free(s->arena.mem);
    free(s->manifest_file.data);
    free(s->board_file.data);
    free(s->bundle_file.data);
    free(s->hypervisor.file.data);
}
