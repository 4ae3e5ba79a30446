# SPDX-License-Identifier: Apache-2.0
"""What the manifest can ask for, shown on boards: features.py NAME (from ctest; see CMakeLists.txt)"""
import json
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boards import HERE, Wrong, need

from board import FOCUS, ROOT, Board, Timeout, disk_copy_sum, disk_fill, prepare

MIB = 1 << 20
PAGE = 4096
RAM = 0xd0000000  # of every guest of features.c
HOLE = 0x7654321000
MARK = 0xfeedfacecafef00d  # what features.c floods with
STRAYS, FAULTS, RESETS = 2, 1, 3  # items of MULLION_INFO


# -- a board, its guests, its memory


class Quick(Board):
    """A board whose guests take a whole line at once: their UARTs' FIFOs hold it."""

    def send(self, text: str) -> None:
        assert self._qemu.stdin is not None
        self._qemu.stdin.write(text.encode())
        self._qemu.stdin.flush()


class Guest:
    """A guest of tests/guests/features.c, by its commands. Numbers are addresses and values as the guest has them."""

    focused: "dict[int, str]" = {}  # by board

    def __init__(self, board: Board, name: str) -> None:
        self.board, self.name, self.answers = board, name, 0

    def focus(self) -> None:
        if Guest.focused.get(id(self.board)) == self.name:
            return
        for _ in range(8):
            if id(self.board) in Guest.focused:  # else: the line that says so at the start
                self.board.send(FOCUS)
            Guest.focused[id(self.board)] = self.board.expect(r"^\[mullion\] input goes to (\S+)", 10)[1]
            if Guest.focused[id(self.board)] == self.name:
                return
        raise Wrong(f"the input does not go to {self.name}")

    def send(self, letter: str, *values: int) -> None:
        self.focus()
        self.board.send(" ".join([letter, *(f"{v:x}" for v in values)]) + "\n")

    def answer(self, timeout: float = 20) -> str:
        said = self.board.expect(rf"^\[{self.name}\] = {self.answers:x} (.*)\.$", timeout)[1]
        self.answers += 1
        return said

    def ask(self, letter: str, *values: int) -> str:
        self.send(letter, *values)
        return self.answer()

    def read(self, address: int) -> int:
        return int(self.ask("r", address), 16)

    def write(self, address: int, value: int) -> None:
        need(self.ask("w", address, value) == f"{value:x}", f"{self.name}: a write to 0x{address:x} is aborted")

    def is_closed(self, address: int) -> bool:
        return self.ask("r", address) == "abort" and self.ask("w", address, 0) == "abort"

    def use(self, slot: int) -> None:
        """The edu device in that slot of the guest is the one that does the DMA from here on."""
        need(self.ask("d", slot) == "done", f"{self.name}: no edu device in slot {slot}")

    def dma_read(self, address: int) -> int:
        return int(self.ask("i", address), 16)

    def dma_write(self, address: int, value: int) -> None:
        need(self.ask("o", address, value) == "done", f"{self.name}: the DMA does not end")

    def dma_works(self) -> bool:
        value = time.monotonic_ns() & 0xffffffff
        at = RAM + 0x180000
        self.write(at, 0)
        self.dma_write(at, value)
        return self.read(at) == value and self.dma_read(at) == value

    def info(self, item: int) -> int:
        return int(self.ask("n", item), 16)

    def audit(self) -> int:
        """Bytes of the scratch page that were changed."""
        return int(self.ask("a").split()[1], 16)

    def memory_is(self, seed: int) -> bool:
        said = self.ask("c", seed)
        if said != "as it was":
            print(f"{self.name}: memory: {said}")
        return said == "as it was"

    def reset(self, letter: str = "R", *values: int) -> None:
        self.send(letter, *values)
        self.board.expect(rf"^\[{self.name}\] features: ready$", 30)
        self.answers = 0


def said(board: Board, pattern: str, timeout: float = 5) -> None:
    """A line with the pattern, anywhere in what has been said, or soon."""
    end = time.monotonic() + timeout
    while not re.search(pattern, board.text, re.MULTILINE):
        if time.monotonic() > end:
            raise Wrong(f"no line {pattern!r}")
        time.sleep(0.05)


