/** What only Linux has in a directory, and what only a Linux that is short of something answers. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Errno, errnoName } from '#host/kernel/errno';
import { FileFlag } from '#host/kernel/file-system';
import { FileType } from '#host/kernel/kernel';
import { LinuxFiles, resolutions } from '#host/linux/linux-files';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { CREATE, DIRECTORY, FileHand, FOLLOW, READ, TRUNCATE, WRITE } from '../../file-hand.js';
import { root } from '../../harness.js';
import { native, openDescriptors, openFlags } from './thread.js';

let folder: string;
let kernel: LinuxKernel;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'pollux-'))));
afterEach(() => {
  kernel.dispose();
  rmSync(folder, { recursive: true });
});

/** Runs as nobody, if this is root, whom no permission stops. */
function asNobody(run: () => void): void {
  const privileged = process.geteuid!() === 0;
  if (privileged) process.seteuid!(65534);
  try {
    run();
  } finally {
    if (privileged) process.seteuid!(0);
  }
}

describe.each(resolutions)('by %s', (resolution) => {
  const granted = (path = folder) => {
    kernel = new LinuxKernel({ paths: resolution });
    return new FileHand(kernel, kernel.files.openRoot(path));
  };

  test('a FIFO is opened without waiting for anybody, and read and written without', () => {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    const hand = granted();
    hand.answers(['nobody reads', hand.open('fifo', WRITE), 'ENXIO']);
    const reader = hand.opened('fifo');
    expect(hand.type('fifo')).toBe(FileType.UNKNOWN);
    expect(hand.read(reader)).toBe(-Errno.EAGAIN); // for nobody has come yet
    const writer = hand.opened('fifo', WRITE | CREATE | TRUNCATE);
    expect(hand.read(reader)).toBe(-Errno.EAGAIN);
    expect(hand.write(writer, 'hello')).toBe(5);
    expect(hand.read(reader)).toBe('hello');
    let bytes: number;
    do bytes = hand.write(writer, 'x'.repeat(60_000));
    while (bytes > 0);
    hand.answers(
      ['full', bytes, 'EAGAIN'],
      ['seek', hand.seek(reader, 0), 'ESPIPE'],
      ['pread', hand.pread(reader, 0, 1), 'ESPIPE'],
      ['pwrite', hand.pwrite(writer, 0, 'x'), 'ESPIPE'],
      ['truncate', kernel.files.truncate(writer, 0n), 'EINVAL'],
      ['allocate', kernel.files.allocate(writer, 0n, 1n), 'ESPIPE'],
      ['advise', kernel.files.advise(reader, 0n, 0n, 0), 'ESPIPE'],
      ['sync', kernel.files.sync(writer), 'EINVAL'],
      ['as a directory', hand.open('fifo', READ | DIRECTORY), 'ENOTDIR'],
      ['in it', hand.open('fifo/x'), 'ENOTDIR'],
    );
    kernel.close(writer);
    while ((hand.read(reader, 60_000) as string).length > 0);
    expect(hand.read(reader)).toBe('');
  });

  test('a socket that lies there cannot be opened', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    const hand = granted();
    hand.answers(
      ['open', hand.open('socket'), 'ENXIO'],
      ['to write', hand.open('socket', WRITE), 'ENXIO'],
      ['stat', hand.type('socket'), FileType.UNKNOWN],
    );
    server.close();
    await once(server, 'close');
  });

  test('devices are read and written without waiting', () => {
    const hand = granted('/dev');
    expect(hand.type('null')).toBe(FileType.CHARACTER_DEVICE);
    const zero = hand.opened('zero');
    expect(hand.read(zero, 3)).toBe('\0\0\0');
    hand.answers(
      ['a full disk', hand.write(hand.opened('full', WRITE), 'x'), 'ENOSPC'],
      ['nothing', hand.read(hand.opened('null'), 3) === '' ? 0 : 1, 0],
      ['seek in what is none', hand.open('null/x'), 'ENOTDIR'],
    );
  });

  test('the links of /proc lead nowhere, for they are no links', () => {
    const hand = granted('/proc/self');
    writeFileSync(join(folder, 'file'), 'x');
    const descriptor = openSync(join(folder, 'file'), constants.O_RDONLY);
    for (const path of ['root', 'cwd', 'exe', 'fd/0', `fd/${descriptor}`, 'root/etc', 'cwd/x']) {
      const refused = [-Errno.EPERM, -Errno.ELOOP, -Errno.ENOENT];
      expect(refused, path).toContain(hand.open(path));
      expect(refused, path).toContain(hand.stat(path, true));
      expect(refused, path).toContain(hand.open(`${path}/`, READ | DIRECTORY));
      expect(refused, path).toContain(hand.link(path, 'new', true));
    }
    expect(hand.type('root')).toBe(FileType.SYMBOLIC_LINK);
    expect(hand.readlink('root')).toBe('/');
    expect(hand.contents('comm')).toBe(readFileSync('/proc/self/comm', 'utf8'));
    closeSync(descriptor);
  });

  test('an absolute link leads nowhere, though it is one into the directory', () => {
    writeFileSync(join(folder, 'file'), 'x');
    symlinkSync(join(folder, 'file'), join(folder, 'link'));
    symlinkSync(folder, join(folder, 'dir'));
    const hand = granted();
    hand.answers(
      ['open', hand.open('link'), 'EPERM'],
      ['stat', hand.stat('link', true), 'EPERM'],
      ['through it', hand.open('dir/file'), 'EPERM'],
      ['link', hand.link('link', 'new', true), 'EPERM'],
      ['mkdir', hand.mkdir('dir/new'), 'EPERM'],
    );
    expect(hand.readlink('dir')).toBe(folder);
  });

  test('what nobody may do is EACCES, and what nobody owns EPERM', () => {
    chmodSync(folder, 0o777);
    mkdirSync(join(folder, 'closed/dir'), { recursive: true });
    mkdirSync(join(folder, 'readable'));
    writeFileSync(join(folder, 'closed/file'), 'x');
    writeFileSync(join(folder, 'unreadable'), 'x');
    chmodSync(join(folder, 'unreadable'), 0);
    const hand = granted();
    chmodSync(join(folder, 'readable'), 0o555);
    chmodSync(join(folder, 'closed'), 0);
    asNobody(() => {
      hand.answers(
        ['open', hand.open('unreadable'), 'EACCES'],
        ['to write', hand.open('unreadable', WRITE), 'EACCES'],
        ['in a closed directory', hand.open('closed/file'), 'EACCES'],
        ['a closed directory', hand.open('closed', READ | DIRECTORY), 'EACCES'],
        ['stat in it', hand.stat('closed/file'), 'EACCES'],
        ['up from it', hand.open('closed/../unreadable'), 'EACCES'],
        ['create', hand.open('readable/new', WRITE | CREATE), 'EACCES'],
        ['mkdir', hand.mkdir('readable/new'), 'EACCES'],
        ['unlink', hand.unlink('closed/file'), 'EACCES'],
        ['rmdir', hand.rmdir('closed/dir'), 'EACCES'],
        ['rename', hand.rename('closed/file', 'new'), 'EACCES'],
        ['rename into', hand.rename('unreadable', 'readable/new'), 'EACCES'],
        ['symlink', hand.symlink('x', 'readable/new'), 'EACCES'],
        ['root', kernel.files.openRoot(join(folder, 'closed')), 'EACCES'],
      );
      if (process.getuid!() === 0)
        hand.answers(['times', hand.setTimes('unreadable', 1n, 1n, 1), 'EPERM']);
    });
    chmodSync(join(folder, 'closed'), 0o755);
  });

  test('a program that runs cannot be written: ETXTBSY', async () => {
    copyFileSync('/bin/sleep', join(folder, 'sleep'));
    const sleeper = spawn(join(folder, 'sleep'), ['1000'], { stdio: 'ignore' });
    await once(sleeper, 'spawn');
    const hand = granted();
    hand.answers(
      ['open', hand.open('sleep', WRITE), 'ETXTBSY'],
      ['truncate', hand.open('sleep', WRITE | TRUNCATE), 'ETXTBSY'],
    );
    sleeper.kill();
    await once(sleeper, 'exit');
  });

  test('a mount point is passed, but no link and no rename goes over it: EXDEV', ({ skip }) => {
    const shared = '/dev/shm';
    const path = readFileSync(`/proc/self/mounts`, 'utf8');
    skip(!path.includes(` ${shared} `), `${shared} is no file system of its own`);
    const hand = granted();
    const elsewhere = mkdtempSync(join(shared, 'pollux-'));
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    const other = kernel.files.openRoot(elsewhere);
    hand.file('file');
    hand.answers(
      ['link', hand.link('file', 'new', false, hand.directory, other), 'EXDEV'],
      ['rename', hand.rename('file', 'new', hand.directory, other), 'EXDEV'],
      ['mount point', new FileHand(kernel, kernel.files.openRoot('/dev')).type('shm/'), 3],
    );
  });

  test('everything that is opened is closed on exec, and takes no terminal', () => {
    const hand = granted();
    hand.file('file');
    for (const handle of [hand.opened('file'), hand.opened('.', READ | DIRECTORY)])
      expect(openFlags(handle) & 0o2000000).toBe(0o2000000);
    expect(openFlags(hand.directory) & 0o2000000).toBe(0o2000000);
  });

  test('no descriptor is left of a path, wherever it fails', () => {
    const hand = granted();
    hand.mkdir('a');
    hand.mkdir('a/b');
    hand.file('a/b/file');
    hand.symlink('../../..', 'a/b/out');
    hand.symlink('loop', 'a/b/loop');
    const before = openDescriptors().length;
    for (const path of ['a/b/x', 'a/b/file/x', 'a/b/out/x', 'a/b/loop', 'a/b/../../..', 'a/b/..']) {
      for (const how of [READ, READ | FOLLOW, WRITE | CREATE | FOLLOW]) {
        const handle = hand.open(path, how);
        if (handle >= 0) kernel.close(handle);
      }
      hand.stat(path);
      hand.stat(path, true);
      hand.mkdir(path);
      hand.rmdir(path);
      hand.unlink(path);
      hand.readlink(path);
      hand.symlink('x', path);
      hand.link(path, 'new', true);
      hand.link('a/b/file', path);
      hand.rename(path, 'new');
      hand.rename('a/b', path);
      hand.setTimes(path, 0n, 0n, 1, true);
    }
    expect(openDescriptors()).toHaveLength(before);
  });
});

test('without room for a descriptor opening is EMFILE, and nothing is left of the attempt', () => {
  kernel = new LinuxKernel();
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'a/b/c'), { recursive: true });
  const script = `
    import { LinuxKernel } from ${JSON.stringify(join(root, 'dist/host/linux/linux-kernel.js'))};
    const bytes = Buffer.from('filea/b/c/../../../file');
    for (const paths of ['openat2', 'walk']) {
      const kernel = new LinuxKernel({ paths });
      kernel.attach({ bytes });
      const directory = kernel.files.openRoot(process.argv[1]);
      const handles = [];
      for (let handle = 0; handle >= 0; handles.push(handle))
        handle = kernel.files.openAt(directory, 0, 4, ${READ}, 0);
      kernel.close(handles.at(-2));
      const deep = kernel.files.openAt(directory, 4, 19, ${READ}, 0);
      if (deep >= 0) kernel.close(deep);
      const last = kernel.files.openAt(directory, 0, 4, ${READ}, 0);
      console.log(handles.at(-1), last >= 0, deep);
      kernel.dispose();
    }`;
  const line = 'ulimit -n 64; exec "$0" --input-type=module -e "$1" "$2"';
  const { stdout, stderr } = spawnSync('sh', ['-c', line, process.execPath, script, folder], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const [openat2, walk] = stdout.trim().split('\n');
  expect(openat2).toMatch(/^-24 true \d+$/);
  expect(walk).toBe('-24 true -24');
});

