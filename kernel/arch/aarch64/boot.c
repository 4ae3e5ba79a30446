/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include "cpu.h"
#include "irq.h"
#include "load.h"
#include "mmu.h"
#include "p2m/verify.h"
#include "sysreg.h"
#include "vcpu.h"

#include "iommu/bfn.h"

static struct boot *boot; /* for the partition operations below */

uint64_t boot_pa_range(void)
{
    return SYSREG_READ(id_aa64mmfr0_el1) & 15;
}

static struct pt_shape el2_shape(const struct boot *b)
{
    return (struct pt_shape){.in_bits = 48, .out_bits = b->board.pa_bits, .root_level = 3, .leaf_level = 2};
}

static uint8_t scratch_rights(const struct plan_partition *pp)
{
    return pp->m->unmapped == UNMAPPED_SCRATCH ? R_READ | R_WRITE : R_READ;
}

static err_t compile_partition(struct boot *b, uint32_t i, struct diag *d)
{
    const struct plan_partition *pp = &b->plan.partition[i];
    struct partition *p = &b->part[i];
    struct pt *t = &b->p2m[i];
    err_t e;

    *t = (struct pt){.format = &pt_format_arm_s2, .shape = pp->p2m_shape, .pool = &b->pool};
    e = pt_build(t, pp->p2m_span, pp->p2m_spans, d);
    if (e != ERR_NONE || !pp->has_bfn_map)
        return e;

    t = &b->bfn[i];
    *t = (struct pt){.format = &pt_format_arm_s2, .shape = pp->bfn_shape, .pool = &b->pool};
    if (pp->frames.scratch != 0) {
        e = scratch_build(&p->scratch, t->format, t->shape, &b->pool, scratch_rights(pp), pp->id, d);
        if (e != ERR_NONE)
            return e;
        p->has_scratch = true;
        p->pool = &b->pool;
        for (unsigned level = 0; level < PT_LEVELS; level++)
            t->fill[level] = p->scratch.fill[level];
    }
    return pt_build(t, pp->bfn_span, pp->bfn_spans, d);
}

err_t boot_compile(struct boot *b, struct diag *d)
{
    const struct plan_hypervisor *hv = &b->plan.hv;
    uint64_t bytes = hv->pool_frames << FRAME_SHIFT;
    mfn_t stacks;

    b->p2m = ARENA_NEW(&b->arena, struct pt, b->plan.partitions, d);
    b->bfn = ARENA_NEW(&b->arena, struct pt, b->plan.partitions, d);
    b->part = ARENA_NEW(&b->arena, struct partition, b->plan.partitions, d);
    if (b->p2m == NULL || b->bfn == NULL || b->part == NULL)
        return ERR_NO_SPACE;
    if (!mmu_early_map(mfn_addr(hv->pool), bytes, false))
        return diag_fail(d, ERR_NO_SPACE, "no early page table left for the hypervisor's frames at 0x%lx",
                         mfn_addr(hv->pool).v);
    b->pool =
        (struct pool){.first = hv->pool, .frames = hv->pool_frames, .mem = arch_memory(mfn_addr(hv->pool))};
    if (!pool_take(&b->pool, hv->cpu_frames, false, &stacks))
        return diag_fail(d, ERR_NO_SPACE, "no frames for the stacks");
    b->el2 = (struct pt){.format = &pt_format_arm_el2, .shape = el2_shape(b), .pool = &b->pool};
    err_t e = pt_build(&b->el2, hv->span, hv->spans, d);
    for (uint32_t i = 0; i < b->plan.partitions && e == ERR_NONE; i++)
        e = compile_partition(b, i, d);
    return e;
}

/* One set of tables; what differs is told with whose tables they are. */
static err_t verify_one(const char *owner, const char *which, const struct verify_job *j, struct diag *d)
{
    struct diag why = {""};

    if (verify_tables(j, &why) == ERR_NONE)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "%s: %s: %s", owner, which, why.text);
}

