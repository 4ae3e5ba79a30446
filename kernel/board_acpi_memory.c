/* SPDX-License-Identifier: Apache-2.0 */
/* The memory map of a boot protocol, and the PCI windows that it leaves room for. */
#include "board_acpi_read.h"

#define ADDR_END     (UINT64_C(1) << 52)
#define LOW_END      UINT64_C(0xfec00000) /* I/O APICs, HPET, local APICs, firmware */
#define HIGH_START   (UINT64_C(1) << 32)
#define HIGH_BITS    46u /* as HV_STACK_VBASE has it */
#define WINDOW_MAX   (UINT64_C(64) << 30)
#define WINDOW_LEAST (UINT64_C(1) << 24)
/* 48882, 2.1.4.2: HyperTransport's own, on AMD's CPUs: never a window, whoever made the CPU. */
#define HT_START UINT64_C(0xfd00000000)
#define HT_END   UINT64_C(0x10000000000)

/* Where ranges begin (+) and end (-). */
struct edge {
    uint64_t at;
    int8_t ram, other;
};

static uint64_t down(uint64_t at)
{
    return at & ~FRAME_MASK;
}

static uint64_t up(uint64_t at)
{
    return (at + FRAME_MASK) & ~FRAME_MASK;
}

/* Keep the list sorted. */
static void edge_add(struct edge *l, uint32_t *count, struct edge new)
{
    uint32_t i = (*count)++;

    for (; i > 0 && l[i - 1].at > new.at; i--)
        l[i] = l[i - 1];
    l[i] = new;
}

/* Whole pages inside of RAM, whole pages around everything else. */
static err_t range_add(const struct acpi_reader *r, uint32_t i, struct edge *l, uint32_t *count)
{
    const struct firmware_range *f = &r->fw->memory[i];
    const int8_t ram = f->type == FIRMWARE_RAM, other = (int8_t)!ram;
    uint64_t first, end;

    if (f->size > ADDR_END || f->base > ADDR_END - f->size)
        return diag_fail(r->d, ERR_INVALID, "memory map: entry %u: 0x%lx + 0x%lx of type %u passes 2^52", i, f->base,
                         f->size, f->type);
    first = ram ? up(f->base) : down(f->base);
    end = ram ? down(f->base + f->size) : up(f->base + f->size);
    if (!f->size || end <= first)
        return ERR_NONE;
    edge_add(l, count, (struct edge){first, ram, other});
    edge_add(l, count, (struct edge){end, (int8_t)-ram, (int8_t)-other});
    return ERR_NONE;
}

/* From edge to edge: memory is where there is RAM and nothing else. */
static void memory_sweep(struct board *b, const struct edge *l, uint32_t count)
{
    int32_t ram = 0, other = 0;
    bool open = false;

    for (uint32_t i = 0; i < count; i++) {
        struct board_range *m = &b->memory[b->memories];

        ram += l[i].ram;
        other += l[i].other;
        if ((i + 1 < count && l[i + 1].at == l[i].at) || open == (ram && !other))
            continue;
        open = !open;
        if (open) {
            *m = (struct board_range){.base = maddr(l[i].at), .name = "RAM", .node = DT_NONE};
        } else {
            m->size = l[i].at - m->base.v;
            b->memories++;
        }
    }
}

err_t board_acpi_memory(const struct acpi_reader *r)
{
    const uint32_t n = r->fw->memories;
    struct edge *l;
    uint32_t count = 0;
    err_t e = ERR_NONE;

    if (n > FIRMWARE_RANGES)
        return diag_fail(r->d, ERR_INVALID, "memory map: %u entries, %u are supported", n, FIRMWARE_RANGES);
    r->b->memory = ARENA_NEW(r->a, struct board_range, n + 1, r->d);
    l = ARENA_NEW(r->a, struct edge, 2 * (size_t)n, r->d);
    if (!r->b->memory || !l)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < n && !e; i++)
        e = range_add(r, i, l, &count);
    if (e)
        return e;
    memory_sweep(r->b, l, count);
    return r->b->memories ? ERR_NONE
                          : diag_fail(r->d, ERR_INVALID, "memory map: none of its %u entries leaves a page of RAM", n);
}

