#!/usr/bin/env bash
# What takes too long for every day. Everything must be built: npm run nightly does so.
# usage: test/nightly.sh
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== the machines in C and AssemblyScript: 100,000 sequences of events each"
POLLUX_SEQUENCES=100000 node_modules/.bin/vitest run test/wasm/twin.test.ts

echo "== Linux and the simulator: 20,000 sequences of calls, and as many with operations in flight"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/sim/differential.test.ts

echo "== the same with operations that threads do: 3,000"
POLLUX_ASYNC=threads POLLUX_SEQUENCES=3000 node_modules/.bin/vitest run \
  test/host/sim/differential.test.ts

echo "== the files of Linux and of the simulator: 20,000 sequences of calls"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/sim/file-differential.test.ts

echo "== the echo guests on the simulated kernel: 1,000 seeds of every model, language and profile"
POLLUX_SEEDS=1000 node_modules/.bin/vitest run test/src/simulate/models.test.ts

echo "== a store on a simulated disk, whose machine loses its power: 5,000 seeds of every profile"
POLLUX_SEEDS=5000 node_modules/.bin/vitest run test/src/simulate/store.test.ts

echo "== the guest's ABI, fuzzed for an hour, with sanitizers in the addon"
POLLUX_FUZZ_SECONDS=3600 test/sanitize.sh test/host/wasi/fuzz.test.ts

echo "== the simulator's memory over 100,000 seeds"
node dist/bench/simulator.js --memory

echo "== files: both ways to resolve a path on 20,000 random sequences, and a million exchanges"
POLLUX_SEQUENCES=20000 node_modules/.bin/vitest run test/host/linux/resolution.test.ts
POLLUX_SWAPS=1000000 node_modules/.bin/vitest run test/host/linux/race.test.ts
