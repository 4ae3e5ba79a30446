/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot of the board, one stage after another (docs/model.md):
 *
 *   read --> plan, check --> compile --> verify --> program --> load --> launch
 *
 * Until verify has passed nothing but the hypervisor's own memory is written (and the page that other CPUs start
 * from), and every bus master is off. Any error ends the boot with a message: no partition starts.
 */
#include "arch.h"
#include "arch_io.h"
#include "boot.h"
#include "boot_info.h"
#include "check.h"
#include "console.h"
#include "cpu.h"
#include "dev/ns16550.h"
#include "dev/pci.h"
#include "guest_start.h"
#include "hypercall.h"
#include "image.h"
#include "ioapic.h"
#include "load.h"
#include "mmu.h"
#include "msr.h"
#include "mullion.h"
#include "svm.h"

#define COM1            0x3f8
#define PCI_CONFIG      0xcf8 /* address, then data; bit 31: enabled (PCI 3.0, 3.2.2.3.2) */
#define PCI_CONFIG_DATA 0xcfc
#define PCI_CONFIG_ON   (1u << 31)
#define CPUID_PAGE_1G   (1u << 26)
#define ECAM_BUS        (UINT64_C(1) << 20)

extern const uint8_t _start[], __text_end[], __rodata_end[], __image_end[];

static struct boot boot;
static uint16_t console_port;

uintptr_t __stack_chk_guard = 0x6d756c6c696f6e00; /* mixed with the counter below */
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

static maddr_t symbol(const uint8_t *s)
{
    return maddr((uint64_t)(uintptr_t)s);
}

static const struct image_header_x86 *header(void)
{
    return (const struct image_header_x86 *)(const void *)_start;
}

static void uart_put(char c)
{
    ns16550_put(console_port, c);
}

static bool uart_answers(void *ctx, uint16_t port)
{
    (void)ctx;
    if (!ns16550_init(port))
        return false;
    console_port = port;
    console_init(uart_put);
    return true;
}

static const void *map_tables(void *ctx, uint64_t at, uint64_t size)
{
    (void)ctx;
    return mmu_early_map(maddr(at), size, false) ? arch_memory(maddr(at)) : NULL;
}

static uint32_t pci_read(void *ctx, uint16_t bdf, uint16_t offset)
{
    (void)ctx;
    io_write32(PCI_CONFIG, PCI_CONFIG_ON | (uint32_t)bdf << 8 | (offset & 0xfcu));
    return io_read32(PCI_CONFIG_DATA);
}

static void note(void *ctx, const char *text)
{
    (void)ctx;
    log_line("board: %s", text);
}

static err_t map_device(maddr_t base, uint64_t size, const char *what)
{
    if (mmu_early_map(base, size, true))
        return ERR_NONE;
    return diag_fail(&boot.diag, ERR_NO_SPACE, "board: no early page table left for %s at 0x%lx", what, base.v);
}

/* What lies behind the bundle, and is not there before a boot loader has put us here. */
static void take_arena(void)
{
    arena_init(&boot.arena, arch_memory(maddr(header()->multiboot1.bss_end - header()->arena)), header()->arena);
}

/* Boot information and ACPI tables. */
static err_t read_board(uint32_t protocol, uint64_t info)
{
    struct board_firmware fw = {.pa_bits = (uint8_t)cpuid_read(0x80000008, 0).a,
                                .physical = {.map = map_tables},
                                .pci_read = pci_read,
                                .uart_answers = uart_answers,
                                .note = note};
    err_t e = boot_info_read(&fw, protocol, info, &boot.arena, &boot.diag);

    if (e == ERR_NONE)
        e = board_read_acpi(&boot.board, &fw, &boot.arena, &boot.diag);
    if (e == ERR_NONE) {
        uint64_t page = boot_info_low_page(&fw); /* nothing of the boot loader's is needed any more */

        if (page != 0)
            cpu_place_trampoline(page);
        cpu_set_acpi(&boot.board.acpi);
    }
    return e;
}

static err_t read_manifest(void)
{
    struct diag *d = &boot.diag;
    uint64_t size = symbol(boot.arena.mem).v - symbol(__image_end).v;
    err_t e = bundle_open(&boot.bundle, __image_end, size, d);

    if (e != ERR_NONE)
        return e;
    const void *m = bundle_find(&boot.bundle, BUNDLE_MANIFEST, &size);
    e = dt_index(&boot.manifest_dt, "manifest", m, size, &boot.arena, d);
    return e == ERR_NONE ? manifest_parse(&boot.manifest, &boot.manifest_dt, &boot.arena, d) : e;
}

