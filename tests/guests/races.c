/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest whose three CPUs race: two turn the third one on while it turns itself off; then, in each of many
 * lives, all send each other SGIs and turn each other on until one or two of them reset the partition.
 */
#include "guest.h"

#define ROUNDS 10u
#define TRIES  1000u
#define LIVES  400u
#define CPUS   3u
#define SLOT   0xfffu /* ticks, less one: both CPUs call when a slot ends */
#define STACK  4096u

/* Written by one CPU each. */
static volatile struct tally {
    uint64_t calls, context; /* CPU_ON that succeeded, or arrivals; the sum of what they carried */
    uint64_t wrong;          /* an answer that PSCI does not have here */
    uint64_t done;           /* rounds */
} tally[CPUS];
static uint64_t vectors_at;
static uint8_t stacks[CPUS][STACK] __attribute__((aligned(16), used));

void other_main(uint64_t cpu, uint64_t context);

/* x0: context. Its low seven bits are the CPU's number, bit 7 says that this is a life, the rest is free. */
__attribute__((naked)) static void other_entry(void)
{
    __asm__("mov x1, x0\n and x0, x0, #0x7f\n adrp x2, stacks\n add x2, x2, :lo12:stacks\n add x3, x0, #1\n"
            "add x2, x2, x3, lsl #12\n mov sp, x2\n b other_main");
}

static uint64_t chance(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

static void linger(uint64_t loops)
{
    while (loops-- > 0)
        __asm__ volatile("nop");
}

static int64_t cpu_on(uint64_t cpu, uint64_t context)
{
    return (int32_t)hvc(PSCI_CPU_ON, cpu, (uint64_t)other_entry, context | cpu).x0;
}

static uint64_t state_of(uint64_t cpu)
{
    return hvc(PSCI_AFFINITY_INFO, cpu, 0, 0).x0; /* 0: on, 1: off, 2: on its way */
}

/* Whoever comes second is told so (-4: already on, -5: on its way); no call is lost and none counts twice. */
static void hammer(uint64_t self, uint64_t *seed)
{
    volatile struct tally *t = &tally[self];

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t context = chance(seed, 1u << 20) << 8;
        for (uint64_t polls = chance(seed, 200); polls > 0 && state_of(2) != 1; polls--) {
        }
        for (uint64_t together = now() | SLOT; i % 2 == 0 && now() <= together;) {
        }
        int64_t r = cpu_on(2, context);
        if (r == 0) {
            t->calls++;
            t->context += context | 2;
        } else if (r != -4 && r != -5) {
            t->wrong++;
        }
    }
    t->done++;
}

/* -- a life: SGIs and CPU_ON until it ends -- */

static void life(uint64_t self, uint64_t number)
{
    uint64_t seed = now() * (self + 1) + number, left = 20 + chance(&seed, 200);
    bool kills = self == number % CPUS || self == number / CPUS % CPUS;

    irq_init();
    for (;;) {
        SYSREG_WRITE(S3_0_C12_C11_5, chance(&seed, 16) << 24 | chance(&seed, 8)); /* ICC_SGI1R_EL1 */
        if (chance(&seed, 4) == 0)
            SYSREG_WRITE(S3_0_C12_C11_5, 1ul << 40 | chance(&seed, 16) << 24); /* all others */
        if (chance(&seed, 2) == 0)
            irq_end(gic_ack());
        if (chance(&seed, 3) == 0)
            cpu_on(chance(&seed, CPUS), number << 8 | 1u << 7);
        if (chance(&seed, 40) == 0 && self != 0 && !kills)
            hvc(PSCI_CPU_OFF, 0, 0, 0);
        if (left-- == 0 && kills)
            hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
        while (left == 0 && !kills && number % 2 == 1) /* nothing of its own ends this */
            linger(1);
        linger(chance(&seed, 100));
    }
}

void other_main(uint64_t cpu, uint64_t context)
{
    SYSREG_WRITE(vbar_el1, vectors_at);
    if (context >> 7 & 1) {
        life(cpu, context >> 8);
    } else if (cpu == 2) {
        tally[2].calls++;
        tally[2].context += context;
        linger(context >> 8 & 0xff);
    } else {
        uint64_t seed = context;
        hammer(cpu, &seed);
    }
    hvc(PSCI_CPU_OFF, 0, 0, 0);
}

static bool await(uint64_t cpu, uint64_t state)
{
    for (uint64_t end = now() + 5000 * ticks_per_ms(); now() < end;)
        if (state_of(cpu) == state)
            return true;
    return false;
}

static const char *on_and_off(void)
{
    uint64_t seed = now();

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        if (cpu_on(1, seed << 8 & 0xffffff00) != 0)
            return "CPU 1, which is off, cannot be turned on";
        hammer(0, &seed);
        if (!await(1, 1) || !await(2, 1))
            return "a CPU does not turn itself off";
        if (tally[1].done != round)
            return "CPU 1 is off and was not done";
    }
    print("races: %lu + %lu times on, %lu arrivals\n", tally[0].calls, tally[1].calls, tally[2].calls);
    if (tally[0].wrong + tally[1].wrong != 0)
        return "CPU_ON gave an answer that it has not";
    if (tally[0].calls + tally[1].calls != tally[2].calls || tally[2].calls < ROUNDS * 10)
        return "CPU_ON and arrivals differ in number";
    return tally[0].context + tally[1].context == tally[2].context ? NULL : "an arrival with the wrong context";
}

void guest_main(const void *dtb, uint64_t stamp)
{
    uint64_t lives = info(MULLION_INFO_RESETS);

    (void)dtb, (void)stamp;
    vectors_at = SYSREG_READ(vbar_el1);
    if (lives == 0) {
        const char *wrong = on_and_off();
        if (wrong != NULL)
            print("races: on-off: FAIL %s\n", wrong);
        else
            print("races: on-off: done\n");
    }
    if (state_of(1) != 1 || state_of(2) != 1)
        print("races: resets: FAIL a CPU is on at the start of life %lu\n", lives);
    if (lives < LIVES) {
        cpu_on(1, lives << 8 | 1u << 7);
        cpu_on(2, lives << 8 | 1u << 7);
        life(0, lives);
    }
    print("races: resets: done\n");
}
