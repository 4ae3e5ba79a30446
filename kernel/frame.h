/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame numbers and byte addresses of the three spaces (docs/model.md).
 *
 *   machine  what the board decodes        mfn_t, maddr_t
 *   guest    what a partition's CPU sees    gfn_t, gaddr_t   (stage-2 input, "IPA")
 *   bus      what a device puts on the bus  bfn_t
 *
 * Each is a type of its own, so that a mixed-up argument does not compile.
 * A frame is 4 KiB in every format.
 */
#ifndef KERNEL_FRAME_H
#define KERNEL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_SHIFT 12
#define FRAME_SIZE  (UINT64_C(1) << FRAME_SHIFT)
#define FRAME_MASK  (FRAME_SIZE - 1)

typedef struct {
    uint64_t n;
} mfn_t;
typedef struct {
    uint64_t n;
} gfn_t;
typedef struct {
    uint64_t n;
} bfn_t;
typedef struct {
    uint64_t v;
} maddr_t;
typedef struct {
    uint64_t v;
} gaddr_t;

static inline mfn_t mfn(uint64_t n)
{
    return (mfn_t){n};
}
static inline gfn_t gfn(uint64_t n)
{
    return (gfn_t){n};
}
static inline bfn_t bfn(uint64_t n)
{
    return (bfn_t){n};
}
static inline maddr_t maddr(uint64_t v)
{
    return (maddr_t){v};
}
static inline gaddr_t gaddr(uint64_t v)
{
    return (gaddr_t){v};
}

/* The frame that holds a byte address (the offset in the frame is dropped). */
static inline mfn_t mfn_of(maddr_t a)
{
    return mfn(a.v >> FRAME_SHIFT);
}
static inline gfn_t gfn_of(gaddr_t a)
{
    return gfn(a.v >> FRAME_SHIFT);
}

/* The address of a frame's first byte. */
static inline maddr_t mfn_addr(mfn_t f)
{
    return maddr(f.n << FRAME_SHIFT);
}
static inline gaddr_t gfn_addr(gfn_t f)
{
    return gaddr(f.n << FRAME_SHIFT);
}

/* The only conversions between spaces: an identity physmap, a guest map, a host map. */
static inline gfn_t gfn_identity(mfn_t f)
{
    return gfn(f.n);
}
static inline bfn_t bfn_guest_map(gfn_t f)
{
    return bfn(f.n);
}
static inline bfn_t bfn_host_map(mfn_t f)
{
    return bfn(f.n);
}

static inline uint64_t frames_of(uint64_t bytes)
{
    return (bytes >> FRAME_SHIFT) + ((bytes & FRAME_MASK) != 0);
}

/* Do [a, a+n) and [b, b+m) share a number? Sums must not wrap: callers check at the door. */
static inline bool ranges_overlap(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
    return a < b + m && b < a + n;
}

#endif
