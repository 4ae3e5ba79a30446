/* SPDX-License-Identifier: Apache-2.0 */
/* Distributor and redistributors. Section numbers are those of IHI 0069. */
#include "gicv3.h"

#include "arch.h"

#define GIC_CTLR 0x0000 /* in both frames */

/* Distributor (12.9) */
MMIO_REG32_RW(gicd, ctlr, GIC_CTLR)
MMIO_REG32_RO(gicd, typer, 0x0004)
MMIO_REG32_RO(gicd, pidr2, 0xffe8)
#define GICD_CTLR_ENABLE_GRP1 \
    (1u << 1) /* EnableGrp1 with one security state, EnableGrp1A seen from the non-secure one */
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define GICD_IROUTER  0x6000

#define GICR_WAKER 0x0014
/* Redistributor: RD_base (12.10); SGI_base has the registers below at the distributor's offsets */
MMIO_REG32_RW(gicr, ctlr, GIC_CTLR)
MMIO_REG64_RO(gicr, typer, 0x0008)
MMIO_REG32_RW(gicr, waker, GICR_WAKER)
MMIO_REG32_RO(gicr, pidr2, 0xffe8)
#define GICR_CTLR_ENABLE_LPIS      (1u << 0)
#define GICR_CTLR_RWP              (1u << 3)
#define GICR_TYPER_VLPIS           (UINT64_C(1) << 1)
#define GICR_TYPER_LAST            (UINT64_C(1) << 4)
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_SGI_BASE              UINT64_C(0x10000)
#define GICR_STRIDE                UINT64_C(0x20000) /* with virtual LPIs (GICv4) twice that */
#define GICR_WALK                  4096u             /* frames of one region, whatever firmware says its size is */

/* One bit, two bits or a byte for each INTID, SPIs in the distributor, the others in a redistributor */
#define GIC_IGROUPR    0x080
#define GIC_ISENABLER  0x100
#define GIC_ICENABLER  0x180
#define GIC_ISPENDR    0x200
#define GIC_ICPENDR    0x280
#define GIC_ISACTIVER  0x300
#define GIC_ICACTIVER  0x380
#define GIC_IPRIORITYR 0x400
#define GIC_ICFGR      0xc00

#define GIC_ARCH_REV(pidr2) (((pidr2) >> 4) & 15)
#define ALL_INTIDS          UINT32_MAX
#define EACH_BYTE(v)        ((uint32_t)(v)*0x01010101u)

struct gicv3 gicv3;

/* Wait until every bit of mask in the register at off reads as zero, at most a tenth of a second. */
static bool wait_clear(mmio_t base, uint64_t off, uint32_t mask)
{
    if ((mmio_read32(base, off) & mask) == 0)
        return true;
    for (uint64_t start = arch_ticks(), bound = arch_ticks_hz() / 10; arch_ticks() - start <= bound;) {
        if ((mmio_read32(base, off) & mask) == 0)
            return true;
        arch_relax();
    }
    return false;
}

static bool gicd_wait_rwp(void)
{
    return wait_clear(gicv3.gicd, GIC_CTLR, GICD_CTLR_RWP);
}

static mmio_t irq_base(uint32_t intid, uint32_t board_cpu)
{
    return intid < GIC_SPI_FIRST ? gicv3.gicr[board_cpu] : gicv3.gicd;
}

static uint64_t irq_off(uint32_t intid, uint64_t reg)
{
    return intid < GIC_SPI_FIRST ? GICR_SGI_BASE + reg : reg;
}

/* Registers with one bit for each INTID where only ones have an effect. */
static void irq_write_bit(uint32_t intid, uint32_t board_cpu, uint64_t reg)
{
    mmio_write32(irq_base(intid, board_cpu), irq_off(intid, reg + (uint64_t)(intid / 32) * 4), 1u << intid % 32);
}

void gicv3_set_enabled(uint32_t intid, uint32_t board_cpu, bool on)
{
    irq_write_bit(intid, board_cpu, on ? GIC_ISENABLER : GIC_ICENABLER);
    /* Past the bound one more may come; it finds its shadow disabled and waits there. */
    if (!on)
        (void)wait_clear(irq_base(intid, board_cpu), GIC_CTLR, intid < GIC_SPI_FIRST ? GICR_CTLR_RWP : GICD_CTLR_RWP);
}

