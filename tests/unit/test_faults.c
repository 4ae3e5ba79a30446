/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/iommu/faults.c kernel/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "iommu/faults.h"

static struct fault_record records[2];

static struct faults faults_new(void)
{
    records[0] = (struct fault_record){.partition = "linux", .device = "nvme", .sid = 0x10};
    records[1] = (struct fault_record){.partition = "rtos", .device = "net", .sid = 0x205};
    return (struct faults){.record = records, .records = 2};
}

static struct fault fault_at(uint32_t sid, uint64_t addr, bool read)
{
    return (struct fault){.sid = sid, .what = "permission fault", .has_addr = true, .addr = addr, .read = read};
}

static void check(struct faults *f, struct fault e, enum fault_action action, const char *text)
{
    char got[FAULT_TEXT] = "";
    assert_int_equal(faults_take(f, &e, got, sizeof got), action);
    assert_string_equal(got, text);
}

static void test_words(void **state)
{
    (void)state;
    struct faults f = faults_new();
    check(&f, fault_at(0x10, 0xdeadbeef000, false), FAULT_SHOW,
          "linux: device nvme (stream 0x10): write to bus address 0xdeadbeef000: permission fault, contained");
    check(&f, fault_at(0x205, UINT64_MAX, true), FAULT_SHOW,
          "rtos: device net (stream 0x205): read from bus address 0xffffffffffffffff: permission fault, "
          "contained");
    check(&f, fault_at(0x11, 0x1000, true), FAULT_SHOW,
          "unassigned stream 0x11: read from bus address 0x1000: permission fault, contained");
    struct fault e = {.sid = 0xffffffff, .what = "unknown stream"};
    check(&f, e, FAULT_SHOW, "unassigned stream 0xffffffff: unknown stream, contained");
    assert_int_equal(records[0].count, 1);
    assert_int_equal(records[1].count, 1);
    assert_int_equal(f.nobody.count, 2);
    assert_ptr_equal(faults_find(&f, 0x205), &records[1]);
    assert_ptr_equal(faults_find(&f, 0x206), &f.nobody);
}

static void test_budget(void **state)
{
    (void)state;
    struct faults f = faults_new();
    char text[FAULT_TEXT];
    for (unsigned i = 1; i <= 3 * 256; i++) {
        struct fault e = fault_at(0x10, 0x1000 * i, false);
        text[0] = 0;
        enum fault_action a = faults_take(&f, &e, text, sizeof text);
        assert_int_equal(a, i <= 9 ? FAULT_SHOW : i % 256 == 0 ? FAULT_QUARANTINE : FAULT_COUNTED);
        assert_int_equal(a == FAULT_COUNTED, text[0] == 0);
        if (i == 9)
            assert_string_equal(text, "linux: further faults of device nvme are counted, not shown");
        if (i == 256)
            assert_string_equal(text,
                                "linux: device nvme (stream 0x10): quarantined after 256 faults, its DMA is stopped");
    }
    assert_int_equal(records[0].count, 3 * 256);
    assert_int_equal(records[1].count, 0);
    check(&f, fault_at(0x205, 0, true), FAULT_SHOW,
          "rtos: device net (stream 0x205): read from bus address 0x0: permission fault, contained");
}

static void test_nobody(void **state)
{
    (void)state;
    struct faults f = faults_new();
    char text[FAULT_TEXT];
    unsigned stopped = 0;
    for (unsigned i = 1; i <= 1024; i++) {
        struct fault e = {.sid = 0x1000 + i, .what = "unknown stream"};
        text[0] = 0;
        enum fault_action a = faults_take(&f, &e, text, sizeof text);
        assert_int_equal(a == FAULT_SHOW, i <= 9);
        if (i == 9)
            assert_string_equal(text, "further faults of unassigned streams are counted, not shown");
        stopped += a == FAULT_QUARANTINE;
        if (i == 512)
            assert_string_equal(text, "unassigned stream 0x1200: quarantined after 512 faults, its DMA is stopped");
    }
    assert_int_equal(stopped, 4);
}

/* Names of 31 characters fit, smaller buffers are cut and terminated, and none is overrun. */
static void test_room(void **state)
{
    (void)state;
    const char *name = "abcdefghijklmnopqrstuvwxyz-0123";
    for (size_t size = 1; size <= FAULT_TEXT; size++) {
        struct fault_record r = {.partition = name, .device = name, .sid = 0xffffffff};
        struct faults f = {.record = &r, .records = 1};
        struct fault e = fault_at(0xffffffff, UINT64_MAX, true);
        e.what = "configuration cache conflict";
        for (unsigned i = 0; i < 300; i++) {
            char text[FAULT_TEXT + 1];
            memset(text, '#', sizeof text);
            if (faults_take(&f, &e, text, size) == FAULT_COUNTED)
                continue;
            assert_true(strnlen(text, size) < size);
            assert_int_equal(text[size], '#');
            if (i == 0 && size == FAULT_TEXT)
                assert_non_null(strstr(text, "contained"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
