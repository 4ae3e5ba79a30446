/* SPDX-License-Identifier: Apache-2.0 */
#include "amdvi_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_host.h"

#define BIT(n)      (UINT64_C(1) << (n))
#define ADDR        UINT64_C(0x000ffffffffff000)
#define FUNCTIONS   65536u
#define FW_COMMANDS (AMDVI_MODEL_FW + UINT64_C(0x200000))
#define FW_LOG      (AMDVI_MODEL_FW + UINT64_C(0x201000))

/* Control register (offset 18h) */
#define IOMMU_EN BIT(0)
#define EVT_EN   BIT(2)
#define CMD_EN   BIT(12)
#define CONTROL  UINT64_C(0x3fff) /* what this unit has: up to PPRLogEn, the invalidation timeout ... */
/* Status register (offset 2020h) */
#define EVT_OVERFLOW BIT(0)
#define EVT_INT      BIT(1)
#define WAIT_INT     BIT(2)
#define EVT_RUN      BIT(3)
#define CMD_RUN      BIT(4)
/* Device table entry (2.2.2.1): words 0, 1, 2 */
#define DTE_V      BIT(0)
#define DTE_TV     BIT(1)
#define DTE_MODE   (UINT64_C(7) << 9)
#define DTE_GUEST  UINT64_C(0x1ff0000000000000) /* PPR, GPRP, GIoV, GV, GLX, GCR3 */
#define DTE_IR     BIT(61)
#define DTE_IW     BIT(62)
#define DTE_RSVD0  (BIT(63) | UINT64_C(0x1fc))
#define DTE_I      BIT(32)
#define DTE_SE     BIT(33)
#define DTE_SA     BIT(34)
#define DTE_PASS1  (UINT64_C(3) << 35 | BIT(39) | UINT64_C(3) << 40) /* IOCTL, EX, SYSMGT */
#define DTE_GUEST1 (~UINT64_C(0x7ffffffffff) | UINT64_C(0xffff0000)) /* GCR3 and what is beside it */
#define DTE_IV     BIT(0)
#define DTE_IG     BIT(5)
#define DTE_PASS2  (UINT64_C(7) << 56 | UINT64_C(3) << 62) /* INIT, ExtInt, NMI, Lint0, Lint1 */
#define DTE_RSVD2  (UINT64_C(0xf) << 52 | BIT(59))
#define INTCTL(w)  ((w) >> 60 & 3)
/* Page table entries (2.2.3) */
#define PTE_PR   BIT(0)
#define PTE_RSVD (UINT64_C(0x7f) << 52)

/* Events (2.5) */
enum { ILLEGAL_DTE = 1, PAGE_FAULT = 2, ILLEGAL_COMMAND = 5, INVALID_REQUEST = 8 };
enum { FLAG_I = 1 << 19, FLAG_PR = 1 << 20, FLAG_RW = 1 << 21, FLAG_PE = 1 << 22, FLAG_RZ = 1 << 23 };

static void check(struct amdvi_model *m);

__attribute__((format(printf, 2, 3))) static void violate(struct amdvi_model *m, const char *fmt, ...)
{
    va_list ap;
    if (m->violations++)
        return;
    va_start(ap, fmt);
    vsnprintf(m->violation, sizeof m->violation, fmt, ap);
    va_end(ap);
}

/* Memory */

/* n bytes in one of the pool's images or firmware's memory; NULL: elsewhere. */
static void *mem_at(struct amdvi_model *m, uint8_t *image, uint64_t addr, uint64_t n)
{
    uint64_t off = addr - (m->pool->first.n << 12), size = m->pool->frames << 12;
    if (addr - AMDVI_MODEL_FW < AMDVI_MODEL_FW_SIZE - n)
        return m->fw + (addr - AMDVI_MODEL_FW);
    return off < size && n <= size - off ? image + off : NULL;
}

static uint64_t table_word(struct amdvi_model *m, uint64_t addr)
{
    uint64_t w = 0;
    const void *p = mem_at(m, m->mem, addr, 8);
    if (p)
        memcpy(&w, p, 8);
    else
        violate(m, "a table at 0x%llx, outside of memory", (unsigned long long)addr);
    return w;
}

