/** Our own cases, what they provoke, and the runner of the public suite's format itself. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, onTestFinished, test } from 'vitest';

import { WasiErrno } from '#host/wasi/errno';
import { parameters } from '#host/wasi/p1/imports';
import { guestFile, root } from '../harness.js';
import { casesOf, runCase } from './run.mjs';

const runner = fileURLToPath(new URL('./run.mjs', import.meta.url));
const cases = casesOf(join(root, 'dist/test/conformance'));
const traces = mkdtempSync(join(tmpdir(), 'pollux-traces-'));
afterAll(() => rmSync(traces, { recursive: true }));

/** By function: the errnos that it answered in all cases. */
const answered = new Map<string, Set<string>>(
  Object.keys(parameters).map((name) => [name, new Set()]),
);

test.each(cases.map((file) => [basename(file, '.wasm'), file]))('%s', async (name, file) => {
  const trace = join(traces, name);
  expect(await runCase(file, ['--trace', trace])).toEqual([]);
  for (const [, call, errno] of readFileSync(trace, 'utf8').matchAll(/^-> (\w+).*\n<- (\w+)/gm))
    answered.get(call!)!.add(errno!);
});

describe('what the cases provoke', () => {
  const namesOf = (name: string) => parameters[name]!.split(' ').filter(Boolean);
  const isPointer = (name: string) => /^[>$]|buf$|argv|environ$|stat$|iovs$|_data$|^in$/.test(name);
  const lacking = (wanted: string, concerned: (name: string) => boolean) =>
    Object.keys(parameters).filter((name) => concerned(name) && !answered.get(name)!.has(wanted));

  test('is every errno of every function that docs/ERRNOS.md names, and no other', async () => {
    const rows = [...answered].map(([name, errnos]) => {
      const numbered = [...errnos].sort((a, b) => numberOf(a) - numberOf(b));
      return `| \`${name}\` | ${numbered.join(' ') || '(does not come back)'} |`;
    });
    const table = ['| function | answers |', '|---|---|', ...rows].join('\n');
    await expect(`${HEADING}\n${table}\n`).toMatchFileSnapshot('../../docs/ERRNOS.md');
  });

  test('is BADF of every function that takes a descriptor', () => {
    expect(
      lacking('BADF', (name) => namesOf(name).some((each) => /^(old_)?fd$/.test(each))),
    ).toEqual([]);
  });

  test('is FAULT of every function that takes a pointer', () => {
    const concerned = (name: string) => !name.startsWith('sock_') && namesOf(name).some(isPointer);
    expect(lacking('FAULT', concerned)).toEqual([]);
  });

  test('is NOTCAPABLE of every function that takes a right', () => {
    const free = /^(fd_close|fd_fdstat_get|fd_prestat_.*|fd_renumber)$/;
    const concerned = (name: string) => /^(fd|path)_/.test(name) && !free.test(name);
    expect(lacking('NOTCAPABLE', concerned)).toEqual([]);
  });

  test('is all that a path can have wrong, of every function that takes one', () => {
    const wrong = 'FAULT ILSEQ INVAL LOOP NAMETOOLONG NOENT NOTCAPABLE NOTDIR PERM'.split(' ');
    for (const errno of wrong)
      expect(
        lacking(errno, (name) => name.startsWith('path_')),
        errno,
      ).toEqual([]);
  });

  test('is ROFS of every function that changes something', () => {
    const changes =
      /^path_(?!filestat_get|readlink)|^fd_(p?write|allocate|filestat_set_size|filestat_set_times)$/;
    expect(lacking('ROFS', (name) => changes.test(name))).toEqual([]);
  });

  test('is every errno that we know, but for what has its tests elsewhere', () => {
    const provoked = new Set([...answered.values()].flatMap((errnos) => [...errnos]));
    const missing = Object.keys(WasiErrno).filter((name) => !provoked.has(name));
    expect(missing.filter((name) => !ELSEWHERE.test(name))).toEqual([]);
  });
});

const numberOf = (name: string) => WasiErrno[name as keyof typeof WasiErrno];

const HEADING = `# What preview1 answers

What the cases in \`test/conformance/case\` see each function answer, each of them in the case of that name (all of \`sock_*\` in \`sock\`; ROFS in
\`read_only\`). \`npx vitest run test/conformance --update\` writes this table; the errnos of sockets are those of \`test/host/wasi\`, those of full and
broken disks the simulator's.
`;

/**
 * Sockets: test/host/wasi. Disks that are full, broken or of somebody else: test/host/sim and
 * test/host/linux. What Linux has no occasion for here, of all that its calls may answer.
 */
