/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O ports of a guest. None of them is the board's: every access is intercepted and goes to whoever emulates
 * the port; nobody does: reads are all ones, writes are dropped, as on a bus.
 */
#ifndef ARCH_X86_64_PORTS_H
#define ARCH_X86_64_PORTS_H

#include <stddef.h>
#include <stdint.h>

struct partition;
struct vcpu;

/* width: 1, 2 or 4 bytes, all of them in the range that the function is given for. NULL: all ones, dropped. */
typedef uint32_t port_read_fn(struct vcpu *v, uint16_t port, unsigned width);
typedef void port_write_fn(struct vcpu *v, uint16_t port, unsigned width, uint32_t value);

struct port_range {
    uint16_t first, last;
    port_read_fn *read;
    port_write_fn *write;
};

/* ports.c: every partition's. */
extern const struct port_range ports[];
extern const size_t ports_count;

/* The one port that is the board's: its PM timer, where there is one, which counts and cannot be written. */
void ports_setup(struct partition *p);

/*
 * One access. One that lies in a range as a whole is the range's; any other is split into bytes, each of its own.
 * Beyond port 0xffff there is nothing.
 */
uint32_t port_read(const struct port_range *list, size_t count, struct vcpu *v, uint16_t port, unsigned width);
void port_write(const struct port_range *list, size_t count, struct vcpu *v, uint16_t port, unsigned width,
                uint32_t value);

/* Beside those that guest_acpi.h names. */
#define PORT_KEYBOARD 0x64 /* command 0xfe: reset */
#define PORT_SYSTEM   0x92 /* bit 0: reset */
#define PORT_NMI      0x61 /* system control port B */

/* port_rtc.c */
#define PORT_RTC 0x70 /* index, then data */
port_read_fn port_rtc_read;
port_write_fn port_rtc_write;

/* pci_bus.c */
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_PCI_DATA    0xcfc
port_read_fn port_pci_address_read, port_pci_data_read;
port_write_fn port_pci_address_write, port_pci_data_write;

/* port_uart.c */
port_read_fn port_uart_read;
port_write_fn port_uart_write;

#endif
