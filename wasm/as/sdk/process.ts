// The guest as a process: how it ends, what it was told on the command line, and chance.
import { argsGet, argsSizesGet, procExit, randomGet, schedYield } from "./preview1";

const result: usize = memory.data(8, 8);

/** Ends the guest; 0 says that all went well. */
export function exit(code: i32): void {
  procExit(code);
}

/** The arguments, the first of which is the guest's own name. Allocates: ask once. */
export function args(): string[] {
  if (argsSizesGet(result, result + 4) != 0) return [];
  const count = load<u32>(result);
  const argv = heap.alloc(count * sizeof<usize>());
  const text = heap.alloc(load<u32>(result, 4));
  const list: string[] = [];
  if (argsGet(argv, text) == 0) {
    for (let i: u32 = 0; i < count; i++) {
      const start = load<usize>(argv + <usize>i * sizeof<usize>());
      let end = start;
      while (load<u8>(end) != 0) end++;
      list.push(String.UTF8.decodeUnsafe(start, end - start));
    }
  }
  heap.free(argv);
  heap.free(text);
  return list;
}

/** Fills bytes by chance. 0, or a negated errno. */
export function random(bytes: usize, length: u32): i32 {
  return -randomGet(bytes, length);
}

/** Lets other processes run for a while. 0, or a negated errno. */
export function yieldProcessor(): i32 {
  return -schedYield();
}
