/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include "arch.h"
#include "console.h"
#include "cpu.h"
#include "dev/pci.h"
#include "guest_start.h"
#include "irq.h"
#include "lapic.h"
#include "load.h"
#include "mmu.h"
#include "msix.h"
#include "pci_bus.h"
#include "ports.h"
#include "vcpu.h"

#define OF_PARTITION (sizeof(struct partition) + sizeof(struct console_line *) + 3 * ARENA_ALIGN)
#define LISTS        8 /* of these objects */

static struct boot *boot; /* for the partition operations below */

err_t boot_objects(struct boot *b, struct diag *d)
{
    const struct plan *p = &b->plan;
    size_t records = 0, size = p->partitions * OF_PARTITION + b->board.cpus * sizeof(struct cpu) + LISTS * ARENA_ALIGN;

    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++) {
        size += pp->cpus * sizeof(struct vcpu);
        records += pp->devices;
    }
    size += b->board.iommus * (records * sizeof(struct fault_record) + ARENA_ALIGN) + vcpu_objects_size(p) +
            msix_objects_size(p);
    void *mem = arena_take(&b->arena, size, 1, d);

    arena_init(&b->objects, mem, size);
    return mem != NULL ? ERR_NONE : ERR_NO_SPACE;
}

err_t boot_compile(struct boot *b, struct diag *d)
{
    maddr_t pool = mfn_addr(b->plan.hv.pool);

    if (!mmu_early_map(pool, b->plan.hv.pool_frames << FRAME_SHIFT, false))
        return diag_fail(d, ERR_NO_SPACE, "no early page table left for the hypervisor's frames at 0x%lx", pool.v);
    return compile_tables(&b->tables, &b->plan, arch_memory(pool), &b->arena, d);
}

/* Partition operations (partition.h). */

static void quiesce(struct partition *p)
{
    struct diag d = {""};

    for (const struct plan_device *dev = p->plan->device; dev < p->plan->device + p->plan->devices; dev++) {
        pci_quiesce(p->pci.pci, p->pci.ecam, dev->fn->bdf);
        if (dev->is_protected &&
            iommu_quarantine(&boot->iommu[dev->iommu], dev->sid, dev->m->quarantine_scratch, &d) != ERR_NONE)
            log_line("%s: device %s: %s", p->plan->m->name, dev->m->name, d.text);
    }
    vcpu_reset(p);
}

static err_t prepare_devices(struct partition *p, struct diag *d)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < p->plan->devices && e == ERR_NONE; i++)
        e = pci_prepare(p->pci.pci, p->pci.ecam, &p->plan->device[i], d);
    if (e == ERR_NONE)
        msix_reset(p);
    return e;
}

static err_t reload(struct partition *p, struct diag *d)
{
    err_t e = prepare_devices(p, d);

    if (e != ERR_NONE)
        return e;
    vpci_reset(&p->pci);
    v16550_reset(&p->uart, &p->line);
    load_scrub(p->plan);
    load_images(p->plan);
    e = guest_start_write(&boot->plan, p->plan, d);
    return e == ERR_NONE ? iommu_attach(boot->iommu, p->plan, d) : e;
}

static void all_stopped(void)
{
    log_line("all partitions have stopped; the board is switched off");
    cpu_board_off();
}

static const struct partition_ops operations = {.quiesce = quiesce, .reload = reload, .all_stopped = all_stopped};

