#!/usr/bin/env bash
# The tests that need namespaces and cgroups, in a VM with nothing but cgroup v2,
# once for each kernel: this machine's own hierarchy and kernel do not matter.
#
#   KERNEL=6.1 RUN=TestOOM make test-vm     one kernel, and tests by name
#   TEST_ROUNDS, TEST_SEED, TEST_ROUND      for the tests that repeat themselves
#   CACHE=DIR                               where kernels are kept
#   KEEP=1                                  print each kernel's log, not only on failure
#   FAILED=FILE                             append the tests that failed
#   SILENCE=S                               how long a VM may say nothing
#
# The VM is qemu in software emulation, whatever /dev/kvm promises: some hosts
# offer one on which no stock kernel boots. The status is 1 if a test failed, if a
# kernel that could be had did not boot, or if none could be had.
set -euo pipefail
cd "$(dirname "$0")/.."

# The kernels: a version, and the Debian suite whose cloud image it is.
KERNELS='5.10:bullseye 6.1:bookworm 6.12:trixie'

# What is loaded at boot; the rest of the cloud kernel is built in.
MODULES='virtio_pci virtio_blk overlay veth'
# What tests run that busybox has not, or not in full; its shell prefers its own.
TOOLS='sh chrt comm flock nice pgrep prlimit setpriv socat strace'
# The packages with tests that depend on the kernel.
PACKAGES='pkg/cgroup init shim cmd/harpoon-supervisor'
# For a network with a bad moment, and for others who use dpkg.
PATIENT=(-q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
FACTOR=10   # how much longer everything may take under emulation
LIMIT=${LIMIT:-1500} # s, for one kernel
# s without a word from a test: the VM hangs. In many rounds it does not.
SILENCE=${SILENCE:-${TEST_ROUNDS:+$LIMIT}}
SILENCE=${SILENCE:-300}

CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harpoon-test-vm}
PATH=$PATH:/usr/sbin:/sbin # mke2fs
work=$(mktemp -d) new=
trap 'rm -rf "$work" ${new:+"$new"}' EXIT

say() { echo "test-vm: $*" >&2; }

# packages: what is needed besides Go.
packages() {
	local busybox=busybox
	# One that is not static is of no use to an initramfs.
	! ldd "$(command -v busybox)" >/dev/null 2>&1 || busybox='static busybox'
	./scripts/packages.sh qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs socat strace pgrep:procps xz:xz-utils "$busybox:busybox-static"
}

