/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a bzImage. Linux Documentation/arch/x86/boot.rst; offsets as there. */
#include "guest_image.h"

#include "guest_pc.h"

#include <string.h>

#define ALIGN_MOST (UINT64_C(1) << 30)
#define USES_MOST  (UINT64_C(2) << 30)
#define PAGE       UINT64_C(0x1000)
#define ENTRY_64   0x200u /* "64-bit boot protocol" */

static uint64_t get(const uint8_t *file, unsigned at, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes > 0)
        v = v << 8 | file[at + --bytes];
    return v;
}

/*
 * A kernel below its preferred address moves itself there, so it is loaded there or above: then it stays, and
 * init_size counts from there.
 */
static err_t addresses_read(const uint8_t *file, struct guest_image *out, struct diag *d)
{
    const bool moves = get(file, BZIMAGE_RELOCATABLE, 1) != 0;

    out->align = moves ? get(file, BZIMAGE_ALIGN, 4) : PAGE;
    out->first = get(file, BZIMAGE_PREF_ADDRESS, 8);
    out->last = moves ? out->last : out->first;
    out->uses = get(file, BZIMAGE_INIT_SIZE, 4);
    if (out->align < PAGE || out->align > ALIGN_MOST || out->align & (out->align - 1))
        return diag_fail(d, ERR_INVALID, "with kernel_alignment 0x%lx; right is a power of two from 0x1000 to 0x%lx",
                         out->align, ALIGN_MOST);
    if (out->first >= guest_pc.end || out->first & (out->align - 1))
        return diag_fail(d, ERR_INVALID, "with pref_address 0x%lx; right is a multiple of 0x%lx below 4 GiB",
                         out->first, out->align);
    if (!out->uses || out->uses > USES_MOST)
        return diag_fail(d, ERR_INVALID, "with init_size 0x%lx; right is 1 to 0x%lx", out->uses, USES_MOST);
    return ERR_NONE;
}

static err_t bzimage_read(const uint8_t *file, uint64_t size, struct guest_image *out, struct diag *d)
{
    uint64_t setup, version, flags, code;

    if (size < BZIMAGE_HEADER_END || memcmp(file + BZIMAGE_MAGIC, "HdrS", 4) != 0 ||
        get(file, BZIMAGE_BOOT_FLAG, 2) != 0xaa55)
        return ERR_NONE;
    setup = get(file, BZIMAGE_SETUP_SECTS, 1);
    version = get(file, BZIMAGE_VERSION, 2);
    flags = get(file, BZIMAGE_XLOADFLAGS, 2);
    code = get(file, BZIMAGE_SYSSIZE, 4) * 16;
    if (version < 0x20c || !(flags & 1) || !(get(file, BZIMAGE_LOADFLAGS, 1) & BZIMAGE_LOADED_HIGH))
        return diag_fail(d, ERR_INVALID,
                         "of boot protocol %lu.%lu, xloadflags 0x%lx; right is 2.12 or newer, loaded high, with a "
                         "64-bit entry (xloadflags bit 0)",
                         version >> 8, version & 0xff, flags);
    out->skip = ((setup ? setup : 4) + 1) * 512;
    if (out->skip >= size || code <= ENTRY_64 || code > size - out->skip)
        return diag_fail(d, ERR_INVALID, "with 0x%lx bytes of setup and 0x%lx of kernel; the file has 0x%lx", out->skip,
                         code, size);
    out->known = true;
    out->entry = ENTRY_64;
    out->initrd_end = get(file, BZIMAGE_INITRD_MAX, 4) + 1;
    out->cmdline = get(file, BZIMAGE_CMDLINE_SIZE, 4);
    return addresses_read(file, out, d);
}

const struct guest_protocol guest_pc = {
    .image = "a bzImage",
    .start = "start block",
    .start_at = GUEST_PC_START,
    .end = UINT64_C(1) << 32,
    .reach = UINT64_MAX,
    .read = bzimage_read,
};
