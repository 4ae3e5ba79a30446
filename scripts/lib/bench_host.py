# SPDX-License-Identifier: Apache-2.0
"""The figures of the portable core on this machine: instructions under valgrind, which repeat, and counts of the plan."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "host" / "tests" / "bench" / "host_bench"
REGIONS = (16, 64, 256)  # of memory in one partition, each an extent
SIZES = (1, 16, 256)  # partitions; the board has so many CPUs, times 16 devices and 64 GiB
DEVICES = 16
LINES = 3  # of them have an interrupt
DEVICE_BASE = 0x20000000  # a page each
GIB = 1 << 30

# What is done with one system, in this order; together all that grows with it.
STAGES = ("dt_index", "board_read", "manifest_parse", "plan_build", "check_plan", "compile_tables", "compile_verify")
# What a partition may cost among 256, as a multiple of what it costs among 16.
ALL_MOST, STAGE_MOST, FRAMES_MOST = 1.5, 2.0, 1.05

# Metric: the most it may be (None: no bar), and what it says.
FIGURES: dict[str, tuple[int | None, str]] = {
    "compile_insns_per_leaf": (150, "instructions, a leaf entry of a partition"),
    "verify_insns_per_frame": (6_000, "instructions, a table frame of a partition"),
    "frames_1vm": (None, "frames of the hypervisor, one partition of 64 GiB and 16 devices"),
    "frames_16vm": (None, "frames of the hypervisor, 16 such partitions"),
    "frames_256vm": (None, "frames of the hypervisor, 256 such partitions: 4,096 devices, 16 TiB"),
    "device_insns_16vm": (None, "instructions, all that is done with one of 256 devices, from device trees to verified tables"),
    "device_insns_256vm": (None, "instructions, the same with one of 4,096"),
    "scale_faults": (0, "what grows faster than partitions and extents, or with memory: on stderr"),
}


def board(count: int) -> str:
    """A board for so many partitions: their CPUs, their memory and 1 GiB, their devices behind one SMMU."""
    cpus = "".join(f'cpu@{n:x} {{ device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <{n:#x}>; enable-method = "psci"; }};\n'
                   for n in (i // 16 << 8 | i % 16 for i in range(count)))
    devices = "".join(
        f'dma@{DEVICE_BASE + i * 4096:x} {{ compatible = "test,dma"; reg = <0 {DEVICE_BASE + i * 4096:#x} 0 0x1000>; '
        + (f"interrupts = <0 {100 + i // DEVICES * LINES + i % DEVICES} 4>; " if i % DEVICES < LINES else "")
        + f"iommus = <&smmu {i:#x}>; }};\n" for i in range(count * DEVICES))
    return f"""/dts-v1/;
