/**
 * What every file system behind the waist must do, as cases that are written against it alone: each
 * gets a directory, which is empty, and knows nothing of what lies outside of it.
 */
import { FileFlag, SetTime } from '#host/kernel/file-system';
import { FileType, Stat, STAT_FIELDS, Whence } from '#host/kernel/kernel';
import { expect } from 'vitest';

import {
  BUFFER,
  BUFFER_BYTES,
  CREATE,
  DIRECTORY,
  EXCLUSIVE,
  type FileCase,
  fileCase,
  FOLLOW,
  READ,
  TRUNCATE,
  WRITE,
} from './file-hand.js';

const { APPEND, DSYNC, RSYNC, SYNC } = FileFlag;

const opening: FileCase[] = [
  fileCase('a file that is created is there, empty, and keeps what is written', (hand) => {
    const file = hand.opened('file', READ | WRITE | CREATE);
    expect(hand.type('file')).toBe(FileType.REGULAR_FILE);
    expect(hand.write(file, 'hello')).toBe(5);
    expect(hand.seek(file, 1)).toBe(1);
    expect(hand.read(file)).toBe('ello');
    expect(hand.read(file)).toBe('');
    expect(hand.contents('file')).toBe('hello');
  }),
  fileCase('opening what is not there, or is there and must not be, fails', (hand) => {
    hand.file('file', 'x');
    expect(hand.mkdir('dir')).toBe(0);
    hand.answers(
      ['missing', hand.open('missing'), 'ENOENT'],
      ['in a missing directory', hand.open('missing/file', WRITE | CREATE), 'ENOENT'],
      ['through a file', hand.open('file/x'), 'ENOTDIR'],
      ['exclusively', hand.open('file', WRITE | CREATE | EXCLUSIVE), 'EEXIST'],
      ['a directory exclusively', hand.open('dir', READ | CREATE | EXCLUSIVE), 'EEXIST'],
      ['a directory to write', hand.open('dir', WRITE), 'EISDIR'],
      ['a directory to create', hand.open('dir', READ | CREATE), 'EISDIR'],
      ['a file as a directory', hand.open('file', READ | DIRECTORY), 'ENOTDIR'],
      ['a directory to be created', hand.open('new', READ | DIRECTORY | CREATE), 'EINVAL'],
    );
    expect(hand.names()).toEqual(['dir', 'file']);
  }),
  fileCase('creating opens what is there already, and truncating empties it', (hand) => {
    hand.file('file', 'contents');
    hand.kernel.close(hand.opened('file', READ | CREATE));
    expect(hand.contents('file')).toBe('contents');
    hand.kernel.close(hand.opened('file', WRITE | TRUNCATE));
    expect(hand.contents('file')).toBe('');
  }),
  fileCase('a file that is opened for one thing cannot do the other', (hand) => {
    hand.file('file', 'x');
    const reader = hand.opened('file', READ);
    const writer = hand.opened('file', WRITE);
    hand.answers(
      ['writing', hand.write(reader, 'y'), 'EBADF'],
      ['writing at an offset', hand.pwrite(reader, 0, 'y'), 'EBADF'],
      ['reading', hand.read(writer), 'EBADF'],
      ['reading at an offset', hand.pread(writer, 0, 1), 'EBADF'],
      ['truncating', hand.kernel.files.truncate(reader, 0n), 'EINVAL'],
      ['allocating', hand.kernel.files.allocate(reader, 0n, 1n), 'EBADF'],
    );
  }),
  fileCase('a directory can be opened, and neither read nor written', (hand) => {
    hand.mkdir('dir');
    const dir = hand.opened('dir', READ | DIRECTORY);
    hand.answers(
      ['reading', hand.read(dir), 'EISDIR'],
      ['reading at an offset', hand.pread(dir, 0, 1), 'EISDIR'],
      ['writing', hand.write(dir, 'x'), 'EBADF'],
    );
    hand.file('dir/inside', 'x');
    expect(hand.kernel.close(hand.opened('inside', READ, 0, dir))).toBe(0);
    hand.answers(
      ['out of it', hand.open('..', READ, 0, dir), 'EPERM'],
      ['out of it and in again', hand.open('../dir/inside', READ, 0, dir), 'EPERM'],
    );
  }),
  fileCase('a handle that is no directory leads nowhere', (hand) => {
    hand.file('file');
    const file = hand.opened('file');
    const { files } = hand.kernel;
    for (const [at, errno] of [
      [file, 'ENOTDIR'],
      [-1, 'EBADF'],
      [-100, 'EBADF'],
    ] as const) {
      hand.answers(
        ['open', hand.open('x', READ, 0, at), errno],
        ['create', hand.open('x', WRITE | CREATE, 0, at), errno],
        ['mkdir', hand.mkdir('x', at), errno],
        ['rmdir', hand.rmdir('x', at), errno],
        ['unlink', hand.unlink('x', at), errno],
        ['stat', hand.stat('x', false, at), errno],
        ['stat of a target', hand.stat('x', true, at), errno],
        ['readlink', hand.readlink('x', 9, at), errno],
        ['symlink', hand.symlink('x', 'y', at), errno],
        ['link from', hand.link('file', 'y', false, at, hand.directory), errno],
        ['link to', hand.link('file', 'y', false, hand.directory, at), errno],
        ['rename from', hand.rename('file', 'y', at, hand.directory), errno],
        ['rename to', hand.rename('file', 'y', hand.directory, at), errno],
        ['readdir', files.readDirectory(at, BUFFER, 64, 0n), errno],
      );
    }
    expect(hand.names()).toEqual(['file']);
  }),
  fileCase('the lowest free handle is given, and a closed one is bad', (hand) => {
    hand.file('file');
    const file = hand.opened('file');
    expect(hand.kernel.close(file)).toBe(0);
    hand.answers(
      ['close', hand.kernel.close(file), 'EBADF'],
      ['pread', hand.pread(file, 0, 1), 'EBADF'],
      ['flags', hand.kernel.files.flags(file), 'EBADF'],
    );
    expect(hand.opened('file')).toBe(file);
  }),
];

const paths: FileCase[] = [
  fileCase('dots and slashes inside of a path mean what they do', (hand) => {
    hand.mkdir('dir');
    hand.mkdir('dir/nested');
    hand.file('dir/nested/file', 'deep');
    for (const path of [
      './dir/nested/file',
      'dir//nested///file',
      'dir/./nested/../nested/file',
      'dir/.//nested/../../dir/nested/../nested///./file',
      'dir/nested/../../././dir/nested/file',
    ]) {
      expect(hand.contents(path), path).toBe('deep');
    }
    expect(hand.type('dir/nested/..')).toBe(FileType.DIRECTORY);
    expect(hand.ino('dir/nested/..')).toBe(hand.ino('dir'));
    expect(hand.ino('dir/..')).toBe(hand.ino('.'));
    expect(hand.ino('dir/nested/.')).toBe(hand.ino('dir/nested'));
  }),
  fileCase('a path that leads out is EPERM for every verb', (hand) => {
    hand.mkdir('dir');
    hand.mkdir('dir/nested');
    hand.file('file', 'x');
    for (const path of [
      '/',
      '/etc/passwd',
      '//x',
      '..',
      '../',
      '../x',
      './../x',
      'dir/../../x',
      'dir/../..',
      'dir/nested/../../../x',
      'dir/nested/../../..//',
    ]) {
      hand.answers(
        [`open ${path}`, hand.open(path), 'EPERM'],
        [`create ${path}`, hand.open(path, WRITE | CREATE), 'EPERM'],
        [`open the directory ${path}`, hand.open(path, READ | DIRECTORY), 'EPERM'],
        [`mkdir ${path}`, hand.mkdir(path), 'EPERM'],
        [`rmdir ${path}`, hand.rmdir(path), 'EPERM'],
        [`unlink ${path}`, hand.unlink(path), 'EPERM'],
        [`stat ${path}`, hand.stat(path), 'EPERM'],
        [`stat the target of ${path}`, hand.stat(path, true), 'EPERM'],
        [`set times of ${path}`, hand.setTimes(path, 0n, 0n, SetTime.ATIME), 'EPERM'],
        [`readlink ${path}`, hand.readlink(path), 'EPERM'],
        [`symlink ${path}`, hand.symlink('file', path), 'EPERM'],
        [`link from ${path}`, hand.link(path, 'new'), 'EPERM'],
        [`link from the target of ${path}`, hand.link(path, 'new', true), 'EPERM'],
        [`link to ${path}`, hand.link('file', path), 'EPERM'],
        [`rename from ${path}`, hand.rename(path, 'new'), 'EPERM'],
        [`rename to ${path}`, hand.rename('file', path), 'EPERM'],
      );
    }
    expect(hand.names()).toEqual(['dir', 'file']);
  }),
  fileCase('a directory that is missing is told before what is behind it', (hand) => {
    hand.file('file');
    hand.answers(
      ['open', hand.open('missing/../file'), 'ENOENT'],
      ['out, after all', hand.open('missing/../../x'), 'ENOENT'],
      ['through a file', hand.open('file/../file'), 'ENOTDIR'],
      ['mkdir', hand.mkdir('missing/new'), 'ENOENT'],
      ['mkdir in a file', hand.mkdir('file/new'), 'ENOTDIR'],
      ['rename', hand.rename('file', 'missing/new'), 'ENOENT'],
    );
  }),
  fileCase('a slash at the end asks for a directory', (hand) => {
    hand.mkdir('dir');
    hand.file('file');
    expect(hand.type('dir/')).toBe(FileType.DIRECTORY);
    expect(hand.kernel.close(hand.opened('dir//', READ | DIRECTORY))).toBe(0);
    hand.answers(
      ['open', hand.open('file/'), 'ENOTDIR'],
      ['create', hand.open('new/', WRITE | CREATE), 'EISDIR'],
      ['create what is there', hand.open('dir/', READ | CREATE), 'EISDIR'],
      ['open what is missing', hand.open('missing/'), 'ENOENT'],
      ['stat', hand.stat('file/'), 'ENOTDIR'],
      ['stat of a target', hand.stat('file/', true), 'ENOTDIR'],
      ['unlink', hand.unlink('file/'), 'ENOTDIR'],
      ['unlink a directory', hand.unlink('dir/'), 'EISDIR'],
      ['rmdir', hand.rmdir('file/'), 'ENOTDIR'],
      ['rename from', hand.rename('file/', 'new'), 'ENOTDIR'],
      ['rename to', hand.rename('file', 'new/'), 'ENOTDIR'],
      ['link from', hand.link('file/', 'new'), 'ENOTDIR'],
      ['link to', hand.link('file', 'new/'), 'ENOENT'],
      ['link a directory', hand.link('dir/', 'new'), 'EPERM'],
      ['symlink', hand.symlink('file', 'new/'), 'ENOENT'],
      ['symlink at a directory', hand.symlink('file', 'dir/'), 'EEXIST'],
      ['set times', hand.setTimes('file/', 0n, 0n, SetTime.ATIME), 'ENOTDIR'],
      ['mkdir', hand.mkdir('made//'), 0],
      ['rename a directory', hand.rename('made/', 'moved/'), 0],
      ['rmdir a directory', hand.rmdir('moved/'), 0],
    );
    expect(hand.names()).toEqual(['dir', 'file']);
  }),
  fileCase('what acts on a name does not act on dots', (hand) => {
    hand.mkdir('dir');
    hand.file('file');
    for (const dots of ['dir/.', 'dir/..', 'dir/./', 'dir/../']) {
      const up = dots.startsWith('dir/..');
      hand.answers(
        [`mkdir ${dots}`, hand.mkdir(dots), 'EEXIST'],
        [`rmdir ${dots}`, hand.rmdir(dots), up ? 'ENOTEMPTY' : 'EINVAL'],
        [`unlink ${dots}`, hand.unlink(dots), 'EISDIR'],
        [`rename from ${dots}`, hand.rename(dots, 'new'), 'EBUSY'],
        [`rename to ${dots}`, hand.rename('file', dots), 'EBUSY'],
        [`link from ${dots}`, hand.link(dots, 'new'), 'EPERM'],
        [`link to ${dots}`, hand.link('file', dots), 'EEXIST'],
        [`symlink ${dots}`, hand.symlink('file', dots), 'EEXIST'],
        [`readlink ${dots}`, hand.readlink(dots), 'EINVAL'],
        [`create ${dots}`, hand.open(dots, WRITE | CREATE), 'EISDIR'],
      );
    }
    expect(hand.names()).toEqual(['dir', 'file']);
  }),
  fileCase('a path that is none is refused', (hand) => {
    const bytes = (...numbers: number[]) => Uint8Array.from(numbers);
    hand.answers(
      ['empty', hand.open(''), 'ENOENT'],
      ['a NUL in it', hand.open(bytes(97, 0, 98), WRITE | CREATE), 'EINVAL'],
      ['a NUL at its end', hand.open(bytes(97, 0), WRITE | CREATE), 'EINVAL'],
      ['not UTF-8', hand.open(bytes(97, 255), WRITE | CREATE), 'EILSEQ'],
      ['overlong', hand.open(bytes(0xc0, 0xaf), WRITE | CREATE), 'EILSEQ'],
      ['a surrogate', hand.open(bytes(0xed, 0xa0, 0x80), WRITE | CREATE), 'EILSEQ'],
      ['cut off', hand.open(bytes(0xf0, 0x9f, 0x98), WRITE | CREATE), 'EILSEQ'],
      ['beyond Unicode', hand.open(bytes(0xf4, 0x90, 0x80, 0x80), WRITE | CREATE), 'EILSEQ'],
      ['a long name', hand.open('n'.repeat(256), WRITE | CREATE), 'ENAMETOOLONG'],
      ['a long path', hand.open('./'.repeat(2048) + 'f', WRITE | CREATE), 'ENAMETOOLONG'],
    );
    expect(hand.names()).toEqual([]);
    hand.file('./'.repeat(2047) + 'f', 'long path');
    hand.file('n'.repeat(255), 'long name');
    hand.file('é€😀', 'UTF-8');
    expect(hand.names()).toEqual(['f', 'n'.repeat(255), 'é€😀']);
  }),
  fileCase('a path, a buffer or a target that lies outside of memory is EFAULT', (hand) => {
    const { files } = hand.kernel;
    const end = BUFFER + BUFFER_BYTES;
    hand.symlink('x', 'link');
    const file = hand.opened('file', READ | WRITE | CREATE);
    const [path, length] = hand.path('name');
    const stat = new BigUint64Array(STAT_FIELDS);
    const [link, linkLength] = hand.path('link', 1);
    for (const [at, bytes] of [
      [end - 3, 4],
      [end, 1],
      [2 ** 32 - 2, 4],
      [16, 2 ** 32 - 8],
    ] as const) {
      hand.answers(
        ['openAt', files.openAt(hand.directory, at, bytes, READ, 0), 'EFAULT'],
        ['createDirectoryAt', files.createDirectoryAt(hand.directory, at, bytes), 'EFAULT'],
        ['removeDirectoryAt', files.removeDirectoryAt(hand.directory, at, bytes), 'EFAULT'],
        ['unlinkAt', files.unlinkAt(hand.directory, at, bytes), 'EFAULT'],
        ['statAt', files.statAt(hand.directory, at, bytes, true, stat), 'EFAULT'],
        ['setTimesAt', files.setTimesAt(hand.directory, at, bytes, true, 0n, 0n, 1), 'EFAULT'],
        ['readLinkAt', files.readLinkAt(hand.directory, at, bytes, BUFFER, 1), 'EFAULT'],
        [
          'readLinkAt, buffer',
          files.readLinkAt(hand.directory, link, linkLength, at, bytes),
          'EFAULT',
        ],
        ['symlinkAt', files.symlinkAt(path, length, hand.directory, at, bytes), 'EFAULT'],
        ['symlinkAt, target', files.symlinkAt(at, bytes, hand.directory, path, length), 'EFAULT'],
        [
          'linkAt',
          files.linkAt(hand.directory, at, bytes, true, hand.directory, path, length),
          'EFAULT',
        ],
        [
          'linkAt, to',
          files.linkAt(hand.directory, link, 4, false, hand.directory, at, bytes),
          'EFAULT',
        ],
        [
          'renameAt',
          files.renameAt(hand.directory, at, bytes, hand.directory, path, length),
          'EFAULT',
        ],
        [
          'renameAt, to',
          files.renameAt(hand.directory, link, 4, hand.directory, at, bytes),
          'EFAULT',
        ],
        ['readDirectory', files.readDirectory(hand.directory, at, bytes, 0n), 'EFAULT'],
        ['pread', files.pread(file, at, bytes, 0n), 'EFAULT'],
        ['pwrite', files.pwrite(file, at, bytes, 0n), 'EFAULT'],
      );
    }
    expect(hand.names()).toEqual(['file', 'link']);
    expect(hand.field('file', Stat.SIZE)).toBe(0);
  }),
];

const links: FileCase[] = [
  fileCase('a symbolic link is followed where that is asked for, and in the middle', (hand) => {
    hand.mkdir('dir');
    hand.file('dir/file', 'x');
    hand.answers(
      ['to a file', hand.symlink('dir/file', 'to-file'), 0],
      ['to a directory', hand.symlink('dir', 'to-dir'), 0],
      ['up', hand.symlink('../dir/file', 'dir/up'), 0],
      ['with a slash', hand.symlink('dir/', 'slash'), 0],
      ['to a link', hand.symlink('to-file', 'to-link'), 0],
    );
    for (const path of ['to-file', 'to-dir/file', 'dir/up', 'to-dir/up', 'slash/file', 'to-link'])
      expect(hand.contents(path), path).toBe('x');
    hand.answers(
      ['not followed', hand.open('to-file', READ), 'ELOOP'],
      ['not followed, to write', hand.open('to-file', WRITE), 'ELOOP'],
      ['not followed, to create', hand.open('to-file', WRITE | CREATE), 'ELOOP'],
      ['not followed, as a directory', hand.open('to-dir', READ | DIRECTORY), 'ENOTDIR'],
      ['exclusively', hand.open('to-file', WRITE | CREATE | EXCLUSIVE | FOLLOW), 'EEXIST'],
      ['a file as a directory', hand.open('to-file', READ | DIRECTORY | FOLLOW), 'ENOTDIR'],
    );
    expect(hand.contents('to-dir/file', READ)).toBe('x');
    expect(hand.type('to-file')).toBe(FileType.SYMBOLIC_LINK);
    expect(hand.type('to-file', true)).toBe(FileType.REGULAR_FILE);
    expect(hand.type('to-dir', true)).toBe(FileType.DIRECTORY);
    expect(hand.type('to-dir/')).toBe(FileType.DIRECTORY);
    hand.answers(['stat of a link to a file, with a slash', hand.stat('to-file/'), 'ENOTDIR']);
    expect(hand.field('to-file', Stat.SIZE)).toBe('dir/file'.length);
  }),
  fileCase('a symbolic link tells its target, cut off where the buffer ends', (hand) => {
    const target = `${'d/'.repeat(500)}x`;
    hand.mkdir('dir');
    hand.file('file');
    hand.symlink(target, 'link');
    hand.symlink('../../outside', 'dir/out');
    expect(hand.readlink('link')).toBe(target);
    expect(hand.readlink('link', 7)).toBe('d/d/d/d');
    expect(hand.readlink('link', 0)).toBe('');
    expect(hand.readlink('dir/out')).toBe('../../outside');
    hand.answers(
      ['of a file', hand.readlink('file'), 'EINVAL'],
      ['of a directory', hand.readlink('dir'), 'EINVAL'],
      ['of nothing', hand.readlink('missing'), 'ENOENT'],
      ['of what is not there', hand.readlink('link/'), 'ENOENT'],
    );
  }),
  fileCase(
    'a symbolic link is made of what is no absolute path, and where there is none',
    (hand) => {
      hand.mkdir('dir');
      hand.file('file');
      hand.answers(
        ['absolute', hand.symlink('/etc/passwd', 'link'), 'EPERM'],
        ['empty', hand.symlink('', 'link'), 'ENOENT'],
        ['at a file', hand.symlink('x', 'file'), 'EEXIST'],
        ['at a directory', hand.symlink('x', 'dir'), 'EEXIST'],
        ['in nothing', hand.symlink('x', 'missing/link'), 'ENOENT'],
        ['in a file', hand.symlink('x', 'file/link'), 'ENOTDIR'],
        ['to nothing', hand.symlink('nothing', 'link'), 0],
        ['at a link', hand.symlink('x', 'link'), 'EEXIST'],
      );
      expect(hand.names()).toEqual(['dir', 'file', 'link']);
    },
  ),
  fileCase('a symbolic link that leads out is EPERM for every verb that follows it', (hand) => {
    hand.mkdir('dir');
    hand.symlink('..', 'up');
    hand.symlink('../..', 'dir/up');
    hand.symlink('up', 'to-up');
    hand.symlink('dir/../../x', 'out');
    for (const path of ['up', 'dir/up', 'to-up', 'out']) {
      hand.answers(
        [`open ${path}`, hand.open(path), 'EPERM'],
        [`create ${path}`, hand.open(path, WRITE | CREATE | FOLLOW), 'EPERM'],
        [`open ${path}/x`, hand.open(`${path}/x`, READ), 'EPERM'],
        [`create ${path}/x`, hand.open(`${path}/x`, WRITE | CREATE), 'EPERM'],
        [`mkdir ${path}/x`, hand.mkdir(`${path}/x`), 'EPERM'],
        [`rmdir ${path}/x`, hand.rmdir(`${path}/x`), 'EPERM'],
        [`unlink ${path}/x`, hand.unlink(`${path}/x`), 'EPERM'],
        [`stat ${path}`, hand.stat(path, true), 'EPERM'],
        [`stat ${path}/`, hand.stat(`${path}/`), 'EPERM'],
        [`stat ${path}/x`, hand.stat(`${path}/x`), 'EPERM'],
        [`set times of ${path}`, hand.setTimes(path, 0n, 0n, SetTime.ATIME, true), 'EPERM'],
        [`set times of ${path}/`, hand.setTimes(`${path}/`, 0n, 0n, SetTime.ATIME), 'EPERM'],
        [`set times of ${path}/x`, hand.setTimes(`${path}/x`, 0n, 0n, SetTime.ATIME), 'EPERM'],
        [`readlink ${path}/`, hand.readlink(`${path}/`), 'EPERM'],
        [`readlink ${path}/x`, hand.readlink(`${path}/x`), 'EPERM'],
        [`symlink ${path}/x`, hand.symlink('x', `${path}/x`), 'EPERM'],
        [`link from ${path}`, hand.link(path, 'new', true), 'EPERM'],
        [`link from ${path}/`, hand.link(`${path}/`, 'new'), 'EPERM'],
        [`link from ${path}/x`, hand.link(`${path}/x`, 'new'), 'EPERM'],
        [`link to ${path}/x`, hand.link('up', `${path}/x`), 'EPERM'],
        [`rename from ${path}/x`, hand.rename(`${path}/x`, 'new'), 'EPERM'],
        [`rename to ${path}/x`, hand.rename('up', `${path}/x`), 'EPERM'],
        [`mkdir ${path}`, hand.mkdir(path), 'EEXIST'],
        [`rmdir ${path}`, hand.rmdir(path), 'ENOTDIR'],
        [`rmdir ${path}/`, hand.rmdir(`${path}/`), 'ENOTDIR'],
        [`unlink ${path}/`, hand.unlink(`${path}/`), 'ENOTDIR'],
      );
    }
    expect(hand.names()).toEqual(['dir', 'out', 'to-up', 'up']);
    expect(hand.names('dir')).toEqual(['up']);
  }),
  fileCase('links that lead to each other are ELOOP, and forty in a row are not', (hand) => {
    hand.symlink('self', 'self');
    hand.symlink('b', 'a');
    hand.symlink('a', 'b');
    hand.file('link0', 'end');
    for (let i = 1; i <= 41; i++) hand.symlink(`link${i - 1}`, `link${i}`);
    hand.answers(
      ['open', hand.open('self'), 'ELOOP'],
      ['open two', hand.open('a'), 'ELOOP'],
      ['create', hand.open('a', WRITE | CREATE | FOLLOW), 'ELOOP'],
      ['through it', hand.open('a/x', READ), 'ELOOP'],
      ['stat', hand.stat('self', true), 'ELOOP'],
      ['mkdir', hand.mkdir('self/x'), 'ELOOP'],
      ['link', hand.link('self', 'new', true), 'ELOOP'],
      ['forty-one', hand.open('link41'), 'ELOOP'],
      ['link to the end of forty-one', hand.link('link41', 'new', true), 'ELOOP'],
      ['link to the end of forty', hand.link('link40', 'hard', true), 0],
    );
    expect(hand.contents('link40')).toBe('end');
    expect(hand.ino('hard')).toBe(hand.ino('link0'));
  }),
  fileCase('a file is created where a link that leads to nothing points', (hand) => {
    hand.mkdir('dir');
    hand.symlink('dir/new', 'link');
    hand.answers(
      ['open', hand.open('link'), 'ENOENT'],
      ['create without following', hand.open('link', WRITE | CREATE), 'ELOOP'],
      ['create exclusively', hand.open('link', WRITE | CREATE | EXCLUSIVE | FOLLOW), 'EEXIST'],
    );
    hand.kernel.close(hand.opened('link', WRITE | CREATE | FOLLOW));
    expect(hand.type('dir/new')).toBe(FileType.REGULAR_FILE);
    expect(hand.type('link')).toBe(FileType.SYMBOLIC_LINK);
  }),
  fileCase('a hard link is the same file, until the last one is gone', (hand) => {
    hand.mkdir('dir');
    hand.file('file', 'x');
    hand.symlink('file', 'sym');
    hand.symlink('../file', 'dir/sym');
    hand.answers(
      ['link', hand.link('file', 'dir/hard'), 0],
      ['link to a link', hand.link('sym', 'hard-sym'), 0],
      ['link to its target', hand.link('sym', 'followed', true), 0],
      ['link to a target that is up', hand.link('dir/sym', 'followed2', true), 0],
      ['to a directory', hand.link('dir', 'new'), 'EPERM'],
      ['from nothing', hand.link('missing', 'new'), 'ENOENT'],
      ['to what is there', hand.link('file', 'sym'), 'EEXIST'],
      ['to a directory that is there', hand.link('file', 'dir'), 'EEXIST'],
      ['into nothing', hand.link('file', 'missing/new'), 'ENOENT'],
    );
    expect(hand.ino('dir/hard')).toBe(hand.ino('file'));
    expect(hand.ino('followed')).toBe(hand.ino('file'));
    expect(hand.ino('followed2')).toBe(hand.ino('file'));
    expect(hand.type('hard-sym')).toBe(FileType.SYMBOLIC_LINK);
    expect(hand.field('file', Stat.NLINK)).toBe(4);
    const file = hand.opened('file', READ | WRITE);
    for (const path of ['file', 'dir/hard', 'followed', 'followed2'])
      expect(hand.unlink(path), path).toBe(0);
    expect(hand.write(file, 'yz')).toBe(2);
    expect(hand.pread(file, 0, 9)).toBe('yz');
    const stat = new BigUint64Array(STAT_FIELDS);
    expect(hand.kernel.stat(file, stat)).toBe(0);
    expect(stat[Stat.NLINK]).toBe(0n);
  }),
];

