/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_start.h"

#include "arch.h"
#include "guest_pc.h"
#include "load.h"

err_t guest_start_write(const struct plan *p, const struct plan_partition *pp, struct diag *d)
{
    void *buf = load_start_block(pp);
    err_t e = guest_pc_write(p, pp, buf, d);

    arch_clean(buf, GUEST_START_MAX);
    return e;
}

struct guest_entry guest_start_entry(const struct plan_partition *pp)
{
    return (struct guest_entry){.rip = pp->entry.v,
                                .boot_params = pp->start.v + GUEST_PC_PARAMS,
                                .cr3 = pp->start.v + GUEST_PC_TABLES,
                                .gdt = pp->start.v + GUEST_PC_GDT};
}
