/** The cases of every kernel over the simulated one, with each of its backends. */
import { Errno } from '#host/kernel/errno';
import { Clock, FileType, Stat, STAT_FIELDS } from '#host/kernel/kernel';
import { pollerNames, Readiness, Trigger } from '#host/kernel/readiness';
import { World } from '#host/sim/world';
import { describe, expect, test } from 'vitest';

import { Hand } from '../../hand.js';
import { kernelCases } from '../../kernel.cases.js';
import { semanticsCases } from '../../semantics.cases.js';

const { IN, OUT, ERR, HUP } = Readiness;

describe.each(pollerNames)('a simulated kernel by %s', (backend) => {
  for (const { name, backends, run } of [...kernelCases, ...semanticsCases]) {
    test(name, ({ skip }) => {
      skip(
        backends !== undefined && !backends.includes(backend),
        `${backend} cannot: only ${backends} can`,
      );
      const kernel = new World().kernel();
      run(kernel, backend);
      kernel.dispose();
    });
  }
});

describe('a simulated kernel', () => {
  test('gives select no handle of 1024 or more, and poll and epoll any', () => {
    const kernel = new World().kernel();
    const pollers = pollerNames.map((name) => kernel.poller(name));
    let handle: number;
    do handle = kernel.openNull();
    while (handle < 1024);
    const events = new Int32Array(3);
    for (const poller of pollers) {
      const set = poller.set(handle, OUT, Trigger.LEVEL, 1);
      expect(set).toBe(poller.name === 'select' ? -Errno.EINVAL : 0);
      expect(poller.wait(events, 0)).toBe(poller.name === 'select' ? 0 : 1);
    }
  });

  test('gives the lowest free handle, as Linux does', () => {
    const kernel = new World().kernel();
    const handles = Array.from({ length: 6 }, () => kernel.openNull());
    expect(handles).toEqual([0, 1, 2, 3, 4, 5]);
    for (const handle of [4, 1, 3]) kernel.close(handle);
    expect(Array.from({ length: 4 }, () => kernel.openNull())).toEqual([1, 3, 4, 6]);
  });

  test('has no more handles than it may, and loses none of them', () => {
    const kernel = new World().kernel({ maxHandles: 3 });
    const ends = new Int32Array(2);
    expect(kernel.pipe(ends)).toBe(0);
    expect(kernel.pipe(ends)).toBe(-Errno.EMFILE);
    expect(kernel.listen({ host: '127.0.0.1', port: 7 }, 1)).toBe(2);
    expect(kernel.connect({ host: '127.0.0.1', port: 7 })).toBe(-Errno.EMFILE);
    expect(kernel.close(2)).toBe(0);
    expect(kernel.listen({ host: '127.0.0.1', port: 7 }, 1)).toBe(2);
  });

  test('has streams that an actor is at the other end of', () => {
    const world = new World();
    const kernel = world.kernel();
    const hand = new Hand(kernel, 'epoll');
    const input = kernel.input();
    const output = kernel.output();
    const seen: string[] = [];
    output.peer.onReady = (mask) => {
      const bytes = mask & IN ? output.peer.recv() : 0;
      seen.push(typeof bytes === 'number' ? `${mask}` : new TextDecoder().decode(bytes));
    };
    world.scheduler.at(1e6, () => void input.peer.send(new TextEncoder().encode('typed')));
    world.scheduler.at(2e6, () => input.peer.close());
    expect(kernel.waitFor(input.handle, IN, Infinity)).toBe(IN);
    expect(hand.read(input.handle)).toBe('typed');
    expect(kernel.waitFor(input.handle, IN, Infinity)).toBe(HUP);
    expect(hand.read(input.handle)).toBe('');
    hand.write(output.handle, 'printed');
    hand.pass();
    kernel.close(output.handle);
    hand.pass();
    expect(seen).toEqual(['printed', `${HUP}`]);
    const other = kernel.output();
    other.peer.close();
    hand.ready(other.handle, OUT | ERR, 'rw-');
    expect(hand.write(other.handle, 'x')).toBe(-Errno.EPIPE);
  });

  test('has a null device, which is always ready and holds nothing', () => {
    const kernel = new World().kernel();
    const hand = new Hand(kernel, 'poll');
    const handle = kernel.openNull();
    expect([hand.write(handle, 'gone'), hand.read(handle)]).toEqual([4, '']);
    expect(kernel.seek(handle, 5n, 0)).toBe(0);
    const stat = new BigUint64Array(STAT_FIELDS);
    expect(kernel.stat(handle, stat)).toBe(0);
    expect(stat[Stat.TYPE]).toBe(BigInt(FileType.CHARACTER_DEVICE));
  });

  test('closes what it has when it is disposed of, which its peers notice', () => {
    const world = new World();
    const kernel = world.kernel();
    const listener = kernel.listen({ host: '127.0.0.1', port: 7 }, 8);
    const [one, other] = [0, 1].map(() => world.connect({ host: '127.0.0.1', port: 7 }));
    kernel.accept(listener);
    const output = kernel.output();
    kernel.dispose();
    if (typeof one !== 'object' || typeof other !== 'object') throw new Error('no connection');
    expect(one.recv()).toEqual(new Uint8Array(0));
    expect(other.recv()).toBe(-Errno.ECONNRESET);
    expect(output.peer.mask).toBe(HUP);
    const late = world.connect({ host: '127.0.0.1', port: 7 });
    expect(typeof late === 'number' || late.recv()).toBe(-Errno.ECONNREFUSED);
    expect(kernel.readable(listener)).toBe(-Errno.EBADF);
  });

  test('does the same again in another world, its random bytes too', () => {
    const runs = [0, 1].map(() => {
      const kernel = new World().kernel();
      const bytes = new Uint8Array(64);
      kernel.attach({ bytes });
      kernel.random(0, 64);
      return [...bytes, kernel.now(Clock.REALTIME)];
    });
    expect(runs[0]).toEqual(runs[1]);
  });
});
