/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c
 * kernel/plan_image.c kernel/plan_hv.c kernel/check.c kernel/check_device.c kernel/arena.c kernel/sort.c kernel/diag.c
 * kernel/fmt.c kernel/dt.c kernel/dt_read.c kernel/board.c kernel/plan_image_arm64.c kernel/board_irq.c
 * kernel/board_memory.c kernel/board_pci.c kernel/manifest.c kernel/manifest_device.c kernel/manifest_read.c
 * kernel/manifest_region.c kernel/pool.c kernel/p2m/extent.c kernel/p2m/spans.c kernel/p2m/pt.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/iommu/bfn.c kernel/iommu/scratch.c
 * kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c boot/bundle.c tests/host/plan_fixture.c tests/host/dtc.c
 * tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c kernel/iommu/kind.c kernel/iommu/kind_smmuv3.c
 * kernel/p2m/kind_arm.c kernel/p2m/verify_arm.c kernel/check_maps.c */
#include "check.h"
/*
 * Every tests/manifests/bad-plan/NAME.dts is refused, by the parser, the plan or the check, with a
 * text that contains what its first line expects.
 */
#include "check.h"
#include "plan_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/manifests/bad-plan"

static bool is_refused_as_expected(const char *name)
{
    char path[256], line[256], *want, *end;
    struct fixture f;
    bool good;
    err_t e;

    snprintf(path, sizeof path, FOLDER "/%s", name);
    e = fixture_try_file(&f, path, line, sizeof line);
    if (!e)
        e = plan_build(&f.plan, &f.in, &f.arena, &f.diag);
    if (!e)
        e = check_plan(&f.plan, &f.arena, &f.diag);
    want = strstr(line, "expect: ");
    end = want ? strstr(want, " */") : NULL;
    assert_non_null(end);
    *end = '\0';
    good = e && strstr(f.diag.text, want + 8);
    print_message("%s %s: %s\n", good ? "ok " : "BAD", name, e ? f.diag.text : "not refused");
    fixture_free(&f);
    return good;
}

static void test_bad_plans(void **state)
{
    unsigned files = 0, bad = 0;
    DIR *d = opendir(FOLDER);

    (void)state;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".dts"))
            continue;
        files++;
        bad += !is_refused_as_expected(e->d_name);
    }
    closedir(d);
    assert_true(files > 20);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_plans)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
