/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/guest_walk.c kernel/arch/x86_64/trap_device.c kernel/arch/x86_64/insn.c kernel/p2m/extent.c
 * kernel/diag.c kernel/fmt.c */
/* An access to an emulated device: the instruction is read through the guest's tables, then carried out. */
#include "arch.h"
#include "arch/x86_64/guest_walk.h"
#include "arch/x86_64/trap_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- A machine of a few frames, whose first ones no guest has --- */

#define FRAMES 32u
static _Alignas(4096) uint8_t machine[FRAMES][FRAME_SIZE];

void *arch_memory(maddr_t a)
{
    assert_true(a.v < sizeof machine);
    return &machine[0][0] + a.v;
}

/*
 * GFN 0..7 ram, 8 ram-ro, 9 emulated, 10 mmio, 11 ram that the CPU may not read, 12 shared, 0x100000.. ram.
 * A hole from 13 on.
 */
#define HIGH 0x100000u
static struct extent ext[8];
static struct physmap physmap;
static const struct extent *last;
static struct guest_memory mem;

static void add(enum ext_type type, uint64_t g, uint64_t m, uint64_t frames, int cpu)
{
    struct diag d = {""};
    struct extent e = ext_make(type, gfn(g), mfn(m), frames, "test");

    if (cpu >= 0)
        e.cpu = (uint8_t)cpu;
    assert_int_equal(physmap_add(&physmap, &e, &d), ERR_NONE);
}

static int setup(void **state)
{
    (void)state;
    memset(machine, 0, sizeof machine);
    memset(machine[0], 0xee, FRAME_SIZE); /* somebody else's */
    physmap = (struct physmap){ext, 0, sizeof ext / sizeof *ext};
    add(EXT_RAM, 0, 4, 8, -1);
    add(EXT_RAM_RO, 8, 12, 1, -1);
    add(EXT_EMULATED, 9, 0, 1, -1);
    add(EXT_MMIO, 10, 13, 1, -1);
    add(EXT_RAM, 11, 14, 1, 0);
    add(EXT_SHARED, 12, 15, 1, R_READ);
    add(EXT_RAM, HIGH, 16, 8, -1);
    last = NULL;
    mem = (struct guest_memory){.physmap = &physmap, .last = &last};
    return 0;
}

static void *guest(uint64_t a)
{
    const struct extent *e = physmap_find(&physmap, gfn_of(gaddr(a)));

    assert_non_null(e);
    return machine[e->mfn.n + gfn_of(gaddr(a)).n - e->gfn.n] + (a & FRAME_MASK);
}

static void put64(uint64_t table, unsigned i, uint64_t v)
{
    memcpy((uint8_t *)guest(table) + 8 * i, &v, 8);
}

static void put32(uint64_t table, unsigned i, uint32_t v)
{
    memcpy((uint8_t *)guest(table) + 4 * i, &v, 4);
}

static uint64_t walk(uint64_t linear)
{
    gaddr_t a = gaddr(0);

    last = NULL;
    return guest_walk(&mem, linear, &a) ? a.v : UINT64_MAX;
}

#define PG   (UINT64_C(1) << 31)
#define PSE  UINT64_C(0x10)
#define PAE  UINT64_C(0x20)
#define LA57 UINT64_C(0x1000)
#define LMA  UINT64_C(0x400)
#define NX   (UINT64_C(1) << 63)
#define NONE UINT64_MAX

static void without_paging(void **state)
{
    (void)state;
    assert_int_equal(walk(0x1234), 0x1234);
    assert_int_equal(walk(UINT64_C(0x100001234)), 0x1234); /* 32 bits */
    mem.cr3 = 0x1000;
    mem.cr4 = PAE;
    assert_int_equal(walk(0x5678), 0x5678);
}

