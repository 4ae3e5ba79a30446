/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 aborts: accesses to emulated devices are carried out; everything else, a hole or
 * a right that the partition has not, is reported and answered with an external abort.
 */
#include "exits.h"
#include "irq.h"
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

#define HPFAR_FIPA(v) (((v)&UINT64_C(0xfffffffff0)) << 8)
#define PAR_F         UINT64_C(1)
#define PAR_PA        UINT64_C(0x0000fffffffff000)

/*
 * The guest address of the fault. HPFAR_EL2 has it, but not for a permission fault outside a table walk
 * (D19.2.62): there the guest's own stage 1 is asked again.
 */
static gaddr_t fault_address(uint64_t esr)
{
    uint64_t far = SYSREG_READ(far_el2);

    if (DFSC_CLASS(esr) == DFSC_CLASS_PERMISSION && !(esr & ISS_S1PTW)) {
        uint64_t saved = SYSREG_READ(par_el1), par;

        __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(far) : "memory");
        par = SYSREG_READ(par_el1);
        SYSREG_WRITE(par_el1, saved);
        if (!(par & PAR_F))
            return gaddr((par & PAR_PA) | (far & FRAME_MASK));
    }
    return gaddr(HPFAR_FIPA(SYSREG_READ(hpfar_el2)) | (far & FRAME_MASK));
}

static uint64_t extend(uint64_t value, unsigned width, uint64_t esr)
{
    unsigned bits = width * 8;

    if ((esr & ISS_SSE) && bits < 64) {
        value = (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
        return (esr & ISS_SF) ? value : value & UINT32_MAX;
    }
    return value;
}

static uint64_t device_read(struct vcpu *v, const struct plan_partition *pp, gaddr_t a, unsigned width,
                            bool *hit)
{
    struct partition *p = v->part;
    uint64_t value;

    *hit = true;
    if (a.v - pp->gicr.v < (uint64_t)p->vcpus << 17)
        return vgic_gicr_read(v, (uint32_t)(a.v - pp->gicr.v), width);
    if (a.v - pp->gicd.v < 0x10000)
        return vgic_gicd_read(v, (uint32_t)(a.v - pp->gicd.v), width);
    if (pp->has_vuart && a.v - pp->vuart.v < FRAME_SIZE) {
        value = vpl011_read(&p->uart, (uint32_t)(a.v - pp->vuart.v));
        irq_uart_update(p);
        return value;
    }
    if (pp->has_ecam && a.v - pp->ecam.v < (1u << 20))
        return vpci_read(&p->pci, (uint32_t)(a.v - pp->ecam.v), width);
    *hit = false;
    return 0;
}

static bool device_write(struct vcpu *v, const struct plan_partition *pp, gaddr_t a, unsigned width,
                         uint64_t value)
{
    struct partition *p = v->part;

    if (a.v - pp->gicr.v < (uint64_t)p->vcpus << 17) {
        vgic_gicr_write(v, (uint32_t)(a.v - pp->gicr.v), width, value);
    } else if (a.v - pp->gicd.v < 0x10000) {
        vgic_gicd_write(v, (uint32_t)(a.v - pp->gicd.v), width, value);
    } else if (pp->has_vuart && a.v - pp->vuart.v < FRAME_SIZE) {
        vpl011_write(&p->uart, (uint32_t)(a.v - pp->vuart.v), (uint32_t)value);
        irq_uart_update(p);
    } else if (pp->has_ecam && a.v - pp->ecam.v < (1u << 20)) {
        vpci_write(&p->pci, (uint32_t)(a.v - pp->ecam.v), width, (uint32_t)value);
    } else {
        return false;
    }
    return true;
}

static void report(struct vcpu *v, const char *access, gaddr_t a, uint64_t esr)
{
    const struct plan_partition *pp = v->part->plan;
    const struct extent *e = physmap_find(&pp->physmap, gfn_of(a));
    uint64_t n = __atomic_add_fetch(&v->part->bad_accesses, 1, __ATOMIC_RELAXED);

    if (log_worthy(n))
        log_line("%s: CPU %u: %s at 0x%lx (%s), pc 0x%lx: %s, ESR_EL2 0x%lx: answered with an external abort",
                 pp->m->name, v->index, access, a.v, e != NULL ? ext_type_name(e->type) : "hole",
                 SYSREG_READ(elr_el2), esr_fault_name(esr), esr);
}

enum outcome trap_data_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    uint64_t class = DFSC_CLASS(esr);

    if (class != DFSC_CLASS_TRANSLATION && class != DFSC_CLASS_PERMISSION) {
        report(v, "access", gaddr(0), esr); /* an error of the bus: HPFAR says nothing */
        return OUTCOME_ABORT;
    }
    gaddr_t a = fault_address(esr);
    unsigned width = 1u << ISS_SAS(esr);
    unsigned srt = (unsigned)ISS_SRT(esr);

    /* A walk of the guest's own tables, or an instruction that names several registers: nothing to emulate.
     */
    if ((esr & ISS_ISV) && !(esr & (ISS_S1PTW | ISS_FNV)) && class == DFSC_CLASS_TRANSLATION) {
        if (esr & ISS_WNR) {
            uint64_t value = srt == 31 ? 0 : r->x[srt];

            if (width < 8)
                value &= (UINT64_C(1) << (width * 8)) - 1;
            if (device_write(v, v->part->plan, a, width, value))
                return OUTCOME_SKIP;
        } else {
            bool hit;
            uint64_t value = extend(device_read(v, v->part->plan, a, width, &hit), width, esr);

            if (hit) {
                if (srt != 31)
                    r->x[srt] = value;
                return OUTCOME_SKIP;
            }
        }
    }
    report(v, (esr & ISS_WNR) ? "write" : "read", a, esr);
    return OUTCOME_ABORT;
}

enum outcome trap_instruction_abort(struct vcpu *v, struct guest_regs *r, uint64_t esr)
{
    (void)r;
    report(v, "instruction fetch", fault_address(esr), esr);
    return OUTCOME_ABORT;
}
