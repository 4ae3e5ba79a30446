/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest is told by CPUID (AMD64 APM vol. 3, appendix E): what the CPU has, less what a guest is not given.
 * What is not on the list in cpuid_filter.c is not there: zeros. Pure: the hardware's answer is an argument.
 *
 * The guest's APIC ids are the board's own (a manifest's `cpus`), so that IPIs need no translation; they need not be
 * dense. Every CPU is a core of its own of one package.
 */
#ifndef ARCH_X86_64_CPUID_FILTER_H
#define ARCH_X86_64_CPUID_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
    uint32_t a, b, c, d;
};

#define CPUID_HYPERVISOR 0x40000000u /* "MullionMulli": abi/mullion.h */
#define CPUID_KVM        0x40000100u /* KVM's signature with no feature: Linux then accepts x2APIC */

struct cpuid_view {
    uint32_t apic_id;
    uint32_t cpus;       /* of the partition */
    uint8_t id_bits;     /* that hold every APIC id of the partition */
    uint64_t cr4;        /* now */
    uint64_t xcr0;       /* what XCR0 may have */
    uint32_t xsave_size; /* bytes that XSAVE needs for that at most */
};

/* Must the hardware be asked for this leaf at all? */
static inline bool cpuid_is_virtual(uint32_t leaf)
{
    return leaf >> 16 == CPUID_HYPERVISOR >> 16;
}

/* c: the CPU's answer to the same question while XCR0 is the guest's becomes the guest's. */
void cpuid_filter(uint32_t leaf, uint32_t sub, struct cpuid *c, const struct cpuid_view *v);

/* May XCR0 have this value where it may have at most `allowed` (APM vol. 2, 11.5.2)? */
bool cpuid_xcr0_valid(uint64_t value, uint64_t allowed);

#endif
