/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/extent.c kernel/p2m/spans.c kernel/iommu/bfn.c kernel/diag.c kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iommu/bfn.h"

#define RW (R_READ | R_WRITE)

static struct extent room[16];
static struct diag diag;

static struct physmap physmap_new(uint32_t cap)
{
    memset(room, 0, sizeof room);
    memset(&diag, 0, sizeof diag);
    return (struct physmap){room, 0, cap};
}

static err_t add(struct physmap *p, enum ext_type type, uint64_t g, uint64_t m, uint64_t frames, const char *name)
{
    struct extent e = ext_make(type, gfn(g), mfn(m), frames, name);
    return physmap_add(p, &e, &diag);
}

static void assert_says(const char *text)
{
    if (strstr(diag.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", diag.text, text);
    diag.text[0] = '\0';
}

/* DESIGN section 3, the table of extent types. */
static void test_default_rights(void **state)
{
    static const struct {
        enum ext_type type;
        const char *name;
        unsigned cpu, dma, mem;
    } want[] = {
        {EXT_RAM, "ram", RW | R_EXEC, RW, MEM_NORMAL},
        {EXT_RAM_RO, "ram-ro", R_READ | R_EXEC, R_READ, MEM_NORMAL},
        {EXT_MMIO, "mmio", RW, 0, MEM_DEVICE},
        {EXT_EMULATED, "emulated", 0, 0, MEM_DEVICE},
        {EXT_SHARED, "shared", RW, 0, MEM_NORMAL},
        {EXT_RESERVED, "reserved", RW, RW, MEM_NORMAL},
        {EXT_DOORBELL, "doorbell", 0, R_WRITE, MEM_DEVICE},
    };
    (void)state;
    assert_int_equal(sizeof want / sizeof *want, EXT_TYPES);
    for (size_t i = 0; i < EXT_TYPES; i++) {
        struct extent e = ext_make(want[i].type, gfn(0x40), mfn(0x80), 3, "n");
        assert_string_equal(ext_type_name(want[i].type), want[i].name);
        assert_int_equal(e.type, want[i].type);
        assert_int_equal(e.cpu, want[i].cpu);
        assert_int_equal(e.dma, want[i].dma);
        assert_int_equal(e.mem, want[i].mem);
        assert_int_equal(e.gfn.n, 0x40);
        assert_int_equal(e.mfn.n, 0x80);
        assert_int_equal(e.frames, 3);
        assert_string_equal(e.name, "n");
    }
    assert_string_equal(ext_type_name(EXT_TYPES), "unknown");
}

static void test_add_keeps_order(void **state)
{
    static const uint64_t order[] = {50, 10, 30, 0, 60, 20, 40};
    struct physmap p = physmap_new(7);
    (void)state;
    for (size_t i = 0; i < 7; i++) /* neighbours touch: [10,20) [20,30) ... */
        assert_int_equal(add(&p, EXT_RAM, order[i], order[i] + 1000, 10, "r"), ERR_NONE);
    assert_int_equal(p.count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(p.ext[i].gfn.n, i * 10);
        assert_int_equal(p.ext[i].mfn.n, i * 10 + 1000);
    }
}

static void test_find(void **state)
{
    struct physmap p = physmap_new(16);
    (void)state;
    assert_null(physmap_find(&p, gfn(0)));
    assert_int_equal(add(&p, EXT_RAM, 0x100, 0, 0x10, "a"), ERR_NONE);
    assert_int_equal(add(&p, EXT_RAM, 0x110, 0, 1, "b"), ERR_NONE);
    assert_int_equal(add(&p, EXT_RAM, 0x200, 0, 0x100, "c"), ERR_NONE);
    assert_null(physmap_find(&p, gfn(0)));
    assert_null(physmap_find(&p, gfn(0xff)));
    assert_ptr_equal(physmap_find(&p, gfn(0x100)), &room[0]);
    assert_ptr_equal(physmap_find(&p, gfn(0x10f)), &room[0]);
    assert_ptr_equal(physmap_find(&p, gfn(0x110)), &room[1]);
    assert_null(physmap_find(&p, gfn(0x111)));
    assert_null(physmap_find(&p, gfn(0x1ff)));
    assert_ptr_equal(physmap_find(&p, gfn(0x200)), &room[2]);
    assert_ptr_equal(physmap_find(&p, gfn(0x2ff)), &room[2]);
    assert_null(physmap_find(&p, gfn(0x300)));
    assert_null(physmap_find(&p, gfn(UINT64_MAX)));
}

static void test_overlap_names_both(void **state)
{
    /* Against [0x100, 0x120) and [0x200, 0x201): first GFN, frames. */
    static const uint64_t bad[][2] = {
        {0x100, 0x20}, {0x100, 1},  {0x11f, 1}, {0x110, 2},     {0xff, 2},     {0x80, 0x81},
        {0x11f, 2},    {0, 0x1000}, {0x200, 1}, {0x1ff, 0x100}, {0x120, 0xe1},
    };
    struct physmap p = physmap_new(16);
    (void)state;
    assert_int_equal(add(&p, EXT_RAM, 0x100, 0, 0x20, "low"), ERR_NONE);
    assert_int_equal(add(&p, EXT_RAM, 0x200, 0, 1, "high"), ERR_NONE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(add(&p, EXT_MMIO, bad[i][0], 0, bad[i][1], "uart"), ERR_INVALID);
        assert_non_null(strstr(diag.text, bad[i][0] < 0x120 ? "extent low" : "extent high"));
        assert_says("uart (mmio");
        assert_int_equal(p.count, 2);
        assert_string_equal(p.ext[0].name, "low");
    }
    assert_int_equal(add(&p, EXT_MMIO, 0x120, 0, 0xe0, "fits"), ERR_NONE);
}

static void test_refused(void **state)
{
    const uint64_t top = UINT64_C(1) << 40; /* frames below 2^52 bytes */
    struct physmap p = physmap_new(2);
    (void)state;
    assert_int_equal(add(&p, EXT_RAM, 0x100, 0, 0, "nil"), ERR_INVALID);
    assert_says("extent nil (ram, GFN 0x100) is empty");
    assert_int_equal(add(&p, EXT_RAM, top - 1, 0, 2, "tall"), ERR_INVALID);
    assert_says("extent tall");
    assert_int_equal(add(&p, EXT_RAM, top, 0, 1, "tall"), ERR_INVALID);
    assert_says("2^52");
    assert_int_equal(add(&p, EXT_RAM, 0, top, 1, "tall"), ERR_INVALID); /* the machine side */
    assert_says("2^52");
    assert_int_equal(add(&p, EXT_RAM, UINT64_MAX, 0, 2, "wrap"), ERR_INVALID);
    assert_says("2^52");
    assert_int_equal(add(&p, EXT_RAM, 1, 0, UINT64_MAX, "wrap"), ERR_INVALID);
    assert_says("2^52");
    assert_int_equal(add(&p, EXT_RAM, 0, 1, UINT64_MAX, "wrap"), ERR_INVALID);
    assert_says("2^52");
    assert_int_equal(p.count, 0);

    assert_int_equal(add(&p, EXT_RAM, top - 1, top - 1, 1, "last"), ERR_NONE);
    assert_int_equal(add(&p, EXT_EMULATED, 0, UINT64_MAX, 1, "gicd"), ERR_NONE); /* its MFN means nothing */
    assert_int_equal(add(&p, EXT_RAM, 5, 5, 1, "more"), ERR_NO_SPACE);
    assert_says("all 2 extents");
    assert_int_equal(p.count, 2);
}

static void span_equal(const struct pt_span *s, uint64_t in, uint64_t out, uint64_t frames, unsigned rights,
                       unsigned mem)
{
    assert_int_equal(s->in, in);
    assert_int_equal(s->out, out);
    assert_int_equal(s->frames, frames);
    assert_int_equal(s->rights, rights);
    assert_int_equal(s->mem, mem);
}

static void test_spans_of_cpu_and_devices(void **state)
{
    struct physmap p = physmap_new(16);
    struct extent box = ext_make(EXT_SHARED, gfn(60), mfn(160), 1, "box");
    struct pt_span out[16];
    (void)state;
    assert_int_equal(add(&p, EXT_RAM_RO, 40, 140, 4, "rom"), ERR_NONE);
    assert_int_equal(add(&p, EXT_EMULATED, 10, 0, 16, "gicd"), ERR_NONE);
    assert_int_equal(add(&p, EXT_DOORBELL, 30, 130, 1, "msi"), ERR_NONE);
    assert_int_equal(add(&p, EXT_RAM, 100, 200, 50, "ram"), ERR_NONE);
    assert_int_equal(add(&p, EXT_MMIO, 50, 150, 2, "nic"), ERR_NONE);
    box.cpu = R_READ;
    box.dma = R_WRITE | R_EXEC; /* devices execute nothing */
    assert_int_equal(physmap_add(&p, &box, &diag), ERR_NONE);

    assert_int_equal(physmap_cpu_spans(&p, out), 4);
    span_equal(&out[0], 40, 140, 4, R_READ | R_EXEC, MEM_NORMAL);
    span_equal(&out[1], 50, 150, 2, RW, MEM_DEVICE);
    span_equal(&out[2], 60, 160, 1, R_READ, MEM_NORMAL);
    span_equal(&out[3], 100, 200, 50, RW | R_EXEC, MEM_NORMAL);

    assert_int_equal(bfn_map_spans(&p, false, out), 4);
    span_equal(&out[0], 30, 130, 1, R_WRITE, MEM_DEVICE);
    span_equal(&out[1], 40, 140, 4, R_READ, MEM_NORMAL);
    span_equal(&out[2], 60, 160, 1, R_WRITE, MEM_NORMAL);
    span_equal(&out[3], 100, 200, 50, RW, MEM_NORMAL);

    p.ext[0].cpu = p.ext[0].dma = RW; /* gicd, by mistake: there is no frame to map */
    assert_int_equal(physmap_cpu_spans(&p, out), 4);
    assert_int_equal(bfn_map_spans(&p, false, out), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_rights), cmocka_unit_test(test_add_keeps_order),
        cmocka_unit_test(test_find),           cmocka_unit_test(test_overlap_names_both),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_spans_of_cpu_and_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
