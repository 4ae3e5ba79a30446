/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exception vectors. While a guest runs, SP_EL2 points at its struct guest_regs at the top of
 * the CPU's stack: registers are stored there and C runs below.
 *
 *   stack top   +------------------+
 *               | guest_regs       |  <- SP_EL2 in the guest
 *               +------------------+
 *               | C frames         |
 *               v  (guard page)    v
 *
 * Calls and interrupts store what a C function may clobber; aborts and system registers, whose
 * emulation names any register, store all. ELR and SPSR stay in their registers: interrupts are
 * masked at EL2 and nothing here nests.
 */
#include "layout.h"

.macro save_short
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    str     x30, [sp, #GUEST_REGS_LR]
.endm

.macro save_rest
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
.endm

/* An exception that the hypervisor itself took: nothing to return to, so nothing is kept. */
.macro own_vector index
    .balign 128
    mov     x0, #\index
    b       own_exception
.endm

.macro guest_vector target
    .balign 128
    save_short
    b       \target
.endm

    .section .text.vectors, "ax"
    .balign 2048
    .global vectors
vectors:
    own_vector 0
    own_vector 1
    own_vector 2
    own_vector 3
    own_vector 4
    own_vector 5
    own_vector 6
    own_vector 7
    guest_vector guest_sync
    guest_vector guest_irq
    guest_vector guest_irq              /* Group 0 never fires; FIQ would be one */
    guest_vector guest_serror
    guest_vector guest_sync             /* AArch32 at EL0: the same registers, the same syndromes */
    guest_vector guest_irq
    guest_vector guest_irq
    guest_vector guest_serror

    .section .text.low, "ax"
guest_sync:
    mrs     x1, esr_el2
    lsr     x2, x1, #26
    mov     x0, sp
    cmp     x2, #0x16                   /* HVC from AArch64 */
    b.ne    1f
    bl      exit_hvc
    b       guest_resume_short
1:  save_rest
    bl      exit_sync
    b       guest_resume

guest_irq:
    mov     x0, sp
    bl      exit_irq

guest_resume_short:
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldr     x18, [sp, #144]
    ldr     x30, [sp, #GUEST_REGS_LR]
    ldp     x0, x1, [sp, #0]
    eret

guest_serror:
    save_rest
    mov     x0, sp
    bl      exit_serror
    b       guest_resume

/* void guest_resume(void): SP at the guest's registers; enter it. */
guest_resume:
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    b       guest_resume_short

/* void guest_enter(struct guest_regs *): at the top of this CPU's stack; ELR_EL2 and SPSR_EL2 are set. */
    .global guest_enter
guest_enter:
    mov     sp, x0
    b       guest_resume

/* In: x0 = vector index. There is no way back: a bug of ours, or a machine error. */
own_exception:
    mov     x1, sp
    adrp    x2, fatal_stack_top
    add     x2, x2, :lo12:fatal_stack_top
    mov     sp, x2
    b       exit_own

/* void cpu_clear_fp(void): no FP state of an earlier life of the partition, or of firmware. */
    .arch_extension fp
    .arch_extension simd
    .global cpu_clear_fp
cpu_clear_fp:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    movi    v\n\().2d, #0
    .endr
    msr     fpcr, xzr
    msr     fpsr, xzr
    ret

    .bss
    .balign 16
    .space  4096
fatal_stack_top:
