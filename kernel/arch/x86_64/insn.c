/* SPDX-License-Identifier: Apache-2.0 */
#include "insn.h"

#define REX_W 8u
#define REX_R 4u

/* The numbers between those of enum insn_op */
#define OP_ADC 2
#define OP_SBB 3

/* RFLAGS that arithmetic sets */
#define FLAG_CF (1u << 0)
#define FLAG_PF (1u << 2)
#define FLAG_AF (1u << 4)
#define FLAG_ZF (1u << 6)
#define FLAG_SF (1u << 7)
#define FLAG_OF (1u << 11)
#define FLAGS   (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* --- The opcodes --- */

enum {
    TO_REG = 1 << 0,    /* memory is the right operand */
    IMM = 1 << 1,       /* an immediate of the operand's size, of 4 bytes for 8; ModRM.reg belongs to the opcode */
    IMM_8 = 1 << 2,     /* this one has a single byte */
    OP_OPCODE = 1 << 3, /* bits 5:3 of the opcode are the operation */
    OP_MODRM = 1 << 4,  /* ModRM.reg is the operation; without it has to be 0 where there is an immediate */
    OFFSET = 1 << 5,    /* AL..RAX, and an address instead of ModRM */
    SIGNED = 1 << 6,
};

/* Bit 0 of an opcode: 0 is of bytes, 1 of the operand size. The frequent ones first. */
static const struct form {
    uint16_t mask, opcode; /* 0f xx is 1xx */
    uint8_t op, how;
    uint8_t from; /* of an extension: bytes in memory, the register is of operand size */
} forms[] = {
    {0x1fe, 0x08a, INSN_MOV, TO_REG, 0},
    {0x1fe, 0x088, INSN_MOV, 0, 0},
    {0x1fe, 0x0c6, INSN_MOV, IMM, 0},
    {0x1fe, 0x0f6, INSN_TEST, IMM, 0},
    {0x1ff, 0x1b6, INSN_MOV, TO_REG, 1}, /* MOVZX */
    {0x1ff, 0x1b7, INSN_MOV, TO_REG, 2},
    {0x1ff, 0x1be, INSN_MOV, TO_REG | SIGNED, 1}, /* MOVSX */
    {0x1ff, 0x1bf, INSN_MOV, TO_REG | SIGNED, 2},
    {0x1ff, 0x063, INSN_MOV, TO_REG | SIGNED, 4}, /* MOVSXD */
    {0x1fe, 0x0a0, INSN_MOV, OFFSET | TO_REG, 0},
    {0x1fe, 0x0a2, INSN_MOV, OFFSET, 0},
    {0x1fe, 0x084, INSN_TEST, 0, 0},
    {0x1fe, 0x080, 0, IMM | OP_MODRM, 0}, /* ADD, OR, AND, SUB, XOR, CMP: this and the following three */
    {0x1ff, 0x083, 0, IMM | IMM_8 | OP_MODRM, 0},
    {0x1c6, 0x000, 0, OP_OPCODE, 0},
    {0x1c6, 0x002, 0, OP_OPCODE | TO_REG, 0},
    {0x1fe, 0x086, INSN_XCHG, 0, 0},
};
#define FORMS (sizeof forms / sizeof *forms)

static const struct form *form_find(uint32_t opcode)
{
    for (size_t i = 0; i < FORMS; i++) {
        if ((opcode & forms[i].mask) == forms[i].opcode)
            return &forms[i];
    }
    return NULL;
}

/* --- The bytes --- */

static uint64_t ones(unsigned bytes)
{
    return UINT64_MAX >> ((64 - 8 * bytes) & 63);
}

static uint64_t extended(uint64_t value, unsigned bytes)
{
    return value & (ones(bytes) / 2 + 1) ? value | ~ones(bytes) : value & ones(bytes);
}

/* Behind the end are zeros: whether it went there is asked when all is known. */
struct cursor {
    const uint8_t *bytes;
    size_t size, at;
};

