# SPDX-License-Identifier: Apache-2.0
"""Tests on emulated boards, one each run: boards.py NAME (from ctest; see CMakeLists.txt)"""
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))

from board import FOCUS, ROOT, Board, Timeout, disk_copy_sum, disk_fill, prepare  # noqa: E402

FRAME = 4096
DUO, SWEEP = str(HERE / "duo"), str(HERE / "sweep")


class Wrong(Exception):
    pass


def need(good: object, what: str) -> None:
    if not good:
        raise Wrong(what)


def variant(example: str, name: str, edit: Callable[[str], str]) -> str:
    """A copy of an example whose manifest is edited; its path."""
    to = ROOT / "build" / "tests" / name
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / example if "/" not in example else example, to)
    manifest = to / "manifest.dts"
    before = manifest.read_text()
    after = edit(before)
    need(after != before, f"{manifest}: the edit found nothing to change")
    manifest.write_text(after)
    return str(to)


def boot(example: str, limit: float) -> tuple[Board, Path, str]:
    build, command = prepare(example)
    disk = build / "disk.img"
    wanted = disk_fill(disk) if any("disk.img" in word for word in command) else ""
    return Board(command, echo=True, limit=limit), disk, wanted


# -- Linux


def linux_on(cpus: str, count: int) -> None:
    example = variant("virt-identity", f"linux-{count}", lambda s: s.replace("cpus = <0 1>", f"cpus = <{cpus}>"))
    board, disk, wanted = boot(example, 200)
    with board:
        need(int(board.expect(r"^\[linux\] linux: cpus (\d+)")[1]) == count, f"Linux does not see {count} CPUs")
        need(board.expect(r"^\[linux\] linux: disk sha256 (\w+)")[1] == wanted, "the checksum is not the host's")
        board.expect(r"^\[linux\] linux: PASS")
        need(board.wait_off() == 0, "QEMU ended with an error")
    need(disk_copy_sum(disk) == wanted, "the copy on the disk is not the host's file")


def linux_1() -> None:
    linux_on("1", 1)


def linux_3() -> None:
    linux_on("3 0 2", 3)


def uart() -> None:
    """The UART passed through: Linux' output comes without a prefix, and the board is still switched off at the end."""
    board, disk, wanted = boot("uart", 200)
    with board:
        board.expect(r"^linux: cpus 2")
        need(board.expect(r"^linux: disk sha256 (\w+)")[1] == wanted, "the checksum is not the host's")
        board.expect(r"^linux: PASS")
        board.wait_off()
    need(disk_copy_sum(disk) == wanted, "the copy on the disk is not the host's file")


def cpus() -> None:
    """Other CPUs than the examples': one whose physical addresses are shorter than the SMMU's, and one with every feature."""
    build, command = prepare("virt")
    for cpu in ("cortex-a76", "max"):
        wanted = disk_fill(build / "disk.img")
        with Board([cpu if word == "cortex-a57" else word for word in command], echo=True, limit=110) as board:
            need(board.wait_off() == 0, f"{cpu}: QEMU ended with an error")
            need(f"linux: disk sha256 {wanted}" in board.text, f"{cpu}: the checksum is not the host's")
            need(board.lines("linux").count("linux: PASS") == 1, f"{cpu}: linux did not pass")
            need(any(line.startswith("prober: PASS") for line in board.lines("prober")), f"{cpu}: prober did not pass")


# -- DMA


def sweep() -> None:
    board, _, _ = boot(SWEEP, 500)
    with board:
        board.expect(r"^\[prober\] prober: (PASS|.*FAIL)")
        need("FAIL" not in board.text, "the sweep failed")
        need(board.wait_off() == 0, "QEMU ended with an error")


# -- two partitions, one of them hostile


def duo() -> Board:
    """At the prompt of Linux' shell, with the other guest ready."""
    board, _, _ = boot(DUO, 280)
    try:
        board.expect(r"^\[mullion\] input goes to linux", 60)
        board.expect(r"^\[linux\] linux: shell", 120)
        need("hostile: ready" in board.text, "the hostile guest is not ready")
    except BaseException:
        board.__exit__()
        raise
    return board


def focus(board: Board, name: str) -> None:
    board.send(FOCUS)
    board.expect(rf"^\[mullion\] input goes to {name}", 10)


def command(board: Board, letter: str, name: str) -> None:
    board.send(letter)
    said = board.expect(rf"^\[hostile\] hostile: {name}: (done|FAIL.*)", 90)[1]
    need(said == "done", f"hostile: {name}: {said}")


