# SPDX-License-Identifier: Apache-2.0
"""Boot an example, show its console, judge what its partitions did: demo.py [EXAMPLE]"""
import re
import sys

from board import Board, Timeout, disk_copy_sum, disk_fill, partitions, prepare

LIMIT = 115  # seconds for everything the board does


class Judge:
    """What each partition showed, and the first thing that was not as it should be."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.summary: list[str] = []
        self.reason = ""

    def fail(self, reason: str) -> None:
        self.reason = self.reason or reason

    def need(self, name: str, pattern: str, otherwise: str) -> re.Match[str] | None:
        """The first line of this speaker that matches."""
        for line in self.board.lines(name):
            if found := re.search(pattern, line):
                return found
        self.fail(f"{name}: {otherwise}")
        return None

    def show(self, name: str, text: str) -> None:
        self.summary.append(f"  {name:8} {text}")

    def linux(self, wanted: str, copied: str) -> None:
        cpus = self.need("linux", r"^linux: cpus (\d+)", "did not get to its init")
        read = self.need("linux", r"^linux: disk sha256 (\w+)", "did not read its disk")
        irqs = self.need("linux", r"^linux: nvme interrupts (\d+) to (\d+)", "did not count interrupts")
        self.need("linux", r"^linux: PASS", "did not say PASS")
        if read and read[1] != wanted:
            self.fail(f"linux: read sha256 {read[1]}, the host says {wanted}")
        if copied != wanted:
            self.fail(f"linux: the copy on the disk has sha256 {copied}, not {wanted}")
        if not self.reason and cpus and irqs:
            self.show("linux", f"{cpus[1]} CPUs; 64 MiB read from the NVMe disk and written back, sha256 {wanted[:16]}... "
                               f"as on the host; {int(irqs[2]) - int(irqs[1])} interrupts")

    def prober(self, logged: bool) -> None:
        """logged: the emulated IOMMU tells of the requests that it refuses."""
        for line in self.board.lines("prober"):
            if "FAIL" in line:
                self.fail(line)
        good = self.need("prober", r"^prober: PASS (\d+) probes", "did not say PASS")
        audit = self.need("mullion", r"^prober: stray DMA", "no scratch audit named prober")
        if good and audit:
            self.show("prober", f"{good[1]} probes by DMA and by CPU; only what the manifest gives was reached")
            self.show("mullion", audit.string)
        if logged:
            fault = self.need("mullion", r"prober.*\bedu\b.*contained", "no contained fault of prober's edu was reported")
            if fault:
                self.show("mullion", fault.string)

    def unprotected(self) -> None:
        line = self.need("mullion", r"^linux: .*nvme.*UNPROTECTED.*reach", "no line says what the disk could reach")
        if line:
            self.show("mullion", line.string)


def demo(example: str) -> str:
    """The reason why it failed; empty: it passed."""
    build, command = prepare(example)
    disk = build / "disk.img"
    wanted = disk_fill(disk)
    with Board(command, echo=True, limit=LIMIT) as board:
        result = Judge(board)
        try:
            if board.wait_off() != 0:
                result.fail("QEMU ended with an error")
        except Timeout as late:
            result.fail(f"{late} within {LIMIT} s")
        result.linux(wanted, disk_copy_sum(disk))
        if "prober" in partitions(example):
            # QEMU's AMD-Vi refuses, and never writes its event log: that nothing arrived is what prober has seen.
            result.prober(logged=not any("amd-iommu" in word for word in command))
        if not any("iommu" in word for word in command):
            result.unprotected()
    print("\n-- summary of", example)
    print("\n".join(result.summary))
    return result.reason


def main() -> int:
    reason = demo(sys.argv[1] if len(sys.argv) > 1 else "virt")
    print(f"demo: FAIL: {reason}" if reason else "demo: PASS")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
