/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/boot_info.c kernel/arena.c kernel/diag.c kernel/fmt.c */
/* What boot loaders of three protocols say, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/boot_info.h"
#include "arch/x86_64/layout.h"

#define BASE   UINT64_C(0x9000) /* where the memory that can be read begins */
#define SIZE   0x8000u
#define INFO   UINT64_C(0x9000)
#define MAP    UINT64_C(0xa000)
#define RSDP   UINT64_C(0xf5a40)
#define RANGES 3

static uint8_t memory[SIZE];
static struct board_firmware fw;
static struct diag diag;
static _Alignas(16) uint8_t mem[64 << 10];

static const struct firmware_range ranges[RANGES] = {
    {0, 0x9fc00, FIRMWARE_RAM}, {0x9fc00, 0x400, FIRMWARE_RESERVED}, {0x100000, 0x3ff00000, FIRMWARE_RAM}};

/* Copies as large as was asked for, so that a byte too far is found. */
static void *window[8];
static unsigned windows;

static const void *map(void *ctx, uint64_t at, uint64_t size)
{
    (void)ctx;
    if (at < BASE || at - BASE > SIZE || size > SIZE - (at - BASE))
        return NULL;
    assert_true(windows < sizeof window / sizeof *window);
    window[windows] = malloc(size + !size);
    memcpy(window[windows], memory + (at - BASE), size);
    return window[windows++];
}

static void put32(uint64_t at, uint32_t v)
{
    memcpy(memory + (at - BASE), &v, sizeof v);
}

static void put64(uint64_t at, uint64_t v)
{
    memcpy(memory + (at - BASE), &v, sizeof v);
}

static void put_range(uint64_t at, const struct firmware_range *r)
{
    put64(at, r->base);
    put64(at + 8, r->size);
    put32(at + 16, r->type);
}

static err_t read_info(uint32_t protocol)
{
    struct arena a;

    arena_init(&a, mem, sizeof mem);
    memset(&diag, 0, sizeof diag);
    fw = (struct board_firmware){.physical = {.map = map}};
    err_t e = boot_info_read(&fw, protocol, INFO, &a, &diag);
    while (windows)
        free(window[--windows]);
    return e;
}

static void refused(uint32_t protocol, const char *text)
{
    assert_int_equal(read_info(protocol), ERR_INVALID);
    if (strstr(diag.text, text) == NULL)
        fail_msg("\"%s\", wanted \"%s\"", diag.text, text);
}

static void understood(uint32_t protocol, uint64_t rsdp)
{
    assert_int_equal(read_info(protocol), ERR_NONE);
    assert_int_equal(fw.memories, RANGES);
    assert_memory_equal(fw.memory, ranges, sizeof ranges);
    assert_int_equal(fw.rsdp, rsdp);
}

static void multiboot1(void)
{
    memset(memory, 0, sizeof memory);
    put32(INFO, 1u << 6);
    put32(INFO + 44, RANGES * 24);
    put32(INFO + 48, MAP);
    for (unsigned i = 0; i < RANGES; i++) {
        put32(MAP + i * 24, 20);
        put_range(MAP + i * 24 + 4, &ranges[i]);
    }
}

static void test_multiboot1(void **state)
{
    (void)state;
    multiboot1();
    understood(BOOT_MULTIBOOT1, 0);

    put32(INFO, 0); /* no map */
    refused(BOOT_MULTIBOOT1, "no memory map");
    multiboot1();
    put32(INFO + 48, 0x80000000); /* cannot be read */
    refused(BOOT_MULTIBOOT1, "no memory map");
    put32(INFO + 48, (uint32_t)(BASE + SIZE - 24));
    refused(BOOT_MULTIBOOT1, "no memory map");
    multiboot1();
    put32(INFO + 44, 0);
    refused(BOOT_MULTIBOOT1, "0 ranges");
    put32(INFO + 44, 23);
    refused(BOOT_MULTIBOOT1, "0 ranges");
    put32(INFO + 44, UINT32_MAX);
    refused(BOOT_MULTIBOOT1, "no memory map");

    static const uint32_t sizes[] = {0, 19, 45, 48, UINT32_MAX - 3, UINT32_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        multiboot1();
        put32(MAP + 24, sizes[i]);
        refused(BOOT_MULTIBOOT1, "offset 0x18: an entry of");
    }
    multiboot1(); /* larger entries: what is added is not read, and the rest is too small */
    put32(MAP, 20 + 24);
    assert_int_equal(read_info(BOOT_MULTIBOOT1), ERR_NONE);
    assert_int_equal(fw.memories, 2);
    assert_memory_equal(&fw.memory[1], &ranges[2], sizeof ranges[2]);
}

#define TAG1 (INFO + 8)
#define TAG2 (TAG1 + 24)      /* after a tag of 17 bytes */
#define TAG3 (TAG2 + 16 + 72) /* after the map */
#define TAG4 (TAG3 + 32)
#define END2 (TAG4 + 8)

static void multiboot2(void)
{
    memset(memory, 0xee, sizeof memory);
    put32(INFO, (uint32_t)(END2 - INFO));
    put32(TAG1, 1); /* command line, padded to 8 */
    put32(TAG1 + 4, 17);
    put32(TAG2, 6);
    put32(TAG2 + 4, 16 + 72);
    put32(TAG2 + 8, 24);
    for (unsigned i = 0; i < RANGES; i++)
        put_range(TAG2 + 16 + i * 24, &ranges[i]);
    put32(TAG3, 14);
    put32(TAG3 + 4, 28);
    put32(TAG4, 0);
    put32(TAG4 + 4, 8);
}

