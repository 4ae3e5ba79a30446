/* SPDX-License-Identifier: Apache-2.0 */
/* What board_read accepts is bounds-checked, and every question about it has an answer. */
#include "board.h"
#include "fuzz.h"

#include <string.h>

#define ASKED 512u /* nodes that are asked about: the work per input is bounded */

static void ranges_check(const char *what, const struct board_range *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        FUZZ_MUST(r[i].size <= UINT64_MAX - r[i].base.v, "%s %u: 0x%lx + 0x%lx", what, i, r[i].base.v, r[i].size);
}

static void memory_check(const struct board *b)
{
    ranges_check("memory", b->memory, b->memories);
    ranges_check("reserved", b->reserved, b->reserveds);
    ranges_check("mmio", b->mmio, b->mmios);
    ranges_check("redistributors", b->gic.gicr, b->gic.gicrs);
    for (uint32_t i = 1; i < b->memories; i++)
        FUZZ_MUST(b->memory[i - 1].base.v + b->memory[i - 1].size <= b->memory[i].base.v, "memory %u is not in order",
                  i);
    for (uint32_t i = 0; i < b->memories; i++)
        (void)board_is_doorbell(b, b->memory[i].base.v >> FRAME_SHIFT, 1);
    (void)board_is_doorbell(b, 0x8090, 1);
}

static void function_check(const struct board *b, const struct pci_function *f)
{
    struct board_irq irq;
    uint32_t smmu, sid;

    FUZZ_MUST(f->bdf >> 8 >= b->pci.bus_first && f->bdf >> 8 <= b->pci.bus_last, "function %x: bus", f->bdf);
    FUZZ_MUST(f->pin <= 4 && f->header <= 1, "function %x: pin %u, header %u", f->bdf, f->pin, f->header);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t size = f->bar[i].kind == BAR_NONE || f->bar[i].kind == BAR_UPPER ? 1 : f->bar[i].size;

        FUZZ_MUST(size && !(size & (size - 1)), "function %x: BAR %u of 0x%lx", f->bdf, i, f->bar[i].size);
        FUZZ_MUST(f->bar[i].kind != BAR_MEM64 || i < 5, "function %x: BAR 5 has 64 bits", f->bdf);
    }
    if (board_pci_stream(b, f->bdf, &smmu, &sid))
        FUZZ_MUST(smmu < b->iommus, "function %x: SMMU %u of %u", f->bdf, smmu, b->iommus);
    (void)board_pci_intx(b, f, &irq);
    (void)board_pci_node(b, f->bdf);
    FUZZ_MUST(board_pci_find(b, f->bdf), "function %x is not found", f->bdf);
}

static void node_check(const struct board *b, dt_node_t n)
{
    struct board_irq irq;
    struct diag d = {{0}};
    uint32_t smmu, sid, uses = b->reserveds < ASKED / 8 ? b->reserveds : ASKED / 8;
    bool exists = true;

    for (uint32_t i = 0; i < 4 && exists; i++) {
        if (fuzz_refused(board_interrupt(b, n, i, &irq, &exists, &d), &d))
            break;
        FUZZ_MUST(!exists || irq.intid < 1020, "node %u: interrupt %u", n, irq.intid);
    }
    if (board_node_stream(b, n, &smmu, &sid))
        FUZZ_MUST(smmu < b->iommus, "node %u: SMMU %u of %u", n, smmu, b->iommus);
    (void)board_master_word(b, n);
    for (uint32_t i = 0; i < uses; i++)
        (void)board_reserved_use(b, i, &(struct board_requester){.node = n});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board b = {0};
    struct arena a;
    struct dt dt;
    struct diag d = {{0}};
    void *copy = fuzz_copy(data, size);

    fuzz_arena(&a);
    if (!fuzz_refused(dt_index(&dt, "board", copy, size, &a, &d), &d) &&
        !fuzz_refused(board_read(&b, &dt, &a, &d), &d)) {
        memory_check(&b);
        for (uint32_t i = 0; i < b.pci.fns; i++)
            function_check(&b, &b.pci.fn[i]);
        for (dt_node_t n = 0; n < dt.nodes && n < ASKED; n++)
            node_check(&b, n);
    }
    free(copy);
    return 0;
}
