# SPDX-License-Identifier: Apache-2.0
# Sourced after common.sh: prepare one example's image and its QEMU command.
# shellcheck shell=bash disable=SC2154
#
# An example is a folder: examples/NAME, or any path with a slash in it. It holds
#   manifest.dts  the partitions
#   qemu.args     arguments for QEMU, several to a line; # starts a comment
#   images        lines NAME=PATH: guest images, by the name that the manifest uses
#   pci.dts       optional: the board's PCI functions, which QEMU's device tree leaves out
#   disks         optional: lines NAME=SIZE, empty disk images to create (as truncate -s)
# ${BUILD} is the example's build folder, ${DEPS} scripts/setup's, ${ROOT} the tree; a relative PATH starts there.

# The lines of a file without comments and empty ones, variables expanded.
example_lines() {
    local line
    [[ -f $1 ]] || return 0
    while IFS= read -r line || [[ $line ]]; do
        line=${line%%#*}
        line=${line//'${BUILD}'/$example_build}
        line=${line//'${DEPS}'/$deps}
        line=${line//'${ROOT}'/$root}
        [[ $line =~ [^[:space:]] ]] && echo "$line"
    done <"$1"
    return 0
}

example_find() {
    example=$1
    [[ $example == */* ]] || example=$root/examples/$example
    if [[ ! -f $example/manifest.dts ]]; then
        echo "${0##*/}: no example \"$1\"; there are:" >&2
        (cd "$root/examples" && for m in */manifest.dts; do echo "  ${m%/*}"; done) >&2
        exit 2
    fi
    example=$(cd "$example" && pwd)
    # Folders of one name in different places do not share a build folder.
    example_build=$build/examples/${example##*/}
    [[ ${example%/*} == "$root/examples" ]] || example_build+=-$(sha256sum <<<"$example" | head -c 12)
}

# The machine that qemu.args asks for.
example_arch() {
    if [[ $(example_lines "$example/qemu.args") == *'-machine q35'* ]]; then echo x86_64; else echo aarch64; fi
}

example_qemu() { # fills qemu=(...), without the image
    local words line
    qemu=("qemu-system-$(example_arch)")
    while IFS= read -r line; do
        read -ra words <<<"$line"
        qemu+=("${words[@]}")
    done < <(example_lines "$example/qemu.args")
    qemu+=(-kernel "$example_build/mullion.img")
}

# Where QEMU puts an arm64 Image: 2 MiB into the board's RAM.
example_address() {
    local memory cell
    memory=$(fdtget -l "$example_build/qemu.dtb" / | grep -m1 '^memory@')
    read -ra cell < <(fdtget -t u "$example_build/qemu.dtb" "/$memory" reg)
    printf '0x%x\n' $(((cell[0] << 32) + cell[1] + 0x200000))
}

# Physical address bits of the CPU that QEMU is to emulate.
example_pa_bits() {
    case " ${qemu[*]}" in
    *' -cpu cortex-a57'* | *' -cpu cortex-a72'*) echo 44 ;;
    *' -cpu cortex-a'*) echo 40 ;;
    *) echo 48 ;;
    esac
}

example_prepare() {
    local name path
    mkdir -p "$example_build/images"
    while IFS='=' read -r name path; do
        [[ $path == /* ]] || path=$root/$path
        [[ -r $path ]] || die "$example/images: $name=$path cannot be read"
        ln -sfn "$path" "$example_build/images/$name"
    done < <(example_lines "$example/images")
    while IFS='=' read -r name path; do
        [[ -f $example_build/$name ]] || truncate -s "$path" "$example_build/$name"
    done < <(example_lines "$example/disks")

    example_qemu
    # What an x86_64 board is its own firmware's tables say: the manifest is checked against them when it boots.
    if [[ $(example_arch) == x86_64 ]]; then
        "$build/host/mullion" image "$example/manifest.dts" -I "$example_build/images" \
            -k "$build/x86_64/mullion.elf" -o "$example_build/mullion.img" || die "$example: refused"
        return
    fi
    # The board as QEMU describes it, with its PCI functions, for the check before anything runs.
    quietly "${qemu[@]:0:${#qemu[@]}-2}" -display none -machine "dumpdtb=$example_build/qemu.dtb"
    quietly dtc -q -I dtb -O dts -o "$example_build/board.dts" "$example_build/qemu.dtb"
    [[ ! -f $example/pci.dts ]] || cat "$example/pci.dts" >>"$example_build/board.dts"
    "$build/host/mullion" image "$example/manifest.dts" -b "$example_build/board.dts" -I "$example_build/images" \
        -k "$build/aarch64/mullion.bin" \
        -a "$(example_address)" -p "$(example_pa_bits)" -o "$example_build/mullion.img" || die "$example: refused"
}
