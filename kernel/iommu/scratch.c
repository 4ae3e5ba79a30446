/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/scratch.h"

#include <string.h>

#define SCRATCH_WORDS 512

uint64_t scratch_frames(struct pt_shape s)
{
    return 1 + (uint64_t)s.root_level;
}

/* 0xabcd -> 0x0a0b0c0d */
static uint64_t nibbles_spread(uint64_t v)
{
    v = (v | v << 8) & 0x00ff00ff;
    return (v | v << 4) & 0x0f0f0f0f;
}

/*
 * Every byte is 0x50..0x5f: neither the zeros nor the ones that stray writes are full of, so
 * that such a write shows in each of its bytes.
 */
uint64_t scratch_word(uint16_t id, unsigned i)
{
    return UINT64_C(0x5a5a5a5a5a5a5a5a) ^ nibbles_spread(id) << 32 ^ nibbles_spread(i & (SCRATCH_WORDS - 1));
}

static void words_fill(uint64_t *w, uint64_t value)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        w[i] = value;
}

err_t scratch_build(struct scratch *s, const struct pt_format *f, struct pt_shape shape, struct pool *pool,
                    uint8_t rights, uint16_t id, struct diag *d)
{
    uint64_t leaf = pt_leaf_entry(f, 0, 0, rights, MEM_NORMAL);
    uint64_t frames = scratch_frames(shape);
    mfn_t first;

    if ((rights != R_READ && rights != (R_READ | R_WRITE)) || leaf == PT_NONE)
        return diag_fail(d, ERR_INVALID, "scratch tree: %s tables cannot give rights 0x%x; 0x1 (r) or 0x3 (rw)",
                         f->name, rights);
    if (shape.root_level >= PT_LEVELS)
        return diag_fail(d, ERR_INVALID, "scratch tree: root level %u, must be below %u", shape.root_level, PT_LEVELS);
    if (!pool_take(pool, frames, false, &first))
        return diag_fail(d, ERR_NO_SPACE, "scratch tree: needs %lu frames, %lu of the pool's %lu are left", frames,
                         pool->frames - pool->used, pool->frames);

    s->page = first;
    uint64_t *page = pool_ptr(pool, first);
    for (unsigned i = 0; i < SCRATCH_WORDS; i++)
        page[i] = scratch_word(id, i);

    s->fill[0] = leaf | mfn_addr(first).v;
    for (unsigned level = 0; level < shape.root_level; level++) {
        s->table[level] = mfn(first.n + 1 + level);
        words_fill(pool_ptr(pool, s->table[level]), s->fill[level]);
        s->fill[level + 1] = pt_table_entry(f, level + 1, s->table[level]);
    }
    return ERR_NONE;
}

/* Word i holds now instead of want: count its bytes, and note the first one of the page. */
static void word_report(const uint8_t *page, unsigned i, uint64_t diff, struct scratch_report *r)
{
    for (unsigned b = 0; b < 8; b++) {
        if ((diff >> 8 * b & 0xff) == 0)
            continue;
        if (r->changed++ != 0)
            continue;
        r->offset = 8 * i + b;
        r->found_len = FRAME_SIZE - r->offset < sizeof r->found ? (uint32_t)FRAME_SIZE - r->offset : sizeof r->found;
        memcpy(r->found, page + r->offset, r->found_len);
    }
}

void scratch_audit(void *page, uint16_t id, struct scratch_report *r)
{
    uint64_t *word = page;

    *r = (struct scratch_report){0};
    for (unsigned i = 0; i < SCRATCH_WORDS; i++) {
        uint64_t want = scratch_word(id, i);
        uint64_t diff = word[i] ^ want;
        if (diff == 0)
            continue;
        word_report(page, i, diff, r);
        word[i] = want;
    }
}
