/* SPDX-License-Identifier: Apache-2.0 */
/* What devices are told to write so that an interrupt reaches a CPU. Pure: knows no hardware. */
#ifndef ARCH_X86_64_MSIX_WORDS_H
#define ARCH_X86_64_MSIX_WORDS_H

#include "dev/vmsix.h"

#define MSI_BASE UINT64_C(0xfee00000) /* SDM vol. 3, 11.11.1 */

/*
 * Remappable format (VT-d 5.1.2.2): handle[14:0] in 19:5, format in 4, SHV in 3, handle[15] in 2. With SHV the
 * entry is the handle plus the data.
 */
static inline struct vmsi_message msix_word_vtd(uint16_t handle, uint16_t sub)
{
    return (struct vmsi_message){
        MSI_BASE | (uint64_t)(handle & 0x7fff) << 5 | 1u << 4 | 1u << 3 | (uint64_t)(handle >> 15) << 2, sub};
}

/* AMD-Vi (2.2.5.2): data 10:0 is the index; a fixed interrupt, as those below 256 are. */
static inline struct vmsi_message msix_word_amd(uint8_t index)
{
    return (struct vmsi_message){MSI_BASE, index};
}

/* Not remapped: fixed, edge, to the CPU with this id (below 255). */
static inline struct vmsi_message msix_word_plain(uint8_t apic, uint8_t vector)
{
    return (struct vmsi_message){MSI_BASE | (uint64_t)apic << 12, vector};
}

#endif