test('a file that other processes share keeps its flags', () => {
  kernel = new LinuxKernel();
  const descriptor = openSync(join(folder, 'file'), 'w');
  const shared = kernel.adopt(descriptor);
  const { files } = kernel;
  expect(files.setFlags(shared, 0)).toBe(0);
  expect(errnoName(files.setFlags(shared, FileFlag.APPEND))).toBe('EOPNOTSUPP');
  expect(openFlags(descriptor) & constants.O_APPEND).toBe(0);
  closeSync(descriptor);
});

test('a root is a directory that is there', () => {
  kernel = new LinuxKernel();
  writeFileSync(join(folder, 'file'), '');
  linkSync(join(folder, 'file'), join(folder, 'hard'));
  symlinkSync('.', join(folder, 'link'));
  const answer = (path: string) => errnoName(kernel.files.openRoot(path));
  expect(answer(join(folder, 'file'))).toBe('ENOTDIR');
  expect(answer(join(folder, 'missing'))).toBe('ENOENT');
  expect(answer(`${folder}\0`)).toBe('EINVAL');
  expect(kernel.files.openRoot(join(folder, 'link'))).toBeGreaterThanOrEqual(0);
});

test('openat2 is used where it is known, and POLLUX_PATHS chooses', () => {
  kernel = new LinuxKernel();
  const files = () =>
    new LinuxFiles(native, {
      memory: () => ({ bytes: new Uint8Array() }),
      keep: Number,
      foreign: () => false,
    });
  expect(native.hasOpenat2()).toBe(1);
  expect(kernel.files.resolution).toBe('openat2');
  try {
    process.env['POLLUX_PATHS'] = 'walk';
    expect(files().resolution).toBe('walk');
    process.env['POLLUX_PATHS'] = 'string';
    expect(files).toThrow(
      'POLLUX_PATHS is "string": it must be "openat2" or "walk", or not be set at all',
    );
  } finally {
    delete process.env['POLLUX_PATHS'];
  }
});
