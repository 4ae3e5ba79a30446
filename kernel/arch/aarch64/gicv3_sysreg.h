/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers of the GICv3 (IHI 0069 12.2, 12.4) by their encodings, so that no assembler
 * option is needed. ICC_*: the physical CPU interface; ICH_*: the virtual one. tests/host has a
 * header of the same name with a register file behind it: include this one with <>.
 */
#ifndef ARCH_AARCH64_GICV3_SYSREG_H
#define ARCH_AARCH64_GICV3_SYSREG_H

#include <stdbool.h>
#include <stdint.h>

#define GIC_SYSREG_RO_(name, enc)                             \
    static inline uint64_t name(void)                         \
    {                                                         \
        uint64_t v;                                           \
        __asm__ volatile("mrs %0, " enc : "=r"(v)::"memory"); \
        return v;                                             \
    }
#define GIC_SYSREG_WO_(name, enc)                                \
    static inline void name(uint64_t v)                          \
    {                                                            \
        __asm__ volatile("msr " enc ", %0" ::"r"(v) : "memory"); \
    }

GIC_SYSREG_RO_(icc_read_iar1, "S3_0_C12_C12_0")
GIC_SYSREG_WO_(icc_write_eoir1, "S3_0_C12_C12_1")
GIC_SYSREG_WO_(icc_write_dir, "S3_0_C12_C11_1")
GIC_SYSREG_WO_(icc_write_sgi1r, "S3_0_C12_C11_5")
GIC_SYSREG_WO_(icc_write_pmr, "S3_0_C4_C6_0")
GIC_SYSREG_WO_(icc_write_bpr1, "S3_0_C12_C12_3")
GIC_SYSREG_WO_(icc_write_ap1r0, "S3_0_C12_C9_0")
GIC_SYSREG_WO_(icc_write_ctlr, "S3_0_C12_C12_4")
GIC_SYSREG_WO_(icc_write_igrpen1, "S3_0_C12_C12_7")
GIC_SYSREG_WO_(icc_write_sre_el1, "S3_0_C12_C12_5")
GIC_SYSREG_RO_(icc_read_sre_el2, "S3_4_C12_C9_5")
GIC_SYSREG_WO_(icc_write_sre_el2, "S3_4_C12_C9_5")

GIC_SYSREG_WO_(ich_write_hcr, "S3_4_C12_C11_0")
GIC_SYSREG_RO_(ich_read_vtr, "S3_4_C12_C11_1")
GIC_SYSREG_RO_(ich_read_elrsr, "S3_4_C12_C11_5")
GIC_SYSREG_WO_(ich_write_vmcr, "S3_4_C12_C11_7")

/* Take the pending interrupt of highest priority: its INTID; 1020 and above: there is none. */
static inline uint32_t icc_acknowledge(void)
{
    return (uint32_t)icc_read_iar1() & 0xffffff;
}
/* EOImode 1: drop its priority; it stays active ... */
static inline void icc_end(uint32_t intid)
{
    icc_write_eoir1(intid);
}
/* ... until this, or until the guest ends the list register that stands for it. */
static inline void icc_deactivate(uint32_t intid)
{
    icc_write_dir(intid);
}

static inline void gic_isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

/* Active priorities ICH_AP0R<n>, ICH_AP1R<n> (12.4.1, 12.4.2): n below 1, 2 or 4, as ICH_VTR.PREbits says. */
static inline void ich_clear_apr(uint32_t n)
{
#define GIC_CLEAR_APR_(i)                                                                            \
    case i:                                                                                          \
        __asm__ volatile("msr S3_4_C12_C8_" #i ", xzr\n\tmsr S3_4_C12_C9_" #i ", xzr" ::: "memory"); \
        break;
    switch (n) {
        GIC_CLEAR_APR_(0)
        GIC_CLEAR_APR_(1)
        GIC_CLEAR_APR_(2)
        GIC_CLEAR_APR_(3)
    }
#undef GIC_CLEAR_APR_
}

#define GIC_EACH_LR_(op)                                                                                            \
    op(0, "12_0") op(1, "12_1") op(2, "12_2") op(3, "12_3") op(4, "12_4") op(5, "12_5") op(6, "12_6") op(7, "12_7") \
        op(8, "13_0") op(9, "13_1") op(10, "13_2") op(11, "13_3") op(12, "13_4") op(13, "13_5") op(14, "13_6")      \
            op(15, "13_7")

/* ICH_LR<i>, i at most ICH_VTR.ListRegs. */
static inline uint64_t ich_read_lr(uint32_t i)
{
    uint64_t v = 0;

#define GIC_READ_LR_(n, enc)                                            \
    case n:                                                             \
        __asm__ volatile("mrs %0, S3_4_C12_C" enc : "=r"(v)::"memory"); \
        break;
    switch (i) {
        GIC_EACH_LR_(GIC_READ_LR_)
    }
#undef GIC_READ_LR_
    return v;
}

/* List registers that hold an interrupt (12.4.5: ICH_ELRSR shows the empty ones), as a bit map. */
static inline uint32_t ich_used(void)
{
    return ~(uint32_t)ich_read_elrsr() & ((2u << (ich_read_vtr() & 31)) - 1);
}

static inline bool ich_all_free(void)
{
    return ich_used() == 0;
}

/* A later read of ICH_ELRSR sees it. */
static inline void ich_write_lr(uint32_t i, uint64_t v)
{
#define GIC_WRITE_LR_(n, enc)                                              \
    case n:                                                                \
        __asm__ volatile("msr S3_4_C12_C" enc ", %0" ::"r"(v) : "memory"); \
        break;
    switch (i) {
        GIC_EACH_LR_(GIC_WRITE_LR_)
    }
#undef GIC_WRITE_LR_
    gic_isb();
}

#endif