/* A snooped store of the unit: every image has it. */
static void store(struct amdvi_model *m, uint64_t addr, const void *data, uint64_t n)
{
    uint8_t *images[3] = {m->pool->mem, m->mem, m->seen};
    for (unsigned i = 0; i < 3; i++) {
        void *p = mem_at(m, images[i], addr, n);
        if (p)
            memcpy(p, data, n);
        else if (i == 0)
            violate(m, "the unit stores to 0x%llx, outside of memory", (unsigned long long)addr);
    }
}

/* Whole lines: dirty ones are written back, then the unit's memory shows through. */
static void lines_clean(struct amdvi_model *m, const void *p, size_t size)
{
    size_t first = (size_t)((const uint8_t *)p - m->pool->mem), last = first + size;
    if (m->coherent)
        return;
    for (size_t o = first / 64 * 64; o < last; o += 64) {
        if (memcmp(m->pool->mem + o, m->seen + o, 64) != 0)
            memcpy(m->mem + o, m->pool->mem + o, 64);
        else
            memcpy(m->pool->mem + o, m->mem + o, 64);
        memcpy(m->seen + o, m->pool->mem + o, 64);
    }
}

/* Event log (2.5) */

static uint64_t ring_bytes(uint64_t base)
{
    return UINT64_C(16) << (base >> 56 & 0xf);
}

void amdvi_model_event(struct amdvi_model *m, const uint64_t w[2])
{
    uint64_t next = (m->evt_tail + 16) % ring_bytes(m->evt_base);
    if (!(m->status & EVT_RUN)) {
        m->lost++;
        return;
    }
    if (next == m->evt_head) {
        m->status = (m->status | EVT_OVERFLOW) & ~EVT_RUN;
        m->evt_stopped = true;
        m->lost++;
        return;
    }
    store(m, (m->evt_base & ADDR) + m->evt_tail, w, 16);
    m->evt_tail = next;
    m->status |= EVT_INT;
}

static void event(struct amdvi_model *m, unsigned code, uint16_t bdf, uint16_t domain, uint32_t flags, uint64_t addr)
{
    uint64_t w[2] = {(uint64_t)code << 60 | (uint64_t)flags << 32 | (uint64_t)domain << 32 | bdf, addr};
    amdvi_model_event(m, w);
}

/* An IO_PAGE_FAULT, where the entry does not suppress it. */
static void fault(struct amdvi_model *m, struct amdvi_model_dte *e, uint32_t flags, uint64_t addr)
{
    if (e->w[1] & DTE_SA || (e->w[1] & DTE_SE && e->faulted))
        return;
    e->faulted = true;
    event(m, PAGE_FAULT, e->bdf, (uint16_t)e->w[1], flags, addr);
}

/* Device table (2.2.2) */

static bool dte_at(struct amdvi_model *m, uint16_t bdf, uint64_t *addr)
{
    *addr = (m->devtab & ADDR) + bdf * UINT64_C(32);
    return bdf * UINT64_C(32) < ((m->devtab & 0x1ff) + 1) << 12;
}

static void dte_read(struct amdvi_model *m, uint64_t addr, uint64_t w[4])
{
    for (unsigned i = 0; i < 4; i++)
        w[i] = table_word(m, addr + i * 8ul);
}

/* What this model's entries never have; false: hardware calls the entry illegal. */
static bool dte_legal(struct amdvi_model *m, uint16_t bdf, const uint64_t w[4])
{
    bool legal = !(w[0] & DTE_V && (w[0] & DTE_RSVD0 || w[3] || (w[0] & DTE_TV && (w[0] & DTE_MODE) == DTE_MODE)));
    if (w[2] & DTE_IV && (w[2] & DTE_RSVD2 || INTCTL(w[2]) == 3 || (w[2] >> 1 & 0xf) > 11))
        legal = false;
    if (!legal)
        violate(m, "function 0x%x: illegal entry 0x%llx 0x%llx 0x%llx 0x%llx", bdf, (unsigned long long)w[0],
                (unsigned long long)w[1], (unsigned long long)w[2], (unsigned long long)w[3]);
    if (w[0] & DTE_V && (w[0] & DTE_GUEST || w[1] & (DTE_GUEST1 | DTE_I | DTE_PASS1)))
        violate(m, "function 0x%x: guest translation, ATS or pass bits in 0x%llx 0x%llx", bdf, (unsigned long long)w[0],
                (unsigned long long)w[1]);
    if (w[2] & DTE_IV && w[2] & DTE_PASS2)
        violate(m, "function 0x%x: interrupt pass bits in 0x%llx", bdf, (unsigned long long)w[2]);
    return legal;
}

