/* SPDX-License-Identifier: Apache-2.0 */
#include "desc.h"

#include "layout.h"

#include <stddef.h>
#include <string.h>

extern uint8_t vectors[], interrupt[];

#define IDT_ENTRIES 256

/* One for all CPUs. An entry is two words (APM vol. 2, 4.8.4). */
static uint64_t idt[IDT_ENTRIES][2];

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

#define TSS_LIMIT    103u
#define TSS_IST(n)   (7 + 2 * (n))            /* dwords from the start: IST1 is at byte 36 */
#define TSS_IO_MAP   25                       /* its upper half: beyond the limit, there is none */
#define GATE_PRESENT UINT64_C(0x8e0000000000) /* a 64-bit interrupt gate, DPL 0 */
#define VECTOR_NMI   2
#define VECTOR_DF    8
#define VECTOR_MC    18

static void idt_fill(void)
{
    static const uint8_t ist[IDT_ENTRIES] = {
        [VECTOR_NMI] = IST_NMI, [VECTOR_DF] = IST_FATAL, [VECTOR_MC] = IST_MACHINE_CHECK};

    for (unsigned i = 0; i < IDT_ENTRIES; i++) {
        uint64_t at = (uintptr_t)(i < VECTORS ? vectors + (size_t)i * VECTOR_STRIDE : interrupt);

        idt[i][0] = (at & 0xffff) | (uint64_t)SELECTOR_CODE << 16 | (uint64_t)ist[i] << 32 | GATE_PRESENT |
                    (at >> 16 & 0xffff) << 48;
        idt[i][1] = at >> 32;
    }
}

void desc_load(struct desc *t)
{
    uint64_t tss = (uintptr_t)t->tss;

    if (!idt[0][0])
        idt_fill(); /* on the CPU that boots, before there are others */
    for (unsigned i = IST_FATAL; i < IST_END; i++) {
        uint64_t top = (uintptr_t)(t->stack[i - 1] + DESC_STACK);

        memcpy(&t->tss[TSS_IST(i)], &top, sizeof top);
    }
    t->tss[TSS_IO_MAP] = (TSS_LIMIT + 1) << 16;
    t->gdt[SELECTOR_CODE / 8] = UINT64_C(0x00af9b000000ffff);
    t->gdt[SELECTOR_DATA / 8] = UINT64_C(0x00cf93000000ffff);
    t->gdt[SELECTOR_TSS / 8] = TSS_LIMIT | (tss & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (tss >> 24 & 0xff) << 56;
    t->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

    const struct table_pointer gdt_at = {sizeof t->gdt - 1, (uintptr_t)t->gdt};
    const struct table_pointer idt_at = {sizeof idt - 1, (uintptr_t)idt};

    __asm__ volatile("lgdt %0\n\tlidt %1\n\tltr %w2" : : "m"(gdt_at), "m"(idt_at), "r"(SELECTOR_TSS) : "memory");
}
