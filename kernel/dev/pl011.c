/* SPDX-License-Identifier: Apache-2.0 */
/* Section numbers are those of DDI 0183. */
#include "dev/pl011.h"
#include "arch.h"

MMIO_REG32_RW(pl011, dr, 0x00)    /* 3.3.1 */
MMIO_REG32_RO(pl011, fr, 0x18)    /* 3.3.3 */
MMIO_REG32_WO(pl011, lcr_h, 0x2c) /* 3.3.7 */
MMIO_REG32_RW(pl011, cr, 0x30)    /* 3.3.8 */
MMIO_REG32_WO(pl011, imsc, 0x38)  /* 3.3.10 */
MMIO_REG32_WO(pl011, icr, 0x44)   /* 3.3.13 */

#define FR_BUSY      (1u << 3)
#define FR_RXFE      (1u << 4)
#define FR_TXFF      (1u << 5)
#define LCR_H_FEN    (1u << 4)
#define LCR_H_WLEN_8 (3u << 5)
#define CR_UARTEN    (1u << 0)
#define CR_TXE       (1u << 8)
#define CR_RXE       (1u << 9)
#define CR_LINES     0xcc00u /* CTSEn, RTSEn, RTS, DTR: as firmware set them */
#define INT_RX       (1u << 4)
#define INT_RT       (1u << 6)
#define INT_ALL      0x7ffu

#define WAIT_PER_S 50 /* 20 ms: two bytes at 1200 baud */

/* It did not send in its time: until it does, bytes are lost without another wait. */
static bool stuck;

/* Wait until none of the flags is set. */
static bool fr_wait_clear(mmio_t base, uint32_t flags)
{
    uint64_t start;

    if (!(pl011_read_fr(base) & flags)) {
        stuck = false;
        return true;
    }
    if (stuck)
        return false;
    start = arch_ticks();
    while (arch_ticks() - start < arch_ticks_hz() / WAIT_PER_S) {
        if (!(pl011_read_fr(base) & flags))
            return true;
        arch_relax();
    }
    stuck = true;
    return false;
}

void pl011_init(mmio_t base)
{
    uint32_t lines = pl011_read_cr(base) & CR_LINES;

    /* 3.3.8: the last byte leaves, then off, then the FIFOs are emptied by the change of FEN. */
    stuck = false;
    (void)fr_wait_clear(base, FR_BUSY);
    pl011_write_cr(base, 0);
    pl011_write_lcr_h(base, LCR_H_WLEN_8);
    pl011_write_lcr_h(base, LCR_H_WLEN_8 | LCR_H_FEN);
    pl011_write_icr(base, INT_ALL);
    pl011_write_imsc(base, INT_RX | INT_RT);
    pl011_write_cr(base, lines | CR_UARTEN | CR_TXE | CR_RXE);
}

void pl011_put(mmio_t base, char c)
{
    if (fr_wait_clear(base, FR_TXFF))
        pl011_write_dr(base, (uint8_t)c);
}

bool pl011_get(mmio_t base, char *c)
{
    if (pl011_read_fr(base) & FR_RXFE)
        return false;
    *c = (char)pl011_read_dr(base);
    return true;
}
