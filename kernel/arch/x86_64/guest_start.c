/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_start.h"

#include "arch.h"
#include "guest_acpi.h"
#include "guest_pc.h"
#include "load.h"

#include <string.h>

/* Where a CPU in real mode finds a PC's firmware (SDM vol. 3, 10.1.4), and what is there here: a reset. */
#define RESET_VECTOR 0xffff0u
static const uint8_t reset_code[] = {
    0xb0,
    GUEST_RESET_VALUE, /* mov $.., %al */
    0xba,
    GUEST_PORT_RESET & 0xff,
    GUEST_PORT_RESET >> 8, /* mov $.., %dx */
    0xee,                  /* out %al, %dx */
    0xf4,
    0xeb,
    0xfd, /* 1: hlt; jmp 1b */
};

/* Linux on hardware-reduced ACPI restarts so, unless its command line says reboot=acpi. */
static void write_reset(const struct plan_partition *pp)
{
    const struct extent *e = physmap_find(&pp->physmap, gfn_of(gaddr(RESET_VECTOR)));

    if (e == NULL || e->type != EXT_RAM)
        return;
    for (uint32_t i = 0; i < pp->images; i++)
        if (ranges_overlap(pp->image[i].at.v, pp->image[i].room, RESET_VECTOR, sizeof reset_code))
            return;
    uint8_t *at = (uint8_t *)arch_memory(mfn_addr(e->mfn)) + (RESET_VECTOR - gfn_addr(e->gfn).v);

    memcpy(at, reset_code, sizeof reset_code);
    arch_clean(at, sizeof reset_code);
}

err_t guest_start_write(const struct plan *p, const struct plan_partition *pp, struct diag *d)
{
    void *buf = load_start_block(pp);
    err_t e = guest_pc_write(p, pp, buf, d);

    arch_clean(buf, GUEST_START_MAX);
    write_reset(pp);
    return e;
}

struct guest_entry guest_start_entry(const struct plan_partition *pp)
{
    return (struct guest_entry){.rip = pp->entry.v,
                                .boot_params = pp->start.v + GUEST_PC_PARAMS,
                                .cr3 = pp->start.v + GUEST_PC_TABLES,
                                .gdt = pp->start.v + GUEST_PC_GDT};
}
