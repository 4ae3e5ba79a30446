/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/smmuv3.h"

#include <string.h>

#include "iommu/smmuv3_regs.h"
#include "iommu/wait.h"
#include "pool.h"

#define STES         (1u << SMMUV3_SPLIT)
#define CMDQ_ENTRIES (1u << SMMUV3_CMDQ_LOG2)
#define CMDQ_MASK    (2 * CMDQ_ENTRIES - 1) /* index and wrap bit */
#define EVTQ_ENTRIES (1u << SMMUV3_EVTQ_LOG2)
#define EVTQ_MASK    (2 * EVTQ_ENTRIES - 1)
#define L1_SPAN      (SMMUV3_SPLIT + 1u) /* 5.1: 2^(Span - 1) entries */

/* 6.3.9: a changed field takes effect when CR0ACK shows it. */
static err_t cr0_set(mmio_t base, uint32_t value, struct diag *d)
{
    smmu_write_cr0(base, value);
    if (iommu_wait_for(base, smmu_read_cr0ack, UINT32_MAX, value))
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT,
                     "smmuv3: CR0ACK stays 0x%x after 0x%x was written to CR0, want the same within 100 ms",
                     smmu_read_cr0ack(base), value);
}

static err_t irq_ctrl_set(mmio_t base, uint32_t value, struct diag *d)
{
    smmu_write_irq_ctrl(base, value);
    if (iommu_wait_for(base, smmu_read_irq_ctrlack, UINT32_MAX, value))
        return ERR_NONE;
    return diag_fail(d, ERR_TIMEOUT, "smmuv3: IRQ_CTRLACK stays 0x%x, want 0x%x within 100 ms",
                     smmu_read_irq_ctrlack(base), value);
}

/* Probe */

/* What the unit must say: register (0: IDR0, 1: IDR1, 5: IDR5) & mask == want. */
static const struct {
    uint8_t idr;
    uint32_t mask, want;
    const char *what;
} needs[] = {
    {0, SMMU_IDR0_S2P, SMMU_IDR0_S2P, "stage 2 translation (S2P 1)"},
    {0, SMMU_IDR0_TTF_AARCH64, SMMU_IDR0_TTF_AARCH64, "AArch64 translation tables (TTF 2 or 3)"},
    {0, SMMU_IDR0_TTENDIAN_BE, 0, "little-endian translation tables (TTENDIAN 0 or 2)"},
    {0, SMMU_IDR0_STALL_FORCED, 0, "faults that terminate (STALL_MODEL 0 or 1)"},
    {0, SMMU_IDR0_ST_LEVEL, SMMU_IDR0_ST_LEVEL_2, "two-level stream tables (ST_LEVEL 1)"},
    {1, SMMU_IDR1_TABLES_PRESET, 0, "a stream table that software places (TABLES_PRESET 0)"},
    {1, SMMU_IDR1_QUEUES_PRESET, 0, "queues that software places (QUEUES_PRESET 0)"},
    {5, SMMU_IDR5_GRAN4K, SMMU_IDR5_GRAN4K, "the 4 KiB granule (GRAN4K 1)"},
};

