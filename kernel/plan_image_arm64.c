/* SPDX-License-Identifier: Apache-2.0 */
/* The header of an arm64 Image. Linux Documentation/arch/arm64/booting.rst. */
#include "guest_image.h"

#include <string.h>

#define IMAGE_HEADER     64
#define IMAGE_MAGIC      56 /* "ARM\x64" */
#define IMAGE_OFFSET     8
#define IMAGE_SIZE       16
#define IMAGE_FLAGS      24
#define IMAGE_BIG_ENDIAN 1u

#define SIZE_2M (UINT64_C(1) << 21)
#define REACH   (UINT64_C(32) << 30)

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static err_t image_read(const uint8_t *file, uint64_t size, struct guest_image *out, struct diag *d)
{
    uint64_t uses, offset, flags;

    if (size < IMAGE_HEADER || memcmp(file + IMAGE_MAGIC, "ARM\x64", 4) != 0)
        return ERR_NONE;
    uses = le64(file + IMAGE_SIZE);
    offset = le64(file + IMAGE_OFFSET);
    flags = le64(file + IMAGE_FLAGS);
    if (uses == 0 || uses > REACH || offset >= SIZE_2M || offset & 0xfff || flags & IMAGE_BIG_ENDIAN)
        return diag_fail(d, ERR_INVALID,
                         "of size 0x%lx, text offset 0x%lx, flags 0x%lx; right is a size that is not zero, an offset "
                         "of whole pages below 2 MiB, little-endian",
                         uses, offset, flags);
    out->known = true;
    out->uses = uses;
    out->align = SIZE_2M;
    out->offset = offset;
    return ERR_NONE;
}

const struct guest_protocol guest_arm64 = {
    .image = "an arm64 Image",
    .start = "DTB",
    .end = UINT64_MAX,
    .reach = REACH,
    .read = image_read,
};