const removing: FileCase[] = [
  fileCase('a directory is made once, and removed when it is empty', (hand) => {
    hand.file('file');
    hand.answers(
      ['mkdir', hand.mkdir('dir'), 0],
      ['again', hand.mkdir('dir'), 'EEXIST'],
      ['at a file', hand.mkdir('file'), 'EEXIST'],
      ['inside', hand.mkdir('dir/inner'), 0],
      ['rmdir', hand.rmdir('dir'), 'ENOTEMPTY'],
      ['rmdir of a file', hand.rmdir('file'), 'ENOTDIR'],
      ['rmdir of nothing', hand.rmdir('missing'), 'ENOENT'],
      ['unlink of a directory', hand.unlink('dir'), 'EISDIR'],
      ['rmdir inside', hand.rmdir('dir/inner'), 0],
      ['rmdir when empty', hand.rmdir('dir'), 0],
      ['unlink', hand.unlink('file'), 0],
      ['unlink again', hand.unlink('file'), 'ENOENT'],
    );
    expect(hand.names()).toEqual([]);
  }),
  fileCase('unlinking a symbolic link leaves what it leads to', (hand) => {
    hand.mkdir('dir');
    hand.file('file', 'x');
    hand.symlink('file', 'link');
    hand.symlink('dir', 'to-dir');
    hand.answers(
      ['rmdir', hand.rmdir('to-dir'), 'ENOTDIR'],
      ['unlink', hand.unlink('link'), 0],
      ['unlink of a link to a directory', hand.unlink('to-dir'), 0],
    );
    expect(hand.names()).toEqual(['dir', 'file']);
  }),
  fileCase('a directory that was removed while it was open is empty and takes nothing', (hand) => {
    hand.mkdir('dir');
    const dir = hand.opened('dir', READ | DIRECTORY);
    expect(hand.rmdir('dir')).toBe(0);
    expect(hand.list(dir).filter(({ name }) => !name.startsWith('.'))).toEqual([]);
    hand.answers(
      ['create', hand.open('x', WRITE | CREATE, 0, dir), 'ENOENT'],
      ['mkdir', hand.mkdir('x', dir), 'ENOENT'],
      ['open', hand.open('x', READ, 0, dir), 'ENOENT'],
    );
  }),
];

