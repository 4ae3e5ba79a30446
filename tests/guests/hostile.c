/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that misbehaves on command: one letter on its console selects how. After each
 * attempt that comes back it says "hostile: NAME: done", or what was wrong. What counts is
 * what the other partition notices: nothing. It owns an edu device, as the prober does.
 */
#include "guest.h"

#define ARRAY(a)    (sizeof(a) / sizeof((a)[0]))
#define RESET_ROUND 200u
#define HOLE        0x70000000ul

static const uint64_t hole[] = {0,
                                0x1000,
                                VIRT_GITS,
                                VIRT_SMMU,
                                0x0a000000,
                                VIRT_RAM_END - 4096,
                                HOLE,
                                VIRT_RAM_END,
                                1ul << 35,
                                1ul << 38,
                                0x8000000000,
                                VIRT_GICR + 0x20000,
                                0x7fffffff8,
                                VIRT_ECAM + VIRT_ECAM_SIZE,
                                ~0ul << 12};

static bool own_dma(void)
{
    static uint8_t from[64], to[64];

    fill(from, 7, sizeof from);
    fill(to, 0, sizeof to);
    edu_read((uint64_t)from, 0, sizeof from);
    edu_write((uint64_t)to, 0, sizeof to);
    return same(from, to, sizeof from);
}

static const char *ping(void)
{
    return NULL;
}

static const char *dma(void)
{
    return own_dma() ? NULL : "the data did not arrive";
}

static const char *holes(void)
{
    uint32_t v;

    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < ARRAY(hole); i++)
            if (!try_read32(hole[i], &v).hit || !try_write32(hole[i], v).hit)
                return "an access to a hole came through";
    return NULL;
}

static const char *branches(void)
{
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < ARRAY(hole); i++)
            if (!try_exec(hole[i] & ~3ul).hit)
                return "a branch to a hole came back";
    return NULL;
}

/* Every service and call type of SMCCC, a few functions of each; none that switches ourselves off. */
static const char *calls_of(struct call (*call)(uint64_t, uint64_t, uint64_t, uint64_t))
{
    static const uint64_t argument[] = {0, 1, ~0ul, 1ul << 31, HOLE, VIRT_RAM + 0x200000, 0x80000000ul << 8};
    static const uint32_t sleepy[] = {0x01, 0x02, 0x08, 0x09, 0x0c, 0x0e, 0x12}; /* PSCI: suspend, off, reset ... */

    for (uint32_t top = 0; top < 0x100; top++)
        for (uint32_t fn = 0; fn < 0x20; fn++) {
            bool skip = false;
            for (unsigned i = 0; i < ARRAY(sleepy); i++)
                skip |= (top & 0xf) == 4 && fn == sleepy[i];
            for (unsigned i = 0; i < ARRAY(argument) && !skip; i++) {
                uint64_t a = argument[(i + fn) % ARRAY(argument)];
                trap_arm();
                call((uint64_t)top << 24 | fn, argument[i], a, ~a);
                trap_disarm();
            }
        }
    return NULL;
}

static const char *smcs(void)
{
    return calls_of(smc);
}

static const char *hvcs(void)
{
    trap_arm();
    __asm__ volatile("hvc #1\n hvc #0xffff\n hvc #0x4a48\n smc #1\n smc #0xffff" ::
                         : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                           "x14", "x15", "x16", "x17", "memory");
    trap_disarm();
    return calls_of(hvc);
}

static void gic_flood(uint64_t base, uint64_t size, uint32_t value)
{
    for (uint64_t off = 0; off < size; off += 4) {
        trap_arm();
        write32(base + off, value);
        (void)read32(base + off);
        trap_disarm();
    }
}

static void gic_sgis(void)
{
    for (uint64_t id = 0; id < 16; id++)
        for (uint64_t aff = 0; aff < 4; aff++)
            for (uint64_t irm = 0; irm < 2; irm++) {
                trap_arm();
                SYSREG_WRITE(S3_0_C12_C11_5, irm << 40 | aff << 32 | id << 24 | aff << 16 | 0xffff); /* SGI1R */
                SYSREG_WRITE(S3_0_C12_C11_6, irm << 40 | id << 24 | 0xffff);                         /* ASGI1R */
                SYSREG_WRITE(S3_0_C12_C11_7, irm << 40 | id << 24 | 0xffff);                         /* SGI0R */
                trap_disarm();
            }
}

