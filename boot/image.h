/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's file and what `mullion image` makes of it:
 *
 *   0                  size                             image_size - arena   image_size
 *   | text, data, bss  | bundle, whole frames           | arena              |
 *   |<-------------------- the file ------------------->|<- in memory only ->|
 *
 * First the header of the arm64 boot protocol, whose image_size a boot loader keeps free;
 * then what kernel/arch/aarch64/head.S says of itself. All fields little-endian.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#define IMAGE_MAGIC "ARM\x64"
/* Bytes of the arena while nothing is packed: enough to say so. */
#define IMAGE_ARENA_UNPACKED 0x10000

#ifndef __ASSEMBLER__
#include <stdint.h>

struct image_header {
    uint32_t code[2];
    uint64_t text_offset, image_size, flags, reserved[3];
    char magic[4];
    uint32_t reserved2;
    uint64_t size, text_end, rodata_end; /* of the hypervisor, from its start: whole frames */
    uint64_t arena;                      /* bytes of the arena: whole frames */
};
_Static_assert(sizeof(struct image_header) == 96, "head.S writes it");
#endif

#endif
