/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's parts that are an architecture's: what its CPU tries. One line for each, as section() prints it. */
#ifndef GUESTS_PROBER_H
#define GUESTS_PROBER_H

#include "probe.h"

void cpu_holes(void);  /* addresses that are not ours, and writes to memory that is read-only */
void calls(void);      /* calls and instructions that are not ours */
void disturb(void);    /* what would stop another partition's CPU: between other probes, while it is at work. No line */
void interrupts(void); /* one came for each DMA; none that is another's can be had */

#endif
