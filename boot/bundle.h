/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle: manifest and guest images, appended to the hypervisor's binary by `mullion
 * image`. All fields little-endian.
 *
 *   0   magic "MULLION1"
 *   8   u32 count, u32 total size in bytes (header included)
 *   16  count x { char name[48] (NUL-padded), u64 offset, u64 size }
 *       blobs, each at a multiple of 4096 from the start of the bundle
 *
 * Entry 0 is "manifest".
 */
#ifndef BOOT_BUNDLE_H
#define BOOT_BUNDLE_H

#include "diag.h"

#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAGIC    "MULLION1"
#define BUNDLE_NAME_MAX 47
#define BUNDLE_MANIFEST "manifest"
#define BUNDLE_ENTRIES  256 /* at the most */

struct bundle_entry {
    char name[BUNDLE_NAME_MAX + 1];
    uint64_t offset, size;
};

struct bundle_header {
    char magic[8];
    uint32_t count, total;
    struct bundle_entry entry[];
};

struct bundle {
    const struct bundle_header *header;
};

/* Check a bundle of at most max bytes; data must be 8-byte aligned and outlive b. */
err_t bundle_open(struct bundle *b, const void *data, size_t max, struct diag *d);

/* The blob of that name; NULL when there is none. */
const void *bundle_find(const struct bundle *b, const char *name, uint64_t *size);

#endif
