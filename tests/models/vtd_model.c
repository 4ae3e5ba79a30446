/* SPDX-License-Identifier: Apache-2.0 */
#include "vtd_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch_host.h"
#include "vtd_model_priv.h"

#define REFILLS 2 /* background accesses of a function at a check */

void vtd_violate(struct vtd_model *m, const char *fmt, ...)
{
    va_list ap;
    if (m->violations++)
        return;
    va_start(ap, fmt);
    vsnprintf(m->violation, sizeof m->violation, fmt, ap);
    va_end(ap);
}

/* Memory */

static void on_clean(void *ctx, const void *p, size_t size)
{
    struct vtd_model *m = ctx;
    uint64_t off = (uint64_t)((const uint8_t *)p - m->pool->mem);
    if (off >= vtd_pool_size(m) || size > vtd_pool_size(m) - off) {
        vtd_violate(m, "clean outside of the pool");
        return;
    }
    uint64_t first = off & ~UINT64_C(63), last = (off + size + 63) & ~UINT64_C(63);
    memcpy(m->cleaned + first, m->pool->mem + first, last - first);
}

/* Watching */

static bool allowed(const struct vtd_model *m, const struct vtd_model_watch *w, uint64_t root, uint16_t id)
{
    return (w->given && root == w->root && id == w->id) || (w->moving && root == w->also_root && id == w->also_id) ||
           (w->leave && m->firmware_may && root - VTD_MODEL_FW < sizeof m->fw && id == VTD_MODEL_FW_DOMAIN);
}

static void check_entry(struct vtd_model *m, const struct vtd_model_watch *w, const uint64_t e[2], const char *how)
{
    if (vtd_context_fault(m, e) == 0 &&
        ((e[0] >> 2 & 3) == TT_PASS || !allowed(m, w, e[0] & ~(uint64_t)PAGE, (uint16_t)(e[1] >> 8))))
        vtd_violate(m, "window: 0x%x has context entry 0x%llx 0x%llx (%s)", w->bdf, (ull)e[0], (ull)e[1], how);
}

static void check_watch(struct vtd_model *m, const struct vtd_model_watch *w)
{
    uint64_t now[2], old[2] = {0, 0}, where = 0;
    for (unsigned i = 0; i < REFILLS; i++) {
        struct way got = vtd_translate(m, w->bdf, w->busy + i * 4096ul, false);
        if (!got.pass || !m->watching || (got.scalable && w->leave && m->firmware_may))
            continue;
        if (got.untranslated || got.scalable)
            vtd_violate(m, "window: 0x%x passes untranslated, GSTS 0x%x", w->bdf, m->gsts);
        else if (!allowed(m, w, got.root, got.id))
            vtd_violate(m, "window: 0x%x passes by the table 0x%llx of domain %u", w->bdf, (ull)got.root, got.id);
    }
    if (!m->watching || !(m->gsts & TE) || m->rtaddr_live >> 10 & 3)
        return;
    if (vtd_context_read(m, vtd_view(m), w->bdf, now, &where) == 0)
        check_entry(m, w, now, "as in memory");
    if (where && vtd_fetch(m, m->before, where, old, 2)) {
        check_entry(m, w, (const uint64_t[2]){now[0], old[1]}, "half written: low word first");
        check_entry(m, w, (const uint64_t[2]){old[0], now[1]}, "half written: high word first");
    }
}

static void check(struct vtd_model *m)
{
    for (unsigned i = 0; i < m->watches; i++)
        check_watch(m, &m->watch[i]);
    memcpy(m->before, vtd_view(m), vtd_pool_size(m));
}

static void on_publish(void *ctx)
{
    check(ctx);
}

struct vtd_model_watch *vtd_model_watch(struct vtd_model *m, uint16_t bdf)
{
    for (unsigned i = 0; i < m->watches; i++) {
        if (m->watch[i].bdf == bdf)
            return &m->watch[i];
    }
    if (m->watches == VTD_MODEL_WATCHES)
        abort();
    m->watch[m->watches] = (struct vtd_model_watch){.bdf = bdf};
    return &m->watch[m->watches++];
}

/* Invalidation (6.5) */

enum { GLOBAL = 1, DOMAIN = 2, NARROW = 3 }; /* granularities; NARROW: device, or page */

