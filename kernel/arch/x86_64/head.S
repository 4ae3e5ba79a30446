/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry, from loaders of three kinds, all in 32-bit protected mode without paging, interrupts off, flat segments:
 *
 *   Multiboot 0.6.96 and 2.0   eax = BOOT_MULTIBOOT1 or 2, ebx = boot information
 *   PVH (Xen's x86/HVM direct boot ABI)   ebx = struct hvm_start_info
 */
#include "image.h"
#include "layout.h"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00010003 /* whole pages, memory map; the addresses below are valid */
#define MB2_MAGIC 0xe85250d6

    .section .head, "ax"
    .global _start
    .balign 8
_start:
    .long   MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
    .long   _start, _start, __data_end, __image_end + IMAGE_ARENA_UNPACKED, entry_multiboot
mb2:
    .long   MB2_MAGIC, 0, mb2_end - mb2, -(MB2_MAGIC + mb2_end - mb2)
    .short  2, 0                        /* addresses */
    .long   24, mb2, _start, __data_end, __image_end + IMAGE_ARENA_UNPACKED
    .short  3, 0                        /* entry */
    .long   12, entry_multiboot, 0
    .short  0, 0
    .long   8
mb2_end:
    .asciz  IMAGE_X86_MAGIC
    .quad   __image_end - _start
    .quad   __text_end - _start
    .quad   __rodata_end - _start
    .quad   IMAGE_ARENA_UNPACKED

    .section .note.pvh, "a", @note
    .balign 4
    .long   4, 8, 18                    /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz  "Xen"
    .quad   entry_pvh

/* Paging and long mode on, from 32-bit protected mode; code goes on in 32-bit compatibility. Clobbers eax, ecx, edx. */
.macro long_mode
    movl    $CR4_START, %eax
    movl    %eax, %cr4
    movl    $early_table, %eax
    movl    %eax, %cr3
    movl    $0xc0000080, %ecx           /* EFER */
    rdmsr
    orl     $EFER_START, %eax
    wrmsr
    movl    $CR0_START, %eax
    movl    %eax, %cr0
.endm

.macro data_segments
    movl    $SELECTOR_DATA, %eax
    movl    %eax, %ds
    movl    %eax, %es
    movl    %eax, %ss
    xorl    %eax, %eax
    movl    %eax, %fs
    movl    %eax, %gs
.endm

    .section .text.head, "ax"
    .code32
    .global entry_pvh
entry_pvh:
    xorl    %eax, %eax                  /* BOOT_PVH */
/* In: eax = protocol, ebx = what it gives. Keeps both in esi and ebx, the counter at entry in ebp:edi. */
entry_multiboot:
    cli
    cld
    movl    %eax, %esi
    rdtsc
    movl    %eax, %edi
    movl    %edx, %ebp

    /* The first 4 GiB, in pages of 2 MiB: P, RW, and PS. */
    movl    $early_table + 0x1003, early_table
    movl    $early_table + 0x2003, %eax
    xorl    %ecx, %ecx
1:  movl    %eax, early_table + 0x1000(, %ecx, 8)
    addl    $0x1000, %eax
    incl    %ecx
    cmpl    $4, %ecx
    jb      1b
    movl    $0x83, %eax
    xorl    %ecx, %ecx
2:  movl    %eax, early_table + 0x2000(, %ecx, 8)
    addl    $0x200000, %eax
    incl    %ecx
    cmpl    $4 * 512, %ecx
    jb      2b

    long_mode
    lgdtl   gdt_pointer
    ljmpl   $SELECTOR_CODE, $3f
    .code64
3:  data_segments
    movl    $boot_stack_top, %esp
    shlq    $32, %rbp
    leaq    (%rdi, %rbp), %rdx          /* edi's upper half is zero, as are those of esi and ebx */
    movl    %esi, %edi
    movl    %ebx, %esi
    xorl    %ebp, %ebp
    call    main
4:  hlt
    jmp     4b

/*
 * Other CPUs begin here, in real mode, in a copy of [ap_start, ap_end) at the start of some page below 1 MiB
 * (SDM vol. 3, 9.4.4). One at a time: ap_boot is filled in for it.
 */
    .section .rodata.ap, "a"
    .global ap_start, ap_end
    .code16
ap_start:
    cli
    cld
    movw    %cs, %ax
    movw    %ax, %ds
    lgdtl   gdt_copy - ap_start
    movl    $0x11, %eax                 /* PE, ET; caches on */
    movl    %eax, %cr0
    ljmpl   $SELECTOR_CODE32, $ap_entry
    .balign 4
gdt_copy:
    .short  gdt_end - gdt - 1
    .long   gdt
ap_end:

    .section .text.head, "ax"
    .code32
ap_entry:
    movl    $SELECTOR_DATA, %eax
    movl    %eax, %ds
    long_mode
    ljmpl   $SELECTOR_CODE, $5f
    .code64
5:  data_segments
    movq    ap_boot + CPU_BOOT_ROOT, %rax
    movq    %rax, %cr3
    movq    ap_boot + CPU_BOOT_STACK, %rsp
    movq    ap_boot + CPU_BOOT_CPU, %rdi
    xorl    %ebp, %ebp
    call    cpu_secondary
6:  hlt
    jmp     6b

/* void cpu_run_on(uint64_t stack_top, void (*fn)(void)): leave the current stack for good. */
    .global cpu_run_on
cpu_run_on:
    movq    %rdi, %rsp
    xorl    %ebp, %ebp
    pushq   $0
    jmpq    *%rsi

/* Accessed bits are set: nothing is ever written here. */
    .section .rodata.gdt, "a"
    .balign 8
gdt:
    .quad   0
    .quad   0x00af9b000000ffff          /* SELECTOR_CODE: 64 bits */
    .quad   0x00cf93000000ffff          /* SELECTOR_DATA */
    .quad   0x00cf9b000000ffff          /* SELECTOR_CODE32 */
gdt_end:
gdt_pointer:
    .short  gdt_end - gdt - 1
    .long   gdt

    .section .bss.stack, "aw", @nobits
    .balign 16
    .space  BOOT_STACK_SIZE
boot_stack_top:
