/* SPDX-License-Identifier: Apache-2.0 */
/* Entry and exceptions of our guests: long mode with the loader's tables (kernel/guest_pc.h), one CPU. */
.section .text.start, "ax"
.global _start
_start:
    rdtsc                   // the first instruction: the stamp
    cli
    shlq    $32, %rdx
    leaq    (%rdx,%rax), %rbx
    leaq    stack_top(%rip), %rsp
    movq    %rdi, %rbp
    call    target_init     // rdi: boot parameters
    movq    %rbp, %rdi
    movq    %rbx, %rsi
    call    guest_main      // rdi: boot parameters, rsi: stamp
    call    guest_off
1:  hlt
    jmp     1b

/* vectors + 16 * n: entry of exception or interrupt n. The CPU pushes an error code for a few. */
.balign 16
.global vectors
vectors:
.set n, 0
.rept 256
    .balign 16
    .if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
    pushq   $0
    .endif
    pushq   $n
    jmp     trap_common
    .set n, n + 1
.endr

trap_common:                // struct trap_frame in target.c
    .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pushq   %\reg
    .endr
    cld
    movq    %rsp, %rdi
    call    trap_entry
    .irp    reg, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
    popq    %\reg
    .endr
    addq    $16, %rsp
    iretq

/* void trap_exec(uint64_t address): trap_entry comes back to the label. */
.global trap_exec
trap_exec:
    movq    $1f, trap_resume(%rip)
    jmpq    *%rdi
1:  movq    $0, trap_resume(%rip)
    ret

.section .stack, "aw", %nobits
.balign 16
    .space 4096
stack_top:
