/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

struct board board = {.in_bits = VIRT_IN_BITS, .tells_faults = true};

/* -- console: a PL011 by polling -- */

void print_char(char c)
{
    while (read32(VIRT_UART + 0x18) & 1u << 5) { /* FR.TXFF */
    }
    write32(VIRT_UART, (uint8_t)c);
}

int read_char(void)
{
    return read32(VIRT_UART + 0x18) & 1u << 4 ? -1 : (int)(read32(VIRT_UART) & 0xff); /* FR.RXFE */
}

/* -- calls -- */

#define CALL(name, insn)                                                                                             \
    struct call name(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)                                             \
    {                                                                                                                \
        register uint64_t x0 __asm__("x0") = fn;                                                                     \
        register uint64_t x1 __asm__("x1") = a1;                                                                     \
        register uint64_t x2 __asm__("x2") = a2;                                                                     \
        register uint64_t x3 __asm__("x3") = a3;                                                                     \
        __asm__ volatile(insn                                                                                        \
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", \
                           "x12", "x13", "x14", "x15", "x16", "x17", "memory");                                      \
        return (struct call){x0, x1, x2, x3};                                                                        \
    }
CALL(hvc, "hvc #0")
CALL(smc, "smc #0")

bool is_partition(void)
{
    trap_arm(); /* on bare metal the call is undefined */
    struct call c = hvc(MULLION_CALL_UID, 0, 0, 0);
    return !trap_disarm().hit && (uint32_t)c.x0 == MULLION_UID0 && (uint32_t)c.x1 == MULLION_UID1 &&
           (uint32_t)c.x2 == MULLION_UID2 && (uint32_t)c.x3 == MULLION_UID3;
}

void psci_system_off(void)
{
    hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
}

/* -- traps -- */

#define EC_UNKNOWN        0x00
#define EC_ILLEGAL_STATE  0x0e
#define EC_INST_ABORT_EL1 0x21
#define EC_DATA_ABORT_EL1 0x25

/* What start.S saves. */
struct trap_frame {
    uint64_t x[18], x29, x30;
    uint64_t elr, spsr;
};

static struct {
    bool armed;
    struct trap first;
    uint64_t resume;
} expected;

void trap_exec(uint64_t address, uint64_t *resume);
void trap_sync(struct trap_frame *f);
void trap_serror(void);

void trap_sync(struct trap_frame *f)
{
    uint64_t esr = SYSREG_READ(esr_el1), far = SYSREG_READ(far_el1);

    if (!expected.armed) {
        print("guest: unexpected exception: esr %lx far %lx elr %lx: FAIL\n", esr, far, f->elr);
        psci_system_off();
    }
    if (!expected.first.hit)
        expected.first = (struct trap){true, esr, far};
    if (esr >> 26 == EC_INST_ABORT_EL1 && expected.resume != 0)
        f->elr = expected.resume;
    else
        f->elr += 4;
    if (esr >> 26 == EC_ILLEGAL_STATE)
        f->spsr = 0x3c5; /* EL1h, all masked */
}

void trap_serror(void)
{
    print("guest: SError: esr %lx: FAIL\n", SYSREG_READ(esr_el1));
    psci_system_off();
}

void trap_arm(void)
{
    expected.first.hit = false;
    expected.resume = 0;
    expected.armed = true;
}

struct trap trap_disarm(void)
{
    __asm__ volatile("isb" ::: "memory");
    expected.armed = false;
    return expected.first;
}

struct trap try_read32(uint64_t address, uint32_t *value)
{
    trap_arm();
    uint32_t v = read32(address);
    struct trap t = trap_disarm();
    if (!t.hit)
        *value = v;
    return t;
}

struct trap try_write32(uint64_t address, uint32_t value)
{
    trap_arm();
    write32(address, value);
    barrier();
    return trap_disarm();
}

struct trap try_exec(uint64_t address)
{
    trap_arm();
    trap_exec(address, &expected.resume);
    return trap_disarm();
}

bool trap_is_external(struct trap t)
{
    uint64_t ec = t.esr >> 26;
    return t.hit && (ec == EC_DATA_ABORT_EL1 || ec == EC_INST_ABORT_EL1) && (t.esr & 0x3f) == 0x10;
}

/* -- time and interrupts (IHI 0069) -- */

uint64_t now(void)
{
    __asm__ volatile("isb" ::: "memory");
    return SYSREG_READ(cntvct_el0);
}

uint64_t ticks_per_ms(void)
{
    return SYSREG_READ(cntfrq_el0) / 1000;
}

void irq_init(void)
{
    const uint64_t gicr = VIRT_GICR + (SYSREG_READ(mpidr_el1) & 0xff) * 0x20000, sgi_base = gicr + 0x10000;

    write32(VIRT_GICD, 0x12);                                        /* GICD_CTLR: ARE_NS, EnableGrp1 */
    write32(gicr + 0x14, read32(gicr + 0x14) & ~2u);                 /* GICR_WAKER.ProcessorSleep */
    for (unsigned i = 0; i < 1000 && read32(gicr + 0x14) & 4; i++) { /* ChildrenAsleep */
    }
    write32(sgi_base + 0x80, UINT32_MAX); /* IGROUPR0 */
    for (unsigned i = 0; i < 32; i += 4)
        write32(sgi_base + 0x400 + i, 0x80808080u); /* IPRIORITYR */
    write32(sgi_base + 0x100, 1u << VIRT_INTID_VTIMER | 0xffff);
    SYSREG_WRITE(S3_0_C12_C12_5, SYSREG_READ(S3_0_C12_C12_5) | 1); /* ICC_SRE_EL1 */
    SYSREG_WRITE(S3_0_C4_C6_0, 0xff);                              /* ICC_PMR_EL1 */
    SYSREG_WRITE(S3_0_C12_C12_3, 0);                               /* ICC_BPR1_EL1 */
    SYSREG_WRITE(S3_0_C12_C12_4, 0);                               /* ICC_CTLR_EL1: EOI drops and deactivates */
    SYSREG_WRITE(S3_0_C12_C12_7, 1);                               /* ICC_IGRPEN1_EL1 */
}

void gic_enable_spi(uint32_t intid)
{
    const uint64_t word = intid / 32 * 4u;

    write32(VIRT_GICD + 0x80 + word, UINT32_MAX); /* IGROUPR, on bare metal */
    write32(VIRT_GICD + 0x400 + intid / 4 * 4u, 0x80808080u);
    write64(VIRT_GICD + 0x6000 + intid * 8u, 0); /* IROUTER: CPU 0 */
    write32(VIRT_GICD + 0x100 + word, 1u << intid % 32);
}

/* A function's INTx is one of the four; the others are not ours. */
void edu_irq_enable(void)
{
    for (uint32_t i = 0; i < 4; i++)
        gic_enable_spi(VIRT_INTID_INTX + i);
}

uint32_t gic_ack(void)
{
    uint32_t id = (uint32_t)SYSREG_READ(S3_0_C12_C12_0); /* ICC_IAR1_EL1 */
    barrier();
    return id & 0xffffff;
}

void irq_end(uint32_t intid)
{
    SYSREG_WRITE(S3_0_C12_C12_1, intid);
}

__attribute__((weak)) void guest_irq(uint64_t entered)
{
    print("guest: unexpected interrupt at %lu: FAIL\n", entered);
    psci_system_off();
}

void timer_set(uint64_t cval)
{
    SYSREG_WRITE(cntv_cval_el0, cval);
    SYSREG_WRITE(cntv_ctl_el0, 1);
}

void timer_stop(void)
{
    SYSREG_WRITE(cntv_ctl_el0, 2);
}

uint32_t wait_irq(uint64_t ms)
{
    uint64_t end = now() + ms * ticks_per_ms();

    timer_set(end);
    for (;;) {
        __asm__ volatile("wfi" ::: "memory");
        uint32_t id = gic_ack();
        if (id < 1020) {
            timer_stop();
            return id;
        }
        if (now() >= end + ticks_per_ms()) {
            timer_stop();
            return IRQ_TIME;
        }
    }
}