static void tables_of_32_bits(void **state)
{
    (void)state;
    mem.cr0 = PG;
    mem.cr3 = 0x1018; /* PCD, PWT */
    put32(0x1000, 1, 0x2067);
    put32(0x2000, 3, 0x345063);
    put32(0x2000, 4, 0x345062);
    put32(0x1000, 2, 0x12c02083); /* 4 MiB, or with PSE off a table at 0x12c02000, which is not memory */
    assert_int_equal(walk(0x403abc), 0x345abc);
    assert_int_equal(walk(0x404abc), NONE);
    assert_int_equal(walk(0x405abc), NONE);
    assert_int_equal(walk(0x000abc), NONE);
    assert_int_equal(walk(0x9abcde), NONE);
    mem.cr4 = PSE;
    assert_int_equal(walk(0x9abcde), UINT64_C(0x0112dabcde)); /* entry bit 13 is address bit 32 */
    assert_int_equal(walk(0x403abc), 0x345abc);
}

static void tables_of_pae(void **state)
{
    (void)state;
    mem.cr0 = PG;
    mem.cr4 = PAE;
    mem.cr3 = 0x1020; /* 32-byte aligned */
    put64(0x1000, 4 + 3, 0x2001);
    put64(0x1000, 4 + 2, 0x40000081); /* no leaf here: a table at 0x40000000, which is not memory */
    put64(0x2000, 5, UINT64_C(0x123400000) | 0xe3 | NX);
    put64(0x2000, 6, 0x3063);
    put64(0x3000, 7, UINT64_C(0x98765000) | 0x63 | NX);
    assert_int_equal(walk(0xc0a12345), 0x123412345);
    assert_int_equal(walk(0xc0c07fff), 0x98765fff);
    assert_int_equal(walk(0x80000000), NONE);
    assert_int_equal(walk(0x00000000), NONE);
}

static void tables_of_long_mode(void **state)
{
    (void)state;
    mem.cr0 = PG;
    mem.cr4 = PAE;
    mem.efer = LMA;
    mem.cr3 = (uint64_t)HIGH << FRAME_SHIFT | 0xfff; /* PCID */
    put64((uint64_t)HIGH << 12, 0x1ff, (uint64_t)(HIGH + 1) << 12 | 3);
    put64((uint64_t)HIGH << 12, 1, (uint64_t)(HIGH + 1) << 12 | 0x83); /* PS is reserved here: not a leaf */
    put64((uint64_t)(HIGH + 1) << 12, 0x1fe, 0x2003);
    put64((uint64_t)(HIGH + 1) << 12, 0x1fd, UINT64_C(0x4580000083) | NX);
    put64(0x2000, 0x40, 0x3003);
    put64(0x2000, 0x41, UINT64_C(0xabcde00083) | 1 << 12); /* PAT bit of a large page */
    put64(0x3000, 0x55, 0x7003 | NX);
    assert_int_equal(walk(UINT64_C(0xffffffff80000000) + (0x40 << 21) + (0x55 << 12) + 0x123), 0x7123);
    assert_int_equal(walk(UINT64_C(0xffffffff80000000) + (0x41 << 21) + 0x12345), UINT64_C(0xabcde12345));
    assert_int_equal(walk(UINT64_C(0xffffffff40000000) + 0x1234567), UINT64_C(0x4581234567));
    assert_int_equal(walk(UINT64_C(0xffffffff00000000)), NONE);
    assert_int_equal(walk(0), NONE);
    assert_int_equal(walk((UINT64_C(1) << 39) + (UINT64_C(0x1fd) << 30) + 5), UINT64_C(0x4580000005));
    mem.cr4 |= LA57; /* the root of four levels is one of five */
    mem.cr3 = 0x4000;
    put64(0x4000, 0x100, (uint64_t)HIGH << 12 | 3);
    assert_int_equal(walk(UINT64_C(0xff00ff8000000000) + (UINT64_C(0x1fd) << 30) + 6), UINT64_C(0x4580000006));
    assert_int_equal(walk(UINT64_C(0x0000ff8000000000) + (UINT64_C(0x1fd) << 30) + 6), NONE);
}

