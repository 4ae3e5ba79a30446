#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy (.clang-tidy) finds nothing: tidy.sh ROOT AARCH64-BUILD X86_64-BUILD HOST-BUILD VERSION
cd "$1" || exit 2
if ! clang-tidy --version | grep -q "LLVM version $5\."; then
    echo "skipped: the tree is checked with clang-tidy $5"
    exit 77
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
bad=0
{
    find kernel boot -name '*.c' -not -path 'kernel/arch/x86_64/*' -not -name ns16550.c -printf '%p\0' |
        xargs -0 -n 4 -P 2 clang-tidy -quiet -p "$2" &&
        find kernel/arch/x86_64 kernel/dev/ns16550.c -name '*.c' -printf '%p\0' | xargs -0 -n 4 -P 2 clang-tidy -quiet -p "$3" &&
        find tools -name '*.c' -printf '%p\0' | xargs -0 -n 1 -P 2 clang-tidy -quiet -p "$4"
} >"$log" 2>/dev/null || bad=1
grep -E 'warning:|error:|note:' "$log" | sort -u
exit $bad
