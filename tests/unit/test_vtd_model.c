/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: kernel/pool.c tests/models/vtd_model.c tests/models/vtd_model_walk.c tests/host/arch_host.c
 */
/* The VT-d register model against tables made by hand: what passes, what faults, what stays cached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../models/vtd_model.h"
#include "arch_host.h"

#define BASE  UINT64_C(0x40000000)
#define AT(n) (BASE + (n)*4096ul)
#define BDF   0x0108u
#define TE    (1u << 31)
#define SRTP  (1u << 30)
#define WBF   (1u << 27)
#define QIE   (1u << 26)
#define IRE   (1u << 25)
#define SIRTP (1u << 24)
enum { ROOT, CONTEXTS, QUEUE, IRT, L4, L3, L2, L1, STATUS, L5, DATA, FRAMES = 16 };

struct world {
    struct pool pool;
    struct vtd_model m;
    mmio_t r;
    uint32_t tail;
};

static uint64_t *words(struct world *w, unsigned frame)
{
    return (uint64_t *)(void *)(w->pool.mem + frame * 4096ul);
}

static uint64_t *entry(struct world *w)
{
    return words(w, CONTEXTS) + 2 * (BDF & 0xff);
}

static struct world *world_new(bool coherent)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->pool = (struct pool){.first = mfn(BASE >> 12), .frames = FRAMES, .mem = aligned_alloc(4096, FRAMES * 4096)};
    assert_non_null(w->pool.mem);
    memset(w->pool.mem, 0, FRAMES * 4096);
    vtd_model_init(&w->m, &w->pool, coherent);
    w->r = vtd_model_mmio(&w->m);
    words(w, ROOT)[2 * (BDF >> 8)] = AT(CONTEXTS) | 1;
    entry(w)[0] = AT(L4) | 1;
    entry(w)[1] = 7 << 8 | 2;
    words(w, L5)[0] = AT(L4) | 3;
    words(w, L4)[0] = AT(L3) | 3;
    words(w, L3)[0] = AT(L2) | 3;
    words(w, L3)[1] = 0x80000083; /* 1 GiB */
    words(w, L2)[0] = AT(L1) | 3;
    words(w, L2)[1] = 0x50200083; /* 2 MiB */
    words(w, L1)[1] = AT(DATA) | 3;
    words(w, L1)[2] = AT(DATA) | 1;
    words(w, L1)[3] = AT(DATA) | 2;
    words(w, L1)[4] = AT(DATA) | 3 | UINT64_C(1) << 50;
    words(w, L1)[5] = AT(DATA) | 0x77b | UINT64_C(3) << 62; /* ignored bits */
    return w;
}

static void world_free(struct world *w, unsigned violations)
{
    if (w->m.violations != violations)
        print_message("%u violations: %s\n", w->m.violations, w->m.violation);
    assert_int_equal(w->m.violations, violations);
    vtd_model_fini(&w->m);
    free(w->pool.mem);
    free(w);
}

static void gcmd(struct world *w, uint32_t bit, bool on)
{
    uint32_t s = mmio_read32(w->r, 0x1c) & 0x96ffffff, want = bit & WBF ? 0 : on ? bit : 0;
    mmio_write32(w->r, 0x18, on ? s | bit : s & ~bit);
    for (unsigned i = 0; i < 10 && (mmio_read32(w->r, 0x1c) & bit) != want; i++) {
    }
    assert_int_equal(mmio_read32(w->r, 0x1c) & bit, want);
}

static void queue_on(struct world *w)
{
    mmio_write64(w->r, 0x90, AT(QUEUE));
    mmio_write64(w->r, 0x88, 0);
    gcmd(w, QIE, true);
}

static void command(struct world *w, uint64_t lo, uint64_t hi)
{
    words(w, QUEUE)[2 * w->tail] = lo;
    words(w, QUEUE)[2 * w->tail + 1] = hi;
    arch_clean(words(w, QUEUE), 4096);
    w->tail = (w->tail + 1) % 256;
    mmio_write64(w->r, 0x88, w->tail * 16ul);
}

static void contexts(struct world *w)
{
    command(w, 0x11, 0);
}

static void pages(struct world *w)
{
    command(w, 0x12, 0);
}

static void translate_on(struct world *w)
{
    mmio_write64(w->r, 0x20, AT(ROOT));
    gcmd(w, SRTP, true);
    contexts(w);
    pages(w);
    gcmd(w, TE, true);
}

