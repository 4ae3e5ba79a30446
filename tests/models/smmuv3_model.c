/* SPDX-License-Identifier: Apache-2.0 */
#include "smmuv3_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_host.h"
#include "smmuv3_model_priv.h"

enum {
    SMMUEN = 1,
    EVENTQEN = 4,
    CMDQEN = 8,
    ABORT = 1 << 20,
    Q_LOG2_CMD = 8,
    Q_LOG2_EVT = 7,
    GERROR_CMDQ = 1,
    GERROR_EVENTQ_ABT = 4,
};
#define UPDATE (1u << 31)
#define OVFLG  (1u << 31)

void smmuv3_violate(struct smmuv3_model *m, const char *fmt, ...)
{
    va_list ap;
    if (m->violations++)
        return;
    va_start(ap, fmt);
    vsnprintf(m->violation, sizeof m->violation, fmt, ap);
    va_end(ap);
}

/* Memory */

void *smmuv3_mem_at(struct smmuv3_model *m, uint8_t *mem, uint64_t addr, uint64_t n)
{
    uint64_t off = addr - (m->pool->first.n << 12), size = m->pool->frames << 12;
    if (off >= size || n > size - off) {
        smmuv3_violate(m, "the unit reads 0x%llx, outside of the pool", (unsigned long long)addr);
        return NULL;
    }
    return mem + off;
}

/* DC CIVAC over whole lines: dirty ones are written back, then the unit's memory shows through. */
static void on_clean(void *ctx, const void *p, size_t size)
{
    struct smmuv3_model *m = ctx;
    size_t first = (size_t)((const uint8_t *)p - m->pool->mem) / 64 * 64;
    size_t last = (size_t)((const uint8_t *)p - m->pool->mem) + size;
    if (m->coherent)
        return;
    for (size_t o = first; o < last; o += 64) {
        if (memcmp(m->pool->mem + o, m->seen + o, 64) != 0)
            memcpy(m->mem + o, m->pool->mem + o, 64);
        else
            memcpy(m->pool->mem + o, m->mem + o, 64);
        memcpy(m->seen + o, m->pool->mem + o, 64);
    }
}

static enum model_dma entry_kind(const uint64_t ste[8])
{
    if (!(ste[0] & 1))
        return MODEL_BAD_STE;
    switch (ste[0] >> 1 & 7) {
    case 4:
        return MODEL_BYPASS;
    case 6:
        return MODEL_STAGE2;
    default:
        return ste[0] & 8 ? MODEL_OTHER : MODEL_ABORT;
    }
}

/* Stream table walk (3.3.2, 5.1, 5.2), entries from an image of memory. */
static enum model_dma walk(struct smmuv3_model *m, uint8_t *mem, uint32_t sid, uint64_t ste[8])
{
    unsigned log2 = m->strtab_cfg & 0x3f, split = m->strtab_cfg >> 6 & 0x1f;
    memset(ste, 0, 64);
    if (log2 < 32 && sid >> log2)
        return MODEL_BAD_STREAM;
    const uint64_t *l1 = smmuv3_mem_at(m, m->mem, (m->strtab_base & 0xffffffffffc0) + (uint64_t)(sid >> split) * 8, 8);
    if (!l1 || (*l1 & 0x1f) == 0)
        return MODEL_BAD_STREAM;
    if ((*l1 & 0x1f) > split + 1 || *l1 & 0x20 || *l1 >> 56)
        smmuv3_violate(m, "level-1 descriptor 0x%llx is malformed", (unsigned long long)*l1);
    uint32_t index = sid & ((1u << split) - 1);
    if (index >> ((*l1 & 0x1f) - 1))
        return MODEL_BAD_STREAM;
    const void *p = smmuv3_mem_at(m, mem, (*l1 & 0xffffffffffc0) + (uint64_t)index * 64, 64);
    if (!p)
        return MODEL_BAD_STE;
    memcpy(ste, p, 64);
    return entry_kind(ste);
}

static bool passes(enum model_dma got)
{
    return got >= MODEL_BYPASS;
}

static void check_passage(struct smmuv3_model *m, const struct model_watch *w, enum model_dma got, const uint64_t *ste,
                          const char *how)
{
    bool known = (w->given && memcmp(ste, w->want, 64) == 0) || (w->moving && memcmp(ste, w->also, 64) == 0);
    if (passes(got) && (got != MODEL_STAGE2 || !known))
        smmuv3_violate(m, "window: stream 0x%x passes (%s, word 0 0x%llx)", w->sid, how, (unsigned long long)ste[0]);
}