const renaming: FileCase[] = [
  fileCase('a file is renamed over another, a directory over an empty one', (hand) => {
    hand.mkdir('dir');
    hand.mkdir('full');
    hand.mkdir('empty');
    hand.file('a', 'a');
    hand.file('b', 'b');
    hand.file('full/file');
    const replaced = hand.opened('b');
    hand.answers(
      ['file over file', hand.rename('a', 'b'), 0],
      ['nothing', hand.rename('a', 'b'), 'ENOENT'],
      ['file over directory', hand.rename('b', 'dir'), 'EISDIR'],
      ['directory over file', hand.rename('dir', 'b'), 'ENOTDIR'],
      ['directory over a full one', hand.rename('dir', 'full'), 'ENOTEMPTY'],
      ['directory over an empty one', hand.rename('full', 'empty'), 0],
      ['directory into itself', hand.rename('empty', 'empty/inner'), 'EINVAL'],
      ['over itself', hand.rename('b', 'b'), 0],
      ['into a directory', hand.rename('b', 'empty/b'), 0],
      ['over what it is in', hand.rename('empty/b', 'empty'), 'ENOTEMPTY'],
    );
    expect(hand.contents('empty/b')).toBe('a');
    expect(hand.read(replaced)).toBe('b');
    expect(hand.names()).toEqual(['dir', 'empty']);
    expect(hand.names('empty')).toEqual(['b', 'file']);
  }),
  fileCase('a rename acts on links themselves, and leaves two of one file as they are', (hand) => {
    hand.file('file', 'x');
    hand.symlink('file', 'link');
    hand.file('other', 'y');
    hand.answers(
      ['a link', hand.rename('link', 'moved'), 0],
      ['over a link', hand.rename('other', 'moved'), 0],
      ['a hard link', hand.link('file', 'hard'), 0],
      ['onto the same file', hand.rename('file', 'hard'), 0],
    );
    expect(hand.contents('moved')).toBe('y');
    expect(hand.names()).toEqual(['file', 'hard', 'moved']);
  }),
  fileCase('files and directories move between two open directories', (hand) => {
    hand.mkdir('one');
    hand.mkdir('two');
    hand.mkdir('one/sub');
    hand.file('one/file', 'x');
    const [one, two] = [hand.opened('one', READ | DIRECTORY), hand.opened('two', READ | DIRECTORY)];
    const sub = hand.opened('sub', READ | DIRECTORY, 0, one);
    hand.answers(
      ['rename', hand.rename('file', 'moved', one, two), 0],
      ['link', hand.link('moved', 'back', false, two, one), 0],
      ['a directory', hand.rename('sub', 'sub', one, two), 0],
      ['out of one', hand.rename('back', '../x', one, two), 'EPERM'],
      ['up from what was moved', hand.open('..', READ, 0, sub), 'EPERM'],
    );
    expect(hand.names('one')).toEqual(['back']);
    expect(hand.names('two')).toEqual(['moved', 'sub']);
  }),
];

