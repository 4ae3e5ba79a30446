/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked with --wrap=compile_verify into a test image: one bit of the finished tables changes
 * between compile and verify. The board's bootargs choose it, "flip=TREE,LEVEL,BIT" in decimal:
 * TREE counts as in struct compiled: 0 is the hypervisor's own, then p2m and bfn maps of each partition; from the
 * root, the first entry that is not zero is followed down to that level, and the bit flips there.
 */
#include "compile.h"
#include "console.h"

#define ADDR UINT64_C(0x0000fffffffff000)

err_t __real_compile_verify(const struct compiled *t, struct diag *d);
err_t __wrap_compile_verify(const struct compiled *t, struct diag *d);

static uint32_t number(const char **s)
{
    uint32_t n = 0;

    while (**s >= '0' && **s <= '9')
        n = n * 10 + (uint32_t)(*(*s)++ - '0');
    if (**s == ',')
        (*s)++;
    return n;
}

static void flip(const struct compiled *c, const char *args)
{
    uint32_t which = number(&args);
    const struct pt *t = &c->table[which].pt;
    uint32_t level = number(&args), bit = number(&args);
    mfn_t table = t->root;

    for (unsigned l = t->shape.root_level;; l--) {
        uint64_t *e = pool_ptr(&c->pool, table);

        for (unsigned i = 0; *e == 0 && i < PT_ENTRIES - 1; i++)
            e++;
        if (l == level) {
            log_line("test: tree %u, level %u: bit %u of 0x%lx flips", which, level, bit, *e);
            *e ^= UINT64_C(1) << bit;
            return;
        }
        table = mfn((*e & ADDR) >> FRAME_SHIFT);
        if (!pool_has(&c->pool, table)) {
            log_line("test: no table at level %u", l);
            return;
        }
    }
}

err_t __wrap_compile_verify(const struct compiled *t, struct diag *d)
{
    const struct dt *dt = t->plan->board->dt;
    const struct dt_prop *args = dt_prop(dt, dt_find(dt, "/chosen"), "bootargs");
    const char prefix[] = "flip=";

    if (args != NULL && args->len > sizeof(prefix) && args->val[args->len - 1] == '\0')
        flip(t, (const char *)args->val + sizeof(prefix) - 1);
    return __real_compile_verify(t, d);
}
