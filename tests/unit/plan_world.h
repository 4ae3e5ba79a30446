/* SPDX-License-Identifier: Apache-2.0 */
/* Plans over the fixture's board with other options, IOMMUs and reserved memory than its own. */
#ifndef TESTS_UNIT_PLAN_WORLD_H
#define TESTS_UNIT_PLAN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "iommu/kind.h"
#include "plan_fixture.h"
#include "plan_tables.h"

#define TRANSLATED "physmap = \"translated\";"
#define IDENTITY   "physmap = \"identity\";"
#define RAM_64M    "ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x4000000>; };"
#define RAM_PINNED "ram@60000000 { type = \"ram\"; reg = <0 0x60000000 0 0x4000000>; };"

#define DISK               "disk { pci = \"00:02.0\"; };"
#define EDU                "edu { pci = \"00:03.0\"; };"
#define DISK_PEER          "disk { pci = \"00:02.0\"; peer-dma; };"
#define EDU_PEER           "edu { pci = \"00:03.0\"; peer-dma; };"
#define SHARED             "tables = \"shared\"; unmapped = \"fault\";"
#define PER_DEVICE         "scratch = \"per-device\";"
#define WINDOW             "map = \"pv\"; pv-window = <0 0x80000000 0 0x400000>;"
#define ROOT_DEVICE(props) "quarantine { q { " props " }; };"

/* Eight devices with a stream each. */
#define EIGHT                                                                                                 \
    DISK EDU "twin { pci = \"00:05.0\"; }; shmem { pci = \"00:06.0\"; }; dma { path = \"/dma@9100000\"; };\n" \
             "display { path = \"/display@9120000\"; }; ring { path = \"/ring@9122000\"; };\n"                \
             "second { path = \"/second@9123000\"; };"

/* A manifest: a partition "one" with these properties, memory and devices, and what else partitions and / hold. */
static inline const char *manifest_of(const char *props, const char *memory, const char *devices, const char *others,
                                      const char *root)
{
    static char text[16384];
    int n = snprintf(text, sizeof text,
                     "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; %s partitions { one {\n"
                     "cpus = <0>; %s kernel { file = \"linux\"; };\n"
                     "memory { #address-cells = <2>; #size-cells = <2>; %s };\n"
                     "devices { %s }; }; %s }; };\n",
                     root, props, memory, devices, others);

    assert_in_range(n, 1, sizeof text - 1);
    return text;
}

static inline const char *manifest_one(const char *props, const char *memory, const char *devices)
{
    return manifest_of(props, memory, devices, "", "");
}

/* Another partition, of 4 MiB RAM and no console. */
#define PARTITION(name, cpu, props, memory, devices)                                                                 \
    name " { cpus = <" #cpu ">; console = \"none\"; " props " kernel { file = \"rtos\"; load = <0 0x50000000>; };\n" \
         "memory { ram@50000000 { type = \"ram\"; reg = <0 0x50000000 0 0x400000>; }; " memory " };\n"               \
         "devices { " devices " }; };\n"

/* The widths of a usual unit of each kind. */
static inline void unit_set(struct board_iommu *u, const struct iommu_kind *kind)
{
    static const struct {
        const struct iommu_kind *kind;
        uint8_t in, out, sid, domain;
    } usual[] = {
        {&iommu_kind_smmuv3, 44, 44, 16, 16},    {&iommu_kind_vtd, 48, 46, 16, 16},
        {&iommu_kind_vtd_snoop, 48, 46, 16, 16}, {&iommu_kind_amdvi, 64, 52, 16, 16},
        {&iommu_kind_ipmmu, 32, 40, 16, 3},
    };

    for (unsigned i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (usual[i].kind != kind)
            continue;
        u->kind = kind;
        u->in_bits = usual[i].in;
        u->out_bits = usual[i].out;
        u->sid_bits = usual[i].sid;
        u->domain_bits = usual[i].domain;
        u->leaf_level = 2;
        return;
    }
    fail_msg("%s: not in the list", kind->name);
}

/* The CPUs of another architecture, with an IOMMU of this kind in place of the SMMU. */
static inline void board_set(struct fixture *f, const struct p2m_kind *p2m, const struct iommu_kind *kind)
{
    f->board.p2m = p2m;
    unit_set(&f->board.iommu[0], kind);
}

