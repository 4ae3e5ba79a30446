/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/insn.c -lZydis */
/*
 * The decoder against Zydis: what Zydis calls one of the supported instructions is decoded, to the same length,
 * size and operands; everything else is refused. What an instruction does is compared with the machine's own
 * processor where that is an x86_64, and with literal values everywhere.
 */
#include "arch/x86_64/insn.h"
#include "dtc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <Zydis/Zydis.h>
#include <cmocka.h>

/* --- The oracle --- */

static struct machine {
    const char *name;
    enum insn_mode mode;
    ZydisMachineMode zydis;
    ZydisStackWidth stack;
    ZydisDecoder decoder;
} machines[] = {
    {"64", INSN_64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64, {0}},
    {"32", INSN_32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32, {0}},
    {"16", INSN_16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16, {0}},
    {"real", INSN_16, ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16, {0}},
    {"32 in long", INSN_32, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32, {0}},
    {"16 in long", INSN_16, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16, {0}},
};
#define MACHINES (sizeof machines / sizeof *machines)
#define MODES    3 /* the first of them differ */

static const struct {
    ZydisMnemonic mnemonic;
    enum insn_op op;
} names[] = {
    {ZYDIS_MNEMONIC_ADD, INSN_ADD},    {ZYDIS_MNEMONIC_OR, INSN_OR},     {ZYDIS_MNEMONIC_AND, INSN_AND},
    {ZYDIS_MNEMONIC_SUB, INSN_SUB},    {ZYDIS_MNEMONIC_XOR, INSN_XOR},   {ZYDIS_MNEMONIC_CMP, INSN_CMP},
    {ZYDIS_MNEMONIC_TEST, INSN_TEST},  {ZYDIS_MNEMONIC_MOV, INSN_MOV},   {ZYDIS_MNEMONIC_MOVZX, INSN_MOV},
    {ZYDIS_MNEMONIC_MOVSXD, INSN_MOV}, {ZYDIS_MNEMONIC_MOVSX, INSN_MOV}, {ZYDIS_MNEMONIC_XCHG, INSN_XCHG},
};

static uint64_t ones(unsigned bytes)
{
    return bytes == 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * bytes) - 1;
}

/* The second encodings, and REP, which insn.h leaves out. */
static bool left_out(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o)
{
    bool first_map = z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;

    for (unsigned i = 0; i < z->raw.prefix_count; i++) {
        if (z->raw.prefixes[i].value == 0xf2 || z->raw.prefixes[i].value == 0xf3)
            return true;
    }
    return z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY || (first_map && z->opcode == 0x82) ||
           (first_map && (z->opcode & 0xfe) == 0xf6 && z->raw.modrm.reg == 1) ||
           (z->mnemonic == ZYDIS_MNEMONIC_MOVSXD && o[0].size != 64);
}

static void expect_register(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o, struct insn *e)
{
    ZydisRegister r = o->reg.value;

    e->high = r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
    if (e->high)
        e->reg = (uint8_t)(r - ZYDIS_REGISTER_AH);
    else
        e->reg = (uint8_t)ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(z->machine_mode, r));
    e->reg_size = (uint8_t)(o->size / 8);
}

/* What Zydis makes of an instruction. False: none of the supported ones. */
static bool expect(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o, struct insn *e)
{
    unsigned n = 0, memory = o[1].type == ZYDIS_OPERAND_TYPE_MEMORY, other = 1 - memory;
    ZydisRegisterClass class = ZydisRegisterGetClass(o[other].reg.value);

    while (n < sizeof names / sizeof *names && names[n].mnemonic != z->mnemonic)
        n++;
    if (n == sizeof names / sizeof *names || o[memory].type != ZYDIS_OPERAND_TYPE_MEMORY || left_out(z, o))
        return false;
    *e = (struct insn){.op = names[n].op, .len = z->length, .size = (uint8_t)(o[memory].size / 8)};
    e->reads = o[memory].actions & ZYDIS_OPERAND_ACTION_MASK_READ;
    e->writes = o[memory].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    e->is_signed = z->mnemonic == ZYDIS_MNEMONIC_MOVSX || z->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
    e->to_reg = memory == 1;
    e->has_imm = o[other].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    e->reg_size = e->size;
    if (e->has_imm) {
        e->imm = z->raw.imm[0].value.u & ones(z->raw.imm[0].size / 8u);
        if (e->imm >> (z->raw.imm[0].size - 1))
            e->imm |= ~ones(z->raw.imm[0].size / 8u);
        assert_int_equal(e->imm & ones(e->size), o[other].imm.value.u & ones(e->size));
        return true;
    }
    expect_register(z, &o[other], e);
    return class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64; /* MOV has segments, too */
}

