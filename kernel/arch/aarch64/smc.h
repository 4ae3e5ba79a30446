/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the firmware at EL3: PSCI (DEN 0022). */
#ifndef ARCH_AARCH64_SMC_H
#define ARCH_AARCH64_SMC_H

#include <stdint.h>

/* PSCI function ids, 5.1; a set bit 30 is the 64-bit convention. */
#define PSCI_VERSION            0x84000000u
#define PSCI_CPU_SUSPEND        0x84000001u
#define PSCI_CPU_OFF            0x84000002u
#define PSCI_CPU_ON             0x84000003u
#define PSCI_AFFINITY_INFO      0x84000004u
#define PSCI_MIGRATE_INFO_TYPE  0x84000006u
#define PSCI_SYSTEM_OFF         0x84000008u
#define PSCI_SYSTEM_RESET       0x84000009u
#define PSCI_FEATURES           0x8400000au
#define PSCI_SYSTEM_RESET2      0x84000012u
#define SMCCC_VERSION           0x80000000u
#define SMCCC_ARCH_FEATURES     0x80000001u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define SMCCC_64                0x40000000u

/* 5.2.2 */
#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED             (-3)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)
#define PSCI_INTERNAL_FAILURE   (-6)
#define PSCI_INVALID_ADDRESS    (-9)

/* target: affinity bits only. Returns the firmware's answer. */
int64_t smc_psci_cpu_on(uint64_t target, uint64_t entry, uint64_t context);
void smc_psci_system_off(void);

/*
 * The mitigations that SMCCC_ARCH_WORKAROUND_1, _2 and _3 name, for guests: whether firmware has function (0
 * or positive: yes), and the call itself. Firmware without SMCCC 1.1 has none and is not called.
 */
int64_t smc_arch_features(uint32_t function);
void smc_arch_workaround(uint32_t function, uint64_t argument);

#endif