static void invalidate_contexts(struct vtd_model *m, unsigned what, uint16_t id, uint16_t bdf, unsigned mask)
{
    static const uint16_t ignored[] = {0, 4, 6, 7};
    for (unsigned i = 0; i < VTD_MODEL_CACHE; i++) {
        struct vtd_model_cc *c = &m->cc[i];
        bool same_id = (c->reason ? 0 : (uint16_t)(c->w[1] >> 8)) == id;
        if (what == GLOBAL || (what == DOMAIN && same_id) ||
            (what == NARROW && same_id && ((c->bdf ^ bdf) & ~ignored[mask]) == 0))
            c->used = false;
    }
    if (what == GLOBAL)
        m->need_cc = false;
}

static void invalidate_pages(struct vtd_model *m, unsigned what, uint16_t id, uint64_t addr)
{
    uint64_t am = addr & 0x3f, first = addr >> 12, count = BIT(am);
    if (what == NARROW && !(m->cap & BIT(39)))
        what = DOMAIN;
    if (what == NARROW && (am > (m->cap >> 48 & 0x3f) || first & (count - 1)))
        vtd_violate(m, "IOTLB invalidation of page 0x%llx with address mask %u", (ull)first, (unsigned)am);
    for (unsigned i = 0; i < VTD_MODEL_CACHE; i++) {
        struct vtd_model_tlb *t = &m->tlb[i];
        if (what == GLOBAL || (t->id == id && (what == DOMAIN || ranges_overlap(first, count, t->bfn, t->frames))))
            t->used = false;
    }
    if (what == GLOBAL && !m->need_cc) /* else a stale context entry can bring it back */
        m->need_tlb = false;
}

static void invalidate_interrupts(struct vtd_model *m, bool selective, uint16_t index, unsigned mask)
{
    for (unsigned i = 0; i < VTD_MODEL_CACHE; i++) {
        if (!selective || (m->iec[i].index ^ index) >> mask == 0)
            m->iec[i].used = false;
    }
    if (!selective)
        m->need_iec = false;
}

static void store32(struct vtd_model *m, uint64_t at, uint32_t v)
{
    uint64_t off = at - (m->pool->first.n << 12);
    if (off >= vtd_pool_size(m)) {
        vtd_violate(m, "a wait command's status goes to 0x%llx, outside of the pool", (ull)at);
        return;
    }
    memcpy(m->pool->mem + off, &v, 4);
    memcpy(m->cleaned + off, &v, 4);
    memcpy(m->mem + off, &v, 4);
}

/* False: the descriptor is invalid (6.5.2). */
static bool command_run(struct vtd_model *m, const uint64_t d[2])
{
    static const uint64_t defined[6][2] = {
        {0, 0}, {0x3ffffffff003f, 0}, {0xffff00ff, ~UINT64_C(0xf80)},
        {0, 0}, {0xfffff800001f, 0},  {0xffffffff0000007f, ~UINT64_C(3)},
    };
    unsigned type = d[0] & 0xf, what = d[0] >> 4 & 3;
    if (type > 5 || defined[type][0] == 0 || d[0] & ~defined[type][0] || d[1] & ~defined[type][1])
        return false;
    if ((type == 1 || type == 2) && what == 0)
        return false;
    if (type == 1)
        invalidate_contexts(m, what, (uint16_t)(d[0] >> 16), (uint16_t)(d[0] >> 32), d[0] >> 48 & 3);
    else if (type == 2)
        invalidate_pages(m, what, (uint16_t)(d[0] >> 16), d[1]);
    else if (type == 4)
        invalidate_interrupts(m, d[0] & 0x10, (uint16_t)(d[0] >> 32), d[0] >> 27 & 31);
    else if (d[0] & 0x20)
        store32(m, d[1], (uint32_t)(d[0] >> 32));
    if (type == 5 && d[0] & 0x10)
        m->ics |= 1;
    return true;
}