err_t smmuv3_probe(struct board_iommu *b, mmio_t base, struct diag *d)
{
    unsigned long long at = b->base.v;
    if (b->size < SMMU_REGS_SIZE)
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: its reg has 0x%llx bytes, want at least 0x%x", at,
                         (unsigned long long)b->size, SMMU_REGS_SIZE);

    uint32_t idr[6] = {[0] = smmu_read_idr0(base), [1] = smmu_read_idr1(base), [5] = smmu_read_idr5(base)};
    for (unsigned i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        uint32_t v = idr[needs[i].idr];
        if ((v & needs[i].mask) != needs[i].want)
            return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: IDR%u is 0x%x, it lacks %s", at, needs[i].idr, v,
                             needs[i].what);
    }
    if (SMMU_IDR1_CMDQS(idr[1]) < SMMUV3_CMDQ_LOG2 || SMMU_IDR1_EVENTQS(idr[1]) < SMMUV3_EVTQ_LOG2)
        return diag_fail(d, ERR_INVALID,
                         "smmuv3 at 0x%llx: IDR1 is 0x%x: queues of 2^%u commands and 2^%u events, want 2^%u and 2^%u",
                         at, idr[1], SMMU_IDR1_CMDQS(idr[1]), SMMU_IDR1_EVENTQS(idr[1]), SMMUV3_CMDQ_LOG2,
                         SMMUV3_EVTQ_LOG2);
    if (SMMU_IDR5_OAS(idr[5]) >= sizeof smmuv3_pa_bits)
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: IDR5 is 0x%x: OAS %u is not known, want 0 to 6", at, idr[5],
                         SMMU_IDR5_OAS(idr[5]));

    uint32_t sid_bits = SMMU_IDR1_SIDSIZE(idr[1]);
    uint8_t oas = smmuv3_pa_bits[SMMU_IDR5_OAS(idr[5])];
    b->sid_bits = (uint8_t)(sid_bits < SMMUV3_SID_BITS_MAX ? sid_bits : SMMUV3_SID_BITS_MAX);
    b->out_bits = oas < 48 ? oas : 48; /* 52 bits need a 64 KiB granule or S2DS */
    b->in_bits = b->out_bits;          /* 3.4: IPAs are as wide as the output; S2T0SZ >= 64 - OAS */
    b->stage2 = true;
    b->coherent = b->coherent && (idr[0] & SMMU_IDR0_COHACC);
    b->domain_bits = idr[0] & SMMU_IDR0_VMID16 ? 16 : 8;
    return ERR_NONE;
}