/* The function's entry, cached from now on; NULL: the table does not reach it. */
static struct amdvi_model_dte *dte_hold(struct amdvi_model *m, uint16_t bdf)
{
    uint64_t addr;
    for (unsigned i = 0; i < AMDVI_MODEL_CACHE; i++) {
        if (m->dte[i].held && m->dte[i].bdf == bdf)
            return &m->dte[i];
    }
    if (!dte_at(m, bdf, &addr))
        return NULL;
    struct amdvi_model_dte *e = &m->dte[m->dtes++ % AMDVI_MODEL_CACHE];
    *e = (struct amdvi_model_dte){.held = true, .bdf = bdf};
    dte_read(m, addr, e->w);
    return e;
}

/* Watching */

static bool dma_blocked(const uint64_t w[4])
{
    return w[0] & DTE_V && (!(w[0] & DTE_TV) || !(w[0] & (DTE_MODE | DTE_IR | DTE_IW)));
}

static bool interrupts_blocked(const uint64_t w[4])
{
    return w[2] & DTE_IV && INTCTL(w[2]) == 0 && !(w[2] & DTE_PASS2);
}

static void check_entry(struct amdvi_model *m, const struct amdvi_model_watch *x, const uint64_t w[4], const char *how)
{
    bool dma = dma_blocked(w) || (x->given && w[0] == x->want[0] && w[1] == x->want[1]) ||
               (x->moving && w[0] == x->also[0] && w[1] == x->also[1]);
    bool interrupts = interrupts_blocked(w) || (x->given && w[2] == x->want[2]);
    if (!dma || w[3])
        violate(m, "window: function 0x%x passes (%s: 0x%llx 0x%llx)", x->bdf, how, (unsigned long long)w[0],
                (unsigned long long)w[1]);
    if (!interrupts)
        violate(m, "window: function 0x%x interrupts (%s: 0x%llx)", x->bdf, how, (unsigned long long)w[2]);
}

/* 64-bit stores may be seen one by one: every mixture of old and new words. */
static void check_torn(struct amdvi_model *m, struct amdvi_model_watch *x, const uint64_t now[4])
{
    for (unsigned mix = 16; mix-- > 0;) {
        uint64_t w[4];
        for (unsigned i = 0; i < 4; i++)
            w[i] = mix >> i & 1 ? now[i] : x->old[i];
        check_entry(m, x, w, mix == 15 ? "as in memory" : "half written");
    }
}

static void check_watch(struct amdvi_model *m, struct amdvi_model_watch *x)
{
    uint64_t addr, now[4];
    bool covered = dte_at(m, x->bdf, &addr);
    if (!(m->control & IOMMU_EN)) {
        if (m->watching)
            violate(m, "window: function 0x%x passes (the unit is off)", x->bdf);
        return;
    }
    if (m->watching && (m->excl_base & 3) == 3)
        violate(m, "window: function 0x%x passes (exclusion range 0x%llx)", x->bdf, (unsigned long long)m->excl_base);
    if (!covered) /* blocked, with an event for each request */
        return;
    dte_read(m, addr, now);
    if (x->at != addr)
        memcpy(x->old, now, sizeof now);
    if (m->watching)
        check_torn(m, x, now);
    x->at = addr;
    memcpy(x->old, now, sizeof now);
    const struct amdvi_model_dte *e = dte_hold(m, x->bdf);
    if (m->watching && e)
        check_entry(m, x, e->w, "as cached");
}

static void check(struct amdvi_model *m)
{
    for (unsigned i = 0; i < m->watches; i++)
        check_watch(m, &m->watch[i]);
}

/* Commands (2.4) */

/* 2.4.3: S 0: a page; S 1: the lowest 0 bit of the address from 12 on gives the size. */
static bool in_range(uint64_t page, uint64_t word)
{
    uint64_t first = word >> 12, size = 1;
    if (word & 1) {
        while (first & size && size < UINT64_C(1) << 52)
            size <<= 1;
        size <<= 1;
        first &= ~(size - 1);
    }
    return page - first < size;
}

static void invalidation_apply(struct amdvi_model *m, const uint64_t c[2])
{
    unsigned op = c[0] >> 60;
    for (unsigned i = 0; i < AMDVI_MODEL_CACHE; i++) {
        struct amdvi_model_tlb *t = &m->tlb[i];
        if (op == 8 || (op == 2 && m->dte[i].bdf == (uint16_t)c[0]))
            m->dte[i].held = false;
        if (op == 8 || (op == 5 && m->irte[i].bdf == (uint16_t)c[0]))
            m->irte[i].held = false;
        if (op == 8 || (op == 3 && t->domain == (uint16_t)(c[0] >> 32) && in_range(t->page, c[1])))
            t->held = false;
    }
}

static void wait_run(struct amdvi_model *m, const uint64_t c[2])
{
    for (unsigned i = 0; i < m->pendings; i++)
        invalidation_apply(m, m->pending[i]);
    m->pendings = 0;
    if (c[0] & 1 && !m->store_lost)
        store(m, c[0] & UINT64_C(0xffffffffffff8), &c[1], 8);
    if (c[0] & 2)
        m->status |= WAIT_INT;
}

/* False: not a command that this unit has, or reserved bits. */
static bool command_run(struct amdvi_model *m, const uint64_t c[2])
{
    static const struct {
        uint8_t op;
        uint64_t used[2];
    } known[] = {
        {1, {UINT64_C(0x000fffffffffffff), ~UINT64_C(0)}},
        {2, {0xffff, 0}},
        {3, {UINT64_C(0x0000ffff00000000), ~UINT64_C(0xffc)}}, /* no PASID, no GN */
        {5, {0xffff, 0}},
        {8, {0, 0}},
    };
    unsigned op = c[0] >> 60;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].op != op)
            continue;
        if ((c[0] & ~(UINT64_C(0xf) << 60)) & ~known[i].used[0] || c[1] & ~known[i].used[1] ||
            (op == 8 && !(m->efr >> 6 & 1)))
            break;
        if (op == 1)
            wait_run(m, c);
        else if (m->pendings < AMDVI_MODEL_CMDS)
            memcpy(m->pending[m->pendings++], c, 16);
        return true;
    }
    violate(m, "command 0x%llx 0x%llx: unknown, or reserved bits", (unsigned long long)c[0], (unsigned long long)c[1]);
    return false;
}

static void commands_run(struct amdvi_model *m)
{
    while (m->status & CMD_RUN && !m->cmd_hangs && m->cmd_head != m->cmd_tail) {
        uint64_t at = (m->cmd_base & ADDR) + m->cmd_head, c[2] = {0, 0};
        const void *p = mem_at(m, m->pool->mem, at, 16);
        bool fail = m->fail_cmd && --m->fail_cmd == 0;
        if (p)
            memcpy(c, p, 16);
        if (fail || !p || !command_run(m, c)) {
            m->status &= ~CMD_RUN;
            m->cmd_stopped = true;
            event(m, fail ? m->fail_code : ILLEGAL_COMMAND, 0, 0, 0, at);
            return;
        }
        m->cmd[m->cmds++ % AMDVI_MODEL_CMDS] = (uint8_t)(c[0] >> 60);
        m->cmd_head = (m->cmd_head + 16) % ring_bytes(m->cmd_base);
        check(m);
    }
}

/* The run bits follow the control register. */
static void run_bit(struct amdvi_model *m, uint64_t bit, bool want, bool never)
{
    if (want && !never)
        m->status |= bit;
    else if (!want && !m->run_stays)
        m->status &= ~bit;
}

static void step(struct amdvi_model *m)
{
    if (m->waited++ < m->delay)
        return;
    bool on = m->control & IOMMU_EN;
    run_bit(m, CMD_RUN, on && m->control & CMD_EN && !m->cmd_stopped, m->cmd_never_run);
    run_bit(m, EVT_RUN, on && m->control & EVT_EN && !m->evt_stopped, m->evt_never_run);
    commands_run(m);
}

/* Registers (3.4) */

static void control_write(struct amdvi_model *m, uint64_t v)
{
    if (v & EVT_EN && !(m->control & EVT_EN) && m->status & EVT_OVERFLOW)
        violate(m, "EventLogEn set while EventOverflow is: acknowledge it first");
    if (v & EVT_EN && !(m->control & EVT_EN) && m->status & EVT_RUN)
        violate(m, "EventLogEn set again before EventLogRun fell");
    if (v & CMD_EN && !(m->control & CMD_EN) && m->status & CMD_RUN)
        violate(m, "CmdBufEn set again before CmdBufRun fell");
    if (v & IOMMU_EN && !(m->control & IOMMU_EN) && m->excl_base & 1)
        violate(m, "enabled with an exclusion range, 0x%llx", (unsigned long long)m->excl_base);
    if (!(v & CMD_EN))
        m->cmd_stopped = false;
    if (!(v & EVT_EN))
        m->evt_stopped = false;
    m->control = v;
}

static void ring_base_write(struct amdvi_model *m, const char *name, uint64_t *base, uint64_t v, uint64_t enable,
                            uint64_t run)
{
    if (m->control & enable || m->status & run)
        violate(m, "%s base written while it is enabled or runs", name);
    if ((v >> 56 & 0xf) < 8)
        violate(m, "%s of 2^%u entries, want at least 2^8", name, (unsigned)(v >> 56 & 0xf));
    *base = v;
    if (base == &m->cmd_base)
        m->cmd_head = m->cmd_tail = 0;
    else
        m->evt_head = m->evt_tail = 0;
}

static void pointer_write(struct amdvi_model *m, uint64_t *p, uint64_t v)
{
    bool command = p == &m->cmd_head || p == &m->cmd_tail;
    uint64_t size = ring_bytes(command ? m->cmd_base : m->evt_base);
    if (v >= size || v & 15)
        violate(m, "pointer 0x%llx in a ring of 0x%llx bytes", (unsigned long long)v, (unsigned long long)size);
    if ((p == &m->cmd_head && m->status & CMD_RUN) || (p == &m->evt_tail && m->status & EVT_RUN))
        violate(m, "a pointer of the unit written while it runs");
    if (p == &m->evt_head && (v - m->evt_head) % size > (m->evt_tail - m->evt_head) % size)
        violate(m, "event head 0x%llx passes the tail 0x%llx", (unsigned long long)v, (unsigned long long)m->evt_tail);
    *p = v % size & ~UINT64_C(15);
}

struct reg {
    uint64_t off, writable;
    uint64_t *value;
};

static struct reg reg_find(struct amdvi_model *m, uint64_t off)
{
    const struct reg regs[] = {
        {0x00, ADDR | 0x1ff, &m->devtab},
        {0x08, ADDR | UINT64_C(0xf) << 56, &m->cmd_base},
        {0x10, ADDR | UINT64_C(0xf) << 56, &m->evt_base},
        {0x18, CONTROL, &m->control},
        {0x20, ADDR | 3, &m->excl_base},
        {0x28, ADDR, &m->excl_limit},
        {0x30, 0, &m->efr},
        {0x2000, 0x7fff0, &m->cmd_head},
        {0x2008, 0x7fff0, &m->cmd_tail},
        {0x2010, 0x7fff0, &m->evt_head},
        {0x2018, 0x7fff0, &m->evt_tail},
        {0x2020, EVT_OVERFLOW | EVT_INT | WAIT_INT, &m->status},
    };
    for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        if (regs[i].off == off)
            return regs[i];
    }
    return (struct reg){0, 0, NULL};
}

static void reg_write(struct amdvi_model *m, uint64_t off, uint64_t *reg, uint64_t v)
{
    if (off == 0x18)
        control_write(m, v);
    else if (off == 0x08)
        ring_base_write(m, "command buffer", reg, v, CMD_EN, CMD_RUN);
    else if (off == 0x10)
        ring_base_write(m, "event log", reg, v, EVT_EN, EVT_RUN);
    else if (off == 0x2020)
        m->status &= ~v;
    else if (off >= 0x2000)
        pointer_write(m, reg, v);
    else
        *reg = v;
}

/* A 32-bit access is to one half of a register. */
static void access_reg(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct amdvi_model *m = model;
    struct reg r = reg_find(m, off & ~UINT64_C(4));
    unsigned shift = off & 4 ? 32 : 0;
    if (!r.value || width < 4 || (width == 8 && shift)) {
        violate(m, "access of %u bytes at 0x%llx", width, (unsigned long long)off);
        return;
    }
    if (!write) {
        step(m);
        *value = width == 8 ? *r.value : *r.value >> shift & UINT32_MAX;
        return;
    }
    uint64_t mask = width == 8 ? ~UINT64_C(0) : (uint64_t)UINT32_MAX << shift;
    uint64_t v = *value << shift & mask;
    if (v & ~r.writable) {
        violate(m, "0x%llx written to 0x%llx: reserved bits, or read-only", (unsigned long long)*value,
                (unsigned long long)off);
        return;
    }
    if (off >> 3 != 0x2020 >> 3)
        v |= *r.value & ~mask;
    reg_write(m, off & ~UINT64_C(4), r.value, v);
    m->waited = 0;
    check(m);
}

/* Translation (2.2.3) */

struct walk {
    bool present, reserved, read, write;
    uint64_t out;
};

/* Bytes that the leaf covers: by its level, or (Next Level 7) by its address. */
static uint64_t leaf_size(uint64_t pte, unsigned level)
{
    uint64_t size = UINT64_C(0x1000);
    if ((pte >> 9 & 7) != 7)
        return size << 9 * (level - 1);
    while (pte & size && size < BIT(51))
        size <<= 1;
    return size << 1;
}

static bool leaf(struct walk *w, uint64_t pte, unsigned level, uint64_t addr)
{
    uint64_t size = leaf_size(pte, level), base = pte & ADDR;
    if ((pte >> 9 & 7) == 7) {
        uint64_t least = UINT64_C(0x1000) << 9 * (level - 1);
        base &= ~(size - 1);
        w->reserved = size <= least || size >= least << 9;
    } else {
        w->reserved = base & (size - 1);
    }
    w->out = base | (addr & (size - 1));
    return !w->reserved;
}

/* From the entry of a level-`level` table on; false: not present or reserved. */
static bool walk_tables(struct amdvi_model *m, struct walk *w, uint64_t table, unsigned level, uint64_t addr)
{
    while (level) {
        unsigned shift = 3 + 9 * level;
        uint64_t pte = table_word(m, table + (addr >> shift & 0x1ff) * 8);
        unsigned next = pte >> 9 & 7;
        w->present = pte & PTE_PR;
        if (!w->present)
            return false;
        w->read &= pte >> 61 & 1;
        w->write &= pte >> 62 & 1;
        bool table_entry = next && next != 7;
        w->reserved = pte & PTE_RSVD || (table_entry && (next >= level || pte & (BIT(59) | BIT(60))));
        if (w->reserved)
            return false;
        if (!table_entry)
            return leaf(w, pte, level, addr);
        uint64_t skipped = (BIT(shift) - 1) & ~(BIT(12 + 9 * next) - 1); /* levels between: bits to be 0 */
        if (addr & skipped) {
            w->present = false;
            return false;
        }
        table = pte & ADDR;
        level = next;
    }
    return false;
}

static struct amdvi_model_tlb *tlb_hold(struct amdvi_model *m, const struct amdvi_model_dte *e, uint64_t addr)
{
    uint64_t root = e->w[0] & ADDR;
    unsigned mode = e->w[0] >> 9 & 7;
    for (unsigned i = 0; i < AMDVI_MODEL_CACHE; i++) {
        struct amdvi_model_tlb *t = &m->tlb[i];
        if (t->held && t->domain == (uint16_t)e->w[1] && t->page == addr >> 12)
            return t; /* tagged by domain: another root of the same domain is not noticed */
    }
    struct walk w = {.read = true, .write = true};
    if (mode == 6 || addr >> (12 + 9 * mode) == 0)
        walk_tables(m, &w, root, mode, addr);
    if (w.reserved)
        violate(m, "function 0x%x: reserved bits or levels in the tables for 0x%llx", e->bdf, (unsigned long long)addr);
    struct amdvi_model_tlb *t = &m->tlb[m->tlbs++ % AMDVI_MODEL_CACHE];
    *t = (struct amdvi_model_tlb){.held = true,
                                  .domain = (uint16_t)e->w[1],
                                  .root = root,
                                  .page = addr >> 12,
                                  .out = w.out >> 12,
                                  .present = w.present,
                                  .reserved = w.reserved,
                                  .read = w.read,
                                  .write = w.write};
    return t;
}

