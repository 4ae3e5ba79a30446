#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-format would change nothing: format.sh ROOT VERSION
cd "$1" || exit 2
if ! clang-format --version | grep -q "version $2\."; then
    echo "skipped: the tree is formatted with clang-format $2, this is $(clang-format --version)"
    exit 77
fi
find abi boot kernel tools tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
