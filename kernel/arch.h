/* SPDX-License-Identifier: Apache-2.0 */
/* What the portable core asks of an architecture (tests/host answers for the host). */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "frame.h"

#include <stddef.h>
#include <stdint.h>

/* Mapped memory of the machine. */
void *arch_memory(maddr_t a);
/* Make loaded code visible to instruction fetches of every CPU. */
void arch_sync_code(void);
/* Make earlier stores visible to devices and other CPUs before later ones (DSB, MFENCE). */
void arch_publish(void);
/* Write back the data cache over [p, p+size) to the point of coherency. */
void arch_clean(const void *p, size_t size);
/* A monotonic counter and its frequency in Hz, for bounded waits. */
uint64_t arch_ticks(void);
uint64_t arch_ticks_hz(void);
/* Interrupt another CPU of the board so that it looks at its partition's state. */
void arch_cpu_kick(uint32_t board_cpu);
/* Spin-wait hint. */
void arch_relax(void);

#endif
