#!/usr/bin/env bash
# usage: cmake/check-quotes.sh FILE.md...
# Every code block under `<!-- from PATH -->` must be made of lines of that file; a line of `...` stands for any number.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
for page in "$@"; do
  source="" inside=0 number=0
  while IFS= read -r line; do
    number=$((number + 1))
    if [[ $line =~ ^'<!-- from '([^ ]+)' -->'$ ]]; then
      source=${BASH_REMATCH[1]}
    elif [[ $line == '```'* ]]; then
      if [ "$inside" = 1 ]; then source=""; fi
      inside=$((1 - inside))
    elif [ "$inside" = 1 ] && [ -n "$source" ] && [[ ! $line =~ ^\ *(\.\.\.)?$ ]] && ! grep -Fxq -- "$line" "$source"; then
      echo "$page:$number: not a line of $source: $line"
      failed=1
    fi
  done < "$page"
done
exit $failed