class Monitor:
    """QEMU's QMP: machine memory, from beside the board."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.lines: Iterator[str] = iter(self.socket.makefile("r"))
        next(self.lines)
        self.run("qmp_capabilities")

    def run(self, name: str, **arguments: object) -> object:
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        for line in self.lines:
            said = json.loads(line)
            need("error" not in said, f"QMP: {said}")
            if "return" in said:
                return said["return"]
        raise Wrong("QMP has ended")

    def memory(self, file: Path, at: int, size: int) -> bytes:
        self.run("stop")
        self.run("pmemsave", val=at, size=size, filename=str(file))
        self.run("cont")
        return file.read_bytes()

    def word(self, at: int, size: str = "w") -> int:
        text = self.run("human-monitor-command", **{"command-line": f"xp /1{size}x 0x{at:x}"})
        return int(str(text).split(":")[1], 16)


@contextmanager
def booted(example: str, *names: str, limit: float = 100) -> "Iterator[tuple[Path, Board, list[Guest], Monitor]]":
    """The board of a folder beside this file with its guests at work; no word of the hypervisor about itself."""
    build, command = prepare(str(HERE / example))
    path = build / "qmp"
    path.unlink(missing_ok=True)
    with Quick(command + ["-qmp", f"unix:{path},server=on,wait=off"], echo=True, limit=limit) as board:
        Guest.focused.clear()
        for name in names:
            said(board, rf"^\[{name}\] features: ready$", 40)
        yield build, board, [Guest(board, name) for name in names], Monitor(path)
        need("hypervisor fault" not in board.text and "hypervisor bug" not in board.text, "the hypervisor failed")


# -- one board with one of each


MAIL = {"one": 0xe0000000, "two": 0xe1000000, "three": 0xe2000000}
TRANSLATER, ITS = 0x8090000, 0x8080000
FIRMWARE = 0x4f000000
FIRMWARE_SAYS = 0x600dc0de


def features_prepare() -> None:
    """Memory full of dirt where the partitions will be, and a board whose firmware keeps some and has data there."""
    build = ROOT / "build" / "tests" / "features"
    build.mkdir(parents=True, exist_ok=True)
    (build / "dirt.bin").write_bytes(b"\xa5dirt" * (13 * MIB // 5))
    (build / "firmware.bin").write_bytes(struct.pack("<I", FIRMWARE_SAYS) * (0x10000 // 4))
    lines = [line.split("#")[0].split() for line in (HERE / "features/qemu.args").read_text().splitlines()]
    words = [word for line in lines for word in line if line[0] in ("-machine", "-cpu", "-smp", "-m", "-nic")]
    blob, source, edited = (build / name for name in ("virt.dtb", "virt.dts", "reserved.dtb"))
    subprocess.run(["qemu-system-aarch64", *words, "-display", "none", "-machine", f"dumpdtb={blob}"],
                   check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", str(source), str(blob)], check=True)
    source.write_text(source.read_text() + f"""
