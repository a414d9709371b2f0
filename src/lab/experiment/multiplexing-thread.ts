/** A thread that serves one connection after the other, each by itself, in calls that block. */
import { parentPort } from 'node:worker_threads';

import { echoAlive, warmUp } from './multiplexing-echo.js';

const port = parentPort!;
warmUp();
port.on('message', (connection: number) => {
  while (echoAlive(connection));
  port.postMessage(connection);
});
port.postMessage(undefined);
