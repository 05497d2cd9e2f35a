#!/usr/bin/env bash
# Everything that must hold before a change is taken. All stages run, whatever
# the ones before them said; the last lines name what failed and what was
# skipped. With CI=true a skip is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
skipped=$(mktemp) tests=$(mktemp)
trap 'rm -f "$skipped" "$tests"' EXIT

# stage NAME COMMAND...: run the command, remember its failure.
stage() {
	local name=$1 start=$SECONDS
	shift
	printf '\n=== %s\n' "$name"
	"$@" || failed+=("$name")
	printf -- '--- %s: %d s\n' "$name" $((SECONDS - start))
}

skip() { echo "$*" >>"$skipped"; }

# packages: gcc is for the race detector, shellcheck for these scripts. Without them
# something will be skipped, and that will be said.
packages() { ./scripts/packages.sh gcc:gcc,libc6-dev shellcheck socat runc strace pgrep:procps || true; }

# gotest NAME FLAG...: the tests, all packages one after the other because they
# look for leaked mounts, cgroups and processes of the whole machine. -count=1:
# what they find depends on the kernel, so no result is taken from the cache.
gotest() {
	local name=$1
	shift
	go test -buildvcs=false -json -count=1 -p 1 -timeout 20m "$@" ./... |
		go run -buildvcs=false ./scripts/report -skipped "$skipped" -failed "$tests" -name "$name"
}

race() {
	if ! command -v gcc >/dev/null; then
		skip "race: gcc is not installed"
		return 0
	fi
	CGO_ENABLED=1 gotest race -race
}

cross() {
	for arch in amd64 arm64; do
		GOOS=linux GOARCH=$arch go vet ./... || return 1
		GOOS=linux GOARCH=$arch go build -buildvcs=false -o /dev/null ./cmd/harpoon-supervisor || return 1
		echo "linux/$arch: builds and vets"
	done
}

export CGO_ENABLED=0
stage packages packages
command -v shellcheck >/dev/null || skip "lint: shellcheck is not installed"
stage lint ./scripts/lint.sh
stage cross cross
stage race race
stage test gotest test
# Its skips are those of tests for v1, and do not count.
stage vm env FAILED="$tests" ./scripts/test-vm.sh

echo
if [[ -s $skipped ]]; then
	echo "SKIPPED:"
	sort -u "$skipped" | sed 's/^/  /'
	[[ ${CI-} != true ]] || failed+=("skipped, which CI does not allow")
else
	echo "Nothing was skipped."
fi
if ((${#failed[@]})); then
	sed 's/^/FAILED: /' "$tests"
	printf 'FAILED: %s\n' "${failed[@]}"
	exit 1
fi
echo "All passed in $SECONDS s."
