/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running partition and its vCPUs. A vCPU is bound to one board CPU for ever.
 *
 * Life: RUNNING -> (STOPPING | RESETTING) -> STOPPED | RUNNING. The vCPU that asks for a stop or a reset
 * changes the state and kicks its siblings; each leaves the guest and reports in; the last one
 * to do so carries the change out. Nobody waits for anybody.
 */
#ifndef KERNEL_PARTITION_H
#define KERNEL_PARTITION_H

#include "arch_vcpu.h"
#include "arch_vuart.h"
#include "compile.h"
#include "dev/vpci.h"
#include "plan.h"

enum partition_state { PARTITION_RUNNING, PARTITION_STOPPING, PARTITION_RESETTING, PARTITION_STOPPED };
/* PSCI 1.1 (DEN 0022), 5.7: what AFFINITY_INFO answers. */
enum vcpu_state {
    VCPU_ON = 0,
    VCPU_OFF = 1,
    VCPU_ON_PENDING = 2,
    VCPU_CLAIMED /* its start is being written */
};

struct partition;

struct vcpu {
    struct arch_vcpu arch;
    struct partition *part;
    uint32_t index;          /* in the partition: the guest's Aff0 */
    uint32_t board_cpu;      /* index into board.cpu */
    uint32_t state;          /* enum vcpu_state, atomic */
    uint64_t entry, context; /* for the next start */
};

struct partition {
    const struct plan_partition *plan;
    struct vcpu *vcpu;
    uint32_t vcpus;
    uint32_t state;  /* enum partition_state, atomic */
    uint32_t inside; /* vCPUs that are on or claimed, atomic */
    uint64_t resets;
    const char *stop_reason;
    struct arch_partition arch; /* interrupt controller, second-stage root */
    arch_vuart_t uart;
    struct console_line line;
    struct vpci pci;
    const struct compiled *tables;
    struct lock lock;                          /* the scratch audit */
    uint64_t dma_faults, strays, bad_accesses; /* counted since boot, atomic */
};

/*
 * What the last vCPU to leave needs from the machine: quiet devices, memory and images as at the first
 * start, interrupt controller reset. Given once by the boot code.
 */
struct partition_ops {
    void (*quiesce)(struct partition *p);
    err_t (*reload)(struct partition *p, struct diag *d);
    void (*all_stopped)(void);
};

void partition_init(struct partition *parts, uint32_t count, const struct partition_ops *ops);

/* Let vCPU 0 start at the image's entry. */
void partition_start(struct partition *p);

/*
 * Ask for a stop or a reset on behalf of a vCPU of p that is in the guest; the first reason
 * counts. The caller then leaves the guest (vcpu_left), its siblings are kicked.
 */
void partition_stop(struct partition *p, const char *reason);
void partition_reset(struct partition *p);

/* Must this vCPU leave the guest now? */
static inline bool partition_leaving(const struct partition *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) != PARTITION_RUNNING;
}

/*
 * Claim an off vCPU for a start at entry with context in x0 (PSCI CPU_ON): false when it was not off. The
 * caller must be inside the same partition. Kicks its CPU.
 */
bool vcpu_claim(struct vcpu *v, uint64_t entry, uint64_t context);

/* v has left the guest, or never entered although claimed. The last one carries a stop or reset out. */
void vcpu_left(struct vcpu *v);

/* Audit p's scratch pages; log what was found. Returns the first report of a changed one, with all their bytes. */
struct scratch_report partition_audit(struct partition *p);

/*
 * A message about something a guest can repeat: the first eight times, then at every power of two, so that
 * no guest can flood the console.
 */
static inline bool log_worthy(uint64_t n)
{
    return n <= 8 || (n & (n - 1)) == 0;
}

/* The vCPU bound to the CPU that runs this; NULL: none. */
struct vcpu *vcpu_current(void);

#endif
