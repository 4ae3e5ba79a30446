/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of devices: BARs get a place, platform devices keep theirs. GFN == MFN for both. */
#include "plan_private.h"
#include "sort.h"

/* Registers of platform devices, merged where they share pages. */
struct regs {
    struct run at;
    const char *name;
    bool peer_dma;
};

static uint32_t platform_reg_limit(const struct plan_ctx *c, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(c->b->dt, n, "reg");

    return p ? p->len / 4 : 0;
}

uint32_t plan_mmio_extents(const struct plan_ctx *c, const struct plan_partition *pp)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < pp->devices; i++)
        n += pp->device[i].fn ? 6 + 2 : platform_reg_limit(c, pp->device[i].board_node);
    return n;
}

/* Bytes that a memory BAR takes: whole pages, so that no two partitions meet in one. 0: none. */
static uint64_t bar_size(const struct pci_bar *b)
{
    if (b->kind != BAR_MEM32 && b->kind != BAR_MEM64)
        return 0;
    return b->size && b->size < FRAME_SIZE ? FRAME_SIZE : b->size;
}

struct bars {
    uint64_t largest, total;
    bool all_64;
};

/* The sizes of all memory BARs of pp; false: their sum passes limit. */
static bool bars_sum(const struct plan_partition *pp, uint64_t limit, struct bars *s)
{
    *s = (struct bars){.all_64 = true};
    for (uint32_t i = 0; i < pp->devices; i++) {
        for (unsigned k = 0; pp->device[i].fn && k < 6; k++) {
            const struct pci_bar *b = &pp->device[i].fn->bar[k];
            uint64_t n = bar_size(b);

            if (!n)
                continue;
            if (n > limit || s->total > limit - n)
                return false;
            s->total += n;
            s->largest = n > s->largest ? n : s->largest;
            s->all_64 = s->all_64 && b->kind == BAR_MEM64;
        }
    }
    return true;
}

/* Place the BARs of one size at *at and move it on; returns the next smaller size there is. */
static uint64_t bars_assign(struct plan_partition *pp, uint64_t size, uint64_t *at)
{
    uint64_t next = 0;

    for (uint32_t i = 0; i < pp->devices; i++) {
        struct plan_device *dev = &pp->device[i];

        for (unsigned k = 0; dev->fn && k < 6; k++) {
            uint64_t n = bar_size(&dev->fn->bar[k]);

            if (n == size) {
                dev->bar[k] = maddr(*at);
                *at += n;
            } else if (n < size && n > next) {
                next = n;
            }
        }
    }
    return next;
}

/* All BARs of pp in one piece of window w, above *next: the largest first, so that each is aligned to its
 * size. */
static bool bars_fit(struct plan_partition *pp, const struct board_range *w, uint64_t *next, const struct bars *s)
{
    uint64_t from = *next > w->base.v ? *next : w->base.v;
    uint64_t base = ROUND_UP(from, s->largest), at = base;

    if (base < from || base - w->base.v > w->size || w->size - (base - w->base.v) < s->total)
        return false;
    pp->pci_mem = gaddr(base);
    pp->pci_mem_size = s->total;
    for (uint64_t size = s->largest; size;)
        size = bars_assign(pp, size, &at);
    *next = at;
    return true;
}

/* The name of whoever has registers in r; the hypervisor's own have better ones than the board's nodes. */
static const char *regs_name(const struct plan_ctx *c, struct run r, const char *name)
{
    for (const struct own *o = c->own; o < c->own + c->owns; o++) {
        if (run_overlaps(r, o->at))
            return o->name;
    }
    return name;
}

const char *plan_regs_in(const struct plan_ctx *c, const struct plan_partition *pp, dt_node_t node, struct run r)
{
    const struct board *b = c->b;

    for (const struct board_range *m = NULL; (m = board_mmio_next(b, m, r.first, r.end));) {
        if (!pp || plan_node_owner(c, m->node) != pp)
            return regs_name(c, r, m->name);
    }
    if (!(pp && node == b->pci.node) &&
        (board_meets(&b->pci.mem32, 1, r.first, r.end) || board_meets(&b->pci.mem64, 1, r.first, r.end)))
        return "the PCI window";
    return NULL;
}

/* Who else has something in r: the board's memory, or who has registers there. */
static const char *other_in(const struct plan_ctx *c, const struct plan_partition *pp, dt_node_t node, struct run r)
{
    const struct board *b = c->b;

    if (board_meets(b->memory, b->memories, r.first, r.end))
        return "the board's memory";
    return board_meets(b->reserved, b->reserveds, r.first, r.end) ? "reserved memory" : plan_regs_in(c, pp, node, r);
}

static err_t regs_check(struct plan_ctx *c, const struct plan_partition *pp, const struct plan_device *dev,
                        struct run r)
{
    const char *other = other_in(c, pp, dev->board_node, r);

    if (!other)
        return ERR_NONE;
    return plan_fail(c, dev->m->node, "path: the pages of its registers, " RUN_FMT ", also hold those of %s",
                     RUN_ARG(r), other);
}

