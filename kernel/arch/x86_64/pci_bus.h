/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's PCI bus, as its CPUs reach it: configuration space in memory and by ports. */
#ifndef ARCH_X86_64_PCI_BUS_H
#define ARCH_X86_64_PCI_BUS_H

#include "partition.h"

/* Configuration space of p, before p starts. */
void pci_bus_setup(struct partition *p);

#endif
