/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that a kind of CPU walks, and what it keeps in memory beside them. */
#ifndef KERNEL_P2M_KIND_H
#define KERNEL_P2M_KIND_H

#include "p2m/pt.h"
#include "p2m/verify.h"

struct p2m_kind {
    const struct pt_format *format;
    const struct verify_format *verify;
    uint8_t in_bits;              /* of the tables of a physmap that fits into them; more only for one that does not */
    const struct p2m_kind *plain; /* what the same CPUs walk where nobody else does; NULL: this one */
    uint8_t cpu_frames, partition_frames; /* for running guests: of each CPU of the board, of each partition */
};

extern const struct p2m_kind own_arm_el2;    /* the hypervisor's own */
extern const struct p2m_kind own_x86_64;     /* likewise */
extern const struct p2m_kind p2m_arm_s2;     /* walked by SMMUv3 stage 2, too */
extern const struct p2m_kind p2m_npt;        /* by nobody else */
extern const struct p2m_kind p2m_npt_shared; /* by AMD-Vi, too */
extern const struct p2m_kind p2m_ept;        /* by nobody else */
extern const struct p2m_kind p2m_ept_shared; /* by VT-d second level, too */

#endif
