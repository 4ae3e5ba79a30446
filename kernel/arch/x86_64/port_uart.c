/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual UART of a partition, where a PC has COM1, and its interrupt line. */
#include "guest_acpi.h"
#include "ports.h"
#include "vapic.h"
#include "vcpu.h"

#define UART_LOOKS 8 /* a guest whose other CPU goes on toggling the line has itself to thank */

/* Several CPUs may do this at once; the last one to look leaves the level that is true. */
static void line_update(struct partition *p)
{
    bool level = !v16550_irq_level(&p->uart);

    for (unsigned n = 0; n < UART_LOOKS && level != v16550_irq_level(&p->uart); n++) {
        level = !level;
        vapic_set_line(p, GUEST_PIN_UART, level);
    }
}

uint32_t port_uart_read(struct vcpu *v, uint16_t port, unsigned width)
{
    uint32_t value = 0;

    if (!v->part->plan->has_vuart)
        return UINT32_MAX;
    for (unsigned i = 0; i < width; i++)
        value |= (uint32_t)v16550_read(&v->part->uart, port - GUEST_PORT_UART + i) << 8 * i;
    line_update(v->part);
    return value;
}

void port_uart_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    if (!v->part->plan->has_vuart)
        return;
    for (unsigned i = 0; i < width; i++, value >>= 8)
        v16550_write(&v->part->uart, port - GUEST_PORT_UART + i, (uint8_t)value);
    line_update(v->part);
}

void vcpu_uart_receive(struct partition *p, char c)
{
    if (partition_leaving(p))
        return;
    v16550_receive(&p->uart, c);
    line_update(p);
}