err_t smmuv3_block(mmio_t base, struct diag *d)
{
    if (!iommu_wait_for(base, smmu_read_gbpa, SMMU_GBPA_UPDATE, 0))
        return diag_fail(d, ERR_TIMEOUT, "smmuv3: GBPA.Update is still set after 100 ms: an update of firmware hangs");
    smmu_write_gbpa(base, smmu_read_gbpa(base) | SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
    if (!iommu_wait_for(base, smmu_read_gbpa, SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT, SMMU_GBPA_ABORT))
        return diag_fail(d, ERR_TIMEOUT,
                         "smmuv3: GBPA is 0x%x, want ABORT set and Update clear within 100 ms: streams "
                         "would pass untranslated",
                         smmu_read_gbpa(base));
    err_t e = cr0_set(base, 0, d);
    return e ? e : irq_ctrl_set(base, 0, d);
}

/* Memory that the unit reads */

static void clean(const struct smmuv3 *s, const void *p, size_t size)
{
    if (!s->coherent)
        arch_clean(p, size);
}

/* Make what was stored to [p, p + size) visible to the unit before anything that comes after. */
static void publish(const struct smmuv3 *s, const void *p, size_t size)
{
    clean(s, p, size);
    arch_publish();
}

static uint64_t l1_entries(uint8_t sid_bits)
{
    return sid_bits > SMMUV3_SPLIT ? UINT64_C(1) << (sid_bits - SMMUV3_SPLIT) : 1;
}

static uint64_t l1_frames(uint8_t sid_bits)
{
    return frames_of(l1_entries(sid_bits) * sizeof(uint64_t));
}

uint64_t smmuv3_unit_frames(uint8_t sid_bits, uint64_t used)
{
    uint64_t l1 = l1_frames(sid_bits), last = used + l1 - 1;
    return last - last % l1 - used + l1 + 3; /* what is skipped, level 1, quiet, two queues */
}

uint64_t smmuv3_stream_frames(const uint32_t *sid, uint32_t count)
{
    uint64_t frames = 0;
    for (uint32_t i = 0; i < count; i++)
        frames += i == 0 || sid[i] >> SMMUV3_SPLIT != sid[i - 1] >> SMMUV3_SPLIT;
    return frames;
}

static uint64_t *l1_entry(const struct smmuv3 *s, uint32_t sid)
{
    return (uint64_t *)pool_ptr(s->pool, s->l1) + (sid >> SMMUV3_SPLIT);
}

static uint64_t l1_word(mfn_t l2)
{
    return mfn_addr(l2).v | L1_SPAN;
}

/* The stream's entry in a table of its own group, or NULL where it has none. */
static struct smmuv3_ste *ste_find(const struct smmuv3 *s, uint32_t sid)
{
    uint64_t word = *l1_entry(s, sid);
    if (word == 0 || word == l1_word(s->quiet))
        return NULL;
    return (struct smmuv3_ste *)pool_ptr(s->pool, mfn(word >> FRAME_SHIFT)) + sid % STES;
}

static void word_store(const struct smmuv3 *s, uint64_t *p, uint64_t word)
{
    __atomic_store_n(p, word, __ATOMIC_RELAXED);
    publish(s, p, sizeof *p);
}

/* A level-2 table whose streams all abort. */
static err_t l2_take(struct smmuv3 *s, mfn_t *l2, struct diag *d)
{
    if (!pool_take(s->pool, 1, false, l2))
        return diag_fail(d, ERR_NO_SPACE, "smmuv3 at 0x%llx: no frame left for a level-2 stream table",
                         (unsigned long long)s->at.v);
    struct smmuv3_ste *ste = pool_ptr(s->pool, *l2);
    for (unsigned i = 0; i < STES; i++)
        ste[i].w[0] = smmuv3_ste_abort().w[0]; /* the rest is zero */
    publish(s, ste, FRAME_SIZE);
    return ERR_NONE;
}

/* Commands */

static void cmdq_store(struct smmuv3 *s, uint32_t prod, struct smmuv3_cmd cmd)
{
    struct smmuv3_cmd *entry = (struct smmuv3_cmd *)pool_ptr(s->pool, s->cmdq) + prod % CMDQ_ENTRIES;
    *entry = cmd;
    clean(s, entry, sizeof *entry);
}

static bool cmdq_failed(const struct smmuv3 *s)
{
    return (smmu_read_gerror(s->base) ^ smmu_read_gerrorn(s->base)) & SMMU_GERROR_CMDQ;
}

/* 7.1: the unit stopped at the command that CONS names; a CMD_SYNC in its place lets it go on. */
static void cmdq_recover(struct smmuv3 *s)
{
    cmdq_store(s, smmu_read_cmdq_cons(s->base), smmuv3_cmd_sync());
    arch_publish();
    smmu_write_gerrorn(s->base, smmu_read_gerrorn(s->base) ^ SMMU_GERROR_CMDQ);
}

/* Wait until the unit has taken every command. *error: CONS.ERR of a command that failed, else 0. */
static bool cmdq_drain(struct smmuv3 *s, uint32_t *error)
{
    uint64_t start = arch_ticks();
    *error = 0;
    for (;;) {
        bool over = iommu_wait_is_over(start);
        uint32_t cons = smmu_read_cmdq_cons(s->base);
        if ((cons & CMDQ_MASK) == s->cmd_prod)
            return true;
        if (over)
            return false;
        if (SMMU_CMDQ_CONS_ERR(cons) && cmdq_failed(s)) {
            *error = SMMU_CMDQ_CONS_ERR(cons);
            cmdq_recover(s);
        }
        arch_relax();
    }
}

/* Run commands and a CMD_SYNC behind them to completion. At most a few: they fit an empty queue. */
static err_t cmdq_run(struct smmuv3 *s, const struct smmuv3_cmd *cmds, uint32_t count, struct diag *d)
{
    uint32_t error;
    if (cmdq_drain(s, &error)) { /* what an earlier time-out left behind */
        for (uint32_t i = 0; i < count; i++)
            cmdq_store(s, s->cmd_prod + i, cmds[i]);
        cmdq_store(s, s->cmd_prod + count, smmuv3_cmd_sync());
        s->cmd_prod = (s->cmd_prod + count + 1) & CMDQ_MASK;
        arch_publish();
        smmu_write_cmdq_prod(s->base, s->cmd_prod);
        if (cmdq_drain(s, &error)) {
            if (error == 0)
                return ERR_NONE;
            return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: a command failed: CMDQ_CONS.ERR %u (%s)",
                             (unsigned long long)s->at.v, error,
                             error == 1   ? "illegal command"
                             : error == 2 ? "the queue cannot be read"
                                          : "see IHI 0070, 7.1");
        }
    }
    return diag_fail(d, ERR_TIMEOUT,
                     "smmuv3 at 0x%llx: CMD_SYNC did not complete within 100 ms: CMDQ_CONS 0x%x, PROD 0x%x",
                     (unsigned long long)s->at.v, smmu_read_cmdq_cons(s->base), s->cmd_prod);
}

