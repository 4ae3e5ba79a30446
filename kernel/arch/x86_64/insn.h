/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions with which guests reach emulated devices (AMD64 Architecture Programmer's Manual, volume 3).
 * A nested page fault says which address was accessed and whether to write; how much, and from or to which
 * register, only the instruction's bytes say. They come from the guest's memory and are believed in nothing: the
 * other CPUs of the guest may have changed them since.
 *
 * What is decoded is what the drivers of Linux, EDK2 and SeaBIOS do to a local APIC, an I/O APIC, an HPET, ECAM
 * and MSI-X tables, and what compilers make of it:
 *   MOV    88-8b, a0-a3, c6 /0, c7 /0   readl, writel, MmioRead, MmioWrite
 *   MOVZX, MOVSX, MOVSXD                readb and readw, a volatile member of another width
 *   AND, OR, XOR, ADD, SUB, CMP, TEST   clang folds a volatile load into the operation (TEST: Linux waits so for
 *                                       the ICR), and |= and &= into one with a destination in memory (MmioOr32)
 *   XCHG                                Linux writes APICs with it that have the erratum 11AP
 * Nothing else is: no strings (MOVS, STOS), no REP, no stack, no ADC and SBB, no bit operations, no floating point
 * and no vectors; nor the second encodings of the above that no assembler makes (82, F6 /1, F7 /1, MOVSXD without
 * REX.W).
 */
#ifndef KERNEL_ARCH_X86_64_INSN_H
#define KERNEL_ARCH_X86_64_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX 15u /* bytes of the longest instruction */

/* The kind of the code segment: CS.L decides only while EFER.LMA is set; real and virtual-8086 mode are 16-bit. */
enum insn_mode {
    INSN_16, /* CS.D = 0 */
    INSN_32, /* CS.D = 1 */
    INSN_64, /* EFER.LMA and CS.L */
};

enum insn_result {
    INSN_ACCESS,
    INSN_SHORT, /* the bytes end before the instruction does; of INSN_MAX bytes: it is too long to be one */
    INSN_OTHER, /* no access that emulated devices need, or none to memory at all */
};

/* Those that set flags have the number that opcodes and ModRM.reg give them. */
enum insn_op {
    INSN_ADD,
    INSN_OR,
    INSN_AND = 4,
    INSN_SUB,
    INSN_XOR,
    INSN_CMP,
    INSN_TEST,
    INSN_MOV, /* this and the following set no flags */
    INSN_XCHG,
};

struct insn {
    uint8_t len; /* 1..15 bytes */
    enum insn_op op;
    bool reads, writes; /* memory; of both the read is first */
    uint8_t size;       /* of the access: 1, 2, 4 or 8 bytes */
    bool to_reg;        /* the register is the left operand, and the destination if there is one */
    uint8_t reg;        /* index into gpr; nothing if has_imm */
    bool high;          /* bits 15:8 of it: AH, CH, DH, BH */
    uint8_t reg_size;   /* bytes of it that take part; more than size: the value read is extended, */
    bool is_signed;     /* with its sign, else with zeros */
    bool has_imm;       /* the right operand is imm, sign-extended to 64 bits */
    uint64_t imm;
};

/*
 * Decode the instruction at the start of bytes, of which at most INSN_MAX are looked at. Prefixes are those that
 * the processor takes with these instructions; LOCK only where it is no #UD. *out is set for INSN_ACCESS only.
 */
enum insn_result insn_decode(const uint8_t *bytes, size_t size, enum insn_mode mode, struct insn *out);

/*
 * What an access does, in two steps, for the device may refuse it. memory is what the device gave if the
 * instruction reads, gpr the registers as they are encoded (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15):
 *   memory = reads ? device_read(size) : 0;
 *   if (writes) device_write(size, insn_stored(i, gpr, memory));
 *   insn_retire(i, gpr, &rflags, memory);
 * The caller has compared writes with the fault's error code and size with the end of the page, and sees to
 * atomicity if the device needs it. RIP += len (outside 64-bit mode 32 bits of it), RF, the interrupt shadow and a
 * pending single step are the caller's, too.
 */
uint64_t insn_stored(const struct insn *i, const uint64_t gpr[16], uint64_t memory);

/* Give the register its value (32-bit ones lose the upper half, smaller ones keep what is around), set the flags. */
void insn_retire(const struct insn *i, uint64_t gpr[16], uint64_t *rflags, uint64_t memory);

#endif
