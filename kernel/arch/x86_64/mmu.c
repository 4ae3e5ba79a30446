/* SPDX-License-Identifier: Apache-2.0 */
#include "mmu.h"

#include "layout.h"
#include "msr.h"

#include <stddef.h>

#define PAGE_SHIFT 21
#define PAGE_SIZE  (UINT64_C(1) << PAGE_SHIFT)

/* APM vol. 2, 5.3.4: P, RW; PWT, PCD (UC with the PAT as after reset); PS */
#define EARLY_TABLE  UINT64_C(0x03)
#define EARLY_NORMAL UINT64_C(0x83)
#define EARLY_DEVICE UINT64_C(0x9b)
#define EARLY_FIRST  6u /* tables that head.S filled */

uint64_t early_table[EARLY_TABLES][512] __attribute__((aligned(4096)));
static uint32_t early_used = EARLY_FIRST;

static uint64_t *early_next(uint64_t *entry)
{
    if (*entry == 0) {
        if (early_used == EARLY_TABLES)
            return NULL;
        *entry = (uint64_t)(uintptr_t)early_table[early_used++] | EARLY_TABLE;
    }
    return (uint64_t *)(uintptr_t)(*entry & ~FRAME_MASK);
}

bool mmu_early_map(maddr_t base, uint64_t size, bool device)
{
    uint64_t end = base.v + size;

    if (end < base.v || end > HV_STACK_VBASE << FRAME_SHIFT)
        return false;
    for (uint64_t a = base.v & ~(PAGE_SIZE - 1); a < end; a += PAGE_SIZE) {
        uint64_t *t = early_next(&early_table[0][a >> 39 & 511]);

        if (t != NULL)
            t = early_next(&t[a >> 30 & 511]);
        if (t == NULL)
            return false;
        if (device || t[a >> PAGE_SHIFT & 511] == 0) {
            t[a >> PAGE_SHIFT & 511] = a | (device ? EARLY_DEVICE : EARLY_NORMAL);
            __asm__ volatile("invlpg (%0)" : : "r"(a) : "memory");
        }
    }
    return true;
}

void mmu_switch(mfn_t root)
{
    CR_WRITE(3, mfn_addr(root).v);
}
