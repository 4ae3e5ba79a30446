/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring guest of scripts/bench: lines of key=value, in ticks of the virtual counter. On
 * a board with `-icount shift=0 -cpu ...,cntfrq=1000000000` one tick is one instruction. Runs
 * on bare metal too, for the baseline.
 *
 * Loops: LOOPS times the trapping instruction, less the empty loop; so the instruction itself is
 * counted in. Interrupts: from the time that was programmed, or from just before the SGI is
 * sent, to the first instruction of the handler.
 */
#include "guest.h"

#define LOOPS   10000u
#define EVENTS  200u
#define UNKNOWN 0xc6000fffu /* a vendor-specific hypervisor call that does not exist */

struct loop_result {
    uint64_t ticks, x0;
};
struct loop_result loop_empty(uint64_t n, uint64_t a, uint64_t b);
struct loop_result loop_hvc(uint64_t n, uint64_t a, uint64_t b);
struct loop_result loop_smc(uint64_t n, uint64_t a, uint64_t b);
struct loop_result loop_read32(uint64_t n, uint64_t a, uint64_t b);
struct loop_result loop_write32(uint64_t n, uint64_t a, uint64_t b);

static volatile uint64_t irq_count, irq_entered;
static uint64_t empty;

void guest_irq(uint64_t entered)
{
    uint32_t id = gic_ack();

    if (id == VIRT_INTID_VTIMER)
        timer_stop();
    irq_end(id);
    irq_entered = entered;
    irq_count++;
}

static void figure(const char *key, struct loop_result r)
{
    print("%s=%lu\n", key, (r.ticks - empty + LOOPS / 2) / LOOPS);
}

static void event_figure(const char *key, uint64_t min, uint64_t sum)
{
    print("%s=%lu\n%s_min=%lu\n", key, (sum + EVENTS / 2) / EVENTS, key, min);
}

static void timer_figure(void)
{
    uint64_t sum = 0, min = UINT64_MAX;

    for (uint64_t i = 0; i < EVENTS; i++) {
        uint64_t n = irq_count, at = now() + 30000 + 7 * i;
        timer_set(at);
        while (irq_count == n) {
        }
        uint64_t late = irq_entered - at;
        sum += late;
        min = late < min ? late : min;
    }
    event_figure("irq_timer", min, sum);
}

static void sgi_figure(void)
{
    uint64_t sum = 0, min = UINT64_MAX;

    for (uint64_t i = 0; i < EVENTS; i++) {
        uint64_t n = irq_count, sent = now();
        SYSREG_WRITE(S3_0_C12_C11_5, 1ul << 24 | 1); /* ICC_SGI1R_EL1: SGI 1 to Aff0 0 */
        while (irq_count == n) {
        }
        uint64_t took = irq_entered - sent;
        sum += took;
        min = took < min ? took : min;
    }
    event_figure("sgi_self", min, sum);
}

static void boot_stamps(uint64_t first)
{
    static const char *const stage[MULLION_STAGES] = {"entry",   "read",  "plan", "compile", "verify",
                                                      "program", "scrub", "load", "dtb"};

    print("first=%lu\n", first);
    for (uint64_t i = 0; i < MULLION_STAGES; i++)
        print("stamp_%s=%lu\n", stage[i], info(MULLION_INFO_STAMP + i));
}

void guest_main(const void *dtb, uint64_t stamp)
{
    (void)dtb;
    print("cntfrq=%lu\n", SYSREG_READ(cntfrq_el0));
    irq_init();
    empty = loop_empty(LOOPS, 0, 0).ticks;
    if (is_partition()) {
        boot_stamps(stamp);
        struct loop_result r = loop_hvc(LOOPS, UNKNOWN, 0);
        if ((int64_t)r.x0 == MULLION_NOT_SUPPORTED || (int32_t)r.x0 == MULLION_NOT_SUPPORTED)
            figure("hvc_unknown", r);
        figure("smc_psci_version", loop_smc(LOOPS, PSCI_VERSION, 0));
    }
    figure("hvc_psci_version", loop_hvc(LOOPS, PSCI_VERSION, 0));
    figure("mmio_gicd_typer", loop_read32(LOOPS, VIRT_GICD + 0x4, 0));
    figure("mmio_gicd_isenabler", loop_read32(LOOPS, VIRT_GICD + 0x104, 0));
    figure("mmio_gicr_isenabler", loop_read32(LOOPS, VIRT_GICR + 0x10100, 0));
    figure("mmio_gicr_isenabler_write", loop_write32(LOOPS, VIRT_GICR + 0x10100, 1u << VIRT_INTID_VTIMER));
    __asm__ volatile("msr daifclr, #2" ::: "memory");
    timer_figure();
    sgi_figure();
    __asm__ volatile("msr daifset, #2" ::: "memory");
    print("meter: PASS\n");
}
