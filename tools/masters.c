/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bus master of the board that no partition has, and what keeps it: so each stream and each function is
 * assigned, in quarantine or waived, and whoever is none of these is named.
 */
#include "tool.h"

#include <string.h>

enum state {
    ASSIGNED, /* shown with its partition */
    ABORTS,
    ON_SCRATCH,
    MASTER_OFF, /* PCI: no IOMMU in front, but bus mastering is off and nobody can turn it on */
    WAIVED,
    LEFT_ALONE, /* nothing stands in front, and nothing is said about it */
};

static const char *const words[] = {
    [ABORTS] = "quarantined: its IOMMU blocks it",
    [ON_SCRATCH] = "quarantined: it reaches the quarantine's scratch page and nothing else",
    [MASTER_OFF] = "quarantined: no IOMMU stands in front; bus mastering is off, and nobody can turn it on",
    [WAIVED] = "waived: it stays as firmware left it",
    [LEFT_ALONE] = "NOT KEPT: no IOMMU stands in front; it stays as firmware left it: say waived in /quarantine",
};

/* The entry of /quarantine about a function or a node, and whether a partition has it. */
static const struct plan_device *device_find(const struct plan *p, const struct pci_function *fn, dt_node_t n,
                                             bool *assigned)
{
    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++) {
        for (uint32_t i = 0; i < pp->devices; i++) {
            const struct plan_device *dev = &pp->device[i];

            if (fn ? dev->fn == fn : !dev->fn && dev->board_node == n) {
                *assigned = pp != p->quarantine;
                return dev;
            }
        }
    }
    return NULL;
}

static enum state state_of(const struct plan *p, const struct pci_function *fn, dt_node_t n, bool stream)
{
    bool assigned = false;
    const struct plan_device *dev = device_find(p, fn, n, &assigned);

    if (assigned)
        return ASSIGNED;
    if (stream)
        return dev && dev->is_protected ? ON_SCRATCH : ABORTS;
    if (fn)
        return MASTER_OFF;
    return dev ? WAIVED : LEFT_ALONE;
}

static void functions_print(FILE *f, const struct plan *p)
{
    for (uint32_t i = 0; i < p->board->pci.fns; i++) {
        const struct pci_function *fn = &p->board->pci.fn[i];
        uint32_t iommu, sid;
        enum state s = state_of(p, fn, DT_NONE, board_pci_stream(p->board, fn->bdf, &iommu, &sid));

        if (s != ASSIGNED)
            fprintf(f, "  PCI %02x:%02x.%x [%04x:%04x]%s: %s\n", fn->bdf >> 8, fn->bdf >> 3 & 31u, fn->bdf & 7u,
                    fn->vendor, fn->device, fn->header ? " (bridge)" : "", words[s]);
    }
}

/* Masters of one kind that follow each other in the tree make one line. */
struct group {
    char path[256];
    size_t kind; /* characters of path that all have: up to the address */
    enum state state;
    unsigned more;
};

static void group_print(FILE *f, const struct group *g)
{
    if (!*g->path)
        return;
    fprintf(f, "  %s", g->path);
    if (g->more)
        fprintf(f, " and %u more", g->more);
    fprintf(f, ": %s\n", words[g->state]);
}

static bool is_master(const struct board *b, dt_node_t n)
{
    return board_master_word(b, n) && dt_is_enabled(b->dt, n) && dt_has(b->dt, n, "reg") &&
           !dt_has(b->dt, n, "#iommu-cells") && !(b->pci.present && n == b->pci.node);
}

static void nodes_print(FILE *f, const struct plan *p)
{
    const struct board *b = p->board;
    struct group g = {{0}, 0, ASSIGNED, 0};

    for (dt_node_t n = 1; n < b->dt->nodes; n++) {
        uint32_t iommu, sid;
        struct group next = {{0}, 0, ASSIGNED, 0};

        if (!is_master(b, n))
            continue;
        next.state = state_of(p, NULL, n, board_node_stream(b, n, &iommu, &sid));
        if (next.state == ASSIGNED)
            continue;
        dt_path(b->dt, n, next.path, sizeof next.path);
        next.kind = strcspn(next.path, "@");
        if (next.state == g.state && next.kind == g.kind && !memcmp(next.path, g.path, g.kind)) {
            g.more++;
        } else {
            group_print(f, &g);
            g = next;
        }
    }
    group_print(f, &g);
}

void masters_print(FILE *f, const struct plan *p)
{
    fprintf(f, "\nmasters of the board that no partition has\n");
    functions_print(f, p);
    nodes_print(f, p);
}
