#!/usr/bin/env bash
# Formatting, vet, staticcheck, shellcheck, and the bans in .lint-bans. All of
# them run; the status is 1 if any found something.
set -euo pipefail
cd "$(dirname "$0")/.."

# Not in go.mod: a tool of ours is no dependency of those who import pkg/.
STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2

status=0
# check NAME COMMAND...: a linter passes if it succeeds and prints nothing.
check() {
	local name=$1 output
	shift
	if ! output=$("$@" 2>&1) || [[ -n $output ]]; then
		printf '%s:\n%s\n' "$name" "$output"
		status=1
	fi
}

# rules FILE: its lines without comments and empty ones.
rules() { sed -E 's/[[:space:]]*#.*//; /^$/d' "$1"; }

# bans: every line of .lint-bans that a file breaks, with its reason.
bans() {
	local files pattern reason
	while IFS=$'\t' read -r files pattern reason; do
		grep -rnE --exclude-dir=.git --include="$files" -e "$pattern" . |
			sed "s|^|$reason: |" || true
	done < <(rules .lint-bans)
}

# A download's progress is no finding.
go mod download
go run "$STATICCHECK" -version >/dev/null

check gofmt gofmt -l .
check vet go vet ./...
check vet-tags go vet -tags faults,quiet ./...
check staticcheck go run "$STATICCHECK" -checks "$(rules .staticcheck | paste -sd,)" ./...
check staticcheck-tags go run "$STATICCHECK" -tags faults,quiet -checks "$(rules .staticcheck | paste -sd,)" ./...
check tidy go mod tidy -diff
check bans bans
if command -v shellcheck >/dev/null; then
	mapfile -t scripts < <(grep -rlE '^#!.*\b(ba)?sh$' .ci scripts)
	check shellcheck shellcheck --severity warning "${scripts[@]}"
else
	echo "shellcheck is not installed: our scripts were not checked"
fi
exit $status
