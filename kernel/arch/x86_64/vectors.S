/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of the hypervisor itself. All are fatal but the NMI, which is how CPUs kick each other. Interrupts
 * are enabled only to take what a guest left (vapic.c), and forgotten.
 */
#include "layout.h"

#define HAS_ERROR_CODE 0x60227d00 /* 8, 10..14, 17, 21, 29, 30: APM vol. 2, 8.2 */

    .section .text.vectors, "ax"
    .balign VECTOR_STRIDE
    .global vectors
vectors:
    .set    n, 0
    .rept   VECTORS
    .balign VECTOR_STRIDE, 0xcc
    .if     n == 2
    jmp     nmi
    .else
    .if     ((HAS_ERROR_CODE >> n) & 1) == 0
    pushq   $0
    .endif
    pushq   $n
    jmp     fatal
    .endif
    .set    n, n + 1
    .endr

/* void fault_report(const struct fault_frame *) */
fatal:
    pushq   %rax
    pushq   %rbx
    pushq   %rcx
    pushq   %rdx
    pushq   %rsi
    pushq   %rdi
    pushq   %rbp
    pushq   %r8
    pushq   %r9
    pushq   %r10
    pushq   %r11
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    cld
    movq    %rsp, %rdi
    andq    $-16, %rsp
    call    fault_report

    .global interrupt
interrupt:
    iretq

/* Remember it. One that came between cpu_wait's look and its HLT must not be slept over. */
nmi:
    movl    $1, %gs:CPU_KICKED
    pushq   %rax
    movq    8(%rsp), %rax               /* RIP */
    subq    $cpu_wait, %rax
    cmpq    $cpu_wait_end - cpu_wait, %rax
    jae     1f
    movq    $cpu_wait_end, 8(%rsp)
1:  popq    %rax
    iretq

/* void cpu_wait(void): until this CPU is kicked; at once where it was since the last call. */
    .global cpu_wait
cpu_wait:
    cmpl    $0, %gs:CPU_KICKED
    jne     cpu_wait_end
    hlt
cpu_wait_end:
    movl    $0, %gs:CPU_KICKED
    ret