/* A second unit, in front of the PCI functions from 00:03.0 on. */
static inline struct board_iommu *unit_add(struct fixture *f, const struct iommu_kind *kind)
{
    struct board_iommu *u = ARENA_NEW(&f->arena, struct board_iommu, 2, &f->diag);
    struct board_map *map = ARENA_NEW(&f->arena, struct board_map, 2, &f->diag);

    u[0] = f->board.iommu[0];
    u[1] = (struct board_iommu){.node = DT_NONE, .base = {0x9140000}, .size = 0x1000};
    unit_set(&u[1], kind);
    map[0] = map[1] = f->board.pci.map[0];
    map[0].rid_count = 0x18;
    map[1].rid += 0x18;
    map[1].rid_count -= 0x18;
    map[1].sid += 0x18;
    map[1].iommu = 1;
    f->board.iommu = u;
    f->board.iommus = 2;
    f->board.pci.map = map;
    f->board.pci.maps = 2;
    return &u[1];
}

/* What only ACPI knows: memory that streams use by DMA on their own. Returns its index. */
static inline uint32_t reserved_of(struct fixture *f, uint64_t base, uint64_t size, uint32_t sid_first,
                                   uint32_t sid_last)
{
    static const char *const name[] = {"RMRR 0", "RMRR 1", "RMRR 2", "RMRR 3"};
    struct board *b = &f->board;
    struct board_range *r = ARENA_NEW(&f->arena, struct board_range, b->reserveds + 1, &f->diag);
    struct board_dma_user *u = ARENA_NEW(&f->arena, struct board_dma_user, b->dma_users + 1, &f->diag);

    assert_in_range(b->dma_users, 0, 3);
    memcpy(r, b->reserved, b->reserveds * sizeof *r);
    if (b->dma_users)
        memcpy(u, b->dma_user, b->dma_users * sizeof *u);
    r[b->reserveds] =
        (struct board_range){.base = maddr(base), .size = size, .name = name[b->dma_users], .node = DT_NONE};
    u[b->dma_users++] = (struct board_dma_user){b->reserveds, 0, sid_first, sid_last};
    b->reserved = r;
    b->dma_user = u;
    return b->reserveds++;
}

/* Plan, check, tables in exactly the frames that were planned, and verify. */
static inline err_t plan_try(struct fixture *f)
{
    struct compiled t;
    err_t e;

    f->diag.text[0] = '\0';
    e = plan_build(&f->plan, &f->in, &f->arena, &f->diag);
    if (!e)
        e = check_plan(&f->plan, &f->arena, &f->diag);
    if (e)
        return e;
    e = plan_tables_build(&t, &f->plan, &f->arena, &f->diag);
    if (!e)
        e = compile_verify(&t, &f->diag);
    plan_tables_free(&t);
    return e;
}

static inline void plan_good(struct fixture *f)
{
    err_t e = plan_try(f);

    if (e)
        print_message("%s\n", f->diag.text);
    assert_int_equal(e, ERR_NONE);
}

/* Refused, with this text in it. */
static inline void plan_bad(struct fixture *f, const char *text)
{
    err_t e = plan_try(f);

    if (!e || !strstr(f->diag.text, text))
        print_message("want \"%s\"\ngot  \"%s\"\n", text, e ? f->diag.text : "not refused");
    assert_int_not_equal(e, ERR_NONE);
    assert_non_null(strstr(f->diag.text, text));
}

/* fixture_read and one of the two above. */
static inline void manifest_good(struct fixture *f, const char *manifest)
{
    fixture_read(f, manifest);
    plan_good(f);
}

static inline void manifest_bad(const char *manifest, const char *text)
{
    struct fixture f;

    fixture_read(&f, manifest);
    plan_bad(&f, text);
    fixture_free(&f);
}

static inline struct extent *extent_in(const struct plan_partition *pp, const char *name)
{
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        if (!strcmp(pp->physmap.ext[i].name, name))
            return &pp->physmap.ext[i];
    }
    return NULL;
}

/* The span that begins there; NULL: none does. */
static inline struct pt_span *span_in(struct pt_span *s, uint32_t count, uint64_t addr)
{
    for (uint32_t i = 0; i < count; i++) {
        if (s[i].in == addr >> FRAME_SHIFT)
            return &s[i];
    }
    return NULL;
}

#endif
