/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/fmt.c kernel/diag.c kernel/arena.c kernel/dt.c kernel/dt_read.c tests/host/dtc.c */
#include "dt.h"
#include "dtc.h"

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_SIZE (32u << 10)
#define U64(x)     ((unsigned long long)(x))

static const char tree[] =
    "/dts-v1/;\n/memreserve/ 0x1000 0x2000;\n"
    "/ { #address-cells = <2>; #size-cells = <2>; compatible = \"acme,board\", \"acme,any\";\n"
    "  one = <0x12345678>; big = <1 2>; text = \"hello\"; two-texts = \"a\", \"b\"; flag; open = [61 62];\n"
    "  bus@1000 { #address-cells = <1>; #size-cells = <1>; ranges = <0x10 1 0 0x100>, <0x800 2 0x800 "
    "0x800>;\n"
    "    lab: dev@20 { compatible = \"acme,dev\"; reg = <0x20 0x10>, <0x900 0x700>, <0x108 0x10>; status = "
    "\"okay\"; };\n"
    "    sub { #address-cells = <1>; #size-cells = <0>; in@7 { reg = <7>; status = \"disabled\"; }; };\n"
    "    flat { #address-cells = <1>; #size-cells = <1>; ranges; in@30 { reg = <0x30 4>; status = \"ok\"; }; "
    "};\n"
    "  };\n"
    "  dev@5 { compatible = \"acme,dev\"; reg = <0 5 0 6>; ref = <&lab>; status = \"fail\"; };\n"
    "  bad@6 { reg = <0 5 0>; }; wrap@7 { reg = <0xffffffff 0xffffffff 0 2>; };\n"
    "  wide { #address-cells = <3>; #size-cells = <2>; w@0 { reg = <0 0 0 0 0>; }; };\n"
    "};\n";

struct fixture {
    struct arena a;
    struct diag d;
    struct dt dt;
    uint8_t *blob;
    size_t size;
};

static void arena_make(struct fixture *f, size_t size)
{
    free(f->a.mem);
    arena_init(&f->a, aligned_alloc(16, size), size);
    memset(f->a.mem, 0, size);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_make(f, ARENA_SIZE);
    f->blob = dts_compile(tree, &f->size);
    *state = f;
    return dt_index(&f->dt, "board", f->blob, f->size, &f->a, &f->d) != ERR_NONE;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->a.mem);
    free(f->blob);
    free(f);
    return 0;
}

static void test_find(void **state)
{
    struct fixture *f = *state;
    const struct dt *dt = &f->dt;
    dt_node_t dev = dt_find(dt, "/bus@1000/dev@20");
    char path[64], tiny[8];

    assert_int_equal(dt->rsv, 1);
    assert_int_equal(dt_find(dt, "/"), DT_ROOT);
    assert_string_equal(dt->node[DT_ROOT].name, "");
    assert_string_equal(dt->node[dev].name, "dev@20");
    assert_int_equal(dt_find(dt, "//bus@1000//dev@20/"), dev);
    assert_int_equal(dt_find(dt, "/bus@1000/dev@2"), DT_NONE);
    assert_int_equal(dt_find(dt, "/bus@1000/dev@200"), DT_NONE);
    assert_int_equal(dt_find(dt, "bus@1000"), DT_NONE);
    assert_int_equal(dt_find(dt, ""), DT_NONE);
    assert_int_equal(dt_child(dt, DT_ROOT, "dev@5"), dt_find(dt, "/dev@5"));
    assert_int_equal(dt_child(dt, DT_ROOT, "dev"), DT_NONE);
    assert_int_equal(dt_by_phandle(dt, dt_cell(dt_prop(dt, dt_find(dt, "/dev@5"), "ref"), 0)), dev);
    assert_int_equal(dt_by_phandle(dt, 0), DT_NONE);
    assert_int_equal(dt_by_phandle(dt, 77), DT_NONE);
    assert_int_equal(dt_first_compatible(dt, DT_NONE, "acme,any"), DT_ROOT);
    assert_int_equal(dt_first_compatible(dt, DT_NONE, "acme,dev"), dev);
    assert_int_equal(dt_first_compatible(dt, dev, "acme,dev"), dt_find(dt, "/dev@5"));
    assert_int_equal(dt_first_compatible(dt, dt_find(dt, "/dev@5"), "acme,dev"), DT_NONE);
    assert_false(dt_is_compatible(dt, DT_ROOT, "acme"));
    assert_string_equal(dt_path(dt, dt_find(dt, "/bus@1000/flat/in@30"), path, sizeof path), "/bus@1000/flat/in@30");
    assert_string_equal(dt_path(dt, DT_ROOT, path, sizeof path), "/");
    assert_string_equal(dt_path(dt, dev, tiny, sizeof tiny), "/bus@10");
}