const input: FileCase[] = [
  fileCase('reading and writing at an offset leaves the offset as it is', (hand) => {
    const file = hand.opened('file', READ | WRITE | CREATE);
    expect(hand.write(file, 'abc')).toBe(3);
    expect(hand.pwrite(file, 5, 'xy', 'z')).toBe(3);
    expect(hand.seek(file, 0, Whence.CUR)).toBe(3);
    expect(hand.pread(file, 0, 2, 100)).toBe('abc\0\0xyz');
    expect(hand.pread(file, 7, 9)).toBe('z');
    expect(hand.pread(file, 8, 9)).toBe('');
    expect(hand.pread(file, 1000, 9)).toBe('');
    expect(hand.pread(file, 0)).toBe('');
    expect(hand.seek(file, 0, Whence.CUR)).toBe(3);
    hand.answers(
      ['before the start', hand.pread(file, -1, 1), 'EINVAL'],
      ['written before the start', hand.pwrite(file, -1, 'x'), 'EINVAL'],
    );
  }),
  fileCase('seeking counts from the start, from here, or from the end', (hand) => {
    hand.file('file', '0123456789');
    const file = hand.opened('file', READ | WRITE);
    hand.answers(
      ['start', hand.seek(file, 4), 4],
      ['here', hand.seek(file, -1, Whence.CUR), 3],
      ['end', hand.seek(file, -2, Whence.END), 8],
      ['beyond', hand.seek(file, 5, Whence.END), 15],
      ['before the start', hand.seek(file, -1), 'EINVAL'],
      ['before the start, from the end', hand.seek(file, -11, Whence.END), 'EINVAL'],
      ['no whence', hand.seek(file, 0, 3), 'EINVAL'],
      ['where it is', hand.seek(file, 0, Whence.CUR), 15],
    );
    expect(hand.read(file)).toBe('');
    expect(hand.write(file, 'x')).toBe(1);
    expect(hand.contents('file')).toBe('0123456789\0\0\0\0\0x');
  }),
  fileCase('a file that appends writes at its end, wherever its offset is', (hand) => {
    hand.file('file', 'abc');
    const file = hand.opened('file', READ | WRITE, APPEND);
    expect(hand.read(file, 1)).toBe('a');
    expect(hand.write(file, 'd')).toBe(1);
    expect(hand.seek(file, 0, Whence.CUR)).toBe(4);
    expect(hand.contents('file')).toBe('abcd');
    const { files } = hand.kernel;
    expect(files.flags(file)).toBe(APPEND);
    expect(files.setFlags(file, 0)).toBe(0);
    expect(files.flags(file)).toBe(0);
    hand.seek(file, 0);
    expect(hand.write(file, 'X')).toBe(1);
    expect(files.setFlags(file, APPEND)).toBe(0);
    expect(hand.write(file, 'e')).toBe(1);
    expect(hand.contents('file')).toBe('Xbcde');
  }),
  fileCase(
    'flags of synchronous writing are those of opening, and no others can be had',
    (hand) => {
      const { files } = hand.kernel;
      for (const [flags, told] of [
        [0, 0],
        [SYNC, SYNC],
        [RSYNC, SYNC],
        [DSYNC, DSYNC],
        [DSYNC | SYNC | APPEND, SYNC | APPEND],
      ] as const) {
        const file = hand.opened('file', READ | WRITE | CREATE, flags);
        expect(files.flags(file)).toBe(told);
        expect(files.setFlags(file, flags & ~APPEND)).toBe(0);
        expect(files.flags(file)).toBe(told & ~APPEND);
        expect(hand.write(file, 'x')).toBe(1);
        if (flags === 0) {
          for (const flag of [SYNC, DSYNC, RSYNC])
            hand.answers([`flag ${flag}`, files.setFlags(file, flag), 'EINVAL']);
        }
      }
    },
  ),
  fileCase('truncating cuts off, or fills with zeros, and moves no offset', (hand) => {
    const { files } = hand.kernel;
    const file = hand.opened('file', READ | WRITE | CREATE);
    hand.write(file, 'abcdef');
    hand.answers(
      ['shorter', files.truncate(file, 2n), 0],
      ['longer', files.truncate(file, 4n), 0],
      ['negative', files.truncate(file, -1n), 'EINVAL'],
      ['of a directory', files.truncate(hand.directory, 0n), 'EINVAL'],
    );
    expect(hand.pread(file, 0, 9)).toBe('ab\0\0');
    expect(hand.write(file, 'g')).toBe(1);
    expect(hand.contents('file')).toBe('ab\0\0\0\0g');
  }),
  fileCase('allocating makes a file as long as it must be, and no shorter', (hand) => {
    const { files } = hand.kernel;
    const file = hand.opened('file', READ | WRITE | CREATE);
    hand.write(file, 'abc');
    hand.answers(
      ['more', files.allocate(file, 4n, 4n), 0],
      ['less', files.allocate(file, 0n, 1n), 0],
      ['nothing', files.allocate(file, 0n, 0n), 'EINVAL'],
      ['negative', files.allocate(file, -1n, 1n), 'EINVAL'],
      ['negative length', files.allocate(file, 0n, -1n), 'EINVAL'],
      ['beyond any file', files.allocate(file, 2n ** 62n, 2n ** 62n), 'EFBIG'],
    );
    expect(hand.contents('file')).toBe('abc\0\0\0\0\0');
  }),
  fileCase('advice is taken, if it is advice', (hand) => {
    const { files } = hand.kernel;
    hand.file('file', 'x');
    const file = hand.opened('file');
    for (const advice of [0, 1, 2, 3, 4, 5])
      expect(files.advise(file, 0n, 1n, advice), `advice ${advice}`).toBe(0);
    hand.answers(
      ['none', files.advise(file, 0n, 1n, 6), 'EINVAL'],
      ['a negative length', files.advise(file, 0n, -1n, 0), 'EINVAL'],
    );
  }),
  fileCase('files and directories can be synced', (hand) => {
    const { files } = hand.kernel;
    const file = hand.opened('file', WRITE | CREATE);
    hand.answers(
      ['sync', files.sync(file), 0],
      ['datasync', files.datasync(file), 0],
      ['sync of a directory', files.sync(hand.directory), 0],
      ['datasync of a directory', files.datasync(hand.directory), 0],
      ['sync of nothing', files.sync(-1), 'EBADF'],
    );
  }),
  fileCase('several buffers are filled in order, and an empty one is skipped', (hand) => {
    const file = hand.opened('file', READ | WRITE | CREATE);
    expect(hand.pwrite(file, 0, 'ab', '', 'cde')).toBe(5);
    expect(hand.pread(file, 0, 1, 0, 3)).toBe('abcd');
  }),
];

