# SPDX-License-Identifier: Apache-2.0
"""Maps, tables and scratch pages of every kind, and what quarantine does to a device, shown on a board (from ctest)"""
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from features import FAULTS, HOLE, MARK, RAM, STRAYS, Guest, Monitor, booted, is_scratch, said

from board import Board, Timeout
from boards import Wrong, need

MEMORY = {"each": 0x50000000, "share": 0x50400000, "host": RAM, "pv": 0x50800000}  # machine addresses
SECRET = 0x190000  # in each of them
WINDOW, WINDOW_SIZE, BLOCK = 0x50000000, 0x800000, 0x200000
ECAM, SMMU = 0x4010000000, 0x9050000
STREAM = {"left": 0x8, "frail": 0x10, "plain": 0x30, "calm": 0x50, "pv": 0x20, "stranger": 0x80, "hangs": 0xc0}
EDU = 0x11e81234


# -- beside the guests


class Bus:
    """QEMU's qtest: reads and writes of machine addresses that nobody translates."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.lines: Iterator[str] = iter(self.socket.makefile("r"))

    def run(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        answer = next(self.lines).split()
        need(answer[0] == "OK", f"qtest: {line}: {answer}")
        return answer[-1]

    def read(self, at: int, size: str = "l") -> int:
        return int(self.run(f"read{size} 0x{at:x}"), 16)

    def write(self, at: int, value: int, size: str = "l") -> None:
        self.run(f"write{size} 0x{at:x} 0x{value:x}")


class Edu:
    """An edu device that nobody owns, driven from beside the board."""

    def __init__(self, bus: Bus, sid: int, bar: int) -> None:
        self.bus, self.bar = bus, bar
        config = ECAM + (sid << 12)
        need(bus.read(config) == EDU, f"no edu device at stream 0x{sid:x}")
        need(not bus.read(config + 4) & 4, f"the device of stream 0x{sid:x} masters the bus")
        bus.write(config + 0x10, bar)
        bus.write(config + 4, 6)

    def dma(self, source: int, to: int, command: int) -> None:
        for register, value in ((0x80, source), (0x88, to), (0x90, 8), (0x98, command)):
            self.bus.write(self.bar + register, value, "q")
        end = time.monotonic() + 5
        while self.bus.read(self.bar + 0x98, "q") & 1:
            need(time.monotonic() < end, "the DMA does not end")

    def read(self, at: int) -> None:
        """Into the buffer."""
        self.dma(at, 0x40000, 1)

    def write(self, at: int) -> None:
        """From the buffer."""
        self.dma(0x40000, at, 3)


def stream_entry(monitor: Monitor, sid: int) -> list[int]:
    """The SMMU's stream table entry (IHI 0070, 5.2): four of its words."""
    split = monitor.word(SMMU + 0x88) >> 6 & 31
    l1 = monitor.word(SMMU + 0x80, "g") & 0xfffffffffffc0
    l2 = monitor.word(l1 + (sid >> split) * 8, "g") & 0xfffffffffffc0
    return [monitor.word(l2 + sid % (1 << split) * 64 + 8 * i, "g") for i in range(4)]


def walk(monitor: Monitor, sid: int, at: int) -> list[int]:
    """Where the tables of a stream lie that lead to a bus address, and behind them where that leads (Arm ARM D8.3)."""
    entry = stream_entry(monitor, sid)
    need(entry[0] & 0xf == 0xd, f"stream 0x{sid:x} is not translated by stage 2")
    level, way = 2 - (entry[2] >> 38 & 3), [entry[3] & 0xffffffffff000]
    while True:
        shift = 39 - 9 * level
        descriptor = monitor.word(way[-1] + (at >> shift & 511) * 8, "g")
        need(descriptor & 1, f"stream 0x{sid:x} finds nothing at 0x{at:x}")
        if level == 3 or not descriptor & 2:
            return way + [(descriptor & 0xfffffffff000) + (at & ((1 << shift) - 1))]
        way.append(descriptor & 0xfffffffff000)
        level += 1


# -- what the board became


