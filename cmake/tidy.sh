#!/usr/bin/env bash
# usage: cmake/tidy.sh BUILD_DIR [SECONDS]
# clang-tidy over the library's sources, two at a time, those that changed last first. None is begun after SECONDS
# (default 240), and the closing line counts those that were checked. BUILD_DIR holds compile_commands.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export build=$1 stop_at=$(($(date +%s) + ${2:-240}))

check() {
  if [ "$(date +%s)" -ge "$stop_at" ]; then return; fi
  clang-tidy --quiet -p "$build" "$1" 2> /dev/null
  echo "$1"
}
export -f check

# Commits name what they changed, the newest first; what no commit names (an archive has none) follows in order.
mapfile -t sources < <(
  { git log --format= --name-only -- 'src/*.cpp' 2> /dev/null; find src -name '*.cpp' | sort; } |
    awk '!seen[$0]++' | while read -r source; do [ ! -f "$source" ] || echo "$source"; done)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\n' "${sources[@]}" | xargs -P 2 -I{} bash -ec 'check {}' > "$log"; then
  grep -v '^src/[^:]*$' "$log"
  exit 1
fi
echo "clang-tidy: nothing found in $(wc -l < "$log") of ${#sources[@]} sources"