const SECOND = 1_000_000_000n;

const stating: FileCase[] = [
  fileCase('stat tells type, size, links and number of what is there', (hand) => {
    hand.mkdir('dir');
    hand.mkdir('dir/sub');
    hand.file('file', 'hello');
    expect(hand.field('file', Stat.SIZE)).toBe(5);
    expect(hand.field('file', Stat.NLINK)).toBe(1);
    expect(hand.type('dir')).toBe(FileType.DIRECTORY);
    expect(new Set(['.', 'dir', 'file', 'dir/sub'].map((path) => hand.ino(path))).size).toBe(4);
    const file = hand.opened('file');
    const stat = new BigUint64Array(STAT_FIELDS);
    expect(hand.kernel.stat(file, stat)).toBe(0);
    expect(stat).toEqual(hand.stat('file'));
    hand.answers(
      ['missing', hand.stat('missing'), 'ENOENT'],
      ['through a file', hand.stat('file/x'), 'ENOTDIR'],
    );
  }),
  fileCase('times are set to the nanosecond, each by itself', (hand) => {
    const { files } = hand.kernel;
    const file = hand.opened('file', WRITE | CREATE);
    const [atime, mtime] = [1_000_000_000n * SECOND + 123_456_789n, 999n * SECOND + 1n];
    const times = () => {
      const stat = hand.stat('file') as BigUint64Array;
      return [stat[Stat.ATIME], stat[Stat.MTIME]];
    };
    expect(files.setTimes(file, atime, mtime, SetTime.ATIME | SetTime.MTIME)).toBe(0);
    expect(times()).toEqual([atime, mtime]);
    expect(files.setTimes(file, 5n, 6n, SetTime.MTIME)).toBe(0);
    expect(times()).toEqual([atime, 6n]);
    expect(files.setTimes(file, 0n, 0n, 0)).toBe(0);
    expect(times()).toEqual([atime, 6n]);
    expect(files.setTimes(file, 7n, 0n, SetTime.ATIME | SetTime.MTIME_NOW)).toBe(0);
    const [first, second] = times();
    expect(first).toBe(7n);
    expect(second).toBeGreaterThan(6n);
    hand.answers(
      ['both', files.setTimes(file, 1n, 1n, SetTime.ATIME | SetTime.ATIME_NOW), 'EINVAL'],
      ['both again', files.setTimes(file, 1n, 1n, SetTime.MTIME | SetTime.MTIME_NOW), 'EINVAL'],
      ['unknown', files.setTimes(file, 1n, 1n, 16), 'EINVAL'],
    );
  }),
  fileCase('times are set of a path, and of a link or its target', (hand) => {
    hand.mkdir('dir');
    hand.file('file');
    hand.symlink('file', 'link');
    const time = (path: string) => (hand.stat(path) as BigUint64Array)[Stat.MTIME];
    hand.answers(
      ['file', hand.setTimes('file', 0n, 11n, SetTime.MTIME), 0],
      ['directory', hand.setTimes('dir', 0n, 12n, SetTime.MTIME), 0],
      ['link', hand.setTimes('link', 0n, 13n, SetTime.MTIME), 0],
      ['the directory itself', hand.setTimes('.', 0n, 14n, SetTime.MTIME), 0],
    );
    expect(['file', 'dir', 'link', '.'].map(time)).toEqual([11n, 12n, 13n, 14n]);
    expect(hand.setTimes('link', 0n, 15n, SetTime.MTIME, true)).toBe(0);
    expect(['file', 'link'].map(time)).toEqual([15n, 13n]);
    hand.answers(
      ['missing', hand.setTimes('missing', 0n, 0n, SetTime.ATIME), 'ENOENT'],
      ['both', hand.setTimes('file', 0n, 0n, 3), 'EINVAL'],
    );
  }),
  fileCase('writing and truncating move the time of modification, reading a link none', (hand) => {
    const { files } = hand.kernel;
    const file = hand.opened('file', READ | WRITE | CREATE);
    const old = () => files.setTimes(file, 1n, 1n, SetTime.ATIME | SetTime.MTIME);
    const time = () => (hand.stat('file') as BigUint64Array)[Stat.MTIME]!;
    old();
    hand.write(file, 'x');
    expect(time()).toBeGreaterThan(1n);
    old();
    files.truncate(file, 0n);
    expect(time()).toBeGreaterThan(1n);
    hand.setTimes('.', 0n, 1n, SetTime.MTIME);
    hand.file('another');
    expect(hand.field('.', Stat.MTIME)).toBeGreaterThan(1);
  }),
];

