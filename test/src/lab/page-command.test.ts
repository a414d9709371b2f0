/** `pollux lab`: the page on loopback, and as static files. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, test } from 'vitest';

import { dial, pollux, polluxToEnd, root, textOf } from '../../harness.js';

const page = join(root, 'dist/lab/page');
const scratch = mkdtempSync(join(tmpdir(), 'pollux-lab-'));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Serves the page: its process, and its address once it has said that, and `more`. */
async function serve(args: string[] = [], more = /^/) {
  const child = pollux('lab', ...args);
  started.push(child);
  let said = '';
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += chunk;
    const address = /^the lab is at (http:\/\/127\.0\.0\.1:\d+\/)/.exec(said)?.[1];
    if (address !== undefined && more.test(said)) return { child, address };
  }
  throw new Error(`it ended, and said no more than: ${said}`);
}

/** Sends a request line as it stands, and answers all that comes back. */
async function raw(address: string, line: string): Promise<string> {
  const { host } = new URL(address);
  const socket = await dial(host);
  socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return await textOf(socket);
}

describe('pollux lab', () => {
  test('serves each file of the page, and nothing else, until Ctrl-C', async () => {
    const { child, address } = await serve();
    const types = { html: /^text\/html/, js: /^text\/javascript/, css: /^text\/css/ };
    const expected: Record<string, RegExp> = { ...types, wasm: /^application\/wasm$/ };
    const files = readdirSync(page, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(18);
    for (const file of files) {
      const response = await fetch(address + file.slice(page.length + 1));
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(
        expected[file.slice(file.lastIndexOf('.') + 1)]!,
      );
      expect(Buffer.from(await response.arrayBuffer()).equals(readFileSync(file))).toBe(true);
    }
    const entry = readFileSync(join(page, 'index.html'), 'utf8');
    expect(await (await fetch(`${address}?lang=en#here`)).text()).toBe(entry);
    for (const path of ['nothing.js', 'assets', 'assets/', '%00', 'index.html/', 'toString'])
      expect((await fetch(address + path)).status, path).toBe(404);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('keeps to its folder, whatever a path says', async () => {
    const { address } = await serve();
    for (const path of [
      '/../../package.json',
      '/assets/../../../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '//etc/passwd',
      '/..\\..\\package.json',
      `http://127.0.0.1/../../package.json`,
    ]) {
      const answer = await raw(address, `GET ${path}`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).not.toMatch(/"pollux"|root:/);
    }
  });

  test('answers GET and HEAD alone', async () => {
    const { address } = await serve();
    const head = await fetch(address, { method: 'HEAD' });
    const bytes = readFileSync(join(page, 'index.html')).length;
    expect(head.headers.get('content-length')).toBe(String(bytes));
    expect(await head.text()).toBe('');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(address, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  test('ends at once with connections open, by SIGTERM too', async () => {
    const { child, address } = await serve(['--port', '0']);
    const socket = await dial(new URL(address).host);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    socket.destroy();
  });

  test('says what is wrong with a port', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const taken = await polluxToEnd(['lab', '--port', String(port)]);
    expect(taken).toMatchObject({
      code: 2,
      stderr: `pollux: port ${port} cannot be served from: it is taken; leave it out, for one that is free\n`,
    });
    other.close();
    for (const port of ['65536', '-1', 'http']) {
      const { code, stderr } = await polluxToEnd(['lab', '--port', port]);
      expect([code, stderr]).toEqual([2, expect.stringContaining('a port, from 0 to 65535')]);
    }
  });

  test('--open without a browser goes on, and says where the page is', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = scratch; // where no xdg-open is
    const said = /^no browser could be opened .*: open http:/m;
    const { address } = await serve(['--open'], said).finally(() => (process.env['PATH'] = before));
    expect((await fetch(address)).status).toBe(200);
  });
});

describe('pollux lab --out', () => {
  const filesIn = (folder: string) => (readdirSync(folder, { recursive: true }) as string[]).sort();

  test('writes the page into a new folder, an empty one, or over a page of its own', async () => {
    const folder = join(scratch, 'new/page');
    const written = { code: 0, stdout: '', stderr: '' };
    expect(await polluxToEnd(['lab', '--out', folder])).toEqual(written);
    expect(filesIn(folder)).toEqual(filesIn(page));
    writeFileSync(join(folder, 'assets/older.js'), 'a file that an older page had');
    expect(await polluxToEnd(['lab', '--out', folder])).toEqual(written);
    expect(filesIn(folder)).toEqual(filesIn(page));
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    expect(await polluxToEnd(['lab', '--out', empty])).toEqual(written);
  });

  test("refuses a folder with somebody else's files, and leaves them alone", async () => {
    const folder = join(scratch, 'home');
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.html'), '<p>mine</p>');
    const { code, stderr } = await polluxToEnd(['lab', '--out', folder]);
    expect([code, stderr]).toEqual([
      2,
      `pollux: ${folder} has something in it, and it is no page that pollux lab has written: ` +
        'name an empty folder, or a new one\n',
    ]);
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toBe('<p>mine</p>');
    const more = join(scratch, 'more');
    await polluxToEnd(['lab', '--out', more]);
    writeFileSync(join(more, 'notes.txt'), 'mine');
    expect(await polluxToEnd(['lab', '--out', more])).toMatchObject({ code: 2 });
    expect(readFileSync(join(more, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('says why a folder cannot be written', async () => {
    const file = join(scratch, 'file');
    writeFileSync(file, '');
    for (const folder of [file, join(file, 'below')]) {
      const { code, stderr } = await polluxToEnd(['lab', '--out', folder]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`pollux: the page cannot be written to ${folder}: `),
      ]);
    }
  });
});
