/** Directories that are granted: programs in C that work in them, and who else gets them. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { load, sandbox, UsageError, type ServeName } from 'pollux';
import { describe, expect, onTestFinished, test } from 'vitest';

import { parseDirectories, parseDirectory } from '#src/directory';
import { exchange, guestFile, runToEnd, wat } from '../harness.js';
import { described, describes } from './guests.js';

const files = guestFile('files');
const lines = guestFile('lines');

/** An empty folder, removed with the test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pollux-directory-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('a program in C', () => {
  test.each(['streams', 'descriptors', 'flags', 'names', 'times', 'directories'])(
    'does with its directory what it does on Linux: %s',
    async (what) => {
      const options = { args: ['files', what], dirs: { '/': folder() } };
      expect(await runToEnd(files, options)).toMatchObject({ code: 0, stderr: '' });
    },
  );

  test('reaches nothing outside of its directory', async () => {
    const outer = folder();
    const path = join(outer, 'granted');
    mkdirSync(path);
    writeFileSync(join(outer, 'secret'), 'secret');
    const args = ['files', 'outside', join(outer, 'secret')];
    expect(await runToEnd(files, { args, dirs: { '/': path } })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(readdirSync(outer).sort()).toEqual(['granted', 'secret']);
    expect(readFileSync(join(outer, 'secret'), 'utf8')).toBe('secret');
  });

  test('finds several directories by their names, the longest that fits', async () => {
    const [first, second] = [folder(), folder()];
    const run = async (path: string) => {
      const dirs = { '/data': first, '/data/inner': second };
      const box = await sandbox(await load(lines), {
        args: ['lines', '0', path],
        dirs,
        stdin: 'pipe',
        stdout: 'pipe',
        timeoutMs: 15_000,
      });
      box.stdin!.on('error', () => {}).end(path); // it may end without reading
      box.stdout!.resume();
      return (await box.exit).code;
    };
    expect(await run('/data/a')).toBe(0);
    expect(await run('/data/inner/b')).toBe(0);
    expect(await run('/other/c')).toBe(2);
    expect(readFileSync(join(first, 'a'), 'utf8')).toBe('/data/a');
    expect(readFileSync(join(second, 'b'), 'utf8')).toBe('/data/inner/b');
    expect(readdirSync(first)).toEqual(['a']);
  });

  test('changes nothing in a directory that it may only read', async () => {
    const path = folder();
    writeFileSync(join(path, 'kept'), 'kept');
    const before = statSync(path, { bigint: true }).mtimeNs;
    const dirs = { '/': { path, readOnly: true } };
    const result = await runToEnd(lines, { args: ['lines', '0', '/kept'], dirs });
    expect(result).toMatchObject({ code: 2, stderr: '/kept: Read-only file system\n' });
    expect((await runToEnd(lines, { args: ['lines', '0', '/new'], dirs })).code).toBe(2);
    expect(readFileSync(join(path, 'kept'), 'utf8')).toBe('kept');
    expect(readdirSync(path)).toEqual(['kept']);
    expect(statSync(path, { bigint: true }).mtimeNs).toBe(before);
  });
});

describe.each(['thread', 'process'] as ServeName[])(
  'a guest for each connection, in a %s',
  (serve) => {
    test('works in the same directory as the others', async () => {
      const path = folder();
      const box = await sandbox(await load(lines), {
        args: ['lines', '4', '/log'],
        dirs: { '/': path },
        listen: ['127.0.0.1:0,blocking'],
        serve,
      });
      onTestFinished(() => void box.stop());
      expect(String(await exchange(box.address!, 'one '))).toBe('one ');
      expect(String(await exchange(box.address!, 'two '))).toBe('one two ');
      expect(readFileSync(join(path, 'log'), 'utf8')).toBe('one two ');
      await box.stop();
    });

    test('may not write to one that it may only read', async () => {
      const path = folder();
      const warnings: string[] = [];
      const box = await sandbox(await load(lines), {
        args: ['lines', '4', '/log'],
        dirs: { '/': { path, readOnly: true } },
        listen: ['127.0.0.1:0,blocking'],
        serve,
        warn: (sentence) => warnings.push(sentence),
      });
      onTestFinished(() => void box.stop());
      expect(String(await exchange(box.address!, ''))).toBe('');
      expect(existsSync(join(path, 'log'))).toBe(false);
      await box.stop();
      expect(warnings).toEqual([]);
    });
  },
);

test('a reactor has its directories too', async () => {
  const path = folder();
  const reactor = wat(`(module
    (import "wasi_snapshot_preview1" "path_create_directory"
      (func $make (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 8) "made")
    (func (export "turn") (result i32)
      (call $exit (call $make (i32.const 3) (i32.const 8) (i32.const 4))) (i32.const 0)))`);
  const box = await sandbox(await load(reactor), { dirs: { '/': path } });
  expect((await box.exit).code).toBe(0);
  expect(readdirSync(path)).toEqual(['made']);
});

test('directories come after the standard streams, and sockets after them', async () => {
  const dirs = { '/a': folder(), '/b': folder() };
  const listen = ['127.0.0.1:0'];
  const codes = await Promise.all(
    [3, 4, 5].map(async (fd) => (await runToEnd(describes(fd), { dirs, listen })).code),
  );
  const directory = described({ nonblocking: false, type: 3 });
  expect(codes).toEqual([directory, directory, described({ listener: true })]);
});

test('a trace has paths in it that can be read', async () => {
  const path = folder();
  const trace = join(folder(), 'trace');
  await runToEnd(files, { args: ['files', 'names'], dirs: { '/': path }, trace });
  const text = readFileSync(trace, 'utf8');
  expect(text).toMatch(
    /-> path_open\(fd=3, dirflags=1, path="a", oflags=9, rights_base=\d+, rights_inheriting=\d+, fdflags=0\)/,
  );
  expect(text).toMatch(/-> path_rename\(fd=3, old_path="a", new_fd=3, new_path="b"\)/);
  expect(text).toMatch(/-> path_symlink\(old_path="b", fd=3, new_path="link"\)/);
});

describe('what a person writes', () => {
  test.each([
    ['./data::/data', ['/data', { path: './data', readOnly: false }]],
    ['./data::/data,ro', ['/data', { path: './data', readOnly: true }]],
    ['data', ['data', { path: 'data', readOnly: false }]],
    ['data,ro', ['data', { path: 'data', readOnly: true }]],
    ['a:b::/c:d', ['/c:d', { path: 'a:b', readOnly: false }]],
  ])('%s', (text, expected) => expect(parseDirectory(text)).toEqual(expected));

  test.each(['', '::', 'a::', '::/a', ',ro', '::,ro'])('"%s" is no directory', (text) =>
    expect(() => parseDirectory(text)).toThrow(/is no directory: write HOST::GUEST/),
  );

  test('a name is given once', () =>
    expect(() => parseDirectories(['a::/x', 'b::/x'])).toThrow(/the guest's \/x is given twice/));
});

test.each([
  [{ '/': 'not/there' }, /there is no directory not\/there: name one that exists/],
  [{ '/': 'package.json' }, /package\.json is no directory: name one/],
  [{ '': '.' }, /has no name for the guest/],
  [{ 'a\0b': '.' }, /NUL in a name/],
  [{ a: 'a\0b' }, /NUL in a name/],
])('%j is wrong, and a sentence says why', async (dirs, sentence) => {
  const error = await sandbox(await load(files), { dirs: dirs as Record<string, string> }).catch(
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(sentence);
});

test('a socket cannot have a number that is a directory’s', async () => {
  const starting = sandbox(await load(files), { dirs: { '/': '.' }, listen: ['3=127.0.0.1:0'] });
  await expect(starting).rejects.toThrow(/descriptor 3 is a directory's: choose 4 or a higher one/);
});
