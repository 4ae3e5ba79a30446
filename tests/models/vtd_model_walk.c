/* SPDX-License-Identifier: Apache-2.0 */
#include "vtd_model.h"

#include <string.h>

#include "vtd_model_priv.h"

/* Memory */

static bool vtd_coherent(const struct vtd_model *m)
{
    return m->ecap & VTD_MODEL_ECAP_C;
}

uint8_t *vtd_arrived(struct vtd_model *m)
{
    return vtd_coherent(m) ? m->pool->mem : m->cleaned;
}

/* The pool as a table walk sees it. */
uint8_t *vtd_view(struct vtd_model *m)
{
    return m->cap & VTD_MODEL_CAP_RWBF ? m->mem : vtd_arrived(m);
}

uint64_t vtd_pool_size(const struct vtd_model *m)
{
    return m->pool->frames << 12;
}

bool vtd_fetch(struct vtd_model *m, const uint8_t *image, uint64_t at, uint64_t *w, unsigned words)
{
    uint64_t size = words * 8ul, fw = at - VTD_MODEL_FW, off = at - (m->pool->first.n << 12);
    if (fw < sizeof m->fw && size <= sizeof m->fw - fw)
        memcpy(w, m->fw + fw, size);
    else if (off < vtd_pool_size(m) && size <= vtd_pool_size(m) - off)
        memcpy(w, image + off, size);
    else
        return false;
    return true;
}

/* Faults (7.3, 10.4.14) */

void vtd_event(struct vtd_model *m)
{
    if (m->fectl & IM)
        m->fectl |= IP;
    else
        m->events++;
}

unsigned vtd_fault_regs(const struct vtd_model *m)
{
    unsigned n = (unsigned)(m->cap >> 40 & 0xff) + 1;
    return n < VTD_MODEL_FAULTS ? n : VTD_MODEL_FAULTS;
}

/* PPF and FRI follow the F bits. */
void vtd_fsts_update(struct vtd_model *m)
{
    unsigned n = vtd_fault_regs(m);
    m->fsts &= ~(PPF | 0xff00u);
    for (unsigned i = n; i-- > 0;) {
        unsigned at = (m->fri + i) % n; /* the oldest one last */
        if (m->frcd[at][1] >> 63)
            m->fsts = (m->fsts & ~0xff00u) | PPF | at << 8;
    }
    if (!(m->fsts & 0xff))
        m->fectl &= ~IP;
}

void vtd_model_fault(struct vtd_model *m, uint16_t bdf, uint8_t reason, uint64_t addr, bool read)
{
    bool quiet = m->fsts & 0xff;
    if (m->fsts & PFO) {
        m->lost++;
        return;
    }
    for (unsigned i = 0; m->compress && i < vtd_fault_regs(m); i++) {
        if (m->frcd[i][1] >> 63 && (m->frcd[i][1] & 0xffff) == bdf) {
            m->lost++;
            return;
        }
    }
    if (m->frcd[m->fri][1] >> 63) {
        m->fsts |= PFO;
        m->lost++;
    } else {
        m->frcd[m->fri][0] = addr & ~(uint64_t)PAGE;
        m->frcd[m->fri][1] = BIT(63) | (read ? BIT(62) : 0) | (uint64_t)reason << 32 | bdf;
        m->fri = (uint8_t)((m->fri + 1) % vtd_fault_regs(m));
    }
    vtd_fsts_update(m);
    if (!quiet)
        vtd_event(m);
}

/* Context entries (9.1, 9.3) */

static bool beyond(const struct vtd_model *m, uint64_t at)
{
    return (at & ~(uint64_t)PAGE) >> m->haw;
}

static unsigned domain_bits(const struct vtd_model *m)
{
    return 4 + 2 * (unsigned)(m->cap & 7);
}

