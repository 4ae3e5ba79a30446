/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"

#include "arch.h"
#include "console.h"
#include "irq.h"
#include "msr.h"

#define VECTOR_DB 1
#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_AC 17
#define VECTOR_MC 18

#define CS_D      (1u << 10) /* of vmcb_segment.attributes */
#define CS_L      (1u << 9)
#define CR0_PE    UINT64_C(1)
#define RFLAGS_TF (UINT64_C(1) << 8)
#define RFLAGS_RF (UINT64_C(1) << 16)
#define RFLAGS_VM (UINT64_C(1) << 17)
#define DR6_BS    (UINT64_C(1) << 14)
#define REX       0x40
#define NO_LENGTH 0 /* the handler has set next_rip */

/* --- Outcomes --- */

void exit_inject(struct vcpu *v, unsigned vector, bool has_error)
{
    v->arch.vmcb->event = EVENT_VALID | EVENT_EXCEPTION | (has_error ? EVENT_ERROR_CODE : 0) | vector;
}

enum outcome exit_stop(struct vcpu *v, const char *reason)
{
    const struct vmcb *b = v->arch.vmcb;

    log_line("%s: CPU %u: %s (RIP 0x%lx, CS 0x%x, CR0 0x%lx, exit 0x%lx: 0x%lx, 0x%lx)", v->part->plan->m->name,
             v->index, reason, b->rip, b->cs.selector, b->cr0, b->exit_code, b->exit_info[0], b->exit_info[1]);
    partition_stop(v->part, reason);
    return OUTCOME_LEAVE;
}

enum insn_mode exit_mode(const struct vmcb *b)
{
    if (b->efer & EFER_LMA && b->cs.attributes & CS_L)
        return INSN_64;
    return b->cr0 & CR0_PE && !(b->rflags & RFLAGS_VM) && b->cs.attributes & CS_D ? INSN_32 : INSN_16;
}

/* The guest's memory as its CPU sees it now, and where RIP is in it. */
static inline struct guest_memory memory_of(struct vcpu *v)
{
    const struct vmcb *b = v->arch.vmcb;

    return (struct guest_memory){&v->part->plan->physmap, &v->arch.extent, b->cr0, b->cr3, b->cr4, b->efer};
}

static inline uint64_t code_at(const struct vmcb *b)
{
    return exit_mode(b) == INSN_64 ? b->rip : b->cs.base + b->rip;
}

size_t exit_fetch(struct vcpu *v, uint8_t bytes[GUEST_FETCH])
{
    const struct guest_memory m = memory_of(v);

    return guest_fetch(&m, code_at(v->arch.vmcb), bytes);
}

static bool is_prefix(uint8_t byte, enum insn_mode mode)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return mode == INSN_64 && (byte & 0xf0) == REX;
    }
}

static __attribute__((noinline)) size_t prefixes_count(struct vcpu *v)
{
    enum insn_mode mode = exit_mode(v->arch.vmcb);
    uint8_t bytes[GUEST_FETCH];
    size_t n = exit_fetch(v, bytes), i = 0;

    while (i < n && is_prefix(bytes[i], mode))
        i++;
    return i;
}

/* All but a few have none and begin with 0f. */
static __attribute__((noinline)) size_t prefixes(struct vcpu *v)
{
    const struct guest_memory m = memory_of(v);

    return guest_byte(&m, code_at(v->arch.vmcb)) == 0x0f ? 0 : prefixes_count(v);
}

/* Behind an instruction of length bytes and its prefixes, which a CPU without NRIP leaves to us to count. */
static inline uint64_t behind(struct vcpu *v, uint8_t length)
{
    const struct vmcb *b = v->arch.vmcb;

    if (b->next_rip)
        return b->next_rip;
    if (b->exit_code == EXIT_VMMCALL) /* it has none: abi/mullion.h */
        return b->rip + length;
    return b->rip + length + prefixes(v);
}

static __attribute__((noinline)) void step(struct vcpu *v)
{
    struct vmcb *b = v->arch.vmcb;

    b->rflags &= ~RFLAGS_RF;
    if (b->rflags & RFLAGS_TF) {
        b->dr6 |= DR6_BS;
        exit_inject(v, VECTOR_DB, false);
    }
}

