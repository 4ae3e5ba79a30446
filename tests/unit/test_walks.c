/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/p2m/verify.c kernel/p2m/verify_arm.c kernel/p2m/verify_x86.c kernel/p2m/verify_iommu.c
 * kernel/p2m/verify_shared.c kernel/p2m/pt.c kernel/p2m/format_arm_s2.c kernel/p2m/format_arm_el2.c
 * kernel/p2m/format_smmu_s1.c kernel/p2m/format_ipmmu.c kernel/p2m/format_npt.c kernel/p2m/format_ept.c
 * kernel/p2m/format_amdvi.c kernel/p2m/format_vtd_sl.c kernel/p2m/format_vtd_fl.c
 * kernel/p2m/format_long_mode.c
 * kernel/iommu/scratch.c kernel/pool.c kernel/diag.c kernel/fmt.c */
/* Every format: compile against verify and against a third walk, over random lists of spans. */
#include "verify_kits.h"

/*
 * A third, plain walk: the leaf's output frame for one input frame, and what it allows; UINT64_MAX:
 * no leaf.
 */
static uint64_t walk(struct world *w, const struct reader *r, uint64_t in, uint8_t *rights)
{
    const uint64_t *t = table(w, w->pt.root);
    uint64_t index = in >> 9 * w->pt.shape.root_level;

    *rights = R_READ | R_WRITE;
    for (unsigned level = w->pt.shape.root_level;; level--) {
        uint64_t e = t[index];
        uint64_t below = in & ((UINT64_C(1) << 9 * level) - 1);
        bool leaf = level == 0 || (e & r->kind) == r->leaf;
        if ((e & r->present) == 0)
            return UINT64_MAX;
        uint64_t frame = (e & r->addr) >> 12;
        if ((leaf || r->nested) && (e & r->read) != r->read)
            *rights &= (uint8_t)~R_READ;
        if ((leaf || r->nested) && ((e & r->write) != r->write || (e & r->ro) != 0))
            *rights &= (uint8_t)~R_WRITE;
        if (leaf)
            return frame + below;
        t = table(w, mfn(frame));
        index = below >> 9 * (level - 1);
    }
}

static void check_walk(struct world *w, const struct kit *kit, uint64_t in, uint64_t frame, uint8_t rights)
{
    const struct reader *both[] = {kit->first, kit->second};
    uint8_t found;
    for (int i = 0; i < 2 && both[i] != NULL; i++) {
        assert_int_equal(walk(w, both[i], in, &found), frame);
        if (frame != UINT64_MAX)
            assert_int_equal(found, rights & RW);
    }
}

static void check_hole(struct world *w, const struct kit *kit, uint64_t in)
{
    check_walk(w, kit, in, w->job.scratch ? w->scratch.page.n : UINT64_MAX, w->job.scratch_rights);
}

/* Frame k of a span; nothing is mapped in a window yet. */
static void check_span(struct world *w, const struct kit *kit, const struct pt_span *s, uint64_t k)
{
    if (s->rights == PT_WINDOW)
        check_hole(w, kit, s->in + k);
    else
        check_walk(w, kit, s->in + k, s->out + k, s->rights);
}

static void check_walks(struct world *w, const struct kit *kit)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < w->job.count; i++) {
        const struct pt_span *s = &w->spans[i];
        check_span(w, kit, s, 0);
        check_span(w, kit, s, rng_below(s->frames));
        check_span(w, kit, s, s->frames - 1);
        if (s->in > end) {
            check_hole(w, kit, end);
            check_hole(w, kit, s->in - 1);
        }
        end = s->in + s->frames;
    }
    if (end < UINT64_C(1) << (w->pt.shape.in_bits - FRAME_SHIFT))
        check_hole(w, kit, end);
}

static void test_random_maps(void **state)
{
    static struct world w;
    uint64_t seed = env_number("MULLION_SEED", (uint64_t)time(NULL));
    uint64_t rounds = env_number("MULLION_ROUNDS", 3000);
    (void)state;
    print_message("MULLION_SEED=%lu MULLION_ROUNDS=%lu\n", seed, rounds);
    for (uint64_t i = 0; i < rounds; i++) {
        rng_state = seed + i;
        random_plan(&w, &kits[i % KITS], 40);
        random_build(&w, i / KITS & 1);
        assert_accepted(&w);
        check_walks(&w, &kits[i % KITS]);
    }
}

/* I6: a zero entry is no leaf and no table for any decoder, and not there for any walker. */
static void test_zero_is_absent(void **state)
{
    struct verify_leaf leaf;
    (void)state;
    for (const struct kit *k = kits; k < kits + KITS; k++) {
        for (unsigned level = 0; level <= 2; level++)
            assert_int_not_equal(k->verify->leaf(0, level, &leaf), 0);
        for (unsigned level = 1; level < PT_LEVELS; level++)
            assert_int_not_equal(k->verify->table + level * k->verify->table_step, 0);
        assert_int_not_equal(k->first->present, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_maps),
        cmocka_unit_test(test_zero_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