/ {{
	reserved-memory {{
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		firmware@{FIRMWARE:x} {{ reg = <0 0x{FIRMWARE:x} 0 0x10000>; }};
	}};
}};
""")
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", str(edited), str(source)], check=True)


def is_scratch(value: int) -> bool:
    """Every byte of the pattern is 0x50 to 0x5f."""
    return value & 0xf0f0f0f0f0f0f0f0 == 0x5050505050505050


def scrubbed(guests: list[Guest], monitor: Monitor) -> None:
    for a in guests:
        need(a.memory_is(0), f"{a.name}: its memory is not clean at the start")
        need(a.read(MAIL[a.name] + 0x80) == 0, f"{a.name}: the shared memory is not clean at the start")
    need(monitor.word(0x50c01000) in (0x726964a5, 0x64a57472, 0xa5747269, 0x74726964, 0x6964a574),
         "the dirt behind the partitions has gone: nothing was shown")


def doorbell(one: Guest) -> None:
    one.audit()
    faults, strays = one.info(FAULTS), one.info(STRAYS)
    # First of all: QEMU's SMMU tells of no fault where it has cached a write.
    need(not is_scratch(one.dma_read(TRANSLATER)), "a read from the doorbell is one from the scratch page")
    need(one.info(FAULTS) > faults, "the doorbell can be read")
    faults = one.info(FAULTS)
    one.dma_write(TRANSLATER + 0x40, 0)
    need(one.audit() == 0, "a write to the doorbell went to the scratch page")
    need(one.info(FAULTS) == faults, "a write to the doorbell is a fault")
    one.dma_write(ITS, 0)
    need(one.audit() == 8 or one.info(STRAYS) > strays, "a write to the page before the doorbell is not in the scratch page")
    need(one.is_closed(TRANSLATER + 0x40), "the CPU reaches the doorbell")


def shared(board: Board, one: Guest, two: Guest, three: Guest) -> None:
    at = {a.name: MAIL[a.name] for a in (one, two, three)}
    one.write(at["one"] + 0x10, 0x11111111)
    three.write(at["three"] + 0x20, 0x33333333)
    for a in (one, two, three):
        need(a.read(at[a.name] + 0x10) == 0x11111111 and a.read(at[a.name] + 0x20) == 0x33333333,
             f"{a.name} does not see what the others wrote")
    need(two.ask("w", at["two"] + 0x10, 0x22222222) == "abort", "two writes where it may read")
    said(board, r"^\[mullion\] two: CPU 0: write at 0xe1000010 \(shared\)")
    one.dma_write(at["one"] + 0x40, 0x4444444455555555)
    need(two.read(at["two"] + 0x40) == 0x55555555, "DMA of one does not arrive")
    # dma = "read" and, where holes fault, "none". First of all: QEMU's SMMU tells of no fault where it has cached a read.
    for a in (two, three):
        faults = a.info(FAULTS)
        a.dma_write(at[a.name] + 0x40, 0x6666666677777777)
        need(a.info(FAULTS) > faults, f"{a.name}: DMA to the shared memory was not refused")
    need(two.dma_read(at["two"] + 0x40) == 0x4444444455555555, "the device of two cannot read")
    need(three.dma_read(at["three"] + 0x40) != 0x4444444455555555, "the device of three can read")
    need(one.read(at["one"] + 0x40) == 0x55555555 and one.read(at["one"] + 0x10) == 0x11111111,
         "a write that was refused has arrived")


def reserved(one: Guest, two: Guest, monitor: Monitor) -> None:
    need(one.read(FIRMWARE) == FIRMWARE_SAYS and one.dma_read(FIRMWARE + 0xfff8) & 0xffffffff == FIRMWARE_SAYS,
         "what firmware left in its memory has gone")
    one.write(FIRMWARE + 0x1000, 0x12345678)
    one.dma_write(FIRMWARE + 0x2000, 0x9abcdef0)
    need(one.dma_read(FIRMWARE + 0x1000) & 0xffffffff == 0x12345678, "the device sees other memory than the CPU")
    need(one.read(FIRMWARE + 0x2000) == 0x9abcdef0, "the CPU sees other memory than the device")
    need((monitor.word(FIRMWARE + 0x1000), monitor.word(FIRMWARE + 0x2000)) == (0x12345678, 0x9abcdef0),
         "it is not the machine's memory of that address")
    need(two.is_closed(FIRMWARE) and is_scratch(two.dma_read(FIRMWARE)), "another partition reaches it")


def bar(guest: Guest) -> int:
    """The memory of the ivshmem device, which is the second function that the guest sees."""
    config = 0x4010000000 + (2 << 15)
    need(guest.read(config) == 0x11101af4, f"{guest.name}: no ivshmem device")
    guest.write(config + 4, 2)
    return (guest.read(config + 0x1c) << 32) + (guest.read(config + 0x18) & ~15)


def peer_dma(one: Guest, two: Guest) -> None:
    at = bar(one)
    one.write(at + 0x1000, 0x13572468)
    one.write(at + 0x1004, 0)
    need(one.dma_read(at + 0x1000) == 0x13572468, "peer-dma: edu cannot read the memory of the other device")
    one.dma_write(at + 0x2000, 0x24681357)
    need(one.read(at + 0x2000) == 0x24681357, "peer-dma: edu cannot write the memory of the other device")
    at = bar(two)
    two.write(at + 0x1000, 0x13572468)
    need(is_scratch(two.dma_read(at + 0x1000)), "without peer-dma edu reads the memory of the other device")
    two.dma_write(at + 0x1000, 0x24681357)
    need(two.read(at + 0x1000) == 0x13572468, "without peer-dma edu writes the memory of the other device")


def read_only_scratch(board: Board, two: Guest) -> None:
    faults = two.info(FAULTS)
    need(is_scratch(two.dma_read(HOLE)), "a hole does not read as the scratch page")
    need(two.info(FAULTS) == faults, "a read from a hole is a fault")
    two.dma_write(HOLE + 0x1008, 0)
    need(two.info(FAULTS) > faults and two.audit() == 0, "a write to a hole is not a fault")
    said(board, rf"^\[mullion\] two: device edu \(stream 0x10\): write to bus address 0x{HOLE + 0x1008:x}: .*contained")


def periodic_audit(board: Board, one: Guest) -> None:
    one.audit()
    for _ in range(4):
        before = one.info(STRAYS)
        one.dma_write(HOLE + 0x128, 0xffffffff00000000)
        end = time.monotonic() + 3
        while one.info(STRAYS) == before:
            need(time.monotonic() < end, "the stray write was not seen")
    said(board, r"^\[mullion\] one: stray DMA: .*wrote 8 bytes .*0x128: 00 00 00 00")


def faults(board: Board, one: Guest, two: Guest, three: Guest) -> None:
    before = three.info(FAULTS)
    need(not is_scratch(three.dma_read(HOLE)), "a hole reads as a scratch page")
    three.dma_write(HOLE + 0x3000, 1)
    need(three.info(FAULTS) >= before + 2, "a hole is not a fault")
    said(board, rf"^\[mullion\] three: device edu \(stream 0x18\): write to bus address 0x{HOLE + 0x3000:x}: .*contained")
    need(three.dma_works(), "a device within its budget is stopped")
    need(three.ask("m", HOLE, 4) == "done", "the DMA does not end")  # more than FAULT_BUDGET
    said(board, r"^\[mullion\] three: device edu \(stream 0x18\): quarantined after")
    need(not three.dma_works(), "a quarantined device does DMA")
    need(one.dma_works() and two.dma_works(), "a device of another partition is stopped")


def secrets(two: Guest) -> None:
    need(two.ask("f", 0x5ec2e7) == "done" and two.memory_is(0x5ec2e7), "the memory cannot be filled")
    two.reset()
    need(two.memory_is(0), "two: memory is not clean after a reset")


def in_flight(board: Board, one: Guest, three: Guest) -> None:
    need(one.dma_works(), "the device of one does nothing")
    one.reset("F", RAM + 0x100000, 0xabad1dea)
    time.sleep(0.3)  # edu takes 0.1 s
    need(one.memory_is(0), "DMA of the life before the reset arrived after it")
    need(one.info(RESETS) == 1 and one.dma_works(), "the device of one does nothing after the reset")
    one.send("S", MAIL["one"] + 0x10, 0xabad1dea)
    said(board, r"^\[mullion\] one: stopped")
    time.sleep(0.3)
    need(three.read(MAIL["three"] + 0x10) == 0x11111111, "DMA of a partition that has stopped arrived")


def features() -> None:
    features_prepare()
    with booted("features", "one", "two", "three") as (_, board, guests, monitor):
        one, two, three = guests
        scrubbed(guests, monitor)
        doorbell(one)
        shared(board, one, two, three)
        reserved(one, two, monitor)
        peer_dma(one, two)
        read_only_scratch(board, two)
        periodic_audit(board, one)
        faults(board, one, two, three)
        secrets(two)
        in_flight(board, one, three)
        for a in (two, three):
            a.send("q")
        need(board.wait_off(20) == 0, "QEMU ended with an error")


# -- long periods


def periods(guest: Guest, want: int, count: int) -> None:
    guest.send("y", HOLE, count)
    for _ in range(count):
        ms = int(guest.answer(30).removesuffix(" ms"))
        need(abs(ms - want) <= 40, f"{guest.name}: {ms} ms between two audits, {want} ms are asked for")


def audit() -> None:
    with booted("audit", "three", "five") as (_, _board, (three, five), _monitor):
        periods(three, 3000, 3)
        periods(five, 5000, 2)
        need(three.ask("O") == "other CPU", "CPU 1 of three does not start")
        periods(three, 3000, 2)  # its CPU 0 is off


# -- a look at all memory


def tables_of(memory: bytes, base: int, monitor: Monitor, sid: int) -> set[int]:
    """Frames of the SMMU's stream table entry of sid and of the tables behind it (IHI 0070, 5.2; Arm ARM D8.3)."""

    def words(at: int, count: int = 512) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}Q", memory, at - base)

    split = monitor.word(0x9050088) >> 6 & 31
    l1 = monitor.word(0x9050080, "g") & 0xfffffffffffc0
    l2 = words(l1 + (sid >> split) * 8, 1)[0] & 0xfffffffffffc0
    ste = words(l2 + sid % (1 << split) * 64, 8)
    need(ste[0] & 0xf == 0xd, f"stream 0x{sid:x} is not translated by stage 2")
    level = 2 - (ste[2] >> 38 & 3)
    todo, seen = [(ste[3] & 0xffffffffff000, level)], {l2 // PAGE, l1 // PAGE}
    while todo:
        table, level = todo.pop()
        if table // PAGE not in seen:
            seen.add(table // PAGE)
            todo += [(e & 0xffffffff000, level + 1) for e in set(words(table)) if e & 3 == 3 and level < 3]
    return seen


def witness() -> None:
    base, size, own = 0x40000000, 32 * MIB, range(0x41800, 0x41c00)
    with booted("witness", "aimer", "witness") as (build, board, (aimer, other), monitor):
        need(other.ask("f", 0x717e55) == "done" and aimer.dma_works(), "the guests are not ready")
        aimer.audit()
        before = monitor.memory(build / "before", base, size)
        tables = tables_of(before, base, monitor, 8) | tables_of(before, base, monitor, 16)
        need(len(tables) >= 2 + 2 * 5, "too few tables were found")
        need(aimer.ask("m", base, size // PAGE) == "done", "the DMA does not end")
        after = monitor.memory(build / "after", base, size)
        need(other.memory_is(0x717e55), "the memory of the other partition has changed")
        need(aimer.audit() == PAGE and aimer.info(FAULTS) == 0, "the writes did not go to the scratch page")

        mark, image = struct.pack("<Q", MARK), (build / "mullion.img").read_bytes()
        load = before.index(image[:PAGE])  # of read-only sections and the bundle; data changes
        changed = marked = 0
        for at in range(0, size, PAGE):
            frame, now, then = (base + at) // PAGE, after[at:at + PAGE], before[at:at + PAGE]
            if now == then or frame in own:
                continue
            changed += 1
            need(frame not in tables, f"a table has changed: frame 0x{frame:x}")
            need(not load <= at < load + len(image) or then != image[at - load:at - load + PAGE],
                 f"the image has changed: frame 0x{frame:x}")
            marked += mark in now
        print(f"witness: {len(tables)} tables, {changed} frames changed, {marked} of them by the device")
        need(marked == 1, f"the device wrote to {marked} frames that are not its partition's; to its scratch page is right")
        need(changed < 40, f"{changed} frames changed, more than stacks, queues and data are")


# -- CPUs that race


def races() -> None:
    with booted("races", "calm") as (_, board, (calm,), _monitor):
        beats = 0
        while not re.search(r"races: (resets: done|.*FAIL)|racer: stopped", board.text):
            need(calm.dma_works(), "the other partition's device is disturbed")
            beats += 1
        said(board, r"^\[mullion\] racer: stopped", 20)
        need("FAIL" not in board.text, "the races failed")
        need("races: on-off: done" in board.text and "races: resets: done" in board.text, "the races did not end")
        need(beats > 3 and calm.dma_works(), "the other partition had no time")
        calm.send("q")
        need(board.wait_off(20) == 0, "QEMU ended with an error")


# -- two Linux


def linux_2x() -> None:
    build, command = prepare(str(HERE / "linux-2x"))
    wanted = {name: disk_fill(build / f"{name}.img") for name in ("one", "three")}
    with Board(command, echo=True, limit=200) as board:
        for name, cpus in (("one", 1), ("three", 3)):
            said(board, rf"^\[{name}\] linux: cpus {cpus}$", 100)
            said(board, rf"^\[{name}\] linux: disk sha256 {wanted[name]}$", 100)
            said(board, rf"^\[{name}\] linux: PASS", 100)
        need(board.wait_off() == 0, "QEMU ended with an error")
    for name, digest in wanted.items():
        need(disk_copy_sum(build / f"{name}.img") == digest, f"the copy on the disk of {name} is not the host's file")


TESTS = {"features": features, "audit": audit, "witness": witness, "races": races, "linux-2x": linux_2x}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in TESTS:
        print("usage: features.py", "|".join(TESTS), file=sys.stderr)
        return 2
    try:
        TESTS[sys.argv[1]]()
    except (Wrong, Timeout) as wrong:
        print(f"\n{sys.argv[1]}: FAIL: {wrong}")
        return 1
    print(f"\n{sys.argv[1]}: PASS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
