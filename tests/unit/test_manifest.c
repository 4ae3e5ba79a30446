/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/fmt.c kernel/diag.c kernel/arena.c kernel/dt.c kernel/dt_read.c kernel/manifest.c
   kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c tests/host/dtc.c */
#include "dtc.h"
#include "manifest.h"

#include <dirent.h>
#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANIFESTS "tests/manifests" /* tests run in the root of the tree */

#define ARENA_SIZE (64u << 10)
#define HEAD       "/dts-v1/; / { compatible = \"mullion,manifest-v1\"; "

static const char good[] =
    HEAD "shared { mailbox { size = <0 0x2000>; }; fixed { size = <0 0x1000>; host = <0x1 0x0>; }; };"
         "partitions {"
         "  linux { cpus = <0x100 1>; physmap = \"translated\"; bootargs = \"console=ttyAMA0\"; scratch-audit-ms "
         "= <500>;"
         "    kernel { file = \"vmlinuz\"; }; initrd { file = \"initrd\"; };"
         "    memory { #address-cells = <2>; #size-cells = <2>;"
         "      ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x8000000>; host = <0x1 0x40000000>; };"
         "      dark@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x1000>; dma = \"none\"; file = \"keys\"; };"
         "      rom@60000000 { type = \"ram-ro\"; reg = <0 0x60000000 0 0x3000>; };"
         "      box@70000000 { type = \"shared\"; shared = \"mailbox\"; reg = <0 0x70000000 0 0x2000>; access = "
         "\"ro\"; "
         "dma = \"read\"; };"
         "      fw@7f000000 { type = \"reserved\"; reg = <0 0x7f000000 0 0x1000>; };"
         "      msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; }; };"
         "    devices { nvme: nvme { pci = \"1f:1a.7\"; peer-dma; }; }; };"
         "  rt-1 { cpus = <2>; physmap = \"identity\"; unmapped = \"read-only-scratch\"; console = \"none\";"
         "    kernel { file = \"rtos\"; load = <0 0x60000000>; };"
         "    memory { ram@60000000 { type = \"ram\"; reg = <0 0x60000000 0 0x1000000>; dma = \"read\"; };"
         "      more { type = \"ram\"; size = <0 0x200000>; };"
         "      box { type = \"shared\"; shared = \"mailbox\"; }; pin { type = \"shared\"; shared = \"fixed\"; "
         "dma = \"rw\"; };"
         "      msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; }; };"
         "    devices { gpu { path = \"/gpu@1\"; unprotected-dma; }; rtc { path = \"/rtc@2\"; no-dma; }; }; };"
         "}; };";

struct fixture {
    struct arena a;
    struct diag d;
    struct dt dt;
    struct manifest m;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->a, aligned_alloc(16, ARENA_SIZE), ARENA_SIZE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->a.mem);
    free(f);
    return 0;
}

static err_t parse(struct fixture *f, const void *blob, size_t size)
{
    err_t e;

    memset(f->a.mem, 0, f->a.size);
    f->a.used = 0;
    f->d.text[0] = 0;
    e = dt_index(&f->dt, "manifest", blob, size, &f->a, &f->d);
    return e ? e : manifest_parse(&f->m, &f->dt, &f->a, &f->d);
}

static void says(const struct fixture *f, const char *what, const char *message)
{
    if (!strstr(f->d.text, message))
        fail_msg("%s: \"%s\" is not in \"%s\"", what, message, f->d.text);
}

static void region_is(const struct manifest_region *r, const char *name, enum ext_type type, uint64_t gfn,
                      uint64_t frames, uint8_t cpu, uint8_t dma)
{
    assert_string_equal(r->name, name);
    assert_int_equal(r->type, type);
    assert_true(r->placed);
    assert_int_equal(r->gfn.n, gfn);
    assert_int_equal(r->frames, frames);
    assert_int_equal(r->cpu, cpu);
    assert_int_equal(r->dma, dma);
}

