/* SPDX-License-Identifier: Apache-2.0 */
/* One sort for arrays of anything that begins with a number: what is next to each other is then looked at once. */
#ifndef KERNEL_SORT_H
#define KERNEL_SORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sort count elements of size bytes, each of which begins with a uint64_t, by that number, in place; equal ones
 * come in any order. size is a multiple of 8. Takes about count^1.3 steps, at most count^1.5, few more than count
 * where the order is right already.
 */
void sort_by_first(void *base, uint32_t count, size_t size);

#endif
