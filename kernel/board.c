/* SPDX-License-Identifier: Apache-2.0 */
#include "board_read.h"

#include "fmt.h"
#include "guest_image.h"
#include "iommu/kind.h"

#include <string.h>

#define ADDR_BITS 52
/* IHI 0069 (GICv3), 12.8 and 12.10: the distributor's frame, and RD_base with SGI_base of one CPU. */
#define GICD_SIZE 0x10000
#define GICR_SIZE 0x20000
/* IHI 0070 (SMMUv3), 6.1: two pages of 64 KiB. */
#define SMMU_SIZE 0x20000
#define UART_SIZE 0x1000
#define SPI_FIRST 32
/* In frames: what a partition sees of the distributor, of the redistributor of one CPU, and of one bus of ECAM. */
#define GICD_FRAMES 16u
#define GICR_FRAMES 32u
#define ECAM_FRAMES 256u

err_t board_fail(const struct board_reader *r, dt_node_t n, const char *fmt, ...)
{
    char path[128], text[256];
    va_list ap;

    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    return diag_fail(r->d, ERR_INVALID, "board: %s: %s", dt_path(r->dt, n, path, sizeof path), text);
}

err_t board_read_reg(const struct board_reader *r, dt_node_t n, uint32_t i, struct board_range *out, bool *exists)
{
    const uint64_t limit = UINT64_C(1) << ADDR_BITS;
    uint64_t base = 0, size = 0;
    err_t e = dt_reg(r->dt, n, i, &base, &size, exists, r->d);

    *out = (struct board_range){.name = r->dt->node[n].name, .node = n};
    if (e || !*exists)
        return e;
    if (size > limit || base > limit - size)
        return board_fail(r, n, "reg: 0x%llx + 0x%llx passes 2^%d", (unsigned long long)base, (unsigned long long)size,
                          ADDR_BITS);
    out->base = maddr(base);
    out->size = size;
    return ERR_NONE;
}

err_t board_need_reg(const struct board_reader *r, dt_node_t n, uint32_t i, uint64_t min, struct board_range *out)
{
    bool exists;
    err_t e = board_read_reg(r, n, i, out, &exists);

    if (e)
        return e;
    if (!exists || out->size < min)
        return board_fail(r, n, "reg: entry %u is missing or smaller than 0x%llx bytes", i, (unsigned long long)min);
    return ERR_NONE;
}

static err_t read_gic(const struct board_reader *r, dt_node_t n)
{
    struct board_gic *g = &r->b->gic;
    struct board_range range;
    err_t e;

    if (n == DT_NONE)
        return board_fail(r, DT_ROOT, "no enabled node is compatible with arm,gic-v3, the interrupt controller needed");
    *g = (struct board_gic){.version = 3, .node = n};
    if (board_interrupt_cells(r->dt, n) < 3 || board_interrupt_cells(r->dt, n) > 4)
        return board_fail(r, n, "#interrupt-cells: %u, 3 or 4 is right", board_interrupt_cells(r->dt, n));
    e = board_need_reg(r, n, 0, GICD_SIZE, &range);
    if (e)
        return e;
    g->gicd = range.base;
    g->gicd_size = range.size;
    e = dt_read_u32(r->dt, n, "#redistributor-regions", 1, &g->gicrs, r->d);
    if (e)
        return e;
    if (!g->gicrs || g->gicrs > dt_prop(r->dt, n, "reg")->len / 8)
        return board_fail(r, n, "#redistributor-regions: %u, but reg has not so many entries", g->gicrs);
    g->gicr = ARENA_NEW(r->a, struct board_range, g->gicrs, r->d);
    if (!g->gicr)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; !e && i < g->gicrs; i++)
        e = board_need_reg(r, n, 1 + i, GICR_SIZE, &g->gicr[i]);
    return e ? e : board_interrupt_private(r, n, 0, "maintenance interrupt", &g->maintenance);
}

static err_t read_timer(const struct board_reader *r, dt_node_t n)
{
    struct board_timer *t = &r->b->timer;
    err_t e;

    if (n == DT_NONE)
        return board_fail(r, DT_ROOT, "no enabled node is compatible with arm,armv8-timer");
    e = board_interrupt_private(r, n, board_interrupt_named(r->dt, n, "phys", 1), "physical timer", &t->phys);
    if (!e)
        e = board_interrupt_private(r, n, board_interrupt_named(r->dt, n, "virt", 2), "virtual timer", &t->virt);
    if (!e)
        e = board_interrupt_private(r, n, board_interrupt_named(r->dt, n, "hyp-phys", 3), "hypervisor's timer",
                                    &t->hyp);
    return e;
}

