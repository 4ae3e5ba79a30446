/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does what its console says: one letter and up to two hexadecimal numbers to a line (within the
 * UART's FIFO), one answer "= NUMBER ... ." to each. tests/boards/features.py is the other end. Its edu
 * device masters the bus only after the first command that uses it, so that a life before a reset can be told
 * from this one.
 */
#include "guest.h"

#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define RAM_SIZE  0x400000ul /* of GUEST_RAM, in every manifest that uses this guest */
#define IMAGE     (GUEST_RAM + 0x80000)
#define IMAGE_END (GUEST_RAM + 0xa0000)
#define DTB_ROOM  0x10000ul /* that the hypervisor writes it in */
#define PAGE      4096u
#define LINE      32u /* bytes of the UART's FIFO */

static uint64_t dtb_first, dtb_end, vectors_at;
static uint64_t word[PAGE / 8] __attribute__((aligned(4096))); /* between the device and us */
static uint8_t other_stack[4096] __attribute__((aligned(16), used));

/* Counted, because the console shows a line again that another one came into. */
static void answer(void)
{
    static uint32_t answers;

    print("= %x ", answers++);
}

static bool device(void)
{
    return edu_bar != 0 || edu_init();
}

/* Nobody waits for an interrupt of the device here: one that came late, or for another CPU, is taken back. */
static void rest(uint64_t ms)
{
    uint32_t id = wait_irq(ms);

    if (edu_bar != 0 && read32(edu_bar + EDU_IRQ_STATUS) != 0)
        write32(edu_bar + EDU_IRQ_ACK, read32(edu_bar + EDU_IRQ_STATUS));
    irq_end(id);
}

/* -- the CPU -- */

static void answer_trap(struct trap t, uint32_t value)
{
    if (!t.hit)
        print("%x.\n", value);
    else
        print(trap_is_external(t) ? "abort.\n" : "trap %lx.\n", t.esr);
}

static void cpu_read(uint64_t a, uint64_t unused)
{
    uint32_t v = 0;
    struct trap t = try_read32(a, &v);

    (void)unused;
    answer_trap(t, v);
}

static void cpu_write(uint64_t a, uint64_t v)
{
    answer_trap(try_write32(a, (uint32_t)v), (uint32_t)v);
}

/* -- the device: what it finds, or leaves, at a bus address -- */

static void dma_read(uint64_t a, uint64_t unused)
{
    (void)unused;
    word[0] = 0xeeeeeeeeeeeeeeee;
    if (device() && edu_read(a, 0, 8) && edu_write((uint64_t)word, 0, 8))
        print("%lx.\n", word[0]);
    else
        print("no end.\n");
}

static void dma_write(uint64_t a, uint64_t v)
{
    word[0] = v;
    print(device() && edu_read((uint64_t)word, 0, 8) && edu_write(a, 0, 8) ? "done.\n" : "no end.\n");
}

/* It is the one in this slot from here on. */
static void choose(uint64_t slot, uint64_t unused)
{
    (void)unused;
    if (edu_bar != 0)
        write32(edu_bar + EDU_IRQ_ACK, read32(edu_bar + EDU_IRQ_STATUS));
    print(edu_init_from((uint32_t)slot) && edu_slot == slot ? "done.\n" : "none.\n");
}

static void page_fill(uint64_t v)
{
    for (unsigned i = 0; i < PAGE / 8; i++)
        word[i] = v;
}

/* Pages of marks to frames that follow each other. */
static void dma_flood(uint64_t a, uint64_t frames)
{
    bool ends = device();

    page_fill(0xfeedfacecafef00d);
    ends = ends && edu_read((uint64_t)word, 0, PAGE);
    for (; ends && frames > 0; frames--, a += PAGE)
        ends = edu_write(a, 0, PAGE);
    print(ends ? "done.\n" : "no end.\n");
}

/* A DMA that is still to come when this life ends: edu takes 100 ms. */
static void dma_leave(uint64_t a, uint64_t v)
{
    word[0] = v;
    if (!device() || !edu_read((uint64_t)word, 0, 8))
        print("no end.\n");
    write64(edu_bar + EDU_DMA_SRC, EDU_BUF);
    write64(edu_bar + EDU_DMA_DST, a);
    write64(edu_bar + EDU_DMA_COUNT, 8);
    write64(edu_bar + EDU_DMA_CMD, 3);
}

static void flight_reset(uint64_t a, uint64_t v)
{
    dma_leave(a, v);
    hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void flight_off(uint64_t a, uint64_t v)
{
    dma_leave(a, v);
    psci_system_off();
}

/* -- the hypervisor -- */

static void audit(uint64_t unused, uint64_t unused2)
{
    struct call c = hvc(MULLION_AUDIT, 0, 0, 0);

    (void)unused, (void)unused2;
    print("%lx %lx %lx.\n", c.x0, c.x1, c.x2);
}

static void ask(uint64_t item, uint64_t unused)
{
    (void)unused;
    print("%lx.\n", info(item));
}

/* A stray write to a each time that the one before was seen: the period of the audit, in ms, n times. */
static void audit_periods(uint64_t a, uint64_t n)
{
    uint64_t from = 0, strays;

    word[0] = 0;
    if (!device() || !edu_read((uint64_t)word, 0, 8))
        print("no end.\n");
    for (uint64_t i = 0; i <= n; i++) {
        strays = info(MULLION_INFO_STRAYS);
        edu_write(a, 0, 8);
        for (unsigned tries = 0; tries < 1000 && info(MULLION_INFO_STRAYS) == strays; tries++)
            rest(10);
        if (i > 1)
            answer();
        if (i > 0) /* the first one came somewhere in a period */
            print("%lu ms.\n", (now() - from) / ticks_per_ms());
        from = now();
    }
}

/* -- all memory that is not the image's or the device tree's -- */

/* The value there, made from v; 0: nothing but zeroes. */
static uint64_t made(uint64_t a, uint64_t v)
{
    return v == 0 ? 0 : (v ^ a) * 0x9e3779b97f4a7c15u | 1;
}

static uint64_t memory_next(uint64_t a)
{
    a += 8;
    if (a >= IMAGE && a < IMAGE_END)
        a = IMAGE_END;
    return a >= dtb_first && a < dtb_end ? dtb_end : a;
}

static void memory_fill(uint64_t v, uint64_t unused)
{
    (void)unused;
    for (uint64_t a = GUEST_RAM; a < GUEST_RAM + RAM_SIZE; a = memory_next(a))
        write64(a, made(a, v));
    barrier();
    print("done.\n");
}

static void memory_check(uint64_t v, uint64_t unused)
{
    (void)unused;
    for (uint64_t a = GUEST_RAM; a < GUEST_RAM + RAM_SIZE; a = memory_next(a))
        if (*(volatile uint64_t *)a != made(a, v)) {
            print("%lx at %lx.\n", *(volatile uint64_t *)a, a);
            return;
        }
    print("as it was.\n");
}

/* -- CPUs and the end -- */

static void serve(void);
void other_main(void);

void other_main(void)
{
    SYSREG_WRITE(vbar_el1, vectors_at);
    irq_init();
    print("other CPU.\n");
    serve();
}

__attribute__((naked)) static void other_entry(void)
{
    __asm__("adrp x2, other_stack\n add x2, x2, :lo12:other_stack\n"
            "add sp, x2, #4096\n b other_main");
}

/* CPU 1 goes on with the commands, and this one is off. */
static void change_cpu(uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    if (hvc(PSCI_CPU_ON, 1, (uint64_t)other_entry, 0).x0 == 0)
        hvc(PSCI_CPU_OFF, 0, 0, 0);
    print("CPU 1 does not start.\n");
}

static void reset(uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void off(uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    psci_system_off();
}

static const struct command {
    char letter;
    void (*run)(uint64_t, uint64_t);
} commands[] = {
    {'r', cpu_read},   {'w', cpu_write}, {'i', dma_read}, {'o', dma_write},     {'m', dma_flood},   {'F', flight_reset},
    {'S', flight_off}, {'a', audit},     {'n', ask},      {'y', audit_periods}, {'f', memory_fill}, {'c', memory_check},
    {'O', change_cpu}, {'R', reset},     {'q', off},      {'d', choose},
};

/* -- the console -- */

static uint64_t hex(const char **s)
{
    uint64_t v = 0;

    while (**s == ' ')
        (*s)++;
    for (; **s > ' '; (*s)++)
        v = v << 4 | (uint64_t)(**s <= '9' ? **s - '0' : **s - 'a' + 10);
    return v;
}

static void obey(const char *line)
{
    const char *s = line + 1;
    uint64_t a = hex(&s), b = hex(&s);

    for (unsigned i = 0; i < ARRAY(commands); i++)
        if (commands[i].letter == line[0]) {
            answer();
            commands[i].run(a, b);
            return;
        }
    print("what?.\n");
}

static void serve(void)
{
    char line[LINE + 1];
    unsigned n = 0, idle = 0;

    for (;;) {
        int c = read_char();
        idle = c >= 0 ? 0 : idle + 1;
        if (c == '\n') {
            line[n] = 0;
            if (n > 0)
                obey(line);
            n = 0;
        } else if (c >= ' ') {
            line[n] = (char)c;
            n += n < LINE;
        } else if (c < 0) { /* what is left are the keys of the console's focus */
            rest(idle < 50 ? 2 : 20);
        }
    }
}

void guest_main(const void *dtb, uint64_t stamp)
{
    (void)stamp;
    dtb_first = (uint64_t)dtb;
    dtb_end = dtb_first + DTB_ROOM;
    vectors_at = SYSREG_READ(vbar_el1);
    write32(VIRT_UART + 0x2c, 0x70); /* UARTLCR_H: 8 bits, FIFOs */
    irq_init();
    print("features: ready\n");
    serve();
}
