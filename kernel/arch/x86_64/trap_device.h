/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind a partition's emulated extents: registers of devices that trap. Pure: knows no hardware. */
#ifndef ARCH_X86_64_TRAP_DEVICE_H
#define ARCH_X86_64_TRAP_DEVICE_H

#include "frame.h"
#include "insn.h"

struct vcpu;
struct trap_device;

/* width: 1, 2, 4 or 8 bytes at [off, off + width), which is within the device and within one page. */
typedef uint64_t trap_read_fn(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width);
typedef void trap_write_fn(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value);

struct trap_device {
    gaddr_t base;
    uint32_t size;
    trap_read_fn *read;
    trap_write_fn *write;
    void *state; /* theirs */
};

/* The device that has all of [a, a + width); NULL: none. */
const struct trap_device *trap_device_find(const struct trap_device *list, uint32_t count, gaddr_t a, unsigned width);

/*
 * Carry out what i does to memory at a: dev answers, or, where it is NULL, a bus on which nothing does (all ones;
 * writes are dropped). Registers and flags are those of v.
 */
void trap_device_access(const struct trap_device *dev, struct vcpu *v, gaddr_t a, const struct insn *i,
                        uint64_t gpr[16], uint64_t *rflags);

#endif
