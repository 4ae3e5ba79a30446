/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#define GPR(n) ((n) * 8) /* rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 .. r15 */

/*
 * void svm_run(struct vcpu *v, uint64_t gpr[16], uint64_t vmcb, uint64_t host_vmcb)
 *
 * VMRUN saves and loads RAX, RSP, RIP, RFLAGS, the control registers and the visible segments; VMLOAD and VMSAVE the
 * rest (FS, GS, TR, LDTR, SYSCALL's and SYSENTER's registers). Everything else is moved here.
 */
    .section .text.vmrun, "ax"
    .global svm_run
    .balign 16
svm_run:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rdi                        /* 32(%rsp) below: v */
    pushq   %rcx                        /* 24(%rsp): host_vmcb */
    pushq   %rdx                        /* 16(%rsp): vmcb */
    pushq   %rsi                        /*  8(%rsp): gpr */
    subq    $8, %rsp                    /*   (%rsp): for a moment RDI; and the stack is aligned for calls */
1:  movq    16(%rsp), %rax
    movq    8(%rsp), %rdi
    movq    GPR(0)(%rdi), %rcx
    movq    %rcx, VMCB_RAX(%rax)
    movq    GPR(1)(%rdi), %rcx
    movq    GPR(2)(%rdi), %rdx
    movq    GPR(3)(%rdi), %rbx
    movq    GPR(5)(%rdi), %rbp
    movq    GPR(6)(%rdi), %rsi
    movq    GPR(8)(%rdi), %r8
    movq    GPR(9)(%rdi), %r9
    movq    GPR(10)(%rdi), %r10
    movq    GPR(11)(%rdi), %r11
    movq    GPR(12)(%rdi), %r12
    movq    GPR(13)(%rdi), %r13
    movq    GPR(14)(%rdi), %r14
    movq    GPR(15)(%rdi), %r15
    movq    GPR(7)(%rdi), %rdi
    vmload  %rax
    vmrun   %rax
    vmsave  %rax
    movq    %rdi, (%rsp)
    movq    8(%rsp), %rdi
    movq    %rcx, GPR(1)(%rdi)
    movq    VMCB_RAX(%rax), %rcx
    movq    %rcx, GPR(0)(%rdi)
    movq    %rdx, GPR(2)(%rdi)
    movq    %rbx, GPR(3)(%rdi)
    movq    %rbp, GPR(5)(%rdi)
    movq    %rsi, GPR(6)(%rdi)
    movq    (%rsp), %rcx
    movq    %rcx, GPR(7)(%rdi)
    movq    %r8, GPR(8)(%rdi)
    movq    %r9, GPR(9)(%rdi)
    movq    %r10, GPR(10)(%rdi)
    movq    %r11, GPR(11)(%rdi)
    movq    %r12, GPR(12)(%rdi)
    movq    %r13, GPR(13)(%rdi)
    movq    %r14, GPR(14)(%rdi)
    movq    %r15, GPR(15)(%rdi)
    movq    24(%rsp), %rax
    vmload  %rax
    movq    32(%rsp), %rdi
    xorl    %ebp, %ebp
    call    exit_handle
    testb   %al, %al
    jnz     1b
    addq    $40, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

/*
 * void svm_clear_fp(uint64_t xcr0): all components that xcr0 names, or x87 and SSE where it is 0 because there is no
 * XSAVE. An XSAVE area whose header names nothing says "as after reset"; MXCSR is taken from it (APM vol. 1, 11.5.6).
 */
    .global svm_clear_fp
svm_clear_fp:
    movq    %rdi, %rax
    movq    %rdi, %rdx
    shrq    $32, %rdx
    testq   %rdi, %rdi
    jz      1f
    xorl    %ecx, %ecx
    xsetbv
    xrstor  fp_start
    movl    $1, %eax
    xorl    %edx, %edx
    xsetbv
    ret
1:  fxrstor fp_start
    ret

    .section .rodata.fp, "a"
    .balign 64
fp_start:
    .short  0x37f                       /* FCW */
    .zero   22
    .long   0x1f80, 0xffff              /* MXCSR and its mask */
    .zero   576 - 32
