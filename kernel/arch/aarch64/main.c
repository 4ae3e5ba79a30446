/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot of the board, one stage after another (docs/model.md):
 *
 *   read --> plan, check --> compile --> verify --> program --> load --> launch
 *
 * Until verify has passed nothing but the hypervisor's own memory is written, every bus
 * master is off and every SMMU aborts. Any error ends the boot with a message: no partition starts.
 */
#include "boot.h"

#include "check.h"
#include "cpu.h"
#include "dev/pl011.h"
#include "hypercall.h"
#include "image.h"
#include "load.h"
#include "mmu.h"
#include "mullion.h"
#include "vcpu.h"

extern uint8_t _start[], __text_end[], __rodata_end[], __image_end[];

static struct boot boot;

uintptr_t __stack_chk_guard = 0x6d756c6c696f6e00; /* mixed with the counter and the DTB below */
_Noreturn void __stack_chk_fail(void);

_Noreturn void __stack_chk_fail(void)
{
    log_line("hypervisor bug: stack overwritten; this CPU stops");
    cpu_halt();
}

static void stage_done(unsigned stage)
{
    boot_stamp[stage] = arch_ticks();
}

static void uart_put(char c)
{
    pl011_put(mmu_device(boot.board.uart.base), c);
}

static maddr_t symbol(const uint8_t *s)
{
    return maddr((uint64_t)(uintptr_t)s);
}

static err_t map_device(maddr_t base, uint64_t size, const char *what)
{
    if (mmu_early_map(base, size, true))
        return ERR_NONE;
    return diag_fail(&boot.diag, ERR_NO_SPACE, "board: no early page table left for %s at 0x%lx", what, base.v);
}

/* Map as much of the DTB as its header claims, within bounds; returns that size. */
static size_t map_dtb(uint64_t dtb)
{
    const uint8_t *h = arch_memory(maddr(dtb));
    uint32_t size = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7]; /* totalsize */

    return size <= DT_MAX_SIZE && mmu_early_map(maddr(dtb), size, false) ? size : MMU_DTB_HEADER;
}

static const struct image_header *header(void)
{
    return (const struct image_header *)(const void *)_start;
}

/* The last size bytes of what a boot loader kept free for the image. */
static err_t take_arena(uint64_t size)
{
    maddr_t at = maddr(symbol(_start).v + header()->image_size - size);

    arena_init(&boot.arena, arch_memory(at), size);
    return mmu_early_map(at, size, false) ? ERR_NONE : ERR_NO_SPACE;
}

static err_t index_board(uint64_t dtb, size_t max, struct diag *d)
{
    err_t e = dt_index(&boot.board_dt, "board", arch_memory(maddr(dtb)), max, &boot.arena, d);

    return e == ERR_NONE ? board_read(&boot.board, &boot.board_dt, &boot.arena, d) : e;
}

/* The board's DTB, and a console as soon as it is known where that is. */
static err_t read_board(uint64_t dtb)
{
    size_t max = map_dtb(dtb);
    err_t e = index_board(dtb, max, &boot.diag);

    if (e == ERR_NO_SPACE && take_arena(header()->image_size - header()->size) == ERR_NONE) {
        struct diag quiet = {""};

        /* Nothing will start, so the bundle may go: what remains is to find out where to say it. */
        (void)index_board(dtb, max, &quiet);
    }
    if (boot.board.uart.present && map_device(boot.board.uart.base, boot.board.uart.size, "the UART") == ERR_NONE) {
        pl011_init(mmu_device(boot.board.uart.base));
        console_init(uart_put);
    }
    return e;
}

static err_t read_manifest(void)
{
    struct diag *d = &boot.diag;
    maddr_t at = symbol(__image_end);
    uint64_t size = symbol(boot.arena.mem).v - at.v;

    if (!mmu_early_map(at, size, false))
        return diag_fail(d, ERR_NO_SPACE, "bundle: no early page table left for its %lu bytes", size);
    err_t e = bundle_open(&boot.bundle, arch_memory(at), size, d);
    if (e != ERR_NONE)
        return e;
    const void *m = bundle_find(&boot.bundle, BUNDLE_MANIFEST, &size);
    e = dt_index(&boot.manifest_dt, "manifest", m, size, &boot.arena, d);
    return e == ERR_NONE ? manifest_parse(&boot.manifest, &boot.manifest_dt, &boot.arena, d) : e;
}

