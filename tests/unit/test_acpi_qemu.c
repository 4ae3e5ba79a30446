/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/acpi.c kernel/acpi_dmar.c kernel/acpi_ivrs.c kernel/acpi_madt.c kernel/acpi_scope.c
 * kernel/board_acpi.c kernel/board_acpi_memory.c kernel/plan_image_pc.c kernel/board.c kernel/plan_image_arm64.c
 * kernel/board_irq.c kernel/board_memory.c kernel/board_pci.c kernel/arena.c kernel/sort.c kernel/diag.c kernel/dt.c
 * kernel/dt_read.c kernel/fmt.c kernel/pool.c kernel/p2m/extent.c kernel/p2m/pt.c kernel/p2m/verify.c
 * kernel/p2m/verify_arm.c kernel/p2m/verify_iommu.c kernel/p2m/verify_shared.c kernel/p2m/verify_x86.c
 * kernel/p2m/kind_arm.c kernel/p2m/kind_x86.c kernel/p2m/format_amdvi.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_arm_s2.c kernel/p2m/format_ept.c kernel/p2m/format_long_mode.c kernel/p2m/format_npt.c
 * kernel/p2m/format_vtd_sl.c kernel/iommu/kind_amdvi.c kernel/iommu/kind_smmuv3.c kernel/iommu/kind_vtd.c
 * kernel/iommu/amdvi.c kernel/iommu/amdvi_words.c kernel/iommu/smmuv3.c kernel/iommu/smmuv3_words.c kernel/iommu/vtd.c
 * kernel/iommu/vtd_words.c tests/host/acpi_world.c tests/host/arch_host.c */
/*
 * The tables that tests build are those of QEMU's q35, byte by byte, and the reader makes the same board of both.
 * Skipped where there is no qemu-system-x86_64 ($MULLION_QEMU_X86_64: another one).
 */
#include "acpi_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TRIES 120 /* of a quarter of a second */

static char folder[] = "/tmp/mullion-acpi-XXXXXX";

static const char *qemu(void)
{
    const char *q = getenv("MULLION_QEMU_X86_64");

    return q ? q : "qemu-system-x86_64";
}

static void pause_a_little(void)
{
    (void)usleep(250000);
}

/* Have QEMU's monitor save memory, and read that; false: it is not there in time. */
static bool memory_save(FILE *monitor, uint64_t at, size_t size, uint8_t *to)
{
    char path[64];
    size_t got = 0;

    snprintf(path, sizeof path, "%s/%lx", folder, at);
    (void)unlink(path);
    fprintf(monitor, "pmemsave 0x%lx 0x%zx \"%s\"\n", at, size, path);
    fflush(monitor);
    for (unsigned i = 0; i < TRIES && got != size; i++) {
        FILE *file;

        pause_a_little();
        file = fopen(path, "rb");
        got = file ? fread(to, 1, size, file) : 0;
        if (file)
            (void)fclose(file);
    }
    (void)unlink(path);
    return got == size;
}

/* What firmware leaves in memory: asked for until it has written the root of its tables. */
static void memory_take(struct acpi_world *w, const char *iommu)
{
    char command[1024];
    FILE *monitor;
    bool done = false;

    snprintf(command, sizeof command,
             "exec '%s' -machine q35 -cpu max -smp 4 -m 1024 -nodefaults -display none -monitor stdio -device "
             "%s,intremap=on "
             "-drive if=none,id=d,driver=null-co,size=1M -device nvme,drive=d,serial=1,addr=2 -device edu,addr=3 "
             "-device pcie-root-port,id=rp,addr=4,chassis=1 -device edu,bus=rp >/dev/null",
             qemu(), iommu);
    monitor = popen(command, "w");
    assert_non_null(monitor);
    for (unsigned i = 0; i < TRIES && !done; i++) {
        if (!memory_save(monitor, 0, WORLD_LOW, w->low))
            break;
        for (uint32_t at = 0xe0000; at < WORLD_LOW && !done; at += 16)
            done = !memcmp(w->low + at, "RSD PTR ", 8);
    }
    done = done && memory_save(monitor, WORLD_TABLES, WORLD_SIZE, w->tables);
    fprintf(monitor, "quit\n");
    (void)pclose(monitor);
    assert_true(done);
}

