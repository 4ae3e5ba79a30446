/* SPDX-License-Identifier: Apache-2.0 */
/* Where kernel, initrd and start block lie in a partition's RAM, as the board's boot protocol wants it. */
#include "plan_private.h"

#include "fmt.h"

#include <string.h>

#define SIZE_1G     (UINT64_C(1) << 30)
#define START_ALIGN GUEST_START_MAX

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

/* What the kernel's file says; its plan is left with what is loaded of it. */
static err_t image_read(struct plan_ctx *c, struct plan_partition *pp, struct guest_image *g)
{
    const struct guest_protocol *guest = c->b->guest;
    const struct manifest_image *m = &pp->m->kernel;
    struct plan_image *im = pp->image;
    struct diag why = {""};

    *g = (struct guest_image){
        .uses = im->size, .align = 1, .last = guest->end, .initrd_end = guest->end, .cmdline = UINT64_MAX};
    if (guest->read(im->data, im->size, g, &why))
        return plan_fail(c, m->node, "file: \"%s\" is %s %s", m->file, guest->image, why.text);
    if (strlen(pp->m->bootargs) > g->cmdline)
        return plan_fail(c, pp->m->node, "bootargs: %lu bytes; \"%s\" takes %lu", strlen(pp->m->bootargs), m->file,
                         g->cmdline);
    im->skip = g->skip;
    im->data += g->skip;
    im->size -= g->skip;
    im->room = g->uses > im->size ? g->uses : im->size;
    if (!g->known && !m->placed)
        return plan_fail(c, m->node, "load: missing; \"%s\" is not %s, say where it is put", m->file, guest->image);
    if (g->known && m->placed &&
        (m->load.v < g->first || m->load.v > g->last || (m->load.v ^ g->offset) & (g->align - 1)))
        return plan_fail(c, m->node,
                         "load: 0x%lx; \"%s\" is %s, right is 0x%lx above a multiple of 0x%lx, from 0x%lx to 0x%lx, "
                         "or no load",
                         m->load.v, m->file, guest->image, g->offset, g->align, g->first, g->last);
    return ERR_NONE;
}

/* It is written in one piece: it must not cross from one extent into the next. */
static bool start_is_at(struct plan_partition *pp, uint64_t at)
{
    const struct extent *e = physmap_find(&pp->physmap, gfn_of(gaddr(at)));

    pp->start = gaddr(at);
    return e && e->type == EXT_RAM && e->gfn.n + e->frames >= gfn_of(gaddr(at + GUEST_START_MAX)).n;
}

/*
 * Where the protocol wants it, else as high as it goes, so that a small guest has its RAM in one piece.
 * used: kernel and initrd.
 */
static bool start_fit(struct plan_ctx *c, struct plan_partition *pp, const struct ram *used, const struct ram *ram)
{
    const struct guest_protocol *guest = c->b->guest;
    uint64_t at = ROUND_DOWN(ram->end < guest->end ? ram->end : guest->end, START_ALIGN);

    if (guest->start_at && !ranges_overlap(guest->start_at, GUEST_START_MAX, used->first, used->end - used->first) &&
        start_is_at(pp, guest->start_at))
        return true;
    while (at >= used->end + GUEST_START_MAX) {
        at -= START_ALIGN;
        if (start_is_at(pp, at))
            return true;
    }
    return false;
}

/*
 *   load            64 KiB           64 KiB
 *   [ kernel, bss ] [ initrd ] ..... [ start block ] of one run of RAM
 */
static bool images_fit(struct plan_ctx *c, struct plan_partition *pp, const struct guest_image *g, uint64_t load,
                       const struct ram *ram)
{
    struct plan_image *kernel = pp->image, *initrd = kernel + 1;
    struct ram used = {load, load + kernel->room};

    kernel->at = gaddr(load);
    pp->entry = gaddr(load + g->entry);
    if (pp->m->initrd.file) {
        initrd->at = pp->initrd = gaddr(ROUND_UP(used.end, START_ALIGN));
        used.end = initrd->at.v + initrd->size;
        if (used.end > g->initrd_end || used.end - ROUND_DOWN(load, SIZE_1G) > c->b->guest->reach)
            return false;
    }
    return load >= ram->first && load <= g->last && used.end <= ram->end && used.end <= c->b->guest->end &&
           start_fit(c, pp, &used, ram);
}

static err_t images_refuse(struct plan_ctx *c, const struct plan_partition *pp, const struct guest_image *g)
{
    const struct guest_protocol *guest = c->b->guest;
    const struct manifest_image *m = &pp->m->kernel;
    uint64_t need = pp->image->room + pp->initrd_size + (pp->initrd_size ? UINT64_C(2) : 1) * START_ALIGN;
    char from[64] = "", below[48] = "";

    if (!m->placed)
        fmt_print(from, sizeof from, "a multiple of 0x%lx + ", g->align);
    if (!m->placed && g->first)
        fmt_print(from, sizeof from, "0x%lx or a higher multiple of 0x%lx + ", g->first, g->align);
    if (g->initrd_end != UINT64_MAX)
        fmt_print(below, sizeof below, ", below 0x%lx", g->initrd_end);
    return plan_fail(c, m->node, "\"%s\", initrd and %s need %lu KiB of adjacent RAM%s from %s0x%lx on%s", m->file,
                     guest->start, ROUND_UP(need, START_ALIGN) >> 10, g->known ? " with dma = \"rw\"" : "", from,
                     m->placed ? m->load.v : g->offset, below);
}

/* Where the manifest says, or where its header allows in the first run of /memory with room for all. */
static err_t images_place(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct manifest_image *m = &pp->m->kernel;
    struct guest_image g;
    err_t e = image_read(c, pp, &g);

    for (uint32_t i = 0; i < pp->physmap.count && !e;) {
        const struct extent *x = &pp->physmap.ext[i];
        struct ram ram = ram_run(&pp->physmap, &i);
        uint64_t low = ram.first > g.first ? ram.first : g.first;

        if ((!g.known || x->dma == (R_READ | R_WRITE)) &&
            images_fit(c, pp, &g, m->placed ? m->load.v : ROUND_UP(low, g.align) + g.offset, &ram))
            return ERR_NONE;
    }
    return e ? e : images_refuse(c, pp, &g);
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
    pp->image[pp->images++] = (struct plan_image){.name = c->b->guest->start, .at = pp->start, .room = GUEST_START_MAX};
    e = contents_add(c, pp);
    return e ? e : images_check(c, pp);
}