static struct world *world_on(void)
{
    struct world *w = world_new(true);
    queue_on(w);
    translate_on(w);
    return w;
}

static uint64_t dma(struct world *w, uint64_t addr, bool write)
{
    maddr_t out;
    return vtd_model_dma(&w->m, BDF, addr, write, &out) ? out.v : 0;
}

/* The access is blocked, recorded with this reason; acknowledged. */
static void blocked(struct world *w, uint64_t addr, bool write, uint8_t reason)
{
    unsigned at = w->m.fri;
    assert_int_equal(dma(w, addr, write), 0);
    uint64_t lo = mmio_read64(w->r, 0x220 + at * 16), hi = mmio_read64(w->r, 0x228 + at * 16);
    assert_int_equal(mmio_read32(w->r, 0x34), 2 | at << 8);
    assert_int_equal(lo, addr & ~UINT64_C(0xfff));
    assert_int_equal(hi, UINT64_C(1) << 63 | (uint64_t)!write << 62 | (uint64_t)reason << 32 | BDF);
    mmio_write32(w->r, 0x22c + at * 16, 1u << 31);
    assert_int_equal(mmio_read32(w->r, 0x34), 0);
}

static void test_off(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    assert_int_equal(dma(w, 0x1234, true), 0x1234);
    assert_int_equal(dma(w, 0xfee00000, true), 0);
    vtd_model_firmware_protect(&w->m, 0x600000);
    assert_int_equal(dma(w, 0x7ff000, true), 0);
    assert_int_equal(dma(w, 0x800000, true), 0x800000);
    mmio_write32(w->r, 0x64, 0);
    assert_int_equal(dma(w, 0x600000, true), 0);
    for (unsigned i = 0; i < 5; i++)
        (void)mmio_read32(w->r, 0x64);
    assert_int_equal(dma(w, 0x600000, true), 0x600000);
    world_free(w, 0);
}

static void test_walk(void **state)
{
    (void)state;
    struct world *w = world_on();
    assert_int_equal(dma(w, 0x1008, false), AT(DATA) + 8);
    assert_int_equal(dma(w, 0x1ff8, true), AT(DATA) + 0xff8);
    assert_int_equal(dma(w, 0x234567, true), 0x50234567);
    assert_int_equal(dma(w, 0x40000000 + 0x12345678, true), 0x80000000u + 0x12345678);
    assert_int_equal(dma(w, 0x2000, false), AT(DATA));
    assert_int_equal(dma(w, 0x3000, true), AT(DATA));
    assert_int_equal(dma(w, 0x5000, true), AT(DATA));
    blocked(w, 0x2000, true, 5);
    blocked(w, 0x3000, false, 6);
    blocked(w, 0x6000, false, 6);
    blocked(w, 0x6000, true, 5);
    blocked(w, 0x4000, false, 0xc);
    blocked(w, UINT64_C(1) << 48, false, 4);
    words(w, L1)[6] = AT(DATA) | 0x803; /* SNP */
    words(w, L1)[7] = AT(DATA) | 3;
    assert_int_equal(dma(w, 0x6000, false), AT(DATA));
    words(w, L2)[2] = 0x50201083; /* a large leaf has low address bits */
    blocked(w, 0x400000, true, 0xc);
    words(w, L2)[2] = UINT64_C(0x7000000) | 3; /* nothing there */
    blocked(w, 0x400000, true, 7);
    words(w, L2)[3] = AT(L1) | 1; /* read-only from here down */
    assert_int_equal(dma(w, 0x601008, false), AT(DATA) + 8);
    blocked(w, 0x601008, true, 5);
    words(w, L4)[1] = 0x83;
    blocked(w, UINT64_C(1) << 39, true, 0xc);
    world_free(w, 0);
}

