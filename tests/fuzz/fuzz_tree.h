/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest out of arbitrary bytes: most of them are well-formed, so that the plan gets to see them. */
#ifndef FUZZ_FUZZ_TREE_H
#define FUZZ_FUZZ_TREE_H

#include <stddef.h>
#include <stdint.h>

/* The input, taken byte by byte; zeros when it is used up. */
struct feed {
    const uint8_t *at;
    size_t left;
};

/* A number below n, n <= 65536. 0 is what every choice has its plainest value at. */
uint32_t feed_below(struct feed *f, uint32_t n);

/* The DTB in a static buffer of at most *size bytes; for the board of plan_fixture.h. */
const void *tree_of(struct feed *f, size_t *size);

#endif
