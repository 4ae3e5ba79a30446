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
#define DTB_ALIGN    GUEST_DTB_MAX

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* Bytes [first, end) of adjacent RAM that is all in the guest's /memory, or all not. */
struct ram {
    uint64_t first, end;
};

/* The run that begins with extent *i, which moves behind it; empty: the extent is no RAM. */
static struct ram ram_run(const struct physmap *p, uint32_t *i)
{
    const struct extent *first = &p->ext[*i], *e = first;
    uint64_t at = first->gfn.n;

    for (; *i < p->count && e->type == EXT_RAM && e->gfn.n == at && e->dma == first->dma; e = &p->ext[++*i])
        at += e->frames;
    *i += e == first;
    return (struct ram){gfn_addr(first->gfn).v, at << FRAME_SHIFT};
}

static err_t image_add(struct plan_ctx *c, struct plan_partition *pp, dt_node_t node, const char *name,
                       const char *file)
{
    struct plan_image *im = &pp->image[pp->images++];

    *im = (struct plan_image){.name = name};
    im->data = bundle_find(c->in->bundle, file, &im->size);
    im->room = im->size;
    if (!im->data)
        return plan_fail(c, node, "file: the bundle has no file \"%s\"", file);
    if (!im->size)
        return plan_fail(c, node, "file: \"%s\" is empty", file);
    return ERR_NONE;
}

/* What each region holds at start. */
static err_t contents_add(struct plan_ctx *c, struct plan_partition *pp)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < c->pieces && !e; i++) {
        const struct manifest_region *r = c->piece[i].region;
        struct plan_image *im = &pp->image[pp->images];

        if (!r->file || (i && c->piece[i - 1].region == r))
            continue;
        e = image_add(c, pp, r->node, r->name, r->file);
        im->at = gfn_addr(c->piece[i].gfn);
        if (!e && im->size > r->frames << FRAME_SHIFT)
            e = plan_fail(c, r->node, "file: \"%s\" has 0x%lx bytes; the region has 0x%lx", r->file, im->size,
                          r->frames << FRAME_SHIFT);
    }
    return e;
}

/* An arm64 Image: the bytes that it uses from where it is loaded on, and its offset from a multiple of 2 MiB.
 */
static err_t image_read(struct plan_ctx *c, const struct plan_partition *pp, struct plan_image *im, uint64_t *offset)
{
    uint64_t uses = le64(im->data + IMAGE_SIZE), flags = le64(im->data + IMAGE_FLAGS);

    *offset = le64(im->data + IMAGE_OFFSET);
    if (uses == 0 || uses > INITRD_REACH || *offset >= SIZE_2M || *offset & FRAME_MASK || flags & IMAGE_BIG_ENDIAN)
        return plan_fail(c, pp->m->kernel.node,
                         "file: \"%s\" is an arm64 Image of size 0x%lx, text offset 0x%lx, "
                         "flags 0x%lx; right is a size that is not zero, an offset of whole pages below 2 MiB, "
                         "little-endian",
                         pp->m->kernel.file, uses, *offset, flags);
    im->room = uses > im->size ? uses : im->size;
    return ERR_NONE;
}

/*
 * The DTB is as high as it goes, so that a small guest has its RAM in one piece. It is written in
 * one piece, too: it must not cross from one extent into the next.
 */
static bool dtb_fit(struct plan_partition *pp, uint64_t from, const struct ram *ram)
{
    uint64_t at = ROUND_DOWN(ram->end, DTB_ALIGN);

    while (at >= from + GUEST_DTB_MAX) {
        const struct extent *e;

        at -= DTB_ALIGN;
        pp->dtb = gaddr(at);
        e = physmap_find(&pp->physmap, gfn_of(pp->dtb));
        if (e && e->gfn.n + e->frames >= gfn_of(gaddr(at + GUEST_DTB_MAX)).n)
            return true;
    }
    return false;
}

/*
 *   load            64 KiB           64 KiB
 *   [ kernel, bss ] [ initrd ] ..... [ DTB ] of one run of RAM
 */