static err_t verify_partition(struct boot *b, uint32_t i, struct diag *d)
{
    const struct plan_partition *pp = &b->plan.partition[i];
    struct verify_job j = {
        .format = VERIFY_ARM_S2,
        .shape = pp->p2m_shape,
        .pool = &b->pool,
        .root = b->p2m[i].root,
        .spans = pp->p2m_span,
        .count = pp->p2m_spans,
    };
    err_t e = verify_one(pp->m->name, "p2m", &j, d);

    if (e != ERR_NONE || !pp->has_bfn_map)
        return e;
    j = (struct verify_job){
        .format = VERIFY_ARM_S2,
        .shape = pp->bfn_shape,
        .pool = &b->pool,
        .root = b->bfn[i].root,
        .spans = pp->bfn_span,
        .count = pp->bfn_spans,
        .scratch = pp->frames.scratch != 0,
        .scratch_page = b->part[i].scratch.page,
        .scratch_rights = scratch_rights(pp),
    };
    return verify_one(pp->m->name, "bfn map", &j, d);
}

err_t boot_verify(struct boot *b, struct diag *d)
{
    const struct verify_job el2 = {
        .format = VERIFY_ARM_EL2,
        .shape = el2_shape(b),
        .pool = &b->pool,
        .root = b->el2.root,
        .spans = b->plan.hv.span,
        .count = b->plan.hv.spans,
    };
    err_t e = verify_one("hypervisor", "own tables", &el2, d);

    for (uint32_t i = 0; i < b->plan.partitions && e == ERR_NONE; i++)
        e = verify_partition(b, i, d);
    return e;
}

/* Partition operations (partition.h). */

static void quiesce(struct partition *p)
{
    for (uint32_t i = 0; i < p->plan->devices; i++)
        if (p->plan->device[i].m->kind == DEVICE_PCI)
            pci_quiesce(p->pci.pci, p->pci.ecam, p->plan->device[i].fn->bdf);
    vgic_reset(p);
}

static err_t prepare_devices(struct partition *p, struct diag *d)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < p->plan->devices && e == ERR_NONE; i++)
        if (p->plan->device[i].m->kind == DEVICE_PCI)
            e = pci_prepare(p->pci.pci, p->pci.ecam, &p->plan->device[i], d);
    return e;
}

static err_t reload(struct partition *p, struct diag *d)
{
    err_t e = prepare_devices(p, d);

    vpci_reset(&p->pci);
    vpl011_reset(&p->uart, &p->line);
    load_scrub(p->plan);
    load_images(p->plan);
    return e == ERR_NONE ? load_dtb(&boot->plan, p->plan, d) : e;
}

static void all_stopped(void)
{
    log_line("all partitions have stopped; the board is switched off");
    cpu_board_off();
}

static const struct partition_ops operations = {
    .quiesce = quiesce, .reload = reload, .all_stopped = all_stopped};

static err_t setup_vcpus(struct boot *b, uint32_t i, struct diag *d)
{
    struct partition *p = &b->part[i];

    p->plan = &b->plan.partition[i];
    p->vcpus = p->plan->cpus;
    p->vcpu = ARENA_NEW(&b->arena, struct vcpu, p->vcpus, d);
    if (p->vcpu == NULL)
        return ERR_NO_SPACE;
    for (uint32_t c = 0; c < p->vcpus; c++) {
        p->vcpu[c].part = p;
        p->vcpu[c].index = c;
        p->vcpu[c].board_cpu = p->plan->cpu[c];
        p->vcpu[c].state = VCPU_OFF;
    }
    return ERR_NONE;
}

static err_t setup_partition(struct boot *b, uint32_t i, struct diag *d)
{
    struct partition *p = &b->part[i];
    const struct plan_partition *pp = &b->plan.partition[i];

    p->line.name = pp->m->name;
    b->line[i] = &p->line;
    vpl011_reset(&p->uart, &p->line);
    vcpu_set_tables(p, b->p2m[i].root, b->board.pa_bits);
    err_t e = vgic_init(p, &b->arena, d);
    if (e != ERR_NONE)
        return e;
    vgic_reset(p);
    if (b->board.pci.present)
        e = vpci_init(&p->pci, &b->board.pci, mmu_device(b->board.pci.ecam), pp, d);
    return e == ERR_NONE ? prepare_devices(p, d) : e;
}

static err_t attach_devices(struct boot *b, uint32_t i, struct diag *d)
{
    const struct plan_partition *pp = &b->plan.partition[i];
    struct smmuv3_stage2 s2 = {
        .root = mfn_addr(b->bfn[i].root),
        .shape = pp->bfn_shape,
        .vmid = pp->bfn_vmid,
        .pa_bits = pp->bfn_shape.out_bits,
    };
    err_t e = ERR_NONE;

    for (uint32_t j = 0; j < pp->devices && e == ERR_NONE; j++)
        if (pp->device[j].is_protected)
            e = smmuv3_attach(&b->smmu[pp->device[j].smmu], pp->device[j].sid, &s2, d);
    return e;
}

