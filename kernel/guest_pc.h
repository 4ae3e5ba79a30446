/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a PC's guest: 64-bit mode, as Linux' 64-bit boot protocol wants it; a raw image finds the same.
 *
 *   RIP        plan_partition.entry
 *   RSI, RDI   the boot parameters: start block + GUEST_PC_PARAMS
 *   CR0, CR4   PE and PG, PAE; EFER: LME, LMA; RFLAGS 2: no interrupts
 *   CR3        start block + GUEST_PC_TABLES: the first 4 GiB at their own addresses, rwx, in pages of 2 MiB
 *   GDTR       start block + GUEST_PC_GDT, limit GUEST_PC_GDT_LIMIT; CS 0x10, the others 0x18: flat. No IDT
 *
 * The start block, GUEST_START_MAX bytes, is at 0xE0000 where that is the partition's RAM: there the RSDP is found
 * by looking for it, too.
 */
#ifndef KERNEL_GUEST_PC_H
#define KERNEL_GUEST_PC_H

#include "plan.h"

#define GUEST_PC_START 0xe0000u

/* Offsets in the start block. */
#define GUEST_PC_ACPI    0x0000u
#define GUEST_PC_PARAMS  0x6000u /* struct boot_params, a page */
#define GUEST_PC_CMDLINE 0x7000u /* a page, ends with a 0 */
#define GUEST_PC_TABLES  0x8000u /* root, one below it, four of 1 GiB each */
#define GUEST_PC_GDT     0xe000u

#define GUEST_PC_CODE      0x10u /* __BOOT_CS */
#define GUEST_PC_DATA      0x18u /* __BOOT_DS */
#define GUEST_PC_GDT_LIMIT 0x1fu

/* struct boot_params: Linux Documentation/arch/x86/zero-page.rst. A raw image finds these. */
#define PARAMS_RSDP       0x070u /* 8 bytes */
#define PARAMS_E820_COUNT 0x1e8u /* 1 byte */
#define PARAMS_INITRD     0x218u /* 4 bytes: address, 4: size */
#define PARAMS_CMDLINE    0x228u /* 4 bytes */
#define PARAMS_E820       0x2d0u /* entries of 20 bytes: address, size, type */
#define E820_MOST         128u

/* The setup header, in the file and in struct boot_params: boot.rst, "details of header fields". */
#define BZIMAGE_SETUP_SECTS  0x1f1u
#define BZIMAGE_SYSSIZE      0x1f4u
#define BZIMAGE_BOOT_FLAG    0x1feu
#define BZIMAGE_JUMP         0x201u /* the header ends so far behind 0x202 */
#define BZIMAGE_MAGIC        0x202u
#define BZIMAGE_VERSION      0x206u
#define BZIMAGE_LOADER       0x210u
#define BZIMAGE_LOADFLAGS    0x211u
#define BZIMAGE_CODE32       0x214u
#define BZIMAGE_INITRD_MAX   0x22cu
#define BZIMAGE_ALIGN        0x230u
#define BZIMAGE_RELOCATABLE  0x234u
#define BZIMAGE_XLOADFLAGS   0x236u
#define BZIMAGE_CMDLINE_SIZE 0x238u
#define BZIMAGE_PREF_ADDRESS 0x258u
#define BZIMAGE_INIT_SIZE    0x260u
#define BZIMAGE_HEADER_END   0x290u /* the room for it in struct boot_params */
#define BZIMAGE_LOADED_HIGH  0x01u

/* Write the start block of pp into buf: GUEST_START_MAX bytes, zeroed. The plan's images must still be there. */
err_t guest_pc_write(const struct plan *p, const struct plan_partition *pp, void *buf, struct diag *d);

#endif
