/* SPDX-License-Identifier: Apache-2.0 */
#include "partition.h"

#include "arch.h"

static struct partition *partitions;
static uint32_t partition_count;
static const struct partition_ops *partition_ops;

void partition_init(struct partition *parts, uint32_t count, const struct partition_ops *ops)
{
    partitions = parts;
    partition_count = count;
    partition_ops = ops;
}

bool vcpu_claim(struct vcpu *v, uint64_t entry, uint64_t context)
{
    uint32_t off = VCPU_OFF;

    /* Counted before the claim is visible: the caller is inside, so the count cannot reach zero meanwhile. */
    __atomic_add_fetch(&v->part->inside, 1, __ATOMIC_ACQ_REL);
    if (!__atomic_compare_exchange_n(&v->state, &off, VCPU_CLAIMED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        __atomic_sub_fetch(&v->part->inside, 1, __ATOMIC_ACQ_REL);
        return false;
    }
    v->entry = entry;
    v->context = context;
    __atomic_store_n(&v->state, VCPU_ON_PENDING, __ATOMIC_RELEASE);
    arch_publish();
    arch_cpu_kick(v->board_cpu);
    return true;
}

void partition_start(struct partition *p)
{
    __atomic_store_n(&p->state, PARTITION_RUNNING, __ATOMIC_RELEASE);
    (void)vcpu_claim(&p->vcpu[0], p->plan->entry.v, p->plan->start.v);
}

static void leave_all(struct partition *p, uint32_t state, const char *reason)
{
    uint32_t running = PARTITION_RUNNING;

    if (!__atomic_compare_exchange_n(&p->state, &running, state, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    p->stop_reason = reason;
    arch_publish();
    for (uint32_t i = 0; i < p->vcpus; i++)
        if (&p->vcpu[i] != vcpu_current())
            arch_cpu_kick(p->vcpu[i].board_cpu);
}

void partition_stop(struct partition *p, const char *reason)
{
    leave_all(p, PARTITION_STOPPING, reason);
}

void partition_reset(struct partition *p)
{
    leave_all(p, PARTITION_RESETTING, "reset");
}

static struct scratch_report map_audit(struct partition *p, const struct plan_bfn_map *m)
{
    void *page = pool_ptr(&p->tables->pool, p->tables->table[m->table].scratch.page);
    struct scratch_report r;

    /* Cleaned and invalidated on both sides: a device that does not snoop wrote to memory, and reads it
     * there. */
    lock_take(&p->lock);
    arch_clean(page, FRAME_SIZE);
    scratch_audit(page, m->scratch_id, &r);
    arch_clean(page, FRAME_SIZE);
    lock_give(&p->lock);
    if (r.changed && log_worthy(__atomic_add_fetch(&p->strays, 1, __ATOMIC_RELAXED)))
        log_line("%s: stray DMA: %s %s wrote %u bytes where nothing is mapped (scratch page, "
                 "first at offset 0x%x: %02x %02x %02x %02x ...)",
                 p->plan->m->name, m->device ? "device" : "a device",
                 m->device ? m->device->m->name : "of this partition", r.changed, r.offset, r.found[0], r.found[1],
                 r.found[2], r.found[3]);
    return r;
}

struct scratch_report partition_audit(struct partition *p)
{
    struct scratch_report all = {0};

    for (uint32_t i = 0; i < p->plan->maps; i++) {
        const struct plan_bfn_map *m = &p->plan->map[i];
        struct scratch_report r = {0};
        uint32_t before = all.changed;

        if (m->scratch)
            r = map_audit(p, m);
        if (!before)
            all = r;
        else
            all.changed += r.changed;
    }
    return all;
}

static void finish_reset(struct partition *p)
{
    struct diag d = {""};

    p->resets++;
    if (log_worthy(p->resets))
        log_line("%s: reset %lu: started again from its images", p->plan->m->name, p->resets);
    if (partition_ops->reload(p, &d) != ERR_NONE) {
        log_line("%s: stopped: cannot be started again: %s", p->plan->m->name, d.text);
        __atomic_store_n(&p->state, PARTITION_STOPPED, __ATOMIC_RELEASE);
        return;
    }
    partition_start(p);
}

static void power_off_when_all_stopped(void)
{
    for (uint32_t i = 0; i < partition_count; i++)
        if (__atomic_load_n(&partitions[i].state, __ATOMIC_ACQUIRE) != PARTITION_STOPPED)
            return;
    partition_ops->all_stopped();
}

void vcpu_left(struct vcpu *v)
{
    struct partition *p = v->part;

    __atomic_store_n(&v->state, VCPU_OFF, __ATOMIC_RELEASE);
    if (__atomic_sub_fetch(&p->inside, 1, __ATOMIC_ACQ_REL) != 0)
        return;

    /* Nobody is inside: p is this CPU's alone until it is started again. */
    uint32_t state = __atomic_load_n(&p->state, __ATOMIC_ACQUIRE);
    partition_ops->quiesce(p);
    (void)partition_audit(p);
    console_flush(&p->line);
    if (state == PARTITION_RESETTING) {
        finish_reset(p);
    } else {
        log_line("%s: stopped: %s", p->plan->m->name,
                 state == PARTITION_STOPPING ? p->stop_reason : "all its CPUs are off");
        __atomic_store_n(&p->state, PARTITION_STOPPED, __ATOMIC_RELEASE);
    }
    power_off_when_all_stopped();
}