/* Everything of ours off again: disabled, not pending, not active; what still waits is taken and ended. */
static void gic_settle(void)
{
    for (uint64_t w = 0; w < 32; w++) {
        write32(VIRT_GICD + 0x180 + 4 * w, UINT32_MAX);
        write32(VIRT_GICD + 0x280 + 4 * w, UINT32_MAX);
        write32(VIRT_GICD + 0x380 + 4 * w, UINT32_MAX);
    }
    write32(VIRT_GICR + 0x10180, UINT32_MAX);
    write32(VIRT_GICR + 0x10280, UINT32_MAX);
    write32(VIRT_GICR + 0x10380, UINT32_MAX);
    irq_init();
    for (unsigned i = 0; i < 64; i++) {
        uint32_t id = gic_ack();
        if (id < 1020)
            irq_end(id);
    }
}

/* After an attack on our own devices: they are set up anew and must still work. */
static const char *still_works(void)
{
    uint64_t placed = edu_bar;

    gic_settle();
    if (!edu_init() || edu_bar != placed)
        return "its device has gone, or its BAR has moved";
    return own_dma() ? NULL : "its own device no longer works";
}

static const char *gic(void)
{
    uint32_t seen = 0;

    gic_flood(VIRT_GICD, 0x10000, UINT32_MAX);
    for (uint64_t w = 1; w < 31; w++)
        for (uint32_t bits = read32(VIRT_GICD + 0x100 + 4 * w); bits != 0; bits &= bits - 1)
            seen++;
    gic_flood(VIRT_GICR, 0x20000, UINT32_MAX);
    gic_sgis();
    gic_flood(VIRT_GICD, 0x10000, 0);
    gic_flood(VIRT_GICR, 0x20000, 0);
    if (seen > 2)
        return "more SPIs could be enabled than its console's and its device's";
    return still_works();
}

static const char *pci(void)
{
    uint32_t others = 0;

    for (uint32_t off = 0; off < VIRT_ECAM_SIZE; off += off >> 12 & 7 ? 0x1000 : 4) {
        uint32_t was = read32(VIRT_ECAM + off);
        if (off >> 15 != edu_slot && was != UINT32_MAX)
            others++;
        write32(VIRT_ECAM + off, UINT32_MAX);
        write32(VIRT_ECAM + off, 0);
        write32(VIRT_ECAM + off, (uint32_t)VIRT_SMMU);
        write32(VIRT_ECAM + off, was);
    }
    return others != 0 ? "another partition's function can be seen" : still_works();
}

static const char *caches(void)
{
    for (uint64_t level = 0; level < 3; level++)
        for (uint64_t way = 0; way < 4; way++)
            for (uint64_t set = 0; set < 64; set++) {
                uint64_t v = way << 30 | set << 6 | level << 1;
                trap_arm();
                __asm__ volatile("dc cisw, %0\n dc csw, %0\n dc isw, %0" ::"r"(v) : "memory");
                trap_disarm();
            }
    trap_arm();
    __asm__ volatile("ic ialluis\n ic iallu\n tlbi vmalle1is\n tlbi vmalle1\n tlbi alle1is\n tlbi vmalls12e1is\n"
                     "tlbi alle2is\n dsb sy\n isb" ::
                         : "memory");
    for (unsigned i = 0; i < ARRAY(hole); i++)
        __asm__ volatile("dc civac, %0\n dc ivac, %0\n dc cvau, %0\n ic ivau, %0\n dc zva, %0\n at s1e1r, %0\n"
                         "at s12e1r, %0" ::"r"(hole[i])
                         : "memory");
    trap_disarm();
    return NULL;
}

/* Accesses that give the hypervisor no instruction syndrome, or none that it can emulate. */
static const char *awkward(void)
{
    static const uint64_t base[] = {VIRT_GICD, VIRT_GICR, VIRT_UART + 0xfe0, VIRT_ECAM + 0x8000, HOLE, GUEST_ROM};

    for (unsigned i = 0; i < ARRAY(base); i++) {
        uint64_t a = base[i];
        trap_arm();
        __asm__ volatile("ldp x2, x3, [%0]\n stp xzr, xzr, [%0]\n ldr x2, [%0], #0\n str xzr, [%0, #0]!\n"
                         "ldxr x2, [%0]\n stxr w3, xzr, [%0]\n ldar w2, [%0]\n stlr wzr, [%0]\n ldrb w2, [%0]\n"
                         "ldrsh x2, [%0]\n strh wzr, [%0]\n ldr x2, [%0]\n str xzr, [%0]\n ldr xzr, [%0]\n"
                         "prfm pldl1keep, [%0]\n dc zva, %0\n dc civac, %0\n dc ivac, %0\n ldr w2, [%0, #2]"
                         : "+r"(a)::"x2", "x3", "memory");
        trap_disarm();
    }
    return still_works();
}

/* One instruction of the system space (Arm ARM C5.1.2), put together here: op0 1 (SYS, SYSL), 2 or 3 (MSR,
 * MRS). */
static struct trap system_instruction(uint32_t encoding, bool read, uint64_t *x0)
{
    static uint32_t code[2] __attribute__((aligned(64)));
    uint64_t v = *x0;

