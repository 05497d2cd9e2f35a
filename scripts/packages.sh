#!/usr/bin/env bash
# Installs what tests and the bench run besides Go, where it is missing:
#
#   packages.sh PROGRAM[:PACKAGE[,PACKAGE]] ...
#
# The package is Debian's, and called as the program if nothing is said. The status is
# 1 if something is missing that cannot be installed.
set -euo pipefail

missing=()
for entry; do
	command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
done
((${#missing[@]})) || exit 0
IFS=, read -ra missing <<<"$(IFS=,; echo "${missing[*]}")"
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
	echo "not installed, and this is not root on Debian: ${missing[*]}"
	exit 1
fi >&2
echo "installing ${missing[*]}" >&2

# Where packages ask whether they may start a service: 101 is no (invoke-rc.d(8)).
# Nobody wants a containerd on the host from this, but may have a policy of his own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

# For a network with a bad moment, and for others who use dpkg.
patient=(-q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
export DEBIAN_FRONTEND=noninteractive
apt-get "${patient[@]}" update || true # the lists that there are may do
apt-get "${patient[@]}" install -y --no-install-recommends "${missing[@]}"
