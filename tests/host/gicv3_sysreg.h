/* SPDX-License-Identifier: Apache-2.0 */
/* The GICv3's system registers on the host: one CPU's register file, which a test defines and looks at. */
#ifndef ARCH_AARCH64_GICV3_SYSREG_H
#define ARCH_AARCH64_GICV3_SYSREG_H

#include <stdbool.h>
#include <stdint.h>

struct host_gic {
    uint64_t iar1, eoir1, dir, sgi1r, pmr, bpr1, ap1r0, ctlr, igrpen1, sre_el1, sre_el2;
    uint64_t hcr, vtr, vmcr, apr_cleared; /* apr_cleared: bit n */
    uint64_t lr[16];
    uint64_t lr_writes;
};

extern struct host_gic host_gic;

static inline uint64_t icc_read_iar1(void)
{
    return host_gic.iar1;
}
static inline void icc_write_eoir1(uint64_t v)
{
    host_gic.eoir1 = v;
}
static inline void icc_write_dir(uint64_t v)
{
    host_gic.dir = v;
}
static inline void icc_write_sgi1r(uint64_t v)
{
    host_gic.sgi1r = v;
}
static inline void icc_write_pmr(uint64_t v)
{
    host_gic.pmr = v;
}
static inline void icc_write_bpr1(uint64_t v)
{
    host_gic.bpr1 = v;
}
static inline void icc_write_ap1r0(uint64_t v)
{
    host_gic.ap1r0 = v;
}
static inline void icc_write_ctlr(uint64_t v)
{
    host_gic.ctlr = v;
}
static inline void icc_write_igrpen1(uint64_t v)
{
    host_gic.igrpen1 = v;
}
static inline void icc_write_sre_el1(uint64_t v)
{
    host_gic.sre_el1 = v;
}
static inline uint64_t icc_read_sre_el2(void)
{
    return host_gic.sre_el2;
}
static inline void icc_write_sre_el2(uint64_t v)
{
    host_gic.sre_el2 = v;
}

static inline void ich_write_hcr(uint64_t v)
{
    host_gic.hcr = v;
}
static inline uint64_t ich_read_vtr(void)
{
    return host_gic.vtr;
}
static inline void ich_write_vmcr(uint64_t v)
{
    host_gic.vmcr = v;
}
static inline void ich_clear_apr(uint32_t n)
{
    host_gic.apr_cleared |= UINT64_C(1) << n;
}
static inline void gic_isb(void) {}

static inline uint32_t icc_acknowledge(void)
{
    return (uint32_t)icc_read_iar1() & 0xffffff;
}
static inline void icc_end(uint32_t intid)
{
    icc_write_eoir1(intid);
}
static inline void icc_deactivate(uint32_t intid)
{
    icc_write_dir(intid);
}

/* IHI 0069 12.4.5: a bit is set when the list register's state is invalid and no end-of-interrupt event is
 * kept. */
static inline uint64_t ich_read_elrsr(void)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i <= (host_gic.vtr & 31); i++) {
        uint64_t lr = host_gic.lr[i];
        if (lr >> 62 == 0 && ((lr >> 61 & 1) != 0 || (lr >> 41 & 1) == 0))
            v |= UINT64_C(1) << i;
    }
    return v;
}

static inline uint32_t ich_used(void)
{
    return ~(uint32_t)ich_read_elrsr() & ((2u << (host_gic.vtr & 31)) - 1);
}

static inline bool ich_all_free(void)
{
    return ich_used() == 0;
}

static inline uint64_t ich_read_lr(uint32_t i)
{
    return host_gic.lr[i];
}
static inline void ich_write_lr(uint32_t i, uint64_t v)
{
    host_gic.lr[i] = v;
    host_gic.lr_writes++;
}

#endif
