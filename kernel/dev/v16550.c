/* SPDX-License-Identifier: Apache-2.0 */
/* Section numbers are those of TI's TL16C550C data sheet (SLLS177), "principles of operation". */
#include "dev/v16550.h"

#define REG_DATA 0 /* RBR, THR; DLL with DLAB */
#define REG_IER  1 /* DLM with DLAB */
#define REG_IIR  2 /* FCR when written */
#define REG_LCR  3
#define REG_MCR  4
#define REG_LSR  5
#define REG_MSR  6
#define REG_SCR  7

#define IER_RDA  1u
#define IER_THRE 2u
#define IER_RLS  4u
#define IER_MSR  8u
#define IER_MASK 0x0fu

/* In order of priority: what IIR says. */
#define IIR_RLS   0x06u
#define IIR_RDA   0x04u
#define IIR_TIME  0x0cu
#define IIR_THRE  0x02u
#define IIR_MSR   0x00u
#define IIR_NONE  0x01u
#define IIR_FIFOS 0xc0u

#define FCR_FIFO  0x01u
#define FCR_CLEAR 0x02u /* the receiver's */

#define LCR_DLAB 0x80u

#define MCR_RTS  0x02u
#define MCR_DTR  0x01u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_MASK 0x1fu

#define LSR_DR    0x01u
#define LSR_OE    0x02u
#define LSR_EMPTY 0x60u /* THRE, TEMT */

#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI  0x40u
#define MSR_DCD 0x80u

#define FIFO_SIZE (uint8_t)sizeof(((struct v16550 *)0)->fifo)

static uint8_t fifo_size(const struct v16550 *u)
{
    return u->fcr & FCR_FIFO ? FIFO_SIZE : 1;
}

/*
 * Received bytes that are not read for a while are told, too; here at once, for waiting for more would gain
 * nothing.
 */
static uint8_t iir(const struct v16550 *u)
{
    static const uint8_t trigger[] = {1, 4, 8, 14};
    const uint8_t enough = u->fcr & FCR_FIFO ? trigger[u->fcr >> 6] : 1;

    if (u->ier & IER_RLS && u->overrun)
        return IIR_RLS;
    if (u->ier & IER_RDA && u->count)
        return u->count >= enough ? IIR_RDA : IIR_TIME;
    if (u->ier & IER_THRE && u->thre)
        return IIR_THRE;
    return u->ier & IER_MSR && u->delta ? IIR_MSR : IIR_NONE;
}

/* Everything that changes a state ends here. OUT2 is not driven in the loop. */
static void level_update(struct v16550 *u)
{
    bool level = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && iir(u) != IIR_NONE;

    __atomic_store_n(&u->level, level, __ATOMIC_RELAXED);
}

static uint8_t lines(const struct v16550 *u)
{
    if (!(u->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD; /* the other end is there */
    return (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0u) | (u->mcr & MCR_DTR ? MSR_DSR : 0u) |
                     (u->mcr & MCR_OUT1 ? MSR_RI : 0u) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0u));
}

/* Changes are kept in the low half of MSR; of RI only its end. */
static void mcr_set(struct v16550 *u, uint8_t value)
{
    const uint8_t before = lines(u);
    uint8_t changed;

    u->mcr = value & MCR_MASK;
    changed = before ^ lines(u);
    if (!(before & MSR_RI))
        changed = (uint8_t)(changed & ~MSR_RI);
    u->delta |= changed >> 4;
}

static void fcr_set(struct v16550 *u, uint8_t value)
{
    if ((u->fcr ^ value) & FCR_FIFO || value & FCR_CLEAR)
        u->count = 0;
    u->fcr = value & FCR_FIFO ? value : 0;
}

static void rx_put(struct v16550 *u, uint8_t c)
{
    if (u->count < fifo_size(u))
        u->fifo[(u->head + u->count++) % FIFO_SIZE] = c;
    else
        u->overrun = true;
}