static void queue_run(struct vtd_model *m)
{
    uint64_t size = UINT64_C(4096) << (m->iqa & 7), d[2];
    while (m->gsts & QIE && !m->queue_hangs && !(m->fsts & IQE) && m->iqh != m->iqt) {
        bool ok = vtd_fetch(m, vtd_arrived(m), (m->iqa & ~(uint64_t)PAGE) + m->iqh, d, 2);
        if (m->fail_command && --m->fail_command == 0)
            ok = false;
        if (!ok || !command_run(m, d)) {
            bool quiet = m->fsts & 0xff;
            m->fsts |= IQE;
            m->iqercd = ok ? 2 : 1;
            if (!quiet)
                vtd_event(m);
            return;
        }
        m->command[m->commands++ % VTD_MODEL_COMMANDS] = d[0] & 0xf;
        m->iqh = (m->iqh + 16) % size;
        check(m);
    }
}

/* A poll of the driver: of a register, or of memory. */
static void queue_wait(struct vtd_model *m)
{
    if (m->queue_delay && ++m->queue_waited > m->queue_delay)
        queue_run(m);
}

static void on_relax(void *ctx)
{
    queue_wait(ctx);
}

static void by_register(struct vtd_model *m, const char *name)
{
    if (m->gsts & QIE)
        vtd_violate(m, "%s written while the queue is enabled", name);
    m->waited = 0;
}

static void ccmd_done(struct vtd_model *m)
{
    unsigned what = m->ccmd >> 61 & 3;
    invalidate_contexts(m, what, (uint16_t)m->ccmd, (uint16_t)(m->ccmd >> 16), m->ccmd >> 32 & 3);
    m->ccmd = (m->ccmd & ~(BIT(63) | UINT64_C(3) << 59)) | (uint64_t)what << 59;
}

static void iotlb_done(struct vtd_model *m)
{
    unsigned what = m->iotlb >> 60 & 3;
    invalidate_pages(m, what, (uint16_t)(m->iotlb >> 32), m->iva);
    m->iotlb = (m->iotlb & ~(BIT(63) | UINT64_C(3) << 57)) | (uint64_t)what << 57;
}

/* Global commands */

static void table_set(struct vtd_model *m)
{
    m->rtaddr_live = m->rtaddr;
    m->gsts |= SRTP;
    m->need_cc = m->need_tlb = true;
    if (m->cap & VTD_MODEL_CAP_ESRTPS) {
        invalidate_contexts(m, GLOBAL, 0, 0, 0);
        invalidate_pages(m, GLOBAL, 0, 0);
    }
}

static void gcmd_done(struct vtd_model *m)
{
    uint32_t v = m->gcmd, on = v & ~m->gsts & LASTING, off = ~v & m->gsts & LASTING;
    m->pending = false;
    if (v & SRTP)
        table_set(m);
    if (v & SIRTP) {
        m->irta_live = m->irta;
        m->gsts |= SIRTP;
        m->need_iec = true;
    }
    if (v & WBF)
        memcpy(m->mem, vtd_arrived(m), vtd_pool_size(m));
    if (on & TE && (!(m->gsts & SRTP) || m->need_cc || m->need_tlb))
        vtd_violate(m, "translation enabled, but since SRTP the context cache, then the IOTLB were not invalidated "
                       "globally");
    if (on & IRE && (!(m->gsts & SIRTP) || m->need_iec))
        vtd_violate(m, "remapping enabled, but since SIRTP the entry cache was not invalidated globally");
    if ((on & QIE && m->iqt != 0) || (off & QIE && m->iqh != m->iqt))
        vtd_violate(m, "queue switched with IQT 0x%llx, IQH 0x%llx", (ull)m->iqt, (ull)m->iqh);
    if ((on | off) & QIE)
        m->iqh = 0;
    m->gsts = (m->gsts | (on & ~m->never_ack)) & ~(off & ~m->never_ack);
}

static void gcmd_write(struct vtd_model *m, uint32_t v)
{
    uint32_t asked = ((v ^ m->gsts) & LASTING) | (v & ONE_SHOT);
    if (m->pending)
        vtd_violate(m, "GCMD 0x%x before GSTS showed that 0x%x is done", v, m->gcmd);
    if (asked & (asked - 1) || v & ~(LASTING | ONE_SHOT))
        vtd_violate(m, "GCMD 0x%x with GSTS 0x%x: more than one command, or reserved bits", v, m->gsts);
    if (v & (SFL | EAFL) && !(m->cap & BIT(3)))
        vtd_violate(m, "GCMD 0x%x: there is no advanced fault log", v);
    m->gsts &= ~(v & (SRTP | SIRTP)); /* until it is done */
    m->gsts |= m->cap & VTD_MODEL_CAP_RWBF ? v & WBF : 0;
    m->gcmd = v;
    m->pending = asked != 0;
    m->waited = 0;
}

