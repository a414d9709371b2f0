/** The host contract that guests rely on, points 8 to 12: what sockets must do. */
import { expect, test } from 'vitest';

import { Descriptor, Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { clock, MS, read, rigged } from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });

test('contract 8: a socket accepts all that guests do with one', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  expect(rig.give('fd_write', fd, 'one')).toBe(3);
  expect(rig.give('sock_send', fd, 'two')).toBe(3);
  expect(peer.receive()).toBe('onetwo');
  peer.send('abc');
  rig.ask(read(fd), SOON);
  expect(rig.take('fd_read', fd, 1)).toBe('a');
  expect(rig.take('sock_recv', fd, 1)).toBe('b');
  expect(rig.fdstat(fd)).toMatchObject({ errno: 0, type: 6, flags: 4 });
  expect(rig.call('fd_fdstat_set_flags', fd, 0)).toBe(0);
  expect(rig.fdstat(fd).flags).toBe(0);
  expect(rig.call('fd_filestat_get', fd, 512)).toBe(0);
  expect(rig.view.getUint8(512 + 16)).toBe(6);
  const { fd: listener } = rig.listen();
  expect(rig.call('fd_renumber', fd, listener)).toBe(0);
  expect(rig.take('fd_read', fd)).toBe(WasiErrno.BADF);
  expect(rig.take('fd_read', listener)).toBe('c');
  expect(rig.call('fd_close', listener)).toBe(0);
  expect(peer.receive()).toBe('');
});

test('contract 8: sockets carry the rights that guests look for', () => {
  const rig = rigged();
  const all = (...rights: number[]) => BigInt(rights.reduce((mask, right) => mask | right));
  const shared = [Right.FD_READ, Right.FD_FDSTAT_SET_FLAGS, Right.POLL_FD_READWRITE];
  const connection = all(...shared, Right.FD_WRITE, Right.SOCK_SHUTDOWN);
  const listener = all(...shared, Right.SOCK_ACCEPT);
  const first = rig.listen();
  expect(rig.fdstat(first.fd)).toMatchObject({ type: 6 });
  expect(rig.fdstat(first.fd).rights & listener).toBe(listener);
  expect(rig.fdstat(first.fd).inheriting & connection).toBe(connection);
  const { fd } = rig.connection();
  expect(rig.fdstat(fd).rights & connection).toBe(connection);
  expect(rig.fdstat(fd).rights & all(Right.FD_SEEK, Right.FD_TELL, Right.SOCK_ACCEPT)).toBe(0n);
});

test.each([true, false])(
  'contract 9: accept sets exactly the flags given, listener non-blocking or not (%s)',
  (nonblocking) => {
    const rig = rigged();
    const { fd, port } = rig.listen(nonblocking);
    for (const flags of [0, 4, 0]) {
      rig.dial(port);
      rig.ask(read(fd), SOON);
      const accepted = rig.accept(fd, flags);
      expect(rig.fdstat(accepted).flags).toBe(flags);
      expect(rig.fdstat(fd).flags).toBe(nonblocking ? 4 : 0);
      expect(rig.accept(fd, 1)).toBe(-WasiErrno.INVAL);
    }
  },
);

test('contract 9: a non-blocking listener without a client is EAGAIN', () => {
  const rig = rigged();
  const { fd } = rig.listen();
  expect(rig.accept(fd)).toBe(-WasiErrno.AGAIN);
  expect(rig.accept(fd, 4)).toBe(-WasiErrno.AGAIN);
});

