/* SPDX-License-Identifier: Apache-2.0 */
/* IN and OUT (APM vol. 2, 15.10): EXITINFO1 describes the access, EXITINFO2 is the next RIP. */
#include "console.h"
#include "exits.h"
#include "ports.h"

#define IO_IN          (1u << 0)
#define IO_STRING      (1u << 2)
#define IO_WIDTH(info) ((info) >> 4 & 7)

/* INS and OUTS are for IDE by programmed I/O and the like; nothing of the kind is emulated. */
static enum outcome refuse_string(struct vcpu *v, uint16_t port)
{
    uint64_t n = __atomic_add_fetch(&v->part->bad_accesses, 1, __ATOMIC_RELAXED);

    if (log_worthy(n))
        log_line("%s: CPU %u: string I/O at port 0x%x, RIP 0x%lx: refused with #GP", v->part->plan->m->name, v->index,
                 port, v->arch.vmcb->rip);
    return OUTCOME_GP;
}

enum outcome exit_io(struct vcpu *v)
{
    uint32_t info = (uint32_t)v->arch.vmcb->exit_info[0];
    uint16_t port = (uint16_t)(info >> 16);
    unsigned width = IO_WIDTH(info);
    uint64_t *rax = &v->arch.regs.r[REG_RAX];

    if (info & IO_STRING)
        return refuse_string(v, port);
    if (info & IO_IN) {
        uint32_t value = port_read(ports, ports_count, v, port, width);
        uint64_t mask = width < 4 ? (UINT64_C(1) << 8 * width) - 1 : UINT64_MAX;

        *rax = (*rax & ~mask) | value;
    } else {
        port_write(ports, ports_count, v, port, width, (uint32_t)*rax);
        if (partition_leaving(v->part))
            return OUTCOME_LEAVE;
    }
    v->arch.next_rip = v->arch.vmcb->exit_info[1];
    return OUTCOME_SKIP;
}
