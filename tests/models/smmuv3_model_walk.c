/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2 of the SMMUv3 model: what a stream table entry says of it (IHI 0070, 5.2), the tables (Arm ARM D8.2
 * and D8.3: VMSAv8-64, 4 KiB granule, no FEAT_LPA2, levels as the manual counts them), the faults (IHI 0070,
 * 7.3), and the TLB (IHI 0070, 3.17 and 4.4).
 */
#include "smmuv3_model.h"

#include <string.h>

#include "smmuv3_model_priv.h"

enum {
    NO_FAULT = 0,
    C_BAD_STE = 0x04,
    F_WALK_EABT = 0x0b,
    F_TRANSLATION = 0x10,
    F_ADDR_SIZE = 0x11,
    F_ACCESS = 0x12,
    F_PERMISSION = 0x13,
};
enum { READS = 1, WRITES = 2 };
#define BIT(n)              (UINT64_C(1) << (n))
#define BITS(n)             (BIT(n) - 1)
#define FIELD(w, high, low) ((unsigned)((w) >> (low)&BITS((high) - (low) + 1)))
#define OUT                 UINT64_C(0x0000fffffffff000) /* the output address of a descriptor */
#define OUT_RES0            UINT64_C(0x000f000000000000) /* 51:48 */

struct stage2 {
    uint16_t vmid;
    unsigned in_bits, out_bits, level; /* where the walk starts */
    uint64_t root;
    bool keeps_af, records; /* S2AFFD, S2R */
};

/* IDR5.OAS and S2PS; with this granule no address has more than 48 bits. */
static unsigned size_of(unsigned code)
{
    static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    return bits[code];
}

static unsigned shift_of(unsigned level)
{
    return 39 - 9 * level;
}

/* D8.2: a start level resolves some bits and, except for level 0, up to four more by concatenated tables. */
static bool start_fits(const struct stage2 *s, unsigned oas)
{
    unsigned shift = shift_of(s->level);
    return s->in_bits >= 25 && s->in_bits <= oas && s->in_bits > shift &&
           s->in_bits - shift <= (s->level == 0 ? 9u : 13u) && (s->level != 0 || oas > 42);
}

/* False: the entry is ILLEGAL. */
static bool stage2_read(struct smmuv3_model *m, const uint64_t ste[8], struct stage2 *s)
{
    unsigned oas = size_of(m->idr5 & 7), ps = size_of(FIELD(ste[2], 50, 48)), sl0 = FIELD(ste[2], 39, 38);
    bool aa64 = FIELD(ste[2], 51, 51), granule_4k = FIELD(ste[2], 47, 46) == 0 && m->idr5 >> 4 & 1;
    if (!aa64 || !granule_4k || sl0 == 3 || FIELD(ste[2], 52, 52) /* big endian */)
        return false;
    *s = (struct stage2){
        .vmid = (uint16_t)ste[2],
        .in_bits = 64 - FIELD(ste[2], 37, 32),
        .out_bits = ps < oas ? ps : oas,
        .level = 2 - sl0,
        .keeps_af = FIELD(ste[2], 53, 53),
        .records = FIELD(ste[2], 58, 58),
    };
    if (s->vmid >> 8 && !(m->idr0 >> 18 & 1))
        smmuv3_violate(m, "VMID %u of a unit with 8 bits of them", s->vmid);
    if (!start_fits(s, oas))
        return false;
    s->root = ste[3] & UINT64_C(0x000ffffffffffff0) & ~(BITS(s->in_bits - shift_of(s->level)) << 3 | 7);
    return s->root >> s->out_bits == 0;
}

/* The descriptor that ends the walk, and its level; or the fault. */
static unsigned walk(struct smmuv3_model *m, const struct stage2 *s, uint64_t addr, uint64_t *d, unsigned *level)
{
    uint64_t at = s->root, index = addr >> shift_of(s->level);
    for (*level = s->level;; index = addr >> shift_of(*level) & 511) {
        const void *p = smmuv3_mem_at(m, m->mem, at + index * 8, 8);
        if (!p)
            return F_WALK_EABT;
        memcpy(d, p, 8);
        if (!(*d & 1) || (!(*d & 2) && (*level == 0 || *level == 3)))
            return F_TRANSLATION;
        at = *d & OUT;
        if (*d & OUT_RES0 || (!(*d & 2) && at & BITS(shift_of(*level))))
            smmuv3_violate(m, "descriptor 0x%llx of level %u: reserved address bits", (unsigned long long)*d, *level);
        if (at >> s->out_bits)
            return F_ADDR_SIZE;
        if (!(*d & 2) || *level == 3)
            return NO_FAULT;
        ++*level;
    }
}

