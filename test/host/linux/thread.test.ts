/** The addon in several threads, some of them ended midway; its watch by the event loop. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { Readiness } from '#host/kernel/readiness';
import { afterAll, describe, expect, test } from 'vitest';

import { root } from '../../harness.js';
import { addonFile, descriptorsDownTo, native, openDescriptors, thread } from './thread.js';

const { IN } = Readiness;
const wake = native.eventOpen();
afterAll(() => native.close(wake));

/** Opens over a hundred descriptors, sets of each kind and a watch, says so, and then `then`. */
const greedy = (then: string) => `
  for (let i = 0; i < 25; i++) {
    native.openPipe(new Int32Array(2));
    native.listen('127.0.0.1', 0, 4);
    native.duplicate(native.openNull());
  }
  const set = native.pollerOpen('epoll', data.wake);
  for (const name of ['poll', 'select', 'epoll']) native.pollerOpen(name, data.wake);
  const ready = native.eventOpen();
  native.pollerSet(set, ready, 1, 0, 1);
  let fired = 0;
  native.watch(set, () => { fired++; ${then.startsWith('callback:') ? then.slice(9) : ''} });
  port.postMessage(process.getActiveResourcesInfo());
  ${then.startsWith('callback:') ? 'native.eventSignal(ready, 1);' : then}
`;

describe('a thread that is terminated closes all it opened', () => {
  const endings: [when: string, code: string][] = [
    ['while it is idle', ''],
    ['while it is blocked in a wait', 'native.pollerWait(set, new Int32Array(3), Infinity);'],
    ['while it is blocked in a wait for one', 'native.waitFor(ready, 1, Infinity, data.wake);'],
    ['while it waits again and again', 'for (;;) native.pollerWait(set, new Int32Array(3), 0);'],
    ['while its watch is called', 'callback: for (;;);'],
    ['while its watch is called again and again', 'callback: port.postMessage(fired);'],
  ];

  test.each(endings)('%s', async (_, code) => {
    const before = openDescriptors().length;
    const { worker } = await thread(greedy(code), { wake });
    expect(openDescriptors().length).toBeGreaterThan(before + 100);
    await sleep(20);
    const ended = worker.terminate();
    // A wait in the kernel goes on until it is woken, whoever wants the thread to end.
    native.eventSignal(wake, 1);
    await ended;
    native.eventSignal(wake, 0);
    expect(await descriptorsDownTo(before)).toBe(before);
  });

  test('fifty times over', async () => {
    const before = openDescriptors().length;
    for (let i = 0; i < 50; i++) {
      const { worker } = await thread(greedy(endings[i % endings.length]![1]), { wake });
      const ended = worker.terminate();
      native.eventSignal(wake, 1);
      await ended;
      native.eventSignal(wake, 0);
    }
    expect(await descriptorsDownTo(before)).toBe(before);
  }, 60_000);

  test('when it exits by itself', async () => {
    const before = openDescriptors().length;
    for (const code of ['process.exit(0);', 'throw new Error("on purpose");']) {
      const { worker } = await thread(greedy(`port.once('message', () => { ${code} });`), { wake });
      worker.on('error', () => {});
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('end');
      await ended;
    }
    expect(await descriptorsDownTo(before)).toBe(before);
  });
});

