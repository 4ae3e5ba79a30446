/* SPDX-License-Identifier: Apache-2.0 */
/* The sweep: DMA to 100,000 BFNs, for a board that counts instructions instead of time. */
#include "probe.h"

#define SWEEP_BFNS 100000u

/* Every hundredth probe writes, the others read; three in four over the board's own memory and devices. */
static void sweep(void)
{
    const uint64_t limit[] = {in_end(), BOARD_RAM_END, 1ul << 36, 1ul << 39};
    const char *before = failed;

    for (uint32_t told = 0; probes < SWEEP_BFNS && failed == NULL;) {
        uint64_t a = random_frame(0, limit[probes % 4]);
        if (probes % 100 == 99) {
            batch_check("sweep: reads");
            from_bus((uint64_t)mark, 0, PAGE);
            hole_write(a, (uint32_t)(random64() % (PAGE / SAMPLE)) * SAMPLE, "sweep: writes");
        } else {
            hole_read(a, "sweep: reads");
        }
        if (probes / 10000 > told)
            print("prober: %u BFNs\n", ++told * 10000);
    }
    batch_check("sweep: reads");
    section("sweep", before);
}

void guest_main(const void *boot, uint64_t stamp)
{
    (void)boot, (void)stamp;
    irq_init();
    if (check(is_partition(), "Mullion answers") && check(edu_init(), "edu is there")) {
        own_ram();
        if (learn_pattern())
            sweep();
        check(edu_irqs == dmas, "an interrupt for each DMA");
        check(info(MULLION_INFO_DMA_FAULTS) == 0, "no fault in the whole input range");
    }
    verdict();
}
