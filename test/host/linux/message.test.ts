/**
 * Messages that are sent and received by the board that JavaScript shares with the addon: wherever
 * in guest memory they lie, whatever becomes of that memory, and whatever the board says.
 */
import { Errno } from '#host/kernel/errno';
import { NOT_DONE } from '#host/kernel/kernel';
import { Readiness } from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { native } from './thread.js';

const PAGE = 65536;
const IOVEC = 8;

const calls = new BigUint64Array(new SharedArrayBuffer(8));
let kernel: LinuxKernel;
let memory: WebAssembly.Memory;
let client: number;
let server: number;
const bytes = () => new Uint8Array(memory.buffer);
const words = () => new Int32Array(memory.buffer);

function open(shared: boolean): void {
  memory = new WebAssembly.Memory({ initial: 8, maximum: 64, shared });
  kernel = new LinuxKernel({ ahead: true, calls });
  let view = bytes();
  kernel.attach({
    get bytes() {
      if (view.length !== memory.buffer.byteLength) view = bytes();
      return view;
    },
  });
  const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 8);
  const address = kernel.localAddress(listener);
  if (typeof address === 'number') throw new Error(`no address: ${address}`);
  client = kernel.connect(address);
  kernel.waitFor(listener, Readiness.IN, Infinity);
  server = kernel.accept(listener);
  kernel.waitFor(client, Readiness.OUT, Infinity);
}
afterEach(() => kernel.dispose());

/** `short.send` or `short.receive` of one iovec. */
function short(call: 'send' | 'receive', handle: number, at: number, length: number): number {
  new DataView(memory.buffer).setUint32(IOVEC, at, true);
  new DataView(memory.buffer).setUint32(IOVEC + 4, length, true);
  return kernel.short![call](handle, words(), IOVEC);
}

function receiveAll(at: number, length: number): void {
  for (let done = 0; done < length;) {
    kernel.waitFor(server, Readiness.IN, Infinity);
    const received = short('receive', server, at + done, length - done);
    expect(received).toBeGreaterThan(0);
    done += received;
  }
}

describe.each([
  ['memory', false],
  ['shared memory', true],
])('%s', (_name, shared) => {
  beforeEach(() => open(shared));

  test('a message of any length goes from any place to any other, and nowhere else', () => {
    const place = fc.integer({ min: 64, max: PAGE });
    const length = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 60_000 }));
    fc.assert(
      fc.property(place, place, length, fc.integer(), (from, to, size, seed) => {
        to += 3 * PAGE;
        const message = Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 0xff);
        bytes().fill(0xee, 64);
        bytes().set(message, from);
        expect(short('send', client, from, size)).toBe(size);
        receiveAll(to, size);
        const got = bytes().slice(to - 8, to + size + 8);
        expect(Buffer.from(got.subarray(8, 8 + size)).equals(message)).toBe(true);
        expect([...got.subarray(0, 8), ...got.subarray(8 + size)]).toEqual(Array(16).fill(0xee));
      }),
      { numRuns: 200 },
    );
  });

  test('memory that grew is the one that is meant', () => {
    const before = words();
    bytes().set(Buffer.from('before'), PAGE);
    expect(short('send', client, PAGE, 6)).toBe(6);
    memory.grow(8);
    // Of a memory that is not shared it has no length any more; the other is as it was.
    const stale = kernel.short!.send(client, before, IOVEC);
    expect(stale).toBe(shared ? 6 : NOT_DONE);
    bytes().set(Buffer.from('behind'), 12 * PAGE);
    expect(short('send', client, 12 * PAGE, 6)).toBe(6);
    const expected = `before${shared ? 'before' : ''}behind`;
    receiveAll(14 * PAGE, expected.length);
    expect(Buffer.from(bytes().slice(14 * PAGE, 14 * PAGE + expected.length)).toString()).toBe(
      expected,
    );
  });

  test('a part that is not all in memory is nobody’s: nothing is done', () => {
    const size = memory.buffer.byteLength;
    for (const [at, length] of [
      [size, 1],
      [size - 1, 2],
      [0, size + 1],
      [0xffffffff, 1],
      [1, 0xffffffff],
      [64, 0],
    ] as const) {
      expect(short('send', client, at, length)).toBe(NOT_DONE);
      expect(short('receive', server, at, length)).toBe(NOT_DONE);
    }
    for (const iov of [size, size - 4, 2, -8])
      expect(kernel.short!.send(client, words(), iov)).toBe(NOT_DONE);
    expect(short('receive', server, 64, 8), 'nothing was sent').toBe(-Errno.EAGAIN);
    expect(short('send', client, size - 1, 1)).toBe(1);
  });

  test('an end is told again and again, by one system call', () => {
    expect(kernel.shutdown(client, 2)).toBe(0);
    kernel.waitFor(server, Readiness.IN, Infinity);
    const before = calls[0]!;
    expect(short('receive', server, 64, 8)).toBe(0);
    expect(kernel.recv(server, IOVEC, 1, 0, 0)).toBe(0);
    expect(Number(calls[0]! - before)).toBe(2);
  });

  test('who was disposed of does nothing', () => {
    const { short: kept } = kernel;
    expect(short('send', client, 64, 8)).toBe(8);
    const memoryWords = words();
    kernel.dispose();
    expect(() => kept!.send(client, memoryWords, IOVEC)).toThrow('this kernel was disposed of');
  });

  test('an error is told once, and then the end', () => {
    expect(short('send', server, 64, 8)).toBe(8);
    kernel.waitFor(client, Readiness.IN, Infinity);
    kernel.close(client); // with something unread: a reset
    kernel.waitFor(server, Readiness.ERR, Infinity);
    expect(short('receive', server, 64, 8)).toBe(-Errno.ECONNRESET);
    expect(short('receive', server, 64, 8)).toBe(0);
    expect(short('send', server, 64, 8)).toBe(-Errno.EPIPE);
  });
});

describe('the board', () => {
  const board = new Int32Array(4);
  const [AT, LENGTH, RESULT] = [1, 2, 3];
  const { messageOpen, messageSend, messageReceive } = native;
  beforeEach(() => open(false));
  afterEach(() => native.messageClose());

  test('is wanted, with guest memory, and both as words', () => {
    native.messageClose();
    expect(messageSend()).toBe(-Errno.EBADF);
    expect(messageReceive()).toBe(-Errno.EBADF);
    const wrong: unknown[] = [bytes(), undefined, 1, new Float32Array(4), memory.buffer];
    for (const each of wrong) {
      expect(messageOpen(board, each as Int32Array)).toBe(-Errno.EINVAL);
      expect(messageOpen(each as Int32Array, words())).toBe(-Errno.EINVAL);
      expect(messageSend()).toBe(-Errno.EBADF);
    }
    expect(messageOpen(new Int32Array(3), words())).toBe(-Errno.EINVAL);
    expect(messageOpen(board, words())).toBe(0);
    expect(messageSend()).toBe(undefined);
  });

  test('that tells of a part outside of memory is answered EFAULT', () => {
    const size = memory.buffer.byteLength;
    expect(messageOpen(board, words())).toBe(0);
    board[0] = client;
    for (const [at, length] of [
      [size, 1],
      [size + 1, 0],
      [size - 1, 2],
      [-1, 0],
      [-1, -1],
      [0, size + 1],
      [0, -1],
    ] as const) {
      for (const call of [messageSend, messageReceive]) {
        board[AT!] = at;
        board[LENGTH!] = length;
        board[RESULT!] = 1;
        call();
        expect(board[RESULT!]).toBe(-Errno.EFAULT);
      }
    }
  });
});