static bool same(const struct insn *a, const struct insn *b)
{
    return a->len == b->len && a->op == b->op && a->reads == b->reads && a->writes == b->writes && a->size == b->size &&
           a->to_reg == b->to_reg && a->reg == b->reg && a->high == b->high && a->reg_size == b->reg_size &&
           a->is_signed == b->is_signed && a->has_imm == b->has_imm && a->imm == b->imm;
}

static void fail_bytes(const char *what, const char *machine, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "%02x ", bytes[i]);
    fail_msg("^ %s (%s)", what, machine);
}

static uint64_t cases, accepted;

/* Whether bytes are one of the instructions; fails when decoder and oracle disagree. */
static bool judge(const struct machine *m, const uint8_t *bytes, size_t n)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
    struct insn wanted, got;
    enum insn_result r = insn_decode(bytes, n, m->mode, &got);
    bool valid = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&m->decoder, bytes, n, &z, o));
    bool ours = valid && expect(&z, o, &wanted);

    cases++;
    accepted += ours;
    if (ours != (r == INSN_ACCESS))
        fail_bytes(ours ? "is not decoded" : "is not one of ours", m->name, bytes, n);
    if (ours && !same(&got, &wanted))
        fail_bytes("is decoded wrongly", m->name, bytes, n);
    if (r == INSN_SHORT && valid)
        fail_bytes("is not short", m->name, bytes, n);
    return ours;
}

/* --- All encodings --- */

/* A block of INSN_MAX bytes, instructions at its end: AddressSanitizer sees a read past them. */
static uint8_t *block;

static uint8_t opcodes[512][2], opcode_bytes[512]; /* those of ours in any mode */
static unsigned opcode_count;

static size_t put_opcode(uint8_t *at, unsigned opcode)
{
    if (opcode < 256) {
        at[0] = (uint8_t)opcode;
        return 1;
    }
    at[0] = 0x0f;
    at[1] = (uint8_t)opcode;
    return 2;
}

static void random_bytes(uint8_t *at, const uint8_t *end)
{
    while (at < end)
        *at++ = (uint8_t)mutate_below(256);
}

static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x40, 0x41, 0x42,
                                   0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
#define PREFIXES (sizeof prefixes / sizeof *prefixes)

static const struct {
    uint8_t n, byte[4];
} sets[] = {
    {0, {0}},
    {1, {0x66}},
    {1, {0x67}},
    {2, {0x66, 0x67}},
    {1, {0xf0}},
    {3, {0x67, 0xf0, 0x66}},
    {1, {0xf2}},
    {1, {0xf3}},
    {1, {0x2e}},
    {2, {0x65, 0x67}},
    {1, {0x40}},
    {1, {0x44}},
    {1, {0x41}},
    {1, {0x48}},
    {1, {0x4d}},
    {1, {0x42}},
    {2, {0x66, 0x40}},
    {2, {0x66, 0x4c}},
    {2, {0x67, 0x4f}},
    {2, {0xf0, 0x48}},
    {2, {0x48, 0x66}}, /* ignored */
    {2, {0x4c, 0x40}}, /* the first one ignored */
    {3, {0x4f, 0x64, 0x67}},
};
#define SETS (sizeof sets / sizeof *sets)