void gicv3_set_pending(uint32_t intid, uint32_t board_cpu, bool on)
{
    irq_write_bit(intid, board_cpu, on ? GIC_ISPENDR : GIC_ICPENDR);
}

void gicv3_set_active(uint32_t intid, uint32_t board_cpu, bool on)
{
    irq_write_bit(intid, board_cpu, on ? GIC_ISACTIVER : GIC_ICACTIVER);
}

uint32_t gicv3_read_pending(uint32_t intid, uint32_t board_cpu)
{
    return mmio_read32(irq_base(intid, board_cpu), irq_off(intid, GIC_ISPENDR + intid / 32 * 4));
}

uint32_t gicv3_read_active(uint32_t intid, uint32_t board_cpu)
{
    return mmio_read32(irq_base(intid, board_cpu), irq_off(intid, GIC_ISACTIVER + intid / 32 * 4));
}

void gicv3_set_edge(uint32_t intid, uint32_t board_cpu, bool edge)
{
    mmio_t base = irq_base(intid, board_cpu);
    uint64_t off = irq_off(intid, GIC_ICFGR + intid / 16 * 4);
    uint32_t bit = 2u << intid % 16 * 2;

    if (intid < 16) /* SGIs are edge and cannot be otherwise */
        return;
    lock_take(&gicv3.lock);
    uint32_t v = mmio_read32(base, off);
    mmio_write32(base, off, edge ? v | bit : v & ~bit);
    lock_give(&gicv3.lock);
}

void gicv3_set_route(uint32_t spi, uint64_t mpidr)
{
    mmio_write64(gicv3.gicd, GICD_IROUTER + UINT64_C(8) * spi, mpidr);
}

void gicv3_claim(struct board_irq irq, uint32_t board_cpu)
{
    mmio_write8(irq_base(irq.intid, board_cpu), irq_off(irq.intid, GIC_IPRIORITYR + irq.intid), GIC_PRIO_HV);
    gicv3_set_edge(irq.intid, board_cpu, irq.edge);
    if (irq.intid >= GIC_SPI_FIRST)
        gicv3_set_route(irq.intid, gicv3.board->cpu[board_cpu].id);
    gicv3_set_enabled(irq.intid, board_cpu, true);
}

/* Group 1, disabled, idle, at GIC_PRIO_GUEST: 32 INTIDs from intid on. */
static void irq_reset_word(uint32_t intid, uint32_t board_cpu)
{
    mmio_t base = irq_base(intid, board_cpu);

    mmio_write32(base, irq_off(intid, GIC_ICENABLER + intid / 8), ALL_INTIDS);
    mmio_write32(base, irq_off(intid, GIC_ICPENDR + intid / 8), ALL_INTIDS);
    mmio_write32(base, irq_off(intid, GIC_ICACTIVER + intid / 8), ALL_INTIDS);
    mmio_write32(base, irq_off(intid, GIC_IGROUPR + intid / 8), ALL_INTIDS);
    for (uint32_t i = intid; i < intid + 32; i += 4)
        mmio_write32(base, irq_off(intid, GIC_IPRIORITYR + i), EACH_BYTE(GIC_PRIO_GUEST));
}

static err_t gicd_init(const struct board_gic *g, struct diag *d)
{
    uint32_t rev = GIC_ARCH_REV(gicd_read_pidr2(gicv3.gicd));
    uint32_t words = (gicd_read_typer(gicv3.gicd) & 31) + 1;

    if (rev != 3 && rev != 4)
        return diag_fail(d, ERR_INVALID,
                         "board: interrupt controller at 0x%lx: GICD_PIDR2.ArchRev is %u, which is not a GICv3 (3) or "
                         "GICv4 (4)",
                         g->gicd.v, rev);
    gicv3.intids = words * 32 < GIC_INTID_LIMIT ? words * 32 : GIC_INTID_LIMIT;

    /* Groups off while affinity routing changes and everything is cleared (12.9.4). */
    gicd_write_ctlr(gicv3.gicd, 0);
    bool ok = gicd_wait_rwp();
    gicd_write_ctlr(gicv3.gicd, GICD_CTLR_ARE);
    ok = ok && gicd_wait_rwp();
    for (uint32_t w = 1; w < words; w++)
        irq_reset_word(w * 32, 0);
    gicd_write_ctlr(gicv3.gicd, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1);
    ok = ok && gicd_wait_rwp();
    if (!ok)
        return diag_fail(d, ERR_TIMEOUT,
                         "board: interrupt controller at 0x%lx: GICD_CTLR.RWP (0x%x) stays set for 100 ms", g->gicd.v,
                         gicd_read_ctlr(gicv3.gicd));
    return ERR_NONE;
}