static void check_translated(const struct manifest *m)
{
    const struct manifest_partition *p = &m->partition[0];
    const uint8_t rw = R_READ | R_WRITE;

    assert_string_equal(p->name, "linux");
    assert_false(p->identity);
    assert_int_equal(p->unmapped, UNMAPPED_SCRATCH);
    assert_int_equal(p->console, CONSOLE_VIRTUAL);
    assert_int_equal(p->map, MAP_GUEST);
    assert_false(p->shared_tables || p->scratch_per_device || p->pv_frames);
    assert_int_equal(p->audit_ms, 500);
    assert_string_equal(p->bootargs, "console=ttyAMA0");
    assert_int_equal(p->cpus, 2);
    assert_int_equal(p->cpu[0], 0x100);
    assert_int_equal(p->cpu[1], 1);
    assert_string_equal(p->kernel.file, "vmlinuz");
    assert_false(p->kernel.placed);
    assert_string_equal(p->initrd.file, "initrd");
    assert_int_equal(p->regions, 6);
    region_is(&p->region[0], "ram@40000000", EXT_RAM, 0x40000, 0x8000, rw | R_EXEC, rw);
    assert_true(p->region[0].pinned);
    assert_int_equal(p->region[0].mfn.n, 0x140000);
    region_is(&p->region[1], "dark@50000000", EXT_RAM, 0x50000, 1, rw | R_EXEC, 0);
    assert_false(p->region[1].pinned);
    assert_string_equal(p->region[1].file, "keys");
    region_is(&p->region[2], "rom@60000000", EXT_RAM_RO, 0x60000, 3, R_READ | R_EXEC, R_READ);
    region_is(&p->region[3], "box@70000000", EXT_SHARED, 0x70000, 2, R_READ, R_READ);
    assert_ptr_equal(p->region[3].shared, &m->shared[0]);
    region_is(&p->region[4], "fw@7f000000", EXT_RESERVED, 0x7f000, 1, rw, rw);
    assert_int_equal(p->region[4].mfn.n, 0x7f000);
    region_is(&p->region[5], "msi@8090000", EXT_DOORBELL, 0x8090, 1, 0, R_WRITE);
    assert_true(p->region[4].pinned && p->region[5].pinned);
    assert_int_equal(p->devices, 1);
    assert_int_equal(p->device[0].kind, DEVICE_PCI);
    assert_int_equal(p->device[0].bdf, 0x1f << 8 | 0x1a << 3 | 7);
    assert_true(p->device[0].peer_dma);
    assert_false(p->device[0].no_dma || p->device[0].unprotected_dma);
    assert_false(p->device[0].reserved_scratch || p->device[0].quarantine_scratch || p->device[0].waived);
}

static void check_identity(const struct manifest *m)
{
    const struct manifest_partition *p = &m->partition[1];

    assert_string_equal(p->name, "rt-1");
    assert_true(p->identity);
    assert_int_equal(p->unmapped, UNMAPPED_READ_ONLY_SCRATCH);
    assert_int_equal(p->console, CONSOLE_NONE);
    assert_string_equal(p->bootargs, "");
    assert_int_equal(p->audit_ms, 0);
    assert_true(p->kernel.placed);
    assert_int_equal(p->kernel.load.v, 0x60000000);
    assert_null(p->initrd.file);
    assert_int_equal(p->regions, 5);
    region_is(&p->region[0], "ram@60000000", EXT_RAM, 0x60000, 0x1000, R_READ | R_WRITE | R_EXEC, R_READ);
    assert_true(p->region[0].pinned);
    assert_int_equal(p->region[0].mfn.n, 0x60000);
    assert_false(p->region[1].placed || p->region[1].pinned);
    assert_int_equal(p->region[1].frames, 0x200);
    assert_false(p->region[2].placed || p->region[2].pinned);
    assert_int_equal(p->region[2].frames, 2);
    region_is(&p->region[3], "pin", EXT_SHARED, 0x100000, 1, R_READ | R_WRITE, R_READ | R_WRITE);
    assert_true(p->region[3].pinned);
    assert_int_equal(p->devices, 2);
    assert_int_equal(p->device[0].kind, DEVICE_PLATFORM);
    assert_string_equal(p->device[0].path, "/gpu@1");
    assert_true(p->device[0].unprotected_dma);
    assert_true(p->device[1].no_dma);
}

