/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_dt.h"

#include "dt_write.h"
#include "fmt.h"

#include <libfdt.h>
#include <string.h>

#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2
#define CLOCK_HZ      24000000

/* Interrupt specifier: type, number, flags (Linux Documentation: interrupt-controller/arm,gic-v3.yaml). */
#define IRQ_SPI   0
#define IRQ_PPI   1
#define IRQ_EDGE  1
#define IRQ_LEVEL 4

/* phys.hi of a PCI address (IEEE 1275 PCI binding, 2.2.1.1): memory space by address size. */
#define PCI_SPACE_MEM32 0x02000000
#define PCI_SPACE_MEM64 0x03000000

#define NAME_MAX_TEXT 64

/* The tree being written; once it is full nothing more happens. */
struct writer {
    const struct plan *p;
    const struct plan_partition *pp;
    struct dt_writer dt;
};

static void begin(struct writer *w, const char *name)
{
    dt_write_begin(&w->dt, name);
}

static void begin_at(struct writer *w, const char *name, size_t name_len, uint64_t addr)
{
    char text[NAME_MAX_TEXT];

    fmt_print(text, sizeof text, "%.*s@%lx", (int)name_len, name, addr);
    begin(w, text);
}

static void end(struct writer *w)
{
    dt_write_end(&w->dt);
}

static void put(struct writer *w, const char *name, const void *val, size_t len)
{
    void *to = dt_write_prop(&w->dt, name, len);

    if (to)
        memcpy(to, val, len);
}

static void put_flag(struct writer *w, const char *name)
{
    put(w, name, "", 0);
}

static void put_string(struct writer *w, const char *name, const char *s)
{
    put(w, name, s, strlen(s) + 1);
}

/* A string list: literals with their zeros inside. */
#define put_strings(w, name, list) put((w), (name), (list), sizeof(list))

static void put_cells(struct writer *w, const char *name, const uint32_t *cell, uint32_t count)
{
    fdt32_t *to = dt_write_prop(&w->dt, name, count * sizeof *to);

    for (uint32_t i = 0; to && i < count; i++)
        to[i] = cpu_to_fdt32(cell[i]);
}

#define CELLS(...)             ((const uint32_t[]){__VA_ARGS__})
#define put_list(w, name, ...) put_cells((w), (name), CELLS(__VA_ARGS__), sizeof CELLS(__VA_ARGS__) / 4)
#define CELLS64(v)             (uint32_t)((v) >> 32), (uint32_t)(v)
#define put_reg(w, addr, size) put_list(w, "reg", CELLS64(addr), CELLS64(size))

static uint32_t irq_flags(struct board_irq irq)
{
    return irq.edge ? IRQ_EDGE : IRQ_LEVEL;
}

#define IRQ_CELLS(i) \
    (i).intid < 32 ? IRQ_PPI : IRQ_SPI, (i).intid < 32 ? (i).intid - 16u : (i).intid - 32u, irq_flags(i)

static void put_bus(struct writer *w, uint32_t address_cells, uint32_t size_cells)
{
    put_list(w, "#address-cells", address_cells);
    put_list(w, "#size-cells", size_cells);
}

static void write_chosen(struct writer *w)
{
    const struct plan_partition *pp = w->pp;
    char path[32];

    begin(w, "chosen");
    put_string(w, "bootargs", pp->m->bootargs);
    if (pp->has_vuart) {
        fmt_print(path, sizeof path, "/pl011@%lx", pp->vuart.v);
        put_string(w, "stdout-path", path);
    }
    if (pp->initrd_size) {
        put_list(w, "linux,initrd-start", CELLS64(pp->initrd.v));
        put_list(w, "linux,initrd-end", CELLS64(pp->initrd.v + pp->initrd_size));
    }
    if (pp->has_ecam)
        put_list(w, "linux,pci-probe-only", 1);
    end(w);
}

/* Memory that a guest may use for anything, also for DMA: of other RAM its kernel must not take buffers. */
static bool is_memory(const struct extent *e)
{
    return e->type == EXT_RAM && e->dma == (R_READ | R_WRITE);
}