static uint8_t next(struct cursor *c)
{
    size_t at = c->at++;

    return at < c->size ? c->bytes[at] : 0;
}

static enum insn_result refuse(const struct cursor *c)
{
    return c->at > c->size ? INSN_SHORT : INSN_OTHER;
}

struct prefixes {
    bool opsize, adsize, lock, rep;
    uint8_t rex; /* 0: none */
};

/* Take the prefixes and the opcode: 0f xx is 1xx. Ends behind the last byte at the latest: zero is no prefix. */
static uint32_t prefixes_take(struct cursor *c, enum insn_mode mode, struct prefixes *p)
{
    for (;;) {
        uint8_t byte = next(c);

        switch (byte) {
        case 0x66:
            p->opsize = true;
            break;
        case 0x67:
            p->adsize = true;
            break;
        case 0xf0:
            p->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            p->rep = true;
            break;
        case 0x26: /* segments: the address is known */
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
            break;
        default:
            if (mode != INSN_64 || byte >> 4 != 4)
                return byte == 0x0f ? 0x100u | next(c) : byte;
            p->rex = byte;
            continue;
        }
        p->rex = 0; /* it counts only right before the opcode */
    }
}

/* Pass over SIB and displacement (volume 3, 1.4). */
static void address_pass(struct cursor *c, unsigned mod, unsigned rm, unsigned adsize)
{
    if (adsize == 2) {
        c->at += !mod && rm == 6 ? 2 : mod;
        return;
    }
    if (rm == 4)
        rm = next(c) & 7;
    c->at += mod == 1 ? 1 : mod || rm == 5 ? 4 : 0;
}

static uint64_t immediate_take(struct cursor *c, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)next(c) << 8 * i;
    return extended(value, bytes);
}

/* --- The instruction --- */

/* What ModRM or the opcode says of operation and register. False: none of ours. */
static bool operands_set(struct insn *i, const struct form *f, const struct prefixes *p, uint32_t opcode, uint8_t modrm)
{
    uint8_t field = modrm >> 3 & 7;
    uint32_t op = f->op;

    if (f->how & (OP_OPCODE | OP_MODRM)) {
        op = f->how & OP_MODRM ? field : opcode >> 3 & 7;
        if (op == OP_ADC || op == OP_SBB)
            return false;
    } else if (f->how & IMM && field) {
        return false;
    }
    i->op = op;
    i->to_reg = f->how & TO_REG;
    i->reads = i->to_reg || op != INSN_MOV;
    i->writes = !i->to_reg && op != INSN_CMP && op != INSN_TEST;
    if (p->lock && !(i->reads && i->writes))
        return false;
    i->is_signed = f->how & SIGNED;
    i->has_imm = f->how & IMM;
    if (!i->has_imm) {
        i->high = i->reg_size == 1 && !p->rex && field >= 4;
        i->reg = i->high ? field & 3 : field;
        if (p->rex & REX_R && !(f->how & OFFSET))
            i->reg |= 8;
    }
    return true;
}

enum insn_result insn_decode(const uint8_t *bytes, size_t size, enum insn_mode mode, struct insn *out)
{
    static const uint8_t opsizes[][2] = {{2, 4}, {4, 2}, {4, 2}}, adsizes[][2] = {{2, 4}, {4, 2}, {8, 4}};
    struct cursor c = {bytes, size < INSN_MAX ? size : INSN_MAX, 0};
    struct prefixes p = {0};
    struct insn i = {0};
    uint32_t opcode = prefixes_take(&c, mode, &p);
    const struct form *f = form_find(opcode);
    uint8_t full = p.rex & REX_W ? 8 : opsizes[mode][p.opsize], modrm = 0;