/* Set up and enable */

static err_t setup_check(const struct board_iommu *b, mmio_t base, const struct pool *pool, struct diag *d)
{
    unsigned long long at = b->base.v;
    if (smmu_read_cr0ack(base) || !(smmu_read_gbpa(base) & SMMU_GBPA_ABORT))
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: CR0ACK 0x%x, GBPA 0x%x: set up before it was blocked", at,
                         smmu_read_cr0ack(base), smmu_read_gbpa(base));
    if ((pool->first.n + pool->frames - 1) >> (b->out_bits - FRAME_SHIFT))
        return diag_fail(d, ERR_INVALID,
                         "smmuv3 at 0x%llx: it addresses %u bits, the frames for its tables end at 0x%llx", at,
                         b->out_bits, (unsigned long long)mfn_addr(mfn(pool->first.n + pool->frames)).v);
    uint32_t active = smmu_read_gerror(base) ^ smmu_read_gerrorn(base);
    if (active & SMMU_GERROR_SFM)
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: in service failure mode (GERROR.SFM_ERR), it needs a reset",
                         at);
    return ERR_NONE;
}

/* Every base and attribute, with the unit, its queues and interrupts off. */
static void setup_registers(const struct smmuv3 *s)
{
    mmio_t base = s->base;
    smmu_write_cr1(base, s->coherent ? SMMU_CR1_COHERENT : 0);
    smmu_write_cr2(base, SMMU_CR2_RECINVSID | SMMU_CR2_PTM);
    smmu_write_strtab_base(base, mfn_addr(s->l1).v);
    smmu_write_strtab_base_cfg(base, SMMU_STRTAB_CFG(s->sid_bits, SMMUV3_SPLIT));
    smmu_write_cmdq_base(base, mfn_addr(s->cmdq).v | SMMUV3_CMDQ_LOG2);
    smmu_write_cmdq_prod(base, 0);
    smmu_write_cmdq_cons(base, 0);
    smmu_write_eventq_base(base, mfn_addr(s->evtq).v | SMMUV3_EVTQ_LOG2);
    smmu_write_eventq_prod(base, 0);
    smmu_write_eventq_cons(base, 0);
    /* Wired interrupts only: what firmware left in these is an address to write to. */
    if (s->idr0 & SMMU_IDR0_MSI) {
        smmu_write_gerror_irq_cfg0(base, 0);
        smmu_write_eventq_irq_cfg0(base, 0);
    }
    smmu_write_gerrorn(base, smmu_read_gerror(base));
}

static err_t setup_frames(struct smmuv3 *s, struct diag *d)
{
    uint64_t frames = l1_frames(s->sid_bits);
    if (!pool_take(s->pool, frames, true, &s->l1) || !pool_take(s->pool, 1, false, &s->cmdq) ||
        !pool_take(s->pool, 1, false, &s->evtq))
        return diag_fail(d, ERR_NO_SPACE, "smmuv3 at 0x%llx: no frames left for its stream table and queues",
                         (unsigned long long)s->at.v);
    publish(s, pool_ptr(s->pool, s->l1), frames << FRAME_SHIFT);
    publish(s, pool_ptr(s->pool, s->cmdq), FRAME_SIZE);
    publish(s, pool_ptr(s->pool, s->evtq), FRAME_SIZE);
    return l2_take(s, &s->quiet, d);
}

err_t smmuv3_setup(struct smmuv3 *s, const struct board_iommu *b, mmio_t base, struct pool *pool, struct diag *d)
{
    err_t e = setup_check(b, base, pool, d);
    if (e)
        return e;
    *s = (struct smmuv3){
        .base = base,
        .at = b->base,
        .coherent = b->coherent,
        .sid_bits = b->sid_bits,
        .out_bits = b->out_bits,
        .idr0 = smmu_read_idr0(base),
        .ste_flags = (b->coherent ? SMMUV3_WALK_CACHED : 0) |
                     (smmu_read_idr1(base) & SMMU_IDR1_ATTR_TYPES_OVR ? SMMUV3_SHCFG : 0),
        .pool = pool,
    };
    e = setup_frames(s, d);
    if (e) {
        s->pool = NULL; /* not set up */
        return e;
    }
    setup_registers(s);
    return ERR_NONE;
}