def console_focus() -> None:
    with duo() as board:
        board.send("echo six times seven: $((6 * 7))\n")
        board.expect(r"^\[linux\] six times seven: 42", 20)
        focus(board, "hostile")
        command(board, "p", "ping")
        focus(board, "linux")
        board.send("echo again: $((7 * 7))\n")
        board.expect(r"^\[linux\] again: 49", 20)


ATTACKS = [("p", "ping"), ("d", "dma"), ("h", "holes"), ("b", "branches"), ("s", "smcs"), ("c", "hvcs"), ("g", "gic"),
           ("e", "pci"), ("v", "caches"), ("a", "awkward"), ("m", "sysregs"), ("i", "illegal-return"), ("u", "console"),
           ("r", "reset"), ("d", "dma"), ("t", "dma-storm"), ("r", "reset"), ("p", "ping")]


def hostile() -> None:
    """Every attack beside a Linux that reads its disk and compares checksums all the time."""
    with duo() as board:
        board.send(". /disk.sh; disk_loop &\n")
        board.expect(r"linux: loop 1 good", 60)
        focus(board, "hostile")
        for letter, name in ATTACKS:
            command(board, letter, name)
            board.expect(r"linux: loop \d+ good", 60)
        board.send("w")
        board.expect(r"hostile: wild: now", 10)
        for _ in range(3):
            board.expect(r"linux: loop \d+ good", 60)
        need("loop FAIL" not in board.text, "Linux read something else than before")
        need(not re.search(r"^\[linux\] spoofed", board.text, re.MULTILINE), "a line with another partition's name")
        need("hypervisor fault" not in board.text and "hypervisor bug" not in board.text, "the hypervisor failed")


def linux_crash() -> None:
    """Linux panics and comes back by its reset; the other partition and its DMA do not notice."""
    with duo() as board:
        board.send("echo c >/proc/sysrq-trigger\n")
        board.expect(r"Kernel panic", 30)
        focus(board, "hostile")
        for _ in range(3):
            command(board, "d", "dma")
        board.expect(r"^\[linux\] linux: shell", 120)
        command(board, "d", "dma")
        focus(board, "linux")
        board.send("poweroff -f\n")
        board.expect(r"^\[mullion\] linux: stopped", 60)
        focus(board, "hostile")
        command(board, "d", "dma")
        board.send("q")
        need(board.wait_off(20) == 0, "QEMU ended with an error")


# -- what must not start


def refused(image: Path, qemu: list[str], message: str) -> None:
    qemu = qemu[:-1] + [str(image)]
    need(qemu[-2] == "-kernel", "the image is QEMU's last argument")
    with Board(qemu, echo=True, limit=60) as board:
        board.expect(rf"^\[mullion\] cannot start: .*{message}")
        board.expect(r"^\[mullion\] no partition was started")
        board.wait_off()
        need(not board.lines("linux") and not board.lines("prober"), "a partition was started")


def bundle_patch(image: bytes, old: bytes, new: bytes) -> bytes:
    """The image with its packed manifest changed, which `mullion image` would refuse to do."""
    at = next(m.start() for m in re.finditer(b"MULLION1", image) if image[m.start() + 16:m.start() + 25] == b"manifest\0")
    entry = at + 16
    offset, size = (int.from_bytes(image[entry + i:entry + i + 8], "little") for i in (48, 56))
    manifest = image[at + offset:at + offset + size]
    need(old in manifest and len(old) == len(new), f"{old!r} is not in the manifest")
    found = at + offset + manifest.rindex(old)
    return image[:found] + new + image[found + len(old):]


BAD = [(b"translated\0", b"translatex\0", "physmap.*translatex"),  # a word that the binding does not know
       (b"00:02.0\0", b"00:1e.0\0", "nvme.*00:1e.0"),              # no such function
       (b"linux\0", b"linuy\0", "linuy"),                          # no such image
       (b"\xd0\x0d\xfe\xed", b"\xd0\x0d\xfe\xee", "manifest")]     # no device tree at all


def bad_manifest() -> None:
    build, qemu = prepare("virt")
    image = (build / "mullion.img").read_bytes()
    bad = build / "bad.img"
    for old, new, message in BAD:
        bad.write_bytes(bundle_patch(image, old, new))
        refused(bad, qemu, message)
    refused(ROOT / "build/aarch64/mullion.bin", qemu, "bundle: none behind the hypervisor.*mullion image")


