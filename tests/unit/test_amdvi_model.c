/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/pool.c tests/models/amdvi_model.c tests/host/arch_host.c */
/* The AMD-Vi model itself, with hand-made tables: what it translates, keeps, logs and forbids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../models/amdvi_model.h"
#include "arch.h"
#include "arch_host.h"

/* Frames of the pool at BASE: device table, command buffer, log, status, interrupt table, page tables. */
#define BASE    UINT64_C(0x80000000)
#define FRAMES  16
#define AT(f)   (BASE + (f)*UINT64_C(0x1000))
#define RW      UINT64_C(0x6000000000000000)
#define DEVTAB  0
#define COMMAND 1
#define LOG     2
#define STATUS  3
#define IRT     4
#define ROOT    5
#define FN      0x08 /* the function of these tests */

struct world {
    struct pool pool;
    struct amdvi_model m;
    mmio_t mmio;
    uint64_t tail, waits;
};

static uint64_t *words(struct world *w, unsigned frame)
{
    return (uint64_t *)(void *)(w->pool.mem + frame * 4096ul);
}

static void dte(struct world *w, uint64_t w0, uint64_t w1, uint64_t w2)
{
    uint64_t *e = words(w, DEVTAB) + FN * 4ul;
    e[1] = w1;
    e[2] = w2;
    e[0] = w0;
    arch_clean(e, 32);
    arch_publish();
}

static void entry(struct world *w, unsigned frame, unsigned index, uint64_t value)
{
    words(w, frame)[index] = value;
    arch_clean(&words(w, frame)[index], 8);
}

static void command(struct world *w, uint64_t w0, uint64_t w1)
{
    words(w, COMMAND)[w->tail / 8] = w0;
    words(w, COMMAND)[w->tail / 8 + 1] = w1;
    w->tail = (w->tail + 16) % 4096;
    mmio_write64(w->mmio, 0x2008, w->tail);
}

/* COMPLETION_WAIT with a store; true: it came. */
static bool completed(struct world *w)
{
    volatile uint64_t *status = words(w, STATUS);
    command(w, UINT64_C(1) << 60 | AT(STATUS) | 1, ++w->waits);
    for (unsigned i = 0; i < 10 && *status != w->waits; i++)
        arch_relax();
    return *status == w->waits;
}

static struct world *world_new(bool coherent)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(BASE >> 12), .frames = FRAMES, .mem = calloc(FRAMES, 4096)};
    assert_non_null(w->pool.mem);
    amdvi_model_init(&w->m, &w->pool, coherent);
    w->mmio = amdvi_model_mmio(&w->m);
    arch_clean(w->pool.mem, FRAMES * 4096ul);
    return w;
}

/* Enabled, with an empty device table of one frame: functions 0..127, none of them valid. */
static struct world *world_on(bool coherent)
{
    struct world *w = world_new(coherent);
    mmio_write64(w->mmio, 0x00, AT(DEVTAB));
    mmio_write64(w->mmio, 0x08, AT(COMMAND) | UINT64_C(8) << 56);
    mmio_write64(w->mmio, 0x10, AT(LOG) | UINT64_C(8) << 56);
    mmio_write64(w->mmio, 0x18, 0x1005);
    command(w, UINT64_C(8) << 60, 0);
    assert_true(completed(w));
    return w;
}