/* One node for each run of adjacent memory. */
static void write_memory(struct writer *w)
{
    const struct physmap *m = &w->pp->physmap;

    for (uint32_t i = 0; i < m->count;) {
        const struct extent *e = &m->ext[i++];
        uint64_t frames = e->frames;

        if (!is_memory(e))
            continue;
        for (; i < m->count && is_memory(&m->ext[i]) && m->ext[i].gfn.n == e->gfn.n + frames; i++)
            frames += m->ext[i].frames;
        begin_at(w, "memory", 6, gfn_addr(e->gfn).v);
        put_string(w, "device_type", "memory");
        put_reg(w, gfn_addr(e->gfn).v, frames << FRAME_SHIFT);
        end(w);
    }
}

/* As the board's node has it; false: it has none. */
static bool put_copy(struct writer *w, dt_node_t n, const char *name)
{
    const struct dt_prop *p = dt_prop(w->p->board->dt, n, name);

    if (p)
        put(w, name, p->val, p->len);
    return p != NULL;
}

static void write_cpus(struct writer *w)
{
    const struct plan_partition *pp = w->pp;

    begin(w, "cpus");
    put_bus(w, 1, 0);
    for (uint32_t i = 0; i < pp->cpus; i++) {
        begin_at(w, "cpu", 3, i);
        put_string(w, "device_type", "cpu");
        if (!put_copy(w, w->p->board->cpu[pp->cpu[i]].node, "compatible"))
            put_string(w, "compatible", "arm,armv8");
        put_list(w, "reg", i);
        put_string(w, "enable-method", "psci");
        end(w);
    }
    end(w);
}

static void write_psci(struct writer *w)
{
    begin(w, "psci");
    put_strings(w, "compatible", "arm,psci-1.0\0arm,psci-0.2");
    put_string(w, "method", "hvc");
    end(w);
}

static void write_timer(struct writer *w)
{
    const struct board_timer *t = &w->p->board->timer;

    begin(w, "timer");
    put_string(w, "compatible", "arm,armv8-timer");
    /* By position: secure physical (a guest has none: the non-secure one's), physical, virtual, hypervisor.
     */
    put_list(w, "interrupts", IRQ_CELLS(t->phys), IRQ_CELLS(t->phys), IRQ_CELLS(t->virt), IRQ_CELLS(t->hyp));
    put_flag(w, "always-on");
    end(w);
}

static void write_gic(struct writer *w)
{
    const struct plan_partition *pp = w->pp;

    begin_at(w, "intc", 4, pp->emulated[EMULATED_GICD].v);
    put_string(w, "compatible", "arm,gic-v3");
    put_list(w, "#interrupt-cells", 3);
    put_list(w, "#address-cells", 0);
    put_flag(w, "interrupt-controller");
    put_list(w, "reg", CELLS64(pp->emulated[EMULATED_GICD].v), CELLS64(UINT64_C(0x10000)),
             CELLS64(pp->emulated[EMULATED_GICR].v), CELLS64(UINT64_C(0x20000) * pp->cpus));
    put_list(w, "phandle", PHANDLE_GIC);
    end(w);
}

static void write_clock(struct writer *w)
{
    begin(w, "clk");
    put_string(w, "compatible", "fixed-clock");
    put_list(w, "#clock-cells", 0);
    put_list(w, "clock-frequency", CLOCK_HZ);
    put_list(w, "phandle", PHANDLE_CLOCK);
    end(w);
}

