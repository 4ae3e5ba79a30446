/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include "dtc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (4u << 20)
#define BOARD_DTS  "tests/boards/virt-smmu.dts"

const char fixture_manifest[] =
    "/dts-v1/;\n"
    "/ { compatible = \"mullion,manifest-v1\";\n"
    "shared { mailbox { size = <0 0x1000>; }; };\n"
    "partitions {\n"
    "  linux {\n"
    "    cpus = <0 1>; physmap = \"translated\"; bootargs = \"console=ttyAMA0\";\n"
    "    kernel { file = \"linux\"; }; initrd { file = \"initrd\"; };\n"
    "    memory { #address-cells = <2>; #size-cells = <2>;\n"
    "      ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x10000000>; };\n"
    "      rom@70000000 { type = \"ram-ro\"; reg = <0 0x70000000 0 0x1000>; };\n"
    "      box@78000000 { type = \"shared\"; shared = \"mailbox\"; reg = <0 0x78000000 0 0x1000>; };\n"
    "    };\n"
    "    devices { disk { pci = \"00:02.0\"; }; edu { pci = \"00:03.0\"; peer-dma; }; };\n"
    "  };\n"
    "  rtos {\n"
    "    cpus = <2>; physmap = \"identity\";\n"
    "    kernel { file = \"rtos\"; load = <0 0x60000000>; };\n"
    "    memory { #address-cells = <2>; #size-cells = <2>;\n"
    "      ram@60000000 { type = \"ram\"; reg = <0 0x60000000 0 0x1000000>; };\n"
    "      heap { type = \"ram\"; size = <0 0x400000>; };\n"
    "      fw@7fe00000 { type = \"reserved\"; reg = <0 0x7fe00000 0 0x100000>; };\n"
    "      msi@8090000 { type = \"doorbell\"; reg = <0 0x8090000 0 0x1000>; };\n"
    "      box { type = \"shared\"; shared = \"mailbox\"; access = \"ro\"; };\n"
    "    };\n"
    "    devices { rtc { path = \"/pl031@9010000\"; no-dma; };\n"
    "              dma0 { path = \"/dma@9100000\"; }; dma1 { path = \"/dma@9102000\"; };\n"
    "              nic { pci = \"00:07.0\"; unprotected-dma; }; };\n"
    "  };\n"
    "  mini {\n"
    "    cpus = <3>; physmap = \"translated\"; console = \"none\";\n"
    "    kernel { file = \"rtos\"; load = <0 0x40000000>; };\n"
    "    memory { #address-cells = <2>; #size-cells = <2>;\n"
    "      ram@40000000 { type = \"ram\"; reg = <0 0x40000000 0 0x400000>; host = <0 0x50000000>; };\n"
    "    };\n"
    "  };\n"
    "}; };\n";

static void must(err_t e, const struct diag *d)
{
    if (e) {
        fprintf(stderr, "fixture: %s\n", d->text);
        abort();
    }
}

static void *bundle_make(size_t *total)
{
    static const struct {
        const char *name;
        size_t size;
    } file[] = {{"manifest", 64},
                {"linux", FIXTURE_LINUX_SIZE},
                {"rtos", FIXTURE_RTOS_SIZE},
                {"prober", FIXTURE_RTOS_SIZE},
                {"initrd", FIXTURE_INITRD_SIZE},
                {"empty-image", 64},
                {"big-endian-image", 4096}};
    const uint32_t count = sizeof file / sizeof *file;
    size_t at = 4096;
    struct bundle_header *h;
    uint8_t *b;

    *total = 4096;
    for (uint32_t i = 0; i < count; i++)
        *total += (file[i].size + 4095) & ~(size_t)4095;
    b = calloc(1, *total);
    h = (void *)b;
    memcpy(h->magic, BUNDLE_MAGIC, 8);
    h->count = count;
    h->total = (uint32_t)*total;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t image[4] = {0, 0, i == 5 ? 0 : FIXTURE_LINUX_USES, i == 6 ? 1 : 0xa};

        snprintf(h->entry[i].name, sizeof h->entry[i].name, "%s", file[i].name);
        h->entry[i].offset = at;
        h->entry[i].size = file[i].size;
        if (i == 1 || i >= 5) {
            memcpy(b + at, image, sizeof image);
            memcpy(b + at + 56, "ARM\x64", 4);
        }
        at += (file[i].size + 4095) & ~(size_t)4095;
    }
    return b;
}

/* f->manifest_blob is there. */
static err_t fixture_load(struct fixture *f, size_t manifest_size)
{
    size_t size;

    arena_init(&f->arena, calloc(1, ARENA_SIZE), ARENA_SIZE);
    f->board_blob = dts_compile_file(BOARD_DTS, &size, NULL, 0);
    must(dt_index(&f->board_dt, "board", f->board_blob, size, &f->arena, &f->diag), &f->diag);
    must(board_read(&f->board, &f->board_dt, &f->arena, &f->diag), &f->diag);
    /* What the SMMU and the CPU of QEMU say. */
    f->board.pa_bits = 44;
    for (uint32_t i = 0; i < f->board.iommus; i++)
        f->board.iommu[i].in_bits = f->board.iommu[i].out_bits = 44;
    f->bundle_blob = bundle_make(&size);
    must(bundle_open(&f->bundle, f->bundle_blob, size, &f->diag), &f->diag);
    f->in = (struct plan_input){
        .manifest = &f->manifest,
        .board = &f->board,
        .bundle = &f->bundle,
        .image = {0x40200000},
        .text_end = {0x40280000},
        .rodata_end = {0x402c0000},
        .image_end = {0x403f0000},
        .bundle_base = {0x40400000},
        .bundle_end = {0x40800000},
        .arena = {0x403f0000},
        .arena_end = {0x40400000},
        .dtb = {0x48000000},
        .dtb_end = {0x48100000},
    };
    must(dt_index(&f->manifest_dt, "manifest", f->manifest_blob, manifest_size, &f->arena, &f->diag), &f->diag);
    return manifest_parse(&f->manifest, &f->manifest_dt, &f->arena, &f->diag);
}

err_t fixture_try(struct fixture *f, const char *manifest)
{
    size_t size;

    *f = (struct fixture){0};
    f->manifest_blob = dts_compile(manifest, &size);
    return fixture_load(f, size);
}

err_t fixture_try_file(struct fixture *f, const char *path, char *first_line, size_t max)
{
    size_t size;

    *f = (struct fixture){0};
    f->manifest_blob = dts_compile_file(path, &size, first_line, max);
    return fixture_load(f, size);
}

void fixture_read(struct fixture *f, const char *manifest)
{
    must(fixture_try(f, manifest), &f->diag);
}

err_t fixture_plan(struct fixture *f, const char *manifest)
{
    fixture_read(f, manifest);
    return plan_build(&f->plan, &f->in, &f->arena, &f->diag);
}

void fixture_free(struct fixture *f)
{
    free(f->board_blob);
    free(f->manifest_blob);
    free(f->bundle_blob);
    free(f->arena.mem);
    *f = (struct fixture){0};
}