static void gcmd_progress(struct vtd_model *m)
{
    uint32_t stuck = m->gcmd & ONE_SHOT & m->never_ack;
    if (!m->pending || m->waited++ < m->delay || stuck)
        return;
    gcmd_done(m);
    m->gsts &= ~WBF;
    check(m);
}

/* Registers (10.4) */

enum access { RO, RW, WO, W1C };

struct reg {
    uint32_t off;
    uint8_t width;
    enum access access;
    uint64_t mask; /* what a write may set, or clears */
    void *value;
};

static struct reg reg_find(struct vtd_model *m, uint64_t off)
{
    static const uint32_t version = 0x60;
    uint64_t page = ~(uint64_t)PAGE;
    uint32_t iro = (uint32_t)(m->ecap >> 8 & 0x3ff) * 16, fro = (uint32_t)(m->cap >> 24 & 0x3ff) * 16;
    const struct reg regs[] = {
        {0x00, 4, RO, 0, (void *)(uintptr_t)&version},
        {0x08, 8, RO, 0, &m->cap},
        {0x10, 8, RO, 0, &m->ecap},
        {0x18, 4, WO, 0xffffffff, &m->gcmd},
        {0x1c, 4, RO, 0, &m->gsts},
        {0x20, 8, RW, page | 0xc00, &m->rtaddr},
        {0x28, 8, RW, 0xe0000003ffffffff, &m->ccmd},
        {0x34, 4, W1C, 0xf1, &m->fsts},
        {0x38, 4, RW, IM, &m->fectl},
        {0x3c, 4, RW, 0xffffffff, &m->fedata},
        {0x40, 4, RW, 0xfffffffc, &m->feaddr},
        {0x44, 4, RW, 0xffffffff, &m->feuaddr},
        {0x64, 4, RW, EPM, &m->pmen},
        {0x68, 4, RW, 0xffe00000, &m->plmbase},
        {0x6c, 4, RW, 0xffe00000, &m->plmlimit},
        {0x70, 8, RW, ~UINT64_C(0x1fffff), &m->phmbase},
        {0x78, 8, RW, ~UINT64_C(0x1fffff), &m->phmlimit},
        {0x80, 8, RO, 0, &m->iqh},
        {0x88, 8, RW, 0x7fff0, &m->iqt},
        {0x90, 8, RW, page | 7, &m->iqa},
        {0x9c, 4, W1C, 1, &m->ics},
        {0xa0, 4, RW, IM, &m->iectl},
        {0xa4, 4, RW, 0xffffffff, &m->iedata},
        {0xa8, 4, RW, 0xfffffffc, &m->ieaddr},
        {0xac, 4, RW, 0xffffffff, &m->ieuaddr},
        {0xb0, 8, RO, 0, &m->iqercd},
        {0xb8, 8, RW, page | 0xf | (m->ecap & VTD_MODEL_ECAP_EIM ? 0x800 : 0), &m->irta},
        {iro, 8, WO, page | 0x7f, &m->iva},
        {iro + 8, 8, RW, 0xb003ffff00000000, &m->iotlb},
    };
    for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        if (off - regs[i].off < regs[i].width)
            return regs[i];
    }
    uint64_t half = (off - fro) / 8;
    if (off >= fro && half < 2ul * vtd_fault_regs(m))
        return (struct reg){fro + 8 * (uint32_t)half, 8, half & 1 ? W1C : RO, BIT(63), &m->frcd[half / 2][half & 1]};
    return (struct reg){0};
}

static bool due(struct vtd_model *m)
{
    return m->waited++ >= m->delay;
}

static void before_read(struct vtd_model *m, uint32_t off)
{
    uint32_t iro = (uint32_t)(m->ecap >> 8 & 0x3ff) * 16;
    queue_wait(m);
    if (off == 0x1c)
        gcmd_progress(m);
    else if (off == 0x28 && m->ccmd >> 63 && !m->ccmd_hangs && due(m))
        ccmd_done(m);
    else if (off == iro + 8 && m->iotlb >> 63 && !m->iotlb_hangs && due(m))
        iotlb_done(m);
    else if (off == 0x64 && m->pmen >> 31 != (m->pmen & 1) && !m->pmen_hangs && due(m))
        m->pmen ^= 1;
}

