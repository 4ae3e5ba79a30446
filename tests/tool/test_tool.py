#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The host tool as a user calls it: exit status, messages, and every byte of the image it packs."""
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.abspath(sys.argv.pop(1))
FRAME = 4096

NVME = """
/ { pcie@10000000 { nvme@2,0 {
    reg = <0x1000 0 0 0 0>, <0x03001010 0 0 0 0x4000>;
    vendor-id = <0x1b36>; device-id = <0x10>; class-code = <0x010802>;
}; }; };
"""

MANIFEST = """/dts-v1/;
/ {
    compatible = "mullion,manifest-v1";
    shared { box { size = <0 0x1000>; host = <0 0x60000000>; }; };
    partitions {
        one {
            cpus = <0>; physmap = "translated";
            kernel { file = "one.bin"; load = <0 0x40000000>; };
            initrd { file = "one.initrd"; };
            memory { #address-cells = <2>; #size-cells = <2>;
                ram@40000000 { type = "ram"; reg = <0 0x40000000 0 0x1000000>; };
                box@70000000 { type = "shared"; shared = "box"; reg = <0 0x70000000 0 0x1000>; };
            };
            devices { nvme { pci = "00:02.0"; }; };
        };
        two {
            cpus = <1>; physmap = "identity";
            kernel { file = "one.bin"; load = <0 0x70000000>; };
            memory { #address-cells = <2>; #size-cells = <2>;
                ram@70000000 { type = "ram"; reg = <0 0x70000000 0 0x1000000>; };
                box@60000000 { type = "shared"; shared = "box"; reg = <0 0x60000000 0 0x1000>; access = "ro"; };
            };
        };
    };
};
"""


def hypervisor():
    """A file that looks like mullion.bin: four frames in all, the last one only in memory (bss)."""
    data = bytearray(os.urandom(3 * FRAME - 100))
    struct.pack_into("<QQ", data, 8, 0, 4 * FRAME)
    data[56:60] = b"ARMd"
    struct.pack_into("<QQQQ", data, 64, 4 * FRAME, FRAME, 2 * FRAME, 0x10000)
    return bytes(data)


def arena_of(image):
    return struct.unpack_from("<Q", image, 88)[0]


BASE, OFFSET, MB1, MB2 = 0x1000000, 0x1000, 0x1BADB002, 0xE85250D6
DATA = 100  # bytes of .data; the rest of its frame and another one are .bss


def hypervisor_elf():
    """A file that looks like mullion.elf: text, rodata, data and bss, four frames in memory, and something behind."""
    flat = bytearray(os.urandom(2 * FRAME + DATA))
    end = BASE + 4 * FRAME + 0x10000
    load = BASE + 2 * FRAME + DATA
    struct.pack_into("<8I", flat, 0, MB1, 0x10003, -(MB1 + 0x10003) & 0xFFFFFFFF, BASE, BASE, load, end, BASE + 0x100)
    struct.pack_into("<4IHH5I", flat, 32, MB2, 0, 64, -(MB2 + 64) & 0xFFFFFFFF, 2, 0, 24, BASE + 32, BASE, load, end)
    struct.pack_into("<8s4Q", flat, 96, b"MULLX86", 4 * FRAME, FRAME, 2 * FRAME, 0x10000)
    head = bytearray(OFFSET)
    struct.pack_into("<16sHHIQQQIHHHHHH", head, 0, b"\x7fELF\2\1\1", 2, 62, 1, BASE + 0x100, 64, 0x5000, 0, 64, 56, 4, 64, 3, 2)
    for i, (flags, at, filesz, memsz) in enumerate([(5, 0, FRAME, FRAME), (4, FRAME, FRAME, FRAME), (6, 2 * FRAME, DATA, 2 * FRAME)]):
        struct.pack_into("<IIQQQQQQ", head, 64 + 56 * i, 1, flags, OFFSET + at, BASE + at, BASE + at, filesz, memsz, FRAME)
    struct.pack_into("<IIQQQQQQ", head, 64 + 56 * 3, 4, 4, OFFSET + FRAME, BASE + FRAME, BASE + FRAME, 24, 24, 4)
    return bytes(head + flat) + b"symbols"


