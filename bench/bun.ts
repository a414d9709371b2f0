// The echo server of Bun, one of the servers under test: what a socket does not take now is kept,
// and nothing more is read meanwhile; half-close is echoed. Bun runs it, not Node.
interface Socket {
  data: Uint8Array | undefined;
  write(bytes: Uint8Array): number;
  end(): void;
  pause(): void;
  resume(): void;
}
declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    allowHalfOpen: boolean;
    socket: Record<string, (socket: Socket, bytes: Uint8Array) => void>;
  }): { port: number };
};

const ended = new Set<Socket>();

function finish(socket: Socket): void {
  if (!ended.delete(socket)) return;
  socket.end();
}

const { port } = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  allowHalfOpen: true,
  socket: {
    data(socket, bytes) {
      const sent = socket.write(bytes);
      if (sent === bytes.length || sent < 0) return;
      socket.data = bytes.slice(sent);
      socket.pause();
    },
    drain(socket) {
      if (socket.data === undefined) return;
      const sent = socket.write(socket.data);
      if (sent < socket.data.length) {
        socket.data = socket.data.subarray(Math.max(sent, 0));
        return;
      }
      socket.data = undefined;
      socket.resume();
      finish(socket);
    },
    end(socket) {
      ended.add(socket);
      if (socket.data === undefined) finish(socket);
    },
    close(socket) {
      ended.delete(socket);
    },
    error() {}, // a reset of one client disturbs no other
  },
});
console.log(`listening on 127.0.0.1:${port}`);
