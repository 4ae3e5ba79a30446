/* SPDX-License-Identifier: Apache-2.0 */
#include "hypercall.h"

#include "mullion.h"

uint64_t boot_stamp[MULLION_STAGES];

static int64_t info(const struct partition *p, uint64_t item, uint64_t *value)
{
    if (item - MULLION_INFO_STAMP < MULLION_STAGES) {
        *value = boot_stamp[item - MULLION_INFO_STAMP];
        return MULLION_OK;
    }
    switch (item) {
    case MULLION_INFO_PARTITION:
        *value = p->plan->id;
        return MULLION_OK;
    case MULLION_INFO_DMA_FAULTS:
        *value = __atomic_load_n(&p->dma_faults, __ATOMIC_RELAXED);
        return MULLION_OK;
    case MULLION_INFO_STRAYS:
        *value = __atomic_load_n(&p->strays, __ATOMIC_RELAXED);
        return MULLION_OK;
    case MULLION_INFO_RESETS:
        *value = p->resets;
        return MULLION_OK;
    default:
        return MULLION_INVALID;
    }
}

void hypercall(struct vcpu *v, uint32_t id, uint64_t *x)
{
    switch (id) {
    case MULLION_INFO:
        x[0] = (uint64_t)info(v->part, x[1], &x[1]);
        return;
    case MULLION_AUDIT: {
        struct scratch_report r = partition_audit(v->part);

        x[0] = MULLION_OK;
        x[1] = r.changed;
        x[2] = r.offset;
        return;
    }
    case MULLION_CALL_UID:
        x[0] = MULLION_UID0;
        x[1] = MULLION_UID1;
        x[2] = MULLION_UID2;
        x[3] = MULLION_UID3;
        return;
    case MULLION_CALL_REVISION:
        x[0] = MULLION_REVISION_MAJOR;
        x[1] = MULLION_REVISION_MINOR;
        return;
    default:
        x[0] = (uint64_t)MULLION_NOT_SUPPORTED;
    }
}
