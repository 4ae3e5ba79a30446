/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a guest, decoded: no read past them, and what is accepted keeps the promises of insn.h. */
#include "arch/x86_64/insn.h"
#include "fuzz.h"

#include <string.h>

/* From no more bytes than it has the same, from fewer short; whatever follows. */
static void end_check(const uint8_t *data, const struct insn *i, enum insn_mode mode)
{
    for (size_t n = 0; n <= i->len; n++) {
        void *cut = fuzz_copy(data, n);
        struct insn again = {0};
        enum insn_result r = insn_decode(cut, n, mode, &again);

        FUZZ_MUST(r == (n < i->len ? INSN_SHORT : INSN_ACCESS), "%zu of %u bytes: %d", n, i->len, (int)r);
        free(cut);
    }
}

static void fields_check(const struct insn *i, enum insn_mode mode)
{
    uint8_t widest = mode == INSN_64 ? 8 : 4;

    FUZZ_MUST(i->len >= 2 && i->len <= INSN_MAX, "%u bytes", i->len);
    FUZZ_MUST(i->size && !(i->size & (i->size - 1)) && i->size <= widest, "access of %u bytes", i->size);
    FUZZ_MUST(i->reg_size >= i->size && i->reg_size <= widest, "register of %u bytes", i->reg_size);
    FUZZ_MUST(i->reg < (mode == INSN_64 ? 16 : 8), "register %u", i->reg);
    FUZZ_MUST(i->reads || i->writes, "no access");
    FUZZ_MUST(!i->to_reg || (i->reads && !i->writes), "both to a register and to memory");
    FUZZ_MUST(!i->high || (i->reg < 4 && i->reg_size == 1), "the upper byte of register %u", i->reg);
}

static void effect_check(const struct insn *i)
{
    uint64_t gpr[16], before[16], rflags = 0, stored;

    memset(gpr, 0xa5, sizeof gpr);
    memcpy(before, gpr, sizeof gpr);
    stored = insn_stored(i, gpr, 0x5a5a5a5a5a5a5a5a);
    FUZZ_MUST(!memcmp(gpr, before, sizeof gpr), "insn_stored changes registers");
    FUZZ_MUST(i->size == 8 || !(stored >> 8 * i->size), "stores 0x%lx, %u bytes", stored, i->size);
    insn_retire(i, gpr, &rflags, 0x5a5a5a5a5a5a5a5a);
    FUZZ_MUST(!(rflags & ~UINT64_C(0x8d5)), "RFLAGS 0x%lx", rflags);
    before[i->reg] = gpr[i->reg];
    FUZZ_MUST(!memcmp(gpr, before, sizeof gpr), "more than register %u is changed", i->reg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);

    for (enum insn_mode mode = INSN_16; mode <= INSN_64; mode++) {
        struct insn i = {0};

        if (insn_decode(copy, size, mode, &i) != INSN_ACCESS)
            continue;
        fields_check(&i, mode);
        end_check(data, &i, mode);
        effect_check(&i);
    }
    free(copy);
    return 0;
}
