/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/guest_acpi.c kernel/guest_aml.c kernel/acpi.c kernel/diag.c kernel/fmt.c */
/*
 * The tables that a PC's guest finds, read back: by the hypervisor's own reader, which checks lengths and sums, by a
 * walk over the AML that ends exactly where each of its objects ends, and by iasl where it is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "acpi.h"
#include "guest_acpi.h"
#include "guest_aml.h"

#define AT   UINT64_C(0xe0000)
#define ROOM 0x6000u

enum { CPUS = 6 };

static _Alignas(16) uint8_t block[ROOM];
static struct board_cpu cpu[CPUS] = {{.id = 0}, {.id = 2}, {.id = 254}, {.id = 255}, {.id = 0x12345}, {.id = 7}};
static uint32_t cpus[CPUS] = {5, 1, 2, 3, 4, 0};
static struct board_ioapic ioapic[] = {{.id = 8, .base = {0xfec00000}, .gsi = 0}};
static struct board board;
static struct plan plan;
static struct plan_partition pp;
static const struct manifest_partition manifest = {.name = "linux"};
static struct acpi tables;
static struct diag d;

static const void *memory_map(void *ctx, uint64_t at, uint64_t size)
{
    (void)ctx;
    return at >= AT && size <= sizeof block && at - AT <= sizeof block - size ? block + (at - AT) : NULL;
}

static int setup(void **state)
{
    (void)state;
    board = (struct board){.cpu = cpu,
                           .cpus = CPUS,
                           .apic = {.lapic = {0xfee00000}, .ioapic = ioapic, .ioapics = 1},
                           .acpi = {.pm_timer = 0x608, .pm_timer_32 = true}};
    plan = (struct plan){.board = &board};
    pp = (struct plan_partition){.m = &manifest,
                                 .cpu = cpus,
                                 .cpus = CPUS,
                                 .emulated = {[EMULATED_LAPIC] = {0xfee00000}, [EMULATED_IOAPIC] = {0xfec00000}},
                                 .has_vuart = true,
                                 .has_ecam = true,
                                 .ecam = {0xb0000000},
                                 .pci_mem = {0xc0000000},
                                 .pci_mem_size = 0x8000};
    memset(block, 0xa5, sizeof block);
    return 0;
}

static void write_tables(void)
{
    const struct acpi_memory memory = {.map = memory_map};

    assert_int_equal(guest_acpi_write(&plan, &pp, gaddr(AT), block, sizeof block, &d), ERR_NONE);
    assert_memory_equal(block, "RSD PTR ", 8);
    assert_int_equal(acpi_open(&tables, &memory, AT, &d), ERR_NONE);
}

static struct acpi_table find(const char *name)
{
    struct acpi_table t;

    assert_int_equal(acpi_find(&tables, name, ACPI_HEADER, ACPI_LIST_MAX, &t), ERR_NONE);
    if (t.p)
        assert_int_equal(t.at % 16, 0);
    return t;
}

static struct acpi_table find_dsdt(void)
{
    const struct acpi_table fadt = find("FACP");
    struct acpi_table t;

    assert_non_null(fadt.p);
    assert_int_equal(acpi_table_at(&tables, "DSDT", acpi_get(&fadt, 140, 8), ACPI_HEADER, ACPI_TABLE_MAX, &t),
                     ERR_NONE);
    return t;
}

static void fadt(void **state)
{
    static const struct {
        uint32_t at;
        unsigned bytes;
        uint64_t value;
    } want[] = {
        {8, 1, 6},       {36, 4, 0},           {40, 4, 0},           {45, 1, 0},           {76, 4, 0x608},
        {91, 1, 4},      {109, 2, 0x24},       {112, 4, 0x180531},   {116, 4, 0x01000801}, {120, 8, 0xcf9},
        {128, 1, 6},     {131, 1, 5},          {208, 4, 0x03002001}, {212, 8, 0x608},      {244, 4, 0x01000801},
        {248, 8, 0x604}, {256, 4, 0x01000801}, {260, 8, 0x605},      {268, 8, 0},
    };
    struct acpi_table t;

    (void)state;
    write_tables();
    t = find("FACP");
    assert_int_equal(t.size, 276);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(acpi_get(&t, want[i].at, want[i].bytes), want[i].value);
}

static void pm_timer(void **state)
{
    struct acpi_table t;

    (void)state;
    for (uint16_t timer = 0x5fc; timer < 0x610; timer++) {
        board.acpi.pm_timer = timer;
        assert_int_equal(guest_pm_timer(&board), timer > 0x600 && timer < 0x606 ? 0 : timer);
    }
    board.acpi.pm_timer = 0x608;
    board.acpi.pm_timer_32 = false;
    write_tables();
    t = find("FACP");
    assert_int_equal(acpi_get(&t, 112, 4), 0x180431);
    board.acpi.pm_timer = 0;
    write_tables();
    t = find("FACP");
    assert_int_equal(acpi_get(&t, 76, 4), 0);
    assert_int_equal(acpi_get(&t, 91, 1), 0);
    assert_int_equal(acpi_get(&t, 208, 8), 0);
    assert_int_equal(acpi_get(&t, 248, 8), 0x604);
}

static void madt(void **state)
{
    static const uint8_t cpus_and_ioapic[] = {
        0, 8,  0, 7, 1,    0,    0,    0,    0, 8, 1, 2, 1, 0, 0, 0, 0, 8, 2, 254, 1, 0, 0, 0, /* by 8 bits */
        9, 16, 0, 0, 255,  0,    0,    0,    1, 0, 0, 0, 3, 0, 0, 0,                           /* by 32 */
        9, 16, 0, 0, 0x45, 0x23, 1,    0,    1, 0, 0, 0, 4, 0, 0, 0, 0, 8, 5, 0,   1, 0, 0, 0,
        1, 12, 8, 0, 0,    0,    0xc0, 0xfe, 0, 0, 0, 0,
    };
    struct acpi_table t;

    (void)state;
    write_tables();
    t = find("APIC");
    assert_int_equal(acpi_get(&t, 36, 4), 0xfee00000);
    assert_int_equal(acpi_get(&t, 40, 4), 0);
    assert_int_equal(t.size, 44 + sizeof cpus_and_ioapic);
    assert_memory_equal(t.p + 44, cpus_and_ioapic, sizeof cpus_and_ioapic);
    pp.emulated[EMULATED_IOAPIC] = gaddr(0);
    pp.cpus = 1;
    write_tables();
    t = find("APIC");
    assert_int_equal(t.size, 44 + 8);
}