static void world_free(struct world *w, const char *violation)
{
    if (violation) {
        assert_int_not_equal(w->m.violations, 0);
        if (!strstr(w->m.violation, violation))
            print_message("got: %s\n", w->m.violation);
        assert_non_null(strstr(w->m.violation, violation));
    } else {
        if (w->m.violations)
            print_message("%s\n", w->m.violation);
        assert_int_equal(w->m.violations, 0);
    }
    amdvi_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

static bool dma(struct world *w, uint64_t addr, bool write, uint64_t want)
{
    maddr_t out;
    if (!amdvi_model_dma(&w->m, FN, addr, write, &out))
        return false;
    assert_int_equal(out.v, want);
    return true;
}

/* The oldest record of the log, taken; 0: none. */
static uint64_t event(struct world *w, uint64_t *addr)
{
    *addr = 0;
    if (w->m.evt_head == w->m.evt_tail)
        return 0;
    uint64_t *e = words(w, LOG) + w->m.evt_head / 8;
    *addr = e[1];
    mmio_write64(w->mmio, 0x2010, (w->m.evt_head + 16) % 4096);
    return e[0];
}

/* Mode 4 at ROOT: 0x40000000 leads through levels 3, 2, 1 to frames, bit 12 of the index says which. */
static void tables(struct world *w)
{
    entry(w, ROOT, 0, AT(6) | 3 << 9 | RW | 1);
    entry(w, 6, 1, AT(7) | 2 << 9 | RW | 1);
    entry(w, 7, 0, AT(8) | 1 << 9 | RW | 1);
    entry(w, 7, 2, UINT64_C(0x12200000) | RW | 1);
    entry(w, 8, 0, UINT64_C(0x12345000) | RW | 1);
    entry(w, 8, 1, UINT64_C(0x12346000) | UINT64_C(1) << 61 | 1);
    dte(w, AT(ROOT) | 4 << 9 | RW | 3, 7, 1);
}

static void test_off_and_invalid_pass(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    assert_true(dma(w, 0x1234, true, 0x1234)); /* off */
    world_free(w, NULL);
    w = world_on(true);
    assert_true(dma(w, 0x1234, true, 0x1234)); /* V 0 */
    dte(w, 3, 7, 1);                           /* blocked, but the old entry is cached */
    assert_true(dma(w, 0x1234, true, 0x1234));
    command(w, UINT64_C(2) << 60 | FN, 0);
    for (unsigned i = 0; i < 10; i++)
        arch_relax();
    assert_true(dma(w, 0x1234, true, 0x1234)); /* not complete without COMPLETION_WAIT */
    assert_true(completed(w));
    assert_false(dma(w, 0x1234, true, 0));
    world_free(w, NULL);
}

static void test_translates(void **state)
{
    (void)state;
    for (unsigned coherent = 0; coherent < 2; coherent++) {
        struct world *w = world_on(coherent);
        uint64_t addr;
        tables(w);
        assert_true(dma(w, 0x40000010, true, 0x12345010));
        assert_true(dma(w, 0x40001010, false, 0x12346010));
        assert_true(dma(w, 0x40400123, true, 0x12200123)); /* a leaf of 2 MiB */
        assert_true(dma(w, 0x405ff123, true, 0x123ff123));
        assert_int_equal(event(w, &addr), 0);
        assert_false(dma(w, 0x40001018, true, 0)); /* read-only: PR, PE, RW */
        assert_int_equal(event(w, &addr), 0x2070000700000008);
        assert_int_equal(addr, 0x40001018);
        assert_false(dma(w, 0x40002000, false, 0)); /* not present */
        assert_int_equal(event(w, &addr), 0x2000000700000008);
        assert_false(dma(w, UINT64_C(1) << 48, false, 0)); /* beyond mode 4 */
        assert_int_equal(event(w, &addr), 0x2000000700000008);
        assert_false(dma(w, 0xfee00000, true, 0));
        assert_false(dma(w, UINT64_C(0xfd00000000), true, 0));
        assert_int_equal(event(w, &addr) >> 60, 8);
        world_free(w, NULL);
    }
}

static void test_stale_until_flushed(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    tables(w);
    assert_true(dma(w, 0x40000000, true, 0x12345000));
    entry(w, 8, 0, UINT64_C(0x55555000) | RW | 1);
    assert_true(dma(w, 0x40000000, true, 0x12345000));
    command(w, UINT64_C(3) << 60 | UINT64_C(9) << 32, UINT64_C(0x7ffffffffffff003)); /* another domain */
    command(w, UINT64_C(3) << 60 | UINT64_C(7) << 32, 0x40001000);                   /* another page */
    assert_true(completed(w));
    assert_true(dma(w, 0x40000000, true, 0x12345000));
    command(w, UINT64_C(3) << 60 | UINT64_C(7) << 32, 0x40003001); /* 32 KiB: bits 12, 13 set, 14 clear */
    assert_true(completed(w));
    assert_true(dma(w, 0x40000000, true, 0x55555000));
    entry(w, 8, 0, 0);
    command(w, UINT64_C(3) << 60 | UINT64_C(7) << 32, UINT64_C(0x7ffffffffffff003));
    assert_true(completed(w));
    assert_false(dma(w, 0x40000000, true, 0));
    entry(w, 8, 0, UINT64_C(0x12345000) | RW | 1); /* not present is cached, too */
    assert_false(dma(w, 0x40000000, true, 0));
    world_free(w, NULL);
}

static void test_levels(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    dte(w, AT(ROOT) | 6 << 9 | RW | 3, 7, 1); /* mode 6, level 6 leads to level 2: the rest must be 0 */
    entry(w, ROOT, 0x7f, AT(6) | 2 << 9 | RW | 1);
    entry(w, 6, 3, UINT64_C(0x12347000) | 7 << 9 | RW | 1); /* bits 12, 13, 14 set: 64 KiB, too small here */
    entry(w, 6, 0, UINT64_C(0x12200000) | RW | 1);
    assert_true(dma(w, UINT64_C(0xfe00000000000123), true, 0x12200123));
    assert_false(dma(w, UINT64_C(0xfe00000040000123), true, 0)); /* bits 30 to 56 were skipped */
    assert_int_equal(w->m.violations, 0);
    assert_false(dma(w, UINT64_C(0xfe00000000600000), true, 0));
    world_free(w, "reserved bits or levels");

    w = world_on(true);
    dte(w, AT(ROOT) | 1 << 9 | RW | 3, 7, 1);
    for (unsigned i = 16; i < 32; i++)
        entry(w, ROOT, i, UINT64_C(0x12347000) | 7 << 9 | RW | 1); /* 64 KiB in 16 entries */
    assert_true(dma(w, 0x19123, true, 0x12349123));
    entry(w, ROOT, 0, UINT64_C(0x12345000) | RW | UINT64_C(1) << 55 | 1);
    world_free(w, NULL);

    w = world_on(true);
    dte(w, AT(ROOT) | 1 << 9 | RW | 3, 7, 1);
    entry(w, ROOT, 0, UINT64_C(0x12345000) | RW | UINT64_C(1) << 55 | 1);
    assert_false(dma(w, 0, true, 0));
    world_free(w, "reserved bits");
}

static void test_device_table(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    maddr_t out;
    uint64_t addr;
    assert_false(amdvi_model_dma(&w->m, 128, 0, false, &out)); /* the table has 128 */
    assert_int_equal(event(w, &addr), 0x1000000000000080);
    dte(w, 3 | UINT64_C(1) << 61, 7, 1); /* mode 0, read only */
    assert_true(dma(w, 0x7000, false, 0x7000));
    assert_false(dma(w, 0x7000, true, 0));
    world_free(w, NULL);

    w = world_on(true);
    dte(w, 3, 7 | UINT64_C(1) << 33, 1); /* SE: one event */
    assert_false(dma(w, 0x7000, true, 0));
    assert_false(dma(w, 0x7000, true, 0));
    assert_int_equal(event(w, &addr) >> 60, 2);
    assert_int_equal(event(w, &addr), 0);
    world_free(w, NULL);

    static const uint64_t bad[][3] = {
        {3 | 7 << 9, 0, 1},
        {3 | 1 << 5, 0, 1},
        {3, UINT64_C(1) << 39, 1},
        {3, UINT64_C(1) << 32, 1},
        {3 | UINT64_C(1) << 55, 0, 1},
        {3, 0, 1 | UINT64_C(3) << 60},
        {3, 0, 1 | UINT64_C(1) << 57},
        {3, 0, 1 | 12 << 1},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        w = world_on(true);
        dte(w, bad[i][0], bad[i][1], bad[i][2]);
        dma(w, 0, true, 0);
        world_free(w, "function 0x8");
    }
}

static void test_interrupts(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    struct amdvi_model_irq irq;
    uint64_t addr;
    dte(w, 3, 7, AT(IRT) | UINT64_C(2) << 60 | 8 << 1 | 1);
    entry(w, IRT, 0x30, UINT64_C(0x00610201) << 32); /* 0x61 */
    assert_true(amdvi_model_msi(&w->m, FN, 0x61, &irq));
    assert_true(irq.remapped);
    assert_int_equal(irq.vector, 0x61);
    assert_int_equal(irq.dest, 2);
    assert_false(amdvi_model_msi(&w->m, FN, 0x60, &irq));
    assert_int_equal(event(w, &addr), 0x2028000700000008);
    assert_int_equal(addr, 0x60);
    assert_false(amdvi_model_msi(&w->m, FN, 0x161, &irq)); /* 256 entries */
    entry(w, IRT, 0x30, UINT64_C(0x00620201) << 32 | 0x00630201);
    assert_false(amdvi_model_msi(&w->m, FN, 0x60, &irq)); /* cached */
    command(w, UINT64_C(5) << 60 | FN, 0);
    assert_true(completed(w));
    assert_true(amdvi_model_msi(&w->m, FN, 0x60, &irq) && irq.vector == 0x63);
    dte(w, 3, 7, 1);
    command(w, UINT64_C(2) << 60 | FN, 0);
    assert_true(completed(w));
    assert_false(amdvi_model_msi(&w->m, FN, 0x61, &irq)); /* IntCtl 00 */
    dte(w, 3, 7, 0);
    command(w, UINT64_C(2) << 60 | FN, 0);
    assert_true(completed(w));
    assert_true(amdvi_model_msi(&w->m, FN, 0x61, &irq) && !irq.remapped); /* IV 0 */
    world_free(w, NULL);
}

static void test_log_overflow(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    uint64_t addr;
    dte(w, 3, 7, 1);
    for (unsigned i = 0; i < 300; i++)
        dma(w, 0x1000ul * i, true, 0);
    assert_int_equal(w->m.lost, 300 - 255);
    assert_int_equal(mmio_read64(w->mmio, 0x2020) & 0x9, 1); /* overflow, does not run */
    while (event(w, &addr))
        continue;
    mmio_write64(w->mmio, 0x18, 0x1001);
    mmio_write64(w->mmio, 0x2020, 1);
    mmio_write64(w->mmio, 0x18, 0x1005);
    for (unsigned i = 0; i < 4; i++)
        arch_relax();
    assert_int_equal(mmio_read64(w->mmio, 0x2020) & 0x9, 8);
    dma(w, 0x7000, true, 0);
    assert_int_equal(event(w, &addr) >> 60, 2);
    world_free(w, NULL);
}

static void test_bad_command_stops(void **state)
{
    (void)state;
    struct world *w = world_on(true);
    uint64_t addr;
    w->m.fail_cmd = 1;
    w->m.fail_code = 6;
    assert_false(completed(w));
    assert_int_equal(event(w, &addr) >> 60, 6);
    mmio_write64(w->mmio, 0x18, 0x5);
    mmio_write64(w->mmio, 0x18, 0x1005);
    arch_relax();
    arch_relax();
    assert_true(completed(w));
    world_free(w, NULL);

    w = world_on(true);
    command(w, UINT64_C(2) << 60 | 1 << 16, 0);
    assert_false(completed(w));
    world_free(w, "reserved bits");
}

static void test_forbidden(void **state)
{
    (void)state;
    static const struct {
        uint64_t off, value;
        const char *words;
    } bad[] = {
        {0x08, AT(COMMAND) | UINT64_C(8) << 56, "command buffer base"},
        {0x10, AT(LOG) | UINT64_C(8) << 56, "event log base"},
        {0x2000, 0, "while it runs"},
        {0x2008, 0x1000, "pointer 0x1000"},
        {0x2020, 0x8, "read-only"},
        {0x30, 0, "access"},
        {0x30, 1, "read-only"},
        {0x34, 0, "access"},
        {0x1000, 0, "access"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_on(true);
        if (bad[i].off == 0x30 && !bad[i].value)
            mmio_write16(w->mmio, 0x30, 0);
        else if (bad[i].off == 0x34)
            mmio_write64(w->mmio, 0x34, 0);
        else
            mmio_write64(w->mmio, bad[i].off, bad[i].value);
        world_free(w, bad[i].words);
    }
}

/* What watching sees: off, invalid, torn, cached. */
static void test_watch(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    amdvi_model_watch(&w->m, FN);
    w->m.watching = true;
    arch_publish();
    world_free(w, "the unit is off");

    w = world_on(true);
    amdvi_model_watch(&w->m, FN);
    w->m.watching = true;
    arch_publish();
    world_free(w, "as in memory");

    for (unsigned torn = 0; torn < 2; torn++) {
        w = world_on(true);
        words(w, DEVTAB)[FN * 4ul] = 3;
        words(w, DEVTAB)[FN * 4ul + 2] = 1;
        struct amdvi_model_watch *x = amdvi_model_watch(&w->m, FN);
        w->m.watching = true;
        arch_publish();
        x->given = true;
        x->want[0] = AT(ROOT) | 4 << 9 | RW | 3;
        x->want[1] = 7;
        x->want[2] = 1;
        words(w, DEVTAB)[FN * 4ul + 1] = 7;
        if (!torn)
            arch_publish();
        words(w, DEVTAB)[FN * 4ul] = x->want[0];
        arch_publish();
        world_free(w, torn ? "half written" : NULL);
    }

    w = world_new(true);
    amdvi_model_watch(&w->m, FN);
    amdvi_model_firmware(&w->m, AMDVI_MODEL_PASSES);
    words(w, DEVTAB)[FN * 4ul] = 3;
    words(w, DEVTAB)[FN * 4ul + 2] = 1;
    mmio_write64(w->mmio, 0x20, 0);
    mmio_write64(w->mmio, 0x00, AT(DEVTAB));
    w->m.watching = true; /* firmware's entry is still cached */
    arch_publish();
    world_free(w, "as cached");

    w = world_new(true);
    amdvi_model_watch(&w->m, FN);
    w->m.watching = true;
    amdvi_model_firmware(&w->m, AMDVI_MODEL_BLOCKS);
    arch_publish();
    world_free(w, NULL);
}

/* Without coherency a table is not there until it was cleaned. */
static void test_clean(void **state)
{
    (void)state;
    struct world *w = world_on(false);
    words(w, DEVTAB)[FN * 4ul] = 3;
    arch_publish();
    assert_true(dma(w, 0x1000, true, 0x1000));
    arch_clean(&words(w, DEVTAB)[FN * 4ul], 8);
    command(w, UINT64_C(2) << 60 | FN, 0);
    assert_true(completed(w));
    assert_false(dma(w, 0x1000, true, 0));
    world_free(w, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_and_invalid_pass),
        cmocka_unit_test(test_translates),
        cmocka_unit_test(test_stale_until_flushed),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_device_table),
        cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_log_overflow),
        cmocka_unit_test(test_bad_command_stops),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
