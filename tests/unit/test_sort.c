/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/sort.c */
/* sort_by_first: the order, all elements kept whole, and how much work it is. */
#include "sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX 4096u

struct element {
    uint64_t key;
    const void *mark; /* what came with it: where it was */
    uint64_t is;      /* the key again */
};

static struct element *array_new(uint32_t count, uint64_t (*key)(uint32_t i))
{
    struct element *a = calloc(count + 1, sizeof *a); /* the last one is not to be touched */

    assert_non_null(a);
    for (uint32_t i = 0; i < count; i++)
        a[i] = (struct element){.key = key(i), .mark = &a[i], .is = key(i)};
    a[count].mark = a;
    return a;
}

static void sorts(uint32_t count, uint64_t (*key)(uint32_t i))
{
    struct element *a = array_new(count, key);
    bool *seen = calloc(count + 1, sizeof *seen);

    assert_non_null(seen);
    sort_by_first(a, count, sizeof *a);
    for (uint32_t i = 0; i < count; i++) {
        size_t was = (size_t)((const struct element *)a[i].mark - a);

        assert_true(!i || a[i - 1].key <= a[i].key);
        assert_true(was < count && !seen[was]);
        assert_true(a[i].key == a[i].is && a[i].key == key((uint32_t)was));
        seen[was] = true;
    }
    assert_ptr_equal(a[count].mark, a);
    free(seen);
    free(a);
}

static uint64_t up(uint32_t i)
{
    return i;
}

static uint64_t down(uint32_t i)
{
    return UINT64_MAX - i;
}

static uint64_t same(uint32_t i)
{
    (void)i;
    return 7;
}

static uint64_t mixed(uint32_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 20; /* bits from all over the word */
}

static uint64_t few(uint32_t i)
{
    return mixed(i) % 5;
}

static void test_orders(void **state)
{
    static uint64_t (*const key[])(uint32_t) = {up, down, same, mixed, few};

    (void)state;
    for (size_t k = 0; k < sizeof key / sizeof *key; k++) {
        for (uint32_t count = 0; count < 70; count++)
            sorts(count, key[k]);
        sorts(MAX, key[k]);
    }
}

/* An element may be the number alone. */
static void test_numbers(void **state)
{
    uint64_t a[] = {3, UINT64_MAX, 0, 3, 1};
    const uint64_t want[] = {0, 1, 3, 3, UINT64_MAX};

    (void)state;
    sort_by_first(a, 5, sizeof *a);
    for (size_t i = 0; i < 5; i++)
        assert_true(a[i] == want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders), cmocka_unit_test(test_numbers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
