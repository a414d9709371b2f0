/**
 * The package as its users get it: packed, installed in an empty folder with no script run,
 * imported, run.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const run = promisify(execFile);

let scratch: string;
let tarball: string;
/** What the tarball holds. */
let files: string[];
/** The folder that it is installed in. */
let home: string;
let child: ChildProcess | undefined;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'pollux-package-'));
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', scratch];
  const { stdout } = await run('npm', pack, { cwd: root });
  const answer = JSON.parse(stdout);
  // A list, or since npm 12 an object by name.
  const [packed] = Array.isArray(answer) ? answer : Object.values(answer as object);
  tarball = join(scratch, packed.filename);
  files = packed.files.map(({ path }: { path: string }) => path);
  home = join(scratch, 'home');
  mkdirSync(home);
  writeFileSync(
    join(home, 'package.json'),
    '{ "name": "home", "private": true, "type": "module" }\n',
  );
  const install = [
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    tarball,
  ];
  await run('npm', install, { cwd: home });
});

afterEach(async () => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  process.kill(-child.pid!, 'SIGKILL'); // the group that was made for it: npx, and what it runs
  await exit;
});

afterAll(() => rmSync(scratch, { recursive: true }));

test('the tarball holds the addon, the guests, and the library with its types', () => {
  const expected = [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'package.json',
    'prebuilds/linux-x64/pollux.node',
    'dist/wasm/component.wasm',
    'dist/wasm/echo-poll.wasm',
    'dist/wasm/response-async.as.wasm',
    'dist/wasm/client.wasm',
    'wasm/as/sdk/socket.ts',
    'dist/src/cli.js',
    'dist/src/worker.js',
    'dist/src/serve/process.js',
    'dist/src/measure/load.js',
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/src/machine.js',
    'dist/src/machine.d.ts',
    'dist/lab/page/index.html',
    'dist/lab/report/report.js',
    'dist/lab/report/licenses.md',
  ];
  expect(expected.filter((file) => !files.includes(file))).toEqual([]);
});

test('the tarball holds nothing else', () => {
  const allowed = [
    /^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$/,
    /^docs\/[\w/.-]+\.(md|svg|png)$/,
    /^dist\/(src|host)\/[\w/-]+\.(js|d\.ts)$/,
    /^dist\/lab\/report\/(report\.js|licenses\.md)$/,
    /^dist\/wasm\/[\w.-]+\.wasm$/,
    /^wasm\/as\/sdk\/\w+\.(ts|md)$/,
    /^dist\/wasm\/component(\.cores)?\.(js|d\.ts)$/,
    /^dist\/wasm\/interfaces\/[\w-]+\.d\.ts$/,
    /^prebuilds\/linux-\w+\/pollux\.node$/,
    /^dist\/lab\/page\/(index\.html|assets\/[\w.-]+\.(js|css|wasm))$/,
  ];
  expect(files.filter((file) => !allowed.some((form) => form.test(file)))).toEqual([]);
});

