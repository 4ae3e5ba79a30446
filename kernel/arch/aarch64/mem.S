/* SPDX-License-Identifier: Apache-2.0 */
/* memset and memcpy for aligned bulk work: DC ZVA clears a whole cache line at a time. */

/*
 * void *memset(void *dst /x0/, int c /w1/, size_t n /x2/). DC ZVA needs the MMU on (a Device access faults);
 * DCZID_EL0 says its block size, DZP whether it is prohibited.
 */
    .section .text.low, "ax"
    .global memset
memset:
    mov     x3, x0
    ands    w1, w1, #0xff
    b.ne    .Lbytes
    cmp     x2, #256
    b.lo    .Lzero16
    mrs     x4, sctlr_el2
    tbz     x4, #0, .Lzero16            /* MMU off */
    mrs     x4, dczid_el0
    tbnz    x4, #4, .Lzero16
    mov     x5, #4
    lsl     x5, x5, x4                  /* bytes in a block */
    cmp     x2, x5, lsl #1
    b.lo    .Lzero16
    sub     x6, x5, #1
1:  tst     x3, x6                      /* up to the first block, 8 bytes at a time */
    b.eq    2f
    tst     x3, #7
    b.ne    3f
    str     xzr, [x3], #8
    sub     x2, x2, #8
    b       1b
3:  strb    wzr, [x3], #1
    sub     x2, x2, #1
    b       1b
2:  subs    x2, x2, x5
    b.lo    4f
    dc      zva, x3
    add     x3, x3, x5
    b       2b
4:  add     x2, x2, x5
.Lzero16:
    tst     x3, #7
    b.ne    .Lbytes
1:  subs    x2, x2, #16
    b.lo    2f
    stp     xzr, xzr, [x3], #16
    b       1b
2:  add     x2, x2, #16
.Lbytes:
    cbz     x2, 2f
1:  strb    w1, [x3], #1
    subs    x2, x2, #1
    b.ne    1b
2:  ret

/* void *memcpy(void *dst /x0/, const void *src /x1/, size_t n /x2/) */
    .global memcpy
memcpy:
    mov     x3, x0
    orr     x4, x0, x1
    tst     x4, #7
    b.ne    .Lcopy1
1:  subs    x2, x2, #64
    b.lo    2f
    ldp     x4, x5, [x1]
    ldp     x6, x7, [x1, #16]
    ldp     x8, x9, [x1, #32]
    ldp     x10, x11, [x1, #48]
    add     x1, x1, #64
    stp     x4, x5, [x3]
    stp     x6, x7, [x3, #16]
    stp     x8, x9, [x3, #32]
    stp     x10, x11, [x3, #48]
    add     x3, x3, #64
    b       1b
2:  add     x2, x2, #64
3:  subs    x2, x2, #8
    b.lo    4f
    ldr     x4, [x1], #8
    str     x4, [x3], #8
    b       3b
4:  add     x2, x2, #8
.Lcopy1:
    cbz     x2, 2f
1:  ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    subs    x2, x2, #1
    b.ne    1b
2:  ret
