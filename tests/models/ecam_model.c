/* SPDX-License-Identifier: Apache-2.0 */
#include "ecam_model.h"

#include <string.h>

static uint32_t bytes_get(const uint8_t *b, unsigned width)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < width; i++)
        v |= (uint32_t)b[i] << (8 * i);
    return v;
}

static void bytes_set(uint8_t *b, unsigned width, uint32_t v)
{
    for (unsigned i = 0; i < width; i++)
        b[i] = (uint8_t)(v >> (8 * i));
}

uint32_t ecam_get(const struct ecam_function *f, uint32_t reg, unsigned width)
{
    return bytes_get(f->cfg + reg, width);
}

void ecam_set(struct ecam_function *f, uint32_t reg, unsigned width, uint32_t value)
{
    bytes_set(f->cfg + reg, width, value);
}

void ecam_set_fixed(struct ecam_function *f, uint32_t reg, unsigned width, uint32_t value)
{
    ecam_set(f, reg, width, value);
    bytes_set(f->reset + reg, width, value);
}

static void function_reset(struct ecam_model *m, struct ecam_function *f)
{
    if (f->cfg[4] & 4)
        m->reset_master++;
    memcpy(f->cfg, f->reset, sizeof(f->cfg));
    f->flr_count++;
    f->away_left = f->away;
}

static void function_write(struct ecam_model *m, struct ecam_function *f, uint32_t reg, unsigned width, uint32_t v)
{
    bool flr = f->flr && reg <= f->flr + 1u && reg + width > f->flr + 1u && (v >> (8 * (f->flr + 1u - reg)) & 0x80);

    if (reg < 0x28 && reg + width > 0x10 && (f->cfg[4] & 2))
        m->sized_live++;
    for (unsigned i = 0; i < width; i++) {
        uint8_t *b = &f->cfg[reg + i], in = (uint8_t)(v >> (8 * i));

        *b = (uint8_t)((*b & ~f->write[reg + i]) | (in & f->write[reg + i]));
        *b = (uint8_t)(*b & ~(in & f->clear[reg + i]));
    }
    if (flr)
        function_reset(m, f);
}

static void model_access(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct ecam_model *m = model;
    uint32_t reg = (uint32_t)(off & 0xfff);
    struct ecam_function *f;

    *(write ? &m->writes : &m->reads) += 1;
    if (off >> 12 >= ECAM_FUNCTIONS || width > 4 || off % width) {
        m->bad_access++;
        return;
    }
    f = &m->fn[off >> 12];
    if (write) {
        if (f->present && !f->away_left)
            function_write(m, f, reg, width, (uint32_t)*value);
        return;
    }
    *value = UINT32_MAX;
    if (f->present && f->away_left)
        f->away_left--;
    else if (f->present)
        *value = ecam_get(f, reg, width);
}

void ecam_init(struct ecam_model *m)
{
    memset(m, 0, sizeof(*m));
}

mmio_t ecam_mmio(struct ecam_model *m)
{
    return (mmio_t){.access = model_access, .model = m};
}

struct ecam_function *ecam_add(struct ecam_model *m, unsigned dev, unsigned fn, uint16_t vendor, uint16_t device)
{
    struct ecam_function *f = &m->fn[dev << 3 | fn];

    f->present = true;
    ecam_set_fixed(f, 0x00, 4, (uint32_t)device << 16 | vendor);
    bytes_set(f->write + 0x04, 2, 0x0547);
    bytes_set(f->clear + 0x06, 2, 0xf900);
    bytes_set(f->write + 0x0c, 2, 0xffff);
    f->write[0x3c] = 0xff;
    return f;
}

void ecam_set_multi(struct ecam_function *f)
{
    ecam_set_fixed(f, 0x0e, 1, f->cfg[0x0e] | 0x80u);
}

void ecam_set_bridge(struct ecam_function *f)
{
    ecam_set_fixed(f, 0x0e, 1, 1);
    ecam_set_fixed(f, 0x08, 4, 0x06040000);
    ecam_set(f, 0x04, 2, 0x0007);
    bytes_set(f->write + 0x20, 4, 0xfff0fff0);
    ecam_set(f, 0x20, 4, 0x10100000);
}

void ecam_add_bar(struct ecam_function *f, unsigned i, uint64_t size, uint32_t flags)
{
    uint32_t reg = 0x10 + 4 * i;
    uint64_t mask = ~(size - 1) & ~UINT64_C(15);

    ecam_set_fixed(f, reg, 4, flags);
    bytes_set(f->write + reg, 4, (uint32_t)mask);
    if ((flags & 7) == 4)
        bytes_set(f->write + reg + 4, 4, (uint32_t)(mask >> 32));
}

void ecam_add_cap(struct ecam_function *f, uint8_t id, uint8_t off, uint8_t next)
{
    ecam_set_fixed(f, 0x06, 2, ecam_get(f, 0x06, 2) | 0x10);
    if (!f->cfg[0x34])
        ecam_set_fixed(f, 0x34, 1, off);
    ecam_set_fixed(f, off, 2, (uint32_t)next << 8 | id);
    if (id == 0x01) {
        bytes_set(f->write + off + 4, 2, 0x0103);
        bytes_set(f->clear + off + 4, 2, 0x8000);
    } else if (id == 0x05 || id == 0x11) {
        bytes_set(f->write + off + 2, 2, id == 0x05 ? 0x0071 : 0xc000);
    }
}

void ecam_add_pcie(struct ecam_function *f, uint8_t off, uint8_t next, bool flr)
{
    ecam_add_cap(f, 0x10, off, next);
    ecam_set_fixed(f, off + 2u, 2, 0x0002);
    ecam_set_fixed(f, off + 4u, 4, 0x00008000u | (flr ? 1u << 28 : 0));
    ecam_set_fixed(f, off + 8u, 2, 0x2810);
    bytes_set(f->write + off + 8, 2, 0x7fff);
    bytes_set(f->clear + off + 10, 2, 0x000f);
    bytes_set(f->write + off + 0x10, 2, 0x0fff);
    f->flr = flr ? (uint16_t)(off + 8) : 0;
}
