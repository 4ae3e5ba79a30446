/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked with --wrap=boot_verify into a test image: one bit of the finished tables changes
 * between compile and verify. The board's bootargs choose it, "flip=TREE,LEVEL,BIT" in decimal:
 * tree 0 is the hypervisor's own, then p2m and bfn map of each partition in turn; from the
 * root, the first entry that is not zero is followed down to that level, and the bit flips there.
 */
#include "boot.h"

#include "sysreg.h"

#define ADDR UINT64_C(0x0000fffffffff000)

err_t __real_boot_verify(struct boot *b, struct diag *d);
err_t __wrap_boot_verify(struct boot *b, struct diag *d);

static uint32_t number(const char **s)
{
    uint32_t n = 0;

    while (**s >= '0' && **s <= '9')
        n = n * 10 + (uint32_t)(*(*s)++ - '0');
    if (**s == ',')
        (*s)++;
    return n;
}

static const struct pt *tree(const struct boot *b, uint32_t t)
{
    if (t == 0)
        return &b->el2;
    return (t - 1) % 2 == 0 ? &b->p2m[(t - 1) / 2] : &b->bfn[(t - 1) / 2];
}

static void flip(const struct boot *b, const char *args)
{
    uint32_t which = number(&args);
    const struct pt *t = tree(b, which);
    uint32_t level = number(&args), bit = number(&args);
    mfn_t table = t->root;

    for (unsigned l = t->shape.root_level;; l--) {
        uint64_t *e = pool_ptr(&b->pool, table);

        for (unsigned i = 0; *e == 0 && i < PT_ENTRIES - 1; i++)
            e++;
        if (l == level) {
            log_line("test: tree %u, level %u: bit %u of 0x%lx flips", (uint32_t)(t - b->p2m), level, bit,
                     *e);
            *e ^= UINT64_C(1) << bit;
            return;
        }
        table = mfn((*e & ADDR) >> FRAME_SHIFT);
        if (!pool_has(&b->pool, table)) {
            log_line("test: no table at level %u", l);
            return;
        }
    }
}

err_t __wrap_boot_verify(struct boot *b, struct diag *d)
{
    const struct dt_prop *p = dt_prop(&b->board_dt, dt_find(&b->board_dt, "/chosen"), "bootargs");
    const char prefix[] = "flip=";

    if (p != NULL && p->len > sizeof(prefix) && p->val[p->len - 1] == '\0') {
        const char *s = (const char *)p->val + sizeof(prefix) - 1;

        flip(b, s);
    }
    return __real_boot_verify(b, d);
}