static int setup(void **state)
{
    (void)state;
    mutate_start(2000);
    block = malloc(INSN_MAX);
    for (size_t i = 0; i < MACHINES; i++)
        ZydisDecoderInit(&machines[i].decoder, machines[i].zydis, machines[i].stack);
    block[0] = 0x48; /* MOVSXD needs it */
    for (unsigned opcode = 0; opcode < 512; opcode++) {
        uint8_t n = (uint8_t)put_opcode(block + 1, opcode);
        bool ours = false;

        memset(block + 1 + n, 0, INSN_MAX - 1 - n);
        for (unsigned reg = 0; reg < 8 && !memchr(prefixes, block[1], PREFIXES); reg++) {
            block[1 + n] = (uint8_t)(reg << 3);
            ours |= judge(&machines[0], block, INSN_MAX);
        }
        if (ours) {
            memcpy(opcodes[opcode_count], block + 1, n);
            opcode_bytes[opcode_count++] = n;
        }
    }
    assert_int_equal(opcode_count, 48);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(block);
    return 0;
}

/* Every opcode of two maps with every ModRM, in every mode, with the prefixes that change something. */
static void test_maps(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODES; mode++) {
        for (size_t s = 0; s < SETS; s++) {
            for (unsigned i = 0; i < 512 * 256; i++) {
                uint8_t *at = block + sets[s].n;

                memcpy(block, sets[s].byte, sets[s].n);
                at += put_opcode(at, i >> 8);
                *at++ = (uint8_t)i;
                random_bytes(at, block + INSN_MAX);
                judge(&machines[mode], block, INSN_MAX);
            }
        }
    }
}

/* Every SIB of every opcode of ours; a SIB where addresses of 16 bits have none. */
static void test_sib(void **state)
{
    static const uint8_t prefix[] = {0x3e, 0x67, 0x41, 0x42, 0x47}; /* 3e: none in effect */

    (void)state;
    for (unsigned mode = 0; mode < MODES; mode++) {
        for (unsigned i = 0; i < opcode_count * sizeof prefix; i++) {
            const unsigned opcode = i % opcode_count, n = opcode_bytes[opcode];

            block[0] = prefix[i / opcode_count];
            memcpy(block + 1, opcodes[opcode], n);
            for (unsigned modrm = 4; modrm < 0xc0; modrm += 8) {
                for (unsigned sib = 0; sib < 256; sib++) {
                    block[n + 1] = (uint8_t)modrm;
                    block[n + 2] = (uint8_t)sib;
                    random_bytes(block + n + 3, block + INSN_MAX);
                    judge(&machines[mode], block, INSN_MAX);
                }
            }
        }
    }
}

/* Every sequence of three prefixes. */
static void test_prefixes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PREFIXES * PREFIXES * PREFIXES; i++) {
        for (unsigned opcode = 0; opcode < opcode_count; opcode++) {
            random_bytes(block, block + INSN_MAX);
            block[0] = prefixes[i % PREFIXES];
            block[1] = prefixes[i / PREFIXES % PREFIXES];
            block[2] = prefixes[i / PREFIXES / PREFIXES];
            memcpy(block + 3, opcodes[opcode], opcode_bytes[opcode]);
            judge(&machines[(i + opcode) % 4 ? 0 : i % MACHINES], block, INSN_MAX);
        }
    }
}

/* An instruction of n bytes is the same from n bytes and from more, and short from less. */
static void test_ends(void **state)
{
    uint8_t whole[INSN_MAX], more[INSN_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < opcode_count * 256 * SETS; i++) {
        const struct machine *m = &machines[i % MODES];
        const unsigned opcode = i % opcode_count, modrm = i / opcode_count % 256, set = i / opcode_count / 256;
        struct insn full, got;

        random_bytes(whole, whole + INSN_MAX);
        memcpy(whole, sets[set].byte, sets[set].n);
        memcpy(whole + sets[set].n, opcodes[opcode], opcode_bytes[opcode]);
        whole[sets[set].n + opcode_bytes[opcode]] = (uint8_t)modrm;
        if (insn_decode(whole, INSN_MAX, m->mode, &full) != INSN_ACCESS)
            continue;
        for (unsigned n = 0; n <= full.len; n++) {
            uint8_t *cut = block + INSN_MAX - n;

            memcpy(cut, whole, n);
            if (insn_decode(cut, n, m->mode, &got) != (n < full.len ? INSN_SHORT : INSN_ACCESS))
                fail_bytes("ends elsewhere", m->name, cut, n);
        }
        assert_true(same(&full, &got));
    }
    /* Prefixes up to the end, and behind what an instruction can have. */
    for (unsigned opcode = 0; opcode < opcode_count; opcode++) {
        for (unsigned n = 0; n <= INSN_MAX; n++) {
            memset(more, 0x3e, sizeof more);
            memcpy(more + n, opcodes[opcode], opcode_bytes[opcode] < sizeof more - n ? opcode_bytes[opcode] : 1);
            memcpy(block, more, INSN_MAX);
            judge(&machines[opcode % MODES], block, INSN_MAX);
            assert_int_equal(insn_decode(more, sizeof more, machines[0].mode, &(struct insn){0}),
                             insn_decode(block, INSN_MAX, machines[0].mode, &(struct insn){0}));
        }
    }
}

