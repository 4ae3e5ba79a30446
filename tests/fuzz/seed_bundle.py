# SPDX-License-Identifier: Apache-2.0
"""A small bundle as boot/bundle.h says, its blobs in the same page: seed_bundle.py FILE"""
import struct
import sys

sizes = {b"manifest": 4, b"linux": 80, b"empty": 0}
data = struct.pack("<8sII", b"MULLION1", len(sizes), 4096 + max(sizes.values()))
for name, size in sizes.items():
    data += struct.pack("<48sQQ", name, 4096, size)
with open(sys.argv[1], "wb") as f:
    f.write(data.ljust(4096, b"\0") + bytes(max(sizes.values())))