static void mcfg(void **state)
{
    struct acpi_table t;

    (void)state;
    write_tables();
    t = find("MCFG");
    assert_int_equal(t.size, 60);
    assert_int_equal(acpi_get(&t, 36, 8), 0);
    assert_int_equal(acpi_get(&t, 44, 8), 0xb0000000);
    assert_int_equal(acpi_get(&t, 52, 8), 0);
    pp.has_ecam = false;
    write_tables();
    t = find("MCFG");
    assert_null(t.p);
    assert_non_null(find("APIC").p);
}

static void nothing_else_is_listed(void **state)
{
    static const char not_there[][5] = {"DMAR", "IVRS", "HPET", "FACS", "SSDT", "WAET"};

    (void)state;
    write_tables();
    assert_int_equal(tables.root.size, 36 + 3 * 8);
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        assert_null(find(not_there[i]).p);
}

/*
 * AML: "path" lines and resources into a text. Every length is followed to its end; what is unknown fails.
 */

static char seen[2048];

static void see(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void see(const char *fmt, ...)
{
    const size_t used = strlen(seen);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(seen + used, sizeof seen - used, fmt, ap);
    va_end(ap);
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, p, bytes);
    return v;
}

/* ACPI 6.5, 20.2.4; *p moves behind it. The end of what it counts. */
static const uint8_t *length(const uint8_t **p)
{
    const uint8_t *from = *p;
    const unsigned more = *from >> 6;
    size_t n = more ? *from & 0xf : *from;

    for (unsigned i = 0; i < more; i++)
        n |= (size_t)from[1 + i] << (4 + 8 * i);
    *p = from + 1 + more;
    return from + n;
}

