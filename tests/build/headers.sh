#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, with the target's flags: headers.sh ROOT CLANG-FLAGS...
set -uo pipefail
cd "$1" || exit 2
shift
bad=0 count=0
for h in abi/*.h boot/*.h $(find kernel -name '*.h' | sort); do
    count=$((count + 1))
    clang "$@" -I kernel -I kernel/arch/aarch64 -I abi -I boot -fsyntax-only -x c -include "$h" /dev/null || {
        echo "$h does not compile alone" >&2
        bad=1
    }
done
echo "$count headers"
exit $bad
