/**
 * A device that answers each request after as many milliseconds as it asks for, and many of them at
 * once.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { attempt, jobOfSubject, tell } from './subject.js';

export interface DeviceMessage {
  port: number;
}

await attempt(async () => {
  jobOfSubject();
  const server = createServer((socket) => {
    socket.on('data', (request) => {
      for (const ms of request) setTimeout(() => socket.write(request.subarray(0, 1)), ms);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await tell({ port });
});