static void walk_resources(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        const size_t n = *p & 0x80 ? 3 + number(p + 1, 2) : 1 + (*p & 7u);

        assert_true(p + n <= end);
        switch (*p) {
        case 0x47:
            see(" io%x %lx-%lx/%x+%x", p[1], number(p + 2, 2), number(p + 4, 2), p[6], p[7]);
            break;
        case 0x79:
            assert_int_equal(p[1], 0);
            assert_ptr_equal(p + n, end);
            break;
        case 0x88:
            see(" bus%x/%x/%x %lx-%lx+%lx", p[3], p[4], p[5], number(p + 8, 2), number(p + 10, 2), number(p + 14, 2));
            assert_int_equal(number(p + 6, 2) | number(p + 12, 2), 0);
            break;
        case 0x89:
            see(" irq%x/%x %lx", p[3], p[4], number(p + 5, 4));
            break;
        case 0x8a:
            see(" mem%x/%x/%x %lx-%lx+%lx", p[3], p[4], p[5], number(p + 14, 8), number(p + 22, 8), number(p + 38, 8));
            assert_int_equal(number(p + 6, 8) | number(p + 30, 8), 0);
            break;
        default:
            fail_msg("resource %x", *p);
        }
        p += n;
    }
    assert_ptr_equal(p, end);
}

/* The value of a name; what is behind it. */
static const uint8_t *walk_value(const uint8_t *p)
{
    const uint8_t *end;

    switch (*p++) {
    case 0x0c:
        see("=%08lx", number(p, 4));
        return p + 4;
    case 0x11:
        end = length(&p);
        assert_int_equal(*p, 0x0b);
        assert_int_equal(number(p + 1, 2), end - p - 3);
        walk_resources(p + 3, end);
        return end;
    case 0x12:
        end = length(&p);
        see("={%u", *p++);
        for (; p < end; p++) {
            if (*p == 0x0a)
                p++;
            see(" %x", *p);
        }
        see("}");
        return end;
    default:
        fail_msg("value %x", p[-1]);
        return NULL;
    }
}

static void walk(const uint8_t *p, const uint8_t *end, unsigned depth) // NOLINT(misc-no-recursion): three levels
{
    assert_true(depth < 4);
    while (p < end) {
        const bool is_name = *p == 0x08;
        const uint8_t *inner_end = end;

        see("%*s", (int)depth * 2, "");
        if (!is_name) {
            see(*p == 0x10 ? "scope " : "device ");
            assert_true(*p == 0x10 || (p[0] == 0x5b && p[1] == 0x82));
            p += *p == 0x10 ? 1 : 2;
            inner_end = length(&p);
            assert_true(inner_end <= end);
        } else {
            p++;
        }
        if (*p == '\\')
            see("%c", *p++);
        see("%.4s", (const char *)p);
        p += 4;
        if (is_name) {
            p = walk_value(p);
            see("\n");
        } else {
            see("\n");
            walk(p, inner_end, depth + 1);
            p = inner_end;
        }
    }
    assert_ptr_equal(p, end);
}

static const char *aml_seen(void)
{
    struct acpi_table t;
    uint8_t s5;

    write_tables();
    t = find_dsdt();
    assert_int_equal(acpi_get(&t, 8, 1), 2);
    assert_true(acpi_s5(&t, &s5));
    assert_int_equal(s5, 5);
    seen[0] = 0;
    walk(t.p + 36, t.p + t.size, 0);
    return seen;
}

#define S5 "\\_S5_={4 5 5 0 0}\n"

static void dsdt(void **state)
{
    (void)state;
    assert_string_equal(aml_seen(), "scope \\_SB_\n"
                                    "  device MB00\n"
                                    "    _HID=020cd041\n"
                                    "    _CRS mem0/d/1 b0000000-b00fffff+100000\n"
                                    "  device PCI0\n"
                                    "    _HID=080ad041\n"
                                    "    _CID=030ad041\n"
                                    "    _SEG=00000000\n"
                                    "    _BBN=00000000\n"
                                    "    _UID=00000000\n"
                                    "    _CRS bus2/c/0 0-0+1 mem0/c/1 c0000000-c0007fff+8000\n"
                                    "  device COM1\n"
                                    "    _HID=0105d041\n"
                                    "    _UID=00000000\n"
                                    "    _CRS io1 3f8-3f8/1+8 irq3/1 4\n" S5);
}