/* The fault of an entry, 0: good. */
uint8_t vtd_context_fault(const struct vtd_model *m, const uint64_t w[2])
{
    unsigned tt = w[0] >> 2 & 3, aw = w[1] & 7;
    if (!(w[0] & 1))
        return 2;
    if (w[0] & 0xff0 || beyond(m, w[0]) || w[1] & ~(uint64_t)(0x7f | 0xffff00) ||
        (w[1] >> 8 & 0xffff) >> domain_bits(m))
        return 0xb;
    if (tt == TT_RESERVED || tt == TT_DEVICE_TLB || (tt == TT_PASS && !(m->ecap & VTD_MODEL_ECAP_PT)))
        return 3;
    return m->cap >> 8 & 0x1f & (1u << aw) && aw < 4 ? 0 : 3;
}

/* Root and context entry of a function from an image of memory; 0, or the fault. */
uint8_t vtd_context_read(struct vtd_model *m, const uint8_t *image, uint16_t bdf, uint64_t w[2], uint64_t *where)
{
    uint64_t root[2];
    w[0] = w[1] = 0;
    if (beyond(m, m->rtaddr_live) ||
        !vtd_fetch(m, image, (m->rtaddr_live & ~(uint64_t)PAGE) + (bdf >> 8) * 16u, root, 2))
        return 8;
    if (!(root[0] & 1))
        return 1;
    if (root[0] & 0xffe || root[1] || beyond(m, root[0]))
        return 0xa;
    *where = (root[0] & ~(uint64_t)PAGE) + (bdf & 0xff) * 16u;
    if (!vtd_fetch(m, image, *where, w, 2))
        return 9;
    return vtd_context_fault(m, w);
}

/* From the cache, or read and cached. With CM, faults are cached, too (domain id 0). */
static uint8_t context_get(struct vtd_model *m, uint16_t bdf, uint64_t w[2])
{
    uint64_t where;
    for (unsigned i = 0; i < VTD_MODEL_CACHE; i++) {
        if (m->cc[i].used && m->cc[i].bdf == bdf) {
            memcpy(w, m->cc[i].w, 16);
            return m->cc[i].reason;
        }
    }
    uint8_t reason = vtd_context_read(m, vtd_view(m), bdf, w, &where);
    if (!reason && m->cap & VTD_MODEL_CAP_CM && (w[1] >> 8 & 0xffff) == 0)
        vtd_violate(m, "context entry of 0x%x: domain id 0 is reserved with caching mode", bdf);
    for (unsigned i = 0; !reason && i < VTD_MODEL_CACHE; i++) {
        const struct vtd_model_cc *c = &m->cc[i];
        if (c->used && !c->reason && ((c->w[1] ^ w[1]) & 0xffff00) == 0 && (c->w[0] ^ w[0]) & ~(uint64_t)PAGE)
            vtd_violate(m, "domain id %u has two tables: 0x%llx and 0x%llx (or a stale context entry)",
                        (unsigned)(w[1] >> 8 & 0xffff), (ull)c->w[0], (ull)w[0]);
    }
    if (!reason || m->cap & VTD_MODEL_CAP_CM) {
        m->cc[m->cc_next] = (struct vtd_model_cc){true, bdf, {w[0], w[1]}, reason};
        m->cc_next = (m->cc_next + 1) % VTD_MODEL_CACHE;
    }
    return reason;
}

/* Second-level walk (3.7, 9.8) */

/* Reserved bits of a present entry; level 0: of 4 KiB leaves. */
static bool entry_reserved(const struct vtd_model *m, uint64_t e, unsigned level, bool leaf)
{
    uint64_t bad = 0xfffffffffffff & ~(BIT(m->haw) - 1);
    bool snoop = leaf && m->ecap & VTD_MODEL_ECAP_SC;
    if (!snoop)
        bad |= BIT(11);
    if (level > 0 && e & 0x80) {
        bool able = level < 3 && m->cap >> (33 + level) & 1;
        bad |= able ? (BIT(9 * level) - 1) << 12 : 0x80;
    }
    return e & bad;
}