/* What only the hardware can tell; every master is quiet afterwards. */
static err_t read_hardware(void)
{
    struct board *b = &boot.board;
    struct diag *d = &boot.diag;
    err_t e = ERR_NONE;

    boot_read_ids(b);
    for (uint32_t i = 0; i < b->iommus && e == ERR_NONE; i++) {
        mmio_t base = mmu_device(b->iommu[i].base);

        e = map_device(b->iommu[i].base, b->iommu[i].size, "an SMMU");
        if (e == ERR_NONE)
            e = smmuv3_block(base, d);
        if (e == ERR_NONE)
            e = smmuv3_probe(&b->iommu[i], base, d);
    }
    if (b->pci.present && e == ERR_NONE) {
        e = map_device(b->pci.ecam, UINT64_C(1) << 20, "PCI configuration space");
        if (e == ERR_NONE)
            e = pci_scan(b, mmu_device(b->pci.ecam), &boot.arena, d);
    }
    return e;
}

static err_t make_plan(uint64_t dtb)
{
    struct plan_input in = {
        .manifest = &boot.manifest,
        .board = &boot.board,
        .bundle = &boot.bundle,
        .image = symbol(_start),
        .text_end = symbol(__text_end),
        .rodata_end = symbol(__rodata_end),
        .image_end = symbol(__image_end),
        .bundle_base = symbol(__image_end),
        .bundle_end = symbol(boot.arena.mem),
        .arena = symbol(boot.arena.mem),
        .arena_end = symbol(boot.arena.mem + boot.arena.size),
        .dtb = maddr(dtb & ~FRAME_MASK),
        .dtb_end = maddr((dtb + boot.board_dt.size + FRAME_MASK) & ~FRAME_MASK),
    };
    err_t e = plan_build(&boot.plan, &in, &boot.arena, &boot.diag);

    if (e == ERR_NONE)
        e = check_plan(&boot.plan, &boot.arena, &boot.diag);
    return e == ERR_NONE ? boot_objects(&boot, &boot.diag) : e;
}

static err_t launch(void)
{
    struct diag *d = &boot.diag;

    err_t e = cpu_start_others(&boot.board, d);

    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        partition_start(&boot.part[i]);
    return e;
}

static err_t run(uint64_t dtb, uint64_t entry)
{
    struct diag *d = &boot.diag;
    err_t e;

    __stack_chk_guard ^= (entry << 16) ^ dtb ^ arch_ticks();
    boot_stamp[MULLION_STAGE_ENTRY] = entry;
    e = take_arena(header()->arena);
    if (e == ERR_NONE)
        e = read_board(dtb);
    if (e == ERR_NONE)
        e = read_manifest();
    if (e == ERR_NONE)
        e = read_hardware();
    stage_done(MULLION_STAGE_READ);
    if (e == ERR_NONE)
        e = make_plan(dtb);
    stage_done(MULLION_STAGE_PLAN);
    if (e == ERR_NONE)
        e = boot_compile(&boot, d);
    stage_done(MULLION_STAGE_COMPILE);
    if (e == ERR_NONE)
        e = compile_verify(&boot.tables, d);
    stage_done(MULLION_STAGE_VERIFY);
    if (e == ERR_NONE)
        e = boot_program(&boot, d);
    stage_done(MULLION_STAGE_PROGRAM);
    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        load_scrub(&boot.plan.partition[i]);
    if (e == ERR_NONE)
        load_scrub_shared(&boot.plan);
    stage_done(MULLION_STAGE_SCRUB);
    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        load_images(&boot.plan.partition[i]);
    stage_done(MULLION_STAGE_LOAD);
    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        e = load_dtb(&boot.plan, &boot.plan.partition[i], d);
    stage_done(MULLION_STAGE_DTB);
    return e == ERR_NONE ? launch() : e;
}

/* head.S: dtb where x0 pointed, entry the counter at the first instruction. */
_Noreturn void main(uint64_t dtb, uint64_t entry);

_Noreturn void main(uint64_t dtb, uint64_t entry)
{
    if (run(dtb, entry) == ERR_NONE)
        cpu_idle();
    log_line("cannot start: %s", boot.diag.text);
    log_line("no partition was started; the board is switched off");
    cpu_board_off();
}