static void test_features(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    w->m.cap &= ~VTD_MODEL_CAP_1G;
    w->m.ecap &= ~VTD_MODEL_ECAP_SC;
    vtd_model_widths(&w->m, VTD_MODEL_CAP_SAGAW39 | VTD_MODEL_CAP_SAGAW57);
    queue_on(w);
    translate_on(w);
    blocked(w, 0x1000, false, 3); /* 48 bits are not offered */
    entry(w)[1] = 7 << 8 | 1;
    entry(w)[0] = AT(L3) | 1;
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    blocked(w, 0x40000000, false, 0xc);
    blocked(w, UINT64_C(1) << 39, false, 4);
    words(w, L1)[6] = AT(DATA) | 0x803;
    blocked(w, 0x6000, false, 0xc);
    entry(w)[1] = 8 << 8 | 3;
    entry(w)[0] = AT(L5) | 1;
    contexts(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    world_free(w, 0);
}

static void test_context(void **state)
{
    (void)state;
    static const struct {
        uint64_t lo, hi;
        uint8_t reason;
    } bad[] = {
        {0, 0, 2},
        {AT(L4) | 0x11, 0x702, 0xb},
        {AT(L4) | 1 | UINT64_C(1) << 46, 0x702, 0xb},
        {AT(L4) | 1, 0x782, 0xb},
        {AT(L4) | 1, 0x1000702, 0xb},
        {AT(L4) | 1, 0x700, 3},
        {AT(L4) | 1, 0x703, 3},
        {AT(L4) | 5, 0x702, 3},
        {AT(L4) | 0xd, 0x702, 3},
    };
    struct world *w = world_on();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        entry(w)[0] = bad[i].lo;
        entry(w)[1] = bad[i].hi;
        blocked(w, 0x1000, false, bad[i].reason);
    }
    entry(w)[0] = 2; /* FPD holds in an absent entry, too */
    assert_int_equal(dma(w, 0x1000, false), 0);
    assert_int_equal(mmio_read32(w->r, 0x34), 0);
    words(w, ROOT)[2 * (BDF >> 8)] = AT(CONTEXTS) | 3;
    blocked(w, 0x1000, false, 0xa);
    words(w, ROOT)[2 * (BDF >> 8)] = 0;
    blocked(w, 0x1000, false, 1);
    words(w, ROOT)[2 * (BDF >> 8)] = 0x7000001;
    blocked(w, 0x1000, false, 9);
    words(w, ROOT)[2 * (BDF >> 8)] = AT(CONTEXTS) | 1;
    entry(w)[0] = 9; /* pass through */
    entry(w)[1] = 0x702;
    assert_int_equal(dma(w, 0x77000, false), 0x77000);
    world_free(w, 0);
}

/* Entries stay until the right invalidation. */
static void test_stale_pages(void **state)
{
    (void)state;
    struct world *w = world_on();
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    words(w, L1)[1] = 0x9000003;
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    command(w, 0x32 | 7 << 16, 0x7000); /* another page */
    command(w, 0x32 | 8 << 16, 0x1000); /* another domain */
    command(w, 0x22 | 8 << 16, 0);
    contexts(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    command(w, 0x32 | 7 << 16, 0x1000);
    assert_int_equal(dma(w, 0x1000, false), 0x9000000);
    words(w, L1)[1] = 0;
    command(w, 0x32 | 7 << 16, 2); /* pages 0..3 */
    blocked(w, 0x1000, false, 6);
    words(w, L1)[1] = 0x9000003; /* not present was not cached */
    assert_int_equal(dma(w, 0x1000, false), 0x9000000);
    words(w, L1)[1] = 0;
    command(w, 0x22 | 7 << 16 | 0xc0, 0);
    blocked(w, 0x1000, true, 5);
    world_free(w, 0);
}

static void test_stale_contexts(void **state)
{
    (void)state;
    struct world *w = world_on();
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    entry(w)[0] = 0;
    pages(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    command(w, 0x21 | 8 << 16, 0);                             /* another domain */
    command(w, 0x31 | 7 << 16 | (uint64_t)(BDF ^ 4) << 32, 0); /* another function */
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    command(w, 0x31 | 7 << 16 | (uint64_t)BDF << 32, 0);
    blocked(w, 0x1000, false, 2);
    entry(w)[0] = AT(L4) | 1;
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    entry(w)[0] = 0;
    command(w, 0x21 | 7 << 16, 0);
    blocked(w, 0x1000, false, 2);
    entry(w)[0] = AT(L4) | 1;
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    entry(w)[0] = 0;
    command(w, 0x31 | 7 << 16 | (uint64_t)(BDF ^ 4) << 32 | UINT64_C(1) << 48, 0);
    blocked(w, 0x1000, false, 2);
    world_free(w, 0);
}

/* Caching mode: faults stay cached, domain id 0 is taken. */
static void test_caching_mode(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    w->m.cap |= VTD_MODEL_CAP_CM;
    queue_on(w);
    entry(w)[0] = 0;
    translate_on(w);
    blocked(w, 0x6000, false, 2);
    entry(w)[0] = AT(L4) | 1;
    blocked(w, 0x6000, false, 2);
    contexts(w);
    blocked(w, 0x6000, false, 6);
    words(w, L1)[6] = AT(DATA) | 3;
    blocked(w, 0x6000, false, 6);
    command(w, 0x32 | 7 << 16, 0x6000);
    assert_int_equal(dma(w, 0x6000, false), AT(DATA));
    entry(w)[1] = 2;
    contexts(w);
    assert_int_equal(w->m.violations, 0);
    (void)dma(w, 0x6000, false);
    world_free(w, 1);
}

/* One domain id for two tables. */
static void test_two_tables(void **state)
{
    (void)state;
    struct world *w = world_on();
    maddr_t out;
    words(w, CONTEXTS)[0] = AT(L3) | 1;
    words(w, CONTEXTS)[1] = 7 << 8 | 1;
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    (void)vtd_model_dma(&w->m, BDF & 0xff00, 0x1000, false, &out);
    world_free(w, 1);
}

static void test_registers_invalidate(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    mmio_write64(w->r, 0x20, AT(ROOT));
    gcmd(w, SRTP, true);
    mmio_write64(w->r, 0x28, UINT64_C(5) << 61);
    while (mmio_read64(w->r, 0x28) >> 63) {
    }
    assert_int_equal(mmio_read64(w->r, 0x28), UINT64_C(1) << 61 | UINT64_C(1) << 59);
    mmio_write32(w->r, 0xfc, 0x90000000); /* by halves */
    while (mmio_read32(w->r, 0xfc) >> 31) {
    }
    gcmd(w, TE, true);
    assert_int_equal(w->m.violations, 0);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    words(w, L1)[1] = 0;
    mmio_write64(w->r, 0xf0, 0x1000);
    mmio_write64(w->r, 0xf8, UINT64_C(0xb0000007) << 32);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA)); /* under way */
    while (mmio_read64(w->r, 0xf8) >> 63) {
    }
    blocked(w, 0x1000, false, 6);
    queue_on(w);
    mmio_write64(w->r, 0x28, UINT64_C(5) << 61); /* not while the queue is on */
    world_free(w, 1);
}