static void before_write(struct vtd_model *m, uint32_t off, uint64_t v)
{
    if (off == 0x90 && m->gsts & QIE)
        vtd_violate(m, "IQA written while the queue is enabled");
    if (off == 0x20 && ((v >> 10 & 3) == 2 || ((v >> 10 & 3) == 1 && !(m->ecap & VTD_MODEL_ECAP_SMTS)) ||
                        ((v >> 10 & 3) == 3 && !(m->ecap & VTD_MODEL_ECAP_ADMS))))
        vtd_violate(m, "RTADDR 0x%llx: a mode that the unit does not have", (ull)v);
    if (off == 0x88 && v >= UINT64_C(4096) << (m->iqa & 7))
        vtd_violate(m, "IQT 0x%llx is outside of the queue", (ull)v);
    if (off == 0x28 && v >> 63)
        by_register(m, "CCMD");
    if (off == (m->ecap >> 8 & 0x3ff) * 16 + 8 && v >> 63)
        by_register(m, "IOTLB");
}

static void after_write(struct vtd_model *m, uint32_t off)
{
    m->waited = off == 0x64 ? 0 : m->waited;
    if (off == 0x88) {
        m->queue_waited = 0;
        if (!m->queue_delay)
            queue_run(m);
    } else if (off == 0x38 && (m->fectl & (IM | IP)) == IP) {
        m->fectl &= ~IP;
        m->events++;
    }
}

static void reg_write(struct vtd_model *m, const struct reg *r, uint64_t v, uint64_t lanes)
{
    uint64_t old = 0, next;
    memcpy(&old, r->value, r->width);
    if (r->access == RO || (r->access != W1C && v & ~r->mask)) {
        vtd_violate(m, "0x%llx written to 0x%x: reserved bits, or read-only", (ull)v, r->off);
        return;
    }
    if (r->off == 0x18) {
        gcmd_write(m, (uint32_t)v);
        return;
    }
    next = r->access == W1C ? old & ~(v & r->mask) : (old & ~(lanes & r->mask)) | v;
    before_write(m, r->off, next);
    memcpy(r->value, &next, r->width);
    if (r->access == W1C)
        vtd_fsts_update(m);
    after_write(m, r->off);
}

static void access_reg(void *model, uint64_t off, unsigned width, int write, uint64_t *value)
{
    struct vtd_model *m = model;
    struct reg r = reg_find(m, off);
    if (!r.value || width < 4 || width > r.width || off % width || (!write && r.access == WO)) {
        vtd_violate(m, "%s of %u bytes at 0x%llx", write ? "write" : "read", width, (ull)off);
        return;
    }
    unsigned shift = (unsigned)(off - r.off) * 8;
    uint64_t lanes = (width == 8 ? ~UINT64_C(0) : 0xffffffff) << shift;
    if (write) {
        reg_write(m, &r, *value << shift, lanes);
        check(m);
        return;
    }
    before_read(m, r.off);
    memcpy(value, r.value, r.width);
    *value = (*value & lanes) >> shift;
}

/* Start states */

enum { FW_QUEUE, FW_ROOT, FW_CONTEXTS, FW_L4, FW_L3, FW_L5, FW_IRT, FW_L2 };

static uint64_t *fw_words(struct vtd_model *m, unsigned frame)
{
    return (uint64_t *)(void *)(m->fw + frame * 4096ul);
}

static uint64_t fw_at(unsigned frame)
{
    return VTD_MODEL_FW + frame * 4096ul;
}

/* Identity tables; the root's frame. */
static unsigned fw_tables(struct vtd_model *m)
{
    for (unsigned i = 0; i < 512; i++) {
        if (m->cap & VTD_MODEL_CAP_1G)
            fw_words(m, FW_L3)[i] = (uint64_t)i << 30 | 0x83;
        else if (i < 4)
            fw_words(m, FW_L3)[i] = fw_at(FW_L2 + i) | 3;
        for (unsigned j = 0; j < 4; j++)
            fw_words(m, FW_L2 + j)[i] = (j * UINT64_C(512) + i) << 21 | 0x83;
    }
    fw_words(m, FW_L4)[0] = fw_at(FW_L3) | 3;
    fw_words(m, FW_L5)[0] = fw_at(FW_L4) | 3;
    return m->cap & VTD_MODEL_CAP_SAGAW48 ? FW_L4 : m->cap & VTD_MODEL_CAP_SAGAW39 ? FW_L3 : FW_L5;
}

