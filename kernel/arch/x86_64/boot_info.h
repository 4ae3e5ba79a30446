/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boot loader says, whichever of three protocols it speaks. It is outside input: every pointer, size
 * and count in it is bounds-checked, and what is needed later is copied. Command line and modules are not used.
 */
#ifndef ARCH_X86_64_BOOT_INFO_H
#define ARCH_X86_64_BOOT_INFO_H

#include "arena.h"
#include "board_acpi.h"

/*
 * Fill in fw->memory, and fw->rsdp where the loader gives it (the copy of it that Multiboot 2 has lies in its own
 * information), from what fw->physical reads. protocol: BOOT_PVH, or the magic of Multiboot 1 or 2 (layout.h);
 * info: the address of what it gives.
 */
err_t boot_info_read(struct board_firmware *fw, uint32_t protocol, uint64_t info, struct arena *a, struct diag *d);

/* A page below 1 MiB, but not the first, that is RAM and nothing else; 0: there is none. */
uint64_t boot_info_low_page(const struct board_firmware *fw);

#endif
