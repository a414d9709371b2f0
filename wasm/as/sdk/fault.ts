// Fault points, of module "pollux", for the simulator. wasm/c/include/pollux.h says the ABI.
import { faultMaybe } from "./pollux";

const LONGEST_LABEL: i32 = 64;

const result: usize = memory.data(8, 8);
const bytes: usize = memory.data(64);

/**
 * True if what `label` (64 ASCII characters at most) names shall go wrong now. It never does but in
 * a simulated world. Where the call of the host that this is, is too much, `--noAssert` makes it
 * nothing.
 */
export function maybe(label: string): bool {
  if (ASC_NO_ASSERT) return false;
  const length = min(label.length, LONGEST_LABEL);
  for (let i = 0; i < length; i++) store<u8>(bytes + i, <u8>label.charCodeAt(i));
  return faultMaybe(bytes, length, result) == 0 && load<u32>(result) != 0;
}
