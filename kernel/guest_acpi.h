/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACPI tables that a partition of a PC finds: hardware-reduced (ACPI 6.5, 3.11.1), so without PIC, PIT, SCI
 * and fixed power management, and with nothing of the machine's IOMMUs.
 *
 *   RSDP -> XSDT -> FADT -> DSDT   \_SB.PCI0 with its window, \_SB.MB00 with the ECAM: where it has PCI
 *                                  \_SB.COM1: where it has a virtual console;  \_S5: type GUEST_S5
 *                -> MADT           its CPUs by their APIC ids; the I/O APIC, where it has one
 *                -> MCFG           bus 0: where it has PCI
 */
#ifndef KERNEL_GUEST_ACPI_H
#define KERNEL_GUEST_ACPI_H

#include "plan.h"

/* I/O ports that the tables name; exits answer there. */
#define GUEST_PORT_UART   0x3f8u /* COM1: eight ports */
#define GUEST_PORT_SLEEP  0x604u /* control; the next one is status (4.8.3.7) */
#define GUEST_PORT_RESET  0xcf9u
#define GUEST_PIN_UART    4u                        /* of the I/O APIC, edge */
#define GUEST_S5          5u                        /* SLP_TYP */
#define GUEST_SLEEP_OFF   (GUEST_S5 << 2 | 1u << 5) /* with SLP_EN, written to sleep control: off */
#define GUEST_RESET_VALUE 6u                        /* written to the reset port: reset */

/* The first of four ports where a guest may read the machine's own PM timer, to know how fast its TSC is; 0: none. */
uint16_t guest_pm_timer(const struct board *b);

/* Write the tables of pp into buf, 16-byte aligned, which its CPUs see at `at`; the RSDP is at its start. */
err_t guest_acpi_write(const struct plan *p, const struct plan_partition *pp, gaddr_t at, void *buf, size_t size,
                       struct diag *d);

#endif