test('every file of the library has its source: nothing is left of what was renamed', () => {
  const built = files.filter((file) => /^dist\/(src|host)\/.*\.js$/.test(file));
  const sources = built.map((file) => file.replace(/^dist\//, '').replace(/\.js$/, '.ts'));
  const here = new Set(
    ['src', 'host'].flatMap((room) =>
      readdirSync(join(root, room), { recursive: true }).map((file) => `${room}/${file}`),
    ),
  );
  expect(sources.filter((source) => !here.has(source))).toEqual([]);
});

test('it installs with commander alone', () => {
  const installed = readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.'));
  expect(installed.sort()).toEqual(['commander', 'pollux']);
});

test('it has the page of the lab, and not its modules a second time', async () => {
  const site = join(home, 'site');
  await run('npx', ['pollux', 'lab', '--out', site], { cwd: home });
  const named = files.flatMap((file) => file.split('dist/lab/page/')[1] ?? []);
  const written = readdirSync(site, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(site.length + 1));
  expect(written.sort()).toEqual(named.sort());
  expect(files.filter((file) => file.startsWith('dist/src/lab/page/'))).toEqual([]);
});

test('it is imported, and serves', async () => {
  const program = `
    import { echo, GuestError, HostError, load, sandbox, UsageError } from 'pollux';
    import { connect } from 'node:net';
    const box = await echo({ listen: '127.0.0.1:0' });
    const socket = connect(Number(box.address.split(':')[1]), '127.0.0.1');
    socket.end('from an empty folder');
    for await (const chunk of socket) process.stdout.write(chunk);
    const { reason } = await box.stop();
    const kinds = [GuestError, HostError, UsageError].map(({ name }) => name);
    console.log('', reason, ...kinds, typeof load, typeof sandbox);
  `;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: home,
  });
  expect(stdout).toBe(
    'from an empty folder stopped GuestError HostError UsageError function function\n',
  );
  expect(stderr).toBe('');
});

test('it reports, by what is bundled in it', async () => {
  const machine = {
    cpu: 'a',
    cores: 1,
    memoryBytes: 1,
    kernel: 'b',
    node: 'c',
    date: '2026-01-01',
  };
  const estimate = { count: 2, mean: 2, median: 2, low: 1, high: 3 };
  const experiment = {
    name: 'one',
    title: 'One',
    claim: 'd',
    hypothesis: 'e',
    method: 'f',
    notes: [],
    figures: [
      { name: 'g', title: 'Drawn', quantity: { label: 'h', unit: 's' }, axis: { label: 'i' } },
    ],
    estimates: [{ figure: 'g', series: 'j', at: 'k', ...estimate }],
    verdict: { outcome: 'holds', because: 'l' },
  };
  const results = { pollux: '0.1.0', machine, quick: true, experiments: [experiment] };
  writeFileSync(join(home, 'pollux-lab.json'), JSON.stringify(results));
  await run('npx', ['pollux', 'lab', 'report'], { cwd: home });
  const page = readFileSync(join(home, 'pollux-lab.html'), 'utf8');
  expect(page).toMatch(/<svg [^>]*aria-label="Drawn\. Bars of h \(s\)\. j: 2 s\."/);
});

test('the machines are imported and stepped', async () => {
  const program = `
    import { machines } from 'pollux/machine';
    const { select, async: completion, server } = machines;
    const { state, call } = select.step(select.initial, 'BEGIN');
    console.log(state, call, select.class, completion.class, server.class);
  `;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: home,
  });
  expect(stdout).toBe('WAITING SELECT synchronous asynchronous undefined\n');
  expect(stderr).toBe('');
});

test('CommonJS can require it where Node can, for it has no top-level await', async () => {
  const program =
    "console.log(typeof require('pollux').sandbox, typeof require('pollux/machine').machines)";
  const flags = process.allowedNodeEnvironmentFlags.has('--experimental-require-module')
    ? ['--experimental-require-module']
    : [];
  const { stdout } = await run(
    process.execPath,
    [...flags, '--no-warnings', '--input-type=commonjs', '-e', program],
    { cwd: home },
  );
  expect(stdout).toBe('function object\n');
});