static void test_enabled(void **state)
{
    const struct dt *dt = &((struct fixture *)*state)->dt;

    assert_true(dt_is_enabled(dt, DT_ROOT));
    assert_true(dt_is_enabled(dt, dt_find(dt, "/bus@1000/dev@20")));
    assert_true(dt_is_enabled(dt, dt_find(dt, "/bus@1000/flat/in@30")));
    assert_false(dt_is_enabled(dt, dt_find(dt, "/bus@1000/sub/in@7")));
    assert_false(dt_is_enabled(dt, dt_find(dt, "/dev@5")));
}

static void test_readers(void **state)
{
    struct fixture *f = *state;
    const struct dt *dt = &f->dt;
    uint32_t v;
    const char *text;

    assert_int_equal(dt_read_u32(dt, DT_ROOT, "one", 7, &v, &f->d), ERR_NONE);
    assert_int_equal(v, 0x12345678);
    assert_int_equal(dt_read_u32(dt, DT_ROOT, "none", 7, &v, &f->d), ERR_NONE);
    assert_int_equal(v, 7);
    assert_int_equal(dt_cells(dt_prop(dt, DT_ROOT, "big"), 0, 2), U64(0x100000002));
    assert_int_equal(dt_cells(dt_prop(dt, DT_ROOT, "big"), 1, 1), 2);
    assert_true(dt_has(dt, DT_ROOT, "flag"));
    assert_int_equal(dt_read_string(dt, DT_ROOT, "text", NULL, &text, &f->d), ERR_NONE);
    assert_string_equal(text, "hello");
    assert_int_equal(dt_read_string(dt, DT_ROOT, "none", "def", &text, &f->d), ERR_NONE);
    assert_string_equal(text, "def");
    assert_string_equal(f->d.text, "");
    assert_int_equal(dt_read_u32(dt, DT_ROOT, "big", 7, &v, &f->d), ERR_INVALID);
    assert_non_null(strstr(f->d.text, "board: /: big: 8 bytes"));
    for (const char *const *p = (const char *const[]){"two-texts", "flag", "open", NULL}; *p; p++) {
        f->d.text[0] = 0;
        assert_int_equal(dt_read_string(dt, DT_ROOT, *p, NULL, &text, &f->d), ERR_INVALID);
        assert_non_null(strstr(f->d.text, *p));
    }
}

static void reg_is(struct fixture *f, const char *path, uint32_t i, uint64_t addr, uint64_t size)
{
    uint64_t a, s;
    bool exists;

    assert_int_equal(dt_reg(&f->dt, dt_find(&f->dt, path), i, &a, &s, &exists, &f->d), ERR_NONE);
    assert_true(exists);
    assert_int_equal(a, addr);
    assert_int_equal(s, size);
}

