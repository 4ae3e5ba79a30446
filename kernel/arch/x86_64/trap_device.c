/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_device.h"

const struct trap_device *trap_device_find(const struct trap_device *list, uint32_t count, gaddr_t a, unsigned width)
{
    for (const struct trap_device *d = list; d < list + count; d++) {
        if (a.v >= d->base.v && a.v - d->base.v < d->size && d->size - (a.v - d->base.v) >= width)
            return d;
    }
    return NULL;
}

void trap_device_access(const struct trap_device *dev, struct vcpu *v, gaddr_t a, const struct insn *i,
                        uint64_t gpr[16], uint64_t *rflags)
{
    uint32_t off = dev ? (uint32_t)(a.v - dev->base.v) : 0;
    uint64_t memory = 0;

    if (i->reads)
        memory = dev ? dev->read(v, dev, off, i->size) : UINT64_MAX;
    if (i->writes && dev)
        dev->write(v, dev, off, i->size, insn_stored(i, gpr, memory));
    insn_retire(i, gpr, rflags, memory);
}
