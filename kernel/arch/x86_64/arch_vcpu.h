/* SPDX-License-Identifier: Apache-2.0 */
/* The x86_64 part of a vCPU and of a partition. */
#ifndef ARCH_X86_64_VCPU_H
#define ARCH_X86_64_VCPU_H

#include "cpuid_filter.h"
#include "frame.h"
#include "trap_device.h"
#include "vapic.h"
#include "vioapic.h"

struct extent;
struct msix;
struct vmcb;

/* A guest's registers while the hypervisor runs, by their numbers; RSP is in the VMCB (exit_npf.c). */
struct guest_regs {
    uint64_t r[16];
};
enum { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI };

/* Drivers access devices in few places over and over. Decoding depends on nothing but this. */
struct decoded {
    uint64_t bytes[2];
    enum insn_mode mode;
    bool valid;
    struct insn insn;
};

struct arch_vcpu {
    struct guest_regs regs;
    struct vmcb *vmcb;
    maddr_t vmcb_at, host_vmcb_at;
    uint64_t next_rip;           /* behind the intercepted instruction, where the handler of the exit says so */
    uint64_t exits;              /* since boot */
    const struct extent *extent; /* of the guest's memory that was read last (guest_walk.h) */
    uint32_t init, nmi;          /* atomic: another CPU of the partition sent one (vcpu.h) */
    struct decoded decoded;      /* the access that was carried out last */
    struct cpuid_view cpuid;     /* what its CPUID depends on */
    struct vapic apic;
};

struct arch_partition {
    mfn_t npt; /* root of its p2m */
    uint8_t *msr_bitmap, *io_bitmap;
    maddr_t msr_bitmap_at, io_bitmap_at;
    uint64_t xcr0_allowed;
    struct trap_device *device; /* what is behind emulated extents */
    uint32_t devices, device_room;
    struct vioapic ioapic;
    struct msix *msix;    /* NULL: the board has no PCI */
    uint32_t pci_address; /* index registers, of ports.c */
    uint8_t rtc_index;
};

#endif