static err_t enable_locked(struct smmuv3 *s, struct diag *d)
{
    /* With ATS the default lets translated requests pass unchecked (6.3.9, ATSCHK). */
    uint32_t cr0 = SMMU_CR0_CMDQEN | (s->idr0 & SMMU_IDR0_ATS ? SMMU_CR0_ATSCHK : 0);
    struct smmuv3_cmd flush[3] = {smmuv3_cmd_cfgi_all(), smmuv3_cmd_tlbi_nsnh_all(), smmuv3_cmd_tlbi_el2_all()};

    err_t e = cr0_set(s->base, cr0, d);
    if (!e)
        e = cmdq_run(s, flush, s->idr0 & SMMU_IDR0_HYP ? 3 : 2, d);
    cr0 |= SMMU_CR0_EVENTQEN;
    if (!e)
        e = cr0_set(s->base, cr0, d);
    if (!e)
        e = irq_ctrl_set(s->base, SMMU_IRQ_EVENTQ | SMMU_IRQ_GERROR, d);
    if (!e)
        e = cr0_set(s->base, cr0 | SMMU_CR0_SMMUEN, d);
    s->enabled = !e;
    return e;
}

err_t smmuv3_enable(struct smmuv3 *s, struct diag *d)
{
    if (!s->pool || s->enabled)
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: enabled before it was set up, or twice",
                         (unsigned long long)s->at.v);
    lock_take(&s->lock);
    err_t e = enable_locked(s, d);
    lock_give(&s->lock);
    return e;
}

/* Streams */

static err_t stream_check(const struct smmuv3 *s, uint32_t sid, struct diag *d)
{
    if (!s->pool)
        return diag_fail(d, ERR_INVALID, "smmuv3: stream 0x%x given to a unit that was not set up", sid);
    if (sid >> s->sid_bits)
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: stream 0x%x does not fit its %u stream id bits",
                         (unsigned long long)s->at.v, sid, s->sid_bits);
    return ERR_NONE;
}

/* Arm ARM D8.2: a root of level 2 (39 bits a frame) or 3 (48 bits), level 2 with up to 16 concatenated. */
static err_t stage2_check(const struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *s2, struct diag *d)
{
    unsigned bits = s2->shape.in_bits, level = s2->shape.root_level;
    bool shape_ok = (level == 2 && bits >= 31 && bits <= 43) || (level == 3 && bits >= 40 && bits <= 48);
    if (!shape_ok || bits > s->out_bits)
        return diag_fail(d, ERR_INVALID,
                         "smmuv3 at 0x%llx: stream 0x%x: %u input bits from a level-%u root, want 31..43 at level 2 or "
                         "40..48 at level 3, and at most %u",
                         (unsigned long long)s->at.v, sid, bits, level, s->out_bits);
    uint64_t align = FRAME_SIZE << (level == 2 && bits > 39 ? bits - 39 : 0);
    if (s2->pa_bits < 32 || s2->pa_bits > s->out_bits || s2->root.v & (align - 1) || s2->root.v >> s2->pa_bits)
        return diag_fail(d, ERR_INVALID,
                         "smmuv3 at 0x%llx: stream 0x%x: root 0x%llx and %u address bits, want 0x%llx alignment and "
                         "32..%u bits",
                         (unsigned long long)s->at.v, sid, (unsigned long long)s2->root.v, s2->pa_bits,
                         (unsigned long long)align, s->out_bits);
    if (s2->vmid >> 8 && !(s->idr0 & SMMU_IDR0_VMID16))
        return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: stream 0x%x: VMID %u, want at most 255",
                         (unsigned long long)s->at.v, sid, s2->vmid);
    return ERR_NONE;
}

/* After a change of the stream table: only an enabled unit can hold anything of it. */
static err_t invalidate(struct smmuv3 *s, const struct smmuv3_cmd *cmds, uint32_t count, struct diag *d)
{
    return s->enabled ? cmdq_run(s, cmds, count, d) : ERR_NONE;
}