/*
 * Windows.
 */

struct gap {
    uint64_t first, end;
};

/* Shrink *g, which begins where nothing is, to where [base, base + size) begins; move it on where it is inside. */
static void gap_meet(struct gap *g, uint64_t base, uint64_t size, bool *moved)
{
    if (!size || base + size <= g->first || base >= g->end)
        return;
    if (base > g->first) {
        g->end = base;
        return;
    }
    g->first = base + size;
    *moved = true;
}

static void gap_meet_all(struct gap *g, const struct board_range *l, uint32_t count, bool *moved)
{
    for (uint32_t i = 0; i < count && g->first < g->end; i++)
        gap_meet(g, l[i].base.v, l[i].size, moved);
}

/* The first gap from *at to end, of whole pages; *at moves to its end. Each round moves beyond a range. */
static struct gap gap_next(const struct acpi_reader *r, uint64_t *at, uint64_t end)
{
    const struct board *b = r->b;
    struct gap g = {*at, end};
    bool moved = true;

    while (moved && g.first < end) {
        moved = false;
        g.end = end;
        for (uint32_t i = 0; i < r->fw->memories && g.first < g.end; i++)
            gap_meet(&g, r->fw->memory[i].base, r->fw->memory[i].size, &moved);
        gap_meet_all(&g, b->mmio, b->mmios, &moved);
        gap_meet_all(&g, b->reserved, b->reserveds, &moved);
        gap_meet(&g, HT_START, HT_END - HT_START, &moved);
    }
    *at = g.end;
    return (struct gap){up(g.first), down(g.end)};
}

/* The end of RAM below limit. */
static uint64_t ram_end(const struct board *b, uint64_t limit)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < b->memories; i++) {
        if (b->memory[i].base.v < limit)
            end = b->memory[i].base.v + b->memory[i].size;
    }
    return end;
}

static void window_set(struct board_range *w, uint64_t base, uint64_t size)
{
    *w = (struct board_range){.base = maddr(base), .size = size, .name = "pci", .node = DT_ROOT};
}

static void window_low(const struct acpi_reader *r, struct board_range *w)
{
    for (uint64_t at = ram_end(r->b, LOW_END); at < LOW_END;) {
        struct gap g = gap_next(r, &at, LOW_END);

        if (g.end > g.first && g.end - g.first > w->size)
            window_set(w, g.first, g.end - g.first);
    }
}

/* The largest power of two that has an aligned place in g. */
static void window_fit(const struct gap *g, struct board_range *w)
{
    for (uint64_t size = WINDOW_MAX; size >= WINDOW_LEAST && size > w->size; size >>= 1) {
        uint64_t base = (g->first + size - 1) & ~(size - 1);

        if (base < g->end && size <= g->end - base) {
            window_set(w, base, size);
            return;
        }
    }
}

static void window_high(const struct acpi_reader *r, struct board_range *w)
{
    uint64_t at = ram_end(r->b, UINT64_MAX);
    const uint64_t end = UINT64_C(1) << (r->b->pa_bits < HIGH_BITS ? r->b->pa_bits : HIGH_BITS);

    for (at = at > HIGH_START ? at : HIGH_START; at < end;) {
        struct gap g = gap_next(r, &at, end);

        window_fit(&g, w);
    }
}

err_t board_acpi_windows(const struct acpi_reader *r)
{
    struct board_pci *pci = &r->b->pci;

    pci->bus = ARENA_NEW(r->a, struct board_range, 2, r->d);
    if (!pci->bus)
        return ERR_NO_SPACE;
    window_low(r, &pci->mem32);
    window_high(r, &pci->mem64);
    if (pci->mem32.size)
        pci->bus[pci->buses++] = pci->mem32;
    if (pci->mem64.size)
        pci->bus[pci->buses++] = pci->mem64;
    return ERR_NONE;
}