static void test_random(void **state)
{
    const unsigned rounds = mutate_start(2000) * 1000;

    (void)state;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned n = 0, size = mutate_below(4) ? INSN_MAX : mutate_below(INSN_MAX + 1);
        uint8_t *at = block + INSN_MAX - size;
        const unsigned opcode = mutate_below(opcode_count);

        random_bytes(at, block + INSN_MAX);
        while (n < size && !mutate_below(2))
            at[n++] = prefixes[mutate_below(PREFIXES)];
        if (mutate_below(4) && n + opcode_bytes[opcode] <= size)
            memcpy(at + n, opcodes[opcode], opcode_bytes[opcode]);
        judge(&machines[mutate_below(MACHINES)], at, size);
    }
    print_message("%lu cases in all, %lu of them accesses\n", cases, accepted);
}

/* --- What they do --- */

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define OF 0x800u

/* As drivers have them: the registers are 0x1111111111111100 + number, the flags all clear. */
static const struct example {
    const char *text;
    enum insn_mode mode;
    uint8_t len, byte[INSN_MAX];
    uint64_t memory; /* before */
    uint64_t stored; /* NOTHING: no write */
    uint8_t reg;     /* NONE: no register */
    uint64_t value;  /* of it */
    uint32_t flags;
#define NOTHING UINT64_C(0xeeeeeeeeeeeeeeee)
#define NONE    16
} examples[] = {
    {"mov %ecx, 0xb0(%rax)", INSN_64, 6, {0x89, 0x88, 0xb0, 0, 0, 0}, 0, 0x11111101, NONE, 0, 0},
    {"mov %eax, -0xa01d00", INSN_64, 7, {0x89, 4, 0x25, 0, 0xe3, 0x5f, 0xff}, 0, 0x11111100, NONE, 0, 0},
    {"mov (%rdx), %eax", INSN_64, 2, {0x8b, 2}, 0x80000020, NOTHING, 0, 0x80000020, 0},
    {"mov (%rdx), %r9", INSN_64, 3, {0x4c, 0x8b, 0x0a}, ~0ull, NOTHING, 9, ~0ull, 0},
    {"mov (%rcx), %al", INSN_64, 2, {0x8a, 1}, 0xabcd, NOTHING, 0, 0x11111111111111cd, 0},
    {"mov (%ecx), %ah", INSN_32, 2, {0x8a, 0x21}, 0xcd, NOTHING, 0, 0x111111111111cd00, 0},
    {"mov %bh, (%di)", INSN_16, 2, {0x88, 0x3d}, 0, 0x11, NONE, 0, 0},
    {"mov %dil, (%rdi)", INSN_64, 3, {0x40, 0x88, 0x3f}, 0, 7, NONE, 0, 0},
    {"mov (%rcx), %dx", INSN_64, 3, {0x66, 0x8b, 0x11}, 0xf00d, NOTHING, 2, 0x111111111111f00d, 0},
    {"mov %eax, %es:(%ebx)", INSN_16, 5, {0x26, 0x67, 0x66, 0x89, 3}, 0, 0x11111100, NONE, 0, 0},
    {"movl $-2, 8(%rsp)", INSN_64, 8, {0xc7, 0x44, 0x24, 8, 0xfe, 0xff, 0xff, 0xff}, 0, 0xfffffffe, NONE, 0, 0},
    {"movq $-2, (%rbx)", INSN_64, 7, {0x48, 0xc7, 3, 0xfe, 0xff, 0xff, 0xff}, 0, ~1ull, NONE, 0, 0},
    {"movw $1, 2(%bp)", INSN_16, 5, {0xc7, 0x46, 2, 1, 0}, 0, 1, NONE, 0, 0},
    {"movb $-1, (%rip)", INSN_64, 7, {0xc6, 5, 0, 0, 0, 0, 0xff}, 0, 0xff, NONE, 0, 0},
    {"mov 0xfee00020, %eax", INSN_32, 5, {0xa1, 0x20, 0, 0xe0, 0xfe}, 0x1000000, NOTHING, 0, 0x1000000, 0},
    {"movabs %al, 0xb0", INSN_64, 9, {0xa2, 0xb0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, NONE, 0, 0},
    {"movzbl (%rsi), %edi", INSN_64, 3, {0x0f, 0xb6, 0x3e}, 0xff80, NOTHING, 7, 0x80, 0},
    {"movzwq (%rsi), %rdi", INSN_64, 4, {0x48, 0x0f, 0xb7, 0x3e}, 0x8000, NOTHING, 7, 0x8000, 0},
    {"movsbw (%rsi), %sp", INSN_64, 4, {0x66, 0x0f, 0xbe, 0x26}, 0x80, NOTHING, 4, 0x111111111111ff80, 0},
    {"movswl (%rsi), %edi", INSN_64, 3, {0x0f, 0xbf, 0x3e}, 0x18000, NOTHING, 7, 0xffff8000, 0},
    {"movslq (%rsi), %rdi", INSN_64, 3, {0x48, 0x63, 0x3e}, 0x80000000, NOTHING, 7, 0xffffffff80000000, 0},
    {"testl $0x1000, 0x300(%rax)", INSN_64, 10, {0xf7, 0x80, 0, 3, 0, 0, 0, 0x10}, 0x1000, NOTHING, NONE, 0, PF},
    {"testb $0x10, (%rax)", INSN_64, 3, {0xf6, 0, 0x10}, 0, NOTHING, NONE, 0, ZF | PF},
    {"test %al, (%rbx)", INSN_64, 2, {0x84, 3}, 0xff, NOTHING, NONE, 0, ZF | PF},
    {"cmpl $-1, (%rdi)", INSN_64, 3, {0x83, 0x3f, 0xff}, 0xffffffff, NOTHING, NONE, 0, ZF | PF},
    {"cmp (%rdi), %eax", INSN_64, 2, {0x3b, 7}, 0x11111101, NOTHING, NONE, 0, CF | PF | AF | SF},
    {"cmp %eax, (%rdi)", INSN_64, 2, {0x39, 7}, 0x80000000, NOTHING, NONE, 0, OF | PF},
    {"orl $0x80000000, 0xf0(%rax)",
     INSN_64,
     10,
     {0x81, 0x88, 0xf0, 0, 0, 0, 0, 0, 0, 0x80},
     0x1ff,
     0x800001ff,
     NONE,
     0,
     SF | PF},
    {"lock andw $-2, (%rax)", INSN_64, 5, {0xf0, 0x66, 0x83, 0x20, 0xfe}, 0xc001, 0xc000, NONE, 0, SF | PF},
    {"and (%rdi), %ecx", INSN_64, 2, {0x23, 0x0f}, 0x11111103, NOTHING, 1, 0x11111101, 0},
    {"xor %rcx, (%rdi)", INSN_64, 3, {0x48, 0x31, 0x0f}, 0x1111111111111101, 0, NONE, 0, ZF | PF},
    {"addb $1, (%rdi)", INSN_64, 3, {0x80, 7, 1}, 0xff, 0, NONE, 0, CF | AF | ZF | PF},
    {"add (%rdi), %al", INSN_64, 2, {2, 7}, 0x7f, NOTHING, 0, 0x111111111111117f, 0},
    {"addq $1, (%rdi)", INSN_64, 4, {0x48, 0x83, 7, 1}, INT64_MAX, 1ull << 63, NONE, 0, OF | SF | AF | PF},
    {"subl $1, (%rdi)", INSN_64, 3, {0x83, 0x2f, 1}, 0, 0xffffffff, NONE, 0, CF | AF | SF | PF},
    {"xchg %eax, 0x300(%rdi)", INSN_64, 6, {0x87, 0x87, 0, 3, 0, 0}, 5, 0x11111100, 0, 5, 0},
    {"xchg %ch, (%rdi)", INSN_64, 2, {0x86, 0x2f}, 5, 0x11, 1, 0x1111111111110501, 0},
};

static void test_examples(void **state)
{
    (void)state;
    for (const struct example *e = examples; e < examples + sizeof examples / sizeof *examples; e++) {
        uint64_t gpr[16], wanted[16], rflags = UINT64_C(0x200246);
        struct insn i;

        for (unsigned r = 0; r < 16; r++)
            gpr[r] = wanted[r] = UINT64_C(0x1111111111111100) + r;
        if (e->reg != NONE)
            wanted[e->reg] = e->value;
        if (insn_decode(e->byte, e->len, e->mode, &i) != INSN_ACCESS || i.len != e->len)
            fail_bytes(e->text, "not decoded", e->byte, e->len);
        if (i.writes != (e->stored != NOTHING) || (i.writes && insn_stored(&i, gpr, e->memory) != e->stored))
            fail_bytes(e->text, "stored", e->byte, e->len);
        insn_retire(&i, gpr, &rflags, e->memory);
        if (memcmp(gpr, wanted, sizeof gpr) != 0)
            fail_bytes(e->text, "registers", e->byte, e->len);
        if (rflags != (i.op < INSN_MOV ? 0x200202u | e->flags : 0x200246u))
            fail_bytes(e->text, "flags", e->byte, e->len);
    }
}

#ifdef __x86_64__
#define ARITHMETIC (CF | PF | AF | ZF | SF | OF)

/* One instruction on this processor: code is it and a jump to insn_run_end. */
struct run {
    uint64_t gpr[16], rflags, host_rsp;
    const void *code;
};
extern struct run insn_run_state;
struct run insn_run_state;
void insn_run(void);
void insn_run_end(void);
__asm__(
    ".text\n.globl insn_run, insn_run_end\n"
    "insn_run:\n"
    "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "    mov %rsp, insn_run_state+136(%rip)\n"
    "    push insn_run_state+128(%rip); popfq\n"
    "    mov insn_run_state+0(%rip), %rax; mov insn_run_state+8(%rip), %rcx; mov insn_run_state+16(%rip), %rdx\n"
    "    mov insn_run_state+24(%rip), %rbx; mov insn_run_state+32(%rip), %rsp; mov insn_run_state+40(%rip), %rbp\n"
    "    mov insn_run_state+48(%rip), %rsi; mov insn_run_state+56(%rip), %rdi; mov insn_run_state+64(%rip), %r8\n"
    "    mov insn_run_state+72(%rip), %r9; mov insn_run_state+80(%rip), %r10; mov insn_run_state+88(%rip), %r11\n"
    "    mov insn_run_state+96(%rip), %r12; mov insn_run_state+104(%rip), %r13; mov insn_run_state+112(%rip), %r14\n"
    "    mov insn_run_state+120(%rip), %r15\n"
    "    jmp *insn_run_state+144(%rip)\n"
    "insn_run_end:\n"
    "    mov %rsp, insn_run_state+32(%rip); mov insn_run_state+136(%rip), %rsp\n"
    "    pushfq; pop insn_run_state+128(%rip)\n"
    "    mov %rax, insn_run_state+0(%rip); mov %rcx, insn_run_state+8(%rip); mov %rdx, insn_run_state+16(%rip)\n"
    "    mov %rbx, insn_run_state+24(%rip); mov %rbp, insn_run_state+40(%rip); mov %rsi, insn_run_state+48(%rip)\n"
    "    mov %rdi, insn_run_state+56(%rip); mov %r8, insn_run_state+64(%rip); mov %r9, insn_run_state+72(%rip)\n"
    "    mov %r10, insn_run_state+80(%rip); mov %r11, insn_run_state+88(%rip); mov %r12, insn_run_state+96(%rip)\n"
    "    mov %r13, insn_run_state+104(%rip); mov %r14, insn_run_state+112(%rip); mov %r15, insn_run_state+120(%rip)\n"
    "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "    ret\n");

static uint64_t random_value(void)
{
    static const uint64_t edge[] = {0,      1,          0x7f,       0x80,      0xff,       0x7fff, 0x8000,
                                    0xffff, 0x7fffffff, 0x80000000, INT64_MAX, 1ull << 63, ~0ull};
    uint64_t value;

    if (mutate_below(2))
        return edge[mutate_below(sizeof edge / sizeof *edge)];
    random_bytes((uint8_t *)&value, (uint8_t *)(&value + 1));
    return value;
}

/* Run the instruction, whose memory is *cell, and retire it: the same registers, flags and memory. */
static void run_compare(const uint8_t *byte, const struct insn *i, uint64_t *cell)
{
    struct run *r = &insn_run_state;
    uint64_t gpr[16], rflags, memory = random_value(), stored = memory, unknown = 0;

    for (unsigned k = 0; k < 16; k++)
        r->gpr[k] = gpr[k] = random_value();
    r->gpr[7] = gpr[7] = (uintptr_t)cell;
    r->rflags = rflags = 0x202 | (random_value() & ARITHMETIC);
    *cell = memory;
    insn_run();
    if (i->writes)
        stored = (memory & ~ones(i->size)) | insn_stored(i, gpr, i->reads ? memory & ones(i->size) : 0);
    insn_retire(i, gpr, &rflags, memory & ones(i->size));
    if (i->op == INSN_AND || i->op == INSN_OR || i->op == INSN_XOR || i->op == INSN_TEST)
        unknown = AF;
    if (*cell != stored)
        fail_bytes("stored", "host", byte, i->len);
    if (memcmp(gpr, r->gpr, sizeof gpr) != 0)
        fail_bytes("registers", "host", byte, i->len);
    if ((rflags ^ r->rflags) & ARITHMETIC & ~unknown)
        fail_bytes("flags", "host", byte, i->len);
}

/* Every instruction of 64-bit mode with every register, at (%rdi) or at an address. */
static void test_processor(void **state)
{
    static const uint8_t rex[] = {0, 0x40, 0x44, 0x48, 0x4c};
    static const uint8_t back[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *(%rip) */
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *cell = malloc(sizeof *cell);
    void (*end)(void) = insn_run_end;
    unsigned count = 0;

    (void)state;
    assert_ptr_not_equal(code, MAP_FAILED);
    insn_run_state.code = code;
    for (unsigned k = 0; k < opcode_count * 8 * sizeof rex * 4; k++) {
        const unsigned opcode = k % opcode_count, reg = k / opcode_count % 8, how = k / opcode_count / 8;
        struct insn i;
        uint8_t *at = code;

        if (how & 1)
            *at++ = 0x66;
        if (how & 2)
            *at++ = 0xf0;
        if (rex[how / 4])
            *at++ = rex[how / 4];
        memcpy(at, opcodes[opcode], opcode_bytes[opcode]);
        at += opcode_bytes[opcode];
        random_bytes(at, code + 2 * INSN_MAX);
        if (opcodes[opcode][0] >> 2 == 0xa0 >> 2)
            memcpy(at, &cell, sizeof cell);
        else
            *at = (uint8_t)(reg << 3 | 7);
        if (insn_decode(code, INSN_MAX, INSN_64, &i) != INSN_ACCESS)
            continue;
        memcpy(code + i.len, back, sizeof back);
        memcpy(code + i.len + sizeof back, &end, sizeof end);
        for (unsigned round = 0; round < 20; round++)
            run_compare(code, &i, cell);
        count++;
    }
    assert_true(count > 2000);
    free(cell);
    munmap(code, 4096);
}
#else
static void test_processor(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps),      cmocka_unit_test(test_sib),    cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_ends),      cmocka_unit_test(test_random), cmocka_unit_test(test_examples),
        cmocka_unit_test(test_processor),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
