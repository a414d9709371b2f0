/**
 * Serves the files of a folder on loopback: those that are in it when it begins, by their names,
 * and nothing else, whatever a path may say.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

import { HostError, UsageError } from '../../host/kernel/error.js';

const HOST = '127.0.0.1';
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

export interface Served {
  /** `http://127.0.0.1:43210/` */
  readonly address: string;
  /** Ends it, with the connections that there are. */
  close(): void;
}

/** Port 0: any that is free. Throws `HostError`, and `UsageError` for a port that is taken. */
export async function serveFolder(folder: string, port: number): Promise<Served> {
  const files = filesOf(folder);
  const server = createServer(({ method, url = '/' }, response) => {
    response.setHeader('x-content-type-options', 'nosniff');
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return say(response, 405, `${method} is not for this: use GET or HEAD`);
    }
    const path = url.replace(/[?#].*$/s, '');
    const file = files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) return say(response, 404, 'there is no such file');
    const bytes = readFileSync(file);
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-length': bytes.length,
      // What is built anew has other names, but for the page itself.
      'cache-control': 'no-cache',
    });
    response.end(method === 'HEAD' ? undefined : bytes);
  });
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'it is taken; leave it out, for one that is free' : message;
    throw new UsageError(`port ${port} cannot be served from: ${why}`, { cause: error });
  }
  return {
    address: `http://${HOST}:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function say(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${sentence}\n`);
}

/** By path: where each file is. */
function filesOf(folder: string): Map<string, string> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return new Map(
      entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => [`/${file.slice(folder.length).replace(/^\/+/, '')}`, file]),
    );
  } catch (error) {
    throw new HostError(`the files in ${folder} cannot be read: ${(error as Error).message}`);
  }
}
