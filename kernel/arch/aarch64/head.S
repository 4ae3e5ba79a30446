/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry. The boot loader follows the Linux arm64 boot protocol: MMU and data cache off, x0 the
 * physical address of the DTB, EL2, the image anywhere at a multiple of 2 MiB, bss part of
 * the file (zero) and cleaned to the point of coherency.
 */
#include "image.h"
#include "layout.h"

/*
 * What a loader may have left: interrupts masked, SP_EL2, MMU off, and every register below in its layout
 * without VHE (HCR_EL2.E2H = 0, TGE = 0). Clobbers x1.
 */
.macro el2_reset
    msr     daifset, #0xf
    msr     spsel, #1
    mov_q   x1, SCTLR_EL2_OFF
    msr     sctlr_el2, x1
    isb
    mov     x1, #(1 << 31)              /* RW */
    msr     hcr_el2, x1
    isb
    mrs     x1, hcr_el2
    tbnz    x1, #34, hang               /* E2H that cannot be cleared: not a CPU for this hypervisor */
.endm

    .section .head, "ax"
    .global _start
_start:
    b       entry
    .long   0
    .quad   0                           /* text_offset */
    .quad   __image_end - _start + IMAGE_ARENA_UNPACKED /* image_size */
    .quad   0xa                         /* little-endian, 4 KiB, anywhere */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0
    /* struct image_header: size, end of text, end of rodata, from _start; arena */
    .quad   __image_end - _start
    .quad   __text_end - _start
    .quad   __rodata_end - _start
    .quad   IMAGE_ARENA_UNPACKED

/*
 * In: x0 = DTB. Keeps x20 = DTB, x21 = counter at entry, x19 = load address.
 */
entry:
    mrs     x21, cntpct_el0
    mov     x20, x0
    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.ne    hang                        /* not EL2: nothing here can work */
    el2_reset
    adr     x19, _start

    /* R_AARCH64_RELATIVE is the only kind the build allows (checked by a test). */
    adrp    x1, __rela_start
    add     x1, x1, :lo12:__rela_start
    adrp    x2, __rela_end
    add     x2, x2, :lo12:__rela_end
1:  cmp     x1, x2
    b.hs    2f
    ldp     x3, x4, [x1], #16           /* r_offset, r_info */
    ldr     x5, [x1], #8                /* r_addend */
    add     x5, x5, x19
    str     x5, [x3, x19]
    b       1b

2:  adrp    x1, boot_stack_top
    add     x1, x1, :lo12:boot_stack_top
    mov     sp, x1
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el2, x1
    msr     tpidr_el2, xzr
    mov     x0, x20
    bl      mmu_early_init              /* x0 = &struct mmu_config */
    bl      mmu_load
    mov     x0, x20
    mov     x1, x21
    bl      main
hang:
    wfe
    b       hang

/*
 * Other CPUs, by PSCI CPU_ON. In: x0 = struct cpu_boot, physical (identity) address.
 */
    .section .text.low, "ax"
    .global secondary_entry
secondary_entry:
    mov     x19, x0
    el2_reset
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el2, x1
    ldr     x0, [x19, #CPU_BOOT_MMU]
    bl      mmu_load
    ldr     x1, [x19, #CPU_BOOT_STACK]
    mov     sp, x1
    ldr     x0, [x19, #CPU_BOOT_CPU]
    bl      cpu_secondary
    b       hang

/*
 * void mmu_load(const struct mmu_config *): install tables and turn MMU and caches on. Code runs at the same
 * address before and after. The MMU is off in between, as old and new tables may map an address by entries of
 * different sizes (break before make, D8.14.1). Clobbers x1..x5.
 */
    .global mmu_load
mmu_load:
    ldp     x1, x2, [x0, #MMU_CONFIG_MAIR]
    ldp     x3, x4, [x0, #MMU_CONFIG_TTBR]
    mov_q   x5, SCTLR_EL2_OFF
    msr     sctlr_el2, x5
    isb
    msr     mair_el2, x1
    msr     tcr_el2, x2
    msr     ttbr0_el2, x3
    isb
    tlbi    alle2
    ic      iallu
    dsb     sy
    isb
    msr     sctlr_el2, x4
    isb
    ret

/*
 * void cpu_run_on(uint64_t stack_top, void (*fn)(void)): leave the current stack for good.
 */
    .global cpu_run_on
cpu_run_on:
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    br      x1

    .section .bss.early, "aw", %nobits
    .balign 16
    .space  BOOT_STACK_SIZE
boot_stack_top:
