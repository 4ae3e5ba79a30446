/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of reserved memory share. */
#ifndef TESTS_UNIT_RESERVED_WORLD_H
#define TESTS_UNIT_RESERVED_WORLD_H

#include "plan_world.h"

#include "dtc.h"

#include <stdlib.h>

#define BOARD   "tests/boards/virt-smmu.dts"
#define DISPLAY "display { path = \"/display@9120000\"; };"
#define RING    "ring { path = \"/ring@9122000\"; };"
#define SECOND  "second { path = \"/second@9123000\"; };"

#define SID_DISK 0x10
#define SID_EDU  0x18
#define RMRR     UINT64_C(0x70000000)  /* in the middle of RAM */
#define HIGH     UINT64_C(0x100000000) /* where the board has nothing */

/* The range is there: GFN == BFN == MFN, for CPUs and devices, in one extent. */
static inline void assert_there(const struct plan_partition *pp, uint64_t base, uint64_t size)
{
    const struct extent *e = physmap_find(&pp->physmap, gfn(base >> FRAME_SHIFT));
    const struct pt_span *s = span_in(pp->p2m_span, pp->p2m_spans, base);

    assert_non_null(e);
    assert_int_equal(e->type, EXT_RESERVED);
    assert_int_equal(gfn_addr(e->gfn).v, base);
    assert_int_equal(mfn_addr(e->mfn).v, base);
    assert_int_equal(e->frames, size >> FRAME_SHIFT);
    for (unsigned i = 0; i < 2; i++) {
        assert_non_null(s);
        assert_int_equal(s->out, s->in);
        assert_int_equal(s->frames, e->frames);
        assert_int_equal(s->rights, R_READ | R_WRITE);
        if (!pp->maps)
            break;
        s = span_in(pp->bfn_span, pp->bfn_spans, base);
    }
}

/* Nothing of pp leads there, under whatever address. */
static inline void assert_nowhere(const struct plan_partition *pp, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < pp->physmap.count; i++) {
        const struct extent *e = &pp->physmap.ext[i];

        assert_false(e->type != EXT_EMULATED &&
                     ranges_overlap(e->mfn.n, e->frames, base >> FRAME_SHIFT, size >> FRAME_SHIFT));
    }
    for (uint32_t i = 0; i < pp->bfn_spans; i++)
        assert_false(
            ranges_overlap(pp->bfn_span[i].out, pp->bfn_span[i].frames, base >> FRAME_SHIFT, size >> FRAME_SHIFT));
    assert_null(physmap_find(&pp->physmap, gfn(base >> FRAME_SHIFT)));
}

static inline uint32_t reserveds(const struct plan_partition *pp)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < pp->physmap.count; i++)
        n += pp->physmap.ext[i].type == EXT_RESERVED;
    return n;
}

static inline void one_with(struct fixture *f, const char *devices)
{
    fixture_read(f, manifest_one(TRANSLATED, RAM_64M, devices));
}

/* The fixture's board with one text of its source replaced by another. */
static inline void board_change(struct fixture *f, const char *from, const char *to)
{
    static char text[32768], changed[32768];
    FILE *file = fopen(BOARD, "r");
    size_t size = fread(text, 1, sizeof text - 1, file);
    const char *at;

    (void)fclose(file);
    text[size] = '\0';
    at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(f->board_blob);
    f->board_blob = dts_compile(changed, &size);
    assert_int_equal(dt_index(&f->board_dt, "board", f->board_blob, size, &f->arena, &f->diag), ERR_NONE);
    assert_int_equal(board_read(&f->board, &f->board_dt, &f->arena, &f->diag), ERR_NONE);
    f->board.pa_bits = 44;
    unit_set(&f->board.iommu[0], &iommu_kind_smmuv3);
}

#endif