/* Past the instruction, as if the CPU had carried it out: a single step is due afterwards. */
static inline void skip(struct vcpu *v, uint8_t length)
{
    struct vmcb *b = v->arch.vmcb;
    uint64_t rip = length != NO_LENGTH ? behind(v, length) : v->arch.next_rip;

    b->rip = b->cs.attributes & CS_L ? rip : rip & UINT32_MAX;
    b->interrupt_shadow = 0;
    if (b->rflags & (RFLAGS_TF | RFLAGS_RF))
        step(v);
}

/* --- Handlers of what is not a device --- */

static enum outcome exit_undefined(struct vcpu *v)
{
    (void)v;
    return OUTCOME_UD;
}

static enum outcome exit_protected(struct vcpu *v)
{
    (void)v;
    return OUTCOME_GP;
}

/*
 * INVD would drop what other partitions have in shared caches, WBINVD write it back at their cost. The guest needs
 * neither: all DMA here snoops, and no memory of it changes its type.
 */
static enum outcome exit_nothing(struct vcpu *v)
{
    (void)v;
    return OUTCOME_SKIP;
}

/* A CPU that delivers one of these over and over never takes an NMI: intercepted, it does, between two. */
static enum outcome exit_debug(struct vcpu *v)
{
    exit_inject(v, VECTOR_DB, false);
    return OUTCOME_RESUME;
}

static enum outcome exit_alignment(struct vcpu *v)
{
    exit_inject(v, VECTOR_AC, true);
    return OUTCOME_RESUME;
}

static enum outcome exit_icebp(struct vcpu *v)
{
    v->arch.next_rip = behind(v, 1);
    exit_inject(v, VECTOR_DB, false);
    return OUTCOME_SKIP;
}

static enum outcome exit_machine_check(struct vcpu *v)
{
    msr_write(MSR_MCG_STATUS, 0); /* a second one meanwhile would be a shutdown of the machine */
    return exit_stop(v, "machine check: its memory or one of its devices reported an error");
}

static enum outcome exit_smi(struct vcpu *v)
{
    (void)v;
    svm_window();
    return OUTCOME_RESUME;
}

/* A kick, or an interrupt of the hypervisor's own. */
static enum outcome exit_nmi(struct vcpu *v)
{
    svm_window();
    irq_take();
    if (partition_leaving(v->part) || __atomic_load_n(&v->arch.init, __ATOMIC_ACQUIRE))
        return OUTCOME_LEAVE;
    if (!__atomic_load_n(&v->arch.nmi, __ATOMIC_RELAXED))
        return OUTCOME_RESUME;
    if (v->arch.vmcb->event & EVENT_VALID) {
        arch_cpu_kick(v->board_cpu); /* one thing at a time: at the next exit */
        return OUTCOME_RESUME;
    }
    __atomic_store_n(&v->arch.nmi, 0, __ATOMIC_RELAXED);
    v->arch.vmcb->event = EVENT_VALID | EVENT_NMI | 2;
    return OUTCOME_RESUME;
}

static enum outcome exit_init(struct vcpu *v)
{
    return exit_stop(v, "INIT from outside of the partition");
}

static enum outcome exit_ferr(struct vcpu *v)
{
    return exit_stop(v, "floating point errors by FERR (CR0.NE = 0) are not supported");
}

static enum outcome exit_shutdown(struct vcpu *v)
{
    return exit_stop(v, "shutdown (triple fault)");
}

/* --- The table --- */

typedef enum outcome exit_fn(struct vcpu *v);

