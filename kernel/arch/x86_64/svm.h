/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVM of the CPU that runs this (AMD64 APM vol. 2, 15), and the VMCB (appendix B).
 *
 * A guest owns its CPU. Interrupts are not intercepted: while the guest runs its own RFLAGS.IF counts, while the
 * hypervisor handles an exit GIF is 0 and everything waits, NMIs included, until the guest runs again or until
 * svm_window. Floating point, debug registers 0-3 and XCR0 are never the hypervisor's: a guest's values stay in the
 * CPU from its start to its end, when svm_reset_cpu wipes them.
 */
#ifndef ARCH_X86_64_SVM_H
#define ARCH_X86_64_SVM_H

#include "diag.h"
#include "frame.h"

#include <stddef.h>

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* bits 55:52 and 47:40 of a descriptor */
    uint32_t limit;
    uint64_t base;
};

/* Words of vmcb.intercept */
enum {
    INTERCEPT_CR,
    INTERCEPT_DR,
    INTERCEPT_EXCEPTION, /* by vector */
    INTERCEPT_3,         /* exit codes from 0x60 on, a bit for each */
    INTERCEPT_4,         /* from 0x80 on */
    INTERCEPT_5,         /* from 0xa0 on */
    INTERCEPTS
};

struct vmcb {
    uint32_t intercept[INTERCEPTS];
    uint8_t reserved_018[0x040 - 0x018];
    uint64_t io_bitmap, msr_bitmap; /* machine addresses */
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control;
    uint8_t reserved_05d[3];
    uint32_t interrupt_control, virtual_interrupt;
    uint64_t interrupt_shadow;
    uint64_t exit_code, exit_info[2];
    uint64_t exit_event; /* what was being delivered at the exit, in the form of event */
    uint64_t nested;     /* paging: bit 0 */
    uint8_t reserved_098[0x0a8 - 0x098];
    uint64_t event;
    uint64_t nested_cr3;
    uint64_t lbr_control;
    uint32_t clean;
    uint8_t reserved_0c4[4];
    uint64_t next_rip; /* with the NRIP feature; else 0 */
    uint8_t reserved_0d0[0x400 - 0x0d0];

    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x4cb - 0x4a0];
    uint8_t cpl;
    uint8_t reserved_4cc[4];
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved_5e0[0x5f8 - 0x5e0];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t pat;
    uint8_t reserved_670[0x1000 - 0x670];
};
_Static_assert(offsetof(struct vmcb, io_bitmap) == 0x040, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, interrupt_control) == 0x060, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, exit_event) == 0x088, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, nested) == 0x090, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, event) == 0x0a8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, nested_cr3) == 0x0b0, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0x0c8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM vol. 2, table B-2");
_Static_assert(sizeof(struct vmcb) == 0x1000, "APM vol. 2, appendix B");

/* tlb_control (15.16) */
#define TLB_KEEP      0
#define TLB_FLUSH_ALL 1
/* event and exit_event (15.20): vector, type, with an error code in the upper half, valid */
#define EVENT_NMI        (UINT64_C(2) << 8)
#define EVENT_EXCEPTION  (UINT64_C(3) << 8)
#define EVENT_SOFTWARE   (UINT64_C(4) << 8)
#define EVENT_TYPE       (UINT64_C(7) << 8)
#define EVENT_ERROR_CODE (UINT64_C(1) << 11)
#define EVENT_VALID      (UINT64_C(1) << 31)
#define EVENT_VECTOR(e)  ((e)&0xff)
#define EVENT_SHADOW_STI UINT64_C(1) /* interrupt_shadow */
#define NESTED_PAGING    UINT64_C(1)
/* Frames of a CPU and of a partition: p2m/kind_x86.c counts them. */
enum { SVM_CPU_HOST_SAVE, SVM_CPU_HOST_VMCB, SVM_CPU_GUEST_VMCB };
enum { SVM_MSR_BITMAP = 0, SVM_IO_BITMAP = 2 };
#define SVM_MSR_BITMAP_SIZE 0x2000u
#define SVM_IO_BITMAP_SIZE  0x3000u

/* ASIDs of this CPU, 0 among them; 0: it cannot run guests. */
uint32_t svm_asids(void);
/* The same as a number of bits, for struct board. */
uint8_t svm_asid_bits(void);

/* On every CPU, once cpu_self() is known: what guests need is there, and on. Refused in words. */
err_t svm_cpu_init(struct diag *d);

/* What XCR0 of a guest may have, and the bytes that XSAVE then writes at most; 0: the CPU has no XSAVE. */
uint64_t svm_xcr0_allowed(void);
uint32_t svm_xsave_size(void);
void svm_xcr0_write(uint64_t value);

/* What a guest leaves in its CPU and no VMCB holds: as after reset. */
void svm_reset_cpu(void);

struct vcpu;

/*
 * vmrun.S. Run the guest, call exit_handle(v) after every exit, until it returns false. gpr: its registers by number
 * (RSP is in the VMCB); vmcb, host_vmcb: machine addresses. GIF is 0 before, after and while exit_handle runs.
 */
void svm_run(struct vcpu *v, uint64_t gpr[16], uint64_t vmcb, uint64_t host_vmcb);
/* Load floating point and vector registers with what they are after reset. */
void svm_clear_fp(uint64_t xcr0);

static inline void svm_close(void)
{
    __asm__ volatile("clgi" ::: "memory");
}
static inline void svm_open(void)
{
    __asm__ volatile("stgi" ::: "memory");
}
/* NMIs and SMIs that wait are taken now. */
static inline void svm_window(void)
{
    __asm__ volatile("stgi\n\tnop\n\tnop\n\tclgi" ::: "memory");
}

#endif
