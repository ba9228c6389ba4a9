#!/bin/sh
# Rewrites src/symbols.txt, the list of exported symbols, from what the
# compiled library defines. With --check it only says whether they agree.
set -eu
cd "$(dirname "$0")/.."
library=${LIBRARY:-target/debug/libpyabi.rlib}
listed=$(mktemp)
trap 'rm -f "$listed"' EXIT
nm -g --defined-only "$library" 2>/dev/null |
  awk 'NF == 3 && $3 ~ /^_?Py/ { print $3 }' | LC_ALL=C sort -u > "$listed"
if [ "${1:-}" = --check ]; then
  diff -u src/symbols.txt "$listed"
else
  cp "$listed" src/symbols.txt
  wc -l < src/symbols.txt
fi
