/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include "cpu.h"
#include "irq.h"
#include "load.h"
#include "mmu.h"
#include "sysreg.h"
#include "vcpu.h"

static struct boot *boot; /* for the partition operations below */

void boot_read_ids(struct board *b)
{
    static const uint8_t pa_bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t range = SYSREG_READ(id_aa64mmfr0_el1) & 15, vmid = SYSREG_READ(id_aa64mmfr1_el1) >> 4 & 15;

    b->pa_bits = pa_bits[range < 5 ? range : 5];
    b->vmid_bits = vmid == 2 ? 16 : 8;
}

err_t boot_objects(struct boot *b, struct diag *d)
{
    size_t size = boot_objects_size(&b->plan);
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

static struct smmuv3_stage2 stage2_of(const struct boot *b, const struct plan_bfn_map *m, uint32_t unit)
{
    return (struct smmuv3_stage2){.root = mfn_addr(b->tables.table[m->table].pt.root),
                                  .shape = m->shape,
                                  .vmid = m->domain,
                                  .pa_bits = b->board.iommu[unit].out_bits};
}

/* Let the streams of a partition's devices through its bfn maps; what their faults were before is forgotten. */
static err_t attach_devices(struct boot *b, const struct plan_partition *pp, struct diag *d)
{
    err_t e = ERR_NONE;

    for (uint32_t i = 0; i < pp->devices && e == ERR_NONE; i++) {
        const struct plan_device *dev = &pp->device[i];

        if (!dev->is_protected)
            continue;
        const struct smmuv3_stage2 map = stage2_of(b, &pp->map[dev->map], dev->iommu);
        struct fault_record *r = faults_find(&b->faults[dev->iommu], dev->sid);
        __atomic_store_n(&r->count, 0, __ATOMIC_RELAXED);
        /* What nobody owns is silent, too: nobody is to blame for its faults. */
        e = pp == b->plan.quarantine ? smmuv3_quarantine(&b->smmu[dev->iommu], dev->sid, &map, d)
                                     : smmuv3_attach(&b->smmu[dev->iommu], dev->sid, &map, d);
    }
    return e;
}

static void quiesce(struct partition *p)
{
    struct diag d = {""};

    for (uint32_t i = 0; i < p->plan->devices; i++) {
        const struct plan_device *dev = &p->plan->device[i];

        if (dev->m->kind == DEVICE_PCI)
            pci_quiesce(p->pci.pci, p->pci.ecam, dev->fn->bdf);
        if (dev->is_protected &&
            smmuv3_quarantine(&boot->smmu[dev->iommu], dev->sid,
                              dev->m->quarantine_scratch ? &boot->quarantine[dev->iommu] : NULL, &d) != ERR_NONE)
            log_line("%s: device %s: %s", p->plan->m->name, dev->m->name, d.text);
    }
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

/* A platform device that is a bus master has no reset that we know: its DMA would go on into the new life. */
static err_t restart_check(const struct plan_partition *pp, struct diag *d)
{
    for (uint32_t i = 0; i < pp->devices; i++)
        if (pp->device[i].m->kind == DEVICE_PLATFORM && !pp->device[i].m->no_dma)
            return diag_fail(d, ERR_DENIED, "device %s is a bus master that only a reset of the board stops",
                             pp->device[i].m->name);
    return ERR_NONE;
}

static err_t reload(struct partition *p, struct diag *d)
{
    err_t e = restart_check(p->plan, d);

    if (e == ERR_NONE)
        e = prepare_devices(p, d);
    if (e != ERR_NONE)
        return e;
    vpci_reset(&p->pci);
    vpl011_reset(&p->uart, &p->line);
    load_scrub(p->plan);
    load_images(p->plan);
    e = load_dtb(&boot->plan, p->plan, d);
    return e == ERR_NONE ? attach_devices(boot, p->plan, d) : e;
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
    const struct plan_partition *pp = &b->plan.partition[i];

    vpl011_reset(&p->uart, &p->line);
    vcpu_set_tables(p, b->tables.table[pp->p2m_table].pt.root, &b->board);
    err_t e = vgic_init(p, &b->objects, d);
    if (e != ERR_NONE)
        return e;
    vgic_reset(p);
    if (b->board.pci.present)
        e = vpci_init(&p->pci, &b->board.pci, mmu_device(b->board.pci.ecam), pp, d);
    return e == ERR_NONE ? prepare_devices(p, d) : e;
}

/* A record for every assigned stream, so that a fault is blamed on a partition and a device. */
static err_t setup_faults(struct boot *b, uint32_t unit, struct diag *d)
{
    struct faults *f = &b->faults[unit];
    uint32_t n = 0;

    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine; pp++)
        n += pp->devices;
    f->record = ARENA_NEW(&b->objects, struct fault_record, n, d);
    if (f->record == NULL)
        return ERR_NO_SPACE;
    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine; pp++) {
        for (uint32_t j = 0; j < pp->devices; j++)
            if (pp->device[j].is_protected && pp->device[j].iommu == unit)
                f->record[f->records++] = (struct fault_record){.partition = pp->m->name,
                                                                .device = pp->device[j].m->name,
                                                                .sid = pp->device[j].sid,
                                                                .to_scratch = pp->device[j].m->quarantine_scratch};
    }
    return ERR_NONE;
}