/* Each is against the manual: the one violation that it gives. */
static void bad_two_bits(struct world *w)
{
    mmio_write32(w->r, 0x18, TE | QIE | SIRTP);
}
static void bad_status_written_back(struct world *w)
{
    gcmd(w, SIRTP, true);
    mmio_write32(w->r, 0x18, mmio_read32(w->r, 0x1c) | SIRTP | WBF);
}
static void bad_early(struct world *w)
{
    mmio_write32(w->r, 0x18, QIE | SRTP);
}
static void bad_no_wait(struct world *w)
{
    uint32_t s = mmio_read32(w->r, 0x1c) & 0x96ffffff;
    mmio_write32(w->r, 0x18, s | SRTP);
    mmio_write32(w->r, 0x18, s | SIRTP);
}
static void bad_read_gcmd(struct world *w)
{
    (void)mmio_read32(w->r, 0x18);
}
static void bad_write_status(struct world *w)
{
    mmio_write32(w->r, 0x1c, 0);
}
static void bad_offset(struct world *w)
{
    (void)mmio_read32(w->r, 0x500);
}
static void bad_wide(struct world *w)
{
    (void)mmio_read64(w->r, 0x18);
}
static void bad_reserved(struct world *w)
{
    mmio_write64(w->r, 0x20, AT(ROOT) | 1);
}
static void bad_mode(struct world *w)
{
    mmio_write64(w->r, 0x20, AT(ROOT) | 0x400);
}
static void bad_queue_moved(struct world *w)
{
    mmio_write64(w->r, 0x90, AT(QUEUE));
}
static void bad_tail(struct world *w)
{
    w->m.queue_hangs = true;
    mmio_write64(w->r, 0x88, 0x1000);
}
static void bad_enable_order(struct world *w) /* IOTLB before context cache */
{
    mmio_write64(w->r, 0x20, AT(ROOT));
    gcmd(w, SRTP, true);
    pages(w);
    contexts(w);
    gcmd(w, TE, true);
}
static void bad_remap(struct world *w)
{
    mmio_write64(w->r, 0xb8, AT(IRT) | 7);
    gcmd(w, SIRTP, true);
    gcmd(w, IRE, true);
}
static void bad_window(struct world *w)
{
    (void)vtd_model_watch(&w->m, BDF);
    w->m.watching = true;
    arch_publish();
    w->m.watching = false;
}

