/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an access meets, told three times and each time by other means: by the extents and options of a plan, by
 * a plain walk of the tables with the bits that the manuals name, and by the decoders of p2m/verify.h. For tests
 * that compare them, with each other and with what a register model does.
 */
#ifndef HOST_REACH_H
#define HOST_REACH_H

#include "compile.h"

/* Frame mfn with R_READ and R_WRITE as given; rights 0: aborted. */
struct reach {
    uint64_t mfn;
    uint8_t rights;
};

/* The BFNs of a map that the hardware never looks up in tables. */
bool reach_is_exempt(const struct iommu_kind *kind, uint64_t bfn);

/* By the plan: a CPU's access, and that of a device by a map of pp, whose scratch page is the compiled one. */
struct reach reach_of_cpu(const struct plan_partition *pp, uint64_t gfn);
struct reach reach_of_device(const struct compiled *t, const struct plan_partition *pp, const struct plan_bfn_map *m,
                             uint64_t bfn);

/*
 * How a walker reads words: an entry is there when it has a bit of present; it is a leaf above level 0 when its
 * bits of kind have the value leaf; it allows reading and writing when all bits of read and write are set in it
 * and none of ro; those of a table count, too, where nested is set.
 */
struct reach_reader {
    uint64_t addr, present, kind, leaf, read, write, ro;
    bool nested;
};

/* How CPUs and IOMMUs with tables of this format read them. */
const struct reach_reader *reach_reader_of(const struct pt_format *f, bool iommu);

/*
 * By a plain walk of tables in an image of the pool. Ends the test where a table lies outside of it.
 */
struct reach reach_walk(const struct reach_reader *r, const struct pool *pool, const uint8_t *image, uint64_t root,
                        struct pt_shape s, uint64_t in);

/* By verify's decoders; what they call wrong ends the test. */
struct reach reach_decode(const struct compiled *t, uint32_t table, uint64_t in);

/* Hand every run of leaves that a table reaches to fn, each table once, however many entries lead to it. */
typedef void reach_run_fn(void *ctx, uint64_t mfn, uint64_t frames, uint8_t rights);
void reach_all(const struct reach_reader *r, const struct compiled *t, uint32_t table, reach_run_fn *fn, void *ctx);

#endif
