/** The driver of a model's machine on the real kernel, and the thread that has it. */
import { HostError } from '#host/kernel/error';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { ModelDriver } from '#src/lab/experiment/model-driver';
import { operations } from '#src/lab/experiment/operations';
import { machines } from '#src/machine';
import { describe, expect, onTestFinished, test } from 'vitest';

import { descriptorsOf } from '../../started.js';

const models = Object.values(machines).filter((machine) => machine.class !== undefined);
const account = () => ({ sleeps: 0, runDelayNs: 0 });

/** Two ends of a connection; the kernel of the far one has an iovec for `bytes` bytes at 0. */
function pair(bytes: number) {
  const near = new LinuxKernel();
  const far = new LinuxKernel();
  onTestFinished(() => {
    near.dispose();
    far.dispose();
  });
  const memory = new Uint8Array(8 + bytes);
  new Uint32Array(memory.buffer, 0, 2).set([8, bytes]);
  far.attach({ bytes: memory });
  const listener = far.listen({ host: '127.0.0.1', port: 0 }, 1);
  const address = far.localAddress(listener);
  if (typeof address === 'number') throw new Error(`no address: ${address}`);
  const socket = near.connect(address);
  far.waitFor(listener, 1, 1e9);
  return { near, socket, far, peer: far.accept(listener) };
}

describe.each(models)('$name', (machine) => {
  test('receives what was sent, again and again', () => {
    const { near, socket, far, peer } = pair(20_000);
    const driver = new ModelDriver(near, machine, socket, account);
    for (let i = 0; i < 3; i++) {
      expect(far.send(peer, 0, 1, 0)).toBe(20_000);
      const { copy, wait } = driver.receive(20_000);
      expect(copy.cpuNs).toBeGreaterThan(0);
      expect(wait.ownNs > 0).toBe(machine.class === 'asynchronous');
    }
    expect(near.readable(socket)).toBe(0);
  });

  test('says that the connection was closed', () => {
    const { near, socket, far, peer } = pair(10);
    far.send(peer, 0, 1, 0);
    far.close(peer);
    const driver = new ModelDriver(near, machine, socket, account);
    expect(() => driver.receive(11)).toThrow(new HostError('the connection was closed'));
  });
});

test('an engine that cannot be had is an error, and leaves nothing open', async () => {
  const before = descriptorsOf();
  const one = { model: 'async', engine: 'none', bytes: 1, operations: 1, delayMs: 0 } as const;
  await expect(operations([one], new AbortController().signal)).rejects.toThrow(
    'asynchronous I/O by none cannot be had: EINVAL',
  );
  expect(descriptorsOf()).toBe(before);
});
