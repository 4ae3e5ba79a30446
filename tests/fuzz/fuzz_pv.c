/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's calls for its PV window, one after the other, as the input's bytes say: each is answered as the
 * list of pages of pv_world.h wants, the tables map what the list says and nothing else, and at the end all
 * is as it was.
 */
#include "fuzz.h"
#include "fuzz_tree.h"
#include "pv_world.h"

#define CALLS 48

/* Which maps a partition has, and whether its holes are scratch. */
static const struct {
    uint8_t kind[PV_WORLD_TARGETS], kinds, scratch_rights;
} partitions[] = {
    {{PV_ARM}, 1, R_READ | R_WRITE},
    {{PV_ARM, PV_AMDVI_64, PV_IPMMU, PV_VTD_FL}, 4, R_READ | R_WRITE},
    {{PV_SMMU_S1, PV_VTD_SNP}, 2, 0},
    {{PV_AMDVI, PV_ARM_WIDE, PV_VTD_SL}, 3, R_READ},
};
#define PARTITIONS (sizeof partitions / sizeof *partitions)

static struct pv_world world[PARTITIONS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < PARTITIONS; i++) {
        pv_world_init(&world[i], partitions[i].kind, partitions[i].kinds, partitions[i].scratch_rights);
        FUZZ_MUST(!*world[i].broken.text, "%s", world[i].broken.text);
    }
    return 0;
}

static uint32_t below(void *ctx, uint32_t n)
{
    return feed_below(ctx, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};
    struct pv_world *w = &world[feed_below(&f, PARTITIONS)];

    for (unsigned i = 0; i < CALLS && f.left; i++) {
        pv_world_step(w, below, &f);
        FUZZ_MUST(!*w->broken.text, "call %u: %s", i, w->broken.text);
    }
    pv_world_end(w);
    FUZZ_MUST(!*w->broken.text, "%s", w->broken.text);
    return 0;
}
