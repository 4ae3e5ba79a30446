#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, with the target's flags: headers.sh ROOT ARCHITECTURE CLANG-FLAGS...
set -uo pipefail
cd "$1" || exit 2
arch=$2
shift 2
bad=0 count=0
for h in abi/*.h boot/*.h $(find kernel -name '*.h' \( -not -path 'kernel/arch/*' -o -path "kernel/arch/$arch/*" \) | sort); do
    count=$((count + 1))
    clang "$@" -I kernel -I "kernel/arch/$arch" -I abi -I boot -fsyntax-only -x c -include "$h" /dev/null || {
        echo "$h does not compile alone" >&2
        bad=1
    }
done
echo "$count headers"
exit $bad
