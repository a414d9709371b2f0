/** Tokens of runs, repeated as the page does it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { check, CheckError, echoClients, load, simulate, tokenOf } from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { replay, type Shelf } from '#src/lab/page/replay';
import type { Take } from '#src/lab/page/take';
import { noClients } from '#src/simulate/world';

import { guestFile, root, wasmFile, wat } from '../../../harness.js';

const folder = join(root, 'dist/wasm');
const read = (file: string) => new Uint8Array(readFileSync(file));
const shelf: Shelf = {
  names: readdirSync(folder).filter((name) => /^echo-(?!reactor).*\.wasm$/.test(name)),
  bytes: (name) => Promise.resolve(read(join(folder, name))),
};

const listen = ['127.0.0.1:7000'];
const clients = { address: listen[0]!, clients: 2, messages: 2 };
const run = { listen, world: echoClients(clients) };

const texts = ({ events }: Take) =>
  events.flatMap((each) => (each.kind === 'segment' && each.bytes > 0 ? [each] : []));

describe('a token', () => {
  test.each(['echo-epoll', 'echo-async.as', 'echo-nonblocking'])(
    'of %s is repeated, hash and all, with its own guest and the machines of its model',
    async (name) => {
      const guest = await load(wasmFile(name));
      for (const seed of [1, 2, 3]) {
        const { log, hash } = simulate(guest, { ...run, seed, profile: 'swarm' });
        const taken = await replay(tokenOf(guest, run, log), shelf);
        expect(taken).toMatchObject({ hash, lanes: ['server'] });
        expect(taken.failure).toBeUndefined();
        expect(`echo-${taken.model}`).toBe(name.replace('.as', ''));
        expect(JSON.stringify(taken.events)).not.toContain('PROTOCOL_ERROR');
        const stepped = taken.events.filter((each) => each.kind === 'call' && each.steps);
        expect(stepped.length).toBeGreaterThan(4);
        expect(texts(taken).map(({ from }) => from)).toContain('client 1');
      }
    },
  );

  test('with spaces around it, as it is pasted, is repeated too', async () => {
    const guest = await load(wasmFile('echo-poll'));
    const { log, hash } = simulate(guest, run);
    expect(await replay(`\n ${tokenOf(guest, run, log)}\n`, shelf)).toMatchObject({ hash });
  });

  test('of a run that failed shows how, with the guest that a person gives', async () => {
    const file = guestFile('canary/partial-send');
    const guest = await load(file);
    const failed = await check(guest, { ...run, runs: 50, profile: 'linux' }).catch(
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(CheckError);
    const { token } = failed as CheckError;
    await expect(replay(token, shelf)).rejects.toThrow(
      /the guest of this token, .*partial-send\.wasm, is none of the page's own: give its \.wasm/,
    );
    const given = { name: 'mine.wasm', bytes: read(file) };
    const taken = await replay(token, shelf, given);
    expect(taken.failure).toMatch(/^deadlock: /);
    expect(taken.model).toBeUndefined();
    const last = taken.events.findLast((each) => each.kind === 'call');
    expect(last).toMatchObject({ open: true, blocked: true, answer: '', endNs: taken.endNs });
    const other = { name: 'other.wasm', bytes: read(wasmFile('echo-poll')) };
    await expect(replay(token, shelf, other)).rejects.toThrow(/other\.wasm is not the guest of/);
    const broken = { name: 'broken.wasm', bytes: new Uint8Array([1, 2, 3]) };
    await expect(replay(token, shelf, broken)).rejects.toThrow(/broken\.wasm is not the guest of/);
  });

  test('of a guest that calls for ever is shown in part, and it says so', async () => {
    const bytes = wat(`(module
      (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
      (func (export "_start")
        (loop $again
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
          (br $again))))`);
    const token = tokenOf(await load(bytes), { world: noClients({ address: listen[0]! }) }, []);
    const taken = await replay(token, shelf, { name: 'endless.wasm', bytes });
    expect(taken.events).toHaveLength(200_000);
    expect(taken.failure).toBe('here are the first 200000 calls: there are more');
  });

  test('with a disk in it is repeated with that disk', async () => {
    const guest = await load(guestFile('store'));
    const world = noClients({ address: '127.0.0.1:7000' });
    const options = { dirs: { '/data': { tree: { log: 'text' } } }, args: ['store'], world };
    const { log, hash } = simulate(guest, options);
    const given = { name: 'store.wasm', bytes: guest.bytes! };
    expect(await replay(tokenOf(guest, options, log), shelf, given)).toMatchObject({ hash });
  });

  test('that a page cannot repeat is refused with a sentence', async () => {
    const guest = await load(wasmFile('echo-epoll'));
    const token = (options: Parameters<typeof tokenOf>[1]) => tokenOf(guest, options, []);
    const companions = { client: { guest, connect: listen } };
    const whole = token(run);
    const wrong: [string, RegExp][] = [
      ['', /"" is no whole token: copy all that follows "pollux replay"/],
      ['hello', /"hello" is no whole token/],
      [whole.slice(0, -9), /is no whole token/],
      [`${whole.slice(0, 40)}~~~~${whole.slice(44)}`, /is no whole token/],
      [token({ listen, world: () => {} }), /is a function of its author, which the page has not/],
      [token({ ...run, companions }), /other guests share the world of this run \("client"\)/],
      [token({ ...run, dirs: { '/d': folder } }), /had the directory .* of a machine/],
    ];
    for (const [text, sentence] of wrong)
      await expect(replay(text, shelf), text.slice(0, 20)).rejects.toThrow(sentence);
  });
});
