/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/pt.h"

/*
 * AMD64 APM vol. 2, 5.3.4 and 5.3.5: what the hypervisor's own CR3 points to. Supervisor only; global, as
 * there is one such address space; A and D are set beforehand, so that hardware never writes the table. The
 * memory type is PAT index PCD:PWT; the PAT bit (7 of a page, 12 of a large leaf) stays zero. Zero too: the
 * software bits 11:9 and 58:52, and 62:59, which are protection keys under CR4.PKE.
 */
#define LM_P   (UINT64_C(1) << 0)
#define LM_W   (UINT64_C(1) << 1)
#define LM_PWT (UINT64_C(1) << 3)
#define LM_PCD (UINT64_C(1) << 4)
#define LM_A   (UINT64_C(1) << 5)
#define LM_D   (UINT64_C(1) << 6)
#define LM_PS  (UINT64_C(1) << 7)
#define LM_G   (UINT64_C(1) << 8)
#define LM_NX  (UINT64_C(1) << 63)

#define LM_TABLE (LM_P | LM_W | LM_A)
#define LM_PAGE  (LM_P | LM_A | LM_D | LM_G)
#define LM_BLOCK (LM_PAGE | LM_PS)

/* Reading cannot be forbidden, and nothing is both written and executed: PT_NONE. */
const struct pt_format pt_format_long_mode = {
    .name = "long mode",
    .present = LM_P,
    .addr = UINT64_C(0x000ffffffffff000),
    .kind = LM_PS,
    .kind_leaf = LM_PS,
    .in = {[3] = {48, 48}},
    .table = {PT_NONE, LM_TABLE, LM_TABLE, LM_TABLE, PT_NONE, PT_NONE},
    .leaf = {LM_PAGE, LM_BLOCK, LM_BLOCK, PT_NONE, PT_NONE, PT_NONE},
    .perm =
        {
            [0] = PT_NONE,
            [R_READ] = LM_NX,
            [R_WRITE] = PT_NONE,
            [R_READ | R_WRITE] = LM_W | LM_NX,
            [R_EXEC] = PT_NONE,
            [R_READ | R_EXEC] = 0,
            [R_WRITE | R_EXEC] = PT_NONE,
            [R_READ | R_WRITE | R_EXEC] = PT_NONE,
        },
    .mem =
        {
            [MEM_NORMAL] = 0,               /* PA0: write-back */
            [MEM_UNCACHED] = LM_PCD,        /* PA2: UC- */
            [MEM_DEVICE] = LM_PCD | LM_PWT, /* PA3: UC */
        },
};
