/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/acpi.c kernel/diag.c kernel/fmt.c tests/host/acpi_world.c */
/* Tables are found wherever firmware may put them, and no byte beyond what was asked for is read. */
#include "acpi_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct acpi_world w;
static struct acpi x;
static struct diag d;

static int setup(void **state)
{
    (void)state;
    world_q35(&w, WORLD_VTD);
    d.text[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static err_t open_at(uint64_t rsdp)
{
    d.text[0] = '\0';
    return acpi_open(&x, &w.fw.physical, rsdp, &d);
}

static void refused(err_t e, const char *text)
{
    if (e != ERR_INVALID || !strstr(d.text, text))
        print_message("want \"%s\"\ngot  \"%s\"\n", text, d.text);
    assert_int_equal(e, ERR_INVALID);
    assert_non_null(strstr(d.text, text));
    d.text[0] = '\0';
}

static err_t find(const char *name, struct acpi_table *t)
{
    return acpi_find(&x, name, ACPI_HEADER, ACPI_LIST_MAX, t);
}

static void test_root(void **state)
{
    struct acpi_table t;

    (void)state;
    assert_int_equal(open_at(0), ERR_NONE);
    assert_string_equal(x.root.name, "RSDT");
    assert_int_equal(x.width, 4);
    assert_int_equal(find("MCFG", &t), ERR_NONE);
    assert_int_equal(t.size, 60);
    assert_int_equal(acpi_get(&t, 44, 8), 0xb0000000);
    assert_int_equal(find("IVRS", &t), ERR_NONE);
    assert_null(t.p);
    assert_int_equal(open_at(WORLD_RSDP), ERR_NONE);
    w.listed = 5;
    world_root(&w, true);
    assert_int_equal(open_at(WORLD_RSDP), ERR_NONE);
    assert_string_equal(x.root.name, "XSDT");
    assert_int_equal(x.width, 8);
    assert_int_equal(find("MCFG", &t), ERR_NONE);
    assert_int_equal(t.size, 60);
}

/* Revision 2 without an XSDT's address: the RSDT's counts. */
static void test_revision_2_without_xsdt(void **state)
{
    uint8_t *p = w.low + WORLD_RSDP;
    uint32_t rsdt;

    (void)state;
    memcpy(&rsdt, p + 16, 4);
    world_root(&w, true);
    memset(p + 24, 0, 8);
    memcpy(p + 16, &rsdt, 4);
    p[8] = p[32] = 0;
    for (unsigned i = 0, sum = 0; i < 20; i++)
        p[8] = (uint8_t)(0 - (sum += i == 8 ? 0u : p[i]));
    for (unsigned i = 0, sum = 0; i < 36; i++)
        p[32] = (uint8_t)(0 - (sum += i == 32 ? 0u : p[i]));
    assert_int_equal(open_at(0), ERR_NONE);
    assert_string_equal(x.root.name, "RSDT");
}

static void test_rsdp_places(void **state)
{
    uint8_t copy[36];

    (void)state;
    memcpy(copy, w.low + WORLD_RSDP, sizeof copy);
    memset(w.low + WORLD_RSDP, 0, sizeof copy);
    refused(open_at(0), "no RSDP (\"RSD PTR \" and a sum of 0) in the EBDA or from 0xE0000 on to 0x100000");
    memcpy(w.low + 0x9fff0 - 0x10, copy, 20); /* the last place of the EBDA but one */
    assert_int_equal(open_at(0), ERR_NONE);
    memset(w.low + 0x9fc00, 0, 0x400);
    memcpy(w.low + 0x9fff0, copy, 16); /* cut off by its end */
    refused(open_at(0), "no RSDP");
    memcpy(w.low + 0xe0000, copy, 20);
    assert_int_equal(open_at(0), ERR_NONE);
    memset(w.low + 0xe0000, 0, 20);
    memcpy(w.low + 0xe0008, copy, 20); /* not on 16 bytes */
    refused(open_at(0), "no RSDP");
    memset(w.low + 0x40e, 0, 2); /* no EBDA */
    refused(open_at(0), "no RSDP");
    memcpy(w.low + 0xfffe0, copy, 20);
    assert_int_equal(open_at(0), ERR_NONE);
    refused(open_at(WORLD_RSDP), "no RSDP (\"RSD PTR \" and a sum of 0) at 0xf59d0");
    refused(open_at(UINT64_MAX - 4), "no RSDP");
    refused(open_at(UINT64_C(1) << 40), "no RSDP");
}

static void test_rsdp_sums(void **state)
{
    uint8_t *p = w.low + WORLD_RSDP;

    (void)state;
    p[9]++;
    refused(open_at(0), "no RSDP");
    refused(open_at(WORLD_RSDP), "no RSDP");
    p[9]--;
    world_root(&w, true);
    assert_int_equal(open_at(0), ERR_NONE);
    p[33]++;
    refused(open_at(0), "no RSDP");
    refused(open_at(WORLD_RSDP), "no RSDP");
    p[33]--;
    p[20] = 35; /* too short for what it is */
    refused(open_at(0), "no RSDP");
    p[20] = 36;
    p[22] = 0xff; /* beyond everything */
    refused(open_at(0), "no RSDP");
}

/* The sum, over every length up to some words: what byte changes, it is noticed. */
static void test_sums(void **state)
{
    struct acpi_table t;

    (void)state;
    for (unsigned extra = 0; extra < 20; extra++) {
        uint64_t at;
        uint8_t *p;

        world_table(&w, "TEST", 1);
        for (unsigned i = 0; i < extra; i++)
            world_put(&w, 1, 0xff - i);
        at = world_end(&w);
        w.listed--;
        p = w.tables + (at - WORLD_TABLES);
        assert_int_equal(acpi_table_at(&x, "TEST", at, 36, 56, &t), ERR_NONE);
        for (unsigned i = 8; i < 36 + extra; i++) {
            p[i]++;
            refused(acpi_table_at(&x, "TEST", at, 36, 56, &t), "checksum: the bytes sum up to 0x1, 0 is right");
            p[i]--;
        }
    }
}

static void test_large_sum(void **state)
{
    struct acpi_table t;
    uint64_t at;

    (void)state;
    world_table(&w, "TEST", 1);
    for (unsigned i = 0; i < 0x18000; i++)
        world_put(&w, 1, 0xff);
    at = world_end(&w);
    assert_int_equal(acpi_table_at(&x, "TEST", at, 36, ACPI_TABLE_MAX, &t), ERR_NONE);
    w.tables[at - WORLD_TABLES + 0x10000]--;
    refused(acpi_table_at(&x, "TEST", at, 36, ACPI_TABLE_MAX, &t), "sum up to 0xff");
}

static void test_tables_refused(void **state)
{
    uint8_t *mcfg = world_find(&w, "MCFG");
    struct acpi_table t;

    (void)state;
    assert_int_equal(open_at(0), ERR_NONE);
    mcfg[4] = 35;
    refused(find("MCFG", &t), "MCFG at 0x3ffe");
    mcfg[4] = 0;
    refused(find("MCFG", &t), "offset 0x4: length 0, 36 to 65536 are supported");
    mcfg[6] = 2;
    refused(acpi_find(&x, "MCFG", 36, ACPI_TABLE_MAX, &t), "length 131072: so much cannot be read there");
    mcfg[7] = 0xff;
    refused(find("MCFG", &t), "length 4278321152, 36 to");
    refused(acpi_table_at(&x, "DSDT", 0, 36, 36, &t), "DSDT at 0x0, offset 0x0: no header can be read there");
    refused(acpi_table_at(&x, "DSDT", UINT64_MAX, 36, 36, &t), "no header can be read there");
    refused(acpi_table_at(&x, "DSDT", WORLD_TABLES + WORLD_SIZE - 35, 36, 36, &t), "no header can be read there");
    refused(acpi_table_at(&x, "DSDT", x.root.at, 36, 36, &t), "the signature is 0x54445352, not DSDT");
}

static void test_lists_refused(void **state)
{
    struct acpi_table t;

    (void)state;
    w.list[w.listed++] = w.list[0]; /* the same again */
    world_root(&w, true);
    assert_int_equal(open_at(0), ERR_NONE);
    assert_int_equal(find("FACP", &t), ERR_NONE);
    w.list[w.listed++] = 0;
    world_root(&w, true);
    assert_int_equal(open_at(0), ERR_NONE);
    assert_int_equal(find("DMAR", &t), ERR_NONE);
    world_table(&w, "DMAR", 1);
    world_end(&w);
    world_root(&w, true);
    assert_int_equal(open_at(0), ERR_NONE);
    refused(find("DMAR", &t), "a second DMAR, the first is at 0x3ffe");
    w.list[w.listed - 1] = UINT64_C(0x4000000000);
    world_root(&w, true);
    assert_int_equal(open_at(0), ERR_NONE);
    refused(find("DMAR", &t), "XSDT at 0x3ff");
    refused(find("NONE", &t), "entry 0x4000000000: no table can be read there");
}

static void test_list_too_long(void **state)
{
    uint8_t *p;

    (void)state;
    world_table(&w, "RSDT", 1);
    for (unsigned i = 0; i < ACPI_TABLES + 1; i++)
        world_put(&w, 4, w.list[0]);
    p = w.low + WORLD_RSDP;
    memcpy(p + 16, &(uint32_t){(uint32_t)world_end(&w)}, 4);
    p[8] = 0;
    for (unsigned i = 0, sum = 0; i < 20; i++)
        p[8] = (uint8_t)(0 - (sum += i == 8 ? 0u : p[i]));
    refused(open_at(0), "length 1064, 36 to 1060 are supported");
}

static struct acpi_table bytes_of(const uint8_t *p, uint32_t size)
{
    return (struct acpi_table){.name = "TEST", .p = p, .size = size, .d = &d};
}

static void test_get(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct acpi_table t = bytes_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(acpi_get(&t, 1, 8), UINT64_C(0x0908070605040302));
    assert_int_equal(acpi_get(&t, 1, 2), 0x302);
    assert_int_equal(acpi_get(&t, 2, 8), 0);
    assert_int_equal(acpi_get(&t, 9, 1), 0);
    assert_int_equal(acpi_get(&t, UINT32_MAX, 4), 0);
}

static void test_records(void **state)
{
    static const uint8_t bytes[] = {7, 2, 9, 5, 0, 0, 0, 1, 6, 0xaa, 0, 0, 0, 0, 1};
    struct acpi_table t = bytes_of(bytes, sizeof bytes);
    struct acpi_records l = {&t, ACPI_8_8, 0, 13};
    struct acpi_record r;
    bool more;

    (void)state;
    assert_int_equal(acpi_next(&l, &r, &more), ERR_NONE);
    assert_true(more && r.type == 7 && r.at == 0 && r.size == 2);
    assert_int_equal(acpi_next(&l, &r, &more), ERR_NONE);
    assert_true(more && r.type == 9 && r.at == 2 && r.size == 5);
    assert_int_equal(acpi_need(&t, &r, 5), ERR_NONE);
    refused(acpi_need(&t, &r, 6), "record of type 0x9: length 5, 6 or more are right");
    assert_int_equal(acpi_next(&l, &r, &more), ERR_NONE);
    assert_true(more && r.type == 1 && r.at == 7 && r.size == 6);
    assert_int_equal(acpi_next(&l, &r, &more), ERR_NONE);
    assert_false(more);
    l.end = 14;
    refused(acpi_next(&l, &r, &more), "offset 0xd: 1 bytes are left, too few for a record");
    l.end = 15;
    refused(acpi_next(&l, &r, &more), "record of type 0x0: length 1, 2 to 2 is right");
    l = (struct acpi_records){&t, ACPI_8_8, 7, 12};
    refused(acpi_next(&l, &r, &more), "record of type 0x1: length 6, 2 to 5 is right");
    l = (struct acpi_records){&t, ACPI_16_16, 4, 15};
    refused(acpi_next(&l, &r, &more), "record of type 0x0: length 256, 4 to 11 is right");
    l = (struct acpi_records){&t, ACPI_8_FLAGS_16, 7, 15};
    refused(acpi_next(&l, &r, &more), "record of type 0x1: length 170, 4 to 8 is right");
    l = (struct acpi_records){&t, ACPI_8_FLAGS_16, 12, 15};
    refused(acpi_next(&l, &r, &more), "3 bytes are left");
}

/* The name at either parity, with and without the root prefix; what is nearly it is not. */
static void test_s5(void **state)
{
    static const struct {
        const char *aml;
        size_t size;
        int type; /* -1: none */
    } list[] = {
#define AML(text, type) {text, sizeof(text) - 1, type}
        AML("\x08_S5_\x12\x06\x04\0\0\0\0", 0),
        AML("x\x08_S5_\x12\x06\x04\x01\0\0\0", 1),
        AML("\x08\\_S5_\x12\x0a\x04\x0a\x07\x0a\x07\0\0", 7),
        AML("\x08_S5_\x12\x4a\x00\x04\x0a\x05\x0a\x05\0\0", 5),
        AML("_S5__S\x08_S5_\x12\x06\x02\x01\0\0", 1),
        AML("\x08_S5_\x12\x06\x04\x0a\x08\0\0\0", -1), /* no SLP_TYP */
        AML("\x08_S5_\x12\x06\x04\x0b\x05\0\0\0", -1), /* a word */
        AML("\x08_S5_\x12\x06\x00\x01\0\0\0\0", -1),   /* of no elements */
        AML("\x08_S5_\x11\x06\x04\x01\0\0\0\0", -1),   /* a buffer */
        AML("\x09_S5_\x12\x06\x04\x01\0\0\0\0", -1),   /* not named here */
        AML("\\_S5_\x12\x06\x04\x01\0\0\0\0", -1),
        AML("\x08_S4_\x12\x06\x04\x01\0\0\0\0", -1),
        AML("\x08_S5_\x12\x06\x04\x0a", -1), /* cut off */
        AML("\x08_S5_\x12\xc6\x04\x0a\x05", -1),
        AML("\x08_S5_\x12\x06", -1),
        AML("\x08_S5_", -1),
        AML("\x08_S5", -1),
        AML("", -1),
        /* Only the second one is right. */
        AML("\x08_S5_\x10\x06\x04\x01\0\x08_S5_\x12\x06\x04\x0a\x06\0\0", 6),
    };

    (void)state;
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        uint8_t *p = calloc(1, ACPI_HEADER + list[i].size), type = 0xee;
        struct acpi_table t = bytes_of(p, (uint32_t)(ACPI_HEADER + list[i].size));
        bool has;

        assert_non_null(p);
        memcpy(p + ACPI_HEADER, list[i].aml, list[i].size);
        has = acpi_s5(&t, &type);
        if (has != (list[i].type >= 0) || (has && type != list[i].type))
            fail_msg("%u: %d, %u", i, has, type);
        free(p);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_root),           TEST(test_revision_2_without_xsdt),
        TEST(test_rsdp_places),    TEST(test_rsdp_sums),
        TEST(test_sums),           TEST(test_large_sum),
        TEST(test_tables_refused), TEST(test_lists_refused),
        TEST(test_list_too_long),  TEST(test_get),
        TEST(test_records),        TEST(test_s5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