static void test_good(void **state)
{
    struct fixture *f = *state;
    size_t size;
    void *blob = dts_compile(good, &size);

    if (parse(f, blob, size))
        fail_msg("%s", f->d.text);
    assert_int_equal(f->m.partitions, 2);
    assert_int_equal(f->m.shareds, 2);
    assert_int_equal(f->m.quarantines, 0);
    assert_string_equal(f->m.shared[0].name, "mailbox");
    assert_int_equal(f->m.shared[0].frames, 2);
    assert_false(f->m.shared[0].pinned);
    assert_true(f->m.shared[1].pinned);
    assert_int_equal(f->m.shared[1].mfn.n, 0x100000);
    check_translated(&f->m);
    check_identity(&f->m);
    free(blob);
}

static void test_maps(void **state)
{
    struct fixture *f = *state;
    const struct manifest_partition *host, *window, *walk;
    const struct manifest_device *q;
    size_t size;
    void *blob = dts_compile_file(MANIFESTS "/good/maps.dts", &size, NULL, 0);

    if (parse(f, blob, size))
        fail_msg("%s", f->d.text);
    assert_int_equal(f->m.partitions, 3);
    host = &f->m.partition[0];
    assert_int_equal(host->map, MAP_HOST);
    assert_true(host->scratch_per_device);
    assert_false(host->shared_tables || host->pv_frames);
    assert_true(host->device[0].reserved_scratch && host->device[0].quarantine_scratch);
    assert_false(host->device[1].reserved_scratch || host->device[1].quarantine_scratch);
    window = &f->m.partition[1];
    assert_int_equal(window->map, MAP_PV);
    assert_int_equal(window->pv.n, 0x40000);
    assert_int_equal(window->pv_frames, PV_WINDOW_MAX >> FRAME_SHIFT);
    assert_false(window->scratch_per_device || window->shared_tables);
    walk = &f->m.partition[2];
    assert_true(walk->shared_tables);
    assert_int_equal(walk->map, MAP_GUEST);
    assert_int_equal(walk->unmapped, UNMAPPED_FAULT);
    region_is(&walk->region[4], "msi@8090000", EXT_DOORBELL, 0x8090, 1, R_WRITE, R_WRITE);
    assert_int_equal(f->m.quarantines, 3);
    q = f->m.quarantine;
    assert_string_equal(q[0].name, "hid");
    assert_int_equal(q[0].bdf, 0x1f << 3);
    assert_true(q[0].quarantine_scratch && !q[0].waived);
    assert_false(q[1].quarantine_scratch || q[1].waived);
    assert_int_equal(q[2].kind, DEVICE_PLATFORM);
    assert_string_equal(q[2].path, "/gpu@1");
    assert_true(q[2].waived && !q[2].quarantine_scratch);
    free(blob);
}

/* Does a manifest of one partition with these options and this region parse? */
static bool accepts(struct fixture *f, const char *options, const char *region)
{
    char text[1024];
    size_t size;
    void *blob;
    err_t e;

    snprintf(text, sizeof text,
             HEAD "shared { box { size = <0 0x1000>; }; }; partitions { one { cpus = <0>; %s kernel { file = \"k\"; };"
                  "memory { ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x1000000>; }; %s }; }; }; };",
             options, region);
    blob = dts_compile(text, &size);
    e = parse(f, blob, size);
    free(blob);
    return e == ERR_NONE;
}