/* Tables are read in the guest's memory, and nowhere else. */
static void tables_elsewhere(void **state)
{
    (void)state;
    static const struct {
        uint64_t cr3;
        bool ok;
    } roots[] = {
        {0x1000, true},
        {0x8000, true},
        {0xc000, true},
        {0x9000, false},
        {0xa000, false},
        {0xb000, false},
        {0xd000, false},
        {0x0ff000, false},
        {UINT64_C(0xffffffffff000), false},
        {(uint64_t)(HIGH + 7) << 12, true},
        {(uint64_t)(HIGH + 8) << 12, false},
    };

    memset(machine, 0xff, sizeof machine); /* everywhere: present, large */
    mem.cr0 = PG;
    mem.cr4 = PSE;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        mem.cr3 = roots[i].cr3 & 0xfffff000;
        if (roots[i].cr3 >> 32 == 0 && (walk(0) != NONE) != roots[i].ok)
            fail_msg("32 bits: root 0x%lx", roots[i].cr3);
    }
    memset(machine, 0, sizeof machine);
    for (size_t f = 0; f < FRAMES; f++)
        memcpy(machine[f], &(uint64_t){3}, 8); /* a table at GFN 0 */
    machine[4][0] = 0x83;
    mem.cr4 = PAE;
    mem.efer = LMA;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        mem.cr3 = roots[i].cr3;
        if ((walk(0x1000) != NONE) != roots[i].ok)
            fail_msg("64 bits: root 0x%lx", roots[i].cr3);
    }
}

static void a_loop_of_tables_ends(void **state)
{
    (void)state;
    mem.cr0 = PG;
    mem.cr4 = PAE;
    mem.efer = LMA;
    mem.cr3 = 0x1000;
    for (unsigned i = 0; i < 512; i++)
        put64(0x1000, i, 0x1003);
    assert_int_equal(walk(0x123456), 0x1456);
}

/* --- Fetch --- */

static void fetch(void **state)
{
    (void)state;
    static const struct {
        uint64_t at;
        size_t got;
    } cases[] = {
        {0x1000, 16},    {0x1ff0, 16},
        {0x1ff5, 16},    {0x7fff, 16},
        {0x8ff0, 16},    {0x8ff9, 7},
        {0x9000, 0},     {0xa000, 0},
        {0xb000, 0},     {0xbfff, 0},
        {0xcffe, 2},     {0xd000, 0},
        {0xfffffff8, 0}, {((uint64_t)HIGH << 12) - 5, 0},
    };

    for (size_t f = 0; f < FRAMES; f++)
        for (size_t i = 0; i < FRAME_SIZE; i++)
            machine[f][i] = (uint8_t)(f * 16 + i);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[GUEST_FETCH];
        uint64_t at = cases[i].at & UINT32_MAX;

        memset(out, 0xa5, sizeof out);
        last = NULL;
        size_t got = guest_fetch(&mem, cases[i].at, out);
        if (got != cases[i].got)
            fail_msg("0x%lx: %zu bytes", cases[i].at, got);
        assert_int_equal(guest_byte(&mem, cases[i].at), got ? out[0] : 0);
        for (size_t k = 0; k < GUEST_FETCH; k++) {
            uint8_t want = k < got ? *(uint8_t *)guest(at + k) : 0;

            if (out[k] != want)
                fail_msg("0x%lx: byte %zu is 0x%x", cases[i].at, k, out[k]);
        }
    }
}

/* Two pages that are adjacent for the guest alone. */
static void fetch_across_pages(void **state)
{
    (void)state;
    uint8_t out[GUEST_FETCH];

    mem.cr0 = PG;
    mem.cr3 = 0x1000;
    put32(0x1000, 0, 0x2003);
    put32(0x2000, 0, 0x5003);
    put32(0x2000, 1, 0x3003);
    memset(guest(0x5000), 0x11, FRAME_SIZE);
    memset(guest(0x3000), 0x22, FRAME_SIZE);
    assert_int_equal(guest_fetch(&mem, 0xffa, out), 16);
    for (size_t k = 0; k < 16; k++)
        assert_int_equal(out[k], k < 6 ? 0x11 : 0x22);
    put32(0x2000, 1, 0);
    assert_int_equal(guest_fetch(&mem, 0xffa, out), 6);
}

/* --- The access --- */

struct vcpu {
    char log[128];
    uint64_t answer;
};

static uint64_t device_read(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width)
{
    size_t n = strlen(v->log);

    (void)snprintf(v->log + n, sizeof v->log - n, "%s r%x.%u ", (const char *)dev->state, off, width);
    return v->answer;
}

static void device_write(struct vcpu *v, const struct trap_device *dev, uint32_t off, unsigned width, uint64_t value)
{
    size_t n = strlen(v->log);

    (void)snprintf(v->log + n, sizeof v->log - n, "%s w%x.%u=%lx ", (const char *)dev->state, off, width, value);
}