/* The stream's entry; its group takes a table where it has none. */
static err_t ste_take(struct smmuv3 *s, uint32_t sid, struct smmuv3_ste **ste, struct diag *d)
{
    struct smmuv3_cmd cfgi = smmuv3_cmd_cfgi_all();
    mfn_t l2;
    *ste = ste_find(s, sid);
    if (*ste)
        return ERR_NONE;
    err_t e = l2_take(s, &l2, d);
    if (e)
        return e;
    word_store(s, l1_entry(s, sid), l1_word(l2));
    *ste = ste_find(s, sid);
    return invalidate(s, &cfgi, 1, d);
}

static err_t ste_abort(struct smmuv3 *s, uint32_t sid, struct smmuv3_ste *ste, struct diag *d)
{
    struct smmuv3_cmd cfgi = smmuv3_cmd_cfgi_ste(sid);
    word_store(s, &ste->w[0], smmuv3_ste_abort().w[0]);
    return invalidate(s, &cfgi, 1, d);
}

/*
 * 3.21.3.1: all words but the first while the entry aborts, then the first, each seen by the unit before the
 * next. It is made to abort whatever it says: an invalidation may have failed since it was written.
 */
static err_t ste_write(struct smmuv3 *s, uint32_t sid, struct smmuv3_ste *ste, const struct smmuv3_ste *want,
                       struct diag *d)
{
    struct smmuv3_cmd cmds[2] = {smmuv3_cmd_cfgi_ste(sid), smmuv3_cmd_tlbi_s12_vmall((uint16_t)want->w[2])};
    err_t e = ste_abort(s, sid, ste, d);
    if (e)
        return e;
    for (unsigned i = 1; i < 8; i++)
        ste->w[i] = want->w[i];
    publish(s, ste, sizeof *ste);
    e = invalidate(s, cmds, 2, d);
    if (e)
        return e;
    word_store(s, &ste->w[0], want->w[0]);
    return invalidate(s, cmds, 1, d);
}

static err_t attach_locked(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *s2, struct diag *d)
{
    struct smmuv3_ste want = smmuv3_ste_stage2(s2, s->ste_flags), *ste;
    err_t e = ste_take(s, sid, &ste, d);
    if (e)
        return e;
    if (smmuv3_ste_is_silent(ste))
        return ste_write(s, sid, ste, &want, d);
    if (memcmp(ste, &want, sizeof want) == 0)
        return ERR_NONE;
    return diag_fail(d, ERR_INVALID, "smmuv3 at 0x%llx: stream 0x%x has another map already",
                     (unsigned long long)s->at.v, sid);
}

err_t smmuv3_attach(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *s2, struct diag *d)
{
    err_t e = stream_check(s, sid, d);
    if (!e)
        e = stage2_check(s, sid, s2, d);
    if (e)
        return e;
    lock_take(&s->lock);
    e = attach_locked(s, sid, s2, d);
    lock_give(&s->lock);
    return e;
}

static err_t quarantine_locked(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *to, struct diag *d)
{
    struct smmuv3_ste *ste = ste_find(s, sid);
    if (to) {
        struct smmuv3_ste want = smmuv3_ste_stage2(to, s->ste_flags | SMMUV3_SILENT);
        err_t e = ste_take(s, sid, &ste, d);
        return e ? e : ste_write(s, sid, ste, &want, d);
    }
    if (ste)
        return ste_abort(s, sid, ste, d);
    struct smmuv3_cmd cfgi = smmuv3_cmd_cfgi_all();
    word_store(s, l1_entry(s, sid), l1_word(s->quiet));
    return invalidate(s, &cfgi, 1, d);
}

err_t smmuv3_quarantine(struct smmuv3 *s, uint32_t sid, const struct smmuv3_stage2 *to, struct diag *d)
{
    err_t e = stream_check(s, sid, d);
    if (!e && to)
        e = stage2_check(s, sid, to, d);
    if (e)
        return e;
    lock_take(&s->lock);
    e = quarantine_locked(s, sid, to, d);
    lock_give(&s->lock);
    return e;
}

