/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that assembly and C share; every offset is asserted where the struct is defined. */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

/* Segment selectors: of head.S's GDT and of every CPU's own. */
#define SELECTOR_CODE   0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18 /* head.S only */
#define SELECTOR_TSS    0x18

/* struct cpu, by GS */
#define CPU_SELF   0
#define CPU_KICKED 8
/* struct cpu_boot */
#define CPU_BOOT_ROOT  0
#define CPU_BOOT_STACK 8
#define CPU_BOOT_CPU   16

/* struct vmcb */
#define VMCB_RAX 0x5f8

#define BOOT_STACK_SIZE 8192
#define EARLY_TABLES    12 /* root, one below it, four for the first 4 GiB, and some for what lies above */

/* How head.S was entered; a loader's magic otherwise. */
#define BOOT_PVH        0
#define BOOT_MULTIBOOT1 0x2badb002
#define BOOT_MULTIBOOT2 0x36d76289

/* CR0: PE, MP, ET, NE, WP, PG. CR4: PAE, MCE, PGE. EFER: LME, NXE (APM vol. 2, 3.1). */
#define CR0_START  0x80010033
#define CR4_START  0x000000e0
#define EFER_START 0x00000900

#define VECTORS       32 /* exceptions; the others are interrupts */
#define VECTOR_STRIDE 16 /* bytes from one entry to the next */

#endif
