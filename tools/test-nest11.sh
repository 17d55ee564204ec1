#!/usr/bin/env bash
# Runs the tests of nest-auth against Nest 11, on Fastify and on Express, and a CommonJS application of Nest 11 with the packed
# libraries. Run it with: npm run test:nest11 [-- <arguments for jest>]
set -euo pipefail
cd "$(dirname "$0")/.."

here=libs/nest-auth/test/nest11
# A project of its own: beside Nest 12 no Nest 11 could be installed. It stays in .cache/ for the next time.
home=.cache/nest11
npm run --silent build
mkdir -p "$home"
rm -rf "$home"/*.tgz "$home/node_modules/@countersign"
cp "$here/manifest.json" "$home/package.json"
cp "$here/commonjs-app.cjs" "$home/"
for library in revocation token-verifier nest-auth; do
  npm pack --silent --pack-destination "$home" --workspace "libs/$library" >/dev/null
done
npm install --prefix "$home" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --silent "$home"/*.tgz
grep '"version"' "$home/node_modules/@nestjs/core/package.json"

exec npm run --silent jest -- --config "$here/jest.config.mjs" "$@"
