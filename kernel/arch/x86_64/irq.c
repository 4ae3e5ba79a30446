/* SPDX-License-Identifier: Apache-2.0 */
#include "irq.h"

#include "console.h"
#include "cpu.h"
#include "dev/ns16550.h"
#include "ioapic.h"
#include "mmu.h"
#include "vcpu.h"

#define UART_BYTES 64 /* taken at a time */

static struct irq_config irq;
static const struct cpu *looks;

/* The I/O APIC that has this GSI: the last that begins at or below it. */
static const struct board_ioapic *ioapic_of(const struct board *b, uint32_t gsi)
{
    const struct board_ioapic *found = NULL;

    for (const struct board_ioapic *io = b->apic.ioapic; io < b->apic.ioapic + b->apic.ioapics; io++)
        if (io->gsi <= gsi && (found == NULL || io->gsi > found->gsi))
            found = io;
    return found;
}

err_t irq_init(const struct irq_config *c, struct diag *d)
{
    const struct board *b = c->plan->board;
    const struct board_ioapic *io = ioapic_of(b, b->uart.irq.intid);
    uint64_t entry;

    irq = *c;
    looks = cpu_self();
    if (!b->uart.present || b->uart.irq.intid < b->line_first || io == NULL)
        return ERR_NONE;
    err_t e = iommu_nmi_entry(io->has_source ? &c->iommu[io->iommu] : NULL, io->source, &entry, d);

    if (e == ERR_NONE) {
        ioapic_route(mmu_device(io->base), b->uart.irq.intid - io->gsi, entry);
        ns16550_listen(b->uart.port);
    }
    return e;
}

static void uart_input(uint16_t port)
{
    unsigned n = 0;
    char c;

    while (n < UART_BYTES && ns16550_get(port, &c)) {
        int32_t to = console_input(c);

        if (to >= 0)
            vcpu_uart_receive(&irq.part[to], c);
        n++;
    }
    if (n == UART_BYTES)
        ns16550_listen(port); /* for what is left */
}

static void count(const struct fault_record *r)
{
    for (uint32_t i = 0; i < irq.plan->partitions; i++)
        if (irq.part[i].plan->m->name == r->partition)
            __atomic_add_fetch(&irq.part[i].dma_faults, 1, __ATOMIC_RELAXED);
}

void irq_take(void)
{
    if (looks == NULL || cpu_self() != looks)
        return;
    for (uint32_t i = 0; i < irq.plan->board->iommus; i++)
        iommu_faults(&irq.iommu[i], count);
    if (irq.plan->board->uart.present)
        uart_input(irq.plan->board->uart.port);
}
