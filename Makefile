# Every recipe is one line, a go command or a script: the same by hand and in CI.

# What --version says. Without git, or without a commit, it says devel (unknown).
VERSION := $(shell git describe --tags --dirty 2>/dev/null || echo devel)
COMMIT  := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

# CGO off makes the binary static. -buildvcs=false: git refuses a clone that
# another user owns, and the build would fail with it.
export CGO_ENABLED := 0
BINARY := bin/harpoon-supervisor
# What the //go:debug lines of main.go say, by the way that they go, and one word
# more, which they may not: without it the runtime takes a profile of one of its
# first allocations, before it learns that nobody can read it. It does so twice a
# start, a sixtieth of it.
GODEBUGS := containermaxprocs=0,updatemaxprocs=0,memprofilerate=0
# The tag quiet needs -checklinkname=0: see pkg/goruntime.
GOBUILD := go build -trimpath -buildvcs=false -tags quiet -ldflags '-s -w -checklinkname=0 -X runtime.godebugDefault=$(GODEBUGS) -X main.version=$(VERSION) -X main.commit=$(COMMIT)'

.DEFAULT_GOAL := help
.PHONY: help root build demo test test-vm torture race fuzz lint bench bench-page microbench budgets clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

root:
	@[ "$$(id -u)" = 0 ] || { echo 'needs root, for namespaces and cgroups: try sudo env "PATH=$$PATH" make $(MAKECMDGOALS)' >&2; exit 1; }

# Installed, not only linked: what the linker writes piece by piece through a mapping
# is in small pieces in the page cache, too, and takes a fifteenth more to start.
build: ## bin/harpoon-supervisor, static
	$(GOBUILD) -o $(BINARY).linked ./cmd/harpoon-supervisor && install $(BINARY).linked $(BINARY) && rm $(BINARY).linked

demo: root build ## a container's life in 20 seconds, explained (root)
	@go run -buildvcs=false ./scripts/demo bin/harpoon-supervisor

test: ## everything: lint, cross build, race, unit and integration, VM (root)
	./scripts/test.sh

test-vm: ## the same on cgroup v2, in a VM, on three kernels (KERNEL=6.1 RUN=TestOOM)
	./scripts/test-vm.sh

torture: root ## random commands, clients and blows against a model (TEST_ROUNDS=500 TEST_SEED=1 TEST_ROUND=7) (root)
	TEST_ROUNDS=$${TEST_ROUNDS:-500} go test -buildvcs=false -count=1 -v -timeout 1h -run 'TestTorture$$' ./cmd/harpoon-supervisor

race: ## the tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -buildvcs=false -race -count=1 -p 1 ./...

fuzz: ## each fuzz target for FUZZTIME (10s)
	./scripts/fuzz.sh

lint: ## gofmt, go vet, staticcheck, shellcheck, and our own bans
	./scripts/lint.sh

# Not by go run, which would die of a TERM without passing it on to the bench.
bench: root build ## what a container costs, ours and others', 15 min; to bin/bench (BENCH='-rounds 5 -only start') (root)
	@go build -buildvcs=false -o bin/bench-program ./scripts/bench && exec bin/bench-program -out bin/bench $(BENCH) bin/harpoon-supervisor

bench-page: ## commit the figures in bin/bench: README.md, scripts/bench
	@go run -buildvcs=false ./scripts/bench -render bin/bench/result.json

microbench: root ## the benchmarks beside the code, for benchstat (COUNT=10) (root)
	@go test -buildvcs=false -run '^$$' -bench . -count $${COUNT:-1} -p 1 ./shim ./pkg/...

budgets: root ## write what is found here into scripts/budget/table.txt (root)
	go test -buildvcs=false -count=1 -p 1 -run TestBudget ./shim ./cmd/harpoon-supervisor -update

clean: ## remove what the build made
	rm -rf bin
