/** epoll for guests: what epoll_ctl(2) and epoll_wait(2) say, and what epoll(7) does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { load, sandbox } from 'pollux';
import { describe, expect, test, vi } from 'vitest';

import { Errno } from '#host/kernel/errno';
import { HostError } from '#host/kernel/error';
import { FileType } from '#host/kernel/kernel';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { dial } from '../../harness.js';
import { descriptorsOf, eventually, folder } from '../../src/started.js';
import { openDescriptors } from '../linux/thread.js';
import { clock, MS, read, Rig, rigged, write } from '../wasi/rig.js';
import { waitsForEvents } from './guests.js';
import {
  ADD,
  DEL,
  EDGE,
  ERR,
  EXCLUSIVE,
  guest,
  Guest,
  HUP,
  IN,
  MOD,
  ONESHOT,
  OUT,
  PRI,
  RDHUP,
} from './rig.js';

const SLOT_BYTES = 4096;

describe('an interest set', () => {
  test('is a descriptor of no type and no right, which can be closed and nothing else', () => {
    const { rig, epfd } = guest();
    expect(rig.fdstat(epfd)).toEqual({
      errno: 0,
      type: FileType.UNKNOWN,
      flags: 0,
      rights: 0n,
      inheriting: 0n,
    });
    expect(rig.take('fd_read', epfd)).toBe(WasiErrno.NOTCAPABLE);
    expect(rig.give('fd_write', epfd, 'x')).toBe(-WasiErrno.NOTCAPABLE);
    expect(rig.take('sock_recv', epfd)).toBe(WasiErrno.NOTSOCK);
    expect(rig.give('sock_send', epfd, 'x')).toBe(-WasiErrno.NOTSOCK);
    expect(rig.accept(epfd)).toBe(-WasiErrno.NOTSOCK);
    expect(rig.call('sock_shutdown', epfd, 1)).toBe(WasiErrno.NOTSOCK);
    expect(rig.call('fd_seek', epfd, 0n, 0, 512)).toBe(WasiErrno.SPIPE);
    expect(rig.call('fd_filestat_get', epfd, 512)).toBe(WasiErrno.NOTCAPABLE);
    expect(rig.call('signal_arm', epfd, 1)).toBe(WasiErrno.NOTCAPABLE);
    expect(rig.ask(read(epfd), write(epfd)).map(({ errno }) => errno)).toEqual([
      WasiErrno.NOTCAPABLE,
      WasiErrno.NOTCAPABLE,
    ]);
    expect(rig.call('fd_close', epfd)).toBe(0);
    expect(rig.call('fd_close', epfd)).toBe(WasiErrno.BADF);
  });

  test('counts against the limit of descriptors, and there are 64 at most', () => {
    const few = new Guest(rigged({ limit: 3 }));
    expect([few.create(), few.create(), few.create()]).toEqual([1, 2, -WasiErrno.MFILE]);
    few.rig.call('fd_close', 1);
    expect(few.create()).toBe(1);
    const many = guest();
    const sets = Array.from({ length: 63 }, () => many.create());
    expect(new Set(sets).size).toBe(63);
    expect(many.create()).toBe(-WasiErrno.MFILE);
    many.rig.call('fd_close', sets[5]!);
    expect(many.create()).toBe(sets[5]);
  });

  test('is refused with ENFILE where the process has no descriptor left', () => {
    const { rig } = guest();
    vi.spyOn(rig.kernel, 'poller').mockImplementation(() => {
      throw new HostError('an interest set by epoll cannot be made: EMFILE');
    });
    expect(rig.call('epoll_create', 512)).toBe(WasiErrno.NFILE);
    vi.restoreAllMocks();
    vi.spyOn(rig.process.embedder, 'watch').mockImplementation(() => {
      throw new HostError("Node's event loop cannot watch a set of epoll: ENOMEM");
    });
    const before = openDescriptors().length;
    expect(rig.call('epoll_create', 512)).toBe(WasiErrno.NFILE);
    expect(openDescriptors().length).toBe(before);
    vi.restoreAllMocks();
    expect(rig.call('epoll_create', 512)).toBe(0);
  });

  test('leaves no descriptor behind, closed or not', () => {
    const before = openDescriptors().length;
    const { rig } = new Guest(new Rig());
    for (let i = 0; i < 300; i++) {
      expect(rig.call('epoll_create', 512)).toBe(0);
      expect(rig.call('fd_close', rig.view.getUint32(512, true))).toBe(0);
    }
    const held = openDescriptors().length;
    for (let i = 0; i < 10; i++) rig.call('epoll_create', 512);
    expect(openDescriptors().length).toBe(held + 10);
    rig.dispose();
    expect(openDescriptors().length).toBe(before);
  });

  test('knows nothing of another, and a descriptor may be in several', () => {
    const own = guest();
    const other = own.create();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN, 1n);
    own.add(fd, IN | OUT, 2n, other);
    expect(own.wait()).toEqual([]);
    expect(own.wait(0n, 64, other)).toEqual([[2n, OUT]]);
    peer.send('x');
    expect(own.soon()).toEqual([[1n, IN]]);
    expect(own.wait(0n, 64, other)).toEqual([[2n, IN | OUT]]);
    own.rig.call('fd_close', own.epfd);
    expect(own.wait(0n, 64, other)).toEqual([[2n, IN | OUT]]);
    own.rig.call('fd_close', fd);
    expect(own.wait(0n, 64, other)).toEqual([]);
  });
});

describe('epoll_ctl', () => {
  test('answers as epoll_ctl(2) does', () => {
    const own = guest();
    const { rig, epfd } = own;
    const { fd } = rig.connection();
    expect(own.control(MOD, fd, IN)).toBe(WasiErrno.NOENT);
    expect(own.control(DEL, fd)).toBe(WasiErrno.NOENT);
    expect(own.control(ADD, fd, IN)).toBe(0);
    expect(own.control(ADD, fd, OUT)).toBe(WasiErrno.EXIST);
    expect(own.wait()).toEqual([]);
    expect(own.control(MOD, fd, OUT)).toBe(0);
    expect(own.control(DEL, fd)).toBe(0);
    expect(own.control(DEL, fd)).toBe(WasiErrno.NOENT);
    for (const operation of [0, 4, -1, 2 ** 31 - 1])
      expect(own.control(operation, fd, IN)).toBe(WasiErrno.INVAL);
    for (const operation of [ADD, MOD, DEL]) {
      expect(own.control(operation, 99, IN)).toBe(WasiErrno.BADF);
      expect(own.control(operation, -1, IN)).toBe(WasiErrno.BADF);
      expect(own.control(operation, fd, IN, 1n, 99)).toBe(WasiErrno.BADF);
      expect(own.control(operation, fd, IN, 1n, fd)).toBe(WasiErrno.INVAL);
      expect(own.control(operation, epfd, IN)).toBe(WasiErrno.INVAL);
      expect(own.control(operation, rig.file('package.json'), IN)).toBe(WasiErrno.PERM);
    }
    expect(own.control(ADD, rig.file('/dev/null'), IN)).toBe(WasiErrno.PERM);
    expect(own.control(ADD, own.create(), IN)).toBe(WasiErrno.NOTCAPABLE);
    expect(own.wait()).toEqual([]);
  });

  test('needs no event to remove, and one that lies in memory for everything else', () => {
    const own = guest();
    const { fd } = own.rig.connection();
    own.add(fd, OUT);
    const { size } = own.rig;
    for (const at of [size, size - 15, -1, -16]) {
      expect(own.rig.call('epoll_ctl', own.epfd, ADD, fd, at)).toBe(WasiErrno.FAULT);
      expect(own.rig.call('epoll_ctl', own.epfd, MOD, fd, at)).toBe(WasiErrno.FAULT);
    }
    expect(own.wait()).toEqual([[BigInt(fd), OUT]]);
    expect(own.rig.call('epoll_ctl', own.epfd, DEL, fd, -1)).toBe(0);
    expect(own.rig.call('epoll_ctl', own.epfd, ADD, fd, size - 16)).toBe(0);
  });

  test('needs the right to poll', () => {
    const own = guest();
    const { fd } = own.rig.connection();
    const { rights } = own.rig.fdstat(fd);
    const without = rights & ~BigInt(Right.POLL_FD_READWRITE);
    expect(own.rig.call('fd_fdstat_set_rights', fd, without, 0n)).toBe(0);
    expect(own.control(ADD, fd, IN)).toBe(WasiErrno.NOTCAPABLE);
  });

  test('takes EXCLUSIVE for what is new only, and with nothing that it does not go with', () => {
    const own = guest();
    const { fd } = own.rig.connection();
    for (const more of [PRI, RDHUP, ONESHOT, ONESHOT | EDGE])
      expect(own.control(ADD, fd, OUT | EXCLUSIVE | more)).toBe(WasiErrno.INVAL);
    expect(own.control(MOD, fd, OUT | EXCLUSIVE)).toBe(WasiErrno.INVAL);
    expect(own.control(MOD, fd, OUT)).toBe(WasiErrno.NOENT);
    expect(own.control(ADD, fd, OUT | EXCLUSIVE | EDGE)).toBe(0);
    expect(own.control(MOD, fd, OUT | EXCLUSIVE)).toBe(WasiErrno.INVAL);
    expect(own.control(MOD, fd, OUT)).toBe(WasiErrno.INVAL);
    expect(own.wait()).toEqual([[BigInt(fd), OUT]]);
    expect(own.wait()).toEqual([]);
    expect(own.control(DEL, fd)).toBe(0);
    expect(own.control(ADD, fd, OUT)).toBe(0);
    expect(own.wait()).toEqual([[BigInt(fd), OUT]]);
  });

  test('ignores what events it does not know, and never keeps the machine awake', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    const set = vi.spyOn(own.rig.kernel.poller('epoll').constructor.prototype, 'set');
    own.add(fd, IN | (1 << 29) | 0x20 | 0x4000);
    expect(set.mock.calls.map(([, interest]) => interest)).toEqual([IN]);
    vi.restoreAllMocks();
    peer.send('x');
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
  });
});

describe('levels', () => {
  test('are told again and again, with just what was asked for', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN);
    expect(own.wait()).toEqual([]);
    peer.send('ab');
    for (let i = 0; i < 3; i++) expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    own.rig.take('fd_read', fd, 1);
    expect(own.wait()).toEqual([[BigInt(fd), IN]]);
    own.rig.take('fd_read', fd);
    expect(own.wait()).toEqual([]);
    own.control(MOD, fd, IN | OUT);
    expect(own.wait()).toEqual([[BigInt(fd), OUT]]);
  });

  test('that are gone by the time of the wait are not told', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN);
    peer.send('x');
    own.until(fd, IN);
    own.rig.take('fd_read', fd);
    expect(own.wait()).toEqual([]);
  });

  test('of an end are IN and, if it was asked for, RDHUP, before and after it was read', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN);
    peer.shutdown(2);
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    expect(own.rig.take('fd_read', fd)).toBe('');
    own.control(MOD, fd, IN | RDHUP);
    expect(own.wait()).toEqual([[BigInt(fd), IN | RDHUP]]);
  });

  test('of a hang-up and of an error are told though nothing was asked for', () => {
    const own = guest();
    const { reader, writer } = own.rig.pipe();
    const { fd, peer } = own.rig.connection();
    own.add(reader, 0);
    own.add(fd, 0);
    expect(own.wait()).toEqual([]);
    own.rig.call('fd_close', writer);
    expect(own.wait()).toEqual([[BigInt(reader), HUP]]);
    own.rig.give('fd_write', fd, 'never read');
    peer.close();
    own.until(fd, HUP | ERR);
    expect(own.wait().sort(([a], [b]) => Number(a - b))).toEqual(
      [
        [BigInt(reader), HUP],
        [BigInt(fd), HUP | ERR],
      ].sort(([a], [b]) => Number(a) - Number(b)),
    );
  });
});

describe('edges', () => {
  test('are told once for each arrival, and not for what was left unread', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN | EDGE);
    peer.send('abc');
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    own.rig.take('fd_read', fd, 1);
    expect(own.wait()).toEqual([]);
    peer.send('d');
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    expect(own.wait()).toEqual([]);
  });

  test('of several arrivals before the wait are one', () => {
    const own = guest();
    const { reader, writer } = own.rig.pipe();
    own.add(reader, IN | EDGE);
    own.rig.give('fd_write', writer, 'a');
    own.rig.give('fd_write', writer, 'b');
    expect(own.wait()).toEqual([[BigInt(reader), IN]]);
    expect(own.wait()).toEqual([]);
  });

  test('are told at once of what is ready, and again when it is modified', () => {
    const own = guest();
    const { fd } = own.rig.connection();
    own.add(fd, OUT | EDGE, 1n);
    expect(own.wait()).toEqual([[1n, OUT]]);
    expect(own.wait()).toEqual([]);
    own.control(MOD, fd, OUT | EDGE, 2n);
    expect(own.wait()).toEqual([[2n, OUT]]);
    expect(own.wait()).toEqual([]);
  });

  test('carry the whole mask', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN | OUT | EDGE);
    expect(own.wait()).toEqual([[BigInt(fd), OUT]]);
    peer.send('x');
    expect(own.soon()).toEqual([[BigInt(fd), IN | OUT]]);
  });

  test('of data with an end are one, and there is none for the end alone', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN | RDHUP | EDGE);
    peer.send('last words');
    peer.shutdown(2);
    own.until(fd, RDHUP);
    expect(own.wait()).toEqual([[BigInt(fd), IN | RDHUP]]);
    expect(own.rig.take('fd_read', fd)).toBe('last words');
    expect(own.wait(20n * MS)).toEqual([]);
  });

  test('of several queued connections are one, so accept must be called until EAGAIN', () => {
    const own = guest();
    const { fd, port } = own.rig.listen();
    own.add(fd, IN | EDGE);
    own.rig.dial(port);
    own.rig.dial(port);
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    expect(own.rig.accept(fd)).toBeGreaterThan(0);
    expect(own.wait()).toEqual([]);
    expect(own.rig.accept(fd)).toBeGreaterThan(0);
    expect(own.rig.accept(fd)).toBe(-WasiErrno.AGAIN);
  });

  test('of a listener go silent where accept had no descriptor left, and a level does not', () => {
    const own = new Guest(rigged({ limit: 3 }));
    const level = own.create();
    const { fd, port } = own.rig.listen();
    own.add(fd, IN | EDGE);
    own.add(fd, IN, 7n, level);
    own.rig.dial(port);
    expect(own.soon()).toEqual([[BigInt(fd), IN]]);
    expect(own.rig.accept(fd)).toBe(-WasiErrno.MFILE);
    expect(own.wait(20n * MS)).toEqual([]);
    expect(own.wait(0n, 64, level)).toEqual([[7n, IN]]);
    own.rig.call('fd_close', level);
    expect(own.rig.accept(fd)).toBe(level);
  });

  test('of a pipe come when a slot of a full one is freed', () => {
    const own = guest();
    const { reader, writer } = own.rig.pipe();
    own.rig.nonblocking(writer);
    while (own.rig.give('fd_write', writer, 'x'.repeat(SLOT_BYTES)) > 0);
    own.add(writer, OUT | EDGE);
    expect(own.wait()).toEqual([]);
    own.rig.take('fd_read', reader, SLOT_BYTES);
    expect(own.wait()).toEqual([[BigInt(writer), OUT]]);
    own.rig.take('fd_read', reader, SLOT_BYTES);
    expect(own.wait()).toEqual([]);
  });
});

describe('oneshots', () => {
  test.each([
    ['alone', 0],
    ['with EDGE', EDGE],
  ])('%s are told once, errors and hang-ups too, until they are modified', (_, edge) => {
    const own = guest();
    const { reader, writer } = own.rig.pipe();
    own.add(reader, IN | ONESHOT | edge, 1n);
    own.rig.give('fd_write', writer, 'a');
    expect(own.wait()).toEqual([[1n, IN]]);
    own.rig.give('fd_write', writer, 'b');
    expect(own.wait()).toEqual([]);
    expect(own.control(ADD, reader, IN)).toBe(WasiErrno.EXIST);
    own.control(MOD, reader, IN | ONESHOT | edge, 2n);
    expect(own.wait()).toEqual([[2n, IN]]);
    own.rig.call('fd_close', writer);
    expect(own.wait()).toEqual([]);
    own.control(MOD, reader, IN, 3n);
    expect(own.wait()).toEqual([[3n, IN | HUP]]);
  });
});

describe('events', () => {
  test('come in the order in which they arose, with their data to the last bit', () => {
    const own = guest();
    const pipes = Array.from({ length: 6 }, () => own.rig.pipe());
    const data = [0n, 1n, 2n ** 64n - 1n, 2n ** 63n, 0xdead_beef_0000_0001n, 2n ** 32n];
    pipes.forEach(({ reader }, i) => own.add(reader, IN, data[i]));
    const order = [4, 1, 5, 0, 3, 2];
    for (const i of order) own.rig.give('fd_write', pipes[i]!.writer, 'x');
    expect(own.wait()).toEqual(order.map((i) => [data[i], IN]));
  });

  test('take turns where a wait has no room for all', () => {
    const own = guest();
    const pipes = Array.from({ length: 4 }, () => own.rig.pipe());
    pipes.forEach(({ reader }, i) => own.add(reader, IN, BigInt(i)));
    for (const i of [2, 0, 3, 1]) own.rig.give('fd_write', pipes[i]!.writer, 'x');
    const seen = Array.from({ length: 6 }, () => own.wait(0n, 1)[0]![0]);
    expect(seen).toEqual([2n, 0n, 3n, 1n, 2n, 0n]);
    expect(own.wait(0n, 3).map(([data]) => data)).toEqual([3n, 1n, 2n]);
  });

  test('lie 16 bytes apart at any address, and nothing else is written', () => {
    const own = guest();
    const { rig, epfd } = own;
    const pipes = Array.from({ length: 3 }, () => rig.pipe());
    for (const { writer } of pipes) own.add(writer, OUT, 2n ** 64n - BigInt(writer));
    const wanted = pipes.map(({ writer }) => [OUT, 0, 2n ** 64n - BigInt(writer)]);
    for (const at of [4096, 4097, 4098, 4099, 4100, rig.size - 48]) {
      rig.bytes.fill(0xee, 4080, 4200);
      expect(rig.call('epoll_wait', epfd, at, 3, 0n, 512)).toBe(0);
      expect(rig.view.getUint32(512, true)).toBe(3);
      const got = [0, 16, 32].map((i) => [
        rig.view.getUint32(at + i, true),
        rig.view.getUint32(at + i + 4, true),
        rig.view.getBigUint64(at + i + 8, true),
      ]);
      expect(got.sort(([, , a], [, , b]) => (a! < b! ? 1 : -1))).toEqual(wanted);
      expect(rig.bytes[at - 1]).toBe(at === rig.size - 48 ? 0 : 0xee);
      if (at < 5000) expect(rig.bytes[at + 48]).toBe(0xee);
    }
  });

  test('of a thousand descriptors come in one wait, and of more than there is room in several', () => {
    const own = guest();
    const { rig } = own;
    const { reader, writer } = rig.pipe();
    const fds = Array.from({ length: 1000 }, () => {
      const handle = rig.kernel.adopt(rig.descriptors.get(writer)!.handle);
      const descriptor = Object.assign(Object.create(rig.descriptors.get(writer)!), { handle });
      return rig.descriptors.add(descriptor);
    });
    for (const fd of fds) own.add(fd, OUT);
    const seen = own.wait(0n, 2000).map(([data]) => Number(data));
    expect(seen.sort((a, b) => a - b)).toEqual(fds);
    const rest = [...own.wait(0n, 700), ...own.wait(0n, 300)].map(([data]) => Number(data));
    expect(rest.sort((a, b) => a - b)).toEqual(fds);
    rig.call('fd_close', reader);
  });
});

describe('a watch is of the open descriptor', () => {
  test('so closing it ends it without a word, and its number begins anew', () => {
    const own = guest();
    const { rig } = own;
    const first = rig.pipe();
    const { handle } = rig.descriptors.get(first.writer)!;
    own.add(first.writer, OUT, 1n);
    expect(own.wait()).toEqual([[1n, OUT]]);
    rig.call('fd_close', first.writer);
    expect(own.wait()).toEqual([]);
    expect(own.control(DEL, first.writer)).toBe(WasiErrno.BADF);
    rig.call('fd_close', first.reader);
    const second = rig.pipe();
    expect(second).toEqual(first);
    expect(rig.descriptors.get(second.writer)!.handle).toBe(handle);
    expect(own.control(MOD, second.writer, OUT)).toBe(WasiErrno.NOENT);
    expect(own.control(DEL, second.writer)).toBe(WasiErrno.NOENT);
    expect(own.wait()).toEqual([]);
    own.add(second.writer, OUT, 2n);
    expect(own.wait()).toEqual([[2n, OUT]]);
  });

  test('so fd_renumber takes it along, and ends that of what was there', () => {
    const own = guest();
    const { rig } = own;
    const moved = rig.connection();
    const gone = rig.connection();
    own.add(moved.fd, IN, 1n);
    own.add(gone.fd, OUT, 2n);
    expect(rig.call('fd_renumber', moved.fd, gone.fd)).toBe(0);
    expect(own.wait()).toEqual([]);
    moved.peer.send('x');
    expect(own.soon()).toEqual([[1n, IN]]);
    expect(own.control(DEL, moved.fd)).toBe(WasiErrno.BADF);
    expect(own.control(ADD, gone.fd, IN)).toBe(WasiErrno.EXIST);
    expect(own.control(MOD, gone.fd, OUT, 3n)).toBe(0);
    expect(own.wait()).toEqual([[3n, OUT]]);
    expect(own.control(DEL, gone.fd)).toBe(0);
    expect(own.wait()).toEqual([]);
  });

  test('so fd_renumber moves an interest set with all that it watches, or closes it', () => {
    const own = guest();
    const { rig, epfd } = own;
    const { fd } = rig.connection();
    own.add(fd, OUT, 1n);
    const other = own.create();
    expect(rig.call('fd_renumber', epfd, other)).toBe(0);
    expect(own.wait(0n, 64, other)).toEqual([[1n, OUT]]);
    expect(rig.call('epoll_wait', epfd, 4096, 1, 0n, 512)).toBe(WasiErrno.BADF);
    const before = openDescriptors().length;
    expect(rig.call('fd_renumber', fd, other)).toBe(0);
    expect(openDescriptors().length).toBe(before - 1);
    expect(rig.call('epoll_wait', other, 4096, 1, 0n, 512)).toBe(WasiErrno.INVAL);
  });

  test('so a listener that is retired stays watched for the guest, and is never ready again', () => {
    const own = guest();
    const { rig } = own;
    const { fd, port } = rig.listen();
    own.add(fd, IN, 1n);
    rig.dial(port);
    expect(own.soon()).toEqual([[1n, IN]]);
    rig.descriptors.retireListeners();
    expect(own.wait(5n * MS)).toEqual([]);
    expect(own.control(ADD, fd, IN)).toBe(WasiErrno.EXIST);
    expect(own.control(MOD, fd, IN | OUT)).toBe(0);
    expect(own.wait(5n * MS)).toEqual([]);
    expect(own.control(DEL, fd)).toBe(0);
    expect(own.control(DEL, fd)).toBe(WasiErrno.NOENT);
    expect(own.control(ADD, fd, IN)).toBe(0);
    expect(own.wait(5n * MS)).toEqual([]);
  });
});

describe('epoll_wait', () => {
  test('answers an errno to what is no set, no room, or no memory', () => {
    const { rig, epfd } = guest();
    const { fd } = rig.connection();
    expect(rig.call('epoll_wait', 99, 4096, 1, 0n, 512)).toBe(WasiErrno.BADF);
    expect(rig.call('epoll_wait', -1, 4096, 1, 0n, 512)).toBe(WasiErrno.BADF);
    expect(rig.call('epoll_wait', fd, 4096, 1, 0n, 512)).toBe(WasiErrno.INVAL);
    expect(rig.call('epoll_wait', epfd, 4096, 0, 0n, 512)).toBe(WasiErrno.INVAL);
    for (const [at, most] of [
      [rig.size, 1],
      [rig.size - 16, 2],
      [0, 2 ** 31],
      [0, -1],
      [-16, 1],
    ] as const)
      expect(rig.call('epoll_wait', epfd, at, most, 0n, 512)).toBe(WasiErrno.FAULT);
    expect(rig.call('epoll_wait', epfd, 4096, 1, 0n, rig.size - 3)).toBe(WasiErrno.FAULT);
    expect(rig.call('epoll_wait', epfd, rig.size - 16, 1, 0n, rig.size - 4)).toBe(0);
  });

  test('ends no sooner than its timeout', () => {
    const own = guest();
    const { reader } = own.rig.pipe();
    own.add(reader, IN);
    for (const ns of [1n, 999n, 50_000n, 2n * MS + 1n]) {
      const start = own.rig.kernel.now(1);
      expect(own.wait(ns)).toEqual([]);
      expect(own.rig.kernel.now(1) - start).toBeGreaterThanOrEqual(ns);
    }
  });

  test('may wait for ever, for any negative timeout', () => {
    const own = guest();
    const { reader, writer } = own.rig.pipe();
    own.add(reader, IN);
    own.rig.give('fd_write', writer, 'x');
    for (const ns of [-1n, -(2n ** 63n), 2n ** 63n - 1n])
      expect(own.wait(ns)).toEqual([[BigInt(reader), IN]]);
  });

  test('obeys a wake and goes on for the rest of its time', () => {
    const own = guest();
    const { rig } = own;
    const { reader, writer } = rig.pipe();
    own.add(reader, IN);
    const interrupted = vi.spyOn(rig.process.embedder, 'interrupted');
    const start = rig.kernel.now(1);
    rig.kernel.wake();
    expect(own.wait(5n * MS)).toEqual([]);
    expect(rig.kernel.now(1) - start).toBeGreaterThanOrEqual(5n * MS);
    expect(interrupted).toHaveBeenCalledTimes(1);
    rig.kernel.wake();
    expect(own.wait(0n)).toEqual([]);
    expect(interrupted).toHaveBeenCalledTimes(2);
    rig.give('fd_write', writer, 'x');
    rig.kernel.wake();
    expect(own.wait(-1n)).toEqual([[BigInt(reader), IN]]);
    rig.kernel.wake();
    interrupted.mockClear();
    const seen = [own.wait(-1n, 1), own.wait(-1n, 1), own.wait(-1n, 1)];
    expect(seen).toEqual(Array.from({ length: 3 }, () => [[BigInt(reader), IN]]));
    expect(interrupted).toHaveBeenCalledTimes(1);
  });

  test('loses no edge to a wake, and tells nothing of what the wake took out of service', () => {
    const own = guest();
    const { rig } = own;
    const { fd: listener, port } = rig.listen();
    const { reader, writer } = rig.pipe();
    own.add(listener, IN | EDGE, 1n);
    own.add(reader, IN | EDGE, 2n);
    rig.dial(port);
    own.until(listener, IN);
    rig.give('fd_write', writer, 'x');
    vi.spyOn(rig.process.embedder, 'interrupted').mockImplementation(() =>
      rig.descriptors.retireListeners(),
    );
    rig.kernel.wake();
    expect(own.wait(-1n)).toEqual([[2n, IN]]);
    expect(own.wait()).toEqual([]);
  });

  test('tells an embedded guest what is there, and waits for nothing', () => {
    const own = guest({ embedded: true });
    const { reader, writer } = own.rig.pipe();
    own.add(reader, IN);
    const { process } = own.rig;
    expect(own.rig.watched.length).toBe(2);
    expect(own.wait(0n)).toEqual([]);
    expect(process.pendingTimeoutNs).toBe(Infinity);
    expect(own.wait(-1n)).toEqual([]);
    expect(process.pendingTimeoutNs).toBe(Infinity);
    expect(own.wait(3600_000n * MS)).toEqual([]);
    expect(own.wait(7200_000n * MS)).toEqual([]);
    expect(process.pendingTimeoutNs).toBe(3600e9);
    own.rig.give('fd_write', writer, 'x');
    // What its event loop would see.
    expect(own.rig.watched[1]!.wait(new Int32Array(3), 0)).toBe(1);
    expect(own.wait(-1n)).toEqual([[BigInt(reader), IN]]);
    own.rig.call('fd_close', own.epfd);
    expect(own.rig.watched.length).toBe(1);
  });

  test('and poll_oneoff do not disturb each other', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.add(fd, IN | EDGE);
    peer.send('x');
    expect(own.rig.ask(read(fd, 5), clock(1000n * MS))).toMatchObject([{ userdata: 5n }]);
    expect(own.wait()).toEqual([[BigInt(fd), IN]]);
    expect(own.wait()).toEqual([]);
    expect(own.rig.ask(read(fd, 6))).toMatchObject([{ userdata: 6n }]);
  });

  test('answers what the kernel does', () => {
    const own = guest();
    const poller = own.rig.kernel.poller('epoll').constructor.prototype as { wait(): number };
    vi.spyOn(poller, 'wait').mockReturnValue(-Errno.EIO);
    expect(own.rig.call('epoll_wait', own.epfd, 4096, 1, 0n, 512)).toBe(WasiErrno.IO);
    vi.restoreAllMocks();
  });
});

describe('a guest that waits for events', () => {
  test.each(['stop', 'drain'] as const)('ends at once by %s', async (how) => {
    const box = await sandbox(await load(waitsForEvents), { listen: ['127.0.0.1:0'] });
    (await dial(box.address!)).destroy();
    await eventually(() => false, 20);
    const end = how === 'stop' ? box.stop() : box.drain(10_000);
    expect(await end).toEqual({ code: 0, reason: 'stopped' });
  });

  test('has its calls in the transcript', async () => {
    const trace = join(folder(), 'trace');
    const box = await sandbox(await load(waitsForEvents), { listen: ['127.0.0.1:0'], trace });
    (await dial(box.address!)).destroy();
    await eventually(() => readFileSync(trace, 'utf8').includes('count=1'));
    await box.stop();
    const text = readFileSync(trace, 'utf8').replace(/ @[\d.]+$/gm, '');
    expect(text.split('\n').slice(1, 8)).toEqual([
      '-> epoll_create()',
      '<- SUCCESS epfd=4',
      '-> epoll_ctl(epfd=4, op=1, fd=3, event=64)',
      '<- SUCCESS',
      '-> epoll_wait(epfd=4, events=1024, max=64, timeout_ns=-1)',
      '<- SUCCESS count=1',
      '-> epoll_wait(epfd=4, events=1024, max=64, timeout_ns=-1)',
    ]);
  });

  test('leaves no descriptor behind', async () => {
    const guest = await load(waitsForEvents);
    const cycle = async () => {
      const box = await sandbox(guest, { listen: ['127.0.0.1:0'] });
      (await dial(box.address!)).destroy();
      await box.stop();
    };
    await cycle();
    await eventually(() => false, 50);
    const before = descriptorsOf();
    for (let i = 0; i < 10; i++) await cycle();
    expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
  });
});
