/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes in words (D19.2.37). */
#include "exits.h"
#include "sysreg.h"

const char *esr_class_name(uint64_t esr)
{
    switch (esr >> ESR_EC_SHIFT) {
    case ESR_EC_UNKNOWN:
        return "unknown instruction";
    case ESR_EC_WFX:
        return "WFI or WFE";
    case ESR_EC_FP:
        return "floating point";
    case ESR_EC_HVC64:
        return "HVC";
    case ESR_EC_SMC64:
        return "SMC";
    case ESR_EC_SYS64:
        return "system register";
    case ESR_EC_SVE:
        return "SVE";
    case ESR_EC_IABT_LOW:
    case ESR_EC_IABT_CUR:
        return "instruction abort";
    case 0x22:
        return "misaligned PC";
    case ESR_EC_DABT_LOW:
    case ESR_EC_DABT_CUR:
        return "data abort";
    case 0x26:
        return "misaligned SP";
    case 0x2f:
        return "SError";
    default:
        return "other";
    }
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
