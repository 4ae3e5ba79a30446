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
 *
 * x86_64: the file is an ELF64 with a PVH note whose flat part, laid out as above, begins at IMAGE_X86_OFFSET;
 * loaded and linked at IMAGE_X86_BASE. The flat part begins with the headers of Multiboot (1 and 2, both with
 * addresses, so that a loader need not know ELF64), then what head.S says. Whoever packs it changes sizes in all
 * three: load_end behind the bundle, bss_end behind the arena, and those of the last PT_LOAD.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#define IMAGE_MAGIC "ARM\x64"
/* Bytes of the arena while nothing is packed: enough to say so. */
#define IMAGE_ARENA_UNPACKED 0x10000

#define IMAGE_X86_MAGIC  "MULLX86"
#define IMAGE_X86_BASE   0x1000000
#define IMAGE_X86_OFFSET 0x1000

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

struct image_header_x86 {
    struct {
        uint32_t magic, flags, checksum, header, load, load_end, bss_end, entry;
    } multiboot1;
    struct {
        uint32_t magic, architecture, length, checksum;
        uint16_t type, flags;
        uint32_t size, header, load, load_end, bss_end;
        uint32_t rest[6]; /* tags of the entry and of the end */
    } multiboot2;
    char magic[8];
    uint64_t size, text_end, rodata_end; /* of the hypervisor, from its start: whole frames */
    uint64_t arena;                      /* bytes of the arena: whole frames */
};
_Static_assert(sizeof(struct image_header_x86) == 136, "head.S writes it");
#endif

#endif
