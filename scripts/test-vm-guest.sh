#!/bin/busybox sh
# shellcheck shell=dash
# The VM's process 1 (see test-vm.sh): makes of the initramfs a system as systemd
# leaves it, runs the tests, reports the status and turns the machine off.

if [ ! -e /moved ]; then
	# pivot_root(2) does not work in the initramfs, so the root becomes a tmpfs.
	cd / || exit
	/bin/busybox mkdir /new
	/bin/busybox mount -t tmpfs -o mode=755,size=80% root /new
	for entry in *; do
		[ "$entry" = new ] || /bin/busybox cp -a "$entry" /new/
	done
	: >/new/moved
	exec /bin/busybox switch_root /new /init
fi

# Hard links: a container that is given /usr does not see /bin/busybox.
/bin/busybox mkdir -p /usr/bin /proc /sys /dev /tmp /run /root /etc /lib64
/bin/busybox --install /usr/bin
export PATH=/usr/bin:/bin HOME=/root
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid devtmpfs /dev
exec </dev/null >/dev/kmsg 2>&1
mkdir /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
for name in fd stdin:/0 stdout:/1 stderr:/2; do
	ln -s "/proc/self/fd${name#"${name%%:*}"}" "/dev/${name%%:*}"
done
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
# With the first cgroup of some kinds the kernel patches its text, and again with the last.
# The emulation stumbles over that: so this one is there for good.
mkdir /sys/fs/cgroup/first
echo 50000 >/sys/fs/cgroup/first/cpu.max
mount --make-rshared /
ip link set lo up
hostname harpoon-test
echo root:x:0:0::/root:/bin/sh >/etc/passwd
echo nameserver 192.0.2.1 >/etc/resolv.conf

# shellcheck disable=SC1091,SC2154
. /config
# shellcheck disable=SC2154
for module in $modules; do
	modprobe "$module"
done
mount -t ext4 /dev/vda /tmp
chmod 1777 /tmp
echo "harpoon-test: up after $(cut -d' ' -f1 /proc/uptime) s"

# test_package PACKAGE: its output to the terminal, and its status.
test_package() {
	cd "/test/$1" || return
	# shellcheck disable=SC2154
	TEST_TIME_FACTOR=$factor TEST_CLOCK=settable TEST_ROUNDS=$rounds TEST_SEED=$seed TEST_ROUND=$round \
		HARPOON_SUPERVISOR=/bin/harpoon-supervisor HARPOON_SUPERVISOR_FAULTS=/bin/harpoon-supervisor-faults HARPOON_WORKLOAD=/bin/workload \
		./run.test -test.v=test2json -test.timeout "$((limit - $(cut -d. -f1 /proc/uptime)))s" -test.run "$run" </dev/null >/dev/ttyS0 2>&1
}

status=0
stty -F /dev/ttyS0 -opost
# shellcheck disable=SC2154
for package in $packages; do
	echo "=== PACKAGE $package" >/dev/ttyS0
	# That word ends a package whose tests have not ended: the report would take the one
	# that ran out of time for passed.
	result=0
	test_package "$package" || { result=$? status=$?; printf '\026FAIL\n' >/dev/ttyS0; }
	echo "harpoon-test: $package: $result after $(cut -d' ' -f1 /proc/uptime) s"
done
timeout 60 stty -F /dev/ttyS0 opost # which waits for the output to be out
# shellcheck disable=SC2154
echo "<0>harpoon-test $nonce $status" >/dev/kmsg
sync
reboot -f
