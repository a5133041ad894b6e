#!/usr/bin/env bash
# usage: cmake/tidy.sh BUILD_DIR [SECONDS]
# clang-tidy over the library's sources, two at a time. None is begun after SECONDS (default 240), and the closing line
# counts those that were checked. BUILD_DIR holds compile_commands.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export build=$1 stop_at=$(($(date +%s) + ${2:-240}))

check() {
  if [ "$(date +%s)" -ge "$stop_at" ]; then return; fi
  clang-tidy --quiet -p "$build" "$1" 2> /dev/null
  echo "$1"
}
export -f check

mapfile -t sources < <(find src -name '*.cpp' | sort)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\n' "${sources[@]}" | xargs -P 2 -I{} bash -ec 'check {}' > "$log"; then
  grep -v '^src/[^:]*$' "$log"
  exit 1
fi
echo "clang-tidy: nothing found in $(wc -l < "$log") of ${#sources[@]} sources"