def frames(board: Board, name: str) -> dict[str, int]:
    line = next(s for s in board.lines("mullion") if s.startswith(f"{name}: frames "))
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def report(board: Board) -> None:
    each, share, host, pv = (frames(board, name) for name in MEMORY)
    need(share["bfn"] == 0 and share["scratch"] == 0, f"shared tables take frames: {share}")
    need(host["bfn"] > 0 and host["scratch"] == 4, f"separate tables take other frames: {host}")
    need((each["bfn"], each["scratch"]) == (2 * host["bfn"], 2 * host["scratch"]), f"two devices have not two maps: {each}")
    leaves = WINDOW_SIZE // BLOCK  # and a level-1 table above them
    need((pv["bfn"], pv["scratch"]) == (host["bfn"] + leaves + 1, host["scratch"]), f"the window's tables are not counted: {pv}")
    for line in (r"each: device left: behind .* stream 0x8; reaches this partition's memory and its scratch page",
                 r"share: device frail: behind .* stream 0x10; reaches this partition's memory",
                 r"quarantine: device hangs: behind SMMU 0x9050000, stream 0xc0; reaches the quarantine's scratch page",
                 r"quarantine: device mmio: WAIVED: no IOMMU stands in front; .*"):
        said(board, rf"^\[mullion\] {line}$")


# -- each partition


def strays(board: Board, name: str, since: int) -> list[str]:
    return re.findall(rf"^\[mullion\] {name}: stray DMA: (.*) wrote", board.text[since:], re.MULTILINE)


def scratch_per_device(board: Board, each: Guest) -> None:
    need(each.audit() == 0, "a scratch page has changed before anything happened")
    for slot, name in ((1, "left"), (2, "right")):
        since = len(board.text)
        each.use(slot)
        each.dma_write(HOLE + 0x128, 0x1111111122222222)
        need(each.dma_read(HOLE + 0x5128) == 0x1111111122222222, f"{name} has no scratch page")
        each.use(3 - slot)
        need(is_scratch(each.dma_read(HOLE + 0x128)), f"the other device reads what {name} wrote astray")
        need(each.audit() == 8, f"the stray write of {name} is not seen")
        need(strays(board, "each", since) == [f"device {name}"], f"the stray write of {name} is blamed on another")
    for slot in (1, 2):
        each.use(slot)
        each.dma_write(HOLE + slot * 8, 0)
        need(each.dma_works(), f"the device in slot {slot} does not reach its memory")
    since = len(board.text)
    need(each.audit() == 16, "the stray writes of two devices are not both seen")
    need(strays(board, "each", since) == ["device left", "device right"], "the two devices are not both named")


def register(guest: Guest, slot: int) -> int:
    """A register that an idle edu device only keeps."""
    return (guest.read(ECAM + (slot << 15) + 0x10) & ~15) + 0x80


def shared_tables(board: Board, monitor: Monitor, each: Guest, share: Guest) -> None:
    need(walk(monitor, STREAM["plain"], RAM) == walk(monitor, STREAM["calm"], RAM), "two devices have not one map")
    share.use(2)
    share.dma_write(RAM + SECRET, 0x13572468)
    need(share.read(RAM + SECRET) == 0x13572468, "DMA does not reach its partition's memory")
    need(monitor.word(MEMORY["share"] + SECRET) == 0x13572468, "it is not the machine's memory that the plan says")
    need(share.dma_works() and share.info(FAULTS) == 0, "DMA to its partition's memory is a fault")

    before = share.info(FAULTS)
    need(not is_scratch(share.dma_read(HOLE)), "a hole reads as a scratch page")
    middle = share.info(FAULTS)
    share.dma_write(HOLE + 0x1008, 1)
    need(before < middle < share.info(FAULTS), "a hole is not a fault")
    for word, at in (("read from", HOLE), ("write to", HOLE + 0x1008)):
        said(board, rf"^\[mullion\] share: device plain \(stream 0x30\): {word} bus address 0x{at:x}: .*contained")

    each.write(RAM + SECRET, 0x5ec2e7)
    for at in (MEMORY["each"] + SECRET, MEMORY["share"] + SECRET):
        before = share.info(FAULTS)
        need(share.dma_read(at) & 0xffffffff not in (0x5ec2e7, 0x13572468), "a device reads at a machine address")
        share.dma_write(at, 1)
        need(share.info(FAULTS) > before, "a machine address is not a fault")
    need(each.read(RAM + SECRET) == 0x5ec2e7 and share.read(RAM + SECRET) == 0x13572468, "a device writes at a machine address")

    for slot in (1, 2, 3):  # 2 is the device itself, which keeps its registers while it does DMA
        at = register(share, slot)
        if slot != 2:
            share.dma_write(at, 0x2468ace013579bdf)
            need(share.read(at) == 0x13579bdf, f"peer-dma: the registers of slot {slot} cannot be written")
        need(share.dma_read(at) == (at if slot == 2 else 0x2468ace013579bdf), f"peer-dma: those of slot {slot} cannot be read")
    at = register(each, 1)
    was, before = each.read(at), share.info(FAULTS)
    share.dma_write(at, 0x2468ace013579bdf)
    need(each.read(at) == was and share.info(FAULTS) > before, "another partition's registers can be written")


