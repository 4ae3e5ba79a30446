/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include "arch.h"
#include "exits.h"
#include "guest_pc.h"
#include "guest_start.h"
#include "msr_rules.h"
#include "svm.h"

#include <string.h>

/* The context of a start by SIPI; any other start is the image's. */
#define CONTEXT_SIPI UINT64_MAX

/* Segment attributes (APM vol. 2, 4.7, 4.8): present, accessed; G, D or L */
#define ATTR_CODE16 0x09b
#define ATTR_DATA16 0x093
#define ATTR_CODE64 0xa9b
#define ATTR_DATA   0xc93
#define ATTR_LDT    0x082
#define ATTR_TSS    0x08b
#define LIMIT_16    0xffffu
#define LIMIT_ALL   0xffffffffu

/* Linux's __BOOT_CS and __BOOT_DS (Documentation/arch/x86/boot.rst); Multiboot leaves the numbers open. */
#define SELECTOR_BOOT_CS 0x10
#define SELECTOR_BOOT_DS 0x18

#define CR0_PE     UINT64_C(0x01)
#define CR0_ET     UINT64_C(0x10)
#define CR0_PG     (UINT64_C(1) << 31)
#define CR4_PAE    UINT64_C(0x20)
#define DR6_RESET  UINT64_C(0xffff0ff0)
#define DR7_RESET  UINT64_C(0x400)
#define PAT_RESET  UINT64_C(0x0007040600070406)
#define RFLAGS_ONE UINT64_C(2)

size_t vcpu_objects_size(const struct plan *p)
{
    size_t size = 0;

    for (uint32_t i = 0; i < p->partitions; i++)
        size += (VCPU_DEVICES + p->partition[i].devices) * sizeof(struct trap_device) + ARENA_ALIGN;
    return size;
}

static void setup_one(struct vcpu *v, const struct plan *plan, uint8_t id_bits)
{
    maddr_t frames = mfn_addr(plan_cpu_frames(plan, v->board_cpu));

    v->arch.host_vmcb_at = maddr(frames.v + (SVM_CPU_HOST_VMCB << FRAME_SHIFT));
    v->arch.vmcb_at = maddr(frames.v + (SVM_CPU_GUEST_VMCB << FRAME_SHIFT));
    v->arch.vmcb = arch_memory(v->arch.vmcb_at);
    v->arch.cpuid = (struct cpuid_view){.apic_id = (uint32_t)plan->board->cpu[v->board_cpu].id,
                                        .cpus = v->part->vcpus,
                                        .id_bits = id_bits,
                                        .xcr0 = svm_xcr0_allowed(),
                                        .xsave_size = svm_xsave_size()};
}

err_t vcpu_setup(struct partition *p, mfn_t p2m_root, struct arena *a, struct diag *d)
{
    const struct plan *plan = p->tables->plan;
    maddr_t frames = mfn_addr(plan_partition_frames(plan, p->plan->id));
    uint64_t ids = 0;

    p->arch.npt = p2m_root;
    p->arch.msr_bitmap_at = maddr(frames.v + (SVM_MSR_BITMAP << FRAME_SHIFT));
    p->arch.io_bitmap_at = maddr(frames.v + (SVM_IO_BITMAP << FRAME_SHIFT));
    p->arch.msr_bitmap = arch_memory(p->arch.msr_bitmap_at);
    p->arch.io_bitmap = arch_memory(p->arch.io_bitmap_at);
    msr_bitmap_fill(p->arch.msr_bitmap);
    memset(p->arch.io_bitmap, 0xff, SVM_IO_BITMAP_SIZE);
    p->arch.device_room = VCPU_DEVICES + p->plan->devices;
    p->arch.device = ARENA_NEW(a, struct trap_device, p->arch.device_room, d);
    if (p->arch.device == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < p->vcpus; i++)
        ids |= plan->board->cpu[p->vcpu[i].board_cpu].id;
    for (uint32_t i = 0; i < p->vcpus; i++)
        setup_one(&p->vcpu[i], plan, (uint8_t)(ids ? 64 - __builtin_clzll(ids) : 0));
    vapic_setup(p);
    return ERR_NONE;
}

void vcpu_add_device(struct partition *p, const struct trap_device *dev)
{
    if (p->arch.devices < p->arch.device_room)
        p->arch.device[p->arch.devices++] = *dev;
}

void vcpu_reset(struct partition *p)
{
    for (uint32_t i = 0; i < p->vcpus; i++)
        __atomic_store_n(&p->vcpu[i].arch.init, 0, __ATOMIC_RELAXED);
    vapic_reset(p);
}

