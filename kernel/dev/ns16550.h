/* SPDX-License-Identifier: Apache-2.0 */
/* The board's UART: a 16550 behind I/O ports (National Semiconductor PC16550D). */
#ifndef KERNEL_DEV_NS16550_H
#define KERNEL_DEV_NS16550_H

#include <stdbool.h>
#include <stdint.h>

/* Keep the baud rate that firmware set; 8N1, FIFOs on and empty, no interrupt. False: nothing answers there. */
bool ns16550_init(uint16_t port);
/* Raise its interrupt for every byte that is received, and anew for those that are there. */
void ns16550_listen(uint16_t port);
/* Wait (bounded) for room, then send; a stuck UART loses the byte, never the CPU. */
void ns16550_put(uint16_t port, char c);
/* The next received byte, if any. */
bool ns16550_get(uint16_t port, char *c);

#endif
