/* SPDX-License-Identifier: Apache-2.0 */
#include "gicv3_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct gic_frame gicd, gicr[8];
struct host_gic host_gic;

static struct board_cpu cpus[GIC_CPUS] = {{.id = 0}, {.id = 1}, {.id = 0x100}, {.id = 0x2300000101}};
static struct board_range regions[2] = {{.base = {0x80a0000}, .size = 0x60000}, {.base = {0x8100000}, .size = 0x80000}};
struct board gic_board = {
    .cpu = cpus,
    .cpus = GIC_CPUS,
    .gic = {.version = 3, .gicd = {0x8000000}, .gicr = regions, .gicrs = 2, .maintenance = {GIC_MAINT, false}},
    .timer = {.virt = {GIC_VTIMER, false}, .phys = {GIC_PTIMER, true}},
};

uint32_t get32(const struct gic_frame *f, uint32_t off)
{
    uint32_t v;
    memcpy(&v, f->reg + off, 4);
    return v;
}

void put32(struct gic_frame *f, uint32_t off, uint32_t v)
{
    memcpy(f->reg + off, &v, 4);
}

/* Offsets 0x100..0x3ff: pairs of a set and a clear register over one state. */
static void write_pair(struct gic_frame *f, uint32_t off, uint32_t base, uint32_t v)
{
    uint32_t set = off & ~0x80u, old = get32(f, set + base);
    put32(f, set + base, off & 0x80 ? old & ~v : old | v);
    put32(f, (set | 0x80) + base, get32(f, set + base));
}

static void frame_write(struct gic_frame *f, uint32_t off, unsigned width, uint64_t v)
{
    uint32_t base = off >= 0x10000 && f != &gicd ? 0x10000 : 0;

    if (off - base >= 0x100 && off - base < 0x400) {
        assert_int_equal(width, 4);
        write_pair(f, off - base, base, (uint32_t)v);
        return;
    }
    memcpy(f->reg + off, &v, width);
    if (off == 0)
        put32(f, 0, get32(f, 0) | f->stuck);
    if (off == 0x14 && f != &gicd)
        put32(f, 0x14, (v & 2) || f->sleepy ? (uint32_t)(v & 2) | 4 : 0);
}

static void frame_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct gic_frame *f = model;

    assert_true(off + width <= sizeof(f->reg) && off % width == 0);
    if (write)
        frame_write(f, (uint32_t)off, width, *value);
    else
        memcpy(value, f->reg + off, width);
}

mmio_t gic_map(maddr_t a)
{
    struct gic_frame *f = &gicd;

    if (a.v != 0x8000000) {
        assert_true(a.v >= 0x80a0000 && (a.v - 0x80a0000) / 0x20000 < 8);
        f = &gicr[(a.v - 0x80a0000) / 0x20000];
    }
    return (mmio_t){frame_access, f};
}

void gic_redist_is(uint32_t i, uint32_t aff, uint64_t flags)
{
    uint64_t typer = (uint64_t)aff << 32 | flags;

    memcpy(gicr[i].reg + 8, &typer, 8);
    put32(&gicr[i], 0xffe8, 0x3b);
    put32(&gicr[i], 0x14, 6);
}

void gic_model_reset(void)
{
    memset(&gicd, 0, sizeof(gicd));
    memset(gicr, 0, sizeof(gicr));
    host_gic = (struct host_gic){.vtr = 0x90b80003};
    put32(&gicd, 4, 0x37a0008); /* 288 INTIDs */
    put32(&gicd, 0xffe8, 0x3b);
    gic_redist_is(0, 0x00000001, 0);
    gic_redist_is(1, 0x00000000, 0);
    gic_redist_is(2, 0x00000102, 0);
    gic_redist_is(3, 0x23000101, 2); /* 256 KiB */
    gic_redist_is(5, 0x00000100, 0x10);
}
