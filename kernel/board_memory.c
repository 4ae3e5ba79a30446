/* SPDX-License-Identifier: Apache-2.0 */
/* The board's memory, what firmware keeps of it, every node's registers, and the CPUs. */
#include "board_read.h"
#include "sort.h"

#include <string.h>

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff) /* Aff3, Aff2, Aff1, Aff0 */

static bool is_type(const struct dt *dt, dt_node_t n, const char *type)
{
    const struct dt_prop *p = dt_prop(dt, n, "device_type");
    size_t len = strlen(type) + 1;

    return p && p->len == len && !memcmp(p->val, type, len);
}

/* Entries of n's reg, at the most. */
static uint32_t reg_bound(const struct dt *dt, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(dt, n, "reg");

    return p ? p->len / 8 : 0;
}

/* Whole pages inside of the range; the sorted place, joined with a neighbour that it touches. */
static err_t memory_add(const struct board_reader *r, struct board_range m)
{
    struct board *b = r->b;
    uint64_t end = (m.base.v + m.size) & ~FRAME_MASK;
    uint32_t at = b->memories;

    m.base.v = (m.base.v + FRAME_MASK) & ~FRAME_MASK;
    if (end <= m.base.v)
        return ERR_NONE;
    m.size = end - m.base.v;
    while (at && b->memory[at - 1].base.v > m.base.v)
        at--;
    if ((at && b->memory[at - 1].base.v + b->memory[at - 1].size > m.base.v) ||
        (at < b->memories && b->memory[at].base.v < end))
        return board_fail(r, m.node, "reg: 0x%llx + 0x%llx overlaps other memory", (unsigned long long)m.base.v,
                          (unsigned long long)m.size);
    memmove(&b->memory[at + 1], &b->memory[at], (b->memories - at) * sizeof m);
    b->memory[at] = m;
    b->memories++;
    return ERR_NONE;
}

static void memory_join(struct board *b)
{
    uint32_t out = 0;

    for (uint32_t i = 1; i < b->memories; i++) {
        struct board_range *m = &b->memory[out];

        if (m->base.v + m->size == b->memory[i].base.v)
            m->size += b->memory[i].size;
        else
            b->memory[++out] = b->memory[i];
    }
    b->memories = out + 1;
}

static bool is_memory(const struct dt *dt, dt_node_t n)
{
    return is_type(dt, n, "memory") && dt_is_enabled(dt, n);
}

static err_t read_ram(const struct board_reader *r)
{
    const struct dt *dt = r->dt;
    uint32_t max = 0;

    for (dt_node_t n = dt->node[DT_ROOT].child; n != DT_NONE; n = dt->node[n].next)
        max += is_memory(dt, n) ? reg_bound(dt, n) : 0;
    r->b->memory = ARENA_NEW(r->a, struct board_range, max, r->d);
    if (!r->b->memory)
        return ERR_NO_SPACE;
    for (dt_node_t n = dt->node[DT_ROOT].child; n != DT_NONE; n = dt->node[n].next) {
        bool exists = is_memory(dt, n);

        for (uint32_t i = 0; exists; i++) {
            struct board_range m;
            err_t e = board_read_reg(r, n, i, &m, &exists);

            if (!e && exists)
                e = memory_add(r, m);
            if (e)
                return e;
        }
    }
    if (!r->b->memories)
        return board_fail(r, DT_ROOT, "no memory: no enabled child has device_type = \"memory\" and a reg");
    memory_join(r->b);
    return ERR_NONE;
}

/* Whole pages around the range. */
static void reserved_add(struct board *b, struct board_range m)
{
    uint64_t end = (m.base.v + m.size + FRAME_MASK) & ~FRAME_MASK;

    if (!m.size)
        return;
    m.base.v &= ~FRAME_MASK;
    m.size = end - m.base.v;
    b->reserved[b->reserveds++] = m;
}

/* Devicetree Specification v0.4, 5.3. */
static err_t read_reservations(const struct board_reader *r)
{
    for (uint32_t i = 0; i < r->dt->rsv; i++) {
        uint64_t base, size;

        dt_reservation(r->dt, i, &base, &size);
        if ((base | size) >> 52)
            return board_fail(r, DT_ROOT, "memory reservation %u: 0x%llx + 0x%llx passes 2^52", i,
                              (unsigned long long)base, (unsigned long long)size);
        reserved_add(r->b,
                     (struct board_range){.base = maddr(base), .size = size, .name = "reservation", .node = DT_NONE});
    }
    return ERR_NONE;
}

/* A child without reg asks the operating system to choose a place; there is nothing to keep free. */
static err_t read_reserved(const struct board_reader *r)
{
    const struct dt *dt = r->dt;
    dt_node_t first = dt_find(dt, "/reserved-memory");
    uint32_t max = dt->rsv;

    first = first == DT_NONE ? DT_NONE : dt->node[first].child;
    for (dt_node_t n = first; n != DT_NONE; n = dt->node[n].next)
        max += reg_bound(dt, n);
    r->b->reserved = ARENA_NEW(r->a, struct board_range, max, r->d);
    if (!r->b->reserved)
        return ERR_NO_SPACE;
    for (dt_node_t n = first; n != DT_NONE; n = dt->node[n].next) {
        bool exists = dt_is_enabled(dt, n);

        for (uint32_t i = 0; exists; i++) {
            struct board_range m;
            err_t e = board_read_reg(r, n, i, &m, &exists);

            if (e)
                return e;
            m.no_map = dt_has(dt, n, "no-map");
            if (exists)
                reserved_add(r->b, m);
        }
    }
    return read_reservations(r);
}