/* Words 4 to 7 are the same everywhere. */
static void check_torn(struct smmuv3_model *m, const struct model_watch *w, const uint64_t now[8])
{
    for (unsigned mix = 1; mix < 15; mix++) {
        uint64_t ste[8] = {0};
        for (unsigned i = 0; i < 4; i++)
            ste[i] = mix >> i & 1 ? now[i] : w->ste[i];
        check_passage(m, w, entry_kind(ste), ste, "partly cached");
    }
}

static void check_watch(struct smmuv3_model *m, struct model_watch *w)
{
    uint64_t now[8], old[8], none[8] = {0};
    if (!(m->cr0 & m->cr0ack & SMMUEN) && !(m->gbpa_live & ABORT))
        check_passage(m, w, MODEL_BYPASS, none, "disabled, GBPA.ABORT 0");
    if (!((m->cr0 | m->cr0ack) & SMMUEN))
        return;
    enum model_dma got = walk(m, m->mem, w->sid, now);
    check_passage(m, w, got, now, "as in memory");
    check_passage(m, w, walk(m, m->before, w->sid, old), old, "level 1 was published before level 2");
    if (passes(got) && memcmp(now + 1, old + 1, 56) != 0)
        smmuv3_violate(m, "stream 0x%x: the valid word was published before the rest", w->sid);
    if (!w->cached) {
        w->cached = true;
        w->got = got;
        memcpy(w->ste, now, 64);
    }
    check_passage(m, w, w->got, w->ste, "as cached");
    if (got != MODEL_BAD_STREAM && w->got != MODEL_BAD_STREAM)
        check_torn(m, w, now);
}

static void check(struct smmuv3_model *m)
{
    for (unsigned i = 0; m->watching && i < m->watches; i++)
        check_watch(m, &m->watch[i]);
    memcpy(m->before, m->mem, m->pool->frames << 12);
}

static void on_publish(void *ctx)
{
    check(ctx);
}

/* Commands (4) */

static void drop_cached(struct smmuv3_model *m, bool all, uint32_t sid)
{
    for (unsigned i = 0; i < m->watches; i++) {
        struct model_watch *w = &m->watch[i];
        /* a leaf command leaves the level-1 descriptor, so also its absence, cached */
        if (all || (w->sid == sid && w->got != MODEL_BAD_STREAM))
            w->cached = false;
    }
}

/* False: the command is not one this unit has. */
static bool command_take(struct smmuv3_model *m, const uint64_t c[2])
{
    m->synced = false;
    switch (c[0] & 0xff) {
    case 0x03:
        if (c[0] & 0xffffff00 || c[1] != 1)
            smmuv3_violate(m, "CMD_CFGI_STE: reserved bits");
        drop_cached(m, false, (uint32_t)(c[0] >> 32));
        return true;
    case 0x04:
        if (c[0] != 4 || c[1] != 31)
            smmuv3_violate(m, "CMD_CFGI_ALL: reserved bits");
        m->cfgi_all = true;
        drop_cached(m, true, 0);
        return true;
    case 0x20:
        m->tlbi_el2 = true;
        return m->idr0 >> 9 & 1;
    case 0x28:
        m->vmall = (uint16_t)(c[0] >> 32);
        if (c[0] & 0xffff0000ffffff00 || c[1] || (m->vmall >> 8 && !(m->idr0 >> 18 & 1)))
            smmuv3_violate(m, "CMD_TLBI_S12_VMALL: reserved bits");
        return m->idr0 & 1;
    case 0x30:
        m->tlbi_nsnh = true;
        return true;
    case 0x46:
        m->synced = true;
        return c[0] == 0x46 && c[1] == 0;
    default:
        return false;
    }
}

static bool command_run(struct smmuv3_model *m, const uint64_t c[2])
{
    bool has = command_take(m, c);
    if (has)
        smmuv3_tlb_command(m, c);
    return has;
}