static uint8_t rx_take(struct v16550 *u)
{
    uint8_t c = 0;

    if (u->count) {
        c = u->fifo[u->head];
        u->head = (uint8_t)((u->head + 1) % FIFO_SIZE);
        u->count--;
    }
    return c;
}

void v16550_reset(struct v16550 *u, struct console_line *line)
{
    lock_take(&u->lock);
    u->line = line;
    u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->dll = u->dlm = 0;
    u->delta = 0;
    u->head = u->count = 0;
    u->overrun = false;
    u->thre = true;
    level_update(u);
    lock_give(&u->lock);
}

static uint8_t iir_read(struct v16550 *u)
{
    uint8_t v = iir(u);

    if (v == IIR_THRE)
        u->thre = false;
    return (uint8_t)(v | (u->fcr & FCR_FIFO ? IIR_FIFOS : 0u));
}

static uint8_t lsr_read(struct v16550 *u)
{
    uint8_t v = (uint8_t)(LSR_EMPTY | (u->count ? LSR_DR : 0u) | (u->overrun ? LSR_OE : 0u));

    u->overrun = false;
    return v;
}

static uint8_t msr_read(struct v16550 *u)
{
    uint8_t v = lines(u) | u->delta;

    u->delta = 0;
    return v;
}

static uint8_t reg_read(struct v16550 *u, uint32_t off)
{
    const bool dlab = u->lcr & LCR_DLAB;

    switch (off) {
    case REG_DATA:
        return dlab ? u->dll : rx_take(u);
    case REG_IER:
        return dlab ? u->dlm : u->ier;
    case REG_IIR:
        return iir_read(u);
    case REG_LCR:
        return u->lcr;
    case REG_MCR:
        return u->mcr;
    case REG_LSR:
        return lsr_read(u);
    case REG_MSR:
        return msr_read(u);
    case REG_SCR:
        return u->scr;
    default:
        return UINT8_MAX;
    }
}

uint8_t v16550_read(struct v16550 *u, uint32_t off)
{
    uint8_t v;

    lock_take(&u->lock);
    v = reg_read(u, off);
    level_update(u);
    lock_give(&u->lock);
    return v;
}

/* Enabling its interrupt tells again that the transmitter is empty. */
static void ier_set(struct v16550 *u, uint8_t value)
{
    if (value & ~u->ier & IER_THRE)
        u->thre = true;
    u->ier = value & IER_MASK;
}

/* true: value is sent. */
static bool thr_write(struct v16550 *u, uint8_t value)
{
    u->thre = true; /* it is sent: the FIFO runs empty at once */
    if (u->mcr & MCR_LOOP)
        rx_put(u, value);
    return !(u->mcr & MCR_LOOP);
}

static bool reg_write(struct v16550 *u, uint32_t off, uint8_t value)
{
    const bool dlab = u->lcr & LCR_DLAB;

    switch (off) {
    case REG_DATA:
        if (!dlab)
            return thr_write(u, value);
        u->dll = value;
        break;
    case REG_IER:
        if (dlab)
            u->dlm = value;
        else
            ier_set(u, value);
        break;
    case REG_IIR:
        fcr_set(u, value);
        break;
    case REG_LCR:
        u->lcr = value;
        break;
    case REG_MCR:
        mcr_set(u, value);
        break;
    case REG_SCR:
        u->scr = value;
        break;
    default:
        break; /* LSR and MSR: for factory tests */
    }
    return false;
}

void v16550_write(struct v16550 *u, uint32_t off, uint8_t value)
{
    bool sent;

    lock_take(&u->lock);
    sent = reg_write(u, off, value);
    level_update(u);
    lock_give(&u->lock);
    if (sent)
        console_put(u->line, (char)value);
}

void v16550_receive(struct v16550 *u, char c)
{
    lock_take(&u->lock);
    if (!(u->mcr & MCR_LOOP))
        rx_put(u, (uint8_t)c);
    level_update(u);
    lock_give(&u->lock);
}

bool v16550_irq_level(const struct v16550 *u)
{
    return __atomic_load_n(&u->level, __ATOMIC_RELAXED);
}
