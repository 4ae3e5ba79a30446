/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who emulates which port, and the ports that reset or switch off: the partition, never the board. There is no 8259,
 * no 8254, no keyboard controller: Linux finds that out, and so does who follows the guest's ACPI tables.
 */
#include "ports.h"

#include "guest_acpi.h"
#include "partition.h"

#define KEYBOARD_RESET 0xfe
#define SYSTEM_RESET   0x01
#define RESET_CPU      0x04
#define SLEEP_ENABLE   0x20 /* ACPI 6.5, 4.8.3.7; S5 is the only state there is */
#define NMI_TIMER_OUT  0x20 /* the 8254's channel 2 has counted; no NMI is due */

static void keyboard_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    (void)port;
    (void)width;
    if (value == KEYBOARD_RESET)
        partition_reset(v->part);
}

static void system_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    (void)port;
    (void)width;
    if (value & SYSTEM_RESET)
        partition_reset(v->part);
}

static void reset_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    (void)port;
    (void)width;
    if (value & RESET_CPU)
        partition_reset(v->part);
}

static void sleep_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    (void)width;
    if (port == GUEST_PORT_SLEEP && value & SLEEP_ENABLE)
        partition_stop(v->part, "switched itself off");
}

static uint32_t nmi_read(struct vcpu *v, uint16_t port, unsigned width)
{
    (void)v;
    (void)port;
    (void)width;
    return NMI_TIMER_OUT;
}

static uint32_t zero_read(struct vcpu *v, uint16_t port, unsigned width)
{
    (void)v;
    (void)port;
    (void)width;
    return 0;
}

const struct port_range ports[] = {
    {GUEST_PORT_UART, GUEST_PORT_UART + V16550_PORTS - 1, port_uart_read, port_uart_write}, /* the most frequent */
    {PORT_KEYBOARD, PORT_KEYBOARD, zero_read, keyboard_write},
    {PORT_SYSTEM, PORT_SYSTEM, zero_read, system_write},
    {GUEST_PORT_RESET, GUEST_PORT_RESET, zero_read, reset_write},
    {PORT_PCI_ADDRESS, PORT_PCI_ADDRESS + 3, port_pci_address_read, port_pci_address_write},
    {PORT_PCI_DATA, PORT_PCI_DATA + 3, port_pci_data_read, port_pci_data_write},
    {PORT_RTC, PORT_RTC + 1, port_rtc_read, port_rtc_write},
    {PORT_NMI, PORT_NMI, nmi_read, NULL},
    {GUEST_PORT_SLEEP, GUEST_PORT_SLEEP + 1, zero_read, sleep_write},
};
const size_t ports_count = sizeof ports / sizeof *ports;

void ports_setup(struct partition *p)
{
    uint16_t timer = guest_pm_timer(p->tables->plan->board);

    for (uint32_t port = timer; timer && port < timer + 4u; port++)
        p->arch.io_bitmap[port / 8] &= (uint8_t) ~(1u << port % 8);
}
