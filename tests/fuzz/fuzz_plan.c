/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest, given as a DTB or made out of the input's bytes, on a board whose memory and widths the
 * input chooses, too: what the plan accepts passes the check, its tables take exactly the pool and are
 * what verify wants, and each partition's device tree is one.
 */
#include "check.h"
#include "compile.h"
#include "fuzz.h"
#include "fuzz_tree.h"
#include "guest_dt.h"
#include "plan_fixture.h"

#include <libfdt.h>
#include <string.h>

#define MEMORIES 4

static struct fixture base; /* the board and the bundle */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fixture_read(&base, fixture_manifest);
    return 0;
}

/* The board that the input wants: all plain, as an input of zeros says, is QEMU's. */
static void board_make(struct feed *f, struct board *b, struct board_range memory[MEMORIES], struct board_iommu *smmu)
{
    uint64_t at = base.board.memory[0].base.v;

    *b = base.board;
    b->memories = 1 + feed_below(f, MEMORIES);
    for (uint32_t i = 0; i < b->memories; i++) {
        uint64_t size = i ? (1 + (uint64_t)feed_below(f, 0xffff) * 4) * FRAME_SIZE : b->memory[0].size;

        memory[i] = (struct board_range){.base = {at}, .size = size, .name = "memory"};
        at += size + (1 + (uint64_t)feed_below(f, 0x1000)) * FRAME_SIZE;
    }
    b->memory = memory;
    b->pa_bits = (uint8_t)(39 + (5 + feed_below(f, 10)) % 10); /* 39 hold its registers */
    *smmu = base.board.iommu[0];
    smmu->in_bits = (uint8_t)(44 - feed_below(f, 13));
    smmu->out_bits = (uint8_t)(44 - feed_below(f, 9));
    b->iommu = smmu;
    b->iommus = 1;
    if (feed_below(f, 8) == 7)
        b->pci.maps = 0;
}

/* Use is count: what is left in the pool is what IOMMUs need, and what aligning roots did not skip. */
static void tables_check(const struct plan *p, struct arena *a)
{
    const struct plan_hypervisor *hv = &p->hv;
    uint64_t slack = 0, left;
    void *mem = aligned_alloc(FRAME_SIZE, hv->pool_frames * FRAME_SIZE);
    struct compiled t = {0};
    struct diag d = {{0}};

    FUZZ_MUST(mem, "no memory for %lu frames", hv->pool_frames);
    FUZZ_MUST(!compile_tables(&t, p, mem, a, &d), "%s", d.text);
    FUZZ_MUST(!compile_verify(&t, &d), "%s", d.text);
    left = t.pool.frames - t.pool.used;
    for (uint32_t i = 0; i < p->partitions; i++)
        slack += pt_root_frames(p->partition[i].p2m_shape) - 1;
    FUZZ_MUST(left >= hv->iommu_frames && left - hv->iommu_frames <= slack,
              "%lu of %lu frames are left, %lu are for SMMUs", left, t.pool.frames, hv->iommu_frames);
    free(mem);
}

static void guests_check(const struct plan *p)
{
    static _Alignas(8) uint8_t tree[GUEST_DTB_MAX];

    for (uint32_t i = 0; i < p->partitions; i++) {
        struct diag d = {{0}};
        size_t used = 0;

        if (!fuzz_refused(guest_dt_write(p, &p->partition[i], tree, sizeof tree, &used, &d), &d))
            FUZZ_MUST(used <= sizeof tree && !fdt_check_full(tree, used), "device tree of partition %u", i);
    }
}

static void plan_check(const void *tree, size_t size, const struct board *board)
{
    struct plan_input in = base.in;
    struct manifest m;
    struct plan p;
    struct arena a;
    struct dt dt;
    struct diag d = {{0}};

    in.manifest = &m;
    in.board = board;
    fuzz_arena(&a);
    if (fuzz_refused(dt_index(&dt, "manifest", tree, size, &a, &d), &d) ||
        fuzz_refused(manifest_parse(&m, &dt, &a, &d), &d) || fuzz_refused(plan_build(&p, &in, &a, &d), &d))
        return;
    FUZZ_MUST(!check_plan(&p, &a, &d), "check: %s", d.text);
    tables_check(&p, &a);
    guests_check(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};
    struct board_range memory[MEMORIES];
    struct board_iommu smmu;
    struct board board;
    const void *tree = data;
    void *copy;

    if (size < sizeof(struct fdt_header) || memcmp(data, "\xd0\x0d\xfe\xed", 4) != 0) {
        board_make(&f, &board, memory, &smmu);
        tree = tree_of(&f, &size);
    } else {
        board = base.board;
    }
    copy = fuzz_copy(tree, size);
    plan_check(copy, size, &board);
    free(copy);
    return 0;
}
