/* SPDX-License-Identifier: Apache-2.0 */
/* links: tests/host/plan_tables.c kernel/compile.c kernel/plan.c kernel/plan_memory.c kernel/plan_device.c
 * kernel/plan_mmio.c kernel/plan_image.c kernel/plan_hv.c kernel/check.c kernel/check_device.c kernel/arena.c
 * kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c kernel/board.c kernel/plan_image_arm64.c
 * kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c kernel/manifest.c kernel/manifest_device.c
 * kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/iommu/bfn.c
 * kernel/iommu/scratch.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c boot/bundle.c tests/host/plan_fixture.c
 * tests/host/dtc.c tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c kernel/iommu/kind.c
 * kernel/iommu/kind_smmuv3.c kernel/p2m/kind_arm.c kernel/check_maps.c */
/*
 * Random systems: a plan that is not refused passes the check, its tables take exactly the pool, and
 * verify finds in them what was planned.
 */
#include "check.h"
#include "dtc.h"
#include "plan_fixture.h"
#include "plan_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TEXT 8192

static char *put(char *at, const char *end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static char *put(char *at, const char *end, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(at, (size_t)(end - at), fmt, ap);
    va_end(ap);
    assert_true(n < end - at);
    return at + n;
}

static char *random_memory(char *t, const char *end, bool identity)
{
    unsigned regions = 1 + mutate_below(4);

    for (unsigned r = 0; r < regions; r++) {
        unsigned size = (1 + mutate_below(r ? 0x4000 : 0x10000)) << 12;
        unsigned base = 0x40000000 + r * 0x20000000 + (mutate_below(64) << (mutate_below(2) ? 12 : 21));
        const char *type = r && !mutate_below(3) ? "ram-ro" : "ram";

        if (!r)
            size += 0x1800000;
        if (identity)
            t = put(t, end, "r%u { type = \"%s\"; size = <0 0x%x>; };\n", r, type, size);
        else
            t = put(t, end, "r@%x { type = \"%s\"; reg = <0 0x%x 0 0x%x>; %s };\n", base, type, base, size,
                    mutate_below(4) ? "" : "dma = \"none\";");
    }
    if (mutate_below(2))
        t = put(t, end, "box%s { type = \"shared\"; shared = \"box\"; %s };\n", identity ? "" : "@e0000000",
                identity ? "" : "reg = <0 0xe0000000 0 0x3000>;");
    return t;
}

/* Some devices for this partition; taken: what others have already. */
static char *random_devices(char *t, const char *end, bool identity, unsigned *taken)
{
    static const char *const device[] = {
        "a { pci = \"00:02.0\"; };",
        "b { pci = \"00:03.0\"; };",
        "c { path = \"/pl031@9010000\"; no-dma; };",
        "d { path = \"/dma@9100000\"; };",
        "e { pci = \"00:07.0\"; unprotected-dma; };",
    };

    for (unsigned i = 0; i < 5; i++) {
        if ((*taken & 1u << i) || mutate_below(3) || (i == 4 && !identity))
            continue;
        *taken |= 1u << i;
        t = put(t, end, "%s\n", device[i]);
    }
    return t;
}

static void random_manifest(char *t, const char *end)
{
    static const char *const unmapped[] = {"scratch", "fault", "read-only-scratch"};
    unsigned partitions = 1 + mutate_below(4), taken = 0;

    t = put(t, end,
            "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; shared { box { size = <0 0x3000>; }; }; "
            "partitions {\n");
    for (unsigned i = 0; i < partitions; i++) {
        bool identity = mutate_below(3) == 0;
        char devices[256];

        *devices = 0;
        random_devices(devices, devices + sizeof devices, identity, &taken);
        t = put(t, end, "p%u { cpus = <%u>; physmap = \"%s\";\n", i, i, identity ? "identity" : "translated");
        if (strstr(devices, "00:02") || strstr(devices, "00:03") || strstr(devices, "/dma"))
            t = put(t, end, "unmapped = \"%s\";\n", unmapped[mutate_below(3)]);
        t = put(t, end, "kernel { file = \"linux\"; };\n");
        t = put(t, end, "memory { #address-cells = <2>; #size-cells = <2>;\n");
        t = random_memory(t, end, identity);
        t = put(t, end, "}; devices {\n");
        t = put(t, end, "%s}; };\n", devices);
    }
    put(t, end, "}; };\n");
}

/* Its tables take exactly what was planned and are what verify wants. */
static void tables_are_good(struct fixture *f, const char *text)
{
    struct compiled t;
    struct diag d = {{0}};

    if (plan_tables_build(&t, &f->plan, &f->arena, &d) || compile_verify(&t, &d))
        fail_msg("%s\n%s", d.text, text);
    plan_tables_free(&t);
}

static void random_board(struct fixture *f, struct board_range memory[3])
{
    uint64_t at = f->board.memory[0].base.v;

    f->board.memories = 1 + mutate_below(3);
    for (uint32_t i = 0; i < f->board.memories; i++) {
        uint64_t size = i ? (1 + mutate_below(0x30000)) * FRAME_SIZE : f->board.memory[0].size;

        memory[i] = (struct board_range){.base = {at}, .size = size, .name = "memory"};
        at += size + (1 + mutate_below(0x1000)) * FRAME_SIZE;
    }
    f->board.memory = memory;
    f->board.iommu[0].in_bits = mutate_below(2) ? 44 : (uint8_t)(36 + mutate_below(13));
}

static void test_random_systems(void **state)
{
    unsigned rounds = mutate_start(2000), good = 0;
    static char text[MAX_TEXT];

    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        struct board_range memory[3];
        struct fixture f;
        err_t e;

        random_manifest(text, text + sizeof text);
        if (!fixture_try(&f, text)) {
            random_board(&f, memory);
            e = plan_build(&f.plan, &f.in, &f.arena, &f.diag);
            if (!e) {
                good++;
                if (check_plan(&f.plan, &f.arena, &f.diag))
                    fail_msg("%s\n%s", f.diag.text, text);
                tables_are_good(&f, text);
            } else {
                assert_string_not_equal(f.diag.text, "");
            }
        }
        fixture_free(&f);
    }
    print_message("%u of %u random systems could be planned\n", good, rounds);
    assert_true(good > rounds / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_systems)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
