/* SPDX-License-Identifier: Apache-2.0 */
/* How much boot_program takes, each object's alignment included. */
#include "boot.h"

#include "cpu.h"

#define OF_PARTITION (sizeof(struct partition) + sizeof(struct console_line *) + 3 * ARENA_ALIGN)
#define OF_CPU       (sizeof(struct cpu) + sizeof(struct cpu_boot) + sizeof(mmio_t))
#define OF_SMMU      (sizeof(struct smmuv3) + sizeof(struct faults) + sizeof(struct smmuv3_stage2) + ARENA_ALIGN)
#define LISTS        8 /* of these objects */

size_t boot_objects_size(const struct plan *p)
{
    const struct board *b = p->board;
    size_t records = 0;
    size_t bytes = p->partitions * OF_PARTITION + b->cpus * OF_CPU + b->iommus * OF_SMMU + LISTS * ARENA_ALIGN;

    for (const struct plan_partition *pp = p->partition; pp <= p->quarantine; pp++) {
        bytes += pp->cpus * sizeof(struct vcpu) + 2 * (size_t)vgic_spis(pp); /* priority and target */
        records += pp->devices;
    }
    return bytes + b->iommus * records * sizeof(struct fault_record);
}