void vtd_model_firmware(struct vtd_model *m, bool remap, bool queue)
{
    unsigned root = fw_tables(m), aw = root == FW_L4 ? 2 : root == FW_L3 ? 1 : 3;
    for (unsigned i = 0; i < 256; i++) {
        fw_words(m, FW_ROOT)[2 * i] = fw_at(FW_CONTEXTS) | 1;
        fw_words(m, FW_CONTEXTS)[2 * i] = fw_at(root) | 1;
        fw_words(m, FW_CONTEXTS)[2 * i + 1] = VTD_MODEL_FW_DOMAIN << 8 | aw;
        fw_words(m, FW_IRT)[2 * i] = VTD_MODEL_FW_VECTOR << 16 | 1;
    }
    m->rtaddr = m->rtaddr_live = fw_at(FW_ROOT);
    m->gsts |= TE | SRTP;
    if (remap) {
        m->irta = m->irta_live = fw_at(FW_IRT) | 7;
        m->gsts |= IRE | SIRTP;
    }
    if (queue) {
        m->iqa = fw_at(FW_QUEUE);
        m->iqh = m->iqt = 0x20;
        m->gsts |= QIE;
    }
    m->firmware_may = true;
    for (unsigned i = 0; i < m->watches; i++)
        m->watch[i].leave = true;
    check(m);
    for (uint16_t i = 0; remap && i < 8; i++)
        (void)vtd_irte_get(m, i, (uint64_t[2]){0, 0});
}

void vtd_model_firmware_scalable(struct vtd_model *m)
{
    m->ecap |= VTD_MODEL_ECAP_SMTS;
    m->rtaddr = m->rtaddr_live = fw_at(FW_ROOT) | 0x400;
    m->gsts |= TE | SRTP;
    m->firmware_may = true;
    for (unsigned i = 0; i < m->watches; i++)
        m->watch[i].leave = true;
}

void vtd_model_firmware_protect(struct vtd_model *m, uint32_t lo)
{
    m->cap |= BIT(5);
    m->plmbase = m->plmlimit = lo & 0xffe00000;
    m->pmen = EPM | 1;
}

void vtd_model_widths(struct vtd_model *m, uint64_t sagaw)
{
    uint64_t mgaw = sagaw & VTD_MODEL_CAP_SAGAW57 ? 57 : sagaw & VTD_MODEL_CAP_SAGAW48 ? 48 : 39;
    m->cap = (m->cap & ~UINT64_C(0x3f1f00)) | sagaw | (mgaw - 1) << 16;
}

mmio_t vtd_model_mmio(struct vtd_model *m)
{
    return (mmio_t){access_reg, m};
}

void vtd_model_init(struct vtd_model *m, const struct pool *pool, bool is_coherent)
{
    size_t size = pool->frames << 12;
    *m = (struct vtd_model){
        .cap = 0x00d2038c222f0606,
        .ecap = 0x00f00fda | (is_coherent ? VTD_MODEL_ECAP_C : 0),
        .fectl = IM,
        .iectl = IM,
        .rtaddr = 0xdead0000, /* unknown on reset */
        .plmbase = 0x400000,
        .haw = 46,
        .pool = pool,
        .delay = 2,
    };
    m->cleaned = malloc(size);
    m->mem = malloc(size);
    m->before = malloc(size);
    if (!m->cleaned || !m->mem || !m->before)
        abort();
    memset(m->cleaned, 0x5b, size); /* as an entry: present */
    memset(m->mem, 0x5b, size);
    memcpy(m->before, vtd_view(m), size);
    arch_host_reset();
    arch_host.on_publish = on_publish;
    arch_host.on_clean = on_clean;
    arch_host.on_relax = on_relax;
    arch_host.ctx = m;
}

void vtd_model_fini(struct vtd_model *m)
{
    arch_host_reset();
    free(m->cleaned);
    free(m->mem);
    free(m->before);
}