static void test_violations(void **state)
{
    (void)state;
    static void (*const bad[])(struct world *) = {
        bad_two_bits,     bad_status_written_back,
        bad_early,        bad_no_wait,
        bad_read_gcmd,    bad_write_status,
        bad_offset,       bad_wide,
        bad_reserved,     bad_mode,
        bad_queue_moved,  bad_tail,
        bad_enable_order, bad_remap,
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_new(true);
        if (bad[i] != bad_early)
            queue_on(w);
        assert_int_equal(w->m.violations, 0);
        bad[i](w);
        if (w->m.violations != 1)
            print_message("case %u: %s\n", i, w->m.violation);
        world_free(w, 1);
    }
}

static void test_queue(void **state)
{
    (void)state;
    struct world *w = world_on();
    mmio_write32(w->r, 0x38, 0); /* fault events on */
    command(w, 5 | 0x20 | UINT64_C(0x1234) << 32, AT(STATUS) + 8);
    assert_int_equal(words(w, STATUS)[1], 0x1234);
    assert_int_equal(mmio_read64(w->r, 0x80), w->tail * 16);
    uint32_t at = w->tail;
    w->m.queue_delay = 2;
    command(w, 0x15, 0); /* with an interrupt */
    assert_int_equal(mmio_read64(w->r, 0x80), at * 16);
    (void)mmio_read32(w->r, 0x34);
    arch_relax();
    assert_int_equal(mmio_read64(w->r, 0x80), w->tail * 16);
    assert_int_equal(mmio_read32(w->r, 0x9c), 1);
    mmio_write32(w->r, 0x9c, 1);
    assert_int_equal(mmio_read32(w->r, 0x9c), 0);
    w->m.queue_delay = 0;
    static const uint64_t bad[][2] = {{0, 0}, {3, 0},     {6, 0},    {1, 0},    {0x11, 1},
                                      {2, 0}, {0x212, 0}, {0x24, 0}, {0x85, 0}, {0x25, 1}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        at = w->tail;
        command(w, bad[i][0], bad[i][1]);
        assert_int_equal(mmio_read32(w->r, 0x34), 0x10);
        assert_int_equal(w->m.events, i + 1);
        contexts(w); /* stays behind it */
        assert_int_equal(mmio_read64(w->r, 0x80), at * 16);
        words(w, QUEUE)[2 * at] = 0x11;
        words(w, QUEUE)[2 * at + 1] = 0;
        mmio_write32(w->r, 0x34, 0x10);
        contexts(w);
        assert_int_equal(mmio_read64(w->r, 0x80), w->tail * 16);
    }
    for (unsigned i = 0; i < 300; i++) /* round the end */
        contexts(w);
    assert_int_equal(mmio_read64(w->r, 0x80), w->tail * 16);
    w->m.fail_command = 2;
    contexts(w);
    assert_int_equal(mmio_read32(w->r, 0x34), 0);
    contexts(w);
    assert_int_equal(mmio_read32(w->r, 0x34), 0x10);
    world_free(w, 0);
}

static void test_fault_overflow(void **state)
{
    (void)state;
    struct world *w = world_on();
    mmio_write32(w->r, 0x38, 0);
    for (unsigned i = 0; i < 6; i++)
        (void)dma(w, 0x6000 + i * 4096, false);
    assert_int_equal(mmio_read32(w->r, 0x34), 3);
    assert_int_equal(w->m.lost, 2);
    assert_int_equal(w->m.events, 1);
    assert_int_equal(mmio_read64(w->r, 0x220), 0x6000);
    mmio_write64(w->r, 0x228, UINT64_C(1) << 63);
    assert_int_equal(mmio_read32(w->r, 0x34), 0x103);
    (void)dma(w, 0x6000, false); /* lost until the overflow is acknowledged */
    assert_int_equal(mmio_read64(w->r, 0x228) >> 63, 0);
    mmio_write32(w->r, 0x34, 1);
    (void)dma(w, 0x9000, false);
    assert_int_equal(mmio_read64(w->r, 0x220), 0x9000);
    assert_int_equal(mmio_read32(w->r, 0x34), 0x102);
    for (unsigned i = 0; i < 4; i++)
        mmio_write32(w->r, 0x22c + i * 16, 1u << 31);
    assert_int_equal(mmio_read32(w->r, 0x34), 0);
    w->m.compress = true;
    (void)dma(w, 0x6000, false);
    (void)dma(w, 0x7000, false);
    assert_int_equal(w->m.lost, 4);
    assert_int_equal(w->m.events, 2);
    world_free(w, 0);
}

