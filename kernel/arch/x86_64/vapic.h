/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC of a guest's CPU. It is the CPU's own, in x2APIC mode where there is one: what cannot reach other
 * CPUs than the partition's is passed through, the rest comes here.
 */
#ifndef ARCH_X86_64_VAPIC_H
#define ARCH_X86_64_VAPIC_H

#include "apic_message.h"

struct partition;
struct vcpu;

#define VAPIC_LVTS 6u /* at 0x320 and following */

struct vapic {
    uint64_t base; /* IA32_APIC_BASE as the guest sees it */
    uint64_t icr;  /* as written last; xAPIC: high and low */
    uint32_t logical, format;
    uint32_t lvt[VAPIC_LVTS]; /* of those that are not the CPU's */
};

/* Once for a partition: MSRs that need no trap (msr_bitmap_pass), emulated extents (vcpu_add_device). */
void vapic_setup(struct partition *p);
/* On the CPU of v, before its guest starts, interrupts and kicks open: as after reset, in the mode that guests are
 * given, and nothing of an earlier life waits. */
void vapic_start(struct vcpu *v);
/* On the CPU of v, when it has left its guest: nothing in it will interrupt or wait any more. */
void vapic_stop(struct vcpu *v);
/* The interrupt controllers that the CPUs of p share; none of them runs. */
void vapic_reset(struct partition *p);

/* The level of a pin of the I/O APIC of p, from any CPU; of one that has no device behind it. */
void vapic_set_line(struct partition *p, uint32_t pin, bool level);

/* A CPU of p that m names, one that runs if there is one; NULL: none is of p. */
const struct vcpu *vapic_target(const struct partition *p, const struct apic_message *m);

/* IA32_APIC_BASE, and MSR_X2APIC and following, ICR among them. False: #GP. */
bool vapic_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
bool vapic_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
