/* SPDX-License-Identifier: Apache-2.0 */
/* Where kernel, initrd and DTB lie in a partition's RAM. Linux Documentation/arch/arm64/booting.rst. */
#include "plan_private.h"

#include <string.h>

#define IMAGE_HEADER     64
#define IMAGE_MAGIC      56 /* "ARM\x64" */
#define IMAGE_OFFSET     8
#define IMAGE_SIZE       16
#define IMAGE_FLAGS      24
#define IMAGE_BIG_ENDIAN 1u

#define SIZE_2M      (UINT64_C(1) << 21)
#define SIZE_1G      (UINT64_C(1) << 30)
#define INITRD_REACH (UINT64_C(32) << 30) /* with the kernel, from a multiple of 1 GiB */

/* Guest-contiguous RAM: bytes [first, end). */
struct ram {
    uint64_t first, end;
};

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* The run of adjacent RAM extents that holds at; empty: at is not RAM. */
static struct ram ram_around(const struct physmap *p, uint64_t at)
{
    struct ram run = {0, 0};

    for (uint32_t i = 0; i < p->count; i++) {
        const struct extent *e = &p->ext[i];
        uint64_t first = gfn_addr(e->gfn).v, end = first + (e->frames << FRAME_SHIFT);

        if (e->type != EXT_RAM)
            continue;
        if (first != run.end)
            run.first = first;
        run.end = end;
        if (at >= run.first && at < end) {
            for (i++; i < p->count && p->ext[i].type == EXT_RAM && gfn_addr(p->ext[i].gfn).v == run.end; i++)
                run.end += p->ext[i].frames << FRAME_SHIFT;
            return run;
        }
    }
    return (struct ram){0, 0};
}

static uint64_t ram_first(const struct physmap *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->ext[i].type == EXT_RAM)
            return gfn_addr(p->ext[i].gfn).v;
    }
    return 0;
}

static err_t file_find(struct plan_ctx *c, const struct plan_partition *pp, const char *node,
                       const struct manifest_image *m, const uint8_t **data, uint64_t *size)
{
    *data = bundle_find(c->in->bundle, m->file, size);
    if (!*data)
        return diag_fail(c->d, ERR_INVALID, "/partitions/%s/%s: file: the bundle has no file \"%s\"",
                         pp->m->name, node, m->file);
    if (!*size)
        return diag_fail(c->d, ERR_INVALID, "/partitions/%s/%s: file: \"%s\" is empty", pp->m->name, node,
                         m->file);
    return ERR_NONE;
}

/* Load address, entry, and the bytes that the kernel uses from there on. */
static err_t kernel_place(struct plan_ctx *c, struct plan_partition *pp, uint64_t *size)
{
    const struct manifest_image *m = &pp->m->kernel;
    const uint8_t *k = pp->kernel;
    bool image = pp->kernel_size >= IMAGE_HEADER && !memcmp(k + IMAGE_MAGIC, "ARM\x64", 4);
    uint64_t offset = image ? le64(k + IMAGE_OFFSET) : 0;

    *size = pp->kernel_size;
    if (!image && !m->placed)
        return diag_fail(
            c->d, ERR_INVALID,
            "/partitions/%s/kernel: load: missing; \"%s\" is not an arm64 Image, say where it is put",
            pp->m->name, m->file);
    if (image && m->placed)
        return diag_fail(
            c->d, ERR_INVALID,
            "/partitions/%s/kernel: load: only for raw images; \"%s\" is an arm64 Image: drop load",
            pp->m->name, m->file);
    if (image) {
        if (le64(k + IMAGE_SIZE) == 0 || le64(k + IMAGE_SIZE) > INITRD_REACH || offset >= SIZE_2M ||
            le64(k + IMAGE_FLAGS) & IMAGE_BIG_ENDIAN)
            return diag_fail(
                c->d, ERR_INVALID,
                "/partitions/%s/kernel: file: \"%s\" is an arm64 Image of size 0x%lx, text offset 0x%lx, "
                "flags 0x%lx; right is a size that is not zero, an offset below 2 MiB, little-endian",
                pp->m->name, m->file, le64(k + IMAGE_SIZE), offset, le64(k + IMAGE_FLAGS));
        *size = le64(k + IMAGE_SIZE) > *size ? le64(k + IMAGE_SIZE) : *size;
    }
    pp->kernel_load = image ? gaddr(ROUND_UP(ram_first(&pp->physmap), SIZE_2M) + offset) : m->load;
    pp->entry = pp->kernel_load;
    return ERR_NONE;
}

/* The DTB is written in one piece: it must not cross from one extent into the next. */
static bool dtb_place(struct plan_partition *pp, uint64_t at, const struct ram *ram)
{
    for (; at < ram->end && ram->end - at >= GUEST_DTB_MAX; at += SIZE_2M) {
        const struct extent *e = physmap_find(&pp->physmap, gfn_of(gaddr(at)));

        pp->dtb = gaddr(at);
        if (e && e->gfn.n + e->frames >= gfn_of(gaddr(at + GUEST_DTB_MAX)).n)
            return true;
    }
    return false;
}

/*
 *   load            2 MiB              2 MiB
 *   [ kernel, bss ] .... [ initrd ] .... [ DTB ]
 */
err_t plan_images_place(struct plan_ctx *c, struct plan_partition *pp)
{
    uint64_t size = 0, end, room;
    struct ram ram;
    err_t e = file_find(c, pp, "kernel", &pp->m->kernel, &pp->kernel, &pp->kernel_size);

    if (!e && pp->m->initrd.file)
        e = file_find(c, pp, "initrd", &pp->m->initrd, &pp->initrd, &pp->initrd_size);
    if (!e)
        e = kernel_place(c, pp, &size);
    if (e)
        return e;
    ram = ram_around(&pp->physmap, pp->kernel_load.v);
    room = ram.end - pp->kernel_load.v;
    if (!ram.end)
        return diag_fail(c->d, ERR_INVALID,
                         "/partitions/%s/kernel: 0x%lx, where \"%s\" is loaded, is not RAM of the partition",
                         pp->m->name, pp->kernel_load.v, pp->m->kernel.file);
    end = ROUND_UP(pp->kernel_load.v + size, SIZE_2M);
    if (pp->initrd) {
        pp->initrd_load = gaddr(end);
        end = ROUND_UP(end + pp->initrd_size, SIZE_2M);
        if (end - ROUND_DOWN(pp->kernel_load.v, SIZE_1G) > INITRD_REACH)
            return diag_fail(c->d, ERR_INVALID,
                             "/partitions/%s/initrd: ends at 0x%lx, more than 32 GiB above the kernel",
                             pp->m->name, end);
    }
    if (!dtb_place(pp, end, &ram))
        return diag_fail(c->d, ERR_NO_SPACE,
                         "/partitions/%s: kernel, initrd and DTB need %lu KiB of adjacent RAM from 0x%lx on; "
                         "there are %lu KiB",
                         pp->m->name, (end + GUEST_DTB_MAX - pp->kernel_load.v) >> 10, pp->kernel_load.v,
                         room >> 10);
    return ERR_NONE;
}
