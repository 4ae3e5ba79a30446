/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_walk.h"

#include "arch.h"

#include <string.h>

#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PSE  (UINT64_C(1) << 4)
#define CR4_PAE  (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LMA (UINT64_C(1) << 10)

#define PTE_P    UINT64_C(0x01)
#define PTE_PS   UINT64_C(0x80)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)
#define LEVEL_1G 2

static __attribute__((noinline)) bool extent_find(const struct guest_memory *m, gaddr_t a)
{
    const struct extent *e = physmap_find(m->physmap, gfn_of(a));

    if (!e || (e->type != EXT_RAM && e->type != EXT_RAM_RO && e->type != EXT_SHARED) || !(e->cpu & R_READ))
        return false;
    *m->last = e;
    return true;
}

/* Where the guest's memory at a is mapped; NULL: it is no memory, or not to be read. */
static inline const void *memory(const struct guest_memory *m, gaddr_t a)
{
    const struct extent *e = *m->last;

    if ((!e || gfn_of(a).n - e->gfn.n >= e->frames) && !extent_find(m, a))
        return NULL;
    e = *m->last;
    return arch_memory(maddr(mfn_addr(e->mfn).v + (a.v - gfn_addr(e->gfn).v)));
}

/* How a mode walks (5.2, 5.3). */
struct form {
    unsigned levels, bits, size; /* bits of the address that a level takes, bytes of an entry */
};

/* Other CPUs of the guest write these tables: each entry is read once. */
static inline uint64_t entry_read(const void *p, unsigned size)
{
    return size == 8 ? __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED)
                     : __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
}

static inline bool is_leaf(const struct guest_memory *m, struct form f, unsigned level, uint64_t entry)
{
    if (level == 0)
        return true;
    if (!(entry & PTE_PS) || level > LEVEL_1G)
        return false;
    return f.size == 4 ? m->cr4 & CR4_PSE : level < LEVEL_1G || f.levels > 3;
}

/* Bits 39:32 of a 4 MiB page are in 20:13 of its entry (5.2.2). */
static inline uint64_t leaf_address(struct form f, unsigned level, uint64_t entry)
{
    return level && f.size == 4 ? (entry & 0xffc00000) | (entry & 0x1fe000) << 19 : entry & PTE_ADDR;
}

/* Inlined for each mode: its numbers are constants then, and this runs at every access to a device. */
static inline __attribute__((always_inline)) bool walk(const struct guest_memory *m, struct form f, uint64_t table,
                                                       uint64_t linear, gaddr_t *out)
{
    for (unsigned level = f.levels; level-- > 0;) {
        unsigned shift = FRAME_SHIFT + level * f.bits;
        uint64_t index = linear >> shift & ((UINT64_C(1) << f.bits) - 1), offset = (UINT64_C(1) << shift) - 1;
        const void *p = memory(m, gaddr(table + index * f.size));
        uint64_t entry = p ? entry_read(p, f.size) : 0;

        if (!(entry & PTE_P))
            return false;
        if (is_leaf(m, f, level, entry)) {
            *out = gaddr((leaf_address(f, level, entry) & ~offset) | (linear & offset));
            return true;
        }
        table = entry & PTE_ADDR;
    }
    return false;
}

bool guest_walk(const struct guest_memory *m, uint64_t linear, gaddr_t *out)
{
    if (m->efer & EFER_LMA) {
        if (m->cr4 & CR4_LA57)
            return walk(m, (struct form){5, 9, 8}, m->cr3 & PTE_ADDR, linear, out);
        return walk(m, (struct form){4, 9, 8}, m->cr3 & PTE_ADDR, linear, out);
    }
    linear &= UINT32_MAX;
    if (m->cr0 & CR0_PG) {
        if (m->cr4 & CR4_PAE) /* the root has four entries */
            return walk(m, (struct form){3, 9, 8}, m->cr3 & 0xffffffe0, linear, out);
        return walk(m, (struct form){2, 10, 4}, m->cr3 & 0xfffff000, linear, out);
    }
    *out = gaddr(linear);
    return true;
}

uint8_t guest_byte(const struct guest_memory *m, uint64_t linear)
{
    gaddr_t a;
    const uint8_t *p = guest_walk(m, linear, &a) ? memory(m, a) : NULL;

    return p ? *p : 0;
}

size_t guest_fetch(const struct guest_memory *m, uint64_t linear, uint8_t out[GUEST_FETCH])
{
    size_t got = 0;

    while (got < GUEST_FETCH) {
        gaddr_t a = gaddr(0);
        const uint8_t *p = guest_walk(m, linear + got, &a) ? memory(m, a) : NULL;
        size_t n = FRAME_SIZE - (a.v & FRAME_MASK);

        if (!p)
            break;
        if (got == 0 && n >= GUEST_FETCH) {
            memcpy(out, p, GUEST_FETCH);
            return GUEST_FETCH;
        }
        for (n = n < GUEST_FETCH - got ? n : GUEST_FETCH - got; n > 0; n--)
            out[got++] = *p++;
    }
    memset(out + got, 0, GUEST_FETCH - got);
    return got;
}
