/* SPDX-License-Identifier: Apache-2.0 */
/* The host's answers to kernel/arch.h: counted, recorded, and set by a test. */
#ifndef HOST_ARCH_HOST_H
#define HOST_ARCH_HOST_H

#include "arch.h"

#include <stdbool.h>

#define ARCH_HOST_KICKS 64

struct arch_host {
    uint64_t ticks;      /* what arch_ticks answers next */
    uint64_t ticks_step; /* added by each arch_ticks */
    uint64_t ticks_hz;
    uint64_t publishes, cleans, cleaned_bytes, relaxes;
    const void *clean_last; /* the range of the last arch_clean */
    size_t clean_last_size;
    uint32_t kick[ARCH_HOST_KICKS]; /* board CPUs in the order they were kicked */
    uint32_t kicks;                 /* counts on past the room in kick */
    /* Optional: called in arch_publish, arch_clean and arch_relax, so that a model can look at memory between
     * two steps, and go on while a driver polls memory. */
    void (*on_publish)(void *ctx);
    void (*on_clean)(void *ctx, const void *p, size_t size);
    void (*on_relax)(void *ctx);
    void *ctx;
};

extern struct arch_host arch_host;

/* Ticks 0, 1000 a call, 1 GHz; nothing counted, no hooks. */
void arch_host_reset(void);

/* Was this board CPU kicked since the reset? */
bool arch_host_kicked(uint32_t board_cpu);

#endif