# mirror: the Debian mirror that this machine uses.
mirror() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/*$'; }

# download VERSION SUITE DIR: the newest cloud kernel of that version, with apt's
# own checks, but with lists of our own: those of the machine stay as they are.
download() {
	local mirror package options
	# It knows of those alone of which it has a list.
	mirror=$(mirror) || { apt-get "${PATIENT[@]}" update && mirror=$(mirror); } ||
		{ say "apt knows no Debian mirror"; return 1; }
	mkdir -p "$3/lists/partial" "$3/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" >"$3/sources.list"
	options=("${PATIENT[@]}" -o "Dir::Etc::SourceList=$3/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$3/lists"
		-o "Dir::Cache=$3/cache" -o APT::Sandbox::User=root -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
	apt-get "${options[@]}" -o APT::Update::Error-Mode=any update || return 1
	package=$(apt-cache "${options[@]}" search --names-only "^linux-image-${1/./\\.}\.[0-9].*-cloud-amd64$" | cut -d' ' -f1 | sort -V | tail -n1)
	[[ $package ]] || { say "$2 has no cloud kernel $1"; return 1; }
	(cd "$3" && apt-get "${options[@]}" download "$package")
}

# kernel VERSION SUITE: vmlinuz and the modules, in $CACHE/VERSION from the first
# time on; remove that to get a newer one. It is unpacked, never installed.
kernel() {
	local dir=$CACHE/$1
	[[ -e $dir ]] && return
	mkdir -p "$CACHE"
	new=$(mktemp -d "$CACHE/new.XXXXXX")
	download "$1" "$2" "$new/apt" >&2 && dpkg-deb -x "$new"/apt/*.deb "$new/tree" &&
		find "$new/tree" -name '*.ko.xz' -exec xz -d {} + || { rm -rf "$new"; return 1; }
	rm -rf "$new/apt"
	mv -T "$new" "$dir"
}

# pack DIR: what is below it, as an archive that the kernel unpacks at boot.
pack() { (cd "$1" && find . -mindepth 1 | busybox cpio -o -H newc -R 0:0 2>/dev/null); }

# payload DIR: the programs under test and the tests, built so that they need
# nothing of the CPU that the emulation does badly (see boot), and as small as the
# release: on 5.10 each supervisor copies itself.
payload() {
	mkdir -p "$1/bin" "$1/test"
	local -x CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1
	cp "$(command -v busybox)" "$1/bin/busybox"
	for tool in $TOOLS; do
		tool=$(command -v "$tool")
		ldd "$tool" | grep -o '/[^ ]*' | xargs cp --parents -L -t "$1" "$tool"
	done
	cp scripts/test-vm-guest.sh "$1/init"
	go build -buildvcs=false -tags quiet -ldflags '-s -w -checklinkname=0 -X main.version=1.2.3 -X main.commit=abc' -o "$1/bin/" ./cmd/harpoon-supervisor ./scripts/workload
	go build -buildvcs=false -ldflags '-s -w' -tags faults -o "$1/bin/harpoon-supervisor-faults" ./cmd/harpoon-supervisor
	for package in $PACKAGES; do
		mkdir -p "$1/test/$package"
		go test -c -o "$1/test/$package/run.test" "./$package"
		[[ ! -d $package/testdata ]] || cp -r "$package/testdata" "$1/test/$package/"
	done
}

# modules VERSION DIR: the modules that are loaded, with those that they need.
modules() {
	local tree=$CACHE/$1/tree release lib
	release=$(basename "$tree"/boot/vmlinuz-*)
	release=${release#vmlinuz-}
	# Newer packages have them below usr.
	[[ -e $tree/lib ]] || ln -s usr/lib "$tree/lib"
	lib=lib/modules/$release
	mkdir -p "$2/$lib"
	busybox depmod -b "$tree" "$release"
	for module in $MODULES; do
		grep "/$module\.ko:" "$tree/$lib/modules.dep"
	done | tr -s ': ' '\n' | sort -u | (cd "$tree/$lib" && xargs cp --parents -t "$2/$lib")
	busybox depmod -b "$2" "$release"
}

# watch PID: wait for the report on the VM, and return its status. A VM that hangs
# is ended; its kernel may well go on to complain.
watch() {
	local now said='' since=$SECONDS
	while kill -0 "$1" 2>/dev/null; do
		now=$(stat -c %s "$work/output")
		if [[ $now != "$said" ]]; then
			said=$now since=$SECONDS
		elif ((SECONDS - since > SILENCE)); then
			say "not a word for $SILENCE s"
			[[ ! -e $work/pid ]] || kill -KILL "$(cat "$work/pid")" || true
			rm -f "$work/pid"
			since=$SECONDS
		fi
		sleep 1
	done
	wait "$1"
}

EMULATION=3
# boot VERSION: run the tests on that kernel. The kernel's log goes to a serial
# port of its own, and with it the status, behind a word that no test can know.
# The status is EMULATION if qemu may be the cause of a failure: the kernel crashed, it
# hung while no test ran or with a task in itself (a disk that never answers, in one of
# dozens of runs), or its clock ran too fast.
boot() {
	local nonce status uptime how verdict=1 log=$work/log guest=$work/guest started=$SECONDS
	nonce=$(od -An -N8 -tx1 /dev/urandom | tr -d ' ')
	rm -rf "$guest"
	mkdir -p "$guest"
	modules "$1" "$guest"
	printf '%s\n' "nonce=$nonce" "factor=$FACTOR" "packages='$PACKAGES'" "run='${RUN-}'" "rounds=${TEST_ROUNDS-}" "seed=${TEST_SEED-}" "round=${TEST_ROUND-}" "limit=$((LIMIT - 30))" "modules='$MODULES'" >"$guest/config"
	{ cat "$work/payload.cpio"; pack "$guest"; } >"$work/initrd"
	truncate -s 1G "$work/disk"
	mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 "$work/disk"
	: >"$log"
	: >"$work/output"
	: >"$work/failed"
	# la57 only makes the emulation slower. cx16: with it qemu 7.2 leaves rubbish in
	# EFLAGS, and a quarter of the boots of 6.12 crash.
	setpriv --pdeathsig TERM timeout "$LIMIT" qemu-system-x86_64 -M pc -accel tcg,thread=multi -cpu max,la57=off,cx16=off -smp 2 -m 2048 \
		-nodefaults -no-user-config -display none -no-reboot -pidfile "$work/pid" \
		-kernel "$CACHE/$1"/tree/boot/vmlinuz-* -initrd "$work/initrd" \
		-append "console=ttyS1 cgroup_no_v1=all psi=1 tsc=reliable mitigations=off oops=panic panic=-1 printk.devkmsg=on random.trust_cpu=on" \
		-drive "if=none,id=disk,format=raw,cache=unsafe,file=$work/disk" -device virtio-blk-pci,drive=disk \
		-serial stdio -serial "file:$log" </dev/null |
		tee "$work/output" | go tool test2json | go run -buildvcs=false ./scripts/report -name "vm $1" -skipped /dev/null -failed "$work/failed" &
	watch $! || say "$1: something failed"
	status=$(tr -d '\r' <"$log" | sed -n "s/.*harpoon-test $nonce \([0-9]*\)$/\1/p" | tail -n1)
	if [[ $status != 0 || ${KEEP-} ]]; then
		say "$1: the kernel's log:"
		tail -n 60 "$log" >&2
	fi
	how="${status:+status }${status:-no status: it did not boot, hung, crashed or ran out of time} after $((SECONDS - started)) s"
	say "$1: $how"
	[[ $status == 0 ]] && return
	# The emulation is not without faults, see above. What is ours comes again.
	[[ ! $status ]] && { grep -q 'Kernel panic\|blocked for more than' "$log" || [[ ! -s $work/failed ]]; } && verdict=$EMULATION
	# While the kernel measures the CPU's clock, others may keep the emulation from
	# running; then all of the guest's deadlines are wrong.
	uptime=$(sed -n 's/.*harpoon-test: .* after \([0-9]*\)\.[0-9]* s.*/\1/p' "$log" | tail -n1)
	((${uptime:-0} > 2 * (SECONDS - started))) && verdict=$EMULATION
	[[ -s $work/failed ]] || echo "vm $1: $how; its last words: $(tr -d '\r' <"$log" | tail -n1)" >"$work/failed"
	return "$verdict"
}

packages
mkdir -p "$work/payload"
payload "$work/payload"
pack "$work/payload" >"$work/payload.cpio"

passed=() missing=() failed=()
for entry in $KERNELS; do
	version=${entry%:*}
	[[ ${KERNEL:-$version} == "$version" ]] || continue
	say "kernel $version"
	if ! kernel "$version" "${entry#*:}"; then
		missing+=("$version")
		continue
	fi
	for try in 1 2 3; do # of 20 boots of 6.12 one crashes while it patches its own text
		status=0
		boot "$version" || status=$?
		((status == EMULATION)) || break
		say "$version: this may be the emulation (try $try of 3)"
	done
	if ((status == 0)); then
		passed+=("$version")
	else
		failed+=("$version")
		cat "$work/failed" >>"${FAILED:-/dev/null}"
	fi
done
say "passed: ${passed[*]:-none}; FAILED: ${failed[*]:-none}; COULD NOT BE HAD: ${missing[*]:-none}"
((${#failed[@]} == 0 && ${#passed[@]} > 0))
