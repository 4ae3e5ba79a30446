/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU interface. Section numbers are those of IHI 0069. */
#include "gicv3.h"

#include "arch.h"

#include <gicv3_sysreg.h>

#define ICC_SRE_SRE    (UINT64_C(1) << 0) /* 12.2.24: system registers */
#define ICC_SRE_DFB    (UINT64_C(1) << 1)
#define ICC_SRE_DIB    (UINT64_C(1) << 2)
#define ICC_SRE_ENABLE (UINT64_C(1) << 3) /* EL1 may read its own ICC_SRE_EL1 */

#define ICC_CTLR_EOIMODE (UINT64_C(1) << 1) /* 12.2.6: end of interrupt drops the priority only */

#define ICH_VTR_LIST_REGS(v) (((v)&31) + 1) /* 12.4.9 */
#define ICH_VTR_PRE_BITS(v)  (((v) >> 26 & 7) + 1)

void gicv3_virtual_reset(void)
{
    uint64_t vtr = ich_read_vtr(), pre = ICH_VTR_PRE_BITS(vtr);

    ich_write_hcr(0);
    ich_write_vmcr(0);
    for (uint32_t i = 0; i < ICH_VTR_LIST_REGS(vtr); i++)
        ich_write_lr(i, 0);
    /* 32 levels of preemption to a register; 5 to 7 bits are architected (12.4.2) */
    for (uint32_t i = 0; i < (pre <= 5 ? 1u : pre == 6 ? 2u : 4u); i++)
        ich_clear_apr(i);
    icc_write_sre_el1(ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB);
}

err_t gicv3_cpu_init(uint32_t board_cpu, struct diag *d)
{
    uint64_t mpidr = gicv3.board->cpu[board_cpu].id;
    err_t err = gicv3_redist_init(board_cpu, d);

    if (err != ERR_NONE)
        return err;
    icc_write_sre_el2(ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB | ICC_SRE_ENABLE);
    gic_isb();
    if (!(icc_read_sre_el2() & ICC_SRE_SRE))
        return diag_fail(d, ERR_INVALID,
                         "board: CPU 0x%lx: ICC_SRE_EL2.SRE stays 0: firmware does not let EL2 use the interrupt "
                         "controller's system registers",
                         mpidr);
    uint64_t lrs = ICH_VTR_LIST_REGS(ich_read_vtr());
    if (lrs < 2 || lrs > 16) /* with one, the underflow interrupt (UIE) would never stop */
        return diag_fail(d, ERR_INVALID, "board: CPU 0x%lx: %lu list registers, where 2 to 16 are needed", mpidr, lrs);
    gicv3_virtual_reset();
    icc_write_pmr(0xff);
    icc_write_bpr1(0);
    icc_write_ap1r0(0); /* no priority that firmware left active masks a kick */
    icc_write_ctlr(ICC_CTLR_EOIMODE);
    icc_write_igrpen1(1);
    gic_isb();
    return ERR_NONE;
}

/* ICC_SGI1R_EL1 (12.2.20): Aff3 55:48, RS 47:44, Aff2 39:32, INTID 27:24, Aff1 23:16, target list 15:0 */
void gicv3_kick(uint64_t mpidr)
{
    uint64_t aff0 = mpidr & 0xff;

    arch_publish();
    icc_write_sgi1r((mpidr >> 32 & 0xff) << 48 | (aff0 >> 4) << 44 | (mpidr >> 16 & 0xff) << 32 |
                    (uint64_t)GIC_KICK_SGI << 24 | (mpidr >> 8 & 0xff) << 16 | UINT64_C(1) << (aff0 & 15));
    gic_isb();
}
