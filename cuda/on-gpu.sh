#!/usr/bin/env bash
# usage: cuda/on-gpu.sh [FOLDER]
# Builds for the GPU of this machine in FOLDER (build/gpu), runs the tests that use it, NVIDIA's checkers on them and the
# benchmark of kernels and steps, each part within a time limit of its own (nine minutes together), and ends with a table
# and the benchmark's rates. Fails if a part failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly folder=${1:-build/gpu}
readonly tests=$folder/tests/noyau_tests
table="" failed=0

# part NAME SECONDS COMMAND...: its result goes to the table, its output to FOLDER/NAME.log
part() {
  local name=$1 limit=$2 begin=$SECONDS result=passed
  shift 2
  timeout "$limit" "$@" > "$folder/$name.log" 2>&1 || { result="FAILED ($?), see $folder/$name.log"; failed=1; }
  table+=$(printf '%-12s %4d s  %s' "$name" $((SECONDS - begin)) "$result")$'\n'
}

if ! gpu=$(nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader --id=0 2> /dev/null); then
  echo "on-gpu: no NVIDIA GPU with a driver on this machine (nvidia-smi fails)" >&2
  exit 1
fi
capability=$(cut -d, -f2 <<< "$gpu" | tr -d ' .')
mkdir -p "$folder"
part configure 30 cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release -DNOYAU_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="$capability" \
  -DNOYAU_BENCHMARKS=ON
part build 220 cmake --build "$folder" --parallel --target noyau_tests benchmark_cuda
if [ "$failed" = 0 ]; then
  part compare 40 "$tests" "[cuda]"
  part gradients 50 env NOYAU_TEST_DEVICE=cuda "$tests" "[fast]"
  part programs 30 "$tests" "[device]"
  part benchmark 30 "$folder/benchmarks/benchmark_cuda" --benchmark_min_time=0.02 \
    --benchmark_filter='^conv2d.*/(f32|f16)/|^step'
  for tool in memcheck racecheck synccheck initcheck; do
    part "$tool" 35 compute-sanitizer --tool "$tool" --error-exitcode 1 "$tests" "[cuda][fast]"
  done
fi
printf '%s\n%s' "$gpu" "$table"
[ ! -f "$folder/benchmark.log" ] || sed -n 's,/real_time,,; /^\(conv2d\|step\)/p' "$folder/benchmark.log"
exit "$failed"
