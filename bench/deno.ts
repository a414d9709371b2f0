// The echo server of Deno, one of the servers under test: read, then write all of it; half-close is
// echoed. Deno runs it, not Node.
interface Connection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}
declare const Deno: {
  listen(options: {
    hostname: string;
    port: number;
  }): AsyncIterable<Connection> & { addr: { port: number } };
};

const BUFFER_BYTES = 64 * 1024;

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) break;
      for (let at = 0; at < length;) at += await connection.write(buffer.subarray(at, length));
    }
  } catch {
    // a reset of one client disturbs no other
  }
  connection.close();
}

async function serve(): Promise<void> {
  const listener = Deno.listen({ hostname: '127.0.0.1', port: 0 });
  console.log(`listening on 127.0.0.1:${listener.addr.port}`);
  for await (const connection of listener) void echo(connection);
}

void serve();
