/* SPDX-License-Identifier: Apache-2.0 */
/* System registers and barriers, named as in the Arm ARM (DDI 0487). */
#ifndef ARCH_AARCH64_SYSREG_H
#define ARCH_AARCH64_SYSREG_H

#include <stdint.h>

#define SYSREG_READ(reg)                              \
    ({                                                \
        uint64_t v_;                                  \
        __asm__ volatile("mrs %0, " #reg : "=r"(v_)); \
        v_;                                           \
    })
#define SYSREG_WRITE(reg, value) __asm__ volatile("msr " #reg ", %0" ::"r"((uint64_t)(value)) : "memory")

#define CPU_ISB()    __asm__ volatile("isb" ::: "memory")
#define CPU_DSB(dom) __asm__ volatile("dsb " #dom ::: "memory")
#define CPU_WFI()    __asm__ volatile("dsb sy\n\twfi" ::: "memory")

/* HCR_EL2 (D19.2.48) */
#define HCR_VM    (UINT64_C(1) << 0)
#define HCR_SWIO  (UINT64_C(1) << 1)
#define HCR_PTW   (UINT64_C(1) << 2)
#define HCR_FMO   (UINT64_C(1) << 3)
#define HCR_IMO   (UINT64_C(1) << 4)
#define HCR_AMO   (UINT64_C(1) << 5)
#define HCR_TID3  (UINT64_C(1) << 18)
#define HCR_TSC   (UINT64_C(1) << 19)
#define HCR_TIDCP (UINT64_C(1) << 20)
#define HCR_TACR  (UINT64_C(1) << 21)
#define HCR_TSW   (UINT64_C(1) << 22)
#define HCR_RW    (UINT64_C(1) << 31)
#define HCR_TLOR  (UINT64_C(1) << 35)
#define HCR_TERR  (UINT64_C(1) << 36)
#define HCR_APK   (UINT64_C(1) << 40)
#define HCR_API   (UINT64_C(1) << 41)

/* ESR_ELx.EC (D19.2.37) */
#define ESR_EC_SHIFT           26
#define ESR_EC_UNKNOWN         0x00
#define ESR_EC_WFX             0x01
#define ESR_EC_FP              0x07
#define ESR_EC_HVC64           0x16
#define ESR_EC_SMC64           0x17
#define ESR_EC_SYS64           0x18
#define ESR_EC_SVE             0x19
#define ESR_EC_IABT_LOW        0x20
#define ESR_EC_IABT_CUR        0x21
#define ESR_EC_DABT_LOW        0x24
#define ESR_EC_DABT_CUR        0x25
#define ESR_IL_SHIFT           25
#define ESR_IL                 (UINT64_C(1) << ESR_IL_SHIFT)
#define ESR_CM                 (UINT64_C(1) << 8)
#define ESR_S1PTW              (UINT64_C(1) << 7)
#define ESR_WNR                (UINT64_C(1) << 6)
#define ESR_DFSC_LEVEL         3
#define ESR_DFSC_EXTERNAL      0x10
#define ESR_DFSC_EXTERNAL_WALK 0x14

/* SPSR_ELx: EL1h with D, A, I, F masked */
#define SPSR_EL1H_MASKED 0x3c5

#endif
