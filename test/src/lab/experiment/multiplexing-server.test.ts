/** The servers that the experiment `multiplexing` compares. */
import { readdirSync, readFileSync } from 'node:fs';

import type { ServerJob, ServerMessage } from '#src/lab/experiment/multiplexing-server';
import { Subject } from '#src/lab/experiment/subject';
import { expect, onTestFinished, test } from 'vitest';

import { root } from '../../../harness.js';
import { client, eventually, ping } from '../../started.js';

const ENTRY = new URL(`file://${root}dist/src/lab/experiment/multiplexing-server.js`);

/** The states of a process's threads, as /proc has them: S is asleep. */
function states(pid: number): string[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((task) => {
    const stat = readFileSync(`${tasks}/${task}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0]!;
  });
}

test.each(['thread', 'select', 'epoll'] as const)(
  'one that waits by %s serves several connections, sleeps between two messages, and serves later ones',
  { timeout: 60_000 },
  async (wait) => {
    const job: ServerJob = { wait, connections: 3 };
    const server = new Subject<ServerMessage>(ENTRY, job, new AbortController().signal);
    onTestFinished(() => server.end());
    const { port } = await server.next();
    const address = `127.0.0.1:${port}`;
    for (let generation = 0; generation < 2; generation++) {
      const clients = await Promise.all([1, 2, 3].map(() => client(address)));
      for (const text of ['click', 'key'])
        for (const each of clients.toReversed()) expect(await ping(each, text)).toBe(text);
      const asleep = () => states(server.pid).every((state) => state === 'S');
      expect(await eventually(asleep, 10_000)).toBe(true);
      // One that is reset, and others that are closed, make room for those that come later.
      clients[0]!.resetAndDestroy();
      for (const each of clients.slice(1)) each.end();
    }
  },
);

test('more connections than there are threads wait for their turn', async () => {
  const job: ServerJob = { wait: 'thread', connections: 1 };
  const server = new Subject<ServerMessage>(ENTRY, job, new AbortController().signal);
  onTestFinished(() => server.end());
  const { port } = await server.next();
  const first = await client(`127.0.0.1:${port}`);
  expect(await ping(first)).toBe('ping');
  const second = await client(`127.0.0.1:${port}`);
  second.write('late');
  expect(await ping(first, 'again')).toBe('again');
  expect(second.readableLength).toBe(0);
  first.end();
  await eventually(() => second.readableLength === 4, 10_000);
  expect((second.read() as Buffer).toString()).toBe('late');
});
