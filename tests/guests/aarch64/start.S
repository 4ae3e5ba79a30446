/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry and exception vectors of our guests: EL1, MMU and caches off, one CPU.
 * x18 belongs to this file (-ffixed-x18): it holds the counter as the first instruction of
 * the guest, or of its interrupt handler, saw it.
 */
#define FRAME 176 /* struct trap_frame in target.c */

.section .text.start, "ax"
.global _start
_start:
    mrs     x18, cntvct_el0 // the first instruction: the stamp
    msr     daifset, #0xf
    adr     x1, vectors
    msr     vbar_el1, x1
    adrp    x2, stack_top
    add     x2, x2, :lo12:stack_top
    mov     sp, x2
    isb
    mov     x1, x18
    bl      guest_main      // x0: DTB, x1: stamp
    bl      psci_system_off
1:  wfi
    b       1b

.macro SAVE
    sub     sp, sp, #FRAME
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x29, x30, [sp, #144]
.endm

.macro RESTORE_AND_RETURN
    ldp     x0, x1, [sp, #0]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x29, x30, [sp, #144]
    add     sp, sp, #FRAME
    eret
.endm

.macro VECTOR target
    .balign 0x80
    b       \target
.endm

.balign 0x800
vectors:
    .rept 4                 // SP_EL0: never used
    VECTOR  bad_vector
    .endr
    VECTOR  sync_entry
    .balign 0x80
    mrs     x18, cntvct_el0 // IRQ: the first instruction of the handler
    b       irq_entry
    VECTOR  bad_vector
    VECTOR  serror_entry
    .rept 8                 // EL0: never used
    VECTOR  bad_vector
    .endr

.balign 0x80
irq_entry:
    SAVE
    mov     x0, x18
    bl      guest_irq
    RESTORE_AND_RETURN

sync_entry:
    SAVE
    mrs     x0, elr_el1
    mrs     x1, spsr_el1
    stp     x0, x1, [sp, #160]
    mov     x0, sp
    bl      trap_sync
    ldp     x0, x1, [sp, #160]
    msr     elr_el1, x0
    msr     spsr_el1, x1
    RESTORE_AND_RETURN

serror_entry:
    bl      trap_serror
bad_vector:
    b       bad_vector

/* void trap_exec(uint64_t address, uint64_t *resume): branch there; trap_sync comes back to the label in *resume. */
.global trap_exec
trap_exec:
    stp     x29, x30, [sp, #-16]!
    adr     x2, 1f
    str     x2, [x1]
    br      x0
1:  ldp     x29, x30, [sp], #16
    ret

/*
 * struct loop_result loop_NAME(uint64_t n, uint64_t a, uint64_t b): n times the instruction with x0 = a,
 * x1 = b; returns the ticks that it took and the last x0. All five are the same but for the one instruction.
 */
.macro LOOP name, insn:vararg
.balign 64
.global \name
\name:
    stp     x19, x20, [sp, #-48]!
    stp     x21, x22, [sp, #16]
    stp     x29, x30, [sp, #32]
    mov     x19, x0
    mov     x20, x1
    mov     x21, x2
    isb
    mrs     x22, cntvct_el0
1:  mov     x0, x20
    mov     x1, x21
    \insn
    subs    x19, x19, #1
    b.ne    1b
    isb
    mrs     x3, cntvct_el0
    mov     x1, x0
    sub     x0, x3, x22
    ldp     x29, x30, [sp, #32]
    ldp     x21, x22, [sp, #16]
    ldp     x19, x20, [sp], #48
    ret
.endm

LOOP loop_empty
LOOP loop_hvc, hvc #0
LOOP loop_smc, smc #0
LOOP loop_read32, ldr w0, [x0]
LOOP loop_write32, str w1, [x0]

.section .stack, "aw", %nobits
.balign 16
    .space 4096
stack_top:
