/* SPDX-License-Identifier: Apache-2.0 */
#include "ipmmu_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_host.h"

enum {
    MMUEN = 1, /* IMCTR and IMUCTR */
    FLUSH = 2,
    INTEN = 4,
    VA64 = 1 << 29,
    TTSEL_SHIFT = 4,
    STR_TF = 1,
    STR_PF = 2,
    STR_ABORT = 4,
    STR_CODE_FORMAT = 1 << 8,
    STR_CODE_PERM = 4 << 8,
    STR_CODE_SECURE = 5 << 8,
    STR_LEVEL_SHIFT = 12,
};
#define EAE      (1u << 31)
#define OUT_BITS 40

#define D_VALID UINT64_C(1)
#define D_TABLE UINT64_C(2) /* level 3: page */
#define D_NS    (UINT64_C(1) << 5)
#define D_AP1   (UINT64_C(1) << 6) /* unprivileged masters, too */
#define D_AP2   (UINT64_C(1) << 7) /* read-only */
#define D_AF    (UINT64_C(1) << 10)
#define D_NST   (UINT64_C(1) << 63)
#define D_APT1  (UINT64_C(1) << 61) /* nothing unprivileged below */
#define D_APT2  (UINT64_C(1) << 62) /* read-only below */
#define D_ADDR  UINT64_C(0xfffffffff000)

__attribute__((format(printf, 2, 3))) static void violate(struct ipmmu_model *m, const char *fmt, ...)
{
    va_list ap;
    if (m->violations++)
        return;
    va_start(ap, fmt);
    vsnprintf(m->violation, sizeof m->violation, fmt, ap);
    va_end(ap);
}

/* Memory */

static uint64_t mem_read(struct ipmmu_model *m, uint64_t addr)
{
    uint64_t off = addr - (m->pool->first.n << 12), word;
    m->walks++;
    if (off >= m->pool->frames << 12) {
        violate(m, "the unit reads 0x%llx, outside of the pool", (unsigned long long)addr);
        return 0;
    }
    memcpy(&word, m->mem + off, sizeof word);
    return word;
}

static void on_clean(void *ctx, const void *p, size_t size)
{
    struct ipmmu_model *m = ctx;
    uint64_t off = (uint64_t)((const uint8_t *)p - m->pool->mem), all = m->pool->frames << 12;
    uint64_t last = (off + size + 63) & ~UINT64_C(63);
    if (m->coherent || off >= all || size > all - off)
        return;
    off &= ~UINT64_C(63);
    memcpy(m->mem + off, m->pool->mem + off, (size_t)(last - off));
}

/* What is cached */

/* A micro-TLB does not remember which context filled it: a new TTSEL without FLUSH hits what is there. */
static struct ipmmu_model_entry *entry_find(struct ipmmu_model_unit *u, unsigned context, unsigned utlb, uint64_t key)
{
    bool micro = u != &u->model->unit[0];
    for (unsigned i = 0; i < IPMMU_MODEL_ENTRIES; i++) {
        struct ipmmu_model_entry *e = &u->entry[i];
        if (e->valid && (micro ? e->utlb == utlb : e->context == context) && e->key == key)
            return e;
    }
    return NULL;
}

static void entry_add(struct ipmmu_model_unit *u, unsigned context, unsigned utlb, uint64_t key, uint64_t word)
{
    u->entry[u->next++ % IPMMU_MODEL_ENTRIES] = (struct ipmmu_model_entry){
        .valid = true,
        .context = (uint8_t)context,
        .utlb = (uint8_t)utlb,
        .key = key,
        .word = word,
    };
}

static void entries_drop(struct ipmmu_model_unit *u, bool by_utlb, unsigned n)
{
    for (unsigned i = 0; i < IPMMU_MODEL_ENTRIES; i++) {
        if ((by_utlb ? u->entry[i].utlb : u->entry[i].context) == n)
            u->entry[i].valid = false;
    }
}

/* A descriptor: a valid one is read from memory once until the context is flushed. */
static uint64_t descriptor(struct ipmmu_model *m, unsigned context, uint64_t addr)
{
    struct ipmmu_model_entry *e = entry_find(&m->unit[0], context, 0, addr);
    if (e)
        return e->word;
    uint64_t word = mem_read(m, addr);
    if (word & D_VALID)
        entry_add(&m->unit[0], context, 0, addr, word);
    return word;
}

/* Translation */

struct walk {
    uint64_t addr;
    unsigned level;  /* as in the manual: 1, 2, 3 */
    uint32_t fault;  /* IMSTR, 0: none */
    bool ro, nopriv; /* from APTable */
    uint64_t word;   /* the leaf */
};

static void walk_table(struct ipmmu_model *m, struct walk *w)
{
    if (w->word >> OUT_BITS & 0xfff)
        violate(m, "table descriptor 0x%llx: address above %u bits", (unsigned long long)w->word, OUT_BITS);
    if (!(w->word & D_NST))
        w->fault = STR_PF | STR_CODE_SECURE;
    w->ro |= (w->word & D_APT2) != 0;
    w->nopriv |= (w->word & D_APT1) != 0;
    w->level++;
}

static void walk_leaf(struct ipmmu_model *m, struct walk *w, bool write)
{
    uint64_t below = (UINT64_C(1) << (12 + 9 * (3 - w->level))) - 1;
    if ((w->word & D_ADDR & below) || (w->word >> OUT_BITS & 0x1fff)) /* with the contiguous hint */
        violate(m, "leaf 0x%llx at level %u: reserved bits", (unsigned long long)w->word, w->level);
    if (!(w->word & D_NS))
        w->fault = STR_PF | STR_CODE_SECURE;
    else if (!(w->word & D_AF) || !(w->word & D_AP1) || w->nopriv || (write && (w->ro || (w->word & D_AP2))))
        w->fault = STR_PF | STR_CODE_PERM;
}

/* Stage 1, long descriptors, from level 1. */
static void walk(struct ipmmu_model *m, unsigned context, struct walk *w, bool write)
{
    const struct ipmmu_model_context *c = &m->unit[0].context[context];
    unsigned bits = c->imctr & VA64 ? 64 - (c->imttbcr & 0x1f) : 32 - (c->imttbcr & 7);
    uint64_t table = ((uint64_t)c->imttubr << 32 | c->imttlbr) & D_ADDR;

    w->level = 1;
    if (w->addr >> bits) {
        w->fault = STR_TF;
        return;
    }
    for (;;) {
        uint64_t index = w->addr >> (12 + 9 * (3 - w->level)) & 511;
        w->word = descriptor(m, context, table + index * 8);
        if (!(w->word & D_VALID)) {
            w->fault = STR_TF;
            return;
        }
        if (w->level == 3 && !(w->word & D_TABLE)) {
            w->fault = STR_TF | STR_CODE_FORMAT;
            return;
        }
        if (w->level == 3 || !(w->word & D_TABLE)) {
            walk_leaf(m, w, write);
            return;
        }
        table = w->word & D_ADDR;
        walk_table(m, w);
        if (w->fault)
            return;
    }
}

static void fault_record(struct ipmmu_model *m, unsigned context, const struct walk *w)
{
    struct ipmmu_model_context *c = &m->unit[0].context[context];
    if (c->imstr) {
        m->lost++;
    } else {
        c->imstr = w->fault | w->level << STR_LEVEL_SHIFT;
        c->imelar = (uint32_t)w->addr;
        c->imeuar = (uint32_t)(w->addr >> 32);
    }
    m->irq |= (c->imctr & INTEN) != 0;
}

/* Does the micro-TLB hand addresses to a context that translates? */
static bool translates(const struct ipmmu_model *m, unsigned unit, unsigned utlb, unsigned *context)
{
    const struct ipmmu_model_unit *u = &m->unit[unit];
    *context = u->imuctr[utlb] >> TTSEL_SHIFT & 7;
    return (u->imuctr[utlb] & MMUEN) && (u->context[*context].imctr & MMUEN) &&
           (m->unit[0].context[*context].imctr & MMUEN);
}

static uint64_t leaf_offset_mask(unsigned level)
{
    return (UINT64_C(1) << (12 + 9 * (3 - level))) - 1;
}

/* What a micro-TLB holds of a page: its frame, bit 0: writable, bits 8:1: MAIR byte. */
static uint64_t page_word(const struct ipmmu_model *m, unsigned context, const struct walk *w)
{
    const struct ipmmu_model_context *c = &m->unit[0].context[context];
    unsigned attr = w->word >> 2 & 7;
    uint64_t mair = (attr < 4 ? c->immair0 : c->immair1) >> (attr % 4 * 8) & 0xff;
    uint64_t in_block = w->addr & leaf_offset_mask(w->level) & ~UINT64_C(0xfff);
    return (w->word & D_ADDR & ~leaf_offset_mask(w->level)) | in_block | mair << 1 | !(w->ro || (w->word & D_AP2));
}

bool ipmmu_model_dma(struct ipmmu_model *m, unsigned unit, unsigned utlb, uint64_t addr, bool write, maddr_t *out)
{
    struct ipmmu_model_unit *u = &m->unit[unit];
    unsigned context;
    if (unit == 0 || unit >= m->units || utlb >= IPMMU_MODEL_UTLBS)
        abort();
    *out = maddr(addr);
    if (!translates(m, unit, utlb, &context)) {
        m->way = IPMMU_MODEL_BYPASS;
        return true;
    }
    struct ipmmu_model_entry *e = entry_find(u, context, utlb, addr >> 12);
    uint64_t word = e ? e->word : 0;
    if (!e || (write && !(word & 1))) {
        struct walk w = {.addr = addr};
        walk(m, context, &w, write);
        if (w.fault) {
            fault_record(m, context, &w);
            m->way = IPMMU_MODEL_FAULT;
            return false;
        }
        word = page_word(m, context, &w);
        if (e)
            e->word = word;
        else
            entry_add(u, context, utlb, addr >> 12, word);
    }
    m->way = IPMMU_MODEL_TRANSLATED;
    m->attr = (uint8_t)(word >> 1);
    *out = maddr((word & D_ADDR) | (addr & 0xfff));
    return true;
}

/* Registers */

static void check_guard(struct ipmmu_model *m)
{
    unsigned context;
    for (unsigned i = 1; m->guarded && i < m->units; i++) {
        for (unsigned t = 0; t < IPMMU_MODEL_UTLBS; t++) {
            if ((m->masters[i] >> t & 1) && !translates(m, i, t, &context)) {
                violate(m, "window: micro-TLB %u of unit %u lets its master pass: IMUCTR 0x%x, context %u", t, i,
                        m->unit[i].imuctr[t], context);
                return;
            }
        }
    }
}

/* A flush of the main IPMMU that is done ends those under way in the cache IPMMUs. */
static void flush_done(struct ipmmu_model *m, unsigned unit, unsigned context)
{
    m->unit[unit].context[context].imctr &= ~(uint32_t)FLUSH;
    entries_drop(&m->unit[unit], false, context);
    if (unit != 0)
        return;
    m->flushes++;
    for (unsigned i = 1; i < m->units; i++) {
        if (m->unit[i].context[context].imctr & FLUSH)
            flush_done(m, i, context);
    }
}

static void context_check(struct ipmmu_model *m, unsigned n)
{
    const struct ipmmu_model_context *c = &m->unit[0].context[n];
    unsigned tsz = c->imttbcr & 0x1f;
    uint64_t root = (uint64_t)c->imttubr << 32 | c->imttlbr;
    if (!(c->imttbcr & EAE) || (c->imttbcr & ~(EAE | 0xdfu)))
        violate(m, "context %u: IMTTBCR 0x%x, want EAE, SL0 and TSZ0 alone", n, c->imttbcr);
    if ((c->imttbcr >> 6 & 3) != 2)
        violate(m, "context %u: IMTTBCR 0x%x: SL0 is not 2 (level 1)", n, c->imttbcr);
    if (c->imctr & VA64 ? tsz < 25 : tsz > 7)
        violate(m, "context %u: TSZ0 %u does not fit a root of one frame (IMCTR 0x%x)", n, tsz, c->imctr);
    if (root & 0xfff || root >> OUT_BITS)
        violate(m, "context %u: root 0x%llx", n, (unsigned long long)root);
    if (m->unit[0].imsauxctlr & 8)
        violate(m, "IMSAUXCTLR.S2PTE is set: the unit reads stage-2 descriptors");
}

static void imctr_write(struct ipmmu_model *m, unsigned unit, unsigned n, uint32_t v)
{
    struct ipmmu_model_context *c = &m->unit[unit].context[n];
    uint32_t on = v & ~c->imctr & MMUEN;
    if (v & ~(unit ? 7u : VA64 | 7u))
        violate(m, "IMCTR%u of unit %u: 0x%x written, reserved bits", n, unit, v);
    if (on && !(v & FLUSH))
        violate(m, "IMCTR%u of unit %u: turned on without FLUSH", n, unit);
    if (c->imctr & v & MMUEN && (v ^ c->imctr) & VA64)
        violate(m, "IMCTR%u: VA64 changed while the context is on", n);
    c->imctr = v | (c->imctr & FLUSH); /* writing 0 does not stop a flush */
    if (v & FLUSH)
        c->flush_reads = 0;
    if (unit == 0 && on)
        context_check(m, n);
}

static uint32_t imctr_read(struct ipmmu_model *m, unsigned unit, unsigned n)
{
    struct ipmmu_model_context *c = &m->unit[unit].context[n];
    if (c->imctr & FLUSH && !m->flush_hangs && c->flush_reads++ >= m->delay)
        flush_done(m, unit, n);
    return c->imctr;
}

static void imstr_write(struct ipmmu_model *m, struct ipmmu_model_context *c, uint32_t v)
{
    if (v)
        violate(m, "IMSTR: 0x%x written; 0 clears it", v);
    else
        c->imstr = c->imelar = c->imeuar = 0;
}

static void context_write(struct ipmmu_model *m, unsigned unit, unsigned n, unsigned reg, uint32_t v)
{
    struct ipmmu_model_context *c = &m->unit[unit].context[n];
    if (reg == 0x00) {
        imctr_write(m, unit, n, v);
        return;
    }
    if (unit != 0) {
        violate(m, "write to 0x%x of context %u in a cache IPMMU: IMCTR alone exists there", reg, n);
        return;
    }
    if (reg != 0x20 && c->imctr & MMUEN)
        violate(m, "write to 0x%x of context %u while it is on", reg, n);
    switch (reg) {
    case 0x08:
        c->imttbcr = v;
        break;
    case 0x10:
        c->imttlbr = v;
        break;
    case 0x14:
        if (v >> 8)
            violate(m, "IMTTUBR%u: 0x%x written, reserved bits", n, v);
        c->imttubr = v;
        break;
    case 0x20:
        imstr_write(m, c, v);
        break;
    case 0x28:
        c->immair0 = v;
        break;
    case 0x2c:
        c->immair1 = v;
        break;
    default:
        violate(m, "write of 0x%x to 0x%x of context %u: unknown or read-only", v, reg, n);
    }
}

static uint32_t context_read(struct ipmmu_model *m, unsigned unit, unsigned n, unsigned reg)
{
    const struct ipmmu_model_context *c = &m->unit[unit].context[n];
    if (reg == 0x00)
        return imctr_read(m, unit, n);
    if (unit == 0) {
        switch (reg) {
        case 0x08:
            return c->imttbcr;
        case 0x10:
            return c->imttlbr;
        case 0x14:
            return c->imttubr;
        case 0x20:
            return c->imstr;
        case 0x28:
            return c->immair0;
        case 0x2c:
            return c->immair1;
        case 0x30:
            return c->imelar;
        case 0x34:
            return c->imeuar;
        default:
            break;
        }
    }
    violate(m, "read of 0x%x of context %u in unit %u", reg, n, unit);
    return 0;
}

static void imuctr_write(struct ipmmu_model *m, unsigned unit, unsigned t, uint32_t v)
{
    struct ipmmu_model_unit *u = &m->unit[unit];
    if (v & ~0x73u) /* TTSEL 3:0, of which 8 is PMB; FLUSH, MMUEN */
        violate(m, "IMUCTR%u of unit %u: 0x%x written, reserved bits, or not a context", t, unit, v);
    if (v & FLUSH)
        entries_drop(u, true, t);
    u->imuctr[t] = v & ~(uint32_t)FLUSH;
}

/* The micro-TLB whose IMUCTR (or IMUASID, 8 bytes on) is at off: 0x300 on, 0x600 on for 32 and more. */
static bool utlb_find(uint64_t off, unsigned *t)
{
    if (off >= 0x300 && off < 0x500)
        *t = (unsigned)(off - 0x300) / 16;
    else if (off >= 0x600 && off < 0x700)
        *t = 32 + (unsigned)(off - 0x600) / 16;
    else
        return false;
    return (off & 7) == 0;
}

static void access_reg(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct ipmmu_model_unit *u = model;
    struct ipmmu_model *m = u->model;
    unsigned unit = (unsigned)(u - m->unit), t;
    uint32_t v = (uint32_t)*value;

    *value = write ? *value : 0;
    if (width != 4 || off & 3) {
        violate(m, "access of %u bytes at 0x%llx, want 4", width, (unsigned long long)off);
    } else if (off < IPMMU_MODEL_CONTEXTS * 0x40) {
        if (write)
            context_write(m, unit, (unsigned)off / 0x40, off & 0x3f, v);
        else
            *value = context_read(m, unit, (unsigned)off / 0x40, off & 0x3f);
    } else if (unit != 0 && utlb_find(off, &t)) {
        if (!write)
            *value = off & 8 ? u->imuasid[t] : u->imuctr[t];
        else if (off & 8)
            u->imuasid[t] = v;
        else
            imuctr_write(m, unit, t, v);
    } else if (off == 0x500 || (off == 0x504 && unit == 0)) {
        uint32_t *r = off == 0x500 ? &u->imsctlr : &u->imsauxctlr;
        if (write)
            *r = v;
        else
            *value = *r;
    } else {
        violate(m, "%s of 0x%llx in unit %u: no such register", write ? "write" : "read", (unsigned long long)off,
                unit);
    }
    if (write)
        check_guard(m);
}

mmio_t ipmmu_model_mmio(struct ipmmu_model *m, unsigned unit)
{
    if (unit >= m->units)
        abort();
    return (mmio_t){access_reg, &m->unit[unit]};
}

void ipmmu_model_firmware(struct ipmmu_model *m, unsigned unit, unsigned utlb, unsigned context, maddr_t root)
{
    struct ipmmu_model_context *c = &m->unit[0].context[context];
    maddr_t out;
    c->imctr = MMUEN;
    c->imttbcr = EAE | 2u << 6;
    c->imttlbr = (uint32_t)root.v;
    c->imttubr = (uint32_t)(root.v >> 32);
    c->immair0 = 0xff;
    m->unit[unit].context[context].imctr = MMUEN;
    m->unit[unit].imuctr[utlb] = context << TTSEL_SHIFT | MMUEN;
    for (uint64_t a = 0; a < UINT64_C(1) << 32; a += UINT64_C(1) << 30)
        (void)ipmmu_model_dma(m, unit, utlb, a, true, &out); /* cached; a hole leaves a fault behind */
}

void ipmmu_model_init(struct ipmmu_model *m, const struct pool *pool, unsigned units, bool coherent)
{
    size_t size = pool->frames << 12;
    if (units < 2 || units > IPMMU_MODEL_UNITS)
        abort();
    *m = (struct ipmmu_model){.units = units, .pool = pool, .coherent = coherent, .delay = 2};
    for (unsigned i = 0; i < units; i++) {
        m->unit[i].model = m;
        m->masters[i] = (UINT64_C(1) << IPMMU_MODEL_UTLBS) - 1;
    }
    m->mem = coherent ? pool->mem : malloc(size);
    if (!m->mem)
        abort();
    if (!coherent)
        memset(m->mem, 0x5b, size); /* as descriptors: valid tables somewhere else */
    arch_host_reset();
    arch_host.on_clean = on_clean;
    arch_host.ctx = m;
}

void ipmmu_model_fini(struct ipmmu_model *m)
{
    arch_host_reset();
    if (!m->coherent)
        free(m->mem);
}
