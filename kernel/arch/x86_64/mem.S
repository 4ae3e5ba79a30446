/* SPDX-License-Identifier: Apache-2.0 */
/* memset and memcpy: eight bytes at a time, then what is left. */

/* void *memset(void *dst, int c, size_t n). Clobbers rcx, rdx, rsi, rdi. */
    .section .text.mem, "ax"
    .global memset
memset:
    movq    %rdi, %r8
    movzbl  %sil, %eax
    movabsq $0x0101010101010101, %rcx
    imulq   %rcx, %rax
    movq    %rdx, %rcx
    shrq    $3, %rcx
    rep stosq
    movl    %edx, %ecx
    andl    $7, %ecx
    rep stosb
    movq    %r8, %rax
    ret

/* void *memcpy(void *dst, const void *src, size_t n) */
    .global memcpy
memcpy:
    movq    %rdi, %rax
    movq    %rdx, %rcx
    shrq    $3, %rcx
    rep movsq
    movl    %edx, %ecx
    andl    $7, %ecx
    rep movsb
    ret
