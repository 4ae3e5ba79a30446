/* SPDX-License-Identifier: Apache-2.0 */
/* The interrupts of the board's nodes. */
#include "board_read.h"

#include <string.h>

err_t board_read_gic_irq(const struct board_reader *r, dt_node_t n, const struct dt_prop *p, uint32_t i,
                         struct board_irq *out)
{
    /* Arm GICv3 binding: type, number, flags (1 and 2 edge, 4 and 8 level). */
    static const struct {
        uint16_t first, count;
    } types[] = {{32, 988}, {16, 16}};
    uint32_t type = dt_cell(p, i), number = dt_cell(p, i + 1), flags = dt_cell(p, i + 2);

    if (type > 1 || number >= types[type].count)
        return board_fail(r, n, "%s: <%u %u ...> is neither <0 N> (SPI, N up to 987) nor <1 N> (PPI, N up to 15)",
                          p->name, type, number);
    *out = (struct board_irq){.intid = (uint16_t)(types[type].first + number), .edge = (flags & 3) != 0};
    return ERR_NONE;
}

/* The controller that n's `interrupts` speak to, DT_NONE when nobody says. */
static dt_node_t interrupt_parent(const struct dt *dt, dt_node_t n)
{
    const struct dt_prop *p = NULL;

    for (; n != DT_NONE && !p; n = dt->node[n].parent)
        p = dt_prop(dt, n, "interrupt-parent");
    return p && p->len == 4 ? dt_by_phandle(dt, dt_cell(p, 0)) : DT_NONE;
}

uint32_t board_interrupt_cells(const struct dt *dt, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(dt, n, "#interrupt-cells");

    return p && p->len == 4 ? dt_cell(p, 0) : 0;
}

/* Entry i of `interrupts-extended`: each is a phandle and as many cells as that controller wants. */
static err_t extended_find(const struct board_reader *r, dt_node_t n, const struct dt_prop *p, uint32_t i,
                           struct board_irq *out, bool *exists)
{
    uint32_t at = 0, cells = p->len / 4;

    for (; at < cells; i--) {
        dt_node_t ctl = dt_by_phandle(r->dt, dt_cell(p, at));
        uint32_t width = ctl == DT_NONE ? 0 : board_interrupt_cells(r->dt, ctl);

        if (!width || width > cells - at - 1)
            return board_fail(r, n, "interrupts-extended: cell %u: no interrupt controller, or too few cells for it",
                              at);
        if (!i && ctl != r->b->gic.node)
            return board_fail(r, n, "interrupts-extended: cell %u: not the GIC", at);
        if (!i) {
            *exists = true;
            return board_read_gic_irq(r, n, p, at + 1, out);
        }
        at += 1 + width;
    }
    return ERR_NONE;
}

static err_t interrupt_read(const struct board_reader *r, dt_node_t n, uint32_t i, struct board_irq *out, bool *exists)
{
    const struct dt_prop *p = dt_prop(r->dt, n, "interrupts-extended");
    uint32_t width = board_interrupt_cells(r->dt, r->b->gic.node);

    *exists = false;
    if (p)
        return extended_find(r, n, p, i, out, exists);
    p = dt_prop(r->dt, n, "interrupts");
    if (!p)
        return ERR_NONE;
    if (interrupt_parent(r->dt, n) != r->b->gic.node)
        return board_fail(r, n, "interrupts: the interrupt-parent is not the GIC");
    if (!width || p->len % (4 * width))
        return board_fail(r, n, "interrupts: %u bytes are not whole entries of %u cells", p->len, width);
    if (i >= p->len / (4 * width))
        return ERR_NONE;
    *exists = true;
    return board_read_gic_irq(r, n, p, i * width, out);
}

err_t board_interrupt(const struct board *b, dt_node_t n, uint32_t i, struct board_irq *out, bool *exists,
                      struct diag *d)
{
    const struct board_reader r = {.b = (struct board *)b, .dt = b->dt, .d = d};

    return interrupt_read(&r, n, i, out, exists);
}

uint32_t board_interrupt_named(const struct dt *dt, dt_node_t n, const char *name, uint32_t def)
{
    const struct dt_prop *p = dt_prop(dt, n, "interrupt-names");
    const char *at, *end;

    if (!p)
        return def;
    at = (const char *)p->val;
    end = at + p->len;
    for (uint32_t i = 0; at < end; i++) {
        const char *nul = memchr(at, 0, (size_t)(end - at));

        if (!nul)
            break;
        if (!strcmp(at, name))
            return i;
        at = nul + 1;
    }
    return UINT32_MAX;
}

void board_interrupt_optional(const struct board_reader *r, dt_node_t n, uint32_t i, struct board_irq *out)
{
    struct diag unread = {0};
    const struct board_reader quiet = {.b = r->b, .dt = r->dt, .d = &unread};
    bool exists;

    *out = (struct board_irq){0};
    if (interrupt_read(&quiet, n, i, out, &exists))
        *out = (struct board_irq){0};
}

err_t board_interrupt_private(const struct board_reader *r, dt_node_t n, uint32_t i, const char *what,
                              struct board_irq *out)
{
    bool exists;
    err_t e;

    *out = (struct board_irq){0};
    e = interrupt_read(r, n, i, out, &exists);
    if (!e && (out->intid < 16 || out->intid > 31))
        e = board_fail(r, n, "interrupts: no per-CPU interrupt (<1 N flags>) for the %s", what);
    return e;
}