test('its types resolve, and say what is wrong', async () => {
  const options = {
    module: 'NodeNext',
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  writeFileSync(
    join(home, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['use.ts'] }),
  );
  writeFileSync(
    join(home, 'use.ts'),
    `import { echo, load, sandbox, UsageError } from 'pollux';
    import type { Box, Exit, Guest, SandboxOptions } from 'pollux';
    import { machines, type Machine, type Step } from 'pollux/machine';
    const machine: Machine = machines['epoll-edge'];
    const step: Step = machine.step(machine.initial, 'BEGIN');
    // @ts-expect-error there is no such event
    machine.step(step.state, 'BEGUN');
    const options: SandboxOptions = { listen: ['127.0.0.1:0'], poller: 'epoll', stdout: 'pipe' };
    const guest: Guest = await load(new URL('file:///guest.wasm'));
    const box: Box = await sandbox(guest, options);
    const exit: Exit = await box.stop();
    box.stdout?.setEncoding('utf8');
    const code: number = exit.code;
    // @ts-expect-error there is no such poller
    await echo({ poller: 'kqueue' });
    // @ts-expect-error an exit code is a number
    const text: string = exit.code;
    export { code, text, UsageError };
    `,
  );
  const { stdout } = await run(bin('tsc'), ['-p', home], { cwd: home }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

test('the server of the SDK that it brings compiles by the command beside it, and serves', async () => {
  const sdk = readFileSync(join(home, 'node_modules/pollux/wasm/as/sdk/README.md'), 'utf8');
  const [, source] = /```ts\n([\s\S]*?)```/.exec(sdk)!;
  const [, flags] = /npx asc server\.ts (.*)\n/.exec(sdk)!;
  writeFileSync(join(home, 'server.ts'), source!);
  await run(bin('asc'), ['server.ts', ...flags!.split(' ')], { cwd: home });
  const program = `
    import { load, sandbox } from 'pollux';
    import { connect } from 'node:net';
    const box = await sandbox(await load('server.wasm'), { listen: ['127.0.0.1:0'] });
    for (const text of ['one', 'two']) {
      const socket = connect(Number(box.address.split(':')[1]), '127.0.0.1').end(text);
      for await (const chunk of socket) process.stdout.write(chunk);
    }
    await box.stop();
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: home,
  });
  expect(stdout).toBe('onetwo');
});

test('npx pollux echo serves, until it is interrupted', async () => {
  const server = spawn('npx', ['--no-install', 'pollux', 'echo', '--listen', '127.0.0.1:0'], {
    cwd: home,
    detached: true,
  });
  child = server;
  let said = '';
  server.stderr.on('data', (chunk) => (said += chunk));
  let port: number | undefined;
  while (port === undefined && server.exitCode === null) {
    await Promise.race([once(server.stderr, 'data'), once(server, 'exit')]);
    const match = /listening on 127\.0\.0\.1:(\d+)\n/.exec(said);
    if (match) port = Number(match[1]);
  }
  expect(port, said).toBeGreaterThan(0);
  const socket = connect(port!, '127.0.0.1').end('through npx');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('through npx');
  const exit = once(server, 'exit');
  process.kill(-server.pid!, 'SIGINT'); // as a terminal does it: to the whole group
  await exit;
  await expect(once(connect(port!, '127.0.0.1'), 'connect')).rejects.toThrow(/ECONNREFUSED/);
});

test('npx pollux models measures every model', async () => {
  const flags = ['models', '--json', '--seconds', '0.05', '--connections', '2'];
  const { stdout } = await run('npx', ['--no-install', 'pollux', ...flags], { cwd: home });
  const measured = (JSON.parse(stdout) as { measured?: { echoes: number } }[]).map(
    (each) => each.measured!.echoes > 0,
  );
  expect(measured).toEqual(Array.from({ length: 8 }, () => true));
});

test('npx pollux --version is the version of the package', async () => {
  const { stdout } = await run('npx', ['--no-install', 'pollux', '--version'], { cwd: home });
  expect(stdout).toBe(`${manifest.version}\n`);
});

test('publint finds nothing', async () => {
  const { stdout } = await run(bin('publint'), ['--strict', tarball], { cwd: dirname(tarball) });
  expect(stdout).toMatch(/All good!/);
});

test('attw finds nothing for ESM', async () => {
  const { stdout } = await run(
    bin('attw'),
    [tarball, '--profile', 'esm-only', '--format', 'ascii'],
    { cwd: dirname(tarball) },
  );
  expect(stdout.match(/^(node16 \(from ESM\)|bundler): 🟢/gm)).toHaveLength(
    2 * Object.keys(manifest.exports).length,
  );
});
