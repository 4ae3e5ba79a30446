/* SPDX-License-Identifier: Apache-2.0 */
/* A partition of three vCPUs on the board CPUs 1 to 3 of the GICv3 model, and what its guest does. */
#ifndef MODELS_VGIC_FIXTURE_H
#define MODELS_VGIC_FIXTURE_H

#include "gicv3_model.h"
#include "partition.h"

#define VCPUS  3
#define DISK   40 /* SPIs of the partition: physical, level */
#define NET    77 /* physical, edge */
#define UART   33 /* software */
#define OTHERS 41 /* an SPI of somebody else */

#define PEND UINT64_C(0x5000000000000000) /* list register: software, Group 1, pending */
#define HWLR UINT64_C(0x7000000000000000) /* physical, Group 1, pending */
#define ACT  (UINT64_C(1) << 63)
#define PBIT (UINT64_C(1) << 62)

extern struct partition part;
extern struct plan_irq part_irqs[3];
extern struct vcpu vcpus[VCPUS];
extern struct diag diag;
extern struct arena arena;

/* cmocka: a fresh model; vgic_setup_running: all CPUs up, the partition started, its interrupts on, board CPU
 * 1 runs. */
int vgic_setup(void **state);
int vgic_setup_running(void **state);

/* This board CPU runs from here on: host_gic is its. */
void run_on(uint32_t cpu);

/* Accesses of the vCPU that runs, 32 bits: distributor, redistributors. */
uint64_t rd(uint32_t off);
void wr(uint32_t off, uint64_t v);
uint64_t rr(uint32_t off);
void wrr(uint32_t off, uint64_t v);

uint32_t bit(uint32_t intid); /* in its word */

/* The guest acknowledges what list register i holds. */
void guest_ack(uint32_t i);
/* Fill every list register with active SGIs. */
void fill_lrs(void);

#endif
