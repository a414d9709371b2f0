/** The numbers that kernels answer with are those of the system, and their names are POSIX's. */
import { constants } from 'node:os';

import { Errno, errnoName } from '#host/kernel/errno';
import { expect, test } from 'vitest';

test('every errno has the number that Linux gives it', () => {
  const system = constants.errno as Record<string, number>;
  for (const [name, number] of Object.entries(Errno)) {
    if (name in system) expect([name, number]).toEqual([name, system[name]]);
  }
});

test('no two errnos share a number', () => {
  expect(new Set(Object.values(Errno)).size).toBe(Object.keys(Errno).length);
});

test('an errno is named as a kernel answers it, and as it is', () => {
  expect(errnoName(-Errno.EAGAIN)).toBe('EAGAIN');
  expect(errnoName(Errno.ECONNRESET)).toBe('ECONNRESET');
});

test('an errno without a name is told by its number', () => {
  expect(errnoName(-4711)).toBe('errno 4711');
});