static void table_compare(struct acpi_world *ours, const struct acpi_world *theirs, const char *name)
{
    static struct diag d;
    struct acpi_table a, b;
    struct acpi x;

    assert_int_equal(acpi_open(&x, &ours->fw.physical, 0, &d), ERR_NONE);
    assert_int_equal(acpi_find(&x, name, ACPI_HEADER, ACPI_LIST_MAX, &a), ERR_NONE);
    assert_int_equal(acpi_open(&x, &theirs->fw.physical, 0, &d), ERR_NONE);
    assert_int_equal(acpi_find(&x, name, ACPI_HEADER, ACPI_LIST_MAX, &b), ERR_NONE);
    assert_non_null(a.p);
    assert_non_null(b.p);
    if (a.size != b.size)
        fail_msg("%s: %u bytes, QEMU has %u", name, a.size, b.size);
    for (uint32_t i = 0; i < a.size; i++) {
        if (a.p[i] != b.p[i])
            fail_msg("%s: byte 0x%x is 0x%x, QEMU has 0x%x", name, i, a.p[i], b.p[i]);
    }
}

static void board_of(struct acpi_world *w, struct board *b, struct arena *a)
{
    struct diag d = {0};

    if (board_read_acpi(b, &w->fw, a, &d))
        fail_msg("%s", d.text);
    assert_string_equal(w->notes, "");
}

/* The same list, all bytes of it. */
#define LIST_IS(a, b, list, count)                                             \
    do {                                                                       \
        assert_int_equal((a).count, (b).count);                                \
        assert_memory_equal((a).list, (b).list, (a).count * sizeof *(a).list); \
    } while (0)

static void boards_compare(struct acpi_world *ours, struct acpi_world *theirs)
{
    static _Alignas(16) uint8_t room[2][1 << 16];
    struct arena arena[2];
    struct board a, b;

    arena_init(&arena[0], room[0], sizeof room[0]);
    arena_init(&arena[1], room[1], sizeof room[1]);
    board_of(ours, &a, &arena[0]);
    board_of(theirs, &b, &arena[1]);
    LIST_IS(a, b, cpu, cpus);
    LIST_IS(a, b, iommu, iommus);
    LIST_IS(a, b, pci.map, pci.maps);
    LIST_IS(a, b, apic.ioapic, apic.ioapics);
    LIST_IS(a, b, apic.isa, apic.isas);
    LIST_IS(a, b, mmio, mmios);
    LIST_IS(a, b, pci.bus, pci.buses);
    assert_memory_equal(&a.acpi, &b.acpi, sizeof a.acpi);
    assert_memory_equal(&a.uart, &b.uart, sizeof a.uart);
}

static void compare(unsigned devices, const char *iommu, const char *table)
{
    static const char *const name[] = {"APIC", "HPET", "MCFG"};
    struct acpi_world ours, theirs;
    char command[256];

    snprintf(command, sizeof command, "'%s' --version >/dev/null 2>&1", qemu());
    if (system(command) != 0)
        skip();
    world_q35(&ours, devices | WORLD_NVME);
    world_q35(&theirs, devices | WORLD_NVME);
    memory_take(&theirs, iommu);
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
        table_compare(&ours, &theirs, name[i]);
    table_compare(&ours, &theirs, table);
    boards_compare(&ours, &theirs);
    world_free(&ours);
    world_free(&theirs);
}

static void test_vtd(void **state)
{
    (void)state;
    compare(WORLD_VTD, "intel-iommu", "DMAR");
}

static void test_amdvi(void **state)
{
    (void)state;
    compare(WORLD_AMDVI, "amd-iommu", "IVRS");
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vtd), cmocka_unit_test(test_amdvi)};

    return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
