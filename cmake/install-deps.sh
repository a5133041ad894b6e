#!/usr/bin/env bash
# usage: cmake/install-deps.sh [all]
# Installs from the distribution what the README's two commands need and is missing; with `all`, also what the rest
# of .ci/run needs (ccache, clang, sanitizer and fuzzer runtimes, clang-tidy, clang-format, Doxygen, Google Benchmark).
set -euo pipefail

needed=(g++ cmake ninja-build zlib1g-dev libcurl4-openssl-dev ca-certificates
        nlohmann-json3-dev libcli11-dev libeigen3-dev libstb-dev catch2)
wanted=(dataset-fashion-mnist)  # the study's data set where CIFAR-10 cannot be had
tools=(ccache clang libclang-rt-dev clang-tidy clang-format doxygen libbenchmark-dev python3)

fail() { echo "install-deps: $*" >&2; exit 1; }

case "${1:-}" in
  "") ;;
  all) needed+=("${tools[@]}") ;;
  *) fail "unknown argument '$1'; the only one is: all" ;;
esac

by_hand="install by hand: a C++20 compiler, CMake >= 3.25, Ninja, zlib, libcurl, nlohmann-json, CLI11, Eigen, stb, Catch2"
[ -r /etc/os-release ] || fail "this is not Debian or Ubuntu (no /etc/os-release); $by_hand"
. /etc/os-release
oldest() { dpkg --compare-versions "${VERSION_ID:-9999}" ge "$1" || fail "$PRETTY_NAME is too old: $ID $1 or later is needed; $by_hand"; }
case "$ID" in
  debian) oldest 12 ;;
  ubuntu) oldest 24.04 ;;
  *) case " ${ID_LIKE:-} " in
       *" debian "* | *" ubuntu "*) echo "install-deps: $PRETTY_NAME is not one of the systems this was tried on (Debian 12, Ubuntu 24.04)" ;;
       *) fail "$PRETTY_NAME is neither Debian nor Ubuntu; $by_hand" ;;
     esac ;;
esac

missing_of() {
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}
mapfile -t missing < <(missing_of "${needed[@]}" "${wanted[@]}")
if [ ${#missing[@]} -eq 0 ]; then
  echo "install-deps: everything needed is installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || fail "root or sudo is needed to install: ${missing[*]}"
  as_root=(sudo)
fi
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

apt update > /dev/null || fail "apt-get update failed; is there a network?"
available=()
for package in "${missing[@]}"; do
  if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then
    available+=("$package")
  elif [[ " ${wanted[*]} " == *" $package "* ]]; then
    echo "install-deps: $PRETTY_NAME has no package $package; going on without it"
  else
    fail "$PRETTY_NAME offers no package $package (on Ubuntu: is 'universe' enabled?)"
  fi
done
[ ${#available[@]} -gt 0 ] || exit 0

echo "install-deps: installing ${available[*]}"
apt install --yes --no-install-recommends "${available[@]}" > /dev/null || fail "apt-get install failed for: ${available[*]}"
echo "install-deps: done"
