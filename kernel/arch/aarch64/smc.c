/* SPDX-License-Identifier: Apache-2.0 */
#include "smc.h"

/* SMCCC 1.0 (DEN 0028): x0..x3 carry arguments and results, x4..x17 may be lost. */
static int64_t smc_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                       "memory");
    return (int64_t)x0;
}

int64_t smc_psci_cpu_on(uint64_t target, uint64_t entry, uint64_t context)
{
    return (int32_t)smc_call(PSCI_CPU_ON | SMCCC_64, target, entry, context);
}

void smc_psci_system_off(void)
{
    (void)smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

int64_t smc_arch_features(uint32_t function)
{
    /* PSCI_FEATURES is how SMCCC itself is discovered (DEN 0028, 7.2): others may not survive an unknown SMC.
     */
    if ((int32_t)smc_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) != PSCI_SUCCESS)
        return PSCI_NOT_SUPPORTED;
    return (int32_t)smc_call(SMCCC_ARCH_FEATURES, function, 0, 0);
}

void smc_arch_workaround(uint32_t function, uint64_t argument)
{
    (void)smc_call(function, argument, 0, 0);
}
