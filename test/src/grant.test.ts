/** The addresses that a person writes. */
import { UsageError } from 'pollux';
import { expect, test } from 'vitest';

import { formatAddress, parseGrant } from '#src/grant';
import { resolveGrant } from '#src/resolve';

test.each([
  ['127.0.0.1:9000', { fd: undefined, host: '127.0.0.1', port: 9000, blocking: false }],
  ['localhost:0', { fd: undefined, host: 'localhost', port: 0, blocking: false }],
  ['[::1]:65535', { fd: undefined, host: '::1', port: 65535, blocking: false }],
  ['7=127.0.0.1:80,blocking', { fd: 7, host: '127.0.0.1', port: 80, blocking: true }],
  ['3=[::ffff:127.0.0.1]:80', { fd: 3, host: '::ffff:127.0.0.1', port: 80, blocking: false }],
])('%s is understood', (text, grant) => {
  expect(parseGrant(text)).toEqual(grant);
});

test.each([
  ['', /is not an address: write HOST:PORT/],
  ['127.0.0.1', /is not an address/],
  [':9000', /is not an address/],
  ['127.0.0.1:', /is not an address/],
  ['127.0.0.1:http', /is not an address/],
  ['127.0.0.1:-1', /is not an address/],
  ['127.0.0.1:80 ', /is not an address/],
  ['::1:9000', /is not an address/],
  ['[::1]9000', /is not an address/],
  ['x=127.0.0.1:80', /is not an address/],
  ['127.0.0.1:80,slow', /is not an address/],
  ['127.0.0.1:65536', /port 65536 of .* is too large/],
  ['2=127.0.0.1:80', /descriptor 2 of .* is a standard stream/],
])('"%s" is refused with a sentence', (text, sentence) => {
  expect(() => parseGrant(text)).toThrow(sentence);
  expect(() => parseGrant(text)).toThrow(UsageError);
});

test('a host name is looked up, and an unknown one refused', async () => {
  const grant = { fd: undefined, port: 80, blocking: false };
  expect((await resolveGrant({ ...grant, host: 'localhost' })).host).toMatch(
    /^(127\.0\.0\.1|::1)$/,
  );
  await expect(resolveGrant({ ...grant, host: 'no-such-host.invalid' })).rejects.toThrow(
    UsageError,
  );
});

test('an address is written as it was read', () => {
  expect(formatAddress({ host: '127.0.0.1', port: 1 })).toBe('127.0.0.1:1');
  expect(formatAddress({ host: '::1', port: 1 })).toBe('[::1]:1');
});