static void test_multiboot2(void **state)
{
    (void)state;
    multiboot2();
    understood(BOOT_MULTIBOOT2, TAG3 + 8);
    put32(TAG3, 15);
    understood(BOOT_MULTIBOOT2, TAG3 + 8);

    /* The newer RSDP counts, wherever it is. */
    put32(TAG1, 15);
    put32(TAG3, 14);
    understood(BOOT_MULTIBOOT2, TAG1 + 8);
    put32(TAG1, 14);
    put32(TAG3, 15);
    understood(BOOT_MULTIBOOT2, TAG3 + 8);

    /* Without an end tag the size ends it. */
    put32(TAG4, 1);
    understood(BOOT_MULTIBOOT2, TAG3 + 8);
    put32(INFO, (uint32_t)(TAG4 + 7 - INFO));
    understood(BOOT_MULTIBOOT2, TAG3 + 8);
}

static void test_multiboot2_broken(void **state)
{
    static const uint32_t totals[] = {0, 7, SIZE + 1, 0x100001, UINT32_MAX};
    static const uint32_t sizes[] = {0, 7, SIZE, UINT32_MAX};
    static const uint32_t steps[] = {0, 23, 16 + 73, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof totals / sizeof *totals; i++) {
        multiboot2();
        put32(INFO, totals[i]);
        refused(BOOT_MULTIBOOT2, "information of");
    }
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        multiboot2();
        put32(TAG1 + 4, sizes[i]);
        refused(BOOT_MULTIBOOT2, "tag 1 has");
    }
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        multiboot2();
        put32(TAG2 + 8, steps[i]);
        refused(BOOT_MULTIBOOT2, "memory map of 88 bytes");
    }
    multiboot2();
    put32(TAG2 + 4, 8); /* ends before its own head */
    refused(BOOT_MULTIBOOT2, "memory map of 8 bytes");
    multiboot2();
    put32(TAG2 + 4, 16 + 23);
    refused(BOOT_MULTIBOOT2, "0 ranges");
    multiboot2();
    put32(TAG2, 5);
    refused(BOOT_MULTIBOOT2, "no memory");
}

static void pvh(void)
{
    memset(memory, 0, sizeof memory);
    put32(INFO, 0x336ec578);
    put32(INFO + 4, 1);
    put64(INFO + 32, RSDP);
    put64(INFO + 40, MAP);
    put32(INFO + 48, RANGES);
    for (unsigned i = 0; i < RANGES; i++)
        put_range(MAP + i * 24, &ranges[i]);
}

static void test_pvh(void **state)
{
    (void)state;
    pvh();
    understood(BOOT_PVH, RSDP);

    put32(INFO, 0x336ec579);
    refused(BOOT_PVH, "neither");
    pvh();
    put32(INFO + 4, 0);
    refused(BOOT_PVH, "neither");
    pvh();
    put64(INFO + 40, UINT64_MAX);
    refused(BOOT_PVH, "no memory map");
    pvh();
    put32(INFO + 48, UINT32_MAX);
    refused(BOOT_PVH, "no memory map");
    pvh();
    put32(INFO + 48, 0);
    refused(BOOT_PVH, "0 ranges");
    assert_int_equal(boot_info_read(&fw, BOOT_PVH, UINT64_MAX, &(struct arena){0}, &diag), ERR_INVALID);
}

/* A range that would wrap ends with the last byte; too many are refused. */
static void test_ranges(void **state)
{
    (void)state;
    pvh();
    put64(MAP, UINT64_MAX - 10);
    assert_int_equal(read_info(BOOT_PVH), ERR_NONE);
    assert_int_equal(fw.memory[0].base, UINT64_MAX - 10);
    assert_int_equal(fw.memory[0].size, 10);

    put32(INFO + 48, FIRMWARE_RANGES + 1);
    refused(BOOT_PVH, "1025 ranges");
    put32(INFO + 48, FIRMWARE_RANGES);
    assert_int_equal(read_info(BOOT_PVH), ERR_NONE);
}

static void test_low_page(void **state)
{
    struct firmware_range r[] = {
        {0, 0x9fc00, FIRMWARE_RAM}, {0x1000, 0x1001, FIRMWARE_NVS}, {UINT64_C(1) << 40, 0x1000, 7}, {0x9f000, 0, 2}};
    struct board_firmware f = {.memory = r, .memories = 4};

    (void)state;
    assert_int_equal(boot_info_low_page(&f), 0x3000);
    r[1] = (struct firmware_range){0x1000, 0x9f000, FIRMWARE_RESERVED};
    assert_int_equal(boot_info_low_page(&f), 0);
    r[1] = (struct firmware_range){0, 0x9e001, FIRMWARE_RESERVED};
    assert_int_equal(boot_info_low_page(&f), 0);
    r[0].size = 0xa0000;
    assert_int_equal(boot_info_low_page(&f), 0x9f000);
    r[0] = (struct firmware_range){0xa0000, 0x100000, FIRMWARE_RAM};
    assert_int_equal(boot_info_low_page(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiboot1), cmocka_unit_test(test_multiboot2), cmocka_unit_test(test_multiboot2_broken),
        cmocka_unit_test(test_pvh),        cmocka_unit_test(test_ranges),     cmocka_unit_test(test_low_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
