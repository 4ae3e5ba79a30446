/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole pipeline on this machine: host_bench BOARD.dtb MANIFEST.dtb. Prints key=value lines; what
 * instructions it takes is counted from outside (scripts/lib/bench_host.py). Every image is one page.
 */
#include "check.h"
#include "compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE   (64u << 20)
#define ADDRESS_BITS 48
#define IMAGE        0x200000u /* each of the inputs, from the start of the board's memory on */

struct bench {
    struct arena arena;
    struct dt board_dt, manifest_dt;
    struct board board;
    struct manifest manifest;
    struct bundle bundle;
    struct plan plan;
    struct compiled tables;
    struct diag d;
};

static void must(const struct bench *b, err_t e)
{
    if (e == ERR_NONE)
        return;
    fprintf(stderr, "host_bench: %s\n", b->d.text);
    exit(1);
}

static void *memory(size_t size)
{
    void *p = aligned_alloc(FRAME_SIZE, (size + FRAME_MASK) & ~FRAME_MASK);

    if (!p) {
        fprintf(stderr, "host_bench: no memory for %zu bytes\n", size);
        exit(1);
    }
    return p;
}

static void *file_read(const char *path, size_t *size)
{
    void *data = memory(DT_MAX_SIZE);
    FILE *f = fopen(path, "rb");

    *size = f ? fread(data, 1, DT_MAX_SIZE, f) : 0;
    if (!*size) {
        fprintf(stderr, "host_bench: cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    return data;
}

/* The manifest's place and one image, "guest". */
static void bundle_make(struct bench *b)
{
    static const char *const name[] = {BUNDLE_MANIFEST, "guest"};
    const uint32_t total = 3 * (uint32_t)FRAME_SIZE;
    struct bundle_header *h = memset(memory(total), 0, total);

    memcpy(h->magic, BUNDLE_MAGIC, sizeof h->magic);
    h->count = 2;
    h->total = total;
    for (uint32_t i = 0; i < h->count; i++) {
        strcpy(h->entry[i].name, name[i]);
        h->entry[i].offset = (1 + i) * FRAME_SIZE;
        h->entry[i].size = FRAME_SIZE;
    }
    must(b, bundle_open(&b->bundle, h, total, &b->d));
}

static void inputs_read(struct bench *b, char **path)
{
    size_t size;
    void *blob = file_read(path[0], &size);

    must(b, dt_index(&b->board_dt, "board", blob, size, &b->arena, &b->d));
    must(b, board_read(&b->board, &b->board_dt, &b->arena, &b->d));
    b->board.pa_bits = ADDRESS_BITS;
    for (uint32_t i = 0; i < b->board.iommus; i++)
        b->board.iommu[i].in_bits = b->board.iommu[i].out_bits = ADDRESS_BITS;
    blob = file_read(path[1], &size);
    must(b, dt_index(&b->manifest_dt, "manifest", blob, size, &b->arena, &b->d));
    must(b, manifest_parse(&b->manifest, &b->manifest_dt, &b->arena, &b->d));
    bundle_make(b);
}

static void plan_make(struct bench *b)
{
    uint64_t at = b->board.memory[0].base.v;
    struct plan_input in = {
        .manifest = &b->manifest,
        .board = &b->board,
        .bundle = &b->bundle,
        .image = maddr(at),
        .text_end = maddr(at + IMAGE / 4),
        .rodata_end = maddr(at + IMAGE / 2),
        .image_end = maddr(at + IMAGE),
        .bundle_base = maddr(at + IMAGE),
        .bundle_end = maddr(at + 2 * IMAGE),
        .dtb = maddr(at + 2 * IMAGE),
        .dtb_end = maddr(at + 3 * IMAGE),
    };

    must(b, plan_build(&b->plan, &in, &b->arena, &b->d));
    must(b, check_plan(&b->plan, &b->arena, &b->d));
}

/* Leaf entries that these spans take. */
static uint64_t leaves_of(struct pt_shape s, const struct pt_span *span, uint32_t spans)
{
    uint64_t leaves = 0;

    for (uint32_t i = 0; i < spans; i++) {
        for (uint64_t done = 0; done < span[i].frames; leaves++) {
            unsigned level = s.leaf_level;
            uint64_t at = (span[i].in + done) | (span[i].out + done), left = span[i].frames - done;

            while ((at & ((UINT64_C(1) << 9 * level) - 1)) || left >> 9 * level == 0)
                level--;
            done += UINT64_C(1) << 9 * level;
        }
    }
    return leaves;
}

static void figures_print(const struct bench *b)
{
    const struct plan_hypervisor *hv = &b->plan.hv;
    uint64_t leaves = leaves_of(hv->shape, hv->span, hv->spans), part = 0, devices = 0;

    for (uint32_t i = 0; i < b->plan.partitions; i++) {
        const struct plan_partition *pp = &b->plan.partition[i];

        part += pp->frames.p2m + pp->frames.bfn + pp->frames.scratch;
        devices += pp->devices;
        leaves += leaves_of(pp->p2m_shape, pp->p2m_span, pp->p2m_spans);
        for (uint32_t k = 0; k < pp->maps; k++)
            leaves += leaves_of(pp->map[k].shape, pp->bfn_span, pp->bfn_spans);
    }
    printf("partitions=%u\ndevices=%lu\n", b->plan.partitions, devices);
    printf("frames=%lu\nframes_partitions=%lu\n", hv->pool_frames, part);
    printf("tables=%lu\nleaves=%lu\n", part + hv->own_frames, leaves);
    printf("arena_bytes=%zu\n", b->arena.used);
}

int main(int argc, char **argv)
{
    static struct bench b;

    if (argc != 3) {
        fprintf(stderr, "usage: host_bench BOARD.dtb MANIFEST.dtb\n");
        return 2;
    }
    arena_init(&b.arena, memory(ARENA_SIZE), ARENA_SIZE);
    inputs_read(&b, argv + 1);
    plan_make(&b);
    must(&b, compile_tables(&b.tables, &b.plan, memory(b.plan.hv.pool_frames * FRAME_SIZE), &b.arena, &b.d));
    if (b.tables.pool.used + b.plan.hv.iommu_frames != b.plan.hv.pool_frames)
        must(&b, diag_fail(&b.d, ERR_INVALID, "the tables take %lu of %lu frames", b.tables.pool.used,
                           b.plan.hv.pool_frames - b.plan.hv.iommu_frames));
    must(&b, compile_verify(&b.tables, &b.d));
    figures_print(&b);
    return 0;
}