/* Walked, and held from now on where it is no fault: those are never cached. */
static unsigned page_fetch(struct smmuv3_model *m, const struct stage2 *s, uint64_t addr,
                           const struct smmuv3_model_tlb **t)
{
    uint64_t d = 0;
    unsigned level, fault = addr >> s->in_bits ? F_TRANSLATION : walk(m, s, addr, &d, &level);
    if (fault)
        return fault;
    if (!(d & BIT(10)) && !s->keeps_af)
        return F_ACCESS;
    struct smmuv3_model_tlb *to = &m->tlb[m->tlbs++ % MODEL_TLB];
    *to = (struct smmuv3_model_tlb){
        .held = true,
        .vmid = s->vmid,
        .page = addr >> 12,
        .out = ((d & OUT) | (addr & BITS(shift_of(level)))) >> 12,
        .rights = (uint8_t)((d & BIT(6) ? READS : 0) | (d & BIT(7) ? WRITES : 0)),
    };
    *t = to;
    return NO_FAULT;
}

/* 3.17: tagged by VMID alone, so another root of the same VMID is not noticed. */
static unsigned page_get(struct smmuv3_model *m, const struct stage2 *s, uint64_t addr,
                         const struct smmuv3_model_tlb **t)
{
    for (*t = m->tlb; *t < m->tlb + MODEL_TLB; ++*t) {
        if ((*t)->held && (*t)->vmid == s->vmid && (*t)->page == addr >> 12)
            return NO_FAULT;
    }
    return page_fetch(m, s, addr, t);
}

/* 7.3.12 ..: S2, CLASS: IN of the input, TTD of a table. */
static void fault_record(struct smmuv3_model *m, uint32_t sid, unsigned type, uint64_t addr, bool write)
{
    uint64_t class = type == F_WALK_EABT ? 1 : 2;
    uint64_t how = class << 40 | BIT(39) | (write ? 0 : BIT(35));
    smmuv3_model_event(m, (const uint64_t[4]){(uint64_t)sid << 32 | type, how, addr, addr & (OUT | OUT_RES0)});
}

static bool translate(struct smmuv3_model *m, uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    const struct smmuv3_model_tlb *t = NULL;
    struct stage2 s;
    if (!stage2_read(m, smmuv3_model_watch(m, sid)->ste, &s)) {
        smmuv3_model_event(m, (const uint64_t[4]){(uint64_t)sid << 32 | C_BAD_STE});
        return false;
    }
    unsigned fault = page_get(m, &s, addr, &t);
    if (!fault && !(t->rights & (write ? WRITES : READS)))
        fault = F_PERMISSION;
    if (fault) {
        if (s.records || fault == F_WALK_EABT)
            fault_record(m, sid, fault, addr, write);
        return false;
    }
    *out = maddr(t->out << 12 | (addr & 0xfff));
    return true;
}

bool smmuv3_model_dma(struct smmuv3_model *m, uint32_t sid, uint64_t addr, bool write, maddr_t *out)
{
    *out = maddr(addr);
    switch (smmuv3_model_stream(m, sid)) {
    case MODEL_BYPASS:
        return true;
    case MODEL_STAGE2:
        return translate(m, sid, addr, write, out);
    default:
        return false;
    }
}

/* 4.4: an invalidation is complete with the CMD_SYNC behind it; what is fetched meanwhile stays. TLBI_EL2_ALL
 * is for another world's translations, which this model has none of. */
void smmuv3_tlb_command(struct smmuv3_model *m, const uint64_t c[2])
{
    for (struct smmuv3_model_tlb *t = m->tlb; t < m->tlb + MODEL_TLB; t++) {
        switch (c[0] & 0xff) {
        case 0x28:
            t->leaves |= t->vmid == (uint16_t)(c[0] >> 32);
            break;
        case 0x30:
            t->leaves = true;
            break;
        case 0x46:
            t->held = t->held && !t->leaves;
            break;
        default:
            break;
        }
    }
}
