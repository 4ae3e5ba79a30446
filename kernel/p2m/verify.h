/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second opinion: walks finished tables bit by bit as the hardware would and compares
 * what it reaches with what was planned. Shares neither code nor constants with pt.c.
 */
#ifndef KERNEL_P2M_VERIFY_H
#define KERNEL_P2M_VERIFY_H

#include "p2m/pt.h"

/* What the hardware takes from the bits of a leaf beside its address. */
struct verify_leaf {
    uint8_t rights; /* R_* */
    uint8_t mems;   /* bit i: it can be memory of type i; all in a format without types, 0: of no type known */
};

_Static_assert(R_READ == 1 && R_WRITE == 2 && R_EXEC == 4, "decoders shift rights into place");

#define VERIFY_MEM(type) ((uint8_t)(1u << (type)))
#define VERIFY_MEM_ALL   ((uint8_t)((1u << MEM_TYPES) - 1))

/*
 * A decoder: data for tables, a function for leaves. Each stands by itself, in a file with those
 * of its family, so that an image holds only what it names.
 */
struct verify_format {
    const char *name;
    uint64_t addr;              /* the address field */
    uint64_t table, table_step; /* the rest of an entry that points to a table: table + level * step */
    uint64_t kind, kind_leaf;   /* above level 0: a leaf where these bits have this value */
    uint8_t in[PT_LEVELS][2];   /* input bits, from and to, of a root of each level; 0: none there */
    /*
     * Decode e, a leaf of this level without its address. Returns the bits that are wrong: those that
     * the format does not define here, or that must be set.
     */
    uint64_t (*leaf)(uint64_t e, unsigned level, struct verify_leaf *leaf);
};

extern const struct verify_format verify_arm_s2, verify_arm_el2, verify_smmu_s1, verify_ipmmu;
extern const struct verify_format verify_npt, verify_ept, verify_vtd_fl, verify_long_mode;
extern const struct verify_format verify_amdvi, verify_vtd_sl, verify_vtd_sl_snp;
/* Tables that the CPU and an IOMMU walk: both must read the same from each entry. */
extern const struct verify_format verify_npt_shared; /* with AMD-Vi */
extern const struct verify_format verify_ept_shared; /* with VT-d second level */

#define VERIFY_ARM_S2  (&verify_arm_s2)
#define VERIFY_ARM_EL2 (&verify_arm_el2)

struct verify_job {
    const struct verify_format *format;
    struct pt_shape shape;
    const struct pool *pool; /* the frames of this map alone, its scratch tree among them: all tables lie there */
    mfn_t root;
    /*
     * What must be reachable, sorted by in; everything else is a hole. A span with rights 0 is a run of
     * holes of level 0, each in a table of its own that leads to no other input: where leaves may be put
     * at run time. Any in and frames: what is mapped in a window now goes between such spans.
     */
    const struct pt_span *spans;
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
 * Tables that spans reach must come above the root, in ascending frames in input order, as
 * pt_build makes them: so none is entered twice, and a loop or a shared subtree is refused. The
 * scratch tables, which are there before, must lie below the root, and all holes of one level
 * hold the same entry, so each is read once. Entries of the root above in_bits must be 0. This
 * bounds the work: frames * 512 steps and a few.
 */
err_t verify_tables(const struct verify_job *j, struct diag *d);

#endif