static void remap_on(struct world *w)
{
    mmio_write64(w->r, 0xb8, AT(IRT) | 7);
    gcmd(w, SIRTP, true);
    command(w, 4, 0);
    gcmd(w, IRE, true);
}

static void no_interrupt(struct world *w, uint32_t addr, uint32_t data, uint8_t reason, uint64_t index)
{
    struct vtd_model_irq irq;
    unsigned at = w->m.fri;
    assert_false(vtd_model_interrupt(&w->m, BDF, addr, data, &irq));
    assert_int_equal(mmio_read64(w->r, 0x220 + at * 16), index << 48);
    assert_int_equal(mmio_read64(w->r, 0x228 + at * 16), UINT64_C(1) << 63 | (uint64_t)reason << 32 | BDF);
    mmio_write32(w->r, 0x22c + at * 16, 1u << 31);
}

static void test_interrupts(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct vtd_model_irq irq;
    queue_on(w);
    assert_true(vtd_model_interrupt(&w->m, BDF, 0xfee03000, 0x8041, &irq));
    assert_true(!irq.remapped && irq.vector == 0x41 && irq.apic == 3 && irq.level);
    remap_on(w);
    no_interrupt(w, 0xfee03000, 0x41, 0x25, 0);
    no_interrupt(w, vtd_model_message(5), 0, 0x22, 5);
    uint64_t *e = words(w, IRT) + 10;
    e[0] = 1 | 0x61 << 16 | UINT64_C(2) << 40;
    e[1] = 1 << 18 | BDF;
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq));
    assert_true(irq.remapped && irq.vector == 0x61 && irq.apic == 2 && !irq.level && !irq.logical);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(3) | 8, 2, &irq)); /* subhandle */
    e[0] = 0;
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq)); /* cached */
    command(w, 0x14 | UINT64_C(6) << 32, 0);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq));
    command(w, 0x14 | 1 << 27 | UINT64_C(4) << 32, 0);
    no_interrupt(w, vtd_model_message(5), 0, 0x22, 5);
    e[0] = 2;
    assert_false(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq)); /* FPD */
    static const struct {
        uint64_t lo, hi;
        uint8_t reason;
    } bad[] = {
        {1, 1 << 18 | (BDF ^ 8), 0x26},
        {1, 1 << 18 | (BDF ^ 4), 0x26},
        {1, 2 << 18 | 0x0203, 0x26},
        {1, 3 << 18 | BDF, 0x24},
        {1, 1 << 20, 0x24},
        {0x8001, 0, 0x24},
        {UINT64_C(1) << 32 | 1, 0, 0x24},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e[0] = bad[i].lo;
        e[1] = bad[i].hi;
        command(w, 4, 0);
        no_interrupt(w, vtd_model_message(5), 0, bad[i].reason, 5);
    }
    e[0] = 1;
    e[1] = 1 << 18 | 1 << 16 | (BDF ^ 4); /* the third bit is not compared */
    command(w, 4, 0);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq));
    no_interrupt(w, vtd_model_message(256), 0, 0x21, 256);
    no_interrupt(w, vtd_model_message(0x8001), 0, 0x21, 0x8001);
    no_interrupt(w, vtd_model_message(5) | 8, 0x10000, 0x20, 5);
    gcmd(w, 1u << 23, true);
    assert_true(vtd_model_interrupt(&w->m, BDF, 0xfee03000, 0x41, &irq)); /* CFIS lets the old format pass */
    assert_false(irq.remapped);
    mmio_write64(w->r, 0xb8, AT(IRT) | 7 | 0x800);
    gcmd(w, SIRTP, true);
    command(w, 4, 0);
    no_interrupt(w, 0xfee03000, 0x41, 0x25, 0); /* but not with EIME */
    e[0] = 1 | UINT64_C(0x12345678) << 32;
    command(w, 4, 0);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(5), 0, &irq));
    assert_int_equal(irq.apic, 0x12345678);
    world_free(w, 0);
}

