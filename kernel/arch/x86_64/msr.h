/* SPDX-License-Identifier: Apache-2.0 */
/* Model specific registers, CPUID, control registers of the CPU that runs this. */
#ifndef ARCH_X86_64_MSR_H
#define ARCH_X86_64_MSR_H

#include "cpuid_filter.h"
#include "msr_rules.h"

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(msr) : "memory");
}

static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

#define CR_READ(n)                                          \
    __extension__({                                         \
        uint64_t cr_;                                       \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(cr_)); \
        cr_;                                                \
    })
#define CR_WRITE(n, v) __asm__ volatile("mov %0, %%cr" #n : : "r"((uint64_t)(v)) : "memory")

#endif