static bool images_fit(struct plan_partition *pp, uint64_t load, const struct ram *ram)
{
    struct plan_image *kernel = pp->image, *initrd = kernel + 1;
    uint64_t end = load + kernel->room;

    pp->entry = kernel->at = gaddr(load);
    if (pp->m->initrd.file) {
        initrd->at = pp->initrd = gaddr(ROUND_UP(end, DTB_ALIGN));
        end = initrd->at.v + initrd->size;
        if (end - ROUND_DOWN(load, SIZE_1G) > INITRD_REACH)
            return false;
    }
    return load >= ram->first && load < ram->end && dtb_fit(pp, end, ram);
}

/* Where the manifest says, or an Image in the first run of /memory with room for all. */
static err_t images_place(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct manifest_image *m = &pp->m->kernel;
    struct plan_image *im = pp->image;
    bool image = im->size >= IMAGE_HEADER && !memcmp(im->data + IMAGE_MAGIC, "ARM\x64", 4);
    uint64_t offset = 0, need = 0;
    err_t e = image ? image_read(c, pp, im, &offset) : ERR_NONE;

    if (e)
        return e;
    if (!image && !m->placed)
        return plan_fail(c, pp->m->kernel.node, "load: missing; \"%s\" is not an arm64 Image, say where it is put",
                         m->file);
    if (image && m->placed && (m->load.v - offset) & (SIZE_2M - 1))
        return plan_fail(c, pp->m->kernel.node,
                         "load: 0x%lx; \"%s\" is an arm64 Image, right is 0x%lx above a "
                         "multiple of 2 MiB, or no load",
                         m->load.v, m->file, offset);
    for (uint32_t i = 0; i < pp->physmap.count;) {
        const struct extent *x = &pp->physmap.ext[i];
        struct ram ram = ram_run(&pp->physmap, &i);

        if ((!image || x->dma == (R_READ | R_WRITE)) &&
            images_fit(pp, m->placed ? m->load.v : ROUND_UP(ram.first, SIZE_2M) + offset, &ram))
            return ERR_NONE;
    }
    need = im->room + pp->initrd_size + (pp->initrd_size ? UINT64_C(2) : 1) * DTB_ALIGN;
    return plan_fail(c, pp->m->kernel.node, "\"%s\", initrd and DTB need %lu KiB of adjacent RAM%s from %s0x%lx on",
                     m->file, ROUND_UP(need, DTB_ALIGN) >> 10, image ? " with dma = \"rw\"" : "",
                     m->placed ? "" : "a multiple of 2 MiB + ", m->placed ? m->load.v : offset);
}

static err_t images_check(struct plan_ctx *c, const struct plan_partition *pp)
{
    for (uint32_t i = 0; i < pp->images; i++) {
        for (uint32_t k = 0; k < i; k++) {
            const struct plan_image *a = &pp->image[i], *b = &pp->image[k];

            if (ranges_overlap(a->at.v, a->room, b->at.v, b->room))
                return plan_fail(c, pp->m->node, "%s at 0x%lx-0x%lx and %s at 0x%lx-0x%lx overlap", a->name, a->at.v,
                                 a->at.v + a->room - 1, b->name, b->at.v, b->at.v + b->room - 1);
        }
    }
    return ERR_NONE;
}

err_t plan_images_place(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct manifest_image *m = &pp->m->kernel, *initrd = &pp->m->initrd;
    err_t e;

    pp->image = ARENA_NEW(c->a, struct plan_image, pp->m->regions + 3, c->d);
    if (!pp->image)
        return ERR_NO_SPACE;
    e = image_add(c, pp, m->node, "kernel", m->file);
    if (!e && initrd->file) {
        e = image_add(c, pp, initrd->node, "initrd", initrd->file);
        pp->initrd_size = pp->image[1].size;
    }
    if (!e)
        e = images_place(c, pp);
    if (e)
        return e;
    pp->image[pp->images++] = (struct plan_image){.name = "DTB", .at = pp->dtb, .room = GUEST_DTB_MAX};
    e = contents_add(c, pp);
    return e ? e : images_check(c, pp);
}