/* Without coherency only what was cleaned is there; with RWBF only what was there at the last WBF. */
static void test_visibility(void **state)
{
    (void)state;
    struct world *w = world_new(false);
    arch_clean(w->pool.mem, FRAMES * 4096);
    queue_on(w);
    translate_on(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    words(w, L1)[1] = 0;
    pages(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    arch_clean(&words(w, L1)[1], 8);
    pages(w);
    blocked(w, 0x1000, false, 6);
    world_free(w, 0);

    w = world_new(true);
    w->m.cap |= VTD_MODEL_CAP_RWBF;
    queue_on(w);
    gcmd(w, WBF, true);
    translate_on(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    words(w, L1)[1] = 0;
    pages(w);
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    gcmd(w, WBF, true);
    pages(w);
    blocked(w, 0x1000, false, 6);
    world_free(w, 0);
}

static void test_watch(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct vtd_model_watch *watch = vtd_model_watch(&w->m, BDF);
    watch->busy = 0x1000;
    entry(w)[0] = 0;
    queue_on(w);
    translate_on(w);
    w->m.watching = true;
    arch_publish();
    assert_int_equal(w->m.violations, 0);
    *watch = (struct vtd_model_watch){.bdf = BDF, .busy = 0x1000, .given = true, .root = AT(L4), .id = 7};
    entry(w)[0] = AT(L4) | 1;
    contexts(w);
    assert_int_equal(w->m.violations, 0);
    watch->given = false; /* taken away, and still cached */
    entry(w)[0] = 0;
    w->m.watching = false;
    contexts(w);
    pages(w);
    w->m.watching = true;
    arch_publish();
    assert_int_equal(w->m.violations, 0);
    entry(w)[0] = AT(L4) | 1; /* nobody gave it */
    arch_publish();
    assert_true(w->m.violations > 0);
    w->m.violations = 0;
    w->m.watching = false;
    world_free(w, 0);

    w = world_new(true);
    bad_window(w);
    assert_non_null(strstr(w->m.violation, "untranslated"));
    world_free(w, w->m.violations);
}

/* A half-written entry: the valid word goes out before the rest. */
static void test_torn(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct vtd_model_watch *watch = vtd_model_watch(&w->m, BDF);
    entry(w)[0] = 0;
    entry(w)[1] = 9 << 8 | 2; /* left behind by somebody */
    queue_on(w);
    translate_on(w);
    *watch = (struct vtd_model_watch){.bdf = BDF, .busy = 0x1000, .given = true, .root = AT(L4), .id = 7};
    w->m.watching = true;
    arch_publish();
    assert_int_equal(w->m.violations, 0);
    entry(w)[0] = AT(L4) | 1;
    entry(w)[1] = 7 << 8 | 2;
    arch_publish();
    assert_non_null(strstr(w->m.violation, "half written"));
    world_free(w, 1);
}

static void test_firmware(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    struct vtd_model_irq irq;
    struct vtd_model_watch *watch = vtd_model_watch(&w->m, BDF);
    watch->busy = 0x7000;
    vtd_model_firmware(&w->m, true, true);
    w->m.watching = true;
    assert_int_equal(mmio_read32(w->r, 0x1c), TE | SRTP | QIE | IRE | SIRTP);
    assert_int_equal(dma(w, 0x12345678, true), 0x12345678);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(3), 0, &irq));
    assert_int_equal(irq.vector, VTD_MODEL_FW_VECTOR);
    entry(w)[0] = 0;
    mmio_write64(w->r, 0x20, AT(ROOT));
    gcmd(w, SRTP, true);
    assert_int_equal(dma(w, 0x7000, true), 0x7000); /* cached */
    gcmd(w, QIE, false);
    queue_on(w);
    contexts(w);
    pages(w);
    w->m.firmware_may = false;
    arch_publish();
    assert_int_equal(dma(w, 0x7000, true), 0);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(3), 0, &irq));
    mmio_write64(w->r, 0xb8, AT(IRT) | 7);
    gcmd(w, SIRTP, true);
    assert_true(vtd_model_interrupt(&w->m, BDF, vtd_model_message(3), 0, &irq));
    assert_false(vtd_model_interrupt(&w->m, BDF, vtd_model_message(9), 0, &irq)); /* was not cached */
    command(w, 4, 0);
    assert_false(vtd_model_interrupt(&w->m, BDF, vtd_model_message(3), 0, &irq));
    assert_int_equal(w->m.violations, 0);
    gcmd(w, TE, false);
    assert_true(w->m.violations > 0);
    w->m.violations = 0;
    w->m.watching = false;
    world_free(w, 0);
}

