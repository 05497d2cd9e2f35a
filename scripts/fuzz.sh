#!/usr/bin/env bash
# Each fuzz target for FUZZTIME (10s). What they find is left in the package's
# testdata/fuzz, to be committed with the fix; from then on it is a test.
set -euo pipefail
cd "$(dirname "$0")/.."

grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u |
	while read -r package; do
		targets=$(go test -list '^Fuzz' "$package") # not in the loop's head, where its failure would end nothing
		for target in $(grep '^Fuzz' <<<"$targets"); do
			echo "=== $package $target"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "$package" </dev/null
		done
	done