/* The plan's tables have leaves of 1 GiB. */
static err_t check_cpu(struct diag *d)
{
    if (cpuid_read(0x80000001, 0).d & CPUID_PAGE_1G)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "board: its CPUs have no pages of 1 GiB (CPUID 0x80000001, EDX bit 26)");
}

/* What only the hardware can tell; every master and every interrupt is quiet afterwards. */
static err_t read_hardware(void)
{
    struct board *b = &boot.board;
    struct diag *d = &boot.diag;
    err_t e = map_device(b->apic.lapic, FRAME_SIZE, "the local APICs");

    b->vmid_bits = svm_asid_bits();
    pic_silence();
    for (uint32_t i = 0; i < b->apic.ioapics && e == ERR_NONE; i++) {
        e = map_device(b->apic.ioapic[i].base, FRAME_SIZE, "an I/O APIC");
        if (e == ERR_NONE)
            (void)ioapic_silence(mmu_device(b->apic.ioapic[i].base));
    }
    boot.iommu = ARENA_NEW(&boot.arena, struct iommu, b->iommus, d);
    if (boot.iommu == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->iommus && e == ERR_NONE; i++) {
        e = map_device(b->iommu[i].base, b->iommu[i].size, "an IOMMU");
        if (e == ERR_NONE)
            e = iommu_probe(&boot.iommu[i], &b->iommu[i], mmu_device(b->iommu[i].base), d);
    }
    if (b->pci.present && e == ERR_NONE) {
        e = map_device(b->pci.ecam, ECAM_BUS, "PCI configuration space");
        if (e == ERR_NONE)
            e = pci_scan(b, mmu_device(b->pci.ecam), &boot.arena, d);
        if (e == ERR_NONE)
            pci_scan_messages(b, mmu_device(b->pci.ecam));
    }
    return e;
}

static err_t make_plan(void)
{
    maddr_t end = symbol(boot.arena.mem + boot.arena.size);
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
        .arena_end = end,
        .dtb = end, /* there is none */
        .dtb_end = end,
    };
    err_t e = plan_build(&boot.plan, &in, &boot.arena, &boot.diag);

    if (e == ERR_NONE)
        e = check_plan(&boot.plan, &boot.arena, &boot.diag);
    return e == ERR_NONE ? boot_objects(&boot, &boot.diag) : e;
}

static err_t read_all(uint32_t protocol, uint64_t info)
{
    err_t e = read_board(protocol, info);

    if (e == ERR_NONE)
        e = check_cpu(&boot.diag);
    if (e == ERR_NONE)
        e = read_manifest();
    return e == ERR_NONE ? read_hardware() : e;
}

static err_t load(void)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < boot.plan.partitions; i++)
        load_scrub(&boot.plan.partition[i]);
    load_scrub_shared(&boot.plan);
    stage_done(MULLION_STAGE_SCRUB);
    for (uint32_t i = 0; i < boot.plan.partitions; i++)
        load_images(&boot.plan.partition[i]);
    stage_done(MULLION_STAGE_LOAD);
    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        e = guest_start_write(&boot.plan, &boot.plan.partition[i], &boot.diag);
    stage_done(MULLION_STAGE_DTB);
    return e;
}

static err_t run(uint32_t protocol, uint64_t info)
{
    struct diag *d = &boot.diag;
    err_t e = read_all(protocol, info);

    stage_done(MULLION_STAGE_READ);
    if (e == ERR_NONE)
        e = make_plan();
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
    if (e == ERR_NONE)
        e = load();
    for (uint32_t i = 0; i < boot.plan.partitions && e == ERR_NONE; i++)
        partition_start(&boot.part[i]);
    return e;
}

/* head.S: how it was entered, what the boot loader gave, the counter at the first instruction. */
_Noreturn void main(uint32_t protocol, uint64_t info, uint64_t entry);

_Noreturn void main(uint32_t protocol, uint64_t info, uint64_t entry)
{
    __stack_chk_guard ^= (entry << 16) ^ arch_ticks();
    boot_stamp[MULLION_STAGE_ENTRY] = entry;
    cpu_init();
    (void)uart_answers(NULL, COM1);
    take_arena();
    if (run(protocol, info) == ERR_NONE)
        cpu_idle();
    log_line("cannot start: %s", boot.diag.text);
    log_line("no partition was started; the board is switched off");
    cpu_board_off();
}