def small_arena() -> None:
    """Firmware's device tree may be larger than the one the image was packed for: the boot says what it takes."""
    build, qemu = prepare("virt")
    image = (build / "mullion.img").read_bytes()
    total, full = (struct.unpack_from("<Q", image, at)[0] for at in (16, 88))
    need(total == len(image) + full, "image_size does not count the arena")
    arena, tries = 0, 0
    while True:
        small = bytearray(image)
        struct.pack_into("<Q", small, 16, len(image) + arena)
        struct.pack_into("<Q", small, 88, arena)
        (build / "small.img").write_bytes(small)
        with Board(qemu[:-1] + [str(build / "small.img")], limit=20) as board:
            said = board.expect(r"^\[mullion\] (?:cannot start: arena: (\d+) bytes, (\d+) or more are needed: pack the image with "
                                r"--arena$|tables: verified)")
        if not said[1]:
            break
        need(int(said[1]) == arena < int(said[2]), said[0])
        arena, tries = -(-int(said[2]) // FRAME) * FRAME, tries + 1
    need(tries >= 2, f"{tries} arenas were too small")
    need(arena <= full - 16384, f"an arena of {arena} bytes is enough, the tool gave {full}")


# The board of the host's tests (virt-smmu.dts) in QEMU: the same device tree, and a function wherever it names one.
TEST_BOARD = ["qemu-system-aarch64", "-machine", "virt,virtualization=on,gic-version=3,iommu=smmuv3", "-cpu", "cortex-a57",
              "-smp", "4", "-m", "1G", "-nic", "none", "-no-reboot", "-device", "nvme,serial=x,addr=2", "-device", "edu,addr=3",
              "-device", "pcie-root-port,addr=4", "-device", "pci-testdev,addr=5.0,multifunction=on",
              "-device", "pci-testdev,addr=5.1", "-device", "edu,addr=6", "-device", "e1000e,addr=7,romfile="]
TEST_ARENA = 0x20000
TEST_OPTIONS = ["-a", "0x40200000", "-d", "0x48000000", "-p", "44", "-A", str(TEST_ARENA)]
# Where the texts expected by the host's tests think something else, or at another address.
PLACED = re.compile(r"the (hypervisor image|hypervisor's arena|bundle|firmware DTB) at \S+|the (hypervisor image|firmware DTB)$")


def arm64_image(size: int, uses: int, flags: int) -> bytes:
    """A file with the header of an arm64 Image."""
    header = struct.pack("<QQQQ", 0, 0, uses, flags) + bytes(24) + b"ARMd"
    return header + bytes(size - len(header))


# As tests/host/plan_fixture.c has them, but large enough for the bundle to reach what it reaches there.
TEST_FILES = {"linux": arm64_image(0x300000, 0x1300000, 0xa), "rtos": bytes(0x3000), "prober": bytes(0x3000),
              "initrd": bytes(0x234567), "empty-image": arm64_image(64, 0, 0xa), "big-endian-image": arm64_image(4096, 0x1300000, 1)}


def image_make(hypervisor: bytes, files: dict[str, bytes], arena: int) -> bytes:
    """What `mullion image` packs (boot/image.h, boot/bundle.h), from anything and without a check."""
    def frames(data: bytes) -> bytes:
        return data + bytes(-len(data) % FRAME)
    head, blobs = 16 + 64 * len(files), b""
    entries = b""
    first = len(frames(bytes(head)))
    for name, data in files.items():
        entries += struct.pack("<48sQQ", name.encode(), first + len(blobs), len(data))
        blobs += frames(data)
    bundle = frames(struct.pack("<8sII", b"MULLION1", len(files), first + len(blobs)) + entries) + blobs
    image = bytearray(hypervisor)
    image += bytes(struct.unpack_from("<Q", image, 64)[0] - len(image)) + bundle
    struct.pack_into("<Q", image, 16, len(image) + arena)
    struct.pack_into("<Q", image, 88, arena)
    return bytes(image)


class BadManifests:
    """Every tests/manifests/bad and bad-plan: the boot refuses it in the host tool's words, and starts nothing."""

    def __init__(self) -> None:
        self.build = ROOT / "build" / "tests" / "bad-manifests"
        shutil.rmtree(self.build, ignore_errors=True)
        self.build.mkdir(parents=True)
        self.hypervisor = (ROOT / "build/aarch64/mullion.bin").read_bytes()
        self.qemu = TEST_BOARD + ["-dtb", str(self.compile(HERE / "virt-smmu.dts"))]
        self.board = self.build / "board.dtb"  # as QEMU passes it on
        subprocess.run(self.qemu + ["-display", "none", "-machine", f"dumpdtb={self.board}"], check=True, stderr=subprocess.DEVNULL)
        self.count = 0
        self.wrong: list[str] = []
        for name, data in TEST_FILES.items():
            (self.build / name).write_bytes(data)

    def compile(self, source: Path) -> Path:
        blob = self.build / (source.stem + ".dtb")
        subprocess.run(["dtc", "-q", "-f", "-O", "dtb", "-o", str(blob), str(source)], check=True)
        return blob

    def tool(self, manifest: Path) -> str:
        """What the tool refuses it with; empty: it does not."""
        done = subprocess.run([str(ROOT / "build/host/mullion"), "check", str(manifest), "-b", str(self.board), "-I",
                               str(self.build), "-k", str(ROOT / "build/aarch64/mullion.bin"), *TEST_OPTIONS],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        need(done.returncode in (0, 1), f"{manifest}: {done.stderr.decode()}")
        return done.stderr.decode().strip().removeprefix(f"mullion: {manifest}: ") if done.returncode else ""

    def boot(self, manifest: Path) -> str:
        """What the hypervisor refuses it with; empty: it does not."""
        image, blob = self.build / "bad.img", manifest.read_bytes()
        files = {name: data for name, data in TEST_FILES.items() if name.encode() + b"\0" in blob}
        image.write_bytes(image_make(self.hypervisor, {"manifest": blob} | files, TEST_ARENA))
        with Board(self.qemu + ["-kernel", str(image)], limit=20) as board:
            said = board.expect(r"^\[mullion\] (?:cannot start: (.*)|tables: verified.*)")[1]
            if said:
                board.expect(r"^\[mullion\] no partition was started")
                board.wait_off()
            need(not said or not re.search(r"^\[(?!mullion\])", board.text, re.MULTILINE), f"a partition speaks:\n{board.text}")
        return said or ""

    def run(self, source: Path) -> None:
        expected = source.read_text().split("expect: ", 1)[1].split(" */", 1)[0]
        manifest = self.compile(source)
        tool, boot = self.tool(manifest), self.boot(manifest)
        # A file that is not there: the tool says where it has looked.
        same = tool == boot or re.sub(r"^mullion: manifest: (.*: )(file .*) is in none of.*", r"\1file: the bundle has no \2", tool) == boot
        self.count += 1
        if not boot or not same or PLACED.sub("ours", expected) not in PLACED.sub("ours", boot):
            self.wrong.append(f"{source}:\n  expected {expected}\n  tool     {tool}\n  boot     {boot}")


def bad_manifests() -> None:
    test = BadManifests()
    for folder in ("bad", "bad-plan"):
        for source in sorted((ROOT / "tests/manifests" / folder).glob("*.dts")):
            test.run(source)
    need(test.count >= 25, f"only {test.count} manifests")
    need(not test.wrong, "\n".join(test.wrong))
    print(f"{test.count} manifests are refused")


# TREE,LEVEL,BIT as tests/boards/flip.c reads them, and what the refusal must name.
FLIPS = [("0,0,7", "hypervisor: own tables: .*level 0"),  # AP[2]: read-only or writable
         ("0,1,54", "hypervisor: own tables: .*level 1"),  # a reserved bit of a table entry
         ("1,1,6", "linux: p2m: .*level 1"),  # S2AP[0]
         ("1,2,0", "linux: p2m: .*level 2"),  # valid
         ("2,0,12", "linux: bfn map: .*level 0"),  # the address of the scratch page
         ("2,3,47", "linux: bfn map: .*level 3"),  # the address of a table
         ("4,0,7", "prober: bfn map: .*level 0")]  # S2AP[1]


def flipped_tables() -> None:
    """A hypervisor whose finished tables have one bit flipped finds that out and refuses to launch."""
    build, qemu = prepare("virt")
    image = build / "flip.img"
    subprocess.run([str(ROOT / "build/host/mullion"), "image", str(ROOT / "examples/virt/manifest.dts"),
                    "-b", str(build / "board.dts"), "-I", str(build / "images"),
                    "-k", str(ROOT / "build/aarch64/mullion-flip.bin"), "-o", str(image)], check=True)
    for flip, message in FLIPS:
        refused(image, qemu[:-2] + ["-append", f"flip={flip}"] + qemu[-2:], message)


TESTS = {"linux-1": linux_1, "linux-3": linux_3, "cpus": cpus, "uart": uart, "sweep": sweep, "console-focus": console_focus,
         "hostile": hostile, "linux-crash": linux_crash, "bad-manifest": bad_manifest, "bad-manifests": bad_manifests, "small-arena": small_arena,
         "flipped-tables": flipped_tables}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in TESTS:
        print("usage: boards.py", "|".join(TESTS), file=sys.stderr)
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