    if (!f || p.rep || (f->from == 4 && full != 8))
        return refuse(&c);
    i.reg_size = f->from || opcode & 1 ? full : 1;
    i.size = f->from ? f->from : i.reg_size;
    if (!(f->how & OFFSET))
        modrm = next(&c);
    if (modrm >> 6 == 3 || !operands_set(&i, f, &p, opcode, modrm))
        return refuse(&c);
    if (f->how & OFFSET)
        c.at += adsizes[mode][p.adsize];
    else
        address_pass(&c, modrm >> 6, modrm & 7, adsizes[mode][p.adsize]);
    if (i.has_imm)
        i.imm = immediate_take(&c, f->how & IMM_8 ? 1 : i.size == 8 ? 4 : i.size);
    if (c.at > c.size)
        return INSN_SHORT;
    i.len = (uint8_t)c.at;
    *out = i;
    return INSN_ACCESS;
}

/* --- What it does --- */

struct operation {
    uint64_t left, right, result;
};

static struct operation operate(const struct insn *i, const uint64_t gpr[16], uint64_t memory)
{
    uint64_t all = ones(i->size), other = i->has_imm ? i->imm : gpr[i->reg] >> (i->high ? 8 : 0), r;
    struct operation o = {memory & all, other & all, 0};

    if (i->to_reg)
        o = (struct operation){o.right, o.left, 0};
    switch (i->op) {
    case INSN_ADD:
        (void)__builtin_add_overflow(o.left, o.right, &r);
        break;
    case INSN_SUB:
    case INSN_CMP:
        (void)__builtin_sub_overflow(o.left, o.right, &r);
        break;
    case INSN_AND:
    case INSN_TEST:
        r = o.left & o.right;
        break;
    case INSN_OR:
        r = o.left | o.right;
        break;
    case INSN_XOR:
        r = o.left ^ o.right;
        break;
    default:
        r = o.right;
        break;
    }
    o.result = r & all;
    return o;
}

/* carry: out of each bit. Of logical operations there is none; AF, which they leave undefined, is 0 then. */
static uint64_t flags_of(const struct insn *i, const struct operation *o)
{
    uint64_t a = i->op == INSN_ADD ? o->left : ~o->left, b = o->right, r = o->result, carry = 0;
    unsigned top = 8u * i->size - 1, low = (unsigned)((r ^ r >> 4) & 0xf);

    if (i->op == INSN_ADD)
        carry = (a & b) | ((a | b) & ~r);
    else if (i->op == INSN_SUB || i->op == INSN_CMP)
        carry = (a & b) | ((a | b) & r);
    return (carry >> top & 1 ? FLAG_CF : 0) | ((carry >> top ^ carry >> (top - 1)) & 1 ? FLAG_OF : 0) |
           (carry & 8 ? FLAG_AF : 0) | (r ? 0 : FLAG_ZF) | (r >> top ? FLAG_SF : 0) | (0x9669 >> low & 1 ? FLAG_PF : 0);
}

static void register_set(const struct insn *i, uint64_t *reg, uint64_t value)
{
    uint64_t all = ones(i->reg_size);

    if (i->is_signed)
        value = extended(value, i->size);
    if (i->high)
        *reg = (*reg & ~UINT64_C(0xff00)) | value << 8;
    else
        *reg = (i->reg_size < 4 ? *reg & ~all : 0) | (value & all);
}

uint64_t insn_stored(const struct insn *i, const uint64_t gpr[16], uint64_t memory)
{
    return operate(i, gpr, memory).result;
}

void insn_retire(const struct insn *i, uint64_t gpr[16], uint64_t *rflags, uint64_t memory)
{
    struct operation o;

    if (i->op >= INSN_MOV) { /* the register gets what memory had */
        if (i->to_reg || i->op == INSN_XCHG)
            register_set(i, &gpr[i->reg], memory & ones(i->size));
        return;
    }
    o = operate(i, gpr, memory);
    *rflags = (*rflags & ~(uint64_t)FLAGS) | flags_of(i, &o);
    if (i->to_reg && i->op != INSN_CMP)
        register_set(i, &gpr[i->reg], o.result);
}
