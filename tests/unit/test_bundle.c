/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/fmt.c kernel/diag.c boot/bundle.c tests/host/dtc.c */
#include "bundle.h"
#include "dtc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 0x3800 /* header, manifest at 0x1000, linux at 0x2000 up to the end; an empty one */

struct fixture {
    struct bundle b;
    struct diag d;
    struct bundle_header *h;
};

static int setup(void **state)
{
    static const struct bundle_entry entries[] = {
        {.name = "manifest", .offset = 0x1000, .size = 5},
        {.name = "linux", .offset = 0x2000, .size = 0x1800},
        {.name = "empty", .offset = 0x3000, .size = 0},
    };
    struct fixture *f = calloc(1, sizeof *f);
    uint8_t *data = calloc(1, SIZE);

    f->h = (struct bundle_header *)(void *)data;
    memcpy(f->h->magic, BUNDLE_MAGIC, 8);
    f->h->count = 3;
    f->h->total = SIZE;
    memcpy(f->h->entry, entries, sizeof entries);
    memcpy(data + 0x1000, "tree", 5);
    data[SIZE - 1] = 0x55;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->h);
    free(f);
    return 0;
}

static void refused(struct fixture *f, size_t max, const char *message)
{
    f->d.text[0] = 0;
    assert_int_equal(bundle_open(&f->b, f->h, max, &f->d), ERR_INVALID);
    if (!strstr(f->d.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, f->d.text);
}

static void test_good(void **state)
{
    struct fixture *f = *state;
    const uint8_t *linux_image;
    uint64_t size;

    assert_int_equal(sizeof(struct bundle_entry), 64);
    assert_int_equal(sizeof(struct bundle_header), 16);
    assert_int_equal(bundle_open(&f->b, f->h, SIZE, &f->d), ERR_NONE);
    assert_int_equal(bundle_open(&f->b, f->h, SIZE + 0x10000, &f->d), ERR_NONE);
    assert_string_equal(bundle_find(&f->b, "manifest", &size), "tree");
    assert_int_equal(size, 5);
    linux_image = bundle_find(&f->b, "linux", &size);
    assert_int_equal(size, 0x1800);
    assert_int_equal(linux_image[size - 1], 0x55);
    assert_non_null(bundle_find(&f->b, "empty", &size));
    assert_int_equal(size, 0);
    assert_null(bundle_find(&f->b, "linu", &size));
    assert_null(bundle_find(&f->b, "", &size));
}

static void test_broken_header(void **state)
{
    struct fixture *f = *state;

    refused(f, 0, "no magic MULLION1");
    refused(f, SIZE - 1, "3 entries in 0x3800 bytes do not fit into the 0x37ff");
    f->h->count = 0;
    refused(f, SIZE, "0 entries, 1 to 256");
    f->h->count = UINT32_MAX;
    refused(f, SIZE, "4294967295 entries, 1 to 256");
    f->h->count = 255;
    f->h->total = 0x3000;
    refused(f, SIZE, "255 entries in 0x3000 bytes do not fit");
    f->h->magic[7] = '2';
    refused(f, SIZE, "no magic");
}

static void test_broken_entry(void **state)
{
    struct fixture *f = *state;
    struct bundle_entry *e = &f->h->entry[1], saved = *e;
    static const struct {
        uint64_t offset, size;
    } ranges[] = {
        {0x2008, 0x10}, {0x4000, 0}, {0x2000, 0x1801}, {0x2000, UINT64_MAX}, {0xfffffffffffff000, 0x1000}, {0, 8},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        e->offset = ranges[i].offset;
        e->size = ranges[i].size;
        refused(f, SIZE, "bundle: linux: 0x");
    }
    *e = saved;
    memset(e->name, 'x', sizeof e->name);
    refused(f, SIZE, "bundle: entry 1: name is not 1 to 47 characters");
    memset(e->name, 0, sizeof e->name);
    refused(f, SIZE, "bundle: entry 1: name");
    *e = saved;
    strcpy(e->name, "manifest");
    refused(f, SIZE, "bundle: manifest: there are two");
    *e = saved;
    strcpy(f->h->entry[0].name, "mainfest");
    refused(f, SIZE, "entry 0 is not \"manifest\"");
}

static void test_mutated(void **state)
{
    struct fixture *f = *state;
    struct bundle_header *good = f->h;
    unsigned rounds = mutate_start(20000), sum = 0;

    f->h = calloc(1, SIZE);
    for (unsigned i = 0; i < rounds; i++) {
        struct diag d = {0};

        memcpy(f->h, good, SIZE);
        mutate_byte(f->h, sizeof *good + 3 * sizeof good->entry[0]);
        if (bundle_open(&f->b, f->h, SIZE, &d)) {
            assert_string_not_equal(d.text, "");
            continue;
        }
        for (uint32_t n = 0; n < f->h->count; n++) {
            uint64_t size;
            const uint8_t *p = bundle_find(&f->b, f->h->entry[n].name, &size);

            for (uint64_t k = 0; k < size; k++)
                sum += p[k];
        }
    }
    assert_true(sum || !rounds);
    free(good);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_good),
        TEST(test_broken_header),
        TEST(test_broken_entry),
        TEST(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
