/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/fmt.c kernel/diag.c kernel/arena.c */
#include "arena.h"
#include "fmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The C library is the oracle. */
#define SAME(...)                                                       \
    do {                                                                \
        char ours[128], theirs[128];                                    \
        int n = snprintf(theirs, sizeof theirs, __VA_ARGS__);           \
        assert_int_equal(fmt_print(ours, sizeof ours, __VA_ARGS__), n); \
        assert_string_equal(ours, theirs);                              \
    } while (0)

static void test_conversions(void **s)
{
    (void)s;
    SAME("plain");
    SAME("100%% of %c%c", 'o', 'k');
    SAME("%d %d %d", 0, -1, 42);
    SAME("%d %d", INT32_MIN, INT32_MAX);
    SAME("%ld %lld", INT64_MIN, (long long)INT64_MAX);
    SAME("%u %lu %llu", UINT32_MAX, UINT64_MAX, (unsigned long long)UINT64_MAX);
    SAME("%x %lx %llx %zx", 0xdeadbeefu, UINT64_MAX, 0x123456789abcdefULL, (size_t)0);
    SAME("%zu %zd", SIZE_MAX, (ssize_t)-5);
    SAME("[%5d] [%05d] [%5d] [%05d] [%2d]", 42, 42, -42, -42, 12345);
    SAME("[%8x] [%08x] [%016llx]", 0xabcu, 0xabcu, 0xabcULL);
    SAME("[%6s] [%2s] [%.2s] [%.*s] [%.*s] [%.0s]", "abc", "abc", "abc", 1, "abc", 9, "abc", "abc");
    SAME("[%.*s]", -1, "all");
}

static void test_null_string(void **s)
{
    char buf[32];
    const char *none = NULL;

    (void)s;
    fmt_print(buf, sizeof buf, "<%s>", none);
    assert_string_equal(buf, "<(none)>");
}

static void test_precision_needs_no_nul(void **s)
{
    char *text = malloc(3), buf[8]; /* a sanitizer sees a read of a fourth byte */

    (void)s;
    memcpy(text, "abc", 3);
    assert_int_equal(fmt_print(buf, sizeof buf, "%.*s", 3, text), 3);
    assert_string_equal(buf, "abc");
    free(text);
}

static void test_truncation(void **s)
{
    (void)s;
    for (size_t size = 0; size < 12; size++) {
        char *buf = malloc(size + !size);
        size_t n = fmt_print(buf, size, "%s-%04d", "abc", 42);

        assert_int_equal(n, size ? (size - 1 < 8 ? size - 1 : 8) : 0);
        if (size)
            assert_memory_equal(buf, "abc-0042", n);
        if (size)
            assert_int_equal(buf[n], 0);
        free(buf);
    }
}

static void test_odd_formats_end(void **s)
{
    char buf[64];
    const char *lone = "50%", *huge = "%99999999d|", *unknown = "%q|";

    (void)s;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
#pragma clang diagnostic ignored "-Wformat-nonliteral"
    fmt_print(buf, sizeof buf, lone);
    assert_string_equal(buf, "50");
    assert_int_equal(fmt_print(buf, sizeof buf, huge, 1), 63);
    fmt_print(buf, sizeof buf, unknown);
    assert_string_equal(buf, "q|");
#pragma clang diagnostic pop
}

static void test_diag_keeps_first(void **s)
{
    struct diag d = {0};

    (void)s;
    assert_int_equal(diag_fail(&d, ERR_INVALID, "%s: %d", "first", 1), ERR_INVALID);
    assert_int_equal(diag_fail(&d, ERR_NO_SPACE, "second"), ERR_NO_SPACE);
    assert_string_equal(d.text, "first: 1");
}

static void test_arena(void **s)
{
    struct diag d = {0};
    struct arena a;
    uint8_t *mem = aligned_alloc(16, 128), *p, *q;

    (void)s;
    memset(mem, 0xa5, 128);
    arena_init(&a, mem, 128);
    p = arena_take(&a, 3, 5, &d);
    q = ARENA_NEW(&a, uint8_t, 1, &d);
    assert_ptr_equal(p, mem);
    assert_ptr_equal(q, mem + 16);
    assert_int_equal(p[0] | p[14] | q[0], 0);
    assert_int_equal(p[15], 0xa5);
    assert_non_null(arena_take(&a, 0, 64, &d));
    assert_non_null(arena_take(&a, 96, 1, &d));
    assert_non_null(arena_take(&a, 0, 1, &d));
    assert_string_equal(d.text, "");
    assert_null(arena_take(&a, 1, 1, &d));
    assert_non_null(strstr(d.text, "arena: 128 bytes, 144 or more are needed: pack the image with --arena"));
    arena_init(&a, mem, 120);
    assert_null(arena_take(&a, SIZE_MAX / 2, 3, &d));
    assert_null(arena_take(&a, SIZE_MAX, 1, &d));
    assert_null(arena_take(&a, 1, 119, &d)); /* the rounding does not fit */
    assert_ptr_equal(arena_keep(&a, 1, 112, &d), mem);
    assert_int_equal(mem[15], 0xa5); /* as it was */
    free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_null_string),
        cmocka_unit_test(test_precision_needs_no_nul),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_odd_formats_end),
        cmocka_unit_test(test_diag_keeps_first),
        cmocka_unit_test(test_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
