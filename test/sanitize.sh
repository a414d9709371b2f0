#!/usr/bin/env bash
# Runs the addon's tests, and those that reach it, under AddressSanitizer and
# UndefinedBehaviorSanitizer; fails if they find anything.
# usage: test/sanitize.sh [FILE-OR-FOLDER OF TESTS]...
set -euo pipefail
cd "$(dirname "$0")/.."

./build.sh sanitize ts

tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
  tests=(test/host/kernel test/host/linux)
  for room in wasi ext; do
    if [ -d "test/host/$room" ]; then tests+=("test/host/$room"); fi
  done
fi

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

# Node itself is not instrumented, so the run-time libraries must be in a process before it.
# vitest's forks, and the processes that tests start, inherit that; its own process goes without.
runtime=$("${CC:-cc}" -print-file-name=libasan.so)
undefined=$("${CC:-cc}" -print-file-name=libubsan.so)
for library in "$runtime" "$undefined"; do
  [ -e "$library" ] && continue
  echo "sanitize.sh: $library is missing: install the sanitizer libraries of the compiler." >&2
  exit 1
done

# detect_leaks=0: Node frees little when it ends, by design, and every run would report it.
# log_path: a report of a thread or a child process is found whatever becomes of its output.
ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:abort_on_error=1:allocator_may_return_null=1"
export ASAN_OPTIONS="$ASAN_OPTIONS:log_path=$reports/asan"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$reports/ubsan"
export POLLUX_FUZZ_SECONDS="${POLLUX_FUZZ_SECONDS:-60}"
export POLLUX_ADDON="$PWD/dist/sanitize/pollux.node"

result=0
preload="data:text/javascript,process.env.LD_PRELOAD='$runtime:$undefined'"
vitest=(node --import "$preload" node_modules/vitest/vitest.mjs)
"${vitest[@]}" run --testTimeout=60000 "${tests[@]}" || result=$?

if compgen -G "$reports/*" >/dev/null; then
  cat "$reports"/* >&2
  echo 'sanitize.sh: the sanitizers found something: see above.' >&2
  exit 1
fi
exit $result