/* length: of the instruction without prefixes, NO_LENGTH where it is never skipped or the handler knows better. */
static const struct exit {
    exit_fn *fn;
    uint8_t length;
} exits[EXIT_TABLE] = {
    [EXIT_EXCEPTION + VECTOR_DB] = {exit_debug, NO_LENGTH},
    [EXIT_EXCEPTION + VECTOR_AC] = {exit_alignment, NO_LENGTH},
    [EXIT_EXCEPTION + VECTOR_MC] = {exit_machine_check, NO_LENGTH},
    [EXIT_NMI] = {exit_nmi, NO_LENGTH},
    [EXIT_SMI] = {exit_smi, NO_LENGTH},
    [EXIT_INIT] = {exit_init, NO_LENGTH},
    [EXIT_RDPMC] = {exit_protected, NO_LENGTH},
    [EXIT_CPUID] = {exit_cpuid, 2},
    [EXIT_RSM] = {exit_undefined, NO_LENGTH},
    [EXIT_INVD] = {exit_nothing, 2},
    [EXIT_INVLPGA] = {exit_undefined, NO_LENGTH},
    [EXIT_IOIO] = {exit_io, NO_LENGTH},
    [EXIT_MSR] = {exit_msr, 2},
    [EXIT_TASK_SWITCH] = {exit_protected, NO_LENGTH},
    [EXIT_FERR_FREEZE] = {exit_ferr, NO_LENGTH},
    [EXIT_SHUTDOWN] = {exit_shutdown, NO_LENGTH},
    [EXIT_VMRUN] = {exit_undefined, NO_LENGTH},
    [EXIT_VMMCALL] = {exit_vmmcall, 3},
    [EXIT_VMLOAD] = {exit_undefined, NO_LENGTH},
    [EXIT_VMSAVE] = {exit_undefined, NO_LENGTH},
    [EXIT_STGI] = {exit_undefined, NO_LENGTH},
    [EXIT_CLGI] = {exit_undefined, NO_LENGTH},
    [EXIT_SKINIT] = {exit_undefined, NO_LENGTH},
    [EXIT_ICEBP] = {exit_icebp, NO_LENGTH},
    [EXIT_WBINVD] = {exit_nothing, 2},
    [EXIT_MONITOR] = {exit_undefined, NO_LENGTH}, /* CPUID has neither */
    [EXIT_MWAIT] = {exit_undefined, NO_LENGTH},
    [EXIT_MWAIT_ARMED] = {exit_undefined, NO_LENGTH},
    [EXIT_XSETBV] = {exit_xsetbv, 3},
    [EXIT_RDPRU] = {exit_undefined, NO_LENGTH},
    [EXIT_INVLPGB] = {exit_undefined, NO_LENGTH},
    [EXIT_INVLPGB_ILLEGAL] = {exit_undefined, NO_LENGTH},
    [EXIT_MCOMMIT] = {exit_undefined, NO_LENGTH},
    [EXIT_TLBSYNC] = {exit_undefined, NO_LENGTH},
};

/* What the table has is intercepted, and nothing else but #NPF, which always is. */
void exits_intercept(struct vmcb *b)
{
    for (uint32_t code = EXIT_EXCEPTION; code < EXIT_TABLE; code++)
        if (exits[code].fn != NULL)
            b->intercept[code / 32] |= UINT32_C(1) << code % 32;
}

static __attribute__((noinline)) enum outcome exit_unknown(struct vcpu *v)
{
    return exit_stop(v, "an exit that was not asked for, or a state that VMRUN refuses");
}

/* What the exit interrupted is delivered again; a software interrupt's instruction just runs again. */
static __attribute__((noinline)) uint64_t event_again(uint64_t event)
{
    return (event & EVENT_TYPE) != EVENT_SOFTWARE ? event : 0;
}

/* The one place where an outcome becomes state. False: v leaves. */
static inline bool finish(struct vcpu *v, enum outcome o, uint8_t length)
{
    switch (o) {
    case OUTCOME_SKIP:
        skip(v, length);
        return true;
    case OUTCOME_GP:
        exit_inject(v, VECTOR_GP, true);
        return true;
    case OUTCOME_UD:
        exit_inject(v, VECTOR_UD, false);
        return true;
    default:
        return o != OUTCOME_LEAVE;
    }
}

bool exit_handle(struct vcpu *v)
{
    struct vmcb *b = v->arch.vmcb;
    uint64_t code = b->exit_code;

    v->arch.exits++;
    b->tlb_control = TLB_KEEP;
    b->event = b->exit_event & EVENT_VALID ? event_again(b->exit_event) : 0;
    if (code < EXIT_TABLE && exits[code].fn != NULL)
        return finish(v, exits[code].fn(v), exits[code].length);
    return finish(v, code == EXIT_NPF ? exit_npf(v) : exit_unknown(v), NO_LENGTH);
}