static char name_a[] = "a", name_b[] = "b";
static const struct trap_device devices[] = {
    {{0x9000}, 0x100, device_read, device_write, name_a},
    {{0xfee00000}, 0x1000, device_read, device_write, name_b},
};

static void which_device(void **state)
{
    (void)state;
    static const struct {
        uint64_t at;
        unsigned width;
        int device;
    } cases[] = {
        {0x9000, 8, 0},      {0x90ff, 1, 0},      {0x90fc, 4, 0},  {0x90fd, 4, -1},     {0x90f9, 8, -1},
        {0x9100, 1, -1},     {0x8fff, 1, -1},     {0x8ffe, 4, -1}, {0xfee00000, 4, 1},  {0xfee00fff, 1, 1},
        {0xfee00fff, 2, -1}, {0xfee01000, 1, -1}, {0, 1, -1},      {UINT64_MAX, 1, -1}, {UINT64_C(0x100009000), 4, -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct trap_device *d = trap_device_find(devices, 2, gaddr(cases[i].at), cases[i].width);

        if (d != (cases[i].device < 0 ? NULL : &devices[cases[i].device]))
            fail_msg("0x%lx", cases[i].at);
    }
    assert_null(trap_device_find(devices, 0, gaddr(0x9000), 1));
}

static struct insn decode(const char *bytes, size_t size)
{
    struct insn i;

    assert_int_equal(insn_decode((const uint8_t *)bytes, size, INSN_64, &i), INSN_ACCESS);
    return i;
}
#define DECODE(s) decode(s, sizeof s - 1)

static void accesses(void **state)
{
    (void)state;
    struct {
        struct insn i;
        const char *device, *bus; /* what arrives at the device; nothing does where there is none */
        uint64_t device_rax, bus_rax;
    } cases[] = {
        {DECODE("\x8b\x03"), "a r10.4 ", "", 0xabcdef01, 0xffffffff},                          /* mov (%rbx), %eax */
        {DECODE("\x8a\x03"), "a r10.1 ", "", 0x1122334455667701, 0x11223344556677ff},          /* mov (%rbx), %al */
        {DECODE("\x0f\xb7\x03"), "a r10.2 ", "", 0xef01, 0xffff},                              /* movzwl (%rbx), %eax */
        {DECODE("\x89\x03"), "a w10.4=55667788 ", "", 0x1122334455667788, 0x1122334455667788}, /* mov %eax, (%rbx) */
        {DECODE("\x48\x89\x03"), "a w10.8=1122334455667788 ", "", 0x1122334455667788, 0x1122334455667788},
        {DECODE("\x83\x0b\x10"), "a r10.4 a w10.4=abcdef11 ", "", 0x1122334455667788, 0x1122334455667788}, /* orl $16 */
        {DECODE("\x87\x03"), "a r10.4 a w10.4=55667788 ", "", 0xabcdef01, 0xffffffff}, /* xchg %eax, (%rbx) */
    };

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (int there = 0; there < 2; there++) {
            struct vcpu v = {"", 0xabcdef01};
            uint64_t gpr[16] = {UINT64_C(0x1122334455667788)}, flags = 2;

            trap_device_access(there ? devices : NULL, &v, gaddr(0x9010), &cases[k].i, gpr, &flags);
            if (strcmp(v.log, there ? cases[k].device : cases[k].bus) != 0 ||
                gpr[0] != (there ? cases[k].device_rax : cases[k].bus_rax))
                fail_msg("case %zu, %s: 0x%lx, %s", k, there ? "device" : "bus", gpr[0], v.log);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_paging, setup),
        cmocka_unit_test_setup(tables_of_32_bits, setup),
        cmocka_unit_test_setup(tables_of_pae, setup),
        cmocka_unit_test_setup(tables_of_long_mode, setup),
        cmocka_unit_test_setup(tables_elsewhere, setup),
        cmocka_unit_test_setup(a_loop_of_tables_ends, setup),
        cmocka_unit_test_setup(fetch, setup),
        cmocka_unit_test_setup(fetch_across_pages, setup),
        cmocka_unit_test(which_device),
        cmocka_unit_test(accesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