/* What /chosen/stdout-path names: a path or an alias, before any ":options". DT_NONE: nothing that exists. */
static dt_node_t stdout_node(const struct dt *dt)
{
    dt_node_t chosen = dt_find(dt, "/chosen"), aliases = dt_find(dt, "/aliases");
    const char *text = NULL;
    char path[256];
    struct diag d = {0};

    if (chosen == DT_NONE || dt_read_string(dt, chosen, "stdout-path", NULL, &text, &d) || !text)
        return DT_NONE;
    fmt_print(path, sizeof path, "%.*s", (int)strcspn(text, ":"), text);
    if (*path == '/' || aliases == DT_NONE)
        return dt_find(dt, path);
    if (dt_read_string(dt, aliases, path, NULL, &text, &d) || !text)
        return DT_NONE;
    return dt_find(dt, text);
}

/* A board whose standard output is not a PL011 has no console for us, even if it has a PL011 for something
 * else. */
static err_t read_uart(const struct board_reader *r, dt_node_t first)
{
    struct board_uart *u = &r->b->uart;
    dt_node_t out = stdout_node(r->dt), n = out == DT_NONE ? first : out;
    struct board_range range;
    err_t e;

    if (n == DT_NONE || !dt_is_compatible(r->dt, n, "arm,pl011") || !dt_is_enabled(r->dt, n))
        return ERR_NONE;
    e = board_need_reg(r, n, 0, UART_SIZE, &range);
    if (e)
        return e;
    *u = (struct board_uart){.present = true, .node = n, .base = range.base, .size = range.size};
    board_interrupt_optional(r, n, 0, &u->irq);
    return ERR_NONE;
}

static err_t read_smmu(const struct board_reader *r, dt_node_t n, struct board_iommu *s)
{
    uint32_t both = board_interrupt_named(r->dt, n, "combined", UINT32_MAX);
    struct board_range range;
    err_t e = board_need_reg(r, n, 0, SMMU_SIZE, &range);

    if (e)
        return e;
    *s = (struct board_iommu){
        .kind = &iommu_kind_smmuv3,
        .node = n,
        .phandle = r->dt->node[n].phandle,
        .base = range.base,
        .size = range.size,
        .coherent = dt_is_coherent(r->dt, n),
        .sid_bits = 16,
        .in_bits = 48,
        .out_bits = 48,
        .leaf_level = 2,
        .domain_bits = 16,
        .stage2 = true,
    };
    board_interrupt_optional(r, n, both == UINT32_MAX ? board_interrupt_named(r->dt, n, "eventq", UINT32_MAX) : both,
                             &s->eventq);
    board_interrupt_optional(r, n, both == UINT32_MAX ? board_interrupt_named(r->dt, n, "gerror", UINT32_MAX) : both,
                             &s->gerror);
    return ERR_NONE;
}

static err_t read_iommus(const struct board_reader *r, const struct board_nodes *nodes)
{
    err_t e = ERR_NONE;

    r->b->iommu = ARENA_NEW(r->a, struct board_iommu, nodes->iommus, r->d);
    if (!r->b->iommu)
        return ERR_NO_SPACE;
    while (!e && r->b->iommus < nodes->iommus) {
        uint32_t i = r->b->iommus++;

        e = read_smmu(r, nodes->iommu[i], &r->b->iommu[i]);
    }
    return e;
}

bool board_node_stream(const struct board *b, dt_node_t n, uint32_t *iommu, uint32_t *sid)
{
    const struct dt_prop *p = dt_prop(b->dt, n, "iommus");

    if (!p || p->len != 8)
        return false;
    *sid = dt_cell(p, 1);
    for (*iommu = 0; *iommu < b->iommus; ++*iommu) {
        if (dt_cell(p, 0) && b->iommu[*iommu].phandle == dt_cell(p, 0))
            return true;
    }
    return false;
}

const char *board_master_word(const struct board *b, dt_node_t n)
{
    /* What only a bus master's own node has, and kinds that are masters without saying so. */
    static const char words[][20] = {"dma-coherent", "dma-noncoherent", "dma-ranges",       "#dma-cells",
                                     "iommus",       "virtio,mmio",     "qemu,fw-cfg-mmio", "arm,pl330"};

    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (dt_has(b->dt, n, words[i]) || dt_is_compatible(b->dt, n, words[i]))
            return words[i];
    }
    return NULL;
}

/* Our own calls to firmware are SMCs: an HVC at EL2 would come back to us. */
static err_t check_psci(const struct board_reader *r, dt_node_t n)
{
    const char *method;
    err_t e;

    if (n == DT_NONE)
        return r->b->cpus > 1
                   ? board_fail(r, DT_ROOT, "%u CPUs, but no node compatible with arm,psci-0.2 or 1.0 to start them",
                                r->b->cpus)
                   : ERR_NONE;
    e = dt_read_string(r->dt, n, "method", "", &method, r->d);
    if (!e && strcmp(method, "smc"))
        e = board_fail(r, n, "method: \"%.*s\", only \"smc\" reaches firmware from EL2 (QEMU: virtualization=on)", 16,
                       method);
    return e;
}

