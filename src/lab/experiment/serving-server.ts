/**
 * The echo server of the experiment `serving`, as it comes with the package, in a process of its
 * own. It serves until it is ended.
 */
import { echo, type EchoModel } from '../../echo.js';
import { parseGrant } from '../../grant.js';
import type { ServeName } from '../../sandbox.js';
import { attempt, jobOfSubject, tell } from './subject.js';

export interface ServerJob {
  model: EchoModel;
  serve: ServeName;
}

export interface ServerMessage {
  port: number;
}

await attempt(async () => {
  const job = jobOfSubject<ServerJob>();
  const box = await echo({ ...job, listen: '127.0.0.1:0', warn: () => {} });
  const { port } = parseGrant(box.address!);
  await tell({ port });
});