/* Firmware's stale entries under a domain id of ours: what a missing flush would leave. */
static void test_firmware_stale(void **state)
{
    (void)state;
    static const uint64_t sagaw[] = {VTD_MODEL_CAP_SAGAW39, VTD_MODEL_CAP_SAGAW48, VTD_MODEL_CAP_SAGAW57};
    for (unsigned i = 0; i < 3; i++) {
        struct world *w = world_new(true);
        struct vtd_model_watch *watch = vtd_model_watch(&w->m, BDF);
        watch->busy = 0x7000;
        vtd_model_widths(&w->m, sagaw[i]);
        w->m.cap &= ~VTD_MODEL_CAP_1G;
        vtd_model_firmware(&w->m, false, false);
        w->m.watching = true;
        assert_int_equal(dma(w, 0x7000, true), 0x7000);
        entry(w)[0] = AT(i == 0 ? L3 : i == 1 ? L4 : L5) | 1;
        entry(w)[1] = VTD_MODEL_FW_DOMAIN << 8 | (i + 1);
        *watch = (struct vtd_model_watch){.bdf = BDF,
                                          .busy = 0x7000,
                                          .leave = true,
                                          .given = true,
                                          .root = entry(w)[0] & ~UINT64_C(1),
                                          .id = VTD_MODEL_FW_DOMAIN};
        mmio_write64(w->r, 0x20, AT(ROOT));
        gcmd(w, SRTP, true);
        queue_on(w);
        contexts(w);
        w->m.firmware_may = false;
        arch_publish(); /* the IOTLB still has firmware's page */
        assert_non_null(strstr(w->m.violation, "window"));
        w->m.violations = 0;
        w->m.watching = false;
        world_free(w, 0);
    }
}

static void test_scalable(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    vtd_model_firmware_scalable(&w->m);
    assert_int_equal(mmio_read64(w->r, 0x20) >> 10 & 3, 1);
    assert_int_equal(dma(w, 0x7000, true), 0x7000);
    w->m.ecap |= VTD_MODEL_ECAP_ADMS;
    mmio_write64(w->r, 0x20, 0xc00); /* abort mode */
    gcmd(w, SRTP, true);
    assert_int_equal(dma(w, 0x7000, true), 0);
    assert_int_equal(mmio_read32(w->r, 0x34), 0);
    world_free(w, 0);
}

static void test_hangs(void **state)
{
    (void)state;
    struct world *w = world_new(true);
    w->m.never_ack = SRTP;
    mmio_write32(w->r, 0x18, SRTP);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(mmio_read32(w->r, 0x1c), 0);
    world_free(w, 0);
    w = world_new(true);
    w->m.never_ack = TE;
    w->m.ccmd_hangs = w->m.iotlb_hangs = w->m.pmen_hangs = true;
    mmio_write64(w->r, 0x28, UINT64_C(5) << 61);
    mmio_write64(w->r, 0xf8, UINT64_C(9) << 60);
    mmio_write32(w->r, 0x64, 1u << 31);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(mmio_read64(w->r, 0x28) >> 63, 1);
        assert_int_equal(mmio_read64(w->r, 0xf8) >> 63, 1);
        assert_int_equal(mmio_read32(w->r, 0x64) & 1, 0);
    }
    world_free(w, 0);
    w = world_new(true);
    w->m.cap |= VTD_MODEL_CAP_ESRTPS;
    queue_on(w);
    mmio_write64(w->r, 0x20, AT(ROOT));
    gcmd(w, SRTP, true);
    gcmd(w, TE, true); /* SRTP flushed */
    assert_int_equal(dma(w, 0x1000, false), AT(DATA));
    w->m.queue_hangs = true;
    contexts(w);
    assert_int_equal(mmio_read64(w->r, 0x80), 0);
    world_free(w, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_stale_pages),
        cmocka_unit_test(test_stale_contexts),
        cmocka_unit_test(test_caching_mode),
        cmocka_unit_test(test_two_tables),
        cmocka_unit_test(test_registers_invalidate),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_fault_overflow),
        cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_visibility),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_firmware),
        cmocka_unit_test(test_firmware_stale),
        cmocka_unit_test(test_scalable),
        cmocka_unit_test(test_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