/* A record for every assigned stream, so that a fault is blamed on a partition and a device. */
static err_t setup_faults(struct boot *b, uint32_t unit, struct diag *d)
{
    struct faults *f = &b->faults[unit];
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->plan.partitions; i++)
        n += b->plan.partition[i].devices;
    f->record = ARENA_NEW(&b->arena, struct fault_record, n, d);
    if (f->record == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->plan.partitions; i++) {
        const struct plan_partition *pp = &b->plan.partition[i];

        for (uint32_t j = 0; j < pp->devices; j++)
            if (pp->device[j].is_protected && pp->device[j].smmu == unit)
                f->record[f->records++] = (struct fault_record){
                    .partition = pp->m->name, .device = pp->device[j].m->name, .sid = pp->device[j].sid};
    }
    return ERR_NONE;
}

/* DESIGN 5: tables are finished; clean, set, invalidate everything, only then enable. */
static err_t program_smmus(struct boot *b, struct diag *d)
{
    err_t e = ERR_NONE;

    arch_clean(b->pool.mem, b->pool.frames << FRAME_SHIFT);
    b->smmu = ARENA_NEW(&b->arena, struct smmuv3, b->board.smmus, d);
    b->faults = ARENA_NEW(&b->arena, struct faults, b->board.smmus, d);
    if (b->smmu == NULL || b->faults == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->board.smmus && e == ERR_NONE; i++) {
        e = smmuv3_setup(&b->smmu[i], &b->board.smmu[i], mmu_device(b->board.smmu[i].base), &b->pool, d);
        if (e == ERR_NONE)
            e = setup_faults(b, i, d);
    }
    for (uint32_t i = 0; i < b->plan.partitions && e == ERR_NONE; i++)
        e = attach_devices(b, i, d);
    for (uint32_t i = 0; i < b->board.smmus && e == ERR_NONE; i++)
        e = smmuv3_enable(&b->smmu[i], d);
    return e;
}

static err_t program_cpus(struct boot *b, struct diag *d)
{
    err_t e;

    mmu_switch(b->el2.root);
    e = cpu_setup(&b->plan, b->part, &b->arena, d);
    if (e == ERR_NONE)
        e = cpu_bind_self(&b->board, d);
    if (e == ERR_NONE)
        e = gicv3_init(&b->board, mmu_device, &b->arena, d);
    return e == ERR_NONE ? gicv3_cpu_init(cpu_self()->index, d) : e;
}

/* The partition that the board's UART is given to; NULL: it stays the hypervisor's. */
static const struct plan_partition *uart_owner(const struct boot *b)
{
    for (uint32_t i = 0; i < b->plan.partitions; i++)
        for (uint32_t j = 0; j < b->plan.partition[i].devices; j++)
            if (b->plan.partition[i].device[j].m->kind == DEVICE_PLATFORM &&
                b->plan.partition[i].device[j].board_node == b->board.uart.node)
                return &b->plan.partition[i];
    return NULL;
}

err_t boot_program(struct boot *b, struct diag *d)
{
    const struct plan_partition *owner = uart_owner(b);
    uint32_t n = b->plan.partitions;
    err_t e = ERR_NONE;

    boot = b;
    if (owner != NULL) {
        log_line("%s: the board's UART is its own from here; the hypervisor says nothing more",
                 owner->m->name);
        console_init(NULL); /* the tables of the plan do not map it */
    }
    b->line = ARENA_NEW(&b->arena, struct console_line *, n, d);
    if (b->line == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
        e = setup_vcpus(b, i, d);
    if (e == ERR_NONE)
        e = program_cpus(b, d);
    if (e == ERR_NONE)
        e = program_smmus(b, d);
    for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
        e = setup_partition(b, i, d);
    if (e != ERR_NONE)
        return e;
    partition_init(b->part, n, &operations);
    irq_init(&(struct irq_config){.plan = &b->plan,
                                  .part = b->part,
                                  .smmu = b->smmu,
                                  .faults = b->faults,
                                  .uart = owner == NULL && b->board.uart.present});
    console_partitions(b->line, n);
    return ERR_NONE;
}