test('contract 10: sock_* is ENOTSOCK for what is no socket, and EBADF for what is closed', () => {
  const rig = rigged();
  const { reader, writer } = rig.pipe();
  const others = [reader, writer, rig.file('package.json'), rig.file('/dev/null', 'r+')];
  const calls = (fd: number) => [
    rig.call('sock_accept', fd, 0, 512),
    rig.call('sock_recv', fd, rig.iovs([1]), 1, 0, 512, 528),
    rig.call('sock_send', fd, rig.iovs([1]), 1, 0, 512),
    rig.call('sock_shutdown', fd, 3),
  ];
  for (const fd of others) expect(calls(fd)).toEqual(Array(4).fill(WasiErrno.NOTSOCK));
  rig.call('fd_close', reader);
  for (const fd of [reader, 1000, -1, 0x7fff_ffff])
    expect(calls(fd)).toEqual(Array(4).fill(WasiErrno.BADF));
  expect(rig.accept(rig.connection().fd)).toBe(-WasiErrno.INVAL);
});

test('contract 10: no descriptor is a directory: fd_prestat_get is EBADF for each', () => {
  const rig = rigged();
  rig.pipe();
  rig.file('/dev/null');
  rig.listen();
  rig.connection();
  for (let fd = 0; fd < 8; fd++) expect(rig.call('fd_prestat_get', fd, 512)).toBe(WasiErrno.BADF);
});

test('contract 11: sending to a peer that is gone is EPIPE, and nobody dies', () => {
  const rig = rigged();
  for (const name of ['fd_write', 'sock_send'] as const) {
    const { fd, peer } = rig.connection();
    rig.give(name, fd, 'unread, so that closing resets');
    peer.close();
    rig.ask(read(fd), SOON);
    rig.take('fd_read', fd); // takes ECONNRESET
    expect(rig.give(name, fd, 'x')).toBe(-WasiErrno.PIPE);
    expect(rig.give(name, fd, 'x')).toBe(-WasiErrno.PIPE);
  }
  const { reader, writer } = rig.pipe();
  rig.call('fd_close', reader);
  expect(rig.give('fd_write', writer, 'x')).toBe(-WasiErrno.PIPE);
});

test('contract 11: sock_shutdown ends one half, or the other, or both', () => {
  const rig = rigged();
  const a = rig.connection();
  expect(rig.call('sock_shutdown', a.fd, 2)).toBe(0);
  expect(a.peer.receive()).toBe('');
  a.peer.send('still heard');
  rig.ask(read(a.fd), SOON);
  expect(rig.take('sock_recv', a.fd)).toBe('still heard');
  expect(rig.give('sock_send', a.fd, 'x')).toBe(-WasiErrno.PIPE);
  const b = rig.connection();
  expect(rig.call('sock_shutdown', b.fd, 1)).toBe(0);
  expect(rig.take('sock_recv', b.fd)).toBe('');
  expect(rig.give('sock_send', b.fd, 'still said')).toBe(10);
  expect(b.peer.receive()).toBe('still said');
  const c = rig.connection();
  expect(rig.call('sock_shutdown', c.fd, 3)).toBe(0);
  expect([rig.take('fd_read', c.fd), rig.give('fd_write', c.fd, 'x'), c.peer.receive()]).toEqual([
    '',
    -WasiErrno.PIPE,
    '',
  ]);
  for (const how of [0, 4, 7, -1])
    expect(rig.call('sock_shutdown', b.fd, how)).toBe(WasiErrno.INVAL);
  expect(rig.call('sock_shutdown', rig.listen().fd, 3)).toBe(WasiErrno.NOTCAPABLE);
});

test('contract 12: a new descriptor gets the lowest free number', () => {
  const rig = rigged();
  const { fd, port } = rig.listen();
  const accept = () => {
    rig.dial(port);
    rig.ask(read(fd), SOON);
    return rig.accept(fd);
  };
  expect([accept(), accept(), accept(), accept()]).toEqual([1, 2, 3, 4]);
  rig.call('fd_close', 3);
  rig.call('fd_close', 1);
  expect([accept(), accept(), accept()]).toEqual([1, 3, 5]);
  expect(rig.call('fd_renumber', 5, 2)).toBe(0);
  expect(accept()).toBe(5);
  rig.descriptors.put(
    9,
    Descriptor.connection(rig.kernel.connect({ host: '127.0.0.1', port }), true),
  );
  expect([accept(), accept(), accept(), accept()]).toEqual([6, 7, 8, 10]);
});