const ELSEWHERE = new RegExp(
  `^(${[
    'AGAIN|PIPE|ADDRINUSE|ADDRNOTAVAIL|AFNOSUPPORT|ALREADY|CONNABORTED|CONNREFUSED|CONNRESET',
    'DESTADDRREQ|HOSTUNREACH|INPROGRESS|ISCONN|MSGSIZE|NETDOWN|NETRESET|NETUNREACH|NOBUFS',
    'NOPROTOOPT|NOTCONN|PROTO|PROTONOSUPPORT|PROTOTYPE|TIMEDOUT|CANCELED|INTR',
    'ACCES|DQUOT|IO|NOSPC|XDEV|MLINK|TXTBSY|STALE|NOLCK|DEADLK',
    'TOOBIG|NFILE|NODEV|NOMEM|NOSYS|NOTTY|NXIO|OVERFLOW|RANGE|SRCH|CHILD|NOEXEC|DOM|BADMSG',
  ].join('|')})$`,
);

/** A folder of cases, each a program with what its `.json` says, removed with the test. */
function suite(given: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-suite-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'data.dir'));
  writeFileSync(join(folder, 'data.dir/file'), 'data');
  for (const [name, json] of Object.entries(given)) {
    cpSync(guestFile('stdio'), join(folder, `${name}.wasm`));
    if (json !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify(json));
  }
  return folder;
}

async function run(...args: string[]) {
  return await new Promise<{ code: number; lines: string[]; stderr: string }>((resolve) => {
    execFile(process.execPath, [runner, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, lines: stdout.trimEnd().split('\n'), stderr });
    });
  });
}

describe('the runner', () => {
  test('gives a case what its file says, and compares what comes of it', async () => {
    const { code, lines } = await run(
      suite({
        nothing: undefined,
        given: {
          args: ['3', 'ü'],
          env: { A: 'b' },
          dirs: ['data.dir'],
          stdin: 'input',
          stdout: 'input',
          exit_code: 3,
        },
        operations: {
          operations: [
            { type: 'run', args: ['4'] },
            { type: 'write', id: 'stdin', payload: 'in and ' },
            { type: 'write', id: 'stdin', payload: 'out' },
            { type: 'wait', exit_code: 4 },
            { type: 'read', id: 'stdout', payload: 'in and out' },
          ],
        },
      }),
    );
    expect(lines).toEqual(['ok   given', 'ok   nothing', 'ok   operations', '3 passed, 0 failed']);
    expect(code).toBe(0);
  });

  test('says what was wrong, and ends with 1', async () => {
    const { code, lines } = await run(
      suite({
        code: { args: ['3'], stderr: 'nothing' },
        output: { stdin: 'abc', stdout: 'abd' },
        folder: { dirs: ['missing.dir'] },
        unknown: { mood: 'good' },
        right: {},
      }),
    );
    const text = lines.join('\n');
    expect(text).toContain(
      'FAIL code\n     the exit code is 3, and shall be 0\n     stderr is "argc',
    );
    expect(text).toContain('FAIL output\n     stdout is "abc", and shall be "abd"');
    expect(text).toMatch(/FAIL folder\n {5}.*missing\.dir/);
    expect(text).toMatch(/FAIL unknown\n {5}.* has mood, which is not known/);
    expect(lines.at(-1)).toBe('1 passed, 4 failed');
    expect(code).toBe(1);
  });

  test('hands flags on to pollux run', async () => {
    const folder = suite({ given: { args: ['3'], exit_code: 3 } });
    expect((await run(folder, '--', '--strict')).lines.at(-1)).toBe('1 passed, 0 failed');
    const { code, lines } = await run(folder, '--', '--mood', 'good');
    expect(lines.join('\n')).toMatch(/the exit code is 2, and shall be 3\n.*--mood/);
    expect(code).toBe(1);
  });

  test('says in a sentence what it needs, and ends with 2', async () => {
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringMatching(/name a folder/) });
    expect(await run('not/there')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no folder not/),
    });
  });

  test('gives each case a copy of its folders, and leaves them as they were', async () => {
    const folder = suite({});
    cpSync(join(root, 'dist/test/conformance/path_unlink_file.wasm'), join(folder, 'a.wasm'));
    cpSync(join(root, 'dist/test/conformance/path_unlink_file.wasm'), join(folder, 'b.wasm'));
    writeFileSync(join(folder, 'data.dir/file.txt'), 'contents');
    for (const name of ['a', 'b'])
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ root: 'data.dir' }));
    expect((await run(folder)).lines).toEqual(['ok   a', 'ok   b', '2 passed, 0 failed']);
    expect(readFileSync(join(folder, 'data.dir/file.txt'), 'utf8')).toBe('contents');
  });
});
