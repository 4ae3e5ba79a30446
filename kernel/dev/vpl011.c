/* SPDX-License-Identifier: Apache-2.0 */
/* Section numbers are those of DDI 0183. */
#include "dev/vpl011.h"

#include <stddef.h>
#include <string.h>

#define REG_DR   0x00  /* 3.3.1 */
#define REG_RSR  0x04  /* 3.3.2; ECR when written */
#define REG_FR   0x18  /* 3.3.3 */
#define REG_LCRH 0x2c  /* 3.3.7 */
#define REG_RIS  0x3c  /* 3.3.11 */
#define REG_MIS  0x40  /* 3.3.12 */
#define REG_ICR  0x44  /* 3.3.13 */
#define REG_ID   0xfe0 /* 3.3.15 and after */
#define REG_END  0x1000

#define DR_OE     (1u << 11)
#define RSR_OE    (1u << 3)
#define FR_LINES  0x07u /* CTS, DSR, DCD: the other end is there */
#define FR_RXFE   (1u << 4)
#define FR_RXFF   (1u << 6)
#define FR_TXFE   (1u << 7)
#define LCR_H_FEN (1u << 4)
#define INT_RX    (1u << 4)
#define INT_TX    (1u << 5)
#define INT_RT    (1u << 6)
#define INT_OE    (1u << 10)

#define FIFO_SIZE sizeof(((struct vpl011 *)0)->fifo)

/* Registers that only keep what is written (3.3.5 to 3.3.10). Not DMACR: there is no DMA. */
static const struct plain {
    uint16_t off, mask, reset, field;
} plain[] = {
    {0x24, 0xffff, 0, offsetof(struct vpl011, ibrd)},      {0x28, 0x003f, 0, offsetof(struct vpl011, fbrd)},
    {REG_LCRH, 0x00ff, 0, offsetof(struct vpl011, lcr_h)}, {0x30, 0xff87, 0x300, offsetof(struct vpl011, cr)},
    {0x34, 0x003f, 0x12, offsetof(struct vpl011, ifls)},   {0x38, 0x07ff, 0, offsetof(struct vpl011, imsc)},
};
#define PLAINS (sizeof(plain) / sizeof(plain[0]))

/* PeriphID0..3, PCellID0..3: PL011 r1p5, the revision with FIFOs of 32 bytes. */
static const uint8_t id[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

/* Bytes at which UARTRXINTR is asserted, by UARTIFLS.RXIFLSEL (3.3.9; 5 to 7 are reserved). */
static const uint8_t rx_trigger[] = {4, 8, 16, 24, 28, 28, 28, 28};

static const struct plain *plain_find(uint32_t off)
{
    for (size_t i = 0; i < PLAINS; i++) {
        if (plain[i].off == off)
            return &plain[i];
    }
    return NULL;
}

static void plain_set(struct vpl011 *u, const struct plain *r, uint32_t value)
{
    uint16_t v = (uint16_t)(value & r->mask);

    memcpy((char *)u + r->field, &v, sizeof(v));
}

static uint16_t plain_get(const struct vpl011 *u, const struct plain *r)
{
    uint16_t v;

    memcpy(&v, (const char *)u + r->field, sizeof(v));
    return v;
}

/*
 * The receive interrupts follow the FIFO (2.8). The timeout interrupt is asserted with the first byte:
 * waiting for more would gain nothing.
 */
static void rx_update(struct vpl011 *u)
{
    unsigned trigger = u->lcr_h & LCR_H_FEN ? rx_trigger[u->ifls >> 3] : 1;
    unsigned ris = u->ris & ~(INT_RX | INT_RT);

    if (u->count >= trigger)
        ris |= INT_RX;
    if (u->count)
        ris |= INT_RT;
    u->ris = (uint16_t)ris;
}

static uint32_t rx_take(struct vpl011 *u)
{
    uint32_t v = 0;

    if (u->count) {
        v = u->fifo[u->head];
        u->head = (uint8_t)((u->head + 1) % FIFO_SIZE);
        u->count--;
        rx_update(u);
    }
    if (u->overrun)
        v |= DR_OE;
    u->overrun = false;
    return v;
}

static uint32_t flags(const struct vpl011 *u)
{
    uint32_t fr = FR_LINES | FR_TXFE;

    if (u->count == 0)
        fr |= FR_RXFE;
    if (u->count == FIFO_SIZE)
        fr |= FR_RXFF;
    return fr;
}

void vpl011_reset(struct vpl011 *u, struct console_line *line)
{
    lock_take(&u->lock);
    for (size_t i = 0; i < PLAINS; i++)
        plain_set(u, &plain[i], plain[i].reset);
    u->line = line;
    u->ris = 0;
    u->head = 0;
    u->count = 0;
    u->overrun = false;
    lock_give(&u->lock);
}

static uint32_t reg_read(struct vpl011 *u, uint32_t off)
{
    const struct plain *r;

    switch (off) {
    case REG_DR:
        return rx_take(u);
    case REG_RSR:
        return u->overrun ? RSR_OE : 0;
    case REG_FR:
        return flags(u);
    case REG_RIS:
        return u->ris;
    case REG_MIS:
        return u->ris & u->imsc;
    default:
        r = plain_find(off);
        return r ? plain_get(u, r) : 0;
    }
}

uint32_t vpl011_read(struct vpl011 *u, uint32_t off)
{
    uint32_t v;

    if (off >= REG_ID && off < REG_END)
        return off % 4 ? 0 : id[(off - REG_ID) / 4];
    lock_take(&u->lock);
    v = reg_read(u, off);
    lock_give(&u->lock);
    return v;
}

static void reg_write(struct vpl011 *u, uint32_t off, uint32_t value)
{
    const struct plain *r;

    switch (off) {
    case REG_DR:
        u->ris |= INT_TX; /* it is sent: the FIFO runs empty at once */
        return;
    case REG_RSR:
        u->overrun = false;
        return;
    case REG_ICR:
        u->ris = (uint16_t)(u->ris & ~value);
        break;
    default:
        r = plain_find(off);
        if (!r)
            return;
        plain_set(u, r, value);
        if (off == REG_LCRH && !(value & LCR_H_FEN))
            u->count = 0;
    }
    rx_update(u);
}

void vpl011_write(struct vpl011 *u, uint32_t off, uint32_t value)
{
    lock_take(&u->lock);
    reg_write(u, off, value);
    lock_give(&u->lock);
    if (off == REG_DR)
        console_put(u->line, (char)value);
}

void vpl011_receive(struct vpl011 *u, char c)
{
    lock_take(&u->lock);
    if (u->count < FIFO_SIZE) {
        u->fifo[(u->head + u->count++) % FIFO_SIZE] = (uint8_t)c;
        rx_update(u);
    } else {
        u->overrun = true;
        u->ris |= INT_OE;
    }
    lock_give(&u->lock);
}

bool vpl011_irq_level(const struct vpl011 *u)
{
    return (__atomic_load_n(&u->ris, __ATOMIC_RELAXED) & __atomic_load_n(&u->imsc, __ATOMIC_RELAXED)) != 0;
}