static err_t setup_vcpus(struct boot *b, uint32_t i, struct diag *d)
{
    struct partition *p = &b->part[i];

    p->plan = &b->plan.partition[i];
    p->line.name = p->plan->m->name;
    b->line[i] = &p->line;
    p->tables = &b->tables;
    p->vcpus = p->plan->cpus;
    p->vcpu = ARENA_NEW(&b->objects, struct vcpu, p->vcpus, d);
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
    err_t e = vcpu_setup(p, b->tables.table[p->plan->p2m_table].pt.root, &b->objects, d);

    if (e != ERR_NONE)
        return e;
    ports_setup(p);
    pci_bus_setup(p);
    v16550_reset(&p->uart, &p->line);
    vcpu_reset(p);
    if (b->board.pci.present)
        e = vpci_init(&p->pci, &b->board.pci, mmu_device(b->board.pci.ecam), p->plan, d);
    if (b->board.pci.present && e == ERR_NONE)
        e = msix_setup(p, b->iommu, &b->objects, d);
    return e == ERR_NONE ? prepare_devices(p, d) : e;
}

/* A record for every assigned function, so that a fault is blamed on a partition and a device. */
static err_t setup_faults(struct boot *b, uint32_t unit, struct diag *d)
{
    struct faults *f = &b->iommu[unit].faults;
    uint32_t n = 0;

    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine; pp++)
        n += pp->devices;
    f->record = ARENA_NEW(&b->objects, struct fault_record, n, d);
    if (f->record == NULL)
        return ERR_NO_SPACE;
    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine; pp++) {
        for (const struct plan_device *dev = pp->device; dev < pp->device + pp->devices; dev++)
            if (dev->is_protected && dev->iommu == unit)
                f->record[f->records++] = (struct fault_record){.partition = pp->m->name,
                                                                .device = dev->m->name,
                                                                .sid = dev->sid,
                                                                .to_scratch = dev->m->quarantine_scratch};
    }
    return ERR_NONE;
}

/* DESIGN 5: tables are finished; clean, block everything, attach, only then enable. */
static err_t program_iommus(struct boot *b, struct diag *d)
{
    const struct plan_partition *q = b->plan.quarantine;
    err_t e = ERR_NONE;

    arch_clean(b->tables.pool.mem, b->tables.pool.frames << FRAME_SHIFT);
    for (uint32_t i = 0; i < b->board.iommus && e == ERR_NONE; i++) {
        for (uint32_t m = 0; m < q->maps; m++)
            if (q->map[m].kind == b->board.iommu[i].kind)
                b->iommu[i].quarantine = &q->map[m];
        e = iommu_block(&b->iommu[i], &b->tables, d);
        if (e == ERR_NONE)
            e = setup_faults(b, i, d);
    }
    for (const struct plan_partition *pp = b->plan.partition; pp <= q && e == ERR_NONE; pp++)
        e = iommu_attach(b->iommu, pp, d);
    for (uint32_t i = 0; i < b->board.iommus && e == ERR_NONE; i++)
        e = iommu_enable(&b->iommu[i], d);
    return e;
}

static err_t program_cpus(struct boot *b, struct diag *d)
{
    mfn_t root = b->tables.table[0].pt.root;
    err_t e;

    mmu_switch(root);
    lapic_init(mmu_device(b->board.apic.lapic));
    e = cpu_setup(&b->plan, b->part, &b->objects, d);
    if (e == ERR_NONE)
        e = cpu_bind_self(d);
    return e == ERR_NONE ? cpu_start_others(root, d) : e;
}

err_t boot_program(struct boot *b, struct diag *d)
{
    uint32_t n = b->plan.partitions;
    err_t e = ERR_NONE;

    boot = b;
    b->part = ARENA_NEW(&b->objects, struct partition, n, d);
    b->line = ARENA_NEW(&b->objects, struct console_line *, n, d);
    if (b->part == NULL || b->line == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
        e = setup_vcpus(b, i, d);
    if (e != ERR_NONE)
        return e;
    console_partitions(b->line, n);
    boot_report(b);
    e = program_cpus(b, d);
    if (e == ERR_NONE)
        e = program_iommus(b, d);
    for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
        e = setup_partition(b, i, d);
    if (e != ERR_NONE)
        return e;
    partition_init(b->part, n, &operations);
    return irq_init(&(struct irq_config){.plan = &b->plan, .part = b->part, .iommu = b->iommu}, d);
}
