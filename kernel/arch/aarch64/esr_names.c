/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes in words (D19.2.37). */
#include "exits.h"
#include "sysreg.h"

const char *esr_class_name(uint64_t esr)
{
    static const struct {
        uint8_t class;
        char name[23];
    } names[] = {
        {ESR_EC_UNKNOWN, "unknown instruction"},
        {ESR_EC_WFX, "WFI or WFE"},
        {ESR_EC_FP, "floating point"},
        {ESR_EC_HVC64, "HVC"},
        {ESR_EC_SMC64, "SMC"},
        {ESR_EC_SYS64, "system register"},
        {ESR_EC_SVE, "SVE"},
        {ESR_EC_IABT_LOW, "instruction abort"},
        {ESR_EC_IABT_CUR, "instruction abort"},
        {0x22, "misaligned PC"},
        {ESR_EC_DABT_LOW, "data abort"},
        {ESR_EC_DABT_CUR, "data abort"},
        {0x26, "misaligned SP"},
        {0x2f, "SError"},
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].class == esr >> ESR_EC_SHIFT)
            return names[i].name;
    return "other";
}

const char *esr_fault_name(uint64_t esr)
{
    static const char *const names[16] = {
        [0] = "address size fault", [1] = "translation fault",        [2] = "access flag fault",
        [3] = "permission fault",   [4] = "external abort",           [5] = "external abort on a table walk",
        [6] = "parity error",       [7] = "parity error on a walk",   [8] = "alignment fault",
        [12] = "TLB conflict",      [13] = "unsupported access type",
    };
    const char *n = names[(esr >> 2) & 15];

    return n != NULL ? n : "other fault";
}
