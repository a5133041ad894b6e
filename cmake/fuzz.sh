#!/usr/bin/env bash
# usage: cmake/fuzz.sh BUILD_DIR SECONDS [SEED]
# Runs every libFuzzer target of BUILD_DIR for SECONDS each, two at a time, from its corpus under tests/fuzz if it has
# one; a crash leaves its input in BUILD_DIR and fails. SEED (default 1) decides the inputs, so that a check gives the
# same answer twice; by hand give another, 0 for a random one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export build=$1 seconds=$2 seed=${3:-1} seeds=$PWD/tests/fuzz/corpus

fuzz() {
  local name corpus=() log
  name=$(basename "$1")
  mkdir -p "$build/corpus/$name"
  [ ! -d "$seeds/$name" ] || corpus=("$seeds/$name")
  log=$build/$name.log
  if ! "$1" -seed="$seed" -max_total_time="$seconds" -artifact_prefix="$build/$name-" -close_fd_mask=1 -timeout=10 -rss_limit_mb=2048 \
      "$build/corpus/$name" "${corpus[@]}" 2> "$log"; then
    tail -30 "$log"
    echo "fuzz: $name failed"
    return 1
  fi
  echo "fuzz: $name: $(grep -o 'Done [0-9]* runs' "$log") in $seconds s"
}
export -f fuzz

mapfile -t targets < <(find "$build" -name 'fuzz_*' -type f -executable | sort)
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no target in $build"; exit 1; }
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -ec 'fuzz {}'