/* Every set of options: which of them docs/manifest.md allows. */
static void test_options(void **state)
{
    static const char *const map[] = {"guest", "host", "pv"}, *const tables[] = {"separate", "shared"},
                             *const unmapped[] = {"scratch", "fault", "read-only-scratch"},
                             *const scratch[] = {"per-partition", "per-device"};
    unsigned good_ones = 0;

    for (unsigned i = 0; i < 2 * 3 * 2 * 3 * 2 * 2; i++) {
        unsigned identity = i % 2, m = i / 2 % 3, t = i / 6 % 2, u = i / 12 % 3, s = i / 36 % 2, window = i / 72;
        bool right = (m != 1 || identity) && (m == 2) == window && (t == 0 || u == 1) && (s == 0 || u == 0) &&
                     (m != 2 || u == 0);
        char text[256];

        snprintf(text, sizeof text,
                 "physmap = \"%s\"; map = \"%s\"; tables = \"%s\"; unmapped = \"%s\"; scratch = \"%s\"; %s",
                 identity ? "identity" : "translated", map[m], tables[t], unmapped[u], scratch[s],
                 window ? "pv-window = <1 0 0 0x200000>;" : "");
        if (accepts(*state, text, "") != right)
            fail_msg("%s %s", text, right ? "refused" : "accepted");
        good_ones += right;
    }
    /* For a guest or host map: scratch of either kind, a fault with either tables, read-only scratch; for a PV map:
     * scratch of either kind. */
    assert_int_equal(good_ones, (5 + 2) + (5 + 5 + 2));
}

/* What a region may say, with separate and with shared tables. */
static void test_shared_tables(void **state)
{
#define BOX  "box@70000000 { type = \"shared\"; shared = \"box\"; reg = <0 0x70000000 0 0x1000>; "
#define MORE "ram@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x1000>; "
#define ROM  "rom@50000000 { type = \"ram-ro\"; reg = <0 0x50000000 0 0x1000>; "
#define MSI  "msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; "
    static const struct {
        const char *region;
        bool separate, shared;
    } row[] = {
        {MORE "};", true, true},
        {MORE "dma = \"rw\"; };", true, true},
        {MORE "dma = \"read\"; };", true, false},
        {MORE "dma = \"none\"; };", true, false},
        {ROM "};", true, true},
        {ROM "dma = \"none\"; };", true, false},
        {BOX "};", true, false},
        {BOX "dma = \"read\"; };", true, false},
        {BOX "dma = \"rw\"; };", true, true},
        {BOX "access = \"ro\"; };", true, false},
        {BOX "access = \"ro\"; dma = \"read\"; };", true, true},
        {BOX "access = \"ro\"; dma = \"rw\"; };", false, false},
        {"fw@50000000 { type = \"reserved\"; reg = <0 0x50000000 0 0x1000>; };", true, true},
        {MSI "};", true, false},
        {MSI "access = \"none\"; };", true, false},
        {MSI "access = \"w\"; };", false, true},
    };

    for (unsigned i = 0; i < 2 * sizeof row / sizeof *row; i++) {
        bool shared = i % 2, right = shared ? row[i / 2].shared : row[i / 2].separate;

        if (accepts(*state,
                    shared ? "physmap = \"translated\"; tables = \"shared\"; unmapped = \"fault\";"
                           : "physmap = \"translated\";",
                    row[i / 2].region) != right)
            fail_msg("%s with %s tables %s", row[i / 2].region, shared ? "shared" : "separate",
                     right ? "refused" : "accepted");
    }
}

/* Each file under tests/manifests/bad starts with the message that it must cause. */
static void test_bad_files(void **state)
{
    struct fixture *f = *state;
    DIR *dir = opendir(MANIFESTS "/bad");
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char path[1024], line[256], expect[256];
        size_t size;
        void *blob;

        if (!strstr(entry->d_name, ".dts"))
            continue;
        snprintf(path, sizeof path, MANIFESTS "/bad/%s", entry->d_name);
        blob = dts_compile_file(path, &size, line, sizeof line);
        if (sscanf(line, "/* expect: %250[^\n]", expect) != 1 || !strstr(expect, " */"))
            fail_msg("%s: the first line is not /* expect: ... */", path);
        *strstr(expect, " */") = '\0';
        if (!parse(f, blob, size))
            fail_msg("%s: accepted", path);
        says(f, path, expect);
        free(blob);
        count++;
    }
    closedir(dir);
    assert_true(count >= 119);
}