/ {{
#address-cells = <2>; #size-cells = <2>; compatible = "test,large"; interrupt-parent = <&gic>; dma-coherent;
chosen {{ stdout-path = "/serial@c100000"; }};
psci {{ compatible = "arm,psci-1.0"; method = "smc"; }};
memory@100000000 {{ device_type = "memory"; reg = <1 0 {cells((count * 64 + 1) * GIB)}>; }};
cpus {{ #address-cells = <1>; #size-cells = <0>;
{cpus}}};
timer {{ compatible = "arm,armv8-timer"; interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>; }};
gic: gic@8000000 {{ compatible = "arm,gic-v3"; reg = <0 0x8000000 0 0x10000>, <0 0xa000000 0 {count * 0x20000:#x}>;
    interrupts = <1 9 4>; interrupt-controller; #interrupt-cells = <3>; #redistributor-regions = <1>; }};
serial@c100000 {{ compatible = "arm,pl011", "arm,primecell"; reg = <0 0xc100000 0 0x1000>; interrupts = <0 1 4>; }};
smmu: smmu@c200000 {{ compatible = "arm,smmu-v3"; reg = <0 0xc200000 0 0x20000>; interrupts = <0 74 1>, <0 77 1>;
    interrupt-names = "eventq", "gerror"; #iommu-cells = <1>; }};
{devices}}};
"""


def cells(number: int) -> str:
    return f"{number >> 32:#x} {number & 0xffffffff:#x}"


def manifest(count: int, size: int, base: int = 4 * GIB, regions: int = 1) -> str:
    """So many partitions with memory of this size at base, and with further regions of 2 MiB above it."""
    def device(n: int) -> str:
        return f'd{n % DEVICES} {{ path = "/dma@{DEVICE_BASE + n * 4096:x}"; }};'

    return "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; partitions {\n" + "".join(
        f"""vm{i} {{ cpus = <{i // 16 << 8 | i % 16:#x}>; physmap = "translated";
kernel {{ file = "guest"; load = <{cells(base + 0x80000)}>; }};
memory {{ #address-cells = <2>; #size-cells = <2>; ram@{base:x} {{ type = "ram"; reg = <{cells(base)} {cells(size)}>; }};
{''.join(f'r@{at:x} {{ type = "ram"; reg = <{cells(at)} 0 0x200000>; }};' for at in (base + size + k * (4 << 20) for k in range(1, regions)))} }};
devices {{ {' '.join(device(i * DEVICES + k) for k in range(DEVICES))} }}; }};
""" for i in range(count)) + "}; };\n"


def compiled(text: str, path: pathlib.Path) -> str:
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", str(path), "-"], input=text.encode(), check=True)
    return str(path)


def run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stdout.decode()}")
    return done.stdout.decode()


def counts(said: str) -> dict[str, int]:
    """The key=value lines of the program."""
    return {k: int(v) for k, v in re.findall(r"^(\w+)=(\d+)$", said, re.MULTILINE)}


def plan(at: pathlib.Path, machine: str, guests: str) -> list[str]:
    """The command that runs the pipeline on a board and a manifest."""
    return [str(PROGRAM), compiled(machine, at / "board.dtb"), compiled(guests, at / "manifest.dtb")]


def measured(at: pathlib.Path, machine: str, guests: str) -> tuple[dict[str, int], dict[str, int]]:
    """Counts of a system, and instructions by function with what it calls: one run."""
    profile = str(at / "callgrind.out")
    command = plan(at, machine, guests)
    found = counts(run("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", *command))
    listed = run("callgrind_annotate", "--inclusive=yes", "--threshold=100", profile)
    insns = {m[2]: int(m[1].replace(",", "")) for m in re.finditer(r"^ *([\d,]+) .*?[^\s:]+:(\w+) \[", listed, re.MULTILINE)}
    return found, insns


def scale_check(count: dict[int, dict[str, int]], insns: dict[int, dict[str, int]]) -> list[str]:
    """What grows faster than partitions do."""
    few, many = SIZES[1], SIZES[2]
    cost = {s: (insns[few][s], insns[many][s]) for s in STAGES}
    bound = {s: STAGE_MOST for s in STAGES} | {"all": ALL_MOST}
    cost["all"] = (sum(c[0] for c in cost.values()), sum(c[1] for c in cost.values()))
    faults = [f"{s}: {c[0]} instructions of {few} partitions, {c[1]} of {many}: more than {bound[s]} times as many of each"
              for s, c in cost.items() if c[1] / many > c[0] / few * bound[s]]
    step = [(count[b]["frames"] - count[a]["frames"]) / (b - a) for a, b in zip(SIZES, SIZES[1:])]
    if step[1] > step[0] * FRAMES_MOST:
        faults.append(f"frames: {step[0]:.1f} more with each partition up to {few}, {step[1]:.1f} up to {many}")
    return faults


def extents_check(at: pathlib.Path) -> list[str]:
    """What is done with the extents of one partition grows as they do."""
    of = [measured(at, board(16), manifest(1, 64 << 20, regions=n))[1] for n in REGIONS]
    cost = [sum(insns[s] for s in STAGES if s in ("plan_build", "check_plan", "compile_tables", "compile_verify")) for insns in of]
    each = [(cost[i + 1] - cost[i]) / (REGIONS[i + 1] - REGIONS[i]) for i in (0, 1)]
    if each[1] <= each[0] * ALL_MOST:
        return []
    return [f"extents: {each[0]:.0f} instructions more with each up to {REGIONS[1]}, {each[1]:.0f} up to {REGIONS[2]}"]


def memory_check(at: pathlib.Path) -> list[str]:
    """One partition of 1 GiB and of 64 GiB, where 1 GiB leaves fit and where they fit but for the ends."""
    faults = []
    for base in (64 * GIB, 64 * GIB + (2 << 20)):
        frames = [counts(run(*plan(at, board(2), manifest(1, size * GIB, base))))["frames"] for size in (1, 64)]
        if frames[0] != frames[1]:
            faults.append(f"frames: {frames[0]} with 1 GiB at {base:#x}, {frames[1]} with 64 GiB")
    return faults


def figures() -> dict[str, int | None]:
    """Instructions of a leaf or frame are those of 15 partitions more."""
    with tempfile.TemporaryDirectory() as folder:
        at = pathlib.Path(folder)
        found = {n: measured(at, board(n), manifest(n, 64 * GIB - (2 << 20))) for n in SIZES}
        faults = memory_check(at) + extents_check(at)
    count, insns = ({n: f[i] for n, f in found.items()} for i in (0, 1))
    faults += scale_check(count, insns)
    for fault in faults:
        print(f"bench: {fault}", file=sys.stderr)

    def per(function: str, of: str) -> int:
        return (insns[16][function] - insns[1][function]) // (count[16][of] - count[1][of])

    figure: dict[str, int | None] = {"compile_insns_per_leaf": per("pt_build", "leaves"), "verify_insns_per_frame": per("verify_tables", "tables"),
                                      "scale_faults": len(faults)}
    for n in SIZES:
        figure[f"frames_{n}vm"] = count[n]["frames"]
        figure[f"device_insns_{n}vm"] = sum(insns[n][s] for s in STAGES) // count[n]["devices"]
    return {k: figure[k] for k in FIGURES}