err_t board_read_memory(const struct board_reader *r)
{
    err_t e = read_ram(r);

    return e ? e : read_reserved(r);
}

/* The range of reserved-memory node n that begins in the frame of addr and holds size bytes from there. */
static const struct board_range *range_of(const struct board *b, dt_node_t n, uint64_t addr, uint64_t size)
{
    for (const struct board_range *m = b->reserved; m < b->reserved + b->reserveds; m++) {
        if (m->node == n && m->base.v == (addr & ~FRAME_MASK) && size <= m->size - (addr & FRAME_MASK))
            return m;
    }
    return NULL;
}

/*
 * iommu-addresses: <&device address size> each, in the cells of the device's bus. Linux
 * Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml.
 */
static enum board_use use_by_addresses(const struct board *b, const struct board_range *m, dt_node_t n)
{
    const struct dt *dt = b->dt;
    const struct dt_prop *p = dt_prop(dt, m->node, "iommu-addresses");
    uint32_t width, cells = p ? p->len / 4 : 0;
    enum board_use use = USE_NONE;

    for (uint32_t at = 0; at < cells && use != USE_MOVED; at += width) {
        dt_node_t dev = dt_by_phandle(dt, dt_cell(p, at)), bus;
        const struct board_range *is;
        uint32_t ac, sc;

        if (dev == DT_NONE)
            break;
        bus = dev == DT_ROOT ? DT_ROOT : dt->node[dev].parent;
        ac = dt_address_cells(dt, bus);
        sc = dt_size_cells(dt, bus);
        width = 1 + ac + sc;
        if (width > cells - at)
            break;
        if (dev != n || !ac || ac > 3 || !sc || sc > 2 || !dt_cells(p, at + 1 + ac, sc))
            continue;
        /* Three cells of address are PCI's, the number in the last two. */
        is = range_of(b, m->node, dt_cells(p, at + 1 + (ac == 3), ac == 3 ? 2 : ac), dt_cells(p, at + 1 + ac, sc));
        use = is == m ? USE_SAME : is ? use : USE_MOVED;
    }
    return use;
}

/* By iommu-addresses or memory-region. */
static enum board_use use_by_node(const struct board *b, uint32_t i, dt_node_t n)
{
    const struct board_range *m = &b->reserved[i];
    const struct dt_prop *p;
    enum board_use use;

    if (n == DT_NONE || m->node == DT_NONE)
        return USE_NONE;
    use = use_by_addresses(b, m, n);
    p = dt_prop(b->dt, n, "memory-region");
    for (uint32_t k = 0; !use && p && k < p->len / 4; k++)
        use = dt_cell(p, k) && dt_cell(p, k) == b->dt->node[m->node].phandle ? USE_SAME : USE_NONE;
    return use;
}

enum board_use board_reserved_use(const struct board *b, uint32_t i, const struct board_requester *who)
{
    for (uint32_t k = 0; k < b->dma_users; k++) {
        const struct board_dma_user *u = &b->dma_user[k];

        if (u->range == i && who->has_stream && u->iommu == who->iommu && u->sid_first <= who->sid &&
            who->sid <= u->sid_last)
            return USE_SAME;
    }
    return use_by_node(b, i, who->node);
}

/* The last frame that bytes up to end touch. */
static uint64_t last_frame(uint64_t end)
{
    return (end - 1) >> FRAME_SHIFT;
}

static bool range_meets(const struct board_range *r, uint64_t first, uint64_t end)
{
    return r->base.v >> FRAME_SHIFT < end && first <= last_frame(r->base.v + r->size);
}

bool board_meets(const struct board_range *r, uint32_t count, uint64_t first, uint64_t end)
{
    for (; count; count--, r++) {
        if (r->size && range_meets(r, first, end))
            return true;
    }
    return false;
}

