#!/usr/bin/env bash
# usage: tests/in-two.sh TESTS SPEC
# Runs the test cases of the Catch2 program TESTS that SPEC selects in two processes, every other one in each.
set -euo pipefail
tests=$1 spec=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The exit status of a listing is the number of tests.
"$tests" "$spec" --list-test-names-only > "$folder/names" || true
awk -v folder="$folder" 'NF { gsub(/[,\[\]\\]/, "\\\\&"); print > (folder "/" NR % 2) }' "$folder/names"
[ -s "$folder/0" ] && [ -s "$folder/1" ] || { echo "in-two: $spec selects fewer than two tests"; exit 1; }
run() {
  "$tests" -f "$folder/$1" > "$folder/log-$1" 2>&1 || { cat "$folder/log-$1"; return 1; }
  tail -2 "$folder/log-$1"
}
run 0 &
run 1
wait $!
