/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the guests of a kind of board are started: what their boot protocol says of a kernel's file, and where it
 * wants what is written beside kernel and initrd at the start: the *start block*, GUEST_START_MAX bytes with the
 * DTB, or with boot parameters, page tables and ACPI tables.
 */
#ifndef KERNEL_GUEST_IMAGE_H
#define KERNEL_GUEST_IMAGE_H

#include "diag.h"

#include <stdbool.h>
#include <stdint.h>

#define GUEST_START_MAX (64u << 10) /* and what the block is aligned to */

/* What a file says; of a raw one only `uses`. */
struct guest_image {
    bool known;             /* it has the protocol's header */
    uint64_t skip;          /* bytes in front that are not loaded */
    uint64_t entry;         /* where it is entered, from where it is loaded on */
    uint64_t uses;          /* bytes, from there on */
    uint64_t align, offset; /* it is loaded at offset above a multiple of align, a power of two, */
    uint64_t first, last;   /* and from first to last */
    uint64_t initrd_end;    /* the initrd ends there at the most */
    uint64_t cmdline;       /* bytes of the command line at the most */
};

struct guest_protocol {
    const char *image; /* what messages call a file with its header, */
    const char *start; /* and the start block */
    uint64_t start_at; /* the block is there where that is RAM, 0 or else: as high as it goes */
    uint64_t end;      /* kernel, initrd and block end there at the most */
    uint64_t reach;    /* kernel and initrd end so far from a multiple of 1 GiB at the most */
    /* Fill out, which has size in `uses`. What is not supported is refused: the text follows "FILE is IMAGE". */
    err_t (*read)(const uint8_t *file, uint64_t size, struct guest_image *out, struct diag *d);
};

extern const struct guest_protocol guest_arm64; /* Linux, Documentation/arch/arm64/booting.rst */
extern const struct guest_protocol guest_pc;    /* Linux, Documentation/arch/x86/boot.rst: the 64-bit protocol */

#endif
