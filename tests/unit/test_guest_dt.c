/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/plan.c kernel/plan_messages.c kernel/plan_memory.c kernel/plan_device.c kernel/plan_mmio.c
 * kernel/plan_image.c kernel/plan_hv.c kernel/check.c kernel/check_device.c kernel/guest_dt.c kernel/dt_write.c
 * kernel/arena.c kernel/sort.c kernel/diag.c kernel/fmt.c kernel/dt.c kernel/dt_read.c kernel/board.c
 * kernel/plan_image_arm64.c kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c kernel/manifest.c
 * kernel/manifest_device.c kernel/manifest_read.c kernel/manifest_region.c kernel/pool.c kernel/p2m/extent.c
 * kernel/p2m/spans.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c kernel/iommu/bfn.c
 * kernel/iommu/scratch.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c boot/bundle.c tests/host/plan_fixture.c
 * tests/host/dtc.c tests/host/arch_host.c kernel/plan_maps.c kernel/p2m/share.c kernel/iommu/kind.c
 * kernel/iommu/kind_smmuv3.c kernel/p2m/kind_arm.c kernel/p2m/verify_arm.c kernel/check_maps.c */
#include "check.h"
#include "guest_dt.h"
#include "plan_fixture.h"

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture f;
static _Alignas(8) uint8_t buf[GUEST_DTB_MAX];

static int setup(void **state)
{
    (void)state;
    return fixture_plan(&f, fixture_manifest) == ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    fixture_free(&f);
    return 0;
}

static size_t write_dtb(unsigned partition)
{
    size_t used = 0;

    memset(buf, 0xa5, sizeof buf);
    assert_int_equal(guest_dt_write(&f.plan, &f.plan.partition[partition], buf, sizeof buf, &used, &f.diag), ERR_NONE);
    assert_int_equal(used, fdt_totalsize(buf));
    assert_int_equal(fdt_check_full(buf, used), 0);
    return used;
}

static int node(const char *path)
{
    int n = fdt_path_offset(buf, path);

    if (n < 0)
        fail_msg("no node %s", path);
    return n;
}

static void assert_cells(const char *path, const char *prop, const uint32_t *want, int count)
{
    int len;
    const fdt32_t *got = fdt_getprop(buf, node(path), prop, &len);

    if (!got || len != count * 4)
        fail_msg("%s %s: %d bytes", path, prop, len);
    for (int i = 0; i < count; i++) {
        if (fdt32_to_cpu(got[i]) != want[i])
            fail_msg("%s %s: cell %d is 0x%x, not 0x%x", path, prop, i, fdt32_to_cpu(got[i]), want[i]);
    }
}