/* Affinity as in GICR_TYPER[63:32]: Aff3.Aff2.Aff1.Aff0. */
static uint32_t affinity(uint64_t mpidr)
{
    return (uint32_t)((mpidr & 0xffffff) | ((mpidr >> 32 & 0xff) << 24));
}

/* Look for a CPU's redistributor in one region (12.10: frames follow each other up to the one that says
 * Last). */
static bool region_find(const struct board_range *r, mmio_t (*map)(maddr_t), uint32_t aff, mmio_t *out)
{
    uint64_t off = 0;

    for (uint32_t n = 0; n < GICR_WALK && off < r->size && r->size - off >= GICR_STRIDE; n++) {
        mmio_t rd = map(maddr(r->base.v + off));
        uint32_t rev = GIC_ARCH_REV(gicr_read_pidr2(rd));
        uint64_t typer = gicr_read_typer(rd);

        if (rev != 3 && rev != 4)
            return false;
        if ((uint32_t)(typer >> 32) == aff) {
            *out = rd;
            return true;
        }
        if (typer & GICR_TYPER_LAST)
            return false;
        off += typer & GICR_TYPER_VLPIS ? 2 * GICR_STRIDE : GICR_STRIDE;
    }
    return false;
}

static bool redist_find(const struct board_gic *g, mmio_t (*map)(maddr_t), uint64_t mpidr, mmio_t *out)
{
    for (uint32_t i = 0; i < g->gicrs; i++)
        if (region_find(&g->gicr[i], map, affinity(mpidr), out))
            return true;
    return false;
}

err_t gicv3_init(const struct board *b, mmio_t (*map)(maddr_t), struct arena *a, struct diag *d)
{
    gicv3.board = b;
    gicv3.gicd = map(b->gic.gicd);
    gicv3.gicr = ARENA_NEW(a, mmio_t, b->cpus, d);
    if (gicv3.gicr == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->cpus; i++)
        if (!redist_find(&b->gic, map, b->cpu[i].id, &gicv3.gicr[i]))
            return diag_fail(d, ERR_INVALID,
                             "board: interrupt controller at 0x%lx: none of its %u redistributor regions has the "
                             "redistributor of CPU 0x%lx (GICR_TYPER affinity 0x%08x)",
                             b->gic.gicd.v, b->gic.gicrs, b->cpu[i].id, affinity(b->cpu[i].id));
    return gicd_init(&b->gic, d);
}

err_t gicv3_redist_init(uint32_t board_cpu, struct diag *d)
{
    mmio_t rd = gicv3.gicr[board_cpu];
    uint64_t mpidr = gicv3.board->cpu[board_cpu].id;

    gicr_write_waker(rd, gicr_read_waker(rd) & ~GICR_WAKER_PROCESSOR_SLEEP);
    if (!wait_clear(rd, GICR_WAKER, GICR_WAKER_CHILDREN_ASLEEP))
        return diag_fail(d, ERR_TIMEOUT,
                         "board: CPU 0x%lx: its redistributor does not wake up within 100 ms (GICR_WAKER 0x%x, "
                         "ChildrenAsleep is bit 2)",
                         mpidr, gicr_read_waker(rd));
    /* A redistributor whose LPIs are on writes pending tables into RAM that is not ours to lose. */
    gicr_write_ctlr(rd, gicr_read_ctlr(rd) & ~GICR_CTLR_ENABLE_LPIS);
    irq_reset_word(0, board_cpu);
    if (!wait_clear(rd, GIC_CTLR, GICR_CTLR_RWP | GICR_CTLR_ENABLE_LPIS))
        return diag_fail(d, ERR_TIMEOUT,
                         "board: CPU 0x%lx: GICR_CTLR is 0x%x after 100 ms, where RWP (bit 3) and EnableLPIs (bit 0) "
                         "must read as zero: firmware left LPIs on",
                         mpidr, gicr_read_ctlr(rd));
    gicv3_claim((struct board_irq){.intid = GIC_KICK_SGI, .edge = true}, board_cpu);
    gicv3_claim(gicv3.board->gic.maintenance, board_cpu);
    return ERR_NONE;
}
