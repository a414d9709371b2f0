/**
 * The echo server of the experiment `multiplexing`: a thread for each connection, which blocks in
 * read(2), or one thread for all of them, which waits in select(2) or epoll_wait(2). It serves
 * until it is ended.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

import { errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import type { SocketAddress } from '../../../host/kernel/kernel.js';
import { EVENT_STRIDE, Readiness, Trigger } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { echoAlive, warmUp } from './multiplexing-echo.js';
import { attempt, jobOfSubject, tell } from './subject.js';

/** How the server waits. */
export type Wait = 'thread' | 'select' | 'epoll';

export interface ServerJob {
  wait: Wait;
  /** The most connections that it will have. */
  connections: number;
}

export interface ServerMessage {
  port: number;
}

const BACKLOG = 1024;
const EVENTS = 512;
const THREAD = new URL('./multiplexing-thread.js', import.meta.url);

/** What Node has no other way for: its descriptor, and to put it into blocking mode. */
interface Handle {
  fd: number;
  setBlocking(on: boolean): number;
}

/** A thread for each connection; all have been started before the first one comes. */
async function serveByThreads(most: number): Promise<void> {
  const idle: Worker[] = [];
  const waiting: Socket[] = [];
  const serveNext = () => {
    while (waiting.length > 0 && idle.length > 0) serve(waiting.shift()!, idle.pop()!);
  };
  const serve = (socket: Socket, thread: Worker) => {
    const { _handle: handle } = socket as unknown as { _handle: Handle };
    if (handle.setBlocking(true) !== 0) throw new HostError('a socket cannot be made to block');
    thread.once('message', () => {
      idle.push(thread);
      socket.destroy();
      serveNext();
    });
    thread.postMessage(handle.fd);
  };
  for (let i = 0; i < most; i++) idle.push(new Worker(THREAD));
  await Promise.all(idle.map((thread) => once(thread, 'message')));
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    waiting.push(socket);
    serveNext();
  });
  server.listen(0, '127.0.0.1', BACKLOG);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await tell({ port });
}

/** One thread for all connections. */
async function multiplex(backend: 'select' | 'epoll'): Promise<never> {
  const kernel = new LinuxKernel();
  const poller = kernel.poller(backend);
  const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, BACKLOG);
  if (listener < 0) throw new HostError(`nobody can listen: ${errnoName(listener)}`);
  const watch = (handle: number) => poller.set(handle, Readiness.IN, Trigger.LEVEL, handle);
  watch(listener);
  const { port } = kernel.localAddress(listener) as SocketAddress;
  warmUp();
  await tell({ port });

  const events = new Int32Array(EVENTS * EVENT_STRIDE);
  for (;;) {
    const count = poller.wait(events, Infinity);
    for (let at = 0; at < count * EVENT_STRIDE; at += EVENT_STRIDE) {
      const ready = events[at + 1]!;
      if (ready === listener) {
        const connection = kernel.accept(listener);
        if (connection >= 0) watch(connection);
      } else if (!echoAlive(ready)) {
        kernel.close(ready);
      }
    }
  }
}

await attempt(async () => {
  const { wait, connections } = jobOfSubject<ServerJob>();
  await (wait === 'thread' ? serveByThreads(connections) : multiplex(wait));
});
