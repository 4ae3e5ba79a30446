/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second opinion: walks finished tables bit by bit as the hardware would and compares
 * what it reaches with what was planned. Shares neither code nor constants with pt.c.
 */
#ifndef KERNEL_P2M_VERIFY_H
#define KERNEL_P2M_VERIFY_H

#include "p2m/pt.h"

enum verify_format { VERIFY_ARM_S2, VERIFY_ARM_EL2 };

struct verify_job {
    enum verify_format format;
    struct pt_shape shape;
    const struct pool *pool; /* every table must lie in it */
    mfn_t root;
    const struct pt_span *spans; /* what must be reachable, sorted by in; everything else is a hole */
    uint32_t count;
    /*
     * What a hole must be. none: an all-zero entry. Otherwise every hole of the input range
     * must resolve to this one page with exactly these rights.
     */
    bool scratch;
    mfn_t scratch_page;
    uint8_t scratch_rights;
};

/*
 * ERR_NONE when the tables map exactly what the job says, with no bit set that the format
 * does not define for that entry. Otherwise ERR_INVALID and a text in d: level, input
 * address, the entry, what was wanted and what was found.
 *
 * Tables that spans reach must come in ascending frames in input order, as pt_build makes
 * them: so none is entered twice, and a loop or a shared subtree is refused. All holes of one
 * level must hold the same entry, so each scratch table is read once. Entries of the root
 * above in_bits must be 0. This bounds the work: frames * 512 steps and a few.
 */
err_t verify_tables(const struct verify_job *j, struct diag *d);

#endif
