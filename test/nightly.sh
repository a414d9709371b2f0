#!/usr/bin/env bash
# What takes too long for every day. Everything must be built: npm run nightly does so.
# usage: test/nightly.sh
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== the machines in C and AssemblyScript: 100,000 sequences of events each"
POLLUX_SEQUENCES=100000 node_modules/.bin/vitest run test/wasm/twin.test.ts
