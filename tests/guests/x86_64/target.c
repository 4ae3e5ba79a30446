/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#define COM1       0x3f8
#define COM1_LSR   0x3fd
#define LSR_DATA   0x01
#define LSR_THRE   0x20
#define SLEEP_OFF  0x34 /* SLP_EN, type 5 */
#define PM_HZ      3579545u
#define PM_MASK    0xffffffu
#define TUNE_MS    10u
#define PARAMS_CMD 0x228 /* boot parameters: where the command line is */

struct board board = {.in_bits = 48, .tells_faults = true};

static uint64_t tsc_per_ms, apic_per_ms;

/* -- console -- */

void print_char(char c)
{
    while (!(in8(COM1_LSR) & LSR_THRE)) {
    }
    out8(COM1, (uint8_t)c);
}

int read_char(void)
{
    return in8(COM1_LSR) & LSR_DATA ? in8(COM1) : -1;
}

/* -- calls -- */

bool is_partition(void)
{
    uint32_t a = 0x40000000, b, c, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    if (b != 0x6c6c754d || c != 0x4d6e6f69 || d != 0x696c6c75) /* "MullionMulli" */
        return false;
    struct call u = hypercall(MULLION_CALL_UID, 0, 0, 0);
    return (uint32_t)u.x0 == MULLION_UID0 && (uint32_t)u.x1 == MULLION_UID1 && (uint32_t)u.x2 == MULLION_UID2 &&
           (uint32_t)u.x3 == MULLION_UID3;
}

void guest_off(void)
{
    out8(Q35_SLEEP, SLEEP_OFF);
}

/* -- exceptions and interrupts -- */

/* What start.S pushes, below what the CPU does. */
struct trap_frame {
    uint64_t r[15];
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

volatile uint64_t trap_resume;
volatile uint32_t trap_vector;
static volatile uint32_t irq_taken; /* 0: none */

extern const uint8_t vectors[];
void trap_entry(struct trap_frame *f);

void trap_entry(struct trap_frame *f)
{
    if (f->vector >= 32) {
        irq_taken = (uint32_t)f->vector;
        return;
    }
    if (trap_resume == 0) {
        uint64_t cr2;
        __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
        print("guest: unexpected exception %lu: error %lx cr2 %lx rip %lx: FAIL\n", f->vector, f->error, cr2, f->rip);
        guest_off();
    }
    trap_vector = (uint32_t)f->vector;
    f->rip = trap_resume;
}

/* APM vol. 2, 4.8.4: interrupt gates of 64 bits. */
static void load_idt(void)
{
    static uint64_t idt[256][2] __attribute__((aligned(16)));
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = {sizeof idt - 1, (uint64_t)idt};
    uint64_t cs;

    __asm__("movq %%cs, %0" : "=r"(cs));
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t at = (uint64_t)vectors + 16 * i;

        idt[i][0] = (at & 0xffff) | cs << 16 | 0x8eul << 40 | (at >> 16 & 0xffff) << 48;
        idt[i][1] = at >> 32;
    }
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

/* -- memory above 4 GiB: one page of 1 GiB behind the loader's tables -- */

#define WINDOW  (1ul << 39) /* what the second entry of the root maps */
#define SIZE_1G (1ul << 30)

static uint64_t window[512] __attribute__((aligned(4096)));

static void load_window(void)
{
    uint64_t root;

    __asm__("movq %%cr3, %0" : "=r"(root));
    ((volatile uint64_t *)(root & ~0xffful))[1] = (uint64_t)window | 3;
}

uint64_t see(uint64_t address)
{
    if (address < 4 * SIZE_1G)
        return address;
    window[0] = (address & ~(SIZE_1G - 1)) | 0x83; /* present, writable, a leaf */
    __asm__ volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
    return WINDOW | (address & (SIZE_1G - 1));
}

/* -- what the manifest says about the IOMMU: bootargs = "in-bits=48", "faults=untold" -- */

static const char *option(const char *line, const char *name)
{
    for (; *line != 0; line++) {
        unsigned n = 0;
        while (name[n] != 0 && line[n] == name[n])
            n++;
        if (name[n] == 0)
            return line + n;
    }
    return NULL;
}

void target_init(const uint8_t *boot)
{
    const char *line = (const char *)(uint64_t)read32((uint64_t)boot + PARAMS_CMD), *bits = option(line, "in-bits=");

    if (bits != NULL)
        board.in_bits = (unsigned)(bits[0] - '0') * 10 + (unsigned)(bits[1] - '0');
    board.tells_faults = option(line, "faults=untold") == NULL;
    load_idt();
    load_window();
}

/* -- time and interrupts (SDM vol. 3, 11) -- */

uint64_t now(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

uint64_t ticks_per_ms(void)
{
    return tsc_per_ms;
}

/* How fast the two clocks run, by the ACPI timer. */
void irq_init(void)
{
    apic_write(APIC_SVR, 0x1ff);
    apic_write(APIC_DIV, 0xb); /* by 1 */
    apic_write(APIC_LVT, 1u << 16 | IRQ_TIME);
    apic_write(APIC_COUNT, UINT32_MAX);
    uint64_t t = now(), first = in32(Q35_PM_TIMER);
    while (((in32(Q35_PM_TIMER) - first) & PM_MASK) < PM_HZ / 1000 * TUNE_MS) {
    }
    tsc_per_ms = (now() - t) / TUNE_MS;
    apic_per_ms = (UINT32_MAX - apic_read(APIC_NOW)) / TUNE_MS;
    apic_write(APIC_COUNT, 0);
}

void irq_end(uint32_t id)
{
    (void)id;
    apic_write(APIC_EOI, 0);
}

uint32_t wait_irq(uint64_t ms)
{
    const uint64_t end = now() + ms * tsc_per_ms;

    for (uint64_t t = end - ms * tsc_per_ms;; t = now()) {
        irq_taken = 0;
        apic_write(APIC_LVT, IRQ_TIME);
        apic_write(APIC_COUNT, t < end ? (end - t) / tsc_per_ms * apic_per_ms + apic_per_ms : 1);
        while (irq_taken == 0)
            __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
        apic_write(APIC_LVT, 1u << 16 | IRQ_TIME);
        apic_write(APIC_COUNT, 0);
        if (irq_taken != IRQ_TIME || now() >= end)
            return irq_taken;
        irq_end(IRQ_TIME);
    }
}

/* -- edu's MSI (PCI 3.0, 6.8.1): 64-bit, one message -- */

#define PCI_CAP_MSI 0x05u

static uint64_t msi_at(void)
{
    uint32_t off = read32(pci_cfg(edu_slot, 0, 0x34)) & 0xfc;

    for (unsigned i = 0; off >= 0x40 && i < 48; i++) {
        uint32_t head = read32(pci_cfg(edu_slot, 0, off));

        if ((head & 0xff) == PCI_CAP_MSI)
            return pci_cfg(edu_slot, 0, off);
        off = head >> 8 & 0xfc;
    }
    return 0;
}

void edu_irq_send_to(uint64_t apic_id)
{
    const uint64_t at = msi_at();

    if (at == 0)
        return;
    write32(at, read32(at) & ~(1u << 16));
    write32(at + 4, 0xfee00000u | (uint32_t)apic_id << 12);
    write32(at + 8, 0);
    write32(at + 12, IRQ_EDU);
    write32(at, read32(at) | 1u << 16);
}

void edu_irq_enable(void)
{
    edu_irq_send_to(apic_read(APIC_ID));
}
