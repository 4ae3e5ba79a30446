/* SPDX-License-Identifier: Apache-2.0 */
/* Register names are those of the PC16550D's data sheet, 8.0. */
#include "dev/ns16550.h"

#include "arch.h"
#include "arch_io.h"

#define RBR_THR 0u
#define IER     1u
#define FCR     2u
#define LCR     3u
#define MCR     4u
#define LSR     5u
#define SCR     7u

#define IER_RECEIVED 0x01u
#define FCR_ON_EMPTY 0x07u /* FIFOs on, both emptied */
#define LCR_8N1      0x03u
#define MCR_LINES    0x0bu /* DTR, RTS, OUT2 (on a PC: the interrupt line is driven) */
#define LSR_DR       0x01u
#define LSR_THRE     0x20u

#define WAIT_PER_S 50 /* 20 ms: two bytes at 1200 baud */

/* It did not send in its time: until it does, bytes are lost without another wait. */
static bool stuck;

bool ns16550_init(uint16_t port)
{
    io_write8(port + SCR, 0x5a);
    if (io_read8(port + SCR) != 0x5a)
        return false;
    stuck = false;
    io_write8(port + LCR, LCR_8N1); /* DLAB off, too */
    io_write8(port + IER, 0);
    io_write8(port + FCR, FCR_ON_EMPTY);
    io_write8(port + MCR, MCR_LINES);
    return true;
}

void ns16550_listen(uint16_t port)
{
    io_write8(port + IER, 0);
    io_write8(port + IER, IER_RECEIVED); /* an edge, where the line goes to an edge-triggered pin */
}

static bool wait_room(uint16_t port)
{
    uint64_t start;

    if (io_read8(port + LSR) & LSR_THRE) {
        stuck = false;
        return true;
    }
    if (stuck)
        return false;
    start = arch_ticks();
    while (arch_ticks() - start < arch_ticks_hz() / WAIT_PER_S) {
        if (io_read8(port + LSR) & LSR_THRE)
            return true;
        arch_relax();
    }
    stuck = true;
    return false;
}

void ns16550_put(uint16_t port, char c)
{
    if (wait_room(port))
        io_write8(port + RBR_THR, (uint8_t)c);
}

bool ns16550_get(uint16_t port, char *c)
{
    if (!(io_read8(port + LSR) & LSR_DR))
        return false;
    *c = (char)io_read8(port + RBR_THR);
    return true;
}