class Tool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        dtb = os.path.join(cls.folder.name, "board.dtb")
        for smmu in ("smmuv3", "none"):
            subprocess.run(["qemu-system-aarch64", "-machine", f"virt,virtualization=on,gic-version=3,iommu={smmu}",
                            "-cpu", "cortex-a57", "-smp", "2", "-m", "1G", "-nodefaults", "-display", "none",
                            "-machine", f"dumpdtb={dtb}"], check=True, capture_output=True)
            source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", dtb], check=True, capture_output=True, text=True)
            cls.write(f"{smmu}.dts", source.stdout + NVME)
        cls.images = {"one.bin": os.urandom(5000), "one.initrd": os.urandom(FRAME)}
        os.mkdir(os.path.join(cls.folder.name, "images"))
        for name, data in cls.images.items():
            cls.write(os.path.join("images", name), data)
        cls.write("m.dts", MANIFEST)
        cls.write("mullion.bin", hypervisor())
        cls.write("mullion.elf", hypervisor_elf())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, data):
        with open(os.path.join(cls.folder.name, name), "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)

    def read(self, name):
        with open(os.path.join(self.folder.name, name), "rb") as f:
            return f.read()

    def run_tool(self, *args):
        return subprocess.run([TOOL, *args], cwd=self.folder.name, capture_output=True, text=True)

    def refused(self, status, words, *args):
        r = self.run_tool(*args)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        for w in words:
            self.assertIn(w, r.stderr)

    def test_check(self):
        r = self.run_tool("check", "m.dts", "-b", "smmuv3.dts", "-I", "images")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("2 partitions", r.stdout)

    def test_check_of_blobs(self):
        for name in ("m", "smmuv3"):
            subprocess.run(["dtc", "-q", "-o", f"{name}.dtb", f"{name}.dts"], cwd=self.folder.name, check=True)
        r = self.run_tool("check", "m.dtb", "-b", "smmuv3.dtb", "-I", "images")
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_report(self):
        r = self.run_tool("report", "m.dts", "-b", "smmuv3.dts", "-I", "images")
        self.assertEqual(r.returncode, 0, r.stderr)
        for words in ("partition one", "partition two", "PCI 00:02.0 [1b36:0010], in the guest 00:01.0",
                      "behind the SMMUv3 at 0x9050000 as stream 0x10", "shared box at 0x60000000",
                      "bfn map 0   SMMUv3, 48 bits, guest", "masters of the board that no partition has", "/virtio_mmio@a000000 and 31 more: NOT KEPT",
                      "Every device is confined"):
            self.assertIn(words, r.stdout)

    def test_report_unprotected(self):
        """Without an SMMU the device is refused, until the manifest says what it means; then the report does."""
        self.refused(1, ["nvme"], "check", "m.dts", "-b", "none.dts", "-I", "images")
        device = 'devices { nvme { pci = "00:02.0"; }; };'
        text = MANIFEST.replace(device, "")
        at = text.rindex("memory {")
        self.write("open.dts", text[:at] + device.replace("; };", "; unprotected-dma; };", 1) + text[at:])
        r = self.run_tool("report", "open.dts", "-b", "none.dts", "-I", "images")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("NOT CONFINED: nvme of two can reach ALL memory of the board", r.stdout)
        self.assertNotIn("Every device is confined", r.stdout)

    def test_image(self):
        r = self.run_tool("image", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "mullion.bin", "-o", "out.img")
        self.assertEqual(r.returncode, 0, r.stderr)
        image, given = self.read("out.img"), self.read("mullion.bin")
        arena = arena_of(image)
        self.assertEqual(arena % FRAME, 0)
        self.assertEqual(struct.unpack_from("<Q", image, 16)[0], len(image) + arena)
        self.assertEqual(image[:16] + image[24:88] + image[96:len(given)], given[:16] + given[24:88] + given[96:])
        self.assertEqual(image[len(given):4 * FRAME], bytes(4 * FRAME - len(given)))
        bundle = image[4 * FRAME:]
        magic, count, total = struct.unpack_from("<8sII", bundle)
        self.assertEqual((magic, total), (b"MULLION1", len(bundle)))
        entries = {}
        for i in range(count):
            name, offset, size = struct.unpack_from("<48sQQ", bundle, 16 + 64 * i)
            self.assertEqual(offset % FRAME, 0)
            entries[name.rstrip(b"\0").decode()] = bundle[offset:offset + size]
        self.assertEqual(list(entries), ["manifest", "one.bin", "one.initrd"])
        for name, data in self.images.items():
            self.assertEqual(entries[name], data)
        self.assertEqual(entries["manifest"][:4], b"\xd0\x0d\xfe\xed")

    def image_elf(self, *more):
        r = self.run_tool("image", "m.dts", "-I", "images", "-k", "mullion.elf", "-o", "out.elf", *more)
        self.assertEqual(r.returncode, 0, r.stderr)
        return self.read("out.elf")

    def test_image_elf(self):
        """x86_64: no board, and every header that a boot loader may read says how long the image has become."""
        image, given = self.image_elf(), self.read("mullion.elf")
        flat = 2 * FRAME + DATA
        bundle = image[OFFSET + 4 * FRAME:]
        self.assertEqual(struct.unpack_from("<8sII", bundle)[::2], (b"MULLION1", len(bundle)))
        loaded, arena = BASE + 4 * FRAME + len(bundle), 4 << 20
        changed = bytearray(given[:OFFSET + flat])
        struct.pack_into("<Q", changed, 40, 0)  # no sections
        struct.pack_into("<HH", changed, 60, 0, 0)
        struct.pack_into("<QQ", changed, 64 + 56 * 2 + 32, loaded - BASE - 2 * FRAME, loaded + arena - BASE - 2 * FRAME)
        struct.pack_into("<II", changed, OFFSET + 20, loaded, loaded + arena)
        struct.pack_into("<II", changed, OFFSET + 32 + 32, loaded, loaded + arena)
        struct.pack_into("<Q", changed, OFFSET + 96 + 32, arena)
        self.assertEqual(image[:OFFSET + flat], bytes(changed))
        self.assertEqual(image[OFFSET + flat:OFFSET + 4 * FRAME], bytes(4 * FRAME - flat))

        image = self.image_elf("--arena", "10000")
        self.assertEqual(struct.unpack_from("<Q", image, OFFSET + 96 + 32)[0], 3 * FRAME)
        self.assertEqual(struct.unpack_from("<I", image, OFFSET + 24)[0], loaded + 3 * FRAME)

    def test_wrong_elf(self):
        def broken(form, at, value):
            data = bytearray(hypervisor_elf())
            struct.pack_into(form, data, at, value)
            self.write("bad.elf", bytes(data))
            self.refused(1, ["bad.elf"], "image", "m.dts", "-I", "images", "-k", "bad.elf", "-o", "none.img")

        last, header = 64 + 56 * 2, OFFSET + 96
        for form, at, value in (
                ("<B", 4, 1), ("<B", 5, 2), ("<H", 18, 183), ("<Q", 32, 65), ("<Q", 32, 0x7FFFFFFFFFFFFFF8), ("<Q", 32, OFFSET),
                ("<H", 54, 32), ("<H", 56, 0), ("<H", 56, 0xFFFF), ("<Q", last + 8, OFFSET), ("<Q", last + 24, BASE), ("<Q", last + 40, 0),
                ("<I", OFFSET + 12, BASE + 8), ("<I", OFFSET + 16, 0), ("<I", OFFSET + 20, BASE - 1), ("<I", OFFSET + 20, BASE + 3 * FRAME),
                ("<I", OFFSET + 20, 0xFFFFFFFF), ("<B", header, 0), ("<Q", header + 8, 4 * FRAME + 1), ("<Q", header + 8, 1 << 63),
                ("<Q", header + 24, FRAME), ("<Q", header + 32, FRAME)):
            with self.subTest(at=hex(at), value=hex(value)):
                broken(form, at, value)
        for size in (5, 63, OFFSET, OFFSET + 135, OFFSET + 2 * FRAME):
            self.write("bad.elf", hypervisor_elf()[:size])
            self.refused(1, ["bad.elf"], "image", "m.dts", "-I", "images", "-k", "bad.elf", "-o", "none.img")
        self.image_elf()
        self.refused(1, ["packed already"], "image", "m.dts", "-I", "images", "-k", "out.elf", "-o", "none.img")
        self.refused(2, ["smmuv3.dts", "ACPI"], "image", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "mullion.elf", "-o", "none.img")
        self.refused(2, ["-b BOARD"], "image", "m.dts", "-I", "images", "-k", "mullion.bin", "-o", "none.img")
        self.write("bad.dts", MANIFEST.replace("cpus = <0>;", ""))
        self.refused(1, ["/partitions/one"], "image", "bad.dts", "-I", "images", "-k", "mullion.elf", "-o", "none.img")
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "none.img")))

    def arena_needed(self):
        r = self.run_tool("check", "m.dts", "-b", "smmuv3.dts", "-I", "images")
        used, size = map(int, re.search(r"(\d+) of (\d+) bytes of arena", r.stdout).groups())
        self.assertEqual(size % FRAME, 0)
        self.assertLessEqual(used * 3 // 2 + 0x4000, size)
        self.assertLess(size, used * 3 // 2 + 0x4000 + FRAME)
        return used

    def test_arena(self):
        """As large as it takes and some more, or as told; too small is refused, with the number that is needed."""
        used = self.arena_needed()
        frames = (used + FRAME - 1) // FRAME
        image = ["image", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "mullion.bin", "-o", "arena.img", "--arena"]
        r = self.run_tool(*image, str(used))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(arena_of(self.read("arena.img")), frames * FRAME)
        for small in range(1, frames):
            r = self.run_tool(*image, str(small * FRAME))
            self.assertEqual(r.returncode, 1, r.stdout)
            said = re.search(r"arena: (\d+) bytes, (\d+) or more are needed: pack the image with --arena", r.stderr)
            self.assertEqual(int(said[1]), small * FRAME)
            self.assertGreater(int(said[2]), small * FRAME)
        self.refused(2, ["-A lots"], *image, "lots")

    def test_address(self):
        """It says what it assumes; what is not memory of the board is refused as at boot."""
        check = ["check", "m.dts", "-b", "smmuv3.dts", "-I", "images"]
        self.assertIn("assumed at 0x40000000", self.run_tool(*check).stdout)
        told = self.run_tool(*check, "-a", "0x40200000")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertNotIn("assumed", told.stdout)
        self.refused(1, ["the hypervisor image at 0x20000000-0x200fffff is not in RAM of the board"], *check, "-a", "0x20000000")
        self.refused(1, ["the firmware DTB at 0x80000000"], *check, "-a", "0x7fe00000")
        self.refused(1, ["/partitions/two/memory/ram@70000000", "the hypervisor image"], *check, "-a", "0x70e00000")
        self.refused(1, ["/partitions/two/memory/ram@70000000", "the firmware DTB at 0x70800000"], *check, "-d", "0x70800000")

    def test_pa_bits(self):
        """48 bits unless told; then a partition's memory and the board's must fit."""
        self.write("high.dts", MANIFEST.replace("ram@40000000", "ram@100000000000").replace("<0 0x40000000 0 0x1000000>",
                   "<0x1000 0 0 0x1000000>").replace("load = <0 0x40000000>", "load = <0x1000 0>"))
        check = ["check", "high.dts", "-b", "smmuv3.dts", "-I", "images"]
        r = self.run_tool(*check)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.refused(1, ["the board has 44 address bits"], *check, "-p", "44")
        self.refused(2, ["44 or 48"], *check, "--pa-bits", "43")

    def test_other_bus(self):
        """The boot looks at the root bus only, whatever the board's file lists."""
        self.write("bus.dts", MANIFEST.replace("00:02.0", "01:00.0"))
        self.write("bus-board.dts", self.read("smmuv3.dts").decode().replace("nvme@2,0 {\n    reg = <0x1000 ", "nvme@2,0 {\n    reg = <0x10000 "))
        self.refused(1, ["/partitions/one/devices/nvme", "01:00.0 is not on the root bus (00)"], "check", "bus.dts", "-b",
                     "bus-board.dts", "-I", "images")

    def test_guest_tree(self):
        """What a partition's device tree cannot hold fails here, not at boot."""
        self.write("long.dts", MANIFEST.replace("cpus = <0>;", f'cpus = <0>; bootargs = "{"x" * 70000}";'))
        self.refused(1, ["one"], "check", "long.dts", "-b", "smmuv3.dts", "-I", "images")

    def test_missing_image(self):
        self.refused(1, ["/partitions/one/kernel", '"one.bin"', "smmuv3", " ."], "check", "m.dts", "-b", "smmuv3.dts",
                     "-I", "smmuv3")

    def test_dtc_message(self):
        self.write("bad.dts", MANIFEST.replace("cpus = <0>;", "cpus = <0;"))
        self.refused(1, ["bad.dts:7"], "check", "bad.dts", "-b", "smmuv3.dts", "-I", "images")

    def test_refused_manifest(self):
        self.write("bad.dts", MANIFEST.replace("cpus = <0>;", "cpus = <7>;"))
        self.refused(1, ["/partitions/one", "7"], "check", "bad.dts", "-b", "smmuv3.dts", "-I", "images")

    def test_no_half_image(self):
        self.write("bad.dts", MANIFEST.replace("cpus = <0>;", "cpus = <7>;"))
        self.run_tool("image", "bad.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "mullion.bin", "-o", "none.img")
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "none.img")))

    def test_output_cannot_be_written(self):
        self.refused(2, ["nowhere/out.img"], "image", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "mullion.bin",
                     "-o", "nowhere/out.img")

    def test_wrong_hypervisor(self):
        self.refused(1, ["no arm64 image header"], "check", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k",
                     "images/one.bin")
        given = bytearray(hypervisor())
        struct.pack_into("<Q", given, 64, 4 * FRAME + 1)
        self.write("odd.bin", bytes(given))
        self.refused(1, ["the table at offset 64"], "check", "m.dts", "-b", "smmuv3.dts", "-I", "images", "-k", "odd.bin")

    def test_trouble(self):
        self.refused(2, ["--help"])
        self.refused(2, ["--help"], "draw", "m.dts")
        self.refused(2, ["--help"], "check", "m.dts")
        self.refused(2, ["-o OUT"], "image", "m.dts", "-b", "smmuv3.dts")
        self.refused(2, ["none.dtb"], "check", "m.dts", "-b", "none.dtb")
        self.refused(2, ["2 MiB"], "check", "m.dts", "-b", "smmuv3.dts", "-a", "0x40000001")
        self.refused(1, ["board"], "check", "m.dts", "-b", "images/one.bin", "-I", "images")


if __name__ == "__main__":
    unittest.main()
