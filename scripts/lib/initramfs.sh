#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An initramfs from a static busybox and the scripts of one folder: initramfs.sh OUT BUSYBOX FOLDER
set -euo pipefail
(($# == 3)) || { echo "usage: initramfs.sh OUT BUSYBOX FOLDER" >&2; exit 2; }
out=$(realpath -m "$1")

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/bin"
cp "$2" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
cp "$3"/* "$tree"
chmod 755 "$tree"/init "$tree/bin/busybox"
# The same input gives the same bytes.
find "$tree" -exec touch -h -d @0 {} +
(cd "$tree" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc --owner=0:0 --reproducible) | gzip -9n >"$out.new"
mv "$out.new" "$out"