static err_t bars_place(struct plan_ctx *c, struct plan_partition *pp)
{
    const struct board_pci *pci = &c->b->pci;
    uint64_t limit = pci->mem32.size > pci->mem64.size ? pci->mem32.size : pci->mem64.size;
    struct bars s;
    bool ok = bars_sum(pp, limit, &s);

    if (ok && !s.total)
        return ERR_NONE;
    for (unsigned i = 0; i < 2; i++) {
        const struct board_range *w = i ? &pci->mem64 : &pci->mem32;
        const struct run r = run_touched(w->base, w->size);
        const char *other = w->size ? other_in(c, pp, pci->node, r) : NULL;

        if (other)
            return plan_fail(c, pp->m->node,
                             "devices: the board's PCI window " RUN_FMT " also holds %s: BARs cannot be placed there",
                             RUN_ARG(r), other);
    }
    ok = ok &&
         (bars_fit(pp, &pci->mem32, &c->mem32_next, &s) || (s.all_64 && bars_fit(pp, &pci->mem64, &c->mem64_next, &s)));
    if (!ok)
        return plan_fail(c, pp->m->node,
                         "devices: BARs of %lu KiB or more, the largest of %lu KiB, do not fit the board's "
                         "PCI windows of %lu KiB (32-bit) and %lu KiB (64-bit)",
                         s.total >> 10, s.largest >> 10, pci->mem32.size >> 10, pci->mem64.size >> 10);
    return ERR_NONE;
}

static err_t mmio_add(struct plan_ctx *c, struct plan_partition *pp, struct run r, const char *name, bool peer_dma,
                      bool prefetch)
{
    struct extent e = ext_make(EXT_MMIO, gfn_identity(mfn(r.first)), mfn(r.first), r.end - r.first, name);

    e.dma = peer_dma ? R_READ | R_WRITE : 0;
    e.mem = prefetch ? MEM_UNCACHED : MEM_DEVICE;
    return plan_extent_add(c, pp, &e);
}

/* The registers of a BAR: those before the frames with the MSI-X table, those behind; the table itself traps. */
static err_t bar_add(struct plan_ctx *c, struct plan_partition *pp, const struct plan_device *dev, unsigned k)
{
    const struct pci_bar *b = &dev->fn->bar[k];
    const struct run r = run_touched(dev->bar[k], bar_size(b));
    const struct plan_table t = k == dev->fn->msi.bar ? plan_msix_table(dev->fn) : (struct plan_table){0, 0};
    const struct run table = {r.first + t.skip, r.first + t.skip + t.frames};
    const struct run part[] = {{r.first, t.frames ? table.first : r.end}, {t.frames ? table.end : r.end, r.end}};
    err_t e = ERR_NONE;

    for (unsigned i = 0; i < 2 && !e; i++) {
        if (part[i].first < part[i].end)
            e = mmio_add(c, pp, part[i], dev->m->name, dev->m->peer_dma, b->prefetch);
    }
    if (e || !t.frames)
        return e;
    struct extent x = ext_make(EXT_EMULATED, gfn(table.first), mfn(0), t.frames, dev->m->name);

    return plan_extent_add(c, pp, &x);
}

static err_t bars_add(struct plan_ctx *c, struct plan_partition *pp, const struct plan_device *dev)
{
    for (unsigned k = 0; k < 6; k++) {
        err_t e = bar_size(&dev->fn->bar[k]) ? bar_add(c, pp, dev, k) : ERR_NONE;

        if (e)
            return e;
    }
    return ERR_NONE;
}

/* Sorted; runs that share a page become one (peer-dma only where all of it says so). Returns how many are left. */
static uint32_t regs_merge(struct regs *l, uint32_t count)
{
    uint32_t out = 0;

    sort_by_first(l, count, sizeof *l);
    for (uint32_t i = 0; i < count; i++) {
        struct regs *last = out ? &l[out - 1] : NULL;

        if (!last || last->at.end <= l[i].at.first) {
            l[out++] = l[i];
            continue;
        }
        last->at.end = l[i].at.end > last->at.end ? l[i].at.end : last->at.end;
        last->peer_dma = last->peer_dma && l[i].peer_dma;
    }
    return out;
}

static err_t regs_collect(struct plan_ctx *c, struct plan_partition *pp, const struct plan_device *dev, struct regs *l,
                          uint32_t *count)
{
    uint32_t limit = platform_reg_limit(c, dev->board_node), found = 0;

    for (uint32_t i = 0; i < limit; i++) {
        uint64_t base, size;
        struct run r;
        bool exists;
        err_t e = dt_reg(c->b->dt, dev->board_node, i, &base, &size, &exists, c->d);

        if (e)
            return e;
        if (!exists)
            break;
        if (!size)
            continue;
        r = run_touched(maddr(base), size);
        e = regs_check(c, pp, dev, r);
        if (e)
            return e;
        l[(*count)++] = (struct regs){r, dev->m->name, dev->m->peer_dma};
        found++;
    }
    if (!found)
        return plan_fail(c, dev->m->node, "path: node %s of the board has no registers (reg)", dev->m->path);
    return ERR_NONE;
}

err_t plan_mmio_place(struct plan_ctx *c, struct plan_partition *pp)
{
    struct regs *l = ARENA_NEW(c->a, struct regs, plan_mmio_extents(c, pp), c->d);
    uint32_t count = 0;
    err_t e = l ? bars_place(c, pp) : ERR_NO_SPACE;

    for (uint32_t i = 0; i < pp->devices && !e; i++) {
        const struct plan_device *dev = &pp->device[i];

        e = dev->fn ? bars_add(c, pp, dev) : regs_collect(c, pp, dev, l, &count);
    }
    count = regs_merge(l, count);
    for (uint32_t i = 0; i < count && !e; i++)
        e = mmio_add(c, pp, l[i].at, l[i].name, l[i].peer_dma, false);
    return e;
}
