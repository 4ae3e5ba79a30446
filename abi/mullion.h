/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run-time interface of a Mullion guest. Calls follow SMCCC 1.2 (DEN 0028): HVC #0, function id in x0,
 * arguments in x1.., result in x0; x1..x3 of results as named; all other registers are kept. Discovery: the
 * UID call below answers with the UID, or the device tree's /hypervisor node.
 *
 * x86_64: the same calls by VMMCALL, without prefixes, at CPL 0 (else #UD); x0..x3 are RAX, RCX, RDX, RBX. Discovery:
 * CPUID leaf 0x40000000, EBX, ECX, EDX = "MullionMulli".
 */
#ifndef ABI_MULLION_H
#define ABI_MULLION_H

/* SMCCC vendor-specific hypervisor service (SMCCC 6): UID in w0..w3, revision in x0 (major), x1 (minor). */
#define MULLION_CALL_UID       0x8600ff01u
#define MULLION_CALL_REVISION  0x8600ff03u
#define MULLION_UID0           0x6d756c6cu
#define MULLION_UID1           0x4fe6696fu
#define MULLION_UID2           0x9a1e6e2du
#define MULLION_UID3           0x3151a7c5u
#define MULLION_REVISION_MAJOR 1
#define MULLION_REVISION_MINOR 0

/* x1: item. Result: x0 = MULLION_OK and x1 = value, or x0 = MULLION_INVALID. */
#define MULLION_INFO            0xc6000000u
#define MULLION_INFO_PARTITION  0  /* own id */
#define MULLION_INFO_DMA_FAULTS 1  /* contained faults of own devices since boot */
#define MULLION_INFO_STRAYS     2  /* audits that found the scratch page changed */
#define MULLION_INFO_RESETS     3  /* own resets since boot */
#define MULLION_INFO_STAMP      16 /* + stage (below): counter at the end of that stage of the boot */
#define MULLION_STAGE_ENTRY     0
#define MULLION_STAGE_READ      1 /* manifest and board read */
#define MULLION_STAGE_PLAN      2 /* planned and checked */
#define MULLION_STAGE_COMPILE   3
#define MULLION_STAGE_VERIFY    4
#define MULLION_STAGE_PROGRAM   5
#define MULLION_STAGE_SCRUB     6 /* partition memory cleared */
#define MULLION_STAGE_LOAD      7 /* images copied */
#define MULLION_STAGE_DTB       8 /* guest device trees written */
#define MULLION_STAGES          9

/*
 * Audit the caller's scratch page now. x0 = MULLION_OK, x1 = bytes that were changed since the last audit
 * (then restored), x2 = offset of the first one.
 */
#define MULLION_AUDIT 0xc6000001u

#define MULLION_OK            0
#define MULLION_NOT_SUPPORTED (-1)
#define MULLION_INVALID       (-2)

#endif
