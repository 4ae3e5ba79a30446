/* SPDX-License-Identifier: Apache-2.0 */
#include "mmu.h"

#include "cpu.h"
#include "sysreg.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct mmu_config, mair) == MMU_CONFIG_MAIR, "layout.h");
_Static_assert(offsetof(struct mmu_config, ttbr) == MMU_CONFIG_TTBR, "layout.h");

#define BLOCK_SHIFT  21
#define BLOCK_SIZE   (UINT64_C(1) << BLOCK_SHIFT)
#define EARLY_TABLES 10
#define EARLY_TABLE  UINT64_C(3)
/* D8.3: block, AF, inner shareable, AP[1] (RES1 at EL2), AttrIndx 1; device: AttrIndx 0, XN */
#define EARLY_XN     (UINT64_C(1) << 54)
#define EARLY_IMAGE  UINT64_C(0x745)
#define EARLY_NORMAL (EARLY_IMAGE | EARLY_XN)
#define EARLY_DEVICE (UINT64_C(0x641) | EARLY_XN)

/* TCR_EL2 (D19.2.138): RES1, 48-bit input, inner shareable, write-back walks, 4 KiB; PS as the CPU has it */
#define TCR_BASE \
    ((UINT64_C(1) << 31) | (UINT64_C(1) << 23) | (UINT64_C(3) << 12) | (UINT64_C(1) << 10) | (UINT64_C(1) << 8) | 16)
#define TCR_PS_SHIFT 16

extern uint8_t _start[], __text_end[], __early_end[], __image_end[];

#define EARLY_DATA __attribute__((section(".bss.early"))) /* written with the cache off */

static uint64_t early_table[EARLY_TABLES][512] __attribute__((aligned(4096))) EARLY_DATA;
static uint32_t early_used EARLY_DATA; /* tables beside the root, which is the first */
static struct mmu_config early_config EARLY_DATA;
struct mmu_config mmu_final;

static uint64_t *early_next(uint64_t *entry)
{
    if (*entry == 0) {
        if (early_used == EARLY_TABLES - 1)
            return NULL;
        *entry = (uint64_t)(uintptr_t)early_table[++early_used] | EARLY_TABLE;
    }
    return (uint64_t *)(uintptr_t)(*entry & ~UINT64_C(0xfff));
}

/* Blocks that are mapped already stay as they are: the image was first. */
static bool early_map(maddr_t base, uint64_t size, uint64_t attributes)
{
    uint64_t end = base.v + size;

    for (uint64_t a = base.v & ~(BLOCK_SIZE - 1); a < end; a += BLOCK_SIZE) {
        uint64_t *t = early_next(&early_table[0][(a >> 39) & 511]);

        if (t != NULL)
            t = early_next(&t[(a >> 30) & 511]);
        if (t == NULL)
            return false;
        uint64_t *e = &t[(a >> BLOCK_SHIFT) & 511];
        if (*e == 0)
            *e = a | attributes;
    }
    CPU_DSB(ishst);
    CPU_ISB();
    return true;
}

bool mmu_early_map(maddr_t base, uint64_t size, bool device)
{
    return early_map(base, size, device ? EARLY_DEVICE : EARLY_NORMAL);
}

static uint64_t pa_range(void)
{
    uint64_t r = SYSREG_READ(id_aa64mmfr0_el1) & 15;

    return r > 5 ? 5 : r; /* 48 bits at the most with these formats */
}

const struct mmu_config *mmu_early_init(uint64_t dtb)
{
    uint64_t image = (uint64_t)(uintptr_t)_start;
    uint64_t end = (uint64_t)(uintptr_t)__image_end;

    /* The header of the DTB says how much more of it there is; what lies behind may not be ours to touch. */
    if (!early_map(maddr(image), end - image + FRAME_SIZE, EARLY_IMAGE) ||
        !early_map(maddr(dtb), MMU_DTB_HEADER, EARLY_NORMAL))
        cpu_halt(); /* no text can be shown yet */
    early_config = (struct mmu_config){
        .mair = MMU_MAIR,
        .tcr = TCR_BASE | (pa_range() << TCR_PS_SHIFT),
        .ttbr = (uint64_t)(uintptr_t)early_table[0],
        .sctlr = SCTLR_EL2_OFF | SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_I | SCTLR_EL2_SA,
    };
    /* What was written with the cache off must not be hidden by lines that a loader left behind. */
    cpu_invalidate(__text_end, (size_t)(__early_end - __text_end));
    return &early_config;
}

void mmu_switch(mfn_t root)
{
    mmu_final = early_config;
    mmu_final.ttbr = mfn_addr(root).v;
    mmu_final.sctlr |= SCTLR_EL2_WXN;
    arch_clean(&mmu_final, sizeof(mmu_final));
    mmu_load(&mmu_final);
}