/* Fills t for the page of addr. 0, or the fault. */
static uint8_t walk(struct vtd_model *m, const uint64_t ce[2], uint64_t addr, bool write, struct vtd_model_tlb *t)
{
    unsigned level = (unsigned)(ce[1] & 7) + 1;
    uint64_t at = ce[0] & ~(uint64_t)PAGE, e;
    uint8_t rights = 3;
    for (;; level--) {
        if (!vtd_fetch(m, vtd_view(m), at + (addr >> (12 + 9 * level) & 511) * 8, &e, 1))
            return 7;
        bool leaf = level == 0 || e & 0x80;
        rights &= e & 3;
        if (!(e & 3) || !(e & (write ? 2 : 1)))
            return write ? 5 : 6;
        if (entry_reserved(m, e, level, leaf))
            return 0xc;
        at = e & 0xffffffffff000;
        if (!leaf)
            continue;
        uint64_t frames = BIT(9 * level);
        *t = (struct vtd_model_tlb){.used = true,
                                    .id = (uint16_t)(ce[1] >> 8),
                                    .root = ce[0] & ~(uint64_t)PAGE,
                                    .bfn = addr >> 12 & ~(frames - 1),
                                    .frames = frames,
                                    .out = at >> 12,
                                    .rights = rights};
        return 0;
    }
}

/* By the IOTLB, or walked and cached. */
static void page_get(struct vtd_model *m, const uint64_t ce[2], uint64_t addr, bool write, struct way *w)
{
    struct vtd_model_tlb t, *hit = NULL;
    uint8_t need = write ? 2 : 1;
    for (unsigned i = 0; i < VTD_MODEL_CACHE && !hit; i++) {
        struct vtd_model_tlb *c = &m->tlb[i];
        if (c->used && c->id == w->id && (addr >> 12) - c->bfn < c->frames && c->rights & need)
            hit = c;
    }
    if (!hit) {
        uint8_t reason = walk(m, ce, addr, write, &t);
        if (reason)
            t = (struct vtd_model_tlb){.used = true,
                                       .id = w->id,
                                       .root = ce[0] & ~(uint64_t)PAGE,
                                       .bfn = addr >> 12,
                                       .frames = 1,
                                       .rights = need,
                                       .reason = reason};
        hit = &t;
        if (!reason || m->cap & VTD_MODEL_CAP_CM) {
            m->tlb[m->tlb_next] = t;
            m->tlb_next = (m->tlb_next + 1) % VTD_MODEL_CACHE;
        }
    }
    w->root = hit->root;
    w->reason = hit->reason;
    w->pass = !hit->reason;
    w->out = ((hit->out + ((addr >> 12) - hit->bfn)) << 12) + (addr & PAGE);
}

/* 10.4.16: with translation on, hardware may go on blocking what is protected. */
static bool is_protected(const struct vtd_model *m, uint64_t at)
{
    bool low = m->cap & BIT(5) && at >= m->plmbase && at <= (m->plmlimit | 0x1fffffu);
    bool high = m->cap & BIT(6) && at >= m->phmbase && at <= (m->phmlimit | 0x1fffffu);
    return m->pmen & 1 && (low || high);
}

struct way vtd_translate(struct vtd_model *m, uint16_t bdf, uint64_t addr, bool write)
{
    struct way w = {.out = addr};
    uint64_t ce[2];
    unsigned mode = m->rtaddr_live >> 10 & 3;
    if (!(m->gsts & TE)) {
        w.pass = w.untranslated = true;
    } else if (mode == 1) {
        w.pass = w.scalable = true;
    } else if (mode == 0) {
        w.reason = context_get(m, bdf, ce);
        w.fpd = ce[0] & 2;
        w.id = (uint16_t)(ce[1] >> 8);
        unsigned bits = 30 + 9 * (unsigned)(ce[1] & 7), mgaw = (unsigned)(m->cap >> 16 & 0x3f) + 1;
        if (!w.reason && (addr >> (bits < mgaw ? bits : mgaw)) != 0)
            w.reason = 4;
        else if (!w.reason && (ce[0] >> 2 & 3) == TT_PASS)
            w.pass = w.untranslated = true;
        else if (!w.reason)
            page_get(m, ce, addr, write, &w);
    }
    if (w.pass && is_protected(m, w.out))
        w.pass = false;
    return w;
}