static bool illegal(struct amdvi_model *m, uint16_t bdf, uint32_t flags, uint64_t addr)
{
    event(m, ILLEGAL_DTE, bdf, 0, flags, addr);
    return false;
}

static bool translate(struct amdvi_model *m, struct amdvi_model_dte *e, uint64_t addr, bool write, maddr_t *out)
{
    uint32_t rw = write ? FLAG_RW : 0;
    unsigned mode = e->w[0] >> 9 & 7;
    bool right = e->w[0] & (write ? DTE_IW : DTE_IR);
    if (!(e->w[0] & DTE_TV)) {
        fault(m, e, rw, addr);
        return false;
    }
    if (mode > 4 + (m->efr >> 10 & 3))
        return illegal(m, e->bdf, rw, addr);
    uint64_t page = addr >> 12;
    if (mode) {
        const struct amdvi_model_tlb *t = tlb_hold(m, e, addr);
        right = right && (write ? t->write : t->read);
        if (!t->present || t->reserved) {
            fault(m, e, rw | (t->present ? FLAG_PR | FLAG_RZ : 0), addr);
            return false;
        }
        page = t->out;
    }
    if (!right) {
        fault(m, e, rw | FLAG_PR | FLAG_PE, addr);
        return false;
    }
    *out = maddr(page << 12 | (addr & 0xfff));
    return true;
}

bool amdvi_model_dma(struct amdvi_model *m, uint16_t bdf, uint64_t addr, bool write, maddr_t *out)
{
    uint32_t rw = write ? FLAG_RW : 0;
    *out = maddr(addr);
    if (!(m->control & IOMMU_EN))
        return true;
    if (addr >> 20 == 0xfee)
        return false;
    if (addr - UINT64_C(0xfd00000000) < UINT64_C(0x300000000)) {
        event(m, INVALID_REQUEST, bdf, 0, rw, addr);
        return false;
    }
    struct amdvi_model_dte *e = dte_hold(m, bdf);
    if (!e || !dte_legal(m, bdf, e->w))
        return illegal(m, bdf, rw, addr);
    bool excluded = m->excl_base & 1 && addr >= (m->excl_base & ADDR) && addr <= (m->excl_limit | 0xfff);
    if ((excluded && (m->excl_base & 2 || e->w[1] & BIT(39))) || !(e->w[0] & DTE_V))
        return true;
    return translate(m, e, addr, write, out);
}

/* Interrupts (2.2.5) */

static uint32_t irte_hold(struct amdvi_model *m, const struct amdvi_model_dte *e, uint16_t index)
{
    for (unsigned i = 0; i < AMDVI_MODEL_CACHE; i++) {
        if (m->irte[i].held && m->irte[i].bdf == e->bdf && m->irte[i].index == index)
            return m->irte[i].w;
    }
    uint64_t at = (e->w[2] & UINT64_C(0xfffffffffffc0)) + index * UINT64_C(4);
    struct amdvi_model_irte *c = &m->irte[m->irtes++ % AMDVI_MODEL_CACHE];
    uint32_t w = (uint32_t)(table_word(m, at & ~UINT64_C(7)) >> (at & 4 ? 32 : 0));
    *c = (struct amdvi_model_irte){.held = true, .bdf = e->bdf, .index = index, .w = w};
    return w;
}

static bool remap(struct amdvi_model *m, struct amdvi_model_dte *e, uint16_t index, struct amdvi_model_irq *out)
{
    bool inside = index < 1u << (e->w[2] >> 1 & 0xf);
    uint32_t w = inside ? irte_hold(m, e, index) : 0, flags = FLAG_I | FLAG_RW;
    if (e->w[2] & 0x40)
        violate(m, "function 0x%x: its interrupt table is not aligned to 128 bytes", e->bdf);
    bool reserved = w & 1 && (w >> 24 || w & 0x80 || (w >> 2 & 7) > 4);
    if (reserved)
        violate(m, "function 0x%x: interrupt entry %u is 0x%x: reserved bits", e->bdf, index, w);
    if (!(w & 1) || reserved) {
        if (!(w & 2) && !(e->w[2] & DTE_IG))
            fault(m, e, flags | (reserved ? FLAG_PR | FLAG_RZ : 0), index);
        return false;
    }
    *out = (struct amdvi_model_irq){.vector = (uint8_t)(w >> 16),
                                    .dest = (uint8_t)(w >> 8),
                                    .delivery = w >> 2 & 7,
                                    .logical = w >> 6 & 1,
                                    .remapped = true};
    return true;
}