static void commands_run(struct smmuv3_model *m)
{
    uint32_t mask = (2u << Q_LOG2_CMD) - 1;
    if (!(m->cr0ack & CMDQEN) || m->cmdq_hangs)
        return;
    while ((m->cmdq_cons & mask) != (m->cmdq_prod & mask) && !((m->gerror ^ m->gerrorn) & GERROR_CMDQ)) {
        uint64_t at = (m->cmdq_base & 0xffffffffffe0) + (m->cmdq_cons & (mask >> 1)) * 16, c[2] = {0, 0};
        const void *p = smmuv3_mem_at(m, m->mem, at, 16);
        if (p)
            memcpy(c, p, 16);
        bool fail = m->fail_cmd && --m->fail_cmd == 0;
        if (fail || !command_run(m, c)) {
            m->cmdq_cons = (m->cmdq_cons & mask) | (uint32_t)(fail ? m->fail_reason : 1) << 24;
            m->gerror ^= GERROR_CMDQ;
            return;
        }
        m->cmd[m->cmds++ % MODEL_CMDS] = (uint8_t)c[0];
        m->cmdq_cons = ((m->cmdq_cons + 1) & mask) | (m->cmdq_cons & 0x7f000000);
        check(m);
    }
}

/* Registers (6.3) */

static void cr0_write(struct smmuv3_model *m, uint32_t v)
{
    if (m->cr0 != m->cr0ack)
        smmuv3_violate(m, "CR0 written before CR0ACK showed the last value");
    if (v & CMDQEN && !(m->cr0 & CMDQEN))
        m->cfgi_all = m->tlbi_nsnh = m->tlbi_el2 = m->synced = false;
    if (v & SMMUEN && !(m->cr0 & SMMUEN)) {
        bool el2 = m->tlbi_el2 || !(m->idr0 >> 9 & 1);
        unsigned l1 = (m->strtab_cfg & 0x3f) > 6 ? 1u << ((m->strtab_cfg & 0x3f) - 6) : 1;
        if (!(m->cr0ack & CMDQEN))
            smmuv3_violate(m, "SMMUEN before CMDQEN");
        if (!(m->cr0ack & EVENTQEN))
            smmuv3_violate(m, "SMMUEN before EVENTQEN");
        if (!m->cfgi_all || !m->tlbi_nsnh || !el2 || !m->synced)
            smmuv3_violate(m, "enabled without invalidation");
        if (m->strtab_cfg >> 6 != (1u << 10 | 6) || m->strtab_base & (l1 * 8 - 1))
            smmuv3_violate(m, "stream table 0x%llx, format 0x%x", (unsigned long long)m->strtab_base, m->strtab_cfg);
        if (m->cr1 != (m->coherent ? 0xd75 : 0))
            smmuv3_violate(m, "CR1 0x%x does not fit the coherency", m->cr1);
        if (m->idr0 >> 10 & 1 && !(v & 0x10))
            smmuv3_violate(m, "ATS without ATSCHK: translated requests pass unchecked");
        if (m->gerror_irq_cfg0 || m->evtq_irq_cfg0)
            smmuv3_violate(m, "message interrupts of firmware left on");
        if (m->cr2 != 6)
            smmuv3_violate(m, "CR2 0x%x", m->cr2);
    }
    m->cr0 = v;
    m->waited = 0;
}

static void gbpa_write(struct smmuv3_model *m, uint32_t v)
{
    if (!(v & UPDATE) || m->gbpa & UPDATE) {
        smmuv3_violate(m, "GBPA written without Update, or during one");
        return;
    }
    m->gbpa = m->gbpa_lacks_abort ? v & ~(uint32_t)ABORT : v;
    m->waited = 0;
}

static void gerrorn_write(struct smmuv3_model *m, uint32_t v)
{
    if ((v ^ m->gerrorn) & ~(m->gerror ^ m->gerrorn))
        smmuv3_violate(m, "GERRORN: an error that is not active was acknowledged");
    m->gerrorn = v;
}

static void cmdq_prod_write(struct smmuv3_model *m, uint32_t v)
{
    uint32_t mask = (2u << Q_LOG2_CMD) - 1;
    if (((v - m->cmdq_cons) & mask) > (mask + 1) / 2)
        smmuv3_violate(m, "CMDQ_PROD 0x%x with CMDQ_CONS 0x%x: more commands than the queue has room for", v,
                       m->cmdq_cons);
    m->cmdq_prod = v;
    m->waited = 0;
}

/* A register is writable only while none of these CR0 bits is set or still acknowledged. */
static void guard(struct smmuv3_model *m, const char *name, uint32_t bits)
{
    if ((m->cr0 | m->cr0ack) & bits)
        smmuv3_violate(m, "%s written with CR0 0x%x, CR0ACK 0x%x", name, m->cr0, m->cr0ack);
}