static void write_vuart(struct writer *w)
{
    const struct plan_partition *pp = w->pp;
    struct board_irq irq = {.intid = pp->vuart_intid};

    if (!pp->has_vuart)
        return;
    begin_at(w, "pl011", 5, pp->vuart.v);
    put_strings(w, "compatible", "arm,pl011\0arm,primecell");
    put_reg(w, pp->vuart.v, FRAME_SIZE);
    put_list(w, "interrupts", IRQ_CELLS(irq));
    put_list(w, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
    put_strings(w, "clock-names", "uartclk\0apb_pclk");
    end(w);
}

#define INTX_CELLS 8 /* slot, 0, 0, pin, &gic, type, number, flags */

static void write_intx(struct writer *w)
{
    uint32_t cell[32 * INTX_CELLS], n = 0;

    for (uint32_t i = 0; i < w->pp->devices; i++) {
        const struct plan_device *dev = &w->pp->device[i];
        const uint32_t entry[INTX_CELLS] = {(uint32_t)dev->slot << 11,  0,           0,
                                            dev->fn ? dev->fn->pin : 0, PHANDLE_GIC, IRQ_CELLS(dev->irq)};

        if (!dev->fn || !dev->has_irq || n + INTX_CELLS > sizeof cell / sizeof *cell)
            continue;
        memcpy(&cell[n], entry, sizeof entry);
        n += INTX_CELLS;
    }
    if (!n)
        return;
    put_list(w, "#interrupt-cells", 1);
    put_list(w, "interrupt-map-mask", 0xf800, 0, 0, 7);
    put_cells(w, "interrupt-map", cell, n);
}

static void write_pci(struct writer *w)
{
    const struct plan_partition *pp = w->pp;
    uint64_t base = pp->pci_mem.v, size = pp->pci_mem_size;
    uint32_t space = base + size <= UINT64_C(1) << 32 ? PCI_SPACE_MEM32 : PCI_SPACE_MEM64;

    if (!pp->has_ecam)
        return;
    begin_at(w, "pcie", 4, pp->ecam.v);
    put_string(w, "compatible", "pci-host-ecam-generic");
    put_string(w, "device_type", "pci");
    put_bus(w, 3, 2);
    put_list(w, "bus-range", 0, 0);
    put_list(w, "linux,pci-domain", 0);
    put_reg(w, pp->ecam.v, UINT64_C(1) << 20);
    if (size)
        put_list(w, "ranges", space, CELLS64(base), CELLS64(base), CELLS64(size));
    if (dt_is_coherent(w->p->board->dt, w->p->board->pci.node))
        put_flag(w, "dma-coherent");
    write_intx(w);
    end(w);
}

/* What of a board's node a guest's driver reads and that names no other node. */
static const char *const copied[] = {
    "compatible",    "reg-names",   "interrupt-names", "reg-io-width",          "reg-shift", "bank-width", "fifo-size",
    "current-speed", "clock-names", "clock-frequency", "arm,primecell-periphid"};

/* Every clock of the board's node becomes the fixed one: firmware has left them running. */
static void write_clocks(struct writer *w, dt_node_t n)
{
    const struct dt_prop *names = dt_prop(w->p->board->dt, n, "clock-names");
    uint32_t cell[8], count = 0;

    for (uint32_t i = 0; names && i < names->len; i++)
        count += names->val[i] == 0;
    if (!names && dt_has(w->p->board->dt, n, "clocks"))
        count = 1;
    count = count < 8 ? count : 8;
    for (uint32_t i = 0; i < count; i++)
        cell[i] = PHANDLE_CLOCK;
    if (count)
        put_cells(w, "clocks", cell, count);
}

#define LIST_MAX 64 /* cells of reg and of interrupts */

/* A list that does not fit is an error, never a shorter list. */
static bool list_has_room(struct writer *w, uint32_t cells)
{
    w->dt.full |= cells > LIST_MAX;
    return cells <= LIST_MAX;
}

/* Machine addresses, whatever buses the board's node is behind. */
static uint64_t write_regs(struct writer *w, dt_node_t n, uint32_t *cell, uint32_t *cells, struct diag *d)
{
    uint64_t first = 0;

    for (*cells = 0;; *cells += 4) {
        uint64_t base, size;
        bool exists;

        if (dt_reg(w->p->board->dt, n, *cells / 4, &base, &size, &exists, d) || !exists)
            break;
        if (!list_has_room(w, *cells + 4))
            break;
        memcpy(&cell[*cells], CELLS(CELLS64(base), CELLS64(size)), 16);
        first = *cells ? first : base;
    }
    return first;
}

static void write_irqs(struct writer *w, dt_node_t n, struct diag *d)
{
    uint32_t cell[LIST_MAX], cells = 0;

    for (;; cells += 3) {
        struct board_irq irq;
        bool exists;

        if (board_interrupt(w->p->board, n, cells / 3, &irq, &exists, d) || !exists)
            break;
        if (!list_has_room(w, cells + 3))
            break;
        memcpy(&cell[cells], CELLS(IRQ_CELLS(irq)), 12);
    }
    if (cells)
        put_cells(w, "interrupts", cell, cells);
}

/* A platform device under the root, named after its machine address. */
static void write_platform(struct writer *w, const struct plan_device *dev, struct diag *d)
{
    const struct dt *dt = w->p->board->dt;
    const char *name = dt->node[dev->board_node].name, *at = strchr(name, '@');
    uint32_t reg[LIST_MAX], cells;
    uint64_t base = write_regs(w, dev->board_node, reg, &cells, d);

    begin_at(w, name, at ? (size_t)(at - name) : strlen(name), base);
    for (unsigned i = 0; i < sizeof copied / sizeof *copied; i++)
        put_copy(w, dev->board_node, copied[i]);
    put_cells(w, "reg", reg, cells);
    write_irqs(w, dev->board_node, d);
    write_clocks(w, dev->board_node);
    if (dt_is_coherent(dt, dev->board_node))
        put_flag(w, "dma-coherent");
    end(w);
}

/* Discovery, and memory that is no ordinary RAM: <kind>@ADDRESS, named by the manifest's region. */
static void write_hypervisor(struct writer *w)
{
    static const char *const kind[EXT_TYPES] = {[EXT_RAM] = "mullion,ram",
                                                [EXT_SHARED] = "mullion,shared",
                                                [EXT_RAM_RO] = "mullion,ram-ro",
                                                [EXT_RESERVED] = "mullion,reserved"};

    begin(w, "hypervisor");
    put_string(w, "compatible", "mullion,hypervisor");
    put_string(w, "mullion,partition", w->pp->m->name);
    put_bus(w, 2, 2);
    put_flag(w, "ranges");
    for (uint32_t i = 0; i < w->pp->physmap.count; i++) {
        const struct extent *e = &w->pp->physmap.ext[i];

        if (!kind[e->type] || is_memory(e))
            continue;
        begin_at(w, kind[e->type] + 8, strlen(kind[e->type]) - 8, gfn_addr(e->gfn).v);
        put_string(w, "compatible", kind[e->type]);
        put_reg(w, gfn_addr(e->gfn).v, e->frames << FRAME_SHIFT);
        put_string(w, "mullion,region", e->name);
        if (!(e->cpu & R_WRITE))
            put_flag(w, "read-only");
        end(w);
    }
    end(w);
}

static void write_root(struct writer *w, struct diag *d)
{
    begin(w, "");
    put_bus(w, 2, 2);
    put_strings(w, "compatible", "mullion,guest\0linux,dummy-virt");
    put_string(w, "model", "mullion");
    put_list(w, "interrupt-parent", PHANDLE_GIC);
    write_chosen(w);
    write_memory(w);
    write_cpus(w);
    write_psci(w);
    write_timer(w);
    write_gic(w);
    write_clock(w);
    write_vuart(w);
    write_pci(w);
    for (uint32_t i = 0; i < w->pp->devices; i++) {
        if (!w->pp->device[i].fn)
            write_platform(w, &w->pp->device[i], d);
    }
    write_hypervisor(w);
    end(w);
}

err_t guest_dt_write(const struct plan *p, const struct plan_partition *pp, void *buf, size_t size, size_t *used,
                     struct diag *d)
{
    struct writer w = {.p = p, .pp = pp};

    dt_write_start(&w.dt, buf, size < GUEST_DTB_MAX ? size : GUEST_DTB_MAX);
    write_root(&w, d);
    *used = dt_write_finish(&w.dt);
    return *used ? ERR_NONE
                 : diag_fail(d, ERR_NO_SPACE, "partition %s: its device tree does not fit %lu bytes", pp->m->name,
                             (uint64_t)size);
}
