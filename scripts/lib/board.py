# SPDX-License-Identifier: Apache-2.0
"""One emulated board: prepare an example's image, boot it in QEMU, watch and use its console."""
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
DISK_MIB = 64  # of file at the start of the disk; as much room behind it (tests/guests/linux-init/disk.sh)
FOCUS = "\x01\x01\x01"  # Ctrl-A three times: input goes to the next partition

_PREPARE = """
source "$1/scripts/lib/common.sh"
source "$1/scripts/lib/example.sh"
example_find "$2"
example_prepare >&2
printf '%s\\0' "$example_build" "${qemu[@]}"
"""


class Timeout(Exception):
    pass


def prepare(example: str) -> tuple[Path, list[str]]:
    """Build folder and QEMU command (without a console) of an example; its image is made anew."""
    done = subprocess.run(["bash", "-c", _PREPARE, "board.py", str(ROOT), example], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{example}: could not be prepared")
    build, *command = done.stdout.decode().split("\0")[:-1]
    return Path(build), command


def disk_fill(path: Path) -> str:
    """A file of random bytes and room behind it; the file's sha256."""
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(DISK_MIB):
            block = os.urandom(MIB)
            digest.update(block)
            f.write(block)
        f.truncate(2 * DISK_MIB * MIB)
    return digest.hexdigest()


def disk_copy_sum(path: Path) -> str:
    """sha256 of what the guest wrote behind the file."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        f.seek(DISK_MIB * MIB)
        while block := f.read(MIB):
            digest.update(block)
    return digest.hexdigest()


def partitions(example: str) -> list[str]:
    """The names in an example's manifest."""
    manifest = (ROOT / "examples" / example if "/" not in example else Path(example)) / "manifest.dts"
    with tempfile.NamedTemporaryFile(suffix=".dtb") as blob:
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob.name, str(manifest)], check=True)
        names = subprocess.run(["fdtget", "-l", blob.name, "/partitions"], stdout=subprocess.PIPE, check=True)
    return names.stdout.decode().split()


class Board:
    """A running QEMU. Use as a context manager: it never outlives the block."""

    def __init__(self, command: list[str], echo: bool = False, limit: float = 115) -> None:
        self.end = time.monotonic() + limit
        self.text = ""  # all output so far, CR removed
        self._seen = 0  # expect() goes on from here
        self._echo = echo
        self._more = threading.Condition()
        self._closed = False
        self._qemu = subprocess.Popen(
            command + ["-display", "none", "-monitor", "none", "-serial", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        if self._qemu.poll() is None:
            self._qemu.kill()
        self._qemu.wait()
        self._reader.join(5)

    def _read(self) -> None:
        assert self._qemu.stdout is not None
        fd = self._qemu.stdout.fileno()
        while block := os.read(fd, 65536):
            text = block.decode("utf-8", "replace").replace("\r", "")
            if self._echo:
                sys.stdout.write(text)
                sys.stdout.flush()
            with self._more:
                self.text += text
                self._more.notify_all()
        with self._more:
            self._closed = True
            self._more.notify_all()

    def _until(self, timeout: float | None) -> float:
        return self.end if timeout is None else min(self.end, time.monotonic() + timeout)

    def expect(self, pattern: str, timeout: float | None = None) -> re.Match[str]:
        """The next match of pattern (^ and $ are those of a line) in whole lines of output after the last one."""
        until = self._until(timeout)
        regex = re.compile(pattern, re.MULTILINE)
        with self._more:
            while True:
                found = regex.search(self.text, self._seen, self.text.rfind("\n") + 1)
                if found:
                    self._seen = found.end()
                    return found
                if self._closed or time.monotonic() >= until:
                    why = "QEMU has ended" if self._closed else "time is up"
                    raise Timeout(f"{why} and no {pattern!r}")
                self._more.wait(min(1.0, max(0.0, until - time.monotonic())))

    def send(self, text: str) -> None:
        assert self._qemu.stdin is not None
        for c in text:  # a virtual UART has a FIFO of 32 bytes and guests poll
            self._qemu.stdin.write(c.encode())
            self._qemu.stdin.flush()
            time.sleep(0.01)

    def wait_off(self, timeout: float | None = None) -> int:
        """QEMU's exit status once the board has switched itself off."""
        try:
            status = self._qemu.wait(max(0.0, self._until(timeout) - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Timeout("the board was not switched off") from None
        self._reader.join(5)
        return status

    def lines(self, name: str) -> list[str]:
        """What a partition has said ("mullion": the hypervisor), line by line, without its prefix."""
        return [line[len(name) + 3:] for line in self.text.split("\n") if line.startswith(f"[{name}] ")]