bool vcpu_wanted(const struct vcpu *v)
{
    return __atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_ON_PENDING;
}

void vcpu_send_init(struct vcpu *v)
{
    __atomic_store_n(&v->arch.init, 1, __ATOMIC_RELEASE);
    arch_cpu_kick(v->board_cpu);
}

bool vcpu_send_sipi(struct vcpu *v, uint8_t page)
{
    if (__atomic_load_n(&v->state, __ATOMIC_ACQUIRE) == VCPU_OFF)
        __atomic_store_n(&v->arch.init, 0, __ATOMIC_RELAXED); /* it waits already; one that comes later counts */
    return vcpu_claim(v, (uint64_t)page << 12, CONTEXT_SIPI);
}

void vcpu_send_nmi(struct vcpu *v)
{
    __atomic_store_n(&v->arch.nmi, 1, __ATOMIC_RELEASE);
    arch_cpu_kick(v->board_cpu);
}

static void segments(struct vmcb *b, struct vmcb_segment code, struct vmcb_segment data)
{
    b->cs = code;
    b->ds = b->es = b->fs = b->gs = b->ss = data;
    b->gdtr = b->idtr = (struct vmcb_segment){0, 0, LIMIT_16, 0};
    b->ldtr = (struct vmcb_segment){0, ATTR_LDT, LIMIT_16, 0};
    b->tr = (struct vmcb_segment){0, ATTR_TSS, LIMIT_16, 0};
}

/* Registers as after INIT (APM vol. 2, 14.1.3), and the controls, the same for every start. */
static void vmcb_reset(struct vcpu *v)
{
    const struct partition *p = v->part;
    struct vmcb *b = v->arch.vmcb;

    memset(b, 0, sizeof *b);
    exits_intercept(b);
    b->io_bitmap = p->arch.io_bitmap_at.v;
    b->msr_bitmap = p->arch.msr_bitmap_at.v;
    b->asid = p->plan->vmid;
    b->tlb_control = TLB_FLUSH_ALL; /* nothing that an earlier life, or firmware, left; never again: NPT is static */
    b->nested = NESTED_PAGING;
    b->nested_cr3 = mfn_addr(p->arch.npt).v;
    b->efer = EFER_SVME;
    b->cr0 = CR0_ET;
    b->dr6 = DR6_RESET;
    b->dr7 = DR7_RESET;
    b->pat = PAT_RESET;
    b->rflags = RFLAGS_ONE;
    memset(&v->arch.regs, 0, sizeof v->arch.regs);
}

static void start_sipi(struct vcpu *v)
{
    segments(v->arch.vmcb, (struct vmcb_segment){(uint16_t)(v->entry >> 4), ATTR_CODE16, LIMIT_16, v->entry},
             (struct vmcb_segment){0, ATTR_DATA16, LIMIT_16, 0});
}

/* Long mode, with page tables and descriptors that are in guest memory. */
static void start_image(struct vcpu *v)
{
    const struct guest_entry e = guest_start_entry(v->part->plan);
    struct vmcb *b = v->arch.vmcb;

    segments(b, (struct vmcb_segment){SELECTOR_BOOT_CS, ATTR_CODE64, LIMIT_ALL, 0},
             (struct vmcb_segment){SELECTOR_BOOT_DS, ATTR_DATA, LIMIT_ALL, 0});
    b->gdtr = (struct vmcb_segment){0, 0, GUEST_PC_GDT_LIMIT, e.gdt};
    b->cr0 |= CR0_PE | CR0_PG;
    b->cr3 = e.cr3;
    b->cr4 = CR4_PAE;
    b->efer |= EFER_LME | EFER_LMA;
    b->rip = e.rip;
    v->arch.regs.r[REG_RSI] = v->arch.regs.r[REG_RDI] = e.boot_params;
}

static void start(struct vcpu *v)
{
    __atomic_store_n(&v->arch.nmi, 0, __ATOMIC_RELAXED);
    vmcb_reset(v);
    if (v->context == CONTEXT_SIPI)
        start_sipi(v);
    else
        start_image(v);
    svm_reset_cpu();
}

void vcpu_run(struct vcpu *v)
{
    vapic_start(v);
    /* A kick from here on waits until the guest runs, and makes it exit: none is lost behind the look. */
    svm_close();
    if (!partition_leaving(v->part) && !__atomic_load_n(&v->arch.init, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&v->state, VCPU_ON, __ATOMIC_RELEASE);
        start(v);
        svm_run(v, v->arch.regs.r, v->arch.vmcb_at.v, v->arch.host_vmcb_at.v);
        vapic_stop(v);
    }
    svm_open();
    vcpu_left(v);
}
