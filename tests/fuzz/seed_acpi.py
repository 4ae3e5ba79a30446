# SPDX-License-Identifier: Apache-2.0
"""Seeds of fuzz_acpi.c, in pieces as it takes them: seed_acpi.py FOLDER"""
import struct
import sys

MEMORY, RSDP_2, APIC, MCFG, DMAR, IVRS, FACP, DSDT, HPET, SPCR, BRIDGE = range(11)


def piece(kind, data):
    return struct.pack("<BH", kind, len(data)) + data


def memory(*ranges):
    return piece(MEMORY, b"".join(struct.pack("<QQB", *r) for r in ranges))


def gas(port):
    return struct.pack("<BBBBQ", 1, 32, 0, 0, port)


ram = memory((0x100000, 0x3fe00000, 1), (0, 0x9fc00, 1), (0x3ff00000, 0x100000, 2), (0x100000000, 1 << 30, 1))
madt = piece(APIC, struct.pack("<II", 0xfee00000, 1) + bytes([0, 8, 0, 0, 1, 0, 0, 0])
             + struct.pack("<BBHIII", 9, 16, 0, 300, 1, 1) + struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0)
             + struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 13) + struct.pack("<BBHQ", 5, 12, 0, 0xfee00000))
mcfg = piece(MCFG, struct.pack("<QQHBBI", 0, 0xb0000000, 0, 0, 255, 0))
scopes = bytes([3, 8, 0, 0, 0, 255, 0, 0, 1, 8, 0, 0, 0, 0, 3, 0, 2, 8, 0, 0, 0, 0, 4, 0, 1, 10, 0, 0, 0, 0, 4, 0, 0, 0])
dmar = piece(DMAR, struct.pack("<BB10x", 47, 1) + struct.pack("<HHBBHQ", 0, 16 + len(scopes), 0, 0, 0, 0xfed90000) + scopes
             + struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, 0xfed91000)
             + struct.pack("<HHHHQQ", 1, 32, 0, 0, 0x6000000, 0x600ffff) + scopes[8:16]
             + struct.pack("<HHBBH", 2, 8, 1, 0, 0) + struct.pack("<HH3xB6s", 4, 14, 1, b"\\SPI0"))
entries = (struct.pack("<BHB", 2, 0x10, 0) + struct.pack("<BHB", 3, 0x18, 0) + struct.pack("<BHB", 4, 0x1f, 0)
           + struct.pack("<BHBBHB", 0x42, 0x31, 0, 0, 0x30, 0) + struct.pack("<BHBBHB", 0x43, 0x40, 0, 0, 0x140, 0)
           + struct.pack("<BHB", 4, 0x47, 0) + struct.pack("<BHBBHB", 0x46, 0x48, 0, 0, 0, 0)
           + struct.pack("<BHBBHB", 0x48, 0, 0, 0, 0xa0, 1) + struct.pack("<BHB", 1, 0, 0)
           + struct.pack("<BHB8s8sBB3s", 0xf0, 0x98, 0, b"AMDI0020", b"", 2, 3, b"\\_S"))


def ivhd(kind, base):
    head = 24 if kind == 0x10 else 40
    return (struct.pack("<BBHHHQHHI", kind, 0x20, head + len(entries), 8, 0x40, base, 0, 0, 0).ljust(head, b"\0")) + entries


ivrs = piece(IVRS, bytes(12) + ivhd(0x10, 0xfed80000) + ivhd(0x40, 0xfed80000)
             + b"".join(struct.pack("<BBHHHQQQ", k, 9, 32, 0x10, 0x1f, 0, 0x7000000 + (k << 16), 0x1000) for k in (0x20, 0x21, 0x22)))
fadt = bytearray(208)
struct.pack_into("<I", fadt, 64 - 36, 0x604)
fadt[91 - 36] = 4
struct.pack_into("<I", fadt, 112 - 36, 0x500)
fadt[116 - 36:128 - 36] = gas(0xcf9)
fadt[172 - 36:184 - 36] = gas(0x604)
fadt[208 - 36:220 - 36] = gas(0x608)
fixed = (piece(FACP, bytes(fadt)) + piece(DSDT, b"\x10\x08_S5_\x12\x06\x04\x0a\x05\0\0\0") + piece(BRIDGE, b"\x20\0\0\x01\x01\0")
         + piece(HPET, struct.pack("<IIQI", 0, 0, 0xfed00000, 0)) + piece(SPCR, struct.pack("<I", 0) + gas(0x2f8) + bytes([1, 3]) + bytes(26)))
for name, data in {"vtd": ram + madt + mcfg + dmar + fixed, "amdvi": ram + piece(RSDP_2, b"") + madt + mcfg + ivrs + fixed,
                   "plain": ram + madt + mcfg}.items():
    with open(sys.argv[1] + "/" + name, "wb") as f:
        f.write(data)
