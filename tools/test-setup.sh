#!/usr/bin/env bash
# Makes the programs available that the tests run for real. Run it with: npm run test:setup
#
# What is on PATH is used as it is. What is missing is installed on Debian and its kin, as root or with passwordless
# sudo, and its packaged service is neither started nor enabled: the tests start their own. Elsewhere it says what to
# install and exits with 1.
set -euo pipefail

# program        Debian package   service
needed='
redis-server     redis-server     redis-server
openssl          openssl
python3-jwt      python3-jwt
python3-cryptography  python3-cryptography
chromium         chromium
nginx            nginx            nginx
caddy            caddy            caddy
haproxy          haproxy          haproxy
postgres         postgresql       postgresql
promtool         prometheus       prometheus
'

policy=/usr/sbin/policy-rc.d
saved_policy=$policy.before-countersign
# Debian keeps servers in sbin, which is not on everybody's PATH.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

main() {
  local program package service
  local packages=() services=() programs=()
  while read -r program package service; do
    [ -n "$program" ] || continue
    if is_there "$program"; then
      echo "$program: found"
      continue
    fi
    echo "$program: not found"
    programs+=("$program")
    packages+=("$package")
    services+=("$service")
  done <<<"$needed"
  tell_of_kustomize
  [ "${#packages[@]}" -gt 0 ] || return 0

  command -v apt-get >/dev/null || by_hand 'This is not Debian, so they are yours to install.' "${programs[@]}"
  become_root || by_hand 'Run this as root, or run:' "sudo apt-get install --no-install-recommends ${packages[*]}"
  keep_services_from_starting
  trap restore_policy EXIT
  install_packages "${packages[@]}"
  keep_services_disabled "${services[@]}"

  hash -r
  for program in "${programs[@]}"; do
    is_there "$program" || by_hand "The package was installed, yet this cannot be found:" "$program"
    echo "$program: installed"
  done
}

# Debian 12 has none that is new enough, so it is only told of; the tests of k8s/ fail without it.
tell_of_kustomize() {
  if { kustomize version; kubectl version --client; true; } 2>/dev/null | grep -E '(^|kustomize/|^Kustomize Version: )v([4-9]|[1-9][0-9])\.' >/dev/null; then
    echo 'kustomize: found'
  else
    echo 'kustomize: none, or too old. The tests of k8s/ need kustomize 4 or later, alone or in kubectl 1.24 or later: install one of them.'
  fi
}

# A program on PATH, or what Debian's own Python can import; another Python may stand before it on PATH.
is_there() {
  case $1 in
    python3-jwt) python_imports jwt ;;
    python3-cryptography) python_imports cryptography ;;
    # Debian keeps them apart, by version.
    postgres) compgen -G '/usr/lib/postgresql/*/bin/pg_dump' >/dev/null || command -v initdb >/dev/null ;;
    chromium) command -v chromium chromium-browser google-chrome >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

python_imports() {
  /usr/bin/python3 -c "import $1" 2>/dev/null || python3 -c "import $1" 2>/dev/null
}

by_hand() {
  echo "The tests need programs that are not there. $1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

# Sets the words that go before a command which needs root.
become_root() {
  if [ "$(id -u)" -eq 0 ]; then
    as_root=(env)
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n env)
  else
    return 1
  fi
}

# Package scripts ask this program whether they may start their service; 101 means no.
keep_services_from_starting() {
  restore_policy # What a killed run has left.
  if [ -e "$policy" ] || [ -L "$policy" ]; then
    "${as_root[@]}" mv "$policy" "$saved_policy"
  fi
  printf '#!/bin/sh\n# countersign test set-up\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}

restore_policy() {
  if grep -qs 'countersign test set-up' "$policy"; then "${as_root[@]}" rm -f "$policy"; fi
  if [ -e "$saved_policy" ] || [ -L "$saved_policy" ]; then
    "${as_root[@]}" mv -f "$saved_policy" "$policy"
  fi
}

install_packages() {
  echo "installing: $*"
  # Package lists that are missing or out of date make the first attempt fail.
  if ! try_install "$@" >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update
    try_install "$@" || by_hand 'apt-get could not install these packages:' "$@"
  fi
}

try_install() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get install --yes --no-install-recommends "$@" </dev/null
}

keep_services_disabled() {
  [ -d /run/systemd/system ] || return 0
  local service
  for service in "$@"; do
    [ -n "$service" ] || continue
    "${as_root[@]}" systemctl disable --quiet "$service" || true
  done
}

main
