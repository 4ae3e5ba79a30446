#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One fuzz target for a while: run.sh TARGET SEEDS KEPT WORK [DICTIONARY]. SEEDS: good inputs; KEPT: every
# input that ever broke it, which only grows; WORK: what was found to be of interest in this build.
# MULLION_FUZZ_SECONDS (default 30), MULLION_SEED (default: another one each time; it is printed).
set -euo pipefail
target=$1 seeds=$2 kept=$3 work=$4 name=${1##*/}
seed=${MULLION_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
options=(-max_total_time="${MULLION_FUZZ_SECONDS:-30}" -seed="$seed" -timeout=20 -error_exitcode=1
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$work.broken-")
[[ ${5:-} ]] && options+=(-dict="$5")
mkdir -p "$work"
corpora=("$work" "$seeds")
[[ -d $kept ]] && corpora+=("$kept")
echo "MULLION_SEED=$seed"
"$target" "${options[@]}" "${corpora[@]}" || {
    echo "$name: the input is $work.broken-*; mend, then keep it in $kept"
    exit 1
}
