# SPDX-License-Identifier: Apache-2.0
"""The figures of the portable core on this machine: instructions under valgrind, which repeat, and counts of the plan."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "host" / "tests" / "bench" / "host_bench"
PARTITIONS = 256  # of the board: as many CPUs, 16 devices and 64 GiB for each
DEVICES = 16
DEVICE_BASE = 0x20000000  # a page each

# Metric: the most it may be (None: no bar), and what it says.
FIGURES: dict[str, tuple[int | None, str]] = {
    "compile_insns_per_leaf": (150, "instructions, a leaf entry of a partition"),
    "verify_insns_per_frame": (6_000, "instructions, a table frame of a partition"),
    "frames_1vm": (None, "frames of the hypervisor, one partition of 64 GiB and 16 devices"),
    "frames_16vm": (None, "frames of the hypervisor, 16 such partitions"),
    "frames_256vm": (None, "frames of the hypervisor, 256 such partitions: 4,096 devices, 16 TiB"),
}


def board() -> str:
    """A board of 256 CPUs, 16 TiB and 1 GiB, and 4,096 devices behind one SMMU."""
    cpus = "".join(f'cpu@{n:x} {{ device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <{n:#x}>; enable-method = "psci"; }};\n'
                   for n in (i // 16 << 8 | i % 16 for i in range(PARTITIONS)))
    devices = "".join(f'dma@{DEVICE_BASE + i * 4096:x} {{ compatible = "test,dma"; reg = <0 {DEVICE_BASE + i * 4096:#x} 0 0x1000>; '
                      f"iommus = <&smmu {i:#x}>; }};\n" for i in range(PARTITIONS * DEVICES))
    return f"""/dts-v1/;
/ {{
#address-cells = <2>; #size-cells = <2>; compatible = "test,large"; interrupt-parent = <&gic>; dma-coherent;
chosen {{ stdout-path = "/serial@c100000"; }};
psci {{ compatible = "arm,psci-1.0"; method = "smc"; }};
memory@100000000 {{ device_type = "memory"; reg = <1 0 0x1000 0x40000000>; }};
cpus {{ #address-cells = <1>; #size-cells = <0>;
{cpus}}};
timer {{ compatible = "arm,armv8-timer"; interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>; }};
gic: gic@8000000 {{ compatible = "arm,gic-v3"; reg = <0 0x8000000 0 0x10000>, <0 0xa000000 0 {PARTITIONS * 0x20000:#x}>;
    interrupts = <1 9 4>; interrupt-controller; #interrupt-cells = <3>; #redistributor-regions = <1>; }};
serial@c100000 {{ compatible = "arm,pl011", "arm,primecell"; reg = <0 0xc100000 0 0x1000>; interrupts = <0 1 4>; }};
smmu: smmu@c200000 {{ compatible = "arm,smmu-v3"; reg = <0 0xc200000 0 0x20000>; interrupts = <0 74 1>, <0 77 1>;
    interrupt-names = "eventq", "gerror"; #iommu-cells = <1>; }};
{devices}}};
"""


def manifest(count: int) -> str:
    def device(n: int) -> str:
        return f'd{n % DEVICES} {{ path = "/dma@{DEVICE_BASE + n * 4096:x}"; }};'

    return "/dts-v1/;\n/ { compatible = \"mullion,manifest-v1\"; partitions {\n" + "".join(
        f"""vm{i} {{ cpus = <{i // 16 << 8 | i % 16:#x}>; physmap = "translated";
kernel {{ file = "guest"; load = <1 0x80000>; }};
memory {{ #address-cells = <2>; #size-cells = <2>; ram@100000000 {{ type = "ram"; reg = <1 0 0xf 0xffe00000>; }}; }};
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


def counts(inputs: list[str]) -> dict[str, int]:
    """What the plan says; nothing when it is refused, for the reason on stderr."""
    said = subprocess.run([str(PROGRAM), *inputs], stdout=subprocess.PIPE, check=False).stdout.decode()
    return {k: int(v) for k, v in re.findall(r"^(\w+)=(\d+)$", said, re.MULTILINE)}


def instructions(function: str, inputs: list[str]) -> int:
    """Of all calls of a function, with what it calls."""
    said = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
               f"--toggle-collect={function}", str(PROGRAM), *inputs)
    return int(re.search(r"Collected : (\d+)", said).group(1))


def figures() -> dict[str, int | None]:
    """Instructions are those of 15 partitions more: without the hypervisor's own tables."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        at = pathlib.Path(folder)
        machine = compiled(board(), at / "board.dtb")
        inputs = {n: [machine, compiled(manifest(n), at / f"{n}.dtb")] for n in (1, 16, PARTITIONS)}
        count = {n: counts(i) for n, i in inputs.items()}
        for name, function, of in (("compile_insns_per_leaf", "pt_build", "leaves"), ("verify_insns_per_frame", "verify_tables", "tables")):
            more = instructions(function, inputs[16]) - instructions(function, inputs[1])
            found[name] = more // (count[16][of] - count[1][of])
        for n, c in count.items():
            found[f"frames_{n}vm"] = c.get("frames")
    return {k: found[k] for k in FIGURES}