/* Registers that are the hypervisor's, and what partitions see in their place. */
static err_t read_emulated(const struct board_reader *r)
{
    struct board *b = r->b;
    const struct board_gic *g = &b->gic;
    const struct board_emulated list[BOARD_EMULATED] = {
        [EMULATED_GICD] = {.base = g->gicd,
                           .frames = GICD_FRAMES,
                           .room = g->gicd_size >> FRAME_SHIFT,
                           .name = "interrupt distributor"},
        [EMULATED_GICR] = {.base = g->gicr[0].base,
                           .frames = GICR_FRAMES,
                           .room = g->gicr[0].size >> FRAME_SHIFT,
                           .name = "interrupt redistributors",
                           .per_cpu = true},
        {.base = b->uart.base, .frames = 1, .room = 1, .name = "virtual UART", .when = WHEN_VUART},
        {.base = b->pci.ecam,
         .frames = ECAM_FRAMES,
         .room = ECAM_FRAMES,
         .name = "PCI configuration space",
         .when = WHEN_PCI},
    };

    b->kept = ARENA_NEW(r->a, struct board_range, 1 + g->gicrs, r->d);
    if (!b->kept)
        return ERR_NO_SPACE;
    b->kept[b->kepts++] =
        (struct board_range){.base = g->gicd, .size = g->gicd_size, .name = "the interrupt distributor"};
    for (uint32_t i = 0; i < g->gicrs; i++) {
        b->kept[b->kepts] = g->gicr[i];
        b->kept[b->kepts++].name = "the interrupt redistributors";
    }
    memcpy(b->emulated, list, sizeof list);
    b->emulateds = BOARD_EMULATED;
    return ERR_NONE;
}

/*
 * The tree.
 */

static void scan_compatible(struct board_nodes *s, dt_node_t n, const char *word)
{
    static const struct {
        char word[23];
        uint8_t kind;
    } words[] = {
        {"arm,gic-v3", BOARD_GIC},    {"arm,armv8-timer", BOARD_TIMER}, {"arm,psci-0.2", BOARD_PSCI},
        {"arm,psci-1.0", BOARD_PSCI}, {"arm,pl011", BOARD_UART},        {"pci-host-ecam-generic", BOARD_PCI},
    };

    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        dt_node_t *first = &s->first[words[i].kind];

        if ((*first == DT_NONE || words[i].kind == BOARD_PCI) && !strcmp(word, words[i].word)) {
            s->hosts += words[i].kind == BOARD_PCI && *first != n;
            *first = n;
        }
    }
    if (s->iommus <= BOARD_SMMUS && !strcmp(word, "arm,smmu-v3")) {
        if (s->iommus < BOARD_SMMUS)
            s->iommu[s->iommus] = n;
        s->iommus++;
    }
}

static void scan_node(const struct dt *dt, struct board_nodes *s, dt_node_t n)
{
    const struct dt_prop *p = dt_prop(dt, n, "compatible"), *reg = dt_prop(dt, n, "reg");
    const char *at, *end, *nul;

    if ((!p && !reg) || !dt_is_enabled(dt, n))
        return;
    s->regs += reg ? reg->len / 8 : 0;
    if (!p)
        return;
    at = (const char *)p->val;
    end = at + p->len;
    for (; at < end && (nul = memchr(at, 0, (size_t)(end - at))); at = nul + 1)
        scan_compatible(s, n, at);
}

err_t board_read(struct board *b, const struct dt *dt, struct arena *a, struct diag *d)
{
    const struct board_reader r = {.b = b, .dt = dt, .a = a, .d = d};
    struct board_nodes s = {.first = {DT_NONE, DT_NONE, DT_NONE, DT_NONE, DT_NONE}};
    err_t e;

    *b = (struct board){.dt = dt,
                        .line_first = SPI_FIRST,
                        .p2m = &p2m_arm_s2,
                        .own = &own_arm_el2,
                        .guest = &guest_arm64,
                        .pa_bits = 40,
                        .vmid_bits = 16};
    for (dt_node_t n = 1; n < dt->nodes; n++)
        scan_node(dt, &s, n);
    if (s.iommus > BOARD_SMMUS)
        return board_fail(&r, DT_ROOT, "more than %d nodes are compatible with arm,smmu-v3", BOARD_SMMUS);
    if (s.hosts > 1)
        return board_fail(&r, s.first[BOARD_PCI],
                          "this board has %u PCI hosts; one is supported, for masters behind another could not be "
                          "kept quiet: disable it (status)",
                          s.hosts);
    e = board_read_memory(&r);
    if (!e)
        e = board_read_cpus(&r);
    if (!e)
        e = check_psci(&r, s.first[BOARD_PSCI]);
    if (!e)
        e = read_gic(&r, s.first[BOARD_GIC]);
    if (!e)
        e = read_timer(&r, s.first[BOARD_TIMER]);
    if (!e)
        e = read_uart(&r, s.first[BOARD_UART]);
    if (!e)
        e = read_iommus(&r, &s);
    if (!e && s.first[BOARD_PCI] != DT_NONE)
        e = board_read_pci(&r, s.first[BOARD_PCI]);
    if (!e)
        e = read_emulated(&r);
    return e ? e : board_read_mmio(&r, s.regs);
}
