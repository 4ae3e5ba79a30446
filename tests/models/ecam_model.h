/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bus of PCI functions as ECAM shows it, for host tests: which bits of each register can be written, which
 * are RW1C, function-level reset with a time in which the function does not answer. It also notes what no
 * careful driver does (struct ecam_model, "violations").
 */
#ifndef TESTS_ECAM_MODEL_H
#define TESTS_ECAM_MODEL_H

#include "mmio.h"

#include <stdbool.h>

#define ECAM_FUNCTIONS 256

struct ecam_function {
    bool present;
    uint8_t cfg[4096], reset[4096];   /* now, and what a reset makes of it */
    uint8_t write[4096], clear[4096]; /* bits that can be written, RW1C bits */
    uint16_t flr;                     /* offset of Device Control when function-level reset is there, else 0 */
    uint32_t flr_count;
    uint32_t away; /* after a reset: reads that find nobody */
    uint32_t away_left;
};

struct ecam_model {
    struct ecam_function fn[ECAM_FUNCTIONS];
    uint32_t reads, writes;
    /* violations */
    uint32_t bad_access;   /* outside, unaligned, crossing */
    uint32_t sized_live;   /* a BAR was written while the function decoded memory */
    uint32_t reset_master; /* function-level reset while bus mastering was on */
};

void ecam_init(struct ecam_model *m);
mmio_t ecam_mmio(struct ecam_model *m);

/* A type 0 function at device.function that answers as vendor:device. */
struct ecam_function *ecam_add(struct ecam_model *m, unsigned dev, unsigned fn, uint16_t vendor, uint16_t device);
void ecam_set_multi(struct ecam_function *f);
/* Make it a type 1 header (bridge) with its windows open. */
void ecam_set_bridge(struct ecam_function *f);

/* BAR i of this size; flags are its low bits (1: I/O, 4: 64 bits, 8: prefetchable). */
void ecam_add_bar(struct ecam_function *f, unsigned i, uint64_t size, uint32_t flags);
/* A capability at off whose chain goes on at next; the status bit and, for the first, the pointer are set. */
void ecam_add_cap(struct ecam_function *f, uint8_t id, uint8_t off, uint8_t next);
/* PCI Express capability (version 2), with function-level reset or without. */
void ecam_add_pcie(struct ecam_function *f, uint8_t off, uint8_t next, bool flr);

uint32_t ecam_get(const struct ecam_function *f, uint32_t reg, unsigned width);
/* Set a register; `fixed` also makes it the value after a reset. */
void ecam_set(struct ecam_function *f, uint32_t reg, unsigned width, uint32_t value);
void ecam_set_fixed(struct ecam_function *f, uint32_t reg, unsigned width, uint32_t value);

#endif
