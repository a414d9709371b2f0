#!/usr/bin/env bash
# What takes too long for every day. Everything must be built: npm run nightly does so.
# usage: test/nightly.sh
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== the machines in C and AssemblyScript: 100,000 sequences of events each"
POLLUX_SEQUENCES=100000 node_modules/.bin/vitest run test/wasm/twin.test.ts

echo "== Linux and the simulator: 20,000 sequences of calls, and as many with operations in flight"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/sim/differential.test.ts

echo "== the files of Linux and of the simulator: 20,000 sequences of calls"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/sim/file-differential.test.ts

echo "== the echo guests on the simulated kernel: 1,000 seeds of every model, language and profile"
POLLUX_SEEDS=1000 node_modules/.bin/vitest run test/src/simulate/models.test.ts

echo "== files: both ways to resolve a path on 20,000 random sequences, and a million exchanges"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/linux/resolution.test.ts
POLLUX_SWAPS=1000000 node_modules/.bin/vitest run test/host/linux/race.test.ts