static void guard_irq(struct smmuv3_model *m)
{
    if (m->irq_ctrl | m->irq_ctrlack || !(m->idr0 >> 13 & 1))
        smmuv3_violate(m, "IRQ_CFG0 written with IRQ_CTRL 0x%x, IDR0.MSI %u", m->irq_ctrl, m->idr0 >> 13 & 1);
}

static bool acknowledged(struct smmuv3_model *m)
{
    return m->waited++ >= m->delay;
}

/* Where plain registers live, and which bits of them a write may set. */
struct reg {
    uint64_t off;
    unsigned width;
    uint64_t writable; /* 0: read-only */
    void *value;
};

static struct reg reg_find(struct smmuv3_model *m, uint64_t off)
{
    const struct reg regs[] = {
        {0x00, 4, 0, &m->idr0},
        {0x04, 4, 0, &m->idr1},
        {0x14, 4, 0, &m->idr5},
        {0x20, 4, m->idr0 >> 10 & 1 ? 0x1d : 0xd, &m->cr0},
        {0x24, 4, 0, &m->cr0ack},
        {0x28, 4, 0xfff, &m->cr1},
        {0x2c, 4, 0x7, &m->cr2},
        {0x44, 4, 0x801f3f1f, &m->gbpa},
        {0x50, 4, 0x7, &m->irq_ctrl},
        {0x54, 4, 0, &m->irq_ctrlack},
        {0x60, 4, 0, &m->gerror},
        {0x64, 4, 0x1fd, &m->gerrorn},
        {0x68, 8, 0xfffffffffffffc, &m->gerror_irq_cfg0},
        {0x80, 8, 0x40ffffffffffffc0, &m->strtab_base},
        {0x88, 4, 0x307ff, &m->strtab_cfg},
        {0x90, 8, 0x40ffffffffffffff, &m->cmdq_base},
        {0x98, 4, (2u << Q_LOG2_CMD) - 1, &m->cmdq_prod},
        {0x9c, 4, 0x7f0fffff, &m->cmdq_cons},
        {0xa0, 8, 0x40ffffffffffffff, &m->evtq_base},
        {0xb0, 8, 0xfffffffffffffc, &m->evtq_irq_cfg0},
        {0x100a8, 4, 0x800fffff, &m->evtq_prod},
        {0x100ac, 4, 0x80000000 | ((2u << Q_LOG2_EVT) - 1), &m->evtq_cons},
    };
    for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        if (regs[i].off == off)
            return regs[i];
    }
    return (struct reg){0, 0, 0, NULL};
}

static void before_read(struct smmuv3_model *m, uint64_t off)
{
    switch (off) {
    case 0x24:
        if (m->cr0 != m->cr0ack && acknowledged(m))
            m->cr0ack = (m->cr0 & ~m->never_ack) | (m->cr0ack & m->never_ack);
        break;
    case 0x44:
        if (m->gbpa & UPDATE && !m->gbpa_hangs && acknowledged(m)) {
            m->gbpa &= ~UPDATE;
            m->gbpa_live = m->gbpa;
        }
        break;
    case 0x54:
        if (m->irq_ctrl != m->irq_ctrlack && !m->irq_never_ack && acknowledged(m))
            m->irq_ctrlack = m->irq_ctrl;
        break;
    case 0x9c:
        if (acknowledged(m))
            commands_run(m);
        break;
    default:
        break;
    }
}

static void before_write(struct smmuv3_model *m, uint64_t off)
{
    switch (off) {
    case 0x28:
        guard(m, "CR1", SMMUEN | EVENTQEN | CMDQEN);
        break;
    case 0x2c:
    case 0x80:
    case 0x88:
        guard(m, "CR2 or STRTAB_BASE", SMMUEN);
        break;
    case 0x90:
    case 0x9c:
        guard(m, "CMDQ_BASE or CMDQ_CONS", CMDQEN);
        break;
    case 0xa0:
    case 0x100a8:
        guard(m, "EVENTQ_BASE or EVENTQ_PROD", EVENTQEN);
        break;
    case 0x68:
    case 0xb0:
        guard_irq(m);
        break;
    case 0x50:
        m->waited = 0;
        break;
    default:
        break;
    }
}

