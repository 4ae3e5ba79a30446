/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that assembly and C share; every offset is asserted where the struct is defined. */
#ifndef ARCH_AARCH64_LAYOUT_H
#define ARCH_AARCH64_LAYOUT_H

/* struct mmu_config */
#define MMU_CONFIG_MAIR 0
#define MMU_CONFIG_TTBR 16
/* struct cpu_boot */
#define CPU_BOOT_MMU   0
#define CPU_BOOT_STACK 8
#define CPU_BOOT_CPU   16
/* struct guest_regs */
#define GUEST_REGS_SIZE 256
#define GUEST_REGS_LR   240

#define BOOT_STACK_SIZE 8192

/* SCTLR_EL2 (D19.2.122): the RES1 bits; with M, C, SA, I and WXN */
#define SCTLR_EL2_OFF 0x30c50830
#define SCTLR_EL2_M   0x00000001
#define SCTLR_EL2_C   0x00000004
#define SCTLR_EL2_SA  0x00000008
#define SCTLR_EL2_I   0x00001000
#define SCTLR_EL2_WXN 0x00080000

#ifdef __ASSEMBLER__
/* clang-format off */
/* Load a 32-bit constant. */
.macro mov_q reg, value
    movz    \reg, #((\value) & 0xffff)
    movk    \reg, #(((\value) >> 16) & 0xffff), lsl #16
.endm
/* clang-format on */
#endif

#endif
