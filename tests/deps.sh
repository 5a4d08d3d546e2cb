#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages named, if any is missing: with apt as root, with sudo -n otherwise.
# Without either it prints the one line for an administrator and exits 1.
set -euo pipefail
missing=()
for p in "$@"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0
as_root=()
if [ "$(id -u)" != 0 ]; then
	as_root=(sudo -n)
	if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
		echo "These packages are missing and you are not root. An administrator can install them with:" >&2
		echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
	"${as_root[@]}" apt-get update -qq
	"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