static void access_reg(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct smmuv3_model *m = model;
    struct reg r = reg_find(m, off);
    if (!r.value || r.width != width) {
        smmuv3_violate(m, "access of %u bytes at 0x%llx", width, (unsigned long long)off);
        return;
    }
    if (!write) {
        before_read(m, off);
        memcpy(value, r.value, width); /* little endian */
        return;
    }
    if (*value & ~r.writable) {
        smmuv3_violate(m, "0x%llx written to 0x%llx: reserved bits, or read-only", (unsigned long long)*value,
                       (unsigned long long)off);
        return;
    }
    before_write(m, off);
    if (off == 0x20)
        cr0_write(m, (uint32_t)*value);
    else if (off == 0x44)
        gbpa_write(m, (uint32_t)*value);
    else if (off == 0x98 && m->cr0ack & CMDQEN)
        cmdq_prod_write(m, (uint32_t)*value);
    else if (off == 0x64)
        gerrorn_write(m, (uint32_t)*value);
    else
        memcpy(r.value, value, width);
    check(m);
}

/* Streams and events */

struct model_watch *smmuv3_model_watch(struct smmuv3_model *m, uint32_t sid)
{
    for (unsigned i = 0; i < m->watches; i++) {
        if (m->watch[i].sid == sid)
            return &m->watch[i];
    }
    if (m->watches == MODEL_WATCHES)
        abort();
    m->watch[m->watches] = (struct model_watch){.sid = sid};
    return &m->watch[m->watches++];
}

enum model_dma smmuv3_model_stream(struct smmuv3_model *m, uint32_t sid)
{
    struct model_watch *w = smmuv3_model_watch(m, sid);
    if (!(m->cr0ack & SMMUEN))
        return m->gbpa_live & ABORT ? MODEL_ABORT : MODEL_BYPASS;
    if (!w->cached) {
        w->cached = true;
        w->got = walk(m, m->mem, sid, w->ste);
    }
    uint64_t type = w->got == MODEL_BAD_STREAM ? 2 : 4;
    if (w->got == MODEL_BAD_STE || (w->got == MODEL_BAD_STREAM && m->cr2 & 2))
        smmuv3_model_event(m, (const uint64_t[4]){(uint64_t)sid << 32 | type});
    return w->got;
}

void smmuv3_model_event(struct smmuv3_model *m, const uint64_t w[4])
{
    uint32_t mask = (2u << Q_LOG2_EVT) - 1, index = m->evtq_prod & (mask >> 1);
    if (!(m->cr0ack & EVENTQEN))
        return;
    if (((m->evtq_prod ^ m->evtq_cons) & mask) == mask / 2 + 1) {
        if (((m->evtq_prod ^ m->evtq_cons) & OVFLG) == 0)
            m->evtq_prod ^= OVFLG;
        return;
    }
    void *p = smmuv3_mem_at(m, m->mem, (m->evtq_base & 0xffffffffffe0) + index * 32ul, 32);
    if (p)
        memcpy(p, w, 32);
    m->evtq_prod = (m->evtq_prod & OVFLG) | ((m->evtq_prod + 1) & mask);
}

mmio_t smmuv3_model_mmio(struct smmuv3_model *m)
{
    return (mmio_t){access_reg, m};
}

void smmuv3_model_init(struct smmuv3_model *m, const struct pool *pool, bool coherent)
{
    size_t size = pool->frames << 12;
    *m = (struct smmuv3_model){
        .idr0 = 0x0d44101b,
        .idr1 = 0x02730010,
        .idr5 = 0x74,
        .gbpa = 0x1000,
        .gbpa_live = 0x1000,
        .cr1 = 0x5a5, /* unknown on reset, as are these */
        .cr2 = 1,
        .strtab_base = 0xdead0000,
        .cmdq_prod = 7,
        .pool = pool,
        .coherent = coherent,
        .delay = 2,
    };
    if (!coherent)
        m->idr0 &= ~0x10u;
    m->mem = coherent ? pool->mem : malloc(size);
    m->seen = malloc(size);
    m->before = malloc(size);
    if (!m->mem || !m->seen || !m->before)
        abort();
    if (!coherent)
        memset(m->mem, 0x5b, size); /* as an entry: valid, stage 1 */
    memcpy(m->seen, pool->mem, size);
    memcpy(m->before, m->mem, size);
    arch_host_reset();
    arch_host.on_publish = on_publish;
    arch_host.on_clean = on_clean;
    arch_host.ctx = m;
}

void smmuv3_model_fini(struct smmuv3_model *m)
{
    arch_host_reset();
    if (!m->coherent)
        free(m->mem);
    free(m->seen);
    free(m->before);
}
