#!/usr/bin/env bash
# usage: cmake/check-registers.sh LOG BOUNDS [--update]
# LOG is what `nvcc -Xptxas -v` printed. Prints registers and spilled bytes of a thread for each instantiation of each
# kernel; fails where one exceeds its line in BOUNDS or has none. --update writes BOUNDS instead.
set -euo pipefail
log=$1 bounds=$2

# "registers spilled kernel<arguments>", sorted by kernel; of instantiations that read alike, the largest.
table() {
  awk '
    /Compiling entry function/ { split($0, quoted, "\047"); name = quoted[2] }
    /bytes spill stores/ { match($0, /[0-9]+ bytes spill stores/); spilled = substr($0, RSTART, RLENGTH) + 0 }
    /Used [0-9]+ registers/ { match($0, /Used [0-9]+/); print substr($0, RSTART + 5, RLENGTH - 5), spilled, name }' "$log" |
    c++filt |
    sed -E 's/noyau::v0:://g; s/\(anonymous namespace\):://g; s/^([0-9]+ [0-9]+) void /\1 /; s/ >/>/g; s/>\(.*/>/; t; s/\(.*//' |
    awk '
      { name = $0; sub(/^[0-9]+ [0-9]+ /, "", name) }
      !(name in registers) || $1 > registers[name] { registers[name] = $1 }
      $2 > spilled[name] { spilled[name] = $2 }
      END { for (n in registers) printf "%4d %4d  %s\n", registers[n], spilled[n], n }' | LC_ALL=C sort -k 3
}

header="# registers and spilled bytes of a thread, kernel (compute capability 8.0)"
if [ "${3:-}" = --update ]; then
  { echo "$header"; table; } > "$bounds"
  exit 0
fi
echo "$header"
table | tee /dev/stderr | awk -v bounds="$bounds" '
  function kernel(line) { sub(/^ *[0-9]+ +[0-9]+ +/, "", line); return line }
  BEGIN { while ((getline line < bounds) > 0) if (line !~ /^#/) { split(line, f); r[kernel(line)] = f[1]; s[kernel(line)] = f[2] } }
  { name = kernel($0) }
  !(name in r) { print "registers: " name " is not in " bounds; bad = 1; next }
  $1 > r[name] + 0 { print "registers: " name " uses " $1 " registers, more than " r[name]; bad = 1 }
  $2 > s[name] + 0 { print "registers: " name " spills " $2 " bytes, more than " s[name]; bad = 1 }
  END { exit bad }'