def host_map(board: Board, monitor: Monitor, host: Guest, each: Guest) -> None:
    host.dma_write(RAM + SECRET, 0x24681357)
    need(host.read(RAM + SECRET) == 0x24681357 == monitor.word(RAM + SECRET), "DMA does not reach the machine's memory")
    need(host.dma_works() and host.audit() == 0, "DMA to its partition's memory is stray")
    since = len(board.text)
    host.dma_write(MEMORY["each"] + SECRET, 0)
    need(host.audit() == 8 and each.read(RAM + SECRET) == 0x5ec2e7, "another partition's memory can be written")
    need(strays(board, "host", since) == ["a device of this partition"], "the audit does not say whose it was")
    need(is_scratch(host.dma_read(MEMORY["each"] + SECRET)), "another partition's memory can be read")


def pv_window(board: Board, monitor: Monitor, pv: Guest, others: list[Guest]) -> None:
    for a in others:
        need(a.ask("f", 0x717e55) == "done", f"{a.name}: its memory cannot be filled")
    need(pv.dma_works() and pv.audit() == 0, "DMA to its partition's memory is stray")
    for at in (WINDOW, WINDOW + SECRET + 8, WINDOW + WINDOW_SIZE - 8):
        before, since = pv.info(STRAYS), len(board.text)
        need(is_scratch(pv.dma_read(at)), "a page of the window is not scratch")
        pv.dma_write(at, 0)
        need(pv.audit() == 8 and pv.info(STRAYS) == before + 1 and strays(board, "pv", since),
             "a write to the window is not seen as stray")
    need(pv.info(FAULTS) == 0, "a page of the window is a fault")
    for a in others:
        need(a.memory_is(0x717e55), f"{a.name}: its memory has changed")
    ways = [walk(monitor, STREAM["pv"], at) for at in range(WINDOW, WINDOW + WINDOW_SIZE, BLOCK)]
    hole = walk(monitor, STREAM["pv"], HOLE)
    need({way[-1] for way in ways} == {hole[-1]}, "the window does not lead to the partition's scratch page")
    need(len({way[-2] for way in ways} | {hole[-2]}) == len(ways) + 1, "a block of the window has no leaf table of its own")


# -- quarantine


def settled(guest: Guest) -> int:
    """Its faults, once all are counted."""
    count = -1
    while count != (count := guest.info(FAULTS)):
        time.sleep(0.2)
    return count


def quarantined(board: Board, guest: Guest, slot: int, name: str, how: str) -> None:
    guest.use(slot)
    need(guest.dma_works(), f"{name}: does nothing")
    need(guest.ask("m", HOLE, 4) == "done", "the DMA does not end")  # more than FAULT_BUDGET
    said(board, rf"^\[mullion\] {guest.name}: device {name} \(stream 0x{STREAM[name]:x}\): quarantined after 256 faults, "
                rf"its DMA {how}$")


def silent(board: Board, guest: Guest) -> None:
    """The device in use, in quarantine, reaches nothing and is told of no more."""
    faults, since = settled(guest), len(board.text)
    guest.write(RAM + SECRET, 0x5ec2e7)
    for at in (RAM + SECRET, HOLE, MEMORY[guest.name] + SECRET):
        guest.dma_write(at, 0)
    need(guest.read(RAM + SECRET) == 0x5ec2e7, "a device in quarantine writes to its partition's memory")
    need(not guest.dma_works(), "a device in quarantine reaches its partition's memory")
    need(settled(guest) == faults, "the faults of a device in quarantine are counted")
    need("[mullion] " not in board.text[since:], "the faults of a device in quarantine are told")


