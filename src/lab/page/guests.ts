/** The guests that come with the page: each is loaded when it is first asked for. */
import { HostError } from '../../../host/kernel/error.js';

/** By path, where the build has put each; the reactor lives in Node's event loop alone. */
const urls = import.meta.glob<string>(
  ['../../../dist/wasm/echo-*.wasm', '!../../../dist/wasm/echo-reactor.wasm'],
  { query: '?url', import: 'default', eager: true },
);

const places = new Map(
  Object.entries(urls).map(([path, url]) => [path.slice(path.lastIndexOf('/') + 1), url]),
);
const loaded = new Map<string, Promise<Uint8Array>>();

/** `echo-epoll.wasm`, … */
export const guestNames: readonly string[] = [...places.keys()];

/** The bytes of the guest of that name. Throws `HostError` if they cannot be had. */
export function guestBytes(name: string): Promise<Uint8Array> {
  let bytes = loaded.get(name);
  if (bytes === undefined) {
    loaded.set(name, (bytes = fetched(name)));
    // Who asks again may have more luck.
    bytes.catch(() => loaded.delete(name));
  }
  return bytes;
}

async function fetched(name: string): Promise<Uint8Array> {
  let status: string;
  try {
    const response = await fetch(places.get(name)!);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    status = String(response.status);
  } catch (error) {
    status = (error as Error).message;
  }
  throw new HostError(`the guest ${name} could not be loaded: ${status}`);
}