err_t smmuv3_flush(struct smmuv3 *s, uint16_t vmid, struct diag *d)
{
    struct smmuv3_cmd tlbi = smmuv3_cmd_tlbi_s12_vmall(vmid);
    if (!s->pool)
        return diag_fail(d, ERR_INVALID, "smmuv3: VMID %u flushed on a unit that was not set up", vmid);
    lock_take(&s->lock);
    err_t e = invalidate(s, &tlbi, 1, d);
    lock_give(&s->lock);
    return e;
}

/* Events */

/* The oldest record, if there is one; its place is given back at once. */
static bool event_take(struct smmuv3 *s, struct smmuv3_event *e)
{
    uint32_t prod = smmu_read_eventq_prod(s->base);
    if (((prod ^ s->evt_cons) & EVTQ_MASK) == 0)
        return false;
    const struct smmuv3_event *entry =
        (const struct smmuv3_event *)pool_ptr(s->pool, s->evtq) + s->evt_cons % EVTQ_ENTRIES;
    /* The record was written before PROD; without snooping a line of ours is stale: clean and invalidate. */
    publish(s, entry, sizeof *entry);
    for (unsigned i = 0; i < 4; i++)
        e->w[i] = __atomic_load_n(&entry->w[i], __ATOMIC_RELAXED);
    arch_publish(); /* read before the unit may overwrite it */
    s->evt_cons = (s->evt_cons & SMMU_EVENTQ_OVFLG) | ((s->evt_cons + 1) & EVTQ_MASK);
    smmu_write_eventq_cons(s->base, s->evt_cons);
    return true;
}

/* GERROR bits (6.3.19) in words. */
static const struct {
    uint32_t bit;
    const char *text;
} errors[] = {
    {SMMU_GERROR_CMDQ, "a command failed (CMDQ_ERR); the command queue goes on without it"},
    {1u << 2, "an event record was lost (EVENTQ_ABT_ERR)"},
    {1u << 3, "a page request was lost (PRIQ_ABT_ERR)"},
    {1u << 4, "an interrupt write of the command queue was aborted (MSI_CMDQ_ABT_ERR)"},
    {1u << 5, "an interrupt write of the event queue was aborted (MSI_EVENTQ_ABT_ERR)"},
    {1u << 6, "an interrupt write of the PRI queue was aborted (MSI_PRIQ_ABT_ERR)"},
    {1u << 7, "an interrupt write for a global error was aborted (MSI_GERROR_ABT_ERR)"},
    {SMMU_GERROR_SFM, "in service failure mode (SFM_ERR): it stops all DMA until it is reset"},
};

/* Acknowledge what is active; returns those bits. */
static uint32_t gerror_take(struct smmuv3 *s)
{
    uint32_t active = smmu_read_gerror(s->base) ^ smmu_read_gerrorn(s->base);
    if (active & SMMU_GERROR_CMDQ)
        cmdq_recover(s);
    if (active & ~SMMU_GERROR_CMDQ)
        smmu_write_gerrorn(s->base, smmu_read_gerrorn(s->base) ^ (active & ~SMMU_GERROR_CMDQ));
    return active;
}

/* 7.4: records were lost since the last acknowledgement? */
static bool overflow_take(struct smmuv3 *s)
{
    if (((smmu_read_eventq_prod(s->base) ^ s->evt_cons) & SMMU_EVENTQ_OVFLG) == 0)
        return false;
    s->evt_cons ^= SMMU_EVENTQ_OVFLG;
    smmu_write_eventq_cons(s->base, s->evt_cons);
    return true;
}

uint32_t smmuv3_events(struct smmuv3 *s, uint32_t max, smmuv3_fault_fn *fn, smmuv3_note_fn *note, void *ctx)
{
    uint32_t taken = 0;
    if (!s->enabled)
        return 0;
    while (taken < max) {
        struct smmuv3_event e;
        lock_take(&s->lock);
        bool found = event_take(s, &e);
        lock_give(&s->lock);
        if (!found)
            break;
        taken++;
        struct fault f = smmuv3_event_decode(&e);
        fn(ctx, &f);
    }
    lock_take(&s->lock);
    bool overflow = overflow_take(s);
    uint32_t active = gerror_take(s);
    lock_give(&s->lock);
    if (overflow)
        note(ctx, "the event queue was full, DMA faults were not recorded");
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (active & errors[i].bit)
            note(ctx, errors[i].text);
    }
    return taken;
}
