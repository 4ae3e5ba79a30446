/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nested page faults: accesses to emulated devices are carried out. Anywhere else there is nothing for the guest, or
 * not the right: that is reported and answered as a bus does that nobody answers on: all ones, writes are dropped.
 * What no bus could answer (a fetch, an instruction that insn.h does not know) is #GP.
 */
#include "console.h"
#include "exits.h"

#include <string.h>

/* EXITINFO1 (APM vol. 2, 15.25.6): as the error code of #PF, and what the access was for. EXITINFO2: the address. */
#define NPF_PRESENT    (UINT64_C(1) << 0)
#define NPF_WRITE      (UINT64_C(1) << 1)
#define NPF_FETCH      (UINT64_C(1) << 4)
#define NPF_PAGE_TABLE (UINT64_C(1) << 33)

static void report(struct vcpu *v, gaddr_t a, uint64_t why, const char *answer)
{
    const struct plan_partition *pp = v->part->plan;
    const struct extent *e = physmap_find(&pp->physmap, gfn_of(a));
    uint64_t n = __atomic_add_fetch(&v->part->bad_accesses, 1, __ATOMIC_RELAXED);

    if (log_worthy(n))
        log_line("%s: CPU %u: %s at 0x%lx (%s), RIP 0x%lx: %s: %s", pp->m->name, v->index,
                 why & NPF_FETCH   ? "instruction fetch"
                 : why & NPF_WRITE ? "write"
                                   : "read",
                 a.v, e != NULL ? ext_type_name(e->type) : "hole", v->arch.vmcb->rip,
                 why & NPF_PRESENT ? "no right to" : "nothing mapped", answer);
}

/* One access, decoded: does it agree with the fault, and end in the page that it begins in? */
static bool is_sound(const struct insn *i, gaddr_t a, uint64_t why)
{
    return (why & NPF_WRITE ? i->writes : i->reads) && (a.v & FRAME_MASK) + i->size <= FRAME_SIZE;
}

/* The instruction at RIP; NULL: none that is known. */
static const struct insn *decode(struct vcpu *v)
{
    struct decoded *last = &v->arch.decoded;
    enum insn_mode mode = exit_mode(v->arch.vmcb);
    uint64_t bytes[2];
    size_t n = exit_fetch(v, (uint8_t *)bytes);

    if (last->valid && last->bytes[0] == bytes[0] && last->bytes[1] == bytes[1] && last->mode == mode &&
        last->insn.len <= n)
        return &last->insn;
    memcpy(last->bytes, bytes, sizeof bytes);
    last->mode = mode;
    last->valid = insn_decode((const uint8_t *)bytes, n, mode, &last->insn) == INSN_ACCESS;
    return last->valid ? &last->insn : NULL;
}

enum outcome exit_npf(struct vcpu *v)
{
    struct vmcb *b = v->arch.vmcb;
    uint64_t *r = v->arch.regs.r, why = b->exit_info[0];
    gaddr_t a = gaddr(b->exit_info[1]);

    /* Not the access of an instruction that could be carried out, and nothing the guest could go on after. */
    if (why & NPF_PAGE_TABLE || b->exit_event & EVENT_VALID) {
        report(v, a, why, "it is stopped");
        return exit_stop(v, why & NPF_PAGE_TABLE ? "its page tables are not in its memory"
                                                 : "what it needs to take an exception or interrupt is not in memory");
    }
    const struct insn *i = why & NPF_FETCH ? NULL : decode(v);

    if (i == NULL || !is_sound(i, a, why)) {
        report(v, a, why, "answered with #GP");
        return OUTCOME_GP;
    }
    const struct trap_device *dev = trap_device_find(v->part->arch.device, v->part->arch.devices, a, i->size);

    if (dev == NULL)
        report(v, a, why, i->writes ? "dropped" : "answered with all ones");
    r[REG_RSP] = b->rsp;
    trap_device_access(dev, v, a, i, r, &b->rflags);
    b->rsp = r[REG_RSP];
    v->arch.next_rip = b->rip + i->len;
    return OUTCOME_SKIP;
}