bool vtd_model_dma(struct vtd_model *m, uint16_t bdf, uint64_t addr, bool write, maddr_t *out)
{
    if (addr >> 20 == 0xfee)
        return false;
    struct way w = vtd_translate(m, bdf, addr, write);
    bool qualified = w.reason != 1 && w.reason != 8 && w.reason != 9 && w.reason != 0xa;
    if (w.reason && !(qualified && w.fpd))
        vtd_model_fault(m, bdf, w.reason, addr, !write);
    *out = maddr(w.out);
    return w.pass;
}

/* Interrupts (5.1) */

/* 9.10: 0, or the fault. */
static uint8_t irte_fault(const uint64_t w[2], uint16_t bdf, bool eim)
{
    static const uint16_t ignored[] = {0, 4, 6, 7};
    unsigned svt = w[1] >> 18 & 3;
    uint16_t sid = (uint16_t)w[1];
    if (!(w[0] & 1))
        return 0x22;
    if (w[0] & (eim ? 0xff00f000 : 0xffff00ffff00f000) || w[1] >> 20 || svt == 3)
        return 0x24;
    if (svt == 1 && (sid ^ bdf) & ~ignored[w[1] >> 16 & 3])
        return 0x26;
    if (svt == 2 && (bdf >> 8 < sid >> 8 || bdf >> 8 > (sid & 0xff)))
        return 0x26;
    return 0;
}

bool vtd_irte_get(struct vtd_model *m, uint16_t index, uint64_t w[2])
{
    for (unsigned i = 0; i < VTD_MODEL_CACHE; i++) {
        if (m->iec[i].used && m->iec[i].index == index) {
            memcpy(w, m->iec[i].w, 16);
            return true;
        }
    }
    if (!vtd_fetch(m, vtd_view(m), (m->irta_live & ~(uint64_t)PAGE) + index * 16ul, w, 2))
        return false;
    if (w[0] & 1 || m->cap & VTD_MODEL_CAP_CM) {
        m->iec[m->iec_next] = (struct vtd_model_iec){true, index, {w[0], w[1]}};
        m->iec_next = (m->iec_next + 1) % VTD_MODEL_CACHE;
    }
    return true;
}

bool vtd_model_interrupt(struct vtd_model *m, uint16_t bdf, uint32_t addr, uint32_t data, struct vtd_model_irq *out)
{
    bool eim = m->irta_live & 0x800;
    uint32_t index = addr & 0x10 ? (addr >> 5 & 0x7fff) | (addr >> 2 & 1) << 15 : 0;
    uint64_t w[2] = {0, 0};
    uint8_t reason = 0;
    if (addr >> 20 != 0xfee)
        return false;
    if (!(m->gsts & IRE) || (!(addr & 0x10) && m->gsts & CFI && !eim)) {
        *out = (struct vtd_model_irq){.vector = (uint8_t)data,
                                      .delivery = data >> 8 & 7,
                                      .logical = addr & 4,
                                      .level = data & 0x8000,
                                      .apic = addr >> 12 & 0xff};
        return true;
    }
    if (!(addr & 0x10)) {
        reason = 0x25;
    } else {
        index += addr & 8 ? data & 0xffff : 0;
        if (addr & 8 && data >> 16)
            reason = 0x20;
        else if (index >= 2u << (m->irta_live & 0xf))
            reason = 0x21;
        else
            reason = vtd_irte_get(m, (uint16_t)index, w) ? irte_fault(w, bdf, eim) : 0x23;
    }
    if (reason) {
        bool qualified = reason == 0x22 || reason == 0x24 || reason == 0x26;
        if (!(qualified && w[0] & 2))
            vtd_model_fault(m, bdf, reason, (uint64_t)index << 48, false);
        return false;
    }
    *out = (struct vtd_model_irq){.remapped = true,
                                  .vector = (uint8_t)(w[0] >> 16),
                                  .delivery = w[0] >> 5 & 7,
                                  .logical = w[0] & 4,
                                  .level = w[0] & 0x10,
                                  .apic = (uint32_t)(w[0] >> (eim ? 32 : 40)) & (eim ? 0xffffffff : 0xff)};
    return true;
}
