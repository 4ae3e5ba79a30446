/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor tables of a CPU: GDT, TSS with stacks of their own for what must not trust the current one, IDT. */
#ifndef ARCH_X86_64_DESC_H
#define ARCH_X86_64_DESC_H

#include <stdint.h>

#define DESC_STACK 2048 /* bytes of each IST stack */

enum desc_ist { IST_NONE, IST_FATAL, IST_NMI, IST_MACHINE_CHECK, IST_END };

/* Zeroed at the start; must stay where it is once loaded. */
struct desc {
    uint64_t gdt[5];
    uint32_t tss[26]; /* APM vol. 2, 12.2.5 */
    _Alignas(16) uint8_t stack[IST_END - 1][DESC_STACK];
};

/* Load this CPU's tables; its exceptions are reported from then on. */
void desc_load(struct desc *t);

#endif