static void reg_fails(struct fixture *f, const char *path, uint32_t i, const char *message)
{
    uint64_t a, s;
    bool exists;

    f->d.text[0] = 0;
    assert_int_equal(dt_reg(&f->dt, dt_find(&f->dt, path), i, &a, &s, &exists, &f->d), ERR_INVALID);
    if (!strstr(f->d.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, f->d.text);
}

static void test_reg(void **state)
{
    struct fixture *f = *state;
    uint64_t a, s;
    bool exists;

    reg_is(f, "/dev@5", 0, 5, 6);
    reg_is(f, "/bus@1000/dev@20", 0, U64(0x100000010), 0x10);
    reg_is(f, "/bus@1000/dev@20", 1, U64(0x200000900), 0x700);
    reg_is(f, "/bus@1000/flat/in@30", 0, U64(0x100000020), 4);
    assert_int_equal(dt_reg(&f->dt, dt_find(&f->dt, "/bus@1000/dev@20"), 3, &a, &s, &exists, &f->d), ERR_NONE);
    assert_false(exists);
    assert_int_equal(dt_reg(&f->dt, DT_ROOT, 0, &a, &s, &exists, &f->d), ERR_NONE);
    assert_false(exists);
    reg_fails(f, "/bus@1000/dev@20", 2, "/bus@1000: ranges: does not pass on 0x108 + 0x10");
    reg_fails(f, "/bus@1000/sub/in@7", 0, "/bus@1000/sub: ranges: does not pass on 0x7");
    reg_fails(f, "/bad@6", 0, "board: /bad@6: reg: 12 bytes are not whole entries");
    reg_fails(f, "/wrap@7", 0, "/wrap@7: reg: 0xffffffffffffffff + 0x2 passes 2^64");
    reg_fails(f, "/wide/w@0", 0, "of 3 + 2 cells");
}

/* libfdt is the oracle: the same nodes and properties in the same order. */
static void test_same_as_libfdt(void **state)
{
    const struct fixture *f = *state;
    const struct dt *dt = &f->dt;
    uint32_t n = 0, p = 0;

    for (int node = 0; node >= 0; node = fdt_next_node(f->blob, node, NULL), n++) {
        int prop;

        assert_ptr_equal(n ? dt->node[n].name : "", n ? fdt_get_name(f->blob, node, NULL) : "");
        assert_int_equal(dt->node[n].prop, p);
        if (n) {
            char ours[64], theirs[64];

            assert_int_equal(fdt_get_path(f->blob, node, theirs, sizeof theirs), 0);
            assert_string_equal(dt_path(dt, n, ours, sizeof ours), theirs);
            assert_int_equal(dt_find(dt, theirs), n);
        }
        fdt_for_each_property_offset(prop, f->blob, node)
        {
            int len;
            const char *name;
            const void *val = fdt_getprop_by_offset(f->blob, prop, &name, &len);

            assert_ptr_equal(dt->prop[p].val, val);
            assert_ptr_equal(dt->prop[p].name, name);
            assert_int_equal(dt->prop[p].len, len);
            p++;
        }
        assert_int_equal(dt->node[n].prop + dt->node[n].props, p);
    }
    assert_int_equal(dt->nodes, n);
    assert_int_equal(dt->props, p);
}

static void test_arena_is_given_back(void **state)
{
    struct fixture *f = *state;
    size_t used = f->a.used;

    assert_true(used <= f->dt.props * sizeof(struct dt_prop) + f->dt.nodes * sizeof(struct dt_node) +
                            (f->dt.place_mask + 1) * sizeof(uint32_t) + 48);
    assert_true(f->dt.place_mask < 6 * f->dt.nodes);
    for (size_t size = 0; size < 2 * used; size += 16) { /* too small an arena is an error, nothing else */
        arena_make(f, size);
        memset(f->a.mem, 0xa5, size);
        f->d.text[0] = 0;
        if (dt_index(&f->dt, "board", f->blob, f->size, &f->a, &f->d)) {
            assert_non_null(strstr(f->d.text, "arena"));
            assert_true(size < used + 64); /* the pass wants room for one of each */
        } else {
            assert_true(size >= used);
            assert_int_equal(dt_find(&f->dt, "/wide/w@0"), f->dt.nodes - 1);
        }
    }
    assert_string_equal(f->dt.node[1].name, "bus@1000");
}

static void index_fails(struct fixture *f, const void *blob, size_t max, const char *message)
{
    f->a.used = 0;
    f->d.text[0] = 0;
    assert_int_not_equal(dt_index(&f->dt, "board", blob, max, &f->a, &f->d), ERR_NONE);
    if (!strstr(f->d.text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, f->d.text);
}

static void test_broken_header(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t cell, value;
        const char *message;
    } cases[] = {
        {0, 0xd00dfeee, "no magic"},
        {1, 0, "header"},
        {1, 0x10000, "totalsize 0x10000"},
        {1, 0xffffffff, "totalsize 0xffffffff"},
        {2, 0x3a, "header"},
        {2, 0x7fffff00, "header"},
        {3, 0x7fffff00, "header"},
        {4, 0x7fffff00, "header"},
        {5, 16, "header"},
        {5, 1, "header"},
        {8, 0xffffffff, "header"},
        {8, 1, "NUL"},
        {9, 0xffffffff, "header"},
        {9, 0, "ends inside"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fdt32_t *cell = (fdt32_t *)(void *)f->blob + cases[i].cell, old = *cell;

        *cell = cpu_to_fdt32(cases[i].value);
        index_fails(f, f->blob, f->size, cases[i].message);
        *cell = old;
    }
    index_fails(f, f->blob, 0, "no magic");
    index_fails(f, f->blob, f->size - 1, "totalsize");
}

/* A blob of our own tags: 0 ends the list. */
static void tags_fail(struct fixture *f, const uint32_t *tags, const char *message)
{
    uint8_t *b = aligned_alloc(8, 256);
    uint32_t n = 0;

    memset(b, 0, 256);
    fdt_set_magic(b, FDT_MAGIC);
    fdt_set_version(b, 17);
    fdt_set_last_comp_version(b, 16);
    fdt_set_off_mem_rsvmap(b, 40);
    fdt_set_off_dt_struct(b, 56);
    fdt_set_off_dt_strings(b, 250);
    fdt_set_size_dt_strings(b, 6);
    fdt_set_totalsize(b, 256);
    memcpy(b + 250, "ab\0cd", 6);
    while (tags[n] != UINT32_MAX) {
        ((fdt32_t *)(void *)(b + 56))[n] = cpu_to_fdt32(tags[n]);
        n++;
    }
    fdt_set_size_dt_struct(b, 4 * n);
    if (message)
        index_fails(f, b, 256, message);
    else
        assert_int_equal(dt_index(&f->dt, "board", b, 256, &f->a, &f->d), ERR_NONE);
    free(b);
}
#define TAGS_FAIL(f, message, ...) tags_fail(f, (const uint32_t[]){__VA_ARGS__, UINT32_MAX}, message)

static void test_broken_structure(void **state)
{
    struct fixture *f = *state;

    TAGS_FAIL(f, NULL, 1, 0, 4, 3, 1, 3, 0x61000000, 1, 0x62000000, 2, 2, 9);
    TAGS_FAIL(f, "ends inside", 1, 0, 2);
    TAGS_FAIL(f, "ends inside", 1, 0, 9);
    TAGS_FAIL(f, "ends inside", 9);
    TAGS_FAIL(f, "tag 2", 1, 0, 2, 2, 9);
    TAGS_FAIL(f, "tag 5 at offset 0x40", 1, 0, 5, 2, 9);
    TAGS_FAIL(f, "tag 1", 1, 0x61616161, 0x61616161);
    TAGS_FAIL(f, "second root", 1, 0, 2, 1, 0, 2, 9);
    TAGS_FAIL(f, "outside of any node", 3, 0, 0, 1, 0, 2, 9);
    TAGS_FAIL(f, "property after a child", 1, 0, 1, 0x62000000, 2, 3, 0, 0, 2, 9);
    TAGS_FAIL(f, "property name at 0x6 of 0x6", 1, 0, 3, 0, 6, 2, 9);
    TAGS_FAIL(f, "tag 3", 1, 0, 3, 9, 0, 2, 9);
    TAGS_FAIL(f, "tag 3", 1, 0, 3, 0xffffffff - 3, 0, 2, 9);
    TAGS_FAIL(f, "tag 3", 1, 0, 3, 0);
    TAGS_FAIL(f, "deeper than 16", 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0,
              1, 0, 1, 0, 1, 0);
}

static void test_truncated(void **state)
{
    struct fixture *f = *state;

    for (size_t size = 0; size < f->size; size += 4) {
        uint8_t *cut = aligned_alloc(8, (size + 8) & ~(size_t)7);

        memcpy(cut, f->blob, size);
        index_fails(f, cut, size, "board: ");
        if (size >= 8) /* a header that agrees */
            fdt_set_totalsize(cut, (uint32_t)size);
        index_fails(f, cut, size, "board: ");
        free(cut);
    }
}

/* Everything that an accepted tree can be asked stays inside of it. */
static void tree_touch(const struct dt *dt)
{
    unsigned sum = 0;

    for (dt_node_t n = 0; n < dt->nodes; n++) {
        struct diag d = {0};
        uint64_t a, s;
        uint32_t v;
        bool exists = true;
        const char *text;
        char path[40];

        dt_path(dt, n, path, sizeof path);
        dt_is_enabled(dt, n);
        for (uint32_t i = 0; exists && !dt_reg(dt, n, i, &a, &s, &exists, &d); i++)
            ;
        for (const struct dt_prop *p = &dt->prop[dt->node[n].prop]; p < &dt->prop[dt->node[n].prop + dt->node[n].props];
             p++) {
            for (uint32_t i = 0; i < p->len; i++)
                sum += p->val[i];
            if (!dt_read_u32(dt, n, p->name, 0, &v, &d))
                sum += v;
            if (!dt_read_string(dt, n, p->name, "", &text, &d))
                sum += (unsigned)strlen(text);
        }
    }
    dt_first_compatible(dt, DT_NONE, "acme,none");
    assert_true(sum || !dt->props);
}

static void test_mutated(void **state)
{
    struct fixture *f = *state;
    unsigned accepted = 0, rounds = mutate_start(20000);
    uint8_t *blob = malloc(f->size);

    for (unsigned i = 0; i < rounds; i++) {
        struct diag d = {0};

        memcpy(blob, f->blob, f->size);
        mutate_byte(blob, f->size);
        memset(f->a.mem, 0, f->a.size);
        f->a.used = 0;
        if (dt_index(&f->dt, "board", blob, f->size, &f->a, &d)) {
            assert_string_not_equal(d.text, "");
            continue;
        }
        tree_touch(&f->dt);
        accepted++;
    }
    assert_true(accepted || !rounds);
    free(blob);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_find),          TEST(test_enabled),          TEST(test_readers),
        TEST(test_reg),           TEST(test_same_as_libfdt),   TEST(test_arena_is_given_back),
        TEST(test_broken_header), TEST(test_broken_structure), TEST(test_truncated),
        TEST(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
