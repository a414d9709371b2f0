#!/usr/bin/env bash
# Builds what is stale: the guests (wasm), the addon (native), the TypeScript (ts), the lab's page
# and report (page), and the benchmark's C programs (bench).
# usage: ./build.sh [all|wasm|native|ts|page|bench|sanitize|clean]...
set -euo pipefail
cd "$(dirname "$0")"

read -ra CC <<<"${CC:-cc}" # it may carry flags
CFLAGS=(-std=c11 -D_GNU_SOURCE -O2 -g -fPIC -Wall -Wextra -Werror -Wno-unused-parameter)
SANITIZE=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1)

# stale TARGET SOURCE...: true unless TARGET is newer than every source and than this script.
stale() {
  local target=$1 source
  shift
  [ -e "$target" ] || return 0
  for source in "$0" "$@"; do
    if [ "$source" -nt "$target" ]; then return 0; fi
  done
  return 1
}

need_cc() {
  command -v "${CC[0]}" >/dev/null 2>&1 && return
  echo "build.sh: the addon needs a C compiler, and '${CC[0]}' was not found:" \
    "install gcc or clang, or set CC." >&2
  exit 1
}

# compile TARGET FLAG... -- SOURCE...: one compiler call, written beside the target and moved over
# it when it is whole.
compile() {
  local target=$1 flags=()
  shift
  while [ "$1" != -- ]; do flags+=("$1"); shift; done
  shift
  need_cc
  mkdir -p "$(dirname "$target")"
  echo "cc $target"
  "${CC[@]}" "${CFLAGS[@]}" "${flags[@]}" -o "$target.new" "$@"
  mv -f "$target.new" "$target"
}

addon() {
  local target=$1 headers=node_modules/node-api-headers
  shift
  if stale "$target" host/linux/native/*.[ch] "$headers/package.json"; then
    compile "$target" -shared -pthread -fvisibility=hidden "-I$headers/include" \
      -DNAPI_VERSION=8 "$@" -- host/linux/native/*.c
  fi
}

native() { addon "prebuilds/linux-$(node -p process.arch)/pollux.node"; }

sanitize() { addon dist/sanitize/pollux.node "${SANITIZE[@]}"; }

bench() {
  local name
  for name in load echo files; do
    if stale "dist/bench/$name" bench/native/*.[ch]; then
      compile "dist/bench/$name" -- "bench/native/$name.c"
    fi
  done
  if stale dist/bench/files.wasm bench/native/files.c; then
    node wasm/build.mjs bench/native/files.c dist/bench/files.wasm
  fi
}

wasm() { node wasm/build.mjs; }

# What draws the lab's report, with the packages that it draws by.
report() {
  local target=dist/lab/report/report.js
  if stale "$target" src/lab/*.ts src/lab/report/* package-lock.json; then
    echo "vite $target"
    node_modules/.bin/vite build --config src/lab/report/vite.config.mjs
  fi
}

# Nothing stays of a source that was renamed or removed.
prune() {
  local built source
  for built in $(find dist/host dist/src -name '*.js' 2>/dev/null); do
    source=${built#dist/}
    [ -e "${source%.js}.ts" ] || rm -f "${built%.js}".{js,js.map,d.ts}
  done
}

ts() {
  prune
  node_modules/.bin/tsc -b
  chmod +x dist/src/cli.js
}

# Made of nearly everything in host and src.
lab_page() {
  local target=dist/lab/page/index.html
  if [ -e "$target" ] && [ -z "$(find host src dist/wasm build.sh package-lock.json -type f \
    \( -name '*.ts' -o -name '*.mjs' -o -name '*.html' -o -name '*.css' -o -name 'echo-*.wasm' \
    -o -name 'component*.js' -o -name '*.json' -o -name build.sh \) -newer "$target" \
    -print -quit)" ]; then
    return
  fi
  echo "vite dist/lab/page"
  node_modules/.bin/vite build --config src/lab/page/vite.config.mjs
}

page() {
  report
  lab_page
}

clean() { rm -rf dist prebuilds; }

[ $# -gt 0 ] || set -- all
if [ ! -d node_modules ] && [ "$1" != clean ]; then
  echo "build.sh: the packages it builds with are not installed: run npm ci first." >&2
  exit 1
fi
for target in "$@"; do
  case $target in
    all) wasm; native; ts; page ;;
    wasm | native | ts | page | bench | sanitize | clean) "$target" ;;
    *)
      echo "build.sh: unknown target '$target':" \
        "use all, wasm, native, ts, page, bench, sanitize or clean." >&2
      exit 2
      ;;
  esac
done
