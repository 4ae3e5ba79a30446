/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"

static const struct port_range *find(const struct port_range *list, size_t count, uint32_t port, unsigned width)
{
    for (const struct port_range *r = list; r < list + count; r++) {
        if (port >= r->first && port + width - 1 <= r->last)
            return r;
    }
    return NULL;
}

static uint32_t ones(unsigned width)
{
    return width < 4 ? (UINT32_C(1) << 8 * width) - 1 : UINT32_MAX;
}

uint32_t port_read(const struct port_range *list, size_t count, struct vcpu *v, uint16_t port, unsigned width)
{
    const struct port_range *r = find(list, count, port, width);
    uint32_t value = 0;

    if (r || width == 1)
        return r && r->read ? r->read(v, port, width) & ones(width) : ones(width);
    for (unsigned i = 0; i < width; i++) {
        r = find(list, count, port + i, 1);
        value |= (r && r->read ? r->read(v, (uint16_t)(port + i), 1) & 0xff : 0xffu) << 8 * i;
    }
    return value;
}

void port_write(const struct port_range *list, size_t count, struct vcpu *v, uint16_t port, unsigned width,
                uint32_t value)
{
    const struct port_range *r = find(list, count, port, width);

    if (r) {
        if (r->write)
            r->write(v, port, width, value & ones(width));
        return;
    }
    for (unsigned i = 0; i < width; i++, value >>= 8) {
        r = find(list, count, port + i, 1);
        if (r && r->write)
            r->write(v, (uint16_t)(port + i), 1, value & 0xff);
    }
}
