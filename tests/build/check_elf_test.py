#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_elf.py finds what it is there to find: one wrong image for each rule, made by clang and ld.lld."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_elf  # noqa: E402

GOOD = 'static int x; int *p = &x; int _start(void); int _start(void) { return *p; }'
CASES = [  # name, source, more linker flags, more compiler flags, words of the complaint (None: clean)
    ("good", GOOD, [], ["-mgeneral-regs-only"], None),
    ("writable text", GOOD, ["--omagic"], [], "writable and executable"),
    ("undefined symbol", "extern int y; int _start(void); int _start(void) { return y; }",
     ["--unresolved-symbols=ignore-all"], [], "undefined symbol y"),
    ("symbolic relocation", "extern int y; static int *volatile p = &y; int _start(void); int _start(void) { return *p; }",
     ["-shared"], [], "relocation type"),
    ("relr", GOOD, ["--pack-dyn-relocs=relr"], [], "does not apply"),
    ("floating point", "double d; int _start(void); int _start(void) { d = d * 2; return 0; }", [], [], "FP or SIMD"),
    ("executable stack", GOOD, ["-z", "execstack"], [], "executable stack"),
]


def build(folder, source, linker, compiler):
    c, o, elf = (os.path.join(folder, n) for n in ("t.c", "t.o", "t.elf"))
    with open(c, "w") as f:
        f.write(source)
    subprocess.run(["clang", "--target=aarch64-none-elf", "-O1", "-fpie", "-ffreestanding", *compiler,
                    "-c", c, "-o", o], check=True)
    kind = [] if "-shared" in linker else ["-pie", "--no-dynamic-linker"]
    subprocess.run(["ld.lld", *kind, "-z", "separate-code", "-z", "max-page-size=4096", *linker, o, "-o", elf],
                   check=True, stderr=subprocess.DEVNULL)  # of --omagic it warns
    with open(elf, "rb") as f:
        image = check_elf.Elf(f.read())
    return [*check_elf.check_segments(image), *check_elf.check_links(image),
            *check_elf.check_code(check_elf.disassemble(elf))]


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, source, linker, compiler, words in CASES:
            said = build(folder, source, linker, compiler)
            if (words is None and said) or (words and not any(words in s for s in said)):
                print(f"{name}: wanted {words!r}, got {said}")
                bad = 1
    simd = list(check_elf.check_code(["0 <f>:", "       0:      \tbl\t0x40 <fdt_open_into>"]))
    if len(simd) != 1:
        print(f"a call of a SIMD function was not seen: {simd}")
        bad = 1
    simd = list(check_elf.check_code(["0 <f>:", "       0:      \tmovaps\t%xmm0, (%rsp)", "       4:      \tmovl\t%eax, %ebx"]))
    if len(simd) != 1:
        print(f"an SSE register was not seen: {simd}")
        bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
