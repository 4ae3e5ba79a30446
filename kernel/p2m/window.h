/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintained leaves: changes of level 0 in finished tables, where a window span (p2m/pt.h) had its leaf
 * tables made. No frame is taken, no other level changes, and no entry is read to learn what it maps: that
 * is for whoever owns the window to know. For p2m and bfn maps of every format.
 *
 * Nothing is cleaned or invalidated here, and there is no lock: both are the owner's.
 */
#ifndef KERNEL_P2M_WINDOW_H
#define KERNEL_P2M_WINDOW_H

#include "p2m/pt.h"

/*
 * The leaf entry of input frame in, which lies in the input range; NULL: no leaf table there. (It is not
 * told whether a window or small pages had the table made.) One step a level.
 */
uint64_t *window_leaf(const struct pt *t, uint64_t in);

/* Entries that were stored; the range to clean where the walker does not snoop. */
struct window_run {
    uint64_t *leaf;
    uint64_t count;
};

/*
 * Store value, value + step, value + 2 * step ... into the leaves from in on: of at most frames frames, and
 * not beyond the table of the first. in lies in a window, frames is not 0. step: FRAME_SIZE for a run of
 * adjacent frames, 0 to put t->fill[0] back. A walker sees each entry as it was or as it becomes, and what
 * was stored before the call no later than the entry.
 */
struct window_run window_store(const struct pt *t, uint64_t in, uint64_t frames, uint64_t value, uint64_t step);

#endif
