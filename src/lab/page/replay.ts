/**
 * Repeats the run of a token. It says in a sentence what a page cannot repeat: a world that is in a
 * file, other guests, directories of another machine.
 */
import { UsageError } from '../../../host/kernel/error.js';
import type { MachineName } from '../../machine.js';
import { Contents, savedTree, treeText, type AllContents } from '../../simulate/contents.js';
import { run } from '../../simulate/run.js';
import {
  HASH_DIGITS,
  notWhole,
  packedOf,
  tokenOfJson,
  type Token,
} from '../../simulate/token-text.js';
import { worlds, type WorldScript } from '../../simulate/world.js';
import { guestOfBytes } from './perform.js';
import { playedModels } from './play.js';
import type { Take } from './take.js';
import { Taking } from './taking.js';

/** A guest, and what it is called. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The guests that there are, besides one that a person gives. */
export interface Shelf {
  readonly names: readonly string[];
  bytes(name: string): Promise<Uint8Array>;
}

/** Of what a token says, inflated: a few bytes of it could be as many as there is room for. */
const MOST_JSON = 1 << 26;

/** `echo-epoll.as.wasm`: a guest whose model is known. */
const OWN = /^echo-(.+?)(\.as)?\.wasm$/;

/** Throws `UsageError` for what is no token, or cannot be repeated here. */
export async function replay(text: string, shelf: Shelf, given?: NamedBytes): Promise<Take> {
  const token = await parsed(text.trim());
  const world = worldOf(token);
  const { name, bytes, own } = await find(token, shelf, given);
  const found = own ? (OWN.exec(name)?.[1] as MachineName | undefined) : undefined;
  const model = playedModels.find((each) => each === found);
  const taking = new Taking(model);
  const simulated = run(guestOfBytes(name, bytes), {
    ...token.options,
    ...taking.options(),
    dirs: await dirsOf(token),
    log: token.log,
    world,
  });
  return taking.take(`sim ${name}, replayed`, model, simulated);
}

async function parsed(text: string): Promise<Token> {
  const packed = packedOf(text);
  const parts: string[] = [];
  let length = 0;
  try {
    const texts = new Blob([packed as BlobPart])
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
      .pipeThrough(new TextDecoderStream())
      .getReader();
    for (let read = await texts.read(); !read.done; read = await texts.read()) {
      parts.push(read.value);
      length += read.value.length;
      if (length > MOST_JSON) break;
    }
  } catch (error) {
    throw notWhole(text, error);
  }
  if (length > MOST_JSON)
    throw new UsageError(
      `the token says more than ${MOST_JSON} characters, which is too much for a page: ` +
        'repeat it with pollux replay',
    );
  return tokenOfJson(text, parts.join(''));
}

function worldOf({ world, companions }: Token): WorldScript {
  if (companions.length > 0) {
    const names = companions.map(({ name }) => `"${name}"`).join(', ');
    throw new UsageError(
      `other guests share the world of this run (${names}), and here a guest runs alone: ` +
        'repeat it with pollux replay',
    );
  }
  if (world !== undefined && 'name' in world) return worlds[world.name](world.options);
  const where = world === undefined ? 'a function of its author' : `the file ${world.file}`;
  throw new UsageError(
    `the world of this run is ${where}, which the page has not: repeat it where that is`,
  );
}

/** The guest of the token: the one that was given, or one of the page's own. */
async function find(token: Token, shelf: Shelf, given?: NamedBytes) {
  if (given !== undefined) {
    const hash = await hashOf(given.bytes);
    if (hash === token.guest) return { ...given, own: false };
    throw new UsageError(
      `${given.name} is not the guest of this token, which was ${token.file}: its hash is ` +
        `${hash}, and should be ${token.guest}`,
    );
  }
  const likely = token.file.slice(token.file.lastIndexOf('/') + 1);
  for (const name of shelf.names.toSorted((a, b) => Number(b === likely) - Number(a === likely))) {
    const bytes = await shelf.bytes(name);
    if ((await hashOf(bytes)) === token.guest) return { name, bytes, own: true };
  }
  throw new UsageError(
    `the guest of this token, ${token.file}, is none of the page's own: give its .wasm file, too`,
  );
}

async function dirsOf({ dirs }: Token): Promise<AllContents> {
  const all: Record<string, Contents> = {};
  for (const [guest, saved] of Object.entries(dirs)) {
    if (!('tree' in saved)) {
      throw new UsageError(
        `the guest had the directory ${saved.path} of a machine, which the page has not: ` +
          'repeat it there',
      );
    }
    const tree = savedTree(saved.tree);
    const hash = await hashOf(new TextEncoder().encode(treeText(tree)));
    all[guest] = new Contents(tree, saved.readOnly, hash);
  }
  return all;
}

/** The hash by which a token names a guest, and a run what is on its disk. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  // Browsers have it only where nobody on the way can change what they are given.
  if ((crypto as Partial<Crypto>).subtle === undefined) {
    throw new UsageError(
      'a token names its guest by a hash, which this browser works out only for a page that came ' +
        'over https or from this machine: serve it so',
    );
  }
  const digest = await crypto.subtle.digest('SHA-256', bytes as BufferSource);
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0'));
  return hex.join('').slice(0, HASH_DIGITS);
}
