/* SPDX-License-Identifier: Apache-2.0 */
#include "arch_host.h"

#define ARCH_HOST_START                                      \
    {                                                        \
        .ticks_step = 1000, .ticks_hz = UINT64_C(1000000000) \
    }

struct arch_host arch_host = ARCH_HOST_START;

void arch_host_reset(void)
{
    arch_host = (struct arch_host)ARCH_HOST_START;
}

bool arch_host_kicked(uint32_t board_cpu)
{
    uint32_t n = arch_host.kicks < ARCH_HOST_KICKS ? arch_host.kicks : ARCH_HOST_KICKS;
    for (uint32_t i = 0; i < n; i++) {
        if (arch_host.kick[i] == board_cpu)
            return true;
    }
    return false;
}

void arch_publish(void)
{
    arch_host.publishes++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (arch_host.on_publish)
        arch_host.on_publish(arch_host.ctx);
}

void arch_clean(const void *p, size_t size)
{
    arch_host.cleans++;
    arch_host.cleaned_bytes += size;
    arch_host.clean_last = p;
    arch_host.clean_last_size = size;
    if (arch_host.on_clean)
        arch_host.on_clean(arch_host.ctx, p, size);
}

uint64_t arch_ticks(void)
{
    uint64_t t = arch_host.ticks;
    arch_host.ticks += arch_host.ticks_step;
    return t;
}

uint64_t arch_ticks_hz(void)
{
    return arch_host.ticks_hz;
}

void arch_cpu_kick(uint32_t board_cpu)
{
    if (arch_host.kicks < ARCH_HOST_KICKS)
        arch_host.kick[arch_host.kicks] = board_cpu;
    arch_host.kicks++;
}

void arch_relax(void)
{
    arch_host.relaxes++;
    if (arch_host.on_relax)
        arch_host.on_relax(arch_host.ctx);
}