#define ASSERT_CELLS(path, prop, ...) \
    assert_cells((path), (prop), (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void assert_text(const char *path, const char *prop, const char *want)
{
    const char *got = fdt_getprop(buf, node(path), prop, NULL);

    assert_non_null(got);
    assert_string_equal(got, want);
}

static void assert_absent(const char *path)
{
    assert_int_equal(fdt_path_offset(buf, path), -FDT_ERR_NOTFOUND);
}

static void test_linux(void **state)
{
    (void)state;
    write_dtb(0);
    assert_int_equal(fdt_node_check_compatible(buf, 0, "mullion,guest"), 0);
    ASSERT_CELLS("/", "interrupt-parent", 1);
    assert_text("/chosen", "bootargs", "console=ttyAMA0");
    assert_text("/chosen", "stdout-path", "/pl011@9000000");
    ASSERT_CELLS("/chosen", "linux,initrd-start", 0, 0x41300000);
    ASSERT_CELLS("/chosen", "linux,initrd-end", 0, 0x41300000 + FIXTURE_INITRD_SIZE);
    ASSERT_CELLS("/chosen", "linux,pci-probe-only", 1);
    ASSERT_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x10000000);
    assert_absent("/memory@70000000");
    ASSERT_CELLS("/cpus/cpu@1", "reg", 1);
    assert_text("/cpus/cpu@1", "enable-method", "psci");
    assert_text("/cpus/cpu@1", "compatible", "arm,cortex-a57");
    assert_absent("/cpus/cpu@2");
    assert_text("/psci", "method", "hvc");
    ASSERT_CELLS("/timer", "interrupts", 1, 14, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    ASSERT_CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x40000);
    assert_int_equal(fdt_get_phandle(buf, node("/intc@8000000")), 1);
    ASSERT_CELLS("/pl011@9000000", "reg", 0, 0x9000000, 0, 0x1000);
    ASSERT_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    ASSERT_CELLS("/pl011@9000000", "clocks", 2, 2);
    assert_int_equal(fdt_get_phandle(buf, node("/clk")), 2);
}

static void test_pci(void **state)
{
    const char *pcie = "/pcie@4010000000";

    (void)state;
    write_dtb(0);
    ASSERT_CELLS(pcie, "reg", 0x40, 0x10000000, 0, 0x100000);
    ASSERT_CELLS(pcie, "bus-range", 0, 0);
    ASSERT_CELLS(pcie, "ranges", 0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x104000);
    ASSERT_CELLS(pcie, "interrupt-map-mask", 0xf800, 0, 0, 7);
    ASSERT_CELLS(pcie, "interrupt-map", 0x800, 0, 0, 1, 1, 0, 5, 4, 0x1000, 0, 0, 1, 1, 0, 6, 4);
    assert_non_null(fdt_getprop(buf, node(pcie), "dma-coherent", NULL));
    write_dtb(1);
    assert_null(fdt_getprop(buf, node(pcie), "interrupt-map", NULL)); /* its device has no pin */
    write_dtb(2);
    assert_absent(pcie);
}

static void test_platform_devices(void **state)
{
    int len;

    (void)state;
    write_dtb(1);
    ASSERT_CELLS("/pl031@9010000", "reg", 0, 0x9010000, 0, 0x1000);
    ASSERT_CELLS("/pl031@9010000", "interrupts", 0, 2, 4);
    ASSERT_CELLS("/pl031@9010000", "clocks", 2);
    assert_text("/pl031@9010000", "clock-names", "apb_pclk");
    assert_int_equal(fdt_node_check_compatible(buf, node("/pl031@9010000"), "arm,primecell"), 0);
    assert_non_null(fdt_getprop(buf, node("/pl031@9010000"), "dma-coherent", NULL));
    assert_null(fdt_getprop(buf, node("/dma@9100000"), "iommus", &len));
    ASSERT_CELLS("/dma@9102000", "interrupts", 0, 21, 4);
    ASSERT_CELLS("/memory@60000000", "reg", 0, 0x60000000, 0, 0x1000000);
    ASSERT_CELLS("/memory@6f800000", "reg", 0, 0x6f800000, 0, 0x400000);
}

static void test_hypervisor_node(void **state)
{
    (void)state;
    write_dtb(0);
    assert_text("/hypervisor", "compatible", "mullion,hypervisor");
    assert_text("/hypervisor", "mullion,partition", "linux");
    assert_text("/hypervisor/shared@78000000", "compatible", "mullion,shared");
    assert_text("/hypervisor/shared@78000000", "mullion,region", "box@78000000");
    ASSERT_CELLS("/hypervisor/shared@78000000", "reg", 0, 0x78000000, 0, 0x1000);
    assert_null(fdt_getprop(buf, node("/hypervisor/shared@78000000"), "read-only", NULL));
    assert_non_null(fdt_getprop(buf, node("/hypervisor/ram-ro@70000000"), "read-only", NULL));
    write_dtb(1);
    assert_non_null(fdt_getprop(buf, node("/hypervisor/shared@7fdff000"), "read-only", NULL));
    ASSERT_CELLS("/hypervisor/reserved@7fe00000", "reg", 0, 0x7fe00000, 0, 0x100000);
}

/* RAM that devices cannot reach, or only read, is no memory that a kernel takes its buffers from. */
static void test_ram_without_dma(void **state)
{
    struct extent *e = NULL;

    (void)state;
    for (uint32_t i = 0; i < f.plan.partition[1].physmap.count; i++) {
        if (!strcmp(f.plan.partition[1].physmap.ext[i].name, "heap"))
            e = &f.plan.partition[1].physmap.ext[i];
    }
    assert_non_null(e);
    for (unsigned dma = 0; dma < 2; dma++) {
        e->dma = (uint8_t)(dma * R_READ);
        write_dtb(1);
        assert_absent("/memory@6f800000");
        ASSERT_CELLS("/hypervisor/ram@6f800000", "reg", 0, 0x6f800000, 0, 0x400000);
        assert_text("/hypervisor/ram@6f800000", "compatible", "mullion,ram");
        assert_text("/hypervisor/ram@6f800000", "mullion,region", "heap");
    }
    e->dma = R_READ | R_WRITE;
    write_dtb(1);
    assert_absent("/hypervisor/ram@6f800000");
}

static void test_without_console(void **state)
{
    (void)state;
    write_dtb(2);
    assert_absent("/pl011@9000000");
    assert_null(fdt_getprop(buf, node("/chosen"), "stdout-path", NULL));
    assert_null(fdt_getprop(buf, node("/chosen"), "linux,initrd-start", NULL));
    assert_text("/chosen", "bootargs", "");
    ASSERT_CELLS("/cpus/cpu@0", "reg", 0);
}

/* RAM in several extents is one node where it is adjacent. */
static void test_split_memory(void **state)
{
    struct physmap *m = &f.plan.partition[2].physmap;
    struct extent *ext = calloc(m->count + 2, sizeof *ext), *old = m->ext;
    struct extent last = m->ext[m->count - 1];
    struct diag d = {{0}};

    (void)state;
    memcpy(ext, m->ext, m->count * sizeof *ext);
    m->ext = ext;
    m->cap = m->count + 2;
    last.gfn.n += last.frames;
    last.frames = 0x200;
    assert_int_equal(physmap_add(m, &last, &d), ERR_NONE);
    last.gfn.n += 0x1000;
    assert_int_equal(physmap_add(m, &last, &d), ERR_NONE);
    write_dtb(2);
    ASSERT_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x600000);
    ASSERT_CELLS("/memory@41400000", "reg", 0, 0x41400000, 0, 0x200000);
    m->ext = old;
    m->count -= 2;
    m->cap = m->count;
    free(ext);
}

/* Every size that is too small is refused, and nothing behind it is written. */
static void test_too_small(void **state)
{
    size_t full = write_dtb(0), used;

    (void)state;
    for (size_t size = 0; size < full; size += 61) {
        uint8_t *p = aligned_alloc(8, (size + 7) & ~(size_t)7);
        struct diag d = {{0}};

        assert_int_equal(guest_dt_write(&f.plan, &f.plan.partition[0], p, size, &used, &d), ERR_NO_SPACE);
        assert_non_null(strstr(d.text, "partition linux"));
        assert_int_equal(used, 0);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_pci),
        cmocka_unit_test(test_platform_devices),
        cmocka_unit_test(test_hypervisor_node),
        cmocka_unit_test(test_ram_without_dma),
        cmocka_unit_test(test_without_console),
        cmocka_unit_test(test_split_memory),
        cmocka_unit_test(test_too_small),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
