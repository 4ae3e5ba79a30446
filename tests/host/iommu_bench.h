/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IOMMU on the bench: the driver of its kind and the register model, which is made what the board says of the
 * unit. The same few calls for all kinds, in the order in which a boot makes them: start, attach..., enable; then
 * dma, quarantine and attach as one likes. The model hooks itself into arch_host: one unit at a time.
 */
#ifndef HOST_IOMMU_BENCH_H
#define HOST_IOMMU_BENCH_H

#include "compile.h"

/* A compiled map as the driver wants it. */
struct bench_map {
    maddr_t root;
    struct pt_shape shape;
    uint16_t domain;
};

/* Can the models stand for this unit with this pool? (Two keep memory of their own at fixed addresses.) */
bool iommu_bench_can(const struct board_iommu *u, const struct pool *pool);

/*
 * Probe and block, with tables in pool. quarantine: the map of who has none, NULL: there is none. temper: random
 * bits for what such units may or may not do.
 */
err_t iommu_bench_start(const struct board_iommu *u, struct pool *pool, const struct bench_map *quarantine,
                        unsigned temper, struct diag *d);
err_t iommu_bench_attach(uint32_t sid, const struct bench_map *m, struct diag *d);
err_t iommu_bench_enable(struct diag *d);
/* to NULL: it aborts, or meets what the unit has for all whom it does not let through. */
err_t iommu_bench_quarantine(uint32_t sid, const struct bench_map *to, struct diag *d);
/* Forget what is cached of a map that has been attached; and the unit does so no more, until it hangs no more. */
err_t iommu_bench_flush(const struct bench_map *m, struct diag *d);
void iommu_bench_hang(bool hangs);
/* An access of a device; false: aborted, else it reaches *mfn. */
bool iommu_bench_dma(uint32_t sid, uint64_t addr, bool write, uint64_t *mfn);
/* Does a device that has no map meet the quarantine's, not an abort? */
bool iommu_bench_quarantines_all(void);
/* What the model saw that no manual allows; "": nothing. Ends its life. */
const char *iommu_bench_stop(void);

#endif