def goes_on(guest: Guest, *slots: int) -> None:
    for slot in slots:
        guest.use(slot)
        need(guest.dma_works(), f"{guest.name}: the device in slot {slot} is disturbed")


def containment(board: Board, monitor: Monitor, bus: Bus, guests: list[Guest]) -> None:
    each, share, host, pv = guests
    page = walk(monitor, STREAM["hangs"], 0)[-1]
    before = walk(monitor, STREAM["frail"], RAM)
    quarantined(board, share, 1, "frail", "meets a scratch page")
    after = walk(monitor, STREAM["frail"], RAM)
    need(after[-1] == page and not set(after) & set(before), "it does not meet the quarantine's scratch page")
    entry, old = stream_entry(monitor, STREAM["frail"]), stream_entry(monitor, STREAM["calm"])
    need(entry[2] & 0xffff == stream_entry(monitor, STREAM["hangs"])[2] & 0xffff != old[2] & 0xffff,
         "the VMID is not the quarantine's")
    need(monitor.word(page + 0x190, "g") == MARK, "what followed its last fault did not arrive in the scratch page")
    # What the guest has it write starts in a page of memory, which is the scratch page, too.
    bus.write(page, 0x1111111122222222, "q")
    share.dma_write(HOLE + 0x190, 0)
    need(monitor.word(page + 0x190, "g") == 0x1111111122222222, "its DMA does not read and write the scratch page")
    silent(board, share)
    goes_on(share, 2, 3)
    goes_on(each, 1, 2)
    need(host.dma_works() and pv.dma_works(), "a device of another partition is disturbed")

    quarantined(board, share, 2, "plain", "is stopped")
    need(stream_entry(monitor, STREAM["plain"])[0] & 0xf == 1, "it is not blocked")
    silent(board, share)
    goes_on(share, 3)
    need(host.dma_works(), "a device of another partition is disturbed")

    share.use(1)
    silent(board, share)
    share.reset()
    goes_on(share, 1, 2, 3)
    need(walk(monitor, STREAM["frail"], RAM) == before, "the reset does not give it its partition's map back")


def unowned(board: Board, monitor: Monitor, bus: Bus, each: Guest) -> None:
    secret = MEMORY["each"] + SECRET
    each.write(RAM + SECRET, 0x5ec2e7)
    each.write(RAM + SECRET + 4, 0x5ec2e7)
    hangs, page = Edu(bus, STREAM["hangs"], 0x3e000000), walk(monitor, STREAM["hangs"], secret)[-1]
    need(page != walk(monitor, STREAM["left"], HOLE)[-1], "its scratch page is a partition's")
    pattern = monitor.word(page + 0x8, "g")
    hangs.write(secret + 0x10)  # zeroes
    need(monitor.word(page + 0x10, "g") == 0, "its DMA does not arrive in the scratch page")
    hangs.read(secret + 0x8)
    hangs.write(secret + 0x18)
    need(monitor.word(page + 0x18, "g") == pattern, "its DMA does not read the scratch page")
    hangs.write(secret)
    need("stream 0xc0)" not in board.text and "unassigned" not in board.text, "its DMA is a fault")

    stranger = Edu(bus, STREAM["stranger"], 0x3e100000)
    stranger.read(secret)
    stranger.write(secret)
    for word in ("unknown stream", "contained"):
        said(board, rf"^\[mullion\] unassigned stream 0x80: .*{word}")
    need(each.read(RAM + SECRET) == each.read(RAM + SECRET + 4) == 0x5ec2e7, "a device that nobody owns writes to memory")
    need(each.audit() == 0, "a device that nobody owns writes to a partition's scratch page")


def maps() -> None:
    with booted("maps", *MEMORY) as (build, board, guests, monitor):
        each, share, host, pv = guests
        report(board)
        scratch_per_device(board, each)
        shared_tables(board, monitor, each, share)
        host_map(board, monitor, host, each)
        pv_window(board, monitor, pv, [each, share, host])
        bus = Bus(build / "qtest")
        unowned(board, monitor, bus, each)
        containment(board, monitor, bus, guests)
        for a in guests:
            a.send("q")
        need(board.wait_off(20) == 0, "QEMU ended with an error")


def main() -> int:
    try:
        maps()
    except (Wrong, Timeout) as wrong:
        print(f"\nmaps: FAIL: {wrong}")
        return 1
    print("\nmaps: PASS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