const listing: FileCase[] = [
  fileCase('a directory lists what is in it, itself, and what it is in', (hand) => {
    hand.mkdir('dir');
    hand.mkdir('dir/sub');
    hand.file('dir/file');
    hand.symlink('file', 'dir/link');
    const dir = hand.opened('dir', READ | DIRECTORY);
    const entries = hand.list(dir);
    const types = Object.fromEntries(entries.map(({ name, type }) => [name, type]));
    expect(entries).toHaveLength(5);
    expect(types).toEqual({
      '.': FileType.DIRECTORY,
      '..': FileType.DIRECTORY,
      file: FileType.REGULAR_FILE,
      link: FileType.SYMBOLIC_LINK,
      sub: FileType.DIRECTORY,
    });
    const numbers = Object.fromEntries(entries.map(({ name, ino }) => [name, ino]));
    expect(numbers['file']).toBe(hand.ino('dir/file'));
    expect(numbers['sub']).toBe(hand.ino('dir/sub'));
    expect(numbers['.']).toBe(hand.ino('dir'));
    expect(numbers['..']).toBe(hand.ino('dir'));
    expect(hand.list(dir)).toEqual(entries);
  }),
  fileCase('the last entry is cut off where the buffer ends', (hand) => {
    hand.file('a-file-with-a-name');
    const whole = hand.readdir(hand.directory);
    for (let length = 0; length < whole.used; length++) {
      expect(hand.readdir(hand.directory, 0n, length).used).toBe(length);
      const bytes = hand.bytes.slice(BUFFER, BUFFER + length);
      hand.readdir(hand.directory);
      expect(bytes).toEqual(hand.bytes.slice(BUFFER, BUFFER + length));
    }
    expect(hand.readdir(hand.directory, 0n, whole.used).entries).toEqual(whole.entries);
    expect(hand.readdir(hand.directory, 0n, whole.used + 1).used).toBe(whole.used);
  }),
  fileCase('every entry is a place to go on from', (hand) => {
    for (let i = 0; i < 40; i++) hand.file(`file${i}`);
    const all = hand.list(hand.directory);
    for (const [i, { next }] of all.entries())
      expect(hand.readdir(hand.directory, next).entries).toEqual(all.slice(i + 1));
    for (let i = all.length - 2; i >= 0; i--)
      expect(hand.readdir(hand.directory, all[i]!.next, 64).entries[0]).toEqual(all[i + 1]);
    expect(hand.readdir(hand.directory).entries).toEqual(all);
  }),
  fileCase('a thousand entries are listed once each, whatever the buffer', (hand) => {
    const names = Array.from({ length: 1000 }, (_, i) => `entry-${i}`);
    for (const name of names) hand.file(name);
    for (const length of [48, 300, 4096, BUFFER_BYTES]) {
      const listed = hand.list(hand.directory, length).map(({ name }) => name);
      expect(listed.toSorted()).toEqual(['.', '..', ...names].toSorted());
    }
  }),
  fileCase('entries that stay are listed once while others are removed', (hand) => {
    for (let i = 0; i < 600; i++) hand.file(`f${i}`);
    const seen: string[] = [];
    for (let cookie = 0n; ;) {
      const { entries, used } = hand.readdir(hand.directory, cookie, 512);
      for (const { name } of entries) {
        seen.push(name);
        if (!name.startsWith('.')) expect(hand.unlink(name)).toBe(0);
      }
      if (used < 512) break;
      cookie = entries.at(-1)!.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(602);
    expect(hand.names()).toEqual([]);
  }),
  fileCase('a cookie stays good while entries before and behind it come and go', (hand) => {
    for (let i = 0; i < 200; i++) hand.file(`f${i}`);
    const all = hand.list(hand.directory);
    const middle = all[100]!;
    for (const { name } of [...all.slice(20, 100), ...all.slice(150)])
      if (!name.startsWith('.')) hand.unlink(name);
    for (let i = 0; i < 50; i++) hand.file(`new${i}`);
    const rest = hand.readdir(hand.directory, middle.next).entries.map(({ name }) => name);
    const kept = rest.filter((name) => !name.startsWith('new'));
    expect(kept).toEqual(all.slice(101, 150).map(({ name }) => name));
    expect(new Set(rest).size).toBe(rest.length);
  }),
  fileCase('two handles of a directory are read independently', (hand) => {
    for (let i = 0; i < 30; i++) hand.file(`f${i}`);
    const [one, two] = [hand.opened('.', READ | DIRECTORY), hand.opened('.', READ | DIRECTORY)];
    const first = hand.readdir(one, 0n, 256).entries;
    const second = hand.readdir(two, 0n, 512).entries;
    const next = hand.readdir(one, first.at(-1)!.next).entries;
    expect([...first, ...next]).toEqual([
      ...second,
      ...hand.readdir(two, second.at(-1)!.next).entries,
    ]);
    hand.file('late');
    expect(hand.list(one).map(({ name }) => name)).toContain('late');
  }),
  fileCase('more directories are read by turns than anybody keeps in mind', (hand) => {
    const names = Array.from({ length: 40 }, (_, i) => `dir${i}`);
    const dirs = names.map((name) => {
      expect(hand.mkdir(name)).toBe(0);
      for (let i = 0; i < 9; i++) hand.file(`${name}/${name}-${i}`);
      return hand.opened(name, READ | DIRECTORY);
    });
    const cookies = dirs.map(() => 0n);
    const seen = dirs.map(() => new Set<string>());
    for (let round = 0; round < 12; round++) {
      for (const [i, dir] of dirs.entries()) {
        const { entries } = hand.readdir(dir, cookies[i], 40);
        if (entries.length === 0) continue;
        cookies[i] = entries[0]!.next;
        seen[i]!.add(entries[0]!.name);
      }
    }
    for (const [i, name] of names.entries())
      expect(seen[i], name).toEqual(
        new Set(['.', '..', ...Array.from({ length: 9 }, (_, n) => `${name}-${n}`)]),
      );
  }),
  fileCase('what is no directory is not listed', (hand) => {
    hand.file('file');
    const { files } = hand.kernel;
    hand.answers(
      ['a file', files.readDirectory(hand.opened('file'), BUFFER, 64, 0n), 'ENOTDIR'],
      ['nothing', files.readDirectory(-1, BUFFER, 64, 0n), 'EBADF'],
    );
  }),
];

export const fileCases: readonly FileCase[] = [
  ...opening,
  ...paths,
  ...links,
  ...removing,
  ...renaming,
  ...input,
  ...stating,
  ...listing,
];
