#!/usr/bin/env bash
# usage: cmake/check-registers.sh LOG BOUNDS [--update]
# LOG is what `nvcc -Xptxas -v` printed. Prints, for each kernel, the most registers and spilled bytes of a thread among
# its instantiations; fails where one exceeds its line in BOUNDS or has none. --update writes BOUNDS instead.
set -euo pipefail
log=$1 bounds=$2

# "name registers spilled-bytes instantiations", sorted.
table() {
  grep -E 'Compiling entry function|bytes spill|Used [0-9]+ registers' "$log" | c++filt -_ 2>/dev/null | awk '
    /Compiling entry function/ { match($0, /\047[^\047]*\047/); print "kernel", substr($0, RSTART + 1, RLENGTH - 2) }
    /bytes spill/ { match($0, /[0-9]+ bytes spill stores/); print "spill", substr($0, RSTART, RLENGTH) + 0 }
    /Used/ { match($0, /Used [0-9]+/); print "registers", substr($0, RSTART + 5, RLENGTH - 5) + 0 }' |
    while read -r what value; do
      if [ "$what" = kernel ]; then value=$(c++filt "$value" | sed -E 's/\(anonymous namespace\):://g; s/<.*//; s/\(.*//; s/.*[ :]//'); fi
      echo "$what $value"
    done | awk '
      $1 == "kernel" { name = $2; count[name]++ }
      $1 == "spill" && $2 > spilled[name] { spilled[name] = $2 }
      $1 == "registers" && $2 > registers[name] { registers[name] = $2 }
      END { for (n in count) printf "%-40s %4d %6d %4d\n", n, registers[n], spilled[n], count[n] }' | sort
}

header="# kernel, most registers and spilled bytes of a thread, instantiations (compute capability 8.0)"
if [ "${3:-}" = --update ]; then
  { echo "$header"; table; } > "$bounds"
  exit 0
fi
echo "$header"
table | tee /dev/stderr | awk -v bounds="$bounds" '
  BEGIN { while ((getline line < bounds) > 0) if (split(line, f) >= 3 && f[1] != "#") { known[f[1]] = 1; r[f[1]] = f[2]; s[f[1]] = f[3] } }
  !($1 in known) { print "registers: " $1 " is not in " bounds; bad = 1; next }
  $2 > r[$1] { print "registers: " $1 " uses " $2 " registers, more than " r[$1]; bad = 1 }
  $3 > s[$1] { print "registers: " $1 " spills " $3 " bytes, more than " s[$1]; bad = 1 }
  END { exit bad }'
