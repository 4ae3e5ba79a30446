# SPDX-License-Identifier: Apache-2.0
"""The figures of the aarch64 board and of the core on this machine: bench.py [--json | --check | --check-host].
--check, --check-host: one of them, exit status 1 when a bar is missed."""
import json
import re
import subprocess
import sys
import tempfile

import bench_host
from board import ROOT, Board, prepare

BUILD = ROOT / "build" / "aarch64"
GUEST_MIB = 16  # of examples/bench: what its scrubbing is divided by

# Metric: the most it may be (None: no bar), and what it says.
FIGURES: dict[str, tuple[int | None, str]] = {
    "hvc_unknown": (100, "instructions, HVC of an unknown function"),
    "hvc_psci_version": (150, "instructions, HVC of PSCI_VERSION"),
    "mmio_gicd_typer": (200, "instructions, read of GICD_TYPER"),
    "mmio_gicd_isenabler": (500, "instructions, read of GICD_ISENABLER1"),
    "irq_timer_added": (120, "instructions, virtual timer to the guest's handler, more than on bare metal"),
    "sgi_self": (600, "instructions, SGI to oneself to the handler"),
    "boot_1vm_1cpu": (600_000, "instructions, entry to the first one of the guest, without scrubbing"),
    "boot_core": (150_000, "instructions, the same without reading and writing device trees"),
    "scrub_per_mib": (None, "instructions, clearing a MiB of guest memory"),
    "text_bytes": (114_688, "bytes of code"),
    "rodata_bytes": (None, "bytes of constants"),
    "data_bytes": (None, "bytes of initialised data"),
    "bss_bytes": (None, "bytes of zeroed data"),
    "hv_kib_2vm_2cpu": (480, "KiB of the board that the hypervisor keeps, two guests of two CPUs"),
    "frames_p2m": (None, "frames, second-stage table of the demo's linux"),
    "frames_bfn": (None, "frames, bfn map of the demo's linux"),
    "frames_scratch": (4, "frames, scratch page and tree of the demo's linux"),
    "sloc": (14_000, "source lines compiled, without libfdt"),
}


def meter(command: list[str], prefix: str) -> dict[str, int]:
    """The key=value lines of the measuring guest."""
    with Board(command, limit=100) as board:
        board.expect(rf"^{re.escape(prefix)}meter: PASS")
        return {k: int(v) for k, v in re.findall(rf"^{re.escape(prefix)}(\w+)=(\d+)$", board.text, re.MULTILINE)}


def boot_line(example: str, pattern: str) -> list[int]:
    """The numbers of one line that the hypervisor says at boot."""
    build, command = prepare(example)
    for name in re.findall(r"file=([^,]+)", " ".join(command)):
        open(name, "ab").close()
    with Board(command, limit=60) as board:
        return [int(n) for n in board.expect(pattern).groups()]


def guest_figures() -> dict[str, int]:
    _, command = prepare("bench")
    m = meter(command, "[meter] ")
    native = [word.replace("virtualization=on", "virtualization=off") for word in command[:-1]]
    bare = meter(native + [str(BUILD / "tests/guests/meter.bin")], "")
    boot = m["first"] - m["stamp_entry"] - (m["stamp_scrub"] - m["stamp_program"])
    trees = m["stamp_read"] - m["stamp_entry"] + m["stamp_dtb"] - m["stamp_load"]
    figures = {k: m[k] for k in ("hvc_unknown", "hvc_psci_version", "mmio_gicd_typer", "mmio_gicd_isenabler", "sgi_self")}
    return figures | {
        "irq_timer_added": m["irq_timer"] - bare["irq_timer"],
        "boot_1vm_1cpu": boot,
        "boot_core": boot - trees,
        "scrub_per_mib": (m["stamp_scrub"] - m["stamp_program"]) // GUEST_MIB,
    }


def section_figures() -> dict[str, int]:
    said = subprocess.run(["llvm-size", "-A", str(BUILD / "mullion.elf")], stdout=subprocess.PIPE, check=True).stdout.decode()
    size = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
    for name, count, address in re.findall(r"^\.(\S+)\s+(\d+)\s+(\d+)", said, re.MULTILINE):
        if name.startswith("debug") or (address == "0" and name != "text"):
            continue  # not in memory
        size[name if name in size else "rodata"] += int(count)  # constants: relocations and what they fill in, too
    return {f"{k}_bytes": v for k, v in size.items()}


def sloc() -> int:
    """Lines of every file of ours that the compiler read for mullion.elf."""
    files = set()
    said = subprocess.run(["ninja", "-C", str(BUILD), "-t", "deps"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for block in said.split("\n\n"):
        if block.startswith("CMakeFiles/mullion.elf.dir/"):
            files |= {(BUILD / line.strip()).resolve() for line in block.split("\n")[1:] if line.strip()}
    ours = sorted(str(f) for f in files if any(ROOT / d in f.parents for d in ("kernel", "boot", "abi")))
    with tempfile.NamedTemporaryFile("w") as listed:
        listed.write("\n".join(ours))
        listed.flush()
        counted = subprocess.run(["cloc", "--json", "--skip-uniqueness", f"--list-file={listed.name}"],
                                 stdout=subprocess.PIPE, check=True).stdout
    return int(json.loads(counted)["SUM"]["code"])


def figures() -> dict[str, int]:
    found = guest_figures() | section_figures()
    found["hv_kib_2vm_2cpu"] = boot_line("bench-2x2", r"^\[mullion\] memory: hypervisor (\d+) KiB")[0]
    frames = boot_line("virt", r"^\[mullion\] linux: frames p2m=(\d+) bfn=(\d+) scratch=(\d+)")
    found |= dict(zip(("frames_p2m", "frames_bfn", "frames_scratch"), frames))
    found["sloc"] = sloc()
    return {k: found[k] for k in FIGURES}


# What --json calls it: its metrics, how they are found, and the option that checks only it.
SECTIONS = {
    "aarch64-virt-gicv3": (FIGURES, figures, "--check"),
    "host": (bench_host.FIGURES, bench_host.figures, "--check-host"),
}


def main() -> int:
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    sections = {name: s for name, s in SECTIONS.items() if not mode.startswith("--check") or mode == s[2]}
    found = {name: find() for name, (_, find, _) in sections.items()}
    if mode == "--json":
        print(json.dumps(found))
        return 0
    missed = 0
    for name, values in found.items():
        print(f"{name}:")
        for metric, value in values.items():
            bar, what = sections[name][0][metric]
            over = bar is not None and (value is None or value > bar)
            missed += over
            print(f"  {metric:22} {'refused' if value is None else value:>9}  {'' if bar is None else f'<= {bar}':11} {'MISSED ' if over else ''}{what}")
    return 1 if missed and mode.startswith("--check") else 0


if __name__ == "__main__":
    sys.exit(main())