/* The first of the registers that one up to it touches frame first or one above. */
static uint32_t mmio_seek(const struct board *b, uint64_t first)
{
    uint32_t low = 0, high = b->mmios;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (last_frame(b->mmio_end[mid]) < first)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct board_range *board_mmio_next(const struct board *b, const struct board_range *m, uint64_t first,
                                          uint64_t end)
{
    const struct board_range *last = b->mmio + b->mmios;

    for (m = m ? m + 1 : b->mmio + mmio_seek(b, first); m < last && m->base.v >> FRAME_SHIFT < end; m++) {
        if (range_meets(m, first, end))
            return m;
    }
    return NULL;
}

bool board_is_doorbell(const struct board *b, uint64_t first, uint64_t frames)
{
    for (const struct board_range *m = NULL; (m = board_mmio_next(b, m, first, first + 1));) {
        if (first == (m->base.v + 0x10000) >> FRAME_SHIFT && frames <= 16 && m->size >= 0x20000 &&
            dt_is_compatible(b->dt, m->node, "arm,gic-v3-its"))
            return true;
    }
    return false;
}

/* Entries of n's reg that are addresses of the machine, as far as its parent's bus speaks them. */
static uint32_t mmio_bound(const struct dt *dt, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(dt, n, "reg");
    dt_node_t bus = dt->node[n].parent;
    uint32_t ac = dt_address_cells(dt, bus), sc = dt_size_cells(dt, bus);

    if (!p || ac < 1 || ac > 2 || (bus != DT_ROOT && !dt_has(dt, bus, "ranges")))
        return 0;
    return p->len / (4 * (ac + sc));
}

err_t board_mmio_sort(struct board *b, struct arena *a, struct diag *d)
{
    uint64_t last = 0;

    b->mmio_end = ARENA_NEW(a, uint64_t, b->mmios, d);
    if (!b->mmio_end)
        return ERR_NO_SPACE;
    sort_by_first(b->mmio, b->mmios, sizeof *b->mmio);
    for (uint32_t i = 0; i < b->mmios; i++) {
        uint64_t end = b->mmio[i].base.v + b->mmio[i].size;

        last = end > last ? end : last;
        b->mmio_end[i] = last;
    }
    return ERR_NONE;
}

/* A reg that no bus passes on is not at any address of ours; a device that is assigned gets its reg checked.
 */
err_t board_read_mmio(const struct board_reader *r, uint32_t max)
{
    const struct dt *dt = r->dt;
    dt_node_t reserved = dt_find(dt, "/reserved-memory");
    struct board *b = r->b;
    struct diag skipped = {{0}};

    b->mmio = ARENA_NEW(r->a, struct board_range, max, r->d);
    if (!b->mmio)
        return ERR_NO_SPACE;
    for (dt_node_t n = 1; n < dt->nodes; n++) {
        uint32_t entries = dt->node[n].parent == reserved ? 0 : mmio_bound(dt, n);

        if (entries && (!dt_is_enabled(dt, n) || is_type(dt, n, "memory")))
            continue;
        for (uint32_t i = 0; i < entries; i++) {
            const struct board_reader quiet = {.b = b, .dt = dt, .d = &skipped};
            struct board_range m;
            bool exists;

            if (!board_read_reg(&quiet, n, i, &m, &exists) && exists && m.size && b->mmios < max)
                b->mmio[b->mmios++] = m;
        }
    }
    return board_mmio_sort(b, r->a, r->d);
}

static err_t cpu_add(const struct board_reader *r, dt_node_t n, uint32_t cells)
{
    const struct dt_prop *p = dt_prop(r->dt, n, "reg");
    struct board *b = r->b;
    const char *method;
    uint64_t mpidr;
    err_t e = dt_read_string(r->dt, n, "enable-method", "psci", &method, r->d);

    if (e)
        return e;
    if (!p || p->len != 4 * cells)
        return board_fail(r, n, "reg: %u bytes, %u cells of 4 are right", p ? p->len : 0, cells);
    if (strcmp(method, "psci"))
        return board_fail(r, n, "enable-method: \"%.*s\", only \"psci\" can start a CPU", 32, method);
    mpidr = dt_cells(p, 0, cells);
    if (mpidr & ~MPIDR_AFFINITY)
        return board_fail(r, n, "reg: 0x%llx has bits besides MPIDR affinities", (unsigned long long)mpidr);
    for (uint32_t i = 0; i < b->cpus; i++) {
        if (b->cpu[i].id == mpidr)
            return board_fail(r, n, "reg: 0x%llx is there twice", (unsigned long long)mpidr);
    }
    b->cpu[b->cpus++] = (struct board_cpu){.id = mpidr, .node = n};
    return ERR_NONE;
}

err_t board_read_cpus(const struct board_reader *r)
{
    const struct dt *dt = r->dt;
    dt_node_t cpus = dt_find(dt, "/cpus"), first = cpus == DT_NONE ? DT_NONE : dt->node[cpus].child;
    uint32_t max = 0, cells;
    err_t e = ERR_NONE;

    for (dt_node_t n = first; n != DT_NONE; n = dt->node[n].next)
        max += is_type(dt, n, "cpu") && dt_is_enabled(dt, n);
    if (!max)
        return board_fail(r, DT_ROOT, "no CPU: /cpus has no enabled child with device_type = \"cpu\"");
    cells = dt_address_cells(dt, cpus);
    if (cells < 1 || cells > 2)
        return board_fail(r, cpus, "#address-cells: %u, 1 or 2 is right", cells);
    r->b->cpu = ARENA_NEW(r->a, struct board_cpu, max, r->d);
    if (!r->b->cpu)
        return ERR_NO_SPACE;
    for (dt_node_t n = first; !e && n != DT_NONE; n = dt->node[n].next) {
        if (is_type(dt, n, "cpu") && dt_is_enabled(dt, n))
            e = cpu_add(r, n, cells);
    }
    return e;
}