/* What dtc itself would refuse: the same name twice. */
static void test_duplicate_names(void **state)
{
    struct fixture *f = *state;
    static const char *const messages[] = {"/partitions: two nodes of the name a",
                                           "/partitions/a: property cpus is there twice"};

    for (int twice = 0; twice < 2; twice++) {
        uint8_t blob[1024] __attribute__((aligned(8)));
        int e = fdt_create(blob, sizeof blob) | fdt_finish_reservemap(blob) | fdt_begin_node(blob, "");

        e |= fdt_property_string(blob, "compatible", "mullion,manifest-v1") | fdt_begin_node(blob, "partitions");
        for (int i = 0; i < 2 - twice; i++) {
            e |= fdt_begin_node(blob, "a") | fdt_property_u32(blob, "cpus", 0);
            if (twice)
                e |= fdt_property_u32(blob, "cpus", 1);
            e |= fdt_end_node(blob);
        }
        e |= fdt_end_node(blob) | fdt_end_node(blob) | fdt_finish(blob);
        assert_int_equal(e, 0);
        assert_int_not_equal(parse(f, blob, sizeof blob), ERR_NONE);
        says(f, "duplicate", messages[twice]);
    }
}

static void test_too_many_partitions(void **state)
{
    struct fixture *f = *state;
    char text[4096] = HEAD "partitions {";
    size_t size;
    void *blob;

    for (int i = 0; i < 257; i++)
        snprintf(text + strlen(text), 32, " p%d { };", i);
    strcat(text, "}; };");
    blob = dts_compile(text, &size);
    assert_int_not_equal(parse(f, blob, size), ERR_NONE);
    says(f, "257 partitions", "partitions: 257 nodes, 1 to 256 are right");
    free(blob);
}

/* As many partitions as there may be, with more devices than there are lists of them, and one device twice. */
static void test_most_partitions(void **state)
{
    enum { ROOM = 2 << 20, TWICE = 200 };
    struct fixture *f = *state;
    char *text = malloc(ROOM);
    const struct arena small = f->a;

    f->a.mem = aligned_alloc(16, ROOM);
    f->a.size = ROOM;
    for (int twice = 0; twice < 2; twice++) {
        size_t size, at = (size_t)snprintf(text, ROOM, HEAD "partitions {");
        void *blob;

        for (int i = 0; i < 256; i++) {
            at += (size_t)snprintf(text + at, ROOM - at,
                                   "p%d { cpus = <%d>; physmap = \"translated\"; kernel { file = \"k\"; };"
                                   "memory { ram { type = \"ram\"; reg = <0 0x40000000 0 0x1000000>; }; };"
                                   "devices { a { pci = \"%02x:00.0\"; }; b { path = \"/bus/%x\"; }; }; };",
                                   i, i, i, twice && i == TWICE ? 7 : i);
        }
        snprintf(text + at, ROOM - at, "}; };");
        blob = dts_compile(text, &size);
        assert_int_equal(parse(f, blob, size) != ERR_NONE, twice);
        if (twice)
            says(f, "twice", "/partitions/p200/devices/b: path: the same device as /partitions/p7/devices/b");
        else
            assert_int_equal(f->m.partitions, MANIFEST_PARTITIONS);
        free(blob);
    }
    free(text);
    free(f->a.mem);
    f->a = small;
}

static void test_arena_exhausted(void **state)
{
    struct fixture *f = *state;
    size_t size, full = f->a.size, refused = 0;
    void *blob = dts_compile(good, &size);

    for (f->a.size = 0; parse(f, blob, size); f->a.size += 64, refused++)
        assert_non_null(strstr(f->d.text, "--arena"));
    assert_true(refused > 10 && f->a.size < full);
    f->a.size = full;
    free(blob);
}

