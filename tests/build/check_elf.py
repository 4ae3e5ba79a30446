#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the image promises: no segment both writable and executable, text and constants not
writable, only relative relocations (x86_64, which stays where it is linked: none), nothing undefined, no FP or
SIMD register in use."""
import re
import struct
import subprocess
import sys

PT_LOAD, PT_INTERP, PT_GNU_STACK = 1, 3, 0x6474E551
PF_X, PF_W = 1, 2
EM_X86_64 = 62
SHT_RELA, SHT_REL, SHT_SYMTAB, SHT_DYNSYM, SHT_RELR = 4, 9, 2, 11, 19
SHF_EXECINSTR = 4
R_AARCH64_RELATIVE = 1027

# Functions of libfdt that the compiler gave SIMD copies. They are linked with their file, and must not be called.
LIBFDT_SIMD = {"fdt_open_into", "fdt_splice_mem_rsv_", "fdt_appendprop_addrrange"}
# Zeroes the registers, so that no guest starts with what firmware left in them.
ON_PURPOSE = {"cpu_clear_fp", "svm_clear_fp"}
FP_REGISTER = re.compile(r"(?<![\w#.])[vqdshb](?:[12]?\d|3[01])\b|%[xyz]?mm\d|%st\b")


class Elf:
    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a little-endian ELF64")
        h = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        self.machine = h[1]
        self.segments = [struct.unpack_from("<IIQQQQQQ", data, h[4] + i * h[8]) for i in range(h[9])]
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, h[5] + i * h[10]) for i in range(h[11])]
        self.names = self.sections[h[12]][4]

    def string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def section_name(self, s):
        return self.string(self.names + s[0])

    def entries(self, kinds, form):
        size = struct.calcsize(form)
        for s in self.sections:
            if s[1] in kinds:
                for at in range(s[4], s[4] + s[5], size):
                    yield s, struct.unpack_from(form, self.data, at)


def check_segments(elf):
    for kind, flags, _, vaddr, _, _, memsz, _ in elf.segments:
        if flags & PF_W and flags & PF_X:
            yield f"segment at {vaddr:#x} is writable and executable"
        if kind == PT_INTERP:
            yield "asks for a dynamic linker"
        if kind == PT_GNU_STACK and flags & PF_X:
            yield "asks for an executable stack"
    loads = [(s[3], s[3] + s[6], s[1]) for s in elf.segments if s[0] == PT_LOAD]
    for i, (start, end, flags) in enumerate(loads):
        if any(start // 4096 * 4096 < e and s < -(-end // 4096) * 4096 for s, e, _ in loads[:i]):
            yield f"segment at {start:#x} shares a frame with another"
    for s in elf.sections:
        name, addr = elf.section_name(s), s[3]
        segment = next((f for start, end, f in loads if start <= addr < end and s[5]), None)
        if segment is None:
            continue
        if name in (".text", ".rodata", ".data.rel.ro") and segment & PF_W:
            yield f"{name} is in a writable segment"
        if s[2] & SHF_EXECINSTR and not segment & PF_X:
            yield f"{name} holds code outside the executable segment"


def check_links(elf):
    if elf.machine == EM_X86_64 and any(s[1] == SHT_RELA for s in elf.sections):
        yield "has relocations, which nobody applies"
    for s, (offset, info, _) in elf.entries({SHT_RELA}, "<QQq"):
        if info & 0xFFFFFFFF != R_AARCH64_RELATIVE:
            yield f"{elf.section_name(s)}: relocation type {info & 0xFFFFFFFF} at {offset:#x}, head.S applies only RELATIVE"
    for s in elf.sections:
        if s[1] in (SHT_REL, SHT_RELR):
            yield f"{elf.section_name(s)}: a kind of relocation section that head.S does not apply"
    for s, (name, _, _, index, _, _) in elf.entries({SHT_SYMTAB, SHT_DYNSYM}, "<IBBHQQ"):
        if index == 0 and name:
            yield f"undefined symbol {elf.string(elf.sections[s[6]][4] + name)}"


def check_code(lines):
    """lines: what llvm-objdump prints."""
    function, seen = "", 0
    for line in lines:
        if m := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            function = m[1]
        elif m := re.match(r"\s*[0-9a-f]+:\s+(\S+)\s*(.*)", line):
            seen += 1
            if re.search(r"\.(byte|hword|short|word|xword)\b", m[2]):
                continue  # data between the functions
            operands = re.sub(r"//.*", "", m[2])
            target = re.search(r"<(\w+)>", operands)
            operands = re.sub(r"<.*?>", "", operands)
            if target and target[1] in LIBFDT_SIMD and not function.startswith("fdt_"):
                yield f"{function} calls {target[1]}, which uses SIMD registers"
            if FP_REGISTER.search(operands) and function not in LIBFDT_SIMD | ON_PURPOSE:
                yield f"{function}: {m[1]} {operands.strip()} uses an FP or SIMD register"
    if seen == 0:
        yield "no code was found to check"


def disassemble(path):
    command = ["llvm-objdump", "-d", "--no-show-raw-insn", path]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main(path):
    with open(path, "rb") as f:
        elf = Elf(f.read())
    code = disassemble(path)
    wrong = [*check_segments(elf), *check_links(elf), *check_code(code)]
    for w in wrong:
        print(f"{path}: {w}")
    if not wrong:
        relocations = sum(1 for _ in elf.entries({SHT_RELA}, "<QQq"))
        print(f"{path}: {len(elf.segments)} segments, {relocations} relocations, {len(code)} lines of code checked")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