    code[0] = 0xd5000000u | (uint32_t)read << 21 | encoding << 5;
    code[1] = 0xd65f03c0u; /* RET */
    __asm__ volatile("dsb sy\n ic iallu\n dsb sy\n isb" ::: "memory");
    trap_arm();
    __asm__ volatile("mov x0, %0\n blr %1\n mov %0, x0" : "+r"(v) : "r"(code) : "x0", "x30", "memory");
    struct trap t = trap_disarm();
    *x0 = v;
    return t;
}

/*
 * Every encoding there is: each register read, what can be read written back; all ones to those of debug,
 * timers, performance monitors and the implementation-defined ones, then their value again; every SYS with a
 * hole.
 */
static const char *sysregs(void)
{
    for (uint32_t e = 1u << 14; e < 4u << 14; e++) {
        uint32_t crn = e >> 7 & 15;
        uint64_t was = HOLE, ones = ~0ul;
        bool is_sys = e >> 14 == 1;
        if (system_instruction(e, true, &was).hit && !is_sys)
            continue;
        if (!is_sys && (e >> 14 == 2 || crn == 9 || crn == 11 || crn >= 14))
            system_instruction(e, false, &ones);
        system_instruction(e, false, &was);
    }
    return still_works();
}

/* An exception return to EL2: illegal, taken to EL1. */
static const char *illegal_return(void)
{
    trap_arm();
    __asm__ volatile("mov x2, #0x3c9\n msr spsr_el1, x2\n adr x2, 1f\n msr elr_el1, x2\n isb\n eret\n 1: nop" ::
                         : "x2", "memory");
    return trap_disarm().hit ? NULL : "it was not refused";
}

static const char *console(void)
{
    print("\r[linux] spoofed\n");
    print("\x1b[2J\x1b[H\x1b]0;title\x07\x9b\x01\x01\x01[linux] spoofed\b\b\b\v\f\n");
    for (unsigned i = 0; i < 2000; i++)
        print_char(i % 250 == 249 ? '\r' : 'x');
    print("\n");
    return NULL;
}

/* Aborted writes, 4 KiB of them at a time: more than the SMMU's event queue holds. */
static const char *dma_storm(void)
{
    uint64_t before = info(MULLION_INFO_DMA_FAULTS);

    for (unsigned i = 0; i < 8; i++)
        edu_write(GUEST_ROM + i * 0x1000, 0, 0x1000);
    print("hostile: dma-storm: %lu faults counted; own memory %s\n", info(MULLION_INFO_DMA_FAULTS) - before,
          own_dma() ? "still reached" : "no longer reached");
    return NULL;
}

static const char *reset(void)
{
    hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
    return "SYSTEM_RESET came back";
}

/* No vectors, no stack, no code: every instruction fetch aborts, for ever. */
static const char *wild(void)
{
    print("hostile: wild: now\n");
    __asm__ volatile("msr vbar_el1, %0\n isb\n mov sp, %0\n br %0" ::"r"(HOLE) : "memory");
    return "the branch came back";
}

static const char *off(void)
{
    psci_system_off();
    return "SYSTEM_OFF came back";
}

static const struct mode {
    char letter;
    const char *name;
    const char *(*run)(void); /* NULL: as it should be */
} modes[] = {
    {'p', "ping", ping},       {'d', "dma", dma},
    {'h', "holes", holes},     {'b', "branches", branches},
    {'s', "smcs", smcs},       {'c', "hvcs", hvcs},
    {'g', "gic", gic},         {'e', "pci", pci},
    {'v', "caches", caches},   {'a', "awkward", awkward},
    {'m', "sysregs", sysregs}, {'i', "illegal-return", illegal_return},
    {'u', "console", console}, {'t', "dma-storm", dma_storm},
    {'r', "reset", reset},     {'w', "wild", wild},
    {'q', "off", off},
};

static void run(int letter)
{
    for (unsigned i = 0; i < ARRAY(modes); i++)
        if (modes[i].letter == letter) {
            const char *wrong = modes[i].run();
            if (wrong == NULL)
                print("hostile: %s: done\n", modes[i].name);
            else
                print("hostile: %s: FAIL %s\n", modes[i].name, wrong);
        }
}

void guest_main(const void *dtb, uint64_t stamp)
{
    uint64_t resets = info(MULLION_INFO_RESETS);

    (void)dtb, (void)stamp;
    if (resets % RESET_ROUND != 0)
        reset();
    if (resets != 0)
        print("hostile: reset: done\n");
    irq_init();
    print(edu_init() ? "hostile: ready\n" : "hostile: no edu device: FAIL\n");
    for (;;) {
        int c = read_char();
        if (c >= 0)
            run(c);
        else
            irq_end(wait_irq(20));
    }
}
