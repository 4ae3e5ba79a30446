/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 aborts: accesses to emulated devices are carried out; everything else, a hole or
 * a right that the partition has not, is reported and answered with an external abort.
 */
#include "exits.h"
#include "sysreg.h"

/* ESR_EL2.ISS of a data abort (D19.2.37) */
#define ISS_ISV       (UINT64_C(1) << 24)
#define ISS_SAS(esr)  (((esr) >> 22) & 3)
#define ISS_SSE       (UINT64_C(1) << 21)
#define ISS_SRT(esr)  (((esr) >> 16) & 31)
#define ISS_SF        (UINT64_C(1) << 15)
#define ISS_FNV       (UINT64_C(1) << 10)
#define ISS_S1PTW     (UINT64_C(1) << 7)
#define ISS_WNR       (UINT64_C(1) << 6)
#define ISS_DFSC(esr) ((esr)&0x3f)

#define DFSC_CLASS(esr)        (ISS_DFSC(esr) >> 2)
#define DFSC_CLASS_TRANSLATION 1
#define DFSC_CLASS_PERMISSION  3

#define SCTLR_M   UINT64_C(1)
#define GICD_SIZE 0x10000

#define HPFAR_FIPA(v) (((v)&UINT64_C(0xfffffffff0)) << 8)

/*
 * The guest address of the fault. HPFAR_EL2 has it, but not for a permission fault outside a table walk
 * (D19.2.62): there the address is the guest's virtual one, and only its message needs it.
 */
static gaddr_t fault_address(uint64_t esr)
{
    uint64_t far = SYSREG_READ(far_el2);

    if (DFSC_CLASS(esr) == DFSC_CLASS_PERMISSION && !(esr & ISS_S1PTW))
        return gaddr(far);
    return gaddr(HPFAR_FIPA(SYSREG_READ(hpfar_el2)) | (far & FRAME_MASK));
}

/* SSE: a load that sign-extends; SF: to 64 bits. */
static uint64_t extend(uint64_t value, unsigned width, uint64_t esr)
{
    unsigned bits = width * 8;

    value = (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
    return (esr & ISS_SF) ? value : value & UINT32_MAX;
}

__attribute__((noinline)) static void report(struct vcpu *v, const char *access, gaddr_t a, uint64_t esr)
{
    const struct plan_partition *pp = v->part->plan;
    bool is_virtual = DFSC_CLASS(esr) == DFSC_CLASS_PERMISSION && (SYSREG_READ(sctlr_el1) & SCTLR_M);
    const struct extent *e = is_virtual ? NULL : physmap_find(&pp->physmap, gfn_of(a));
    uint64_t n = __atomic_add_fetch(&v->part->bad_accesses, 1, __ATOMIC_RELAXED);

    if (log_worthy(n))
        log_line("%s: CPU %u: %s at 0x%lx (%s), pc 0x%lx: %s, ESR_EL2 0x%lx: answered with an external abort",
                 pp->m->name, v->index, access, a.v,
                 is_virtual  ? "virtual"
                 : e != NULL ? ext_type_name(e->type)
                             : "hole",
                 SYSREG_READ(elr_el2), esr_fault_name(esr), esr);
}

/* One register, no walk of the guest's own tables, nothing mapped: an access that a device may answer. */
#define ISS_DEVICE_MASK (ISS_ISV | ISS_S1PTW | ISS_FNV | 0x3c)
#define ISS_DEVICE      (ISS_ISV | DFSC_CLASS_TRANSLATION << 2)

static bool emulate(struct vcpu *v, struct guest_regs *r, gaddr_t a, uint64_t esr)
{
    unsigned width = 1u << ISS_SAS(esr);
    unsigned srt = (unsigned)ISS_SRT(esr);
    bool hit;

    if (esr & ISS_WNR) {
        uint64_t value = srt == 31 ? 0 : r->x[srt];

        if (width < 8)
            value &= (UINT64_C(1) << (width * 8)) - 1;
        return trap_device_write(v, a, width, value);
    }
    uint64_t gicd = a.v - v->part->plan->emulated[EMULATED_GICD].v, value;
    if (gicd < GICD_SIZE) {
        value = vgic_gicd_read(v, (uint32_t)gicd, width);
        hit = true;
    } else {
        value = trap_device_read(v, a, width, &hit);
    }
    if (hit && srt != 31)
        r->x[srt] = (esr & ISS_SSE) ? extend(value, width, esr) : value;
    return hit;
}

enum outcome trap_data_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    uint64_t class = DFSC_CLASS(esr);

    if ((esr & ISS_DEVICE_MASK) == ISS_DEVICE &&
        emulate(v, r, gaddr(HPFAR_FIPA(SYSREG_READ(hpfar_el2)) | (SYSREG_READ(far_el2) & FRAME_MASK)), esr))
        return OUTCOME_SKIP;
    if (class == DFSC_CLASS_TRANSLATION || class == DFSC_CLASS_PERMISSION)
        report(v, (esr & ISS_WNR) ? "write" : "read", fault_address(esr), esr);
    else
        report(v, "access", gaddr(0), esr); /* an error of the bus: HPFAR says nothing */
    return OUTCOME_ABORT;
}

enum outcome trap_instruction_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    (void)r;
    report(v, "instruction fetch", fault_address(esr), esr);
    return OUTCOME_ABORT;
}