bool amdvi_model_msi(struct amdvi_model *m, uint16_t bdf, uint32_t data, struct amdvi_model_irq *out)
{
    uint16_t index = data & 0x7ff;
    *out = (struct amdvi_model_irq){.vector = (uint8_t)data, .delivery = data >> 8 & 7};
    if (!(m->control & IOMMU_EN))
        return true;
    struct amdvi_model_dte *e = dte_hold(m, bdf);
    if (!e || !dte_legal(m, bdf, e->w))
        return illegal(m, bdf, FLAG_I | FLAG_RW, index);
    if (!(e->w[2] & DTE_IV) || INTCTL(e->w[2]) == 1)
        return true;
    if (INTCTL(e->w[2]) == 2)
        return remap(m, e, index, out);
    if (!(e->w[2] & DTE_IG))
        fault(m, e, FLAG_I | FLAG_RW, index);
    return false;
}

/* Set up */

struct amdvi_model_watch *amdvi_model_watch(struct amdvi_model *m, uint16_t bdf)
{
    for (unsigned i = 0; i < m->watches; i++) {
        if (m->watch[i].bdf == bdf)
            return &m->watch[i];
    }
    if (m->watches == AMDVI_MODEL_WATCHES)
        abort();
    m->watch[m->watches] = (struct amdvi_model_watch){.bdf = bdf, .at = 1 /* no entry's */};
    return &m->watch[m->watches++];
}

static void on_publish(void *ctx)
{
    check(ctx);
    step(ctx);
}

static void on_clean(void *ctx, const void *p, size_t size)
{
    lines_clean(ctx, p, size);
    step(ctx);
}

static void on_relax(void *ctx)
{
    step(ctx);
}

mmio_t amdvi_model_mmio(struct amdvi_model *m)
{
    return (mmio_t){access_reg, m};
}

void amdvi_model_firmware(struct amdvi_model *m, enum amdvi_model_firmware how)
{
    uint64_t blocked[4] = {DTE_V | DTE_TV, 0, DTE_IV, 0};
    for (uint32_t i = 0; i < FUNCTIONS && how == AMDVI_MODEL_BLOCKS; i++)
        memcpy(m->fw + i * 32ul, blocked, 32);
    m->devtab = AMDVI_MODEL_FW | 0x1ff;
    m->cmd_base = FW_COMMANDS | UINT64_C(8) << 56;
    m->cmd_head = m->cmd_tail = 0x50;
    m->evt_base = FW_LOG | UINT64_C(8) << 56;
    m->evt_head = 0x20;
    m->evt_tail = 0x30;
    m->excl_base = AMDVI_MODEL_FW | (how == AMDVI_MODEL_PASSES ? 3 : 1);
    m->excl_limit = AMDVI_MODEL_FW + UINT64_C(0x1ff000);
    m->control = IOMMU_EN | EVT_EN | CMD_EN;
    m->status = EVT_RUN | CMD_RUN | EVT_INT;
    check(m);
}

void amdvi_model_init(struct amdvi_model *m, const struct pool *pool, bool coherent)
{
    size_t size = pool->frames << 12;
    *m = (struct amdvi_model){.efr = 0x29d3, .pool = pool, .coherent = coherent, .delay = 2};
    m->mem = coherent ? pool->mem : malloc(size);
    m->seen = malloc(size);
    m->fw = calloc(1, AMDVI_MODEL_FW_SIZE);
    if (!m->mem || !m->seen || !m->fw)
        abort();
    if (!coherent)
        memset(m->mem, 0x5b, size);   /* as an entry: valid */
    for (size_t i = 0; i < size; i++) /* every line is dirty */
        m->seen[i] = (uint8_t)~pool->mem[i];
    arch_host_reset();
    arch_host.on_publish = on_publish;
    arch_host.on_clean = on_clean;
    arch_host.on_relax = on_relax;
    arch_host.ctx = m;
}

void amdvi_model_fini(struct amdvi_model *m)
{
    arch_host_reset();
    if (!m->coherent)
        free(m->mem);
    free(m->seen);
    free(m->fw);
}