/* A map, what it needs, and what it may not meet. */
static void map_holds(const struct manifest_partition *p)
{
    assert_true(p->map != MAP_HOST || p->identity);
    assert_int_equal(p->map == MAP_PV, p->pv_frames != 0);
    assert_false((p->pv.n | p->pv_frames) % 512);
    assert_true(p->pv_frames <= PV_WINDOW_MAX >> FRAME_SHIFT && p->pv.n + p->pv_frames <= UINT64_C(1) << 36);
    assert_true((p->map != MAP_PV && !p->scratch_per_device) || p->unmapped == UNMAPPED_SCRATCH);
    assert_true(!p->shared_tables || p->unmapped == UNMAPPED_FAULT);
    for (const struct manifest_region *r = p->region; r < p->region + p->regions; r++) {
        assert_true(!p->shared_tables || (r->cpu & ~R_EXEC) == r->dma);
        assert_true(p->shared_tables || r->type != EXT_DOORBELL || !r->cpu);
        assert_false(r->placed && r->dma && ranges_overlap(p->pv.n, p->pv_frames, r->gfn.n, r->frames));
    }
}

/* What is accepted holds what manifest.h promises. */
static void promises_hold(const struct manifest *m)
{
    for (const struct manifest_device *v = m->quarantine; v < m->quarantine + m->quarantines; v++)
        assert_false((v->waived && v->quarantine_scratch) || v->no_dma || v->unprotected_dma || v->reserved_scratch);
    for (const struct manifest_partition *p = m->partition; p < m->partition + m->partitions; p++) {
        assert_in_range(p->cpus, 1, MANIFEST_CPUS);
        assert_in_range(strlen(p->name), 1, MANIFEST_NAME_MAX);
        assert_non_null(p->kernel.file);
        map_holds(p);
        for (const struct manifest_region *r = p->region; r < p->region + p->regions; r++) {
            assert_true(r->frames && r->gfn.n + r->frames <= UINT64_C(1) << 36);
            assert_true(r->mfn.n + r->frames <= UINT64_C(1) << 36);
            assert_true(r->placed || p->identity);
            assert_true((r->type == EXT_SHARED) == (r->shared != NULL));
            for (const struct manifest_region *o = p->region; o < r; o++)
                assert_true(!o->placed || !r->placed || !ranges_overlap(o->gfn.n, o->frames, r->gfn.n, r->frames));
        }
        for (const struct manifest_device *v = p->device; v < p->device + p->devices; v++) {
            assert_true(v->kind == DEVICE_PCI || v->path[0] == '/');
            assert_true(!v->unprotected_dma || p->identity);
            assert_false((v->unprotected_dma || v->no_dma) && (v->reserved_scratch || v->quarantine_scratch));
            assert_false(v->waived);
        }
    }
}

static bool read_mutated(void *context, const void *blob, size_t size)
{
    struct fixture *f = context;
    bool accepts = parse(f, blob, size) == ERR_NONE;

    if (accepts)
        promises_hold(&f->m);
    else
        assert_string_not_equal(f->d.text, "");
    return accepts;
}

static void test_mutated(void **state)
{
    unsigned rounds = mutate_start(10000);

    for (int i = 0; i < 2; i++) {
        size_t size;
        uint8_t *blob = i ? dts_compile_file(MANIFESTS "/good/maps.dts", &size, NULL, 0) : dts_compile(good, &size);

        assert_true(mutate_blob(blob, size, rounds, read_mutated, *state) || !rounds);
        free(blob);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_good),
        TEST(test_maps),
        TEST(test_options),
        TEST(test_shared_tables),
        TEST(test_bad_files),
        TEST(test_duplicate_names),
        TEST(test_too_many_partitions),
        TEST(test_most_partitions),
        TEST(test_arena_exhausted),
        TEST(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
