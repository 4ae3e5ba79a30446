/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_bus.h"

#include "ports.h"
#include "vcpu.h"

#define ECAM_BUS   (UINT32_C(1) << 20)
#define ADDRESS_ON (UINT32_C(1) << 31) /* PCI 3.0, 3.2.2.3.2: bus 23:16, function 15:8, register 7:2 */

static uint64_t ecam_read(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width)
{
    (void)dev;
    return width <= 4 ? vpci_read(&v->part->pci, off, width) : UINT64_MAX;
}

static void ecam_write(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value)
{
    (void)dev;
    if (width <= 4)
        vpci_write(&v->part->pci, off, width, (uint32_t)value);
}

void pci_bus_setup(struct partition *p)
{
    if (p->plan->has_ecam)
        vcpu_add_device(
            p, &(struct trap_device){.base = p->plan->ecam, .size = ECAM_BUS, .read = ecam_read, .write = ecam_write});
}

uint32_t port_pci_address_read(struct vcpu *v, uint16_t port, unsigned width)
{
    return port == PORT_PCI_ADDRESS && width == 4 ? v->part->arch.pci_address : UINT32_MAX;
}

void port_pci_address_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    if (port == PORT_PCI_ADDRESS && width == 4)
        v->part->arch.pci_address = value;
}

/* Where the same register is in ECAM; UINT32_MAX, which is beyond it: nowhere. */
static uint32_t ecam_offset(const struct vcpu *v, uint16_t port)
{
    uint32_t a = v->part->arch.pci_address;

    return a & ADDRESS_ON ? (a & 0xffff00) << 4 | (a & 0xfc) | (port & 3) : UINT32_MAX;
}

uint32_t port_pci_data_read(struct vcpu *v, uint16_t port, unsigned width)
{
    return vpci_read(&v->part->pci, ecam_offset(v, port), width);
}

void port_pci_data_write(struct vcpu *v, uint16_t port, unsigned width, uint32_t value)
{
    vpci_write(&v->part->pci, ecam_offset(v, port), width, value);
}