/* DESIGN 5: tables are finished; clean, set, invalidate everything, only then enable. */
static err_t program_smmus(struct boot *b, struct diag *d)
{
    err_t e = ERR_NONE;

    arch_clean(b->tables.pool.mem, b->tables.pool.frames << FRAME_SHIFT);
    b->smmu = ARENA_NEW(&b->objects, struct smmuv3, b->board.iommus, d);
    b->faults = ARENA_NEW(&b->objects, struct faults, b->board.iommus, d);
    b->quarantine = ARENA_NEW(&b->objects, struct smmuv3_stage2, b->board.iommus, d);
    if (b->smmu == NULL || b->faults == NULL || b->quarantine == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < b->board.iommus && e == ERR_NONE; i++) {
        /* All units are SMMUv3s, so that the quarantine has one map, if any. */
        if (b->plan.quarantine->maps)
            b->quarantine[i] = stage2_of(b, b->plan.quarantine->map, i);
        e = smmuv3_setup(&b->smmu[i], &b->board.iommu[i], mmu_device(b->board.iommu[i].base), &b->tables.pool, d);
        if (e == ERR_NONE)
            e = setup_faults(b, i, d);
    }
    for (const struct plan_partition *pp = b->plan.partition; pp <= b->plan.quarantine && e == ERR_NONE; pp++)
        e = attach_devices(b, pp, d);
    for (uint32_t i = 0; i < b->board.iommus && e == ERR_NONE; i++)
        e = smmuv3_enable(&b->smmu[i], d);
    return e;
}

static err_t program_cpus(struct boot *b, struct diag *d)
{
    err_t e;

    mmu_switch(b->tables.table[0].pt.root);
    e = cpu_setup(&b->plan, b->part, &b->objects, d);
    if (e == ERR_NONE)
        e = cpu_bind_self(&b->board, d);
    if (e == ERR_NONE)
        e = gicv3_init(&b->board, mmu_device, &b->objects, d);
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
    b->part = ARENA_NEW(&b->objects, struct partition, n, d);
    b->line = ARENA_NEW(&b->objects, struct console_line *, n, d);
    if (b->part == NULL || b->line == NULL)
        return ERR_NO_SPACE;
    for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
        e = setup_vcpus(b, i, d);
    if (e != ERR_NONE)
        return e;
    if (owner == NULL)
        console_partitions(b->line, n);
    boot_report(b);
    if (owner != NULL) {
        log_line("%s: the board's UART is its own from here; the hypervisor says nothing more", owner->m->name);
        console_init(NULL); /* the tables of the plan do not map it */
    }
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
                                  .quarantine = b->quarantine,
                                  .uart = owner == NULL && b->board.uart.present});
    return ERR_NONE;
}
