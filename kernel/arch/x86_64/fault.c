/* SPDX-License-Identifier: Apache-2.0 */
/* What ends this CPU: an exception in the hypervisor itself. */
#include "console.h"
#include "cpu.h"
#include "msr.h"

struct fault_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

_Noreturn void fault_report(const struct fault_frame *f);

static const char *vector_name(uint64_t vector)
{
    static const char *const name[] = {
        "#DE divide error",
        "#DB debug",
        "NMI",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range",
        "#UD invalid opcode",
        "#NM device not available",
        "#DF double fault",
        "coprocessor segment overrun",
        "#TS invalid TSS",
        "#NP segment not present",
        "#SS stack",
        "#GP general protection",
        "#PF page fault",
        "reserved",
        "#MF x87",
        "#AC alignment check",
        "#MC machine check",
        "#XF SIMD",
        "#VE virtualization",
        "#CP control protection",
    };
    return vector < sizeof name / sizeof *name ? name[vector] : "reserved or of virtualization";
}

_Noreturn void fault_report(const struct fault_frame *f)
{
    console_break();
    log_line("hypervisor fault: %s (vector %lu, error 0x%lx), CPU %u, RIP 0x%lx, CR2 0x%lx, RSP 0x%lx",
             vector_name(f->vector), f->vector, f->error, cpu_self()->index, f->rip, CR_READ(2), f->rsp);
    log_line("RAX 0x%lx RBX 0x%lx RCX 0x%lx RDX 0x%lx RSI 0x%lx RDI 0x%lx RBP 0x%lx", f->rax, f->rbx, f->rcx, f->rdx,
             f->rsi, f->rdi, f->rbp);
    log_line("this CPU stops");
    cpu_halt();
}