static void dsdt_of_less(void **state)
{
    (void)state;
    pp.has_ecam = false;
    pp.emulated[EMULATED_IOAPIC] = gaddr(0); /* then nothing could take the interrupt */
    assert_string_equal(aml_seen(), "scope \\_SB_\n"
                                    "  device COM1\n"
                                    "    _HID=0105d041\n"
                                    "    _UID=00000000\n"
                                    "    _CRS io1 3f8-3f8/1+8\n" S5);
    pp.emulated[EMULATED_IOAPIC] = gaddr(0xfec00000);
    ioapic[0].gsi = 0x20;
    assert_non_null(strstr(aml_seen(), " irq3/1 24\n"));
    ioapic[0].gsi = 0;
    pp.has_vuart = false;
    assert_string_equal(aml_seen(), "scope \\_SB_\n" S5);
    pp.has_ecam = true;
    pp.pci_mem = gaddr(0x8000000000);
    pp.pci_mem_size = 0x100000000;
    assert_non_null(strstr(aml_seen(), " mem0/c/1 8000000000-80ffffffff+100000000\n"));
    pp.pci_mem_size = 0;
    assert_non_null(strstr(aml_seen(), "_CRS bus2/c/0 0-0+1\n"));
}

/* Too small a block is refused, and never written past. */
static void bounded(void **state)
{
    size_t need = 0;

    (void)state;
    for (size_t room = 0; room < ROOM && !need; room++) {
        uint8_t *p = malloc(room ? room : 1);

        if (guest_acpi_write(&plan, &pp, gaddr(AT), p, room, &d) == ERR_NONE)
            need = room;
        free(p);
    }
    assert_in_range(need, 600, 1200);
    assert_int_equal(guest_acpi_write(&plan, &pp, gaddr(AT), block, need - 1, &d), ERR_NO_SPACE);
    assert_non_null(strstr(d.text, "partition linux: ACPI tables for 6 CPUs do not fit into 0x"));
}

static void aml_refuses_what_its_lengths_cannot_say(void **state)
{
    static uint8_t room[8192];
    struct aml a = {.p = room, .size = sizeof room};
    struct aml_mark m = aml_device_begin(&a, "BIG_");

    (void)state;
    while (a.used < 0xfff + 2)
        aml_put(&a, 1, 0);
    aml_end(&a, m);
    assert_false(a.full);
    aml_put(&a, 1, 0);
    aml_end(&a, m);
    assert_true(a.full);
}

static void file_write(const char *dir, const char *name, const struct acpi_table *t)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.dat", dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(t->p, 1, t->size, f), t->size);
    assert_int_equal(fclose(f), 0);
}

/* iasl says nothing of errors or warnings, and its source of the DSDT is what was meant. */
static void iasl_reads_them(void **state)
{
    static const char check[] =
        "cd %s && iasl -d *.dat >log 2>&1 && ! grep -iE 'error|warning|invalid|unknown' log *.dsl && "
        "tr -s ' \\n' ' ' <dsdt.dsl | grep -q 'QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, "
        "NonCacheable, ReadWrite,' && grep -q 'EisaId (\"PNP0A08\")' dsdt.dsl && grep -q 'Package (0x04)' dsdt.dsl && "
        "grep -q 'Use APIC Physical Destination Mode (V4) : 1' facp.dsl && iasl dsdt.dsl >log 2>&1";
    char dir[] = "/tmp/mullion-acpi-XXXXXX", command[768];
    struct acpi_table t;

    (void)state;
    if (system("command -v iasl >/dev/null"))
        skip();
    write_tables();
    assert_non_null(mkdtemp(dir));
    t = find_dsdt();
    file_write(dir, "dsdt", &t);
    t = find("FACP");
    file_write(dir, "facp", &t);
    t = find("APIC");
    file_write(dir, "apic", &t);
    t = find("MCFG");
    file_write(dir, "mcfg", &t);
    snprintf(command, sizeof command, check, dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(fadt),
        T(pm_timer),
        T(madt),
        T(mcfg),
        T(nothing_else_is_listed),
        T(dsdt),
        T(dsdt_of_less),
        T(bounded),
        T(aml_refuses_what_its_lengths_cannot_say),
        T(iasl_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
