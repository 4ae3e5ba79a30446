# SPDX-License-Identifier: Apache-2.0
# Sourced by every script: where things are, and the build.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deps=${MULLION_DEPS:-$root/.deps}
[[ $deps == /* ]] || deps=$root/$deps
build=$root/build

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Run a command silently; show what it said only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "failed: $*"
    fi
    rm -f "$log"
}

# All presets: the images and the guests for the targets, then the tool and the tests for this machine.
build_all() {
    local preset
    for preset in aarch64 x86_64 host; do
        quietly cmake -S "$root" --preset "$preset" -DMULLION_DEPS="$deps"
        quietly cmake --build "$build/$preset"
    done
}