test('several threads load the addon at once and know nothing of each other', async () => {
  const before = openDescriptors().length;
  const code = `
    const own = [];
    for (let i = 0; i < 200; i++) own.push(native.eventOpen());
    const set = native.pollerOpen('epoll', -1);
    port.postMessage({ set, own });
    port.on('message', (others) => {
      port.postMessage(others.map((fd) => native.close(fd)));
      port.close();
    });
  `;
  const threads = await Promise.all(Array.from({ length: 6 }, () => thread(code)));
  const messages = threads.map(({ message }) => message as { set: number; own: number[] });
  expect(messages.map(({ set }) => set)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(new Set(messages.flatMap(({ own }) => own)).size).toBe(6 * 200);
  await Promise.all(
    threads.map(async ({ worker }, i) => {
      const others = messages[(i + 1) % messages.length]!.own;
      const answered = new Promise((resolve) => worker.once('message', resolve));
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage(others);
      expect(new Set((await answered) as number[])).toEqual(new Set([-9]));
      await ended;
    }),
  );
  expect(await descriptorsDownTo(before)).toBe(before);
});

describe('a watch', () => {
  const rig = () => {
    const set = native.pollerOpen('epoll', -1);
    const event = native.eventOpen();
    native.pollerSet(set, event, IN, 0, 1);
    const end = () => {
      native.pollerClose(set);
      native.close(event);
    };
    return { set, event, end };
  };

  test('is called by the event loop when something in the set is ready', async () => {
    const { set, event, end } = rig();
    let calls = 0;
    const unwatch = native.watch(set, () => {
      calls++;
      native.eventSignal(event, 0);
    }) as () => void;
    await sleep(5);
    expect(calls).toBe(0);
    for (let i = 1; i <= 3; i++) {
      native.eventSignal(event, 1);
      await expect.poll(() => calls, { interval: 1 }).toBe(i);
    }
    unwatch();
    native.eventSignal(event, 1);
    await sleep(5);
    expect(calls).toBe(3);
    end();
  });

  test('may be ended by its own callback, and again, and after its set is gone', async () => {
    const { set, event, end } = rig();
    let calls = 0;
    const unwatch = native.watch(set, () => {
      calls++;
      unwatch();
      unwatch();
    }) as () => void;
    native.eventSignal(event, 1);
    await expect.poll(() => calls, { interval: 1 }).toBe(1);
    await sleep(5);
    expect(calls).toBe(1);
    end();
    unwatch();
  });

  test('that is ended twice ends no other', async () => {
    const { set, event, end } = rig();
    for (let i = 0; i < 20; i++) {
      const first = native.watch(set, () => {}) as () => void;
      first();
      let calls = 0;
      const second = native.watch(set, () => {
        calls++;
        native.eventSignal(event, 0);
      }) as () => void;
      first();
      native.eventSignal(event, 1);
      await expect.poll(() => calls, { interval: 1 }).toBe(1);
      second();
    }
    end();
  });

  test('outlives its set, and the descriptors of both are closed', async () => {
    const before = openDescriptors().length;
    const { set, event, end } = rig();
    let calls = 0;
    const unwatches = Array.from(
      { length: 10 },
      () => native.watch(set, () => calls++) as () => void,
    );
    native.pollerClose(set);
    native.eventSignal(event, 1);
    await expect.poll(() => calls, { interval: 1 }).toBeGreaterThan(0);
    for (const unwatch of unwatches) unwatch();
    end();
    expect(await descriptorsDownTo(before)).toBe(before);
  });

  test('is refused for what is no function, no set, or no set of epoll', () => {
    const { set, end } = rig();
    for (const wrong of [undefined, null, {}, 1, 'f'])
      expect(native.watch(set, wrong as never)).toBe(-22);
    const poll = native.pollerOpen('poll', -1);
    expect(native.watch(poll, () => {})).toBe(-95);
    native.pollerClose(poll);
    expect(native.watch(63, () => {})).toBe(-9);
    expect(native.watch(64, () => {})).toBe(-9);
    end();
  });
});

// What ends a process is tried in one of its own.

function run(
  code: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: 15_000 };
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-e', code],
      options,
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const loaded = `
  import { createRequire } from 'node:module';
  const native = createRequire(import.meta.url)(${JSON.stringify(addonFile)});
  const set = native.pollerOpen('epoll', -1);
  const event = native.eventOpen();
  native.pollerSet(set, event, 1, 0, 1);
  native.eventSignal(event, 1);
`;

test('an exception in the callback of a watch is uncaught, and the watch goes on', async () => {
  const { code, stdout, stderr } = await run(`${loaded}
    let calls = 0;
    process.on('uncaughtException', (error) => console.log(error.message));
    const unwatch = native.watch(set, () => {
      if (++calls === 3) unwatch();
      throw new Error('call ' + calls);
    });
  `);
  expect(stderr).toBe('');
  expect(stdout).toBe('call 1\ncall 2\ncall 3\n');
  expect(code).toBe(0);
});

test('an exception that nobody catches ends the process as any other does', async () => {
  const { code, stderr } = await run(
    `${loaded} native.watch(set, () => { throw new Error('on purpose'); });`,
  );
  expect(stderr).toMatch(/^Error: on purpose$/m);
  expect(code).toBe(1);
});

test('microtasks and ticks run after the callback of a watch', async () => {
  const { code, stdout } = await run(`${loaded}
    const unwatch = native.watch(set, () => {
      unwatch();
      process.nextTick(() => console.log('tick'));
      Promise.resolve().then(() => console.log('microtask'));
      console.log('callback');
    });
  `);
  expect(stdout).toBe('callback\ntick\nmicrotask\n');
  expect(code).toBe(0);
});

test('a process may exit in the callback of a watch', async () => {
  expect((await run(`${loaded} native.watch(set, () => process.exit(7));`)).code).toBe(7);
});

test('no addon is one sentence that says what to do', async () => {
  const { code, stdout, stderr } = await run(
    `import { LinuxKernel } from ${JSON.stringify(`${root}dist/host/linux/linux-kernel.js`)};
     try { new LinuxKernel(); } catch (error) { console.log(String(error)); }`,
    { POLLUX_ADDON: '/nowhere/pollux.node' },
  );
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^\w*Error: pollux has no native addon for [\w-]+ \(\/nowhere\/[^\n]+\): .+build.+\n$/,
  );
  expect(code).toBe(0);
});
